// What a person agrees to: what is asked, what may be kept afterwards, and the words that were shown.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Purpose } from '../src/db/purposes.ts'
import type { AttributeValue } from '../src/db/user-attributes.ts'
import {
  allFromIdp,
  effectivePurposes,
  grant,
  itemsOf,
  missingAttributes,
  missingTicks,
  noticeOf,
} from '../src/provisioning/consent.ts'
import { IDP_ID, profileOf, purpose } from './support/situations.ts'

const WORDS = { purpose: 'Create your account', description: 'So that there is one' }

// email is in two purposes, needed by one; department is in none, though the idp sends it.
const PURPOSES = [
  purpose('recover', ['email'], ['phone_number']),
  purpose('office', ['given_name'], ['email', 'address']),
]
const CANARIES: Record<string, AttributeValue> = {
  email: 'canary-email@acme.example',
  phone_number: '+canary-phone',
  given_name: 'canary-given',
  address: { locality: 'canary-locality' },
  department: 'canary-department',
}
const NAMES = Object.keys(CANARIES)

function subsets<T>(all: T[]): T[][] {
  const [first, ...rest] = all
  return first === undefined ? [[]] : subsets(rest).flatMap((some) => [some, [first, ...some]])
}

function pick(names: string[]): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(CANARIES).filter(([name]) => names.includes(name)))
}

describe('what is asked', () => {
  test('with purposes configured, they and nothing else', () => {
    assert.equal(effectivePurposes(PURPOSES, profileOf(CANARIES), WORDS), PURPOSES)
  })

  test('with none configured, one built-in purpose over what the idp sent, all optional', () => {
    assert.deepEqual(effectivePurposes([], profileOf(pick(['email', 'department'])), WORDS), [
      {
        id: 'default',
        ...WORDS,
        piiCategories: [
          { name: 'email', mandatory: false },
          { name: 'department', mandatory: false },
        ],
      },
    ])
  })

  test('with none configured and nothing sent, nothing', () => {
    assert.deepEqual(effectivePurposes([], profileOf({}), WORDS), [])
  })

  test('an attribute of two purposes is two boxes, each with its own need', () => {
    const items = itemsOf(PURPOSES, profileOf(pick(['email'])))
    assert.deepEqual(
      items.map(({ key, isNeeded, isSent }) => [key, isNeeded, isSent]),
      [
        ['recover:email', true, true],
        ['recover:phone_number', false, false],
        ['office:given_name', true, false],
        ['office:email', false, true],
        ['office:address', false, false],
      ],
    )
  })

  test('an attribute that nobody sent is not found among the things that objects inherit', () => {
    const items = itemsOf([purpose('odd', ['constructor', 'toString'], ['__proto__', 'valueOf'])], profileOf({}))
    assert.deepEqual(
      items.map((item) => item.isSent),
      [false, false, false, false],
    )
  })

  test('a needed attribute that the idp did not send is typed, once, whoever needs it', () => {
    const twice = [...PURPOSES, purpose('post', ['address', 'email'])]
    assert.deepEqual(missingAttributes(twice, profileOf({})), ['email', 'given_name', 'address'])
    assert.deepEqual(missingAttributes(twice, profileOf(pick(['email', 'given_name']))), ['address'])
    assert.deepEqual(missingAttributes(twice, profileOf(CANARIES)), [])
  })

  test('a needed tick is needed in its own purpose: the same attribute ticked elsewhere is no answer', () => {
    const items = itemsOf(PURPOSES, profileOf(CANARIES))
    const missing = (...ticks: string[]) => missingTicks(items, new Set(ticks)).map((item) => item.key)
    assert.deepEqual(missing(), ['recover:email', 'office:given_name'])
    assert.deepEqual(missing('office:email', 'office:given_name'), ['recover:email'])
    assert.deepEqual(missing('recover:email', 'office:given_name'), [])
  })

  test('a needed attribute is to be ticked whether it was sent or typed', () => {
    const missing = missingTicks(itemsOf(PURPOSES, profileOf({})), new Set())
    assert.deepEqual(
      missing.map((item) => item.key),
      ['recover:email', 'office:given_name'],
    )
  })
})

