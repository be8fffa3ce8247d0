// Open flows that are over before anybody ended them, because what their person had begun was ended: their time is up, as it would be anyway.
import { type Db, query, queryOne } from './connect.ts'

/** Lets the open flows that brought a person back be over at once, for whatever they were begun. */
export async function expireFlowsOf(db: Db, personHash: Buffer, now: Date): Promise<void> {
  await query(
    db,
    `UPDATE flows SET expires_at = ?, profile_sealed = NULL, person_hash = NULL
     WHERE person_hash = ? AND closed_at IS NULL AND expires_at > ?`,
    [now, personHash, now],
  )
}

/**
 * Lets open flows begin again at the choice of idps, because their idp, or the user of whoever it signed in, is deleted: what was said of the person is
 * gone. Those are over that cannot begin again: whom somebody else verified (the flow API) nobody can verify here, and whoever has become a user in it
 * has answered it, once (consents_once_per_flow_key). `which` is a condition for `value`.
 */
export async function beginAgain(
  transaction: Db,
  which: 'idp_id = ?' | 'person_hash = ANY (?::bytea[])',
  value: unknown,
  now: Date,
): Promise<void> {
  await query(
    transaction,
    `UPDATE flows SET state_hash = NULL, profile_sealed = NULL, person_hash = NULL, apart_at = NULL, proof = NULL,
       expires_at = CASE WHEN is_over THEN least(expires_at, ?) ELSE expires_at END,
       called_back_at = CASE WHEN is_over THEN called_back_at END, idp_id = CASE WHEN is_over THEN idp_id END
     FROM (SELECT id AS found, door = 'flow-api' OR made IS NOT NULL AS is_over FROM flows WHERE ${which} AND closed_at IS NULL) AS these
     WHERE id = found AND closed_at IS NULL`,
    [now, value],
  )
}

/**
 * Lets an open flow be over whose user, whom the transaction holds, was signed out everywhere since they came back, or showed a factor: what was
 * proved before that has ended with it, also where it waits at a question for hours (security S042). Whether it is.
 */
export async function isOutlived(transaction: Db, flowId: string, userId: string, now: Date): Promise<boolean> {
  const row = await queryOne(
    transaction,
    `UPDATE flows SET expires_at = ?, profile_sealed = NULL, person_hash = NULL FROM users
     WHERE flows.id = ? AND users.id = ? AND closed_at IS NULL AND expires_at > ? AND greatest(called_back_at, factor_at) < signed_out_at
     RETURNING 1`,
    [now, flowId, userId, now],
  )
  return row !== undefined
}
