// Rows of audit_events: one record of each flow, with what was decided, by what, and what came of it. Law: no value of a person is in it.
import type { Decision, Facts, Verdict } from '../provisioning/decide.ts'
import { type Db, query } from './connect.ts'
import type { ClosedFlow } from './flow-endings.ts'
import type { Scheme } from './idps.ts'

/** What came of a flow. */
export const OUTCOMES = [
  'user-created',
  'sign-in',
  'sign-in-federated',
  'sign-in-local',
  /** In My Account: the same person once more, or with another idp. */
  'proved',
  'connected',
  'declined',
  'refused',
  /** The idp said itself that there is no sign-in, for example because the person cancelled. */
  'idp-denied',
  'idp-failed',
  /** Nobody answered before the time was up. */
  'expired',
] as const
export type Outcome = (typeof OUTCOMES)[number]

/** How far an expired flow had come: the choice of an idp, away at one, back without a decision, a question, or a second factor after a password. */
export type Stage = 'choosing' | 'away' | 'returned' | 'asked' | 'second-factor'

export type Mode = 'NONE' | Scheme

/** What a question asked, and on which page. */
export interface Asked {
  page: 'register' | 'signup'
  username: boolean
  password: boolean
  consent: true
}

/** How a flow ended, for its record. */
export interface AuditEvent {
  event: Outcome
  flowId: string
  idpId?: string | undefined
  userId?: string | undefined
  /** Of the idp. What was decided says it better, where something was. */
  mode?: string | undefined
  /** Left out when nothing was decided, or not now: then the last question counts. */
  verdict?: Verdict | undefined
  /** The code by which the idp failed or denied. */
  failure?: string | undefined
  /** Codes and counts only: never a name of a person, an address or a claim. */
  detail?: Record<string, string | number>
  at: Date
}

/** An `AuditEvent` without what its writer knows. */
export type RecordOf = Omit<AuditEvent, 'flowId' | 'at'>

/** SQL: writes the record of the flow in `closed`, which has the columns of a `ClosedFlow`; its values are `recordValues`. */
export const RECORD = `INSERT INTO audit_events (event, flow_id, application_id, idp_id, user_id, mode, facts, decision, asked, came_back,
    problem_codes, failure, detail, created_at)
  SELECT ?, ?, "applicationId", ?::uuid, ?::uuid,
    coalesce(?, CASE WHEN (noted#>>'{facts,idp,jitEnabled}')::boolean THEN noted#>>'{facts,idp,scheme}' WHEN noted IS NOT NULL THEN 'NONE' END, ?),
    coalesce(?::jsonb, noted->'facts'), coalesce(?::jsonb, noted->'decision'),
    CASE WHEN "wasAsked" THEN noted#>'{decision,ask}' || jsonb_build_object('page', noted#>'{decision,page}') END,
    "cameBack", "problemCodes", coalesce(?, failure),
    ?::jsonb || CASE door WHEN 'application' THEN '{}' ELSE jsonb_build_object('door', door) END, ?::timestamptz
  FROM closed`

/** The values of `RECORD`. */
export function recordValues(event: AuditEvent): unknown[] {
  const { facts, decision } = event.verdict ?? {}
  return [
    event.event,
    event.flowId,
    event.idpId ?? null,
    event.userId ?? null,
    facts ? modeOf(facts) : null,
    event.mode || null,
    facts ? JSON.stringify(facts) : null,
    decision ? JSON.stringify(decision) : null,
    event.failure ?? null,
    JSON.stringify(event.detail ?? {}),
    event.at,
  ]
}

/** Writes the record of a flow that this transaction closed. Throws when there is one already. */
export async function insertAuditEvent(db: Db, closed: ClosedFlow, event: AuditEvent): Promise<void> {
  await query(
    db,
    `WITH closed AS (SELECT * FROM jsonb_to_record(?::jsonb) AS closed ("applicationId" uuid, door text, "wasAsked" boolean, noted jsonb,
       "cameBack" integer, "problemCodes" text[], failure text)) ${RECORD}`,
    [JSON.stringify(closed), ...recordValues(event)],
  )
}

