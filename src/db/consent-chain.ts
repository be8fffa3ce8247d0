// The records of consent as a chain, page by page: for whoever verifies them, and for the person whose they are.
import type { ChainRecord } from '../records/chain.ts'
import { type Db, query, queryOne } from './connect.ts'
import type { ConsentState } from './consents.ts'

export interface ChainRow extends ChainRecord {
  /** What the head of the user says, unless it is ahead of this record. */
  headSequence: number | null
  headHash: Buffer | null
}

/** A moment as microseconds, or null for one of the ends of time. */
export const MICROS = (column: string) =>
  `CASE WHEN isfinite(${column}) THEN (extract(epoch FROM ${column}) * 1000000)::bigint END`

/**
 * The records after that of `after`, by user and number. Each sees the head of its user as it is at the same moment, because people go on
 * answering. The head is looked up for each: joined, from some size on, PostgreSQL would read all of them for each page.
 */
export function chainPage(db: Db, after: { userId: string; sequence: number }, size: number): Promise<ChainRow[]> {
  return query<ChainRow>(
    db,
    `SELECT user_id AS "userId", sequence, purpose_id AS "purposeId", attribute, state, is_given AS "isGiven", channel,
       notice_hash AS "noticeHash", language, idp_id AS "idpId", idp_name AS "idpName", application_name AS "applicationName",
       flow_id AS "flowId", ${MICROS('created_at')} AS "createdAt", previous_hash AS "previousHash", hash, "headSequence", "headHash"
     FROM consents c LEFT JOIN LATERAL (
       SELECT h.sequence AS "headSequence", h.hash AS "headHash" FROM consent_heads h
       WHERE h.user_id = c.user_id AND h.sequence <= c.sequence LIMIT 1
     ) AS head ON true
     WHERE (user_id, sequence) > (?, ?) ORDER BY user_id, sequence LIMIT ?`,
    [after.userId, after.sequence, size],
  )
}

export function headOf(db: Db, userId: string): Promise<{ sequence: number; hash: Buffer } | undefined> {
  return queryOne(db, 'SELECT sequence, hash FROM consent_heads WHERE user_id = ?', [userId])
}

/** Users with a head and no record, after that of `after`; the first when it is absent. */
export async function headsAlone(db: Db, after: string | undefined, size: number): Promise<string[]> {
  const rows = await query<{ userId: string }>(
    db,
    `SELECT user_id AS "userId" FROM consent_heads h
     WHERE (?::uuid IS NULL OR user_id > ?::uuid) AND NOT EXISTS (SELECT 1 FROM consents c WHERE c.user_id = h.user_id)
     ORDER BY user_id LIMIT ?`,
    [after ?? null, after ?? null, size],
  )
  return rows.map(({ userId }) => userId)
}

/** Words as they were shown, byte by byte. */
export interface NoticeRow {
  hash: string
  language: string
  content: string
}

/** The words after those of `after`, by their hash. */
export function noticesPage(db: Db, after: string, size: number): Promise<NoticeRow[]> {
  return query<NoticeRow>(
    db,
    'SELECT hash, language, content::text AS content FROM notices WHERE hash > ? ORDER BY hash LIMIT ?',
    [after, size],
  )
}

/** The words of these hashes. */
export async function noticesOf(db: Db, hashes: string[]): Promise<Map<string, NoticeRow>> {
  const rows = await query<NoticeRow>(
    db,
    'SELECT hash, language, content::text AS content FROM notices WHERE hash = ANY (?::text[])',
    [hashes],
  )
  return new Map(rows.map((row) => [row.hash, row]))
}

/** Words that this person gave an answer to. Of those of others nothing is said, not even that they are there. */
export function noticeShownTo(db: Db, userId: string, hash: string): Promise<NoticeRow | undefined> {
  return queryOne<NoticeRow>(
    db,
    `SELECT hash, language, content::text AS content FROM notices
     WHERE hash = ? AND EXISTS (SELECT 1 FROM consents WHERE user_id = ? AND notice_hash = notices.hash)`,
    [hash, userId],
  )
}

/** A record as its person reads it. */
export interface KeptRecord {
  sequence: number
  purposeId: string
  attribute: string
  state: ConsentState | 'closed'
  channel: 'sign-in' | 'my-account' | 'operator'
  noticeHash: string | null
  language: string
  idpName: string | null
  applicationName: string | null
  at: Date
  hash: Buffer
}

/** Records of one person, the newest first: of one purpose, or before the number `before`, if they are given; `limit` of them at most. */
export function recordsOf(
  db: Db,
  userId: string,
  { purposeId, before, limit }: { purposeId?: string | undefined; before?: number | undefined; limit?: number } = {},
): Promise<KeptRecord[]> {
  return query<KeptRecord>(
    db,
    `SELECT sequence, purpose_id AS "purposeId", attribute, state, channel, notice_hash AS "noticeHash", language, idp_name AS "idpName",
       application_name AS "applicationName", created_at AS at, hash
     FROM consents WHERE user_id = ? AND (?::text IS NULL OR purpose_id = ?) AND (?::integer IS NULL OR sequence < ?)
     ORDER BY sequence DESC LIMIT ?`,
    [userId, purposeId ?? null, purposeId ?? null, before ?? null, before ?? null, limit ?? null],
  )
}
