// People in no hurry: they meet "try again", wait a moment and do so, until they are where they wanted to go.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, openBrowser, type Page } from './browser.ts'
import { PASSWORD } from './people.ts'
import type { Product } from './product.ts'
import type { Mode, Scene } from './scene.ts'
import { codesOn, type Newcomer } from './visits.ts'

export interface Traveller {
  scene: Scene
  browser: Browser
  mode: Mode
  person: Newcomer
  /** How often they were asked to wait. */
  waits: number
}

/** Somebody new in a browser of their own, known to the idp. */
export function traveller(scene: Scene, mode: Mode, person: Newcomer): Traveller {
  scene.idp.person(person.sub, person)
  scene.idp.signInAs = undefined
  return { scene, mode, person, browser: openBrowser(), waits: 0 }
}

/** The pages of a short outage: the database is away, the answer took too long, or many people wait. */
const FOR_A_MOMENT = /^(UPDATING|SLOW|BUSY)$/

/** Fails unless the page is one that promises to be there for a moment only, and says when to come back. */
export function assertAway(page: Page): void {
  const shown = `${page.url.split('?')[0]}: ${page.status} ${page.text}`
  assert.equal(page.status, 503, shown)
  assert.match(page.headers.get('retry-after') ?? '', /^\d+$/, shown)
  assert.match(codesOn(page)[0] ?? '', FOR_A_MOMENT, shown)
}

const MOMENT_MS = 150
const QUARTER_OF_A_MINUTE_MS = 15_500

/** From the application's door to its callback; the subject that it was given. */
export async function travel(traveller: Traveller): Promise<string> {
  return goOn(traveller, await traveller.browser.open(`${traveller.scene.application.url}/login`))
}

/**
 * Goes on from any page of a sign-in to its end: answers what is asked, presses "Try again" where the page offers it, and
 * reloads where nobody could: the application at its callback, and a page that goes on by itself. Fails at any other page.
 */
export async function goOn(traveller: Traveller, page: Page, limitMs = 60_000): Promise<string> {
  for (const until = performance.now() + limitMs; performance.now() < until; ) {
    const subject = subjectOf(traveller.scene, page)
    if (subject !== undefined) return subject
    page = await step(traveller, page)
  }
  assert.fail(`not there after ${limitMs} ms but at ${page.url.split('?')[0]}: ${page.status} ${page.text}`)
}

async function step(traveller: Traveller, page: Page): Promise<Page> {
  const { scene, browser, mode, person } = traveller
  const { pathname, origin } = new URL(page.url)
  if (page.status === 503) {
    assertAway(page)
    traveller.waits += 1
    await sleep(MOMENT_MS)
    return page.click('Try again')
  }
  if (origin === new URL(scene.application.url).origin) {
    // The application could not redeem its code, or not learn where to: it is asked again, as people do.
    traveller.waits += 1
    await sleep(MOMENT_MS)
    return browser.open(page.url)
  }
  assert.ok(page.status === 200 || page.status === 422, `${pathname}: ${page.status} ${page.text}`)
  if (origin === new URL(scene.idp.issuer).origin) return page.fill({ person: person.sub }).press('Sign in')
  if (pathname.endsWith('/login.do')) return page.click(`Continue with Acme ${mode}`)
  if (pathname.endsWith('/register.do') || pathname.endsWith('/signup.do')) return answer(page, person).press('create')
  // The callback was lost on its way: after a quarter of a minute this page leads to the idp again.
  assert.ok(codesOn(page).includes('WORKING'), `${pathname}: ${page.text}`)
  const { clock } = scene as Partial<Product>
  if (clock) clock.now = new Date(clock.now.getTime() + QUARTER_OF_A_MINUTE_MS)
  else await sleep(1_000)
  return browser.open(page.url)
}

/** Fills in what the page asks for. */
export function answer(page: Page, person: Newcomer): Page {
  if (page.url.includes('/register.do')) page.fill({ username: person.preferred_username })
  if (page.html.includes('name="password"')) page.fill({ password: PASSWORD })
  return page.tick('recover:email')
}

function subjectOf(scene: Scene, page: Page): string | undefined {
  if (!page.url.startsWith(scene.application.redirectUri)) return undefined
  const shown: { sub?: string; error?: string; description?: string } = JSON.parse(page.text.replace(/^[^{]*/, ''))
  if (shown.sub !== undefined) return shown.sub
  assert.match(`${shown.error} ${shown.description}`, AWAY_TO_SERVERS, page.text)
  return undefined
}

/** What the application's OpenID Connect client makes of a 503, in JSON or as a page, and of an answer that never came. */
const AWAY_TO_SERVERS = /temporarily_unavailable|503|unexpected HTTP response status code|timed out/i

/** Resolves with the seconds until /readyz says yes and a newcomer can sign in; fails after `limitMs`. */
export async function untilHealthy(scene: Scene, newcomer: () => Newcomer, limitMs = 10_000): Promise<number> {
  const since = performance.now()
  for (;;) {
    const answer = await fetch(`${scene.url}/readyz`).catch(() => undefined)
    await answer?.text()
    if (answer?.ok) {
      const visitor = traveller(scene, 'silent', newcomer())
      await travel(visitor)
      if (visitor.waits === 0) return (performance.now() - since) / 1000
    }
    assert.ok(performance.now() - since < limitMs, `not healthy within ${limitMs} ms`)
    await sleep(50)
  }
}
