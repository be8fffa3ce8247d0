// Rows of account_events: what a person did with their account. Law: no value of theirs is in it.
import { type Db, query } from './connect.ts'

export type AccountEvent =
  | 'attribute-changed'
  | 'consent-given'
  | 'consent-withdrawn'
  | 'connected'
  | 'disconnected'
  | 'password-set'
  | 'password-changed'
  | 'session-ended'
  | 'signed-out-everywhere'
  | 'factor-added'
  | 'factor-removed'
  | 'backup-codes-made'
  | 'backup-code-used'

/** Names of attributes and idps, and ids of purposes, never what an attribute says. */
export type EventDetail = Record<string, string>

/** Notes what a person did, in the transaction that does it. */
export async function insertAccountEvent(
  db: Db,
  userId: string,
  event: AccountEvent,
  detail: EventDetail,
  now: Date,
): Promise<void> {
  await query(db, 'INSERT INTO account_events (user_id, event, detail, created_at) VALUES (?, ?, ?, ?)', [
    userId,
    event,
    JSON.stringify(detail),
    now,
  ])
}
