// Erasing a user: every row that says something of them, wherever it is, in the transaction of whoever deletes or closes.
import { type Db, query } from './connect.ts'
import type { Person } from './identities.ts'
import { deleteGrantsOfUser, deleteRecordsOfUser } from './oidc-records.ts'

/** Keyed hashes under which there is something of a person that does not name their user. */
export interface Traces {
  /** Of the sign-ins of a person at an idp that are under way. */
  ofPerson(person: Person): Buffer
  /** Of failed sign-ins with a name. */
  ofName(username: string): Buffer
}

/** What goes with a user, in numbers. */
const DELETED = {
  identities: 'identities',
  attributes: 'user_attributes',
  roles: 'user_roles',
  factors: 'user_factors',
} as const

/**
 * What the OpenID Provider takes before it takes the user: it has to go before the user is held, or the two would wait for each other. What comes
 * meanwhile goes with `eraseUser`.
 */
export async function forgetAtApplications(transaction: Db, userId: string): Promise<void> {
  await deleteGrantsOfUser(transaction, userId)
  await deleteRecordsOfUser(transaction, userId)
}

/** Of sign-ins of the user that are under way. Whoever signs in holds the user before the flow, and so does whoever calls this. */
async function forgetOnTheWay(transaction: Db, userId: string, traces: Traces): Promise<void> {
  const people = await query<Person>(
    transaction,
    'SELECT idp_id AS "idpId", issuer, subject FROM identities WHERE user_id = ?',
    [userId],
  )
  const hashes = people.map((person) => traces.ofPerson(person))
  await query(
    transaction,
    `UPDATE flow_keys SET sealed = NULL WHERE sealed IS NOT NULL AND flow_id IN (SELECT id FROM flows
       WHERE person_hash = ANY (?::bytea[]) OR (closed_at IS NOT NULL AND ending->>'userId' = ?))`,
    [hashes, userId],
  )
  // Back to the choice of idps, as after one that was deleted: what it had sent is gone.
  await query(
    transaction,
    `UPDATE flows SET idp_id = NULL, state_hash = NULL, called_back_at = NULL, profile_sealed = NULL, person_hash = NULL
     WHERE person_hash = ANY (?::bytea[]) AND closed_at IS NULL`,
    [hashes],
  )
}

/** Deletes a user whom this transaction holds, with everything that says something of them. Returns how many rows of what there were. */
export async function eraseUser(
  transaction: Db,
  user: { id: string; username: string; canonical: string },
  traces: Traces,
): Promise<Record<string, number>> {
  await forgetAtApplications(transaction, user.id)
  await forgetOnTheWay(transaction, user.id, traces)
  // Nothing of theirs is left to be ended by a lock that is off. One that is on stays: it is about who they are elsewhere.
  await query(
    transaction,
    `DELETE FROM identity_locks l USING identities i WHERE i.user_id = ? AND l.unlocked_at IS NOT NULL
       AND l.idp_id = i.idp_id AND l.issuer = i.issuer AND l.subject = i.subject`,
    [user.id],
  )
  const counts: Record<string, number> = {}
  for (const [what, table] of Object.entries(DELETED)) {
    counts[what] = (await query(transaction, `DELETE FROM ${table} WHERE user_id = ? RETURNING 1`, [user.id])).length
  }
  // Whoever has that name in another store must not have more tries than others.
  await query(
    transaction,
    `DELETE FROM brakes WHERE key = ? AND NOT EXISTS
       (SELECT FROM user_stores s JOIN users u ON u.store = s.name AND u.username_canonical = ? WHERE u.id <> ?)`,
    [traces.ofName(user.username), user.canonical, user.id],
  )
  // Their sessions, events and letters go with the row.
  await query(transaction, 'DELETE FROM users WHERE id = ?', [user.id])
  return counts
}
