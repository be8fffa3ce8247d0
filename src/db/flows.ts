// Rows of flows: one sign-in in progress. Anything that happens once happens in one conditional statement here.
import type { Way } from '../factors/need.ts'
import type { Verdict } from '../provisioning/decide.ts'
import { CONFIGURED } from './configured.ts'
import { type Db, query, queryOne } from './connect.ts'
import { wipeFlowKeys } from './flow-keys.ts'
import type { NewSession } from './sessions.ts'
import { isKnownThere, isLetIn, type UserStanding } from './standing.ts'

export interface FlowRow {
  id: string
  binding: Buffer
  door: 'application' | 'flow-api' | 'my-account' | 'connecting'
  /** Null at the door of My Account. */
  application_id: string | null
  /** What the application asked for; null in flows of earlier versions too. */
  language: string | null
  /** Of the door of applications. */
  interaction_uid_sealed: Buffer | null
  /** Of all other doors. */
  door_sealed: Buffer | null
  idp_id: string | null
  called_back_at: Date | null
  asked_at: Date | null
  apart_at: Date | null
  /** Whose user somebody proved to be before it ends. */
  proved_user_id: string | null
  proved_by: Buffer | null
  /** Whose second factor was shown in it. */
  factor_user_id: string | null
  made: Made | null
  profile_sealed: Buffer | null
  /** The last question, and what it was decided by. */
  noted: Verdict | null
  ending: Ending | null
  closed_at: Date | null
  /** When it was led out of the door of My Account. */
  left_at: Date | null
  expires_at: Date
  /** What is configured goes by this name (db/configured.ts). */
  configured: string
  /** How the user stands now whom it let in; of a row that was looked for by its id. Null when there is none (any more). */
  standing?: EndedStanding | null
}

/** Of a user who was let in, with what they began when their flow ended. */
export type EndedStanding = Pick<UserStanding, 'isLocked' | 'isKnownThere' | 'isLetIn'>

/** The user that a flow made which goes on to a second factor, with what its record is to say of that. */
export interface Made {
  userId: string
  verdict: Verdict
  detail: Record<string, string | number>
}

/** What an ended flow leaves to its record. */
export interface ClosedFlow {
  applicationId: string | null
  door: FlowRow['door']
  /** The person has seen a question. */
  wasAsked: boolean
  noted: Verdict | null
  cameBack: number
  problemCodes: string[]
  failure: string | null
  made: Made | null
  ending: Ending
  /** What the idp sent was kept in it. */
  wasKept: boolean
}

/** How a flow ended. `code` is the stable code that the application is told and the page carries in data-msg. */
export type Ending =
  /**
   * `idpId` is absent after a local sign-in, `signedInAgo` (seconds) where the idp did not say; `isNew` says that this flow made the user, `factor`
   * by which second factor they showed who they are.
   */
  | { kind: 'signed-in'; userId: string; idpId?: string; signedInAgo?: number; isNew?: true; factor?: Way }
  | { kind: 'federated' }
  /** `at` a second factor it is nobody new any more who says no: their user is there. */
  | { kind: 'declined'; at?: 'second-factor' }
  | { kind: 'refused'; code: string }
  /** In My Account: the person proved once more who they are, or connected another idp. */
  | { kind: 'proved'; userId: string }
  | { kind: 'connected'; userId: string; idpId: string }

const COLUMNS = `id, binding, door, application_id, interaction_uid_sealed, door_sealed, language, idp_id, called_back_at, asked_at, apart_at,
  proved_user_id, proved_by, factor_user_id, made, profile_sealed, noted, ending, closed_at, left_at, expires_at, ${CONFIGURED} AS configured`

export async function insertFlow(
  db: Db,
  flow: {
    id: string
    binding: Buffer
    applicationId: string
    interactionUidSealed: Buffer
    language: string | null
    createdAt: Date
    expiresAt: Date
  },
): Promise<void> {
  await query(
    db,
    `INSERT INTO flows (id, binding, door, application_id, interaction_uid_sealed, language, created_at, expires_at)
     VALUES (?, ?, 'application', ?, ?, ?, ?, ?)`,
    [
      flow.id,
      flow.binding,
      flow.applicationId,
      flow.interactionUidSealed,
      flow.language,
      flow.createdAt,
      flow.expiresAt,
    ],
  )
}

