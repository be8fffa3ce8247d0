// Rows of users. The unique constraint decides who gets a name.
import { type Db, query, queryOne } from './connect.ts'

export interface User {
  id: string
  store: string
  username: string
  isLocked: boolean
}

const COLUMNS = 'id, store, username, is_locked AS "isLocked"'

export function findUser(db: Db, id: string): Promise<User | undefined> {
  return queryOne<User>(db, `SELECT ${COLUMNS} FROM users WHERE id = ?`, [id])
}

/** A user with what a local sign-in needs. */
export function findUserToSignIn(
  db: Db,
  store: string,
  canonical: string,
): Promise<(User & { passwordHash: string | null }) | undefined> {
  return queryOne(
    db,
    `SELECT ${COLUMNS}, password_hash AS "passwordHash" FROM users WHERE store = ? AND username_canonical = ?`,
    [store, canonical],
  )
}

/** Of these canonical names, those that are taken in the store. */
export async function takenUsernames(db: Db, store: string, canonicals: string[]): Promise<Set<string>> {
  const rows = await query<{ canonical: string }>(
    db,
    'SELECT username_canonical AS canonical FROM users WHERE store = ? AND username_canonical = ANY (?::text[])',
    [store, canonicals],
  )
  return new Set(rows.map((row) => row.canonical))
}

/** Inserts a user; false when the name is taken. DO NOTHING, because a raised violation would print the name in PostgreSQL's log. */
export async function insertUser(
  db: Db,
  user: { id: string; store: string; username: string; canonical: string; passwordHash: string | null },
): Promise<boolean> {
  const row = await queryOne(
    db,
    `INSERT INTO users (id, store, username, username_canonical, password_hash) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT ON CONSTRAINT users_store_username_key DO NOTHING RETURNING id`,
    [user.id, user.store, user.username, user.canonical, user.passwordHash],
  )
  return row !== undefined
}

/** Puts a new hash in place of an old one, unless somebody changed it meanwhile. */
export async function replacePasswordHash(db: Db, id: string, old: string, hash: string): Promise<void> {
  await query(db, 'UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?', [hash, id, old])
}
