// Random regular expressions of Java and of JavaScript, well formed and not, and texts that have to do with them.
import fc from 'fast-check'
import type { CodePoints } from '../../src/stores/code-points.ts'
import type { Dialect } from '../../src/stores/regex.ts'
import { readTree, type Tree } from '../../src/stores/regex-syntax.ts'

const LITERALS = [...'aabbABkKsz019__--..,:;#=!<>~@/ %&}]é', '😀', 'ſ', '\u212a', '\t', '\n', '\r', '\u0085', '\u2028']
const ESCAPED =
  '\\. \\- \\\\ \\[ \\] \\( \\) \\{ \\} \\^ \\$ \\| \\* \\+ \\? \\/ \\_ \\@ \\& \\t \\n \\r \\f \\x41 \\x61 \\u0061 \\u00e9 \\u212A \\cA'
const CLASSES = '. \\d \\D \\w \\W \\s \\S'
const FEARED =
  '* + ? { } ( ) [ ] | ^ $ \\ - & && -- [: :] ?= ?! ?<= ?<! ?: ?> ?i (? \\b \\B \\1 \\k<n> \\k \\8 \\e \\v \\c \\ca \\x \\x4 \\u \\u00 \\00 \\0 \\01 \\q \\_ \\é \\u{61} \\x{61} \\ud83d \\ude00 [^] [] (?i) (?i: \\E \\Q \\a \\A \\h \\H \\p \\pL \\z {2} {2,} {,2} {0} {1,2}'

const OF_JAVA: Record<'escaped' | 'classes' | 'feared', string> = {
  escaped: '\\a \\e \\07 \\0101 \\x{41} \\x{1F600} \\Qa.b\\E \\Q-\\E',
  classes:
    '\\h \\H \\v \\V \\p{L} \\P{L} \\pN \\p{Lu} \\p{Ll} \\p{IsLatin} \\p{IsGreek} \\p{Alpha} \\p{Punct} \\p{Lower} \\p{Space} \\p{Blank} \\p{IsAlphabetic} \\p{IsUppercase} \\p{gc=Lu} \\p{script=Cyrillic} \\p{ASCII} \\p{Sc} \\P{M}',
  feared:
    '\\G \\R \\X \\N{DIGIT ONE} \\Z (?s) (?-i) (?i-s: (?m) (?x) (?u) (?U) (?d) ++ *+ ?+ {2}+ [^a&&b] &&[ &&^ &&& [a-[b]] [\\v-a] \\p{javaLowerCase} \\p{InGreek} \\p{Cn} \\p{C} \\p{IsLower} \\p{lower} \\p{^L} (?<n> (?<n>a) (?P<n>a) (?#a)',
}

const words = (text: string) => text.split(' ')

