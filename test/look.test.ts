// What names look like: nobody gets a name that cannot be told from another's, and nobody is refused one that can (S125).
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dictionary } from '@zxcvbn-ts/language-common'
import fc from 'fast-check'
import { CONFUSABLES } from '../src/provisioning/confusables.ts'
import { lookOf } from '../src/provisioning/look.ts'
import { alternatives, readUsername } from '../src/provisioning/username.ts'
import { holds, shortText, text } from './support/arbitraries.ts'
import { disguisesOf, manyDisguisesOf, nameWithDisguises } from './support/disguises.ts'
import { FIRST_NAMES } from './support/first-names.ts'

/** The look of a name that the rules let through. */
function look(name: string): string {
  const reading = readUsername(name)
  assert.ok(reading.kind === 'ok', `${name} is no username: ${JSON.stringify(reading)}`)
  return lookOf(reading.canonical)
}

/** Names that look alike, in groups. */
function alike(names: Iterable<string>): string[][] {
  const groups = new Map<string, string[]>()
  for (const name of new Set(names)) {
    const looks = lookOf(name)
    groups.set(looks, [...(groups.get(looks) ?? []), name])
  }
  return [...groups.values()].filter((group) => group.length > 1)
}

const pointsOf = (codes: string) => String.fromCodePoint(...codes.split('+').map((code) => Number.parseInt(code, 16)))
const table = CONFUSABLES.split(',').map((group) => group.trim().split(' ').map(pointsOf))
const listed = table.flatMap(([, ...points]) => points)
const anyName = fc.oneof(
  shortText,
  fc.string({ unit: 'grapheme', maxLength: 50 }),
  fc.array(fc.constantFrom(...listed, ...'asha01mnr-'), { maxLength: 50 }).map((points) => points.join('')),
)

describe('a name looks like another', () => {
  it('when letters of one other script spell it, in small letters or capitals', () => {
    const pairs: [string, string][] = [
      ['асе', 'ace'],
      ['раура\u04CF', 'paypal'],
      ['аррӏе', 'apple'],
      ['ѕсоре', 'scope'],
      ['еріс', 'epic'],
      ['ТОМ', 'tom'],
      ['ВОВ', 'bob'],
      ['КАТЕ', 'Kate'],
      ['ΤΟΜ', 'tom'],
      ['ΖΟΕ', 'Zoe'],
      ['ΒΕΤΗ', 'Beth'],
      ['κατο', 'kato'],
      ['υοο', 'uoo'],
      ['օսօո', 'ouon'],
      ['ոսո', 'nun'],
      ['ᎪᏞᎥᏟᎬ', 'Alice'],
      ['ꓮꓡꓲꓚꓰ', 'ALlCE'],
      ['ΚΑΤΟ', 'КАТО'],
    ]
    for (const [name, latin] of pairs) assert.equal(look(name), look(latin), `${name} ${latin}`)
  })

  it('when ASCII characters have the shape of others', () => {
    const pairs = [
      ...['modern modem', 'michael michae1', 'user1 userl', 'pipe|d pipeld', 'g00gle google', 'B0B bob'],
      ...['annal0 annalo', "o`brien o'brien", 'cæsar caesar', "oʼbrien o'brien", "ʻokina 'okina"],
    ]
    for (const pair of pairs) {
      const [one = '', other = ''] = pair.split(' ')
      assert.equal(look(one), look(other), pair)
    }
  })

  it('when its marks or letters differ in nothing that is seen', () => {
    const pairs = [
      ...['ışık işik', 'ştefan ștefan', 'ǧül ğül', 'þór pór', 'уран үран'],
      ...['علي على', 'كريم کریم', 'רון רוו', 'ハナヘ ハナへ', '二口子 ニロ子', '土田子 士田子'],
    ]
    for (const pair of pairs) {
      const [one = '', other = ''] = pair.split(' ')
      assert.equal(look(one), look(other), pair)
    }
    assert.equal(lookOf('as\u200Bha\u{E0061}\uFE0F'), lookOf('asha'))
    assert.equal(lookOf('so\u0338s'), lookOf('søs'))
  })

  it('in a store that tells cases apart, as far as capitals do', () => {
    const pairs = ['Ivan lvan', 'B0B BOB', 'Раура Paypa', 'ΑΒΕ ABE']
    for (const pair of pairs) {
      const [one = '', other = ''] = pair.split(' ')
      assert.equal(lookOf(one), lookOf(other), pair)
    }
    assert.notEqual(lookOf('Alice'), lookOf('alice'))
    assert.notEqual(lookOf('BOB'), lookOf('bob'))
  })
})

