// What operators chose, in a real browser: it is drawn, it can be read, and no picture runs anything.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { publish, readDraft, saveDraft } from '../../src/themes/publish.ts'
import { changed, NORTHERN, svg } from '../support/appearances.ts'
import { faultsOf, faultsSeen } from '../support/axe.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { makeOperator, OPERATOR_PASSWORD } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'

describe('an appearance in a browser', () => {
  let product: Product
  let chromium: Chromium
  before(async () => {
    product = await startProduct({ modes: ['silent', 'username'] })
    chromium = await openChromium({ javaScript: true })
    await makeOperator(product, 'grace', 'owner')
  })
  after(async () => {
    await chromium.close()
    await product.stop()
  })

  async function putInUse(appearance: Parameters<typeof saveDraft>[1]['appearance'], useAnyway = false): Promise<void> {
    const { house } = product.running
    const { version } = await readDraft(house)
    const saved = await saveDraft(house, { version, appearance }, { name: 'grace' })
    assert.ok(saved.kind === 'saved', JSON.stringify(saved))
    const published = await publish(house, { version: saved.version, note: '', useAnyway }, { name: 'grace' })
    assert.equal(published.kind, 'published')
  }

  /** What axe says of the contrast on the page to sign in, light and dark. */
  async function faintThere(): Promise<string[]> {
    const { page } = chromium
    await page.goto(`${product.application.url}/login`)
    const faults: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      faults.push(...(await faultsOf(page)).map((fault) => `${colorScheme} ${fault}`))
    }
    return faults
  }

  const colourOf = (selector: string, property: string) =>
    chromium.page.evaluate<string>(`getComputedStyle(document.querySelector('${selector}')).${property}`)

  it('is drawn, and axe finds nothing that our own rules let through', async () => {
    await putInUse({ ...NORTHERN })
    assert.deepEqual(await faintThere(), [])
    const { page } = chromium
    await page.emulateMedia({ colorScheme: 'light' })
    assert.equal(await colourOf('main .primary', 'backgroundColor'), 'rgb(122, 31, 162)')
    await page.emulateMedia({ colorScheme: 'dark' })
    assert.equal(await colourOf('main .primary', 'backgroundColor'), 'rgb(224, 176, 255)')
    assert.equal(await page.evaluate('document.querySelector("header img").naturalWidth > 0'), true)
    assert.deepEqual(chromium.cspViolations, [])
  })

  for (const [language, side] of [
    ['en', 'left'],
    ['ar', 'right'],
  ] as const) {
    it(`makes no page scroll sideways by a wide logo at 320 pixels, and the name stands below it, from the ${side}`, async () => {
      const wide = svg(
        '<svg xmlns="http://www.w3.org/2000/svg" width="700" height="60"><rect width="700" height="60"/></svg>',
      )
      await putInUse(changed({ logo: wide }))
      const { page } = chromium
      await page.setViewportSize({ width: 320, height: 640 })
      await page.goto(`${product.url}/authenticationendpoint/nowhere?language=${language}`)
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320)
      const boxOf = async (part: string) => (await page.locator(`header ${part}`).boundingBox()) ?? assert.fail(part)
      const [logo, name] = [await boxOf('img'), await boxOf('bdi')]
      assert.ok(logo.width > 200 && name.width > 100 && name.height < 40, JSON.stringify([logo, name]))
      assert.ok(name.y >= logo.y + logo.height)
      assert.ok(Math.abs((await edgeOfName(side)) - (side === 'left' ? 16 : 304)) < 2)
      const position = await page.evaluate("getComputedStyle(document.querySelector('header img')).objectPosition")
      assert.equal(position, `${side === 'left' ? 0 : 100}% 50%`)
      await page.setViewportSize({ width: 1280, height: 720 })
      await putInUse({ ...NORTHERN })
    })
  }

  /** Where the letters of the name begin or end: its box is wider. */
  function edgeOfName(side: 'left' | 'right'): Promise<number> {
    const letters =
      "(() => { const range = new Range(); range.selectNodeContents(document.querySelector('header bdi')); return range })()"
    return chromium.page.evaluate(`${letters}.getBoundingClientRect().${side}`)
  }

  it('is too faint for axe where our rules say so', async () => {
    await putInUse(changed({ tokens: { light: { 'color-text': '#9a9a9a' }, dark: {} } }), true)
    const faults = await faintThere()
    assert.ok(faults.length > 0 && faults.every((fault) => /^light color-contrast: /.test(fault)), faults.join('\\n'))
    await putInUse({ ...NORTHERN })
  })

  it('runs no script of a picture, were there one, even opened by itself', async () => {
    // Nobody can publish such a picture: this is what would become of it.
    const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>document.documentElement.id = "ran"</script></svg>'
    const { page } = chromium
    const address = `${product.url}${product.running.house.appearance.look().logo}`
    await page.route(address, async (route) => {
      const response = await route.fetch()
      await route.fulfill({ response, body: svg })
    })
    await page.goto(address)
    assert.equal(await page.evaluate('document.documentElement.id'), '')
    await page.unroute(address)
    chromium.consoleErrors.length = 0
  })

  it('is previewed without a script and without a form that is sent', async () => {
    const { page } = chromium
    await page.goto(`${product.url}/console/sign-in`)
    await page.fill('#username', 'grace')
    await page.fill('#password', OPERATOR_PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.goto(`${product.url}/console/appearance/preview/en/register-first-view`)
    await page.emulateMedia({ colorScheme: 'light' })
    assert.equal(await colourOf('main .primary', 'backgroundColor'), 'rgb(122, 31, 162)')
    // The script of the page adds a button to every password.
    assert.equal(await page.locator('[aria-pressed]').count(), 0)
    const before = page.url()
    await page.getByRole('button', { name: 'Create account' }).click()
    assert.equal(page.url(), before)
    assert.ok(
      chromium.consoleErrors.some((text) => /sandboxed/.test(text)),
      chromium.consoleErrors.join(),
    )
  })

  it('is asked for again on the page of the form when a file is far too large', async () => {
    const { page } = chromium
    await page.goto(`${product.url}/console/appearance/logo`)
    await page.setInputFiles('#logo', { name: 'photo.png', mimeType: 'image/png', buffer: Buffer.alloc(12_000_000) })
    await page.getByRole('button', { name: 'Save draft' }).click()
    await page.getByRole('link', { name: 'The logo has more than 1024 KB, and may have 100' }).waitFor()
    assert.equal(await page.locator('#logo').count(), 1)
    chromium.consoleErrors.length = 0
  })

  it('is chosen on pages that axe finds nothing wrong with, which hold at 320 pixels, light and dark', async () => {
    const { page } = chromium
    await putInUse(changed({ tokens: { light: { 'color-muted': '#aaaaaa' }, dark: {} } }), true)
    const { version } = await readDraft(product.running.house)
    await saveDraft(
      product.running.house,
      { version, appearance: changed({ tokens: { light: { 'color-muted': '#bbbbbb' }, dark: {} } }) },
      { name: 'grace' },
    )
    for (const path of ['', '/colours', '/logo', '/words/en/actions', '/words/ar/page', '/preview']) {
      await page.goto(`${product.url}/console/appearance${path}`)
      const name = `appearance${path.replaceAll('/', '-')}`
      assert.deepEqual(await faultsSeen(page, { name, pictures: process.env['SHOTS'] }), [])
    }
  })
})
