// Connecting an account while signing in, in a real browser: with JavaScript and without, by keyboard alone, and at the width of a small telephone.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { faultsOf } from '../support/axe.ts'
import { openChromium } from '../support/chromium.ts'
import {
  CONNECT,
  type Owner,
  ownerByIdp,
  ownerWithPassword,
  sameAddress,
  startOffering,
} from '../support/connecting.ts'
import { overflowOf } from '../support/looks.ts'
import { PASSWORD } from '../support/people.ts'
import type { Product } from '../support/product.ts'
import { type Newcomer, signedIn } from '../support/visits.ts'

describe('connecting an account in Chromium', () => {
  let product: Product
  before(async () => {
    product = await startOffering({ modes: ['silent', 'consent', 'username'] })
  })
  after(() => product.stop())

  for (const javaScript of [false, true]) {
    const how = javaScript ? 'with JavaScript' : 'without JavaScript'
    it(`goes by the password, ${how}, at 320 pixels`, async () => {
      const owner = await ownerWithPassword(product)
      await inBrowser(javaScript, async (page) => {
        await page.setViewportSize({ width: 320, height: 640 })
        await enter(page, 'Acme consent', sameAddress(owner))
        await look(page, CONNECT)
        await page.getByRole('button', { name: 'Continue' }).click()
        assert.equal(await page.getByRole('heading', { name: 'There is a problem' }).count(), 1)
        await page.getByRole('link', { name: 'Select what you want to do' }).click()
        assert.equal(await page.evaluate('document.activeElement.id'), 'connect')
        await page.getByText('It is mine: connect Acme consent to it').click()
        await page.getByRole('button', { name: 'Continue' }).click()
        await look(page, `${CONNECT}/sign-in`)
        await page.getByLabel('Username').fill(owner.person.preferred_username)
        await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
        await page.getByRole('button', { name: 'Sign in and connect' }).click()
        await look(page, `${CONNECT}/finish`)
        assert.equal(await page.getByRole('checkbox', { checked: true }).count(), 0)
        await page.getByText('Department', { exact: true }).click()
        assert.equal(await page.getByRole('checkbox', { checked: true }).count(), 1)
        await page.getByRole('button', { name: 'Finish' }).click()
        await atApplication(page, owner)
      })
    })

    it(`goes by another idp and back, ${how}`, async () => {
      const owner = await ownerByIdp(product)
      await inBrowser(javaScript, async (page) => {
        await enter(page, 'Acme username', sameAddress(owner))
        await page.getByLabel('It is mine').check()
        await page.getByRole('button', { name: 'Continue' }).click()
        product.idp.person(owner.person.sub, owner.person)
        product.idp.signInAs = owner.person.sub
        await page.getByRole('link', { name: 'Sign in with Acme silent' }).click()
        await look(page, `${CONNECT}/finish`)
        await page.getByRole('button', { name: 'Finish' }).click()
        await atApplication(page, owner)
      })
    })
  }

  it('goes by keyboard alone', async () => {
    const owner = await ownerWithPassword(product)
    await inBrowser(true, async (page) => {
      await enter(page, 'Acme consent', sameAddress(owner))
      // The three ways are one stop, and Enter in it presses Continue.
      await tabTo(page, 'connect')
      await page.keyboard.press('Space')
      await page.keyboard.press('Enter')
      await page.waitForURL(`**${CONNECT}/sign-in?*`)
      await tabTo(page, 'username')
      await page.keyboard.type(owner.person.preferred_username)
      await page.keyboard.press('Tab')
      await page.keyboard.type(PASSWORD)
      await page.keyboard.press('Enter')
      await page.waitForURL(`**${CONNECT}/finish?*`)
      await tabTo(page, 'replace-department')
      await page.keyboard.press('Space')
      await page.keyboard.press('Enter')
      await atApplication(page, owner)
    })
  })

  async function enter(page: Page, idp: string, person: Newcomer): Promise<void> {
    product.idp.person(person.sub, person)
    product.idp.signInAs = person.sub
    await page.goto(`${product.application.url}/login`)
    await page.getByRole('link', { name: `Continue with ${idp}` }).click()
    await page.waitForURL(`**${CONNECT}?*`)
  }

  /** Is at this page, which fits and has nothing that axe finds; it needs a page whose scripts run. */
  async function look(page: Page, path: string): Promise<void> {
    await page.waitForURL(`**${path}?*`)
    assert.equal(await overflowOf(page), 0)
    if (await runsScripts(page)) assert.deepEqual(await faultsOf(page), [])
  }

  function runsScripts(page: Page): Promise<boolean> {
    return page.evaluate('matchMedia("(scripting: enabled)").matches')
  }

  async function atApplication(page: Page, owner: Owner): Promise<void> {
    await page.waitForURL(`${product.application.url}/**`)
    assert.equal(signedIn(product.application).sub, owner.id)
  }

  async function tabTo(page: Page, id: string): Promise<void> {
    for (let presses = 0; presses < 30; presses += 1) {
      if ((await page.evaluate('document.activeElement.id')) === id) return
      await page.keyboard.press('Tab')
    }
    assert.fail(`the keyboard does not come to ${id}`)
  }

  async function inBrowser(javaScript: boolean, work: (page: Page) => Promise<void>): Promise<void> {
    const { page, cspViolations, close } = await openChromium({ javaScript })
    try {
      await work(page)
      assert.deepEqual(cspViolations, [])
    } finally {
      await close()
    }
  }
})
