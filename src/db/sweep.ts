// Removes what has expired, in small batches that several processes can share.
import { type Db, query } from './connect.ts'
import { STAGE } from './open-flows.ts'

/** So many rows of a table are taken at once, and held no longer than that takes. */
export const BATCH = 500

/** How long a finished or expired flow is remembered, so that its page can say what happened: the life of its cookie. */
const REMEMBER_FLOW_MINUTES = 10
/** How long a letter may wait: an hour after the postman gave it up (mail/postman.ts), for when there is none any more. */
const KEEP_MAIL_HOURS = 25
/** How long a lock that is off is remembered: longer than the grants live that it ended (handback/configuration.ts). */
const KEEP_UNLOCKED_DAYS = 31
/** How long the record of a sign-in is kept, and what people did in My Account. */
const KEEP_RECORD_DAYS = 90

/** One round: wipes expired profiles, deletes expired rows and old records. Returns how many rows it touched. */
export async function sweep(db: Db, now: Date): Promise<number> {
  const forget = new Date(now.getTime() - REMEMBER_FLOW_MINUTES * 60_000)
  const rounds = [
    [
      `UPDATE flows SET profile_sealed = NULL, person_hash = NULL
       WHERE ${among('flows WHERE expires_at < ? AND profile_sealed IS NOT NULL ORDER BY expires_at')} RETURNING 1`,
      now,
    ],
    [
      `UPDATE flow_keys SET sealed = NULL WHERE hash IN (SELECT hash FROM flow_keys JOIN flows ON flows.id = flow_id
       WHERE sealed IS NOT NULL AND LEAST(flow_keys.expires_at, flows.expires_at) < ? LIMIT ${BATCH}
       FOR UPDATE OF flow_keys SKIP LOCKED) RETURNING 1`,
      now,
    ],
    // With their keys.
    [FORGET_FLOWS, forget],
    [expired('oidc_records'), now],
    [expired('federated_claims'), now],
    [expired('test_sign_ins'), now],
    [expired('console_sessions'), now],
    [expired('account_sessions'), now],
    [expired('brakes'), now],
    [expired('emailed_codes'), now],
    [expired('identity_locks', 'unlocked_at'), new Date(now.getTime() - KEEP_UNLOCKED_DAYS * 86_400_000)],
    [expired('mails', 'created_at'), new Date(now.getTime() - KEEP_MAIL_HOURS * 3_600_000)],
    [expired('account_events', 'created_at'), new Date(now.getTime() - KEEP_RECORD_DAYS * 86_400_000)],
    [expired('audit_events', 'created_at'), new Date(now.getTime() - KEEP_RECORD_DAYS * 86_400_000)],
  ] as const
  let touched = 0
  for (const [sql, before] of rounds) {
    for (let rows = BATCH; rows === BATCH; touched += rows) rows = (await query(db, sql, [before])).length
  }
  return touched
}

/**
 * Flows are forgotten, and those that nobody ended leave their record, in one statement: neither without the other, and by one process. Its
 * time is when the flow expired.
 */
const FORGET_FLOWS = `WITH forgotten AS (
    DELETE FROM flows WHERE ${among('flows WHERE expires_at < ? ORDER BY expires_at')} RETURNING *
  ), recorded AS (
    INSERT INTO audit_events (event, flow_id, application_id, idp_id, user_id, mode, facts, decision, asked, came_back, problem_codes, failure,
      detail, created_at)
    SELECT 'expired', f.id, f.application_id, f.idp_id, (f.made->>'userId')::uuid,
      CASE WHEN (f.noted#>>'{facts,idp,jitEnabled}')::boolean THEN f.noted#>>'{facts,idp,scheme}' WHEN f.noted IS NOT NULL THEN 'NONE'
        WHEN jit_enabled THEN jit_scheme WHEN idps.id IS NOT NULL THEN 'NONE' END,
      coalesce(f.made#>'{verdict,facts}', f.noted->'facts'), coalesce(f.made#>'{verdict,decision}', f.noted->'decision'),
      f.noted#>'{decision,ask}' || jsonb_build_object('page', f.noted#>'{decision,page}'),
      f.came_back, f.problem_codes, f.failure,
      coalesce(f.made->'detail', '{}') || jsonb_build_object('stage', ${STAGE})
        || CASE WHEN f.made IS NULL THEN '{}'::jsonb ELSE '{"late": "user-created"}' END
        || CASE f.door WHEN 'application' THEN '{}' ELSE jsonb_build_object('door', f.door) END,
      f.expires_at
    FROM forgotten f LEFT JOIN idps ON idps.id = f.idp_id WHERE f.closed_at IS NULL
    ON CONFLICT (flow_id) DO NOTHING
  ) SELECT 1 FROM forgotten`

function expired(table: string, by = 'expires_at'): string {
  return `DELETE FROM ${table} WHERE ${among(`${table} WHERE ${by} < ? ORDER BY ${by}`)} RETURNING 1`
}

/**
 * One batch of a table's rows that nobody else holds. In order, so that PostgreSQL goes by the index: in no order it may as well read all that has not
 * expired. And by where they are: by their keys it reads the whole of a table of some ten thousand rows instead of looking each up.
 */
function among(rows: string): string {
  return `ctid = ANY (ARRAY(SELECT ctid FROM ${rows} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`
}
