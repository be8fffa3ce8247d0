// When a purpose gets a version, what that one asks about, and what of it a person is asked: by tables, and for edits of every kind.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ConsentState } from '../src/db/consents.ts'
import type { ConfiguredPurpose, InForce } from '../src/db/purposes.ts'
import { itemsOf } from '../src/provisioning/consent.ts'
import { askedAgain, choiceOf, withKept } from '../src/provisioning/reask.ts'
import { type Asks, changeBetween, nextVersion, type PurposeContent } from '../src/provisioning/versions.ts'
import { holds } from './support/arbitraries.ts'
import { IDP_ID, profileOf } from './support/situations.ts'

const DE = { purpose: 'Zugang', description: 'Damit wir helfen können' }
const BASE: PurposeContent = {
  purpose: 'Recover your account',
  description: 'So that we can help',
  translations: { de: DE },
  piiCategories: [
    { name: 'email', mandatory: true },
    { name: 'phone_number', mandatory: false },
  ],
  controller: { name: 'Northwind' },
}
const WORDS: Asks = { about: 'words' }
const with_ = (change: Partial<PurposeContent>) => ({ ...BASE, ...change })
const [EMAIL, PHONE] = BASE.piiCategories as [PurposeContent['piiCategories'][0], PurposeContent['piiCategories'][0]]
const NICK = { name: 'nickname', mandatory: false }

describe('a version is made', () => {
  // biome-ignore format: one row, one line
  const table: [title: string, content: PurposeContent, wordingOnly: string | undefined, expected: { asks: Asks } | undefined][] = [
    ['of nothing that says what it said', structuredClone(BASE), undefined, undefined],
    ['of nothing that has a reason alone', structuredClone(BASE), 'a slip', undefined],
    ['that asks about everything when the purpose changed', with_({ purpose: 'Help' }), undefined, { asks: WORDS }],
    ['… or the description', with_({ description: 'Help' }), undefined, { asks: WORDS }],
    ['… or a translation', with_({ translations: { de: { ...DE, purpose: 'Hilfe' } } }), undefined, { asks: WORDS }],
    ['… or one is gone that somebody may have read', with_({ translations: {} }), undefined, { asks: WORDS }],
    ['that asks nobody when a translation is new', with_({ translations: { de: DE, ar: DE } }), undefined, { asks: null }],
    ['that asks about an attribute that is new', with_({ piiCategories: [EMAIL, PHONE, NICK] }), undefined, { asks: { about: ['nickname'] } }],
    ['… or needed by now', with_({ piiCategories: [EMAIL, { ...PHONE, mandatory: true }] }), undefined, { asks: { about: ['phone_number'] } }],
    ['that asks nobody when one goes', with_({ piiCategories: [EMAIL] }), undefined, { asks: null }],
    ['… or is not needed any more', with_({ piiCategories: [{ ...EMAIL, mandatory: false }, PHONE] }), undefined, { asks: null }],
    ['… or stands elsewhere', with_({ piiCategories: [PHONE, EMAIL] }), undefined, { asks: null }],
    ['that asks about everything when somebody else asks', with_({ controller: { name: 'Southwind' } }), undefined, { asks: WORDS }],
    ['that asks nobody when who asks has another telephone', with_({ controller: { name: 'Northwind', phone: '1' } }), undefined, { asks: null }],
    ['that asks nobody about words that changed for a reason', with_({ purpose: 'Help' }), 'a slip', { asks: null }],
    ['… which does not cover who asks', with_({ purpose: 'Help', controller: { name: 'Southwind' } }), 'a slip', { asks: WORDS }],
    ['… nor attributes', with_({ purpose: 'Help', piiCategories: [EMAIL, PHONE, NICK] }), 'a slip', { asks: { about: ['nickname'] } }],
    ['… and counts once', with_({ purpose: 'Help' }), 'the last reason', { asks: WORDS }],
  ]
  for (const [title, content, wordingOnly, expected] of table)
    test(title, () =>
      assert.deepEqual(
        nextVersion({ content: BASE, wordingOnly: 'the last reason' }, { content, wordingOnly }),
        expected,
      ),
    )

  test('of a purpose that is new, whatever its reason', () =>
    assert.deepEqual(nextVersion(undefined, { content: BASE, wordingOnly: 'a slip' }), { asks: WORDS }))
})

const inForce = (change: Partial<InForce> = {}): InForce => ({
  version: 2,
  wordsVersion: 2,
  acceptBy: null,
  dueFrom: null,
  ...change,
})
const NOW = new Date('2027-02-01T00:00:00Z')
const DUE = { acceptBy: '2027-01-31', dueFrom: NOW }

