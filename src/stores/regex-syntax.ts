// Reads a regular expression as Java or JavaScript would, into a small tree; what cannot be kept exactly is refused.
import { ANY, type CodePoints, complement, withBothCases } from './code-points.ts'
import { readBrackets } from './regex-brackets.ts'
import { type Cursor, type Dialect, enter, isAhead, refuse, skip, take, takeCharacter } from './regex-cursor.ts'
import { readEscape } from './regex-escapes.ts'
import { LINE_ENDS } from './regex-sets.ts'

export type Tree = { at: number } & (
  | { kind: 'set'; set: CodePoints }
  | { kind: 'sequence'; items: Tree[] }
  | { kind: 'choice'; options: Tree[] }
  | { kind: 'repeat'; item: Tree; min: number; max: number }
  | { kind: 'anchor'; of: 'start' | 'end' | 'end-or-terminator' }
  | { kind: 'look'; direction: 'ahead' | 'behind'; isWanted: boolean; inside: Tree }
)

const LONGEST = 1000
const MOST_COPIES = 1000

const WHERE_SAME = 'if what follows cannot begin with what is repeated: it is the same then.'

/** Reads a whole pattern. In the JavaScript dialect a set is one of UTF-16 units, as without the u flag. Throws a Refusal. */
export function readTree(pattern: string, dialect: Dialect): Tree {
  if (pattern === '') refuse(0, 'An empty expression.', 'Leave the setting out, or write .* for any text.')
  if (pattern.length > LONGEST) refuse(LONGEST, `Longer than ${LONGEST} characters.`, 'Write a shorter one.')
  const flags = { ignoreCase: false, dotAll: false }
  const cursor: Cursor = { pattern, dialect, at: 0, flags, depth: 0, ranges: 0, groupNames: new Set() }
  const tree = readChoice(cursor)
  if (isAhead(cursor, ')')) refuse(cursor.at, 'A ) that closes no group.', 'Write \\) for the character.')
  return tree
}

/** What a tree consists of; what a look-around looks at is its own matter. */
export function partsOf(tree: Tree): Tree[] {
  if (tree.kind === 'sequence') return tree.items
  if (tree.kind === 'choice') return tree.options
  return tree.kind === 'repeat' ? [tree.item] : []
}

/** How many characters it has once every repetition is written out. */
export function copiesIn(tree: Tree): number {
  const once = Math.max(
    1,
    partsOf(tree).reduce((sum, part) => sum + copiesIn(part), 0),
  )
  return tree.kind === 'repeat' ? once * timesOf(tree) : once
}

function timesOf({ min, max }: { min: number; max: number }): number {
  return Math.max(1, max === Number.POSITIVE_INFINITY ? min : max)
}

function readChoice(cursor: Cursor): Tree {
  const at = cursor.at
  const options: Tree[] = []
  do options.push(readSequence(cursor))
  while (skip(cursor, '|'))
  return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', options, at }
}

function readSequence(cursor: Cursor): Tree {
  const at = cursor.at
  const items: Tree[] = []
  while (cursor.at < cursor.pattern.length && !isAhead(cursor, '|') && !isAhead(cursor, ')')) {
    const read = readAtom(cursor)
    const last = read.pop()
    items.push(...read)
    if (last !== undefined) items.push(readRepeat(cursor, last, read.length > 0))
  }
  return items.length === 1 && items[0] !== undefined ? items[0] : { kind: 'sequence', items, at }
}

