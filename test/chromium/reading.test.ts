// How every page reads in every state: for assistive technology, small or large, light or dark, in forced colours, by keyboard, on a telephone and on paper.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { CDPSession, Page } from 'playwright-core'
import { shapes } from '../../src/specimens/all.ts'
import { faultsOf, openSitting, SCHEMES, show, WAYS, wordsOf } from '../support/axe.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { type Gallery, openGallery } from '../support/gallery.ts'
import { contrastOf, type ElementLike, type Looks, looksOf, OVERFLOW } from '../support/looks.ts'

const USUAL = { width: 1280, height: 720 }
/** The smaller is what 400 % zoom makes of the larger. */
const WINDOWS = [
  { width: 1280, height: 1024 },
  { width: 320, height: 256 },
]
/** Run in the page: how wide it is from right to left and from left to right, as which it stays. */
const EITHER_WAY = `['rtl', 'ltr'].map((dir) => {
  document.documentElement.dir = dir
  const { fontSize } = getComputedStyle(document.documentElement)
  return { dir, fontSize, overflow: ${OVERFLOW} }
})`
/** What the skip link and the button behind Enter hide is nothing to press. */
const BOX = ':is([type="checkbox"], [type="radio"])'
const LINKS = `a:not(.skip):visible, summary:visible, ${BOX}:visible`
/** Fields for the eyes of password managers alone have no size that anybody could press. */
const PRIMARY = `.button:visible, input:not(${BOX}, [aria-hidden="true"]):visible, ${BOX} + label:visible`

interface Wide {
  dir: string
  fontSize: string
  overflow: number
}

