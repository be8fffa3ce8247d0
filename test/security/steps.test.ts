// The steps of a sign-in cannot be skipped, borrowed or bent: the server decides what is asked and where it ends (S037 to S040, S087).
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arrive, fillRegister, goToIdp, lastSubject, messagesOf, send, stranger } from '../support/road.ts'
import { countPeople, flowIdOf, signedIn, storedPerson } from '../support/visits.ts'

const LOGIN = '/authenticationendpoint/login.do'
const REGISTER = '/accountrecoveryendpoint/register.do'
const SIGNUP = '/accountrecoveryendpoint/signup.do'

describe('a sign-in in progress', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent', 'password', 'username'] })
  })
  after(() => product.stop())

  /** Every request that skips what a person has to do: no token, no fields, wrong types, wrong addresses. */
  function shortcuts(flowId: string): [method: string, path: string, type?: string, body?: string][] {
    const key = `sessionDataKey=${flowId}`
    const form = 'application/x-www-form-urlencoded'
    const pages = [LOGIN, REGISTER, SIGNUP]
    const addresses = [
      ...pages,
      '/commonauth',
      '/commonauth/username',
      '/commonauth/nobody',
      '/oauth2/authorize/made-up',
    ]
    return [
      ...addresses.map((path): [string, string] => ['GET', `${path}?${key}`]),
      ...addresses.map((path): [string, string] => ['HEAD', `${path}?${key}`]),
      ['GET', `/commonauth?${key}&state=made-up`],
      ['GET', `/commonauth?${key}&code=made-up`],
      ['GET', `${REGISTER}?${key}&do=create&username=eve&password=${encodeURIComponent(PASSWORD)}`],
      ...addresses.map((path): [string, string, string, string] => ['POST', `${path}?${key}`, form, '']),
      ...addresses.map((path): [string, string, string, string] => [
        'POST',
        `${path}?${key}`,
        'application/json',
        '{}',
      ]),
      ...pages.map((path): [string, string, string, string] => ['POST', path, form, key]),
      ...pages.map((path): [string, string, string, string] => ['POST', path, form, `${key}&do=create`]),
      ...pages.map((path): [string, string, string, string] => ['POST', path, form, `${key}&do=decline`]),
      ...pages.map((path): [string, string] => ['DELETE', `${path}?${key}`]),
      ...pages.map((path): [string, string] => ['PUT', `${path}?${key}`]),
    ]
  }

  async function tryAll(browser: Browser, flowId: string): Promise<void> {
    for (const [method, path, type, body] of shortcuts(flowId)) {
      const response = await browser.fetch(product.url + path, {
        method,
        headers: type === undefined ? {} : { 'Content-Type': type },
        ...(body === undefined ? {} : { body }),
      })
      const what = `${method} ${path.split('?')[0]} ${type ?? ''} ${body ?? ''}`
      const location = response.headers.get('location') ?? ''
      const html = await response.text()
      assert.ok(response.status < 500, `${what}: ${response.status}`)
      assert.ok(!location.startsWith(product.application.url), `${what} leads to ${location}`)
      assert.ok(!html.includes(`${product.application.redirectUri}?`), `${what} shows a way to the application`)
      // A form for the choice of idps that comes too late may start again at that choice, and do nothing else.
      const startsAgain = location.startsWith(`${LOGIN}?`)
      if (body !== undefined) assert.ok(response.status >= 400 || startsAgain, `${what}: ${response.status}`)
    }
  }

  const flowIdIn = (page: Page) => String(page.submission('Sign in').fields.get('sessionDataKey'))

  it('goes no further by any shortcut before an idp is chosen, nor while the person is there', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const [people, results] = [await countPeople(product), product.application.results.length]
    const choice = await browser.open(`${product.application.url}/login`)
    const flowId = flowIdIn(choice)
    await tryAll(browser, flowId)
    assert.equal((await browser.open(choice.url)).status, 200)

    const idp = await choice.click('Continue with Acme username')
    await tryAll(browser, flowId)
    assert.deepEqual(await countPeople(product), people)
    assert.equal(product.application.results.length, results)
    const prompt = await idp.fill({ person: person.sub }).press('Sign in')
    assert.equal(flowIdOf(prompt), flowId, 'it is still the same flow')
  })

  it('goes no further by any shortcut while a question is open, and the question stays', async () => {
    for (const mode of ['consent', 'password', 'username'] as const) {
      const browser = openBrowser()
      const prompt = await arrive(product, browser, mode, stranger(product))
      const [people, results] = [await countPeople(product), product.application.results.length]
      await tryAll(browser, flowIdOf(prompt))
      assert.deepEqual(await countPeople(product), people)
      assert.equal(product.application.results.length, results)
      const again = await browser.open(prompt.url)
      assert.equal(again.status, 200)
      assert.equal(again.title, prompt.title)
      const direct = await browser.open(`${product.url}/commonauth?sessionDataKey=${flowIdOf(prompt)}`)
      assert.equal(direct.url, prompt.url, 'the way out leads back to the question')
    }
  })

  it('changes nothing by any shortcut when it has finished or was declined', async () => {
    for (const button of ['Create account', 'Do not create an account']) {
      const browser = openBrowser()
      const prompt = await arrive(product, browser, 'username', stranger(product))
      await fillRegister(prompt, `n${Date.now().toString(36)}`).press(button)
      const [people, results] = [await countPeople(product), product.application.results.length]
      // The empty posts of tryAll carry no token and no flow; those that name the flow may be shown where it ended.
      for (const [method, path, type, body] of shortcuts(flowIdOf(prompt))) {
        const init = { method, headers: type ? { 'Content-Type': type } : {}, ...(body === undefined ? {} : { body }) }
        const response = await browser.fetch(product.url + path, init)
        assert.ok(response.status < 500, `${method} ${path}: ${response.status}`)
        assert.ok(!response.headers.get('location')?.startsWith(product.application.url), `${method} ${path}`)
      }
      assert.deepEqual(await countPeople(product), people)
      assert.equal(product.application.results.length, results)
    }
  })

  it("gives no code at the OpenID Provider's own resume address while a question is open", async () => {
    const browser = openBrowser()
    await arrive(product, browser, 'username', stranger(product))
    const people = await countPeople(product)
    const resume = browser.cookies.list().find(({ name }) => name === 'vestibule.resume')
    assert.ok(resume, 'the cookie of the resume address')
    const response = await browser.fetch(product.url + resume.path)
    const location = response.headers.get('location') ?? ''
    assert.ok(response.status < 500, String(response.status))
    assert.ok(!location.startsWith(product.application.url), location)
    assert.deepEqual(await countPeople(product), people)
  })

  it('tells the application what was agreed and asked for, and no more', async () => {
    const person = stranger(product)
    const prompt = await arrive(product, openBrowser(), 'consent', person)
    await prompt.tick('recover:email').press('Create account')
    const { sub, idToken, userinfo, tokens } = signedIn(product.application)
    const stored = await storedPerson(product, person.sub)
    assert.equal(sub, stored?.user.id)
    assert.notEqual(sub, person.sub)
    assert.notEqual(sub, person.preferred_username)
    assert.deepEqual(userinfo, {
      sub,
      preferred_username: person.preferred_username,
      email: person.email,
      email_verified: true,
    })
    const protocol = [
      'acr',
      'amr',
      'at_hash',
      'aud',
      'auth_time',
      'azp',
      'c_hash',
      'exp',
      'iat',
      'iss',
      'nonce',
      'sid',
      'sub',
    ]
    assert.deepEqual(
      Object.keys(idToken).filter((claim) => !protocol.includes(claim)),
      [],
    )
    for (const token of Object.values(tokens)) {
      const parts = token.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
      for (const value of [person.sub, person.email, person.phone_number, person.department, person.name]) {
        assert.ok(![token, ...parts].some((part) => part.includes(value)), `a token says ${value}`)
      }
    }

    // Asked for less, told less; the subject is the same each time.
    await arrive(product, openBrowser(), 'consent', person, { query: '?scope=openid' })
    const second = signedIn(product.application)
    assert.deepEqual(second.userinfo, { sub })
    await arrive(product, openBrowser(), 'consent', person, { query: '?scope=openid+email' })
    assert.deepEqual(signedIn(product.application).userinfo, { sub, email: person.email, email_verified: true })
  })

  it('ends at its own application, whatever addresses are added to the page or its form', async () => {
    const elsewhere = [
      'callback',
      'commonAuthURL',
      'commonAuthCallerPath',
      'returnTo',
      'redirect_uri',
      'relyingParty',
      'state',
    ]
    const evil = 'https://evil.example/steal'
    for (const button of ['Create account', 'Do not create an account']) {
      const browser = openBrowser()
      const prompt = await arrive(product, browser, 'username', stranger(product))
      const query = new URLSearchParams(elsewhere.map((name): [string, string] => [name, evil]))
      const shown = await browser.open(`${prompt.url}&${query}`)
      assert.equal(shown.status, 200)
      assert.ok(!shown.html.includes('evil.example'), 'the page must not repeat it')

      fillRegister(shown, `e${Date.now().toString(36)}`)
      const form = shown.submission(button)
      for (const name of elsewhere) form.fields.append(name, evil)
      const response = await send(browser, form, {
        url: `${form.url}?${query}`,
        headers: { 'X-Forwarded-Host': 'evil.example', Forwarded: 'host=evil.example', 'X-Original-URL': '/steal' },
      })
      assert.equal(response.status, 303, await response.text())
      const ended = new URL(response.headers.get('location') ?? '', form.url)
      assert.equal(ended.href, `${product.url}/commonauth?sessionDataKey=${flowIdOf(prompt)}`)
      const page = await browser.open(`${ended}&${new URLSearchParams({ callback: evil, returnTo: evil })}`)
      const last = button === 'Create account' ? page : await page.click('Return to Travel')
      assert.ok(last.url.startsWith(product.application.redirectUri), last.url)
      assert.ok(!browser.history.some((url) => new URL(url).host === 'evil.example'))
    }
  })

  it('takes no form under another host name', async () => {
    const browser = openBrowser()
    const prompt = await arrive(product, browser, 'username', stranger(product))
    const people = await countPeople(product)
    const { url, fields } = fillRegister(prompt, `h${Date.now().toString(36)}`).submission('Create account')
    const cookie = browser.cookies.header(new URL(url), { method: 'POST' })
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { Host: 'evil.example', Cookie: cookie, 'Content-Type': 'application/x-www-form-urlencoded' }
      const { port, pathname } = new URL(url)
      request({ host: '127.0.0.1', port, path: pathname, method: 'POST', headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end(fields.toString())
    })
    assert.equal(status, 421)
    assert.deepEqual(await countPeople(product), people)
  })

  it("does nothing to somebody else's flow, even with a good token of one's own", async () => {
    const [mine, theirs] = [openBrowser(), openBrowser()]
    const [me, other] = [stranger(product), stranger(product)]
    const myPrompt = await arrive(product, mine, 'username', me)
    const theirPrompt = await arrive(product, theirs, 'username', other)
    const people = await countPeople(product)
    for (const button of ['Create account', 'Do not create an account']) {
      const form = fillRegister(myPrompt, `m${Date.now().toString(36)}`).submission(button)
      form.fields.set('sessionDataKey', flowIdOf(theirPrompt))
      const response = await send(mine, form)
      const html = await response.text()
      assert.equal(response.status, 404, html)
      assert.deepEqual(messagesOf(html), ['NOTFOUND'])
      myPrompt.untick('recover:email')
    }
    // Looking at it shows nothing either, and looks like an address that does not exist.
    const looked = await mine.fetch(theirPrompt.url)
    const unknown = await mine.fetch(theirPrompt.url.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))
    assert.equal(looked.status, 404)
    assert.equal(unknown.status, 404)
    const sameBytes = (html: string) =>
      html.replace(/quote [0-9a-f-]+/, 'quote <id>').replace(/sessionDataKey=[\w-]{24}&amp;/g, 'sessionDataKey=<asked>')
    assert.equal(sameBytes(await looked.text()), sameBytes(await unknown.text()))
    assert.deepEqual(await countPeople(product), people)

    await fillRegister(theirPrompt, `t${Date.now().toString(36)}`).press('Create account')
    assert.equal(lastSubject(product.application), (await storedPerson(product, other.sub))?.user.id)
    assert.equal(await storedPerson(product, me.sub), undefined)
  })

  it("takes both flow ids at once for a mistake and not for somebody's flow", async () => {
    const [mine, theirs] = [openBrowser(), openBrowser()]
    const myPrompt = await arrive(product, mine, 'username', stranger(product))
    const theirPrompt = await arrive(product, theirs, 'username', stranger(product))
    const people = await countPeople(product)
    const form = fillRegister(myPrompt, `b${Date.now().toString(36)}`).submission('Create account')
    form.fields.append('sessionDataKey', flowIdOf(theirPrompt))
    const response = await send(mine, form)
    assert.equal(response.status, 400, await response.text())
    assert.deepEqual(await countPeople(product), people)
  })

  it('asks what its mode asks: a username cannot be skipped by posting to the page without one', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    const people = await countPeople(product)
    const form = fillRegister(prompt, `s${Date.now().toString(36)}`).submission('Create account')
    for (const [name, value] of [
      ['skipSignUpEnableCheck', 'true'],
      ['passwordProvisionEnabled', 'false'],
      ['allowchangeusername', 'true'],
      ['mode', 'PROMPT_CONSENT'],
    ] as const) {
      form.fields.append(name, value)
    }
    const elsewhere = await send(browser, form, { url: `${product.url}${SIGNUP}` })
    const html = await elsewhere.text()
    assert.equal(elsewhere.status, 422, html)
    assert.deepEqual(messagesOf(html), ['CHANGED'])
    assert.match(html, /name="username"/)
    for (const [name, code] of [
      ['username', 'USERNAME_EMPTY'],
      ['password', 'PW_EMPTY'],
      ['consent', 'CONSENT_NEEDED'],
    ] as const) {
      const empty = new URLSearchParams(form.fields)
      empty.set(name, '')
      const answered = await send(browser, form, { fields: empty })
      assert.equal(answered.status, 422, `${name} left empty`)
      assert.deepEqual([...new Set(messagesOf(await answered.text()))], [code])

      const without = new URLSearchParams(form.fields)
      without.delete(name)
      const missed = await send(browser, form, { fields: without })
      assert.equal(missed.status, 422, `${name} left out`)
      assert.notDeepEqual(
        messagesOf(await missed.text()),
        [],
        `${name} left out, and the page does not say what is wrong`,
      )
    }
    assert.deepEqual(await countPeople(product), people)
  })

  it('asks what its mode asks: a password cannot be left out, and a username that is not asked for is ignored', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'password', person)
    const people = await countPeople(product)
    const form = prompt.fill({ password: PASSWORD }).tick('recover:email').submission('Create account')
    for (const leave of ['empty', 'out']) {
      const without = new URLSearchParams(form.fields)
      if (leave === 'empty') without.set('password', '')
      else without.delete('password')
      const refused = await send(browser, form, { fields: without })
      assert.equal(refused.status, 422, `left ${leave}`)
      assert.notDeepEqual(messagesOf(await refused.text()), [], `left ${leave}`)
    }
    assert.deepEqual(await countPeople(product), people)

    form.fields.set('username', 'chosen-by-hand')
    assert.equal((await send(browser, form)).status, 303)
    const stored = await storedPerson(product, person.sub)
    assert.equal(stored?.user.username, person.preferred_username)
    assert.match(stored?.user.password_hash ?? '', /^\$argon2id\$/)
  })

  it('asks what its mode asks: a page of consent alone takes neither password nor username', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'consent', person)
    const form = prompt.tick('recover:email').submission('Create account')
    form.fields.set('username', 'chosen-by-hand')
    const withPassword = new URLSearchParams(form.fields)
    withPassword.set('password', PASSWORD)
    for (const page of [REGISTER, SIGNUP]) {
      // The answer to a question that nobody asked: the page is shown again rather than half of it believed.
      const refused = await send(browser, form, { fields: withPassword, url: product.url + page })
      assert.equal(refused.status, 422, page)
      assert.deepEqual(messagesOf(await refused.text()), ['CHANGED'], page)
      assert.equal(await storedPerson(product, person.sub), undefined)
    }
    assert.equal((await send(browser, form)).status, 303)
    const stored = await storedPerson(product, person.sub)
    assert.equal(stored?.user.username, person.preferred_username)
    assert.equal(stored?.user.password_hash, null)
  })

  it('starts at an idp of its application only', async () => {
    const only = await product.addApplication({ clientId: `only-silent-${Date.now()}` })
    const browser = openBrowser()
    product.idp.signInAs = undefined
    const idp = await browser.open(`${only.url}/login`)
    assert.ok(idp.url.startsWith(product.idp.issuer), idp.url)
    const login = browser.history.find((url) => url.includes('login.do'))
    for (const name of ['username', 'none', 'nobody', '../silent', 'SILENT']) {
      const page = await browser.open(`${login}&idp=${encodeURIComponent(name)}`)
      assert.equal(page.status, 404, name)
    }
    assert.ok((await goToIdp(product, openBrowser(), 'username')).url.startsWith(product.idp.issuer))
  })
})
