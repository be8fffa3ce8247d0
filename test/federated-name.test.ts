// The federated unique id: what it looks like, that it stays the same, whose it is, and that nobody can choose it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decide } from '../src/provisioning/decide.ts'
import { displayNameOf } from '../src/provisioning/display-name.ts'
import { federatedUniqueId } from '../src/provisioning/federated-name.ts'
import { lookOf } from '../src/provisioning/look.ts'
import { readName, uniqueIdName } from '../src/provisioning/place.ts'
import { alternatives, isLikeUniqueId, readUsername } from '../src/provisioning/username.ts'
import { keyedHash } from '../src/seal.ts'
import { AS_IN_USERNAME } from '../src/stores/name.ts'
import { anyFacts } from './support/arbitrary-facts.ts'
import { placesOf } from './support/places.ts'

const SALT = Buffer.alloc(32, 7)
const ADA = { idpId: '5f0c2f6e-50a3-4f4a-9f0e-0a53a9a3e0b1', issuer: 'https://id.acme.example', subject: 'ada' }
const person = fc.record({
  idpId: fc.uuid(),
  issuer: fc.webUrl(),
  subject: fc.string({ minLength: 1, unit: 'binary' }),
})

describe('the federated unique id', () => {
  test('is a UUIDv8 of the variant of RFC 9562, whoever it is of', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), person, (salt, one) => {
        assert.match(
          federatedUniqueId(Buffer.from(salt), one),
          /^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
        )
      }),
    )
  })

  test('never changes: this is what it was in the first release that had it', () => {
    assert.equal(federatedUniqueId(SALT, ADA), '9dee9636-5016-890f-90f9-9f51bc25f60f')
  })

  test('is 122 bits of a keyed hash, and not of the one by which applications know people without a user', () => {
    const plain = (hash: Buffer) => hash.toString('hex').replace(/^(.{12}).(.{3}).(.{15}).*/, '$1$2$3')
    const id = federatedUniqueId(SALT, ADA).replaceAll('-', '')
    const without = `${id.slice(0, 12)}${id.slice(13, 16)}${id.slice(17)}`
    const { idpId, issuer, subject } = ADA
    assert.equal(without, plain(keyedHash(SALT, 'username', idpId, issuer, subject, '')))
    assert.notEqual(without, plain(keyedHash(SALT, idpId, issuer, subject)))
  })

  test('is another one for every other person, byte for byte, and for every other installation', () => {
    fc.assert(
      fc.property(person, person, fc.uint8Array({ minLength: 32, maxLength: 32 }), (one, other, salt) => {
        const isSame = one.idpId === other.idpId && one.issuer === other.issuer && one.subject === other.subject
        assert.equal(federatedUniqueId(SALT, one) === federatedUniqueId(SALT, other), isSame)
        if (!SALT.equals(salt)) assert.notEqual(federatedUniqueId(SALT, one), federatedUniqueId(Buffer.from(salt), one))
      }),
    )
    // biome-ignore format: one row, one line
    const alike: [string, string][] = [
      ['ada', 'Ada'], ['ada', 'ada '], ['ada', 'ada\u200b'], ['\u00e9', 'e\u0301'], ['\uff21', 'A'], ['1', '01'],
    ]
    for (const [one, other] of alike)
      assert.notEqual(
        federatedUniqueId(SALT, { ...ADA, subject: one }),
        federatedUniqueId(SALT, { ...ADA, subject: other }),
      )
  })

  test('does not come out the same where issuer and subject together do', () => {
    const [one, other] = [
      { ...ADA, issuer: 'https://id.acme.example/a', subject: 'b' },
      { ...ADA, issuer: 'https://id.acme.example/', subject: 'ab' },
    ]
    assert.notEqual(federatedUniqueId(SALT, one), federatedUniqueId(SALT, other))
  })

  test('is another one on another occasion', () => {
    assert.notEqual(federatedUniqueId(SALT, ADA, 'flow a'), federatedUniqueId(SALT, ADA))
    assert.notEqual(federatedUniqueId(SALT, ADA, 'flow a'), federatedUniqueId(SALT, ADA, 'flow b'))
  })
})

