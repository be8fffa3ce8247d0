// Opens the one pool of a process, and runs SQL on it.

import type { ConnectionOptions } from 'node:tls'
import type { Knex } from 'knex'
import knex from 'knex'

/** The pool, or a transaction on it. */
export type Db = Knex

export interface ConnectOptions {
  url: string
  poolMax: number
  ssl: boolean | ConnectionOptions
  /** Told about a connection that broke while idle; without a listener the process would end. */
  onError: (error: Error) => void
}

/**
 * Opens a pool of at most `poolMax` connections.
 * No start-up parameters and no named statements: a pooler in transaction mode keeps neither. The client's own `query_timeout` bounds every statement.
 */
export function connect(options: ConnectOptions): Db {
  return knex({
    client: 'pg',
    connection: {
      connectionString: options.url,
      ssl: options.ssl,
      connectionTimeoutMillis: 5_000,
      query_timeout: 8_000,
    },
    pool: {
      min: 0,
      max: options.poolMax,
      afterCreate(
        connection: { on(event: 'error', listener: (error: Error) => void): void },
        done: (error: null, connection: unknown) => void,
      ) {
        connection.on('error', options.onError)
        done(null, connection)
      },
    },
    acquireConnectionTimeout: 5_000,
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
  })
}

/** Asks the database whether it is there; throws when it is not. */
export async function isThere(db: Db): Promise<void> {
  await query(db, 'SELECT 1')
}

/** What went wrong, for an operator: knex puts the whole statement before PostgreSQL's own words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.message.split(' - ').at(-1) ?? '') : String(error)
}

/** Runs one statement and returns its rows. `?` are positional values, `:name` would be knex's named ones. */
export async function query<Row>(db: Db, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
  const result: { rows: Row[] } = await db.raw(sql, values as Knex.RawBinding[])
  return result.rows
}

/** Runs one statement and returns its first row, if it has one. */
export async function queryOne<Row>(db: Db, sql: string, values: readonly unknown[] = []): Promise<Row | undefined> {
  return (await query<Row>(db, sql, values))[0]
}
