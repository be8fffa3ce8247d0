// Java's regular expressions against a real Java: thousands of random ones, the table of the tests, and every character of the named classes.
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import { readRegex } from '../../src/stores/regex.ts'
import {
  heapsInBrackets,
  mistypedPatterns,
  patterns,
  SINGLE_CHARACTERS,
  textsFor,
} from '../support/arbitrary-regexes.ts'
import { type Answer, askJava, type Question } from '../support/java.ts'
import { JAVA_REGEXES } from '../support/java-regexes.ts'
import type { Say } from './parts.ts'

const PATTERNS_OF_A_KIND = 4_000
const TEXTS = 25

/** Reads a pattern; undefined when it is refused. */
type Reader = (pattern: string) => ((text: string) => boolean) | undefined

/**
 * Throws when an expression that is taken is refused by Java, or when Java says of any text what we do not. As a control, two readers that
 * are known to be wrong are compared as well, and it throws unless they are found out.
 */
export async function regexesSoak(say: Say): Promise<void> {
  const seed = randomInt(2 ** 31)
  say(`regexes: seed ${seed}`)
  const questions = questionsFrom(seed)
  const answers = await askJava(questions)

  const ours = compare(questions, answers, readOurs)
  say(`regexes: ${ours.taken} taken, ${ours.refused} refused (${ours.refusedAlone} of these taken by Java)`)
  say(`regexes: ${ours.compared} comparisons (${ours.matched} matches, ${ours.endless} that Java did not finish)`)
  assert.deepEqual(ours.differences.slice(0, 10), [])
  assert.ok(
    ours.taken > questions.length / 4 && ours.matched > ours.compared / 20,
    'too few were taken or matched to say much',
  )

  for (const [name, reader] of Object.entries({ readAsRe2, readAsJavaScript })) {
    const { taken, differences } = compare(questions, answers, reader)
    say(`regexes: ${name}, as a control: ${taken} taken, ${differences.length} of them differently`)
    assert.ok(differences.length > 100, `${name} is known to be wrong, and this did not find out`)
  }
  await compareTable()
  await compareNamedClasses(say)
}

function questionsFrom(seed: number): Question[] {
  const sample = <Value>(of: fc.Arbitrary<Value>, numRuns: number, more = 0) =>
    fc.sample(of, { seed: seed + more, numRuns })
  const written = [
    ...sample(patterns('java'), PATTERNS_OF_A_KIND),
    ...sample(mistypedPatterns('java'), PATTERNS_OF_A_KIND),
  ]
  return [
    ...written.map((pattern, index) => ({ pattern, texts: ['', ...sample(textsFor(pattern, 'java'), TEXTS, index)] })),
    ...sample(heapsInBrackets, PATTERNS_OF_A_KIND).map((pattern) => ({ pattern, texts: SINGLE_CHARACTERS })),
  ]
}

function readOurs(pattern: string) {
  const reading = readRegex(pattern, 'java')
  return reading.kind === 'ok' ? (text: string) => reading.regex.matches(text) : undefined
}

/** What one gets by giving an operator's expression to the engine as it is: dots, spaces, cases and $ of another language. */
function readAsRe2(pattern: string) {
  try {
    const compiled = RE2JS.compile(pattern)
    return (text: string) => compiled.matches(text)
  } catch {
    return undefined
  }
}

function readAsJavaScript(pattern: string) {
  try {
    const compiled = new RegExp(`^(?:${pattern})$`)
    return (text: string) => compiled.test(text)
  } catch {
    return undefined
  }
}

