// Consent purposes in the console: what an operator says there is what people read, and what people answered stands.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { releaseEntries } from '../../src/db/entries.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { openConsole, postBeside } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { newcomer, visit } from '../support/visits.ts'

const PURPOSES = '/console/resident/user-onboarding/ask-password/purposes'
const ADD = `${PURPOSES}/add/new`

describe('consent purposes', () => {
  let product: Product
  let browser: Browser
  before(async () => {
    product = await startProduct({ modes: ['consent'] })
    ;({ browser } = await openConsole(product, { username: 'amara' }))
  })
  after(() => product.stop())

  const open = (path: string) => browser.open(`${product.url}${path}`)
  const rows = (id: string) => product.rows('SELECT * FROM purposes WHERE id = $1', [id])

  test('that the configuration file sets are shown, marked, and changed by nobody here', async () => {
    const list = await open(PURPOSES)
    assert.match(list.text, /Recover your account Configuration file Email address/)
    const page = await list.click('Recover your account')
    assert.match(page.text, /Set by the configuration file/)
    assert.match(page.html, /<fieldset class="whole" disabled>/)
    const before = await rows('recover')
    const words = { purpose: 'Mine', description: 'Mine', 'attribute-0': 'email', do: 'finish' }
    for (const [path, fields] of [
      [`${PURPOSES}/recover`, words],
      [PURPOSES, { key: 'recover', do: 'archive' }],
      [PURPOSES, { key: 'recover', do: 'down' }],
      [`${PURPOSES}/recover/remove`, {}],
    ] as const) {
      const response = await postBeside(browser, page, { version: '1', ...fields }, `${product.url}${path}`)
      assert.equal(response.status, 403, `${path} ${JSON.stringify(fields)}`)
      assert.match(await response.text(), /The configuration file sets this/)
    }
    assert.deepEqual(await rows('recover'), before)
  })

  test('are found by the path of the reference, and by a short address', async () => {
    await releaseEntries(product.running.house.db)
    let page = await open('/console/resident')
    for (const step of ['User Onboarding', 'Ask Password', 'Manage JIT provisioning purposes'])
      page = await page.click(step)
    assert.match(page.title, /^Consent Purposes/)
    assert.match(page.text, /Resident User Onboarding Ask Password Consent Purposes/)
    assert.equal(new URL((await open('/console/purposes')).url).pathname, PURPOSES)
  })

  test('are added with buttons alone: rows, preview and translations; a privacy officer may do it', async () => {
    const officer = await openConsole(product, { username: 'petra', role: 'privacy' })
    let page = await (await officer.browser.open(`${product.url}${PURPOSES}`)).click('Add New Purpose')
    page = await page
      .fill({ purpose: 'Send you the news', description: 'So that you know\r\nwhat is new', 'attribute-0': 'email' })
      .press('Add PII Category')
    page = await page.fill({ 'attribute-1': 'department' }).tick('mandatory-1').press('Add PII Category')
    page = await page.fill({ 'attribute-2': 'birthdate' }).press('Remove PII category 3')
    assert.doesNotMatch(page.html, /attribute-2/)
    page = page.fill({ 'purpose-de': 'Ihnen Neues senden', 'description-de': 'Damit Sie wissen, was es gibt' })

    const english = await page.press('Preview')
    assert.match(
      english.text,
      /as people see it\) .*Send you the news So that you know what is new .*name@example\.com/,
    )
    assert.match(english.html, /id="consent-preview-department" name="consent"/)
    const german = await english.press('Preview in German')
    assert.match(german.html, /lang="de" dir="ltr" inert>/)
    assert.match(german.text, /Ihnen Neues senden Damit Sie wissen, was es gibt/)

    const saved = await german.press('Finish')
    assert.match(saved.text, /The purpose “Send you the news” is saved/)
    const [row] = await rows('send-you-the-news')
    assert.deepEqual(row?.['pii_categories'], [
      { name: 'email', mandatory: false },
      { name: 'department', mandatory: true },
    ])
    assert.deepEqual(row?.['translations'], {
      de: { purpose: 'Ihnen Neues senden', description: 'Damit Sie wissen, was es gibt' },
    })
    assert.equal(row?.['managed_by'], 'console')
    const [change] = await product.rows('SELECT actor, action, kind, object FROM changes ORDER BY id DESC LIMIT 1')
    assert.deepEqual(change, { actor: 'petra', action: 'created', kind: 'purpose', object: 'send-you-the-news' })
    assert.match(
      saved.text,
      /Send you the news Email address , Department \* \(needed\) Changed just now by petra 0 0 0/,
    )
  })

  test('are asked of the next person as they were typed, and count what that person answers', async () => {
    const page = await visit(product, 'consent', newcomer())
    assert.match(page.text, /Send you the news So that you know what is new/)
    await page.tick('recover:email').tick('send-you-the-news:department').press('Create account')
    const list = await open(PURPOSES)
    assert.match(list.text, /Recover your account Email address \* \(needed\) , Mobile number Changed [\w ]+ 1 1 0/)
    assert.match(list.text, /right office Department Changed [\w ]+ 1 0 1/)
    const purpose = await list.click('Recover your account')
    assert.match(purpose.text, /Version 1, since .* 1 person was shown this\. Other words, .* ask them again/)
    assert.doesNotMatch(purpose.text, /Delete this purpose/)
    const refused = await open(`${PURPOSES}/recover/remove`)
    assert.match(refused.text, /1 person has answered, so it cannot be deleted/)
    assert.doesNotMatch(refused.html, /Delete purpose/)
    const removed = await (await open(`${PURPOSES}/office/remove`)).text
    assert.match(removed, /1 person has answered/)
  })

  test('say before a save whom it asks again, and about what; a reason silences one save, and stays in the history', async () => {
    const asks = (page: { html: string }) => /id="asks">([^<]*)</.exec(page.html)?.[1] ?? assert.fail(page.html)
    let page = await open(`${PURPOSES}/recover`)
    page = await page.fill({ description: 'So that we can help you' }).press('Preview')
    assert.equal(
      asks(page),
      'Saving this asks 1 person again, at the next sign-in through an identity provider that asks: about all of it',
    )
    page = await page.fill({ 'wording-only': 'a slip of the pen' }).press('Preview')
    assert.equal(asks(page), 'Saving this asks nobody again')
    page = await page.press('Add PII Category')
    page = await page.fill({ 'attribute-2': 'nickname' }).press('Preview')
    assert.match(asks(page), /asks 1 person again, .*: about Nickname$/)
    await (await page.press('Remove PII category 3')).fill({ 'accept-by': '2031-02-01' }).press('Finish')
    page = await open(`${PURPOSES}/recover`)
    assert.match(page.text, /Version 2, since .*A small wording change: a slip of the pen/)
    assert.match(page.html, /id="accept-by"[^>]* value="2031-02-01"/)
    assert.match(page.html, /id="wording-only"[^>]* value=""/)
    const [kept] = await rows('recover')
    assert.equal(kept?.['wording_only'], 'a slip of the pen')
    // Nothing typed is nothing changed.
    await page.press('Finish')
    assert.deepEqual(await rows('recover'), [kept])
    const history = await open('/console/audit')
    assert.match(history.text, /a slip of the pen/)
    const wrong = await (await open(`${PURPOSES}/recover`)).fill({ 'accept-by': 'soon' }).press('Finish')
    assert.equal(wrong.status, 422)
    assert.match(wrong.html, /<a href="#accept-by">Must be accepted by must be a day as YYYY-MM-DD/)
    page = await (await open(`${PURPOSES}/recover`))
      .fill({ description: 'So that we can help you if you lose your password' })
      .press('Finish')
    const versions = await product.rows(
      'SELECT version, asks, wording_only, accept_by FROM purpose_versions WHERE purpose_id = $1 ORDER BY version',
      ['recover'],
    )
    assert.deepEqual(versions, [
      { version: 1, asks: { about: 'words' }, wording_only: null, accept_by: null },
      { version: 2, asks: null, wording_only: 'a slip of the pen', accept_by: '2031-02-01' },
      { version: 3, asks: { about: 'words' }, wording_only: null, accept_by: '2031-02-01' },
    ])
  })

  test('say what is wrong at the field: nothing typed, too much, twice the same, a name that is there', async () => {
    const empty = await (await open(ADD)).press('Finish')
    assert.equal(empty.status, 422)
    assert.match(empty.html, /<a href="#purpose">Purpose is missing/)
    assert.match(empty.html, /<a href="#description">Description is missing/)
    assert.match(empty.html, /<a href="#attribute-0">PII category must name an attribute/)
    assert.match(empty.html, /<select id="attribute-0"[^>]* aria-invalid="true" aria-describedby="attribute-0-error"/)
    const typed = { purpose: 'recover YOUR account', description: 'x'.repeat(601), 'attribute-0': 'email' }
    const twice = await (await empty.fill(typed).press('Add PII Category'))
      .fill({ 'attribute-1': 'email' })
      .press('Finish')
    assert.equal(twice.status, 422)
    assert.match(twice.html, /<a href="#purpose">Another purpose has this name/)
    const long = await twice.fill({ purpose: 'Something else' }).press('Finish')
    assert.match(long.html, /<a href="#description">Description must be 1 to 600 characters/)
    assert.match(long.html, /<a href="#attribute-1">PII category is there twice/)
    const half = await long.fill({ description: 'x'.repeat(600), 'attribute-1': '', 'purpose-ar': 'x' }).press('Finish')
    assert.match(half.html, /<a href="#description-ar">Description in Arabic is missing/)
    const exact = await half.fill({ 'purpose-ar': '' }).press('Finish and add another')
    assert.match(exact.text, /“Something else” is saved/)
    assert.match(exact.title, /^Add New Purpose/)
  })

  test('two operators at once: the second sees both sides, and may then have the last word', async () => {
    const mine = await open(`${PURPOSES}/office`)
    const theirs = await openConsole(product, { username: 'bela' })
    const other = await theirs.browser.open(`${product.url}${PURPOSES}/office`)
    await other.fill({ description: 'Said by Bela' }).press('Finish')
    const conflict = await mine.fill({ description: 'Said by Amara' }).press('Finish')
    assert.equal(conflict.status, 409)
    assert.match(conflict.text, /bela changed this while you did\. Compare below, then save again/)
    assert.match(conflict.text, /Now You Description Said by Bela Said by Amara/)
    assert.equal((await rows('office'))[0]?.['description'], 'Said by Bela')
    await conflict.press('Finish')
    assert.equal((await rows('office'))[0]?.['description'], 'Said by Amara')
  })

  test('change places, are archived and turned back on, and go for good where nobody was asked', async () => {
    const order = async () =>
      (await product.rows<{ id: string }>('SELECT id FROM purposes WHERE is_enabled ORDER BY position, id')).map(
        ({ id }) => id,
      )
    const first = await order()
    let page = await open(PURPOSES)
    assert.doesNotMatch(page.text, /Up Recover your account|Down Something else/)
    page = await page.press('↓ Down Recover your account')
    assert.deepEqual((await order()).slice(0, 2), [first[1], first[0]])
    page = await page.press('↑ Up Recover your account')
    assert.deepEqual(await order(), first)
    page = await page.press('Archive Something else')
    assert.ok(!(await order()).includes('something-else'))
    assert.match(page.text, /Something else Archived/)
    page = await page.press('Turn back on Something else')
    assert.deepEqual(await order(), first)
    page = await (await (await page.click('Something else')).click('Delete this purpose')).press('Delete purpose')
    assert.match(page.text, /The purpose is deleted/)
    assert.equal((await rows('something-else')).length, 0)
  })

  test('nothing that an operator types is markup, on the list, in the form or in the preview', async () => {
    const evil = `"'><script>alert(1)</script>`
    let page = await (await open(ADD))
      .fill({ purpose: evil, description: evil, 'attribute-0': 'email', 'purpose-ar': evil, 'description-ar': evil })
      .press('Preview in Arabic')
    assert.ok(page.text.includes(evil))
    assert.ok(!page.html.includes('<script>alert'))
    page = await page.press('Finish')
    assert.ok(!page.html.includes('<script>alert'))
    assert.ok(!(await open(`${PURPOSES}/script-alert-1-script/remove`)).html.includes('<script>alert'))
  })

  test('the list says what the organisation lacks before people are asked', async () => {
    assert.doesNotMatch((await open(PURPOSES)).text, /before people are asked/)
    await product.rows(`UPDATE installation SET organization = '{"name": "Northwind"}'`)
    assert.match((await open(PURPOSES)).text, /Add your privacy page before people are asked\. Settings/)
  })

  test('a stranger to a purpose is told so', async () => {
    assert.equal((await open(`${PURPOSES}/nothing`)).status, 404)
    assert.equal((await openBrowser().open(`${product.url}${PURPOSES}`)).url.includes('/sign-in'), true)
  })
})
