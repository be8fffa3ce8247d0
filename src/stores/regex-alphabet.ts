// Gives characters that an expression does not tell apart one letter, so that the engine sees a few letters and nothing of Unicode.
import type { CodePoints } from './code-points.ts'
import { partsOf, type Tree } from './regex-syntax.ts'

export interface Alphabet {
  /** A text as the engine is given it. */
  spell(points: readonly number[]): string
  /** A tree of sets, sequences, choices and repetitions as the engine is given it. */
  print(tree: Tree): string
}

/** The alphabet of all sets in some trees. */
export function alphabetOf(trees: Tree[]): Alphabet {
  const sets = [...new Set(trees.flatMap(setsIn))]
  const starts = [...new Set([0, ...sets.flat().flatMap(([first, last]) => [first, last + 1])])].sort((a, b) => a - b)
  const letters = lettersOf(starts, sets)
  const printSet = (set: CodePoints) => {
    const members = new Set(intervalsIn(starts, set).map((index) => letters[index] ?? 0))
    const all = [...members].map((letter) => `\\x{${letter.toString(16)}}`)
    return all.length > 0 ? `[${all.join('')}]` : '[^\\x{0}-\\x{10FFFF}]'
  }
  return {
    spell: (points) => points.map((point) => String.fromCharCode(letters[intervalOf(starts, point)] ?? 0)).join(''),
    print: (tree) => print(tree, printSet),
  }
}

function setsIn(tree: Tree): CodePoints[] {
  return tree.kind === 'set' ? [tree.set] : partsOf(tree).flatMap(setsIn)
}

/** One code unit for each interval between the starts; the same for two that are in the same sets. Few enough to stay below surrogates. */
function lettersOf(starts: number[], sets: CodePoints[]): number[] {
  const kinds = starts.map(() => 0)
  let unused = 1
  for (const set of sets) {
    const split = new Map<number, number>()
    for (const index of intervalsIn(starts, set)) {
      const kind = kinds[index] ?? 0
      const inSet = split.get(kind) ?? unused++
      split.set(kind, inSet)
      kinds[index] = inSet
    }
  }
  const numbers = new Map([...new Set(kinds)].map((kind, number) => [kind, 0x30 + number]))
  return kinds.map((kind) => numbers.get(kind) ?? 0)
}

function intervalsIn(starts: number[], set: CodePoints): number[] {
  return set.flatMap(([first, last]) => {
    const from = intervalOf(starts, first)
    return Array.from({ length: intervalOf(starts, last) - from + 1 }, (_, index) => from + index)
  })
}

/** The index of the last start that is not greater. */
function intervalOf(starts: number[], point: number): number {
  let [low, high] = [0, starts.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((starts[middle] ?? 0) <= point) low = middle
    else high = middle
  }
  return low
}

function print(tree: Tree, printSet: (set: CodePoints) => string): string {
  const printAll = (trees: Tree[]) => trees.map((one) => print(one, printSet))
  switch (tree.kind) {
    case 'set':
      return printSet(tree.set)
    case 'sequence':
      return printAll(tree.items).join('')
    case 'choice':
      return `(?:${printAll(tree.options).join('|')})`
    case 'repeat':
      return `(?:${print(tree.item, printSet)}){${tree.min},${Number.isFinite(tree.max) ? tree.max : ''}}`
    default:
      throw new Error(`Not to be printed: ${tree.kind}`)
  }
}
