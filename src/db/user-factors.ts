// Rows of user_factors: second factors of users. A code is taken by one conditional statement, so it is good once, on whichever process.
import { type Actor, insertChange } from './changes.ts'
import { type Db, inTransaction, query, queryOne } from './connect.ts'

export interface Factor {
  secretSealed: Buffer
  isConfirmed: boolean
}

export function findTotp(db: Db, userId: string): Promise<Factor | undefined> {
  return queryOne<Factor>(
    db,
    `SELECT secret_sealed AS "secretSealed", confirmed_at IS NOT NULL AS "isConfirmed" FROM user_factors
     WHERE user_id = ? AND kind = 'totp'`,
    [userId],
  )
}

/** Begins an enrolment, or begins it again; one that is confirmed stays as it is. */
export async function putTotp(db: Db, userId: string, secretSealed: Buffer): Promise<void> {
  await query(
    db,
    `INSERT INTO user_factors (user_id, kind, secret_sealed) VALUES (?, 'totp', ?)
     ON CONFLICT ON CONSTRAINT user_factors_pkey DO UPDATE SET secret_sealed = excluded.secret_sealed, last_step = 0, created_at = now()
     WHERE user_factors.confirmed_at IS NULL`,
    [userId, secretSealed],
  )
}

/**
 * Takes the code of a time step, and confirms the enrolment if this is its first; of that the history tells. Of any number at once exactly one
 * gets true.
 */
export function takeTotpStep(db: Db, taken: TakenStep): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    const row = await queryOne<{ isFirst: boolean }>(
      transaction,
      `UPDATE user_factors SET last_step = ?, confirmed_at = coalesce(confirmed_at, ?)
       WHERE user_id = ? AND kind = 'totp' AND secret_sealed = ? AND last_step < ? RETURNING confirmed_at = ?::timestamptz AS "isFirst"`,
      [taken.step, taken.now, taken.userId, taken.secretSealed, taken.step, taken.now],
    )
    if (row?.isFirst) await tell(transaction, taken.actor, 'created', taken.userId)
    return row !== undefined
  })
}

export interface TakenStep {
  userId: string
  secretSealed: Buffer
  step: number
  now: Date
  actor: Actor
}

export function removeTotp(db: Db, userId: string, actor: Actor): Promise<void> {
  return inTransaction(db, async (transaction) => {
    const row = await queryOne(
      transaction,
      `DELETE FROM user_factors WHERE user_id = ? AND kind = 'totp' RETURNING 1`,
      [userId],
    )
    if (row) await tell(transaction, actor, 'deleted', userId)
  })
}

function tell(db: Db, actor: Actor, action: string, userId: string): Promise<void> {
  return insertChange(db, actor, { action, kind: 'authenticator app', object: userId })
}
