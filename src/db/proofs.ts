// A sign-in that may connect a user who is here already: who may be meant, and whose user the person proved to be, by what.
import type { Verdict } from '../provisioning/decide.ts'
import type { Said } from '../provisioning/display-name.ts'
import { type Db, query, queryOne } from './connect.ts'
import type { Person } from './identities.ts'
import { IS_LOCKED } from './identity-locks.ts'
import { saidOf } from './user-attributes.ts'

/** Whether a user who is not locked keeps this e-mail address, verified, in whatever case. */
export async function isKeptVerified(db: Db, email: string): Promise<boolean> {
  const row = await queryOne(
    db,
    `SELECT 1 FROM user_attributes JOIN users ON users.id = user_id
     WHERE name = 'email' AND verified AND lower(value #>> '{}') = lower(?) AND NOT is_locked LIMIT 1`,
    [email],
  )
  return row !== undefined
}

/** Inserts a flow that only proves whose user somebody is. */
export async function insertConnectingFlow(
  db: Db,
  flow: {
    id: string
    binding: Buffer
    applicationId: string
    language: string
    doorSealed: Buffer
    createdAt: Date
    expiresAt: Date
  },
): Promise<void> {
  await query(
    db,
    `INSERT INTO flows (id, binding, door, application_id, language, door_sealed, created_at, expires_at)
     VALUES (?, ?, 'connecting', ?, ?, ?, ?, ?)`,
    [flow.id, flow.binding, flow.applicationId, flow.language, flow.doorSealed, flow.createdAt, flow.expiresAt],
  )
}

/** Notes for the record what the person is asked; nothing is decided by it. Of whom a user was made, the record says by what. */
export async function noteOffer(db: Db, flowId: string, noted: Verdict): Promise<void> {
  const sql = 'UPDATE flows SET noted = ? WHERE id = ? AND closed_at IS NULL AND made IS NULL'
  await query(db, sql, [JSON.stringify(noted), flowId])
}

/** Notes that the person is none of the users who keep their address. */
export async function setApart(db: Db, flowId: string, now: Date): Promise<void> {
  await query(
    db,
    'UPDATE flows SET apart_at = coalesce(apart_at, ?), proof = NULL WHERE id = ? AND closed_at IS NULL',
    [now, flowId],
  )
}

/** Whose user somebody proved to be in a flow, by what (a keyed hash), and until when that counts. */
export interface Proof {
  userId: string
  hash: string
  /** ISO 8601. */
  until: string
}

/** What the owner of a user can prove that it is theirs with, now. */
export interface Means {
  username: string
  said: Said | null
  store: string
  isLocked: boolean
  passwordHash: string | null
  /** Those of idps that are on, and not locked. */
  identities: Person[]
}

/** Keeps a proof on an open flow, in place of any before. False when the flow is over. */
export async function keepProof(db: Db, flowId: string, proof: Proof, now: Date): Promise<boolean> {
  const row = await queryOne(
    db,
    'UPDATE flows SET proof = ? WHERE id = ? AND closed_at IS NULL AND expires_at > ? RETURNING id',
    [JSON.stringify(proof), flowId, now],
  )
  return row !== undefined
}

/** `isHeld`: in a transaction, so that nobody else uses it up before that is over. */
export async function findProof(db: Db, flowId: string, isHeld = false): Promise<Proof | undefined> {
  const sql = `SELECT proof FROM flows WHERE id = ? ${isHeld ? 'FOR UPDATE' : ''}`
  const row = await queryOne<{ proof: Proof | null }>(db, sql, [flowId])
  return row?.proof ?? undefined
}

/** Undefined when there is no such user (any more). Of a user whom the transaction has locked nothing of it changes before that is over. */
export async function meansOf(db: Db, userId: string): Promise<Means | undefined> {
  const user = await queryOne<Omit<Means, 'identities'>>(
    db,
    `SELECT username, ${saidOf('users.id')} AS said, store, is_locked AS "isLocked", password_hash AS "passwordHash"
     FROM users WHERE id = ?`,
    [userId],
  )
  if (!user) return undefined
  const identities = await query<Person>(
    db,
    `SELECT idp_id AS "idpId", i.issuer, subject FROM identities i JOIN idps ON idps.id = idp_id
     WHERE user_id = ? AND is_enabled AND NOT ${IS_LOCKED}`,
    [userId],
  )
  return { ...user, identities }
}
