// Says what a username is and which other names to offer. Pure: no store, no clock, no chance; whether a name is free is the store's to say.
import type { Policy } from '../stores/policy.ts'
import { policyOf } from '../stores/policy.ts'
import { lookOf } from './look.ts'
import { lookAlikesOf } from './look-alikes.ts'

export type UsernameProblem =
  | { code: 'USERNAME_EMPTY' }
  | { code: 'USERNAME_SHORT'; min: number }
  | { code: 'USERNAME_LONG'; max: number }
  | { code: 'USERNAME_CHARS'; found: string }
  /** Against the rule of the store, which may have a sentence of its own. */
  | { code: 'USERNAME_POLICY'; sentence?: string }
  | { code: 'USERNAME_NO_PREFIX' }
  /** There is no store of the name before the slash; `list` are those that there are. */
  | { code: 'STORE_UNKNOWN'; prefix: string; list: string[] }
  /** A word that passes for the house, or what only an id is made of. */
  | { code: 'USERNAME_RESERVED' }

export type UsernameReading =
  | { kind: 'ok'; username: string; canonical: string; looks: UsernameLooks }
  | { kind: 'problem'; problem: UsernameProblem }

/** What a name looks like as it is compared, which is kept, and as it was typed: paypaI with a capital i. */
export type UsernameLooks = [kept: string, typed: string]

/** What a name is judged by: the rules of its store, and the words that the operator reserves besides ours (canonical). */
export interface NameRules {
  policy: Policy
  reserved: ReadonlySet<string>
}

/** The rules of a store that says nothing. */
const DEFAULT_RULES: NameRules = { policy: policyOf({}), reserved: new Set() }

/** No name is longer, whatever the rule of its store: code points. The schema says so too. */
export const USERNAME_MAX = 255

// Canonical names that pass for the house itself: the accounts of operating systems, the role mailboxes of RFC 2142, the reference product's
// domains of stores and roles, and the first parts of our addresses (design 5). "me", "." and ".." are too short as it is.
const reserved = new Set(
  `abuse admin administrator anonymous everyone hostmaster mailer-daemon nobody noreply no-reply null operator
  postmaster root security superuser support sysadmin system undefined webmaster
  application internal primary workflow
  accountrecoveryendpoint api authenticationendpoint commonauth console livez login logout metrics myaccount oauth2 oidc public readyz
  register scim scim2 setup signup`.split(/\s+/),
)

/**
 * Reads a name without a store before it, exactly as it is: nothing is taken away.
 *
 * `username` is the name as given, for display. `canonical` is for comparing: its RFC 8265 UsernameCaseMapped form, or UsernameCasePreserved
 * in a store that tells cases apart; reading a canonical form gives that same form. `looks` are for comparing too. A
 * store's rule judges the name as given; a rule that is nothing but a length holds for both. `found` lists up to five offending characters,
 * separated by spaces: those that cannot be seen as U+XXXX, those that could be taken for others as а (U+0430). Never throws, on any string.
 */
export function readUsername(raw: string, { policy, reserved: own }: NameRules = DEFAULT_RULES): UsernameReading {
  if (raw === '') return problem({ code: 'USERNAME_EMPTY' })
  const { min, max } = policy.username.bounds ?? { min: 1, max: USERNAME_MAX }
  const most = Math.min(max, USERNAME_MAX)
  // A code point takes at most two units: this bounds all the work below, whatever is sent.
  if (raw.length > 2 * most) return problem({ code: 'USERNAME_LONG', max: most })

  const canonical = canonicalForm(raw, policy.isCaseInsensitive)
  const lengths = [raw, canonical].map((name) => [...name].length)
  if (Math.max(...lengths) > most) return problem({ code: 'USERNAME_LONG', max: most })
  if (canonical.includes('/')) return problem({ code: 'USERNAME_NO_PREFIX' })
  const misfits = misfitsOf(raw, canonical).map(visible)
  const found = new Set(misfits.length > 0 ? misfits : lookAlikesIn(raw, canonical))
  if (found.size > 0) return problem({ code: 'USERNAME_CHARS', found: [...found].slice(0, 5).join(' ') })
  if (Math.min(...lengths) < min) return problem({ code: 'USERNAME_SHORT', min })
  if (!policy.username.fits(raw)) {
    const { sentence } = policy.username
    return problem({ code: 'USERNAME_POLICY', ...(sentence === undefined ? {} : { sentence }) })
  }
  const folded = canonicalForm(raw)
  if (reserved.has(folded) || own.has(folded) || reservedLooks().has(lookOf(folded)) || isLikeUniqueId(folded))
    return problem({ code: 'USERNAME_RESERVED' })
  return fit(raw, canonical)
}

