// A change of purposes on the way into My Account: it can be put off there whatever its day, so that nobody is locked out of closing their account.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { insertConsents, putNotice } from '../../src/db/consents.ts'
import { enterAccount, join } from '../support/account.ts'
import type { Page } from '../support/browser.ts'
import { brokenInvariants } from '../support/invariants.ts'
import { type Product, startProduct } from '../support/product.ts'
import { editJit, editPurpose } from '../support/purposes.ts'
import { codesOn, hashOfUser, knownPerson, newcomer, signedIn, visit } from '../support/visits.ts'

describe('on the way into My Account', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['consent'] })
  })
  after(() => product.stop())

  const house = () => product.running.house
  const boxesOn = (page: Page) => [...page.html.matchAll(/name="consent" value="([^"]*)"/g)].map(([, box]) => box)

  it('at the door of My Account a change can be put off after its day, and needed boxes count when it is answered', async () => {
    const person = newcomer()
    const id = await join(product, 'consent', person, { ticks: ['recover:email', 'recover:phone_number'] })
    const tomorrow = new Date(product.clock.now.getTime() + 86_400_000).toISOString().slice(0, 10)
    await editPurpose(house(), 'recover', (purpose) => ({ ...purpose, purpose: 'Something else', acceptBy: tomorrow }))
    product.clock.now = new Date(product.clock.now.getTime() + 3 * 86_400_000)
    const elsewhere = await visit(product, 'consent', person)
    assert.doesNotMatch(elsewhere.html, /Not now/)

    const page = await enterAccount(product, 'consent', person)
    assert.match(page.html, /One thing has changed/)
    assert.match(page.html, /Not now/)
    const wrong = await page.press('Save my choice')
    assert.deepEqual(codesOn(wrong), ['CONSENT_NEEDED_AGAIN', 'CONSENT_NEEDED_AGAIN'])
    const hash = await hashOfUser(product, id)
    const inside = await wrong.press('Not now')
    assert.equal(new URL(inside.url).pathname, '/myaccount')
    assert.equal(await hashOfUser(product, id), hash)

    const again = await enterAccount(product, 'consent', person)
    await again.tick('recover:email').press('Save my choice')
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(
      attributes.map(({ name }) => name),
      ['email'],
    )
    const inside2 = await enterAccount(product, 'consent', person)
    assert.equal(new URL(inside2.url).pathname, '/myaccount')
  })

  it('what somebody allows in My Account comes at the next sign-in, once, though the idp brings nothing up to date', async () => {
    const person = newcomer()
    const id = await join(product, 'consent', person, { ticks: ['recover:email'] })
    await editJit(house(), 'consent', { attributeSyncMethod: 'NONE' })
    const values = async () =>
      Object.fromEntries((await knownPerson(product, person.sub)).attributes.map(({ name, value }) => [name, value]))
    const notice = { hash: 'of this test', language: 'en', content: '{}' }
    const say = (state: 'given' | 'withdrawn') =>
      insertConsents(house().db, [{ purposeId: 'recover', attribute: 'phone_number', state }], {
        userId: id,
        notice,
        at: { channel: 'my-account' },
        now: product.clock.now,
      })
    await putNotice(house().db, notice)
    await say('given')
    await visit(product, 'consent', person)
    assert.equal(signedIn(product.application).sub, id)
    assert.deepEqual(await values(), { email: person.email, phone_number: person.phone_number })
    await visit(product, 'consent', { ...person, phone_number: '+442079460000', email: 'new@acme.example' })
    assert.deepEqual(await values(), { email: person.email, phone_number: person.phone_number })
    await say('withdrawn')
    await product.rows(`DELETE FROM user_attributes WHERE user_id = $1 AND name = 'phone_number'`, [id])
    await visit(product, 'consent', person)
    assert.deepEqual(await values(), { email: person.email })
  })

  it('what somebody allows or stops after a purpose changed, in its new words, is not asked about again; the rest is, once', async () => {
    const person = newcomer()
    const id = await join(product, 'consent', person, { ticks: ['recover:email', 'office:department'] })
    await editPurpose(house(), 'recover', ({ acceptBy: _, ...purpose }) => ({ ...purpose, description: 'Said anew' }))
    await editPurpose(house(), 'office', (purpose) => ({ ...purpose, description: 'Said anew as well' }))
    const door = await enterAccount(product, 'consent', person, { to: '/privacy' })
    const privacy = await door.press('Not now')
    assert.match(privacy.text, /Said anew/)
    const allowed = await privacy.press('Allow Mobile number')
    assert.deepEqual(codesOn(allowed), ['PRIVACY_LATER'])
    const stopped = await allowed.press('Stop and delete Department')
    assert.deepEqual(codesOn(stopped), ['PRIVACY_DELETED'])

    const page = await visit(product, 'consent', person)
    assert.match(page.html, /One thing has changed/)
    assert.deepEqual(boxesOn(page), ['recover:email'])
    await page.tick('recover:email').press('Save my choice')
    assert.equal(signedIn(product.application).sub, id)
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(
      attributes.map(({ name }) => name),
      ['email', 'phone_number'],
    )
    await visit(product, 'consent', person)
    assert.equal(signedIn(product.application).sub, id)

    // Said anew once more, all of it is another question.
    await editPurpose(house(), 'recover', (purpose) => ({ ...purpose, description: 'Said anew once more' }))
    assert.deepEqual(boxesOn(await visit(product, 'consent', person)), ['recover:email', 'recover:phone_number'])
  })

  it('a purpose of which everything is answered in My Account asks nothing at the next sign-in', async () => {
    const person = newcomer()
    const id = await join(product, 'consent', person, { ticks: ['recover:email'] })
    await editPurpose(house(), 'office', (purpose) => ({ ...purpose, description: 'Offices have moved' }))
    const door = await enterAccount(product, 'consent', person, { to: '/privacy' })
    await (await door.press('Not now')).press('Allow Department')
    await visit(product, 'consent', person)
    assert.equal(signedIn(product.application).sub, id)
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(
      attributes.map(({ name }) => name),
      ['department', 'email'],
    )
  })

  it('leaves a database as it should be', async () => {
    assert.deepEqual(await brokenInvariants(product.rows), [])
  })
})
