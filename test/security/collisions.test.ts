// A name is not a person: whoever comes with somebody else's username or address gets nothing of theirs (S048 to S051).
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../support/browser.ts'
import { disguisesOf, manyDisguisesOf, nameWithDisguises } from '../support/disguises.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arriving } from '../support/races.ts'
import { arrive, fillRegister, lastSubject, messagesOf, send, stranger } from '../support/road.ts'
import { codesOn, countPeople, hashOfUser, knownPerson, refused, signedIn, storedPerson } from '../support/visits.ts'

describe('two people and one name', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['none', 'silent', 'consent', 'password', 'username'], hashing: 'full' })
  })
  after(() => product.stop())

  /** Somebody with a password and this username. */
  async function victimCalled(username: string): Promise<{ id: string; hash: string; email: string }> {
    const person = stranger(product)
    const prompt = await arrive(product, openBrowser(), 'username', person)
    const done = await fillRegister(prompt, username).press('Create account')
    assert.ok(done.url.startsWith(product.application.url), done.text)
    const { user } = await knownPerson(product, person.sub)
    assert.equal(user.username, username)
    return { id: user.id, hash: await hashOfUser(product, user.id), email: person.email }
  }

  async function assertUntouched(victim: { id: string; hash: string }, what: string): Promise<void> {
    assert.equal(await hashOfUser(product, victim.id), victim.hash, `${what} changed the victim`)
  }

  it("refuses, silently provisioned, whoever's idp calls them by a name that is taken in any spelling", async () => {
    const name = nameWithDisguises()
    const victim = await victimCalled(name)
    for (const spelled of disguisesOf(name)) {
      const people = await countPeople(product)
      const imposter = stranger(product, { preferred_username: spelled, name: 'Imposter', groups: ['admin'] })
      const page = await arrive(product, openBrowser(), 'silent', imposter)
      assert.equal(page.status, 409, `${spelled}: ${page.text}`)
      assert.deepEqual(codesOn(page), ['USERNAME_TAKEN'])
      assert.deepEqual(await countPeople(product), people, spelled)
      await assertUntouched(victim, spelled)
      await page.click('Return to Travel')
      assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'USERNAME_TAKEN' })
    }
  })

  it('refuses, silently provisioned, the name of somebody who came through another idp', async () => {
    const first = stranger(product)
    await arrive(product, openBrowser(), 'consent', first).then((page) =>
      page.tick('recover:email').press('Create account'),
    )
    const { user } = await knownPerson(product, first.sub)
    const before = await hashOfUser(product, user.id)
    // The very same subject and address at another idp is another person.
    const page = await arrive(product, openBrowser(), 'silent', first)
    assert.equal(page.status, 409, page.text)
    assert.equal(await hashOfUser(product, user.id), before)
    assert.equal((await product.rows('SELECT 1 FROM identities WHERE subject = $1', [first.sub])).length, 1)
  })

  it('says that a typed name is taken in every spelling, and the person goes on under another', async () => {
    const name = nameWithDisguises()
    const victim = await victimCalled(name)
    const person = stranger(product)
    const browser = openBrowser()
    const prompt = await arrive(product, browser, 'username', person)
    const people = await countPeople(product)
    for (const spelled of [...disguisesOf(name), ` ${name}`, `${name}   `]) {
      const answer = await fillRegister(prompt, spelled).press('Create account')
      assert.equal(answer.status, 422, spelled)
      assert.deepEqual([...new Set(codesOn(answer))], ['USERNAME_TAKEN'], spelled)
      assert.deepEqual(await countPeople(product), people, spelled)
      await assertUntouched(victim, spelled)
      prompt.untick('recover:email')
      await product.rows('DELETE FROM brakes')
    }
    const done = await fillRegister(prompt, `${name}-2`).press('Create account')
    assert.ok(done.url.startsWith(product.application.url), done.text)
    const { sub, userinfo } = signedIn(product.application)
    assert.notEqual(sub, victim.id)
    assert.equal(userinfo['preferred_username'], `${name}-2`)
    assert.equal(userinfo['email'], person.email)
    await assertUntouched(victim, 'finishing')
  })

  it('refuses spellings that only look alike, rather than give somebody a double', async () => {
    const victim = await victimCalled(nameWithDisguises())
    const [row] = await product.rows<{ username: string }>('SELECT username FROM users WHERE id = $1', [victim.id])
    const name = row?.username ?? ''
    const prompt = await arrive(product, openBrowser(), 'username', stranger(product))
    const people = await countPeople(product)
    const doubles = [
      name.replace('k', 'k\u200d'),
      name.replace('k', '\u202ek'),
      name.replace('-', '\u00ad-'),
      name.replace('i', 'i\ufe0f'),
      `${name}\u200b`,
      `${name}\u00a0`,
      `\ufeff${name}`,
      name.replace('m', '\u{1d426}'),
      `PRIMARY/${name}`,
      `primary\\${name}`,
      `${name}%00`,
      `${name}\0`,
    ]
    for (const spelled of doubles) {
      const answer = await fillRegister(prompt, spelled).press('Create account')
      assert.equal(answer.status, 422, JSON.stringify(spelled))
      assert.match(codesOn(answer).join(' '), /USERNAME_/, JSON.stringify(spelled))
      assert.deepEqual(await countPeople(product), people, JSON.stringify(spelled))
      prompt.untick('recover:email')
      await product.rows('DELETE FROM brakes')
    }
    await assertUntouched(victim, 'doubles')
  })

  it('leaves a name alone that is the first part of an address, and an address alone that begins with a name', async () => {
    const name = `abc${randomBytes(4).toString('hex')}`
    const victim = await victimCalled(name)
    // No username claim: the part of the address before the @ is suggested.
    const page = await arrive(
      product,
      openBrowser(),
      'silent',
      stranger(product, { preferred_username: undefined, email: `${name}@elsewhere.example` }),
    )
    assert.equal(page.status, 409, page.text)
    await assertUntouched(victim, 'an address that begins with the name')

    const prompted = stranger(product, { preferred_username: undefined, email: `${name}@elsewhere.example` })
    const prompt = await arrive(product, openBrowser(), 'username', prompted)
    const taken = await fillRegister(prompt, name).press('Create account')
    assert.deepEqual([...new Set(codesOn(taken))], ['USERNAME_TAKEN'])
    await fillRegister(taken.untick('recover:email'), `${name}x`).press('Create account')
    assert.equal(lastSubject(product.application), (await knownPerson(product, prompted.sub)).user.id)
    await assertUntouched(victim, 'a prompt')

    // A whole address as a username is another name, and makes another user.
    const whole = stranger(product, { preferred_username: `${name}@acme.example` })
    await arrive(product, openBrowser(), 'silent', whole)
    const { user } = await knownPerson(product, whole.sub)
    assert.equal(user.username, `${name}@acme.example`)
    assert.notEqual(user.id, victim.id)
    await assertUntouched(victim, 'an address as a name')

    // And the other way about: the address was there first.
    const other = `xyz${randomBytes(4).toString('hex')}`
    const second = await victimCalled(`${other}@acme.example`)
    const short = stranger(product, { preferred_username: other, email: `${other}@acme.example` })
    await arrive(product, openBrowser(), 'silent', short)
    assert.equal((await knownPerson(product, short.sub)).user.username, other)
    await assertUntouched(second, 'a name that begins the address')
  })

  it("makes somebody of their own who comes with another user's e-mail address, verified or not", async () => {
    const victim = await victimCalled(`v${randomBytes(6).toString('hex')}`)
    for (const email_verified of [true, false, 'true', undefined]) {
      for (const mode of ['silent', 'none'] as const) {
        const person = stranger(product, { email: victim.email, email_verified })
        await arrive(product, openBrowser(), mode, person)
        assert.notEqual(lastSubject(product.application), victim.id)
        await assertUntouched(victim, `an address by ${mode}`)
      }
    }
  })

  it('keeps what the idp said when a form claims otherwise, and ignores what nobody asked', async () => {
    const victim = await victimCalled(`w${randomBytes(6).toString('hex')}`)
    const browser = openBrowser()
    const person = stranger(product, { email_verified: false })
    const prompt = await arrive(product, browser, 'username', person)
    const username = `u${randomBytes(6).toString('hex')}`
    const form = fillRegister(prompt, username).submission('Create account')
    const injected: [string, string][] = [
      ['email', 'evil@evil.example'],
      ['attribute.email', 'evil@evil.example'],
      ['attribute.email_verified', 'true'],
      ['attribute.phone_number', '+44123456789'],
      ['attribute.department', 'evil'],
      ['attribute.roles', 'admin'],
      ['missing-http://wso2.org/claims/emailaddress', 'evil@evil.example'],
      ['http://wso2.org/claims/emailaddress', 'evil@evil.example'],
      ['http://wso2.org/claims/role', 'admin'],
      ['claims[email]', 'evil@evil.example'],
      ['attributes[0][name]', 'email'],
      ['sub', victim.id],
      ['idp', 'silent'],
      ['iss', 'https://evil.example'],
      ['roles', 'admin'],
      ['userId', victim.id],
      ['id', victim.id],
      ['store', 'STAFF'],
      ['userstore', 'STAFF'],
      ['locked', 'false'],
      ['emailVerified', 'true'],
      ['email_verified', 'true'],
      ['consentedAt', '1999-01-01'],
      ['passwordHash', '$argon2id$evil'],
      ['__proto__', 'evil'],
      ['__proto__.isLocked', 'evil'],
      ['constructor', 'evil'],
      ['constructor[prototype][evil]', 'evil'],
      ['settings[view options][outputFunctionName]', 'evil'],
      ['consent', 'office:email'],
      ['consent', 'nowhere:department'],
      ['consent', 'recover:roles'],
      ['consent', '-1:email'],
      ['consent', '__proto__:email'],
      ['consent', `${'x'.repeat(10_000)}:email`],
    ]
    for (const [name, value] of injected) form.fields.append(name, value)
    const response = await send(browser, form)
    assert.equal(response.status, 303, await response.text())

    const { user, attributes, identities, consents } = await knownPerson(product, person.sub)
    assert.equal(user.username, username)
    assert.equal(user.store, 'PRIMARY')
    assert.match(user.password_hash ?? '', /^\$argon2id\$v=19\$m=19456/)
    assert.deepEqual(attributes, [
      { name: 'email', value: person.email, verified: false, origin: 'idp', idp: 'username' },
    ])
    assert.deepEqual(
      identities.map(({ idp, issuer, subject }) => ({ idp, issuer, subject })),
      [{ idp: 'username', issuer: product.idp.issuer, subject: person.sub }],
    )
    assert.deepEqual(
      consents.map((consent) => [consent.purpose_id, consent.attribute, consent.is_given]),
      [
        ['recover', 'email', true],
        ['recover', 'phone_number', false],
        ['office', 'department', false],
      ],
    )
    const dump = await product.dump()
    for (const trace of ['evil', '1999-01-01', '+44123456789']) assert.ok(!dump.includes(trace), trace)
    assert.equal(({} as Record<string, unknown>)['evil'], undefined)
    await assertUntouched(victim, 'injected fields')
  })

  it('keeps a needed value that the idp did not send as the word of the person, not verified', async () => {
    const browser = openBrowser()
    const person = stranger(product, { email: undefined, email_verified: true })
    const prompt = await arrive(product, browser, 'consent', person)
    const typed = `typed-${randomBytes(6).toString('hex')}@mail.example`
    const form = prompt.fill({ 'attribute.email': typed }).tick('recover:email').submission('Create account')
    form.fields.append('attribute.email_verified', 'true')
    form.fields.append('email_verified', 'true')
    assert.equal((await send(browser, form)).status, 303)
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(attributes, [{ name: 'email', value: typed, verified: false, origin: 'person', idp: null }])

    const another = stranger(product, { email: undefined })
    const twice = await arrive(product, browser, 'consent', another)
    const repeated = twice.fill({ 'attribute.email': typed }).tick('recover:email').submission('Create account')
    repeated.fields.append('attribute.email', 'another@mail.example')
    assert.equal((await send(browser, repeated)).status, 400, 'two values for one attribute')
    assert.equal(await storedPerson(product, another.sub), undefined)
  })

  it('makes one user of one person who signs in for the first time in eight browsers at once', async () => {
    const person = stranger(product)
    const results = product.application.results.length
    const pages = await Promise.all(Array.from({ length: 8 }, () => arrive(product, openBrowser(), 'silent', person)))
    for (const page of pages) assert.ok(page.url.startsWith(product.application.redirectUri), page.text)
    const { user } = await knownPerson(product, person.sub)
    const subjects = product.application.results
      .slice(results)
      .map((result) => result.kind === 'signed-in' && result.sub)
    assert.deepEqual(subjects, Array(8).fill(user.id))
    assert.equal((await product.rows('SELECT 1 FROM users WHERE username = $1', [person.preferred_username])).length, 1)
  })

  it('makes one user of one person who answers the same questions in eight browsers at once', async () => {
    const person = stranger(product)
    const prompts = await Promise.all(
      Array.from({ length: 8 }, () => arrive(product, openBrowser(), 'username', person)),
    )
    const results = product.application.results.length
    const pages = await Promise.all(
      prompts.map((prompt, index) =>
        fillRegister(prompt, `${person.preferred_username}-${index}`).press('Create account'),
      ),
    )
    for (const page of pages) assert.ok(page.url.startsWith(product.application.redirectUri), page.text)
    const { user, consents } = await knownPerson(product, person.sub)
    const subjects = product.application.results
      .slice(results)
      .map((result) => result.kind === 'signed-in' && result.sub)
    assert.deepEqual(subjects, Array(8).fill(user.id))
    const made = await product.rows('SELECT 1 FROM users WHERE username LIKE $1', [`${person.preferred_username}-%`])
    assert.equal(made.length, 1)
    assert.equal(consents.length, 3, 'one set of answers')
  })

  it('gives a name to one of fifty people who want it in different spellings at the same moment', async () => {
    const name = nameWithDisguises()
    const entries = await arriving(
      manyDisguisesOf(name, 50).map((spelled) => async () => {
        const browser = openBrowser()
        const person = stranger(product)
        const prompt = await arrive(product, browser, 'username', person)
        return { browser, person, form: fillRegister(prompt, spelled).submission('Create account') }
      }),
    )
    const outcomes = await Promise.all(
      entries.map(async ({ browser, form, person }) => {
        const response = await send(browser, form)
        return { status: response.status, codes: messagesOf(await response.text()), person }
      }),
    )
    const won = outcomes.filter(({ status }) => status === 303)
    assert.equal(won.length, 1, JSON.stringify(outcomes.map(({ status }) => status)))
    for (const { status, codes } of outcomes.filter((outcome) => !won.includes(outcome))) {
      assert.equal(status, 422)
      assert.deepEqual([...new Set(codes)], ['USERNAME_TAKEN'])
    }
    const named = await product.rows('SELECT 1 FROM users WHERE username_canonical = $1', [name])
    assert.equal(named.length, 1)
    for (const { person } of outcomes) {
      const stored = await storedPerson(product, person.sub)
      assert.equal(stored !== undefined, person === won[0]?.person)
    }
  })
})
