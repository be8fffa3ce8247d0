// Brings the schema up to date. Migrations are plain JavaScript beside src, so they run without a compiler.
import path from 'node:path'
import { type Db, type Pool, query } from './connect.ts'

const migrations = {
  directory: path.join(import.meta.dirname, '../../migrations'),
  // knex keeps file names with their extension: one extension in development and production.
  loadExtensions: ['.js'],
  tableName: 'migrations',
  // knex would print the whole SQL of one that failed; the caller says what PostgreSQL said.
  log: { warn() {}, error() {}, deprecate() {}, debug() {} },
}

/** One number for all processes; another one than the declaration's. */
const LOCK = 7_135_200

/**
 * Runs the pending migrations and then `fill`, which computes what SQL cannot; returns the file names of the migrations.
 * Of two at once one waits and finds nothing to do.
 */
export function migrate(db: Pool, fill: (transaction: Db) => Promise<void>): Promise<string[]> {
  return alone(db, async (transaction) => {
    const [, names]: [number, string[]] = await transaction.migrate.latest(migrations)
    await fill(transaction)
    return names
  })
}

/** The file names of migrations that have not run. */
export function pendingMigrations(db: Pool): Promise<string[]> {
  return alone(db, async (transaction) => {
    const [, pending]: [unknown, { file: string }[]] = await transaction.migrate.list(migrations)
    return pending.map((migration) => migration.file)
  })
}

/** One process at a time, in one transaction. knex's own lock is a row in a table that two first starts would both create. */
function alone<Result>(db: Pool, work: (transaction: Pool) => Promise<Result>): Promise<Result> {
  return db.transaction(async (transaction) => {
    await query(transaction, 'SELECT pg_advisory_xact_lock(?)', [LOCK])
    return work(transaction)
  })
}
