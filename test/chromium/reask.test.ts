// The page about a purpose that changed as people meet it: small, mirrored, dark, without JavaScript, by screen reader.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { join } from '../support/account.ts'
import { faultsSeen } from '../support/axe.ts'
import { openChromium } from '../support/chromium.ts'
import { contrastOf, looksOf } from '../support/looks.ts'
import { type Product, startProduct } from '../support/product.ts'
import { editPurpose } from '../support/purposes.ts'
import { newcomer, signedIn } from '../support/visits.ts'

/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env.PICTURES
const DAY = 86_400_000

describe('the page about a change', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['consent'] })
  })
  after(() => product.stop())

  /** Somebody who joined, and then a purpose changed; the page, in a browser of these settings. */
  async function asked(
    { isDue = false, ...options }: { isDue?: boolean; javaScript?: boolean; language?: string },
    work: (page: Page, id: string) => Promise<void>,
  ): Promise<void> {
    product.clock.now = new Date()
    const person = newcomer({ name: 'Asha Rao' })
    const id = await join(product, 'consent', person, { ticks: ['recover:email', 'recover:phone_number'] })
    const acceptBy = new Date(Date.now() + DAY).toISOString().slice(0, 10)
    const description = `So that we can call you back (${person.sub})`
    await editPurpose(product.running.house, 'recover', (purpose) => ({
      ...purpose,
      description,
      acceptBy,
      translations: { ar: { purpose: 'استعادة حسابك', description: `لكي نتصل بك (${person.sub})` } },
    }))
    if (isDue) product.clock.now = new Date(Date.now() + 3 * DAY)
    product.idp.person(person.sub, person)
    product.idp.signInAs = person.sub
    const { javaScript = false, language = 'en' } = options
    const chromium = await openChromium({ javaScript, context: { locale: language } })
    try {
      await chromium.page.goto(`${product.application.url}/login`)
      assert.match(chromium.page.url(), /\/signup\.do/)
      await work(chromium.page, id)
      assert.deepEqual(chromium.cspViolations, [])
    } finally {
      await chromium.close()
    }
  }

  for (const language of ['en', 'ar'])
    for (const isDue of [false, true])
      it(`in ${language}${isDue ? ', after its day' : ''} fits 320 pixels, light and dark, and axe finds nothing`, () =>
        asked({ isDue, javaScript: true, language }, async (page) => {
          assert.equal(await page.locator('html').getAttribute('dir'), language === 'ar' ? 'rtl' : 'ltr')
          for (const state of ['first', 'again']) {
            const name = `reask-${language}-${isDue ? 'due' : 'open'}-${state}`
            const also = async (seat: string) => {
              const [save, other] = await looksOf(page, '[data-part="actions"] button')
              assert.ok(save && other && save.height >= 44 && other.width >= save.width, seat)
              assert.equal(other.height, save.height, seat)
              for (const { style, background } of [save, other])
                assert.ok(contrastOf(style['color'] ?? '', background) >= 4.5, seat)
            }
            assert.deepEqual(await faultsSeen(page, { name, also, pictures: PICTURES }), [])
            if (state === 'again' || !isDue) break
            await page.locator('[data-part="actions"] button').first().click()
            await page.waitForSelector('[data-part="problems"]')
          }
        }))

  it('is answered without JavaScript, with the value, what it is needed for and until when on it, and no box ticked', () =>
    asked({}, async (page, id) => {
      const text = await page.locator('main').innerText()
      assert.match(text, /One thing has changed/)
      assert.match(text, /You can put this off until/)
      assert.match(text, /Needed for your account/)
      assert.doesNotMatch(text, /create/i)
      const boxes = page.getByRole('checkbox')
      assert.equal(await boxes.count(), 2)
      for (const box of await boxes.all()) assert.equal(await box.isChecked(), false)
      await page.getByRole('checkbox', { name: 'Email address' }).check()
      await page.getByRole('button', { name: 'Save my choice' }).click()
      await page.waitForURL((url) => url.origin === new URL(product.application.url).origin)
      assert.equal(signedIn(product.application).sub, id)
    }))

  it('that is not agreed to after its day leads back to the application, without JavaScript', () =>
    asked({ isDue: true }, async (page) => {
      await page.getByRole('button', { name: 'Do not sign in' }).click()
      await page.getByRole('heading', { name: 'You did not agree to what changed' }).waitFor()
      await page.getByRole('link', { name: 'Return to Travel' }).click()
      await page.waitForURL((url) => url.origin === new URL(product.application.url).origin)
    }))
})
