// Into My Account as a test's person: by an idp, or with a password.
import assert from 'node:assert/strict'
import { type Browser, openBrowser, type Page } from './browser.ts'
import type { Mode, Scene } from './product.ts'
import { knownPerson, type Newcomer, signedIn, visit } from './visits.ts'

/** Goes to a page of My Account and signs in by the idp of this mode on the way; returns the page that this leads to. */
export async function enterAccount(
  product: Scene,
  mode: Mode,
  person: Newcomer,
  { browser = openBrowser(), to = '' }: { browser?: Browser; to?: string } = {},
): Promise<Page> {
  product.idp.person(person.sub, person)
  product.idp.signInAs = person.sub
  const page = await browser.open(`${product.url}/myaccount${to}`)
  return page.url.includes('/login.do') ? page.click(`Continue with Acme ${mode}`) : page
}

/** Goes to My Account and signs in with a password. */
export async function enterWithPassword(
  product: Scene,
  username: string,
  password: string,
  { browser = openBrowser(), to = '' }: { browser?: Browser; to?: string } = {},
): Promise<Page> {
  const page = await browser.open(`${product.url}/myaccount${to}`)
  return page.fill({ username, password }).press('Sign in')
}

/** The same for somebody by who they are at the idp: while the enhanced feature is on, nobody chose their name. */
export async function enterAs(
  product: Scene,
  person: { sub: string },
  password: string,
  options: { browser?: Browser; to?: string } = {},
): Promise<Page> {
  const { user } = await knownPerson(product, person.sub)
  return enterWithPassword(product, user.username, password, options)
}

/** Becomes a user by an idp that asks nothing, or by answering with these ticks; returns the user's id. */
export async function join(
  product: Scene,
  mode: Mode,
  person: Newcomer,
  { ticks = [], password }: { ticks?: string[]; password?: string } = {},
): Promise<string> {
  const page = await visit(product, mode, person)
  if (mode !== 'silent') {
    assert.match(page.url, /\/(register|signup)\.do/)
    for (const tick of ticks) page.tick(tick)
    if (password !== undefined) page.fill({ password })
    await page.press('Create account')
  }
  return signedIn(product.application).sub
}
