// Visits as the tests make them: somebody nobody knows yet, the way to an idp, and what came of it in the application and the database.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import type { Application, SignInResult } from './application.ts'
import { type Browser, openBrowser, type Page } from './browser.ts'
import type { Mode, Product, Scene } from './product.ts'

export interface Newcomer {
  sub: string
  preferred_username: string
  name: string
  email: string
  email_verified: boolean
  phone_number: string
  department: string
  [claim: string]: unknown
}

/** Somebody new in every value, so that no test meets another's people; a claim given as undefined is not sent. */
export function newcomer(claims: Record<string, unknown> = {}): Newcomer {
  const id = randomBytes(5).toString('hex')
  return {
    sub: `subject-${id}`,
    preferred_username: `person-${id}`,
    name: `Name ${id}`,
    email: `mail-${id}@acme.example`,
    email_verified: true,
    phone_number: `+44${Number.parseInt(id.slice(0, 8), 16)}`,
    department: `Department ${id}`,
    ...claims,
  }
}

/** Goes to the application and from there to the idp of this mode, where the person signs in; returns where that leads. */
export async function visit(
  product: Scene,
  mode: Mode,
  person: { sub: string; [claim: string]: unknown },
  options: { browser?: Browser; query?: Record<string, string>; application?: Application } = {},
): Promise<Page> {
  const { browser = openBrowser(), query = {}, application = product.application } = options
  product.idp.person(person.sub, person)
  product.idp.signInAs = person.sub
  const page = await browser.open(`${application.url}/login?${new URLSearchParams(query)}`)
  return page.url.includes('/login.do') ? page.click(`Continue with Acme ${mode}`) : page
}

/** What the application was given last; fails when that is not a sign-in. */
export function signedIn(application: Application): Extract<SignInResult, { kind: 'signed-in' }> {
  const result = application.results.at(-1)
  assert.ok(result?.kind === 'signed-in', `not signed in: ${JSON.stringify(result)}`)
  return result
}

/** The error that the application was given last; fails when that is not an error. */
export function refused(application: Application): { error: string; description: string } {
  const result = application.results.at(-1)
  assert.ok(result?.kind === 'error', `not an error: ${JSON.stringify(result)}`)
  return { error: result.error, description: result.description }
}

/** The stable codes on a page, in the order of the page. */
export function codesOn(page: Page): string[] {
  return [...page.html.matchAll(/data-msg="([^"]*)"/g)].map(([, code = '']) => code)
}

/** Sends a form as rendered, with changes, and follows nothing. */
export function submit(
  browser: Browser,
  page: Page,
  button: string,
  changes: Record<string, string> = {},
): Promise<Response> {
  const { url, fields } = page.submission(button)
  for (const [name, value] of Object.entries(changes)) fields.set(name, value)
  return postForm(browser, url, fields)
}

/** Sends fields that may be of no form, and follows nothing. */
export function postForm(browser: Browser, url: string, fields: URLSearchParams): Promise<Response> {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  return browser.fetch(url, { method: 'POST', headers, body: fields.toString() })
}

/** The flow id in a prompt page's address. */
export function flowIdOf(page: Page): string {
  return new URL(page.url).searchParams.get('sessionDataKey') ?? assert.fail(`no flow id in ${page.url}`)
}

/** What the pages of a flow quote. */
export function codeOfFlow(flowId: string): string {
  return createHash('sha256').update(flowId).digest('hex').slice(0, 8).replace(/^.{4}/, '$&-')
}

export interface StoredUser {
  id: string
  store: string
  username: string
  username_canonical: string
  password_hash: string | null
}

