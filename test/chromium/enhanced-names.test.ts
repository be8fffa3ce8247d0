// The federated unique id as people meet it: read, selected, copied, with JavaScript and without, small, mirrored, light and dark.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { faultsOf, faultsSeen } from '../support/axe.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { openConsole } from '../support/console.ts'
import { UNIQUE_ID, withEnhanced } from '../support/enhanced.ts'
import { looksOf, overflowOf } from '../support/looks.ts'
import { PASSWORD } from '../support/people.ts'
import { type Mode, type Product, startProduct } from '../support/product.ts'
import { knownPerson, type Newcomer, newcomer } from '../support/visits.ts'

/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env.PICTURES

describe('a username that was made for the person, in Chromium', () => {
  let product: Product
  const open: Chromium[] = []
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent', 'username'], change: withEnhanced })
  })
  after(async () => {
    for (const chromium of open) {
      assert.deepEqual([chromium.cspViolations, chromium.consoleErrors], [[], []])
      await chromium.close()
    }
    await product?.stop()
  })

  async function browser(javaScript: boolean): Promise<Chromium> {
    const chromium = await openChromium({ javaScript })
    if (javaScript) await chromium.context.grantPermissions(['clipboard-read', 'clipboard-write'])
    open.push(chromium)
    return chromium
  }

  /** Somebody new at the page of this mode. */
  async function arrive(page: Page, mode: Mode, claims = {}): Promise<Newcomer> {
    const person = newcomer(claims)
    product.idp.person(person.sub, person)
    product.idp.signInAs = person.sub
    await page.goto(`${product.application.url}/login`)
    await page.locator('a', { hasText: `Acme ${mode}` }).click()
    return person
  }

  const idOn = (page: Page) => page.locator('.unique-id bdi')
  const goOn = async (page: Page) => {
    await page.getByRole('checkbox', { name: 'Email address' }).check()
    await page.getByRole('button', { name: 'Create account', exact: true }).click()
    await page.waitForURL(`${product.application.url}/**`)
  }

  for (const javaScript of [true, false]) {
    it(`${javaScript ? 'is copied by a button' : 'is selected whole at a press'} ${javaScript ? 'with' : 'without'} JavaScript, and is then the username`, async () => {
      const { page } = await browser(javaScript)
      const person = await arrive(page, 'username')
      assert.equal(new URL(page.url()).pathname, '/accountrecoveryendpoint/register.do')
      const id = await idOn(page).innerText()
      assert.match(id, UNIQUE_ID)
      const button = page.getByRole('button', { name: 'Copy Your username' })
      assert.equal(await button.count(), javaScript ? 1 : 0)
      // There is nothing to type a name into, nor is anything left of one in the order of the keyboard.
      assert.equal(await page.getByRole('textbox', { name: /username/i }).count(), 0)
      if (javaScript) {
        await button.click()
        assert.equal(await page.evaluate('navigator.clipboard.readText()'), id)
        assert.equal(await page.locator('.unique-id [role=status]').innerText(), 'Copied')
      } else {
        await idOn(page).click()
        assert.equal(await page.evaluate('String(getSelection())'), id)
      }
      await page.getByLabel('Create a password').fill(PASSWORD)
      await goOn(page)
      assert.equal((await knownPerson(product, person.sub)).user.username, id)
    })
  }

  it('is selected where the browser does not let the page copy', async () => {
    const { page, context } = await browser(true)
    await arrive(page, 'consent')
    await context.clearPermissions()
    await page.evaluate(`navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed'))`)
    await page.getByRole('button', { name: 'Copy Your username' }).click()
    assert.equal(await page.evaluate('String(getSelection())'), await idOn(page).innerText())
  })

  it('has nothing that axe finds fault with, fits 320 pixels whole, and has room for fingers: prompts, My Account and console', async () => {
    const [chromium, plain] = [await browser(true), await browser(false)]
    const faults: string[] = []
    const look = async (name: string, page: Page) => {
      const language = await page.locator('html').getAttribute('lang')
      const also = async (seat: string) => {
        const small = (await looksOf(page, '.unique-id button')).filter(({ height }) => height < 44)
        faults.push(...small.map((one) => `${seat}: too small for a finger: ${one.name}`))
      }
      const as = `${name.replaceAll(' ', '-')}-${language}`
      faults.push(...(await faultsSeen(page, { name: as, withAxe: page !== plain.page, also, pictures: PICTURES })))
    }
    // With JavaScript last: that person goes on.
    for (const language of ['ar', 'de', 'en'])
      for (const [how, { page, context }] of [
        ['without', plain],
        ['with', chromium],
      ] as const) {
        await context.clearCookies()
        await context.setExtraHTTPHeaders({ 'Accept-Language': language })
        for (const [mode, view] of [
          ['username', 'register'],
          ['consent', 'signup'],
        ] as const) {
          await arrive(page, mode, { name: 'Ada Byron' })
          assert.equal(await page.locator('html').getAttribute('lang'), language)
          await look(`${view} ${how}`, page)
        }
      }
    await goOn(chromium.page)
    for (const language of ['ar', 'de', 'en']) {
      await chromium.context.setExtraHTTPHeaders({ 'Accept-Language': language })
      await chromium.page.goto(`${product.url}/myaccount`)
      if (chromium.page.url().includes('login.do'))
        await chromium.page.locator('a', { hasText: 'Acme consent' }).click()
      assert.match(await idOn(chromium.page).innerText(), UNIQUE_ID)
      assert.equal(await chromium.page.locator('[data-part="read-only"]').count(), 1)
      await look('profile', chromium.page)
    }
    const operator = await openConsole(product, { username: 'olu' })
    await chromium.context.addCookies(
      operator.browser.cookies
        .list()
        .filter(({ name }) => name.includes('console'))
        .map(({ name, value }) => ({ name, value, url: product.url })),
    )
    await chromium.page.goto(`${product.url}/console/users`)
    for (const [name, to] of [
      ['users', undefined],
      ['user', UNIQUE_ID],
    ] as const) {
      if (to) await chromium.page.getByRole('link', { name: to }).first().click()
      await chromium.page.setViewportSize({ width: 320, height: 800 })
      faults.push(...(await faultsOf(chromium.page)).map((fault) => `console ${name}: ${fault}`))
      if ((await overflowOf(chromium.page)) > 0) faults.push(`console ${name}: scrolls sideways`)
      if (PICTURES !== undefined)
        await chromium.page.screenshot({ path: `${PICTURES}/console-${name}.png`, fullPage: true })
    }
    assert.deepEqual(faults, [])
  })
})