/** Patterns of a dialect's grammar, most of which are taken. */
export function patterns(dialect: Dialect): fc.Arbitrary<string> {
  const java = dialect === 'java'
  const literal = fc.constantFrom(...LITERALS)
  const escaped = fc.constantFrom(...words(ESCAPED), ...(java ? words(OF_JAVA.escaped) : []))
  const named = fc.constantFrom(...words(CLASSES), ...(java ? words(OF_JAVA.classes) : ['\\v', '\\0']))
  const quantifier = fc
    .tuple(fc.constantFrom('*', '+', '?', '{0,1}', '{2}', '{1,3}', '{2,}', '{0}'), fc.constantFrom('', '', '', '?'))
    .map((both) => both.join(''))

  const inBrackets = fc.oneof(
    { weight: 4, arbitrary: literal.filter((one) => one !== ']' && !(one === '😀' && !java)) },
    { weight: 2, arbitrary: escaped.filter((one) => !one.startsWith('\\Q')) },
    { weight: 2, arbitrary: named },
    {
      weight: 3,
      arbitrary: fc.constantFrom('a-z', 'A-Z', '0-9', 'a-k', '!-/', '\\x00-\\x7f', '+--', '_-|', 'K-k', '\\t-\\r'),
    },
  )
  const items = fc.array(inBrackets, { minLength: 1, maxLength: 4 }).map((all) => all.join(''))
  const simple = fc.tuple(fc.constantFrom('', '', '^'), items).map(([not, inside]) => `[${not}${inside}]`)
  const nested = fc.oneof(
    fc.tuple(items, simple).map(([left, right]) => `[${left}&&${right}]`),
    fc.tuple(items, items).map(([left, right]) => `[${left}&&${right}]`),
    fc.tuple(simple, items).map(([left, right]) => `[${left}${right}]`),
    fc.tuple(items, simple, items).map(([a, b, c]) => `[${a}${b}${c}]`),
    fc.tuple(simple, simple, simple).map(([a, b, c]) => `[${a}&&${b}${c}]`),
    fc.tuple(items, items, simple).map(([a, b, c]) => `[${a}&&${b}&&${c}]`),
    fc.tuple(items, simple, items).map(([a, b, c]) => `[${a}&&${b}${c}]`),
  )
  const brackets = java ? fc.oneof({ weight: 2, arbitrary: simple }, { weight: 1, arbitrary: nested }) : simple

  const { choice } = fc.letrec<{ choice: string; sequence: string; part: string; group: string }>((tie) => ({
    choice: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 4, arbitrary: tie('sequence') },
      { weight: 1, arbitrary: fc.tuple(tie('sequence'), tie('sequence')).map((both) => both.join('|')) },
      { weight: 1, arbitrary: fc.array(tie('sequence'), { minLength: 2, maxLength: 3 }).map((all) => all.join('|')) },
    ),
    sequence: fc.array(tie('part'), { maxLength: 4 }).map((all) => all.join('')),
    part: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 4, arbitrary: literal },
      { weight: 2, arbitrary: escaped },
      { weight: 3, arbitrary: named },
      { weight: 3, arbitrary: brackets },
      {
        weight: 4,
        arbitrary: fc.tuple(fc.oneof(literal, escaped, named, brackets), quantifier).map((both) => both.join('')),
      },
      { weight: 2, arbitrary: tie('group') },
      { weight: 2, arbitrary: fc.tuple(tie('group'), quantifier).map((both) => both.join('')) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('^', '$', ...(java ? ['\\A', '\\z', '\\Z', '(?i)', '(?s)', '(?-i)'] : ['^', '$'])),
      },
    ),
    group: fc
      .tuple(
        fc.constantFrom('(', '(', '(?:', '(?<a>', '(?<b2>', ...(java ? ['(?i:', '(?s:', '(?-i:', '(?i-s:'] : [])),
        tie('choice'),
      )
      .map(([opening, inside]) => `${opening}${inside})`),
  }))
  const several = (look: fc.Arbitrary<string>) => fc.array(look, { maxLength: 2 }).map((all) => all.join(''))
  const lookAhead = fc
    .tuple(
      fc.constantFrom('(?=', '(?!'),
      fc.constantFrom('', '.*', '.*', '.', '^', '(?:a|b)'),
      choice,
      fc.constantFrom('', '', '$'),
    )
    .map((parts) => `${parts.join('')})`)
  // Java asks how long a look-behind may be, and counts what it looks at in its own way.
  const { sequence: bounded } = fc.letrec<{ sequence: string; part: string; group: string }>((tie) => ({
    sequence: fc.array(tie('part'), { minLength: 1, maxLength: 3 }).map((all) => all.join('')),
    part: fc
      .tuple(
        fc.oneof(
          { maxDepth: 2, depthSize: 'small' },
          fc.oneof(literal, fc.constantFrom('a', 'b', '\\d', '\\w', '\\s', '[ab]', '[._-]'), brackets),
          tie('group'),
        ),
        fc.constantFrom('', '', '', '?', '??', '{2}', '{1}', '{0,1}', '{1,2}', '{0}', '+'),
      )
      .map((both) => both.join('')),
    group: fc
      .tuple(fc.constantFrom('(', '(?:'), fc.array(tie('sequence'), { maxLength: 2 }))
      .map(([opening, inside]) => `${opening}${inside.join('|')})`),
  }))
  const lookBehind = fc
    .tuple(fc.constantFrom('(?<!', '(?<='), bounded, fc.constantFrom(')', ')', ')', ')a', ')[^-]', ')(?:b|c)'))
    .map((parts) => parts.join(''))
  const policy = fc
    .tuple(
      fc.constantFrom('', '^', '^', '^(', 'a', '^(?:'),
      several(lookAhead),
      fc.oneof(choice, fc.constantFrom('.*', '\\w+', '[^ ]*')),
      several(lookBehind),
      fc.constantFrom('', '$', '$'),
      several(lookBehind),
    )
    .map(
      ([start, ahead, main, behind, end, last]) =>
        `${start}${ahead}${main}${start.includes('(') ? ')' : ''}${behind}${end}${last}`,
    )
  return fc.oneof({ weight: 2, arbitrary: choice }, { weight: 1, arbitrary: policy })
}

/** Patterns that somebody mistyped: well formed ones with something in their midst, and heaps of pieces. */
export function mistypedPatterns(dialect: Dialect): fc.Arbitrary<string> {
  const pieces = [...words(ESCAPED), ...words(CLASSES), ...words(FEARED), ...LITERALS]
  const all = dialect === 'java' ? [...pieces, ...Object.values(OF_JAVA).flatMap(words)] : pieces
  const piece = fc.constantFrom(...all)
  const altered = fc
    .tuple(patterns(dialect), piece, fc.nat(), fc.integer({ min: 0, max: 2 }))
    .map(([pattern, what, where, less]) => {
      const at = where % (pattern.length + 1)
      return pattern.slice(0, at) + what + pattern.slice(at + less)
    })
  const heapOf = (pieces: string[], most: number) =>
    fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: most }).map((some) => some.join(''))
  return fc.oneof(altered, heapOf(all, 8), heapOf(words(OF_GROUPS), 10).map(closed))
}

