// Sets of code points, against sets of numbers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import {
  type CodePoints,
  complement,
  intersection,
  isWithin,
  pointsIn,
  rangesOf,
  union,
  withBothCases,
} from '../src/stores/code-points.ts'
import { holds } from './support/arbitraries.ts'

/** Both ends of Unicode, and ASCII letters: what happens between these happens everywhere. */
const POINTS = [
  ...Array(8).keys(),
  ...Array.from({ length: 70 }, (_, index) => 0x3c + index),
  0x10fffc,
  0x10fffd,
  0x10fffe,
  0x10ffff,
]
const point = fc.constantFrom(...POINTS)
const ranges = fc
  .array(fc.tuple(point, fc.nat({ max: 9 })), { maxLength: 6 })
  .map((all) => all.map(([first, more]) => [first, Math.min(first + more, 0x10ffff)] as const))
const sets = ranges.map(rangesOf)

function has(set: CodePoints, one: number): boolean {
  return set.some(([first, last]) => first <= one && one <= last)
}

test('a set has what its ranges have, whatever their order, sorted and with gaps between', () => {
  holds(500, [ranges], (given) => {
    const set = rangesOf(given)
    for (const one of POINTS) assert.equal(has(set, one), has(given, one))
    for (const [index, [first, last]] of set.entries())
      assert.ok(first <= last && first > (set[index - 1]?.[1] ?? -2) + 1, JSON.stringify(set))
  })
})

test('union, intersection and complement are those of sets', () => {
  holds(500, [sets, sets], (one, other) => {
    const [all, both, none] = [union(one, other), intersection(one, other), complement(one)]
    for (const each of POINTS) {
      assert.equal(has(all, each), has(one, each) || has(other, each))
      assert.equal(has(both, each), has(one, each) && has(other, each))
      assert.equal(has(none, each), !has(one, each))
    }
    assert.deepEqual(complement(none), one)
    assert.equal(isWithin(one, other), isDeepStrictEqual(both, one))
  })
})

test('ignoring case adds the other case of ASCII letters and of nothing else', () => {
  holds(500, [sets], (set) => {
    const folded = withBothCases(set)
    for (const one of POINTS) {
      const letter = String.fromCodePoint(one)
      const forms = /[A-Za-z]/.test(letter) ? [letter.toLowerCase(), letter.toUpperCase()] : [letter]
      assert.equal(
        has(folded, one),
        forms.some((form) => has(set, form.codePointAt(0) ?? 0)),
      )
    }
  })
  assert.deepEqual(withBothCases(pointsIn('ÉkK')), pointsIn('kKÉ'))
  assert.deepEqual(withBothCases(pointsIn('\u212a')), pointsIn('\u212a'))
})
