// Digits of every keyboard: what people type as a number is that number, in whatever script they write it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asciiDigits, sixDigitsIn } from '../src/stores/digits.ts'
import { newTotpSecret, totpStepOf } from '../src/stores/totp.ts'
import { codeOf } from './support/factors.ts'

/** The number in the digits of a numbering system (Unicode CLDR, BCP 47 `nu`). */
const inDigitsOf = (system: string, number: number) =>
  new Intl.NumberFormat(`en-u-nu-${system}`, { useGrouping: false, minimumIntegerDigits: 10 }).format(number)

describe('digits', () => {
  test('of every numbering system are read as 0 to 9', () => {
    const systems = Intl.supportedValuesOf('numberingSystem').filter((system) =>
      /^\p{Nd}+$/u.test(inDigitsOf(system, 123_456_789)),
    )
    assert.ok(systems.length > 50, `${systems.length} systems`)
    for (const system of systems) assert.equal(asciiDigits(inDigitsOf(system, 123_456_789)), '0123456789', system)
  })

  test('leave everything else as it is, also what only looks like one', () => {
    for (const text of ['', 'Asha', '½ ² ① Ⅳ 〇 十', '+44 (0)7700-900123', '🙂']) assert.equal(asciiDigits(text), text)
  })

  test('of a code count whosever they are', () => {
    assert.equal(sixDigitsIn('٠١٢ ٣٤٥'), '012345')
    const secret = newTotpSecret()
    const now = new Date()
    const code = codeOf(secret, now)
    assert.notEqual(totpStepOf(secret, code, now), undefined)
    const inBengali = code.replace(/\d/g, (digit) => inDigitsOf('beng', Number(digit)).slice(-1))
    assert.equal(totpStepOf(secret, inBengali, now), totpStepOf(secret, code, now))
  })

  test('of a code are not even looked at in what is far too long for one', () => {
    const [secret, now] = [newTotpSecret(), new Date()]
    const code = codeOf(secret, now)
    assert.notEqual(totpStepOf(secret, [...code].join('    '), now), undefined)
    for (const spaces of [25, 100_000]) {
      assert.equal(totpStepOf(secret, code.padEnd(6 + spaces), now), undefined)
      assert.equal(sixDigitsIn(code.padStart(6 + spaces)), undefined)
    }
  })
})
