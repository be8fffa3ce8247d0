// Rows of user_factors, backup_codes and emailed_codes: second factors of users. Law: one conditional statement takes a code, so it is good once.
import type { FactorKind, Factors } from '../factors/need.ts'
import { type Db, query, queryOne } from './connect.ts'

export interface Factor {
  secretSealed: Buffer
  isConfirmed: boolean
}

/** What a user can show, as far as it is confirmed. */
export async function factorsOf(db: Db, userId: string): Promise<Factors> {
  const row = await queryOne<{ kinds: FactorKind[]; backupCodes: number }>(
    db,
    `SELECT ARRAY(SELECT kind FROM user_factors WHERE user_id = ? AND confirmed_at IS NOT NULL ORDER BY kind DESC) AS kinds,
       (SELECT count(*)::int FROM backup_codes WHERE user_id = ? AND used_at IS NULL) AS "backupCodes"`,
    [userId, userId],
  )
  return row ?? { kinds: [], backupCodes: 0 }
}

/** Whether a user has a factor by now that was not shown in this flow: for a transaction that holds the user. */
export async function isFactorUnshown(db: Db, userId: string, flowId: string): Promise<boolean> {
  const row = await queryOne(
    db,
    `SELECT 1 FROM flows WHERE id = ? AND factor_user_id IS DISTINCT FROM ?::uuid
       AND EXISTS (SELECT FROM user_factors WHERE user_id = ? AND confirmed_at IS NOT NULL)`,
    [flowId, userId, userId],
  )
  return row !== undefined
}

/** Each factor of a user and since when; what was begun and not ended has no `since`. */
export function listFactors(db: Db, userId: string): Promise<{ kind: FactorKind; since: Date | null }[]> {
  return query(db, 'SELECT kind, confirmed_at AS since FROM user_factors WHERE user_id = ? ORDER BY kind DESC', [
    userId,
  ])
}

/** Somebody's app. One whose set-up was begun and not ended is there only where that was: another sign-in would learn the secret that they are about to confirm. */
export function findTotp(db: Db, userId: string, boundTo: string): Promise<Factor | undefined> {
  return queryOne<Factor>(
    db,
    `SELECT secret_sealed AS "secretSealed", confirmed_at IS NOT NULL AS "isConfirmed" FROM user_factors
     WHERE user_id = ? AND kind = 'totp' AND (confirmed_at IS NOT NULL OR bound_to = ?)`,
    [userId, boundTo],
  )
}

/** What the secret of an app is sealed with (db/sealed.ts). */
export function totpContext(userId: string): string {
  return `totp ${userId}`
}

/** Begins an enrolment, or begins it again; one that is confirmed stays as it is, and of a user who is gone nothing begins. `boundTo`: a flow's id, or the hash of a session's. */
export async function putTotp(
  db: Db,
  { userId, boundTo, secretSealed }: { userId: string; boundTo: string; secretSealed: Buffer },
): Promise<void> {
  await query(
    db,
    `INSERT INTO user_factors (user_id, kind, bound_to, secret_sealed) SELECT id, 'totp', ?, ?::bytea FROM users WHERE id = ? FOR KEY SHARE
     ON CONFLICT ON CONSTRAINT user_factors_pkey
     DO UPDATE SET bound_to = excluded.bound_to, secret_sealed = excluded.secret_sealed, last_step = 0, created_at = now()
     WHERE user_factors.confirmed_at IS NULL`,
    [boundTo, secretSealed, userId],
  )
}

export interface TakenStep {
  userId: string
  secretSealed: Buffer
  step: number
  now: Date
}

/** Takes the code of a time step, which confirms an enrolment. Of any number at once exactly one gets true (RFC 6238, 5.2). */
export async function takeStep(db: Db, { userId, secretSealed, step, now }: TakenStep): Promise<boolean> {
  const row = await queryOne(
    db,
    `UPDATE user_factors SET last_step = ?, confirmed_at = coalesce(confirmed_at, ?), bound_to = NULL
     WHERE user_id = ? AND kind = 'totp' AND secret_sealed = ? AND last_step < ? RETURNING 1`,
    [step, now, userId, secretSealed, step],
  )
  return row !== undefined
}

/** Takes a factor away, and what was sent for it. False when there was none. With the last one the backup codes go. */
export async function removeFactor(db: Db, userId: string, kind: FactorKind): Promise<boolean> {
  const row = await queryOne<{ isConfirmed: boolean }>(
    db,
    `DELETE FROM user_factors WHERE user_id = ? AND kind = ? RETURNING confirmed_at IS NOT NULL AS "isConfirmed"`,
    [userId, kind],
  )
  if (kind === 'email') await query(db, 'DELETE FROM emailed_codes WHERE user_id = ?', [userId])
  await query(
    db,
    `DELETE FROM backup_codes WHERE user_id = ? AND NOT EXISTS
       (SELECT FROM user_factors WHERE user_id = ? AND confirmed_at IS NOT NULL)`,
    [userId, userId],
  )
  return row?.isConfirmed === true
}

