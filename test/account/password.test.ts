// The password in My Account: by the rules of the person's store, never shown or kept, and the end of every other session.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { untilWaiting } from '../support/until.ts'
import { codesOn, knownPerson, meanwhile, type Newcomer, newcomer, postForm } from '../support/visits.ts'
import { eventsOf, holdOf, isInside, openSignIn, opensStill, stopBefore } from '../support/ways-in.ts'

const OTHER = 'a boat on quiet water'

describe('the password of a person', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'password'] })
  })
  after(() => product.stop())

  const setClock = () => {
    product.clock.now = new Date(Math.max(Date.now(), product.clock.now.getTime() + 2))
  }

  /** Somebody who has none. */
  async function somebody(claims = {}): Promise<{ id: string; person: Newcomer; browser: Browser }> {
    setClock()
    const person = newcomer(claims)
    const id = await join(product, 'silent', person)
    const browser = openBrowser()
    await enterAccount(product, 'silent', person, { browser })
    return { id, person, browser }
  }
  async function set(browser: Browser, password: string, button = 'Set a password') {
    const page = await (await openSignIn(product, browser)).click(button)
    setClock()
    const done = await page.fill({ password }).press(button)
    setClock()
    return done
  }

  it('is set, and from then on the person comes in with it', async () => {
    const { id, person, browser } = await somebody()
    const done = await set(browser, PASSWORD)
    assert.deepEqual(codesOn(done), ['PASSWORD_SET'])
    assert.match(done.text, /You can sign in with your username and password Change password/)
    assert.deepEqual(await eventsOf(product, id), ['password-set'])
    assert.match((await knownPerson(product, person.sub)).user.password_hash ?? '', /^\$argon2id\$/)
    const inside = await enterWithPassword(product, person.preferred_username, PASSWORD)
    assert.match(inside.text, new RegExp(person.email))
    assert.equal(await isInside(product, browser), true)
  })

  it('is changed: the old one and every session of before are worth nothing, but for the one that changed it', async () => {
    const { id, person, browser } = await somebody()
    await set(browser, PASSWORD)
    const other = openBrowser()
    await enterWithPassword(product, person.preferred_username, PASSWORD, { browser: other })
    // The OpenID Provider counts in seconds: what began in the same one as the end of all sessions is over with them.
    await sleep(1_100)
    setClock()
    const hold = await holdOf(product, 'silent', person)
    const before = browser.cookies.get('vestibule.account')
    const done = await set(browser, OTHER, 'Change password')
    assert.deepEqual(codesOn(done), ['PASSWORD_CHANGED'])
    assert.equal(await isInside(product, other), false)
    assert.deepEqual(await opensStill(product, hold), [])
    assert.equal(await isInside(product, browser), true)
    assert.notEqual(browser.cookies.get('vestibule.account')?.value, before?.value)
    const cookie = { Cookie: `${before?.name}=${before?.value}` }
    assert.equal((await fetch(`${product.url}/myaccount`, { headers: cookie, redirect: 'manual' })).status, 303)
    assert.deepEqual(
      codesOn(await enterWithPassword(product, person.preferred_username, PASSWORD)).includes('SIGNIN_FAILED'),
      true,
    )
    assert.deepEqual(await eventsOf(product, id), ['password-set', 'password-changed'])
  })

  it('S042: ends a sign-in, too, that had ended before and was kept back', async () => {
    const { person, browser } = await somebody()
    const late = openBrowser()
    product.idp.signInAs = person.sub
    const out = await stopBefore(late, `${product.application.url}/login`, /\/oauth2\/authorize\/./, 'silent')
    const done = await set(browser, PASSWORD)
    assert.deepEqual(codesOn(done), ['PASSWORD_SET'])
    // In the same second everything would be over.
    await sleep(1_100)
    assert.match((await late.open(out)).url, /login\.do/, 'they are asked to sign in')
  })

  it('has to follow the rules, which are said at its field, and is printed nowhere', async () => {
    const { id, person, browser } = await somebody({ preferred_username: `grace-${Date.now()}` })
    const wrong = {
      PW_EMPTY: '',
      PW_SHORT: 'fourteen chars',
      PW_LONG: `${'long '.repeat(26)}`,
      PW_CHARS: 'a boat on quiet \ufffd water',
      PW_COMMON: 'passwordpassword',
      PW_PERSONAL: `${person.preferred_username} on a boat`,
    }
    for (const [code, password] of Object.entries(wrong)) {
      const page = await set(browser, password)
      assert.equal(page.status, 422, code)
      assert.deepEqual(codesOn(page), [code, code])
      assert.match(page.html, /id="new-password"[^>]* autocomplete="new-password"[^>]* aria-invalid="true"/)
      if (password !== '') assert.ok(!page.html.includes(password), code)
    }
    for (const word of [person.email.split('@')[0], 'Northwind'])
      assert.deepEqual(codesOn(await set(browser, `a boat of ${word} today`)).at(0), 'PW_PERSONAL')
    assert.equal((await knownPerson(product, person.sub)).user.password_hash, null)
    assert.deepEqual(await eventsOf(product, id), [])
  })

  it('has to follow those of the person’s store too, in its own words', async () => {
    const { browser } = await somebody()
    const properties = {
      PasswordJavaRegEx: '^.*[0-9].*$',
      PasswordJavaRegExViolationErrorMsg: 'Password needs a digit',
    }
    await meanwhile(
      product,
      (declared) => ({ ...declared, userStores: [{ name: 'PRIMARY', properties }] }),
      async () => {
        const page = await set(browser, PASSWORD)
        assert.deepEqual(codesOn(page), ['PW_POLICY', 'PW_POLICY'])
        assert.match(page.text, /Password needs a digit/)
        assert.deepEqual(codesOn(await set(browser, `${PASSWORD} 7`)), ['PASSWORD_SET'])
      },
    )
  })

  it('S064: until it is set none opens anything: not an empty one, not the name, not the subject, not a common one', async () => {
    const { person } = await somebody()
    assert.equal((await knownPerson(product, person.sub)).user.password_hash, null)
    for (const password of ['', 'null', 'undefined', person.preferred_username, person.sub, 'passwordpassword']) {
      const page = await enterWithPassword(product, person.preferred_username, password)
      assert.equal(page.status, 422)
      assert.ok(codesOn(page).includes('SIGNIN_FAILED'), password)
    }
  })

  it('is not to be set without a session, a token, or a proof of the last minutes', async () => {
    const { person, browser } = await somebody()
    const page = await (await openSignIn(product, browser)).click('Set a password')
    const { url, fields } = page.fill({ password: OTHER }).submission('Set a password')
    assert.equal((await postForm(openBrowser(), url, fields)).status, 303)
    assert.equal((await postForm(browser, url, new URLSearchParams({ password: OTHER }))).status, 403)
    product.clock.now = new Date(product.clock.now.getTime() + 6 * 60_000)
    const answer = await postForm(browser, url, fields)
    assert.equal(answer.headers.get('Location'), '/myaccount/confirm?next=%2Fsign-in%2Fpassword')
    assert.equal((await knownPerson(product, person.sub)).user.password_hash, null)
  })

  it('of an operator is changed in the console alone, which asks for the one they have: no idp grants a way in', async () => {
    await openConsole(product)
    const { id, person, browser } = await somebody()
    await set(browser, PASSWORD)
    // Somebody else whom the idp lets in as them, and who has the form open when they are made an operator.
    const other = openBrowser()
    await enterAccount(product, 'silent', person, { browser: other })
    const form = await (await openSignIn(product, other)).click('Change password')
    await product.rows(`INSERT INTO operators (user_id, role) VALUES ($1, 'owner')`, [id])
    const refused = await form.fill({ password: OTHER }).press('Change password')
    assert.equal(refused.status, 403)
    for (const page of [refused, await (await openSignIn(product, other)).click('Change password')]) {
      assert.deepEqual(codesOn(page), ['PASSWORD_OPERATOR'])
      assert.doesNotMatch(page.html, /type="password"/)
      assert.match((await page.click('Go to the console')).url, /\/console\/sign-in\?next=%2Fconsole%2Fme%2Fpassword$/)
    }
    const entered = async (password: string) => {
      const page = await openBrowser().open(`${product.url}/console/sign-in`)
      return (await page.fill({ username: person.preferred_username, password }).press('Sign in')).status
    }
    assert.deepEqual([await entered(OTHER), await entered(PASSWORD)], [422, 200])
    assert.deepEqual(await eventsOf(product, id), ['password-set'])
  })

  it('is no matter of ours for people of a store that is none of ours', async () => {
    const { id, browser } = await somebody()
    await product.rows(`INSERT INTO user_stores (name, is_enabled, position) VALUES ('ELSEWHERE', false, 9)`)
    await product.rows(`UPDATE users SET store = 'ELSEWHERE' WHERE id = $1`, [id])
    const page = await openSignIn(product, browser)
    assert.doesNotMatch(page.text, /Set a password|Change password/)
    assert.equal((await browser.fetch(`${product.url}/myaccount/sign-in/password`)).status, 404)
    const token = page.submission('Sign out').fields.get('_csrf') ?? ''
    const fields = new URLSearchParams({ _csrf: token, password: OTHER })
    assert.equal((await postForm(browser, `${product.url}/myaccount/sign-in/password`, fields)).status, 404)
  })

  it('is no way to stay in past a press on "sign out everywhere" that waited for it', async () => {
    const { id, person, browser } = await somebody()
    const { url, fields } = (await (await openSignIn(product, browser)).click('Set a password')).submission(
      'Set a password',
    )
    const [session] = await product.rows<{ id_hash: Buffer }>(
      'SELECT id_hash FROM account_sessions WHERE user_id = $1',
      [id],
    )
    const other = openBrowser()
    const everywhere = (await enterAccount(product, 'silent', person, { browser: other, to: '/sign-in' })).submission(
      'Sign out everywhere',
    )
    const holders = [new pg.Client(product.databaseUrl), new pg.Client(product.databaseUrl)] as const
    for (const holder of holders) {
      await holder.connect()
      await holder.query('BEGIN')
    }
    try {
      await holders[0].query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [id])
      // Its session gets its new id when the other has done all but that.
      await holders[1].query('SELECT 1 FROM account_sessions WHERE id_hash = $1 FOR UPDATE', [session?.id_hash])
      fields.set('password', PASSWORD)
      const setting = postForm(browser, url, fields)
      await untilWaiting(product.rows)
      product.clock.now = new Date(product.clock.now.getTime() + 1000)
      const leaving = postForm(other, everywhere.url, everywhere.fields)
      await untilWaiting(product.rows, 2)
      await holders[0].query('COMMIT')
      await sleep(300)
      await holders[1].query('COMMIT')
      await Promise.all([setting, leaving])
    } finally {
      for (const holder of holders) await holder.end()
    }
    assert.deepEqual(await eventsOf(product, id), ['password-set', 'signed-out-everywhere'])
    assert.equal(await isInside(product, browser), false)
  })

  it('chosen twice at the same moment is one of the two, and nobody else is in', async () => {
    const { id, person, browser } = await somebody()
    const page = await (await openSignIn(product, browser)).click('Set a password')
    const { url, fields } = page.submission('Set a password')
    setClock()
    const token = fields.get('_csrf') ?? ''
    const choose = (password: string) => postForm(browser, url, new URLSearchParams({ _csrf: token, password }))
    await Promise.all([choose(PASSWORD), choose(OTHER)])
    const opens = []
    for (const password of [PASSWORD, OTHER]) {
      const inside = await enterWithPassword(product, person.preferred_username, password)
      if (inside.status === 200) opens.push(password)
    }
    assert.equal(opens.length, 1)
    // The later one changed it if it came before the session had its new id.
    assert.match((await eventsOf(product, id)).join(), /^password-set(,password-changed)?$/)
  })
})
