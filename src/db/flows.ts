// Rows of flows: one sign-in in progress. Anything that happens once happens in one conditional statement here.
import type { Way } from '../factors/need.ts'
import type { Verdict } from '../provisioning/decide.ts'
import { CONFIGURED } from './configured.ts'
import { type Db, query, queryOne } from './connect.ts'
import type { Ending, Made } from './flow-endings.ts'
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

/** Keeps the sealed profile on an open flow, with the keyed hash that finds the flows of a person. */
export async function keepProfile(db: Db, id: string, profileSealed: Buffer, personHash: Buffer): Promise<void> {
  await query(db, 'UPDATE flows SET profile_sealed = ?, person_hash = ? WHERE id = ? AND closed_at IS NULL', [
    profileSealed,
    personHash,
    id,
  ])
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
