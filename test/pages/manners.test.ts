// Manners of the prompt that need a server: whether a name is free, staying longer, and how often somebody may try.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sweep } from '../../src/db/sweep.ts'
import type { Application } from '../support/application.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { readPage } from '../support/html-page.ts'
import { freePort, type Product, startProduct } from '../support/product.ts'
import { arrive, fillRegister, goToIdp, messagesOf, send, signedInAt, stranger } from '../support/road.ts'
import { fetchTrusting, startTlsProxy } from '../support/tls-proxy.ts'
import { codesOn, flowIdOf, meanwhile, newcomer, storedPerson, submit, visit } from '../support/visits.ts'

const MINUTE = 60_000
const LOGIN = '/authenticationendpoint/login.do'

describe('the prompt', () => {
  let product: Product
  /** An application with one idp: nothing to choose. */
  let alone: Application
  before(async () => {
    product = await startProduct({ modes: ['consent', 'username', 'silent'] })
    alone = await product.addApplication({ clientId: 'alone' }, { identityProviders: ['silent'] })
  })
  after(() => product.stop())

  /** Moves time on, and back whatever happens. */
  async function later(minutes: number, work: () => Promise<void>): Promise<void> {
    const start = product.clock.now
    product.clock.now = new Date(start.getTime() + minutes * MINUTE)
    try {
      await work()
    } finally {
      product.clock.now = start
    }
  }

  /** Somebody new in front of the prompt of an idp. */
  async function atPrompt(mode: 'consent' | 'username' = 'username', browser: Browser = openBrowser(), claims = {}) {
    const person = stranger(product, claims)
    const page = await arrive(product, browser, mode, person)
    assert.equal(page.status, 200, page.text)
    return { person, browser, page }
  }

  /** What the page's script sends to one of its two addresses. */
  function ask(
    browser: Browser,
    page: Page,
    action: 'username-status' | 'stay',
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const form = page.submission(page.url.includes('/login.do') ? 'Sign in' : 'create').fields
    const known = { _csrf: form.get('_csrf') ?? '', sessionDataKey: form.get('sessionDataKey') ?? '' }
    const url = `${product.url}/accountrecoveryendpoint/${action}`
    return send(browser, { url, fields: new URLSearchParams({ ...known, ...fields }) }, { headers })
  }

  const statusOf = async (browser: Browser, page: Page, username: string) =>
    (await ask(browser, page, 'username-status', { username })).json()

  describe('asked whether a name is free', () => {
    it('says what the form would say, code for code, and that a good name is free', async () => {
      const owner = await atPrompt()
      const name = `owner-${owner.person.sub}`
      signedInAt(product.application, await fillRegister(owner.page, name).press('create'))
      const { browser, page } = await atPrompt()
      const codes = {
        [name]: 'USERNAME_TAKEN',
        [name.toUpperCase()]: 'USERNAME_TAKEN',
        [` ${name.replace('o', 'ｏ')} `]: 'USERNAME_TAKEN',
        '': 'USERNAME_EMPTY',
        ab: 'USERNAME_SHORT',
        [`a${'b'.repeat(50)}`]: 'USERNAME_LONG',
        'two words': 'USERNAME_CHARS',
        'STAFF/asha': 'USERNAME_NO_PREFIX',
        Admin: 'USERNAME_RESERVED',
        '\u0000 \ud800': 'USERNAME_CHARS',
      }
      for (const [typed, code] of Object.entries(codes)) {
        assert.deepEqual(await statusOf(browser, page, typed), { available: false, reason: code }, typed)
        const tried = await page.fill({ username: typed }).press('create')
        assert.deepEqual([...new Set(codesOn(tried).filter((one) => one.startsWith('USERNAME')))], [code], typed)
      }
      for (const free of [`other-${owner.person.sub}`, ' Other-Name ']) {
        const answer = await ask(browser, page, 'username-status', { username: free })
        assert.equal(answer.status, 200)
        assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
        assert.equal(answer.headers.get('cache-control'), 'no-store')
        assert.deepEqual(await answer.json(), { available: true, reason: null })
      }
    })

    it('asks, settles and keeps nothing, not even of a person who has become known meanwhile', async () => {
      const { person, browser, page } = await atPrompt()
      const twin = await arrive(product, openBrowser(), 'username', person)
      const row = () => product.rows('SELECT * FROM flows WHERE id = $1', [flowIdOf(page)])
      const before = await row()
      const name = `never-kept-${person.sub}`
      assert.deepEqual(await statusOf(browser, page, name), { available: true, reason: null })
      assert.equal(await storedPerson(product, person.sub), undefined)
      signedInAt(product.application, await fillRegister(twin, name).press('create'))
      assert.equal((await ask(browser, page, 'username-status', { username: 'another-name' })).status, 404)
      assert.deepEqual(await row(), before)
      assert.ok(!product.log.some((line) => line.includes(name)), 'no name is logged')
      assert.ok(product.log.some((line) => line.includes('"available":true') && line.includes('username status')))
    })

    it('answers on signup.do too, when the name there has to be typed', async () => {
      const owner = await atPrompt()
      const name = `owner-${owner.person.sub}`
      signedInAt(product.application, await fillRegister(owner.page, name).press('create'))
      const { browser, page } = await atPrompt('consent', openBrowser(), { preferred_username: name })
      assert.match(page.url, /signup\.do/)
      assert.deepEqual(await statusOf(browser, page, name), { available: false, reason: 'USERNAME_TAKEN' })
      assert.deepEqual(await statusOf(browser, page, `${name}-2`), { available: true, reason: null })
    })

    it('answers 404 where no username is asked: before an idp, on a page without, after the end, to another browser', async () => {
      const username = 'some-name'
      const early = openBrowser()
      const choice = await early.open(`${product.application.url}/login`)
      assert.equal((await ask(early, choice, 'username-status', { username })).status, 404)
      const consent = await atPrompt('consent')
      assert.equal((await ask(consent.browser, consent.page, 'username-status', { username })).status, 404)
      const { browser, page } = await atPrompt()
      assert.equal((await ask(openBrowser(), page, 'username-status', { username })).status, 404)
      await page.press('decline')
      assert.equal((await ask(browser, page, 'username-status', { username })).status, 404)
    })

    it('answers 410 when the flow has expired, and 403 to what its own page did not send', async () => {
      const username = 'some-name'
      const { browser, page } = await atPrompt()
      for (const [fields, headers] of [
        [{ _csrf: '' }, {}],
        [{}, { 'Sec-Fetch-Site': 'cross-site' }],
        [{}, { Origin: 'https://evil.example' }],
      ] as const) {
        assert.equal((await ask(browser, page, 'username-status', { username, ...fields }, headers)).status, 403)
      }
      const url = `${product.url}/accountrecoveryendpoint/username-status`
      assert.equal((await browser.fetch(`${url}?sessionDataKey=${flowIdOf(page)}&username=a-name`)).status, 405)
      await later(31, async () => {
        assert.equal((await ask(browser, page, 'username-status', { username })).status, 410)
      })
    })

    it('answers thirty times in a flow and a hundred and twenty times at an address, then 429 until ten minutes are over', async () => {
      const address = '198.51.100.7'
      const people = [1, 2, 3, 4, 5].map(() => openBrowser({ address }))
      const prompts: Page[] = []
      for (const browser of people) prompts.push((await atPrompt('username', browser)).page)
      const times = async (index: number, count: number) => {
        const [browser, page] = [people[index] as Browser, prompts[index] as Page]
        const call = (_: unknown, one: number) =>
          ask(browser, page, 'username-status', { username: `name-${index}-${one}` })
        const statuses: Record<number, number> = {}
        for (const { status } of await Promise.all(Array.from({ length: count }, call))) {
          statuses[status] = (statuses[status] ?? 0) + 1
        }
        return statuses
      }
      assert.deepEqual(await times(0, 32), { 200: 30, 429: 2 })
      for (const index of [1, 2, 3]) assert.deepEqual(await times(index, 30), { 200: 30 })
      assert.deepEqual(await times(4, 1), { 429: 1 })
      const { browser, page } = await atPrompt()
      assert.equal((await ask(browser, page, 'username-status', { username: 'elsewhere' })).status, 200)
      const tired = await ask(people[4] as Browser, prompts[4] as Page, 'username-status', { username: 'a-name' })
      const wait = Number(tired.headers.get('retry-after'))
      assert.ok(wait > 0 && wait <= 600, String(wait))
      assert.deepEqual(messagesOf(await tired.text()), ['TOO_MANY'])
      await later(11, async () => assert.deepEqual(await times(4, 1), { 200: 1 }))
      const stillOpen = await (prompts[0] as Page).fill({ username: 'x' }).press('create')
      assert.equal(stillOpen.status, 422, 'the form itself is not slowed down')
      const kept = await product.rows<{ row: string }>('SELECT brakes::text AS row FROM brakes')
      assert.ok(!kept.some(({ row }) => row.includes(address) || row.includes(flowIdOf(prompts[0] as Page))))
    })
  })

  describe('asked to stay', () => {
    it('lives thirty minutes from then, with its cookie and the door to the application', async () => {
      const { person, browser, page } = await atPrompt()
      const name = flowCookieOf(page)
      await later(29, async () => {
        const answer = await ask(browser, page, 'stay')
        assert.equal(answer.status, 200)
        assert.equal(answer.headers.get('cache-control'), 'no-store')
        const openUntil = new Date(product.clock.now.getTime() + 30 * MINUTE).toISOString()
        assert.deepEqual(await answer.json(), { openUntil })
        const set = answer.headers.getSetCookie()
        assert.deepEqual(set.map((one) => one.split('=')[0]).sort(), [name, 'vestibule.resume', 'vestibule.resume.sig'])
        for (const one of set) assert.match(one, /HttpOnly/i)
      })
      await later(58, async () => {
        await sweep(product.running.db, product.clock.now)
        const again = await browser.open(page.url)
        assert.equal(again.status, 200, again.text)
        signedInAt(product.application, await fillRegister(again, `late-${person.sub}`).press('create'))
        assert.ok(await storedPerson(product, person.sub))
      })
    })

    it('gives the browser all that it needs to finish, as if it had just come', async () => {
      const { person, browser, page } = await atPrompt()
      const answer = await ask(browser, page, 'stay')
      browser.cookies.clear()
      browser.cookies.keep(new URL(page.url), answer.headers.getSetCookie())
      for (const { name, expiresAt = 0, sameSite, path } of browser.cookies.list()) {
        assert.ok(Math.abs(expiresAt - Date.now() - 40 * MINUTE) < MINUTE, name)
        assert.equal(sameSite, 'lax')
        assert.ok(name.startsWith('flow-') ? path === '/' : path.startsWith('/oauth2/authorize/'), path)
      }
      const done = await fillRegister(page, `fresh-${person.sub}`).press('create')
      // The application's own cookie is gone with the others: that it was answered with a code is what counts here.
      assert.ok(done.url.startsWith(`${product.application.redirectUri}?code=`), done.url)
    })

    it('works ten times, each at the last minute, and not for ever', async () => {
      const { person, browser, page } = await atPrompt()
      for (let count = 1; count <= 10; count += 1) {
        await later(count * 29, async () => assert.equal((await ask(browser, page, 'stay')).status, 200, String(count)))
      }
      await later(319, async () => {
        const answer = await ask(browser, page, 'stay')
        assert.equal(answer.status, 409)
        assert.deepEqual(messagesOf(await answer.text()), ['STAY'])
        assert.deepEqual(answer.headers.getSetCookie(), [])
        signedInAt(product.application, await fillRegister(page, `eleven-${person.sub}`).press('create'))
      })
    })

    it('answers 404 to another browser, 403 to what its own page did not send, 409 after the end and 410 after its time', async () => {
      const { browser, page } = await atPrompt()
      assert.equal((await ask(openBrowser(), page, 'stay')).status, 404)
      assert.equal((await ask(browser, page, 'stay', { _csrf: '' })).status, 403)
      assert.equal((await ask(browser, page, 'stay', {}, { 'Sec-Fetch-Site': 'same-site' })).status, 403)
      assert.equal((await browser.fetch(`${product.url}/accountrecoveryendpoint/stay`)).status, 405)
      const row = () => product.rows('SELECT expires_at FROM flows WHERE id = $1', [flowIdOf(page)])
      const before = await row()
      await later(30, async () => assert.equal((await ask(browser, page, 'stay')).status, 410))
      await page.press('decline')
      assert.equal((await ask(browser, page, 'stay')).status, 409)
      assert.deepEqual(await row(), before)
    })

    it('works over https, where every cookie is for https alone', async () => {
      const port = await freePort()
      const proxy = await startTlsProxy(new URL(`http://127.0.0.1:${port}`))
      const secure = await startProduct({ modes: ['consent'], publicUrl: proxy.url, port, ca: proxy.ca })
      try {
        const browser = openBrowser({ fetch: fetchTrusting(proxy.ca) })
        const page = await visit(secure, 'consent', newcomer(), { browser })
        const { fields } = page.tick('recover:email').submission('create')
        const answer = await send(browser, { url: `${proxy.url}/accountrecoveryendpoint/stay`, fields })
        assert.equal(answer.status, 200)
        const set = answer.headers.getSetCookie()
        assert.equal(set.length, 3)
        for (const one of set) assert.match(one, /; secure/i)
        assert.ok(set.some((one) => one.startsWith('__Host-flow-')))
        browser.cookies.clear()
        browser.cookies.keep(new URL(page.url), set)
        const done = await page.press('create')
        assert.ok(done.url.startsWith(`${secure.application.redirectUri}?code=`), done.url)
      } finally {
        await secure.stop()
        await proxy.stop()
      }
    })
  })

  describe('answered wrongly', () => {
    it('shows what is wrong ten times, then a page that says nothing of it and leads back; the right answer still passes', async () => {
      const { person, browser, page } = await atPrompt()
      for (let count = 1; count <= 10; count += 1) {
        assert.equal((await submit(browser, page, 'create')).status, 422, String(count))
      }
      const owner = await atPrompt()
      const taken = `owner-${owner.person.sub}`
      signedInAt(product.application, await fillRegister(owner.page, taken).press('create'))
      for (const username of [taken, `free-${person.sub}`]) {
        const tired = await page.fill({ username, password: 'short' }).press('create')
        assert.equal(tired.status, 429)
        const wait = Number(tired.headers.get('retry-after'))
        assert.ok(wait > 0 && wait <= 600, String(wait))
        assert.deepEqual(codesOn(tired), ['TOO_MANY'])
        assert.match(tired.text, /You have tried many times Wait 10 minutes, then try again\. Nothing was saved/)
        assert.ok(!tired.text.includes(username))
        assert.equal((await tired.click('Try again')).url, page.url)
      }
      assert.equal(await storedPerson(product, person.sub), undefined)
      const counted = await product.rows('SELECT * FROM brakes ORDER BY key')
      signedInAt(product.application, await fillRegister(page, `free-${person.sub}`).press('create'))
      assert.deepEqual(await product.rows('SELECT * FROM brakes ORDER BY key'), counted, 'and counts nothing')
    })

    it('counts thirty at one address, whoever it is, leaves other addresses alone, and forgets in ten minutes', async () => {
      const address = '198.51.100.8'
      const people: { browser: Browser; page: Page }[] = []
      for (let count = 1; count <= 4; count += 1) {
        people.push(await atPrompt('consent', openBrowser({ address })))
      }
      const [last, ...others] = people.reverse()
      assert.ok(last)
      for (const { browser, page } of others) {
        for (let count = 1; count <= 10; count += 1) assert.equal((await submit(browser, page, 'create')).status, 422)
      }
      assert.equal((await submit(last.browser, last.page, 'create')).status, 429)
      const elsewhere = await atPrompt('consent')
      assert.equal((await submit(elsewhere.browser, elsewhere.page, 'create')).status, 422)
      await later(11, async () => assert.equal((await submit(last.browser, last.page, 'create')).status, 422))
      signedInAt(product.application, await last.page.tick('recover:email').press('create'))
    })

    it('lets one busy flow use up no more than its own ten of what an address has', async () => {
      const address = '198.51.100.9'
      const busy = await atPrompt('consent', openBrowser({ address }))
      await Promise.all(Array.from({ length: 35 }, () => submit(busy.browser, busy.page, 'create')))
      const beside = await atPrompt('consent', openBrowser({ address }))
      assert.equal((await submit(beside.browser, beside.page, 'create')).status, 422)
    })

    it('counts of twenty at the same moment no more than ten', async () => {
      const { browser, page } = await atPrompt('consent')
      const answers = await Promise.all(Array.from({ length: 20 }, () => submit(browser, page, 'create')))
      assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(10).fill(422), ...Array(10).fill(429)])
    })

    it('with a name that is taken hashes no password', async () => {
      const owner = await atPrompt()
      const taken = `owner-${owner.person.sub}`
      signedInAt(product.application, await fillRegister(owner.page, taken).press('create'))
      const { page } = await atPrompt()
      const { passwords } = product.running.house
      const hashing = passwords.hash
      let hashed = 0
      passwords.hash = (password, client) => {
        hashed += 1
        return hashing(password, client)
      }
      try {
        const again = await fillRegister(page, taken.toUpperCase()).press('create')
        assert.equal(again.status, 422)
        assert.ok(codesOn(again).includes('USERNAME_TAKEN'))
        assert.equal(hashed, 0)
        await fillRegister(again, `${taken}-2`).press('create')
        assert.equal(hashed, 1)
      } finally {
        passwords.hash = hashing
      }
    })
  })

  describe('in a browser that keeps no cookies', () => {
    const blocked = () => openBrowser({ blocksCookies: true })

    it('is a page that says so after one redirect of ours, with a way to try again', async () => {
      for (const application of [product.application, alone]) {
        const browser = blocked()
        const page = await browser.open(`${application.url}/login`)
        assert.equal(page.status, 400)
        assert.deepEqual(codesOn(page), ['COOKIES'])
        const host = new URL(product.url).host
        assert.ok(page.text.includes(`Allow cookies for ${host}, then try again`), page.text)
        const ours = page.history.filter((address) => address.startsWith(product.url))
        assert.deepEqual(
          ours.map((address) => new URL(address).pathname),
          ['/oauth2/authorize', LOGIN],
        )
        const again = await page.click('Try again')
        assert.deepEqual(codesOn(again), ['COOKIES'], 'still blocked')
        assert.equal(again.history[0], `${application.url}/`)
      }
    })

    it('works as soon as they are allowed, and the address of a page then says nothing of it', async () => {
      const refused = await blocked().open(`${product.application.url}/login`)
      const way = readPage(refused.html).links.find(({ text }) => text === 'Try again')
      const browser = openBrowser()
      const choice = await browser.open(way?.href ?? '')
      assert.equal(choice.status, 200)
      assert.deepEqual([...new URL(choice.url).searchParams.keys()], ['sessionDataKey'])
      assert.equal(choice.history.filter((address) => address.startsWith(`${product.url}${LOGIN}`)).length, 2)
    })

    it('is an old link to every browser that keeps them, and to every one without the mark of a door', async () => {
      const fresh = `${product.url}${LOGIN}?sessionDataKey=${'A'.repeat(24)}&fresh=`
      const browser = openBrowser()
      await browser.open(`${product.application.url}/login`)
      const lost = await browser.open(`${fresh}1`)
      assert.deepEqual([lost.status, ...codesOn(lost)], [404, 'NOTFOUND'])
      const unmarked = await blocked().open(fresh.replace('&fresh=', ''))
      assert.deepEqual([unmarked.status, ...codesOn(unmarked)], [404, 'NOTFOUND'])
    })

    it('leads to no address but those of applications', async () => {
      const fresh = `${LOGIN}?sessionDataKey=${'A'.repeat(24)}`
      for (const mark of [
        'https://evil.example/',
        '1',
        '\u0000',
        `${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`,
      ]) {
        const page = await blocked().open(`${product.url}${fresh}&fresh=${encodeURIComponent(mark)}`)
        assert.equal(page.status, 400, mark)
        assert.equal(readPage(page.html).links.find(({ text }) => text === 'Try again')?.href, fresh, mark)
      }
    })
  })

  describe('in a tab that is opened again next day', () => {
    it('leads to the application by one click, and from there to the same question', async () => {
      for (const at of [product.url, `${product.url}/commonauth?sessionDataKey=`]) {
        const { person, browser, page } = await atPrompt()
        product.idp.signInAs = person.sub
        await later(24 * 60, async () => {
          await sweep(product.running.db, product.clock.now)
          // By its own clock, too, the browser has forgotten the flow.
          browser.cookies.delete(flowCookieOf(page))
          const restored = await browser.open(at === product.url ? page.url : `${at}${flowIdOf(page)}`)
          assert.deepEqual([restored.status, ...codesOn(restored)], [404, 'NOTFOUND'])
          const choice = await restored.click('Go to Travel')
          const again = await choice.click('Continue with Acme username')
          assert.equal(new URL(again.url).pathname, new URL(page.url).pathname)
          signedInAt(product.application, await fillRegister(again, `next-day-${person.sub}`).press('create'))
        })
      }
    })

    it('and in another browser says the same, without a way that it cannot know', async () => {
      const { page } = await atPrompt()
      const elsewhere = await openBrowser().open(page.url)
      assert.deepEqual([elsewhere.status, ...codesOn(elsewhere)], [404, 'NOTFOUND'])
      assert.ok(!readPage(elsewhere.html).links.some(({ text }) => text.startsWith('Go to')))
    })

    it('is helped by a cookie of an application, hidden from scripts, that holds no secret and is believed in nothing else', async () => {
      const { browser, page } = await atPrompt()
      const cookie = browser.cookies.get('vestibule.application')
      assert.ok(cookie?.httpOnly && cookie.sameSite === 'lax' && cookie.path === '/' && cookie.hostOnly)
      const [travel] = await product.rows<{ id: string }>("SELECT id FROM applications WHERE client_id = 'travel'")
      assert.equal(cookie.value, travel?.id)
      for (const value of ['https://evil.example', `${travel?.id}'`, '00000000-0000-0000-0000-000000000000']) {
        const forged = openBrowser()
        forged.cookies.keep(new URL(product.url), [`vestibule.application=${value}; Path=/`])
        const lost = await forged.open(page.url)
        assert.equal(lost.status, 404)
        assert.ok(!readPage(lost.html).links.some(({ text }) => text.startsWith('Go to')), value)
      }
    })
  })

  describe('of an application whose return address is no longer registered', () => {
    const moved = (declared: Product['declared']) => ({
      ...declared,
      applications: declared.applications.map((one) =>
        one.clientId === 'travel' ? { ...one, redirectUris: [`${product.application.url}/moved`] } : one,
      ),
    })

    it('ends on a page that names the application and sends nobody to the old address, whatever was answered', async () => {
      for (const button of ['create', 'decline']) {
        const { browser, page } = await atPrompt('consent')
        const heard = product.application.results.length
        await meanwhile(product, moved, async () => {
          let last = await page.tick('recover:email').press(button)
          if (button === 'decline') last = await last.click('Return to Travel')
          assert.deepEqual([last.status, ...codesOn(last)], [409, 'MOVED'])
          assert.match(last.text, /We cannot send you back to Travel/)
          assert.ok(
            last.history.every((address) => address.startsWith(product.url)),
            last.history.join(),
          )
          const resumed = await browser.open(`${product.url}/commonauth?sessionDataKey=${flowIdOf(page)}&continue=1`)
          assert.equal(resumed.status, 409)
          const way = readPage(last.html).links.find(({ text }) => text === 'Go to Travel')
          assert.equal(way?.href, `${product.application.url}/`)
        })
        assert.equal(product.application.results.length, heard)
      }
    })

    it('ends so for somebody who was not asked anything, too', async () => {
      const person = stranger(product)
      const browser = openBrowser()
      const atIdp = await goToIdp(product, browser, 'silent')
      await meanwhile(product, moved, async () => {
        const last = await atIdp.fill({ person: person.sub }).press('Sign in')
        assert.deepEqual([last.status, ...codesOn(last)], [409, 'MOVED'])
      })
    })
  })

  function flowCookieOf(page: Page): string {
    return `flow-${flowIdOf(page).slice(0, 12)}`
  }
})
