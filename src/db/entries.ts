// Rows of what the configuration file and the console declare, read and written the same way for every kind. Names of tables and columns are ours, never input.
import { type Db, inTransaction, query, queryOne } from './connect.ts'

export type Kind = 'attribute' | 'userStore' | 'idp' | 'purpose' | 'application'
export type ManagedBy = 'file' | 'console'

/** The tables, each with the column that names an entry, and the order in which a configuration file has them. */
const TABLES: Record<Kind, { table: string; key: string; order: string }> = {
  attribute: { table: 'attributes', key: 'name', order: 'name COLLATE "C"' },
  userStore: { table: 'user_stores', key: 'name', order: `name <> 'PRIMARY', position, name COLLATE "C"` },
  idp: { table: 'idps', key: 'name', order: 'position, name COLLATE "C"' },
  purpose: { table: 'purposes', key: 'id', order: 'position, id COLLATE "C"' },
  application: { table: 'applications', key: 'client_id', order: 'client_id COLLATE "C"' },
}

/** A row with the columns of its kind: knex-like, snake_case. */
export interface EntryRow {
  managed_by: ManagedBy
  version: number
  is_enabled: boolean
  declared_hash: Buffer
  [column: string]: unknown
}

/** The name of an entry: the value of its key column. */
export const keyOf = (kind: Kind, row: EntryRow) => String(row[TABLES[kind].key])

/** One number for all processes: whoever changes settings does it alone. */
const LOCK = 7_135_201

/** Runs `work` in one transaction, under a lock that ends with it; see `inTransaction`. */
export function alone<Result>(db: Db, work: (transaction: Db) => Promise<Result>): Promise<Result> {
  return inTransaction(db, async (transaction) => {
    await query(transaction, 'SELECT pg_advisory_xact_lock(?)', [LOCK])
    return work(transaction)
  })
}

/** All entries, on and off. */
export function listEntries(db: Db, kind: Kind): Promise<EntryRow[]> {
  const { table, order } = TABLES[kind]
  return query<EntryRow>(db, `SELECT * FROM ${table} ORDER BY ${order}`)
}

export function findEntry(db: Db, kind: Kind, key: string): Promise<EntryRow | undefined> {
  const { table, key: column } = TABLES[kind]
  return queryOne<EntryRow>(db, `SELECT * FROM ${table} WHERE ${column} = ?`, [key])
}

/** Inserts an entry; undefined when there is one of this name. */
export function insertEntry(db: Db, kind: Kind, columns: Record<string, unknown>): Promise<EntryRow | undefined> {
  const { table, key } = TABLES[kind]
  const names = Object.keys(columns)
  return queryOne<EntryRow>(
    db,
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})
     ON CONFLICT (${key}) DO NOTHING RETURNING *`,
    Object.values(columns),
  )
}

/** Changes the entry that has this version, and gives it the next; undefined when it has another one, or is gone. */
export function updateEntry(
  db: Db,
  kind: Kind,
  name: string,
  version: number,
  columns: Record<string, unknown>,
): Promise<EntryRow | undefined> {
  const { table, key } = TABLES[kind]
  const set = Object.keys(columns).map((column) => `${column} = ?`)
  return queryOne<EntryRow>(
    db,
    `UPDATE ${table} SET ${[...set, 'version = version + 1'].join(', ')} WHERE ${key} = ? AND version = ? RETURNING *`,
    [...Object.values(columns), name, version],
  )
}

/** Deletes the entry that has this version; false when it has another one, or is gone. */
export async function deleteEntry(db: Db, kind: Kind, name: string, version: number): Promise<boolean> {
  const { table, key } = TABLES[kind]
  const rows = await query(db, `DELETE FROM ${table} WHERE ${key} = ? AND version = ? RETURNING 1`, [name, version])
  return rows.length > 0
}

/** Puts an entry at another place in the list. Its version stays: no form says where it is. */
export async function placeEntry(db: Db, kind: 'idp' | 'purpose', name: string, position: number): Promise<void> {
  const { table, key } = TABLES[kind]
  await query(db, `UPDATE ${table} SET position = ? WHERE ${key} = ?`, [position, name])
}

/** Without a configuration file everything is the console's. One statement, which writes nothing when that is so already. */
export async function releaseEntries(db: Db): Promise<void> {
  const releases = Object.values(TABLES).map(
    ({ table }) =>
      `${table}_released AS (UPDATE ${table} SET managed_by = 'console', version = version + 1
       WHERE managed_by = 'file' RETURNING 1)`,
  )
  await query(
    db,
    `WITH ${releases.join(', ')}
     UPDATE installation SET organization_managed_by = 'console', jit_provisioning_managed_by = 'console'
     WHERE 'file' IN (organization_managed_by, jit_provisioning_managed_by)`,
  )
}

/** The place behind all others. */
export async function nextPosition(db: Db, kind: Kind): Promise<number> {
  const { table } = TABLES[kind]
  const row = await queryOne<{ next: number }>(db, `SELECT coalesce(max(position) + 1, 0) AS next FROM ${table}`)
  return row?.next ?? 0
}
