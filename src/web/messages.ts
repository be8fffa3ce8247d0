// The words that people read: views/messages/<language>.json, key by key, a customised folder first. Plain text; views escape it at print.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chainOf, directionOf } from './language-tags.ts'
import type { Message } from './page.ts'

export interface Messages {
  /** The sentence of a message, as plain text. */
  t(message: Message): string
  /** The same sentence in two pieces, before and after `{name}`, for a value that is markup. */
  around(message: Message, name: string): [before: string, after: string]
}

/** Sentences that lie over those of the files, by language and key. Another object when they change. */
export type WordsOver = Readonly<Record<string, Readonly<Record<string, string>>>>

/**
 * Reads `messages/<language>.json` in each folder, the customised one first: it may hold a single key. English lies beneath every other
 * language, and pt beneath pt-BR; `over` is asked at every sentence. `isStrict` makes an unknown key, and a value that a sentence wants and does
 * not get, an error; otherwise people read a general sentence, never a raw key. Throws when a file is not a JSON object of strings.
 */
export function loadMessages(
  folders: string[],
  language: string,
  isStrict: boolean,
  over: () => WordsOver = () => NOTHING,
): Messages {
  const layers = [...new Set(['en', ...chainOf(language).reverse()])].map((name) => ({
    name,
    words: folders.toReversed().flatMap((folder) => readWords(join(folder, 'messages', `${name}.json`))),
  }))
  let laid: WordsOver | undefined
  let together = new Map<string, string>()
  const plural = new Intl.PluralRules(language)
  const number = new Intl.NumberFormat(language)
  const choice = new Intl.ListFormat(language, { type: 'disjunction' })
  // From right to left a value that runs the other way would carry the marks around it along: it is kept apart (Unicode, UAX 9: FSI and PDI).
  const apart = directionOf(language) === 'rtl' ? (value: string) => `\u2068${value}\u2069` : (value: string) => value
  return {
    t: (message) => message.sentence ?? fill(sentenceOf(message), message),
    around(message, name) {
      const [before = '', ...after] = sentenceOf(message).split(`{${name}}`)
      return [fill(before, message), fill(after.join(''), message)]
    },
  }

  function wordsNow(): ReadonlyMap<string, string> {
    const now = over()
    if (now !== laid)
      together = new Map(layers.flatMap(({ name, words }) => [...words, ...Object.entries(now[name] ?? {})]))
    laid = now
    return together
  }

  /** A key may have a form of its own for a number, such as `TOO_MANY.one`: the category that Unicode's plural rules give to `n`. */
  function sentenceOf({ key, values }: Message): string {
    const words = wordsNow()
    const form = typeof values?.n === 'number' ? words.get(`${key}.${plural.select(values.n)}`) : undefined
    const sentence = form ?? words.get(key)
    if (sentence !== undefined) return sentence
    if (isStrict) throw new Error(`There are no words for the message ${key}.`)
    return words.get('problems.other') ?? ''
  }

  function fill(sentence: string, { key, values }: Message): string {
    return sentence.replace(PLACEHOLDER, (_, name: string, isLower?: string) => {
      const value = values?.[name]
      if (value === undefined && isStrict) throw new Error(`The message ${key} wants a value for {${name}}.`)
      return inWords(value, isLower ? lowerFirst : (text) => text)
    })
  }

  /** Of a list each item is kept apart and not the whole, which would run the way of its first item, the words between them included. */
  function inWords(value: NonNullable<Message['values']>[string] | undefined, write: (text: string) => string): string {
    if (typeof value === 'object') return choice.format(value.map((item) => apart(write(item))))
    return apart(write(typeof value === 'number' ? number.format(value) : (value ?? '')))
  }

  /** A label in the middle of a sentence: "Email address" becomes "email address", "ID number" stays, and so does a noun in German. */
  function lowerFirst(label: string): string {
    if (NOUNS_ARE_CAPITAL.has(new Intl.Locale(language).language)) return label
    return /^\p{Lu}\p{Lu}/u.test(label) ? label : label.slice(0, 1).toLocaleLowerCase(language) + label.slice(1)
  }
}

/** The languages that these folders have words for: English, then the others by name. A file whose name is no language tag is left out. */
export function languagesIn(folders: string[]): string[] {
  const names = folders
    .map((folder) => join(folder, 'messages'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
  return [...new Set(['en', ...names.filter((name) => /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(name)).sort()])]
}

const NOTHING: WordsOver = {}

const NOUNS_ARE_CAPITAL = new Set(['de', 'gsw', 'lb', 'nds'])

const PLACEHOLDER = /\{(\w+)(, lower)?\}/g

function readWords(file: string): [string, string][] {
  if (!existsSync(file)) return []
  const words: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const entries =
    typeof words === 'object' && words !== null && !Array.isArray(words) ? Object.entries(words) : undefined
  if (!entries?.every(([, sentence]) => typeof sentence === 'string')) {
    throw new Error(`${file} has to be a JSON object with a sentence for each key.`)
  }
  return entries
}
