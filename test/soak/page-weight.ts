// How fast register.do is on a slow telephone: figures of a laboratory, printed beside their targets.
import assert from 'node:assert/strict'
import type { BrowserContext } from 'playwright-core'
import { openChromium } from '../support/chromium.ts'
import { ada } from '../support/people.ts'
import { startProduct } from '../support/product.ts'
import type { Say } from './parts.ts'

const VISITS = 5

/** Slow 4G as Lighthouse applies it at the browser: 150 ms and 1.6 Mbit/s, times what connections and headers add. */
const SLOW_4G = { offline: false, latency: 562.5, downloadThroughput: 184_320, uploadThroughput: 84_375 }
const CPU_SLOWDOWN = 4

interface Figures {
  lcpMs: number
  cls: number
  tbtMs: number
}

interface Seen {
  lcpMs: number
  cls: number
  fcpMs: number
  tasks: [start: number, end: number][]
}

/**
 * Opens register.do five times with an empty cache, on slow 4G and a quarter of this machine, and prints the medians of LCP, CLS and TBT.
 * Throws when the page moves more than its target; how long it takes depends on the machine and is printed only.
 */
export async function pageSoak(say: Say): Promise<void> {
  const product = await startProduct({ modes: ['username'] })
  const { page, context, close } = await openChromium({ javaScript: true })
  try {
    product.idp.person('ada', ada)
    product.idp.signInAs = 'ada'
    await page.goto(product.application.url)
    const visits: Figures[] = []
    for (let visit = 0; visit < VISITS; visit += 1) visits.push(await slowVisit(context, page.url()))
    const [lcp, cls, tbt] = [medianOf(visits, 'lcpMs'), medianOf(visits, 'cls'), medianOf(visits, 'tbtMs')]
    say(`register.do on slow 4G and CPU / ${CPU_SLOWDOWN}, median of ${VISITS} first visits`)
    say(`  LCP ${Math.round(lcp)} ms (target 1800)`)
    say(`  CLS ${cls.toFixed(4)} (target 0.02)`)
    say(`  TBT ${Math.round(tbt)} ms (target 50)`)
    assert.ok(cls <= 0.02, `the page moves: ${cls}`)
  } finally {
    await close()
    await product.stop()
  }
}

async function slowVisit(context: BrowserContext, address: string): Promise<Figures> {
  const page = await context.newPage()
  const browser = await context.newCDPSession(page)
  await browser.send('Network.enable')
  await browser.send('Network.clearBrowserCache')
  await browser.send('Network.emulateNetworkConditions', SLOW_4G)
  await browser.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWDOWN })
  await page.addInitScript(`
    figures = { lcpMs: 0, cls: 0, fcpMs: 0, tasks: [] }
    const watch = (type, use) =>
      new PerformanceObserver((list) => list.getEntries().forEach(use)).observe({ type, buffered: true })
    watch('largest-contentful-paint', (entry) => { figures.lcpMs = entry.startTime })
    watch('layout-shift', (entry) => { figures.cls += entry.value })
    watch('paint', (entry) => { if (entry.name === 'first-contentful-paint') figures.fcpMs = entry.startTime })
    watch('longtask', (entry) => { figures.tasks.push([entry.startTime, entry.startTime + entry.duration]) })`)
  await page.goto(address, { waitUntil: 'load' })
  await page.waitForTimeout(1000)
  const { lcpMs, cls, fcpMs, tasks } = await page.evaluate<Seen>('figures')
  await page.close()
  assert.ok(lcpMs > 0 && fcpMs > 0, 'nothing was painted')
  // Total blocking time: of each task of the main thread after the first paint, what it takes beyond 50 ms.
  const blocking = tasks.map(([start, end]) => Math.max(0, end - Math.max(start, fcpMs) - 50))
  return { lcpMs, cls, tbtMs: blocking.reduce((sum, one) => sum + one, 0) }
}

function medianOf(visits: Figures[], name: keyof Figures): number {
  return visits.map((visit) => visit[name]).toSorted((a, b) => a - b)[Math.floor(VISITS / 2)] ?? Number.NaN
}