/**
 * A federated unique id as a name: the rule of its store and our own are for names that people choose, and say nothing of it. It is compared as
 * every name is, so that nobody else gets it, or one that looks like it.
 */
export function readUniqueId(id: string, { policy }: Pick<NameRules, 'policy'>): UsernameReading & { kind: 'ok' } {
  return fit(id, canonicalForm(id, policy.isCaseInsensitive))
}

/**
 * Whether a name is a federated unique id, or could be taken for one: a UUIDv8 (RFC 9562, 5.8), in whatever letters. Nobody chooses such a name,
 * feature or no feature: it may be the one of somebody who is still to come, or who comes back.
 */
export function isLikeUniqueId(name: string): boolean {
  return name.length <= 2 * UUID_LENGTH && UNIQUE_ID.test(lookOf(canonicalForm(name)))
}

/** Takes ASCII spaces at the ends away, which are slips of the hand; nothing else of what a person types as a name. */
export function withoutSlips(typed: string): string {
  // Two counters, not / +$/: on a long run of inner spaces that expression takes quadratic time.
  let start = 0
  let end = typed.length
  while (start < end && typed[start] === ' ') start += 1
  while (end > start && typed[end - 1] === ' ') end -= 1
  return typed.slice(start, end)
}

/**
 * The form in which names are compared: RFC 8265 section 3.3.1 to 3.3.3, in that order: width, case (unless the store tells cases apart,
 * 3.4), normalisation. Longer than 1,000 characters, only the first 1,000 count: no name is.
 */
export function canonicalForm(name: string, isCaseInsensitive = true): string {
  // U+3000 and this block hold every character whose decomposition is <wide> or <narrow>. Half-width Hangul stays, and is refused as a
  // compatibility character: its NFKC would be conjoining jamo, which the next step could glue to a neighbour.
  const fullWidth = name
    .slice(0, 1000)
    .replace(/[\u3000\uFF01-\uFF9F\uFFE0-\uFFEE]/gu, (point) => point.normalize('NFKC'))
  return (isCaseInsensitive ? fullWidth.toLowerCase() : fullWidth).normalize('NFC')
}

/** The name to propose, uncleaned and perhaps not fit: the username claim, else the mailbox of the e-mail address, else the subject. */
export function suggestedUsername(claims: { username?: string; email?: string; subject: string }): string {
  return claims.username || mailboxOf(claims.email ?? '') || claims.subject
}

/** Names that we make are not longer than this, even where the rule of a store would let them. */
const LONGEST_OFFER = 50

/**
 * Up to eight fit names, best first, to offer instead of a taken or refused one; the same input always gives the same list.
 * Each looks different from `name` and from the others. Which are free, the caller asks the store.
 */