describe('what is kept, for every set of ticks and everything that an idp may have sent', () => {
  const keys = ['recover:email', 'recover:phone_number', 'office:given_name', 'office:email', 'office:address']
  const typed = { email: 'typed@acme.example', given_name: 'Typed' }
  const cases = subsets(NAMES).flatMap((sent) =>
    subsets(keys).map((ticks) => {
      const items = itemsOf(PURPOSES, profileOf(pick(sent), ['email']))
      return { sent, ticks, items, kept: grant(items, new Set(ticks), profileOf(pick(sent), ['email']), typed, IDP_ID) }
    }),
  )
  const ticked = (ticks: string[], attribute: string) => ticks.some((key) => key.endsWith(`:${attribute}`))

  test('an attribute that was not ticked is in no output, and one that is in no purpose never', () => {
    for (const { ticks, kept } of cases) {
      const output = JSON.stringify(kept)
      for (const name of NAMES) {
        const value = JSON.stringify(CANARIES[name])
        if (!ticked(ticks, name)) assert.ok(!output.includes(value), `${name} without a tick: ${output}`)
      }
      assert.ok(!output.includes('department'))
    }
  })

  test('an attribute that was ticked and sent is kept as the idp sent it, once, with that idp as its origin', () => {
    for (const { sent, ticks, kept } of cases) {
      for (const name of sent.filter((name) => ticked(ticks, name))) {
        const rows = kept.attributes.filter((attribute) => attribute.name === name)
        const verified = { email: true, phone_number: false }[name] ?? null
        assert.deepEqual(rows, [{ name, value: CANARIES[name], verified, origin: 'idp', originIdpId: IDP_ID }])
      }
    }
  })

  test('a typed value is kept only where the idp sent none and the need was ticked, as the person’s own', () => {
    for (const { sent, ticks, kept } of cases) {
      for (const name of ['email', 'given_name'] as const) {
        const key = name === 'email' ? 'recover:email' : 'office:given_name'
        const rows = kept.attributes.filter((attribute) => attribute.origin === 'person' && attribute.name === name)
        const verified = name === 'email' ? false : null
        const own = { name, value: typed[name], verified, origin: 'person', originIdpId: null }
        assert.deepEqual(rows, !sent.includes(name) && ticks.includes(key) ? [own] : [])
      }
    }
  })

  test('one answer is recorded per box that was on the page, and none for a box that was not', () => {
    for (const { ticks, items, kept } of cases) {
      const boxes = items.filter((item) => item.isSent || item.isNeeded)
      const answers = boxes.map(({ purposeId, attribute, key }) => ({
        purposeId,
        attribute,
        state: ticks.includes(key) ? 'given' : 'refused',
      }))
      assert.deepEqual(kept.records, answers)
    }
  })
})

describe('what a forged form cannot do', () => {
  const profile = profileOf(pick(['email', 'phone_number', 'department']))
  const items = itemsOf(PURPOSES, profile)
  const nothing = grant(items, new Set(), profile, {}, IDP_ID)

  // biome-ignore format: one row, one line
  const forged: [string, string[]][] = [
    ['a purpose that is not there', ['other:email', ':email', 'email']],
    ['an attribute in no purpose', ['recover:department', 'office:department', 'department']],
    ['a box that was not on the page', ['office:address']],
    ['another spelling', ['RECOVER:EMAIL', 'recover:email ', 'recover:email\0', 'recover: email', 'recover:ｅmail']],
    ['names that objects inherit', ['__proto__', 'constructor', 'recover:__proto__', 'recover:constructor', 'toString:email']],
    ['a lone surrogate', ['recover:\uD800', '\uDFFF']],
    ['a hundred thousand ticks', Array.from({ length: 100_000 }, (_, index) => `recover:${index}`)],
  ]
  for (const [title, ticks] of forged) {
    test(`ticking ${title} keeps nothing and records nothing more`, () => {
      assert.deepEqual(grant(items, new Set(ticks), profile, {}, IDP_ID), nothing)
    })
  }

  test('typing values that nobody asked for keeps nothing', () => {
    const typed = JSON.parse(
      '{"roles":"admin","department":"x","__proto__":"x","phone_number":"+1","email":"x@evil.example"}',
    )
    const kept = grant(items, new Set(['recover:email']), profile, typed, IDP_ID)
    assert.deepEqual(
      kept.attributes.map(({ name, value }) => [name, value]),
      [['email', CANARIES['email']]],
    )
  })

  test('a needed attribute without a typed value is not filled with what objects inherit', () => {
    const odd = itemsOf([purpose('odd', ['constructor', '__proto__', 'toString'])], profileOf({}))
    const kept = grant(odd, new Set(odd.map((item) => item.key)), profileOf({}), {}, IDP_ID)
    assert.deepEqual(kept.attributes, [])
  })
})

test('silently, everything that was sent is kept, each with the idp as its origin', () => {
  const profile = profileOf(pick(['email', 'department']), ['email'])
  assert.deepEqual(allFromIdp(profile, IDP_ID), [
    { name: 'email', value: CANARIES['email'], verified: true, origin: 'idp', originIdpId: IDP_ID },
    { name: 'department', value: CANARIES['department'], verified: null, origin: 'idp', originIdpId: IDP_ID },
  ])
})

