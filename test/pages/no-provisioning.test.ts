// No Provisioning: an unknown person passes through as a federated subject, and nothing about them stays.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sweep } from '../../src/db/sweep.ts'
import type { Application } from '../support/application.ts'
import { openBrowser } from '../support/browser.ts'
import { enhanced } from '../support/factors.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import {
  codesOn,
  countPeople,
  knownPerson,
  meanwhile,
  newcomer,
  refused,
  signedIn,
  storedPerson,
  submit,
  visit,
  withIdp,
} from '../support/visits.ts'

describe('an idp without provisioning', () => {
  let product: Product
  let strict: Application
  before(async () => {
    product = await startProduct({ modes: ['none', 'silent', 'username'] })
    strict = await product.addApplication(
      { clientId: 'strict' },
      { identityProviders: ['none', 'silent'], requireLocalUser: true },
    )
  })
  after(() => product.stop())

  it('hands an unknown person back as a federated subject, without a page, and keeps nobody', async () => {
    const person = newcomer()
    const counts = await countPeople(product)
    const page = await visit(product, 'none', person)
    assert.equal(page.status, 200)
    assert.ok(!page.history.some((address) => address.includes('/accountrecoveryendpoint/')))
    const { sub } = signedIn(product.application)
    assert.match(sub, /^fed\.[\w-]{43}$/)
    assert.deepEqual(await countPeople(product), counts)
    assert.equal(await storedPerson(product, person.sub), undefined)
    const everything = `${await product.dump()}\n${product.log.join('')}`
    for (const value of [person.sub, sub, person.email, person.name, person.preferred_username]) {
      assert.ok(!everything.includes(value), value)
    }
  })

  it('gives the same person the same subject at every sign-in, in every browser, after a restart too', async () => {
    const person = newcomer()
    const browser = openBrowser()
    await visit(product, 'none', person, { browser })
    const { sub } = signedIn(product.application)
    await visit(product, 'none', person, { browser, query: { prompt: 'login' } })
    assert.equal(signedIn(product.application).sub, sub)
    await product.redeclare((declared) => declared)
    await visit(product, 'none', { ...person, email: 'other@acme.example', preferred_username: 'other' })
    assert.equal(signedIn(product.application).sub, sub)
  })

  it('never gives two people one subject, nor one person at two idps', async () => {
    const person = newcomer()
    const subjects = new Set<string>()
    for (const sub of [person.sub, person.sub.toUpperCase(), `${person.sub}x`]) {
      await visit(product, 'none', { ...person, sub })
      subjects.add(signedIn(product.application).sub)
    }
    await meanwhile(product, withIdp('silent', { isEnabled: false }), async () => {
      await visit(product, 'silent', person)
      subjects.add(signedIn(product.application).sub)
    })
    assert.equal(subjects.size, 4)
  })

  it('releases only what the requested scopes cover', async () => {
    const person = newcomer()
    await visit(product, 'none', person, { query: { scope: 'openid' } })
    const { sub, userinfo } = signedIn(product.application)
    assert.deepEqual(userinfo, { sub })
    await visit(product, 'none', person, { query: { scope: 'openid email' } })
    assert.deepEqual(signedIn(product.application).userinfo, { sub, email: person.email, email_verified: true })
    await visit(product, 'none', person, { query: { scope: 'openid profile phone' } })
    assert.deepEqual(signedIn(product.application).userinfo, {
      sub,
      preferred_username: person.preferred_username,
      name: person.name,
      department: person.department,
      phone_number: person.phone_number,
      phone_number_verified: false,
    })
  })

  it('lets a live session in again without a new sign-in, but never with more than was sent for it', async () => {
    const person = newcomer()
    const browser = openBrowser()
    await visit(product, 'none', person, { browser, query: { scope: 'openid email' } })
    const { sub } = signedIn(product.application)
    product.idp.requests.length = 0
    await browser.open(`${product.application.url}/login?scope=openid+email`)
    assert.equal(signedIn(product.application).sub, sub)
    assert.equal(signedIn(product.application).userinfo.email, person.email)
    assert.equal(product.idp.requests.length, 0)
    await browser.open(`${product.application.url}/login?scope=openid+email+phone&prompt=none`)
    assert.equal(refused(product.application).error, 'login_required')
    await visit(product, 'none', person, { browser, query: { scope: 'openid email phone' } })
    assert.equal(signedIn(product.application).userinfo.phone_number, person.phone_number)
    assert.equal(signedIn(product.application).sub, sub)
  })

  it('lets no live session in again once a second factor is required, which nobody has without a user', async () => {
    const person = newcomer()
    const browser = openBrowser()
    await visit(product, 'none', person, { browser })
    signedIn(product.application)
    for (const required of [{ everybody: true }, { idp: 'none' }])
      await meanwhile(product, enhanced(required), async () => {
        await browser.open(`${product.application.url}/login?prompt=none`)
        assert.equal(refused(product.application).error, 'login_required')
        assert.deepEqual(codesOn(await visit(product, 'none', person, { browser })), ['LOCAL_USER_REQUIRED'])
      })
    await browser.open(`${product.application.url}/login?prompt=none`)
    signedIn(product.application)
  })

  it('has forgotten what it sent after ten minutes', async () => {
    const person = newcomer()
    const browser = openBrowser()
    const start = product.clock.now
    await visit(product, 'none', person, { browser })
    const { accessToken } = signedIn(product.application).tokens
    const userinfo = () =>
      fetch(`${product.url}/oauth2/userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } })
    try {
      product.clock.now = new Date(start.getTime() + 9 * 60_000)
      assert.equal((await userinfo()).status, 200)
      product.clock.now = new Date(start.getTime() + 10 * 60_000 + 1_000)
      assert.equal((await userinfo()).status, 401)
      await browser.open(`${product.application.url}/login?prompt=none`)
      assert.equal(refused(product.application).error, 'login_required')
      await sweep(product.running.db, product.clock.now)
      assert.deepEqual(await product.rows('SELECT * FROM federated_claims'), [])
      product.clock.now = new Date(start.getTime() + 31 * 60_000)
      await sweep(product.running.db, product.clock.now)
      const kept = await product.rows('SELECT id FROM flows WHERE profile_sealed IS NOT NULL')
      assert.deepEqual(kept, [])
    } finally {
      product.clock.now = start
    }
  })

  it('gives no refresh token that outlives what was sent', async () => {
    const person = newcomer()
    const start = product.clock.now
    await visit(product, 'none', person, { query: { scope: 'openid email offline_access' } })
    const { refreshToken } = signedIn(product.application).tokens
    try {
      product.clock.now = new Date(start.getTime() + 11 * 60_000)
      const answer = await fetch(`${product.url}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: refreshToken ?? 'none was given',
          client_id: 'travel',
          client_secret: 'a secret of the travel application',
        }),
      })
      assert.equal(answer.status, 400)
    } finally {
      product.clock.now = start
    }
  })

  describe('and an application that requires a local user', () => {
    it('refuses with a page; access is denied once the person presses Return', async () => {
      const person = newcomer()
      const counts = await countPeople(product)
      const page = await visit(product, 'none', person, { application: strict })
      assert.equal(page.status, 409)
      assert.deepEqual(codesOn(page), ['LOCAL_USER_REQUIRED'])
      assert.match(page.text, /New accounts are not open/)
      assert.equal(strict.results.length, 0, 'the application hears nothing before the person goes back')
      await page.click('Return to strict')
      assert.deepEqual(refused(strict), { error: 'access_denied', description: 'LOCAL_USER_REQUIRED' })
      assert.deepEqual(await countPeople(product), counts)
    })

    it('is not entered with a federated session either', async () => {
      const person = newcomer()
      const browser = openBrowser()
      await visit(product, 'none', person, { browser })
      signedIn(product.application)
      await browser.open(`${strict.url}/login?prompt=none`)
      assert.equal(refused(strict).error, 'login_required')
      const page = await visit(product, 'none', person, { browser, application: strict })
      assert.equal(page.status, 409)
    })

    it('lets in a person who is known', async () => {
      const person = newcomer()
      await visit(product, 'silent', person, { application: strict })
      const { sub } = signedIn(strict)
      assert.equal(sub, (await knownPerson(product, person.sub)).user.id)
    })
  })

  describe('that provisioned before', () => {
    it('signs a known person in as before, and keeps their attributes up to date', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      const { sub } = signedIn(product.application)
      await meanwhile(product, withIdp('silent', { isEnabled: false }), async () => {
        await visit(product, 'silent', { ...person, name: 'Changed' })
        assert.equal(signedIn(product.application).sub, sub)
        assert.equal(signedIn(product.application).userinfo.name, 'Changed')
        await visit(product, 'silent', newcomer())
        assert.match(signedIn(product.application).sub, /^fed\./)
      })
    })

    it('keeps nobody when provisioning is turned off while a person is on the page', async () => {
      const person = newcomer()
      const browser = openBrowser({ followRefresh: false })
      const page = await visit(product, 'username', person, { browser })
      assert.equal(page.status, 200)
      await meanwhile(product, withIdp('username', { isEnabled: false }), async () => {
        const answer = await submit(browser, page.fill({ password: PASSWORD }).tick('recover:email'), 'create')
        assert.equal(answer.status, 303)
        assert.equal(await storedPerson(product, person.sub), undefined)
        const onward = await browser.open(new URL(answer.headers.get('location') ?? '', product.url))
        await onward.click('Continue to Travel')
        assert.match(signedIn(product.application).sub, /^fed\./)
      })
    })
  })

  it('gives a person who is provisioned later the user id as subject', async () => {
    const person = newcomer()
    await visit(product, 'none', person)
    assert.match(signedIn(product.application).sub, /^fed\./)
    await meanwhile(product, withIdp('none', { isEnabled: true, scheme: 'PROVISION_SILENTLY' }), async () => {
      await visit(product, 'none', person)
      assert.equal(signedIn(product.application).sub, (await knownPerson(product, person.sub)).user.id)
    })
  })
})
