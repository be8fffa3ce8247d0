// A purpose that changes is asked about once, of whoever saw it before, and about the change only. Over HTTP, without a script.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { join } from './support/account.ts'
import { openBrowser, type Page } from './support/browser.ts'
import { brokenInvariants } from './support/invariants.ts'
import { type Product, startProduct } from './support/product.ts'
import { addPurpose, archivePurpose, editJit, editPurpose, editSetting } from './support/purposes.ts'
import {
  codesOn,
  hashOfUser,
  knownPerson,
  type Newcomer,
  newcomer,
  postForm,
  refused,
  signedIn,
  submit,
  visit,
} from './support/visits.ts'

const DAY = 86_400_000

describe('a purpose that changed', () => {
  let product: Product
  let person: Newcomer
  let id: string
  let words = 0
  before(async () => {
    product = await startProduct({ modes: ['consent', 'password', 'username', 'silent'] })
  })
  after(() => product.stop())
  beforeEach(async () => {
    product.clock.now = new Date()
    await editPurpose(house(), 'recover', ({ id, purpose }) => ({
      id,
      purpose,
      description: nextWords(),
      piiCategories: RECOVER,
    }))
    await editPurpose(house(), 'office', ({ id, purpose }) => ({
      id,
      purpose,
      description: nextWords(),
      piiCategories: OFFICE,
    }))
    person = newcomer()
    id = await join(product, 'consent', person, { ticks: ['recover:email', 'recover:phone_number'] })
  })

  const RECOVER = [
    { name: 'email', mandatory: true },
    { name: 'phone_number', mandatory: false },
  ]
  const OFFICE = [{ name: 'department', mandatory: false }]
  const house = () => product.running.house
  const nextWords = () => {
    words += 1
    return `The words number ${words}`
  }
  const reword = (more: object = {}) =>
    editPurpose(house(), 'recover', (purpose) => ({ ...purpose, description: nextWords(), ...more }))
  const day = (days: number) => new Date(product.clock.now.getTime() + days * DAY).toISOString().slice(0, 10)
  const comes = (options: Parameters<typeof visit>[3] = {}) => visit(product, 'consent', person, options)
  const isQuestion = (page: Page) => page.url.includes('/signup.do')
  const boxesOn = (page: Page) => [...page.html.matchAll(/name="consent" value="([^"]*)"/g)].map(([, box]) => box)
  const valuesKept = async () => (await knownPerson(product, person.sub)).attributes.map(({ name }) => name)
  const records = () =>
    product.rows<{ what: string }>(
      `SELECT purpose_id || ':' || attribute || ' ' || state AS what FROM consents WHERE user_id = $1 ORDER BY sequence`,
      [id],
    )
  /** Of the answers since the person joined. */
  const answers = async () => (await records()).slice(3).map(({ what }) => what)

  async function staysSignedIn(): Promise<void> {
    const count = product.application.results.length
    await comes()
    assert.equal(product.application.results.length, count + 1, 'they were asked')
    assert.equal(signedIn(product.application).sub, id)
  }

  it('is asked about once, alone, with empty boxes and without name and password', async () => {
    await staysSignedIn()
    await reword()
    const page = await comes()
    assert.ok(isQuestion(page))
    assert.match(page.html, /<h1>One thing has changed<\/h1>/)
    assert.match(page.text, new RegExp(`The words number ${words}`))
    assert.deepEqual(boxesOn(page), ['recover:email', 'recover:phone_number'])
    assert.doesNotMatch(page.html, /checked|name="username"|name="password"|Show you the right office/)
    assert.match(page.text, /Needed for your account/)
    await page.tick('recover:email').press('Save my choice')
    assert.equal(signedIn(product.application).sub, id)
    assert.deepEqual(await answers(), ['recover:email given', 'recover:phone_number change-refused'])
    // Refusing the change of what they had agreed to leaves them as they were.
    assert.deepEqual(await valuesKept(), ['email', 'phone_number'])
    await staysSignedIn()
    assert.equal((await answers()).length, 2)
  })

  it('is refused whole where it can be put off, and that is remembered', async () => {
    await reword()
    await (await comes()).press('Save my choice')
    assert.deepEqual(await answers(), ['recover:email change-refused', 'recover:phone_number change-refused'])
    assert.deepEqual(await valuesKept(), ['email', 'phone_number'])
    await staysSignedIn()
    // What was agreed to before goes on.
    person = { ...person, email: `new-${person.email}` }
    await staysSignedIn()
    const { attributes } = await knownPerson(product, person.sub)
    assert.equal(attributes.find(({ name }) => name === 'email')?.value, person.email)
  })

  it('can be put off, which leaves every byte of the user as it was, and is asked about again', async () => {
    await reword()
    const hash = await hashOfUser(product, id)
    for (const _ of [1, 2]) {
      const page = await comes()
      assert.ok(isQuestion(page))
      await page.tick('recover:email').press('Not now')
      assert.equal(signedIn(product.application).sub, id)
      assert.equal(await hashOfUser(product, id), hash)
    }
    assert.ok(isQuestion(await comes()))
  })

  /** What the page says that an empty box means, by the box. */
  const saysOf = ({ html }: Page) =>
    Object.fromEntries(
      html.split('data-part="attribute"').flatMap((part) => {
        const [, box] = part.match(/name="consent" value="([^"]*)"/) ?? []
        const [, says] = part.match(/data-part="left-empty">Leave the box empty and ([^<]*)</) ?? []
        return box === undefined ? [] : [[box, says]]
      }),
    )

  it('says before its day that an empty box changes nothing, or that a new detail is not kept, and so it is', async () => {
    await reword({ piiCategories: [...RECOVER, { name: 'name', mandatory: false }] })
    const page = await comes()
    assert.deepEqual(saysOf(page), {
      'recover:email': 'nothing changes',
      'recover:phone_number': 'nothing changes',
      'recover:name': 'we do not keep this',
    })
    await page.press('Save my choice')
    assert.deepEqual(await valuesKept(), ['email', 'phone_number'])
  })

  it('says after its day that the value goes, or stays for other purposes alone, and so it is', async () => {
    await reword({ acceptBy: day(1) })
    await editPurpose(house(), 'office', (purpose) => ({
      ...purpose,
      piiCategories: [{ name: 'email', mandatory: false }],
    }))
    await (await comes()).tick('office:email').press('Save my choice')
    product.clock.now = new Date(product.clock.now.getTime() + 3 * DAY)
    const needed = await comes()
    assert.deepEqual(saysOf(needed), {
      'recover:email': undefined,
      'recover:phone_number': 'we delete this from your account',
    })
    await reword({ piiCategories: RECOVER.map(({ name }) => ({ name, mandatory: false })) })
    const page = await comes()
    assert.deepEqual(saysOf(page), {
      'recover:email': 'we keep this for other purposes only',
      'recover:phone_number': 'we delete this from your account',
    })
    await page.press('Save my choice')
    assert.deepEqual(await valuesKept(), ['email'])
  })

  it('says to somebody who was made silently that the value goes at once, and so it is', async () => {
    person = newcomer()
    id = await join(product, 'silent', person)
    await editJit(house(), 'silent', { scheme: 'PROMPT_CONSENT' })
    try {
      await reword()
      const page = await visit(product, 'silent', person)
      const says = 'we delete this from your account'
      assert.deepEqual(saysOf(page), { 'recover:email': says, 'recover:phone_number': says })
      await page.press('Save my choice')
      assert.deepEqual(await valuesKept(), ['department', 'name'])
    } finally {
      await editJit(house(), 'silent', { scheme: 'PROVISION_SILENTLY' })
    }
  })

  it('asks about a new attribute alone, or one that is needed by now', async () => {
    await editPurpose(house(), 'office', (purpose) => ({
      ...purpose,
      piiCategories: [...OFFICE, { name: 'name', mandatory: false }],
    }))
    const page = await comes()
    assert.deepEqual(boxesOn(page), ['office:name'])
    await page.tick('office:name').press('Save my choice')
    assert.deepEqual(await answers(), ['office:name given'])
    assert.deepEqual(await valuesKept(), ['email', 'name', 'phone_number'])
    await editPurpose(house(), 'office', (purpose) => ({
      ...purpose,
      piiCategories: [
        { name: 'department', mandatory: true },
        { name: 'name', mandatory: false },
      ],
    }))
    const needed = await comes()
    assert.deepEqual(boxesOn(needed), ['office:department'])
    assert.match(needed.text, /Needed for your account/)
    await needed.press('Save my choice')
    assert.deepEqual((await answers()).slice(1), ['office:department refused'])
    await staysSignedIn()
  })

  it('wants a new needed attribute typed that the idp did not send, of whoever takes it', async () => {
    await editPurpose(house(), 'office', (purpose) => ({
      ...purpose,
      piiCategories: [...OFFICE, { name: 'nickname', mandatory: true }],
    }))
    const page = await comes()
    const wrong = await page.tick('office:nickname').press('Save my choice')
    assert.equal(wrong.status, 422)
    assert.deepEqual(codesOn(wrong), ['ATTR_EMPTY', 'ATTR_EMPTY'])
    await wrong.fill({ 'attribute.nickname': 'Ash' }).press('Save my choice')
    const { attributes } = await knownPerson(product, person.sub)
    const nickname = attributes.find(({ name }) => name === 'nickname')
    assert.deepEqual(nickname, { name: 'nickname', value: 'Ash', verified: null, origin: 'person', idp: null })
    // Said again with other words, it is shown, and not typed once more.
    await editPurpose(house(), 'office', (purpose) => ({ ...purpose, description: nextWords() }))
    const again = await comes()
    assert.match(again.text, /Ash/)
    assert.doesNotMatch(again.html, /attribute\.nickname/)
  })

  it('nobody is asked about a small change of its words that has a reason, once', async () => {
    await reword({ wordingOnly: 'a slip of the pen' })
    await staysSignedIn()
    await reword()
    assert.ok(isQuestion(await comes()), 'a reason that was left over silenced a change')
  })

  it('a reason covers no attributes and nobody else who asks', async () => {
    await reword({ wordingOnly: nextWords(), piiCategories: [...RECOVER, { name: 'name', mandatory: false }] })
    const page = await comes()
    assert.deepEqual(boxesOn(page), ['recover:name'])
    await page.press('Save my choice')
    await editSetting(house(), 'organization', 'organization', (entry) => ({ ...entry, phone: '+44 20 7946 0000' }))
    await staysSignedIn()
    await editSetting(house(), 'organization', 'organization', (entry) => ({ ...entry, name: 'Southwind' }))
    const controller = await comes()
    assert.match(controller.html, /<h1>2 things have changed<\/h1>/)
    await controller.press('Save my choice')
    await editSetting(house(), 'organization', 'organization', (entry) => ({ ...entry, name: 'Northwind' }))
  })

  it('a new purpose is new to everybody, and to whoever joins by its side nothing', async () => {
    const purpose = nextWords()
    const key = `letters-${words}`
    await addPurpose(house(), {
      id: key,
      purpose,
      description: purpose,
      piiCategories: [{ name: 'email', mandatory: false }],
    })
    const page = await comes()
    assert.deepEqual(boxesOn(page), [`${key}:email`])
    await page.press('Save my choice')
    assert.deepEqual(await answers(), [`${key}:email refused`])
    // Another purpose covers it.
    assert.deepEqual(await valuesKept(), ['email', 'phone_number'])
    await staysSignedIn()
    person = newcomer()
    id = await join(product, 'consent', person, { ticks: ['recover:email'] })
    await staysSignedIn()
    await archivePurpose(house(), key)
  })

  it('a change that is taken back before anybody comes is nothing to ask about', async () => {
    const before = `The words number ${words - 1}`
    await reword()
    await reword({ description: before })
    await staysSignedIn()
  })

  it('until its day it can be put off, and the page says so; after it a needed box must be ticked, or nobody comes in', async () => {
    await reword({ acceptBy: day(10) })
    const early = await comes()
    assert.match(early.text, /You can put this off until/)
    await early.press('Save my choice')
    await staysSignedIn()
    product.clock.now = new Date(`${day(10)}T23:59:59Z`)
    await staysSignedIn()
    product.clock.now = new Date(product.clock.now.getTime() + 1000)
    const hash = await hashOfUser(product, id)
    const due = await comes()
    assert.ok(isQuestion(due), 'who refused before is asked once more')
    assert.match(due.text, /This cannot be put off any more/)
    assert.doesNotMatch(due.html, /Not now/)
    const refusal = await due.press('Do not sign in')
    assert.deepEqual(codesOn(refusal), ['CONSENT_DUE'])
    assert.equal(await hashOfUser(product, id), hash)
    await refusal.click('Return to Travel')
    assert.equal(refused(product.application).error, 'access_denied')
    const wrong = await (await comes()).press('Save my choice')
    assert.deepEqual(codesOn(wrong), ['CONSENT_NEEDED_AGAIN', 'CONSENT_NEEDED_AGAIN'])
    await wrong.tick('recover:email').press('Save my choice')
    assert.equal(signedIn(product.application).sub, id)
    assert.deepEqual((await answers()).slice(2), ['recover:email given', 'recover:phone_number refused'])
    // By now a no is a no, and its value goes.
    assert.deepEqual(await valuesKept(), ['email'])
    await staysSignedIn()
    assert.deepEqual(await valuesKept(), ['email'])
  })

  it('a day that was over when it was said hurries nobody', async () => {
    await reword({ acceptBy: day(-3) })
    const page = await comes()
    assert.doesNotMatch(page.text, /put this off|put off/)
    await page.press('Not now')
    assert.equal(signedIn(product.application).sub, id)
  })

  it('whoever is on the page while it changes sees the new question, and nothing is saved under the old words', async () => {
    await reword()
    const page = await comes()
    await reword()
    const hash = await hashOfUser(product, id)
    const again = await page.tick('recover:email').press('Save my choice')
    assert.equal(again.status, 422)
    assert.deepEqual(codesOn(again), ['CHANGED'])
    assert.match(again.text, new RegExp(`The words number ${words}`))
    assert.equal(await hashOfUser(product, id), hash)
    await again.press('Save my choice')
    const notices = await product.rows<{ content: string }>(
      'SELECT DISTINCT content::text FROM notices JOIN consents ON notices.hash = notice_hash WHERE user_id = $1 AND content::text LIKE $2',
      [id, '%"again"%'],
    )
    assert.equal(notices.length, 1)
    assert.match(notices[0]?.content ?? '', new RegExp(`The words number ${words}"`))
    await staysSignedIn()
  })

  it('whoever is on the page when its day is over can put it off no more', async () => {
    await reword({ acceptBy: day(1) })
    const last = new Date(`${day(1)}T23:50:00Z`)
    product.clock.now = last
    for (const button of ['Not now', 'Save my choice']) {
      product.clock.now = last
      const page = await comes()
      product.clock.now = new Date(last.getTime() + 11 * 60_000)
      const again = await page.press(button)
      assert.equal(again.status, 422)
      assert.equal(codesOn(again)[0], 'CHANGED')
      assert.match(again.html, /Do not sign in/)
    }
  })

  it('in two tabs it is answered once: the second answer changes nothing', async () => {
    await reword()
    const browser = openBrowser()
    const [one, other] = [await comes({ browser }), await comes({ browser })]
    await one.tick('recover:email').press('Save my choice')
    const after = await other.press('Save my choice')
    assert.doesNotMatch(after.url, /signup\.do/)
    assert.deepEqual(await answers(), ['recover:email given', 'recover:phone_number change-refused'])
    // The same form twice at once.
    await reword()
    const fresh = openBrowser()
    const page = await comes({ browser: fresh })
    page.tick('recover:email')
    await Promise.all(Array.from({ length: 6 }, () => submit(fresh, page, 'Save my choice')))
    assert.equal((await answers()).length, 4)
    await staysSignedIn()
  })

  it('of several sign-ins that answer at once one is recorded', async () => {
    await reword()
    const pages = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const browser = openBrowser()
        return { browser, page: await comes({ browser }) }
      }),
    )
    for (const { page } of pages) assert.ok(isQuestion(page))
    await Promise.all(pages.map(({ browser, page }) => submit(browser, page.tick('recover:email'), 'Save my choice')))
    assert.deepEqual(await answers(), ['recover:email given', 'recover:phone_number change-refused'])
  })

  it('at one application it is answered for all of them', async () => {
    const other = await product.addApplication({}, { identityProviders: ['consent'] })
    await reword()
    await (await comes({ application: other })).press('Save my choice')
    assert.equal(signedIn(other).sub, id)
    await staysSignedIn()
  })

  it('boxes that were not on the page are not answered', async () => {
    await reword()
    const browser = openBrowser()
    const page = await comes({ browser })
    const { url, fields } = page.submission('Save my choice')
    for (const forged of ['office:department', 'recover:name', 'nothing:email', 'recover:email'])
      fields.append('consent', forged)
    await postForm(browser, url, fields)
    assert.deepEqual(await answers(), ['recover:email given', 'recover:phone_number change-refused'])
    assert.deepEqual(await valuesKept(), ['email', 'phone_number'])
  })

  it('a silent idp asks nobody, not even who was on the page, and brings nothing back that was refused', async () => {
    const quiet = newcomer()
    const quietId = await join(product, 'silent', quiet)
    await reword()
    await visit(product, 'silent', quiet)
    assert.equal(signedIn(product.application).sub, quietId)
    const page = await comes()
    await editJit(house(), 'consent', { scheme: 'PROVISION_SILENTLY' })
    try {
      await page.tick('recover:email').press('Save my choice')
      assert.equal(signedIn(product.application).sub, id)
      assert.deepEqual(await answers(), [])
      await staysSignedIn()
      assert.deepEqual(await valuesKept(), ['email', 'phone_number'], 'a department that was refused came back')
    } finally {
      await editJit(house(), 'consent', { scheme: 'PROMPT_CONSENT' })
    }
    assert.ok(isQuestion(await comes()))
  })

  it('people of a silent idp are asked when it asks by then, about what changed since they joined; a no ends it', async () => {
    person = newcomer()
    id = await join(product, 'silent', person)
    await editJit(house(), 'silent', { scheme: 'PROMPT_CONSENT' })
    try {
      await visit(product, 'silent', person)
      assert.equal(signedIn(product.application).sub, id)
      await reword()
      const page = await visit(product, 'silent', person)
      assert.deepEqual(boxesOn(page), ['recover:email', 'recover:phone_number'])
      await page.tick('recover:email').press('Save my choice')
      const kept = await valuesKept()
      assert.ok(kept.includes('email') && !kept.includes('phone_number'), String(kept))
    } finally {
      await editJit(house(), 'silent', { scheme: 'PROVISION_SILENTLY' })
    }
    await visit(product, 'silent', person)
    assert.ok(!(await valuesKept()).includes('phone_number'), 'a silent idp brought back what was refused')
  })

  it('a yes is fetched at once, whatever the idp does at later sign-ins', async () => {
    await editJit(house(), 'consent', { attributeSyncMethod: 'NONE' })
    try {
      await editPurpose(house(), 'office', (purpose) => ({
        ...purpose,
        piiCategories: [...OFFICE, { name: 'name', mandatory: false }],
      }))
      await (await comes()).tick('office:name').press('Save my choice')
      assert.deepEqual(await valuesKept(), ['email', 'name', 'phone_number'])
    } finally {
      await editJit(house(), 'consent', { attributeSyncMethod: 'OVERRIDE_ALL' })
    }
  })

  it('offers nobody who is known to connect an account, where the idp offers that to whoever is new', async () => {
    await editJit(house(), 'consent', { associateLocalUser: true })
    try {
      await reword()
      const browser = openBrowser()
      const page = await comes({ browser })
      assert.ok(isQuestion(page))
      assert.doesNotMatch(page.html, /connect\.do/)
      const address = `/accountrecoveryendpoint/connect.do/sign-in?${new URL(page.url).searchParams}`
      assert.equal((await browser.open(product.url + address)).url, page.url)
      assert.match((await visit(product, 'consent', newcomer())).html, /connect\.do\/sign-in/)
    } finally {
      await editJit(house(), 'consent', { associateLocalUser: false })
    }
  })

  it('is told in the record of the sign-in', async () => {
    await reword()
    const page = await comes()
    await page.press('Not now')
    const [record] = await product.rows<{
      decision: unknown
      detail: Record<string, unknown>
      facts: { user: unknown }
    }>('SELECT decision, detail, facts FROM audit_events WHERE user_id = $1 ORDER BY id DESC LIMIT 1', [id])
    assert.deepEqual(record?.decision, {
      kind: 'ask',
      page: 'signup',
      ask: { username: false, password: false, consent: true },
      because: ['purpose-changed'],
    })
    assert.equal(record?.detail['answer'], 'later')
    assert.deepEqual(record?.facts.user, { id, isLocked: false, askedAgain: { purposes: ['recover'], isDue: false } })
  })

  it('leaves a database as it should be', async () => {
    assert.deepEqual(await brokenInvariants(product.rows), [])
  })
})
