// The pages of Privacy as people meet them: small, mirrored, light and dark, with long and hostile values, by keyboard, and in how many presses.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { enterAccount, join } from '../support/account.ts'
import { faultsSeen } from '../support/axe.ts'
import { openBrowser } from '../support/browser.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { looksOf } from '../support/looks.ts'
import { type Product, PURPOSES, startProduct } from '../support/product.ts'
import { TRICKS } from '../support/tricks.ts'
import { type Newcomer, newcomer } from '../support/visits.ts'

/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env.PICTURES

const LONG = 'A-department-of-one-very-long-word-without-any-place-to-break-'.repeat(6)
const TICKS = ['recover:email', 'recover:phone_number', 'office:department', 'office:name', 'office:nickname']

describe('the pages of Privacy in a browser', () => {
  let product: Product
  let chromium: Chromium
  let page: Page
  let person: Newcomer
  const paths = {
    profile: '',
    edit: '/edit?attribute=email',
    privacy: '/privacy',
    needed: '/privacy/needed?purpose=recover&attribute=email',
    activity: '/activity',
    close: '/close',
  }

  before(async () => {
    const purposes = PURPOSES.map((one) =>
      one.id === 'office'
        ? {
            ...one,
            piiCategories: [
              ...one.piiCategories,
              ...['name', 'nickname', 'address'].map((name) => ({ name, mandatory: false })),
            ],
          }
        : one,
    )
    product = await startProduct({
      modes: ['consent'],
      purposes,
      change: (declared) => ({
        ...declared,
        identityProviders: declared.identityProviders.map((idp) => ({
          ...idp,
          claims: { ...idp.claims, mappings: { ...idp.claims.mappings, nickname: 'nickname' } },
        })),
      }),
    })
    person = newcomer({
      department: LONG,
      name: TRICKS.slice(0, 6).join(' '),
      nickname: 'مرحبا / שלום / 你好 \u202Eevil',
    })
    await join(product, 'consent', person, { ticks: TICKS })
    await product.rows(`UPDATE users SET username = username || $1`, ['-with-a-name-that-goes-on-and-on-for-a-while'])
    chromium = await openChromium({ javaScript: true })
    page = chromium.page
    // Signed in without a screen: the session is the cookie.
    const browser = openBrowser()
    await enterAccount(product, 'consent', person, { browser })
    await chromium.context.addCookies(
      browser.cookies
        .list()
        .filter(({ name }) => name === 'vestibule.account')
        .map(({ name, value }) => ({ name, value, url: product.url })),
    )
  })
  after(async () => {
    await chromium?.close()
    await product?.stop()
    assert.deepEqual(chromium?.cspViolations, [])
  })

  async function open(path: string, language = 'en'): Promise<void> {
    await chromium.context.setExtraHTTPHeaders({ 'Accept-Language': language })
    const answer = await page.goto(`${product.url}/myaccount${path}`)
    assert.equal(answer?.status(), 200, path)
    assert.equal(await page.locator('html').getAttribute('lang'), language)
  }

  it('has nothing that axe finds fault with, does not scroll sideways at 320 pixels, and has room for fingers', async () => {
    const faults: string[] = []
    for (const language of ['en', 'ar', 'de'])
      for (const [name, path] of Object.entries(paths)) {
        await open(path, language)
        faults.push(...(await faultsSeen(page, { name: `${name}-${language}`, pictures: PICTURES })))
        const pressed = await looksOf(page, 'main button:visible, main a:visible')
        for (const { name: what, width, height } of pressed)
          if (height < 44 || width < 24) faults.push(`${name}, ${language}: ${what} is ${width} by ${height}`)
      }
    assert.deepEqual(faults, [])
  })

  it('runs nothing that a value says, and mirrors', async () => {
    await page.setViewportSize({ width: 1280, height: 800 })
    await open(paths.privacy, 'ar')
    assert.equal(await page.locator('html').getAttribute('dir'), 'rtl')
    assert.equal(await page.locator('main img, main iframe, main svg, main script').count(), 0)
    const [label] = await looksOf(page, '.detail h3')
    const button = await page.locator('.detail .button').first().boundingBox()
    const head = await page.locator('.detail h3').first().boundingBox()
    assert.ok(label && button && head && button.x < head.x, 'what can be pressed stands at the left')
  })

  it('takes no more presses to stop than to allow, by keyboard too', async () => {
    const pressesTo = async (name: string) => {
      await open(paths.privacy)
      let presses = 0
      for (; presses < 3; presses += 1) {
        const button = page.getByRole('button', { name, exact: true })
        if ((await button.count()) === 0) break
        await button.focus()
        await page.keyboard.press('Enter')
        await page.locator('[data-part="notice"]').waitFor()
      }
      return presses
    }
    const stop = await pressesTo('Stop and delete Department')
    const allow = await pressesTo('Allow Department')
    assert.deepEqual([stop, allow], [1, 1])
  })
})
