// One code counts once, whoever shows it at the same moment to whichever process: of an app, by e-mail, and from the list of backup codes.
// The control is a program whose statements do not ask whether a code was used: there more than one gets in.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { brokenCopy } from './support/broken-copy.ts'
import { openBrowser, type Page } from './support/browser.ts'
import { codeOf, enhanced, giveBackupCodes, giveEmailCodes, giveTotp, mailedCode } from './support/factors.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { openSmtpSink, type SmtpSink } from './support/smtp.ts'
import { type Newcomer, newcomer, submit, visit } from './support/visits.ts'

const TIMES = 20

describe('a second factor over two processes', () => {
  let sink: SmtpSink
  let fleet: Fleet
  before(async () => {
    sink = await openSmtpSink()
    fleet = await startEnhanced(2, sink)
  })
  after(async () => {
    await fleet?.stop()
    await sink?.close()
  })

  it('twenty times the same code of an app let one in', async () => assert.equal(await withApp(fleet), 1))
  it('twenty times the same code by email let one in', async () => assert.equal(await withEmail(fleet, sink), 1))
  it('twenty times the same backup code let one in', async () => assert.equal(await withBackupCode(fleet), 1))
})

describe('NEGATIVE CONTROL: a second factor', () => {
  it('counts more than once where nobody asks whether its code was used', async () => {
    const copy = await brokenCopy(
      'db/user-factors.js',
      'AND secret_sealed = ? AND last_step < ? RETURNING',
      'AND secret_sealed = ? AND last_step <= greatest(last_step, ?) RETURNING',
      [
        'bound_to = ? AND user_id = ? AND used_at IS NULL AND expires_at > ? AND tries < ? RETURNING',
        'bound_to = ? AND user_id = ? AND expires_at > ? AND tries < ? RETURNING',
      ],
      ['label = ? AND code_hash = ? AND used_at IS NULL RETURNING 1', 'label = ? AND code_hash = ? RETURNING 1'],
    )
    const sink = await openSmtpSink()
    const fleet = await startEnhanced(1, sink, copy.folder)
    try {
      assert.ok((await withApp(fleet)) > 1)
      assert.ok((await withBackupCode(fleet)) > 1)
      // All of these are one sign-in, which ends once: that its code is taken again is seen in the row.
      assert.equal(await withEmail(fleet, sink), 1)
      const [row] = await fleet.rows<{ tries: number }>('SELECT max(tries)::int AS tries FROM emailed_codes')
      assert.ok((row?.tries ?? 0) > 1)
    } finally {
      await fleet.stop()
      await copy.remove()
      await sink.close()
    }
  })
})

function startEnhanced(servers: number, sink: SmtpSink, program?: string): Promise<Fleet> {
  // The tests' browsers say where they come from, behind the proxy that stands between.
  const env = { SMTP_URL: sink.url, TRUST_PROXY: '2' }
  return startFleet({ servers, modes: ['silent'], env, change: enhanced({}), ...(program ? { program } : {}) })
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

async function withApp(fleet: Fleet): Promise<number> {
  const { person, userId } = await known(fleet)
  const secret = await giveTotp(fleet, userId)
  const pages = await waiting(fleet, person)
  const code = codeOf(secret, new Date())
  await Promise.allSettled(pages.map((page) => page.fill({ code }).press('Continue')))
  return shownOf(fleet, userId)
}

async function withBackupCode(fleet: Fleet): Promise<number> {
  const { person, userId } = await known(fleet)
  await giveTotp(fleet, userId)
  const [code = ''] = await giveBackupCodes(fleet, userId, 1)
  const pages = await Promise.all((await waiting(fleet, person)).map((page) => page.click('Use a backup code')))
  await Promise.allSettled(pages.map((page) => page.fill({ code }).press('Continue')))
  return shownOf(fleet, userId)
}

async function withEmail(fleet: Fleet, sink: SmtpSink): Promise<number> {
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
