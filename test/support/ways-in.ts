// The ways in of a test's person: connecting an idp, from the page of My Account to the one that asks.
import assert from 'node:assert/strict'
import { MY_ACCOUNT_HOME } from '../../src/db/applications.ts'
import { type Browser, openBrowser, type Page } from './browser.ts'
import type { Mode, Scene } from './product.ts'
import { type Newcomer, signedIn, visit } from './visits.ts'

/** The page Sign-in. */
export function openSignIn(product: Scene, browser: Browser): Promise<Page> {
  return browser.open(`${product.url}${MY_ACCOUNT_HOME}/sign-in`)
}

/** Goes to an idp to connect it, and signs in there as this person; returns where that leads: as a rule to the page that asks. */
export async function beginConnecting(product: Scene, browser: Browser, mode: Mode, person: Newcomer): Promise<Page> {
  const page = await openSignIn(product, browser)
  const start = await page.click(`Connect Acme ${mode}`)
  return proveThere(product, start, mode, person)
}

/** The same from the page that explains it. */
export function proveThere(product: Scene, start: Page, mode: Mode, person: Newcomer): Promise<Page> {
  product.idp.person(person.sub, person)
  product.idp.signInAs = person.sub
  return start.click(`Continue to Acme ${mode}`)
}

/** Leaves for an idp from this address and comes back; the address that its callback leads to, which is not gone to. */
export async function backFrom(browser: Browser, leave: string): Promise<URL> {
  for (let step = await browser.fetch(leave); ; ) {
    const location = new URL(step.headers.get('Location') ?? assert.fail(`${step.status} ${step.url}`), step.url)
    if (step.url.includes('/commonauth/')) return location
    step = await browser.fetch(location)
  }
}

/** What the pages of somebody's say was done with their account, oldest first. */
export async function eventsOf(product: Scene, userId: string): Promise<string[]> {
  const rows = await product.rows<{ event: string; idp: string | null }>(
    `SELECT event, detail->>'idp' AS idp FROM account_events WHERE user_id = $1 ORDER BY id`,
    [userId],
  )
  return rows.map(({ event, idp }) => (idp === null ? event : `${event} ${idp}`))
}

const OFFLINE = { scope: 'openid offline_access' }

/** Somebody signed in to the tests' application, with all that lets them back in. */
export interface Hold {
  browser: Browser
  sub: string
  accessToken: string
  refreshToken: string
}

/** Signs in to the application by an idp, for a session and tokens that last. */
export async function holdOf(product: Scene, mode: Mode, person: Newcomer, browser = openBrowser()): Promise<Hold> {
  await visit(product, mode, person, { browser, query: OFFLINE })
  const { sub, tokens } = signedIn(product.application)
  return { browser, sub, accessToken: tokens.accessToken, refreshToken: tokens.refreshToken ?? assert.fail() }
}

/** What an application is answered that comes back with a refresh token; `change` is said in place of what it ought to say. */
export function refresh(product: Scene, refreshToken: string, change: Record<string, string> = {}): Promise<Response> {
  return fetch(`${product.url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: 'travel',
      client_secret: 'a secret of the travel application',
      ...change,
    }),
  })
}

/** What of it still opens anything: `session` without the person being asked, `access` and `refresh` tokens. Uses them up. */
export async function opensStill(product: Scene, { browser, accessToken, refreshToken }: Hold): Promise<string[]> {
  await browser.open(`${product.application.url}/login?prompt=none`)
  const result = product.application.results.at(-1)
  const [access, refreshed] = await Promise.all([
    fetch(`${product.url}/oauth2/userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } }),
    refresh(product, refreshToken),
  ])
  return [
    ...(result?.kind === 'signed-in' ? ['session'] : []),
    ...(access.status === 200 ? ['access'] : []),
    ...(refreshed.status === 200 ? ['refresh'] : []),
  ]
}

/** Whether a browser is still signed in to My Account. */
export async function isInside(product: Scene, browser: Browser): Promise<boolean> {
  return (await browser.fetch(`${product.url}${MY_ACCOUNT_HOME}`)).status === 200
}

/** Goes from redirect to redirect, by this idp, up to an address that is not asked for; returns it. */
export async function stopBefore(browser: Browser, from: string, last: RegExp, idp: string): Promise<string> {
  let url = new URL(from)
  for (let steps = 0; steps < 20; steps += 1) {
    if (url.pathname.endsWith('/login.do')) url.searchParams.set('idp', idp)
    const answer = await browser.fetch(url)
    url = new URL(answer.headers.get('Location') ?? assert.fail(`${answer.status} at ${url.pathname}`), url)
    if (last.test(url.pathname)) return url.href
  }
  return assert.fail('it led on and on')
}
