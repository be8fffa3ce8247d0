// Rows of oidc_records and federated_claims: everything our OpenID Provider remembers. Ids come as hashes, payloads sealed.
import { CONFIGURED } from './configured.ts'
import { type Db, query, queryOne } from './connect.ts'

export interface OidcRecord {
  payload_sealed: Buffer
  consumed_at: Date | null
  /** What is configured goes by this name (db/configured.ts). */
  configured: string
}

const COLUMNS = `payload_sealed, consumed_at, ${CONFIGURED} AS configured`

export async function putRecord(
  db: Db,
  record: {
    model: string
    idHash: Buffer
    payloadSealed: Buffer
    grantIdHash: Buffer | null
    uidHash: Buffer | null
    /** Of a session, a grant or a refresh token of a user. */
    userId: string | null
    expiresAt: Date
  },
): Promise<void> {
  await query(
    db,
    // Not of a user who is gone: whoever deletes one waits for this, or is waited for, and leaves nothing behind.
    `WITH owner AS (SELECT 1 FROM users WHERE id = ?::uuid FOR KEY SHARE)
     INSERT INTO oidc_records (model, id_hash, payload_sealed, grant_id_hash, uid_hash, user_id, expires_at)
     SELECT ?, ?::bytea, ?::bytea, ?::bytea, ?::bytea, ?::uuid, ?::timestamptz WHERE ?::uuid IS NULL OR EXISTS (SELECT FROM owner)
     ON CONFLICT (model, id_hash) DO UPDATE SET payload_sealed = excluded.payload_sealed, grant_id_hash = excluded.grant_id_hash,
       uid_hash = excluded.uid_hash, user_id = excluded.user_id, expires_at = excluded.expires_at`,
    [
      record.userId,
      record.model,
      record.idHash,
      record.payloadSealed,
      record.grantIdHash,
      record.uidHash,
      record.userId,
      record.expiresAt,
      record.userId,
    ],
  )
}

export function findRecord(db: Db, model: string, idHash: Buffer, now: Date): Promise<OidcRecord | undefined> {
  return queryOne<OidcRecord>(
    db,
    `SELECT ${COLUMNS} FROM oidc_records WHERE model = ? AND id_hash = ? AND expires_at > ?`,
    [model, idHash, now],
  )
}

export function findRecordByUid(db: Db, model: string, uidHash: Buffer, now: Date): Promise<OidcRecord | undefined> {
  return queryOne<OidcRecord>(
    db,
    `SELECT ${COLUMNS} FROM oidc_records WHERE model = ? AND uid_hash = ? AND expires_at > ?`,
    [model, uidHash, now],
  )
}

/** The live sessions and refresh tokens of a user, not yet used up. */
export function listRecordsOfUser(
  db: Db,
  userId: string,
  now: Date,
): Promise<{ model: string; idHash: Buffer; payloadSealed: Buffer; expiresAt: Date }[]> {
  return query(
    db,
    `SELECT model, id_hash AS "idHash", payload_sealed AS "payloadSealed", expires_at AS "expiresAt" FROM oidc_records
     WHERE user_id = ? AND model IN ('Session', 'RefreshToken') AND consumed_at IS NULL AND expires_at > ?
     ORDER BY expires_at DESC LIMIT 100`,
    [userId, now],
  )
}

/** The sessions and refresh tokens of these users, whether or not they are over. */
export function recordsOfUsers(
  db: Db,
  userIds: readonly string[],
): Promise<{ userId: string; model: string; idHash: Buffer; payloadSealed: Buffer }[]> {
  return query(
    db,
    `SELECT user_id AS "userId", model, id_hash AS "idHash", payload_sealed AS "payloadSealed" FROM oidc_records
     WHERE user_id = ANY (?::uuid[]) AND model IN ('Session', 'RefreshToken')`,
    [userIds],
  )
}

/** Deletes whatever belongs to a grant of these users: codes, access tokens, and what applications may read by them. */
export async function deleteGrantsOfUsers(db: Db, userIds: readonly string[]): Promise<void> {
  const ofGrants = `grant_id_hash IN
    (SELECT coalesce(grant_id_hash, id_hash) FROM oidc_records WHERE user_id = ANY (?::uuid[]))`
  await query(db, `DELETE FROM federated_claims WHERE ${ofGrants}`, [userIds])
  await query(db, `DELETE FROM oidc_records WHERE ${ofGrants}`, [userIds])
}

