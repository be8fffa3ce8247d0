// The three trials of an identity provider in a real browser without JavaScript: they end where they should, run nothing that is claimed, and can be read.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { faultsSeen } from '../support/axe.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { makeOperator, OPERATOR_PASSWORD } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { newcomer } from '../support/visits.ts'

const HOSTILE = '"><script>document.title=1</script><img src=x onerror=document.title=1>\u202e'

describe('a trial of an identity provider', () => {
  let product: Product
  let chromium: Chromium
  before(async () => {
    product = await startProduct({ modes: ['username'] })
    await makeOperator(product, 'olu', 'owner')
  })
  afterEach(() => chromium.close())
  after(() => product.stop())

  async function signIn(javaScript: boolean): Promise<Page> {
    chromium = await openChromium({ javaScript })
    const { page } = chromium
    await page.goto(`${product.url}/console/sign-in`)
    await page.fill('#username', 'olu')
    await page.fill('#password', OPERATOR_PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    return page
  }

  const at = (below: string) => `${product.url}/console/identity-providers/username/${below}`

  /** Leaves by the button of a trial, in a new tab, and waits there for the result. */
  async function test(page: Page): Promise<Page> {
    await page.goto(at('test-sign-in'))
    const [tab] = await Promise.all([
      chromium.context.waitForEvent('page'),
      page.getByRole('button', { name: 'Test sign-in' }).click(),
    ])
    await tab.getByRole('heading', { name: 'Result of the test sign-in' }).waitFor()
    return tab
  }

  async function assertReadable(page: Page, name: string): Promise<void> {
    assert.deepEqual(await faultsSeen(page, { name: `trials-${name}`, pictures: process.env['SHOTS'] }), [])
  }

  it('goes to the idp and comes back in a tab of its own, without JavaScript', async () => {
    const person = newcomer({ name: HOSTILE })
    product.idp.person(person.sub, person)
    product.idp.signInAs = person.sub
    const page = await signIn(false)
    const tab = await test(page)
    assert.match((await tab.textContent('main')) ?? '', /register\.do would ask/)
    const [shown] = await Promise.all([
      chromium.context.waitForEvent('page'),
      tab.getByRole('link', { name: 'See the page (register.do)' }).click(),
    ])
    await shown.getByRole('button', { name: 'Create account' }).click()
    // A sandbox sends no form.
    assert.match(shown.url(), /\/test-sign-in\/[\w-]+\/page$/)
    assert.deepEqual(chromium.cspViolations, [])
  })

  it('can be read by everybody, whatever was claimed', async () => {
    const person = newcomer({ name: HOSTILE, preferred_username: HOSTILE, groups: [HOSTILE.repeat(20)] })
    product.idp.person(person.sub, person)
    product.idp.signInAs = person.sub
    const page = await signIn(true)
    await page.goto(at('test-connection'))
    await page.getByRole('button', { name: 'Test connection' }).click()
    await page.getByText('Everything is as a sign-in needs it').waitFor()
    await assertReadable(page, 'connection')
    await page.goto(at('try-mapping'))
    await page.fill('#claims', JSON.stringify({ ...person, email: undefined }, null, 2))
    await page.getByRole('button', { name: 'Try' }).click()
    await page.getByRole('heading', { name: 'What would happen' }).waitFor()
    await assertReadable(page, 'mapping')
    await page.goto(at('test-sign-in'))
    await assertReadable(page, 'sign-in')
    const tab = await test(page)
    assert.match(await tab.title(), /^Result of the test sign-in/)
    await assertReadable(tab, 'result')
    assert.deepEqual(chromium.consoleErrors, [])
  })
})