describe('as a username', () => {
  const id = federatedUniqueId(SALT, ADA)

  test('is in PRIMARY where the name would say the store, else in the store of the idp, whatever that store’s rule is', () => {
    const stores = { STAFF: { UsernameJavaRegEx: '^[a-z]{3,8}$' }, CASED: { CaseInsensitiveUsername: 'false' } }
    for (const [userstore, name] of [
      [AS_IN_USERNAME, id],
      ['PRIMARY', id],
      ['STAFF', `STAFF/${id}`],
      ['CASED', `CASED/${id}`],
    ] as const) {
      const reading = uniqueIdName(id, placesOf(userstore, stores))
      assert.deepEqual([reading.name, reading.username, reading.canonical], [name, id, id])
      assert.equal(reading.key, name)
      assert.deepEqual(reading.looks, [lookOf(id), lookOf(id)])
    }
  })

  test('is chosen by nobody, typed or claimed, in capitals or in letters that look like it, feature or no feature', () => {
    fc.assert(
      fc.property(person, (one) => {
        const name = federatedUniqueId(SALT, one)
        const likes = [
          name,
          name.toUpperCase(),
          name.replace(/0/g, 'o').replace(/1/g, 'l'),
          name.replace(/[ae]/g, (a) => (a === 'a' ? '\u0430' : '\u0435')),
        ]
        for (const like of likes) {
          assert.ok(isLikeUniqueId(like), like)
          assert.notEqual(readUsername(like).kind, 'ok')
        }
        const reading = readUsername(name)
        assert.deepEqual(reading.kind === 'problem' && reading.problem, { code: 'USERNAME_RESERVED' })
        for (const how of ['typed', 'claimed'] as const)
          for (const place of [placesOf('PRIMARY'), placesOf(AS_IN_USERNAME, { STAFF: {} })])
            assert.equal(readName(name, place, how).kind, 'problem')
        assert.equal(alternatives(name, {}).some(isLikeUniqueId), false)
      }),
    )
  })

  test('other UUIDs, and what only has one in it, are names as before', () => {
    for (const name of [
      '0190163d-8694-739b-aea5-966c26f8ad91',
      '919108f7-52d1-4320-9bac-f847db4148a8',
      `${id}2`,
      id.replaceAll('-', ''),
    ])
      assert.equal(readUsername(name).kind, 'ok', name)
  })
})

describe('what is decided with it', () => {
  test('nobody is asked for a name or refused for one, and all else is as if a suggested name were free', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const fixed = decide({ ...facts, username: 'fixed' })
        const free = decide({ ...facts, username: 'free' })
        if (fixed.kind !== 'ask') return assert.deepEqual(fixed, free)
        assert.equal(fixed.ask.username, false)
        assert.ok(free.kind === 'ask')
        assert.deepEqual({ ...fixed, ask: { ...fixed.ask, username: free.ask.username } }, free)
      }),
    )
  })
})

test('a user is called by their name, else its parts, else their address, else by nothing', () => {
  const all = { name: 'Ada Byron', given_name: 'Ada', family_name: 'B', email: 'ada@acme.example' }
  const { name: _, ...parts } = all
  assert.equal(displayNameOf(all), 'Ada Byron')
  assert.equal(displayNameOf({ ...all, name: '  ' }), 'Ada B')
  assert.equal(displayNameOf(parts), 'Ada B')
  assert.equal(displayNameOf({ family_name: 'B', email: 'x@y.example' }), 'B')
  assert.equal(displayNameOf({ email: all.email }), all.email)
  assert.equal(displayNameOf({ name: 'Ada\n Byron ' }), 'Ada Byron')
  assert.equal(displayNameOf({ name: true, email: ['a'] }), undefined)
  assert.equal(displayNameOf({}), undefined)
})
