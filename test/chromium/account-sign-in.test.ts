// Sign-in and connecting as people meet them: small, mirrored, light and dark, with long and hostile names, without JavaScript, by keyboard.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { enterWithPassword, join } from '../support/account.ts'
import { faultsSeen } from '../support/axe.ts'
import { openBrowser } from '../support/browser.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { looksOf } from '../support/looks.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { TRICKS } from '../support/tricks.ts'
import { newcomer } from '../support/visits.ts'
import { holdOf } from '../support/ways-in.ts'

/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env.PICTURES

const LONG = 'An-identity-provider-with-one-very-long-word-without-any-place-to-break'
const HOME = '/myaccount/sign-in'

describe('Sign-in in a browser', () => {
  let product: Product
  const open: Chromium[] = []
  before(async () => {
    product = await startProduct({
      modes: ['password', 'silent', 'consent'],
      change: (declared) => ({
        ...declared,
        identityProviders: declared.identityProviders.map((idp) => ({
          ...idp,
          ...(idp.name === 'none' ? { displayName: LONG } : {}),
          ...(idp.name === 'consent'
            ? { claims: { ...idp.claims, roles: 'groups', roleMappings: { staff: 'clerk', boss: 'admin' } } }
            : {}),
        })),
      }),
    })
    // A name that nobody could declare, in whatever way it came there.
    await product.rows(`UPDATE idps SET display_name = $1 WHERE name = 'username'`, [TRICKS[0]])
  })
  after(async () => {
    for (const chromium of open) {
      assert.deepEqual(chromium.cspViolations, [])
      await chromium.close()
    }
    await product?.stop()
  })

  /** Somebody with a password and an idp, signed in to My Account in this browser, which has just proved who they are. */
  async function somebody({ javaScript = true, password = true } = {}) {
    product.clock.now = new Date(Math.max(Date.now(), product.clock.now.getTime()))
    const person = newcomer()
    const ticks = ['recover:email', 'recover:phone_number', 'office:department']
    const id = await join(product, 'password', person, { ticks, password: PASSWORD })
    const browser = openBrowser()
    await enterWithPassword(product, person.preferred_username, PASSWORD, { browser })
    if (!password) await product.rows('UPDATE users SET password_hash = NULL WHERE id = $1', [id])
    await holdOf(product, 'password', person)
    const chromium = await openChromium({ javaScript })
    open.push(chromium)
    await chromium.context.addCookies(
      browser.cookies
        .list()
        .filter(({ name }) => name === 'vestibule.account')
        .map(({ name, value }) => ({ name, value, url: product.url })),
    )
    return { id, person, chromium, page: chromium.page }
  }
  const go = (page: Page, path: string) => page.goto(`${product.url}${path}`)
  const pathOf = (page: Page) => new URL(page.url()).pathname

  /** Whoever signs in at the idp next. */
  function there(claims: Record<string, unknown> = {}) {
    const person = newcomer(claims)
    product.idp.person(person.sub, person)
    product.idp.signInAs = person.sub
    return person
  }

  it('has nothing that axe finds fault with, does not scroll sideways at 320 pixels, and has room for fingers', async () => {
    const { page, chromium } = await somebody()
    await connectTwice(page)
    const alone = await somebody({ password: false })
    const other = there({ groups: ['staff', 'boss'], department: 'Engines '.repeat(40), given_name: 'Ada' })
    await go(page, `${HOME}/connect/consent`)
    await page.locator('main .primary').click()
    const connect = new URL(page.url())
    assert.match(await page.locator('main').innerText(), new RegExp(other.email))
    const addressOf = async (on: Page, at: number) => {
      await go(on, HOME)
      return (await on.locator('[data-part="ways"] a.button').nth(at).getAttribute('href')) ?? ''
    }
    const pages: [name: string, on: Page, path: string, status: number][] = [
      ['sign-in', page, HOME, 200],
      ['connect-start', page, `${HOME}/connect/none`, 200],
      ['connect', page, connect.pathname + connect.search, 200],
      ['password', page, `${HOME}/password`, 200],
      ['disconnect', page, await addressOf(page, 0), 200],
      ['only-way', alone.page, await addressOf(alone.page, 0), 422],
    ]
    const faults: string[] = []
    for (const language of ['en', 'ar', 'de'])
      for (const [name, on, path, status] of pages) {
        const { context } = on === page ? chromium : alone.chromium
        await context.setExtraHTTPHeaders({ 'Accept-Language': language })
        assert.equal((await go(on, path))?.status(), status, name)
        assert.equal(await on.locator('html').getAttribute('lang'), language)
        faults.push(...(await faultsSeen(on, { name: `${name}-${language}`, pictures: PICTURES })))
        for (const { name: what, width, height } of await looksOf(on, 'main button:visible, main a.button:visible'))
          if (height < 44 || width < 24) faults.push(`${name}, ${language}: ${what} is ${width} by ${height}`)
      }
    assert.deepEqual(faults, [])
    await go(page, HOME)
    assert.equal(await page.locator('main img, main iframe, main svg, main script').count(), 0)

    async function connectTwice(on: Page): Promise<void> {
      for (const _ of [1, 2]) {
        there()
        await go(on, `${HOME}/connect/silent`)
        await on.locator('main .primary').click()
        await on.locator('main .primary').click()
      }
    }
  })

  for (const javaScript of [false, true])
    it(`connects and disconnects ${javaScript ? 'with' : 'without'} JavaScript: from the proof to the idp and back, and past no policy`, async () => {
      const { person, page } = await somebody({ javaScript })
      product.clock.now = new Date(product.clock.now.getTime() + 6 * 60_000)
      const other = there()
      await go(page, HOME)
      await page.getByRole('link', { name: 'Connect Acme consent' }).click()
      assert.equal(pathOf(page), '/myaccount/confirm')
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
      await page.getByRole('button', { name: 'Confirm', exact: true }).click()
      assert.equal(pathOf(page), `${HOME}/connect/consent`)
      await page.getByRole('link', { name: 'Continue to Acme consent' }).click()
      assert.equal(pathOf(page), '/myaccount/connect')
      assert.match(await page.locator('main').innerText(), new RegExp(`${other.email}[^]*${person.preferred_username}`))
      assert.equal(await page.locator('main input:checked').count(), 0)
      await page.getByLabel('Email address').check()
      await page.getByRole('button', { name: 'Connect Acme consent' }).click()
      assert.match(await page.locator('[data-part="notice"]').innerText(), /Acme consent is connected/)
      assert.equal(await page.locator('[aria-current="page"]').innerText(), 'Sign-in')
      await go(page, '/myaccount')
      assert.match(await page.locator('main').innerText(), new RegExp(other.email))

      await go(page, HOME)
      await page.getByRole('link', { name: 'Disconnect Acme consent' }).click()
      product.clock.now = new Date(product.clock.now.getTime() + 1_000)
      await page.getByRole('button', { name: 'Disconnect' }).click()
      assert.match(await page.locator('[data-part="notice"]').innerText(), /Acme consent is disconnected/)
      await page.getByRole('link', { name: 'Connect Acme consent' }).waitFor()
    })

  it('is done by keyboard alone: a new password, and out everywhere', async () => {
    const { page } = await somebody()
    await go(page, HOME)
    const press = async (role: 'link' | 'button', name: string) => {
      await page.getByRole(role, { name, exact: true }).focus()
      await page.keyboard.press('Enter')
    }
    await press('link', 'Change password')
    await page.getByLabel('New password').focus()
    await page.keyboard.type('too short')
    await page.keyboard.press('Enter')
    await page.locator('.summary').waitFor()
    assert.equal(await page.getByLabel('New password').inputValue(), '')
    await page.getByLabel('New password').focus()
    product.clock.now = new Date(product.clock.now.getTime() + 1_000)
    await page.keyboard.type('a boat on quiet water')
    await page.keyboard.press('Enter')
    await page.locator('[data-part="notice"]').waitFor()
    assert.equal(await page.locator('[data-part="sessions"] li').count(), 1)
    await press('button', 'Sign out everywhere')
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
    assert.equal(pathOf(page), '/myaccount/signed-out')
  })
})
