// Sign-ins in the console: found by the code on the person's page, told in a sentence, and listed newest first.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { OUTCOMES } from '../../src/db/audit.ts'
import { enterAccount } from '../support/account.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { knownPerson, newcomer, signedIn, visit } from '../support/visits.ts'

describe('sign-ins in the console', () => {
  let product: Product
  let browser: Browser
  const at = (path: string) => `${product.url}${path}`

  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent'] })
    browser = (await openConsole(product, { username: 'olu', role: 'owner' })).browser
  })
  after(() => product.stop())

  const find = async (code: string) => (await browser.open(at('/console/sign-ins'))).fill({ code }).press('Find')
  const codeOf = (page: Page) =>
    /\b[\da-f]{4}-[\da-f]{4}\b/.exec(page.text)?.[0] ?? assert.fail(`no code on: ${page.text}`)

  test('a person who was refused reads a code to support, who is told why', async () => {
    const first = newcomer()
    await visit(product, 'silent', first)
    const same = newcomer({ preferred_username: first.preferred_username })
    const refusal = await visit(product, 'silent', same)
    assert.equal(refusal.status, 409)
    const code = codeOf(refusal)
    for (const typed of [code, code.toUpperCase(), ` ${code.replace('-', ' ')} `]) {
      const page = await find(typed)
      assert.match(page.text, /Acme silent provisions silently and the username that it suggests was taken/)
      assert.match(page.text, /Refused because of USERNAME_TAKEN/)
      assert.match(page.text, /Mode Provision silently/)
      assert.ok(!page.text.includes(first.preferred_username))
    }
  })

  test('a sign-in leads to its user, as long as they are there', async () => {
    const person = newcomer()
    const prompt = await visit(product, 'consent', person)
    const code = codeOf(prompt)
    await prompt.tick('recover:email').press('Create account')
    const { sub } = signedIn(product.application)
    await knownPerson(product, person.sub)
    const page = await find(code)
    assert.match(page.text, /Asked for consent \(signup\.do\)/)
    const user = await page.click(person.preferred_username)
    assert.equal(new URL(user.url).pathname, `/console/users/${sub}`)
    const form = await browser.open(at(`/console/users/${sub}/delete`))
    await form.fill({ username: person.preferred_username }).press('Delete user')
    assert.match((await find(code)).text, /Deleted meanwhile/)
  })

  test('a code of a page that is still open says how far its sign-in has come, and nothing of the person', async () => {
    const person = newcomer()
    const prompt = await visit(product, 'consent', person)
    const code = codeOf(prompt)
    const page = await find(code.toUpperCase())
    assert.equal(page.status, 200)
    assert.match(
      page.text,
      /This sign-in is still going on: with Acme consent, since [^;]+ UTC; it is at the page that asks\. Its record comes when it ends\./,
    )
    for (const value of [person.sub, person.preferred_username, person.name, person.email, person.phone_number])
      assert.ok(!page.html.includes(value), value)
    await prompt.tick('recover:email').press('Create account')
    const ended = await find(code)
    assert.doesNotMatch(ended.text, /still going on/)
    assert.match(ended.text, /They finished/)
  })

  test('a code that no sign-in has, and what is no code, are said to be that', async () => {
    const none = await find('0000-0000')
    assert.equal(none.status, 404)
    assert.match(none.text, /No sign-in has this code/)
    assert.doesNotMatch(none.text, /of a request/)
    // However it is written: what would be found is a code.
    assert.match((await find('00 00 - fa-de')).text, /No sign-in has this code/)
    assert.match((await find('0000fade')).text, /No sign-in has this code.* It may be the code of a request/)
    for (const typed of ['hello', "' OR 1=1", '\u0000', '7f3a-91c', '<script>']) {
      const page = await find(typed)
      assert.equal(page.status, 422, typed)
      assert.match(page.text, /Enter the code as it is/)
    }
  })

  test('to My Account say so, in the list and in the record', async () => {
    const person = newcomer()
    await visit(product, 'silent', person)
    await enterAccount(product, 'silent', person)
    const list = await browser.open(at('/console/sign-ins'))
    assert.match(list.html, /<td><bdi>Acme silent<\/bdi><\/td><td><bdi>My Account<\/bdi><\/td>/)
    const [entered] = await product.rows<{ code: string }>(
      "SELECT code FROM audit_events WHERE detail->>'door' = 'my-account' ORDER BY created_at DESC LIMIT 1",
    )
    assert.match((await find(entered?.code ?? '')).html, /<dt>Application<\/dt><dd><bdi>My Account<\/bdi><\/dd>/)
  })

  test('are listed newest first, page by page, by idp and by outcome', async () => {
    await product.rows(
      `INSERT INTO audit_events (event, flow_id, idp_id) SELECT 'sign-in', 'many-' || n, (SELECT id FROM idps WHERE name = 'silent')
       FROM generate_series(1, 60) n`,
    )
    const codes = (page: Page) =>
      [...page.html.matchAll(/sign-ins\?code=([\da-f]{4}-[\da-f]{4})/g)].map(([, code]) => code)
    const all = (
      await product.rows<{ code: string }>('SELECT code FROM audit_events ORDER BY created_at DESC, id DESC')
    ).map(({ code }) => code)
    const first = await browser.open(at('/console/sign-ins'))
    assert.deepEqual(codes(first), all.slice(0, 25))
    const second = await first.press('Older')
    assert.deepEqual(codes(second), all.slice(25, 50))
    assert.deepEqual(codes(await second.press('Newest')), all.slice(0, 25))
    const refused = await (await browser.open(at('/console/sign-ins')))
      .fill({ idp: 'silent', outcome: 'refused' })
      .press('Filter')
    assert.equal(codes(refused).length, 1)
    const nobody = await (await browser.open(at('/console/sign-ins'))).fill({ idp: 'none' }).press('Filter')
    assert.match(nobody.text, /No sign-in matches/)
  })

  test('of every outcome have words, and a record of an earlier version is shown with what it has', async () => {
    for (const [index, outcome] of OUTCOMES.entries())
      await product.rows('INSERT INTO audit_events (event, flow_id) VALUES ($1, $2)', [outcome, `flow-of-old-${index}`])
    const rows = await product.rows<{ code: string }>(
      "SELECT code FROM audit_events WHERE flow_id LIKE 'flow-of-old-%'",
    )
    for (const { code } of rows) {
      const page = await find(code)
      assert.equal(page.status, 200)
      assert.doesNotMatch(page.html, /undefined|null/)
    }
  })

  test('are for owners and support alone', async () => {
    const support = await openConsole(product, { username: 'sue', role: 'support' })
    assert.equal((await support.browser.open(at('/console/sign-ins'))).status, 200)
    const privacy = await openConsole(product, { username: 'pat', role: 'privacy' })
    assert.equal((await privacy.browser.open(at('/console/sign-ins'))).status, 403)
    assert.equal(
      new URL((await openBrowser().open(at('/console/sign-ins?code=7f3a-91c2'))).url).pathname,
      '/console/sign-in',
    )
  })
})
