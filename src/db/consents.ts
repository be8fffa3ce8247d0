// Rows of consents and notices: what a person answered, and the words they answered to.
import { type Db, query } from './connect.ts'

/** What a record says. The last of them closes: no purpose, no attribute. */
export type ConsentState =
  | 'given'
  | 'refused'
  /** A yes taken back. */
  | 'withdrawn'
  /** Asked again because the purpose had changed, and not taken: what was said before holds. */
  | 'change-refused'

/** An answer: to one box of one purpose. */
export interface ConsentRecord {
  purposeId: string
  attribute: string
  state: ConsentState
}

/** Where answers were given, and to which words. `idp` and `application` as they were called then. */
export interface ConsentContext {
  userId: string
  notice: { hash: string; language: string }
  at:
    | {
        channel: 'sign-in'
        flowId: string
        idp: { id: string; displayName: string }
        application: { name: string }
      }
    | { channel: 'my-account' }
  now: Date
}

/** Keeps a wording; the same one is kept once. */
export async function putNotice(db: Db, notice: { hash: string; language: string; content: string }): Promise<void> {
  await query(db, 'INSERT INTO notices (hash, language, content) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING', [
    notice.hash,
    notice.language,
    notice.content,
  ])
}

/** Adds to the records of a person, which nobody can alter. The database chains them (migrations: consent records). */
export async function insertConsents(db: Db, records: ConsentRecord[], context: ConsentContext): Promise<void> {
  if (records.length === 0) return
  const { userId, notice, at, now } = context
  const where = at.channel === 'sign-in' ? at : undefined
  await query(
    db,
    `INSERT INTO consents (user_id, purpose_id, attribute, state, channel, notice_hash, language, idp_id, idp_name, application_name, flow_id,
       created_at)
     SELECT ?, "purposeId", attribute, state, ?, ?, ?, ?, ?, ?, ?, ?
     FROM jsonb_to_recordset(?::jsonb) AS r ("purposeId" text, attribute text, state text)`,
    [
      userId,
      at.channel,
      notice.hash,
      notice.language,
      where?.idp.id ?? null,
      where?.idp.displayName ?? null,
      where?.application.name ?? null,
      where?.flowId ?? null,
      now,
      JSON.stringify(records),
    ],
  )
}

/** The last records of people whose accounts are closed: by themselves in My Account, or deleted by an operator. */
export async function closeConsents(
  db: Db,
  userIds: string[],
  channel: 'my-account' | 'operator',
  now: Date,
): Promise<void> {
  await query(
    db,
    `INSERT INTO consents (user_id, purpose_id, attribute, state, channel, language, created_at)
     SELECT id, '', '', 'closed', ?, 'en', ? FROM unnest(?::uuid[]) AS closed (id) ORDER BY id`,
    [channel, now, userIds],
  )
}

/** SQL: what holds is the last of these; a change that was not taken changes nothing. */
const HOLDS = `state IN ('given', 'refused', 'withdrawn')`

/** SQL of what holds of a user, per purpose and attribute. */
const CURRENT_CONSENTS = `SELECT DISTINCT ON (purpose_id, attribute) purpose_id AS "purposeId", attribute, state
  FROM consents WHERE user_id = ? AND ${HOLDS} ORDER BY purpose_id, attribute, sequence DESC`

/** What holds, per purpose and attribute. */
export function currentConsents(db: Db, userId: string): Promise<ConsentRecord[]> {
  return query<ConsentRecord>(db, CURRENT_CONSENTS, [userId])
}

/** The last answers of a person, whether they hold or not, by purpose and attribute. */
export async function lastAnswers(db: Db, userId: string): Promise<Map<string, Map<string, ConsentState>>> {
  const rows = await query<ConsentRecord>(
    db,
    `SELECT DISTINCT ON (purpose_id, attribute) purpose_id AS "purposeId", attribute, state
     FROM consents WHERE user_id = ? AND state <> 'closed' ORDER BY purpose_id, attribute, sequence DESC`,
    [userId],
  )
  const answers = new Map<string, Map<string, ConsentState>>()
  for (const { purposeId, attribute, state } of rows)
    answers.set(purposeId, (answers.get(purposeId) ?? new Map()).set(attribute, state))
  return answers
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
         FROM consents WHERE (?::text IS NULL OR purpose_id = ?) AND ${HOLDS} ORDER BY user_id, purpose_id, attribute, sequence DESC
       ) AS latest
       GROUP BY purpose_id, user_id
     ) AS people
     GROUP BY purpose_id`,
    [purposeId ?? null, purposeId ?? null],
  )
  return new Map(rows.map(({ purposeId, ...answers }) => [purposeId, answers]))
}
