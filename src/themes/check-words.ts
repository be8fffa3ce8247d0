// Checks the words of a theme: keys that nothing speaks, values that a sentence forgets or never gets, languages that are half there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { isRow, nearest, type Row } from '../config-faults.ts'
import { isSeen } from '../web/seen.ts'
import { type Finding, lineOfKey, type Ours, parseJson } from './find.ts'

export type Words = Record<string, string>

/** Our words in a language; none if we do not speak it. */
function ourWords({ views }: Ours, language: string): Words | undefined {
  return wordsIn(views, language)
}

/** The words that a folder has in a language, as far as they can be read. */
export function wordsIn(folder: string, language: string): Words | undefined {
  const file = path.join(folder, 'messages', `${language}.json`)
  const { value } = existsSync(file) ? parseJson(file, readFileSync(file, 'utf8')) : {}
  return isRow(value) ? (value as Words) : undefined
}

/**
 * @param folder of the theme
 * @param spoken keys that its own templates say, and those that its parents have words for
 */
export function checkWords(folder: string, ours: Ours, spoken: ReadonlySet<string>): Finding[] {
  const messages = path.join(folder, 'messages')
  if (!existsSync(messages)) return []
  return readdirSync(messages).flatMap((name) => checkFile(path.join(messages, name), ours, spoken))
}

function checkFile(file: string, ours: Ours, spoken: ReadonlySet<string>): Finding[] {
  const [, language] = /^([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.json$/.exec(path.basename(file)) ?? []
  if (language === undefined || !isLanguage(language)) {
    const problem = 'its name is not that of a language, so nobody reads it'
    return [{ file, line: 1, problem, todo: 'Call it en.json, or by another tag of BCP 47' }]
  }
  const text = readFileSync(file, 'utf8')
  const { value, finding } = parseJson(file, text)
  if (finding) return [finding]
  if (!isRow(value)) return [{ file, line: 1, problem: 'it is no JSON object', todo: 'Write { "key": "sentence" }' }]
  const english = ourWords(ours, 'en') ?? {}
  const own = ourWords(ours, language)
  const findings = faultsOfWords(value, { english, own, spoken }).map(({ key, problem, todo }) => ({
    file,
    line: lineOfKey(text, [key]),
    problem,
    todo,
  }))
  return [...findings, ...(own ? [] : missing(file, language, value, english))]
}

/** What is wrong with the sentence of a key. */
export interface WordFault {
  key: string
  problem: string
  todo: string
}

/**
 * @param words sentences by key, in one language
 * @param known our words in English, those in this language if we speak it, and keys that are known besides
 */
export function faultsOfWords(
  words: Row,
  known: { english: Words; own: Words | undefined; spoken: ReadonlySet<string> },
): WordFault[] {
  const { english, own, spoken } = known
  const at = (key: string, problem: string, todo: string) => ({ key, problem, todo })
  return Object.entries(words).flatMap(([key, sentence]) => {
    if (typeof sentence !== 'string') return [at(key, `${key} is no sentence`, 'Write it in double quotes')]
    const root = rootOf(key, english)
    if (root === undefined && !spoken.has(key)) {
      const near = nearest(key, Object.keys(english))
      return [at(key, `nothing says ${key}`, near ? `Did you mean ${near}?` : 'Leave it out')]
    }
    // A button without words, which people cannot tell from another.
    if (!isSeen(sentence))
      return [at(key, `${key} is empty`, 'Leave it out, and people read the sentence that was there')]
    return [
      ...misplaced(key, sentence, root === undefined ? undefined : (own?.[root] ?? english[root]), at),
      ...markup(key, sentence, at),
    ]
  })
}

type At = (key: string, problem: string, todo: string) => WordFault

/** Our key of which this is a form: itself, or for a number `TOO_MANY` of `TOO_MANY.few`. */
function rootOf(key: string, ours: Words): string | undefined {
  const root = key.replace(/\.(?:zero|one|two|few|many|other)$/, '')
  return Object.hasOwn(ours, root) ? root : Object.hasOwn(ours, key) ? key : undefined
}

function misplaced(key: string, sentence: string, ours: string | undefined, at: At): WordFault[] {
  if (ours === undefined) return []
  const [here, there] = [placesOf(sentence), placesOf(ours)]
  const isForm = key.endsWith('.one')
  const lost = [...there].filter((name) => !here.has(name) && !(isForm && name === 'n'))
  const never = [...here].filter((name) => !there.has(name) && name !== 'org')
  return [
    ...lost.map((name) => at(key, `${key} does not say {${name}}`, `Our sentence is: ${ours}`)),
    ...never.map((name) => at(key, `${key} gets no {${name}}`, `Our sentence is: ${ours}`)),
  ]
}

function placesOf(sentence: string): Set<string> {
  return new Set([...sentence.matchAll(/\{(\w+)(?:, lower)?\}/g)].map(([, name = '']) => name))
}

function markup(key: string, sentence: string, at: At): WordFault[] {
  if (!/<\/?[a-z][^>]*>|&[a-z]+;/i.test(sentence)) return []
  return [at(key, `${key} has markup, which people would read`, 'Sentences are plain text; markup stands in templates')]
}

function missing(file: string, language: string, words: object, english: Words): Finding[] {
  const lacking = Object.keys(english).filter((key) => !Object.hasOwn(words, key))
  const [first] = lacking
  if (first === undefined) return []
  const problem = `${lacking.length} of ${Object.keys(english).length} sentences are missing in ${language}, such as ${first}: people read them in English`
  return [{ file, line: 1, problem, todo: `Copy views/messages/en.json, and translate every sentence` }]
}

function isLanguage(tag: string): boolean {
  try {
    return new Intl.Locale(tag).language !== undefined
  } catch {
    return false
  }
}
