// What must not be readable, is not: not in a dump of the database, not in the log, not in an address, in no encoding (S100, S101, S116, S117).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser, type Page } from '../support/browser.ts'
import { assertAbsent, canary, formsOf, markedPerson, readings, without } from '../support/canaries.ts'
import { type Product, SECRET_KEY, startProduct } from '../support/product.ts'
import { arrive, goToIdp, send, signedInAt, stranger } from '../support/road.ts'
import { codesOn, flowIdOf, knownPerson } from '../support/visits.ts'

describe('a secret', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['none', 'silent', 'consent', 'password', 'username'] })
  })
  after(() => product.stop())

  const log = () => product.log.join('')

  it('is found by these tests in every form that they look for', () => {
    const mark = canary()
    for (const { form, bytes } of formsOf(mark)) {
      assert.throws(() => assertAbsent('here', `row: (1,${bytes.toString('latin1')},x)`, { mark }), /is in here/, form)
      const hidden = `row: (1,"\\\\x${bytes.toString('hex')}")`
      assert.throws(() => assertAbsent('here', hidden, { mark }), /is in here/, `${form}, as bytea`)
    }
    assert.throws(() => assertAbsent('here', Buffer.from(`--${mark}--`).toString('base64'), { mark }), /is in here/)
    assertAbsent('here', `row: (1,${canary()},"\\\\x${canary()}")`, { mark })
  })

  it('of the idp about a person is nowhere in the database, the log or an address while a question is open', async () => {
    for (const mode of ['consent', 'password', 'username'] as const) {
      const browser = openBrowser()
      const { person, marks } = markedPerson(product)
      const prompt = await arrive(product, browser, mode, person)
      assert.match(prompt.url, /\.do\?sessionDataKey=/)
      assert.ok(prompt.html.includes(marks['email'] ?? ''), 'the page itself shows it')
      assertAbsent('the database', await product.dump(), marks)
      assertAbsent('the log', log(), marks)
      // What the idp writes into its own addresses is its affair; it is told nothing but our request.
      assertAbsent('an address', browser.history.join('\n'), marks)
    }
  })

  it('that was not ticked is nowhere when the user has been made, and not in what the application gets', async () => {
    const browser = openBrowser()
    const { person, marks } = markedPerson(product)
    const prompt = await arrive(product, browser, 'consent', person)
    const result = signedInAt(product.application, await prompt.tick('recover:email').press('Create account'))
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(
      attributes.map(({ name, value }) => [name, value]),
      [['email', person.email]],
    )
    // Kept because the page said so: the code that the idp uses, the username, and the address that was ticked.
    const refused = without(marks, 'sub', 'preferred_username', 'email')
    assertAbsent('the database', await product.dump(), refused)
    assertAbsent('the log', log(), marks)
    assertAbsent('an address', browser.history.join('\n'), marks)
    assertAbsent('what the application got', JSON.stringify(result), { ...refused, sub: marks['sub'] ?? '' })

    // Nor after signing in again.
    signedInAt(product.application, await arrive(product, openBrowser(), 'consent', person))
    assertAbsent('the database after another sign-in', await product.dump(), refused)
  })

  it('is gone when the person declines, or goes away', async () => {
    const browser = openBrowser()
    const { person, marks } = markedPerson(product)
    const prompt = await arrive(product, browser, 'username', person)
    const declined = await prompt.press('Do not create an account')
    assert.deepEqual(codesOn(declined), ['DECLINED'])
    assertAbsent('the database', await product.dump(), marks)
    const [row] = await product.rows<{ profile_sealed: Buffer | null; person_hash: Buffer | null }>(
      'SELECT profile_sealed, person_hash FROM flows WHERE id = $1',
      [flowIdOf(prompt)],
    )
    assert.deepEqual(row, { profile_sealed: null, person_hash: null })
    assertAbsent('the log', log(), marks)
    assertAbsent('an address', browser.history.join('\n'), marks)
  })

  it('about a person of whom nothing is kept is nowhere, while they are signed in to the application', async () => {
    const browser = openBrowser()
    const { person, marks } = markedPerson(product)
    const { userinfo } = signedInAt(product.application, await arrive(product, browser, 'none', person))
    assert.equal(userinfo['email'], person.email)
    assertAbsent('the database', await product.dump(), marks)
    assertAbsent('the log', log(), marks)
    assertAbsent('an address', browser.history.join('\n'), marks)
    assertAbsent('the subject for the application', userinfo.sub, { sub: marks['sub'] ?? '' })
  })

  it('about a person provisioned silently is in no log and no address, and unmapped claims are kept nowhere', async () => {
    const browser = openBrowser()
    const { person, marks } = markedPerson(product)
    signedInAt(product.application, await arrive(product, browser, 'silent', person))
    assertAbsent('the log', log(), marks)
    assertAbsent('an address', browser.history.join('\n'), marks)
    const { nickname = '', unheardOf = '' } = marks
    assertAbsent('the database', await product.dump(), { nickname, unheardOf })
  })

  it('that a person types as a password is in no page, address, log or table, whatever goes wrong with it', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const password = `pw ${canary()} ${canary()}`
    const passwords: Record<string, string> = { password }
    const pages: Page[] = []
    let page = await arrive(product, browser, 'username', person)

    // A missing tick, a taken name, a name that cannot be: each time the page comes back without it.
    page = await page.fill({ username: person.preferred_username, password }).press('Create account')
    assert.ok(codesOn(page).includes('CONSENT_NEEDED'), page.text)
    pages.push(page)
    page = await page.fill({ username: 'a b', password }).tick('recover:email').press('Create account')
    assert.ok(codesOn(page).includes('USERNAME_CHARS'), page.text)
    pages.push(page)
    for (const [name, bad] of Object.entries({
      long: canary().repeat(5),
      personal: `${person.preferred_username} ${canary()}`,
    })) {
      passwords[name] = bad
      page = await page.fill({ username: person.preferred_username, password: bad }).press('Create account')
      assert.equal(page.status, 422, page.text)
      pages.push(page)
    }
    const form = page.fill({ username: person.preferred_username, password }).submission('Create account')
    const forged = await send(browser, form, { headers: { Origin: 'https://evil.example' } })
    assertAbsent('a refusal', await forged.text(), passwords)
    const doubled = new URLSearchParams(form.fields)
    doubled.append('password', password)
    assertAbsent('a refusal', await (await send(browser, form, { fields: doubled })).text(), passwords)

    signedInAt(product.application, await page.press('Create account'))
    const choice = await openBrowser().open(`${product.application.url}/login`)
    const wrong = await choice.fill({ username: person.preferred_username, password: `${password}!` }).press('Sign in')
    assert.equal(wrong.status, 422)
    pages.push(wrong)
    signedInAt(product.application, await wrong.fill({ password }).press('Sign in'))

    assertAbsent('a page', pages.map(({ html }) => html).join('\n'), passwords)
    assertAbsent('the database', await product.dump(), passwords)
    assertAbsent('the log', log(), passwords)
    assertAbsent('an address', browser.history.join('\n'), passwords)
  })

  it('of a sign-in travels in no address but those of OAuth, and what the log says opens nothing', async () => {
    const browser = openBrowser()
    const { person } = markedPerson(product)
    const seen = product.log.length
    const prompt = await arrive(product, browser, 'username', person)
    const answers = { username: `v${canary()}`, password: `${canary()} ${canary()}` }
    signedInAt(product.application, await prompt.fill(answers).tick('recover:email').press('Create account'))

    const callbacks = ['/commonauth/username', new URL(product.application.redirectUri).pathname]
    const allowed: Record<string, string[]> = {
      '/oauth2/authorize': [
        ...['client_id', 'redirect_uri', 'scope', 'state', 'nonce', 'code_challenge', 'code_challenge_method'],
        'response_type',
      ],
      '/commonauth/username': ['code', 'state', 'iss'],
      '/callback': ['code', 'state', 'iss'],
      '/commonauth': ['sessionDataKey', 'continue'],
      '/authenticationendpoint/login.do': ['sessionDataKey', 'idp', 'fresh'],
      '/accountrecoveryendpoint/register.do': ['sessionDataKey'],
    }
    const opaque: Record<string, string> = {}
    for (const url of browser.history.map((address) => new URL(address))) {
      assert.equal(url.username + url.password + url.hash, '')
      for (const [name, value] of url.searchParams) {
        if (name === 'code') assert.ok(callbacks.includes(url.pathname), url.href)
        if (['code', 'state', 'sessionDataKey'].includes(name)) opaque[`${name} ${Object.keys(opaque).length}`] = value
      }
      if (url.origin !== product.url) continue
      const known = /^\/oauth2\/authorize\/[\w-]+$/.test(url.pathname) ? [] : allowed[url.pathname]
      assert.ok(known, `an address that nobody described: ${url.pathname}`)
      assert.deepEqual(
        [...url.searchParams.keys()].filter((name) => !known.includes(name)),
        [],
        url.pathname,
      )
    }
    assert.ok(Object.keys(opaque).length >= 5)
    const lines = product.log.slice(seen).join('')
    assertAbsent('the log', lines, opaque)
    for (const word of ['code=', 'state=', 'sessionDataKey=', 'Cookie', 'Bearer'])
      assert.ok(!lines.includes(word), word)
    // Long enough to be looked for by hand in a dump, and hashed there.
    const spent = Object.fromEntries(Object.entries(opaque).filter(([name]) => !name.startsWith('sessionDataKey')))
    assertAbsent('the database', await product.dump(), spent)
  })

  it('of the OpenID Provider is nowhere in the database as it is: codes, tokens, cookies, interactions', async () => {
    const browser = openBrowser()
    const { person } = markedPerson(product)
    // A flow that is still open, one that has finished, and tokens that are still good.
    const prompt = await arrive(product, browser, 'consent', person, { query: '?scope=openid+email+offline_access' })
    // Which application somebody came from is no secret.
    browser.cookies.delete('vestibule.application')
    const cookies = Object.fromEntries(browser.cookies.list().map(({ name, value }) => [`cookie ${name}`, value]))
    const uid = browser.cookies.get('vestibule.resume')?.value ?? ''
    assertAbsent('the database', await product.dump(), { ...cookies, uid })
    const { tokens } = signedInAt(product.application, await prompt.tick('recover:email').press('Create account'))
    assert.ok(tokens.refreshToken)
    for (const { name, value } of browser.cookies.list()) cookies[`cookie ${name}, later`] = value
    const codes = browser.history.flatMap((url) => new URL(url).searchParams.get('code') ?? [])
    const secrets: Record<string, string> = { ...cookies, ...tokens }
    for (const [index, code] of codes.entries()) secrets[`code ${index}`] = code
    for (const [name, value] of Object.entries(secrets)) if (value.length < 12) delete secrets[name]
    assert.ok(Object.keys(secrets).length >= 8, Object.keys(secrets).join())
    assertAbsent('the database', await product.dump(), secrets)
    assertAbsent('the log', log(), secrets)
    // The bytes behind the text of a flow cookie, too.
    const flow = browser.cookies.list().find(({ name }) => name.startsWith('flow-'))
    assert.ok(flow)
    const dump = readings(await product.dump())
    assert.ok(!dump.includes(Buffer.from(flow.value, 'base64url')))
    assert.ok(!dump.includes(Buffer.from(flow.value, 'base64url').toString('hex')))
  })

  it('shared with an idp or an application, and the key over them all, is nowhere in the database or the log', async () => {
    const secrets: Record<string, string> = { SECRET_KEY }
    for (const { name, oidc } of product.declared.identityProviders) secrets[`idp ${name}`] = oidc.clientSecret ?? ''
    for (const { name, clientSecret } of product.declared.applications)
      secrets[`application ${name}`] = clientSecret ?? ''
    assert.ok(Object.keys(secrets).length > 5)
    assertAbsent('the database', await product.dump(), secrets)
    assertAbsent('the log', log(), secrets)
    const keys = await product.rows<{ sealed: Buffer }>('SELECT sealed FROM signing_keys')
    assert.ok(keys.length > 0)
    for (const { sealed } of keys) assert.ok(!/"kty"|"d":|PRIVATE KEY/.test(sealed.toString('latin1')))
  })

  it('of an idp that fails, or lies, is not in the log of it', async () => {
    const { person, marks } = markedPerson(product)
    const lies = canary()
    const browser = openBrowser()
    try {
      for (const tamper of [
        (claims: Record<string, unknown>) => ({ ...claims, nonce: lies }),
        (claims: Record<string, unknown>, where: string) => (where === 'userinfo' ? { ...claims, sub: lies } : claims),
        (claims: Record<string, unknown>) => ({ ...claims, sub: `${lies}\0` }),
        (claims: Record<string, unknown>) => ({ ...claims, name: `${lies}\ud800` }),
        (claims: Record<string, unknown>) => ({ ...claims, email: lies.repeat(400) }),
      ]) {
        product.idp.fault = { tamper }
        const failed = await arrive(product, browser, 'consent', person)
        assert.equal(failed.status, 502, failed.text)
        assertAbsent('the page', failed.html, { ...marks, lies })
      }
      product.idp.fault = {}
      const callback = new URL(`${product.url}/commonauth/consent`)
      const description = `${lies} <script>`
      callback.search = new URLSearchParams({ error: lies, error_description: description, state: lies }).toString()
      const refused = await browser.open(callback)
      assert.equal(refused.status, 400)
      assertAbsent('the page', refused.html, { lies })
    } finally {
      product.idp.fault = {}
    }
    assertAbsent('the log', log(), { ...marks, lies })
    assertAbsent('the database', await product.dump(), { ...marks, lies })
  })

  it('that an application passes on as a hint of who somebody is, is not kept and not told to the idp', async () => {
    const browser = openBrowser()
    const hint = canary()
    const query = `?login_hint=${hint}%40acme.example`
    const asked = await goToIdp(product, browser, 'username', { query })
    assertAbsent('the database at the idp', await product.dump(), { hint })
    assert.ok(!asked.url.includes(hint))
    const person = stranger(product)
    const prompt = await asked.fill({ person: person.sub }).press('Sign in')
    assertAbsent('the database at the question', await product.dump(), { hint })
    assert.ok(!prompt.html.includes(hint))
    await prompt.press('Do not create an account')
    assertAbsent('the database at the end', await product.dump(), { hint })
    assertAbsent('the log', log(), { hint })
    assert.ok(!JSON.stringify(product.idp.requests).includes(hint))
    const later = browser.history.slice(browser.history.findLastIndex((url) => url.includes('/oauth2/authorize?')) + 1)
    assert.ok(later.length > 3)
    assertAbsent('an address of ours', later.join('\n'), { hint })
  })
})
