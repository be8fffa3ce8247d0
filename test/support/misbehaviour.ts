// What a test says of an idp that misbehaves: nobody is signed in by it, nothing is kept, and the person gets a page with a way on.
import assert from 'node:assert/strict'
import type { Page } from './browser.ts'
import type { Claims, Fault } from './idp.ts'
import type { Mode, Product } from './product.ts'
import { codesOn, countPeople, knownPerson, type Newcomer, newcomer, signedIn, visit } from './visits.ts'

/** In the ID token alone. */
export function inToken(change: (claims: Claims) => Claims): Fault {
  return { tamper: (claims, where) => (where === 'id_token' ? change(claims) : claims) }
}

/** In all that is said about a person. */
export function everywhere(change: (claims: Claims) => Claims): Fault {
  return { tamper: (claims, where) => (where === 'discovery' ? claims : change(claims)) }
}

export function atUserinfo(change: (claims: Claims) => Claims): Fault {
  return { tamper: (claims, where) => (where === 'userinfo' ? change(claims) : claims) }
}

export function omit(claims: Claims, ...names: string[]): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))
}

/** The idp misbehaves while `work` goes on, and is well again whatever happens. */
export async function during<Result>(product: Product, fault: Fault, work: () => Promise<Result>): Promise<Result> {
  product.idp.fault = fault
  try {
    return await work()
  } finally {
    product.idp.fault = {}
  }
}

/** What the product keeps of the idp's description and keys grows too old, and will be asked for again. */
export function forgetDescription(product: Product): void {
  product.clock.now = new Date(product.clock.now.getTime() + 11 * 60_000)
}

/** The page for an idp that did not do its part. `idpName` as in its display name, "Acme silent". */
export function assertFailurePage(page: Page, idpName: string, what: string): void {
  assert.equal(page.status, 502, `${what}: ${page.status} ${page.text}`)
  assert.deepEqual(codesOn(page), ['IDP'], what)
  assert.match(page.text, new RegExp(`Acme ${idpName} did not complete the sign-in`), what)
  assert.match(page.html, />Try again</, what)
  assert.match(page.html, />Other ways to sign in</, what)
}

/** Each fault is met by a stranger, whose sign-in must end on that page; all of them together must leave no trace. Returns the pages. */
export async function assertRefused(
  product: Product,
  faults: Record<string, Fault>,
  person: () => Newcomer = () => newcomer(),
): Promise<Page[]> {
  const pages: Page[] = []
  const [people, kept] = [await countPeople(product), await sealedProfiles(product)]
  const results = product.application.results.length
  // The mode must make no difference, so each fault is met in the next one.
  const modes: Mode[] = ['silent', 'none', 'consent']
  for (const [index, [what, fault]] of Object.entries(faults).entries()) {
    const mode = modes[index % modes.length] ?? 'silent'
    const page = await during(product, fault, () => visit(product, mode, person()))
    assertFailurePage(page, mode, what)
    pages.push(page)
  }
  assert.equal(product.application.results.length, results, 'the application was told something')
  assert.deepEqual(await countPeople(product), people, 'somebody was kept')
  assert.equal(await sealedProfiles(product), kept, 'what the idp sent was kept')
  return pages
}

/** Signs somebody in silently; what the application is told about them. */
export async function toldAfter(product: Product, fault: Fault, person: Newcomer = newcomer()): Promise<Claims> {
  const page = await during(product, fault, () => visit(product, 'silent', person))
  assert.ok(page.url.startsWith(product.application.redirectUri), page.text)
  const { sub, userinfo } = signedIn(product.application)
  assert.equal(sub, (await knownPerson(product, person.sub)).user.id)
  return userinfo
}

/** What an idp must not be able to bring about: an answer of 500. */
export function serverErrors(product: Product): string[] {
  return product.log.filter((line) => line.includes('"request failed"') && line.includes('"status":500'))
}

async function sealedProfiles(product: Product): Promise<number> {
  const rows = await product.rows('SELECT 1 FROM flows WHERE profile_sealed IS NOT NULL')
  return rows.length
}
