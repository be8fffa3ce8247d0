// From what an identity provider says to what we take it to mean, and what nobody may make us take it to mean.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AttributeValue } from '../src/db/user-attributes.ts'
import { mergeClaims, ProfileFault, toProfile } from '../src/login/profile.ts'
import { ISSUER } from './support/situations.ts'

const IDP = {
  issuer: ISSUER,
  usernameClaim: 'preferred_username',
  mappings: {
    email: 'email',
    phone_number: 'phone_number',
    given_name: 'given_name',
    address: 'address',
    department: 'dept',
  },
  rolesClaim: null,
  roleMappings: {},
}

function read(claims: Record<string, unknown>, idp = IDP) {
  return toProfile({ sub: 'asha-1', ...claims }, idp)
}

function value(claims: Record<string, unknown>, attribute: string): AttributeValue | undefined {
  return read(claims).attributes[attribute]?.value
}

function fault(claims: Record<string, unknown>): ProfileFault {
  try {
    read(claims)
  } catch (error) {
    assert.ok(error instanceof ProfileFault, String(error))
    return error
  }
  assert.fail(`${JSON.stringify(claims).slice(0, 200)} should be refused`)
}

describe('the subject', () => {
  // biome-ignore format: one row, one line
  const refused: [string, unknown][] = [
    ['absent', undefined], ['null', null], ['empty', ''], ['a number', 7], ['true', true], ['a list', ['asha-1']], ['an object', { sub: 'asha-1' }],
    ['of 256 characters', 'x'.repeat(256)], ['of a megabyte', 'x'.repeat(1_000_000)],
    ['with NUL', 'asha\0'], ['with a control character', 'asha\n'], ['with half a surrogate pair', 'asha\uD800'], ['with the other half', '\uDC00asha'],
    ['with the mark for bytes that are no text', 'asha\uFFFD'],
  ]
  for (const [title, sub] of refused) {
    test(`${title} makes no profile`, () => {
      assert.throws(() => read({ sub }), ProfileFault)
    })
  }

  test('is kept byte for byte: nothing is trimmed, folded or normalised', () => {
    for (const sub of [
      'x'.repeat(255),
      'Abc',
      'abc',
      ' abc ',
      'é',
      'e\u0301',
      'ａｂｃ',
      '__proto__',
      '0',
      '😀'.repeat(127),
    ]) {
      assert.equal(read({ sub }).subject, sub)
    }
  })

  test('comes with the issuer that is configured, whatever the claims call themselves', () => {
    assert.equal(read({ iss: 'https://evil.example' }).issuer, ISSUER)
  })
})