describe('a name looks like no other', () => {
  it('by letters that people tell apart', () => {
    // biome-ignore format: pairs
    const pairs = [
      'maria marla', 'daria darla', 'neil nell', 'bianca blanca', 'carl cari', 'vvilli willi', 'clara dara', 'jose josé', 'ana añña', 'asha.rao asharao', 'asha-rao asha_rao', 'user5 users', 'zoe 2oe', 'надия һадия',
      'straße strasse', 'straße strabe', 'lena łena', 'єва ева', 'μαρία μάρια', 'אסתר אסתד', 'ليلى لينا', '大田 太田', '王 玉', 'するが ずるが', '한별 한빛',
    ]
    for (const pair of pairs) {
      const [one = '', other = ''] = pair.split(' ')
      assert.notEqual(lookOf(one), lookOf(other), pair)
    }
  })

  it('by its number, in digits of any script', () => {
    for (const stem of ['asha', 'm', 'l', 'olo', 'Asha', 'аша', 'אשה', 'アシャ']) {
      assert.deepEqual(alike(Array.from({ length: 2_000 }, (_, number) => `${stem}${number}`)), [], stem)
    }
    let scripts = 0
    for (let zero = 0x30; zero < 0x1fbfa; zero += 1) {
      const digits = Array.from({ length: 10 }, (_, digit) => String.fromCodePoint(zero + digit))
      if (!/^\p{Nd}{10}$/u.test(digits.join('')) || /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) continue
      assert.deepEqual(alike(digits), [], digits.join(''))
      scripts += 1
    }
    assert.ok(scripts >= 50, `only ${scripts} kinds of digits`)
  })

  it('of those that are offered for one', () => {
    const typed = [
      'asha',
      'asha10',
      'asha19',
      'mol0',
      'l1',
      'asha@example.com',
      'll1',
      'rnm',
      'Том',
      'שלום',
      'a'.repeat(50),
    ]
    const looksDiffer = (name: string) => assert.deepEqual(alike(alternatives(name, {})), [], name)
    typed.forEach(looksDiffer)
    holds(200, [anyName], looksDiffer)
  })

  it('of common first names in twenty scripts', () => {
    assert.ok(FIRST_NAMES.length >= 200)
    for (const name of FIRST_NAMES) look(`${name}${name}`)
    const [thai = [], ...others] = alike(FIRST_NAMES.map((name) => name.toLowerCase()))
    // Unicode holds ด and ต for alike: a loop that turns the other way.
    assert.deepEqual(thai, ['นิดา', 'นิตา'])
    assert.deepEqual(others, [])
  })

  it('of nearly all words', (t) => {
    const words = dictionary['passwords-common'].map(String).filter((word) => /^[a-z]{3,}$/.test(word))
    const groups = alike(words)
    const share = `${groups.flat().length} of ${words.length} words in small letters look like another`
    t.diagnostic(`${share}: ${groups.map((group) => group.join(' ')).join(', ')}`)
    assert.ok(words.length > 30_000)
    assert.ok(groups.length > 0 && groups.flat().length < words.length / 1_000, share)
  })
})

describe('a look', () => {
  it('is the same for every spelling of a name', () => {
    for (let time = 0; time < 20; time += 1) {
      const name = nameWithDisguises()
      const looks = new Set([...disguisesOf(name), ...manyDisguisesOf(name, 40)].map(look))
      assert.equal(looks.size, 1, name)
    }
    holds(500, [anyName], (name) => {
      const [one, other] = [readUsername(name), readUsername(name.toUpperCase().normalize('NFD'))]
      if (one.kind !== 'ok' || other.kind !== 'ok' || one.canonical !== other.canonical) return
      assert.equal(look(name), look(name.toUpperCase().normalize('NFD')))
    })
  })

  it('looks like itself, whatever the name', () => {
    for (let point = 0; point <= 0x3ffff; point += 1) {
      const looks = lookOf(String.fromCodePoint(point))
      assert.equal(lookOf(looks), looks, point.toString(16))
    }
    holds(1_000, [fc.oneof(anyName, text)], (name) => assert.equal(lookOf(lookOf(name)), lookOf(name)))
  })

  it('is Unicode’s, but for letters that look like their capitals', () => {
    const hasCapital = (point: string) => point !== point.toLowerCase()
    const others = table.flatMap(([prototype = '', ...points]) =>
      points.filter((point) => lookOf(point) !== lookOf(hasCapital(point) ? prototype : prototype.toLowerCase())),
    )
    const cherokee = others.filter((point) => /\p{Script=Cherokee}/u.test(point))
    assert.ok(cherokee.length < 25, cherokee.join(' '))
    const rest = others.filter((point) => !cherokee.includes(point))
    assert.deepEqual(rest.sort(), ['β', 'ε', 'η', 'κ', 'τ', 'в', 'к', 'м', 'т'])
  })

  it('takes time in proportion to the name', () => {
    const started = performance.now()
    for (const point of ['a', 'm', 'ҋ', 'ɮ', '\u0301', 'ﷺ', '각', '\uD800', 'ꭰ']) {
      for (let time = 0; time < 100; time += 1) lookOf(point.repeat(100))
      lookOf(point.repeat(20_000))
    }
    const took = performance.now() - started
    assert.ok(took < 2_000, `it took ${took} ms`)
  })
})
