// The regular expressions of operators: what they mean, what is refused, and that neither takes long, whatever is asked.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import { type Dialect, readRegex } from '../src/stores/regex.ts'
import { holds, longText, shortText, text } from './support/arbitraries.ts'
import {
  heapsInBrackets,
  mistypedPatterns,
  patterns,
  SINGLE_CHARACTERS,
  textsFor,
} from './support/arbitrary-regexes.ts'
import { JAVA_REGEXES, REFUSED_IN_JAVA } from './support/java-regexes.ts'

/** Which of some texts match. */
function matching(pattern: string, dialect: Dialect, texts: string[]): string[] {
  const reading = readRegex(pattern, dialect)
  assert.ok(reading.kind === 'ok', `${pattern} is refused: ${JSON.stringify(reading)}`)
  return texts.filter((one) => reading.regex.matches(one))
}

function faultOf(pattern: string, dialect: Dialect) {
  const reading = readRegex(pattern, dialect)
  assert.ok(reading.kind === 'fault', `${pattern} is taken`)
  return reading.fault
}

/** What JavaScript's own engine says, of the whole text; undefined when it refuses the pattern. */
function inJavaScript(pattern: string): ((text: string) => boolean) | undefined {
  try {
    new RegExp(pattern)
    const whole = new RegExp(`^(?:${pattern})$`)
    return (text) => whole.test(text)
  } catch {
    return undefined
  }
}

describe('a Java expression matches what Java says that it matches', () => {
  for (const [pattern, accepted, refused] of JAVA_REGEXES)
    test(pattern, () => assert.deepEqual(matching(pattern, 'java', [...accepted, ...refused]), accepted))

  test('and nobody would get there by giving the expressions to another engine as they are', (t) => {
    const differ = (engineFor: (pattern: string) => (text: string) => boolean) =>
      JAVA_REGEXES.filter(([pattern, accepted, refused]) => {
        try {
          const matches = engineFor(pattern)
          return accepted.some((one) => !matches(one)) || refused.some(matches)
        } catch {
          return true
        }
      }).length
    const re2 = differ((pattern) => {
      const compiled = RE2JS.compile(pattern)
      return (one) => compiled.matches(one)
    })
    const javascript = differ((pattern) => (one) => new RegExp(`^(?:${pattern})$`).test(one))
    t.diagnostic(`of ${JAVA_REGEXES.length} expressions RE2 reads ${re2} differently, JavaScript ${javascript}`)
    assert.ok(re2 > 20 && javascript > 20)
  })
})

describe('what cannot be kept exactly is refused where it stands', () => {
  for (const [pattern, position, problem] of REFUSED_IN_JAVA)
    test(pattern.length > 60 ? `${pattern.slice(0, 60)}…` : JSON.stringify(pattern), () => {
      const fault = faultOf(pattern, 'java')
      assert.equal(fault.position, position)
      assert.match(fault.problem, problem)
      assert.match(fault.instead, /^(Write|Leave) .*\.$/)
    })
})

