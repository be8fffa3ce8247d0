// Deleting an idp with its users: marked once, in batches that any number of processes share, and at last the row. Law: who can get in another way stays.
import type { Actor } from './changes.ts'
import { type Db, inTransaction, query, queryOne } from './connect.ts'
import { closeConsents } from './consents.ts'
import { type Erasable, eraseUsers, type Traces } from './erase.ts'
import { endRecord, recordsOfUsers } from './oidc-records.ts'
import { holdOperators } from './operators.ts'
import { letGoOfValues } from './removal.ts'
import { removeSessionsBegunBy } from './sessions.ts'

/** What a deletion means for whom. */
export interface Loss {
  /** Everybody who has this way in. */
  people: number
  /** Of these, those who have no other: they go. */
  erased: number
  /** All others stay, without it. */
  kept: number
  /** Of those who stay, the operators who have no other way in: none of them is ever erased. */
  stranded: number
  /** Consent records of those who go, which stay as proof; one for each that says that they went comes to them. */
  records: number
  /** Nobody could enter the console as an owner any more: it must not begin. */
  losesLastOwner: boolean
}

/** What was done so far, in rows; `erased` and `kept` are people. */
export interface Done {
  erased: number
  kept: number
  identities: number
  attributes: number
  roles: number
  factors: number
  sessions: number
}

/** What the row of an idp says once its deletion has begun: for ever. */
export interface Deletion {
  /** ISO 8601. */
  begunAt: string
  actor: Actor
  /** Counted when it began, and nobody has come since. */
  counted: Omit<Loss, 'losesLastOwner'>
  done: Done
}

const NOTHING_DONE: Done = { erased: 0, kept: 0, identities: 0, attributes: 0, roles: 0, factors: 0, sessions: 0 }

/** SQL of a row of users: they can get in by something else than this idp, whether or not that is on. */
const HAS_OTHER_WAY = `(password_hash IS NOT NULL OR EXISTS
  (SELECT FROM identities other WHERE other.user_id = users.id AND other.idp_id <> ?))`
const IS_OPERATOR = 'EXISTS (SELECT FROM operators WHERE operators.user_id = users.id)'
/** SQL: an owner gets into the console by a password alone. */
const SOME_OWNER = `EXISTS (SELECT FROM operators JOIN users ON users.id = user_id
  WHERE role = 'owner' AND NOT is_locked AND password_hash IS NOT NULL)`

/** What deleting an idp would take away now. Looks at each of its people: for a page, not for a list. */
export async function lossOf(db: Db, idpId: string): Promise<Loss> {
  const row = await queryOne<Loss>(
    db,
    `WITH theirs AS MATERIALIZED (SELECT id, ${HAS_OTHER_WAY} AS has_other, ${IS_OPERATOR} AS is_operator FROM users
       WHERE id IN (SELECT user_id FROM identities WHERE idp_id = ?))
     SELECT count(*)::int AS people,
       count(*) FILTER (WHERE NOT has_other AND NOT is_operator)::int AS erased,
       count(*) FILTER (WHERE has_other OR is_operator)::int AS kept,
       count(*) FILTER (WHERE NOT has_other AND is_operator)::int AS stranded,
       (SELECT count(*)::int FROM consents WHERE user_id IN
         (SELECT id FROM theirs WHERE NOT has_other AND NOT is_operator)) AS records,
       NOT ${SOME_OWNER} AND EXISTS (SELECT FROM theirs JOIN operators ON user_id = id
         WHERE role = 'owner' AND NOT has_other) AS "losesLastOwner"
     FROM theirs`,
    [idpId, idpId],
  )
  if (!row) throw new Error('Nothing was counted.')
  return row
}

/** Marks an idp that is off, for ever. */
export async function markLeaving(db: Db, idpId: string, begun: Pick<Deletion, 'actor' | 'counted'>): Promise<void> {
  await query(
    db,
    `UPDATE idps SET deletion = ?::jsonb || jsonb_build_object('begunAt', now()), version = version + 1
     WHERE id = ? AND NOT is_enabled AND deletion IS NULL`,
    [JSON.stringify({ ...begun, done: NOTHING_DONE }), idpId],
  )
}

/** An idp that is being deleted. */
export interface LeavingIdp {
  id: string
  name: string
  displayName: string
  deletion: Deletion
}

const LEAVING = 'SELECT id, name, display_name AS "displayName", deletion FROM idps WHERE deletion IS NOT NULL'

/** All that are being deleted, those that began first before the others. */
export function listLeavingIdps(db: Db): Promise<LeavingIdp[]> {
  return query<LeavingIdp>(db, `${LEAVING} ORDER BY deletion->>'begunAt', name`)
}

export function findLeavingIdp(db: Db, name: string): Promise<LeavingIdp | undefined> {
  return queryOne<LeavingIdp>(db, `${LEAVING} AND name = ?`, [name])
}

