// How the pages look and work in each language in a real browser: mirrored, longer, and changed by hand with and without JavaScript.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { shapes } from '../../src/specimens/all.ts'
import { faultsOf, show } from '../support/axe.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { type Gallery, openGallery } from '../support/gallery.ts'
import { overflowOf } from '../support/looks.ts'
import { ada, PASSWORD } from '../support/people.ts'
import { type Product, REPOSITORY, startProduct } from '../support/product.ts'

/** One state of each view; their colours are looked at in English. */
const VIEWS = [
  'register: three problems',
  'signup: consent only',
  'login: wrong password',
  'message: expired',
  'continue: leaving',
  'logout: an application asked',
]
/** Not a language: ours by half as long again, as translations are. */
const LONG = 'en-XA'

describe('every page in other languages', () => {
  let folder: string
  let gallery: Gallery
  let chromium: Chromium
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'languages-'))
    mkdirSync(path.join(folder, 'messages'))
    writeFileSync(path.join(folder, 'messages', `${LONG}.json`), JSON.stringify(longWords()))
    gallery = await openGallery({ folders: [folder] })
    chromium = await openChromium({ javaScript: true })
  })
  after(async () => {
    assert.deepEqual(chromium.consoleErrors, [])
    await chromium.close()
    await gallery.stop()
    rmSync(folder, { recursive: true })
  })

  it('has nothing that axe finds fault with in German; Arabic is among the ways of every page', async () => {
    const { page } = chromium
    const faults: string[] = []
    for (const state of shapes.filter(({ name }) => VIEWS.includes(name))) {
      await page.goto(gallery.addressOf(state, 'de'))
      faults.push(...(await faultsOf(page)).map((fault) => `${state.name}: ${fault}`))
    }
    assert.deepEqual(faults, [])
  })

  it('does not scroll sideways at 320 pixels, nor with sentences that are half as long again', async () => {
    const { page } = chromium
    await page.setViewportSize({ width: 320, height: 800 })
    const faults: string[] = []
    for (const state of shapes) {
      for (const language of ['de', 'ar', LONG]) {
        await show(page, gallery.addressOf(state, language))
        const overflow = await overflowOf(page)
        if (overflow > 0) faults.push(`${state.name}, ${language}: ${overflow} pixels`)
      }
    }
    assert.deepEqual(faults, [])
  })

  it('mirrors in Arabic, but not a username, an e-mail address, a telephone number, nor a name in a sentence', async () => {
    const { page } = chromium
    const open = async (name: string) => {
      const state = shapes.find((one) => one.name === name)
      assert.ok(state)
      await page.goto(gallery.addressOf(state, 'ar'))
    }
    const directionOf = (selector: string) =>
      page.evaluate<string[]>(
        `[...document.querySelectorAll('${selector}')].map((one) => getComputedStyle(one).direction)`,
      )
    await open('register: three problems')
    assert.deepEqual(await directionOf('html'), ['rtl'])
    const kept = [
      ...(await directionOf('#username')),
      ...(await directionOf('[data-part="suggestions"] bdi, .who bdi, .value bdi, [data-part="help"] a bdi')),
    ]
    assert.deepEqual([kept.length, [...new Set(kept)]], [9, ['ltr']])
    await open('register: a needed value that the idp did not send; odd values')
    assert.deepEqual(await directionOf('input[type="tel"]'), ['ltr'])
    await open('register: a name that says where it goes')
    // Where each character of the name stands: from left to right, with its store in front.
    const columns = await page.evaluate<number[]>(`(() => {
      const text = document.querySelector('#username-hint1').firstChild
      const range = document.createRange()
      const at = text.data.search('STAFF')
      return [...'STAFF\u2069/asha'].map((_, index) => {
        range.setStart(text, at + index)
        range.setEnd(text, at + index + 1)
        return range.getBoundingClientRect()
      }).filter(({ width }) => width > 0).map(({ x }) => x)
    })()`)
    assert.equal(columns.length, 'STAFF/asha'.length)
    assert.deepEqual(
      columns.toSorted((a, b) => a - b),
      columns,
    )
  })
})

describe('the switcher in Chromium', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['username'] })
  })
  after(() => product.stop())

  for (const javaScript of [false, true]) {
    it(`keeps what was typed and ticked, ${javaScript ? 'with' : 'without'} JavaScript, and the record is in the language shown`, async () => {
      const name = `switches-${javaScript}`
      product.idp.person(name, { ...ada, sub: name, preferred_username: name, email: `${name}@acme.example` })
      product.idp.signInAs = name
      const { page, consoleErrors, cspViolations, close } = await openChromium({
        javaScript,
        context: { locale: 'ar-EG' },
      })
      try {
        await page.goto(product.application.url)
        assert.equal(await page.locator('html').getAttribute('dir'), 'rtl')
        await page.locator('#username').fill(`${name}.chosen`)
        await page.locator('#consent-recover-phone_number').check()
        await page.getByRole('button', { name: 'Deutsch' }).click()
        await page.getByRole('button', { name: 'Konto erstellen', exact: true }).waitFor()
        assert.equal(await page.locator('html').getAttribute('lang'), 'de')
        assert.equal(await page.locator('#username').inputValue(), `${name}.chosen`)
        assert.ok(await page.locator('#consent-recover-phone_number').isChecked())
        assert.equal(await page.locator(':checked').count(), 1)
        await page.locator('#consent-recover-email').check()
        await page.locator('#new-password').fill(PASSWORD)
        await page.locator('#new-password').press('Enter')
        await page.locator('#result').waitFor()
        const languages = await product.rows<{ language: string }>(
          `SELECT DISTINCT consents.language FROM consents JOIN users ON users.id = user_id WHERE username = $1`,
          [`${name}.chosen`],
        )
        assert.deepEqual(languages, [{ language: 'de' }])
        assert.deepEqual([consoleErrors, cspViolations], [[], []])
      } finally {
        await close()
      }
    })
  }
})

/** Our sentences, each longer by half. */
function longWords(): Record<string, string> {
  const words: Record<string, string> = JSON.parse(
    readFileSync(path.join(REPOSITORY, 'views/messages/en.json'), 'utf8'),
  )
  const longer = (sentence: string) => `${sentence} ${'voorbeeldzin '.repeat(Math.ceil(sentence.length / 26)).trim()}`
  return Object.fromEntries(Object.entries(words).map(([key, sentence]) => [key, longer(sentence)]))
}
