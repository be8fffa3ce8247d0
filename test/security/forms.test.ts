// Forms: only the page that we showed, in the browser that we showed it to, and each of them once (S070 to S072, S080 to S086).
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { Application } from '../support/application.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arrive, fillRegister, lastSubject, messagesOf, send, stranger } from '../support/road.ts'
import { codesOn, countPeople, flowIdOf, knownPerson, refused, signedIn, storedPerson } from '../support/visits.ts'

const HOUR_MS = 3_600_000
const unique = (prefix: string) => prefix + randomBytes(6).toString('hex')

describe('a form', () => {
  let product: Product
  let other: Application
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent', 'password', 'username'] })
    other = await product.addApplication({ clientId: 'hotel' }, { identityProviders: ['consent', 'username'] })
  })
  after(() => product.stop())

  type Form = ReturnType<Page['submission']>

  /** Open questions and an open choice of idps: every form of ours, ready to be sent. */
  async function everyForm(browser: Browser): Promise<Record<string, Form>> {
    const register = await arrive(product, browser, 'username', stranger(product))
    const signup = await arrive(product, browser, 'consent', stranger(product))
    const login = await browser.open(`${product.application.url}/login`)
    return {
      'register.do': fillRegister(register, unique('r')).submission('Create account'),
      'register.do, declined': register.submission('Do not create an account'),
      'signup.do': signup.tick('recover:email').submission('Create account'),
      'login.do': login.fill({ username: unique('l'), password: PASSWORD }).submission('Sign in'),
    }
  }

  async function assertRefused(response: Response, what: string): Promise<void> {
    const html = await response.text()
    assert.equal(response.status, 403, `${what}: ${html}`)
    assert.deepEqual(messagesOf(html), ['CSRF'], what)
  }

  /** What must not move while forgeries are refused: people, endings of flows, and failures that were counted. */
  async function world(): Promise<unknown> {
    const closed = await product.rows('SELECT count(*) FROM flows WHERE closed_at IS NOT NULL')
    const brakes = await product.rows('SELECT * FROM brakes ORDER BY key')
    return { people: await countPeople(product), closed, brakes }
  }

  it('is refused without the token of its own flow, in its own field, once', async () => {
    const browser = openBrowser()
    const foreign = openBrowser()
    const forms = await everyForm(browser)
    const foreignForm = (await everyForm(foreign))['register.do']
    const mine = Object.values(forms).map((form) => String(form.fields.get('_csrf')))
    const before = await world()

    for (const [name, form] of Object.entries(forms)) {
      const token = String(form.fields.get('_csrf'))
      const without = new URLSearchParams(form.fields)
      without.delete('_csrf')
      const withToken = (...tokens: string[]) => {
        const fields = new URLSearchParams(without)
        for (const one of tokens) fields.append('_csrf', one)
        return { fields }
      }
      const headers = ['csrf-token', 'xsrf-token', 'x-csrf-token', 'x-xsrf-token']
      const ofAnotherFlow = mine.find((one) => one !== token) ?? ''
      const forgeries: Record<string, Parameters<typeof send>[2]> = {
        'no token': { fields: without },
        'an empty token': withToken(''),
        'a wrong token': withToken('wrong'),
        'a changed token': withToken(token.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))),
        'a token in the query alone': { fields: without, url: `${form.url}?_csrf=${token}` },
        'a token in headers alone': {
          fields: without,
          headers: Object.fromEntries(headers.map((one) => [one, token])),
        },
        'a token in a cookie alone': { fields: without, headers: { 'X-Requested-With': 'XMLHttpRequest' } },
        'two tokens': withToken(token, token),
        'a token as an array': { fields: new URLSearchParams([...without, ['_csrf[]', token]]) },
        "another browser's token": withToken(String(foreignForm?.fields.get('_csrf'))),
        'a token of another flow in this browser': withToken(ofAnotherFlow),
      }
      for (const [what, forged] of Object.entries(forgeries)) {
        await assertRefused(await send(browser, form, forged), `${name}, ${what}`)
      }
    }
    assert.deepEqual(await world(), before)
    for (const name of ['register.do', 'signup.do']) {
      const form = forms[name]
      assert.ok(form)
      assert.equal((await send(browser, form)).status, 303, `${name} as it was shown`)
    }
  })

  it('is refused when the browser says that another site sends it, and accepted from one that says nothing', async () => {
    const browser = openBrowser()
    const forms = await everyForm(browser)
    const before = await world()
    const { host, port, protocol } = new URL(product.url)
    const elsewhere: Record<string, string>[] = [
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Origin: '' },
      { Origin: `https://${host}` },
      { Origin: `${protocol}//localhost.evil.example:${port}` },
      { Origin: `${protocol}//localhost` },
      { Origin: product.url.toUpperCase() },
      { Origin: product.application.url },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { 'Sec-Fetch-Site': 'none' },
      { 'Sec-Fetch-Site': 'cross-site', Origin: product.url },
      { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': 'same-origin', Origin: 'null' },
    ]
    for (const [name, form] of Object.entries(forms)) {
      for (const headers of elsewhere) {
        await assertRefused(await send(browser, form, { headers }), `${name} ${JSON.stringify(headers)}`)
      }
    }
    assert.deepEqual(await world(), before)
    const [register, signup] = [forms['register.do'], forms['signup.do']]
    assert.ok(register && signup)
    assert.equal((await send(browser, register)).status, 303, 'an old browser')
    const modern = { 'Sec-Fetch-Site': 'same-origin', Origin: product.url }
    assert.equal((await send(browser, signup, { headers: modern })).status, 303, 'a new browser')
  })

  it('is refused without its own flow cookie, and a cookie tossed in by a neighbour does not hide that', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    const form = fillRegister(prompt, unique('t')).submission('Create account')
    const [name = '', value = ''] = browser.cookies
      .header(new URL(form.url), { method: 'POST' })
      .split('; ')
      .map((pair) => pair.split('='))
      .find(([cookie]) => cookie?.startsWith('flow-') && flowIdOf(prompt).startsWith(cookie.slice(5))) ?? ['', '']
    assert.match(name, /^flow-/)
    const clean = openBrowser()
    const evil = randomBytes(32).toString('base64url')
    const post = (Cookie: string) => send(clean, form, { headers: { Cookie } })
    const worthless = [
      '',
      `${name}=`,
      `${name}=${evil}`,
      `${name}=${value.slice(0, -4)}`,
      `${name}=${value}AAAA`,
      `__Host-${name}=${value}`,
      `${name.slice(0, -1)}=${value}`,
    ]
    for (const cookie of worthless) {
      const response = await post(cookie)
      assert.equal(response.status, 404, `${cookie.replace(value, '<value>')}: ${await response.text()}`)
    }
    assert.equal(await storedPerson(product, person.sub), undefined)

    // Tossed in beside the host's own, in front or behind, it neither opens another flow nor shuts this one.
    assert.equal((await post(`${name}=${evil}; ${name}=; ${name}=${value}; ${name}=${evil}`)).status, 303)
    await knownPerson(product, person.sub)
  })

  it('pressed twice makes one user, and both answers lead to the application', async () => {
    await pressedAtOnce(2)
  })

  it('pressed twenty times at once makes one user, and every answer leads to the application', async () => {
    await pressedAtOnce(20)
  })

  async function pressedAtOnce(times: number): Promise<void> {
    const browser = openBrowser()
    const person = stranger(product)
    const username = unique('d')
    const prompt = await arrive(product, browser, 'username', person)
    const form = fillRegister(prompt, username).submission('Create account')
    const before = await countPeople(product)
    const responses = await Promise.all(Array.from({ length: times }, () => send(browser, form)))
    for (const response of responses) {
      assert.equal(response.status, 303, await response.text())
      assert.equal(response.headers.get('location'), `/commonauth?sessionDataKey=${flowIdOf(prompt)}`)
    }
    const { user, consents } = await knownPerson(product, person.sub)
    assert.equal(user.username, username)
    assert.equal(consents.length, 3)
    const now = await countPeople(product)
    assert.equal(now['users'], (before['users'] ?? 0) + 1)
    assert.equal(now['identities'], (before['identities'] ?? 0) + 1)

    for (const response of responses) {
      const end = await browser.open(new URL(response.headers.get('location') ?? '', form.url))
      const there = end.url.startsWith(product.url) ? await end.click('Continue to Travel') : end
      assert.ok(there.url.startsWith(product.application.url), there.text)
      assert.equal(lastSubject(product.application), user.id)
    }
  }

  it('answered once gives the application one code, however often the way to it is taken at the same moment', async () => {
    const browser = openBrowser({ followRefresh: false })
    const prompt = await arrive(product, browser, 'username', stranger(product))
    const ready = await fillRegister(prompt, unique('j')).press('Create account')
    const onward = await browser.fetch(wayOutOf(ready))
    const href = new URL(onward.headers.get('location') ?? '', ready.url)
    const responses = await Promise.all(Array.from({ length: 20 }, () => browser.fetch(href)))
    for (const { status } of responses) assert.ok(status < 500, String(status))
    const ways = responses.map(({ headers }) => headers.get('location') ?? '')
    const codes = ways.filter((way) => way.startsWith(product.application.redirectUri))
    assert.equal(codes.length, 1, `${codes.length} codes for one answer`)
  })

  it('leads on when the way to the application is taken twice, by the page itself and by an impatient press', async () => {
    const browser = openBrowser({ followRefresh: false })
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    const ready = await fillRegister(prompt, unique('i')).press('Create account')
    const href = wayOutOf(ready)
    // The browser gives the first request up, so nothing of its answer arrives; the server has answered it all the same.
    const Cookie = browser.cookies.header(new URL(href), { method: 'GET' })
    const first = await openBrowser().fetch(href, { headers: { Cookie } })
    const onward = new URL(first.headers.get('location') ?? '', href)
    const cookies = browser.cookies.header(onward, { method: 'GET' })
    assert.equal((await openBrowser().fetch(onward, { headers: { Cookie: cookies } })).status, 303)
    const page = await browser.open(href)
    if (page.url.startsWith(product.application.url)) return
    const links = [...page.html.matchAll(/<a class="button/g)]
    assert.ok(links.length > 0, `${page.status}, and no way on from: ${page.text}`)
  })

  it('sent again after success leads to the same ending, and so does reloading its page', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'consent', person)
    const form = prompt.tick('recover:email').submission('Create account')
    await prompt.press('Create account')
    const { user } = await knownPerson(product, person.sub)
    const before = await countPeople(product)

    const again = await send(browser, form)
    assert.equal(again.status, 303)
    assert.equal(again.headers.get('location'), `/commonauth?sessionDataKey=${flowIdOf(prompt)}`)
    const reloaded = await browser.open(prompt.url)
    assert.equal(reloaded.status, 200)
    assert.deepEqual(codesOn(reloaded), ['FINISHED'])
    assert.deepEqual(codesOn(await browser.open(reloaded.url)), ['FINISHED'])
    assert.deepEqual(await countPeople(product), before)
    await reloaded.click('Continue to Travel')
    assert.equal(lastSubject(product.application), user.id)
  })

  it('sent again after going back, with another name, makes nobody else and renames nobody', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const username = unique('b')
    const prompt = await arrive(product, browser, 'username', person)
    await fillRegister(prompt, username).press('Create account')
    const before = await countPeople(product)
    // Back in history: the page as it was, without asking the server.
    const page = await prompt.fill({ username: unique('c'), password: PASSWORD }).press('Create account')
    assert.equal(page.status, 200)
    assert.deepEqual(codesOn(page), ['FINISHED'])
    assert.deepEqual(await countPeople(product), before)
    const { user } = await knownPerson(product, person.sub)
    assert.equal(user.username, username)
    await page.click('Continue to Travel')
    assert.equal(lastSubject(product.application), user.id)

    // A change of mind that comes too late deletes nothing.
    const declined = await prompt.press('Do not create an account')
    assert.deepEqual(codesOn(declined), ['FINISHED'])
    assert.deepEqual(await countPeople(product), before)
  })

  it('sent after it was declined makes nobody', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'consent', person)
    const declined = await prompt.press('Do not create an account')
    assert.deepEqual(codesOn(declined), ['DECLINED'])
    const late = await prompt.tick('recover:email').press('Create account')
    assert.deepEqual(codesOn(late), ['DECLINED'])
    assert.equal(await storedPerson(product, person.sub), undefined)
    await late.click('Return to Travel')
    assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'DECLINED' })
  })

  it('open in two tabs with two names makes one user; both tabs lead to the same one', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const first = await arrive(product, browser, 'username', person)
    const second = await browser.open(first.url)
    const names = [unique('x'), unique('y')]
    const forms = [first, second].map((page, index) =>
      fillRegister(page, names[index] ?? '').submission('Create account'),
    )
    const responses = await Promise.all(forms.map((form) => send(browser, form)))
    assert.deepEqual(
      responses.map(({ status, headers }) => [status, headers.get('location')]),
      Array(2).fill([303, `/commonauth?sessionDataKey=${flowIdOf(first)}`]),
    )
    const { user } = await knownPerson(product, person.sub)
    assert.ok(names.includes(user.username))
    const made = await product.rows('SELECT 1 FROM users WHERE username = ANY ($1)', [names])
    assert.equal(made.length, 1)
    await browser.open(`${product.url}/commonauth?sessionDataKey=${flowIdOf(first)}`)
    assert.equal(lastSubject(product.application), user.id)
  })

  it('of two sign-ins in one browser leads each to its own application, in whatever order they end', async () => {
    const browser = openBrowser()
    const [traveller, guest] = [stranger(product), stranger(product)]
    const toTravel = await arrive(product, browser, 'username', traveller)
    const toHotel = await arrive(product, browser, 'consent', guest, { application: other })

    const hotel = await toHotel.tick('recover:email').press('Create account')
    assert.ok(hotel.url.startsWith(other.redirectUri), hotel.text)
    const travel = await fillRegister(toTravel, unique('o')).press('Create account')
    assert.ok(travel.url.startsWith(product.application.redirectUri), travel.text)

    const [mine, theirs] = [signedIn(product.application), signedIn(other)]
    assert.equal(mine.sub, (await knownPerson(product, traveller.sub)).user.id)
    assert.equal(mine.userinfo['email'], traveller.email)
    assert.equal(theirs.sub, (await knownPerson(product, guest.sub)).user.id)
    assert.equal(theirs.userinfo['email'], guest.email)
    assert.notEqual(mine.sub, theirs.sub)
  })

  it('sent after its time says so, keeps nothing, and one link starts again', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    const password = unique('a password that comes too late ')
    prompt.fill({ username: unique('e'), password }).tick('recover:email')
    product.clock.now = new Date(product.clock.now.getTime() + 31 * 60_000)
    for (const button of ['Create account', 'Do not create an account']) {
      const late = await prompt.press(button)
      assert.equal(late.status, 410, late.text)
      assert.deepEqual(codesOn(late), ['EXPIRED'])
      assert.ok(!late.html.includes(password))
    }
    const late = await browser.open(prompt.url)
    assert.equal(late.status, 410)
    assert.equal(await storedPerson(product, person.sub), undefined)
    assert.ok(!(await product.dump()).includes(password))
    assert.ok(!product.log.join('').includes(password))

    const idp = await late.click('Start again with Acme username')
    const fresh = await idp.fill({ person: person.sub }).press('Sign in')
    assert.notEqual(flowIdOf(fresh), flowIdOf(prompt))
    await fillRegister(fresh, unique('f')).press('Create account')
    assert.equal(lastSubject(product.application), (await knownPerson(product, person.sub)).user.id)

    // So late that the application no longer waits: still a page, and nothing worse.
    product.clock.now = new Date(product.clock.now.getTime() + HOUR_MS)
    const hopeless = await prompt.press('Create account')
    assert.ok(hopeless.status === 410 || hopeless.status === 404, hopeless.text)
    const tried = await browser.open(late.url)
    assert.ok(tried.status < 500, tried.text)
  })

  it('sent by a browser that lost its cookies makes nobody, and signing in again works', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    browser.cookies.clear()
    const lost = await fillRegister(prompt, unique('g')).press('Create account')
    assert.equal(lost.status, 404, lost.text)
    assert.deepEqual(codesOn(lost), ['NOTFOUND'])
    assert.equal(await storedPerson(product, person.sub), undefined)
    const fresh = await arrive(product, browser, 'username', person)
    await fillRegister(fresh, unique('h')).press('Create account')
    assert.equal(lastSubject(product.application), (await knownPerson(product, person.sub)).user.id)
  })

  it('sent after signing out in another tab never signs in whoever was there before', async () => {
    const browser = openBrowser()
    const [before, after] = [stranger(product), stranger(product)]
    await arrive(product, browser, 'silent', before)
    const first = lastSubject(product.application)
    const prompt = await arrive(product, browser, 'username', after, { query: '?prompt=login' })
    const out = await browser.open(`${product.application.url}/logout`)
    const bye = await out.press('Sign out')
    assert.ok(bye.url.startsWith(`${product.application.url}/bye`), bye.text)

    const results = product.application.results.length
    const done = await fillRegister(prompt, unique('k')).press('Create account')
    assert.equal(done.status, 200, done.text)
    const { user } = await knownPerson(product, after.sub)
    assert.notEqual(user.id, first)
    assert.ok(product.application.results.length > results)
    for (const result of product.application.results.slice(results)) {
      assert.equal(result.kind === 'signed-in' && result.sub, user.id)
    }
    assert.equal(lastSubject(product.application), user.id)
    // Signed in by that answer, they need no other.
    await browser.open(`${product.application.url}/login`)
    assert.equal(lastSubject(product.application), user.id)
  })

  it('sent while somebody else is signed in to the application signs in the person whom it asked', async () => {
    const browser = openBrowser()
    const [before, after] = [stranger(product), stranger(product)]
    const prompt = await arrive(product, browser, 'username', after)
    // At another application: this one keeps the state of one sign-in for each browser.
    const hotel = await arrive(product, browser, 'consent', before, { application: other })
    await hotel.tick('recover:email').press('Create account')
    const first = lastSubject(other)
    await fillRegister(prompt, unique('q')).press('Create account')
    assert.equal(lastSubject(product.application), (await knownPerson(product, after.sub)).user.id)
    assert.notEqual(lastSubject(product.application), first)
  })
})

/** Where the "Continuing" page goes by itself. */
function wayOutOf(page: Page): string {
  return new URL(/url=([^"]+)/.exec(page.html)?.[1]?.replaceAll('&amp;', '&') ?? '', page.url).href
}