/** A quantifier goes to the last of these alone. A flag such as (?i) is nothing that could be matched. */
function readAtom(cursor: Cursor): Tree[] {
  const at = cursor.at
  const { dialect, flags } = cursor
  if (take(cursor, /[?*+{]/y))
    refuse(
      at,
      'Nothing to repeat before a quantifier, or no number in braces.',
      `Write \\${cursor.pattern[at]} for the character.`,
    )
  if (isAhead(cursor, '(')) return readGroup(cursor)
  if (isAhead(cursor, '[')) return [{ kind: 'set', set: readBrackets(cursor), at }]
  if (skip(cursor, '.')) return [{ kind: 'set', set: flags.dotAll ? ANY : complement(LINE_ENDS[dialect]), at }]
  if (skip(cursor, '^')) return [{ kind: 'anchor', of: 'start', at }]
  if (skip(cursor, '$')) return [{ kind: 'anchor', of: dialect === 'java' ? 'end-or-terminator' : 'end', at }]
  if (!isAhead(cursor, '\\')) return charactersOf(cursor, [takeCharacter(cursor)], at)
  const escaped = readEscape(cursor, 'outside')
  if (escaped.kind === 'anchor') return [{ kind: 'anchor', of: escaped.of, at }]
  if (escaped.kind === 'class') return [{ kind: 'set', set: escaped.set, at }]
  return charactersOf(cursor, escaped.kind === 'quote' ? escaped.points : [escaped.point], at)
}

function charactersOf({ dialect, flags }: Cursor, points: number[], at: number): Tree[] {
  const units = (point: number) => Array.from(String.fromCodePoint(point).split(''), (unit) => unit.charCodeAt(0))
  const all = dialect === 'javascript' ? points.flatMap(units) : points
  return all.map((point) => {
    const set: CodePoints = [[point, point]]
    return { kind: 'set', set: flags.ignoreCase ? withBothCases(set) : set, at }
  })
}

/** A group, with its look-around; or flags up to the end of the group that they stand in. */
function readGroup(cursor: Cursor): Tree[] {
  const at = cursor.at
  const before = cursor.flags
  enter(cursor)
  const look = take(cursor, /\(\?(<?)([=!])/y)
  const isGroup = look !== undefined || readOpening(cursor)
  if (!isGroup) {
    cursor.depth -= 1
    return []
  }
  const inside = readChoice(cursor)
  if (!skip(cursor, ')')) refuse(at, 'A ( that is never closed.', 'Write \\( for the character.')
  cursor.depth -= 1
  cursor.flags = before
  if (look === undefined) return [inside.kind === 'sequence' || inside.kind === 'choice' ? { ...inside, at } : inside]
  const direction = look[1] === '<' ? 'behind' : 'ahead'
  return [{ kind: 'look', direction, isWanted: look[2] === '=', inside, at }]
}

/** Moves past the beginning of a group; false when these were flags for what follows. */
function readOpening(cursor: Cursor): boolean {
  const at = cursor.at
  if (take(cursor, /\(\?:|\((?!\?)/y)) return true
  const name = take(cursor, /\(\?<([A-Za-z][A-Za-z0-9]*)>/y)?.[1]
  if (name !== undefined) {
    if (cursor.groupNames.has(name)) refuse(at, 'A second group of this name.', 'Write ( without a name.')
    cursor.groupNames.add(name)
    return true
  }
  const flags = take(cursor, /\(\?(?=[a-zA-Z-]+[:)])([a-zA-Z]*)(-[a-zA-Z]+)?([:)])/y)
  if (flags !== undefined && cursor.dialect === 'java') {
    const [, on = '', off = '', end] = flags
    const unknown = /[^is-]/.exec(on + off)
    if (unknown) refuse(at, `The flag ${unknown[0]} is not taken.`, 'Write an expression that needs i and s alone.')
    const set = (letter: string, former: boolean) => !off.includes(letter) && (on.includes(letter) || former)
    const { ignoreCase, dotAll } = cursor.flags
    cursor.flags = { ignoreCase: set('i', ignoreCase), dotAll: set('s', dotAll) }
    return end === ':'
  }
  if (isAhead(cursor, '(?>')) refuse(at, 'Atomic groups cannot be kept exactly.', `Write (?: ${WHERE_SAME}`)
  if (flags !== undefined) refuse(at, 'JavaScript knows no flags in an expression.', 'Write both cases: [a-zA-Z].')
  return refuse(at, 'Not a group that is known.', 'Write ( or (?: to group, \\( for the character.')
}

function readRepeat(cursor: Cursor, item: Tree, isLastOfMany: boolean): Tree {
  const at = cursor.at
  const found = take(cursor, /[?*+]|\{(\d+)(?:(,)(\d*))?\}/y)
  if (found === undefined) return item
  const [sign, from, comma, to] = found
  const most = to ? Math.min(Number(to), Number.MAX_SAFE_INTEGER) : Number.POSITIVE_INFINITY
  const [min, max] =
    from === undefined ? [sign === '+' ? 1 : 0, sign === '?' ? 1 : most] : [Number(from), comma ? most : Number(from)]

  if (item.kind === 'anchor' || item.kind === 'look')
    refuse(at, 'A quantifier after what matches a place.', 'Leave the quantifier out.')
  if (isLastOfMany && cursor.dialect === 'javascript')
    refuse(at, 'JavaScript would repeat half of this character.', 'Write it in a group: (?:😀)+.')
  if (skip(cursor, '+')) refuse(at, 'Possessive quantifiers cannot be kept exactly.', `Write ${sign} ${WHERE_SAME}`)
  // Lazy or greedy: it is the same whole text.
  skip(cursor, '?')
  if (take(cursor, /[?*+{]/y))
    refuse(cursor.at - 1, 'A quantifier after a quantifier.', `Write (?:x${sign}) and the second one after it.`)
  if (max < min) refuse(at, 'A repetition that ends before it begins.', 'Write the smaller number first.')
  const repeat: Tree = { kind: 'repeat', item, min, max, at }
  if (copiesIn(repeat) > MOST_COPIES)
    refuse(at, `More than ${MOST_COPIES} repetitions, all in all.`, 'Write smaller numbers, or + for any.')
  return repeat
}