/** Inserts a flow of the door of My Account. */
export async function insertAccountFlow(
  db: Db,
  flow: { id: string; binding: Buffer; doorSealed: Buffer; createdAt: Date; expiresAt: Date },
): Promise<void> {
  await query(
    db,
    `INSERT INTO flows (id, binding, door, door_sealed, created_at, expires_at) VALUES (?, ?, 'my-account', ?, ?, ?)`,
    [flow.id, flow.binding, flow.doorSealed, flow.createdAt, flow.expiresAt],
  )
}

/** Leads an ended flow of My Account out, into the session that it opens there. Exactly one caller gets true, for ever. */
export async function leaveInto(db: Db, id: string, session: NewSession): Promise<boolean> {
  const row = await queryOne(
    db,
    `WITH led AS (UPDATE flows SET left_at = ? WHERE id = ? AND closed_at IS NOT NULL AND left_at IS NULL RETURNING id)
     INSERT INTO account_sessions (id_hash, user_id, data, created_at, expires_at)
     SELECT ?::bytea, ?::uuid, ?::jsonb, ?::timestamptz, ?::timestamptz FROM led RETURNING 1`,
    [session.createdAt, id, session.idHash, session.userId, session.data, session.createdAt, session.expiresAt],
  )
  return row !== undefined
}

/** Inserts a flow that begins without a browser, where somebody else has verified who the person is. */
export async function insertApiFlow(
  db: Db,
  flow: {
    id: string
    binding: Buffer
    applicationId: string
    doorSealed: Buffer
    idpId: string
    createdAt: Date
    expiresAt: Date
  },
): Promise<void> {
  await query(
    db,
    `INSERT INTO flows (id, binding, door, application_id, door_sealed, idp_id, called_back_at, created_at, expires_at)
     VALUES (?, ?, 'flow-api', ?, ?, ?, ?, ?, ?)`,
    [
      flow.id,
      flow.binding,
      flow.applicationId,
      flow.doorSealed,
      flow.idpId,
      flow.createdAt,
      flow.createdAt,
      flow.expiresAt,
    ],
  )
}

/**
 * Gives such a flow to the browser that brought its key, with the profile under that browser's own key. One statement: of any number of browsers
 * exactly one gets true, and a key is not used up for nothing.
 */
export async function bindFlow(
  db: Db,
  flow: { keyHash: Buffer; binding: Buffer; profileSealed: Buffer; personHash: Buffer; now: Date },
): Promise<boolean> {
  const row = await queryOne(
    db,
    `WITH entered AS (
       UPDATE flow_keys SET used_at = ?, sealed = NULL
       WHERE hash = ? AND kind = 'entry' AND used_at IS NULL AND expires_at > ? RETURNING flow_id)
     UPDATE flows SET binding = ?, profile_sealed = ?, person_hash = ? FROM entered
     WHERE flows.id = entered.flow_id AND closed_at IS NULL AND flows.expires_at > ? RETURNING flows.id`,
    [flow.now, flow.keyHash, flow.now, flow.binding, flow.profileSealed, flow.personHash, flow.now],
  )
  return row !== undefined
}

const BY = "(ending->>'idpId')::uuid"

/** SQL of an `EndedStanding`. */
const STANDING = `(SELECT jsonb_build_object('isLocked', is_locked, 'isKnownThere', ${isKnownThere(BY)},
    'isLetIn', ${isLetIn(BY, 'flows.closed_at')})
  FROM users WHERE users.id = (ending->>'userId')::uuid)`

export function findFlowRow(db: Db, id: string): Promise<FlowRow | undefined> {
  return queryOne<FlowRow>(db, `SELECT ${COLUMNS}, ${STANDING} AS standing FROM flows WHERE flows.id = ?`, [id])
}

/** The flow that left with this `state`; its hash is kept, so a dump of the table helps no one to finish a sign-in. */
export function findFlowRowByState(db: Db, stateHash: Buffer): Promise<FlowRow | undefined> {
  return queryOne<FlowRow>(db, `SELECT ${COLUMNS} FROM flows WHERE state_hash = ?`, [stateHash])
}

const DEPARTS = 'idp_id = ?, state_hash = ?, failure = NULL, proved_user_id = NULL, proved_by = NULL'
const MAY_DEPART = 'id = ? AND closed_at IS NULL AND called_back_at IS NULL AND expires_at > ?'

/** Notes that the flow leaves for an idp, whatever the last one failed in. False when it is over or has come back already. */
export async function departFlow(db: Db, id: string, idpId: string, stateHash: Buffer, now: Date): Promise<boolean> {
  const row = await queryOne(db, `UPDATE flows SET ${DEPARTS} WHERE ${MAY_DEPART} RETURNING id`, [
    idpId,
    stateHash,
    id,
    now,
  ])
  return row !== undefined
}

