// The tests' own SQL on a database: over connections that are kept for the next statement, because opening one costs more than nearly every statement.
import pg from 'pg'

export interface Rows {
  /** Runs one statement. What it sets lasts no longer than itself is sure to: the next one may have another connection. */
  rows<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>
  /** Every row of every table as text, under the name of its table: what a dump of the database would hold. */
  texts(): Promise<string[]>
  /** Closes the connections; to be awaited before the database is dropped. */
  close(): Promise<void>
}

/** Opens nothing yet. `url` is asked each time: a server that was stopped and started again listens elsewhere. */
export function openRows(url: () => string): Rows {
  let at = ''
  let pool: pg.Pool | undefined
  const close = async () => {
    const closing = pool
    pool = undefined
    await closing?.end()
  }
  const rows: Rows['rows'] = async (sql, values = []) => {
    if (at !== url()) await close()
    if (!pool) {
      at = url()
      // Whoever waits for a lock keeps nobody else waiting, and what nobody uses keeps no process from its end.
      pool = new pg.Pool({ connectionString: at, max: 50, idleTimeoutMillis: 10_000, allowExitOnIdle: true })
      // An idle connection that breaks, because a test stops or kills it, is replaced.
      pool.on('error', () => {})
    }
    return (await pool.query(sql, values)).rows
  }
  return {
    rows,
    async texts() {
      const tables = await rows<{ name: string }>(
        "SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'",
      )
      const all = tables.map(({ name }) => `SELECT '${name}: ' || t::text AS row FROM ${name} t`).join(' UNION ALL ')
      return (await rows<{ row: string }>(all)).map(({ row }) => row)
    },
    close,
  }
}
