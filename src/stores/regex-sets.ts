// The named classes of characters of Java's and JavaScript's regular expressions, such as \s and \p{L}.
import { ANY, type CodePoints, complement, intersection, pointsIn, union } from './code-points.ts'
import type { Dialect } from './regex-cursor.ts'

const ASCII: CodePoints = [[0, 0x7f]]
const DIGIT: CodePoints = [[0x30, 0x39]]
const UPPER: CodePoints = [[0x41, 0x5a]]
const LOWER: CodePoints = [[0x61, 0x7a]]
const ALPHA = union(UPPER, LOWER)
const ALNUM = union(ALPHA, DIGIT)
const GRAPH: CodePoints = [[0x21, 0x7e]]
const SPACE = pointsIn(' \t\n\v\f\r')
const SPACES_OF_UNICODE = union(pointsIn('\u00a0\u1680\u202f\u205f\u3000'), [[0x2000, 0x200a]])

/** What the dot leaves out. */
export const LINE_ENDS: Record<Dialect, CodePoints> = {
  java: pointsIn('\n\r\u0085\u2028\u2029'),
  javascript: pointsIn('\n\r\u2028\u2029'),
}

const PREDEFINED: Record<Dialect, Record<string, CodePoints>> = {
  java: {
    d: DIGIT,
    w: union(ALNUM, pointsIn('_')),
    s: SPACE,
    h: union(SPACES_OF_UNICODE, pointsIn(' \t\u180e')),
    v: union(LINE_ENDS.java, pointsIn('\v\f')),
  },
  javascript: {
    d: DIGIT,
    w: union(ALNUM, pointsIn('_')),
    s: union(SPACE, SPACES_OF_UNICODE, pointsIn('\u2028\u2029\ufeff')),
  },
}

/** \d, \W and their like, by letter; undefined when the dialect has no such class. */
export function predefinedClass(letter: string, dialect: Dialect): CodePoints | undefined {
  const set = PREDEFINED[dialect][letter.toLowerCase()]
  return set !== undefined && letter !== letter.toLowerCase() ? complement(set) : set
}

/** Those that Java's Pattern calls POSIX are ASCII, whatever their names suggest. */
const OF_JAVA: Record<string, CodePoints> = {
  ASCII,
  Lower: LOWER,
  Upper: UPPER,
  Alpha: ALPHA,
  Digit: DIGIT,
  Alnum: ALNUM,
  Punct: intersection(GRAPH, complement(ALNUM)),
  Graph: GRAPH,
  Print: union(GRAPH, pointsIn(' ')),
  Blank: pointsIn(' \t'),
  Cntrl: union([[0, 0x1f]], [[0x7f, 0x7f]]),
  XDigit: union(DIGIT, pointsIn('abcdefABCDEF')),
  Space: SPACE,
  L1: [[0, 0xff]],
  all: ANY,
}

// Without Cn, nor C which holds it: which characters are not assigned yet differs between all versions.
const CATEGORIES = new Set(
  'L Lu Ll Lt LC Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp Cc Cf'.split(' '),
)
const BINARY = new Set(['Alphabetic', 'Lowercase', 'Uppercase', 'Ideographic', 'White_Space'])
const SCRIPTS = new Set(
  `Arabic Armenian Bengali Bopomofo Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana
  Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya Sinhala Tamil Telugu Thai Tibetan`.split(/\s+/),
)

/** What (?i) makes of these differs between Java 8 and later ones. */
const CASED = new Set(['Lu', 'Ll', 'Lt', 'LC', 'Lower', 'Upper', 'Lowercase', 'Uppercase'])

/**
 * What Java's \p{name} stands for: categories, scripts and a few more; undefined for what is not known here. Which characters Unicode has
 * depends on the version, in Java as here; `isCased` says that the meaning under (?i) does as well.
 */
export function propertyNamed(name: string): { set: CodePoints; isCased: boolean } | undefined {
  const ownSet = OF_JAVA[name]
  if (Object.hasOwn(OF_JAVA, name) && ownSet !== undefined) return { set: ownSet, isCased: CASED.has(name) }
  const [, prefix = '', value = ''] = /^(Is|gc=|general_category=|sc=|script=|)(\w+)$/.exec(name) ?? []
  const isCategory = !prefix.startsWith('s') && CATEGORIES.has(value)
  const isBinary = prefix === 'Is' && BINARY.has(value)
  const isScript = /^[Is]/.test(prefix) && SCRIPTS.has(value)
  if (!isCategory && !isBinary && !isScript) return undefined
  return { set: enumerated(isScript ? `Script=${value}` : value), isCased: CASED.has(value) }
}

const known = new Map<string, CodePoints>()

/** Where Unicode has characters with any of these properties; for the rest nobody has to wait. */
const INHABITED: CodePoints = [
  [0, 0xd7ff],
  [0xf900, 0x3ffff],
  [0xe0000, 0xe0fff],
]

/** All that JavaScript's own \p{…} matches, which takes some milliseconds, once. */
function enumerated(property: string): CodePoints {
  const found = known.get(property)
  if (found !== undefined) return found
  const has = new RegExp(`\\p{${property}}`, 'u')
  const runs: [number, number][] = []
  for (const [first, last] of INHABITED) {
    for (let point = first; point <= last; point += 1) {
      if (!has.test(String.fromCodePoint(point))) continue
      const run = runs.at(-1)
      if (run?.[1] === point - 1) run[1] = point
      else runs.push([point, point])
    }
  }
  known.set(property, runs)
  return runs
}
