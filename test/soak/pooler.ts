// The suite once more, with PgBouncer in transaction mode between the product and PostgreSQL: what only a session keeps is lost between two transactions.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Client } from 'pg'
import { connect, query } from '../../src/db/connect.ts'
import { seconds } from '../support/figures.ts'
import { makeBeforehand } from '../support/make-beforehand.ts'
import { findPgBouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { REPOSITORY, startMigratedCluster } from '../support/scene.ts'
import type { Say } from './parts.ts'

/** Tests that have a product, and a reason not to run here. */
const LEFT_OUT: [file: RegExp, why: string][] = [
  [/^chromium\//, 'another browser asks the same of the product'],
  [/^(outages|crashes|races)/, 'stands between the servers and PostgreSQL itself, or kills servers'],
  [/^floods/, 'measures how soon people are answered'],
]

/** Processes side by side. More of them start more clusters, and take longer. */
const LANES = 4

/** Fails unless every test that has a product passes through the pooler, and the pooler is one that would break what leans on a session. */
export async function poolerSoak(say: Say): Promise<void> {
  findPgBouncer()
  await assertItBites()
  await assertItCancels()
  await assertItIsNoticed()
  const folder = path.join(REPOSITORY, 'test')
  const textOf = (file: string) => readFileSync(path.join(folder, file), 'utf8')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !LEFT_OUT.some(([left]) => left.test(file)))
    .filter((file) => /\b(startProduct|startFleet|openHouse)\(/.test(textOf(file)))
    // The longest first, to be dealt out as evenly as can be.
    .sort((one, other) => textOf(other).length - textOf(one).length)
  const wordsFor = await makeBeforehand(files)
  const lanes = Array.from({ length: LANES }, (_, lane) => files.filter((_, index) => laneOf(index) === lane))
  const began = performance.now()
  const ended: string[] = []
  const outputs = await Promise.all(
    lanes.map(async (each) => {
      const output = await run(wordsFor(each))
      ended.push(seconds(performance.now() - began))
      return output
    }),
  )
  say(`their processes took ${ended.join(', ')}`)
  const output = outputs.join('\n')
  const sum = (pattern: RegExp) =>
    [...output.matchAll(pattern)].reduce((total, [, number]) => total + Number(number), 0)
  const count = (what: string) => sum(new RegExp(`^# ${what} (\\d+)$`, 'gm'))
  const transactions = sum(/^# PgBouncer [\d.]+: (\d+) transactions$/gm)
  say(`${count('pass')} tests of ${files.length} files passed through PgBouncer in ${transactions} transactions`)
  const failed = [...output.matchAll(/^ *not ok .*$(?:\n(?! *(?:not )?ok ).*$){0,20}/gm)].map(([report]) => report)
  assert.equal(failed.length, 0, `these fail with the pooler:\n${failed.join('\n')}`)
  assert.ok(count('pass') > 0 && count('fail') === 0, output.slice(-8_000))
  // Each test has several; far fewer would have gone another way.
  assert.ok(transactions > 5 * count('pass'), `only ${transactions} transactions passed through the pooler`)
}

/** There and back again, as teams are chosen. */
function laneOf(index: number): number {
  const turn = index % (2 * LANES)
  return turn < LANES ? turn : 2 * LANES - 1 - turn
}

/** The negative control: a named statement is gone with its connection, and a start-up parameter is refused. */
async function assertItBites(): Promise<void> {
  const cluster = await startMigratedCluster()
  const pooler = await startPgBouncer(cluster)
  const url = pooler.through(cluster.url('postgres'))
  const [one, other] = [new Client(url), new Client(url)]
  try {
    await one.connect()
    await other.connect()
    await one.query({ name: 'named', text: 'SELECT 1' })
    // Takes the connection that knows the name.
    await other.query('BEGIN')
    await other.query('SELECT 1')
    await assert.rejects(one.query({ name: 'named', text: 'SELECT 1' }), { code: '26000' })
    const spoilt = new Client({ connectionString: url, statement_timeout: 1_000 })
    await assert.rejects(spoilt.connect(), /unsupported startup parameter/)
  } finally {
    await Promise.all([one.end(), other.end()])
    await pooler.stop()
    await cluster.stop()
  }
}

/**
 * Whatever is asked often is prepared on none of the pooler's connections: it would be there for one of those who come, and in the way of the others.
 * Seen to fail: where every connection is taken for one to PostgreSQL itself.
 */
async function assertItIsNoticed(): Promise<void> {
  const cluster = await startMigratedCluster()
  const pooler = await startPgBouncer(cluster)
  const db = connect({ url: pooler.through(cluster.url('postgres')), poolMax: 8, ssl: false, onError: () => {} })
  const often = (sql: string, values: number[]) =>
    Promise.all(Array.from({ length: 400 }, () => query<Record<string, number>>(db, sql, values)))
  try {
    for (const [row] of await often('SELECT ?::int AS number', [7])) assert.equal(row?.['number'], 7)
    for (const [row] of await often('SELECT count(*)::int AS prepared FROM pg_prepared_statements', []))
      assert.equal(row?.['prepared'], 0)
  } finally {
    await db.destroy()
    await pooler.stop()
    await cluster.stop()
  }
}

/**
 * What the product gives up ends at PostgreSQL too, although the pooler stands between: it would wait for its lock, and be carried
 * out. Fails without the cancelling, when the connection is closed before it is heard, and when whoever asks for it hangs up at once.
 */
async function assertItCancels(): Promise<void> {
  const cluster = await startMigratedCluster()
  const pooler = await startPgBouncer(cluster)
  const url = cluster.url('template1')
  const db = connect({ url: pooler.through(url), poolMax: 1, ssl: false, onError: () => {} })
  const holder = new Client(url)
  try {
    await holder.connect()
    await holder.query('CREATE TABLE held (id integer)')
    await holder.query('BEGIN; LOCK TABLE held')
    await assert.rejects(query(db, 'INSERT INTO held VALUES (1)'), { name: 'DatabaseAway', fate: 'slow' })
    const waiting = await holder.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    assert.equal(waiting.rowCount, 0, 'what was given up still waits for its lock')
    await holder.query('ROLLBACK')
  } finally {
    await holder.end()
    await db.destroy()
    await pooler.stop()
    await cluster.stop()
  }
}

/** Runs a process of tests, which node is started for with `words`; everything it printed. */
async function run(words: string[]): Promise<string> {
  const child = spawn(process.execPath, ['--test-reporter=tap', ...words], {
    cwd: REPOSITORY,
    // Without the mark of a test runner, under which node would speak to its parent in a language of its own. What a pooler could break breaks
    // whatever the values are: fewer of them than in the test run.
    env: { ...process.env, TEST_POOLER: 'pgbouncer', FAST_CHECK_RUNS: '0.25', NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const [code] = await once(child, 'close')
  // What nobody caught fails a process and none of its tests.
  return code === 0 ? output : `${output}\nnot ok - a process of tests ended with ${code}\n${output.slice(-2_000)}`
}
