// Rows of flow_keys: keys that open a flow to others than its browser. Anything that happens once happens in one conditional statement here.
import { type Db, query, queryOne } from './connect.ts'

/** page: to the page that asks; token: what that page got for it; answer: back from there; entry: in by the door; outcome: out by it. */
export type KeyKind = 'page' | 'token' | 'answer' | 'entry' | 'outcome'

export interface FlowKey {
  hash: Buffer
  flowId: string
  kind: KeyKind
  /** Who may use it; null: whoever serves pages. */
  applicationId: string | null
  sealed: Buffer | null
  usedAt: Date | null
  /** Null: as long as the flow. */
  expiresAt: Date | null
}

type NewKey = Omit<FlowKey, 'usedAt'> & { createdAt: Date }

const INSERT = 'INSERT INTO flow_keys (hash, kind, application_id, sealed, expires_at, created_at, flow_id)'

/**
 * Inserts a key of an open flow; false when it is not open. The flow is locked meanwhile, so that whoever ends it finds the key and wipes what
 * it opens.
 */
export async function insertFlowKey(db: Db, key: NewKey): Promise<boolean> {
  const row = await queryOne(
    db,
    `${INSERT} SELECT ?, ?, ?::uuid, ?, ?::timestamptz, ?::timestamptz, id FROM flows
     WHERE id = ? AND closed_at IS NULL AND expires_at > ? FOR SHARE RETURNING hash`,
    [key.hash, key.kind, key.applicationId, key.sealed, key.expiresAt, key.createdAt, key.flowId, key.createdAt],
  )
  return row !== undefined
}

export function findFlowKey(db: Db, kind: KeyKind, hash: Buffer): Promise<FlowKey | undefined> {
  return queryOne<FlowKey>(
    db,
    `SELECT hash, flow_id AS "flowId", kind, application_id AS "applicationId", sealed, used_at AS "usedAt",
       expires_at AS "expiresAt" FROM flow_keys WHERE kind = ? AND hash = ?`,
    [kind, hash],
  )
}

/** Uses a key up. Of any number of calls at once exactly one gets true. */
export async function spendFlowKey(db: Db, hash: Buffer, now: Date): Promise<boolean> {
  const row = await queryOne(
    db,
    'UPDATE flow_keys SET used_at = ?, sealed = NULL WHERE hash = ? AND used_at IS NULL AND expires_at > ? RETURNING hash',
    [now, hash, now],
  )
  return row !== undefined
}

/** Keeps the outcome of an ended flow under a new key, in place of one that nobody used. False when it was fetched: there is no second time. */
export async function putOutcomeKey(db: Db, key: NewKey): Promise<boolean> {
  const row = await queryOne(
    db,
    `${INSERT} VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (flow_id) WHERE kind = 'outcome' DO UPDATE SET
       hash = excluded.hash, sealed = excluded.sealed, expires_at = excluded.expires_at
     WHERE flow_keys.used_at IS NULL RETURNING hash`,
    [key.hash, key.kind, key.applicationId, key.sealed, key.expiresAt, key.createdAt, key.flowId],
  )
  return row !== undefined
}

/** Whether the outcome of a flow was fetched. */
export async function isOutcomeFetched(db: Db, flowId: string): Promise<boolean> {
  const sql = "SELECT hash FROM flow_keys WHERE flow_id = ? AND kind = 'outcome' AND used_at IS NOT NULL"
  return (await queryOne(db, sql, [flowId])) !== undefined
}

/** Wipes what the keys of a flow open. */
export async function wipeFlowKeys(db: Db, flowId: string): Promise<void> {
  await query(db, 'UPDATE flow_keys SET sealed = NULL WHERE flow_id = ? AND sealed IS NOT NULL', [flowId])
}

/**
 * How often a flow's browser was sent to a page elsewhere since `since`, and whether this person, in this flow or another open one, was sent
 * there before `before` and never arrived.
 */
export async function pageKeysOf(
  db: Db,
  flowId: string,
  { since, before }: { since: Date; before: Date },
): Promise<{ sent: number; isLost: boolean }> {
  const row = await queryOne<{ sent: number; isLost: boolean | null }>(
    db,
    `SELECT count(*) FILTER (WHERE other.id = own.id)::int AS sent,
       bool_or(used_at IS NULL AND flow_keys.created_at <= ?) AS "isLost"
     FROM flows own JOIN flows other ON other.person_hash = own.person_hash
       JOIN flow_keys ON flow_keys.flow_id = other.id AND kind = 'page' AND flow_keys.created_at > ?
     WHERE own.id = ?`,
    [before, since, flowId],
  )
  return { sent: row?.sent ?? 0, isLost: row?.isLost === true }
}
