// Says whether a password may be chosen. Pure: what it refuses depends on the password, the given words and a list that ships with it.
import { dictionary } from '@zxcvbn-ts/language-common'
import type { Rule } from './policy.ts'

export type PasswordProblem =
  | { code: 'PW_EMPTY' }
  | { code: 'PW_SHORT'; min: number }
  | { code: 'PW_LONG'; max: number }
  /** Half of a surrogate pair, or what decoders put in place of broken bytes (U+FFFD): all of them become one and the same character. */
  | { code: 'PW_CHARS' }
  | { code: 'PW_COMMON' }
  | { code: 'PW_PERSONAL' }
  /** Against the rule of the store, which may have a sentence of its own. */
  | { code: 'PW_POLICY'; sentence?: string }

/** Code points after NFC, spaces included (PR-21). NIST SP 800-63B-4 section 3.1.1.2 asks for 15 where the password is the only factor. */
export const PASSWORD_MIN = 15
export const PASSWORD_MAX = 128

/**
 * The first reason to refuse a new password, or undefined. `personal` holds the username, the mailbox of the e-mail address and the names of
 * the organisation, application and idp; a password may not contain any that has four code points or more (PR-22). `rule` is the store's own, which comes on top: it never lets a password pass
 * that is too short. Never throws.
 */
export function passwordProblem(password: string, personal: string[], rule?: Rule): PasswordProblem | undefined {
  if (password === '') return { code: 'PW_EMPTY' }
  if (isOverlong(password)) return { code: 'PW_LONG', max: PASSWORD_MAX }
  if (brokenText.test(password)) return { code: 'PW_CHARS' }
  if ([...password.normalize('NFC')].length < PASSWORD_MIN) return { code: 'PW_SHORT', min: PASSWORD_MIN }

  const folded = fold(password)
  if (isCommon(folded)) return { code: 'PW_COMMON' }
  if (personal.some((word) => isTelling(word) && folded.includes(fold(word)))) return { code: 'PW_PERSONAL' }
  if (rule && !rule.fits(password.normalize('NFC')))
    return { code: 'PW_POLICY', ...(rule.sentence === undefined ? {} : { sentence: rule.sentence }) }
  return undefined
}

/** The one form of a password that is hashed and compared, NFC (RFC 8265 section 4.2.2); undefined if it cannot have been stored. */
export function storableForm(password: string): string | undefined {
  return isOverlong(password) || brokenText.test(password) ? undefined : password.normalize('NFC')
}

const brokenText = /[\p{Surrogate}\uFFFD]/u

function isOverlong(password: string): boolean {
  // NFC makes one code point of six UTF-16 units at the most, so that a megabyte can be refused unread.
  return password.length > 8 * PASSWORD_MAX || [...password.normalize('NFC')].length > PASSWORD_MAX
}

function fold(text: string): string {
  return text.normalize('NFC').toLowerCase().normalize('NFC')
}

function isTelling(word: string): boolean {
  return word.length <= 8 * PASSWORD_MAX && [...word.normalize('NFC')].length >= 4
}

// Hardly a listed password has 15 characters, so the list alone would refuse nothing. What people do is to lengthen one they know: say it
// twice, put a row of keys or a year behind it. Such padding is taken away, and what is left is looked up. It is a look-up of whole words
// only, so that a phrase of several listed words passes. This many odd characters (a year, a "!") add too little to count.
const oddCharacters = 4

/** Is it, but for padding, one listed password or none? The length is capped by now, so nothing here takes a millisecond. */
function isCommon(folded: string): boolean {
  const rest = withoutRuns(folded)
  const cores = [folded, rest].map(repeatedPart)
  if (cores.some((core) => [...core].length <= oddCharacters || listed().has(core))) return true

  // "password-password 2!": the letters alone, as long as little else would be left unexplained.
  if ([...repeatedPart(rest.replace(/\p{L}/gu, ''))].length > oddCharacters) return false
  return [folded, rest].some((text) => listed().has(repeatedPart(text.replace(/\P{L}/gu, ''))))
}

// What a finger does along a keyboard or a mind along the alphabet. Digits go round, as 9 0 1; the last two rows are the slanted columns.
const rows = [
  '012345678901234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/',
  'qazwsxedcrfvtgbyhnujm',
]
const runs = [...rows, ...rows.map((row) => [...row].reverse().join(''))]

/** Three or more of one character become one; three or more in the order of a row, either way, go. */
function withoutRuns(text: string): string {
  const points = [...text.replace(/(.)\1{2,}/gsu, '$1')]
  let kept = ''
  for (let start = 0; start < points.length; ) {
    let end = start + 1
    while (end < points.length && isRun(points.slice(start, end + 1).join(''))) end += 1
    if (end - start < 3) end = start + 1
    if (end - start === 1) kept += points[start]
    start = end
  }
  return kept
}

function isRun(piece: string): boolean {
  return runs.some((run) => run.includes(piece))
}

/** The shortest part that, said again and again, makes the text: "ababa" → "ab". The text itself if it does not repeat. */
function repeatedPart(text: string): string {
  let length = 1
  while (!text.startsWith(text.slice(length))) length += 1
  return text.slice(0, length)
}

let listedOnce: Set<string> | undefined

/** 49 233 passwords of public leaks, to be compared folded. Made at the first question: it takes some megabytes. */
function listed(): Set<string> {
  listedOnce ??= new Set(dictionary['passwords-common'].map(fold))
  return listedOnce
}
