// The shape of theme.json: what a theme says of itself. Its JSON Schema is docs/theme.schema.json.
import { z } from 'zod'
import { didYouMean } from '../config-faults.ts'
import { KINDS, TOKENS } from './tokens.ts'

const matching = (pattern: RegExp, what: string, example: string) =>
  z
    .string({ error: `has to be ${what}, such as "${example}"` })
    .regex(pattern, `has to be ${what}, such as "${example}"`)

const version = matching(/^\d{1,6}\.\d{1,6}\.\d{1,6}$/, 'a version of three numbers', '1.0.0')
const fileName = matching(/^[\w-]+(?:[./][\w-]+)*$/, 'the name of a file in public', 'logo.svg')
const origins = z.array(
  matching(/^https:\/\/[a-z0-9.-]+(?::\d+)?$/, 'an origin with https', 'https://cdn.acme.example'),
)
const hashes = z.array(
  matching(
    /^'sha(?:256-[A-Za-z0-9+/]{43}=|384-[A-Za-z0-9+/]{64}|512-[A-Za-z0-9+/]{86}==)'$/,
    "the hash of a script's text",
    "'sha256-…='",
  ),
)

const values = (names: string[]) =>
  z.strictObject(
    Object.fromEntries(
      names.map((name) => {
        const { pattern, what, example } = KINDS[TOKENS[name] ?? 'color']
        return [name, z.exactOptional(matching(pattern, what, example))]
      }),
    ),
  )
const names = Object.keys(TOKENS)

const tokens = z.strictObject({
  light: z.exactOptional(values(names)),
  dark: z.exactOptional(values(names.filter((name) => TOKENS[name] === 'color'))),
})

const themeJson = z.strictObject({
  $schema: z.exactOptional(z.string()),
  name: matching(/^(?:@[a-z0-9][a-z0-9._-]{0,60}\/)?[a-z0-9][a-z0-9._-]{0,60}$/, 'a name in small letters', 'acme'),
  version,
  parent: z
    .exactOptional(z.string())
    .describe('The theme that stands between this one and ours: a folder beside it, or a package.'),
  contract: z.int({ error: 'has to be a number' }).describe('The version of what templates are given.'),
  minCore: z.exactOptional(version).describe('The oldest version of Vestibule that it works with.'),
  maxCore: z.exactOptional(version).describe('The newest one.'),
  tokens: z
    .exactOptional(tokens)
    .describe('Colours for light and for dark pages; lengths and fonts stand under light and hold for both.'),
  styles: z
    .exactOptional(z.strictObject({ mode: z.enum(['add', 'replace'], 'has to be "add" or "replace"') }))
    .describe('Whether public/style.css adds to our stylesheet (it does if this is left out) or takes its place.'),
  logo: z.exactOptional(fileName).describe('A picture in public, for the head of every page.'),
  icon: z.exactOptional(fileName).describe('A picture in public, for the tab of the browser.'),
  csp: z
    .exactOptional(
      z.strictObject({
        'img-src': z.exactOptional(origins),
        'font-src': z.exactOptional(origins),
        'style-src': z.exactOptional(origins),
        'script-src': z.exactOptional(hashes),
      }),
    )
    .describe('What is added to the content security policy.'),
})

export type ThemeJson = z.infer<typeof themeJson>

/** A fault of a theme.json: the keys that lead to it, and what is wrong. */
export interface JsonFault {
  path: string[]
  problem: string
}

/** Reads what JSON.parse made of a theme.json. Every fault is listed. */
export function readThemeJson(value: unknown): { json?: ThemeJson; faults: JsonFault[] } {
  const { data, error } = themeJson.safeParse(value)
  if (data) return { json: data, faults: [] }
  return { faults: error.issues.flatMap((issue) => faultsOf(issue, value, themeJson, 'a key of theme.json')) }
}

/** What is wrong with tokens, by the rules of a theme.json; each path begins with the scheme. */
export function faultsOfTokens(value: unknown): JsonFault[] {
  const { error } = tokens.safeParse(value)
  return error?.issues.flatMap((issue) => faultsOf(issue, value, tokens, 'a token')) ?? []
}

function faultsOf(issue: z.core.$ZodIssue, value: unknown, shape: z.core.$ZodType, what: string): JsonFault[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path, shape)
    return issue.keys.map((key) => ({
      path: [...path, key],
      problem: `${key} is not ${what}${didYouMean(key, known)}`,
    }))
  }
  const isMissing = valueAt(value, path) === undefined
  return [{ path, problem: `${path.join('.') || 'theme.json'} ${isMissing ? 'is missing' : problemOf(issue)}` }]
}

function problemOf({ message, code }: z.core.$ZodIssue): string {
  return code === 'invalid_type' && !message.startsWith('has to') ? 'is of the wrong kind' : message
}

function keysAt(path: string[], shape: z.core.$ZodType): string[] {
  let at: z.core.$ZodType | undefined = shape
  for (const key of path) at = fieldsOf(at)[key]
  return Object.keys(fieldsOf(at))
}

function fieldsOf(type: z.core.$ZodType | undefined): Record<string, z.core.$ZodType> {
  const inner = type instanceof z.ZodExactOptional ? type.unwrap() : type
  return inner instanceof z.ZodObject ? inner.shape : {}
}

function valueAt(value: unknown, path: string[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    value,
  )
}

/** The JSON Schema that editors check a theme.json by. */
export function themeJsonSchema(): object {
  return z.toJSONSchema(themeJson.meta({ title: 'theme.json of a theme of Vestibule' }))
}
