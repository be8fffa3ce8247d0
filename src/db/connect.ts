// Opens the one pool of a process, and runs SQL on it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from 'node:tls'
import type { Knex } from 'knex'
import knex from 'knex'
import { DatabaseAway, isLost, isUncertain, wasUndone } from './away.ts'
import { ACQUIRE_MS, createDialect, type Dialect } from './dialect.ts'
import { checkValues } from './statement.ts'
import { Transaction } from './transaction.ts'

export type Pool = Knex

/** The pool, or a transaction on it. */
export type Db = Pool | Transaction

export interface ConnectOptions {
  url: string
  poolMax: number
  ssl: boolean | ConnectionOptions
  /** Told about a connection that broke, used or idle. */
  onError: (error: Error) => void
  /** How long a statement may take; absent: as long as anybody waits for an answer (dialect.ts). */
  statementMs?: number
}

const OLDEST_POSTGRES = '13'
const CONNECT_MS = 5_000
const KEEP_ALIVE_MS = 10_000

/**
 * Opens a pool of at most `poolMax` connections.
 * No start-up parameters, and no named statements but where PostgreSQL itself answers (dialect.ts): a pooler in transaction mode keeps neither.
 * What bounds every statement is on our side.
 */
export function connect(options: ConnectOptions): Pool {
  return knex({
    client: createDialect(options.poolMax, options.onError, options.statementMs),
    // Told, so that knex does not ask at its first connection, with no bound to its patience. Nothing depends on it.
    version: OLDEST_POSTGRES,
    connection: {
      connectionString: options.url,
      ssl: options.ssl,
      connectionTimeoutMillis: CONNECT_MS,
      // A host that vanished without a word is noticed while nobody asks it anything.
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    },
    pool: { min: 0, max: options.poolMax },
    acquireConnectionTimeout: ACQUIRE_MS,
    // The values of a statement are personal data, and an error's words may be printed.
    compileSqlOnError: false,
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
  })
}

/** Asks the database whether it is there; throws when it is not. */
export async function isThere(db: Db): Promise<void> {
  await query(db, 'SELECT 1')
}

/** What went wrong, for an operator: knex puts the whole statement before PostgreSQL's own words. */
export function reasonOf(error: unknown): string {
  if (error instanceof DatabaseAway && error.fate === 'unasked') {
    // knex waits less long than the driver, and then guesses at mistakes in the program.
    const isKnex = error.cause instanceof Error && error.cause.name === 'KnexTimeoutError'
    const why = isKnex ? `no answer within ${ACQUIRE_MS / 1000} seconds` : error.message
    return `There is no connection to the database. Is DATABASE_URL right? ${why}`
  }
  return error instanceof Error ? (error.message.split(' - ').at(-1) ?? '') : String(error)
}

/**
 * Runs one statement and returns its rows. `?` are positional values, `:name` would be knex's named ones.
 * Throws `DatabaseAway` when the database is to blame. Outside a transaction a statement that PostgreSQL undid is asked again,
 * and so is a read whose connection broke, which an idle one may have done a moment before.
 */
export function query<Row>(db: Db, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
  return run(db, sql, values, (error) => wasUndone(error) || (isLost(error) && /^\s*SELECT\b/.test(sql)))
}

/**
 * The same for a write that sees for itself when it was done already: outside a transaction it is asked again after a broken connection too, which
 * may have broken between its commit and the answer.
 */
export function askAgain<Row>(db: Db, sql: string, values: readonly unknown[]): Promise<Row[]> {
  return run(db, sql, values, wasUndoneOrLost)
}

async function run<Row>(
  db: Db,
  sql: string,
  values: readonly unknown[],
  mayTry: (error: unknown) => boolean,
): Promise<Row[]> {
  if (db instanceof Transaction) return (await db.ask(sql, values)) as Row[]
  const client: Dialect = db.client
  const ask = async (): Promise<Row[]> => {
    checkValues(sql, values)
    const connection = await client.acquireConnection()
    try {
      return (await client.query(connection, { sql, bindings: values })).response.rows
    } finally {
      client.releaseConnection(connection)
    }
  }
  // One of knex's own, for migrations.
  return db.isTransaction ? ask() : again(ask, mayTry)
}

/** Runs one statement and returns its first row, if it has one. */
export async function queryOne<Row>(db: Db, sql: string, values: readonly unknown[] = []): Promise<Row | undefined> {
  return (await query<Row>(db, sql, values))[0]
}

/**
 * Runs `work` in a transaction and returns what it returns; whatever it throws undoes everything. After a serialization failure,
 * a deadlock or a broken connection it runs once more, twice at the most: it must do nothing but ask this database, and see for
 * itself when it was done already, because a connection may break between COMMIT and its answer.
 */
export function inTransaction<Result>(db: Db, work: (transaction: Db) => Promise<Result>): Promise<Result> {
  return again(() => begin(db, work), wasUndoneOrLost)
}

function wasUndoneOrLost(error: unknown): boolean {
  return wasUndone(error) || isLost(error)
}

/**
 * The same for work that cannot run twice, because it does more than ask the database. When COMMIT is not answered, `wasKept`
 * looks for what nothing but this work can have left there: found, the result stands, and what cannot be done again was not done in vain.
 * Not by pg_xact_status: after a crash PostgreSQL may have given the number of a lost transaction to another.
 */
export async function inOneTransaction<Result>(
  db: Db,
  work: (transaction: Db) => Promise<Result>,
  wasKept: (db: Db) => Promise<boolean>,
): Promise<Result> {
  let done: { result: Result } | undefined
  try {
    return await begin(db, async (transaction) => {
      const result = await work(transaction)
      done = { result }
      return result
    })
  } catch (error) {
    if (done && isUncertain(error) && (await isFound(() => wasKept(db)))) return done.result
    throw error
  }
}

function begin<Result>(db: Db, work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
  return db instanceof Transaction ? db.within(work) : Transaction.run(db.client, work)
}

const LOOKS_MS = 2_000
const BETWEEN_LOOKS_MS = 50

/** What `look` finds; it is asked again for a while when the database is away, because it may be restarting. */
async function isFound(look: () => Promise<boolean>): Promise<boolean> {
  for (const until = performance.now() + LOOKS_MS; performance.now() < until; await sleep(BETWEEN_LOOKS_MS)) {
    try {
      return await look()
    } catch (error) {
      if (!(error instanceof DatabaseAway)) throw error
    }
  }
  return false
}

const TRIES = 3
const PAUSE_MS = 50

async function again<Result>(work: () => Promise<Result>, mayTry: (error: unknown) => boolean): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (tries === TRIES || !mayTry(error)) throw error
    }
    // By chance, so that the two that met do not meet again.
    await sleep(Math.random() * PAUSE_MS)
  }
}
