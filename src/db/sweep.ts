// Removes what has expired, in small batches that several processes can share.
import { type Db, query } from './connect.ts'

const BATCH = 500

/** How long a finished or expired flow is remembered, so that its page can say what happened: the life of its cookie. */
const REMEMBER_FLOW_MINUTES = 10

/** One round: wipes expired profiles, deletes expired rows. Returns how many rows it touched. */
export async function sweep(db: Db, now: Date): Promise<number> {
  const forget = new Date(now.getTime() - REMEMBER_FLOW_MINUTES * 60_000)
  const rounds = [
    [
      `UPDATE flows SET profile_sealed = NULL, person_hash = NULL WHERE id IN (SELECT id FROM flows
       WHERE expires_at < ? AND profile_sealed IS NOT NULL LIMIT ${BATCH} FOR UPDATE SKIP LOCKED) RETURNING 1`,
      now,
    ],
    [
      `UPDATE flow_keys SET sealed = NULL WHERE hash IN (SELECT hash FROM flow_keys JOIN flows ON flows.id = flow_id
       WHERE sealed IS NOT NULL AND LEAST(flow_keys.expires_at, flows.expires_at) < ? LIMIT ${BATCH}
       FOR UPDATE OF flow_keys SKIP LOCKED) RETURNING 1`,
      now,
    ],
    // With their keys.
    [expired('flows', 'id'), forget],
    [expired('oidc_records', 'model, id_hash'), now],
    [expired('federated_claims', 'grant_id_hash'), now],
    [expired('console_sessions', 'id_hash'), now],
    [expired('brakes', 'key'), now],
  ] as const
  let touched = 0
  for (const [sql, before] of rounds) {
    for (let rows = BATCH; rows === BATCH; touched += rows) rows = (await query(db, sql, [before])).length
  }
  return touched
}

function expired(table: string, key: string): string {
  return `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table}
    WHERE expires_at < ? LIMIT ${BATCH} FOR UPDATE SKIP LOCKED) RETURNING 1`
}