describe('every page in every state', () => {
  let gallery: Gallery
  let chromium: Chromium
  let page: Page
  let looked: ReturnType<typeof lookAtAll> | undefined
  before(async () => {
    gallery = await openGallery({ themes: ['sample'] })
    chromium = await openChromium({ javaScript: true })
    page = chromium.page
  })
  after(async () => {
    assert.deepEqual(chromium.consoleErrors, [])
    await chromium.close()
    await gallery.stop()
  })

  it('NEGATIVE CONTROL: axe sees what is too faint in the dark alone', async () => {
    await open('message: declined')
    await page.evaluate(`document.querySelector('h1').style.color = 'light-dark(black, #333)'`)
    await page.evaluate(`document.documentElement.style.colorScheme = 'light dark'`)
    const faults = await faultsInBothSchemes()
    assert.ok(faults.length > 0 && faults.every((fault) => fault.startsWith('dark: color-contrast: <h1')), `${faults}`)
  })

  it('has nothing that axe finds fault with in some way of many: light or dark, base or sample, mirrored or not, with JavaScript or not', async () => {
    const faults: string[] = []
    // Each state in one way: the soak takes them all.
    for (const [turn, way] of WAYS.entries()) {
      const sitting = await openSitting(way)
      try {
        for (const [index, state] of shapes.filter((_, index) => index % WAYS.length === turn).entries()) {
          const scheme = SCHEMES[index % 2] ?? 'light'
          const found = await sitting.faultsAt(gallery.addressOf(state, way.language, way.theme), [scheme])
          faults.push(...found.map((fault) => `${state.name}, ${wordsOf(way)}, ${fault}`))
        }
      } finally {
        await sitting.close()
      }
    }
    assert.deepEqual(faults, [])
  })

  it('does not scroll sideways: at 320 pixels, at 400 % zoom, with text of twice the size, mirrored', async () => {
    assert.deepEqual((await seen()).sideways, [])
  })

  it('has controls of 24 pixels and more; buttons, fields, and boxes with their labels of 44', async () => {
    const { small, measured } = await seen()
    assert.deepEqual(small, [])
    assert.ok(measured > 100)
  })

  it('has fields of 16 pixels and more, which iOS does not zoom, each in sight above an open keyboard', async () => {
    assert.deepEqual((await seen()).fields, [])
  })

  it('shows without JavaScript nothing that needs it', async () => {
    const plain = await openChromium({ javaScript: false })
    try {
      for (const state of shapes) {
        await show(plain.page, gallery.addressOf(state))
        const parts = 'dialog, [aria-pressed], [role="status"]:not(:empty, [data-part="changed"])'
        assert.equal(await plain.page.locator(parts).filter({ visible: true }).count(), 0, state.name)
      }
    } finally {
      await plain.close()
    }
  })

  for (const name of ['register: three problems', 'login: first view', 'message: declined']) {
    it(`shows by a ring of three to one where the keyboard is, light and dark, and covers it with nothing (${name})`, async () => {
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme })
        await open(name)
        const seen = new Set<string>()
        for (;;) {
          await page.keyboard.press('Tab')
          const [at] = await looksOf(page, ':focus')
          if (!at || seen.has(at.name)) break
          seen.add(at.name)
          assertRing(at, colorScheme)
        }
        assert.ok(seen.size > 3, [...seen].join())
      }
    })
  }

  it('shows the same ring in the question whether more time is needed, which takes the keyboard and gives it back', async () => {
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      await open('register: first view')
      await page.getByLabel('Create a username').focus()
      await page.keyboard.press('End')
      await page.evaluate(`document.querySelector('dialog').showModal()`)
      const [button] = await looksOf(page, ':focus')
      assert.ok(button)
      assert.equal(button.name, 'BUTTON Stay on this page')
      assertRing(button, colorScheme)
      assert.deepEqual(await faultsOf(page), [])
      await page.keyboard.press('Escape')
      assert.equal((await looksOf(page, ':focus'))[0]?.name, 'INPUT username')
    }
  })

  it('ticks a box wherever its row is pressed', async () => {
    await open('register: first view')
    const row = page.locator('[type="checkbox"] + label').first()
    const { width = 0, height = 0 } = (await row.boundingBox()) ?? {}
    await row.click({ position: { x: width - 2, y: height - 2 } })
    assert.ok(await page.locator('[type="checkbox"]').first().isChecked())
  })

  it('mirrors: boxes stand at the right of right-to-left pages, and the button of a password at the left', async () => {
    await open('register: first view')
    const xOf = async (selector: string) => (await page.locator(selector).first().boundingBox())?.x ?? Number.NaN
    const isMirrored = async () =>
      (await xOf('[type="checkbox"]')) > (await xOf('.about')) &&
      (await xOf('[aria-pressed]')) < (await xOf('#new-password'))
    assert.equal(await isMirrored(), false)
    await page.evaluate(`document.documentElement.dir = 'rtl'`)
    assert.equal(await isMirrored(), true)
  })

  it('keeps in forced colours the borders of everything to press or fill in, the ticks, and the ring', async () => {
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ forcedColors: 'active', colorScheme })
      await open('register: three problems')
      const framed = await looksOf(page, '.button:visible, .field input:visible, fieldset, .summary')
      assert.ok(framed.length > 8)
      for (const { name, style, around } of framed) {
        const border = `${style.borderTopStyle} ${style.borderTopWidth} ${style.borderTopColor}`
        assert.match(border, /^solid [1-9]/, name)
        assert.ok(contrastOf(style.borderTopColor ?? '', around) >= 3, `${name}: ${border} on ${around}`)
      }
      // The browser draws them, in the system's colours.
      for (const { style } of await looksOf(page, '[type="checkbox"]')) assert.equal(style.appearance, 'auto')
      await page.keyboard.press('Tab')
      const [focused] = await looksOf(page, ':focus')
      assert.ok(focused)
      assertRing(focused, 'forced')
    }
    await page.emulateMedia({ forcedColors: 'none' })
  })

  it('is one printed page of twelve details, with ticks and the targets of links in writing and nothing to press', async () => {
    await open('register: twelve details')
    await page.locator('[type="checkbox"]').first().check()
    await page.emulateMedia({ media: 'print', colorScheme: 'light' })
    const written = (selector: string, pseudo: string) =>
      page.evaluate<string[]>(
        `[...document.querySelectorAll('${selector}')].map((one) => getComputedStyle(one, '${pseudo}').content)`,
      )
    assert.deepEqual(await written('.attribute label', '::before'), ['"☑ "', ...Array(11).fill('"☐ "')])
    const targets = await written('a[href^="https:"]', '::after')
    assert.ok(targets.length === 2 && targets.every((target) => target.includes('https://northwind.example/privacy')))
    assert.equal(
      await page.locator('button, [type="checkbox"], [type="password"]').filter({ visible: true }).count(),
      0,
    )
    const printed = (await page.pdf({ format: 'A4' })).toString('latin1')
    await page.emulateMedia({ media: 'screen' })
    assert.equal(printed.match(/\/Type \/Page\b(?!s)/g)?.length, 1)
  })

  /** What is wrong with each state, each opened once. */
  function seen(): ReturnType<typeof lookAtAll> {
    looked ??= lookAtAll()
    return looked
  }

  async function lookAtAll() {
    const browser = await page.context().newCDPSession(page)
    const none: string[] = []
    const all = { sideways: [...none], small: [...none], fields: [...none], measured: 0 }
    for (const state of shapes) {
      const named = (fault: string) => `${state.name}: ${fault}`
      await show(page, gallery.addressOf(state))
      const { measured, small } = await smallControls()
      all.measured += measured
      all.small.push(...small.map(named))
      all.sideways.push(...(await overflows(browser)).map(named))
      all.fields.push(...(await faultsOfFields()).map(named))
    }
    return all
  }

  async function faultsInBothSchemes(): Promise<string[]> {
    const faults: string[] = []
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      faults.push(...(await faultsOf(page)).map((fault) => `${colorScheme}: ${fault}`))
    }
    return faults
  }

  async function overflows(browser: CDPSession): Promise<string[]> {
    const faults: string[] = []
    for (const { width, height } of WINDOWS) {
      await page.setViewportSize({ width, height })
      for (const standard of [16, 32]) {
        await browser.send('Page.setFontSizes', { fontSizes: { standard } })
        for (const { dir, fontSize, overflow } of await page.evaluate<Wide[]>(EITHER_WAY)) {
          assert.equal(fontSize, `${standard}px`)
          if (overflow > 0) faults.push(`${overflow} pixels at ${width} by ${height}, ${standard}px, ${dir}`)
        }
      }
    }
    await browser.send('Page.setFontSizes', { fontSizes: { standard: 16 } })
    return faults
  }

  async function smallControls(): Promise<{ small: string[]; measured: number }> {
    const [controls, primary] = [await looksOf(page, LINKS), await looksOf(page, PRIMARY)]
    const below = (min: number, all: Looks[]) => all.filter(({ width, height }) => Math.min(width, height) < min)
    const small = [...below(24, controls), ...below(44, primary)]
    return {
      small: small.map(({ name, width, height }) => `${name} is ${width} by ${height}`),
      measured: controls.length + primary.length,
    }
  }

  async function faultsOfFields(): Promise<string[]> {
    // What the keyboard leaves of 360 by 640.
    await page.setViewportSize({ width: 360, height: 300 })
    const faults: string[] = []
    const fields = page.locator(`input:not([type="hidden"], ${BOX})`)
    const seen = await fields.evaluateAll((elements: (ElementLike & { focus(): void })[]) =>
      elements.map((element) => {
        element.focus()
        const { y, height } = element.getBoundingClientRect()
        const { defaultView } = element.ownerDocument
        const isInSight = y >= 0 && y + height <= defaultView.innerHeight
        return { id: element.id, fontSize: defaultView.getComputedStyle(element).fontSize ?? '', isInSight }
      }),
    )
    for (const looks of seen) {
      if (Number.parseFloat(looks.fontSize) < 16 || !looks.isInSight) faults.push(JSON.stringify(looks))
    }
    await page.setViewportSize(USUAL)
    return faults
  }

  async function open(name: string): Promise<void> {
    const state = shapes.find((candidate) => candidate.name === name)
    assert.ok(state, name)
    await page.goto(gallery.addressOf(state))
  }
})

/** WCAG 2.2, 2.4.7, 2.4.11 and 1.4.11. The gap keeps the ring apart from a filled button, so it is seen against what is around. */
function assertRing({ name, style, around, isOnTop }: Looks, scheme: string): void {
  const { outlineStyle, outlineWidth = '', outlineOffset = '', outlineColor = '' } = style
  const ring = `${scheme}: ${name}: ${outlineStyle} ${outlineWidth} ${outlineColor} at ${outlineOffset} on ${around}`
  assert.equal(outlineStyle, 'solid', ring)
  assert.ok(Number.parseFloat(outlineWidth) >= 3 && Number.parseFloat(outlineOffset) >= 2, ring)
  assert.ok(contrastOf(outlineColor, around) >= 3, ring)
  assert.ok(isOnTop, `${name} is covered`)
}
