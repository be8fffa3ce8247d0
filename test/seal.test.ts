// What is sealed opens only with its key, in its place, and unchanged.
import assert from 'node:assert/strict'
import { hkdfSync, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { createKeyring, deriveKey, keyedHash, seal, sha256, unseal } from '../src/seal.ts'

const KEY = deriveKey('a secret', 'a use')
const TEXTS = ['', 'x', 'Ünïcödé 😀', '{"sub":"asha"}', '\0', 'x'.repeat(1_000_000)]

function flipped(sealed: Buffer, bit: number): Buffer {
  const copy = Buffer.from(sealed)
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
  return copy
}

test('a derived key is what HKDF-SHA-256 makes of its secret without a salt, however long the secret and the use are', () => {
  for (const length of [1, 31, 32, 63, 64, 65, 1_000])
    for (const use of ['', 'sealing', 'x'.repeat(500)]) {
      const secret = randomBytes(length)
      const expected = Buffer.from(hkdfSync('sha256', secret, '', `vestibule ${use}`, 32))
      assert.deepEqual(deriveKey(secret, use), expected, `${length} ${use}`)
    }
  assert.deepEqual(deriveKey('ü', 'a'), Buffer.from(hkdfSync('sha256', 'ü', '', 'vestibule a', 32)))
})

describe('a sealed text', () => {
  test('opens to the same text, with the same key and context', () => {
    for (const text of TEXTS) assert.equal(unseal(KEY, 'row 1', seal(KEY, 'row 1', text)), text)
  })

  test('does not open with another key, even of the same secret', () => {
    const sealed = seal(KEY, 'row 1', 'text')
    for (const key of [
      randomBytes(32),
      Buffer.alloc(32),
      deriveKey('a secret', 'another use'),
      deriveKey('another', 'a use'),
    ]) {
      assert.throws(() => unseal(key, 'row 1', sealed))
    }
  })

  test('does not open in another place', () => {
    const sealed = seal(KEY, 'row 1', 'text')
    for (const context of ['row 2', '', 'row 1 ', 'ROW 1', 'row', 'row 11', 'row 1\0']) {
      assert.throws(() => unseal(KEY, context, sealed), context)
    }
  })

  test('does not open with any single bit changed', () => {
    const sealed = seal(KEY, 'row 1', 'text')
    for (let bit = 0; bit < sealed.length * 8; bit += 1) assert.throws(() => unseal(KEY, 'row 1', flipped(sealed, bit)))
  })

  test('does not open shortened or lengthened, at either end or down to nothing', () => {
    const sealed = seal(KEY, 'row 1', 'text')
    for (let length = 0; length < sealed.length; length += 1) {
      assert.throws(() => unseal(KEY, 'row 1', sealed.subarray(0, length)), `the first ${length} bytes`)
      assert.throws(() => unseal(KEY, 'row 1', sealed.subarray(sealed.length - length)), `the last ${length} bytes`)
    }
    for (const more of [Buffer.from([0]), Buffer.alloc(16), sealed]) {
      assert.throws(() => unseal(KEY, 'row 1', Buffer.concat([sealed, more])))
      assert.throws(() => unseal(KEY, 'row 1', Buffer.concat([more, sealed])))
    }
  })

  test('never looks the same twice, and shows nothing but its length', () => {
    const sealed = Array.from({ length: 100 }, () => seal(KEY, 'row 1', 'canary canary canary'))
    assert.equal(new Set(sealed.map((one) => one.toString('hex'))).size, 100)
    assert.equal(new Set(sealed.map((one) => one.subarray(0, 12).toString('hex'))).size, 100, 'a nonce was used twice')
    for (const one of sealed) assert.ok(!one.includes('canary') && one.length === 12 + 20 + 16)
  })

  test('of an earlier version of the product still opens', () => {
    const earlier = Buffer.from(
      '4+45rQgDQLYnn7VR5np7aOb6jXBeLCGzizi2T1rDvwP0JQ0+iTt9m4CVz0stlZzVVaFSVievHA==',
      'base64',
    )
    assert.equal(unseal(deriveKey('a secret that is kept', 'sealing'), 'a row', earlier), 'sealed in the first version')
  })
})

describe('a derived key', () => {
  test('has 32 bytes, and is the same for the same secret and use', () => {
    assert.equal(KEY.length, 32)
    assert.deepEqual(deriveKey(Buffer.from('a secret'), 'a use'), KEY)
  })

  test('differs with the secret and with the use', () => {
    const keys = ['a', 'b', ''].flatMap((secret) => ['x', 'y', ''].map((use) => deriveKey(secret, use).toString('hex')))
    assert.equal(new Set(keys).size, 9)
  })
})

describe('the keys that follow from SECRET_KEY', () => {
  const [first, second, third] = ['first', 'second', 'third'].map(
    (word) => `${word} secret key of more than 32 characters`,
  )
  const ring = createKeyring(String(first))

  test('open what they sealed on another process', () => {
    assert.equal(createKeyring(String(first)).unseal('row', ring.seal('row', 'text')), 'text')
  })

  test('open during a rotation what either key sealed, and seal with the new one', () => {
    const rotating = createKeyring(String(second), first)
    assert.equal(rotating.unseal('row', ring.seal('row', 'old')), 'old')
    const fresh = rotating.seal('row', 'new')
    assert.equal(rotating.unseal('row', fresh), 'new')
    assert.equal(createKeyring(String(second)).unseal('row', fresh), 'new')
    assert.throws(() => ring.unseal('row', fresh))
  })

  test('do not open what a third key sealed, nor a row moved to another place', () => {
    const rotating = createKeyring(String(second), first)
    assert.throws(() => rotating.unseal('row', createKeyring(String(third)).seal('row', 'text')))
    assert.throws(() => rotating.unseal('another row', ring.seal('row', 'text')))
  })

  test('sign cookies with the new one first, and know the old one during a rotation', () => {
    const [newest, older, ...rest] = createKeyring(String(second), first).cookieSecrets
    assert.deepEqual([newest], createKeyring(String(second)).cookieSecrets)
    assert.deepEqual([older], ring.cookieSecrets)
    assert.deepEqual(rest, [])
  })

  test('are apart: no use gives away another, and none the secret', () => {
    const given = [
      ring.cookieSecrets.join(),
      ring.hash('a', 'b').toString('base64url'),
      deriveKey(String(first), 'sealing').toString('base64url'),
    ]
    assert.equal(new Set(given).size, 3)
    assert.ok(!given.join().includes('first'))
  })
})

describe('a keyed hash', () => {
  test('tells parts apart, wherever the border between them is', () => {
    const parts = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc'],
      ['abc', ''],
      ['', 'abc'],
      ['a', 'b', 'c'],
      ['1:a', 'b'],
      ['a1:b'],
      ['a', '1:b'],
      [],
    ]
    const hashes = parts.map((some) => keyedHash(KEY, ...some).toString('hex'))
    assert.equal(new Set(hashes).size, parts.length)
  })

  test('is of bytes: case, spaces and normalisation count', () => {
    const subjects = ['abc', 'Abc', 'abc ', 'ａｂｃ', 'é', 'e\u0301', '😀']
    assert.equal(new Set(subjects.map((one) => keyedHash(KEY, one).toString('hex'))).size, subjects.length)
  })

  test('differs with the key and is the same with the same', () => {
    assert.notDeepEqual(keyedHash(KEY, 'a'), keyedHash(deriveKey('another', 'use'), 'a'))
    assert.deepEqual(keyedHash(KEY, 'a'), keyedHash(Buffer.from(KEY), 'a'))
  })

  test('differs with its use, also when the use and the first part could be read as one', () => {
    const ring = createKeyring('a secret key of more than 32 characters')
    assert.notDeepEqual(ring.hash('brake', 'user'), ring.hash('brake user'))
    assert.notDeepEqual(ring.hash('brake user', 'x'), ring.hash('brake', 'userx'))
  })
})

test('an opaque id is kept as its SHA-256 (FIPS 180-2, B.1)', () => {
  assert.equal(sha256('abc').toString('hex'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
