// A user who is made with who they are at an idp and all that is kept of them from then on: one statement, in which the constraints decide.
import { type AuditEvent, RECORD, recordValues } from './audit.ts'
import { codeOf } from './away.ts'
import { askAgain, type Db } from './connect.ts'
import {
  CLOSED,
  CLOSING,
  type ClosedFlow,
  closingValues,
  type Ending,
  type Made,
  NOTHING_KEPT,
  wipeKeysOf,
} from './flow-endings.ts'
import type { Person } from './identities.ts'
import type { Scheme } from './idps.ts'
import type { Shown } from './purpose-versions.ts'
import { Transaction } from './transaction.ts'
import type { StoredAttribute } from './user-attributes.ts'
import { hashed, type KeptName } from './users.ts'

export interface UserRows {
  id: string
  person: Person
  scheme: Scheme
  /** Of which attributes the idp sent something. */
  sent: string[]
  name: KeptName & { username: string }
  passwordHash: string | null
  attributes: StoredAttribute[]
  roles: string[]
  /** The purposes that they were shown. */
  shown: Shown[]
}

/** What becomes of the flow: it ends, with its record, or goes on with the user noted in it. */
export type FlowNext = { ending: Ending; record: AuditEvent } | { made: Made }

export type MadeOutcome =
  /** `ending` where the flow ended. */
  | { kind: 'made'; ending?: Ending }
  /**
   * Another transaction made this person a user first (which is waited for, if it has not ended), they are locked, or the idp is off or gone.
   */
  | { kind: 'already-there' }
  /** The name is, or looks like one that is. */
  | { kind: 'username-taken' }
  /** The flow is over, or has made a user; without a transaction also where keys may have been given out to what was kept in it. */
  | { kind: 'already-closed' }

/**
 * Makes a user in an open flow. Each part hangs on the one before: the flow is held, then the idp (migrations: ending at once), so that whoever
 * begins to delete it or locks somebody there waits for this, or has been waited for; then the person, then the name. The person before the name: of
 * two racing sign-ins of one person the loser must find its user, not a taken name. DO NOTHING, because a raised violation would print the name in
 * PostgreSQL's log; for any constraint of users, because two decide: the name and its look. A person without a user is what the reference from
 * identities to users does not let in: by itself the statement fails at its end and has done nothing; in a transaction the caller undoes it, as
 * anything else that is not `made`.
 */
export async function makeUser(
  db: Db,
  { flowId, now, user, next }: { flowId: string; now: Date; user: UserRows; next: FlowNext },
): Promise<MadeOutcome> {
  const isAlone = !(db instanceof Transaction)
  const isEnding = 'ending' in next
  try {
    const [row] = await askAgain<Answer>(db, isEnding ? (isAlone ? ENDING_ALONE : ENDING) : GOING_ON, [
      flowId,
      now,
      ...userValues(user),
      ...(isEnding ? closingValues(next.ending, now) : [JSON.stringify(next.made)]),
      flowId,
      ...(isEnding ? recordValues(next.record) : []),
    ])
    if (!row?.isOpen) return { kind: 'already-closed' }
    if (!row.isFirst) return { kind: 'already-there' }
    if (!row.isMade) return { kind: 'username-taken' }
    if (!row.closed) return { kind: 'made' }
    if (!isAlone) await wipeKeysOf(db, flowId, row.closed)
    return { kind: 'made', ending: row.closed.ending }
  } catch (error) {
    if (isAlone && isUserMissing(error)) return { kind: 'username-taken' }
    throw error
  }
}

interface Answer {
  isOpen: boolean
  isFirst: boolean
  isMade: boolean
  closed?: ClosedFlow
}

const OPEN = 'WHERE id = ? AND closed_at IS NULL AND expires_at > ?'
const ENDS = `closed AS (UPDATE flows SET ${CLOSING} FROM new_user WHERE flows.id = ? RETURNING ${CLOSED}),
  recorded AS (${RECORD})`
const SAID = `EXISTS (SELECT FROM flow) AS "isOpen", EXISTS (SELECT FROM identity) AS "isFirst", EXISTS (SELECT FROM new_user) AS "isMade"`

const ENDING = `WITH ${userIn(OPEN)}, ${ENDS} SELECT ${SAID}, (SELECT to_jsonb(closed) FROM closed) AS closed`
const ENDING_ALONE = `WITH ${userIn(`${OPEN} AND ${NOTHING_KEPT}`)}, ${ENDS} SELECT ${SAID}, (SELECT to_jsonb(closed) FROM closed) AS closed`
const GOING_ON = `WITH ${userIn(`${OPEN} AND made IS NULL`)},
  noted AS (UPDATE flows SET made = ?::jsonb FROM new_user WHERE flows.id = ?) SELECT ${SAID}`

/** SQL: the user in the flow that this finds; the values are flow, time, and `userValues`. */
function userIn(open: string): string {
  return `flow AS MATERIALIZED (SELECT id FROM flows ${open} FOR NO KEY UPDATE),
    held AS MATERIALIZED (SELECT hold_newcomer(?, ?, ?) AS may_come FROM flow),
    identity AS (
      INSERT INTO identities (idp_id, issuer, subject, user_id, scheme, sent)
      SELECT ?::uuid, ?, ?, ?::uuid, ?, ?::text[] FROM held WHERE may_come
      ON CONFLICT ON CONSTRAINT identities_pkey DO NOTHING RETURNING idp_id, user_id),
    new_user AS (
      INSERT INTO users (id, store, username, username_canonical, username_look, password_hash)
      SELECT user_id, ?, ?, ?, ${hashed('?')}, ? FROM identity ON CONFLICT DO NOTHING RETURNING id AS made_id),
    kept AS (
      INSERT INTO user_attributes (user_id, name, value, verified, origin, origin_idp_id)
      SELECT made_id, name, value, verified, origin, "originIdpId"
      FROM new_user, jsonb_to_recordset(?::jsonb) AS a (name text, value jsonb, verified boolean, origin text, "originIdpId" uuid)),
    granted AS (
      INSERT INTO user_roles (user_id, role, origin, origin_idp_id)
      SELECT made_id, role, 'idp', idp_id FROM new_user JOIN identity ON user_id = made_id CROSS JOIN unnest(?::text[]) AS r (role)),
    seen AS (
      INSERT INTO answered_versions (user_id, purpose_id, version, was_due)
      SELECT made_id, "purposeId", version, "wasDue"
      FROM new_user, jsonb_to_recordset(?::jsonb) AS s ("purposeId" text, version integer, "wasDue" boolean))`
}

function userValues({ id, person, name, ...user }: UserRows): unknown[] {
  const { idpId, issuer, subject } = person
  return [
    ...[idpId, issuer, subject],
    ...[idpId, issuer, subject, id, user.scheme, [...user.sent].sort()],
    ...[name.store, name.username, name.canonical, name.look, user.passwordHash],
    JSON.stringify(user.attributes),
    [...new Set(user.roles)],
    JSON.stringify(user.shown),
  ]
}

/** What is raised of a person without a user, and what PostgreSQL's log has of it, names nothing but the id of the user. */
function isUserMissing(error: unknown): boolean {
  return codeOf(error) === '23503' && (error as { constraint?: string }).constraint === 'identities_user_id_fkey'
}
