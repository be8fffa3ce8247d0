// Who is not let in, what they read, and what the application hears of it; and what people read when an address leads nowhere.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { join } from '../support/account.ts'
import type { Application } from '../support/application.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { readPage } from '../support/html-page.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import {
  codeOfFlow,
  codesOn,
  countPeople,
  deleteUser,
  flowIdOf,
  hashOfUser,
  knownPerson,
  meanwhile,
  type Newcomer,
  newcomer,
  refused,
  signedIn,
  storedPerson,
  submit,
  visit,
  withIdp,
} from '../support/visits.ts'

const EMAIL = 'recover:email'

describe('the refusals', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent', 'username', 'none'] })
  })
  after(() => product.stop())

  const lock = (userId: string, isLocked = true) =>
    product.rows('UPDATE users SET is_locked = $2 WHERE id = $1', [userId, isLocked])

  describe('a password, at an application that takes the people of some idps alone', () => {
    let payroll: Application
    before(async () => {
      payroll = await product.addApplication({ clientId: 'payroll' }, { identityProviders: ['silent'] })
    })

    /** Comes to an application, chooses the password in place of its idp, and types it. */
    async function signInByPassword(application: Application, { sub }: Newcomer, browser = openBrowser()) {
      product.idp.signInAs = undefined
      const { history } = await browser.open(`${application.url}/login`)
      const [, key] = /sessionDataKey=([\w-]+)/.exec(history.join(' ')) ?? []
      const page = await browser.open(`${product.url}/authenticationendpoint/login.do?sessionDataKey=${key}&choose=1`)
      const { user } = await knownPerson(product, sub)
      return page.fill({ username: user.username, password: PASSWORD }).press('Sign in')
    }
    /** Somebody of an idp, who has a password. */
    async function somebody(mode: 'silent' | 'consent'): Promise<Newcomer> {
      const person = newcomer()
      const id = await join(product, mode, person, { ticks: mode === 'consent' ? [EMAIL] : [] })
      const hash = await product.running.house.passwords.hash(PASSWORD, person.sub)
      await product.rows('UPDATE users SET password_hash = $1 WHERE id = $2', [hash, id])
      return person
    }

    it('is enough for those, and for nobody else, who read that they cannot sign in', async () => {
      await signInByPassword(payroll, await somebody('silent'))
      assert.equal(payroll.results.at(-1)?.kind, 'signed-in')
      const page = await signInByPassword(payroll, await somebody('consent'))
      assert.equal(page.status, 409)
      assert.deepEqual(codesOn(page), ['SIGN_IN_REFUSED'])
      assert.equal(payroll.results.length, 1)
      const [event] = await product.rows('SELECT event, detail FROM audit_events ORDER BY id DESC LIMIT 1')
      assert.deepEqual(event, { event: 'refused', detail: { code: 'NO_WAY_IN' } })
    })

    it('that let somebody in elsewhere leads there by no session either', async () => {
      const [one, other] = [await somebody('silent'), await somebody('consent')]
      const outcomes = []
      for (const person of [one, other]) {
        const browser = openBrowser()
        await signInByPassword(product.application, person, browser)
        assert.equal(product.application.results.at(-1)?.kind, 'signed-in')
        await browser.open(`${payroll.url}/login?prompt=none`)
        const result = payroll.results.at(-1)
        outcomes.push(result?.kind === 'error' ? result.error : result?.kind)
      }
      assert.deepEqual(outcomes, ['signed-in', 'login_required'])
    })
  })

  describe('a locked user', () => {
    it('reads that they cannot sign in, and not why; access is denied once they press Return; the record knows; no byte of theirs changes', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      const { sub } = signedIn(product.application)
      await lock(sub)
      const hash = await hashOfUser(product, sub)
      const page = await visit(product, 'silent', { ...person, email: 'changed@acme.example' })
      assert.equal(page.status, 409)
      assert.deepEqual(codesOn(page), ['SIGN_IN_REFUSED'])
      assert.match(page.text, /You cannot sign in Ask your Northwind contact/)
      assert.doesNotMatch(page.text, /locked/i)
      await page.click('Return to Travel')
      assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'SIGN_IN_REFUSED' })
      assert.equal(await hashOfUser(product, sub), hash)
      const events = await product.rows(
        `SELECT event, detail FROM audit_events WHERE event = 'refused' ORDER BY id DESC LIMIT 1`,
      )
      assert.deepEqual(events, [{ event: 'refused', detail: { code: 'USER_LOCKED' } }])
    })

    it('reads that the account is locked, and the application hears it, where the operator lets it be said', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      await lock(signedIn(product.application).sub)
      const sayWhy: Parameters<Product['redeclare']>[0] = (declared) => ({
        ...declared,
        jitProvisioning: { ...declared.jitProvisioning, showFailureReason: true },
      })
      await meanwhile(product, sayWhy, async () => {
        const page = await visit(product, 'silent', person)
        assert.deepEqual(codesOn(page), ['USER_LOCKED'])
        assert.match(page.text, /Your account is locked/)
        await page.click('Return to Travel')
        assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'USER_LOCKED' })
      })
    })

    it('is not let in on a live session, nor on an access token', async () => {
      const person = newcomer()
      const browser = openBrowser()
      await visit(product, 'silent', person, { browser })
      const { sub, tokens } = signedIn(product.application)
      await lock(sub)
      await browser.open(`${product.application.url}/login?prompt=none`)
      assert.equal(refused(product.application).error, 'login_required')
      const userinfo = await fetch(`${product.url}/oauth2/userinfo`, {
        headers: { Authorization: `Bearer ${tokens.accessToken}` },
      })
      assert.equal(userinfo.status, 401)
      const page = await visit(product, 'silent', person, { browser })
      assert.equal(page.status, 409)
    })

    it('is let in again once unlocked', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      const { sub } = signedIn(product.application)
      await lock(sub)
      assert.equal((await visit(product, 'silent', person)).status, 409)
      await lock(sub, false)
      await visit(product, 'silent', person)
      assert.equal(signedIn(product.application).sub, sub)
    })

    it('is refused on the way back from the page when they were locked in between', async () => {
      const person = newcomer()
      const first = await visit(product, 'consent', person)
      const browser = openBrowser()
      const second = await visit(product, 'consent', person, { browser })
      await first.tick(EMAIL).press('Create account')
      await lock(signedIn(product.application).sub)
      const page = await second.tick(EMAIL).press('Create account')
      assert.equal(page.status, 409)
      assert.deepEqual(codesOn(page), ['SIGN_IN_REFUSED'])
    })
  })

  describe('an idp that is turned off', () => {
    it('lets nobody in who is on the way back from it', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const atIdp = await startAtIdp(browser, person)
      await meanwhile(product, withIdp('silent', {}, { isEnabled: false }), async () => {
        const page = await atIdp.fill({ person: person.sub }).press('Sign in')
        assert.equal(page.status, 409)
        assert.deepEqual(codesOn(page), ['IDP_OFF'])
        assert.equal(await storedPerson(product, person.sub), undefined)
        await page.click('Return to Travel')
        assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'IDP_OFF' })
      })
    })

    it('lets nobody in who is on its page: neither by looking nor by sending the form', async () => {
      const person = newcomer()
      const other = newcomer()
      const page = (await visit(product, 'username', person)).fill({ password: PASSWORD }).tick(EMAIL)
      const browser = openBrowser()
      const second = await visit(product, 'username', other, { browser })
      await meanwhile(product, withIdp('username', {}, { isEnabled: false }), async () => {
        const sent = await page.press('Create account')
        assert.equal(sent.status, 409)
        assert.deepEqual(codesOn(sent), ['IDP_OFF'])
        assert.ok(!readPage(sent.html).links.some(({ text }) => text.startsWith('Start again')))
        const looked = await browser.open(second.url)
        assert.equal(looked.status, 409)
        assert.deepEqual(codesOn(looked), ['IDP_OFF'])
      })
      assert.equal(await storedPerson(product, person.sub), undefined)
      assert.equal(await storedPerson(product, other.sub), undefined)
    })

    it('is not offered, and its address leads nowhere', async () => {
      await meanwhile(product, withIdp('username', {}, { isEnabled: false }), async () => {
        const choice = await openBrowser().open(`${product.application.url}/login`)
        const links = readPage(choice.html).links.map(({ text }) => text)
        assert.ok(links.includes('Continue with Acme silent'))
        assert.ok(!links.includes('Continue with Acme username'))
        const browser = openBrowser()
        const again = await browser.open(`${product.application.url}/login`)
        const page = await browser.open(`${again.url}&idp=username`)
        assert.equal(page.status, 404)
      })
    })

    it('makes the sessions of its people worth nothing', async () => {
      const person = newcomer()
      const browser = openBrowser()
      await visit(product, 'silent', person, { browser })
      await meanwhile(product, withIdp('silent', {}, { isEnabled: false }), async () => {
        await browser.open(`${product.application.url}/login?prompt=none`)
        assert.equal(refused(product.application).error, 'login_required')
      })
    })
  })

  describe('an idp that the application does not accept', () => {
    it('is refused as turned off when it was dropped while the person was on its page', async () => {
      const person = newcomer()
      const page = (await visit(product, 'consent', person)).tick(EMAIL)
      const withoutConsent: Parameters<Product['redeclare']>[0] = (declared) => ({
        ...declared,
        applications: declared.applications.map((one) => ({ ...one, identityProviders: ['silent', 'none'] })),
      })
      await meanwhile(product, withoutConsent, async () => {
        const answer = await page.press('Create account')
        assert.equal(answer.status, 409)
        assert.deepEqual(codesOn(answer), ['IDP_OFF'])
      })
      assert.equal(await storedPerson(product, person.sub), undefined)
    })

    it('cannot be reached by naming it, nor is a session made there enough', async () => {
      const narrow = await product.addApplication({ clientId: 'narrow' }, { identityProviders: ['none', 'consent'] })
      const browser = openBrowser()
      await visit(product, 'silent', newcomer(), { browser })
      await browser.open(`${narrow.url}/login?prompt=none`)
      assert.equal(refused(narrow).error, 'login_required')
      const choice = await browser.open(`${narrow.url}/login`)
      assert.equal((await browser.open(`${choice.url}&idp=silent`)).status, 404)
    })
  })

  describe('a user who is gone', () => {
    it('is asked to sign in again although the session lives, and becomes a new user', async () => {
      const person = newcomer()
      const browser = openBrowser()
      await visit(product, 'silent', person, { browser })
      const { sub } = signedIn(product.application)
      await deleteUser(product, sub)
      await browser.open(`${product.application.url}/login?prompt=none`)
      assert.equal(refused(product.application).error, 'login_required')
      const choice = await browser.open(`${product.application.url}/login`)
      assert.equal(choice.status, 200)
      assert.match(choice.url, /\/login\.do\?/)
      await choice.click('Continue with Acme silent')
      assert.notEqual(signedIn(product.application).sub, sub)
      assert.equal(signedIn(product.application).sub, (await knownPerson(product, person.sub)).user.id)
    })
  })

  describe('a person who declines', () => {
    it('leaves nothing behind, reads so, and denies access only by pressing Return', async () => {
      const person = newcomer()
      const counts = await countPeople(product)
      const heard = product.application.results.length
      const first = await visit(product, 'username', person)
      const flowId = flowIdOf(first)
      const page = await first.fill({ username: 'anything', password: 'whatever' }).press('Do not create an account')
      assert.equal(page.status, 200)
      assert.deepEqual(codesOn(page), ['DECLINED'])
      assert.match(page.text, /We did not create an account We have deleted what Acme username sent us/)
      assert.equal(product.application.results.length, heard)
      assert.deepEqual(await countPeople(product), counts)
      const [flow] = await product.rows('SELECT profile_sealed, person_hash, ending FROM flows WHERE id = $1', [flowId])
      assert.deepEqual(flow, { profile_sealed: null, person_hash: null, ending: { kind: 'declined' } })
      const events = await product.rows('SELECT event, detail, user_id FROM audit_events WHERE flow_id = $1', [flowId])
      assert.deepEqual(events, [{ event: 'declined', detail: {}, user_id: null }])
      await page.click('Return to Travel')
      assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'DECLINED' })
    })

    it('may start again: a new flow that can finish', async () => {
      const person = newcomer()
      const first = await visit(product, 'consent', person)
      const declined = await first.press('Do not create an account')
      const second = await declined.click('Start again with Acme consent')
      assert.equal(second.status, 200)
      assert.notEqual(flowIdOf(second), flowIdOf(first))
      const done = await second.tick(EMAIL).press('Create account')
      assert.equal(done.status, 200, done.text)
      assert.equal(signedIn(product.application).sub, (await knownPerson(product, person.sub)).user.id)
    })

    it('has declined for good: the form of that page makes nobody any more', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const page = (await visit(product, 'consent', person, { browser })).tick(EMAIL)
      assert.equal((await submit(browser, page, 'Do not create an account')).status, 303)
      const late = await page.press('Create account')
      assert.deepEqual(codesOn(late), ['DECLINED'])
      assert.deepEqual(codesOn(await browser.open(page.url)), ['DECLINED'])
      assert.equal(await storedPerson(product, person.sub), undefined)
    })

    it('is heard although the idp provisions silently by now', async () => {
      const person = newcomer()
      const page = await visit(product, 'consent', person)
      await meanwhile(product, withIdp('consent', { scheme: 'PROVISION_SILENTLY' }), async () => {
        const declined = await page.press('Do not create an account')
        assert.equal(await storedPerson(product, person.sub), undefined, 'nobody is made of a person who declined')
        assert.deepEqual(codesOn(declined), ['DECLINED'])
      })
    })

    it('of a single detail is heard although the idp provisions silently by now', async () => {
      const person = newcomer()
      const page = await visit(product, 'consent', person)
      await meanwhile(product, withIdp('consent', { scheme: 'PROVISION_SILENTLY' }), async () => {
        await page.tick('recover:email').press('Create account')
        const dump = await product.dump()
        assert.ok(dump.includes(person.email), 'what was ticked is kept')
        assert.ok(!dump.includes(person.phone_number), 'what was not ticked is nowhere')
        assert.ok(!dump.includes(person.department), 'what was not ticked is nowhere')
        // No purpose names it, so nobody was asked; whoever was asked once is not silent the next time either.
        await visit(product, 'consent', person)
        assert.ok(!(await product.dump()).includes(person.name), 'and what was not asked comes at no later sign-in')
      })
    })
  })

  describe('an address that leads nowhere', () => {
    it('offers the way to My Account', async () => {
      for (const path of ['/nowhere', '/oauth2/nowhere', '/setup/nowhere']) {
        const page = await openBrowser().open(`${product.url}${path}`)
        assert.equal(page.status, 404, path)
        const [way] = readPage(page.html).links.filter(({ text }) => text === 'Go to My account')
        assert.equal(way?.href, '/myaccount', path)
      }
    })

    it('is a page of its own with a reference, whatever is wrong: the code of the sign-in, or of the request where there is none', async () => {
      const browser = openBrowser()
      const page = await visit(product, 'consent', newcomer(), { browser })
      const wrongToken = page.submission('Create account')
      wrongToken.fields.set('_csrf', 'forged')
      const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const { url, fields } = wrongToken
      const answers: [Response, number, string][] = [
        [await browser.fetch(url, { method: 'POST', headers: form, body: fields.toString() }), 403, 'CSRF'],
        [await browser.fetch(`${url}?sessionDataKey=${'x'.repeat(24)}`), 404, 'NOTFOUND'],
        [await browser.fetch(`${url}?sessionDataKey=x&sessionDataKey=y`), 404, 'NOTFOUND'],
        [await browser.fetch(url), 404, 'NOTFOUND'],
        [await browser.fetch(`${product.url}/nowhere`), 404, 'MISSING'],
        [await browser.fetch(url, { method: 'PUT', headers: form, body: 'a=b' }), 405, 'METHOD'],
        [await browser.fetch(url, { method: 'POST', headers: form, body: 'x'.repeat(200_000) }), 413, 'TOO_LARGE'],
        [
          await browser.fetch(url, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: 'a' }),
          415,
          'WRONG_TYPE',
        ],
        [await browser.fetch(`${product.url}/commonauth/silent`), 400, 'BAD_REQUEST'],
        [await browser.fetch(`${product.url}/commonauth/silent?state=unknown&code=x`), 400, 'BAD_CALLBACK'],
        [await browser.fetch(`${product.url}/commonauth?sessionDataKey=${flowIdOf(page)}&code=x`), 400, 'BAD_REQUEST'],
      ]
      for (const [answer, status, code] of answers) {
        const html = await answer.text()
        assert.equal(answer.status, status, code)
        assert.match(html, new RegExp(`<h1 data-msg="${code}">`))
        assert.match(html, /<header [\s\S]*Northwind[\s\S]*<main[\s\S]*<footer/)
        const ofRequest = (answer.headers.get('x-request-id') ?? 'none').slice(0, 8)
        const reference = code === 'CSRF' ? codeOfFlow(flowIdOf(page)) : ofRequest
        assert.ok(readPage(html).text.includes(`If you contact us, quote ${reference}`), code)
        assert.doesNotMatch(readPage(html).text, /\bat .*:\d+|Error:|\b(400|403|404|405|413|415)\b/)
        assert.equal(answer.headers.get('cache-control'), 'no-store')
      }
    })

    it('looks the same for an unknown flow and for one of another browser, whose owner can still finish', async () => {
      const person = newcomer()
      const page = await visit(product, 'consent', person)
      const stranger = openBrowser()
      await visit(product, 'consent', newcomer(), { browser: stranger })
      const read = async (address: string) => {
        const answer = await stranger.fetch(address)
        assert.equal(answer.status, 404)
        const html = (await answer.text()).replaceAll(
          (answer.headers.get('x-request-id') ?? '').slice(0, 8),
          'reference',
        )
        // What it repeats is what was asked.
        const { pathname, search } = new URL(address)
        return html.replaceAll(`${pathname}${search}&amp;`, 'the same address, ')
      }
      const base = page.url.split('?')[0]
      const unknown = await read(`${base}?sessionDataKey=${'A'.repeat(24)}`)
      assert.equal(await read(page.url), unknown)
      assert.equal(await read(`${product.url}/commonauth?sessionDataKey=${flowIdOf(page)}`), unknown)
      assert.match(readPage(unknown).text, /We cannot find your sign-up/)
      const stolen = page.tick(EMAIL).submission('Create account')
      const forged = await stranger.fetch(stolen.url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: stolen.fields.toString(),
      })
      assert.equal(forged.status, 404)
      await page.press('Create account')
      assert.equal(signedIn(product.application).sub, (await knownPerson(product, person.sub)).user.id)
    })

    it("refuses one flow's token in another flow's form, and a form from elsewhere", async () => {
      const person = newcomer()
      const browser = openBrowser()
      const first = await visit(product, 'consent', person, { browser })
      const second = await visit(product, 'consent', person, { browser })
      const token = first.submission('Create account').fields.get('_csrf') ?? ''
      const crossed = await submit(browser, second.tick(EMAIL), 'Create account', { _csrf: token })
      assert.equal(crossed.status, 403)
      const { url, fields } = second.submission('Create account')
      for (const [header, value] of [
        ['Origin', 'https://evil.example'],
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'cross-site'],
        ['Sec-Fetch-Site', 'same-site'],
        ['Sec-Fetch-Site', 'none'],
      ] as const) {
        const answer = await browser.fetch(url, {
          method: 'POST',
          headers: { 'Content-Type': 'application/x-www-form-urlencoded', [header]: value },
          body: fields.toString(),
        })
        assert.equal(answer.status, 403, `${header}: ${value}`)
      }
      assert.equal(await storedPerson(product, person.sub), undefined)
    })

    it('does not take a single field twice, nor anything by GET', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const page = (await visit(product, 'consent', person, { browser })).tick(EMAIL)
      const { url, fields } = page.submission('Create account')
      const looked = await browser.fetch(`${url}?${fields}`)
      assert.equal(looked.status, 200)
      fields.append('sessionDataKey', flowIdOf(page))
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      assert.equal((await browser.fetch(url, { method: 'POST', headers, body: fields.toString() })).status, 400)
      assert.equal(await storedPerson(product, person.sub), undefined)
    })
  })

  /** Goes as far as the idp's own sign-in form. */
  async function startAtIdp(browser: Browser, person: { sub: string }): Promise<Page> {
    product.idp.person(person.sub, person)
    product.idp.signInAs = undefined
    const choice = await browser.open(`${product.application.url}/login`)
    return choice.click('Continue with Acme silent')
  }
})