describe('attributes', () => {
  test('are what is mapped, under our names, and nothing else', () => {
    const { attributes } = read({
      email: 'a@b.example',
      dept: 'Engines',
      department: 'no',
      roles: ['admin'],
      name: 'Asha',
    })
    assert.deepEqual(Object.keys(attributes), ['email', 'department'])
    assert.deepEqual(attributes['department'], { value: 'Engines' })
  })

  // biome-ignore format: one row, one line
  const values: [string, unknown, AttributeValue | undefined][] = [
    ['text', 'Asha', 'Asha'], ['text with spaces', '  Asha ', '  Asha '], ['text of 10000 characters', 'x'.repeat(10_000), 'x'.repeat(10_000)],
    ['markup', '<script>alert(1)</script>', '<script>alert(1)</script>'], ['a number', 7, 7], ['zero', 0, 0], ['true', true, true], ['false', false, false],
    ['a list of text', ['a', 'b'], ['a', 'b']], ['the text __proto__', '__proto__', '__proto__'],
  ]
  for (const [title, sent, kept] of values) {
    test(`${title} is kept as it is`, () => assert.deepEqual(value({ dept: sent }, 'department'), kept))
  }

  for (const sent of [7, 0, true, false, ['a']]) {
    test(`${JSON.stringify(sent)} counts as not sent where the standard says text`, () => {
      for (const claim of ['given_name', 'email', 'phone_number']) {
        const { attributes } = read({ [claim]: sent, [`${claim}_verified`]: true })
        assert.deepEqual(attributes, {}, claim)
      }
    })
  }

  // biome-ignore format: one row, one line
  const notSent: [string, unknown][] = [
    ['null', null], ['empty text', ''], ['an empty list', []], ['an object', { a: 'b' }], ['a list with an object', ['a', {}]], ['a list with a list', [['a']]],
    ['a list with null', ['a', null]], ['a list with a number', ['a', 1]], ['a list of more than a thousand', Array(1_001).fill('a')],
    ['a number that JSON can write and not read back (1e400)', JSON.parse('1e400')], ['the same below zero', JSON.parse('-1e400')],
  ]
  for (const [title, sent] of notSent) {
    test(`${title} counts as not sent`, () => assert.deepEqual(read({ dept: sent }).attributes, {}))
  }

  test('an e-mail address of more than 254 characters counts as not sent, verified or not', () => {
    const longest = `${'x'.repeat(254 - 13)}@acme.example`
    for (const email_verified of [true, false, undefined]) {
      assert.equal(value({ email: longest, email_verified }, 'email'), longest)
      const { attributes, suggestedUsername } = read({ email: `x${longest}`, email_verified, given_name: 'Asha' })
      assert.deepEqual(attributes, { given_name: { value: 'Asha' } })
      assert.equal(suggestedUsername, 'asha-1')
    }
  })

  test('every profile is the same after it was kept as JSON', () => {
    for (const [, sent] of [...values, ...notSent]) {
      const profile = read({ given_name: sent, address: sent })
      assert.deepEqual(JSON.parse(JSON.stringify(profile)), profile)
    }
  })

  test('text that PostgreSQL cannot hold, or of more than 10000 characters, makes no profile, wherever it stands', () => {
    for (const text of ['a\0b', '\uD800', 'x\uDFFF', 'x'.repeat(10_001)]) {
      for (const claims of [
        { given_name: text },
        { email: text },
        { dept: ['fine', text] },
        { address: text },
        { address: { locality: text } },
        { preferred_username: text },
      ]) {
        fault(claims)
      }
    }
  })

  test('a fault says what kind of thing was wrong, and repeats nothing that was sent', () => {
    for (const claims of [
      { given_name: 'canary\0' },
      { sub: `canary${'x'.repeat(300)}` },
      { given_name: 'canary'.repeat(9_000) },
    ]) {
      const { message, reason } = fault(claims)
      assert.ok(reason !== '' && !`${message}${reason}`.includes('canary'))
    }
  })

  test('what nobody looks at may be anything', () => {
    assert.deepEqual(
      read({ junk: '\0', 'a\0b': 1, ['__proto__']: { email: 'x' }, other: 'x'.repeat(1_000_000) }).attributes,
      {},
    )
  })
})

describe('an address', () => {
  test('has the members of the standard that are text, and no others', () => {
    const sent = {
      formatted: 'F',
      street_address: 'S',
      locality: 'L',
      region: 'R',
      postal_code: 'P',
      country: 'C',
      evil: 'x',
    }
    const { evil: _, ...kept } = sent
    assert.deepEqual(value({ address: sent }, 'address'), kept)
    assert.deepEqual(value({ address: { locality: 'L', region: 7, country: '', postal_code: null } }, 'address'), {
      locality: 'L',
    })
  })

  test('may be plain text', () => {
    assert.deepEqual(value({ address: '1 High Street' }, 'address'), { formatted: '1 High Street' })
  })

  test('of anything else, or with nothing in it, counts as not sent', () => {
    for (const sent of ['', [], ['x'], {}, { x: 'y' }, 7, true, null, { locality: '' }, { locality: { x: 'y' } }]) {
      assert.equal(value({ address: sent }, 'address'), undefined, JSON.stringify(sent))
    }
  })

  test('is not made of what objects inherit', () => {
    const inherited = Object.create({ locality: 'inherited' })
    assert.equal(value({ address: inherited }, 'address'), undefined)
  })
})