/** A session of this id, whosever it is: of somebody without a user, `userId` is null. */
export function findSession(
  db: Db,
  idHash: Buffer,
  now: Date,
): Promise<{ userId: string | null; model: string; idHash: Buffer; payloadSealed: Buffer } | undefined> {
  return queryOne(
    db,
    `SELECT user_id AS "userId", model, id_hash AS "idHash", payload_sealed AS "payloadSealed" FROM oidc_records
     WHERE model = 'Session' AND id_hash = ? AND expires_at > ?`,
    [idHash, now],
  )
}

/** Ends one session or refresh token of a user, or of somebody without one, with all that was given out by the grants that it stands for. */
export async function endRecord(
  db: Db,
  userId: string | null,
  { model, idHash, grantIdHashes }: { model: string; idHash: Buffer; grantIdHashes: Buffer[] },
): Promise<void> {
  await query(
    db,
    `DELETE FROM oidc_records WHERE (model = ? AND id_hash = ? AND user_id IS NOT DISTINCT FROM ?::uuid)
       OR grant_id_hash IN (SELECT id_hash FROM oidc_records WHERE model = 'Grant' AND user_id IS NOT DISTINCT FROM ?::uuid AND id_hash = ANY (?::bytea[]))`,
    [model, idHash, userId, userId, grantIdHashes],
  )
  await query(
    db,
    `DELETE FROM oidc_records WHERE model = 'Grant' AND user_id IS NOT DISTINCT FROM ?::uuid AND id_hash = ANY (?::bytea[])`,
    [userId, grantIdHashes],
  )
}

export async function deleteRecordsOfUsers(db: Db, userIds: readonly string[]): Promise<void> {
  await query(db, 'DELETE FROM oidc_records WHERE user_id = ANY (?::uuid[])', [userIds])
}

/**
 * Whether a record with an id of its own was kept by the transaction that put it, which nobody has heard of since. Should that still
 * be under way, inserting the same key waits for its end; what this leaves behind otherwise has expired already.
 */
export async function wasRecordKept(db: Db, model: string, idHash: Buffer, now: Date): Promise<boolean> {
  await query(
    db,
    `INSERT INTO oidc_records (model, id_hash, payload_sealed, expires_at) VALUES (?, ?, '', ?) ON CONFLICT DO NOTHING`,
    [model, idHash, now],
  )
  return (await findRecord(db, model, idHash, now)) !== undefined
}

/** Uses a one-time record up. Exactly one caller gets true. */
export async function consumeRecord(db: Db, model: string, idHash: Buffer, now: Date): Promise<boolean> {
  const row = await queryOne(
    db,
    'UPDATE oidc_records SET consumed_at = ? WHERE model = ? AND id_hash = ? AND consumed_at IS NULL RETURNING model',
    [now, model, idHash],
  )
  return row !== undefined
}

/** Deletes a record. Exactly one caller gets true. */
export async function deleteRecord(db: Db, model: string, idHash: Buffer): Promise<boolean> {
  const sql = 'DELETE FROM oidc_records WHERE model = ? AND id_hash = ? RETURNING model'
  return (await queryOne(db, sql, [model, idHash])) !== undefined
}

/** Deletes the records of one model that a grant has: a sign-in in another tab may belong to the same grant and goes on. */
export async function deleteRecordsOfGrant(db: Db, model: string, grantIdHash: Buffer): Promise<void> {
  await query(db, 'DELETE FROM oidc_records WHERE model = ? AND grant_id_hash = ?', [model, grantIdHash])
}

export async function deleteFederatedClaims(db: Db, grantIdHash: Buffer): Promise<void> {
  await query(db, 'DELETE FROM federated_claims WHERE grant_id_hash = ?', [grantIdHash])
}

export async function putFederatedClaims(
  db: Db,
  grantIdHash: Buffer,
  claimsSealed: Buffer,
  expiresAt: Date,
): Promise<void> {
  await query(db, 'INSERT INTO federated_claims (grant_id_hash, claims_sealed, expires_at) VALUES (?, ?, ?)', [
    grantIdHash,
    claimsSealed,
    expiresAt,
  ])
}

export async function findFederatedClaims(db: Db, grantIdHash: Buffer, now: Date): Promise<Buffer | undefined> {
  const row = await queryOne<{ claims_sealed: Buffer }>(
    db,
    'SELECT claims_sealed FROM federated_claims WHERE grant_id_hash = ? AND expires_at > ?',
    [grantIdHash, now],
  )
  return row?.claims_sealed
}
