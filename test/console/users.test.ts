// Users in the console: found by the beginning of a name, looked at, locked, signed out and deleted, at once and on every process.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { checkpointVerifier } from '../../src/records/checkpoint.ts'
import { verifyRecords } from '../../src/records/verify.ts'
import type { SignInResult } from '../support/application.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { makeOperator, openConsole, signInToConsole } from '../support/console.ts'
import { freePort } from '../support/free-port.ts'
import { type Product, startProduct } from '../support/product.ts'
import { type RoundRobin, startRoundRobin } from '../support/round-robin.ts'
import { untilWaiting } from '../support/until.ts'
import { knownPerson, newcomer, postForm, refused, signedIn, submit, visit } from '../support/visits.ts'

describe('the users of the console', () => {
  let product: Product
  let browser: Browser
  let proxy: RoundRobin
  /** The two processes: what people do goes to the one, what operators do to the other. */
  let people: number
  let operators: number
  const at = (path: string) => `${product.url}${path}`

  before(async () => {
    proxy = await startRoundRobin()
    people = await freePort()
    proxy.targets = [people]
    const publicUrl = `http://localhost:${proxy.port}`
    product = await startProduct({ modes: ['silent', 'consent'], publicUrl, port: people })
    operators = (await product.another()).port
    browser = (await openConsole(product, { username: 'olu' })).browser
  })
  after(async () => {
    await product.stop()
    await proxy.stop()
  })

  /** As an operator, on a process that the person has nothing to do with. */
  async function asOperator<Result>(work: () => Promise<Result>): Promise<Result> {
    proxy.targets = [operators]
    try {
      return await work()
    } finally {
      proxy.targets = [people]
    }
  }
  const openUser = (id: string, who = browser) => who.open(at(`/console/users/${id}`))
  /** Now, as the OpenID Provider's library has it: that has a clock of its own. */
  const act = (id: string, button: string) =>
    asOperator(async () => {
      product.clock.now = new Date()
      return (await openUser(id)).press(button)
    })

  describe('the list', () => {
    before(async () => {
      await product.rows("INSERT INTO user_stores (name, position) VALUES ('STAFF', 1)")
      await product.rows(
        `INSERT INTO users (id, store, username, username_canonical, is_locked, password_hash)
         SELECT gen_random_uuid(), 'STAFF', 'List.' || lpad(n::text, 3, '0'), 'list.' || lpad(n::text, 3, '0'), n = 7, 'x'
         FROM generate_series(1, 60) n`,
      )
    })
    const named = (page: Page) =>
      [...page.html.matchAll(/<th scope="row"><a[^>]*><bdi>(.*?)<\/bdi>/g)].map(([, one]) => one)
    const list = (numbers: number[]) => numbers.map((n) => `List.${String(n).padStart(3, '0')}`)
    const range = (from: number, to: number) => list(Array.from({ length: to - from + 1 }, (_, index) => from + index))
    const search = async (typed: Record<string, string>) =>
      (await browser.open(at('/console/users'))).fill(typed).press('Search')

    test('finds people by the beginning of a username in any case, page by page and back, and no name is in an address', async () => {
      const first = await search({ username: 'LIST.' })
      assert.equal(first.status, 200)
      assert.match(first.text, /60 people/)
      assert.deepEqual(named(first), range(1, 25))
      const third = await (await first.press('Next')).press('Next')
      assert.deepEqual(named(third), range(51, 60))
      assert.doesNotMatch(third.html, />Next</)
      const second = await third.press('Previous')
      assert.deepEqual(named(second), range(26, 50))
      assert.deepEqual(named(await second.press('Previous')), range(1, 25))
      assert.ok(!browser.history.some((url) => /list/i.test(url)))
    })

    test('shows fifty or a hundred on a page, and of any other number 25', async () => {
      assert.deepEqual(named(await search({ username: 'list.', size: '50' })), range(1, 50))
      assert.deepEqual(named(await search({ username: 'list.', size: '100' })), range(1, 60))
      assert.deepEqual(named(await search({ username: 'list.', size: '1000000' })), range(1, 25))
    })

    test('filters by store, idp and state, and reads a store before the name', async () => {
      await visit(product, 'silent', newcomer({ preferred_username: 'list.of.acme' }))
      assert.deepEqual(named(await search({ username: 'list.', from: 'silent' })), ['list.of.acme'])
      assert.deepEqual(named(await search({ username: 'list.', state: 'locked' })), ['List.007'])
      assert.deepEqual(named(await search({ username: 'list.', store: 'PRIMARY' })), ['list.of.acme'])
      assert.deepEqual(named(await search({ username: 'staff/list.01' })), range(10, 19))
      assert.match((await search({ username: 'NOPE/list' })).text, /Nobody matches/)
    })

    test('takes what is hostile for a name that nobody has', async () => {
      for (const username of ['%', '_', "' OR 1=1 --", 'a\0b', '\ud800', 'x'.repeat(5000), '\u{10FFFF}']) {
        const page = await search({ username })
        assert.equal(page.status, 200)
        assert.match(page.text, /Nobody matches/, JSON.stringify(username.slice(0, 20)))
      }
      const page = await browser.open(at('/console/users'))
      for (const after of ['x', '/', 'PRIMARY/\0', 'PRIMARY/\ud800', 'x'.repeat(9000)]) {
        assert.equal((await submit(browser, page, 'Search', { after })).status, 200, JSON.stringify(after.slice(0, 20)))
      }
    })

    test('is for owners and support alone', async () => {
      const support = await openConsole(product, { username: 'sue', role: 'support' })
      assert.equal((await support.browser.open(at('/console/users'))).status, 200)
      const privacy = await openConsole(product, { username: 'pat', role: 'privacy' })
      assert.equal((await privacy.browser.open(at('/console/users'))).status, 403)
    })
  })

  describe('a user', () => {
    test('is shown with ways in, values and their origins, choices and sessions, and nothing that is typed is markup', async () => {
      const hostile = '<img src=x onerror=alert(1)>'
      const person = newcomer({ department: hostile })
      const page = await visit(product, 'consent', person)
      await page.tick('recover:email').tick('office:department').press('Create account')
      const { user } = await knownPerson(product, person.sub)
      const shown = await openUser(user.id)
      for (const text of [
        person.sub,
        product.idp.issuer,
        person.email,
        'From Acme consent',
        'Agreed',
        'Refused',
        'Recover your account',
        'Signed in with Acme consent',
        'Travel',
      ])
        assert.ok(shown.text.includes(text), `${text} in: ${shown.text}`)
      assert.ok(!shown.html.includes(hostile) && shown.html.includes('&lt;img src=x'))
    })

    test('that is not there is 404, and so is an id that is none', async () => {
      for (const id of [randomUUID(), 'olu', "'", '%00', '..%2f..']) assert.equal((await openUser(id)).status, 404, id)
    })
  })

  describe('locked, signed out or deleted on one process, on another', () => {
    const offline = { scope: 'openid email offline_access' }
    const silently = (who: Browser) => who.open(`${product.application.url}/login?prompt=none`)
    const refresh = (token: string) =>
      fetch(at('/oauth2/token'), {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: token,
          client_id: 'travel',
          client_secret: 'a secret of the travel application',
        }),
      })
    const userinfo = (token: string) => fetch(at('/oauth2/userinfo'), { headers: { Authorization: `Bearer ${token}` } })
    type SignedIn = Extract<SignInResult, { kind: 'signed-in' }>

    /** Somebody with a live session and tokens, all of which work. */
    async function somebody(): Promise<{ person: ReturnType<typeof newcomer>; who: Browser; is: SignedIn }> {
      const person = newcomer()
      const who = openBrowser()
      await visit(product, 'silent', person, { browser: who, query: offline })
      const is = signedIn(product.application)
      await silently(who)
      assert.equal(signedIn(product.application).sub, is.sub)
      assert.equal((await userinfo(is.tokens.accessToken)).status, 200)
      return { person, who, is }
    }

    async function assertOut({ who, is }: { who: Browser; is: SignedIn }): Promise<void> {
      await silently(who)
      assert.equal(refused(product.application).error, 'login_required')
      assert.equal((await userinfo(is.tokens.accessToken)).status, 401)
      const refreshed = await refresh(is.tokens.refreshToken ?? '')
      assert.equal(refreshed.status, 400)
      assert.equal(((await refreshed.json()) as { error: string }).error, 'invalid_grant')
    }

    test('a locked user is out at the next request, and what was open does not open again when they are let in', async () => {
      const one = await somebody()
      assert.match((await act(one.is.sub, 'Lock')).text, /is locked, and signed out everywhere/)
      await assertOut(one)
      const page = await visit(product, 'silent', one.person, { browser: openBrowser() })
      assert.equal(page.status, 409)

      assert.match((await act(one.is.sub, 'Unlock')).text, /can sign in again/)
      await assertOut(one)
      await sleep(1100)
      product.clock.now = new Date()
      await visit(product, 'silent', one.person, { browser: one.who })
      assert.equal(signedIn(product.application).sub, one.is.sub)
      await silently(one.who)
      assert.equal(signedIn(product.application).sub, one.is.sub)
    })

    test('whoever is signed out everywhere is asked again, and signs in as the same user', async () => {
      const one = await somebody()
      assert.match((await act(one.is.sub, 'Sign out everywhere')).text, /is signed out everywhere/)
      await assertOut(one)
      assert.match((await openUser(one.is.sub)).text, /signed in nowhere/)
      await sleep(1100)
      product.clock.now = new Date()
      await visit(product, 'silent', one.person, { browser: one.who, query: offline })
      const again = signedIn(product.application)
      assert.equal(again.sub, one.is.sub)
      assert.equal((await refresh(again.tokens.refreshToken ?? '')).status, 200)
    })

    test('a session and a chain of tokens that somebody wrote back after the sign-out are over all the same', async () => {
      const one = await somebody()
      const rows = await product.rows<Record<string, unknown>>('SELECT * FROM oidc_records WHERE user_id = $1', [
        one.is.sub,
      ])
      assert.ok(rows.length >= 3)
      await act(one.is.sub, 'Sign out everywhere')
      assert.deepEqual(await product.rows('SELECT 1 FROM oidc_records WHERE user_id = $1', [one.is.sub]), [])
      for (const row of rows) {
        const columns = Object.keys(row)
        const values = columns.map((_, index) => `$${index + 1}`)
        await product.rows(`INSERT INTO oidc_records (${columns}) VALUES (${values})`, Object.values(row))
      }
      await assertOut(one)
    })

    test('a session in the console ends with the user who has it', async () => {
      for (const [username, button] of [
        ['ada.locked', 'Lock'],
        ['ada.out', 'Sign out everywhere'],
      ] as const) {
        const other = await openConsole(product, { username })
        await act(other.id, button)
        assert.equal(new URL((await other.browser.open(at('/console'))).url).pathname, '/console/sign-in', username)
      }
    })

    test('a deleted user is gone with everything but the proof of what they agreed to, and comes back as a new person', async () => {
      const person = newcomer()
      const who = openBrowser()
      const page = await visit(product, 'consent', person, { browser: who, query: offline })
      await page.tick('recover:email').press('Create account')
      const is = signedIn(product.application)
      const { consents } = await knownPerson(product, person.sub)

      const deleted = await asOperator(async () => {
        const form = await (await openUser(is.sub)).click('Delete')
        assert.match(form.text, /Email address/)
        assert.match(form.text, new RegExp(`${consents.length} answers, as proof`))
        const wrong = await form.fill({ username: 'somebody.else' }).press('Delete user')
        assert.equal(wrong.status, 422)
        return wrong.fill({ username: person.preferred_username }).press('Delete user')
      })
      assert.match(deleted.text, /is deleted/)
      await assertOut({ who, is })

      const left = await product.dump()
      for (const value of [person.preferred_username, person.email, person.phone_number, person.name, person.sub])
        assert.ok(!left.includes(value), value)
      const records = await product.rows<{ state: string; channel: string }>(
        'SELECT state, channel FROM consents WHERE user_id = $1 ORDER BY sequence',
        [is.sub],
      )
      assert.equal(records.length, consents.length + 1)
      assert.deepEqual(records.at(-1), { state: 'closed', channel: 'operator' }, 'says when it ended, and by whom')
      const { house } = product.running
      assert.equal((await verifyRecords(house.db, await checkpointVerifier(house.db, house.keyring))).faults, 0)
      assert.equal((await openUser(is.sub)).status, 404)

      const again = await visit(product, 'consent', person, { browser: openBrowser() })
      await again.tick('recover:email').press('Create account')
      assert.notEqual(signedIn(product.application).sub, is.sub)
    })

    test('a user who is deleted while they come back from their idp is a new person, and sees no error', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      const { user } = await knownPerson(product, person.sub)
      const client = new pg.Client(product.databaseUrl)
      await client.connect()
      try {
        await client.query('BEGIN')
        await client.query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [user.id])
        for (const table of ['identities', 'user_attributes'])
          await client.query(`DELETE FROM ${table} WHERE user_id = $1`, [user.id])
        await client.query('DELETE FROM users WHERE id = $1', [user.id])
        const coming = visit(product, 'silent', { ...person, department: 'Another', phone_number: '+441234567890' })
        // Until the sign-in waits for what this transaction makes of them.
        await untilWaiting(product.rows)
        await client.query('COMMIT')
        assert.equal((await coming).status, 200)
      } finally {
        await client.end()
      }
      const again = await knownPerson(product, person.sub)
      assert.notEqual(again.user.id, user.id)
      assert.equal(signedIn(product.application).sub, again.user.id)
    })

    test('is told in the history with who did it and from where, and without a name of the user', async () => {
      const one = await somebody()
      const form = (await openUser(one.is.sub)).submission('Lock')
      await act(one.is.sub, 'Lock')
      // What is so already is no change.
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      await browser.fetch(form.url, { method: 'POST', headers, body: form.fields.toString() })
      await act(one.is.sub, 'Unlock')
      await act(one.is.sub, 'Sign out everywhere')
      const told = await product.rows<Record<string, unknown>>(
        'SELECT actor, address, action, kind, before, after, request_id FROM changes WHERE object = $1 ORDER BY id',
        [one.is.sub],
      )
      assert.deepEqual(
        told.map(({ actor, action, kind }) => [actor, action, kind]),
        [
          ['olu', 'locked', 'user'],
          ['olu', 'unlocked', 'user'],
          ['olu', 'signed out', 'user'],
        ],
      )
      assert.deepEqual([told[0]?.['before'], told[0]?.['after']], [{ isLocked: false }, { isLocked: true }])
      assert.ok(told.every(({ address, request_id: id }) => address !== null && id !== null))
      assert.ok(!JSON.stringify(told).includes(one.person.preferred_username))
    })
  })

  describe('operators', () => {
    test('are locked and signed out by owners alone, and are not deleted', async () => {
      const helper = await openConsole(product, { username: 'support.one', role: 'support' })
      const other = await makeOperator(product, 'owner.two', 'owner')
      const page = await openUser(other.id, helper.browser)
      assert.doesNotMatch(page.html, /value="lock"|\/delete/)
      const { id: plain } = await makeOperator(product, 'plain.one')
      const form = await openUser(plain, helper.browser)
      const { fields } = form.submission('Lock')
      const forged = await postForm(helper.browser, at(`/console/users/${other.id}`), fields)
      assert.equal(forged.status, 403)
      assert.deepEqual(await product.rows('SELECT is_locked FROM users WHERE id = $1', [other.id]), [
        { is_locked: false },
      ])
      assert.match((await form.press('Lock')).text, /is locked/)
      assert.equal((await helper.browser.open(at(`/console/users/${plain}/delete`))).status, 403)

      const refusal = await browser.open(at(`/console/users/${other.id}/delete`))
      assert.match(refusal.text, /Operators are not deleted/)
      const sent = await (await browser.open(at(`/console/users/${plain}/delete`))).submission('Delete user')
      sent.fields.set('username', 'owner.two')
      const answer = await postForm(browser, at(`/console/users/${other.id}/delete`), sent.fields)
      assert.equal(answer.status, 422)
      assert.equal((await product.rows('SELECT 1 FROM users WHERE id = $1', [other.id])).length, 1)
    })

    test('the last owner who can sign in cannot be locked, not by two at once either', async () => {
      await product.rows(
        "DELETE FROM operators WHERE user_id NOT IN (SELECT id FROM users WHERE username IN ('olu', 'owner.two'))",
      )
      const two = openBrowser()
      await signInToConsole(product, two, 'owner.two')
      const ids = await product.rows<{ id: string; username: string }>(
        "SELECT id, username FROM users WHERE username IN ('olu', 'owner.two')",
      )
      const idOf = (name: string) => ids.find(({ username }) => username === name)?.id ?? ''
      const [first, second] = [await openUser(idOf('owner.two')), await openUser(idOf('olu'), two)]
      await Promise.all([first.press('Lock'), second.press('Lock')])
      const left = await product.rows<{ username: string }>(
        "SELECT username FROM users JOIN operators ON user_id = id WHERE role = 'owner' AND NOT is_locked",
      )
      assert.equal(left.length, 1)

      const last = left[0]?.username ?? ''
      const own = openBrowser()
      await signInToConsole(product, own, last)
      const page = await (await openUser(idOf(last), own)).press('Lock')
      assert.equal(page.status, 422)
      assert.match(page.text, /no owner who can sign in/)
    })
  })
})