const OF_GROUPS =
  '( ( ( | | ? * + {2} {1,2} (?: (?i) (?i: (?-i) (?= (?! (?<= (?<! (?<a> ) ) a a B ^ $ $ \\z . \\Q \\E [ab] é }'

function closed(pattern: string): string {
  const open = [...pattern].reduce((depth, one) => depth + (one === '(' ? 1 : one === ')' ? -1 : 0), 0)
  return pattern + ')'.repeat(Math.max(0, open))
}

const OF_BRACKETS =
  'a b z A k - - ^ & && && [ [ [^ ] ] \\[ \\] \\- \\^ \\& \\w \\D \\s a-z 0-9 A-k !- . $ | ( ? + { } é \\\\ \\x2d \\cA # \\t \\h \\p{L} \\pN 😀'

/** Heaps of what may stand in brackets, in brackets. */
export const heapsInBrackets = fc
  .tuple(fc.constantFrom('', '(?i)'), fc.array(fc.constantFrom(...words(OF_BRACKETS)), { minLength: 1, maxLength: 8 }))
  .map(([flag, pieces]) => `${flag}[${pieces.join('')}]`)

/** What a class of characters is tried with. */
export const SINGLE_CHARACTERS = [
  ...Array.from({ length: 0x80 }, (_, point) => String.fromCharCode(point)),
  ...['\u0085', '\u00a0', 'é', 'É', '\u017f', '\u180e', '\u2028', '\u212a', '٣', '😀', '\ud83d', '', 'aa'],
]

const TEXT = [
  ...'aaaabbbABkKsz019__--..,:;#=!<>~@/ %&}]é^$|*+?\\[(){',
  ...['😀', '\ud83d', '\ude00', 'ſ', '\u212a', 'É', 'ß', 'Ω', 'д', '٣', '€', '\u0301'],
  ...[
    '\t',
    '\n',
    '\r',
    '\r\n',
    '\v',
    '\f',
    '\u0085',
    '\u2028',
    '\u00a0',
    '\u180e',
    '\u3000',
    '\ufeff',
    '\0',
    '\x01',
    '\x07',
    '\x1b',
  ],
]

/** Texts that have to do with a pattern: of its own characters, and such as would match, whole or with something changed. */
export function textsFor(pattern: string, dialect: Dialect): fc.Arbitrary<string> {
  const characters = [...pattern].filter((one) => one > '\u001f')
  const own = characters.length > 0 ? fc.constantFrom(...characters) : fc.constant('a')
  const one = fc.oneof({ weight: 3, arbitrary: own }, { weight: 2, arbitrary: fc.constantFrom(...TEXT) })
  const run = fc.tuple(one, fc.constantFrom(1, 1, 1, 2, 3)).map(([character, times]) => character.repeat(times))
  const heap = fc.array(run, { maxLength: 4 }).map((runs) => runs.join(''))
  const likely = matchingTexts(pattern, dialect)
  const altered = fc.tuple(likely, one, fc.nat(), fc.integer({ min: 0, max: 1 })).map(([text, what, where, less]) => {
    const at = where % (text.length + 1)
    return text.slice(0, at) + what + text.slice(at + less)
  })
  const end = fc.constantFrom('', '', '', '', '\n', '\r\n', '\r', '\u0085', '\u2028')
  return fc.tuple(fc.oneof(heap, likely, likely, altered), end).map(([text, last]) => text + last)
}

/** Texts that a pattern would match if it had no look-around; empty ones if it cannot be read. */
function matchingTexts(pattern: string, dialect: Dialect): fc.Arbitrary<string> {
  try {
    return textsOf(readTree(pattern, dialect))
  } catch {
    return fc.constant('')
  }
}

function textsOf(tree: Tree): fc.Arbitrary<string> {
  switch (tree.kind) {
    case 'set':
      return fc.constantFrom(...membersOf(tree.set))
    case 'sequence':
      return fc.tuple(...tree.items.map(textsOf)).map((all) => all.join(''))
    case 'choice':
      return fc.oneof(...tree.options.map(textsOf))
    case 'repeat': {
      const some = { minLength: Math.min(tree.min, 5), maxLength: Math.min(tree.max, tree.min + 2, 5) }
      return fc.array(textsOf(tree.item), some).map((all) => all.join(''))
    }
    default:
      return fc.constant('')
  }
}

/** Some members of a set, and the neighbours of those at its edges; none that came to Unicode of late. */
function membersOf(set: CodePoints): string[] {
  const isIn = (point: number) => set.some(([first, last]) => first <= point && point <= last)
  const points = TEXT.map((one) => one.codePointAt(0) ?? 0).filter(isIn)
  const edges = set
    .flatMap(([first, last]) => [first, last, first - 1, last + 1])
    .filter((one) => one >= 0 && one < 0x250)
  const all = [...points, ...points, ...edges.slice(0, 20)]
  return all.length > 0 ? all.map((point) => String.fromCodePoint(point)) : ['']
}
