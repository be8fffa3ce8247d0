// Which passwords may be chosen, and how they are kept and checked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash as argon2Hash } from '@node-rs/argon2'
import { createHashingQueue } from '../src/stores/hashing-queue.ts'
import { createPasswords } from '../src/stores/password.ts'
import { PASSWORD_MAX, PASSWORD_MIN, passwordProblem } from '../src/stores/password-policy.ts'

const phrase = 'correct horse battery staple'
// A string of the given length that no other rule refuses.
const plainText = (length: number) => 'Tj4 wq9!Zr6 pm2#'.repeat(9).slice(0, length)

test('a password of three random words is accepted', () => {
  for (const password of [phrase, 'teapot gravel ninety', 'CorrectHorseBatteryStaple', 'три случайных слова'])
    assert.equal(passwordProblem(password, []), undefined, password)
})

test('no password is told apart from a short one', () => {
  assert.deepEqual(passwordProblem('', []), { code: 'PW_EMPTY' })
  assert.deepEqual(passwordProblem(' ', []), { code: 'PW_SHORT', min: PASSWORD_MIN })
})

test('a password has 15 to 128 code points after NFC, spaces included', () => {
  assert.deepEqual(passwordProblem(plainText(14), []), { code: 'PW_SHORT', min: 15 })
  assert.equal(passwordProblem(plainText(15), []), undefined)
  assert.equal(passwordProblem(plainText(128), []), undefined)
  assert.deepEqual(passwordProblem(plainText(129), []), { code: 'PW_LONG', max: 128 })
  // An emoji is one code point and two units; e + combining acute is one code point after NFC.
  assert.deepEqual(passwordProblem(`${plainText(12)}😀😀`, []), { code: 'PW_SHORT', min: 15 })
  assert.deepEqual(passwordProblem(`${plainText(13)}e\u0301`, []), { code: 'PW_SHORT', min: 15 })
  assert.equal(passwordProblem(`${plainText(14)}e\u0301`, []), undefined)
  assert.equal(passwordProblem(`${plainText(127)}e\u0301`, []), undefined)
})

test('a password that is not well-formed text is refused', () => {
  assert.deepEqual(passwordProblem(`${phrase}\uD83D`, []), { code: 'PW_CHARS' })
  assert.deepEqual(passwordProblem(`\uDE00${phrase}`, []), { code: 'PW_CHARS' })
  assert.equal(passwordProblem(`${phrase}\uD83D\uDE00`, []), undefined)
})

test('an enormous password is refused without being worked on', () => {
  const started = performance.now()
  for (const unit of ['a', '\uD800', '\u0301', '😀'])
    assert.deepEqual(passwordProblem(unit.repeat(1_000_000), [unit.repeat(1_000_000)]), {
      code: 'PW_LONG',
      max: PASSWORD_MAX,
    })
  const took = performance.now() - started
  assert.ok(took < 250, `it took ${took} ms`)
})

test('a listed password is refused, in any case', () => {
  for (const password of ['momsanaladventure', '1qaz2wsx3edc4rfv', '1QAZ2WSX3EDC4RFV'])
    assert.deepEqual(passwordProblem(password, []), { code: 'PW_COMMON' }, password)
})

test('a listed password does not pass by being repeated or padded', () => {
  const passwords = [
    'passwordpassword',
    'password password',
    'Password-Password-1',
    'letmein letmein letmein',
    'summer2024summer2024',
    'password1234567',
    'Password1234567!',
    '1234567password',
    'password9876543',
    'passworddddddddd',
    'p4ssw0rd!!!!!!!!',
    'student12345678',
    'iloveyou20242024',
    'qwerty123456789',
  ]
  for (const password of passwords) assert.deepEqual(passwordProblem(password, []), { code: 'PW_COMMON' }, password)
})

test('a row of keys, of the alphabet, of digits or of one character is refused', () => {
  const passwords = [
    'qwertyuiopasdfg',
    'gfdsapoiuytrewq',
    'abcdefghijklmnop',
    'zyxwvutsrqponmlk',
    '123456789012345',
    '098765432109876',
    'aaaaaaaaaaaaaaa',
    '               ',
    '🐈'.repeat(15),
    'abcabcabcabcabc',
    '121212121212121',
    'zaq1xsw2cde3vfr4',
  ]
  for (const password of passwords) assert.deepEqual(passwordProblem(password, []), { code: 'PW_COMMON' }, password)
})

