// S067: what changes who can come in is told by letter, to the address that was known to be theirs before it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { enterAccount, join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { type Product, startProduct } from '../support/product.ts'
import { openSmtpSink, type SmtpSink } from '../support/smtp.ts'
import { newcomer } from '../support/visits.ts'
import { beginConnecting, openSignIn } from '../support/ways-in.ts'

describe('letters about ways in', () => {
  let product: Product
  let sink: SmtpSink
  before(async () => {
    sink = await openSmtpSink()
    product = await startProduct({ modes: ['silent', 'consent'], smtpUrl: sink.url })
  })
  after(async () => {
    await product.stop()
    await sink.close()
  })

  const later = () => {
    product.clock.now = new Date(product.clock.now.getTime() + 5)
  }
  /** The letters since the last time, by whom they reached. */
  let seen = 0
  async function letters(count: number): Promise<string[]> {
    await product.running.house.postman?.sendDue()
    const all = await sink.arrived(seen + count)
    const fresh = all.slice(seen).map(({ recipients, subject }) => `${recipients.join()}: ${subject}`)
    seen = all.length
    return fresh.toSorted()
  }
  async function inside() {
    later()
    const person = newcomer()
    await join(product, 'silent', person)
    const browser = openBrowser()
    await enterAccount(product, 'silent', person, { browser })
    return { person, browser }
  }
  async function setPassword(browser: Browser, button: string, password: string): Promise<void> {
    const page = await (await openSignIn(product, browser)).click(button)
    later()
    await page.fill({ password }).press(button)
    later()
  }

  it('tell of a password that is set, and of one that is changed', async () => {
    const { person, browser } = await inside()
    await setPassword(browser, 'Set a password', 'a boat on quiet water')
    assert.deepEqual(await letters(1), [`${person.email}: Your account at Northwind has a password now`])
    await setPassword(browser, 'Change password', 'a boat on rough water')
    assert.deepEqual(await letters(1), [`${person.email}: The password of your account at Northwind was changed`])
  })

  it('tell of an idp to the address of before: when it brings another one, and when nobody has checked it any more', async () => {
    const { person, browser } = await inside()
    const there = newcomer()
    const page = await beginConnecting(product, browser, 'consent', there)
    await page.tick('email').press('Connect Acme consent')
    assert.deepEqual(await letters(2), [
      `${person.email}: Acme consent is now connected to your account at Northwind`,
      `${person.email}: The email address of your account at Northwind was changed`,
    ])
    later()
    await (await (await openSignIn(product, browser)).click('Disconnect Acme consent')).press('Disconnect')
    assert.deepEqual(await letters(1), [
      `${there.email}: Acme consent is no longer connected to your account at Northwind`,
    ])
  })

  it('tell of a sign-out everywhere, in the language of the page', async () => {
    const { person, browser } = await inside()
    later()
    await (await (await openSignIn(product, browser)).click('Deutsch')).press('Überall abmelden')
    const [letter = ''] = await letters(1)
    assert.ok(letter.startsWith(`${person.email}: `))
    const [last] = sink.letters().slice(-1)
    assert.equal(last?.headers['content-language'], 'de')
  })

  it('tell nothing of what was not done', async () => {
    const { browser } = await inside()
    const page = await beginConnecting(product, browser, 'consent', newcomer())
    await page.press('Do not connect')
    const only = await (await openSignIn(product, browser)).click('Disconnect Acme silent')
    assert.equal(only.status, 422)
    assert.deepEqual(await letters(0), [])
  })
})
