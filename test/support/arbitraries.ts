// Values that nobody would think of, and those that everybody fears: for property tests with fast-check.
import fc from 'fast-check'

/**
 * How often a property is tried: `few` in the test run, FAST_CHECK_RUNS times as often in a long one. A failure prints its seed
 * and path; `{ seed, path }` beside `numRuns` tries the same values again.
 */
export function runs(few: number) {
  return { numRuns: Math.ceil(few * times), includeErrorInReport: true }
}

const times = Number(process.env['FAST_CHECK_RUNS'] ?? 1)

/** After so long no more is tried: a busy machine tries less, and a failure is not made smaller for ever. */
const ENOUGH_MS = 20_000

/** Asserts that a claim about pure code holds for `few` generated values, or more: see `runs`. */
export function holds<Values extends [unknown, ...unknown[]]>(
  few: number,
  values: { [index in keyof Values]: fc.Arbitrary<Values[index]> },
  claim: (...given: Values) => void,
): void {
  fc.assert(fc.property(...values, claim), { ...runs(few), interruptAfterTimeLimit: ENOUGH_MS * times })
}

/** The same of the whole product. No try is broken off, for it would go on beside the next; a failure is made smaller for a while. */
export async function holdsThroughout<Values extends [unknown, ...unknown[]]>(
  few: number,
  values: { [index in keyof Values]: fc.Arbitrary<Values[index]> },
  claim: (...given: Values) => Promise<void>,
): Promise<void> {
  let failedAt: number | undefined
  const property = fc.asyncProperty(...values, async (...given: Values) => {
    if (failedAt !== undefined && Date.now() - failedAt > ENOUGH_MS) return
    try {
      await claim(...given)
    } catch (error) {
      failedAt ??= Date.now()
      throw error
    }
  })
  await fc.assert(property, runs(few))
}

// biome-ignore format: one kind, one line
const FEARED = [
  '', ' ', '\t', '\0', 'a\0b', '\r\nSet-Cookie: a=b', '\x7F', '\u0085', '\u2028',
  '\uD800', 'a\uDC00', '\uDBFF\uDBFF', '\uFFFE', '\u{10FFFF}', '\uFEFFasha',
  '\u202Easha', '\u2066asha\u2069', 'a\u200Bsha', 'as\u200Dha', '\u05D0\u05E9\u05D4', '\u0627\u0644\u0641', 'asha\u05D0', '\u0660\u06F0',
  'ＡＳＨＡ', 'ﬁne', 'İstanbul', 'straße', 'ΣΟΦΟΣ', 'e\u0301', '한', 'ﾊﾝ', '\u1112\u1161', '\u0345', '👩‍👩‍👧', 'a'.repeat(51), 'e\u0301'.repeat(60),
  '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'null', 'undefined', 'NaN', 'true', '0', '-1', '1e400',
  '%', '%00', '%zz', '%C0%AF', '+', '&', '=', ';', '?', '??', '$1', '$&', '{n}', '{org}', '$' + '{7*7}', '<%= 7*7 %>', '<script>alert(1)</script>', '"\'>',
  "'; DROP TABLE users; --", '../../etc/passwd', 'PRIMARY/asha', 'admin', 'root\\asha', 'asha@acme.example', '@', 'a@b@c', 'javascript:alert(1)',
  'x'.repeat(255), 'x'.repeat(256), 'x'.repeat(10_000), 'x'.repeat(10_001), '2027-02-30', '1999-12-31', '0000-00-00', '+44 20 7946 0000',
]

const utf16 = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units))

/** Text of a few characters: what people write, what they never would, and what is no text at all (half of a surrogate pair). */
export const shortText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...FEARED) },
  { weight: 1, arbitrary: fc.constantFrom('\0', 'a\0b', '\uD800', 'a\uDC00') },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: utf16 },
  { weight: 1, arbitrary: fc.tuple(utf16, fc.constantFrom(...FEARED), utf16).map((parts) => parts.join('')) },
)

/** A few characters again and again between others, up to `longest`: what expressions with two stars take the square of. */
export function longText(longest: number, shortest = 100): fc.Arbitrary<string> {
  const repeated = fc.oneof(
    fc.constantFrom(' ', 'a', '.', '@', 'a ', '\u0301', '1', '-', 'ab'),
    shortText.map((part) => part || 'x'),
  )
  return fc
    .tuple(
      fc.string({ maxLength: 3 }),
      repeated,
      fc.integer({ min: shortest, max: longest }),
      fc.string({ maxLength: 3 }),
    )
    .map(([start, part, length, end]) => {
      const middle = part.repeat(Math.ceil(length / part.length)).slice(0, length - start.length - end.length)
      return start + middle + end
    })
}

/** Text of any kind and up to 50,000 characters. */
export const text = fc.oneof({ weight: 9, arbitrary: shortText }, { weight: 1, arbitrary: longText(50_000) })

/** Names of members, those that objects inherit among them. */
export const memberName = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'length', '0'),
  shortText,
)

const leaf = fc.oneof(
  { weight: 4, arbitrary: text },
  {
    weight: 1,
    arbitrary: fc.constantFrom(null, true, false, 0, -0, 1, 1e21, 5e-324, 1.7976931348623157e308, Infinity),
  },
  { weight: 1, arbitrary: fc.double({ noDefaultInfinity: true, noNaN: true }) },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()) },
)

const address = fc.dictionary(
  fc.constantFrom(
    'formatted',
    'street_address',
    'locality',
    'region',
    'postal_code',
    'country',
    '__proto__',
    'constructor',
  ),
  leaf,
  { maxKeys: 4 },
)

/** Lists in lists, or objects in objects. */
const deep = fc.tuple(fc.integer({ min: 1, max: 1_000 }), fc.boolean()).map(([depth, isList]) => {
  let value: unknown = 'deep'
  for (let level = 0; level < depth; level += 1) value = isList ? [value] : { deep: value }
  return value
})

/** Anything that JSON can say, 1e400 (which is read as Infinity) included. */
export const jsonValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: leaf },
  { weight: 2, arbitrary: fc.array(shortText, { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.array(leaf, { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: 999, max: 1_001 }).map((length) => Array<string>(length).fill('x')) },
  { weight: 2, arbitrary: address },
  { weight: 1, arbitrary: fc.dictionary(memberName, leaf, { maxKeys: 4 }) },
  { weight: 1, arbitrary: deep },
)

/** An object as `JSON.parse` makes it, `__proto__` a member like any other. */
export function objectOf(
  names: fc.Arbitrary<string>,
  values: fc.Arbitrary<unknown>,
): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .array(fc.tuple(names, values), { maxLength: 8 })
    .map((entries) => Object.fromEntries(entries) as Record<string, unknown>)
}
