// What axe finds wrong with a page as it stands in Chromium, in each way in which pages are shown.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import axe from 'axe-core'
import type { BrowserContext, Page } from 'playwright-core'
import { BASE } from '../../src/themes/find.ts'
import { openChromium } from './chromium.ts'
import { overflowOf } from './looks.ts'

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** Those of them that can find more in what they have seen before, when it is shown in other colours or in a smaller window. */
const OF_LOOKS = ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable']

/** Run in the page: what axe finds, by all rules or, where it has looked at this very document before, by those of looks; with so many things looked at. */
const LOOK = `(async () => {
  const { outerHTML } = document.documentElement
  const runOnly = window.lookedAt === outerHTML ? { type: 'rule', values: ${JSON.stringify(OF_LOOKS)} } : { type: 'tag', values: ${JSON.stringify(TAGS)} }
  const { violations, passes } = await axe.run(document, { runOnly, resultTypes: ['violations'] })
  window.lookedAt = outerHTML
  const faults = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html))
  return { faults, looked: passes.length, enough: runOnly.type === 'tag' ? 5 : 1 }
})()`

const prepared = new WeakSet<BrowserContext>()

/** One line per finding: the rule, the element. Throws when axe has not looked at anything, so that no finding is not taken for none. */
export async function faultsOf(page: Page): Promise<string[]> {
  // The source runs as the debugger's, which the content security policy does not bind; in every further document before anything else.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source)
  if (!prepared.has(page.context())) await page.context().addInitScript({ content: axe.source })
  prepared.add(page.context())
  const { faults, looked, enough } = await page.evaluate<{ faults: string[]; looked: number; enough: number }>(LOOK)
  if (looked < enough) throw new Error(`axe has looked at ${looked} things only on ${page.url()}`)
  return faults
}

export const SCHEMES = ['light', 'dark'] as const
/** Where people sit: each width and each scheme once, and not all four. */
const SEATS: Seat[] = [
  { width: 1280, colorScheme: 'light' },
  { width: 320, colorScheme: 'dark' },
]
/** The others, of which there are pictures. */
const UNSEEN: Seat[] = [
  { width: 1280, colorScheme: 'dark' },
  { width: 320, colorScheme: 'light' },
]

interface Seat {
  width: number
  colorScheme: (typeof SCHEMES)[number]
}

export interface Look {
  /** What the page is called in a finding, and in the name of its picture. */
  name: string
  /** Left out where no script runs: axe is one. */
  withAxe?: boolean
  /** Whatever else is asked at each seat. */
  also?: (seat: string) => Promise<void>
  /** A folder for pictures of the page in both widths, light and dark. */
  pictures?: string | undefined
}

/**
 * Run in the page: what it is made of and drawn by, each kind of thing once with all that it stands in. Whatever its words are, and whichever of the
 * languages to choose from is not a link.
 */
const BUILD = `(() => {
  const place = (element) =>
    element === null ? '' : place(element.parentElement) + '>' + element.localName + ' ' + element.className
  const sheets = [...document.styleSheets].map(({ href }) => href)
  return [...new Set([...sheets, ...[...document.querySelectorAll('*')].map(place)])].sort().join()
})()`

/** How often axe has looked at pages of a build. */
const looks = new Map<string, number>()

/**
 * What is wrong with the page that is open, wide and light, narrow and dark: what axe finds, and what scrolls sideways. Leaves it narrow and dark. Where
 * axe has looked at such a page, in another language, it does so from one of the seats in turn: it takes longer than all else.
 */
export async function faultsSeen(page: Page, { name, withAxe = true, also, pictures }: Look): Promise<string[]> {
  const faults: string[] = []
  const sit = async ({ width, colorScheme }: Seat) => {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 800 })
  }
  const photograph = async ({ width, colorScheme }: Seat) => {
    if (pictures === undefined) return
    mkdirSync(pictures, { recursive: true })
    await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}-${width}.png`), fullPage: true })
  }
  for (const seat of pictures === undefined ? [] : UNSEEN) {
    await sit(seat)
    await photograph(seat)
  }
  const seats = withAxe ? await seatsForAxe(page) : []
  for (const seat of SEATS) {
    await sit(seat)
    const where = `${name}, ${seat.colorScheme}, ${seat.width}`
    const overflow = await overflowOf(page)
    if (overflow > 0) faults.push(`${where}: ${overflow} pixels too wide`)
    if (seats.includes(seat)) faults.push(...(await faultsOf(page)).map((fault) => `${where}: ${fault}`))
    await also?.(where)
    await photograph(seat)
  }
  return faults
}

/** All for a page of which axe has seen none like it, then one of them in turn. */
async function seatsForAxe(page: Page): Promise<Seat[]> {
  const build = await page.evaluate<string>(BUILD)
  const times = looks.get(build) ?? 0
  looks.set(build, times + 1)
  return SEATS.filter((_, index) => times === 0 || times % SEATS.length === index)
}

/** Opens a page, or puts its contents in place of those of the page of the same server that is open, which takes a quarter of the time: for what is only looked at. */
export async function show(page: Page, address: string): Promise<void> {
  const { origin } = new URL(address)
  if (new URL(page.url()).origin !== origin) {
    await page.goto(address)
    return
  }
  const html = await (await fetch(address)).text()
  // A module runs once in a document, and one with a query is another.
  shown += 1
  await page.setContent(html.replaceAll(/(<script type="module" src="[^"]+)/g, `$1?${shown}`))
}

let shown = 0

/** A way to show a page. */
export interface Way {
  theme: string
  language: string
  javaScript: boolean
}

/** All eight: our pages and the sample theme, from left to right and from right to left, with and without JavaScript. */
export const WAYS: Way[] = [true, false].flatMap((javaScript) =>
  [BASE, 'sample'].flatMap((theme) => ['en', 'ar'].map((language) => ({ theme, language, javaScript }))),
)

export function wordsOf({ theme, language, javaScript }: Way): string {
  return `${theme}, ${language}, ${javaScript ? 'with' : 'without'} JavaScript`
}

export interface Sitting {
  /** What is wrong with the page at this address, in these colours; `change` is run before anybody looks. */
  faultsAt(address: string, schemes?: readonly Seat['colorScheme'][], change?: string): Promise<string[]>
  close(): Promise<void>
}

/** A browser with JavaScript or without. */
export async function openSitting({ javaScript }: Way): Promise<Sitting> {
  const { page, context, consoleErrors, close } = await openChromium({ javaScript })
  const browser = await context.newCDPSession(page)
  const setScripts = (isOn: boolean) => browser.send('Emulation.setScriptExecutionDisabled', { value: !isOn })
  return {
    close,
    async faultsAt(address, schemes = SCHEMES, change = '') {
      // The page's script never runs; axe, which waits by timers, does.
      await setScripts(javaScript)
      await show(page, address)
      await setScripts(true)
      await page.evaluate(change)
      await assertScript(page, javaScript)
      const faults: string[] = []
      for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme })
        faults.push(...(await faultsOf(page)).map((fault) => `${colorScheme}: ${fault}`))
      }
      return [...faults, ...consoleErrors.splice(0)]
    },
  }
}

/** The script adds a button to every password. */
async function assertScript(page: Page, hasRun: boolean): Promise<void> {
  const [fields, buttons] = await page.evaluate<[number, number]>(
    `['input[type="password"]', '[aria-pressed]'].map((one) => document.querySelectorAll(one).length)`,
  )
  if (buttons !== (hasRun ? fields : 0)) throw new Error(`${page.url()} has ${buttons} buttons of the script`)
}
