// Connecting while signing in, as tests do it: people who are here already, and the same addresses coming from another idp.
import assert from 'node:assert/strict'
import { join } from './account.ts'
import { type Browser, openBrowser, type Page } from './browser.ts'
import { PASSWORD } from './people.ts'
import { MODES, type Mode, type Product, type ProductOptions, type Scene, startProduct } from './product.ts'
import { codesOn, type Newcomer, newcomer, visit } from './visits.ts'

export const CONNECT = '/accountrecoveryendpoint/connect.do'

/** A product whose idps offer to connect, all of them unless `offering` names some. */
export function startOffering(options: ProductOptions & { offering?: Mode[] } = {}): Promise<Product> {
  const { offering = MODES, ...rest } = options
  return startProduct({
    modes: MODES,
    ...rest,
    change: (declared) => ({
      ...declared,
      identityProviders: declared.identityProviders.map((idp) => ({
        ...idp,
        jit: { ...idp.jit, associateLocalUser: offering.includes(idp.name as Mode) },
      })),
    }),
  })
}

export interface Owner {
  id: string
  person: Newcomer
}

let hash: Promise<string> | undefined

/** Somebody who is a user by the idp that asks nothing, keeps their address, and has a password besides. */
export async function ownerWithPassword(product: Product, claims: Record<string, unknown> = {}): Promise<Owner> {
  const owner = await ownerByIdp(product, claims)
  // Made once: each takes a good part of a second.
  hash ??= product.running.house.passwords.hash(PASSWORD, 'tests')
  await product.rows('UPDATE users SET password_hash = $2 WHERE id = $1', [owner.id, await hash])
  return owner
}

/** Somebody who is a user without a password, by the idp that asks nothing. */
export async function ownerByIdp(product: Scene, claims: Record<string, unknown> = {}): Promise<Owner> {
  const person = newcomer(claims)
  return { id: await join(product, 'silent', person), person }
}

/** Somebody whom nobody knows, with the address of a user, verified. */
export function sameAddress({ person }: Owner, claims: Record<string, unknown> = {}): Newcomer {
  return newcomer({ email: person.email, ...claims })
}

/** Arrives with the address of a user, in a browser of their own; the page that asks whether that is them. */
export async function offered(
  product: Scene,
  mode: Mode,
  person: Newcomer,
  browser: Browser = openBrowser(),
): Promise<Page> {
  const page = await visit(product, mode, person, { browser })
  assertAt(page, CONNECT)
  return page
}

/** Says that the account is theirs; the page that asks them to sign in to it. */
export async function claim(page: Page): Promise<Page> {
  const next = await page.tick('connect').press('Continue')
  assertAt(next, `${CONNECT}/sign-in`)
  return next
}

/** Signs in to the account on that page; the last page. */
export async function proveByPassword(page: Page, username: string, password = PASSWORD): Promise<Page> {
  const next = await page.fill({ username, password }).press('Sign in and connect')
  assertAt(next, `${CONNECT}/finish`)
  return next
}

/** Signs in to the account by another idp; where that leads. */
export function proveByIdp(product: Scene, page: Page, mode: Mode, person: Newcomer): Promise<Page> {
  product.idp.person(person.sub, person)
  product.idp.signInAs = person.sub
  return page.click(`Sign in with Acme ${mode}`)
}

export function assertAt(page: Page, path: string): void {
  assert.equal(new URL(page.url).pathname, path, `${page.status} ${codesOn(page)} ${page.text}`)
}
