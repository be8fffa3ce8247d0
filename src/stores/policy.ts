// The rules of a user store, by the properties that the reference product gives them. Pure.
import type { Dialect, Regex } from './regex.ts'
import { readRegex } from './regex.ts'

/** What a configuration says of a store, in the reference's spelling. */
export type StoreProperties = { [name in PropertyName]?: string }

/** Whether a text keeps to a rule, and the sentence for people whose text does not. */
export interface Rule {
  fits(text: string): boolean
  /** The operator's own words; absent: ours. */
  sentence?: string
}

export interface Policy {
  /** False: `Asha` and `asha` are two people (RFC 8265 UsernameCasePreserved). */
  isCaseInsensitive: boolean
  username: Rule & { /** What the rule says of the length, if it says nothing else: code points. */ bounds?: Bounds }
  password: Rule
  role: Rule
}

export interface Bounds {
  min: number
  max: number
}

export interface Store {
  name: string
  policy: Policy
}

/** The properties with a regular expression, and how each is read. */
export const REGEX_PROPERTIES = {
  UsernameJavaRegEx: 'java',
  UsernameJavaScriptRegEx: 'javascript',
  PasswordJavaRegEx: 'java',
  PasswordJavaScriptRegEx: 'javascript',
  RolenameJavaRegEx: 'java',
  RolenameJavaScriptRegEx: 'javascript',
} as const satisfies Record<string, Dialect>

const SENTENCES = [
  'UsernameJavaRegExViolationErrorMsg',
  'PasswordJavaRegExViolationErrorMsg',
  'RolenameJavaRegExViolationErrorMsg',
] as const

type RegexProperty = keyof typeof REGEX_PROPERTIES
export type PropertyName = RegexProperty | (typeof SENTENCES)[number] | 'CaseInsensitiveUsername'

export const PROPERTIES: readonly PropertyName[] = [
  ...(Object.keys(REGEX_PROPERTIES) as RegexProperty[]),
  ...SENTENCES,
  'CaseInsensitiveUsername',
]

/** What holds in a store that says nothing (design, 4). Passwords have the rules of the house and no other. */
const DEFAULTS: StoreProperties = {
  UsernameJavaRegEx: '^[\\S]{3,50}$',
  RolenameJavaRegEx: '^[\\S]{3,30}$',
  RolenameJavaScriptRegEx: '^[\\S]{3,30}$',
}

/**
 * The rules that properties make. A text keeps to a rule when both of its expressions, Java's and JavaScript's, mean the whole of it.
 * Throws a RangeError on an expression that `readRegex` refuses: the configuration refuses it first.
 */
export function policyOf(properties: StoreProperties): Policy {
  const bounds = boundsOf(properties)
  return {
    isCaseInsensitive: properties.CaseInsensitiveUsername !== 'false',
    username: { ...ruleOf('Username', properties), ...(bounds ? { bounds } : {}) },
    password: ruleOf('Password', properties),
    role: ruleOf('Rolename', properties),
  }
}

function ruleOf(subject: 'Username' | 'Password' | 'Rolename', properties: StoreProperties): Rule {
  const names = [`${subject}JavaRegEx`, `${subject}JavaScriptRegEx`] as const
  const regexes = names.flatMap((name) => {
    const pattern = properties[name] ?? DEFAULTS[name]
    return pattern === undefined ? [] : [compiled(pattern, REGEX_PROPERTIES[name])]
  })
  const sentence = properties[`${subject}JavaRegExViolationErrorMsg`]
  return {
    fits: (text) => regexes.every((regex) => regex.matches(text)),
    ...(sentence === undefined ? {} : { sentence }),
  }
}

/** ^[\S]{3,50}$ is a matter of length alone, since no name has white space: people are told the number that is missed. */
function boundsOf(properties: StoreProperties): Bounds | undefined {
  if (properties.UsernameJavaRegExViolationErrorMsg !== undefined || properties.UsernameJavaScriptRegEx !== undefined)
    return undefined
  const pattern = properties.UsernameJavaRegEx ?? DEFAULTS.UsernameJavaRegEx ?? ''
  const [, min, max] = /^\^?(?:\[\\S\]|\\S)\{(\d{1,3}),(\d{1,3})\}\$?$/.exec(pattern) ?? []
  return min === undefined ? undefined : { min: Number(min), max: Number(max) }
}

/** Every request reads its stores anew; their expressions are compiled once. */
const known = new Map<string, Regex>()
const MOST_KNOWN = 500

function compiled(pattern: string, dialect: Dialect): Regex {
  const key = `${dialect} ${pattern}`
  const found = known.get(key)
  if (found) return found
  const reading = readRegex(pattern, dialect)
  if (reading.kind === 'fault')
    throw new RangeError(`A store has an expression that cannot be used: ${reading.fault.problem}`)
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(key, reading.regex)
  return reading.regex
}