describe('somebody is asked', () => {
  const configured = (change: Partial<PurposeContent>, force: Partial<InForce> = {}): ConfiguredPurpose => {
    const { controller: _, ...content } = with_(change)
    return { id: 'recover', ...content, inForce: inForce(force) }
  }
  const seen = (version: number, wasDue = false) => ({ version, wasDue, content: BASE })
  // biome-ignore format: one row, one line
  const table: [title: string, purpose: ConfiguredPurpose, seen: ReturnType<typeof seen> | undefined, answers: [string, ConsentState][], attributes: string[]][] = [
    ['nothing of what they have seen', configured({}), seen(2), [], []],
    ['all of what they were never shown', configured({}), undefined, [], ['email', 'phone_number']],
    ['all of it when its words changed', configured({ purpose: 'Help' }), seen(1), [], ['email', 'phone_number']],
    ['nothing when words changed that ask nobody', configured({ purpose: 'Help' }, { wordsVersion: 1 }), seen(1), [], []],
    ['nothing when the words are those that they saw', configured({}), seen(1), [], []],
    ['what is new', configured({ piiCategories: [EMAIL, PHONE, NICK] }, { wordsVersion: 1 }), seen(1), [], ['nickname']],
    ['nothing that they refused, while it can be put off', configured({}, { ...DUE, dueFrom: new Date(NOW.getTime() + 1) }), seen(2), [['email', 'change-refused']], []],
    ['once more what they refused, when it cannot be put off any more', configured({}, DUE), seen(2), [['email', 'change-refused'], ['phone_number', 'refused']], ['email']],
    ['no more than once', configured({}, DUE), seen(2, true), [['email', 'change-refused']], []],
    ['nothing that they agreed to', configured({}, DUE), seen(2), [['email', 'given']], []],
    ['nothing by a release that is behind', configured({}), seen(3), [], []],
    ['nothing of a purpose that has no version yet', (({ inForce: _, ...rest }) => rest)(configured({})), undefined, [], []],
  ]
  for (const [title, purpose, was, answers, attributes] of table)
    test(title, () => {
      const again = askedAgain(purpose, BASE.controller, was, new Map(answers), NOW)
      assert.deepEqual(again?.attributes ?? [], attributes)
    })
})

describe('somebody who answered one attribute by itself is asked', () => {
  const configured = (change: Partial<PurposeContent>): ConfiguredPurpose => {
    const { controller: _, ...content } = with_(change)
    return { id: 'recover', ...content, inForce: inForce({ version: 3, wordsVersion: 3 }) }
  }
  const help = { purpose: 'Help' }
  const at = (version: number, change: Partial<PurposeContent> = {}) => ({ version, content: with_(change) })
  const seen = { version: 2, wasDue: false, content: BASE }
  // biome-ignore format: one row, one line
  const table: [title: string, purpose: ConfiguredPurpose, seen: typeof seen | undefined, itself: ReturnType<typeof at>, attributes: string[]][] = [
    ['about the others alone, when that was under the words of now', configured(help), seen, at(3, help), ['email']],
    ['about it, too, when the words changed since', configured({ purpose: 'More help' }), seen, at(2, help), ['email', 'phone_number']],
    ['about it, too, when it was shown with the rest since', configured(help), seen, at(1, help), ['email', 'phone_number']],
    ['about it when it is needed by now', configured({ piiCategories: [EMAIL, { ...PHONE, mandatory: true }] }), seen, at(2), ['phone_number']],
    ['about the others alone of a purpose that they were never shown', configured({}), undefined, at(3), ['email']],
  ]
  for (const [title, purpose, was, itself, attributes] of table)
    test(title, () => {
      const bySelf = new Map([['phone_number', itself]])
      const again = askedAgain(purpose, BASE.controller, was, new Map(), NOW, bySelf)
      assert.deepEqual(again?.attributes ?? [], attributes)
    })
})

describe('an answer is recorded', () => {
  const records = (again: 'open' | 'due', ticks: string[]) => {
    const items = itemsOf([{ id: 'recover', ...BASE, again }], profileOf({ email: 'a@b.example', phone_number: '1' }))
    return choiceOf(items, new Set(ticks), new Set(['recover:email'])).map(({ attribute, state }) => [attribute, state])
  }
  test('as given where it is ticked', () =>
    assert.deepEqual(records('open', ['recover:email', 'recover:phone_number']), [
      ['email', 'given'],
      ['phone_number', 'given'],
    ]))
  test('as a change not taken of what they had agreed to, and as refused otherwise', () =>
    assert.deepEqual(records('open', []), [
      ['email', 'change-refused'],
      ['phone_number', 'refused'],
    ]))
  test('as refused when it cannot be put off any more', () =>
    assert.deepEqual(records('due', []), [
      ['email', 'refused'],
      ['phone_number', 'refused'],
    ]))
})

