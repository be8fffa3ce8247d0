// An idp that lies, breaks or dawdles: nobody is signed in by it, nothing is kept, and the person gets a page with a way on.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../support/browser.ts'
import type { Claims, Fault } from '../support/idp.ts'
import {
  assertFailurePage,
  assertRefused,
  atUserinfo,
  during,
  everywhere,
  forgetDescription,
  inToken,
  omit,
  serverErrors,
  toldAfter,
} from '../support/misbehaviour.ts'
import { type Mode, type Product, startProduct } from '../support/product.ts'
import { arrive, callbackOf, goToIdp, lastSubject, stranger } from '../support/road.ts'
import { codesOn, countPeople, knownPerson, refused, storedPerson } from '../support/visits.ts'

type Lie = (claims: Claims) => Claims

const now = () => Math.floor(Date.now() / 1000)

function faultsOf(lies: Record<string, Lie>, fault: (lie: Lie) => Fault): Record<string, Fault> {
  return Object.fromEntries(Object.entries(lies).map(([what, lie]) => [what, fault(lie)]))
}

describe('an idp that misbehaves', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['none', 'silent', 'consent', 'password', 'username'] })
  })
  after(async () => {
    const broken = serverErrors(product)
    await product.stop()
    assert.deepEqual(broken, [], 'an idp must not be able to break the product')
  })

  it('by tokens that it did not sign, or that are not meant for us, now, in this sign-in, signs nobody in', async () => {
    const lies: Record<string, Lie> = {
      'another nonce': (claims) => ({ ...claims, nonce: 'another' }),
      'no nonce': (claims) => omit(claims, 'nonce'),
      'another audience': (claims) => ({ ...claims, aud: 'another' }),
      'no audience': (claims) => omit(claims, 'aud'),
      'an audience of another idp of ours': (claims) => ({ ...claims, aud: 'northwind-username' }),
      'another authorised party': (claims) => ({ ...claims, azp: 'another' }),
      'an authorised party that is no text': (claims) => ({ ...claims, azp: [claims['aud']] }),
      'several audiences and another authorised party': (claims) => ({
        ...claims,
        aud: [claims['aud'], 'x'],
        azp: 'x',
      }),
      'several audiences and no authorised party': (claims) => ({ ...omit(claims, 'azp'), aud: [claims['aud'], 'x'] }),
      'another issuer': (claims) => ({ ...claims, iss: 'https://evil.example' }),
      'its issuer with a slash': (claims) => ({ ...claims, iss: `${claims['iss']}/` }),
      'no issuer': (claims) => omit(claims, 'iss'),
      'a time long past': (claims) => ({ ...claims, iat: now() - 3600, exp: now() - 300 }),
      'no end': (claims) => omit(claims, 'exp'),
      'an end that is no number': (claims) => ({ ...claims, exp: 'tomorrow' }),
      'no beginning': (claims) => omit(claims, 'iat'),
      'a beginning that is no number': (claims) => ({ ...claims, iat: 'today' }),
      'a beginning in the future': (claims) => ({ ...claims, iat: now() + 600 }),
      'a beginning far in the future': (claims) => ({ ...claims, iat: 1e12, exp: 2e12 }),
      'a time before which it is not good': (claims) => ({ ...claims, nbf: now() + 600 }),
      'no subject': (claims) => omit(claims, 'sub'),
      'an empty subject': (claims) => ({ ...claims, sub: '' }),
      'a number for a subject': (claims) => ({ ...claims, sub: 42 }),
      'a list for a subject': (claims) => ({ ...claims, sub: [claims['sub']] }),
      'an object for a subject': (claims) => ({ ...claims, sub: { toString: claims['sub'] } }),
      'null for a subject': (claims) => ({ ...claims, sub: null }),
    }
    await assertRefused(product, { 'a signature by another key': { forgeSignature: true }, ...faultsOf(lies, inToken) })
  })

  it('by userinfo about somebody else, or about nobody, signs nobody in', async () => {
    const victim = stranger(product)
    await arrive(product, openBrowser(), 'silent', victim)
    const lies: Record<string, Lie> = {
      "another person's subject": (claims) => ({ ...claims, sub: victim.sub }),
      'a subject in other case': (claims) => ({ ...claims, sub: String(claims['sub']).toUpperCase() }),
      'no subject': (claims) => omit(claims, 'sub'),
      'a number for a subject': (claims) => ({ ...claims, sub: 1 }),
      'a list for a subject': (claims) => ({ ...claims, sub: [claims['sub']] }),
    }
    await assertRefused(product, faultsOf(lies, atUserinfo))
  })

  it('by answers that are not answers signs nobody in', async () => {
    await assertRefused(product, {
      'garbage for tokens': { token: 'garbage' },
      'an error for tokens': { token: '500' },
      'garbage for userinfo': { userinfo: 'garbage' },
      'an error for userinfo': { userinfo: '500' },
    })
    for (const fault of ['garbage', '500'] as const) {
      forgetDescription(product)
      const page = await during(product, { discovery: fault }, () => goToIdp(product, openBrowser(), 'silent'))
      assertFailurePage(page, 'silent', `${fault} for its description`)
      await assertRefused(product, { [`${fault} for its keys`]: { jwks: fault } })
    }
  })

  it('by describing itself as another signs nobody in, and is not asked anything else', async () => {
    const others: Record<string, (issuer: string) => unknown> = {
      'another host': () => 'https://evil.example',
      'another port': (issuer) => issuer.replace(/\d+$/, '1'),
      'a path': (issuer) => `${issuer}/tenant`,
      'a slash at the end': (issuer) => `${issuer}/`,
      'another case': (issuer) => issuer.replace('http', 'HTTP'),
      'another scheme': (issuer) => issuer.replace('http', 'https'),
      'a name for its address': (issuer) => issuer.replace('127.0.0.1', 'localhost'),
      'a query': (issuer) => `${issuer}?`,
      'no issuer': () => undefined,
      'a number': () => 1,
    }
    for (const [what, issuer] of Object.entries(others)) {
      forgetDescription(product)
      const browser = openBrowser()
      const asked = product.idp.requests.length
      const page = await during(
        product,
        {
          tamper: (claims, where) =>
            where === 'discovery' ? { ...claims, issuer: issuer(product.idp.issuer) } : claims,
        },
        () => goToIdp(product, browser, 'silent'),
      )
      assertFailurePage(page, 'silent', what)
      const paths = product.idp.requests.slice(asked).map(({ path }) => path)
      assert.deepEqual([...new Set(paths)], ['/.well-known/openid-configuration'], what)
    }
  })

  it('leaves a way on: the same again when it is well, another idp, or back to the application', async () => {
    const person = stranger(product)
    const fail = (browser = openBrowser()) =>
      during(product, { token: '500' }, () => arrive(product, browser, 'silent', person))

    const retried = await (await fail()).click('Try again')
    const done = await retried.fill({ person: person.sub }).press('Sign in')
    assert.ok(done.url.startsWith(product.application.redirectUri), done.text)
    assert.equal(lastSubject(product.application), (await knownPerson(product, person.sub)).user.id)

    const choice = await (await fail()).click('Other ways to sign in')
    const prompt = await (await choice.click('Continue with Acme consent'))
      .fill({ person: person.sub })
      .press('Sign in')
    assert.match(prompt.url, /signup\.do/, prompt.text)

    await (await fail()).click('Return to Travel')
    assert.equal(refused(product.application).error, 'access_denied')
  })

  it('leaves a way on at the door, when it cannot even be reached', async () => {
    forgetDescription(product)
    const browser = openBrowser()
    const person = stranger(product)
    const failed = await during(product, { discovery: '500' }, () => goToIdp(product, browser, 'silent'))
    const again = await failed.click('Try again')
    await again.fill({ person: person.sub }).press('Sign in')
    assert.equal(lastSubject(product.application), (await knownPerson(product, person.sub)).user.id)
  })

  it('that says the person would not, gives them a page with a way on, and the application hears it once', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const asked = await goToIdp(product, browser, 'username')
    const tokens = product.idp.requests.filter(({ path }) => path === '/token').length
    const page = await asked.press('Cancel')
    assert.ok(page.url.startsWith(product.url), page.url)
    assert.ok(page.status >= 200 && page.status !== 500, page.text)
    assert.doesNotMatch(page.text, /pressed Cancel|access_denied/)
    assert.equal(product.idp.requests.filter(({ path }) => path === '/token').length, tokens)

    const again = await page.click('Try again')
    const prompt = await again.fill({ person: person.sub }).press('Sign in')
    assert.match(prompt.url, /register\.do/, prompt.text)

    const results = product.application.results.length
    const second = await (await goToIdp(product, openBrowser(), 'username')).press('Cancel')
    await second.click('Return to Travel')
    assert.equal(refused(product.application).error, 'access_denied')
    assert.equal(product.application.results.length, results + 1)
  })

  it('by an error with markup, line breaks or great length in it shows nothing of that to anybody', async () => {
    const mark = randomBytes(16).toString('hex')
    const errors: Record<string, string>[] = [
      { error: 'access_denied', error_description: `<script>${mark}</script>` },
      { error: `<b>${mark}`, error_description: `\r\nSet-Cookie: ${mark}=1` },
      { error: 'server_error', error_description: mark.repeat(100) },
      { error: 'login_required', error_uri: `javascript:${mark}` },
      { error: '' },
    ]
    for (const parameters of errors) {
      const browser = openBrowser()
      const callback = await callbackOf(product, browser, 'silent', stranger(product))
      callback.searchParams.delete('code')
      for (const [name, value] of Object.entries(parameters)) callback.searchParams.set(name, value)
      const page = await browser.open(callback)
      assert.ok(page.status >= 400 && page.status !== 500, `${parameters['error']}: ${page.status}`)
      assert.ok(!page.html.includes(mark), parameters['error'])
      assert.ok(![...page.headers].flat().join().includes(mark))
    }
    assert.ok(!product.log.join('').includes(mark))
  })

  it('by text that nobody could store or read, or a subject without end, makes nobody', async () => {
    const id = randomBytes(6).toString('hex')
    const longest = id.padEnd(255, 'x')
    const lies: Record<string, Lie> = {
      'a NUL in the subject': (claims) => ({ ...claims, sub: `${id}\0` }),
      'two lines in the subject': (claims) => ({ ...claims, sub: `${id}\r\n${id}` }),
      'a character nobody sees in the subject': (claims) => ({ ...claims, sub: `${id}\x7f` }),
      'half a character in the subject': (claims) => ({ ...claims, sub: `${id}\ud800` }),
      'a subject of 256 characters': (claims) => ({ ...claims, sub: `${longest}x` }),
      'a subject of five thousand characters': (claims) => ({ ...claims, sub: id.padEnd(5_000, 'x') }),
      'a NUL in the address': (claims) => ({ ...claims, email: `${id}\0@acme.example` }),
      'half a character in the name': (claims) => ({ ...claims, name: `\udc00${id}` }),
      'a NUL in the username': (claims) => ({ ...claims, preferred_username: `${id}\0` }),
      'half a character in a list': (claims) => ({ ...claims, department: ['fine', `${id}\ud800`] }),
      'a NUL in a postal address': (claims) => ({ ...claims, address: { locality: `${id}\0` } }),
      'a name of a million characters': (claims) => ({ ...claims, name: 'x'.repeat(1_000_000) }),
    }
    await assertRefused(product, faultsOf(lies, everywhere))
    // The longest subject there may be is a person.
    const person = stranger(product, { sub: longest })
    await arrive(product, openBrowser(), 'silent', person)
    assert.equal(lastSubject(product.application), (await knownPerson(product, longest)).user.id)
  })

  it('by claims of odd types makes a user without them, not a broken one', async () => {
    const odd: unknown[] = [null, {}, [], [1, 2], [['x']], [null], { $ne: 1 }, '', 0.1, 1e21, true]
    for (const value of odd) {
      const fault = everywhere((claims) => ({
        ...claims,
        name: value,
        department: value,
        address: value,
        email: value,
      }))
      const person = stranger(product)
      const told = await toldAfter(product, fault, person)
      const { attributes } = await knownPerson(product, person.sub)
      const kept = attributes.filter(({ name }) => ['name', 'email', 'address'].includes(name))
      assert.deepEqual(kept, [], JSON.stringify(value))
      assert.doesNotMatch(JSON.stringify(told), /object Object/)
    }
  })

  it('by verified addresses of any length, or any number of them, keeps nobody out, new or known', async () => {
    const long = randomBytes(4_500).toString('hex')
    const sent: unknown[] = [`${long}@acme.example`, long.match(/.{100}/g)]
    const keptOf = async (sub: string) =>
      (await knownPerson(product, sub)).attributes.find(({ name }) => name === 'email')?.value
    for (const email of sent) {
      const person = stranger(product)
      await arrive(product, openBrowser(), 'silent', person)
      const id = lastSubject(product.application)
      await arrive(product, openBrowser(), 'silent', Object.assign(person, { email }))
      assert.equal(lastSubject(product.application), id)
      assert.equal(await keptOf(person.sub), undefined)
      const other = stranger(product, { email })
      await arrive(product, openBrowser(), 'silent', other)
      assert.equal(lastSubject(product.application), (await knownPerson(product, other.sub)).user.id)
      assert.equal(await keptOf(other.sub), undefined)
      const asked = stranger(product, { email })
      const prompt = await arrive(product, openBrowser(), 'consent', asked)
      // What was not sent is theirs to type.
      prompt.fill({ 'attribute.email': 'typed@acme.example' })
      await prompt.tick('recover:email').press('Create account')
      assert.equal(lastSubject(product.application), (await knownPerson(product, asked.sub)).user.id)
      assert.equal(await keptOf(asked.sub), 'typed@acme.example')
    }
  })

  it('verifies an address only by saying true, and not by anything that looks like it', async () => {
    const words: [unknown, boolean][] = [
      [true, true],
      [false, false],
      ['true', false],
      ['false', false],
      [1, false],
      [0, false],
      [null, false],
      [[true], false],
      [{}, false],
      [undefined, false],
    ]
    for (const [word, isVerified] of words) {
      const fault = everywhere((claims) => ({ ...claims, email_verified: word, phone_number_verified: word }))
      const person = stranger(product)
      const userinfo = await toldAfter(product, fault, person)
      assert.equal(userinfo['email'], person.email)
      assert.equal(userinfo['email_verified'], isVerified, JSON.stringify(word))
      assert.equal(userinfo['phone_number_verified'], isVerified, JSON.stringify(word))
      const { attributes } = await knownPerson(product, person.sub)
      assert.equal(attributes.find(({ name }) => name === 'email')?.verified, isVerified, JSON.stringify(word))
      assert.equal(attributes.find(({ name }) => name === 'department')?.verified, null)
    }
  })

  it('verifies no address by a flag that came with another one, or while it says no elsewhere', async () => {
    const saying = (token: Claims, userinfo: Claims): Fault => ({
      tamper: (claims, where) => {
        if (where === 'id_token') return { ...claims, ...token }
        return where === 'userinfo' ? { ...omit(claims, 'email', 'email_verified'), ...userinfo } : claims
      },
    })
    const other = { email: 'other@acme.example' }
    const signed = { email: 'signed@acme.example' }
    const words: [string, Fault, string, boolean][] = [
      ['both of one source', saying({}, { ...other, email_verified: true }), other.email, true],
      ['the same address twice', saying(other, { ...other, email_verified: true }), other.email, true],
      ['both signed', saying({ ...signed, email_verified: true }, other), signed.email, true],
      ['a signed no', saying({ email_verified: false }, { ...other, email_verified: true }), other.email, false],
      ['only a signed no', saying({ email_verified: false }, other), other.email, false],
      ['a signed yes about no address', saying({ email_verified: true }, other), other.email, false],
      ['a yes about another address', saying(signed, { ...other, email_verified: true }), signed.email, false],
      ['a yes about no address', saying(signed, { email_verified: true }), signed.email, false],
    ]
    const wrong: string[] = []
    for (const [what, fault, email, isVerified] of words) {
      const told = await toldAfter(product, fault)
      assert.equal(told['email'], email, what)
      if (told['email_verified'] !== isVerified) wrong.push(what)
    }
    assert.deepEqual(wrong, [])
  })

  it('cannot have an answer for it taken at the address of another', async () => {
    for (const [mode, other] of [
      ['silent', 'username'],
      ['username', 'silent'],
      ['none', 'nobody'],
      ['silent', 'SILENT'],
    ] as [Mode, string][]) {
      const browser = openBrowser()
      const person = stranger(product)
      const callback = await callbackOf(product, browser, mode, person)
      const asked = product.idp.requests.length
      const people = await countPeople(product)
      const wrong = new URL(callback)
      wrong.pathname = `/commonauth/${other}`
      const page = await browser.open(wrong)
      assert.equal(page.status, 400, page.text)
      assert.deepEqual(codesOn(page), ['BAD_CALLBACK'])
      assert.equal(product.idp.requests.length, asked, 'the idp was asked')
      assert.deepEqual(await countPeople(product), people)
      // The right address still works: nothing was used up.
      const right = await browser.open(callback)
      assert.equal(right.status, 200, right.text)
    }
  })

  it('that names itself in its answers is not believed when the name is missing or another (RFC 9207)', async () => {
    const names: Record<string, string | undefined> = {
      missing: undefined,
      empty: '',
      "another's": 'https://evil.example',
      'with a slash': `${product.idp.issuer}/`,
      'in capitals': product.idp.issuer.toUpperCase(),
      'of ours': product.url,
    }
    for (const [what, iss] of Object.entries(names)) {
      const browser = openBrowser()
      const person = stranger(product)
      const callback = await callbackOf(product, browser, 'silent', person)
      assert.equal(callback.searchParams.get('iss'), product.idp.issuer, 'the idp of these tests names itself')
      callback.searchParams.delete('iss')
      if (iss !== undefined) callback.searchParams.set('iss', iss)
      const asked = product.idp.requests.length
      const page = await browser.open(callback)
      assert.ok([400, 502].includes(page.status), `${what}: ${page.status} ${page.text}`)
      assert.equal(product.idp.requests.length, asked, `${what}: the idp was asked for tokens`)
      assert.equal(await storedPerson(product, person.sub), undefined, what)
    }
  })

  it('that does not say it names itself need not', async () => {
    forgetDescription(product)
    const quiet: Fault = {
      tamper: (claims, where) =>
        where === 'discovery' ? omit(claims, 'authorization_response_iss_parameter_supported') : claims,
    }
    const browser = openBrowser()
    const person = stranger(product)
    const callback = await during(product, quiet, () => callbackOf(product, browser, 'silent', person))
    callback.searchParams.delete('iss')
    await browser.open(callback)
    assert.equal(lastSubject(product.application), (await knownPerson(product, person.sub)).user.id)
    forgetDescription(product)
  })
})