function compare(questions: Question[], answers: Answer[], read: Reader) {
  const counts = { taken: 0, refused: 0, refusedAlone: 0, compared: 0, matched: 0, endless: 0 }
  const differences: string[] = []
  for (const [index, { pattern, texts }] of questions.entries()) {
    const matches = read(pattern)
    const answer = answers[index]
    if (matches === undefined) {
      counts.refused += 1
      if (answer?.kind === 'answers') counts.refusedAlone += 1
      continue
    }
    counts.taken += 1
    if (answer?.kind !== 'answers') {
      differences.push(`${JSON.stringify(pattern)} is refused by Java`)
      continue
    }
    const said = texts.map((text, at) => ({ text, inJava: answer.matches[at] }))
    const finished = said.filter(({ inJava }) => inJava !== undefined)
    counts.endless += said.length - finished.length
    counts.compared += finished.length
    counts.matched += finished.filter(({ inJava }) => inJava).length
    const other = finished.find(({ text, inJava }) => matches(text) !== inJava)
    if (other)
      differences.push(`${JSON.stringify(pattern)} on ${JSON.stringify(other.text)}: Java says ${other.inJava}`)
  }
  return { ...counts, differences }
}

/** The table of test/regex.test.ts says what Java says. */
async function compareTable(): Promise<void> {
  const answers = await askJava(
    JAVA_REGEXES.map(([pattern, accepted, refused]) => ({ pattern, texts: [...accepted, ...refused] })),
  )
  const expected = JAVA_REGEXES.map(([, accepted, refused]) => ({
    kind: 'answers',
    matches: [...accepted.map(() => true), ...refused.map(() => false)],
  }))
  for (const [index, answer] of answers.entries()) assert.deepEqual(answer, expected[index], JAVA_REGEXES[index]?.[0])
}

const CATEGORIES = 'L Lu Ll Lt LC Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp Cc Cf'
const OTHERS = 'ASCII Lower Upper Alpha Digit Alnum Punct Graph Print Blank Cntrl XDigit Space L1 all'
const BINARY = 'IsAlphabetic IsLowercase IsUppercase IsIdeographic IsWhite_Space'
const SCRIPTS = `IsArabic IsArmenian IsBengali IsBopomofo IsCyrillic IsDevanagari IsEthiopic IsGeorgian IsGreek IsGujarati IsGurmukhi IsHan
  IsHangul IsHebrew IsHiragana IsKannada IsKatakana IsKhmer IsLao IsLatin IsMalayalam IsMongolian IsMyanmar IsOriya IsSinhala IsTamil IsTelugu
  IsThai IsTibetan`

/** Unicode grows: a character that this Java knows may have come to another class since. Of each class these are far fewer than this. */
const RECLASSIFIED = 0.01

async function compareNamedClasses(say: Say): Promise<void> {
  const named = [CATEGORIES, OTHERS, BINARY, SCRIPTS]
    .flatMap((names) => names.split(/\s+/))
    .map((name) => `\\p{${name}}`)
  const classes = [...named, '\\d', '\\w', '\\s', '\\h', '\\v', '\\D', '\\W', '\\S', '\\H', '\\V', '.']
  const texts = Array.from({ length: 0x110000 }, (_, point) => point)
    .filter(isOfInterest)
    .map((point) => String.fromCodePoint(point))
  const [known, ...answers] = await askJava(['\\P{Cn}', ...classes].map((pattern) => ({ pattern, texts })))
  assert.ok(known?.kind === 'answers')
  const changed = new Set<string>()
  for (const [index, pattern] of classes.entries()) {
    const answer = answers[index]
    const matches = readOurs(pattern)
    assert.ok(answer?.kind === 'answers' && matches, pattern)
    const members = answer.matches.filter(Boolean).length
    const differing: string[] = texts.filter((text, at) => known.matches[at] && matches(text) !== answer.matches[at])
    const most = pattern.startsWith('\\p') ? members * RECLASSIFIED : 0
    assert.ok(
      differing.length <= most,
      `${pattern}: ${differing.length} of ${members}, such as ${differing.slice(0, 5).join(' ')}`,
    )
    for (const text of differing) changed.add(text)
  }
  say(
    `regexes: ${classes.length} classes of ${texts.length} characters; ${changed.size} are of another class in this Java's Unicode`,
  )
}

/** Two planes whole; of ideographs and of private use beyond them, which are all alike, one of sixteen; none where Unicode has no characters. */
function isOfInterest(point: number): boolean {
  if (point < 0x20000) return true
  return point % 16 === 0 && (point < 0x33500 || (point >= 0xe0000 && point < 0xe0200) || point >= 0x10ff00)
}
