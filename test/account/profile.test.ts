// Profile: each value with where it is from, and what the person may change of it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { enterAccount, join } from '../support/account.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { type Product, PURPOSES, startProduct } from '../support/product.ts'
import { openSmtpSink, type SmtpSink } from '../support/smtp.ts'
import { until } from '../support/until.ts'
import { codesOn, knownPerson, meanwhile, type Newcomer, newcomer, signedIn, submit, visit } from '../support/visits.ts'

const TICKS = ['recover:email', 'recover:phone_number', 'office:department']

describe('Profile', () => {
  let product: Product
  let sink: SmtpSink
  before(async () => {
    sink = await openSmtpSink()
    product = await startProduct({ modes: ['silent', 'consent'], smtpUrl: sink.url })
  })
  after(async () => {
    await product.stop()
    await sink.close()
  })

  async function joined(
    claims = {},
    ticks = TICKS,
  ): Promise<{ id: string; person: Newcomer; browser: Browser; page: Page }> {
    const person = newcomer(claims)
    const browser = openBrowser()
    const id = await join(product, 'consent', person, { ticks })
    return { id, person, browser, page: await enterAccount(product, 'consent', person, { browser }) }
  }

  const stored = async (person: Newcomer, name: string) =>
    (await knownPerson(product, person.sub)).attributes.find((one) => one.name === name)

  it('shows each value: from whom, since when, whether it is confirmed, and for which purposes', async () => {
    const { id, person, browser, page } = await joined()
    const since = 'since [A-Z][a-z]+ \\d+, \\d{4} at \\d+:\\d\\d [AP]M UTC'
    const says = (text: string, ...parts: string[]) => assert.match(text, new RegExp(parts.join(' ')))
    says(page.text, 'Username', person.preferred_username)
    says(
      page.text,
      'Email address',
      person.email,
      'From Acme consent,',
      since,
      'Confirmed For: Recover your account Change',
    )
    says(
      page.text,
      'Department',
      person.department,
      'From Acme consent,',
      since,
      'For: Show you the right office Change',
    )
    await product.rows(
      `UPDATE user_attributes SET origin = 'operator', origin_idp_id = NULL WHERE user_id = $1 AND name = 'department'`,
      [id],
    )
    await product.rows(`INSERT INTO user_roles (user_id, role, origin) VALUES ($1, 'approver', 'operator')`, [id])
    const { text } = await browser.open(`${product.url}/myaccount`)
    says(text, 'Department', person.department, 'From Northwind,', since)
    says(text, 'What you may do here approver')
    assert.doesNotMatch(text, /Change Department/)
  })

  it('an idp’s value that a person changes is their own, is said so before, and no later sign-in takes it back', async () => {
    const { person, page } = await joined()
    const form = await page.click('Change Email address')
    assert.match(
      form.text,
      /This comes from Acme consent\. If you change it, it is yours: Acme consent does not change it any more/,
    )
    assert.match(form.text, /It will not count as confirmed any more/)
    assert.ok(form.html.includes(`value="${person.email}"`))
    const saved = await form.fill({ value: 'own@home.example' }).press('Save')
    assert.deepEqual(codesOn(saved), ['PROFILE_SAVED'])
    assert.match(
      saved.text,
      /Email address own@home\.example From you, since .* Not confirmed For: Recover your account/,
    )
    await visit(product, 'consent', person)
    assert.deepEqual(await stored(person, 'email'), {
      name: 'email',
      value: 'own@home.example',
      verified: false,
      origin: 'person',
      idp: null,
    })
    const { userinfo } = signedIn(product.application)
    assert.deepEqual([userinfo['email'], userinfo['email_verified']], ['own@home.example', false])
    const events = await product.rows(
      'SELECT event, detail FROM account_events WHERE user_id = (SELECT user_id FROM identities WHERE subject = $1)',
      [person.sub],
    )
    assert.deepEqual(events, [{ event: 'attribute-changed', detail: { attribute: 'email' } }])
  })

  it('a value that is sent as it was stays the idp’s, and confirmed', async () => {
    const { person, page } = await joined()
    const same = await (await page.click('Change Email address')).press('Save')
    assert.deepEqual(codesOn(same), ['PROFILE_SAME'])
    const kept = await stored(person, 'email')
    assert.deepEqual([kept?.origin, kept?.verified], ['idp', true])
  })

  it('reads what is typed as the page of a sign-up does, and shows what was typed again', async () => {
    const { person, page } = await joined()
    // biome-ignore format: one row, one line
    const wrong: [string, string, string][] = [
      ['Email address', 'no address', 'ATTR_EMAIL'],
      ['Email address', 'a@b.example, c@d.example', 'ATTR_EMAIL'],
      ['Email address', '  ', 'ATTR_EMPTY'],
      ['Mobile number', 'call me', 'ATTR_PHONE'],
      ['Department', 'x'.repeat(501), 'ATTR_LONG'],
      ['Department', 'x\u0007', 'ATTR_FORMAT'],
    ]
    for (const [label, value, code] of wrong) {
      const answer = await (await page.click(`Change ${label}`)).fill({ value }).press('Save')
      assert.equal(answer.status, 422, value)
      assert.deepEqual([...new Set(codesOn(answer))], [code], value)
      if (code !== 'ATTR_FORMAT') assert.ok(answer.html.includes(`value="${value}"`), value)
    }
    assert.equal((await stored(person, 'email'))?.value, person.email)
  })

  it('an operator’s value, lists, what nobody agreed to and what does not exist have no form, and none is taken', async () => {
    const { id, person, browser, page } = await joined({}, ['recover:email', 'recover:phone_number'])
    await product.rows(
      `UPDATE user_attributes SET origin = 'operator', origin_idp_id = NULL WHERE user_id = $1 AND name = 'phone_number'`,
      [id],
    )
    await product.rows(
      `INSERT INTO user_attributes (user_id, name, value, origin) VALUES ($1, 'groups', '["a", "b"]', 'person')`,
      [id],
    )
    const form = await page.click('Change Email address')
    for (const attribute of ['phone_number', 'groups', 'department', 'nickname', 'constructor', '', 'x'.repeat(5000)]) {
      const address = `${product.url}/myaccount/edit?${new URLSearchParams({ attribute })}`
      assert.equal((await browser.open(address)).status, 404, attribute)
      const answer = await submit(browser, form, 'Save', { attribute, value: '+44 7700 900123' })
      assert.equal(answer.status, 404, attribute)
    }
    assert.equal((await stored(person, 'phone_number'))?.value, person.phone_number)
    assert.equal(await stored(person, 'department'), undefined)
  })

  it('what was stopped in another tab is not kept by a form that is still open', async () => {
    const { person, browser, page } = await joined()
    const form = await page.click('Change Department')
    await (await browser.open(`${product.url}/myaccount/privacy`)).press('Stop and delete Department')
    const answer = await form.fill({ value: 'Secret' }).press('Save')
    assert.equal(answer.status, 404)
    assert.equal(await stored(person, 'department'), undefined)
  })

  it('a person types what is allowed and nobody has said', async () => {
    const { person, page, browser } = await joined({}, ['recover:email'])
    await (await browser.open(`${product.url}/myaccount/privacy`)).press('Allow Department')
    assert.doesNotMatch(page.text, /Add Department/)
    const again = await browser.open(`${product.url}/myaccount`)
    assert.match(again.text, /Department You agreed that we keep this, but nobody has told us yet/)
    const saved = await (await again.click('Add Department')).fill({ value: 'Engines' }).press('Save')
    assert.deepEqual(codesOn(saved), ['PROFILE_SAVED'])
    assert.deepEqual(await stored(person, 'department'), {
      name: 'department',
      value: 'Engines',
      verified: null,
      origin: 'person',
      idp: null,
    })
    await visit(product, 'consent', person)
    assert.equal((await stored(person, 'department'))?.value, 'Engines')
  })

  it('an address of several lines is changed in one', async () => {
    const purposes = [
      { ...PURPOSES[0], id: 'post', piiCategories: [{ name: 'address', mandatory: true }] },
    ] as typeof PURPOSES
    await meanwhile(
      product,
      (declared) => ({ ...declared, purposes }),
      async () => {
        const formatted = '1 Long Road\nLondon\nE1 6AN'
        const { person, page } = await joined({ address: { formatted, country: 'UK' } }, ['post:address'])
        const form = await page.click('Change Home address')
        assert.ok(form.html.includes('value="1 Long Road, London, E1 6AN"'))
        assert.deepEqual(codesOn(await form.press('Save')), ['PROFILE_SAME'])
        await (await page.click('Change Home address')).fill({ value: '2 Short Road' }).press('Save')
        assert.deepEqual((await stored(person, 'address'))?.value, { formatted: '2 Short Road' })
      },
    )
  })

  it('whoever had the address before is told at it, in the language of the page; nobody of one that nobody had checked', async () => {
    const { person, browser, page } = await joined()
    const { url, fields } = (await page.click('Change Email address')).submission('Save')
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Accept-Language': 'de' }
    for (const value of ['own@home.example', 'other@home.example']) {
      fields.set('value', value)
      const answer = await browser.fetch(url, { method: 'POST', headers, body: fields.toString() })
      assert.equal(answer.status, 303)
      assert.equal((await stored(person, 'email'))?.value, value)
    }
    // A letter waits until its sender has heard that it arrived.
    await until(async () => (await product.rows('SELECT 1 FROM mails')).length === 0, 'a letter waits')
    const [letter, ...others] = sink.letters().filter(({ recipients }) => recipients.includes(person.email))
    assert.ok(letter)
    assert.deepEqual(others, [])
    assert.match(letter.raw, /Content-Language: de/i)
    assert.doesNotMatch(
      sink
        .letters()
        .map(({ raw }) => raw)
        .join(),
      /home\.example/,
    )
  })
})