/** Turns codes by e-mail on. False when they were on already. */
export async function confirmEmailFactor(db: Db, userId: string, now: Date): Promise<boolean> {
  const row = await queryOne(
    db,
    `INSERT INTO user_factors (user_id, kind, confirmed_at) VALUES (?, 'email', ?)
     ON CONFLICT ON CONSTRAINT user_factors_pkey DO NOTHING RETURNING 1`,
    [userId, now],
  )
  return row !== undefined
}

/** Keeps the code that is being sent, in place of the one before. `boundTo`: a flow's id, or the hash of a session's. */
export async function putEmailedCode(
  db: Db,
  code: { boundTo: string; userId: string; codeHash: Buffer; now: Date; expiresAt: Date },
): Promise<void> {
  await query(
    db,
    `INSERT INTO emailed_codes (bound_to, user_id, code_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT ON CONSTRAINT emailed_codes_pkey DO UPDATE SET user_id = excluded.user_id, code_hash = excluded.code_hash, tries = 0,
       used_at = NULL, created_at = excluded.created_at, expires_at = excluded.expires_at`,
    [code.boundTo, code.userId, code.codeHash, code.now, code.expiresAt],
  )
}

/** How often an e-mailed code may be looked at. */
const EMAIL_TRIES = 5

/** When a code was sent that is still good: nobody asked for it twice by pressing twice. */
export async function sentAt(db: Db, boundTo: string, userId: string, now: Date): Promise<Date | undefined> {
  const row = await queryOne<{ at: Date }>(
    db,
    `SELECT created_at AS at FROM emailed_codes
     WHERE bound_to = ? AND user_id = ? AND used_at IS NULL AND expires_at > ? AND tries < ?`,
    [boundTo, userId, now, EMAIL_TRIES],
  )
  return row?.at
}

/**
 * Takes an e-mailed code. Each look counts as a try, right or wrong; of any number at once exactly one gets `taken`. `over`: there is none (any
 * more): it is used, too old, or was tried too often.
 */
export async function takeEmailedCode(
  db: Db,
  { boundTo, userId, codeHash, now }: { boundTo: string; userId: string; codeHash: Buffer; now: Date },
): Promise<'taken' | 'wrong' | 'over'> {
  const row = await queryOne<{ isTaken: boolean }>(
    db,
    `UPDATE emailed_codes SET tries = tries + 1, used_at = CASE WHEN code_hash = ? THEN ?::timestamptz END
     WHERE bound_to = ? AND user_id = ? AND used_at IS NULL AND expires_at > ? AND tries < ? RETURNING used_at IS NOT NULL AS "isTaken"`,
    [codeHash, now, boundTo, userId, now, EMAIL_TRIES],
  )
  if (!row) return 'over'
  return row.isTaken ? 'taken' : 'wrong'
}

/** Puts a new set in place of the one before. */
export async function replaceBackupCodes(
  db: Db,
  userId: string,
  codes: { label: string; hash: string }[],
  now: Date,
): Promise<void> {
  await query(db, 'DELETE FROM backup_codes WHERE user_id = ?', [userId])
  await query(
    db,
    `INSERT INTO backup_codes (user_id, label, code_hash, created_at)
     SELECT ?, code.label, code.hash, ? FROM unnest(?::text[], ?::text[]) AS code (label, hash)`,
    [userId, now, codes.map(({ label }) => label), codes.map(({ hash }) => hash)],
  )
}

/** When the backup codes were made that somebody has. */
export async function backupCodesMadeAt(db: Db, userId: string): Promise<Date | undefined> {
  const row = await queryOne<{ at: Date | null }>(
    db,
    'SELECT max(created_at) AS at FROM backup_codes WHERE user_id = ?',
    [userId],
  )
  return row?.at ?? undefined
}

/** The hash of a backup code that is not used yet. */
export async function findBackupCode(db: Db, userId: string, label: string): Promise<string | undefined> {
  const row = await queryOne<{ hash: string }>(
    db,
    'SELECT code_hash AS hash FROM backup_codes WHERE user_id = ? AND label = ? AND used_at IS NULL',
    [userId, label],
  )
  return row?.hash
}

/** Takes a backup code whose hash was found to be right. Of any number at once exactly one gets true. */
export async function takeBackupCode(db: Db, userId: string, label: string, hash: string, now: Date): Promise<boolean> {
  const row = await queryOne(
    db,
    'UPDATE backup_codes SET used_at = ? WHERE user_id = ? AND label = ? AND code_hash = ? AND used_at IS NULL RETURNING 1',
    [now, userId, label, hash],
  )
  return row !== undefined
}

/** Takes every factor of a user away, what was begun included. Returns whether there was a confirmed one. */
export async function resetFactors(db: Db, userId: string): Promise<boolean> {
  await query(db, 'DELETE FROM emailed_codes WHERE user_id = ?', [userId])
  await query(db, 'DELETE FROM backup_codes WHERE user_id = ?', [userId])
  const rows = await query<{ isConfirmed: boolean }>(
    db,
    `DELETE FROM user_factors WHERE user_id = ? RETURNING confirmed_at IS NOT NULL AS "isConfirmed"`,
    [userId],
  )
  return rows.some(({ isConfirmed }) => isConfirmed)
}
