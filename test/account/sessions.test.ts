// Where a person is signed in: shown, ended one by one and all together, at once on every process.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { COMMAND_LINE } from '../../src/db/changes.ts'
import { setLocked, signOutEverywhere } from '../../src/db/user-state.ts'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { makeOperator, signInToConsole } from '../support/console.ts'
import { freePort } from '../support/free-port.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { type RoundRobin, startRoundRobin } from '../support/round-robin.ts'
import { until } from '../support/until.ts'
import { codesOn, type Newcomer, newcomer, postForm, refused, signedIn, visit } from '../support/visits.ts'
import { eventsOf, holdOf, isInside, openSignIn, opensStill, refresh } from '../support/ways-in.ts'

describe('the sessions of a person', () => {
  let product: Product
  let proxy: RoundRobin
  let ports: number[]
  before(async () => {
    proxy = await startRoundRobin()
    const port = await freePort()
    proxy.targets = [port]
    product = await startProduct({ modes: ['password', 'silent'], publicUrl: `http://localhost:${proxy.port}`, port })
    ports = [port, (await product.another()).port]
  })
  after(async () => {
    await product.stop()
    await proxy.stop()
  })

  const setClock = () => {
    product.clock.now = new Date(Math.max(Date.now(), product.clock.now.getTime() + 2))
  }
  async function onTheOther<Result>(work: () => Promise<Result>): Promise<Result> {
    proxy.targets = ports.slice(1)
    try {
      return await work()
    } finally {
      proxy.targets = ports.slice(0, 1)
    }
  }

  /** Somebody with a password, signed in to My Account in two browsers, and to an application. */
  async function somebody(): Promise<{ id: string; person: Newcomer; browser: Browser; other: Browser }> {
    setClock()
    const person = newcomer()
    const id = await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    const [browser, other] = [openBrowser(), openBrowser()]
    await enterWithPassword(product, person.preferred_username, PASSWORD, { browser })
    await enterAccount(product, 'password', person, { browser: other })
    // What joining left at the OpenID Provider is not what a test is about.
    await product.rows('DELETE FROM oidc_records WHERE user_id = $1', [id])
    return { id, person, browser, other }
  }
  const rowsOn = ({ html }: Page) =>
    (html.split('data-part="sessions"')[1] ?? '')
      .split(/<li[^>]*>/)
      .slice(1)
      .map((row) => ({
        title: /<h3[^>]*>(.*?)<\/h3>/.exec(row)?.[1]?.replace(/<[^>]+>/g, '') ?? '',
        about: /<p class="hint">(.*?)<\/p>/.exec(row)?.[1] ?? '',
        key: /name="session" value="([^"]+)"/.exec(row)?.[1] ?? '',
      }))
  /** Presses the button of the row that is called so. */
  async function end(browser: Browser, isIt: (row: ReturnType<typeof rowsOn>[number]) => boolean): Promise<Page> {
    const page = await openSignIn(product, browser)
    const found = rowsOn(page).filter(isIt)
    assert.equal(found.length, 1, page.text)
    setClock()
    return page.press(found[0]?.key ?? '')
  }

  it('are listed: this one first, the others by how they began, and what applications have', async () => {
    const { person, browser } = await somebody()
    await holdOf(product, 'password', person)
    const rows = rowsOn(await openSignIn(product, browser))
    assert.deepEqual(
      rows.map(({ title, about }) => [title, about.replace(/ on .*/, '').replace(/ until .*/, '')]),
      [
        ['My account, in this browser', 'Signed in with your password'],
        ['My account', 'Signed in with Acme password'],
        ['Travel', 'Stays signed in without you'],
        ['Travel', 'Signed in with Acme password'],
      ],
    )
    assert.match(rows[2]?.about ?? '', /until .* UTC\. Since .* UTC/)
  })

  it('end one by one: that of another browser', async () => {
    const { id, browser, other } = await somebody()
    const done = await end(browser, ({ title }) => title === 'My account')
    assert.deepEqual(codesOn(done), ['SESSION_ENDED'])
    assert.equal(await onTheOther(() => isInside(product, other)), false)
    assert.equal(await isInside(product, browser), true)
    assert.deepEqual(await eventsOf(product, id), ['session-ended'])
  })

  it('end one by one: this one', async () => {
    const { browser, other } = await somebody()
    const done = await end(browser, ({ title }) => title === 'My account, in this browser')
    assert.equal(new URL(done.url).pathname, '/myaccount/signed-out')
    assert.equal(await isInside(product, browser), false)
    assert.equal(await isInside(product, other), true)
  })

  it('end one by one: an application’s tokens, and the session at the OpenID Provider with all that came of it', async () => {
    for (const [kind, left] of [
      ['Stays', ['session']],
      ['Signed', []],
    ] as const) {
      const { person, browser } = await somebody()
      const hold = await holdOf(product, 'password', person)
      await end(browser, ({ title, about }) => title === 'Travel' && about.startsWith(kind))
      assert.deepEqual(await opensStill(product, hold), left, kind)
      assert.equal(await isInside(product, browser), true)
    }
  })

  describe('end together in one browser, whichever way its person goes', () => {
    const access = async (accessToken: string) => {
      const headers = { Authorization: `Bearer ${accessToken}` }
      return (await fetch(`${product.url}/oauth2/userinfo`, { headers })).status
    }

    it('by signing out in My Account: applications let nobody in, and what comes back without the person stays', async () => {
      const { person, browser, other } = await somebody()
      await visit(product, 'password', person, { browser })
      const { accessToken } = signedIn(product.application).tokens
      const elsewhere = await holdOf(product, 'password', person)
      assert.equal(await access(accessToken), 200)
      const done = await (await openSignIn(product, browser)).press('Sign out')
      assert.equal(new URL(done.url).pathname, '/myaccount/signed-out')
      await browser.open(`${product.application.url}/login?prompt=none`)
      assert.equal(refused(product.application).error, 'login_required')
      assert.equal(await access(accessToken), 401)
      assert.equal(await isInside(product, other), true)
      assert.deepEqual(await opensStill(product, elsewhere), ['session', 'access', 'refresh'])

      const offline = await holdOf(product, 'password', person, other)
      await (await openSignIn(product, other)).press('Sign out')
      assert.deepEqual(await opensStill(product, offline), ['access', 'refresh'])
    })

    it('by signing out in My Account: whoever is at the applications, and long after its own session has ended by itself', async () => {
      const { browser } = await somebody()
      const page = await openSignIn(product, browser)
      await visit(product, 'silent', newcomer(), { browser })
      await page.press('Sign out')
      await browser.open(`${product.application.url}/login?prompt=none`)
      assert.equal(refused(product.application).error, 'login_required')

      const again = await somebody()
      await visit(product, 'password', again.person, { browser: again.browser })
      const stale = await openSignIn(product, again.browser)
      await product.rows('DELETE FROM account_sessions WHERE user_id = $1', [again.id])
      assert.equal(new URL((await stale.press('Sign out')).url).pathname, '/myaccount/signed-out')
      await again.browser.open(`${product.application.url}/login?prompt=none`)
      assert.equal(refused(product.application).error, 'login_required')
    })

    it('by signing out at an application that nobody is signed in to: My Account is asked about, and the way leads back', async () => {
      const { browser } = await somebody()
      const asked = () => browser.open(`${product.application.url}/logout`)
      const page = await asked()
      assert.match(page.text, /Sign out of Travel\?/)
      const stayed = await page.press('Stay signed in')
      assert.ok(stayed.url.startsWith(product.application.url), stayed.url)
      assert.equal(await isInside(product, browser), true)
      const direct = await browser.open(`${product.url}/oidc/logout`)
      assert.equal(new URL((await direct.press('Stay signed in')).url).pathname, '/myaccount')
      const forged = await browser.fetch(`${product.url}/oidc/logout/confirm`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'https://evil.example' },
        body: 'logout=yes&xsrf=',
      })
      assert.deepEqual([forged.status, await isInside(product, browser)], [400, true])
      const left = await (await asked()).press('Sign out')
      assert.ok(left.url.startsWith(product.application.url), left.url)
      assert.equal(await isInside(product, browser), false)
    })

    it('by either of two pages that ask, in whatever order, and by one that is pressed twice', async () => {
      const both = async () => {
        const { person, browser } = await somebody()
        await visit(product, 'password', person, { browser })
        return {
          here: await openSignIn(product, browser),
          there: await browser.open(`${product.application.url}/logout`),
        }
      }
      const first = await both()
      await first.here.press('Sign out')
      assert.deepEqual(codesOn(await first.there.press('Sign out')), ['SIGNED_OUT'])
      const second = await both()
      await second.there.press('Sign out')
      assert.deepEqual(codesOn(await second.there.press('Sign out')), ['SIGNED_OUT'])
      assert.equal(new URL((await second.here.press('Sign out')).url).pathname, '/myaccount/signed-out')
    })

    it('by signing out at an application: My Account is closed, and stays open for whoever changes their mind', async () => {
      const { person, browser, other } = await somebody()
      await visit(product, 'password', person, { browser })
      const asked = () => browser.open(`${product.application.url}/logout`)
      await (await asked()).press('Stay signed in')
      assert.equal(await isInside(product, browser), true)
      await visit(product, 'password', person, { browser })
      await (await asked()).press('Sign out')
      assert.equal(await isInside(product, browser), false)
      assert.equal(await isInside(product, other), true)
    })
  })

  // Broken: the user held FOR UPDATE before the records, where a refresh holds the records before it looks for the user: a deadlock, and a 503.
  it('are ended by operators while an application refreshes its tokens, and neither fails', async () => {
    const { db } = product.running.house
    await product.rows(
      `CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END'`,
    )
    await product.rows(
      'CREATE TRIGGER take_long AFTER UPDATE OF signed_out_at ON users FOR EACH ROW EXECUTE FUNCTION take_long()',
    )
    const lock: typeof signOutEverywhere = (pool, id, ...by) => setLocked(pool, id, true, ...by)
    const sleeping = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`
    try {
      for (const end of [signOutEverywhere, lock]) {
        const { id, person } = await somebody()
        const { refreshToken } = await holdOf(product, 'password', person)
        const ended = end(db, id, COMMAND_LINE, product.clock.now)
        await until(async () => (await product.rows(sleeping)).length > 0, 'nobody was signed out')
        assert.equal((await refresh(product, refreshToken)).status, 200)
        assert.equal(await ended, 'done')
      }
    } finally {
      await product.rows('DROP FUNCTION take_long CASCADE')
    }
  })

  it('of others are none of theirs, whatever the form says', async () => {
    const { browser, other } = await somebody()
    const [, victim] = rowsOn(await openSignIn(product, browser))
    const stranger = await somebody()
    const token = (await openSignIn(product, stranger.browser)).submission('Sign out').fields.get('_csrf') ?? ''
    for (const session of [victim?.key ?? '', '', 'x'.repeat(22)]) {
      const fields = new URLSearchParams({ _csrf: token, session })
      assert.equal((await postForm(stranger.browser, `${product.url}/myaccount/sign-in/end`, fields)).status, 303)
    }
    assert.equal(await isInside(product, other), true)
    assert.equal(await isInside(product, stranger.other), true)
    const without = await postForm(browser, `${product.url}/myaccount/sign-in/everywhere`, new URLSearchParams())
    assert.equal(without.status, 403)
    assert.equal(await isInside(product, other), true)
  })

  it('end everywhere at one press: here, in the console, at the OpenID Provider and in applications', async () => {
    const { id, person, browser, other } = await somebody()
    const hold = await holdOf(product, 'password', person)
    await makeOperator(product, `olu-${id.slice(0, 8)}`, 'owner')
    await product.rows(`INSERT INTO operators (user_id, role) VALUES ($1, 'support')`, [id])
    const console = openBrowser()
    const inConsole = await console.open(`${product.url}/console/sign-in`)
    await inConsole.fill({ username: person.preferred_username, password: PASSWORD }).press('Sign in')
    const isInConsole = async () => (await console.fetch(`${product.url}/console`)).status === 200
    assert.equal(await isInConsole(), true)
    setClock()
    const page = await openSignIn(product, browser)
    const done = await onTheOther(() => page.press('Sign out everywhere'))
    assert.equal(new URL(done.url).pathname, '/myaccount/signed-out')
    for (const one of [browser, other]) assert.equal(await isInside(product, one), false)
    assert.equal(await isInConsole(), false)
    assert.deepEqual(await opensStill(product, hold), [])
    assert.deepEqual(await eventsOf(product, id), ['signed-out-everywhere'])
    assert.deepEqual(await product.rows('SELECT 1 FROM oidc_records WHERE user_id = $1', [id]), [])
  })

  it('end when an operator locks the person or signs them out', async () => {
    await makeOperator(product, 'olu', 'owner')
    const operator = openBrowser()
    await signInToConsole(product, operator, 'olu')
    for (const button of ['Sign out everywhere', 'Lock']) {
      const { id, browser, other } = await somebody()
      setClock()
      await onTheOther(async () => (await operator.open(`${product.url}/console/users/${id}`)).press(button))
      for (const one of [browser, other]) assert.equal(await isInside(product, one), false, button)
      assert.deepEqual(await product.rows('SELECT 1 FROM account_sessions WHERE user_id = $1', [id]), [])
    }
  })
})
