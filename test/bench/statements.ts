// What a database is asked: statements, transactions that write, and rows that are read by scanning whole tables.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contender } from './stage.ts'

export interface Asked {
  /** BEGIN, COMMIT and ROLLBACK are of them. */
  statements: number
  writes: number
  /** The number of the transaction before which all was as it was. */
  since: number
}

/** What `count` pieces of work ask of the database, each; nobody else may use the server meanwhile. */
export async function askedBy(contender: Contender, count: number, work: () => Promise<unknown>): Promise<Asked> {
  await contender.rows(`SELECT /* bench */ pg_stat_statements_reset(0, ${HERE}, 0)`)
  const before = await transactions(contender)
  for (let done = 0; done < count; done += 1) await work()
  const writes = (await transactions(contender)) - before
  const [row] = await contender.rows<{ calls: string }>(
    `SELECT /* bench */ sum(calls) AS calls FROM pg_stat_statements WHERE dbid = ${HERE} AND query NOT LIKE '%/* bench */%'`,
  )
  return { statements: Number(row?.calls) / count, writes: writes / count, since: before }
}

const HERE = '(SELECT oid FROM pg_database WHERE datname = current_database())'

/** Only a transaction that writes is given a number, so the next number tells how many wrote. */
async function transactions(contender: Contender): Promise<number> {
  const [row] = await contender.rows<{ next: string }>(
    'SELECT /* bench */ pg_snapshot_xmax(pg_current_snapshot()) AS next',
  )
  return Number(row?.next)
}

/** The rows of a table that were written by this transaction or a later one. */
export async function writtenSince(contender: Contender, table: string, since: number): Promise<number> {
  const [row] = await contender.rows<{ count: number }>(
    `SELECT count(*)::int AS count FROM ${table} WHERE xmin::text::bigint >= $1`,
    [since],
  )
  return row?.count ?? 0
}

export interface Scans {
  /** Rows read by scanning tables from end to end. */
  rows: number
  /** The tables with more than a thousand rows to begin with of which that happened. */
  ofLarge: string[]
}

/** Begins to watch a database; what is returned tells what was scanned since. */
export async function watchScans(contender: Contender): Promise<() => Promise<Scans>> {
  const before = await scans(contender)
  return async () => {
    const after = await scans(contender)
    const since = [...after].map(([table, { scans, rows }]) => {
      const then = before.get(table) ?? { scans: 0, rows: 0, live: 0 }
      return { table, live: then.live, scans: scans - then.scans, rows: rows - then.rows }
    })
    return {
      rows: since.reduce((sum, { rows }) => sum + rows, 0),
      ofLarge: since.filter(({ scans, live }) => scans > 0 && live > LARGE).map(({ table }) => table),
    }
  }
}

const LARGE = 1_000
/** A connection that has nothing to do hands in its figures within ten seconds. */
const HANDED_IN_MS = 10_500

async function scans(contender: Contender) {
  await sleep(HANDED_IN_MS)
  const rows = await contender.rows<Record<'relname' | 'seq_scan' | 'seq_tup_read' | 'n_live_tup', string>>(
    'SELECT relname, seq_scan, seq_tup_read, n_live_tup FROM pg_stat_user_tables',
  )
  return new Map(
    rows.map((row) => [
      row.relname,
      { scans: Number(row.seq_scan), rows: Number(row.seq_tup_read), live: Number(row.n_live_tup) },
    ]),
  )
}
