// The second factor at a sign-in as people meet it: set up and shown by each way, small, mirrored, dark, without JavaScript, by keyboard alone.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { join } from '../support/account.ts'
import { faultsSeen } from '../support/axe.ts'
import { openChromium } from '../support/chromium.ts'
import { codeOf, enhanced, giveBackupCodes, giveEmailCodes, giveTotp, mailedCode } from '../support/factors.ts'
import { looksOf } from '../support/looks.ts'
import { type Product, startProduct } from '../support/product.ts'
import { openSmtpSink, type SmtpSink } from '../support/smtp.ts'
import { type Newcomer, newcomer, signedIn } from '../support/visits.ts'

/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env.PICTURES

describe('the second factor', () => {
  let product: Product
  let sink: SmtpSink
  before(async () => {
    sink = await openSmtpSink()
    product = await startProduct({ modes: ['silent'], smtpUrl: sink.url, change: enhanced({}) })
  })
  after(async () => {
    await product.stop()
    await sink.close()
  })

  // The library of the OpenID Provider has a clock of its own.
  beforeEach(() => {
    product.clock.now = new Date()
  })

  async function inBrowser(
    person: Newcomer,
    options: { javaScript?: boolean; language?: string },
    work: (page: Page) => Promise<void>,
  ): Promise<void> {
    product.idp.person(person.sub, person)
    product.idp.signInAs = person.sub
    const { javaScript = false, language = 'en' } = options
    const chromium = await openChromium({ javaScript, context: { locale: language } })
    try {
      await chromium.page.goto(`${product.application.url}/login`)
      await work(chromium.page)
      assert.deepEqual(chromium.cspViolations, [])
    } finally {
      await chromium.close()
    }
  }

  /** axe is a script, and runs where the page's own may. */
  async function looked(page: Page, name: string, javaScript = true): Promise<void> {
    const also = async (seat: string) => {
      for (const button of await looksOf(page, '[data-part="actions"] .button')) assert.ok(button.height >= 44, seat)
    }
    assert.deepEqual(await faultsSeen(page, { name, withAxe: javaScript, also, pictures: PICTURES }), [])
  }

  const backAtTheApplication = (page: Page) =>
    page.waitForURL((url) => url.origin === new URL(product.application.url).origin)

  for (const javaScript of [false, true])
    it(`is set up and then shown with an app, ${javaScript ? 'with' : 'without'} JavaScript`, async () => {
      const person = newcomer()
      await product.redeclare(enhanced({ everybody: true }))
      let secret = ''
      await inBrowser(person, { javaScript }, async (page) => {
        await page.getByRole('heading', { name: 'Set up a second factor' }).waitFor()
        await looked(page, `enrol-${javaScript ? 'script' : 'plain'}`, javaScript)
        const box = await page.locator('svg.qr').boundingBox()
        assert.ok(box && box.width >= 200 && box.width <= 260, JSON.stringify(box))
        secret = (await page.locator('code.key').innerText()).replaceAll(' ', '')
        const code = page.getByLabel('Your code')
        assert.equal(await code.getAttribute('autocomplete'), 'one-time-code')
        await code.fill(codeOf(secret, product.clock.now))
        await page.getByRole('button', { name: 'Continue' }).click()
        await page.getByRole('heading', { name: 'Keep your backup codes' }).waitFor()
        await looked(page, `codes-${javaScript ? 'script' : 'plain'}`, javaScript)
        await page.getByRole('link', { name: 'I have kept them' }).click()
        await backAtTheApplication(page)
      })
      const { sub } = signedIn(product.application)
      await product.redeclare(enhanced({}))
      product.clock.now = new Date(product.clock.now.getTime() + 30_000)
      await inBrowser(person, { javaScript }, async (page) => {
        await page.getByRole('heading', { name: 'Enter the code of your app' }).waitFor()
        await looked(page, `totp-${javaScript ? 'script' : 'plain'}`, javaScript)
        await page.getByLabel('Your code').fill(codeOf(secret, product.clock.now))
        // Whoever is done presses Enter.
        await page.keyboard.press('Enter')
        await backAtTheApplication(page)
      })
      assert.equal(signedIn(product.application).sub, sub)
    })

  it('is shown with a code by email, by keyboard alone', async () => {
    const person = newcomer()
    const userId = await join(product, 'silent', person)
    await giveEmailCodes(product, userId)
    await inBrowser(person, { javaScript: true }, async (page) => {
      await looked(page, 'email-before')
      await page.getByRole('button', { name: 'Send a code' }).focus()
      await page.keyboard.press('Enter')
      await page.getByLabel('Your code').waitFor()
      await looked(page, 'email-sent')
      assert.doesNotMatch(await page.content(), new RegExp(person.email))
      await page.getByLabel('Your code').focus()
      await page.keyboard.type(await mailedCode(sink, person.email))
      await page.keyboard.press('Enter')
      await backAtTheApplication(page)
    })
    assert.equal(signedIn(product.application).sub, userId)
  })

  it('is shown with a backup code, as people copy it, in Arabic and from right to left', async () => {
    const person = newcomer()
    const userId = await join(product, 'silent', person)
    await giveTotp(product, userId)
    const [code = ''] = await giveBackupCodes(product, userId, 2)
    await inBrowser(person, { javaScript: true, language: 'ar' }, async (page) => {
      assert.equal(await page.locator('html').getAttribute('dir'), 'rtl')
      await looked(page, 'totp-ar')
      await page.getByRole('link', { name: 'استخدم رمزًا احتياطيًا' }).click()
      await looked(page, 'backup-ar')
      await page.locator('#code').fill(` ${code.toUpperCase().replaceAll('-', ' ')}`)
      await page.getByRole('button', { name: 'متابعة' }).click()
      await backAtTheApplication(page)
    })
    assert.equal(signedIn(product.application).sub, userId)
    await inBrowser(person, { javaScript: true }, async (page) => {
      await page.getByRole('link', { name: 'Use a backup code' }).click()
      await page.locator('#code').fill(code)
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.waitForSelector('[data-part="problems"]')
      await looked(page, 'backup-again')
    })
  })
})
