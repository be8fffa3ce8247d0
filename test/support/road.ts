// The road of a sign-in at a walker's pace: many people at once, each at the idp's own page, and stops on the way for forgeries.
import assert from 'node:assert/strict'
import type { Application } from './application.ts'
import type { Browser, Page } from './browser.ts'
import { PASSWORD } from './people.ts'
import type { Scene } from './product.ts'
import { type Newcomer, newcomer, signedIn } from './visits.ts'

/** Somebody whom no test has met, known to the idp from now on; `claims` says more, or says it otherwise. */
export function stranger(product: Scene, claims: Record<string, unknown> = {}): Newcomer {
  const person = newcomer(claims)
  product.idp.person(person.sub, person)
  return person
}

/** Opens the application and goes to the idp's own sign-in page. The application must offer several idps; `idp` is a mode or another's name. */
export async function goToIdp(
  product: Scene,
  browser: Browser,
  idp: string,
  { application = product.application, query = '' }: { application?: Application; query?: string } = {},
): Promise<Page> {
  product.idp.signInAs = undefined
  const choice = await browser.open(`${application.url}/login${query}`)
  return choice.click(`Continue with Acme ${idp}`)
}

/** Signs a person in at the idp; the page where that ends: a prompt, a message, or the application. */
export async function arrive(
  product: Scene,
  browser: Browser,
  idp: string,
  person: Newcomer,
  options: { application?: Application; query?: string } = {},
): Promise<Page> {
  const asked = await goToIdp(product, browser, idp, options)
  return asked.fill({ person: person.sub }).press('Sign in')
}

/** Signs a person in at the idp and stops before the browser goes to the product's callback; its address, not asked for yet. */
export async function callbackOf(
  product: Scene,
  browser: Browser,
  idp: string,
  person: Newcomer,
  options: { application?: Application } = {},
): Promise<URL> {
  const asked = await goToIdp(product, browser, idp, options)
  let response = await send(browser, asked.fill({ person: person.sub }).submission('Sign in'))
  for (let url = new URL(asked.url); ; ) {
    const location = response.headers.get('location')
    assert.ok(location, `the idp did not send the browser back from ${url}`)
    url = new URL(location, url)
    if (url.origin === product.url) return url
    response = await browser.fetch(url)
  }
}

/** Sends a form as it would be pressed, without following where that leads. `forged` replaces parts of it. */
export function send(
  browser: Browser,
  form: { url: string; fields: URLSearchParams },
  forged: { url?: string; fields?: URLSearchParams; headers?: Record<string, string> } = {},
): Promise<Response> {
  return browser.fetch(forged.url ?? form.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...forged.headers },
    body: (forged.fields ?? form.fields).toString(),
  })
}

/** Fills register.do: this username, the tests' password, what is needed ticked. */
export function fillRegister(page: Page, username: string): Page {
  return page.fill({ username, password: PASSWORD }).tick('recover:email')
}

/** What the application was given, on the page where a sign-in must have ended. */
export function signedInAt(application: Application, page: Page): ReturnType<typeof signedIn> {
  assert.ok(page.url.startsWith(application.redirectUri), `not at the application but at ${page.url}: ${page.text}`)
  return signedIn(application)
}

/** The subject of the last result, which must be a sign-in. */
export function lastSubject(application: Application): string {
  return signedIn(application).sub
}

/** The codes of the messages on a page, such as CSRF or USERNAME_TAKEN. */
export function messagesOf(html: string): string[] {
  return [...html.matchAll(/data-msg="([^"]+)"/g)].map(([, code = '']) => code)
}
