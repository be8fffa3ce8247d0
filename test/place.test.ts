// Where a name goes: the one parser and the one builder of DOMAIN/user, and the rule of an idp.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fieldOf, readName } from '../src/provisioning/place.ts'
import { AS_IN_USERNAME, isStoreName, joinName, splitName } from '../src/stores/name.ts'
import { placesOf } from './support/places.ts'

const STORES = { STAFF: {}, 'EU.CUSTOMERS-2': {}, CASED: { CaseInsensitiveUsername: 'false' } }
const ANYWHERE = placesOf(AS_IN_USERNAME, STORES)
const STRICT = placesOf(AS_IN_USERNAME, STORES, { unknownStore: 'refuse' })
const PRIMARY_ALONE = placesOf('PRIMARY', STORES)
const STAFF_ALONE = placesOf('STAFF', STORES)

/** Where a name goes, as `STORE name`, or the code of what is wrong with it. */
function goes(text: string, places = ANYWHERE, how: 'typed' | 'claimed' = 'typed'): string {
  const reading = readName(text, places, how)
  return reading.kind === 'ok' ? `${reading.store.name} ${reading.username}` : reading.problem.code
}

describe('as in username', () => {
  // biome-ignore format: one row, one line
  const table: [name: string, place: string, strict?: string][] = [
    ['asha', 'PRIMARY asha'],
    ['STAFF/asha', 'STAFF asha'],
    ['staff/asha', 'STAFF asha'],
    ['sTaFf/Asha', 'STAFF Asha'],
    ['eu.customers-2/asha', 'EU.CUSTOMERS-2 asha'],
    ['PRIMARY/asha', 'PRIMARY asha'],
    ['primary/asha', 'PRIMARY asha'],
    ['NOPE/asha', 'PRIMARY asha', 'STORE_UNKNOWN'],
    ['INTERNAL/asha', 'PRIMARY asha', 'STORE_UNKNOWN'],
    ['INTERNAL/admin', 'USERNAME_RESERVED', 'STORE_UNKNOWN'],
    ['STAFF/admin', 'USERNAME_RESERVED'],
    ['STAFF/STAFF/asha', 'USERNAME_NO_PREFIX'],
    ['A/B/cde', 'USERNAME_NO_PREFIX', 'STORE_UNKNOWN'],
    ['NOPE/STAFF/asha', 'USERNAME_NO_PREFIX', 'STORE_UNKNOWN'],
    ['/asha', 'USERNAME_NO_PREFIX'],
    ['//asha', 'USERNAME_NO_PREFIX'],
    ['/STAFF/asha', 'USERNAME_NO_PREFIX'],
    ['STAFF//asha', 'USERNAME_NO_PREFIX'],
    ['asha/', 'USERNAME_EMPTY', 'STORE_UNKNOWN'],
    ['STAFF/', 'USERNAME_EMPTY'],
    ['STAFF\\asha', 'USERNAME_CHARS'],
    ['STAFF%2Fasha', 'USERNAME_CHARS'],
    ['STAFF%252fasha', 'USERNAME_CHARS'],
    ['STAFF\uFF0Fasha', 'USERNAME_NO_PREFIX'],
    ['STAFF\u2044asha', 'USERNAME_CHARS'],
    ['STAFF\u2215asha', 'USERNAME_CHARS'],
    ['STAFF:asha', 'USERNAME_CHARS'],
    ['STAFF;asha', 'USERNAME_CHARS'],
    ['\u017FTAFF/asha', 'USERNAME_NO_PREFIX'],
    ['\uFF33TAFF/asha', 'USERNAME_NO_PREFIX'],
    ['STAFF /asha', 'USERNAME_NO_PREFIX'],
    ['STAFF/ asha', 'USERNAME_CHARS'],
    ['../STAFF/asha', 'USERNAME_NO_PREFIX'],
    ['<b>/asha', 'USERNAME_NO_PREFIX'],
    ['asha@STAFF', 'PRIMARY asha@STAFF'],
    ['asha@carbon.super', 'PRIMARY asha@carbon.super'],
  ]
  for (const [name, place, strict = place] of table) {
    test(`${JSON.stringify(name)} goes to ${place}${strict === place ? '' : `, or is ${strict} by setting`}`, () => {
      assert.equal(goes(name), place)
      assert.equal(goes(name, STRICT), strict)
      assert.equal(goes(name, ANYWHERE, 'claimed'), place)
      assert.equal(goes(name, STRICT, 'claimed'), strict)
    })
  }

  test('an unknown store that is refused is told from those that there are, PRIMARY left out', () => {
    const reading = readName('nope/asha', STRICT, 'typed')
    const list = ['STAFF', 'EU.CUSTOMERS-2', 'CASED']
    assert.deepEqual(reading.kind === 'problem' && reading.problem, { code: 'STORE_UNKNOWN', prefix: 'nope', list })
  })

  test('spaces at the ends of a typed name are slips of the hand, before the prefix too', () => {
    assert.equal(goes('  STAFF/asha '), 'STAFF asha')
    assert.equal(goes('  STAFF/asha ', ANYWHERE, 'claimed'), 'USERNAME_NO_PREFIX')
  })

  test('a name is judged by the rules of the store that it goes to', () => {
    const places = placesOf(AS_IN_USERNAME, { STAFF: { UsernameJavaRegEx: '^[0-9]{5}$' } })
    assert.equal(goes('STAFF/12345', places), 'STAFF 12345')
    assert.equal(goes('STAFF/asha', places), 'USERNAME_POLICY')
    assert.equal(goes('asha', places), 'PRIMARY asha')
  })

  test('Asha and asha are one person where cases do not count, and two where they do', () => {
    const key = (name: string) => {
      const reading = readName(name, ANYWHERE, 'typed')
      return reading.kind === 'ok' ? reading.key : assert.fail(name)
    }
    assert.equal(key('STAFF/Asha'), key('staff/ASHA'))
    assert.notEqual(key('CASED/Asha'), key('CASED/asha'))
    assert.equal(key('CASED/\uFF21sha'), key('CASED/Asha'))
    assert.equal(goes('CASED/Admin'), 'USERNAME_RESERVED')
  })

  test('the field holds the whole name, and what cannot be a name as it is', () => {
    assert.equal(fieldOf('staff/asha', ANYWHERE), 'STAFF/asha')
    assert.equal(fieldOf('PRIMARY/asha', ANYWHERE), 'asha')
    assert.equal(fieldOf('NOPE/asha', ANYWHERE), 'asha')
    assert.equal(fieldOf('NOPE/asha', STRICT), 'NOPE/asha')
    assert.equal(fieldOf('/asha', ANYWHERE), '/asha')
  })
})

