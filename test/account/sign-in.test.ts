// The ways in of a person: shown, taken away, never the last one; and what somebody else left behind opens nothing after that (pre-hijacking).
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { freePort } from '../support/free-port.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { type RoundRobin, startRoundRobin } from '../support/round-robin.ts'
import {
  codesOn,
  hashOfUser,
  knownPerson,
  type Newcomer,
  newcomer,
  postForm,
  storedPerson,
  visit,
  withIdp,
} from '../support/visits.ts'
import {
  beginConnecting,
  eventsOf,
  holdOf,
  isInside,
  openSignIn,
  opensStill,
  proveThere,
  stopBefore,
} from '../support/ways-in.ts'

describe('the ways in of a person', () => {
  let product: Product
  let proxy: RoundRobin
  let ports: number[]
  before(async () => {
    proxy = await startRoundRobin()
    const port = await freePort()
    proxy.targets = [port]
    product = await startProduct({
      modes: ['silent', 'consent', 'password'],
      publicUrl: `http://localhost:${proxy.port}`,
      port,
      change: (declared) => {
        const claims = declared.identityProviders.find(({ name }) => name === 'consent')?.claims ?? assert.fail()
        const roles = { roles: 'groups', roleMappings: { staff: 'clerk' } }
        return withIdp('consent', {}, { claims: { ...claims, ...roles } })(declared)
      },
    })
    ports = [port, (await product.another()).port]
  })
  after(async () => {
    await product.stop()
    await proxy.stop()
  })

  const pathOf = (url: string) => new URL(url).pathname
  /** As the OpenID Provider's library has it: that has a clock of its own. */
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

  /** Somebody who came by the silent idp and is signed in with it. */
  async function somebody(): Promise<{ id: string; person: Newcomer; browser: Browser }> {
    setClock()
    const person = newcomer()
    const id = await join(product, 'silent', person)
    const browser = openBrowser()
    await enterAccount(product, 'silent', person, { browser })
    return { id, person, browser }
  }
  /** The same with a second way in, by which they are signed in. */
  async function somebodyWithTwo() {
    const one = await somebody()
    const there = newcomer({ groups: ['staff'], email: one.person.email })
    const page = await beginConnecting(product, one.browser, 'consent', there)
    for (const { value } of boxes(page.html)) page.tick(value)
    await page.press('Connect Acme consent')
    const browser = openBrowser()
    await enterAccount(product, 'consent', there, { browser })
    return { ...one, there, other: browser }
  }
  const boxes = (html: string) =>
    [...html.matchAll(/name="replace" value="([^"]+)"/g)].map(([, value = '']) => ({ value }))
  async function disconnect(browser: Browser, idp: string) {
    setClock()
    return (await (await openSignIn(product, browser)).click(`Disconnect ${idp}`)).press('Disconnect')
  }

  it('are shown with what can be added, and in which state they are', async () => {
    const { browser } = await somebodyWithTwo()
    const page = await openSignIn(product, browser)
    const day = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date())
    assert.match(page.text, new RegExp(`Acme silent Connected on ${day} Disconnect Acme silent`))
    assert.match(page.text, new RegExp(`Acme consent Connected on ${day} Disconnect Acme consent`))
    assert.match(page.text, /Password You have not set one Set a password/)
    assert.match(
      page.text,
      /Add another way Acme none Connect Acme none Acme password Connect Acme password Acme username Connect/,
    )
    await product.rows(`UPDATE idps SET is_enabled = false WHERE name = 'consent'`)
    try {
      const off = await openSignIn(product, browser)
      assert.match(off.text, /Acme consent .{10,30} Turned off at the moment/)
    } finally {
      await product.rows(`UPDATE idps SET is_enabled = true WHERE name = 'consent'`)
    }
  })

  it('are told apart by the time where one idp is there twice', async () => {
    const { browser } = await somebody()
    const start = await browser.open(`${product.url}/myaccount/sign-in/connect/silent`)
    await (await proveThere(product, start, 'silent', newcomer())).press('Connect Acme silent')
    const page = await openSignIn(product, browser)
    const times = [...page.text.matchAll(/Acme silent Connected on [^D]* at [\d:]+ [AP]M UTC/g)]
    assert.equal(times.length, 2, page.text)
  })

  describe('disconnecting', () => {
    it('S057: leaves an unknown person to that idp, who becomes somebody new', async () => {
      const { id, there, browser } = await somebodyWithTwo()
      const done = await disconnect(browser, 'Acme consent')
      assert.deepEqual(codesOn(done), ['DISCONNECTED'])
      assert.equal(await storedPerson(product, there.sub), undefined)
      const before = await hashOfUser(product, id)
      const page = await visit(product, 'consent', { ...there, preferred_username: newcomer().preferred_username })
      assert.match(page.url, /\/signup\.do/)
      await page.tick('recover:email').press('Create account')
      assert.notEqual((await knownPerson(product, there.sub)).user.id, id)
      assert.equal(await hashOfUser(product, id), before)
      assert.deepEqual(await eventsOf(product, id), ['connected Acme consent', 'disconnected Acme consent'])
    })

    it('takes the roles that it granted, and leaves what it said as the person’s own word', async () => {
      const { id, person, there, browser } = await somebodyWithTwo()
      const kept = async () =>
        Object.fromEntries(
          (await knownPerson(product, person.sub)).attributes.map(({ name, value, verified, idp, origin }) => [
            name,
            [value, verified, idp ?? origin],
          ]),
        )
      const roles = () => product.rows('SELECT role FROM user_roles WHERE user_id = $1', [id])
      assert.deepEqual((await kept())['phone_number'], [there.phone_number, false, 'consent'])
      assert.deepEqual((await kept())['email'], [person.email, true, 'silent'])
      assert.deepEqual(await roles(), [{ role: 'clerk' }])
      await disconnect(browser, 'Acme consent')
      assert.deepEqual((await kept())['phone_number'], [there.phone_number, false, 'person'])
      assert.deepEqual((await kept())['department'], [there.department, null, 'person'])
      assert.deepEqual((await kept())['email'], [person.email, true, 'silent'])
      assert.deepEqual(await roles(), [])
    })

    it('S042: ends what was begun by it and all else that is open elsewhere, on every process', async () => {
      const { person, there, browser, other } = await somebodyWithTwo()
      const holds = [await holdOf(product, 'consent', there), await holdOf(product, 'silent', person)]
      assert.equal(await isInside(product, other), true)
      await onTheOther(() => disconnect(browser, 'Acme consent'))
      assert.equal(await isInside(product, other), false)
      for (const hold of holds) assert.deepEqual(await opensStill(product, hold), [])
      // Where it was done it goes on, under another id.
      assert.equal(await isInside(product, browser), true)
      assert.equal(await onTheOther(() => isInside(product, browser)), true)
    })

    it('gives the session a new id, and the old one is worth nothing', async () => {
      const { browser } = await somebodyWithTwo()
      const { name, value } = browser.cookies.get('vestibule.account') ?? assert.fail()
      await disconnect(browser, 'Acme consent')
      const headers = { Cookie: `${name}=${value}` }
      assert.equal((await fetch(`${product.url}/myaccount`, { headers, redirect: 'manual' })).status, 303)
      assert.equal(await isInside(product, browser), true)
    })

    it('signs out whoever came by it here, who is told before', async () => {
      const { other } = await somebodyWithTwo()
      const page = await (await openSignIn(product, other)).click('Disconnect Acme consent')
      assert.match(page.text, /You signed in with Acme consent, so you are signed out everywhere, here too/)
      setClock()
      assert.equal(pathOf((await page.press('Disconnect')).url), '/myaccount/signed-out')
      assert.equal(await isInside(product, other), false)
    })

    it('by whatever hand ends the sessions that were begun by it', async () => {
      const { id, browser, other } = await somebodyWithTwo()
      await product.rows(
        `DELETE FROM identities WHERE user_id = $1 AND idp_id = (SELECT id FROM idps WHERE name = 'consent')`,
        [id],
      )
      assert.equal(await isInside(product, other), false)
      assert.equal(await isInside(product, browser), true)
    })

    it('never takes the last way in: one that is off is none', async () => {
      const { id, person, browser } = await somebody()
      const before = await hashOfUser(product, id)
      const page = await (await openSignIn(product, browser)).click('Disconnect Acme silent')
      assert.equal(page.status, 422)
      assert.deepEqual([...new Set(codesOn(page))], ['ONLY_WAY'])
      assert.match(page.text, /Set a password first\. Acme silent is your only way to sign in/)
      const token = page.submission('Sign out').fields.get('_csrf') ?? ''
      const forged = () => postForm(browser, page.url, new URLSearchParams({ _csrf: token }))
      assert.equal((await forged()).status, 422)
      await product.rows(
        `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme)
         SELECT id, issuer, $1, $2, 'PROMPT_CONSENT' FROM idps WHERE name = 'username'`,
        [newcomer().sub, id],
      )
      await product.rows(`UPDATE idps SET is_enabled = false WHERE name = 'username'`)
      try {
        assert.equal((await forged()).status, 422)
      } finally {
        await product.rows(`UPDATE idps SET is_enabled = true WHERE name = 'username'`)
      }
      await product.rows(`DELETE FROM identities WHERE user_id = $1 AND subject <> $2`, [id, person.sub])
      assert.equal(await hashOfUser(product, id), before)
    })

    it('of two at the same moment one is left', async () => {
      for (let round = 0; round < 4; round += 1) {
        const { id, browser } = await somebodyWithTwo()
        const page = await openSignIn(product, browser)
        const two = [await page.click('Disconnect Acme silent'), await page.click('Disconnect Acme consent')]
        setClock()
        await Promise.all(two.map((one) => one.press('Disconnect')))
        const left = await product.rows('SELECT 1 FROM identities WHERE user_id = $1', [id])
        assert.equal(left.length, 1)
      }
    })

    it('and signing in by it at the same moment: in by what is connected, or somebody new, but never into what was left', async () => {
      for (let round = 0; round < 5; round += 1) {
        const { id, there, browser } = await somebodyWithTwo()
        const page = await (await openSignIn(product, browser)).click('Disconnect Acme consent')
        const late = openBrowser()
        setClock()
        await Promise.all([page.press('Disconnect'), enterAccount(product, 'consent', there, { browser: late })])
        assert.equal(await isInside(product, late), false, 'nobody is in by a way that was taken away')
        assert.equal((await product.rows('SELECT 1 FROM identities WHERE user_id = $1', [id])).length, 1)
      }
    })

    it('does nothing without a session, a token, or a proof of the last minutes, nor for ways of others', async () => {
      const { id, browser } = await somebodyWithTwo()
      const before = await hashOfUser(product, id)
      const page = await (await openSignIn(product, browser)).click('Disconnect Acme consent')
      const { url, fields } = page.submission('Disconnect')
      assert.equal((await postForm(openBrowser(), url, fields)).status, 303)
      assert.equal((await postForm(browser, url, new URLSearchParams())).status, 403)
      const stranger = await somebody()
      const own = await openSignIn(product, stranger.browser)
      const token = own.submission('Sign out').fields.get('_csrf') ?? ''
      assert.equal((await postForm(stranger.browser, url, new URLSearchParams({ _csrf: token }))).status, 404)
      product.clock.now = new Date(product.clock.now.getTime() + 6 * 60_000)
      const asked = await postForm(browser, url, fields)
      assert.match(asked.headers.get('Location') ?? '', /^\/myaccount\/confirm\?next=/)
      assert.equal(await hashOfUser(product, id), before)
    })
  })

  describe('pre-hijacking', () => {
    /**
     * Somebody else has made the account, with a name that the owner would have, has come in with all that they could, and left an idp of their own
     * there. The owner has been let in by them, as by an invitation: their idp is connected, too.
     */
    async function hijacked() {
      setClock()
      const attacker = newcomer()
      const id = await join(product, 'password', attacker, { ticks: ['recover:email'], password: PASSWORD })
      const theirs = openBrowser()
      await enterWithPassword(product, attacker.preferred_username, PASSWORD, { browser: theirs })
      const owner = newcomer()
      await (await beginConnecting(product, theirs, 'silent', owner)).press('Connect Acme silent')
      const browser = openBrowser()
      await enterAccount(product, 'silent', owner, { browser })
      return { id, attacker, theirs, owner, browser }
    }

    it('S041: an account with somebody’s e-mail address is not theirs to whom an idp says it belongs', async () => {
      const victim = newcomer()
      const attacker = newcomer({ email: victim.email })
      const id = await join(product, 'password', attacker, { ticks: ['recover:email'], password: PASSWORD })
      const before = await hashOfUser(product, id)
      const page = await enterAccount(product, 'silent', victim)
      assert.equal(pathOf(page.url), '/myaccount')
      const known = await knownPerson(product, victim.sub)
      assert.notEqual(known.user.id, id)
      assert.equal(await hashOfUser(product, id), before)
      const inside = openBrowser()
      await enterWithPassword(product, attacker.preferred_username, PASSWORD, { browser: inside })
      assert.doesNotMatch((await openSignIn(product, inside)).text, /Acme silent Connected/)
    })

    it('S045: nor is it where an idp says that nobody has checked the address, and nobody is told that it is known', async () => {
      const victim = newcomer()
      await join(product, 'silent', victim)
      const page = await enterAccount(product, 'silent', newcomer({ email: victim.email, email_verified: false }))
      assert.equal(pathOf(page.url), '/myaccount')
      assert.ok(!page.text.includes(victim.preferred_username))
      const { browser } = await somebody()
      const there = newcomer({ email: victim.email, email_verified: false })
      const asked = await beginConnecting(product, browser, 'consent', there)
      assert.equal(asked.status, 200)
      assert.ok(!asked.text.includes(victim.preferred_username))
    })

    it('S042: the sessions and tokens of before are over when the owner sets another password', async () => {
      const { attacker, theirs, browser } = await hijacked()
      const hold = await holdOf(product, 'password', attacker)
      assert.equal(await isInside(product, theirs), true)
      const page = await (await openSignIn(product, browser)).click('Change password')
      setClock()
      const done = await page.fill({ password: 'a boat on quiet water' }).press('Change password')
      assert.deepEqual(codesOn(done), ['PASSWORD_CHANGED'])
      assert.equal(await isInside(product, theirs), false)
      assert.deepEqual(await opensStill(product, hold), [])
      const denied = await enterWithPassword(product, attacker.preferred_username, PASSWORD)
      assert.deepEqual([...new Set(codesOn(denied))], ['SIGNIN_FAILED'])
    })

    it('S043: the owner sees the idp that was left there, and when they disconnect it, it opens their account no more', async () => {
      const { id, attacker, theirs, browser } = await hijacked()
      const hold = await holdOf(product, 'password', attacker)
      const changing = await (await openSignIn(product, browser)).click('Change password')
      setClock()
      const seen = await changing.fill({ password: 'a boat on quiet water' }).press('Change password')
      assert.match(seen.text, /Acme password Connected .* Acme silent Connected/)
      const done = await disconnect(browser, 'Acme password')
      assert.doesNotMatch(done.text, /Disconnect Acme password/)
      assert.equal(await isInside(product, theirs), false)
      assert.deepEqual(await opensStill(product, hold), [])
      const again = await visit(product, 'password', {
        ...attacker,
        preferred_username: newcomer().preferred_username,
      })
      assert.match(again.url, /\/signup\.do/)
      assert.deepEqual(
        await product.rows('SELECT idps.name FROM identities JOIN idps ON idps.id = idp_id WHERE user_id = $1', [id]),
        [{ name: 'silent' }],
      )
    })

    it('S044: what was begun before opens nothing after: a page that asks, and sign-ins that ended and were kept back', async () => {
      const { id, attacker, theirs, browser } = await hijacked()
      const waiting = await beginConnecting(product, theirs, 'consent', newcomer())
      const byPassword = openBrowser({ followRefresh: false })
      await enterWithPassword(product, attacker.preferred_username, PASSWORD, { browser: byPassword })
      const byIdp = openBrowser()
      product.idp.person(attacker.sub, attacker)
      product.idp.signInAs = attacker.sub
      const out = await stopBefore(byIdp, `${product.application.url}/login`, /\/oauth2\/authorize\/./, 'password')
      await disconnect(browser, 'Acme password')
      const before = await hashOfUser(product, id)
      const pressed = await waiting.press('Connect Acme consent')
      assert.match(pressed.url, /login\.do/, 'they are signed out')
      const ended = byPassword.history.findLast((url) => url.includes('/commonauth?')) ?? assert.fail()
      await byPassword.open(`${ended}&continue=1`)
      assert.equal(await isInside(product, byPassword), false)
      const page = await byIdp.open(out)
      assert.match(page.url, /login\.do/, 'they are asked to sign in')
      assert.equal(await hashOfUser(product, id), before)
    })

    it('S056: a connection that was begun before it was taken away is not made after', async () => {
      const { id, there, browser } = await somebodyWithTwo()
      const start = await browser.open(`${product.url}/myaccount/sign-in/connect/silent`)
      const open = await proveThere(product, start, 'silent', newcomer())
      await disconnect(browser, 'Acme consent')
      assert.equal((await browser.open(open.url)).status, 404)
      assert.equal(await storedPerson(product, there.sub), undefined)
      assert.equal((await product.rows('SELECT 1 FROM identities WHERE user_id = $1', [id])).length, 1)
    })
  })
})
