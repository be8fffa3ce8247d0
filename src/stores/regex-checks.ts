// Takes a tree apart into checks of the whole text that need neither anchors nor look-around, so that each of them takes linear time.
import { ANY, type CodePoints, isWithin } from './code-points.ts'
import { type Dialect, refuse } from './regex-cursor.ts'
import { copiesIn, partsOf, type Tree } from './regex-syntax.ts'

/** Holds when one of its parts matches the whole text, or when none does. */
export interface Check {
  isWanted: boolean
  parts: Part[]
}

export interface Part {
  /** Of sets, sequences, choices and repetitions alone. */
  tree: Tree
  /** For Java's $ in a look-ahead: it is enough to match the text without the line terminator that it ends with. */
  orWithoutTerminator: boolean
}

type Anchor = Tree & { kind: 'anchor' }
type Look = Tree & { kind: 'look' }

/** Squared, this is the work that 255 characters of text may take at worst: some tens of milliseconds. */
const MOST_CHARACTERS = 1200

/** A text matches when all checks of one branch hold. Throws a Refusal. */
export function checksOf(tree: Tree, dialect: Dialect): Check[][] {
  const branches = spread(tree).map((items) => checksOfBranch(items, dialect))
  const size = branches.flat().flatMap(({ parts }) => parts.map((part) => copiesIn(part.tree)))
  if (size.reduce((sum, one) => sum + one, 0) > MOST_CHARACTERS)
    refuse(0, 'Too large, once repetitions and alternatives are written out.', 'Write smaller numbers, or + for any.')
  return branches
}

function checksOfBranch(items: Tree[], dialect: Dialect): Check[] {
  const checks: Check[] = []
  for (const [index, item] of items.entries()) {
    const before = items.slice(0, index).filter(isConsuming)
    const after = items.slice(index).filter(isConsuming)
    if (item.kind === 'anchor') requireEdge(item, before.length, after.length)
    if (item.kind !== 'look') continue
    const distance = widthOf(item.direction === 'ahead' ? before : after)
    if (distance === undefined)
      refuse(
        item.at,
        `${nameOf(item)} at no fixed place.`,
        'Write (?=…) and (?!…) at the beginning, (?<=…) and (?<!…) at the end.',
      )
    checks.push(item.direction === 'ahead' ? lookAhead(item, distance) : lookBehind(item, distance, dialect))
  }
  return [
    ...checks,
    { isWanted: true, parts: [{ tree: sequenceOf(items.filter(isConsuming)), orWithoutTerminator: false }] },
  ]
}

/**
 * The alternatives of a tree, each a flat list. Only what holds anchors or look-around is taken apart, so that these stand in the lists
 * themselves: (^a|b)c becomes ^ac and bc.
 */
function spread(tree: Tree): Tree[][] {
  const place = placeIn(tree)
  if (place === undefined || place === tree) return [[tree]]
  if (tree.kind === 'repeat')
    refuse(place.at, `${nameOf(place)} in a repetition.`, 'Write it before or after the repetition.')
  if (tree.kind === 'choice') return bounded(tree.at, tree.options.flatMap(spread))
  const extend = (lists: Tree[][], item: Tree) => {
    const endings = spread(item)
    return bounded(
      item.at,
      lists.flatMap((list) => endings.map((ending) => [...list, ...ending])),
    )
  }
  return partsOf(tree).reduce(extend, [[]])
}

function bounded(at: number, lists: Tree[][]): Tree[][] {
  if (lists.flat().length > MOST_CHARACTERS)
    refuse(at, 'Too many alternatives with anchors or look-around in them.', 'Write fewer of them.')
  return lists
}

/** The first anchor or look-around in a tree. */
function placeIn(tree: Tree): Anchor | Look | undefined {
  if (tree.kind === 'anchor' || tree.kind === 'look') return tree
  return partsOf(tree)
    .map(placeIn)
    .find((place) => place !== undefined)
}

function isConsuming(tree: Tree): boolean {
  return tree.kind !== 'anchor' && tree.kind !== 'look'
}