describe('a fixed store', () => {
  test('is where every name goes', () => {
    assert.equal(goes('asha', PRIMARY_ALONE), 'PRIMARY asha')
    assert.equal(goes('asha', STAFF_ALONE), 'STAFF asha')
    assert.equal(goes('asha', STAFF_ALONE, 'claimed'), 'STAFF asha')
  })

  test('knows no prefix in a typed name, not even its own', () => {
    for (const name of ['STAFF/asha', 'primary/asha', 'NOPE/asha', '/asha', 'asha/', 'A/B/cde', '<b>x</b>'])
      for (const places of [PRIMARY_ALONE, STAFF_ALONE]) assert.equal(goes(name, places), 'USERNAME_NO_PREFIX', name)
  })

  test('drops the prefix of a claimed name, whatever it says', () => {
    for (const prefix of ['STAFF', 'staff', 'PRIMARY', 'NOPE', 'INTERNAL']) {
      assert.equal(goes(`${prefix}/asha`, PRIMARY_ALONE, 'claimed'), 'PRIMARY asha')
      assert.equal(goes(`${prefix}/asha`, STAFF_ALONE, 'claimed'), 'STAFF asha')
      assert.equal(fieldOf(`${prefix}/asha`, STAFF_ALONE), 'asha')
    }
  })

  test('drops one prefix and no more, and nothing that no store could be called', () => {
    for (const name of ['STAFF/A/bcd', '/asha', 'auth0|7/asha', 'https://acme.example/asha', 'STAFF\uFF0Fasha'])
      assert.match(goes(name, STAFF_ALONE, 'claimed'), /^USERNAME_(NO_PREFIX|CHARS)$/, name)
  })
})

describe('whatever the name', () => {
  const part = fc.oneof(
    fc.constantFrom(
      'STAFF',
      'staff',
      'PRIMARY',
      'NOPE',
      'asha',
      'bob',
      '',
      '..',
      '\uFF0F',
      '%2F',
      '\\',
      ' ',
      '\0',
      '\u200b',
    ),
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
  )
  const name = fc.array(fc.oneof(part, fc.constant('/')), { maxLength: 6 }).map((parts) => parts.join(''))
  const holds = (claim: (name: string) => void, runs = 3_000) => fc.assert(fc.property(name, claim), { numRuns: runs })

  test('it reaches no store that it does not name in ASCII letters before its first slash', () => {
    holds((text) => {
      for (const how of ['typed', 'claimed'] as const) {
        const reading = readName(text, ANYWHERE, how)
        if (reading.kind === 'problem' || reading.store.name === 'PRIMARY') continue
        assert.match(text.toLowerCase(), new RegExp(`^ *${reading.store.name.toLowerCase()}/`))
      }
    })
  })

  test('a fixed store is never left', () => {
    holds((text) => {
      for (const how of ['typed', 'claimed'] as const) {
        assert.equal(readName(text, STAFF_ALONE, how).store.name, 'STAFF')
        assert.equal(readName(text, PRIMARY_ALONE, how).store.name, 'PRIMARY')
      }
    })
  })

  test('a fit name has no slash, and as it is written it goes to the same place again', () => {
    holds((text) => {
      const reading = readName(text, ANYWHERE, 'typed')
      if (reading.kind === 'problem') return
      assert.doesNotMatch(reading.canonical, /[/\\%]/)
      assert.deepEqual(readName(reading.name, ANYWHERE, 'typed'), reading)
      assert.deepEqual(readName(reading.name, ANYWHERE, 'claimed'), reading)
    })
  })

  test('two names with one key are one name of one store, and keys of two stores never meet', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        const [a, b] = [one, other].map((text) => readName(text, ANYWHERE, 'typed'))
        if (a?.kind !== 'ok' || b?.kind !== 'ok') return
        assert.equal(a.key === b.key, a.store.name === b.store.name && a.canonical === b.canonical)
      }),
      { numRuns: 3_000 },
    )
  })

  test('builder and parser are each other’s inverse for every store', () => {
    const store = fc.stringMatching(/^[A-Z0-9][A-Z0-9._-]{0,20}$/).filter(isStoreName)
    const username = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => !text.includes('/'))
    fc.assert(
      fc.property(store, username, (one, text) => {
        const { domain = 'PRIMARY', username: read } = splitName(joinName(one, text))
        assert.deepEqual([domain, read], [one, text])
      }),
    )
  })
})
