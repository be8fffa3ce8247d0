// Races for one code of a second factor: twenty times the same one at once, and how many of them count.
import assert from 'node:assert/strict'
import { openBrowser, type Page } from './browser.ts'
import { codeOf, enhanced, giveBackupCodes, giveEmailCodes, giveTotp, mailedCode } from './factors.ts'
import type { Fleet, FleetOptions } from './fleet.ts'
import type { SmtpSink } from './smtp.ts'
import { type Newcomer, newcomer, submit, visit } from './visits.ts'

const TIMES = 20

/** What a fleet for these races is started with. */
export function enhancedFleet(sink: SmtpSink): Omit<FleetOptions, 'servers'> {
  // The tests' browsers say where they come from, behind the proxy that stands between.
  const env = { SMTP_URL: sink.url, TRUST_PROXY: '2' }
  return { modes: ['silent'], env, change: enhanced({}) }
}

export async function withApp(fleet: Fleet): Promise<number> {
  const { person, userId } = await known(fleet)
  const secret = await giveTotp(fleet, userId)
  const pages = await waiting(fleet, person)
  const code = codeOf(secret, new Date())
  await Promise.allSettled(pages.map((page) => page.fill({ code }).press('Continue')))
  return shownOf(fleet, userId)
}

export async function withBackupCode(fleet: Fleet): Promise<number> {
  const { person, userId } = await known(fleet)
  await giveTotp(fleet, userId)
  const [code = ''] = await giveBackupCodes(fleet, userId, 1)
  const pages = await Promise.all((await waiting(fleet, person)).map((page) => page.click('Use a backup code')))
  await Promise.allSettled(pages.map((page) => page.fill({ code }).press('Continue')))
  return shownOf(fleet, userId)
}

export async function withEmail(fleet: Fleet, sink: SmtpSink): Promise<number> {
  const { person, userId } = await known(fleet)
  await giveEmailCodes(fleet, userId)
  const browser = openBrowser()
  const page = await (await visit(fleet, 'silent', person, { browser })).press('Send a code')
  const code = await mailedCode(sink, person.email)
  await Promise.allSettled(Array.from({ length: TIMES }, () => submit(browser, page, 'Continue', { code })))
  const [row] = await fleet.rows<{ used: number }>(
    'SELECT count(*)::int AS used FROM emailed_codes WHERE user_id = $1 AND used_at IS NOT NULL',
    [userId],
  )
  assert.equal(row?.used, 1)
  return shownOf(fleet, userId)
}

/** Somebody who is known, and what makes a factor theirs. */
async function known(fleet: Fleet): Promise<{ person: Newcomer; userId: string }> {
  const person = newcomer()
  await visit(fleet, 'silent', person)
  const [row] = await fleet.rows<{ id: string }>('SELECT user_id AS id FROM identities WHERE subject = $1', [
    person.sub,
  ])
  return { person, userId: row?.id ?? assert.fail('no user') }
}

/** So many sign-ins of one person, each at the page of the second factor in a browser of its own. */
async function waiting(fleet: Fleet, person: Newcomer): Promise<Page[]> {
  const pages: Page[] = []
  for (let count = 0; count < TIMES; count += 1) pages.push(await visit(fleet, 'silent', person))
  return pages
}

/** How many sign-ins of a user have shown a factor. */
async function shownOf(fleet: Fleet, userId: string): Promise<number> {
  const sql = `SELECT count(*)::int AS count FROM flows WHERE factor_user_id = $1 AND ending->>'kind' = 'signed-in'`
  return (await fleet.rows<{ count: number }>(sql, [userId]))[0]?.count ?? 0
}
