// Rows of purpose_versions, answered_versions and answered_attributes: a purpose as it was said, and which version each person was shown last.
import type { Asks, PurposeContent } from '../provisioning/versions.ts'
import { type Db, query, queryOne } from './connect.ts'

export interface PurposeVersion {
  purposeId: string
  version: number
  content: PurposeContent
  asks: Asks
  /** The last version, up to this one, that asks about the words. */
  wordsVersion: number
  wordingOnly: string | null
  /** The last day on which it can be put off (UTC). */
  acceptBy: string | null
  createdAt: Date
}

const COLUMNS = `purpose_id AS "purposeId", version, content, asks, words_version AS "wordsVersion", wording_only AS "wordingOnly",
  accept_by AS "acceptBy", created_at AS "createdAt"`

/** The last version of each purpose, by its id. */
export async function lastVersions(db: Db): Promise<Map<string, PurposeVersion>> {
  const rows = await query<PurposeVersion>(
    db,
    `SELECT DISTINCT ON (purpose_id) ${COLUMNS} FROM purpose_versions ORDER BY purpose_id, purpose_versions.version DESC`,
  )
  return new Map(rows.map((row) => [row.purposeId, row]))
}

/** The last version of one. */
export function lastVersion(db: Db, purposeId: string): Promise<PurposeVersion | undefined> {
  return queryOne<PurposeVersion>(
    db,
    `SELECT ${COLUMNS} FROM purpose_versions WHERE purpose_id = ? ORDER BY purpose_versions.version DESC LIMIT 1`,
    [purposeId],
  )
}

export async function insertVersion(db: Db, version: Omit<PurposeVersion, 'createdAt'>): Promise<void> {
  await query(
    db,
    `INSERT INTO purpose_versions (purpose_id, version, content, asks, words_version, wording_only, accept_by)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    [
      version.purposeId,
      version.version,
      JSON.stringify(version.content),
      version.asks === null ? null : JSON.stringify(version.asks),
      version.wordsVersion,
      version.wordingOnly,
      version.acceptBy,
    ],
  )
}

/** Gives a version another last day. */
export async function setAcceptBy(
  db: Db,
  { purposeId, version }: Pick<PurposeVersion, 'purposeId' | 'version'>,
  acceptBy: string | null,
): Promise<void> {
  await query(db, 'UPDATE purpose_versions SET accept_by = ? WHERE purpose_id = ? AND version = ?', [
    acceptBy,
    purposeId,
    version,
  ])
}

/** What somebody was shown of a purpose last. */
export interface SeenVersion {
  purposeId: string
  version: number
  /** It could not be put off any more then. */
  wasDue: boolean
  content: PurposeContent
}

/** What a person was shown last, by purpose. */
export async function seenVersions(db: Db, userId: string): Promise<Map<string, SeenVersion>> {
  const rows = await query<SeenVersion>(
    db,
    `SELECT purpose_id AS "purposeId", version, was_due AS "wasDue", content
     FROM answered_versions JOIN purpose_versions USING (purpose_id, version) WHERE user_id = ?`,
    [userId],
  )
  return new Map(rows.map((row) => [row.purposeId, row]))
}

export type Shown = Pick<SeenVersion, 'purposeId' | 'version' | 'wasDue'>

/**
 * Notes what a person was shown. False when one of it is no news: they were shown it, or a later one, elsewhere meanwhile. Of two transactions that
 * note the same exactly one gets true.
 */
export async function noteSeen(db: Db, userId: string, shown: Shown[]): Promise<boolean> {
  const rows = await query(
    db,
    `INSERT INTO answered_versions AS a (user_id, purpose_id, version, was_due)
     SELECT ?, "purposeId", version, "wasDue" FROM jsonb_to_recordset(?::jsonb) AS s ("purposeId" text, version integer, "wasDue" boolean)
     ORDER BY "purposeId"
     ON CONFLICT (user_id, purpose_id) DO UPDATE SET version = excluded.version, was_due = excluded.was_due
       WHERE a.version < excluded.version OR (a.version = excluded.version AND excluded.was_due AND NOT a.was_due)
     RETURNING 1`,
    [userId, JSON.stringify(shown)],
  )
  return rows.length === shown.length
}

/** An attribute that somebody answered by itself, outside a question about its purpose, and the version that was in force. */
export interface AnsweredAttribute {
  purposeId: string
  attribute: string
  version: number
}

/** Notes attributes that a person answered by themselves. A version that is behind what is noted changes nothing. */
export async function noteAnswered(db: Db, userId: string, answered: AnsweredAttribute[]): Promise<void> {
  if (answered.length === 0) return
  await query(
    db,
    `INSERT INTO answered_attributes AS a (user_id, purpose_id, attribute, version)
     SELECT ?, "purposeId", attribute, version FROM jsonb_to_recordset(?::jsonb) AS s ("purposeId" text, attribute text, version integer)
     ON CONFLICT (user_id, purpose_id, attribute) DO UPDATE SET version = excluded.version WHERE a.version < excluded.version`,
    [userId, JSON.stringify(answered)],
  )
}

/** What a person answered by itself, by purpose and attribute. */
export async function answeredAttributes(
  db: Db,
  userId: string,
): Promise<Map<string, Map<string, Pick<SeenVersion, 'version' | 'content'>>>> {
  const rows = await query<AnsweredAttribute & Pick<SeenVersion, 'content'>>(
    db,
    `SELECT purpose_id AS "purposeId", attribute, version, content
     FROM answered_attributes JOIN purpose_versions USING (purpose_id, version) WHERE user_id = ?`,
    [userId],
  )
  const answered = new Map<string, Map<string, Pick<SeenVersion, 'version' | 'content'>>>()
  for (const { purposeId, attribute, version, content } of rows)
    answered.set(purposeId, (answered.get(purposeId) ?? new Map()).set(attribute, { version, content }))
  return answered
}

/**
 * Notes that what is in force was shown to somebody who gets their first way in by an idp and was never shown a purpose: they were a user before,
 * without a question, and nothing that held then is news to them. To be called before that way in is there.
 */
export async function startSeenConnecting(db: Db, userId: string): Promise<void> {
  await query(
    db,
    `INSERT INTO answered_versions (user_id, purpose_id, version)
     SELECT u.id, purpose_id, max(version) FROM users u CROSS JOIN purpose_versions
     WHERE u.id = ? AND purpose_id IN (SELECT id FROM purposes WHERE is_enabled)
       AND NOT EXISTS (SELECT FROM identities WHERE user_id = u.id) AND NOT EXISTS (SELECT FROM answered_versions WHERE user_id = u.id)
     GROUP BY u.id, purpose_id`,
    [userId],
  )
}

/** How many people were shown a purpose, in whatever version: one look through an index. */
export async function countSeen(db: Db, purposeId: string): Promise<number> {
  const sql = 'SELECT count(*)::int AS count FROM answered_versions WHERE purpose_id = ?'
  return (await queryOne<{ count: number }>(db, sql, [purposeId]))?.count ?? 0
}

/** How many people come by an idp: everybody whom a new purpose asks. */
export async function countKnown(db: Db): Promise<number> {
  const sql = 'SELECT count(DISTINCT user_id)::int AS count FROM identities'
  return (await queryOne<{ count: number }>(db, sql))?.count ?? 0
}
