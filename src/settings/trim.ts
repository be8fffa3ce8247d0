// An entry as somebody would write it who says only what is not said anyway: what a reader adds by itself is left out. Pure.
import { isDeepStrictEqual } from 'node:util'
import { isRow } from '../config-faults.ts'

/**
 * Leaves out every key that `read` fills in with the same value: the reader itself says what its defaults are. `read` returns undefined for what
 * it refuses; that stays as it is.
 */
export function trimmed<Tree>(tree: Tree, read: (tree: Tree) => unknown): Tree {
  const meant = read(tree)
  // Of what is refused everything could be left out, and it would still be refused.
  if (meant === undefined) return tree
  const means = (candidate: unknown) => isDeepStrictEqual(read(candidate as Tree), meant)
  return trim(tree, means) as Tree
}

function trim(value: unknown, means: (candidate: unknown) => boolean): unknown {
  if (Array.isArray(value)) return inItems(value, means)
  if (!isRow(value)) return value
  let kept = value
  for (const key of Object.keys(value)) {
    const { [key]: item, ...others } = kept
    const isSaidAnyway = means(others)
    kept = isSaidAnyway ? others : { ...kept, [key]: trim(item, (within) => means({ ...kept, [key]: within })) }
  }
  return kept
}

function inItems(items: unknown[], means: (candidate: unknown) => boolean): unknown[] {
  const kept = [...items]
  for (const [index, item] of items.entries()) kept[index] = trim(item, (within) => means(kept.with(index, within)))
  return kept
}