describe('the notice', () => {
  const organization = { name: 'Northwind', privacyPolicyUrl: 'https://northwind.example/privacy' }
  const label = (attribute: string) => `the ${attribute}`
  const notice = noticeOf(PURPOSES, organization, 'en', label)
  const [recover, office] = PURPOSES as [Purpose, Purpose]
  const [email, phone] = recover.piiCategories as [Purpose['piiCategories'][number], Purpose['piiCategories'][number]]
  const withRecover = (change: Partial<Purpose>) =>
    noticeOf([{ ...recover, ...change }, office], organization, 'en', label)

  const changed: [string, () => { hash: string }][] = [
    ['the name of who keeps it', () => noticeOf(PURPOSES, { ...organization, name: 'Northwind Ltd' }, 'en', label)],
    [
      'the address of the privacy policy',
      () => noticeOf(PURPOSES, { ...organization, privacyPolicyUrl: 'https://b' }, 'en', label),
    ],
    ['no privacy policy', () => noticeOf(PURPOSES, { name: 'Northwind' }, 'en', label)],
    ['the language', () => noticeOf(PURPOSES, organization, 'de', label)],
    [
      'what people call an attribute',
      () => noticeOf(PURPOSES, organization, 'en', (name) => (name === 'address' ? 'Home' : label(name))),
    ],
    ['the id of a purpose', () => withRecover({ id: 'recovery' })],
    ['the label of a purpose', () => withRecover({ purpose: 'The purpose recover.' })],
    ['one letter of a description', () => withRecover({ description: 'Why Recover' })],
    ['a space in a description', () => withRecover({ description: 'Why recover ' })],
    [
      'a word that moves from one text to the next',
      () => withRecover({ purpose: 'The purpose', description: 'recover Why recover' }),
    ],
    ['an attribute more', () => withRecover({ piiCategories: [email, phone, { name: 'name', mandatory: false }] })],
    ['an attribute less', () => withRecover({ piiCategories: [email] })],
    ['another attribute', () => withRecover({ piiCategories: [email, { ...phone, name: 'name' }] })],
    [
      'an optional attribute that becomes needed',
      () => withRecover({ piiCategories: [email, { ...phone, mandatory: true }] }),
    ],
    [
      'a needed attribute that becomes optional',
      () => withRecover({ piiCategories: [{ ...email, mandatory: false }, phone] }),
    ],
    [
      'an attribute that moves to another purpose',
      () =>
        noticeOf(
          [
            { ...recover, piiCategories: [email] },
            { ...office, piiCategories: [...office.piiCategories, phone] },
          ],
          organization,
          'en',
          label,
        ),
    ],
    ['a purpose less', () => noticeOf([recover], organization, 'en', label)],
    ['the order in which people read the purposes', () => noticeOf([office, recover], organization, 'en', label)],
  ]
  for (const [title, change] of changed) {
    test(`is another one with ${title}`, () => assert.notEqual(change().hash, notice.hash))
  }

  test('no two of these changes give the same hash', () => {
    const hashes = changed.map(([, change]) => change().hash)
    assert.equal(new Set(hashes).size, hashes.length)
  })

  test('is the same whatever order a database or another process gives the members in, and whatever else they carry', () => {
    const backwards = <T extends object>(row: T): T => Object.fromEntries(Object.entries(row).reverse()) as T
    const again = PURPOSES.map((one) =>
      backwards({
        ...one,
        position: 7,
        piiCategories: one.piiCategories.map((row) => backwards({ ...row, extra: 1 })),
      }),
    )
    const more = backwards({ ...organization, founded: 'nobody on the page' })
    assert.deepEqual(noticeOf(again, more, 'en', label), notice)
  })

  test('holds every word that is shown, and its hash is the hash of those words', () => {
    for (const words of [
      'Northwind',
      organization.privacyPolicyUrl,
      'The purpose office',
      'Why recover',
      'the phone_number',
    ]) {
      assert.ok(notice.content.includes(words), words)
    }
    assert.equal(notice.language, 'en')
    assert.equal(notice.hash, createHash('sha256').update(notice.content).digest('base64url'))
  })

  test('says nothing about the person: two people read the same one', () => {
    const [ada, bob] = ['ada@acme.example', 'bob@acme.example'].map((email) => {
      return noticeOf(effectivePurposes([], profileOf({ email }), WORDS), organization, 'en', label)
    })
    assert.deepEqual(ada, bob)
  })
})
