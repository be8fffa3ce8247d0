// Rows of console_sessions: who is signed in to the console. A session ends when nobody used it for a while, and in any case some hours after it began.
import { createHash } from 'node:crypto'
import { type Db, query, queryOne } from './connect.ts'

export interface KeptSession {
  data: Record<string, unknown>
}

const IDLE_MS = 30 * 60_000
const LIVES_ON = `LEAST(?, created_at + interval '12 hours')`

/** What a session says, by its id; undefined when it is over. */
export function findSession(db: Db, id: string, now: Date): Promise<KeptSession | undefined> {
  return queryOne<KeptSession>(db, 'SELECT data FROM console_sessions WHERE id_hash = ? AND expires_at > ?', [
    sha256(id),
    now,
  ])
}

export async function insertSession(
  db: Db,
  id: string,
  { data, userId, now }: { data: unknown; userId: string; now: Date },
): Promise<void> {
  await query(
    db,
    'INSERT INTO console_sessions (id_hash, user_id, data, created_at, expires_at) VALUES (?, ?, ?, ?, ?)',
    [sha256(id), userId, JSON.stringify(data), now, new Date(now.getTime() + IDLE_MS)],
  )
}

/** Changes what a session says. One that has been ended meanwhile stays ended. */
export async function updateSession(db: Db, id: string, data: unknown, now: Date): Promise<void> {
  await query(
    db,
    `UPDATE console_sessions SET data = ?, expires_at = ${LIVES_ON} WHERE id_hash = ? AND expires_at > ?`,
    [JSON.stringify(data), new Date(now.getTime() + IDLE_MS), sha256(id), now],
  )
}

/** Lets a session live on because somebody uses it. */
export async function touchSession(db: Db, id: string, now: Date): Promise<void> {
  await query(db, `UPDATE console_sessions SET expires_at = ${LIVES_ON} WHERE id_hash = ? AND expires_at > ?`, [
    new Date(now.getTime() + IDLE_MS),
    sha256(id),
    now,
  ])
}

export async function removeSession(db: Db, id: string): Promise<void> {
  await query(db, 'DELETE FROM console_sessions WHERE id_hash = ?', [sha256(id)])
}

/** Ends every session of a user in the console but the one with this id, if it is named. */
export async function removeSessionsOf(db: Db, userId: string, except?: string): Promise<void> {
  await query(db, 'DELETE FROM console_sessions WHERE user_id = ? AND id_hash <> ?', [
    userId,
    except === undefined ? Buffer.alloc(0) : sha256(except),
  ])
}

function sha256(id: string): Buffer {
  return createHash('sha256').update(id).digest()
}
