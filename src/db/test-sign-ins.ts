// Rows of test_sign_ins: an operator is away at an identity provider to try it, or has come back with what it says.
import { type Db, query, queryOne } from './connect.ts'

/** Which test, and of which session of the console. No other session finds it. */
export interface TestKey {
  stateHash: Buffer
  sessionHash: Buffer
}

export interface TestRow {
  idpId: string
  takenAt: Date | null
  resultSealed: Buffer | null
}

/** Begins a test; false when the session is over. */
export async function insertTest(db: Db, key: TestKey, idpId: string, expiresAt: Date): Promise<boolean> {
  const rows = await query(
    db,
    `INSERT INTO test_sign_ins (state_hash, session_hash, idp_id, expires_at)
     SELECT ?, id_hash, ?, ? FROM console_sessions WHERE id_hash = ? RETURNING 1`,
    [key.stateHash, idpId, expiresAt, key.sessionHash],
  )
  return rows.length > 0
}

export function findTest(db: Db, key: TestKey, now: Date): Promise<TestRow | undefined> {
  return queryOne<TestRow>(
    db,
    `SELECT idp_id AS "idpId", taken_at AS "takenAt", result_sealed AS "resultSealed" FROM test_sign_ins
     WHERE state_hash = ? AND session_hash = ? AND expires_at > ?`,
    [key.stateHash, key.sessionHash, now],
  )
}

/** Uses the state up. Of any number of callbacks exactly one gets true. */
export async function takeTest(db: Db, key: TestKey, now: Date): Promise<boolean> {
  const rows = await query(
    db,
    `UPDATE test_sign_ins SET taken_at = ?
     WHERE state_hash = ? AND session_hash = ? AND taken_at IS NULL AND expires_at > ? RETURNING 1`,
    [now, key.stateHash, key.sessionHash, now],
  )
  return rows.length > 0
}

/** Keeps what came of it, until then. */
export async function keepResult(db: Db, key: TestKey, sealed: Buffer, expiresAt: Date): Promise<void> {
  await query(
    db,
    'UPDATE test_sign_ins SET result_sealed = ?, expires_at = ? WHERE state_hash = ? AND session_hash = ?',
    [sealed, expiresAt, key.stateHash, key.sessionHash],
  )
}