/** Makes a refusal of the record of somebody who was let in and then not led out. What they had come to stays beside it. */
export async function refuseRecord(db: Db, flowId: string, code: string): Promise<void> {
  await query(
    db,
    `UPDATE audit_events SET event = 'refused', detail = detail || jsonb_build_object('code', ?::text, 'late', event) WHERE flow_id = ?`,
    [code, flowId],
  )
}

function modeOf({ idp }: Facts): Mode {
  return idp.jitEnabled ? idp.scheme : 'NONE'
}

/** A record as it is read. Names are those of today, and absent where what they name is gone. */
export interface SignInRecord {
  /** Of the row: the cursor of `listRecords`. */
  id: string
  /** What people quote: 7f3a-91c2. */
  code: string
  createdAt: Date
  outcome: Outcome
  idp?: { id: string; name?: string; displayName?: string }
  application?: { id: string; name?: string }
  /** The door that the flow came in by, when it is not that of applications. */
  door?: 'flow-api' | 'my-account' | 'connecting'
  /** Absent without an idp. */
  mode?: Mode
  /** Absent when nothing was decided. */
  verdict?: Verdict
  /** Absent when nobody was asked. */
  asked?: Asked
  /** How often the form came back with problems, and with which codes, each once. */
  cameBack: number
  problemCodes: string[]
  /** The code of a refusal. */
  refusal?: string
  /** The code by which the idp failed or denied; it may have done its part after that, or another one. */
  failure?: string
  /** Of an expired flow. */
  stage?: Stage
  userId?: string
  /** Where the user was made. */
  store?: string
  /** Of somebody who was kept out, left or ran out of time after they had come to something, what that was. */
  late?: Outcome
  /** What somebody who is known answered to a change of purposes. */
  answer?: 'chosen' | 'later'
  /** Counts: what was kept, changed and granted. */
  counts: Record<string, number>
}

/** The code that somebody typed, as it is on pages: case, spaces and the dash do not matter. Undefined when it is none. */
export function codeIn(typed: string): string | undefined {
  const digits = typed.toLowerCase().replace(/[\s\p{Pd}]/gu, '')
  return /^[\da-f]{8}$/.test(digits) ? `${digits.slice(0, 4)}-${digits.slice(4)}` : undefined
}

/** The records that people mean by a code, newest first: nearly always one or none. */
export async function findRecords(db: Db, typed: string): Promise<SignInRecord[]> {
  const code = codeIn(typed)
  if (code === undefined) return []
  const sql = `${SELECT} WHERE e.code = ? ORDER BY e.created_at DESC, e.id DESC LIMIT 100`
  const rows = await query<Row>(db, sql, [code])
  return rows.map(recordFrom)
}

export interface RecordFilter {
  idpId?: string | undefined
  outcome?: Outcome | undefined
  /** The id of the last record of the page before. */
  before?: string | undefined
  limit: number
}

/** The newest records first, page by page. Empty behind the last one, and after a `before` that is no id of a record. */
export async function listRecords(db: Db, { idpId, outcome, before, limit }: RecordFilter): Promise<SignInRecord[]> {
  if (before !== undefined && !/^\d{1,18}$/.test(before)) return []
  const wanted: [condition: string, ...values: string[]][] = []
  if (idpId !== undefined) wanted.push(['e.idp_id = ?', idpId])
  if (outcome !== undefined) wanted.push(['e.event = ?', outcome])
  if (before !== undefined) {
    wanted.push(['(e.created_at, e.id) < ((SELECT created_at FROM audit_events WHERE id = ?), ?)', before, before])
  }
  const where = wanted.length > 0 ? `WHERE ${wanted.map(([condition]) => condition).join(' AND ')}` : ''
  const values = wanted.flatMap(([, ...given]) => given)
  const sql = `${SELECT} ${where} ORDER BY e.created_at DESC, e.id DESC LIMIT ?`
  return (await query<Row>(db, sql, [...values, limit])).map(recordFrom)
}