function nameOf(place: Anchor | Look): string {
  if (place.kind === 'look') return `A look-${place.direction}`
  return place.of === 'start' ? '^ (or \\A)' : '$ (or \\z)'
}

/** As the whole text is matched, an anchor at its edge says nothing. Any other never holds, or before a line terminator. */
function requireEdge(anchor: Anchor, before: number, after: number): void {
  if (anchor.of === 'start' && before > 0)
    refuse(anchor.at, `${nameOf(anchor)} after something.`, 'Write it at the beginning, or \\^ for the character.')
  if (anchor.of !== 'start' && after > 0)
    refuse(anchor.at, `${nameOf(anchor)} before something.`, 'Write it at the end, or \\$ for the character.')
}

/** At a fixed distance from the beginning, looking ahead is asking what the whole text looks like. */
function lookAhead({ inside, isWanted }: Look, distance: number): Check {
  const parts = spread(inside).map((items): Part => {
    const ends = new Set<Anchor['of']>()
    for (const [index, item] of items.entries()) {
      if (item.kind === 'look') refuse(item.at, `${nameOf(item)} in a look-ahead.`, 'Write one after the other.')
      if (item.kind !== 'anchor') continue
      const before = items.slice(0, index).filter(isConsuming)
      requireEdge(item, distance + before.length, items.slice(index).filter(isConsuming).length)
      if (item.of !== 'start') ends.add(item.of)
    }
    const rest = ends.size > 0 ? 0 : Number.POSITIVE_INFINITY
    const tree = sequenceOf([anything(distance, distance), ...items.filter(isConsuming), anything(0, rest)])
    return { tree, orWithoutTerminator: ends.size > 0 && !ends.has('end') }
  })
  return { isWanted, parts }
}

/** The same from the end. */
function lookBehind({ inside, isWanted }: Look, distance: number, dialect: Dialect): Check {
  const place = placeIn(inside)
  if (place) refuse(place.at, `${nameOf(place)} in a look-behind.`, 'Write it before or after the look-behind.')
  if (dialect === 'java') requireCountable(inside)
  const tree = sequenceOf([anything(0, Number.POSITIVE_INFINITY), inside, anything(distance, distance)])
  return { isWanted, parts: [{ tree, orWithoutTerminator: false }] }
}

/** In a look-behind Java counts UTF-16 units, and wants to see how many there may be: for most repeated groups it does not. */
function requireCountable(tree: Tree): void {
  if (tree.kind === 'set' && !isWithin(tree.set, ONE_UNIT))
    refuse(tree.at, 'A look-behind at characters beyond U+FFFF.', 'Write only those that it is about: (?<![._-]).')
  if (tree.kind === 'repeat' && tree.max === Number.POSITIVE_INFINITY)
    refuse(tree.at, 'A look-behind of any length.', 'Write how many at most: {1,10}.')
  if (tree.kind === 'repeat' && tree.item.kind !== 'set' && !(tree.min === 0 && tree.max === 1))
    refuse(tree.at, 'A repeated group in a look-behind.', 'Write it out as often as needed: (?<!ab|abab).')
  partsOf(tree).forEach(requireCountable)
}

const ONE_UNIT: CodePoints = [
  [0, 0xd7ff],
  [0xe000, 0xffff],
]

/** How many characters these match, if it is always as many. */
function widthOf(trees: Tree[]): number | undefined {
  return trees.map(width).reduce((sum, one) => (sum === undefined || one === undefined ? undefined : sum + one), 0)
}

function width(tree: Tree): number | undefined {
  if (tree.kind === 'set') return 1
  if (tree.kind === 'choice') {
    const [first, ...others] = tree.options.map(width)
    return others.every((one) => one === first) ? first : undefined
  }
  const inner = widthOf(partsOf(tree))
  if (tree.kind !== 'repeat' || inner === undefined) return inner
  return tree.min === tree.max ? inner * tree.min : undefined
}

function sequenceOf(items: Tree[]): Tree {
  return { kind: 'sequence', items, at: 0 }
}

function anything(min: number, max: number): Tree {
  return { kind: 'repeat', item: { kind: 'set', set: ANY, at: 0 }, min, max, at: 0 }
}
