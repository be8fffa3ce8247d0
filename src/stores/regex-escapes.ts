// Reads what stands after a backslash, in Java's or JavaScript's meaning; what these or their versions read differently is refused.
import { type CodePoints, complement } from './code-points.ts'
import { type Cursor, count, type Dialect, isSurrogate, refuse, skip, take, takeCharacter } from './regex-cursor.ts'
import { predefinedClass, propertyNamed } from './regex-sets.ts'

export type Escape =
  | { kind: 'character'; point: number }
  | { kind: 'class'; set: CodePoints }
  | { kind: 'anchor'; of: 'start' | 'end' | 'end-or-terminator' }
  | { kind: 'quote'; points: number[] }

const CONTROLS: Record<Dialect, Record<string, number>> = {
  java: { t: 9, n: 10, f: 12, r: 13, a: 7, e: 0x1b },
  javascript: { t: 9, n: 10, f: 12, r: 13, v: 11 },
}

/** Reads an escape, the cursor being at its backslash. In brackets there are no anchors and no quotes. */
export function readEscape(cursor: Cursor, place: 'outside' | 'in brackets'): Escape {
  const start = cursor.at
  skip(cursor, '\\')
  if (cursor.at === cursor.pattern.length)
    refuse(start, 'A backslash with nothing after it.', 'Write \\\\ for a backslash.')
  const letter = take(cursor, /[A-Za-z0-9]/y)?.[0]
  if (letter === undefined) return { kind: 'character', point: takeCharacter(cursor) }

  const point = CONTROLS[cursor.dialect][letter] ?? numbered(cursor, letter, start)
  if (point !== undefined) return { kind: 'character', point }

  const set = predefinedClass(letter, cursor.dialect)
  // Where it could be the end of a range, Java takes \v for the one character that it was before Java 8.
  if (set !== undefined && /v/i.test(letter) && place === 'in brackets')
    refuse(start, `\\${letter} in brackets.`, 'Write \\n\\x0B\\f\\r\\x85\\u2028\\u2029, as far as needed.')
  if (set !== undefined) return { kind: 'class', set }
  if (cursor.dialect === 'java' && /p/i.test(letter)) return { kind: 'class', set: property(cursor, letter, start) }
  const other = cursor.dialect === 'java' && place === 'outside' ? onlyOutside(cursor, letter, start) : undefined
  return other ?? refuse(start, ...whyNot(letter, cursor.dialect, place))
}

/** \cX, \0n, \xhh, \x{h} and \uhhhh. */
function numbered(cursor: Cursor, letter: string, start: number): number | undefined {
  const java = cursor.dialect === 'java'
  if (letter === 'c') {
    // Java and JavaScript agree on capital letters alone.
    const control = take(cursor, /[A-Z]/y)?.[0]
    if (control === undefined)
      refuse(start, '\\c without a capital letter.', 'Write \\x and two digits, such as \\x1B.')
    return control.charCodeAt(0) - 0x40
  }
  if (letter === '0') {
    const octal = take(cursor, java ? /[0-3][0-7]{2}|[0-7]{1,2}/y : /(?![0-9])/y)?.[0]
    if (octal === undefined)
      refuse(start, 'Not an octal number that is read alike by all.', 'Write \\x and two digits.')
    return Number(`0o0${octal}`)
  }
  if (letter !== 'x' && letter !== 'u') return undefined
  const braced = letter === 'x' && java ? take(cursor, /\{([0-9A-Fa-f]{1,6})\}/y)?.[1] : undefined
  const digits = braced ?? take(cursor, letter === 'x' ? /[0-9A-Fa-f]{2}/y : /[0-9A-Fa-f]{4}/y)?.[0]
  const point = Number.parseInt(digits ?? '', 16)
  if (!(point <= 0x10ffff))
    refuse(
      start,
      `\\${letter} without a number of its length.`,
      'Write \\x and two digits or \\u and four: \\x2D, \\u002D.',
    )
  if (isSurrogate(point)) refuse(start, 'Half a character (a surrogate).', 'Write the whole character as it is.')
  return point
}