describe('a JavaScript expression means what it means in the page', () => {
  // biome-ignore format: one expression, one line
  const expressions: [pattern: string, texts: string[]][] = [
    ['^[\\S]{3,30}$', ['abc', 'ab', 'a\u00a0c', 'a\ufeffc', 'a\u0085c', 'a b', 'abc\n', '😀a', '😀']],
    ['[a-zA-Z0-9._-|//]{3,30}$', ['a-b', 'a`b', 'abc', 'abc\n']],
    ['^[a-zA-Z0-9._\\-|//]{3,30}$', ['a-b', 'a`b', 'abc']],
    ['.{2}', ['ab', '😀', '😀😀', 'a\u0085', 'a\n', 'a\u2028', '\ud83da']],
    ['[^a]', ['b', '\n', '😀', '\ud83d', 'a']],
    ['😀(?:😀)+', ['😀😀', '😀', '😀\ude00']],
    ['\\v\\0\\cA\\x41\\u00e9\\t', ['\v\0\x01Aé\t', '\n\0\x01Aé\t']],
    ['[\\w-.]+', ['a-.', '/', 'a b']],
    ['[\\w-a]+', ['b-', ' ']],
    ['a]b}', ['a]b}', 'ab']],
    ['^(?=.*\\d)(?!.*\\s)[^-]{3,}(?<!0)$', ['ab1', 'ab0', 'a 1', 'abc', 'ab1\u00a0']],
    ['(?=a$)a|(?<name>b)\\n?', ['a', 'b', 'b\n', 'a\n']],
    ['(?!a$)(?:.|\\n)+', ['a', 'a\n', 'ab', 'b']],
    ['[\\d--/]+', ['-', '.', '/', '5']],
    ['.*(?<=a+)', ['ba', 'b', 'baa', '']],
  ]
  for (const [pattern, texts] of expressions)
    test(pattern, () => {
      assert.deepEqual(matching(pattern, 'javascript', texts), texts.filter(inJavaScript(pattern) ?? assert.fail))
    })

  test('where Java reads the same signs differently, each dialect keeps its own meaning', () => {
    const texts = ['\u00a0', '\u0085', '\v', '\ufeff', ' ', '\n', '😀']
    assert.deepEqual(matching('\\s', 'java', texts), ['\v', ' ', '\n'])
    assert.deepEqual(matching('\\s', 'javascript', texts), ['\u00a0', '\v', '\ufeff', ' ', '\n'])
    assert.deepEqual(matching('.', 'java', texts), ['\u00a0', '\v', '\ufeff', ' ', '😀'])
    assert.deepEqual(matching('.', 'javascript', texts), ['\u00a0', '\u0085', '\v', '\ufeff', ' '])
    assert.deepEqual(matching('\\v', 'java', texts), ['\u0085', '\v', '\n'])
    assert.deepEqual(matching('\\v', 'javascript', texts), ['\v'])
  })

  // biome-ignore format: one expression, one line
  const refused: [pattern: string, position: number][] = [
    ['\\Aab', 0], ['ab\\z', 2], ['ab\\Z', 2], ['\\Qa.b\\E', 0], ['\\h+', 0], ['\\p{L}+', 0], ['\\pL', 0], ['[\\p{L}]', 1], ['\\a', 0], ['\\e', 0],
    ['\\y', 0], ['\\x4', 0], ['\\x{41}', 0], ['\\u{41}', 0], ['\\u00', 0], ['\\ca', 0], ['\\01', 0], ['\\1', 0], ['(a)\\1', 3], ['\\k<a>', 0],
    ['\\bab', 0], ['[\\b]', 1], ['[a-z&&[^b]]', 4], ['[a[b]]', 2], ['[[:alpha:]]', 1], ['[]', 1], ['[^]', 2], ['[a-\\d]', 2], ['[\\w-a-z]', 5],
    ['[a-[]', 2], ['(?i)a', 0], ['(?i:a)', 0], ['(?>a)', 0], ['a++', 1], ['a{,3}', 1], ['a{', 1], ['x{1', 1], ['😀+', 2], ['[😀]', 1],
    ['(?=a)*b', 5], ['a$b', 1], ['/^a$/', 1], ['\\ud83d', 0], ['(?<n>a)(?<n>b)', 7], ['(?<é>a)', 0],
  ]
  for (const [pattern, position] of refused)
    test(`${pattern} is refused, as it is not what it looks like, or nothing at all`, () => {
      assert.equal(faultOf(pattern, 'javascript').position, position)
    })
})

