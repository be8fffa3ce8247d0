// The receipt, the history and the words in a real browser: for everybody, on a narrow screen, in the dark, from right to left, and on paper.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { join } from '../support/account.ts'
import { faultsOf } from '../support/axe.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { type Product, startProduct } from '../support/product.ts'
import { newcomer } from '../support/visits.ts'

const PAGES = ['receipt', 'receipt?purpose=recover', 'history', 'words']

describe('the receipt and the history of choices', () => {
  let product: Product
  let notice: string
  const person = newcomer()
  before(async () => {
    product = await startProduct({ modes: ['consent'] })
    await join(product, 'consent', person, { ticks: ['recover:email', 'office:department'] })
    const [row] = await product.rows<{ hash: string }>('SELECT hash FROM notices')
    notice = row?.hash ?? ''
  })
  const open: Chromium[] = []
  afterEach(() => Promise.all(open.splice(0).map((chromium) => chromium.close())))
  after(() => product.stop())

  const address = (page: string) =>
    `${product.url}/myaccount/privacy/${page === 'words' ? `words?notice=${notice}` : page}`

  async function enter(javaScript: boolean): Promise<Chromium> {
    product.idp.signInAs = person.sub
    const chromium = await openChromium({ javaScript })
    open.push(chromium)
    await chromium.page.goto(address('receipt'))
    await chromium.page.getByText('Continue with Acme consent').click()
    await chromium.page.waitForURL('**/myaccount/privacy/receipt')
    return chromium
  }

  it('have no fault that axe finds, and nothing to scroll sideways at 320 px', async () => {
    const { page, consoleErrors, cspViolations } = await enter(true)
    await page.setViewportSize({ width: 320, height: 640 })
    for (const language of ['en', 'ar'])
      for (const one of PAGES) {
        const to = address(one)
        await page.goto(`${to}${to.includes('?') ? '&' : '?'}language=${language}`)
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          assert.deepEqual(await faultsOf(page), [], `${one} ${language} ${colorScheme}`)
        }
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320, `${one} ${language}`)
      }
    assert.deepEqual([consoleErrors, cspViolations], [[], []])
  })

  it('are printed without what can only be pressed, with what they say', async () => {
    const { page } = await enter(false)
    await page.emulateMedia({ media: 'print' })
    for (const one of ['nav', 'button', '[data-part="ways"]', '[data-part="print"]', '.entries a', '.skip'])
      for (const found of await page.locator(one).all()) assert.equal(await found.isVisible(), false, one)
    for (const one of ['h1', '.facts', '.entries .code', '[data-part="purpose"] h2'])
      assert.equal(await page.locator(one).first().isVisible(), true, one)
  })

  it('are printed by a button where there is a script, and without one the page says how', async () => {
    const { page } = await enter(true)
    await page.evaluate('window.print = () => { document.title = "printed" }')
    await page.getByRole('button', { name: 'Print' }).click()
    assert.equal(await page.title(), 'printed')
    const without = await enter(false)
    assert.equal(await without.page.getByText('use the print command of your browser').isVisible(), true)
    assert.equal(await without.page.getByRole('button', { name: 'Print' }).count(), 0)
  })
})
