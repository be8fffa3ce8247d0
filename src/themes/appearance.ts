// An appearance: tokens, words and a logo that an operator chose in the console. What it may be; the rules are those of a theme.
import { isDeepStrictEqual } from 'node:util'
import { isRow } from '../config-faults.ts'
import type { Beneath } from './beneath.ts'
import { faultsOfWords, type Words } from './check-words.ts'
import { type Picture, readPicture } from './picture.ts'
import { faultsOfTokens } from './theme-json.ts'
import { type Tokens, tooFaint } from './tokens.ts'

export interface Appearance {
  tokens: Tokens
  /** By language (BCP 47) and key. */
  words: Record<string, Words>
  logo?: Picture
}

/** What nobody has judged yet: a row of the database, what a form sent. */
export interface Unjudged {
  tokens: unknown
  words: unknown
  logo?: { type: unknown; content: unknown }
}

/** What says nothing: pages are as the theme, or we, made them. */
export const NO_APPEARANCE: Appearance = { tokens: { light: {}, dark: {} }, words: {} }

/** What is wrong with a field. */
export interface AppearanceFault {
  /** The keys that lead to it: tokens, light, color-accent · words, en, actions.create · logo. */
  field: string[]
  /** In plain words, with its full stop. */
  sentence: string
  /** Two colours are too close to each other. An operator may use them all the same; nothing else that is wrong. */
  isFaint: boolean
}

const LONGEST_SENTENCE = 500
const MOST_BYTES = 200_000

/** Everything that is wrong with it, by field. */
export function checkAppearance(appearance: Unjudged, beneath: Beneath): AppearanceFault[] {
  const { tokens, words, logo } = appearance
  const faults = checkTokens(tokens)
  return [
    ...(faults.length > 0 ? faults : checkContrast(tokens as Tokens, beneath)),
    ...checkWords(words, beneath),
    ...(logo === undefined ? [] : checkLogo(logo)),
  ]
}

/** What is left of it without the fields that are wrong, and what was wrong with those. Faint colours stay. */
export function withoutFaults(
  given: Unjudged,
  beneath: Beneath,
): { appearance: Appearance; faults: AppearanceFault[] } {
  const faults = checkAppearance(given, beneath).filter(({ isFaint }) => !isFaint)
  const { tokens = {}, words = {}, logo } = without(given, [], faults) as Partial<Appearance>
  const appearance = { tokens: { ...NO_APPEARANCE.tokens, ...tokens }, words, ...(logo ? { logo } : {}) }
  return { appearance, faults }
}

function without(value: unknown, field: string[], faults: AppearanceFault[]): unknown {
  if (faults.some((one) => isDeepStrictEqual(one.field, field))) return undefined
  if (!isRow(value)) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, without(inner, [...field, key], faults)] as const)
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined))
}

function fault(field: string[], text: string): AppearanceFault {
  return { field, sentence: /[.?]$/.test(text) ? text : `${text}.`, isFaint: false }
}

function checkTokens(tokens: unknown): AppearanceFault[] {
  const faults = faultsOfTokens(tokens).map(({ path, problem }) => fault(['tokens', ...path], problem))
  const isWhole = isRow(tokens) && isRow(tokens['light']) && isRow(tokens['dark'])
  return faults.length > 0 || isWhole ? faults : [fault(['tokens'], 'Tokens are for light pages and for dark ones')]
}

function checkContrast(tokens: Tokens, { tokens: below }: Beneath): AppearanceFault[] {
  const asText = (one: object) => JSON.stringify(one)
  // What the theme is to blame for is not said of what lies over it.
  const before = new Set(tooFaint(below, NO_APPEARANCE.tokens).map(asText))
  return tooFaint(below, tokens)
    .filter((one) => !before.has(asText(one)))
    .map(({ scheme, front, back, contrast, least }) => ({
      field: ['tokens', scheme, front in tokens[scheme] ? front : back],
      sentence: `${front} on ${back} has a contrast of ${contrast} to 1 on ${scheme} pages, and needs ${least} to 1.`,
      isFaint: true,
    }))
}

function checkWords(words: unknown, { languages, ours, spoken }: Beneath): AppearanceFault[] {
  if (!isRow(words)) return [fault(['words'], 'Words are sentences by language and key')]
  const bytes = Buffer.byteLength(JSON.stringify(words))
  if (bytes > MOST_BYTES) return [fault(['words'], `The words have ${bytes} bytes in all, and may have ${MOST_BYTES}`)]
  return Object.entries(words).flatMap(([language, sentences]) => {
    const field = ['words', language]
    if (!languages.includes(language)) return [fault(field, `There are no pages in the language ${language}`)]
    if (!isRow(sentences)) return [fault(field, `The words in ${language} are no sentences by key`)]
    const known = { english: ours['en'] ?? {}, own: ours[language], spoken }
    return [
      ...faultsOfWords(sentences, known).map(({ key, problem, todo }) =>
        // A key keeps its letters.
        fault([...field, key], `${problem.startsWith(key) ? problem : upperFirst(problem)}. ${todo}`),
      ),
      ...Object.entries(sentences).flatMap(([key, sentence]) =>
        problemsOf(key, sentence).map((problem) => fault([...field, key], problem)),
      ),
    ]
  })
}

/** What would have been seen in a file. PostgreSQL takes not every character, either. */
function problemsOf(key: string, sentence: unknown): string[] {
  if (typeof sentence !== 'string') return []
  if (/[\p{Cc}\p{Cs}]/u.test(sentence)) return [`${key} has a line break or another character that cannot be seen`]
  if (sentence.length <= LONGEST_SENTENCE) return []
  return [`${key} has ${sentence.length} characters, and may have ${LONGEST_SENTENCE}`]
}

function checkLogo({ type, content }: { type: unknown; content: unknown }): AppearanceFault[] {
  if (!Buffer.isBuffer(content)) return [fault(['logo'], 'The logo is no file')]
  const reading = readPicture(content)
  if ('problem' in reading) return [fault(['logo'], reading.problem)]
  return reading.picture.type === type
    ? []
    : [fault(['logo'], `The logo is called ${type} and is ${reading.picture.type}`)]
}

function upperFirst(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