export function alternatives(
  name: string,
  known: { givenName?: string; familyName?: string; email?: string },
  rules: NameRules = DEFAULT_RULES,
): string[] {
  const reading = readUsername(name, rules)
  const max = Math.min(rules.policy.username.bounds?.max ?? LONGEST_OFFER, LONGEST_OFFER)
  const plain = (part = '') => plainPart(part, max)
  const isFit = (candidate: string) => readUsername(candidate, rules).kind === 'ok'
  const [given, family] = [plain(known.givenName), plain(known.familyName)]
  const whole = [`${given}.${family}`, `${family}.${given}`, `${given}${family}`, `${given}-${family}`]
  const people = [...(given && family ? whole : []), plain(mailboxOf(known.email ?? '')), given, family]
  // Of a name that is an e-mail address the mailbox is counted on: asha2, not asha@example.com2.
  const own = reading.kind === 'ok' && !name.includes('@') ? name : plain(mailboxOf(name) || name)
  // A reserved word is not fit, so it is no stem: admin2 would pass for the house as well as admin.
  const stem = [own, ...people].find(isFit)
  const numbered = stem === undefined ? [] : [1, 2, 3, 4, 5, 6, 7, 8].map((step) => countedOn(stem, step, max))
  // Two numbers come first for a name that is only taken: they are nearest to what the person wanted.
  const nearest = reading.kind === 'ok' && stem === own ? numbered.slice(0, 2) : []
  const ordered = [own, ...nearest, ...people, ...numbered]

  const offers = new Map<string, string>()
  for (const candidate of ordered) {
    const offer = readUsername(candidate, rules)
    if (offer.kind === 'ok' && !offers.has(offer.looks[0])) offers.set(offer.looks[0], candidate)
  }
  if (reading.kind === 'ok') offers.delete(reading.looks[0])
  return [...offers.values()].slice(0, 8)
}

const UUID_LENGTH = 36
/** What a UUIDv8 looks like: 0 is o there, and 1 is l. */
const UNIQUE_ID = /^[2-9a-flo]{8}-[2-9a-flo]{4}-8[2-9a-flo]{3}-[89ab][2-9a-flo]{3}-[2-9a-flo]{12}$/

function fit(username: string, canonical: string): UsernameReading & { kind: 'ok' } {
  const typed = lookOf(canonicalForm(username, false)).toLowerCase()
  return { kind: 'ok', username, canonical, looks: [lookOf(canonical), typed] }
}

let reservedLooksOnce: Set<string> | undefined

/** A name that looks like the house is as bad as its own: аdmin in letters of another script, adrnin. */
function reservedLooks(): Set<string> {
  reservedLooksOnce ??= new Set([...reserved].map(lookOf))
  return reservedLooksOnce
}

function problem(problem: UsernameProblem): UsernameReading {
  return { kind: 'problem', problem }
}

/** What stands before the last @; empty when there is none. */
function mailboxOf(address: string): string {
  return address.slice(0, Math.max(0, address.lastIndexOf('@')))
}

