// Rows of user_factors: second factors of users. A code is taken by one conditional statement, so it is good once, on whichever process.
import { type Db, query, queryOne } from './connect.ts'

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

/** Takes the code of a time step, and confirms the enrolment if this is its first. Of any number at once exactly one gets true. */
export async function takeTotpStep(
  db: Db,
  userId: string,
  secretSealed: Buffer,
  step: number,
  now: Date,
): Promise<boolean> {
  const row = await queryOne(
    db,
    `UPDATE user_factors SET last_step = ?, confirmed_at = coalesce(confirmed_at, ?)
     WHERE user_id = ? AND kind = 'totp' AND secret_sealed = ? AND last_step < ? RETURNING 1`,
    [step, now, userId, secretSealed, step],
  )
  return row !== undefined
}

export async function removeTotp(db: Db, userId: string): Promise<void> {
  await query(db, `DELETE FROM user_factors WHERE user_id = ? AND kind = 'totp'`, [userId])
}
