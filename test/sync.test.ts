// What a later sign-in changes in what is kept, and what it never touches.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConsentRecord } from '../src/db/consents.ts'
import type { AttributeValue, StoredAttribute } from '../src/db/user-attributes.ts'
import type { Profile } from '../src/login/profile.ts'
import { type Changes, changesOf, type SyncFacts } from '../src/provisioning/sync.ts'
import { IDP_ID, profileOf } from './support/situations.ts'

const OTHER_IDP = '7a1d6c8e-9f57-4c9b-9a53-0f6f0d7d1a99'

function stored(name: string, value: AttributeValue, change: Partial<StoredAttribute> = {}): StoredAttribute {
  return { name, value, verified: name === 'email' ? false : null, origin: 'idp', originIdpId: IDP_ID, ...change }
}

function answer(attribute: string, isGiven: boolean, purposeId = 'recover'): ConsentRecord {
  return { purposeId, attribute, state: isGiven ? 'given' : 'refused' }
}

function changes(profile: Profile, facts: Partial<SyncFacts>): Changes {
  return changesOf(profile, {
    idpId: IDP_ID,
    method: 'OVERRIDE_ALL',
    provisionedBy: 'PROMPT_CONSENT',
    stored: [],
    consents: [],
    ...facts,
  })
}

const given = [answer('given_name', true)]
const sent = profileOf({ given_name: 'New' })
const nothing: Changes = { put: [], remove: [] }
const set: Changes = { put: [stored('given_name', 'New')], remove: [] }
const gone: Changes = { put: [], remove: ['given_name'] }
const old = [stored('given_name', 'Old')]

// biome-ignore format: one row, one line
const table: [string, Profile, Partial<SyncFacts>, Changes][] = [
  ['a changed value is set', sent, { consents: given, stored: old }, set],
  ['a new value is set where consent was given for it', sent, { consents: given }, set],
  ['an unchanged value is left alone', sent, { consents: given, stored: [stored('given_name', 'New')] }, nothing],
  ['a value that the idp no longer sends is removed', profileOf({}), { consents: given, stored: old }, gone],
  ['to preserve means that nothing is removed', profileOf({}), { method: 'PRESERVE_LOCAL', consents: given, stored: old }, nothing],
  ['to preserve means that what is sent is still set', sent, { method: 'PRESERVE_LOCAL', consents: given, stored: old }, set],
  ['without sync nothing is set', sent, { method: 'NONE', consents: given, stored: old }, nothing],
  ['without sync what was agreed to later still comes once', sent, { method: 'NONE', consents: given }, set],
  ['without sync nothing comes that nobody agreed to', sent, { method: 'NONE', provisionedBy: 'PROVISION_SILENTLY' }, nothing],
  ['without sync nothing is removed', profileOf({}), { method: 'NONE', consents: given, stored: old }, nothing],

  ['without an answer nothing is kept', sent, {}, nothing],
  ['what was refused is not kept', sent, { consents: [answer('given_name', false)] }, nothing],
  ['what was withdrawn does not come back, silently provisioned or not', sent, { provisionedBy: 'PROVISION_SILENTLY', consents: [answer('given_name', false)] }, nothing],
  ['what was refused for one purpose and given for another is kept', sent, { consents: [answer('given_name', false), answer('given_name', true, 'office')] }, set],
  ['in either order', sent, { consents: [answer('given_name', true, 'office'), answer('given_name', false)] }, set],
  ['consent to one attribute is none to another', sent, { consents: [answer('email', true)] }, nothing],
  ['for a person made silently everything mapped is kept', sent, { provisionedBy: 'PROVISION_SILENTLY' }, set],
  ['for a person made silently an answer about another attribute changes nothing', sent, { provisionedBy: 'PROVISION_SILENTLY', consents: [answer('email', false)] }, set],

  ['what the person typed stays', sent, { consents: given, stored: [stored('given_name', 'Own', { origin: 'person', originIdpId: null })] }, nothing],
  ['what an operator set stays', sent, { consents: given, stored: [stored('given_name', 'Own', { origin: 'operator', originIdpId: null })] }, nothing],
  ['what another idp sent stays', sent, { consents: given, stored: [stored('given_name', 'Own', { originIdpId: OTHER_IDP })] }, nothing],
  ['what the person typed is not removed', profileOf({}), { stored: [stored('given_name', 'Own', { origin: 'person', originIdpId: null })] }, nothing],
  ['what another idp sent is not removed', profileOf({}), { stored: [stored('given_name', 'Own', { originIdpId: OTHER_IDP })] }, nothing],
  ['names that objects inherit count as not sent', profileOf({}), { stored: [stored('constructor', 'x'), stored('toString', 'y')] }, { put: [], remove: ['constructor', 'toString'] }],
]

