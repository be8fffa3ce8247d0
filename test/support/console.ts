// Operators of a product under test, and browsers in which they are signed in to its console.
import { randomUUID } from 'node:crypto'
import { COMMAND_LINE } from '../../src/db/changes.ts'
import { putOperator, type Role } from '../../src/db/operators.ts'
import { insertUser } from '../../src/db/users.ts'
import { lookOf } from '../../src/provisioning/look.ts'
import { type Browser, openBrowser, type Page } from './browser.ts'
import type { Product } from './product.ts'
import { postForm } from './visits.ts'

export const OPERATOR_PASSWORD = 'a walk around the lake'

/** Makes a user with a password, and an operator of them if a role is given. Their name may be one that nobody could sign up with. */
export async function makeOperator(
  { running: { house } }: Product,
  username: string,
  role?: Role,
): Promise<{ id: string; username: string }> {
  const id = randomUUID()
  const passwordHash = await house.passwords.hash(OPERATOR_PASSWORD, username)
  const canonical = username.toLowerCase()
  await insertUser(house.db, { id, store: 'PRIMARY', username, canonical, look: lookOf(canonical), passwordHash })
  // Somebody has to be an owner before anybody can be less.
  if (role !== undefined && !(await putOperator(house.db, id, role, COMMAND_LINE)))
    throw new Error('there is no owner yet')
  await house.db.raw('UPDATE installation SET setup_completed_at = coalesce(setup_completed_at, now())')
  return { id, username }
}

/** A browser that is signed in to the console as a new operator; the first one has to be an owner. */
export async function openConsole(
  product: Product,
  { username = 'olu', role = 'owner' as Role } = {},
): Promise<{ browser: Browser; page: Page; id: string }> {
  const { id } = await makeOperator(product, username, role)
  const browser = openBrowser()
  const page = await signInToConsole(product, browser, username)
  return { browser, page, id }
}

/** Sends what no button of a page sends, with the token of that page, and follows nothing. */
export function postBeside(
  browser: Browser,
  page: Page,
  fields: Record<string, string>,
  url = page.url,
): Promise<Response> {
  const token = page.submission('Sign out').fields.get('_csrf') ?? ''
  return postForm(browser, url, new URLSearchParams({ _csrf: token, ...fields }))
}

export async function signInToConsole(product: Product, browser: Browser, username: string): Promise<Page> {
  const page = await browser.open(`${product.url}/console/sign-in`)
  return page.fill({ username, password: OPERATOR_PASSWORD }).press('Sign in')
}
