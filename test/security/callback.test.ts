// The way back from the idp: only the browser that left may come back, once, with its own code (S001 to S004).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Browser, openBrowser } from '../support/browser.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arrive, callbackOf, messagesOf, signedInAt, stranger } from '../support/road.ts'
import { countPeople } from '../support/visits.ts'

describe('the callback', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'username'] })
  })
  after(() => product.stop())

  const tokenRequests = () => product.idp.requests.filter(({ path }) => path === '/token').length

  /** Opens an address that must be refused: a page, no session, no row, and the idp is not asked. */
  async function assertRefused(browser: Browser, url: string | URL, what: string): Promise<void> {
    const [people, asked] = [await countPeople(product), tokenRequests()]
    const response = await browser.fetch(url)
    const html = await response.text()
    assert.equal(response.status, 400, what)
    assert.deepEqual(response.headers.getSetCookie(), [], `${what}: a cookie was set`)
    assert.match(messagesOf(html).join(), /^BAD_(REQUEST|CALLBACK)$/, what)
    assert.equal(tokenRequests(), asked, `${what}: the idp was asked for tokens`)
    assert.deepEqual(await countPeople(product), people, `${what}: somebody was made`)
  }

  it('refuses a state that is missing, empty, changed, repeated or far too long, and the right one still works', async () => {
    const browser = openBrowser()
    const callback = await callbackOf(product, browser, 'silent', stranger(product))
    const state = callback.searchParams.get('state') ?? ''
    const flipped = state.startsWith('A') ? `B${state.slice(1)}` : `A${state.slice(1)}`
    const forgeries: Record<string, (query: URLSearchParams) => void> = {
      missing: (query) => query.delete('state'),
      empty: (query) => query.set('state', ''),
      'changed by one character': (query) => query.set('state', flipped),
      'cut by one character': (query) => query.set('state', state.slice(0, -1)),
      'in other case': (query) => query.set('state', state.toLowerCase()),
      'sent twice': (query) => query.append('state', state),
      'sent twice, the wrong one last': (query) => query.append('state', flipped),
      'sent as an array': (query) => {
        query.delete('state')
        query.append('state[]', state)
      },
      'of ten thousand characters': (query) => query.set('state', 'A'.repeat(10_000)),
      'not Unicode': (query) => query.set('state', '\0'),
      'with two codes': (query) => query.append('code', 'another'),
    }
    for (const [what, forge] of Object.entries(forgeries)) {
      const url = new URL(callback)
      forge(url.searchParams)
      await assertRefused(browser, url, what)
    }
    await assertRefused(
      browser,
      `${callback.origin}${callback.pathname}?state=%ff%c0&code=x`,
      'bytes that are not UTF-8',
    )
    await assertRefused(browser, `${callback.origin}${callback.pathname}`, 'no query at all')

    signedInAt(product.application, await browser.open(callback))
  })

  it('survives a state of a hundred thousand characters', async () => {
    const browser = openBrowser()
    const callback = await callbackOf(product, browser, 'silent', stranger(product))
    const url = new URL(callback)
    url.searchParams.set('state', 'A'.repeat(100_000))
    const asked = tokenRequests()
    const response = await browser.fetch(url)
    // The server itself refuses so long a request line before the product sees it.
    assert.ok([400, 414, 431].includes(response.status), String(response.status))
    assert.equal(tokenRequests(), asked)
    signedInAt(product.application, await browser.open(callback))
  })

  it('exchanges nothing for the state of a finished flow, whatever code comes with it', async () => {
    const browser = openBrowser()
    const callback = await callbackOf(product, browser, 'silent', stranger(product))
    signedInAt(product.application, await browser.open(callback))
    const [people, asked] = [await countPeople(product), tokenRequests()]
    callback.searchParams.set('code', 'another-code')
    const page = await browser.open(callback)
    assert.equal(page.status, 200)
    assert.deepEqual(messagesOf(page.html), ['FINISHED'])
    await assertRefused(openBrowser(), callback, 'in another browser')
    assert.equal(tokenRequests(), asked)
    assert.deepEqual(await countPeople(product), people)
  })

  it('signs nobody in whom somebody else sent an address to, and the sender can still finish', async () => {
    const attacker = openBrowser()
    const victim = openBrowser()
    const callback = await callbackOf(product, attacker, 'silent', stranger(product))
    await assertRefused(victim, callback, 'in a clean browser')
    assert.deepEqual(victim.cookies.list(), [])

    // Nor in one that has a flow of its own.
    const other = await callbackOf(product, victim, 'silent', stranger(product))
    const cookies = victim.cookies.list().map(({ name, value }) => `${name}=${value}`)
    await assertRefused(victim, callback, 'in a browser with another flow')
    assert.deepEqual(
      victim.cookies.list().map(({ name, value }) => `${name}=${value}`),
      cookies,
    )

    const results = product.application.results.length
    const { sub } = signedInAt(product.application, await attacker.open(callback))
    assert.notEqual(signedInAt(product.application, await victim.open(other)).sub, sub)
    assert.equal(product.application.results.length, results + 2)
  })

  it('exchanges a code once, whoever opens its address again, and says that all is done', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const callback = await callbackOf(product, browser, 'silent', person)
    const asked = tokenRequests()
    const { sub } = signedInAt(product.application, await browser.open(callback))
    const people = await countPeople(product)
    assert.equal(tokenRequests(), asked + 1)

    const again = await browser.open(callback)
    assert.equal(again.status, 200)
    assert.deepEqual(messagesOf(again.html), ['FINISHED'])
    await assertRefused(openBrowser(), callback, 'in another browser')
    // A process that knows nothing but the database.
    await product.redeclare((declared) => declared)
    const later = await browser.open(callback)
    assert.deepEqual(messagesOf(later.html), ['FINISHED'])
    await assertRefused(openBrowser(), callback, 'in another browser, at another process')
    assert.equal(tokenRequests(), asked + 1)
    assert.deepEqual(await countPeople(product), people)

    assert.equal(signedInAt(product.application, await later.click('Continue to Travel')).sub, sub)
  })

  it('exchanges a code once when twenty copies of its address are opened at the same moment', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const callback = await callbackOf(product, browser, 'silent', person)
    const asked = tokenRequests()
    const responses = await Promise.all(Array.from({ length: 20 }, () => browser.fetch(callback)))
    for (const response of responses) {
      assert.equal(response.status, 303, await response.text())
      assert.equal(new URL(response.headers.get('location') ?? '', callback).origin, product.url)
    }
    assert.equal(tokenRequests(), asked + 1)
    const made = await product.rows('SELECT 1 FROM identities WHERE subject = $1', [person.sub])
    assert.equal(made.length, 1)
  })

  it("makes nobody of one flow's code in another flow's callback", async () => {
    const browser = openBrowser()
    const [first, second] = [stranger(product), stranger(product)]
    const callback = await callbackOf(product, browser, 'silent', first)
    const other = await callbackOf(product, browser, 'silent', second)
    const people = await countPeople(product)
    callback.searchParams.set('code', other.searchParams.get('code') ?? '')

    const page = await browser.open(callback)
    assert.equal(page.status, 502, page.text)
    assert.deepEqual(messagesOf(page.html), ['IDP'])
    const exchange = product.idp.requests.findLast(({ path }) => path === '/token')
    assert.equal(exchange?.form['code'], other.searchParams.get('code'), 'the idp must have been the one to refuse')
    const spent = await browser.open(other)
    assert.ok(spent.status === 502 || spent.url.startsWith(product.application.url), spent.text)
    assert.deepEqual(await product.rows('SELECT 1 FROM identities WHERE subject = $1', [first.sub]), [])
    if (spent.status === 502) assert.deepEqual(await countPeople(product), people)
  })

  it('leads on from a page of a failed callback, and the next try signs in', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const callback = await callbackOf(product, browser, 'username', person)
    callback.searchParams.set('code', 'made-up')
    const failed = await browser.open(callback)
    assert.equal(failed.status, 502, failed.text)
    const idp = await failed.click('Try again')
    const prompt = await idp.fill({ person: person.sub }).press('Sign in')
    assert.match(prompt.url, /register\.do/, prompt.text)
    const direct = await arrive(product, openBrowser(), 'silent', stranger(product))
    assert.ok(direct.url.startsWith(product.application.url), direct.text)
  })
})