describe('nothing takes long', () => {
  const timed = <Value>(work: () => Value): [Value, number] => {
    const started = performance.now()
    const value = work()
    return [value, performance.now() - started]
  }

  const long = 'a'.repeat(50_000)
  // The slowest is several times below, on a busy machine: a backtracking engine would be at it for years.
  const SOON_MS = 2_000

  for (const pattern of [
    '^(a+)+$',
    '^(a|a)*$',
    '^(a|aa)+$',
    '(?:a*)*b',
    '^(?=(a+)+b)a*$',
    '(?:.*a){100}',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
  ])
    test(`${pattern} answers soon`, (t) => {
      const reading = readRegex(pattern, 'java')
      assert.ok(reading.kind === 'ok')
      const [, first] = timed(() => reading.regex.matches(`${long}!`))
      const [, short] = timed(() => reading.regex.matches(`${long.slice(0, 254)}!`))
      t.diagnostic(`${pattern}: 50,001 characters in ${first.toFixed(1)} ms, 255 in ${short.toFixed(2)} ms`)
      assert.ok(first < SOON_MS)
    })

  // biome-ignore format: one expression, one line
  const hostile: [what: string, pattern: string][] = [
    ['repetitions of repetitions', '((a{1000}){1000}){1000}'],
    ['ten thousand open groups', '('.repeat(10_000)],
    ['a thousand open groups', '('.repeat(1000)],
    ['a thousand open brackets', '['.repeat(1000)],
    ['a hundred thousand closed groups', '()'.repeat(100_000)],
    ['alternatives to the power of alternatives', '(^|a)'.repeat(200)],
    ['look-ahead times alternatives', `${'(?=a)'.repeat(60)}(?:${'(?=b)|'.repeat(90)}a)`],
    ['hundreds of large classes', '[^x\\pL]'.repeat(140)],
    ['every property in turn', ['L', 'Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'M', 'Mn', 'Mc', 'Me', 'N', 'Nd', 'Nl', 'No', 'P', 'Pc', 'Pd', 'Ps', 'Pe', 'Pi', 'Pf'].map((name) => `\\p{${name}}`).join('')],
  ]
  for (const [what, pattern] of hostile)
    test(`${what} are refused soon`, (t) => {
      const [fault, took] = timed(() => faultOf(pattern, 'java'))
      t.diagnostic(`${what}: ${took.toFixed(1)} ms, ${fault.problem}`)
      assert.ok(took < SOON_MS)
    })

  test('the largest that are taken are read soon, and answer soon', (t) => {
    const random = Array.from({ length: 255 }, (_, index) => 'ab'[(index * index * 7 + (index >> 3)) % 2]).join('')
    for (const pattern of [
      'a?'.repeat(500),
      '(?:a*b*){299}(?:b*a*){299}',
      '(?:a?b?){299}(?:b?a?){299}',
      '(?:a|b)*a(?:a|b){280}'.repeat(2),
      `[${'\\p{L}'.repeat(18)}]{1,1000}`,
    ]) {
      const [reading, read] = timed(() => readRegex(pattern, 'java'))
      assert.ok(reading.kind === 'ok', pattern)
      const [, answered] = timed(() => reading.regex.matches(random))
      t.diagnostic(
        `${pattern.slice(0, 40)}: read in ${read.toFixed(1)} ms, 255 characters in ${answered.toFixed(1)} ms`,
      )
      assert.ok(read < SOON_MS && answered < SOON_MS)
    }
  })
})

describe('whatever is written', () => {
  const dialects = fc.constantFrom<Dialect>('java', 'javascript')
  const anyPattern = dialects.chain((dialect) =>
    fc.tuple(
      fc.constant(dialect),
      fc.oneof(patterns(dialect), mistypedPatterns(dialect), heapsInBrackets, shortText, longText(2_000)),
    ),
  )

  test('it is taken and answers, or is refused at a place in it with something to write instead', () => {
    holds(1_500, [anyPattern, text], ([dialect, pattern], anything) => {
      const reading = readRegex(pattern, dialect)
      if (reading.kind === 'ok') return assert.equal(typeof reading.regex.matches(anything), 'boolean')
      const { position, problem, instead } = reading.fault
      assert.ok(position >= 0 && position <= pattern.length && problem !== '' && instead !== '')
    })
  })

  test('in JavaScript it means what the engine says that it means', () => {
    const asked = fc
      .oneof(patterns('javascript'), patterns('javascript'), mistypedPatterns('javascript'), heapsInBrackets)
      .chain((pattern) => fc.tuple(fc.constant(pattern), fc.array(textsFor(pattern, 'javascript'), { maxLength: 20 })))
    holds(1_500, [asked], ([pattern, texts]) => {
      const reading = readRegex(pattern, 'javascript')
      if (reading.kind === 'fault') return
      const matches = inJavaScript(pattern)
      assert.ok(matches, 'the engine refuses it')
      for (const one of pattern.startsWith('[') ? SINGLE_CHARACTERS : texts)
        assert.equal(reading.regex.matches(one), matches(one), JSON.stringify(one))
    })
  })

  test('a named class of Java has the characters that Unicode gives it, up to the last plane', () => {
    const names = ['L', 'Lu', 'Ll', 'M', 'N', 'Nd', 'P', 'S', 'Sc', 'Z', 'Cc', 'Cf']
    const scripts = ['Latin', 'Greek', 'Cyrillic', 'Han', 'Arabic', 'Devanagari', 'Hangul']
    const classes = [...names.map((name) => [name, name]), ...scripts.map((name) => [`Is${name}`, `Script=${name}`])]
    const points = fc.integer({ min: 0, max: 0x10ffff }).filter((point) => point < 0xd800 || point > 0xdfff)
    for (const [java, unicode] of classes) {
      const own = new RegExp(`^\\p{${unicode}}$`, 'u')
      const reading = readRegex(`\\p{${java}}`, 'java')
      assert.ok(reading.kind === 'ok')
      holds(200, [points], (point) => {
        const character = String.fromCodePoint(point)
        assert.equal(reading.regex.matches(character), own.test(character))
      })
    }
  })
})