/**
 * The same of a flow that nobody has looked at, if it is that of a browser with one of these bindings, of this application (null: of My Account), and
 * what is configured still goes by that name: the idp was chosen by it.
 */
export function departFlowRow(
  db: Db,
  flow: {
    id: string
    bindings: Buffer[]
    applicationId: string | null
    configured: string
    idpId: string
    stateHash: Buffer
    now: Date
  },
): Promise<FlowRow | undefined> {
  return queryOne<FlowRow>(
    db,
    `UPDATE flows SET ${DEPARTS}
     WHERE ${MAY_DEPART} AND binding = ANY (?::bytea[]) AND application_id IS NOT DISTINCT FROM ?::uuid
       AND door IN ('application', 'my-account') AND ${CONFIGURED} = ?::uuid RETURNING ${COLUMNS}`,
    [flow.idpId, flow.stateHash, flow.id, flow.now, flow.bindings, flow.applicationId, flow.configured],
  )
}

/**
 * Takes the callback of the flow that left with this `state` for the idp of this name, if it is that of a browser with one of these bindings. Of any
 * number of calls at once exactly one gets it, so the code is exchanged once; whoever has another browser or another idp's address changes nothing.
 */
export function takeCallbackRow(
  db: Db,
  { stateHash, bindings, idpName, now }: { stateHash: Buffer; bindings: Buffer[]; idpName: string; now: Date },
): Promise<FlowRow | undefined> {
  return queryOne<FlowRow>(
    db,
    `UPDATE flows SET called_back_at = ?
     WHERE state_hash = ? AND binding = ANY (?::bytea[]) AND idp_id = (SELECT idps.id FROM idps WHERE name = ?)
       AND called_back_at IS NULL AND closed_at IS NULL AND expires_at > ? RETURNING ${COLUMNS}`,
    [now, stateHash, bindings, idpName, now],
  )
}

/**
 * Notes that the person sees a question, and what it was decided by. `codes`: their answers come back to them with these problems, which
 * is counted; undefined when they do not.
 */
export async function noteAsked(
  db: Db,
  id: string,
  { noted, codes, now }: { noted: Verdict; codes: readonly string[] | undefined; now: Date },
): Promise<void> {
  await query(
    db,
    `UPDATE flows SET asked_at = coalesce(asked_at, ?), noted = ?, came_back = came_back + ?, problem_codes = ${WITH_CODES}
     WHERE id = ? AND closed_at IS NULL`,
    [now, JSON.stringify(noted), codes === undefined ? 0 : 1, codes ?? [], id],
  )
}

/** Counts that a form which no decision asked for came back with these problems. */
export async function noteProblems(db: Db, id: string, codes: readonly string[]): Promise<void> {
  await query(
    db,
    `UPDATE flows SET came_back = came_back + 1, problem_codes = ${WITH_CODES} WHERE id = ? AND closed_at IS NULL`,
    [codes, id],
  )
}

/** Each code once, in the order in which they came. */
const WITH_CODES = `problem_codes || ARRAY(SELECT code FROM unnest(?::text[]) AS code WHERE code <> ALL (problem_codes))`

/** Notes by which code an idp failed that the person may still come back from. */
export async function noteFailure(db: Db, id: string, code: string): Promise<void> {
  await query(db, 'UPDATE flows SET failure = ? WHERE id = ? AND closed_at IS NULL', [code, id])
}

/** Lets an open flow that began at `begunAfter` or later live until `until`. Returns the binding of its browser; nothing when it may not. */
export async function extendFlow(
  db: Db,
  id: string,
  { until, begunAfter, now }: { until: Date; begunAfter: Date; now: Date },
): Promise<{ binding: Buffer } | undefined> {
  return queryOne<{ binding: Buffer }>(
    db,
    `UPDATE flows SET expires_at = ?
     WHERE id = ? AND closed_at IS NULL AND expires_at > ? AND created_at >= ? RETURNING binding`,
    [until, id, now, begunAfter],
  )
}

/** Wipes the profile that waited for the door out. */
export async function wipeProfile(db: Db, id: string): Promise<void> {
  await query(db, 'UPDATE flows SET profile_sealed = NULL WHERE id = ?', [id])
}