test('on the page is what would be kept: what the idp sends, and what it does not bring up to date', () => {
  const value = (name: string, originIdpId: string | null) => ({
    name,
    value: `kept ${name}`,
    verified: null,
    origin: originIdpId ? ('idp' as const) : ('person' as const),
    originIdpId,
  })
  const stored = [value('name', null), value('nickname', IDP_ID), value('gender', IDP_ID), value('website', 'another')]
  const profile = profileOf({ name: 'sent', nickname: 'sent' })
  const shown = (attributeSyncMethod: 'NONE' | 'PRESERVE_LOCAL' | 'OVERRIDE_ALL') =>
    Object.fromEntries(
      Object.entries(withKept(profile, stored, { id: IDP_ID, attributeSyncMethod }).attributes).map(
        ([name, { value }]) => [name, value],
      ),
    )
  const kept = { name: 'kept name', website: 'kept website' }
  assert.deepEqual(shown('OVERRIDE_ALL'), { ...kept, nickname: 'sent' })
  assert.deepEqual(shown('PRESERVE_LOCAL'), { ...kept, nickname: 'sent', gender: 'kept gender' })
  assert.deepEqual(shown('NONE'), { ...kept, nickname: 'kept nickname', gender: 'kept gender' })
})

// Edits of every kind, one after another; what asks is told here once more, from the two contents alone.
describe('for edits of every kind', () => {
  const word = fc.constantFrom('A', 'B')
  const anyContent: fc.Arbitrary<PurposeContent> = fc.record({
    purpose: word,
    description: word,
    translations: fc.dictionary(
      fc.constantFrom('de', 'ar'),
      fc.record({ purpose: word, description: word }, { noNullPrototype: true }),
      {
        noNullPrototype: true,
      },
    ),
    piiCategories: fc.uniqueArray(
      fc.record({ name: fc.constantFrom('email', 'name', 'nickname'), mandatory: fc.boolean() }),
      { selector: ({ name }) => name, minLength: 1 },
    ),
    controller: fc.record({ name: word, phone: word }, { noNullPrototype: true }),
  })
  const anyEdits = fc.array(
    fc.record({ content: anyContent, wordingOnly: fc.option(fc.constantFrom('one', 'two'), { nil: undefined }) }),
    { minLength: 1, maxLength: 8 },
  )

  const saidTo = (content: PurposeContent, tag: string) =>
    JSON.stringify(
      tag in content.translations
        ? [content.translations[tag]?.purpose, content.translations[tag]?.description]
        : [content.purpose, content.description],
    )

  test('a version asks exactly when somebody would read something else, or is asked for more', () =>
    holds(500, [anyEdits], (edits) => {
      let last: (typeof edits)[number] | undefined
      for (const edit of edits) {
        const next = nextVersion(last, edit)
        if (last && next) {
          const was = last.content
          const reads = ['en', ...Object.keys(was.translations)].some(
            (tag) =>
              saidTo(was, tag) !== saidTo(edit.content, tag) || (tag !== 'en' && !(tag in edit.content.translations)),
          )
          const isSilenced = edit.wordingOnly !== undefined && edit.wordingOnly !== last.wordingOnly
          const isOther = was.controller.name !== edit.content.controller.name
          const more = edit.content.piiCategories.filter(({ name, mandatory }) => {
            const before = was.piiCategories.find((one) => one.name === name)
            return !before || (mandatory && !before.mandatory)
          })
          const expected: Asks =
            isOther || (reads && !isSilenced) ? WORDS : more.length > 0 ? { about: more.map(({ name }) => name) } : null
          assert.deepEqual(next.asks, expected)
        }
        if (last && !next) assert.deepEqual(edit.content, last.content)
        if (next) last = edit
      }
    }))

  test('nothing changes between a purpose and itself, and a person who saw the last version is asked nothing', () =>
    holds(200, [anyContent], (content) => {
      assert.deepEqual(changeBetween(content, structuredClone(content)), {
        words: false,
        controller: false,
        attributes: [],
      })
      const { controller, ...purpose } = content
      const one = { id: 'recover', ...purpose, inForce: inForce() }
      assert.equal(askedAgain(one, controller, { version: 2, wasDue: false, content }, new Map(), NOW), undefined)
    }))
})