/** Part of a person's name as part of a username: lower case, "Anne Marie" as anne.marie, "O'Brien" as obrien. Empty when nothing is left. */
function plainPart(part: string, max: number): string {
  const points = [...canonicalForm(part.slice(0, 2 * max)).replace(/['’]/g, '')].slice(0, max)
  const kept = points.map((point) => (/[\p{L}\p{M}\p{Nd}_-]/u.test(point) && isInClass(point) ? point : ' ')).join('')
  return kept.split(' ').filter(Boolean).join('.')
}

/** asha → asha2, asha3 …; asha7 → asha8, asha9 …; a long name loses its tail rather than the number. */
function countedOn(stem: string, step: number, max: number): string {
  const [, word = stem, digits = '1'] = /^(.*?)([1-9][0-9]{0,3})$/u.exec(stem) ?? []
  const number = String(Number(digits) + step)
  return [...word].slice(0, max - number.length).join('') + number
}

/** The characters that keep a name out, as typed if each is wrong by itself, in canonical form if it is wrong only where it stands. */
function misfitsOf(raw: string, canonical: string): string[] {
  const points = [...canonical]
  const misfits = points.filter((point, index) => !isInClass(point) || !standsRight(points, index))
  if (misfits.length === 0) return bidiMisfits(points)
  const typed = [...raw].filter((point) => ![...canonicalForm(point)].every(isInClass))
  return typed.length > 0 ? typed : misfits
}

/** What could be taken for something else, in the letters that were typed: İ and not the dot that its small letter has. */
function lookAlikesIn(raw: string, canonical: string): string[] {
  const typed = [...raw.normalize('NFC')]
  const origin = (point: string) => typed.find((one) => canonicalForm(one).includes(point)) ?? point
  return lookAlikesOf([...canonical])
    .map(origin)
    .map(unmistakable)
}

// RFC 5892 section 2.6, shared by RFC 8264 section 9.6. Katakana middle dot to Arabic digits depend on where they stand.
const alwaysIn = /[\u00DF\u03C2\u06FD\u06FE\u0F0B\u3007\u00B7\u0375\u05F3\u05F4\u30FB\u0660-\u0669\u06F0-\u06F9]/u
const alwaysOut = /[\u0640\u07FA\u302E\u302F\u3031-\u3035\u303B]/u
const oldHangulJamo = /[\u1100-\u11FF\uA960-\uA97C\uD7B0-\uD7C6\uD7CB-\uD7FB]/u

/** IdentifierClass of RFC 8264 section 8 for one canonical code point, less the five that a store, a URL or a directory gives a meaning. */
function isInClass(point: string): boolean {
  if (/[\\%:;/]/.test(point)) return false
  if (/[!-~]/.test(point) || alwaysIn.test(point)) return true
  // Zero-width joiners are default-ignorable and go too. RFC 5892 A.1 and A.2 would allow them next to a virama or between joining letters,
  // but the language has no such properties, and a character nobody sees would let two names look alike.
  if (alwaysOut.test(point) || oldHangulJamo.test(point) || /\p{Default_Ignorable_Code_Point}/u.test(point))
    return false
  if (point.normalize('NFKC') !== point) return false
  return /[\p{Ll}\p{Lu}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}]/u.test(point)
}

/** The contextual rules of RFC 5892 appendix A.3 to A.9; true for every character that has none. */
function standsRight(points: string[], index: number): boolean {
  const [before = '', point = '', after = ''] = [points[index - 1], points[index], points[index + 1]]
  if (point === '\u00B7') return before === 'l' && after === 'l'
  if (point === '\u0375') return /\p{Script=Greek}/u.test(after)
  if (point === '\u05F3' || point === '\u05F4') return /\p{Script=Hebrew}/u.test(before)
  if (point === '\u30FB') return /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(points.join(''))
  if (/[\u0660-\u0669]/u.test(point)) return !/[\u06F0-\u06F9]/u.test(points.join(''))
  if (/[\u06F0-\u06F9]/u.test(point)) return !/[\u0660-\u0669]/u.test(points.join(''))
  return true
}

/** The characters against the Bidi Rule of RFC 5893 section 2, which holds for a name with any right-to-left character. */
function bidiMisfits(points: string[]): string[] {
  const placed = points.map((point) => ({ point, direction: directionOf(point) }))
  const these = (...directions: string[]) => placed.filter(({ direction }) => directions.includes(direction))
  if (these('R', 'AN').length === 0) return []

  const first = placed[0]?.direction
  const last = placed.findLast(({ direction }) => direction !== 'NSM')
  const misfits = first === 'R' ? these('L') : first === 'L' ? these('R', 'AN') : placed.slice(0, 1)
  if (last?.direction === 'neutral') misfits.push(last)
  if (these('EN').length > 0) misfits.push(...these('AN'))
  return misfits.map(({ point }) => point)
}

/** Bidi_Class as far as IdentifierClass needs it; R stands for AL too. The language has no such property, so right-to-left is by block. */
function directionOf(point: string): 'L' | 'R' | 'AN' | 'EN' | 'NSM' | 'neutral' {
  if (/\p{Mn}/u.test(point)) return 'NSM'
  if (/[0-9\u06F0-\u06F9]/u.test(point)) return 'EN'
  if (/[\u0660-\u0669\u{10D30}-\u{10D39}]/u.test(point)) return 'AN'
  if (/[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFF\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u.test(point)) return 'R'
  return /[!-~]/.test(point) && !/[A-Za-z]/.test(point) ? 'neutral' : 'L'
}

/** Shown as it is only if it shows by itself: no control, space, direction mark, lone surrogate or combining mark reaches the page. */
function visible(point: string): string {
  const shows = /[\p{L}\p{N}\p{P}\p{S}]/u.test(point) && !/\p{Default_Ignorable_Code_Point}/u.test(point)
  return shows ? point : codeOf(point)
}

/** A character that looks like another, so that people can tell which it is. */
function unmistakable(point: string): string {
  const shown = visible(point)
  return shown === point ? `${point} (${codeOf(point)})` : shown
}

function codeOf(point: string): string {
  return `U+${(point.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
