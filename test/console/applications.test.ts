// Applications in the console: what is saved there holds at once, and a secret is seen once.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { releaseEntries } from '../../src/db/entries.ts'
import type { Browser, Page } from '../support/browser.ts'
import { openConsole, postBeside } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { requestToken } from '../support/tokens.ts'
import { newcomer, signedIn, visit } from '../support/visits.ts'

const APPLICATIONS = '/console/applications'

describe('applications', () => {
  let product: Product
  let browser: Browser
  before(async () => {
    product = await startProduct({ modes: ['silent'] })
    ;({ browser } = await openConsole(product, { username: 'amara' }))
  })
  after(() => product.stop())

  const open = (path: string) => browser.open(`${product.url}${path}`)
  const row = async (clientId: string) =>
    (await product.rows('SELECT * FROM applications WHERE client_id = $1', [clientId]))[0]
  const secretOn = (page: Page) => /Client secret ([\w-]{43}) /.exec(page.text)?.[1] ?? ''
  const tokenStatus = async (secret: string) =>
    (await requestToken(product.url, 'robot', 'internal_flow_answer', secret)).status
  let secret = ''

  test('that the configuration file sets are read-only, their secrets too', async () => {
    const page = await (await open(APPLICATIONS)).click('Travel')
    assert.match(page.text, /Set by the configuration file/)
    assert.doesNotMatch(page.text, /Replace|Turn off/)
    const before = await row('travel')
    for (const [path, fields] of [
      ['', { name: 'Mine', redirectUris: 'https://evil.example/', do: 'save' }],
      ['', { do: 'off' }],
      ['/secret', { do: 'make' }],
      ['/secret', { do: 'none' }],
      ['/remove', {}],
    ] as const) {
      const sent = { version: String(before?.['version']), ...fields }
      const response = await postBeside(browser, page, sent, `${product.url}${APPLICATIONS}/travel${path}`)
      assert.equal(response.status, 403, path)
      assert.match(await response.text(), /The configuration file sets this/)
    }
    assert.deepEqual(await row('travel'), before)
    await releaseEntries(product.running.house.db)
  })

  test('get a secret that is ours to make, works at once, and is shown once and nowhere else', async () => {
    const page = await (await open(APPLICATIONS)).click('Add an application')
    const once = await page
      .fill({ name: 'Robot', clientId: 'robot' })
      .untick('authorization_code')
      .untick('refresh_token')
      .tick('client_credentials')
      .tick('internal_flow_answer')
      .press('Add')
    assert.equal(once.status, 200)
    assert.match(once.text, /This is the only time that we show it/)
    assert.equal(once.headers.get('cache-control'), 'no-store')
    secret = secretOn(once)
    assert.equal(await tokenStatus(secret), 200)
    const next = await once.click('I have copied it')
    assert.match(next.text, /Client secret Saved · Replace/)
    for (const shown of [next, await open(APPLICATIONS), await open(`${APPLICATIONS}/robot/secret`)])
      assert.ok(!shown.html.includes(secret))
    const changes = await product.rows(`SELECT * FROM changes WHERE object = 'robot'`)
    assert.equal(changes.length, 1)
    assert.ok(!JSON.stringify(changes).includes(secret))
    assert.ok(!(await product.dump()).includes(secret))
    assert.ok(!product.log.join('').includes(secret))
  })

  test('keep their secret when anything else changes', async () => {
    const page = await (await open(`${APPLICATIONS}/robot`)).fill({ name: 'The robot' }).press('Save')
    assert.match(page.text, /The application The robot is saved/)
    assert.equal(await tokenStatus(secret), 200)
  })

  test('get a new one after a warning, and the old one is worth nothing', async () => {
    const page = await (await open(`${APPLICATIONS}/robot`)).click('Replace')
    assert.match(page.text, /The old secret stops working at once/)
    const once = await page.press('Make a new secret')
    assert.notEqual(secretOn(once), secret)
    assert.equal(await tokenStatus(secret), 401)
    secret = secretOn(once)
    assert.equal(await tokenStatus(secret), 200)
    const none = await (await open(`${APPLICATIONS}/robot/secret`)).press('Have none: a public client')
    assert.equal(none.status, 422)
    assert.match(none.html, /<a href="#secret">Client secret is missing: without one there are no client_credentials/)
    assert.equal(await tokenStatus(secret), 200)
  })

  test('that can keep none have none, until they get one', async () => {
    const added = await (await open(`${APPLICATIONS}/add/new`))
      .fill({
        name: 'Phone',
        clientId: 'phone',
        redirectUris: 'example.phone:/callback\r\n\r\nhttp://127.0.0.1/callback',
      })
      .tick('public')
      .press('Add')
    assert.match(added.text, /The application Phone is saved/)
    assert.match(added.text, /Phone phone authorization_code, refresh_token Changed just now by amara None/)
    assert.deepEqual((await row('phone'))?.['redirect_uris'], ['example.phone:/callback', 'http://127.0.0.1/callback'])
    assert.equal((await row('phone'))?.['client_secret_sealed'], null)
    const once = await (await open(`${APPLICATIONS}/phone/secret`)).press('Make a new secret')
    assert.match(secretOn(once), /^[\w-]{43}$/)
    await (await open(`${APPLICATIONS}/phone/secret`)).press('Have none: a public client')
    assert.equal((await row('phone'))?.['client_secret_sealed'], null)
  })

  test('say what is wrong at the field, and at which line', async () => {
    const empty = await (await open(`${APPLICATIONS}/add/new`)).press('Add')
    assert.equal(empty.status, 422)
    for (const field of ['name', 'clientId', 'redirectUris'])
      assert.ok(empty.html.includes(`<a href="#${field}">`), field)
    const nowhere = await empty.fill({ name: 'A', clientId: 'a' }).press('Add')
    assert.match(nowhere.html, /<a href="#redirectUris">Redirect addresses must have an address/)
    const wrong = await empty
      .fill({ name: 'A', clientId: 'a', redirectUris: 'https://a.example/\nhttp://b.example/' })
      .tick('public')
      .untick('requirePkce')
      .tick('internal_flow_create')
      .press('Add')
    assert.match(wrong.html, /<a href="#redirectUris">Redirect addresses, line 2: must be an absolute address/)
    const rules = await wrong.fill({ redirectUris: 'https://a.example/' }).press('Add')
    assert.match(rules.html, /<a href="#scope-internal_flow_create">Scopes do nothing without client_credentials/)
    assert.match(rules.html, /<a href="#requirePkce">PKCE may be false only for an application with a clientSecret/)
    const taken = await (await open(`${APPLICATIONS}/add/new`))
      .fill({ name: 'A', clientId: 'robot', redirectUris: 'https://a.example/' })
      .press('Add')
    assert.match(taken.html, /<a href="#clientId">There is one of this name already/)
    assert.equal(await tokenStatus(secret), 200)
  })

  test('accept people of the idps that are chosen, at once', async () => {
    await visit(product, 'silent', newcomer())
    signedIn(product.application)
    await (await open(`${APPLICATIONS}/travel`)).tick('some').untick('silent').tick('consent').press('Save')
    assert.deepEqual((await row('travel'))?.['identity_providers'], ['consent'])
    const page = await visit(product, 'silent', newcomer())
    assert.match(page.text, /Choose what Northwind may keep|Acme consent/)
    await (await open(`${APPLICATIONS}/travel`)).tick('all').press('Save')
    assert.equal((await row('travel'))?.['identity_providers'], null)
  })

  test('are turned off and on, and deleted for good', async () => {
    const off = await (await open(`${APPLICATIONS}/robot`)).press('Turn off')
    assert.match(off.text, /robot is off/)
    assert.equal(await tokenStatus(secret), 401)
    await (await open(`${APPLICATIONS}/robot`)).press('Turn on')
    assert.equal(await tokenStatus(secret), 200)
    const page = await (await open(`${APPLICATIONS}/robot`)).click('Delete')
    assert.match(page.text, /Nobody gets into The robot \(robot\) by us any more/)
    assert.match((await page.press('Delete application')).text, /The application is deleted/)
    assert.equal(await tokenStatus(secret), 401)
  })

  test('two operators at once: the second sees both sides, and no secret', async () => {
    const mine = await open(`${APPLICATIONS}/travel`)
    const other = await openConsole(product, { username: 'bela' })
    await (await other.browser.open(`${product.url}${APPLICATIONS}/travel`)).fill({ name: 'Trips' }).press('Save')
    const conflict = await mine.fill({ name: 'Tours' }).press('Save')
    assert.equal(conflict.status, 409)
    assert.match(conflict.text, /bela changed this while you did.* Name Trips Tours/)
    assert.doesNotMatch(conflict.text, /a secret of the travel application/)
    assert.match((await conflict.press('Save')).text, /The application Tours is saved/)
  })

  test('a client ID and a name may be odd, and are never markup', async () => {
    const odd = `a/b?c#d%00 "'><script>alert(1)</script>`
    const once = await (await open(`${APPLICATIONS}/add/new`))
      .fill({ name: odd, clientId: odd, redirectUris: 'https://a.example/' })
      .press('Add')
    assert.ok(!once.html.includes('<script>alert'))
    const page = await once.click('I have copied it')
    assert.equal(page.status, 200)
    for (const one of [page, await open(APPLICATIONS), await page.click('Delete'), await page.click('Replace')]) {
      assert.ok(one.text.includes(odd))
      assert.ok(!one.html.includes('<script>alert'))
    }
  })
})