/** What a property counts for, whatever it is: it may have to be enumerated first. */
const RANGES_OF_A_PROPERTY = 2000

function property(cursor: Cursor, letter: string, start: number): CodePoints {
  const found = take(cursor, /\{([^{}\\]*)\}|([A-Z])/y)
  const name = found?.[1] ?? found?.[2] ?? ''
  count(cursor, RANGES_OF_A_PROPERTY, start)
  const named = propertyNamed(name)
  if (named === undefined) {
    const some = 'Write a category such as \\p{L}, a script such as \\p{IsLatin}, or the characters in brackets.'
    return refuse(start, `No class of characters called "${name}" is known here.`, some)
  }
  if (named.isCased && cursor.flags.ignoreCase) {
    const problem = `What \\${letter}{${name}} means after (?i) depends on the version of Java.`
    refuse(start, problem, 'Write \\p{L}, or leave (?i) out.')
  }
  return letter === 'P' ? complement(named.set) : named.set
}

function onlyOutside(cursor: Cursor, letter: string, start: number): Escape | undefined {
  if (letter === 'A') return { kind: 'anchor', of: 'start' }
  if (letter === 'z') return { kind: 'anchor', of: 'end' }
  if (letter === 'Z') return { kind: 'anchor', of: 'end-or-terminator' }
  if (letter !== 'Q') return undefined
  const points: number[] = []
  while (!skip(cursor, '\\E') && cursor.at < cursor.pattern.length) points.push(takeCharacter(cursor))
  return points.length > 0 ? { kind: 'quote', points } : refuse(start, '\\Q with nothing to quote.', 'Leave it out.')
}

// biome-ignore format: one kind of escape, one line
const NOT_TAKEN: [letters: RegExp, problem: string, instead: string][] = [
  [/[1-9k]/, 'A reference back to a group cannot be checked in linear time.', 'Write out what may repeat, such as (?:aa|bb).'],
  [/[bB]/, 'Word boundaries are not taken: versions of Java differ in them.', 'Write the characters that may stand there.'],
  [/R/, '\\R is not taken.', 'Write (?:\\r\\n|[\\n\\x0B\\f\\r\\x85\\u2028\\u2029]).'],
  [/X/, '\\X depends on the version of Java.', 'Write \\P{M}\\p{M}* for a character with its marks.'],
  [/N/, '\\N is not taken.', 'Write the character itself.'],
  [/G/, '\\G is not taken.', 'Leave it out: the whole text is matched.'],
  [/E/, '\\E without \\Q.', 'Leave it out.'],
]

const IN_JAVASCRIPT: Record<string, string> = {
  A: 'Leave it out, or write ^.',
  z: 'Leave it out, or write $.',
  Z: 'Leave it out, or write $.',
  Q: 'Write a backslash before each special character.',
  h: 'Write [ \\t].',
  H: 'Write [^ \\t].',
  a: 'Write \\x07.',
  e: 'Write \\x1B.',
  p: 'Write the characters in brackets.',
  P: 'Write the characters in brackets.',
}

function whyNot(letter: string, dialect: Dialect, place: string): [problem: string, instead: string] {
  if (place === 'in brackets' && /[bBRXGAzZQE]/.test(letter))
    return [`\\${letter} in brackets.`, 'Write the characters themselves.']
  const [, problem, instead] = NOT_TAKEN.find(([letters]) => letters.test(letter)) ?? []
  if (dialect === 'javascript' && !/[1-9kbB]/.test(letter))
    return [
      `In JavaScript \\${letter} is the letter ${letter}.`,
      IN_JAVASCRIPT[letter] ?? `Write ${letter}, if it is meant.`,
    ]
  return [problem ?? `Java knows no \\${letter}.`, instead ?? `Write ${letter}, if the letter is meant.`]
}
