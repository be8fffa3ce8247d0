// A database as an earlier release left it: today's rows in the tables and columns that there were, under the migrations of then.
import path from 'node:path'
import pg from 'pg'
import { connect, type Pool } from '../../src/db/connect.ts'
import { REPOSITORY } from './scene.ts'

const MIGRATIONS = {
  directory: path.join(REPOSITORY, 'migrations'),
  tableName: 'migrations',
  loadExtensions: ['.js'],
}

/** Makes the schema with the migrations before this one, and nothing in it. */
export async function migrateUntil(db: Pool, first: string): Promise<void> {
  const [, pending]: [unknown, { file: string }[]] = await db.migrate.list(MIGRATIONS)
  const before = pending.filter(({ file }) => file < first)
  if (before.length === 0 || before.length === pending.length) throw new Error(`No migration is before ${first}.`)
  for (const { file } of before) await db.migrate.up({ ...MIGRATIONS, name: file })
}

/** Takes a database, which nobody uses, back to the schema before this migration. What that has no place for is gone. */
export async function takeBack(url: string, first: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  const rows = new Map<string, string>()
  const columnsNow = new Map<string, string[]>()
  for (const name of await tablesOf(client)) {
    rows.set(name, (await client.query(`SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${name} t`)).rows[0].rows)
    columnsNow.set(
      name,
      (await columnsOf(client, name)).map((column) => column.name),
    )
  }
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
  const db = connect({ url, poolMax: 1, ssl: false, onError: () => {} })
  await migrateUntil(db, first)
  await db.destroy()
  // Neither triggers nor foreign keys: these rows have been there.
  await client.query('SET session_replication_role = replica')
  for (const name of await tablesOf(client)) {
    // What went since has its default.
    const columns = (await columnsOf(client, name)).filter((column) => columnsNow.get(name)?.includes(column.name))
    const list = columns.map((column) => column.name).join(', ')
    await client.query(`DELETE FROM ${name}`)
    if (columns.length === 0) continue
    await client.query(
      `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM json_populate_recordset(null::${name}, $1)`,
      [rows.get(name) ?? '[]'],
    )
    for (const { name: column, serial } of columns)
      if (serial) await client.query(`SELECT setval($1, coalesce((SELECT max(${column}) FROM ${name}), 1))`, [serial])
  }
  await client.end()
}

async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'migrations%'`,
  )
  return rows.map(({ name }) => name)
}

async function columnsOf(client: pg.Client, table: string): Promise<{ name: string; serial: string | null }[]> {
  const { rows } = await client.query<{ name: string; serial: string | null }>(
    `SELECT quote_ident(column_name) AS name, pg_get_serial_sequence($1, column_name) AS serial
     FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'`,
    [table],
  )
  return rows
}
