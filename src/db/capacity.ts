// How many connections there are: of our pool now, and of the server altogether.
import { type Db, type Pool, query } from './connect.ts'

/** The pool of this process: in use, free, and requests that wait for one. */
export function connectionsOf(db: Pool): { used: number; free: number; waiting: number } {
  const { pool } = db.client as { pool: { numUsed(): number; numFree(): number; numPendingAcquires(): number } }
  return { used: pool.numUsed(), free: pool.numFree(), waiting: pool.numPendingAcquires() }
}

/** What the server lets our role open: its own limit, or the role's or the database's where that is lower. */
export async function connectionLimit(db: Db): Promise<number> {
  const [row] = await query<{ limit: number }>(
    db,
    `SELECT least(current_setting('max_connections')::int,
       (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
       (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())) AS limit`,
  )
  return row?.limit ?? Number.POSITIVE_INFINITY
}

interface Waiting {
  on(event: 'acquireRequest' | 'acquireSuccess' | 'acquireFail', told: (id: number) => void): void
}

/**
 * Watches how long requests wait for a connection of the pool. The function that it returns tells the shortest such wait since it was last
 * asked, absent when nobody was given one, and how many wait now.
 */
export function watchWaits(db: Pool): () => { shortestMs: number | undefined; waiting: number } {
  const { pool } = db.client as { pool: Waiting }
  const since = new Map<number, number>()
  let shortestMs: number | undefined
  pool.on('acquireRequest', (id) => since.set(id, performance.now()))
  pool.on('acquireSuccess', (id) => {
    shortestMs = Math.min(shortestMs ?? Number.POSITIVE_INFINITY, performance.now() - (since.get(id) ?? 0))
    since.delete(id)
  })
  pool.on('acquireFail', (id) => since.delete(id))
  return () => {
    const seen = { shortestMs, waiting: since.size }
    shortestMs = undefined
    return seen
  }
}
