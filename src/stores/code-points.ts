// Sets of code points, as sorted ranges: what the classes of a regular expression are made of.

/** First and last of each range; sorted, and with a gap between any two. */
export type CodePoints = readonly (readonly [first: number, last: number])[]

const LAST = 0x10ffff

export const ANY: CodePoints = [[0, LAST]]

/** All code points that are in any of the ranges, which may come in any order and overlap. */
export function rangesOf(ranges: CodePoints): CodePoints {
  const merged: [number, number][] = []
  for (const [first, last] of ranges.toSorted(([a], [b]) => a - b)) {
    const before = merged.at(-1)
    if (before === undefined || first > before[1] + 1) merged.push([first, last])
    else before[1] = Math.max(before[1], last)
  }
  return merged
}

/** The set of the code points that a text consists of. */
export function pointsIn(text: string): CodePoints {
  return rangesOf([...text].map((character) => [character.codePointAt(0) ?? 0, character.codePointAt(0) ?? 0]))
}

export function union(...sets: CodePoints[]): CodePoints {
  return rangesOf(sets.flat())
}

export function complement(set: CodePoints): CodePoints {
  const gaps: [number, number][] = []
  let next = 0
  for (const [first, last] of set) {
    if (first > next) gaps.push([next, first - 1])
    next = last + 1
  }
  if (next <= LAST) gaps.push([next, LAST])
  return gaps
}

export function intersection(one: CodePoints, other: CodePoints): CodePoints {
  return complement(union(complement(one), complement(other)))
}

/** Whether every member of the one is a member of the other. */
export function isWithin(one: CodePoints, other: CodePoints): boolean {
  return intersection(one, complement(other)).length === 0
}

/** With the other case of every ASCII letter: what Java's (?i) does, and all that it does. */
export function withBothCases(set: CodePoints): CodePoints {
  const shifted = (first: number, last: number, by: number) =>
    intersection(set, [[first, last]]).map(([from, to]) => [from + by, to + by] as const)
  return union(set, shifted(0x41, 0x5a, 0x20), shifted(0x61, 0x7a, -0x20))
}
