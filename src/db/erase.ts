// Erasing users: every row that says something of them, wherever it is, in the transaction of whoever deletes or closes. Any number costs the same few statements.
import { type Db, query, queryOne } from './connect.ts'
import type { Person } from './identities.ts'
import { deleteGrantsOfUsers, deleteRecordsOfUsers } from './oidc-records.ts'
import { beginAgain } from './outlived-flows.ts'

/** Keyed hashes under which there is something of a person that does not name their user. */
export interface Traces {
  /** Of the sign-ins of a person at an idp that are under way. */
  ofPerson(person: Person): Buffer
  /** Of failed sign-ins with a name. */
  ofName(username: string): Buffer
}

/** What goes with users, in numbers. */
const DELETED = {
  identities: 'identities',
  attributes: 'user_attributes',
  roles: 'user_roles',
  factors: 'user_factors',
} as const

export type ErasedCounts = Record<keyof typeof DELETED, number>

/** A user as erasing needs them. */
export interface Erasable {
  id: string
  username: string
  canonical: string
}

/**
 * What the OpenID Provider takes before it takes the user: it has to go before the user is held, or the two would wait for each other. What comes
 * meanwhile goes with `eraseUsers`.
 */
export async function forgetAtApplications(transaction: Db, userIds: readonly string[]): Promise<void> {
  await deleteGrantsOfUsers(transaction, userIds)
  await deleteRecordsOfUsers(transaction, userIds)
}

/** Of sign-ins of the users that are under way. Whoever signs in holds the user before the flow, and so does whoever calls this. */
async function forgetOnTheWay(transaction: Db, userIds: readonly string[], traces: Traces, now: Date): Promise<void> {
  const people = await query<Person>(
    transaction,
    'SELECT idp_id AS "idpId", issuer, subject FROM identities WHERE user_id = ANY (?::uuid[])',
    [userIds],
  )
  const hashes = people.map((person) => traces.ofPerson(person))
  await query(
    transaction,
    `UPDATE flow_keys SET sealed = NULL WHERE sealed IS NOT NULL AND flow_id IN (SELECT id FROM flows
       WHERE person_hash = ANY (?::bytea[]) OR (closed_at IS NOT NULL AND ending->>'userId' = ANY (?::text[])))`,
    [hashes, userIds],
  )
  await beginAgain(transaction, 'person_hash = ANY (?::bytea[])', hashes, now)
}

/** Deletes users whom this transaction holds, with everything that says something of them. Returns how many rows of what there were. */
export async function eraseUsers(
  transaction: Db,
  users: readonly Erasable[],
  traces: Traces,
  now: Date,
): Promise<ErasedCounts> {
  const ids = users.map(({ id }) => id)
  await forgetAtApplications(transaction, ids)
  await forgetOnTheWay(transaction, ids, traces, now)
  // Nothing of theirs is left to be ended by a lock that is off. One that is on stays: it is about who they are elsewhere.
  await query(
    transaction,
    `DELETE FROM identity_locks l USING identities i WHERE i.user_id = ANY (?::uuid[]) AND l.unlocked_at IS NOT NULL
       AND l.idp_id = i.idp_id AND l.issuer = i.issuer AND l.subject = i.subject`,
    [ids],
  )
  const counts = {} as ErasedCounts
  for (const [what, table] of Object.entries(DELETED) as [keyof ErasedCounts, string][]) {
    const row = await queryOne<{ count: number }>(
      transaction,
      `WITH gone AS (DELETE FROM ${table} WHERE user_id = ANY (?::uuid[]) RETURNING 1) SELECT count(*)::int AS count FROM gone`,
      [ids],
    )
    counts[what] = row?.count ?? 0
  }
  // Whoever has one of these names in another store must not have more tries than others.
  await query(
    transaction,
    `DELETE FROM brakes WHERE key IN (SELECT gone.key FROM unnest(?::bytea[], ?::text[]) AS gone (key, canonical) WHERE NOT EXISTS
       (SELECT FROM user_stores s JOIN users u ON u.store = s.name AND u.username_canonical = gone.canonical WHERE u.id <> ALL (?::uuid[])))`,
    [users.map(({ username }) => traces.ofName(username)), users.map(({ canonical }) => canonical), ids],
  )
  // Their sessions, events and letters go with the row.
  await query(transaction, 'DELETE FROM users WHERE id = ANY (?::uuid[])', [ids])
  return counts
}
