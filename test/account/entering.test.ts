// Into My Account and out of it: by every way in, once per sign-in, and again before what matters.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { untilWaiting } from '../support/until.ts'
import { codesOn, countPeople, type Newcomer, newcomer, submit } from '../support/visits.ts'
import { backFrom } from '../support/ways-in.ts'

const MINUTE = 60_000

describe('into My Account', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'password', 'none'] })
  })
  after(() => product.stop())

  const pathOf = (url: string) => new URL(url).pathname

  it('people come by the idp that knows them, and to the page that they wanted', async () => {
    const person = newcomer()
    await join(product, 'silent', person)
    const page = await enterAccount(product, 'silent', person, { to: '/confirm?next=%2Fprivacy' })
    assert.equal(page.status, 200)
    assert.equal(page.url, `${product.url}/myaccount/confirm?next=%2Fprivacy`)
    assert.match(page.text, new RegExp(person.preferred_username))
  })

  it('people come with the password that they set', async () => {
    const person = newcomer()
    await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    const page = await enterWithPassword(product, person.preferred_username, PASSWORD)
    assert.equal(pathOf(page.url), '/myaccount')
    assert.match(page.text, new RegExp(person.email))
  })

  // Broken: the catch taken out of leaveBy: the answer was 500.
  it('somebody who is deleted at that very moment is signed out, like everybody who is nobody any more', async () => {
    const person = newcomer()
    const id = await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    const browser = openBrowser()
    const page = await browser.open(`${product.url}/myaccount`)
    const ended = await submit(browser, page, 'Sign in', { username: person.preferred_username, password: PASSWORD })
    const holder = new pg.Client(product.databaseUrl)
    await holder.connect()
    await holder.query('BEGIN')
    for (const table of ['identities', 'user_attributes', 'user_roles'])
      await holder.query(`DELETE FROM ${table} WHERE user_id = $1`, [id])
    await holder.query('DELETE FROM users WHERE id = $1', [id])
    const entering = browser.fetch(`${product.url}${ended.headers.get('location')}&continue=1`)
    await untilWaiting(product.rows)
    await holder.query('COMMIT')
    await holder.end()
    const answer = await entering
    assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/myaccount/signed-out'])
  })

  it('somebody new becomes a user on the way, as an idp lets them', async () => {
    const person = newcomer()
    const page = await enterAccount(product, 'silent', person)
    assert.equal(pathOf(page.url), '/myaccount')
    assert.match(page.text, new RegExp(person.email))
  })

  it('somebody whom an idp does not make a user has nothing here, and is told so', async () => {
    const counts = await countPeople(product)
    const page = await enterAccount(product, 'none', newcomer())
    assert.equal(page.status, 409)
    assert.deepEqual(codesOn(page), ['LOCAL_USER_REQUIRED'])
    assert.deepEqual(await countPeople(product), counts)
    const outside = await page.click('Return to Northwind')
    assert.equal(pathOf(outside.url), '/myaccount/signed-out')
  })

  it('an address of the sign-in opens nothing a second time', async () => {
    const person = newcomer()
    await join(product, 'silent', person)
    const browser = openBrowser()
    const page = await enterAccount(product, 'silent', person, { browser })
    const callback = browser.history.find((url) => url.includes('/commonauth/')) ?? assert.fail()
    const flow = /sessionDataKey=([\w-]{24})/.exec(browser.history.join())?.[1] ?? assert.fail()
    const outside = await page.press('Sign out')
    assert.equal(pathOf(outside.url), '/myaccount/signed-out')
    for (const address of [callback, `${product.url}/commonauth?sessionDataKey=${flow}&continue=1`]) {
      const again = await browser.open(address)
      assert.match(again.text, /You have already finished/, again.text)
    }
    const [row] = await product.rows(
      'SELECT count(*)::int AS count FROM account_sessions s JOIN users ON users.id = user_id WHERE username = $1',
      [person.preferred_username],
    )
    assert.deepEqual(row, { count: 0 })
  })

  it('a session is one browser’s, and ends with the lock, with signing out everywhere, with the idp and after half an hour', async () => {
    const ways: [title: string, end: (id: string) => Promise<unknown>][] = [
      ['locked', (id) => product.rows('UPDATE users SET is_locked = true WHERE id = $1', [id])],
      [
        'signed out',
        (id) => product.rows('UPDATE users SET signed_out_at = $2 WHERE id = $1', [id, product.clock.now]),
      ],
      ['deleted', (id) => product.rows('DELETE FROM account_sessions WHERE user_id = $1', [id])],
      ['idle', async () => (product.clock.now = new Date(product.clock.now.getTime() + 31 * MINUTE))],
    ]
    for (const [title, end] of ways) {
      const person = newcomer()
      const browser = openBrowser()
      const id = await join(product, 'silent', person)
      await enterAccount(product, 'silent', person, { browser })
      assert.equal((await browser.fetch(`${product.url}/myaccount`)).status, 200)
      assert.equal((await openBrowser().fetch(`${product.url}/myaccount`)).status, 303)
      await end(id)
      const answer = await browser.fetch(`${product.url}/myaccount`)
      assert.equal(answer.status, 303, title)
      assert.match(answer.headers.get('Location') ?? '', /login\.do/)
    }
  })

  describe('once more before what matters', () => {
    it('the password proves who somebody is, a wrong one does not', async () => {
      const person = newcomer()
      await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
      const page = await enterWithPassword(product, person.preferred_username, PASSWORD, { to: '/confirm' })
      const wrong = await page.fill({ password: 'not the password' }).press('Confirm')
      assert.equal(wrong.status, 422)
      assert.deepEqual(codesOn(wrong), ['CONFIRM_FAILED', 'CONFIRM_FAILED'])
      assert.equal(pathOf((await wrong.fill({ password: PASSWORD }).press('Confirm')).url), '/myaccount')
    })

    it('signing in again at the idp proves it, which is asked to make sure', async () => {
      const person = newcomer()
      await join(product, 'silent', person)
      const browser = openBrowser()
      const page = await enterAccount(product, 'silent', person, { browser, to: '/confirm' })
      product.clock.now = new Date(product.clock.now.getTime() + 6 * MINUTE)
      const proof = async () =>
        (
          await product.rows<{ at: string }>(
            `SELECT data->>'provedAt' AS at FROM account_sessions s JOIN users ON users.id = user_id WHERE username = $1`,
            [person.preferred_username],
          )
        )[0]?.at
      const now = product.clock.now.getTime()
      // The idp counts in whole seconds, so the sign-in before this one may be a second older than it is.
      assert.ok(Number(await proof()) <= now - 6 * MINUTE)
      const back = await page.click('Sign in again with Acme silent')
      assert.equal(pathOf(back.url), '/myaccount')
      assert.equal(Number(await proof()), now)
      const away = new URL(browser.history.findLast((url) => url.includes('prompt=')) ?? assert.fail())
      assert.equal(away.searchParams.get('prompt'), 'login')
      assert.equal(away.searchParams.get('max_age'), '0')
    })

    it('S061: an idp that was turned off on the way back proves nothing', async () => {
      const person = newcomer()
      const id = await join(product, 'silent', person)
      const hash = await product.running.house.passwords.hash(PASSWORD, 'tests')
      await product.rows('UPDATE users SET password_hash = $2 WHERE id = $1', [id, hash])
      const browser = openBrowser()
      await enterWithPassword(product, person.preferred_username, PASSWORD, { browser })
      product.clock.now = new Date(product.clock.now.getTime() + 6 * MINUTE)
      product.idp.signInAs = person.sub
      const back = await backFrom(browser, `${product.url}/myaccount/confirm/idp?idp=silent&next=/close`)
      await product.rows(`UPDATE idps SET is_enabled = false WHERE name = 'silent'`)
      try {
        assert.equal(pathOf((await browser.open(back)).url), '/myaccount/confirm')
        assert.equal(pathOf((await browser.open(`${product.url}/myaccount/close`)).url), '/myaccount/confirm')
      } finally {
        await product.rows(`UPDATE idps SET is_enabled = true WHERE name = 'silent'`)
      }
    })

    it('coming in by an idp that had signed the person in long before, as it says, is no proof', async () => {
      const person = newcomer()
      await join(product, 'silent', person)
      product.idp.fault = {
        tamper: (claims, where) =>
          where === 'id_token' ? { ...claims, auth_time: Number(claims['iat']) - 400 } : claims,
      }
      try {
        assert.equal(
          pathOf((await enterAccount(product, 'silent', person, { to: '/privacy' })).url),
          '/myaccount/privacy',
        )
        assert.equal(
          pathOf((await enterAccount(product, 'silent', person, { to: '/close' })).url),
          '/myaccount/confirm',
        )
      } finally {
        product.idp.fault = {}
      }
      assert.equal(pathOf((await enterAccount(product, 'silent', person, { to: '/close' })).url), '/myaccount/close')
    })

    describe('at an idp that does not say when somebody signed in there', () => {
      const DAY = 86_400_000
      /** As one that says nothing, or whose question somebody took out of the address. */
      const silenced = async <Result>(work: () => Promise<Result>): Promise<Result> => {
        product.idp.fault = {
          tamper: ({ auth_time: _, ...claims }, where) => (where === 'id_token' ? claims : { ...claims, auth_time: _ }),
        }
        try {
          return await work()
        } finally {
          product.idp.fault = {}
        }
      }
      const silentAgain = () => product.rows('DELETE FROM idps_saying_when')
      const confirmBy = (browser: Browser, person: Newcomer) => {
        product.idp.signInAs = person.sub
        return browser.open(`${product.url}/myaccount/confirm/idp?idp=silent&next=/close`)
      }

      it('coming in is no proof; a new sign-in there is, for whoever has nothing better: nobody is locked out of closing', async () => {
        await silentAgain()
        const person = newcomer()
        await join(product, 'silent', person)
        const browser = openBrowser()
        await silenced(async () => {
          const asked = await enterAccount(product, 'silent', person, { browser, to: '/close' })
          assert.equal(pathOf(asked.url), '/myaccount/confirm')
          assert.equal(pathOf((await confirmBy(browser, person)).url), '/myaccount/close')
        })
      })

      it('whoever has a password proves it by that', async () => {
        await silentAgain()
        const person = newcomer()
        const id = await join(product, 'silent', person)
        const hash = await product.running.house.passwords.hash(PASSWORD, 'tests')
        await product.rows('UPDATE users SET password_hash = $2 WHERE id = $1', [id, hash])
        const browser = openBrowser()
        const page = await silenced(async () => {
          await enterAccount(product, 'silent', person, { browser, to: '/close' })
          return confirmBy(browser, person)
        })
        assert.deepEqual([page.status, [...new Set(codesOn(page))]], [422, ['CONFIRM_UNSAID']])
        assert.match(page.text, /Acme silent did not say when you signed in there/)
        assert.equal(pathOf((await page.fill({ password: PASSWORD }).press('Confirm')).url), '/myaccount/close')
      })

      it('though it has said it to others, the question was taken out of the address: no proof, until it has long said nothing', async () => {
        await silentAgain()
        const [somebody, person] = [newcomer(), newcomer()]
        for (const one of [somebody, person]) await join(product, 'silent', one)
        const honest = openBrowser()
        await enterAccount(product, 'silent', somebody, { browser: honest })
        assert.equal(pathOf((await confirmBy(honest, somebody)).url), '/myaccount/close')
        const comes = () =>
          silenced(async () => {
            const browser = openBrowser()
            await enterAccount(product, 'silent', person, { browser })
            return confirmBy(browser, person)
          })
        const start = product.clock.now
        try {
          assert.deepEqual([...new Set(codesOn(await comes()))], ['CONFIRM_UNSAID'])
          product.clock.now = new Date(start.getTime() + 89 * DAY)
          assert.deepEqual([...new Set(codesOn(await comes()))], ['CONFIRM_UNSAID'])
          product.clock.now = new Date(start.getTime() + 91 * DAY)
          assert.equal(pathOf((await comes()).url), '/myaccount/close')
        } finally {
          product.clock.now = start
        }
      })
    })

    it('a sign-in at the idp is proof from when it was, not from when its browser brings it', async () => {
      const person = newcomer()
      await join(product, 'silent', person)
      const browser = openBrowser()
      await enterAccount(product, 'silent', person, { browser })
      product.clock.now = new Date(product.clock.now.getTime() + 6 * MINUTE)
      const back = await backFrom(browser, `${product.url}/myaccount/confirm/idp?idp=silent&next=/close`)
      product.clock.now = new Date(product.clock.now.getTime() + 6 * MINUTE)
      assert.equal(pathOf((await browser.open(back)).url), '/myaccount/confirm')
    })

    it('a proof is no sign-in: at no other address does it make a user of whoever came back', async () => {
      const person = newcomer()
      await join(product, 'silent', person)
      const browser = openBrowser()
      await enterAccount(product, 'silent', person, { browser, to: '/confirm' })
      const other = newcomer()
      product.idp.person(other.sub, other)
      product.idp.signInAs = other.sub
      const counts = await countPeople(product)
      // The callback is answered, and its answer is not followed.
      let step = await browser.fetch(`${product.url}/myaccount/confirm/idp?idp=silent&next=`)
      const flow = /sessionDataKey=([\w-]{24})/.exec(step.headers.get('Location') ?? '')?.[1] ?? assert.fail()
      while (!step.url.includes('/commonauth/')) {
        const location = new URL(step.headers.get('Location') ?? assert.fail(), step.url)
        step = await browser.fetch(location)
      }
      for (const address of [
        '/accountrecoveryendpoint/signup.do',
        '/accountrecoveryendpoint/register.do',
        '/authenticationendpoint/login.do',
        '/commonauth',
      ]) {
        const answer = await browser.fetch(`${product.url}${address}?sessionDataKey=${flow}`)
        assert.equal(answer.status, 303, address)
      }
      assert.deepEqual(await countPeople(product), counts)
    })

    it('another person of that idp proves nothing, and no user is made of them', async () => {
      const person = newcomer()
      await join(product, 'silent', person)
      const page = await enterAccount(product, 'silent', person, { to: '/confirm' })
      const counts = await countPeople(product)
      const other = newcomer()
      product.idp.person(other.sub, other)
      product.idp.signInAs = other.sub
      const answer = await page.click('Sign in again with Acme silent')
      assert.equal(answer.status, 422)
      assert.deepEqual(codesOn(answer), ['CONFIRM_OTHER'])
      assert.deepEqual(await countPeople(product), counts)
    })
  })
})
