// Several idps, one of them hostile: what each is asked, whose codes it can get, and that nobody enters an account by it but its own.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { listen } from '../../src/demo/listen.ts'
import { openBrowser } from '../support/browser.ts'
import { assertFailurePage, forgetDescription, serverErrors } from '../support/misbehaviour.ts'
import { arriveFrom, declareOthers, introduce, type OtherIdp, startOtherIdps } from '../support/other-idps.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arrive, callbackOf, goToIdp, signedInAt, stranger } from '../support/road.ts'
import { codesOn, countPeople, hashOfUser, knownPerson, meanwhile, newcomer, submit, visit } from '../support/visits.ts'

const SHOWN = ['picture', 'website', 'profile', 'zoneinfo', 'locale']

describe('several idps', () => {
  let product: Product
  let others: OtherIdp[]
  let evil: { port: number; stop(): Promise<void> }
  const askedOfEvil: string[] = []
  /** Where the hostile idp sends people. */
  let sendOn: (query: URLSearchParams) => string
  before(async () => {
    evil = await listen((req, res) => {
      askedOfEvil.push(req.url ?? '')
      const { searchParams } = new URL(req.url ?? '', 'http://evil')
      res.writeHead(302, { Location: sendOn(searchParams) }).end()
    }, 0)
    others = await startOtherIdps('second', 'hostile', 'heir')
    product = await startProduct({
      modes: ['silent', 'consent'],
      purposes: [
        {
          id: 'profile',
          purpose: 'Show who you are',
          description: 'On your page',
          piiCategories: SHOWN.map((name) => ({ name, mandatory: false })),
        },
      ],
      change: (declared) => {
        for (const { claims } of declared.identityProviders) {
          for (const name of SHOWN) claims.mappings[name] = name
        }
        return declareOthers(others)(declared)
      },
    })
    introduce(product, others)
  })
  after(async () => {
    const broken = serverErrors(product)
    await Promise.all([product.stop(), evil.stop(), ...others.map(({ idp }) => idp.stop())])
    assert.deepEqual(broken, [], 'an idp must not be able to break the product')
  })

  const other = (name: string) => others.find((one) => one.name === name) ?? assert.fail(name)
  const tokenRequests = () =>
    [product.idp, ...others.map(({ idp }) => idp)].map(
      ({ requests }) => requests.filter(({ path }) => path === '/token').length,
    )

  it('are asked for a code, by S256, for the scopes that are configured, and each time with values that nobody can guess', async () => {
    const [departures, flows] = [10, 10]
    const seen = new Set<string>()
    for (const name of ['silent', 'second']) {
      const { issuer } = name === 'silent' ? product.idp : other(name).idp
      for (let flow = 0; flow < flows; flow += 1) {
        const browser = openBrowser()
        const choice = await browser.open(`${product.application.url}/login`)
        const leave = new URL(choice.url)
        leave.searchParams.set('idp', name)
        for (let departure = 0; departure < departures; departure += 1) {
          const response = await browser.fetch(leave)
          const address = new URL(response.headers.get('location') ?? '')
          assert.equal(`${address.origin}${address.pathname}`, `${issuer}/auth`)
          const { state, nonce, code_challenge, ...fixed } = Object.fromEntries(address.searchParams)
          assert.deepEqual(fixed, {
            client_id: `northwind-${name}`,
            response_type: 'code',
            redirect_uri: `${product.url}/commonauth/${name}`,
            scope: 'openid profile email phone address',
            code_challenge_method: 'S256',
          })
          for (const value of [state, nonce, code_challenge]) {
            // 22 characters of 64 hold 128 bits and more.
            assert.match(value ?? '', /^[\w-]{22,}$/)
            seen.add(value ?? '')
          }
        }
      }
    }
    assert.equal(seen.size, 2 * flows * departures * 3, 'a value was used twice')
  })

  it('of which one is hostile: it sends people on to an honest one, and gets no code of theirs', async () => {
    const hostile = other('hostile')
    const person = stranger(product)
    hostile.idp.fault = {
      tamper: (claims, where) =>
        where === 'discovery' ? { ...claims, authorization_endpoint: `http://127.0.0.1:${evil.port}/auth` } : claims,
    }
    sendOn = (query) => {
      query.set('client_id', 'northwind-silent')
      query.set('redirect_uri', `${product.url}/commonauth/silent`)
      return `${product.idp.issuer}/auth?${query}`
    }
    forgetDescription(product)
    const [people, tokens, asked] = [await countPeople(product), tokenRequests(), askedOfEvil.length]
    const browser = openBrowser()
    const callback = await callbackOf(product, browser, 'hostile', person)
    assert.equal(askedOfEvil.length, asked + 1, 'the hostile idp was not asked')
    assert.equal(callback.pathname, '/commonauth/silent')
    assert.ok(callback.searchParams.get('code'), 'the honest idp gave no code')

    const page = await browser.open(callback)
    assert.equal(page.status, 400, page.text)
    assert.deepEqual(codesOn(page), ['BAD_CALLBACK'])
    // Nor by an address that somebody changes: the honest idp says in its answer who it is.
    callback.pathname = '/commonauth/hostile'
    assertFailurePage(await browser.open(callback), 'hostile', "another idp's answer")
    assert.deepEqual(tokenRequests(), tokens)
    assert.deepEqual(await countPeople(product), people)

    // It cannot send people anywhere that is no web address either.
    for (const authorization_endpoint of [
      'javascript:alert(1)',
      'data:text/html,x',
      'file:///etc/passwd',
      '/auth',
      '',
      7,
    ]) {
      hostile.idp.fault = {
        tamper: (claims, where) => (where === 'discovery' ? { ...claims, authorization_endpoint } : claims),
      }
      forgetDescription(product)
      const there = await goToIdp(product, openBrowser(), 'hostile')
      assertFailurePage(there, 'hostile', String(authorization_endpoint))
    }
    hostile.idp.fault = {}
  })

  it('of which one answers yes and no at once, or anything twice, is told that this is no answer, and the right one still works', async () => {
    const browser = openBrowser()
    const callback = await callbackOf(product, browser, 'silent', stranger(product))
    const [people, tokens] = [await countPeople(product), tokenRequests()]
    const changes: Record<string, (query: URLSearchParams) => void> = {
      'a code and an error': (query) => query.set('error', 'access_denied'),
      'a code and an empty error': (query) => query.set('error', ''),
      'an empty code and an error': (query) => {
        query.set('code', '')
        query.set('error', 'access_denied')
      },
      'two codes': (query) => query.append('code', 'another'),
      'the same code twice': (query) => query.append('code', query.get('code') ?? ''),
      'two errors': (query) => {
        query.delete('code')
        query.append('error', 'access_denied')
        query.append('error', 'server_error')
      },
      'two names of its own': (query) => query.append('iss', product.idp.issuer),
      'a state in brackets': (query) => {
        query.set('state[]', query.get('state') ?? '')
        query.delete('state')
      },
    }
    for (const [what, change] of Object.entries(changes)) {
      const url = new URL(callback)
      change(url.searchParams)
      const page = await browser.open(url)
      assert.equal(page.status, 400, `${what}: ${page.status} ${page.text}`)
      assert.deepEqual(codesOn(page), ['BAD_REQUEST'], what)
    }
    assert.deepEqual(tokenRequests(), tokens)
    assert.deepEqual(await countPeople(product), people)
    signedInAt(product.application, await browser.open(callback))
  })

  it('have people of their own, even with the same subject, address and name of each', async () => {
    const person = stranger(product)
    const first = signedInAt(product.application, await arrive(product, openBrowser(), 'silent', person)).sub
    const untouched = await hashOfUser(product, first)
    const double = { ...person, preferred_username: `${person.preferred_username}-2` }
    const second = signedInAt(product.application, await arriveFrom(other('second'), product, double)).sub
    assert.notEqual(second, first)
    assert.equal(await hashOfUser(product, first), untouched)
    // Each keeps coming back to their own.
    assert.equal(signedInAt(product.application, await arriveFrom(other('second'), product, double)).sub, second)
    assert.equal(signedInAt(product.application, await arrive(product, openBrowser(), 'silent', person)).sub, first)
  })

  it('of which one comes to be another company do not let its people into the accounts of the former', async () => {
    const person = newcomer()
    const owner = signedInAt(product.application, await arriveFrom(other('second'), product, person)).sub
    const untouched = await hashOfUser(product, owner)
    const heir: OtherIdp = { ...other('heir'), name: 'second', clientId: 'northwind-second' }
    introduce(product, [heir])

    await meanwhile(
      product,
      (declared) => ({
        ...declared,
        identityProviders: declared.identityProviders.map((one) =>
          one.name === 'second' ? { ...one, oidc: { ...one.oidc, issuer: heir.idp.issuer } } : one,
        ),
      }),
      async () => {
        const refused = await arriveFrom(heir, product, person)
        assert.equal(refused.status, 409, refused.text)
        assert.deepEqual(codesOn(refused), ['USERNAME_TAKEN'])
        const double = { ...person, preferred_username: `${person.preferred_username}-2` }
        const stranger = signedInAt(product.application, await arriveFrom(heir, product, double)).sub
        assert.notEqual(stranger, owner)
        assert.equal(await hashOfUser(product, owner), untouched)
      },
    )
    assert.equal(signedInAt(product.application, await arriveFrom(other('second'), product, person)).sub, owner)
  })

  it('that give their tenants one description for all are not believed', async () => {
    const second = other('second')
    const victim = newcomer()
    const owner = signedInAt(product.application, await arriveFrom(second, product, victim)).sub
    const untouched = await hashOfUser(product, owner)
    second.idp.fault = {
      tamper: (claims, where) => {
        if (where === 'discovery') return { ...claims, issuer: `${second.idp.issuer}/{tenantid}/v2.0` }
        return where === 'id_token' ? { ...claims, iss: `${second.idp.issuer}/evil/v2.0`, tid: 'evil' } : claims
      },
    }
    forgetDescription(product)
    assertFailurePage(await goToIdp(product, openBrowser(), 'second'), 'second', 'a template for an issuer')
    // And with a description of its own, a tenant that vouches for anybody's address vouches for nobody's account.
    second.idp.fault = {}
    const attacker = newcomer({ email: victim.email, email_verified: true, phone_number: victim.phone_number })
    const made = signedInAt(product.application, await arriveFrom(second, product, attacker)).sub
    assert.notEqual(made, owner)
    assert.equal(await hashOfUser(product, owner), untouched)
  })

  it('that exchange the addresses and names of two people exchange nothing else', async () => {
    const [ada, grace] = [newcomer(), newcomer()]
    const subjects: string[] = []
    for (const person of [ada, grace]) {
      subjects.push(signedInAt(product.application, await visit(product, 'silent', person)).sub)
    }
    const swapped = [
      { ...ada, email: grace.email, preferred_username: grace.preferred_username },
      { ...grace, email: ada.email, preferred_username: ada.preferred_username },
    ]
    const people = await countPeople(product)
    for (const [index, person] of swapped.entries()) {
      const { sub, userinfo } = signedInAt(product.application, await visit(product, 'silent', person))
      assert.equal(sub, subjects[index])
      assert.equal(userinfo['email'], person.email)
      const { user } = await knownPerson(product, person.sub)
      assert.equal(user.username, [ada, grace][index]?.preferred_username, 'a username followed a claim')
    }
    assert.deepEqual(await countPeople(product), people)
  })

  it('may say what they like of pictures, pages, places and languages: it is text, and nobody goes there', async () => {
    const sent = {
      picture: `http://127.0.0.1:${evil.port}/pixel.png`,
      website: "javascript:alert('x')",
      profile: 'data:text/html,<script>alert(1)</script>',
      zoneinfo: '../../etc/passwd',
      locale: '"><script>alert(1)</script>',
    }
    const asked = askedOfEvil.length
    const browser = openBrowser({ headers: { 'Accept-Language': '../../x' } })
    const person = newcomer(sent)
    const page = await visit(product, 'consent', person, { browser })
    assert.equal(page.status, 200, page.text)
    for (const value of Object.values(sent)) assert.ok(page.text.includes(value), value)
    assert.match(page.html, /<html lang="en"/)
    const links = [...page.html.matchAll(/\s(?:href|src|srcset|action|content|style)="([^"]*)"/g)].map(([, to]) => to)
    for (const link of links) assert.doesNotMatch(link ?? '', /javascript:|data:|pixel|passwd|alert/)
    assert.doesNotMatch(page.html, /<script>alert/)

    const ticked = Object.keys(sent).reduce((form, name) => form.tick(`profile:${name}`), page)
    const response = await submit(browser, ticked, 'Create account')
    assert.equal(response.status, 303)
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(Object.fromEntries(attributes.map(({ name, value }) => [name, value])), sent)
    assert.equal(askedOfEvil.length, asked, 'somebody went there')
  })
})
