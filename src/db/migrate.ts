// Brings the schema up to date. Migrations are plain JavaScript beside src, so they run without a compiler.
import path from 'node:path'
import type { Db } from './connect.ts'

const migrations = {
  directory: path.join(import.meta.dirname, '../../migrations'),
  // knex keeps file names with their extension: one extension in development and production.
  loadExtensions: ['.js'],
  tableName: 'migrations',
  // knex would print the whole SQL of one that failed; the caller says what PostgreSQL said.
  log: { warn() {}, error() {}, deprecate() {}, debug() {} },
}

/** Runs the pending migrations; returns their file names. Two at once: knex's lock makes one wait or fail, and nothing runs twice. */
export async function migrate(db: Db): Promise<string[]> {
  const [, names]: [number, string[]] = await db.migrate.latest(migrations)
  return names
}

/** The file names of migrations that have not run. */
export async function pendingMigrations(db: Db): Promise<string[]> {
  const [, pending]: [unknown, { file: string }[]] = await db.migrate.list(migrations)
  return pending.map((migration) => migration.file)
}