describe('verified', () => {
  test('is only what JSON true says', () => {
    const flags: unknown[] = [undefined, 'true', 'false', 1, 0, null, false, [true], {}, { valueOf: true }]
    for (const flag of flags) {
      const { attributes } = read({
        email: 'a@b.example',
        email_verified: flag,
        phone_number: '+1',
        phone_number_verified: flag,
      })
      assert.equal(attributes['email']?.verified, false, JSON.stringify(flag))
      assert.equal(attributes['phone_number']?.verified, false, JSON.stringify(flag))
    }
    assert.equal(read({ email: 'a@b.example', email_verified: true }).attributes['email']?.verified, true)
  })

  test('takes no flag for a value that another claim was mapped from', () => {
    const idp = { ...IDP, mappings: { ...IDP.mappings, email: 'upn' } }
    const claims = { email: 'real@acme.example', email_verified: true, upn: 'somebody.else@acme.example' }
    assert.deepEqual(read(claims, idp).attributes['email'], { value: 'somebody.else@acme.example', verified: false })
  })

  test('of the e-mail address says nothing about the phone number, and of no address nothing at all', () => {
    const { attributes } = read({ email_verified: true, phone_number: '+1' })
    assert.equal(attributes['email'], undefined)
    assert.equal(attributes['phone_number']?.verified, false)
  })

  test('is not made up where two answers say nothing about it, so that an attribute mapped from the flag is not sent either', () => {
    assert.deepEqual(mergeClaims({ sub: 'asha-1' }, { email: 'a@b.example' }, { department: 'email_verified' }), {
      sub: 'asha-1',
      email: 'a@b.example',
    })
  })

  test('is not said of anything else', () => {
    const { attributes } = read({ given_name: 'Asha', given_name_verified: true, dept: 'x', department_verified: true })
    assert.deepEqual(attributes, { given_name: { value: 'Asha' }, department: { value: 'x' } })
  })
})

describe('hostile names', () => {
  test('a mapping to what every object inherits finds nothing', () => {
    for (const claim of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      const profile = read({}, { ...IDP, usernameClaim: claim, mappings: { ...IDP.mappings, given_name: claim } })
      assert.deepEqual(profile.attributes, {})
      assert.equal(profile.suggestedUsername, 'asha-1')
    }
  })

  test('a claim that bears such a name and was really sent is text like any other', () => {
    const claims = JSON.parse('{"sub":"asha-1","__proto__":"sent","constructor":"sent"}')
    for (const claim of ['__proto__', 'constructor']) {
      assert.deepEqual(toProfile(claims, { ...IDP, mappings: { ...IDP.mappings, given_name: claim } }).attributes, {
        given_name: { value: 'sent' },
      })
    }
  })
})

describe('when the person signed in at the idp', () => {
  // biome-ignore format: one row, one line
  const rows: [string, Record<string, unknown>, number | undefined][] = [
    ['is so long before the token was made', { iat: 1_000_400, auth_time: 1_000_000 }, 400],
    ['is unknown where it is not said', { iat: 1_000_400 }, undefined],
    ['is unknown where it is no number', { iat: 1_000_400, auth_time: '1000000' }, undefined],
    ['is unknown where it is longer ago than can be said', { iat: 1_000_400, auth_time: -Infinity }, undefined],
  ]
  for (const [title, claims, expected] of rows) test(title, () => assert.equal(read(claims).signedInAgo, expected))
})

describe('the suggested username', () => {
  // biome-ignore format: one row, one line
  const rows: [string, Record<string, unknown>, string][] = [
    ['is the username claim as it is', { preferred_username: ' Asha.Rao ', email: 'x@y.example' }, ' Asha.Rao '],
    ['is the mailbox where there is no username', { email: 'asha.rao@acme.example' }, 'asha.rao'],
    ['is the mailbox where the username is empty', { preferred_username: '', email: 'asha@acme.example' }, 'asha'],
    ['is the mailbox where the username is not text', { preferred_username: ['admin'], email: 'asha@acme.example' }, 'asha'],
    ['is the subject where there is neither', {}, 'asha-1'],
    ['is the subject where the e-mail address is not text', { email: ['a@b.example'] }, 'asha-1'],
    ['is the subject where the e-mail address has no mailbox', { email: '@acme.example' }, 'asha-1'],
  ]
  for (const [title, claims, expected] of rows) {
    test(title, () => assert.equal(read(claims).suggestedUsername, expected))
  }

  test('uses the e-mail address that is mapped, not one that is only sent', () => {
    const mappings = { ...IDP.mappings, email: 'work_mail' }
    const profile = read({ email: 'no@acme.example', work_mail: 'yes@acme.example' }, { ...IDP, mappings })
    assert.equal(profile.suggestedUsername, 'yes')
  })
})
