// Rows of changes: what operators, the configuration file and the command line changed. PostgreSQL lets nobody alter them.
import { type Db, query, queryOne } from './connect.ts'

/** Who changes something. The name of an operator is the username, with the store where it is not PRIMARY. */
export interface Actor {
  /** The user, when it is one. */
  id?: string | undefined
  name: string
  /** The network that they came from, as limits count them. */
  address?: string | undefined
  requestId?: string | undefined
}

export const CONFIGURATION_FILE: Actor = { name: 'configuration file' }
export const COMMAND_LINE: Actor = { name: 'command line' }

/** What a thing said before and after. Never a secret, nor a value of a person that only an attribute should keep. */
export type Saying = Record<string, unknown>

export interface Change {
  /** created, changed, turned-on, turned-off, deleted, locked, … */
  action: string
  /** idp, purpose, application, userStore, attribute, organization, jitProvisioning, user, operator, … */
  kind: string
  /** Its name or id. */
  object: string
  before?: Saying | undefined
  after?: Saying | undefined
}

/** The kinds of changes of users, whose `object` is the user's id. A lock of an identity may name its user in `after`. */
export const OF_USERS = ['user', 'operator', 'password', 'second factors', 'authenticator app'] as const

/** Appends one line; in the transaction that does what it tells of. */
export async function insertChange(db: Db, actor: Actor, change: Change): Promise<void> {
  const { action, kind, object, before, after } = change
  await query(
    db,
    `INSERT INTO changes (actor_id, actor, address, request_id, action, kind, object, before, after)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      actor.id ?? null,
      actor.name,
      actor.address ?? null,
      actor.requestId?.slice(0, 200) ?? null,
      action,
      kind,
      object,
      before === undefined ? null : JSON.stringify(before),
      after === undefined ? null : JSON.stringify(after),
    ],
  )
}

export interface ChangeRow {
  /** Grows with each change; a decimal number too long for JavaScript's. */
  id: string
  at: Date
  actorId: string | null
  actor: string
  address: string | null
  requestId: string | null
  action: string
  kind: string
  object: string
  before: Saying | null
  after: Saying | null
}

const COLUMNS = `id, at, actor_id AS "actorId", actor, address, request_id AS "requestId", action, kind, object, before, after`

export interface ChangeFilter {
  kind?: string | undefined
  object?: string | undefined
  actor?: string | undefined
  from?: Date | undefined
  to?: Date | undefined
  /** Only those that are older than the one with this id. */
  olderThan?: string | undefined
}

/** Newest first. Throws nothing for an `olderThan` that is no number: there is nothing older. */
export async function listChanges(db: Db, filter: ChangeFilter, limit: number): Promise<ChangeRow[]> {
  const { kind, object, actor, from, to, olderThan } = filter
  if (olderThan !== undefined && !/^\d{1,18}$/.test(olderThan)) return []
  const conditions: [sql: string, value: unknown][] = [
    ['kind = ?', kind],
    ['object = ?', object],
    ['actor = ?', actor],
    ['at >= ?', from],
    ['at < ?', to],
    ['id < ?', olderThan],
  ]
  const asked = conditions.filter(([, value]) => value !== undefined)
  const where = asked.length === 0 ? '' : `WHERE ${asked.map(([sql]) => sql).join(' AND ')}`
  return query<ChangeRow>(db, `SELECT ${COLUMNS} FROM changes ${where} ORDER BY id DESC LIMIT ?`, [
    ...asked.map(([, value]) => value),
    limit,
  ])
}

/** What a change is called that changes nothing: somebody tried the thing out. */
export const TESTED = 'tested'

/** Whether anything of a kind was ever tried out. */
export async function wasTested(db: Db, kind: string): Promise<boolean> {
  const rows = await query(db, 'SELECT 1 FROM changes WHERE kind = ? AND action = ? LIMIT 1', [kind, TESTED])
  return rows.length > 0
}

/** Who changed this last, and when. */
export function lastChange(db: Db, kind: string, object: string): Promise<ChangeRow | undefined> {
  return queryOne<ChangeRow>(
    db,
    `SELECT ${COLUMNS} FROM changes WHERE kind = ? AND object = ? AND action <> ? ORDER BY id DESC LIMIT 1`,
    [kind, object, TESTED],
  )
}

/** The same of each thing of a kind, by its name. */
export async function lastChanges(db: Db, kind: string): Promise<Map<string, ChangeRow>> {
  const rows = await query<ChangeRow>(
    db,
    `SELECT DISTINCT ON (object) ${COLUMNS} FROM changes WHERE kind = ? AND action <> ? ORDER BY object, changes.id DESC`,
    [kind, TESTED],
  )
  return new Map(rows.map((row) => [row.object, row]))
}

/** Everybody who changed something, or every kind of what was changed, each once; at most 200. Reads one row for each, not all. */
export async function namesInChanges(db: Db, column: 'actor' | 'kind'): Promise<string[]> {
  const rows = await query<{ name: string }>(
    db,
    `WITH RECURSIVE names AS (
       (SELECT ${column} AS name FROM changes ORDER BY ${column} LIMIT 1)
       UNION ALL SELECT (SELECT ${column} FROM changes WHERE ${column} > names.name ORDER BY ${column} LIMIT 1) FROM names WHERE names.name IS NOT NULL)
     SELECT name FROM names WHERE name IS NOT NULL LIMIT 200`,
  )
  return rows.map(({ name }) => name)
}