describe('at a later sign-in', () => {
  for (const [sentence, profile, facts, expected] of table) {
    test(sentence, () => assert.deepEqual(changes(profile, facts), expected))
  }

  test('an address that is verified now is set, though its text is the same', () => {
    const { put } = changes(profileOf({ email: 'a@b.example' }, ['email']), {
      consents: [answer('email', true)],
      stored: [stored('email', 'a@b.example')],
    })
    assert.deepEqual(put, [stored('email', 'a@b.example', { verified: true })])
  })

  test('an address that is no longer verified loses its mark', () => {
    const { put } = changes(profileOf({ email: 'a@b.example' }), {
      consents: [answer('email', true)],
      stored: [stored('email', 'a@b.example', { verified: true })],
    })
    assert.deepEqual(put, [stored('email', 'a@b.example', { verified: false })])
  })

  // biome-ignore format: one row, one line
  const same: [string, AttributeValue, AttributeValue, boolean][] = [
    ['an object with its members in another order', { locality: 'L', country: 'C' }, { country: 'C', locality: 'L' }, true],
    ['an object with a member more', { locality: 'L' }, { locality: 'L', country: 'C' }, false],
    ['an object with other words', { locality: 'L' }, { locality: 'M' }, false],
    ['a list in the same order', ['a', 'b'], ['a', 'b'], true],
    ['a list in another order', ['a', 'b'], ['b', 'a'], false],
    ['a list of one and its text', ['a'], 'a', false],
    ['a number and its text', 7, '7', false],
    ['true and its text', true, 'true', false],
    ['zero and false', 0, false, false],
  ]
  for (const [title, kept, now, isSame] of same) {
    test(`${title} is ${isSame ? 'no change' : 'a change'}`, () => {
      const { put } = changes(profileOf({ department: now }), {
        consents: [answer('department', true)],
        stored: [stored('department', kept)],
      })
      assert.equal(put.length, isSame ? 0 : 1)
    })
  }
})

test('in every combination only values of this idp are touched, only what is covered is set, and only what is not sent is removed', () => {
  const origins: Partial<StoredAttribute>[] = [
    {},
    { originIdpId: OTHER_IDP },
    { origin: 'person', originIdpId: null },
    { origin: 'operator', originIdpId: null },
  ]
  let count = 0
  for (const method of ['OVERRIDE_ALL', 'PRESERVE_LOCAL', 'NONE'] as const)
    for (const provisionedBy of ['PROVISION_SILENTLY', 'PROMPT_CONSENT', 'PROMPT_USERNAME_PASSWORD_CONSENT'] as const)
      for (const answers of [[], [true], [false], [true, false], [false, false]])
        for (const kept of [undefined, ...origins])
          for (const keptValue of ['New', 'Old'])
            for (const isSent of [true, false]) {
              count += 1
              const { put, remove } = changes(isSent ? sent : profileOf({}), {
                method,
                provisionedBy,
                consents: answers.map((isGiven, index) => answer('given_name', isGiven, `purpose-${index}`)),
                stored: kept ? [stored('given_name', keptValue, kept)] : [],
              })
              const isOurs = kept === undefined || kept === origins[0]
              const isCovered =
                answers.includes(true) || (provisionedBy === 'PROVISION_SILENTLY' && answers.length === 0)
              const isChange = kept === undefined || keptValue !== 'New'
              const mayCome = method !== 'NONE' || (answers.includes(true) && kept === undefined)
              assert.equal(put.length === 1, mayCome && isSent && isOurs && isCovered && isChange)
              assert.equal(remove.length === 1, method === 'OVERRIDE_ALL' && !isSent && kept === origins[0])
              assert.ok(put.every(({ origin, originIdpId }) => origin === 'idp' && originIdpId === IDP_ID))
            }
  assert.equal(count, 900)
})