/** Whether anybody still comes from an idp. */
export async function hasPeople(db: Db, idpId: string): Promise<boolean> {
  return (await queryOne(db, 'SELECT 1 FROM identities WHERE idp_id = ? LIMIT 1', [idpId])) !== undefined
}

/** Something that is kept at our OpenID Provider for a user, sealed. */
export type KeptRecord = Awaited<ReturnType<typeof recordsOfUsers>>[number]

/** Of these records those that began by the idp, with the grants that they stand for. */
export type BegunBy = (
  records: KeptRecord[],
  idpId: string,
) => { userId: string; model: string; idHash: Buffer; grantIdHashes: Buffer[] }[]

export interface Batch {
  /** People of whom nothing is left. */
  erased: number
  /** People who stay, without this way in. */
  kept: number
  /** The last one who was looked at: the next batch begins behind them. Undefined: there was nobody. */
  last: string | undefined
}

/**
 * Takes the next `size` people behind `after` (by their user's id) and deletes or disconnects those whom nobody else holds: one short transaction,
 * whose counts are added to the idp's in it. An idp that is not being deleted has none. Throws `DatabaseAway`.
 */
export function deleteBatch(
  db: Db,
  { idpId, after, size }: { idpId: string; after: string | undefined; size: number },
  { traces, begunBy, now }: { traces: Traces; begunBy: BegunBy; now: Date },
): Promise<Batch> {
  return inTransaction(db, async (transaction) => {
    // Before anybody is held: whoever changes operators holds them first, too.
    await holdOperators(transaction)
    const next = await query<{ id: string }>(
      transaction,
      `SELECT DISTINCT user_id AS id FROM identities WHERE idp_id = (SELECT id FROM idps WHERE id = ? AND deletion IS NOT NULL)
         AND user_id > ?::uuid ORDER BY user_id LIMIT ?`,
      [idpId, after ?? '00000000-0000-0000-0000-000000000000', size],
    )
    const last = next.at(-1)?.id
    // Whoever signs in at this moment, or is another process's to delete, is left for the next round. Not held from all who only name them:
    // the OpenID Provider does while it holds what is to be deleted here.
    const held = await query<{ id: string }>(
      transaction,
      'SELECT id FROM users WHERE id = ANY (?::uuid[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED',
      [next.map(({ id }) => id)],
    )
    // In a statement of its own, which sees what whoever held them before has done.
    const people = await query<Erasable & { goes: boolean }>(
      transaction,
      `SELECT id, username, username_canonical AS canonical, NOT ${HAS_OTHER_WAY} AND NOT ${IS_OPERATOR} AS goes FROM users
       WHERE id = ANY (?::uuid[]) AND EXISTS (SELECT FROM identities WHERE user_id = users.id AND idp_id = ?)`,
      [idpId, held.map(({ id }) => id), idpId],
    )
    if (people.length === 0) return { erased: 0, kept: 0, last }
    const [going, staying] = [people.filter(({ goes }) => goes), people.filter(({ goes }) => !goes)]
    const erased = await eraseUsers(transaction, going, traces, now)
    await closeConsents(
      transaction,
      going.map(({ id }) => id),
      'operator',
      now,
    )
    const kept = await disconnect(
      transaction,
      idpId,
      staying.map(({ id }) => id),
      begunBy,
    )
    const counts = { erased: going.length, kept: staying.length }
    await addDone(transaction, idpId, {
      ...erased,
      ...counts,
      identities: erased.identities + kept.identities,
      roles: erased.roles + kept.roles,
      sessions: kept.sessions,
    })
    return { ...counts, last }
  })
}

/** Takes the way in from people who have another one, with the sessions that began by it. What the idp said of them is the operator's. */
async function disconnect(
  db: Db,
  idpId: string,
  userIds: string[],
  begunBy: BegunBy,
): Promise<{ identities: number; roles: number; sessions: number }> {
  if (userIds.length === 0) return { identities: 0, roles: 0, sessions: 0 }
  const ended = begunBy(await recordsOfUsers(db, userIds), idpId)
  for (const { userId, ...record } of ended) await endRecord(db, userId, record)
  const sessions = ended.length + (await removeSessionsBegunBy(db, userIds, idpId))
  const identities = await query(
    db,
    'DELETE FROM identities WHERE idp_id = ? AND user_id = ANY (?::uuid[]) RETURNING 1',
    [idpId, userIds],
  )
  const roles = await letGoOfValues(db, idpId, userIds)
  return { identities: identities.length, roles, sessions }
}

/** Last in its transaction: processes that share a deletion wait for one another here, and nowhere else. */
async function addDone(db: Db, idpId: string, more: Done): Promise<void> {
  await query(
    db,
    `UPDATE idps SET deletion = jsonb_set(deletion, '{done}', (SELECT jsonb_object_agg(key, value::int + (deletion->'done'->>key)::int)
       FROM jsonb_each_text(?::jsonb)))
     WHERE id = ?`,
    [JSON.stringify(more), idpId],
  )
}

/** Whether a row could not go because something that was written at the same time still names it. */
export function isStillNamed(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '23503'
}
