// Connecting a user who is here already while signing in: who may be meant, what was proved in a flow, and the transaction that connects.
import type { Verdict } from '../provisioning/decide.ts'
import { insertAuditEvent } from './audit.ts'
import { type Db, inTransaction, query, queryOne } from './connect.ts'
import { type ConsentContext, type ConsentRecord, insertConsents, putNotice } from './consents.ts'
import { closeFlow } from './flows.ts'
import { insertIdentity, type Person } from './identities.ts'
import type { Scheme } from './idps.ts'
import type { StoredAttribute } from './user-attributes.ts'
import { grantRoles } from './user-roles.ts'

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

/** Notes for the record what the person is asked; nothing is decided by it. */
export async function noteOffer(db: Db, flowId: string, noted: Verdict): Promise<void> {
  await query(db, 'UPDATE flows SET noted = ? WHERE id = ? AND closed_at IS NULL', [JSON.stringify(noted), flowId])
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
  store: string
  isLocked: boolean
  passwordHash: string | null
  /** Those of idps that are on. */
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

/** `isHeld`: in a transaction, so that nothing of it changes until that is over. Undefined when there is no such user any more. */
export async function meansOf(db: Db, userId: string, isHeld = false): Promise<Means | undefined> {
  const user = await queryOne<Omit<Means, 'identities'>>(
    db,
    `SELECT username, store, is_locked AS "isLocked", password_hash AS "passwordHash" FROM users WHERE id = ?
     ${isHeld ? 'FOR NO KEY UPDATE' : ''}`,
    [userId],
  )
  if (!user) return undefined
  const identities = await query<Person>(
    db,
    `SELECT idp_id AS "idpId", identities.issuer, subject FROM identities JOIN idps ON idps.id = idp_id
     WHERE user_id = ? AND is_enabled ${isHeld ? 'FOR SHARE OF identities' : ''}`,
    [userId],
  )
  return { ...user, identities }
}

/** What is to be connected, and what comes with it. */
export interface Connection {
  flowId: string
  person: Person
  /** What later sign-ins of this person cover. */
  scheme: Scheme
  /** The values that the person ticked, each in place of what is kept. */
  attributes: StoredAttribute[]
  roles: string[]
  consent: {
    notice: { hash: string; language: string; content: string }
    records: ConsentRecord[]
    at: ConsentContext['at']
  }
  verdict: Verdict
}

export type Connected =
  | { kind: 'connected'; userId: string }
  /** There is no proof (any more), or what it was made with is gone, or the user is. */
  | { kind: 'unproven' }
  /** Another flow made this person a user, or connected them, first. */
  | { kind: 'already-there' }
  | { kind: 'already-closed' }

/** Undoes a transaction that met an expected conflict. */
class Rollback extends Error {
  readonly outcome: Connected

  constructor(outcome: Connected) {
    super(outcome.kind)
    this.outcome = outcome
  }
}

/**
 * Ends the flow and connects its person to the user whom they proved to be: one transaction, in which the proof is used up and looked at
 * again by `proves`. Nothing that is kept of the user changes but what was ticked.
 */
export async function connectUser(
  db: Db,
  connection: Connection,
  { proves, now }: { proves: (proof: Proof, means: Means) => boolean; now: Date },
): Promise<Connected> {
  const { flowId, person, attributes, roles, consent } = connection
  try {
    return await inTransaction(db, async (db): Promise<Connected> => {
      const proof = await findProof(db, flowId, true)
      const ending = { kind: 'signed-in', userId: proof?.userId ?? '', idpId: person.idpId } as const
      const closed = await closeFlow(db, flowId, ending, now)
      if (!closed) return { kind: 'already-closed' }
      const means = proof && (await meansOf(db, proof.userId, true))
      if (!means || !proves(proof, means)) throw new Rollback({ kind: 'unproven' })
      const { userId } = proof
      if (!(await insertIdentity(db, person, userId, connection.scheme))) throw new Rollback({ kind: 'already-there' })
      await replaceAttributes(db, userId, attributes)
      await grantRoles(db, userId, person.idpId, roles)
      if (consent.records.length > 0) await putNotice(db, consent.notice)
      await insertConsents(db, consent.records, { userId, notice: consent.notice, at: consent.at, now })
      await query(db, `INSERT INTO account_events (user_id, event, detail, created_at) VALUES (?, 'connected', ?, ?)`, [
        userId,
        JSON.stringify({ idpId: person.idpId }),
        now,
      ])
      await insertAuditEvent(db, closed, {
        event: 'connected',
        flowId,
        idpId: person.idpId,
        userId,
        verdict: connection.verdict,
        detail: { changed: attributes.length, granted: roles.length },
        at: now,
      })
      return { kind: 'connected', userId }
    })
  } catch (error) {
    if (error instanceof Rollback) return error.outcome
    throw error
  }
}

/** Sets values whatever their origin was: the person said so of each. */
async function replaceAttributes(db: Db, userId: string, attributes: StoredAttribute[]): Promise<void> {
  if (attributes.length === 0) return
  await query(
    db,
    `INSERT INTO user_attributes (user_id, name, value, verified, origin, origin_idp_id)
     SELECT ?, name, value, verified, origin, "originIdpId"
     FROM jsonb_to_recordset(?::jsonb) AS a (name text, value jsonb, verified boolean, origin text, "originIdpId" uuid)
     ON CONFLICT ON CONSTRAINT user_attributes_pkey DO UPDATE
       SET value = excluded.value, verified = excluded.verified, origin = excluded.origin, origin_idp_id = excluded.origin_idp_id,
         updated_at = now()`,
    [userId, JSON.stringify(attributes)],
  )
}
