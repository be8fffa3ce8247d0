// Rows of console_sessions and account_sessions: who is signed in where. A session ends when nobody used it for a while, and in any case some hours after it began.
import { createHash } from 'node:crypto'
import type { KeptSession, SessionKeeper } from '../web/session.ts'
import { type Db, query, queryOne } from './connect.ts'
import { standing } from './standing.ts'

export type SessionTable = 'console_sessions' | 'account_sessions'

const IDLE_MS = 30 * 60_000
/** Of whoever is signed in to My Account, how they stand, which each request asks: a `UserStanding`. */
const WITH_STANDING = `, ${standing("(data->>'idpId')::uuid", "to_timestamp((data->>'begunAt')::float8 / 1000)")}
  FROM account_sessions JOIN users ON users.id = user_id`

/** A use is noted once a minute. */
const FRESH_MS = 60_000
const LIVES_ON = `LEAST(?, created_at + interval '12 hours')`

/** The row of a session that begins. */
export interface NewSession {
  idHash: Buffer
  userId: string
  data: string
  createdAt: Date
  expiresAt: Date
}

/** What is kept of a session of this id that begins now. */
export function newSession(id: string, data: Record<string, unknown>, now: Date): NewSession {
  return {
    idHash: sha256(id),
    userId: String(data['userId']),
    data: JSON.stringify(data),
    createdAt: now,
    expiresAt: new Date(now.getTime() + IDLE_MS),
  }
}

/** Keeps the sessions of one table. One that has been ended meanwhile stays ended, whatever is put. */
export function sessionKeeper({ db, now }: { db: Db; now: () => Date }, table: SessionTable): SessionKeeper {
  const idle = () => new Date(now().getTime() + IDLE_MS)
  return {
    async find(id) {
      const fresh = new Date(idle().getTime() - FRESH_MS)
      const row = await queryOne<Omit<KeptSession, 'about'>>(
        db,
        `SELECT data, expires_at > ? AS "isFresh" ${table === 'account_sessions' ? WITH_STANDING : `FROM ${table}`}
         WHERE id_hash = ? AND expires_at > ?`,
        [fresh, sha256(id), now()],
      )
      if (!row) return undefined
      const { data, isFresh, ...about } = row
      return { data, isFresh, about }
    },
    async create(id, data) {
      const { idHash, userId, createdAt, expiresAt, ...session } = newSession(id, data, now())
      await query(db, `INSERT INTO ${table} (id_hash, user_id, data, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`, [
        idHash,
        userId,
        session.data,
        createdAt,
        expiresAt,
      ])
    },
    async put(id, data) {
      await query(db, `UPDATE ${table} SET data = ?, expires_at = ${LIVES_ON} WHERE id_hash = ? AND expires_at > ?`, [
        JSON.stringify(data),
        idle(),
        sha256(id),
        now(),
      ])
    },
    async touch(id) {
      await query(db, `UPDATE ${table} SET expires_at = ${LIVES_ON} WHERE id_hash = ? AND expires_at > ?`, [
        idle(),
        sha256(id),
        now(),
      ])
    },
    async remove(id) {
      await removeSessionById(db, table, id)
    },
  }
}

/** Ends every session of a user there but the one with this id, if it is named. */
export async function removeSessionsOf(db: Db, table: SessionTable, userId: string, except?: string): Promise<void> {
  await query(db, `DELETE FROM ${table} WHERE user_id = ? AND id_hash <> ?`, [
    userId,
    except === undefined ? Buffer.alloc(0) : sha256(except),
  ])
}

/** Ends the sessions of these users in My Account that began by an idp; returns how many. */
export async function removeSessionsBegunBy(db: Db, userIds: readonly string[], idpId: string): Promise<number> {
  const sql = `DELETE FROM account_sessions WHERE user_id = ANY (?::uuid[]) AND data->>'idpId' = ? RETURNING 1`
  return (await query(db, sql, [userIds, idpId])).length
}

export interface OpenSession {
  idHash: Buffer
  data: Record<string, unknown>
  endsAt: Date
}

/** Somebody's sessions there that have not ended, the newest first. */
export function listSessionsOf(db: Db, table: SessionTable, userId: string, now: Date): Promise<OpenSession[]> {
  return query<OpenSession>(
    db,
    `SELECT id_hash AS "idHash", data, expires_at AS "endsAt" FROM ${table} WHERE user_id = ? AND expires_at > ?
     ORDER BY created_at DESC, id_hash LIMIT 100`,
    [userId, now],
  )
}

/** Ends one of somebody's sessions there. */
export async function removeSession(db: Db, table: SessionTable, userId: string, idHash: Buffer): Promise<void> {
  await query(db, `DELETE FROM ${table} WHERE user_id = ? AND id_hash = ?`, [userId, idHash])
}

/** Ends the session of this id there. */
export async function removeSessionById(db: Db, table: SessionTable, id: string): Promise<void> {
  await query(db, `DELETE FROM ${table} WHERE id_hash = ?`, [sha256(id)])
}

/** Whether there is a session of this id that has not ended by itself. */
export async function isSessionThere(db: Db, table: SessionTable, id: string, now: Date): Promise<boolean> {
  return (
    (await queryOne(db, `SELECT 1 FROM ${table} WHERE id_hash = ? AND expires_at > ?`, [sha256(id), now])) !== undefined
  )
}

/** What an id is kept as. */
export function hashOfSession(id: string): Buffer {
  return sha256(id)
}

/**
 * Whether somebody's session has not ended, in a transaction that has locked the user: whatever ends sessions waits for that, or has been waited
 * for.
 */
export async function isSessionOpen(
  db: Db,
  table: SessionTable,
  { userId, session, now }: { userId: string; session: string; now: Date },
): Promise<boolean> {
  const sql = `SELECT 1 FROM ${table} WHERE id_hash = ? AND user_id = ? AND expires_at > ?`
  return (await queryOne(db, sql, [sha256(session), userId, now])) !== undefined
}

function sha256(id: string): Buffer {
  return createHash('sha256').update(id).digest()
}