/** Everything that is kept of the person with this subject; undefined when there is no such person. */
export async function storedPerson(product: Scene, subject: string) {
  const [user] = await product.rows<StoredUser>(
    `SELECT users.id, store, username, username_canonical, password_hash FROM users JOIN identities ON user_id = users.id WHERE subject = $1`,
    [subject],
  )
  if (!user) return undefined
  const attributes = await product.rows<{
    name: string
    value: unknown
    verified: boolean | null
    origin: string
    idp: string | null
  }>(
    `SELECT user_attributes.name, value, verified, origin, idps.name AS idp FROM user_attributes
     LEFT JOIN idps ON idps.id = origin_idp_id WHERE user_id = $1 ORDER BY user_attributes.name`,
    [user.id],
  )
  const identities = await product.rows<{ idp: string; issuer: string; subject: string; scheme: string }>(
    'SELECT idps.name AS idp, identities.issuer, subject, scheme FROM identities JOIN idps ON idps.id = idp_id WHERE user_id = $1',
    [user.id],
  )
  const consents = await product.rows<{
    purpose_id: string
    attribute: string
    is_given: boolean
    language: string
    notice_hash: string
    idp: string
    flow_id: string
    notice: unknown
  }>(
    `SELECT purpose_id, attribute, is_given, consents.language, notice_hash, idps.name AS idp, flow_id, content AS notice FROM consents
     JOIN notices ON notices.hash = notice_hash JOIN idps ON idps.id = idp_id WHERE user_id = $1 ORDER BY consents.id`,
    [user.id],
  )
  const events = await product.rows<{ event: string; detail: Record<string, unknown> }>(
    'SELECT event, detail FROM audit_events WHERE user_id = $1 ORDER BY id',
    [user.id],
  )
  return { user, attributes, identities, consents, events }
}

/** The same for somebody who must be there. */
export async function knownPerson(product: Scene, subject: string) {
  return (await storedPerson(product, subject)) ?? assert.fail(`nobody is kept for ${subject}`)
}

/** One hash over every byte that is kept of a user: rows that nobody touched hash the same. */
export async function hashOfUser(product: Scene, userId: string): Promise<string> {
  const rows = await product.rows(
    `SELECT users::text AS row FROM users WHERE id = $1
     UNION ALL SELECT identities::text FROM identities WHERE user_id = $1
     UNION ALL SELECT user_attributes::text FROM user_attributes WHERE user_id = $1
     UNION ALL SELECT user_roles::text FROM user_roles WHERE user_id = $1
     UNION ALL SELECT consents::text FROM consents WHERE user_id = $1 ORDER BY 1`,
    [userId],
  )
  return createHash('sha256').update(JSON.stringify(rows)).digest('hex')
}

/** How many rows there are about people. */
export async function countPeople(product: Scene): Promise<Record<string, number>> {
  const [counts] = await product.rows<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM identities) AS identities,
       (SELECT count(*)::int FROM user_attributes) AS attributes, (SELECT count(*)::int FROM consents) AS consents`,
  )
  return counts ?? {}
}

/** Removes a user and everything about them but what they agreed to, as an operator with SQL would. */
export async function deleteUser(product: Scene, userId: string): Promise<void> {
  for (const table of ['user_roles', 'user_attributes', 'identities']) {
    await product.rows(`DELETE FROM ${table} WHERE user_id = $1`, [userId])
  }
  await product.rows('DELETE FROM users WHERE id = $1', [userId])
}

/** Runs `work` under another declaration, and puts the former one back whatever happens. */
export async function meanwhile(
  product: Product,
  change: Parameters<Product['redeclare']>[0],
  work: () => Promise<void>,
): Promise<void> {
  const before = structuredClone(product.declared)
  await product.redeclare(change)
  try {
    await work()
  } finally {
    await product.redeclare(() => before)
  }
}

/** A change of one idp's provisioning settings, for `redeclare`. */
export function withIdp(
  mode: Mode,
  jit: Partial<Product['declared']['identityProviders'][number]['jit']>,
  others: Partial<Product['declared']['identityProviders'][number]> = {},
): Parameters<Product['redeclare']>[0] {
  return (declared) => ({
    ...declared,
    identityProviders: declared.identityProviders.map((idp) =>
      idp.name === mode ? { ...idp, ...others, jit: { ...idp.jit, ...jit } } : idp,
    ),
  })
}