/** How often each outcome came up since then, by idp; a refusal by its code as well. Reads no record that is older. */
export function countOutcomes(
  db: Db,
  since: Date,
): Promise<{ idpId: string | null; outcome: Outcome; refusal: string | null; count: number }[]> {
  return query(
    db,
    `SELECT idp_id AS "idpId", event AS outcome, detail->>'code' AS refusal, count(*)::int AS count
     FROM audit_events WHERE created_at >= ? GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3`,
    [since],
  )
}

/** When somebody was last let in by each of these idps; those without a sign-in of the last 90 days are absent. */
export async function lastSignIns(db: Db, idpIds: readonly string[]): Promise<Map<string, Date>> {
  // Not `idp_id = wanted.id`: PostgreSQL would then as well go back through the records of all idps until it meets one of this one.
  const rows = await query<{ id: string; at: Date }>(
    db,
    `SELECT wanted.id, latest.created_at AS at FROM unnest(?::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
       SELECT created_at FROM audit_events
       WHERE idp_id BETWEEN wanted.id AND wanted.id AND event IN ('user-created', 'sign-in', 'sign-in-federated', 'connected')
       ORDER BY idp_id, created_at DESC, id DESC LIMIT 1) latest`,
    [idpIds],
  )
  return new Map(rows.map(({ id, at }) => [id, at]))
}

const SELECT = `SELECT e.id::text AS id, e.code, e.created_at, e.event, e.idp_id, idps.name AS idp_name,
    idps.display_name AS idp_display_name, e.application_id, applications.name AS application_name, e.mode, e.facts, e.decision,
    e.asked, e.came_back, e.problem_codes, e.failure, e.user_id, e.detail
  FROM audit_events e LEFT JOIN idps ON idps.id = e.idp_id LEFT JOIN applications ON applications.id = e.application_id`

interface Row {
  id: string
  code: string | null
  created_at: Date
  event: Outcome
  idp_id: string | null
  idp_name: string | null
  idp_display_name: string | null
  application_id: string | null
  application_name: string | null
  mode: Mode | null
  facts: Facts | null
  decision: Decision | null
  asked: Asked | null
  came_back: number
  problem_codes: string[]
  failure: string | null
  user_id: string | null
  detail: Record<string, string | number>
}

function recordFrom(row: Row): SignInRecord {
  const { code, door, stage, store, late, answer, scheme: _, ...rest } = row.detail
  const idp = row.idp_id && { id: row.idp_id, ...some({ name: row.idp_name, displayName: row.idp_display_name }) }
  const application = row.application_id && { id: row.application_id, ...some({ name: row.application_name }) }
  const verdict = row.facts && row.decision && { facts: row.facts, decision: row.decision }
  return {
    id: row.id,
    code: row.code ?? '',
    createdAt: row.created_at,
    outcome: row.event,
    cameBack: row.came_back,
    problemCodes: row.problem_codes,
    counts: Object.fromEntries(
      Object.entries(rest).filter((entry): entry is [string, number] => Number.isInteger(entry[1])),
    ),
    ...some({ idp, application, verdict, mode: row.mode, asked: row.asked, failure: row.failure, userId: row.user_id }),
    ...(some({ refusal: code, door, stage, store, late, answer }) as Pick<
      SignInRecord,
      'refusal' | 'door' | 'stage' | 'store' | 'late' | 'answer'
    >),
  }
}

type Some<T> = { [K in keyof T]?: Exclude<T[K], null | undefined | ''> }

/** Without what is not there. */
function some<T extends object>(fields: T): Some<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  ) as Some<T>
}
