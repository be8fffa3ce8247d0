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
