// How long an operator waits for the lists of the console by the number of users, and how many rows are read in vain for them.
import type { Browser, Page } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { type Bench, sizesOf } from './report.ts'

const ROUNDS = 40

interface Look {
  what: string
  /** Milliseconds that ux.md allows for p95; for the reader to compare. */
  wanted: number
  /** There is nothing to look at with fewer users. */
  least?: number
  go(browser: Browser): Promise<Page>
}

export async function consoleBench(bench: Bench): Promise<void> {
  const product = await startProduct({ modes: ['silent', 'consent', 'password'] })
  try {
    const { browser } = await openConsole(product)
    let filled = 0
    for (const size of sizesOf(bench)) {
      const started = performance.now()
      await fill(product, filled + 1, size)
      filled = size
      const seconds = Math.round((performance.now() - started) / 1000)
      bench.say(`— with ${size.toLocaleString('en')} users, made in ${seconds} s`)
      for (const look of looks(product).filter(({ least = 0 }) => size >= least))
        bench.say(await measure(product, browser, look))
    }
  } finally {
    await product.stop()
  }
}

function looks({ url }: Product): Look[] {
  const users = async (browser: Browser, fields: Record<string, string>) =>
    (await browser.open(`${url}/console/users`)).fill(fields).press('Search')
  return [
    { what: 'users, first page', wanted: 200, go: (browser) => browser.open(`${url}/console/users`) },
    {
      what: 'users, second page',
      wanted: 200,
      least: 100,
      go: async (browser) => (await browser.open(`${url}/console/users`)).press('Next'),
    },
    {
      what: 'users by the beginning of a name',
      wanted: 300,
      go: (browser) => users(browser, { username: 'user-00734' }),
    },
    { what: 'users by one letter', wanted: 300, go: (browser) => users(browser, { username: 'u' }) },
    { what: 'users, nobody has the name', wanted: 300, go: (browser) => users(browser, { username: 'zz-nobody' }) },
    {
      what: 'users who are locked (one in a thousand)',
      wanted: 300,
      go: (browser) => users(browser, { state: 'locked' }),
    },
    { what: 'identity providers', wanted: 200, go: (browser) => browser.open(`${url}/console/identity-providers`) },
    {
      what: 'one identity provider',
      wanted: 200,
      go: (browser) => browser.open(`${url}/console/identity-providers/silent`),
    },
    {
      what: 'deleting one, with its counts',
      wanted: 300,
      go: (browser) => browser.open(`${url}/console/identity-providers/silent/delete`),
    },
    { what: 'dashboard', wanted: 200, go: (browser) => browser.open(`${url}/console`) },
    { what: 'sign-ins', wanted: 200, go: (browser) => browser.open(`${url}/console/sign-ins`) },
    { what: 'audit', wanted: 200, go: (browser) => browser.open(`${url}/console/audit`) },
  ]
}

async function measure(product: Product, browser: Browser, { what, wanted, go }: Look): Promise<string> {
  await go(browser)
  const before = await readInVain(product)
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now()
    const page = await go(browser)
    times.push(performance.now() - started)
    if (page.status !== 200) throw new Error(`${what}: ${page.status}`)
  }
  const after = await readInVain(product)
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)]?.toFixed(0)
  const inVain = Object.keys(after).filter((table) => (after[table] ?? 0) > (before[table] ?? 0))
  const scans = inVain.length === 0 ? 'no sequential scan' : `SEQUENTIAL SCANS of ${inVain.join(', ')}`
  return `${what}: median ${at(0.5)} ms, p95 ${at(0.95)} ms (${wanted} wanted), ${scans}`
}

/** Sequential scans of the tables that grow with people. */
async function readInVain(product: Product): Promise<Record<string, number>> {
  // The statistics of a session reach the others when it is idle for a moment.
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  const rows = await product.rows<{ relname: string; seq_scan: string }>(
    `SELECT relname, seq_scan FROM pg_stat_user_tables
     -- A table of a few pages is rightly read as a whole.
     WHERE n_live_tup > 1000 AND relname IN ('users', 'identities', 'user_attributes', 'consents', 'audit_events', 'changes')`,
  )
  return Object.fromEntries(rows.map(({ relname, seq_scan }) => [relname, Number(seq_scan)]))
}

/** Users of two idps, with attributes, consents and records of their sign-ins, as years of use leave them. */
async function fill(product: Product, from: number, to: number): Promise<void> {
  const some = `generate_series(${from}, ${to}) AS n`
  const id = `md5('user ' || n)::uuid`
  const idp = `(SELECT id FROM idps WHERE name = CASE WHEN n % 5 < 3 THEN 'silent' ELSE 'consent' END)`
  const name = `'user-' || lpad(n::text, 7, '0')`
  await product.rows(
    `INSERT INTO users (id, store, username, username_canonical, username_look, password_hash, is_locked)
     SELECT ${id}, 'PRIMARY', ${name}, ${name}, sha256(convert_to(${name}, 'UTF8')), NULL, n % 1000 = 0 FROM ${some}`,
  )
  await product.rows(
    `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme)
     SELECT ${idp}, 'https://id.acme.example', 'subject-' || n, ${id}, 'PROMPT_CONSENT' FROM ${some}`,
  )
  await product.rows(
    `INSERT INTO user_attributes (user_id, name, value, origin, origin_idp_id)
     SELECT ${id}, 'email', to_jsonb('user' || n || '@acme.example'), 'idp', ${idp} FROM ${some}`,
  )
  await product.rows(
    `INSERT INTO audit_events (event, flow_id, idp_id, user_id, created_at, detail)
     SELECT 'sign-in', 'flow-' || n, ${idp}, ${id}, now() - n * interval '7 seconds', '{}' FROM ${some}`,
  )
  await product.rows(
    `INSERT INTO changes (at, actor, action, kind, object, before, after)
     SELECT now() - n * interval '10 minutes', 'operator ' || n % 7, 'changed', 'purpose', 'purpose-' || n % 50, '{"a": 1}', '{"a": 2}' FROM ${some}`,
  )
  // What a file says cannot be deleted here.
  await product.rows("UPDATE idps SET managed_by = 'console'")
  await product.rows('ANALYZE')
}