/** Turns the ending of somebody who was let in, and who may not be led out any more, into a refusal. False when it is another one by now. */
export async function refuseEnded(db: Db, id: string, code: string): Promise<boolean> {
  const row = await queryOne(
    db,
    `UPDATE flows SET ending = ?, profile_sealed = NULL WHERE id = ? AND ending->>'kind' IN ('signed-in', 'federated') RETURNING id`,
    [JSON.stringify({ kind: 'refused', code } satisfies Ending), id],
  )
  return row !== undefined
}

/** Keeps the sealed profile on an open flow, with the keyed hash that finds the flows of a person. */
export async function keepProfile(db: Db, id: string, profileSealed: Buffer, personHash: Buffer): Promise<void> {
  await query(db, 'UPDATE flows SET profile_sealed = ?, person_hash = ? WHERE id = ? AND closed_at IS NULL', [
    profileSealed,
    personHash,
    id,
  ])
}

/**
 * SQL: what ends a flow and wipes what the idp sent; its values are `closingValues`. Who showed a second factor, and whom it made, the row knows:
 * whatever was read of it is older. A federated ending keeps the sealed profile for the door out, which wipes it; only this browser can open it
 * meanwhile.
 */
export const CLOSING = `closed_at = ?, person_hash = NULL, proof = NULL, ending = ?::jsonb
    || CASE WHEN made->>'userId' = ? THEN '{"isNew": true}'::jsonb ELSE '{}' END
    || CASE WHEN factor_user_id::text = ? THEN jsonb_build_object('factor', factor_kind) ELSE '{}' END,
  profile_sealed = CASE WHEN ? THEN profile_sealed END`

/** The values of `CLOSING`. */
export function closingValues(ending: Ending, now: Date): unknown[] {
  const signedIn = ending.kind === 'signed-in' ? ending.userId : null
  return [now, JSON.stringify(ending), signedIn, signedIn, ending.kind === 'federated']
}

/** SQL of what a flow leaves as it is closed: a `ClosedFlow`. */
export const CLOSED = `application_id AS "applicationId", door, asked_at IS NOT NULL AS "wasAsked", noted, came_back AS "cameBack",
  problem_codes AS "problemCodes", failure, made, ending,
  (SELECT before.profile_sealed IS NOT NULL FROM flows before WHERE before.id = flows.id) AS "wasKept"`

/**
 * SQL: no key was given out to what the idp sent, so that there is none to wipe. There are none unless somebody began elsewhere, or came back and
 * was asked: of whoever is signed in at once nothing was kept.
 */
export const NOTHING_KEPT = `profile_sealed IS NULL AND door <> 'flow-api'`

/** Ends an open flow, in a transaction of the caller's. Exactly one caller gets what it leaves to its record, for ever. */
export async function closeFlow(db: Db, id: string, ending: Ending, now: Date): Promise<ClosedFlow | undefined> {
  const closed = await queryOne<ClosedFlow>(
    db,
    `UPDATE flows SET ${CLOSING}
     WHERE id = ? AND closed_at IS NULL AND expires_at > ?
     RETURNING ${CLOSED}`,
    [...closingValues(ending, now), id, now],
  )
  if (closed) await wipeKeysOf(db, id, closed)
  return closed
}

/** Wipes what the keys of a flow open that this transaction closed: in a statement of its own, which sees those that were given out while it waited. */
export async function wipeKeysOf(
  db: Db,
  id: string,
  { wasKept, door }: Pick<ClosedFlow, 'wasKept' | 'door'>,
): Promise<void> {
  if (wasKept || door === 'flow-api') await wipeFlowKeys(db, id)
}

/** Notes whose user somebody proved to be, in an open flow that has to go on to a second factor. False when it is over. */
export async function noteProved(
  db: Db,
  id: string,
  { userId, by, now }: { userId: string; by: Buffer | null; now: Date },
): Promise<boolean> {
  const row = await queryOne(
    db,
    'UPDATE flows SET proved_user_id = ?, proved_by = ? WHERE id = ? AND closed_at IS NULL AND expires_at > ? RETURNING id',
    [userId, by, id, now],
  )
  return row !== undefined
}

/** Notes that a user's second factor was shown in an open flow. False when it is over. */
export async function noteFactor(
  db: Db,
  id: string,
  { userId, kind, now }: { userId: string; kind: Way; now: Date },
): Promise<boolean> {
  const row = await queryOne(
    db,
    `UPDATE flows SET factor_user_id = ?, factor_kind = ?, factor_at = ?
     WHERE id = ? AND closed_at IS NULL AND expires_at > ? RETURNING id`,
    [userId, kind, now, id, now],
  )
  return row !== undefined
}
