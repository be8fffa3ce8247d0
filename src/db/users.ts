// Rows of users. The unique constraint decides who gets a name.
import { type Db, query, queryOne } from './connect.ts'

export interface User {
  id: string
  store: string
  username: string
  isLocked: boolean
  /** Whatever session or token began before this moment is over. */
  signedOutAt: Date | null
}

/** SQL of a `User`. */
export const USER_COLUMNS = 'users.id, store, username, is_locked AS "isLocked", signed_out_at AS "signedOutAt"'

export function findUser(db: Db, id: string): Promise<User | undefined> {
  return queryOne<User>(db, `SELECT ${USER_COLUMNS} FROM users WHERE id = ?`, [id])
}

/**
 * Holds a user until the transaction ends: whoever changes what is kept of them does so one after the other, each seeing what the one before
 * did. False when there is none (any more).
 */
export async function lockUser(transaction: Db, id: string): Promise<boolean> {
  return (await queryOne(transaction, 'SELECT 1 FROM users WHERE id = ? FOR NO KEY UPDATE', [id])) !== undefined
}

export interface UserToSignIn extends User {
  passwordHash: string | null
}

/** The users who have one of these names, each with what a local sign-in needs. */
export function findUsersToSignIn(db: Db, names: { store: string; canonical: string }[]): Promise<UserToSignIn[]> {
  return query(
    db,
    `SELECT ${USER_COLUMNS}, password_hash AS "passwordHash" FROM users
     WHERE (store, username_canonical) IN (SELECT * FROM unnest(?::text[], ?::text[]))`,
    [names.map(({ store }) => store), names.map(({ canonical }) => canonical)],
  )
}

/** SQL of a look as it is kept. */
export function hashed(look: string): string {
  return `sha256(convert_to(${look}, 'UTF8'))`
}

/** A name as a user has it: in its store, as it is compared, and what it looks like. */
export interface KeptName {
  store: string
  canonical: string
  look: string
}

/** A name that somebody wants. */
export interface WantedName {
  key: string
  store: string
  canonical: string
  looks: string[]
}

/** SQL: of the wanted names, by key, those that are taken. */
export const TAKEN = 'taken_names(?::text[], ?::text[], ?::text[], ?::text[])'

/** The values of `TAKEN`. */
export function takenColumns(names: readonly WantedName[]): string[][] {
  const rows = names.flatMap(({ looks, ...name }) => looks.map((look) => ({ ...name, look })))
  return (['key', 'store', 'canonical', 'look'] as const).map((column) => rows.map((row) => row[column]))
}

/** Of these names, by key, those that a user of their store has, or one of whose looks is that of such a name. */
export async function takenUsernames(db: Db, names: readonly WantedName[]): Promise<Set<string>> {
  const row = await queryOne<{ taken: string[] }>(db, `SELECT ${TAKEN} AS taken`, takenColumns(names))
  return new Set(row?.taken)
}

/**
 * Inserts a user; false when the name is taken, or looks like one that is. DO NOTHING, because a raised violation would print the name in
 * PostgreSQL's log; for any constraint, because two decide: the name and its look.
 */
export async function insertUser(
  db: Db,
  user: KeptName & { id: string; username: string; passwordHash: string | null },
): Promise<boolean> {
  const row = await queryOne(
    db,
    `INSERT INTO users (id, store, username, username_canonical, username_look, password_hash) VALUES (?, ?, ?, ?, ${hashed('?')}, ?)
     ON CONFLICT DO NOTHING RETURNING id`,
    [user.id, user.store, user.username, user.canonical, user.look, user.passwordHash],
  )
  return row !== undefined
}

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

/** The next names, by id, after the user `after`, or from the first: all of them, or those without a look. */
export function namesAfter(
  db: Db,
  after: string | undefined,
  limit: number,
  which: 'all' | 'without look',
): Promise<KeptUsername[]> {
  return query<KeptUsername>(
    db,
    `SELECT id, store, username, username_canonical AS canonical FROM users
     WHERE id > ? AND (? OR username_look IS NULL) ORDER BY id LIMIT ?`,
    [after ?? BEFORE_ALL, which === 'all', limit],
  )
}

export interface KeptUsername {
  id: string
  store: string
  username: string
  canonical: string
}

/** Gives users their looks. Of two that look the same the one who was there first gets it, and the other none. */
export async function giveLooks(db: Db, looks: { id: string; look: string }[]): Promise<void> {
  await query(
    db,
    `WITH given AS (
       SELECT DISTINCT ON (store, look) users.id, store, ${hashed('g.look')} AS look FROM users
       JOIN unnest(?::uuid[], ?::text[]) AS g (id, look) ON g.id = users.id
       WHERE username_look IS NULL ORDER BY store, look, created_at, users.id)
     UPDATE users SET username_look = given.look FROM given
     WHERE users.id = given.id AND NOT EXISTS
       (SELECT FROM users AS other WHERE other.store = given.store AND other.username_look = given.look)`,
    [looks.map(({ id }) => id), looks.map(({ look }) => look)],
  )
}

/** Puts a new hash in place of an old one, unless somebody changed it meanwhile. */
export async function replacePasswordHash(db: Db, id: string, old: string, hash: string): Promise<boolean> {
  const sql = 'UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ? RETURNING 1'
  return (await queryOne(db, sql, [hash, id, old])) !== undefined
}

/** Whether a row could not be written because its user was deleted meanwhile. */
export function isUserGone(error: unknown): boolean {
  const { code, constraint } = (error ?? {}) as { code?: unknown; constraint?: unknown }
  return code === '23503' && typeof constraint === 'string' && constraint.endsWith('_user_id_fkey')
}
