// How flows end: each once, for ever, by one conditional statement, and what is left of it for its record.
import type { Way } from '../factors/need.ts'
import type { Verdict } from '../provisioning/decide.ts'
import { type Db, query, queryOne } from './connect.ts'
import { wipeFlowKeys } from './flow-keys.ts'
import type { FlowRow } from './flows.ts'

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