test('a listed word with enough of something else is accepted', () => {
  for (const password of ['password of my teapot', 'monkeyk7q2xm9v4tz', 'dragon-81-otter-47'])
    assert.equal(passwordProblem(password, []), undefined, password)
})

test('a password that has the username, the mailbox or a name of the house in it is refused', () => {
  const personal = ['Asha.Rao', 'arao', 'Café Demo', 'Demo IdP']
  for (const password of [
    'my name is asha.rao',
    'ASHA.RAO has a teapot',
    'teapot arao gravel',
    'teapot at cafe\u0301 demo',
  ])
    assert.deepEqual(passwordProblem(password, personal), { code: 'PW_PERSONAL' }, password)
  assert.deepEqual(passwordProblem('gravel-teapot-90', ['Gravel-Teapot-90']), { code: 'PW_PERSONAL' })
  assert.equal(passwordProblem('teapot gravel ninety', personal), undefined)
})

test('personal words of fewer than four code points do not count', () => {
  assert.equal(passwordProblem('teapot gravel ninety', ['tea', '', ' ', 'X', '😀😀']), undefined)
  assert.deepEqual(passwordProblem('teapot gravel ninety', ['teap']), { code: 'PW_PERSONAL' })
})

const CLIENT = '203.0.113.7'
const passwords = createPasswords(createHashingQueue({ running: 2, waiting: 50 }))
const verify = (hash: string | undefined, password: string) =>
  passwords.inTurn(CLIENT, (matches) => matches(hash, password))

test('a password is kept as Argon2id with 19 MiB, two passes and one lane', async () => {
  const hash = await passwords.hash(phrase, CLIENT)
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(await passwords.hash(phrase, CLIENT), hash, 'every hash has a salt of its own')
})

test('the right password is recognised, and only it', async () => {
  const hash = await passwords.hash(phrase, CLIENT)
  assert.equal(await verify(hash, phrase), true)
  for (const wrong of [phrase.toUpperCase(), `${phrase} `, ` ${phrase}`, ''])
    assert.equal(await verify(hash, wrong), false, JSON.stringify(wrong))
})

test('composed and decomposed accents are the same password', async () => {
  const hash = await passwords.hash('cafe\u0301 gravel ninety', CLIENT)
  assert.equal(await verify(hash, 'caf\u00E9 gravel ninety'), true)
  assert.equal(await verify(hash, 'cafe gravel ninety'), false)
})

test('the last of 128 code points counts, and there is no 129th', async () => {
  const hash = await passwords.hash(plainText(128), CLIENT)
  assert.equal(await verify(hash, plainText(128)), true)
  assert.equal(await verify(hash, `${plainText(127)}\u00E9`), false)
  assert.equal(await verify(hash, plainText(129)), false)
})

test('a password that cannot be stored is not hashed, and matches nothing', async () => {
  // What an encoder makes of every half of a character: the very same bytes.
  const hash = await argon2Hash(`${phrase}\uFFFD`)
  for (const unfit of [`${phrase}\uD83D`, `${phrase}\uFFFD`, plainText(129)]) {
    await assert.rejects(passwords.hash(unfit, CLIENT), RangeError)
    assert.equal(await verify(hash, unfit), false)
  }
})

test('nobody signs in as a user who is not there, and the answer takes a hash all the same', async () => {
  for (const password of [phrase, '', 'a'.repeat(1_000_000)]) assert.equal(await verify(undefined, password), false)

  const hash = await passwords.hash(phrase, CLIENT)
  // Processor time, of all threads: a clock on the wall also counts what other programs do.
  const workOf = async (stored: string | undefined) => {
    const before = process.cpuUsage()
    for (let round = 0; round < 5; round += 1) await verify(stored, 'teapot gravel ninety')
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  }
  // Of several looks the least: the collector of garbage works now and then, whatever is asked.
  const least = async (stored: string | undefined) =>
    Math.min(await workOf(stored), await workOf(stored), await workOf(stored))
  const [known, unknown] = [await least(hash), await least(undefined)]
  assert.ok(unknown > known / 2, `${unknown} ms without a user, ${known} ms with one`)
})
