// Second factors in My Account as people meet them: small, mirrored, light and dark, with and without JavaScript, by keyboard.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { enterAs, join } from '../support/account.ts'
import { faultsSeen } from '../support/axe.ts'
import { openBrowser } from '../support/browser.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { codeOf, enhanced, giveBackupCodes, giveEmailCodes, giveTotp, growOld, mailedCode } from '../support/factors.ts'
import { looksOf } from '../support/looks.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, PURPOSES, startProduct } from '../support/product.ts'
import { openSmtpSink, type SmtpSink } from '../support/smtp.ts'
import { newcomer } from '../support/visits.ts'

/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env.PICTURES
const HOME = '/myaccount/sign-in'

describe('second factors in a browser', () => {
  let product: Product
  let sink: SmtpSink
  const open: Chromium[] = []
  before(async () => {
    sink = await openSmtpSink()
    product = await startProduct({
      modes: ['password', 'silent'],
      smtpUrl: sink.url,
      change: enhanced({}),
      purposes: PURPOSES,
    })
  })
  after(async () => {
    for (const chromium of open) {
      assert.deepEqual(chromium.cspViolations, [])
      await chromium.close()
    }
    await product?.stop()
    await sink.close()
  })

  /** Somebody with a password, signed in to My Account in this browser, which has just proved who they are. */
  async function somebody({ javaScript = true, email = undefined as string | undefined } = {}) {
    product.clock.now = new Date(Math.max(Date.now(), product.clock.now.getTime() + 1_000))
    const person = newcomer(email === undefined ? {} : { email })
    const id = await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    const browser = openBrowser()
    await enterAs(product, person, PASSWORD, { browser })
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
  const later = () => {
    product.clock.now = new Date(product.clock.now.getTime() + 30_000)
  }

  /** Everything that is wrong with the page that is open, in this language: axe, width, room for fingers. */
  async function faultsHere(page: Page, where: string): Promise<string[]> {
    const faults = await faultsSeen(page, { name: where, pictures: PICTURES })
    for (const { name, width, height } of await looksOf(page, 'main button:visible, main a.button:visible'))
      if (height < 44 || width < 24) faults.push(`${where}: ${name} is ${width} by ${height}`)
    return faults
  }

  it('have nothing that axe finds fault with, do not scroll sideways at 320 pixels, and have room for fingers', async () => {
    const long = `${'a-very-long-mailbox-'.repeat(2)}@${'a-very-long-domain-'.repeat(3)}name.example`
    const [none, all] = [await somebody(), await somebody({ email: long })]
    await giveTotp(product, all.id)
    await giveEmailCodes(product, all.id)
    await giveBackupCodes(product, all.id)
    const faults: string[] = []
    const looks: [name: string, who: typeof none, path: string][] = [
      ['section-none', none, HOME],
      ['totp', none, `${HOME}/factors/totp`],
      ['email', none, `${HOME}/factors/email`],
      ['section-all', all, HOME],
      ['code-totp', all, '/myaccount/confirm/code?next=%2Fclose'],
      ['code-email', all, '/myaccount/confirm/code?next=%2Fclose&by=email'],
      ['code-backup', all, '/myaccount/confirm/code?next=%2Fclose&by=backup'],
    ]
    for (const language of ['en', 'ar', 'de']) {
      for (const { chromium } of [none, all])
        await chromium.context.setExtraHTTPHeaders({ 'Accept-Language': language })
      for (const [name, { page }, path] of looks) {
        assert.equal((await go(page, path))?.status(), 200, name)
        assert.equal(await page.locator('html').getAttribute('lang'), language)
        faults.push(...(await faultsHere(page, `${name}-${language}`)))
      }
      await go(none.page, `${HOME}/factors/totp`)
      await none.page.locator('main .primary').click()
      assert.equal(await none.page.locator('.summary').count(), 1)
      faults.push(...(await faultsHere(none.page, `totp-wrong-${language}`)))
    }
    assert.deepEqual(faults, [])
  })

  it('show what was sent, what is removed and the codes in each language, and no fault either', async () => {
    const faults: string[] = []
    for (const language of ['en', 'ar', 'de']) {
      const { page, chromium, id } = await somebody()
      await chromium.context.setExtraHTTPHeaders({ 'Accept-Language': language })
      await go(page, `${HOME}/factors/email`)
      await page.locator('#send').click()
      await page.locator('#code').waitFor()
      faults.push(...(await faultsHere(page, `email-sent-${language}`)))
      await go(page, `${HOME}/factors/totp`)
      const key = (await page.locator('.key').innerText()).replaceAll(' ', '')
      await page.locator('#code').fill(codeOf(key, product.clock.now))
      later()
      await page.locator('main .primary').click()
      await page.locator('.codes').waitFor()
      faults.push(...(await faultsHere(page, `codes-${language}`)))
      await go(page, `${HOME}/factors/backup-codes`)
      faults.push(...(await faultsHere(page, `codes-new-${language}`)))
      await go(page, `${HOME}/factors/totp/remove`)
      faults.push(...(await faultsHere(page, `remove-${language}`)))
      await product.rows('DELETE FROM brakes')
      assert.ok(id)
    }
    assert.deepEqual(faults, [])
  })

  for (const javaScript of [false, true])
    it(`are set up, shown, made anew and removed ${javaScript ? 'with' : 'without'} JavaScript`, async () => {
      const { person, page } = await somebody({ javaScript })
      await go(page, HOME)
      await page.getByRole('link', { name: 'Set up an authenticator app' }).click()
      const box = await page.locator('svg.qr').boundingBox()
      assert.ok(box && box.width >= 200 && box.width <= 260, JSON.stringify(box))
      const secret = (await page.locator('.key').innerText()).replaceAll(' ', '')
      await page.getByLabel('Your code').fill(codeOf(secret, product.clock.now))
      await page.getByRole('button', { name: 'Turn on' }).click()
      await page.getByRole('heading', { name: 'Keep your backup codes' }).waitFor()
      const codes = await page.locator('.codes code').allInnerTexts()
      assert.equal(codes.length, 10)
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Save them as a file' }).click(),
      ])
      assert.equal(download.suggestedFilename(), 'backup-codes.txt')
      const file = readFileSync(await download.path(), 'utf8')
      for (const code of codes) assert.ok(file.includes(code))
      assert.equal(await page.getByRole('button', { name: 'Print' }).count(), javaScript ? 1 : 0)
      later()
      await page.getByRole('link', { name: 'I have kept them' }).click()
      await page.getByRole('link', { name: 'Set up codes by email' }).click()
      await page.getByRole('button', { name: 'Send a code' }).click()
      await page.getByLabel('Your code').fill(await mailedCode(sink, person.email))
      later()
      await page.getByRole('button', { name: 'Turn on' }).click()
      // Whoever has backup codes keeps them.
      assert.match(await page.locator('[data-part="notice"]').innerText(), /Your second factor is set up/)
      assert.match(
        await page.locator('[data-part="factors"]').innerText(),
        /Authenticator app.*Codes by email.*10 codes are left/s,
      )

      growOld(product)
      await page.locator('[data-part="factors"] a', { hasText: 'Remove' }).first().click()
      assert.equal(pathOf(page), '/myaccount/confirm')
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
      await page.getByRole('button', { name: 'Confirm', exact: true }).click()
      assert.equal(pathOf(page), '/myaccount/confirm/code')
      await page.getByRole('link', { name: 'Use a backup code' }).click()
      await page.getByLabel('Backup code').fill(codes[0]?.toUpperCase() ?? '')
      await page.getByRole('button', { name: 'Confirm', exact: true }).click()
      assert.equal(pathOf(page), `${HOME}/factors/totp/remove`)
      later()
      await page.getByRole('button', { name: 'Remove' }).click()
      assert.match(await page.locator('[data-part="notice"]').innerText(), /It is removed/)
      await page.getByRole('link', { name: 'Make new backup codes' }).click()
      await page.getByRole('button', { name: 'Make new codes' }).click()
      assert.equal(await page.locator('.codes li').count(), 10)
    })

  it('are set up by keyboard alone: Enter in the field ends it, and an error takes the focus', async () => {
    const { page } = await somebody()
    await go(page, HOME)
    await page.getByRole('link', { name: 'Set up an authenticator app' }).focus()
    await page.keyboard.press('Enter')
    await page.getByLabel('Your code').focus()
    await page.keyboard.type('12')
    await page.keyboard.press('Enter')
    await page.locator('.summary').waitFor()
    assert.equal(await page.locator('.summary:focus').count(), 1)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    assert.equal(await page.locator('#code:focus').count(), 1)
    const secret = (await page.locator('.key').innerText()).replaceAll(' ', '')
    await page.waitForTimeout(1_000)
    await page.getByLabel('Your code').fill('')
    await page.keyboard.type(codeOf(secret, product.clock.now))
    await page.keyboard.press('Enter')
    await page.locator('.codes').waitFor()
  })
})
