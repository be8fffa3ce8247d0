// Rows of identity_locks: people as an idp knows them who are locked, whether or not they have a user here. PostgreSQL is asked at every step.
import { type Actor, insertChange } from './changes.ts'
import { type Db, inTransaction, query, queryOne } from './connect.ts'
import type { Person } from './identities.ts'
import { holdIdp } from './idps.ts'
import { expireFlowsOf } from './outlived-flows.ts'
import { lockUser } from './users.ts'

/** A person to lock, with what applications call them while they are no user (fed.…): the history knows them by that and by nothing else. */
export interface LockedPerson extends Person {
  federatedSubject: string
}

/** Whether a lock `l` of somebody ended what began at `?`: SQL. */
export const IS_OVER = 'is_ended(?, l.locked_at, l.unlocked_at)'

/** Whether the person of `i` is locked now: SQL. */
export const IS_LOCKED = `EXISTS (SELECT FROM identity_locks l
  WHERE l.idp_id = i.idp_id AND l.issuer = i.issuer AND l.subject = i.subject AND l.unlocked_at IS NULL)`

/** Whether somebody may not come in by who they are there. */
export async function isPersonLocked(db: Db, { idpId, issuer, subject }: Person): Promise<boolean> {
  const sql = `SELECT 1 FROM identity_locks WHERE idp_id = ? AND issuer = ? AND subject = ? AND unlocked_at IS NULL`
  return (await queryOne(db, sql, [idpId, issuer, subject])) !== undefined
}

/** Whether what somebody without a user began at that moment is over: they are locked, or were since. */
export async function isSubjectOver(db: Db, federatedSubject: string, begunAt: Date): Promise<boolean> {
  const sql = `SELECT 1 FROM identity_locks l WHERE federated_subject = ? AND (unlocked_at IS NULL OR ${IS_OVER})`
  return (await queryOne(db, sql, [federatedSubject, begunAt])) !== undefined
}

/**
 * Locks a person out, which also ends for good what they began; of somebody who is locked already nothing is told. `now` is asked once their user
 * is held: a sign-in of theirs that is under way has ended by then, or finds the lock.
 */
export function lockPerson(db: Db, person: LockedPerson, actor: Actor, now: () => Date): Promise<void> {
  return inTransaction(db, async (transaction) => {
    const { idpId, issuer, subject, federatedSubject } = person
    const known = await userOf(transaction, person)
    if (known !== undefined) await lockUser(transaction, known)
    // Whoever is becoming a user at this moment is one by now, or finds the lock.
    await holdIdp(transaction, idpId, 'alone')
    const userId = await userOf(transaction, person)
    if (userId !== undefined && userId !== known) await lockUser(transaction, userId)
    const isNew = await queryOne(
      transaction,
      `INSERT INTO identity_locks (idp_id, issuer, subject, federated_subject, locked_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT ON CONSTRAINT identity_locks_pkey DO UPDATE SET locked_at = excluded.locked_at, unlocked_at = NULL
       WHERE identity_locks.unlocked_at IS NOT NULL RETURNING 1`,
      [idpId, issuer, subject, federatedSubject, now()],
    )
    if (!isNew) return
    if (userId !== undefined)
      await query(transaction, `DELETE FROM account_sessions WHERE user_id = ? AND data->>'idpId' = ?`, [userId, idpId])
    await tell(transaction, actor, { person, userId }, true)
  })
}

/**
 * Lets a person come in again. What the lock ended stays ended, and so does a sign-in of before that waits at a question; `personHash` finds it.
 */
export function unlockPerson(
  db: Db,
  person: LockedPerson & { personHash: Buffer },
  actor: Actor,
  now: () => Date,
): Promise<void> {
  return inTransaction(db, async (transaction) => {
    const at = now()
    const row = await queryOne(
      transaction,
      `UPDATE identity_locks SET unlocked_at = ? WHERE idp_id = ? AND issuer = ? AND subject = ? AND unlocked_at IS NULL RETURNING 1`,
      [at, person.idpId, person.issuer, person.subject],
    )
    if (!row) return
    await expireFlowsOf(transaction, person.personHash, at)
    await tell(transaction, actor, { person, userId: await userOf(transaction, person) }, false)
  })
}

async function userOf(db: Db, { idpId, issuer, subject }: Person): Promise<string | undefined> {
  const sql = 'SELECT user_id AS id FROM identities WHERE idp_id = ? AND issuer = ? AND subject = ?'
  return (await queryOne<{ id: string }>(db, sql, [idpId, issuer, subject]))?.id
}

/** The subject may be an address or a name, which the history keeps of nobody. */
async function tell(
  db: Db,
  actor: Actor,
  { person, userId }: { person: LockedPerson; userId: string | undefined },
  isLocked: boolean,
): Promise<void> {
  const { idpId, federatedSubject } = person
  const idp = await queryOne<{ name: string }>(db, 'SELECT name FROM idps WHERE id = ?', [idpId])
  await insertChange(db, actor, {
    action: isLocked ? 'locked' : 'unlocked',
    kind: 'identity',
    object: federatedSubject,
    before: { isLocked: !isLocked },
    after: { isLocked, idp: idp?.name, ...(userId === undefined ? {} : { user: userId }) },
  })
}

export interface IdentityLock extends LockedPerson {
  /** What people call the idp. */
  idp: string
  lockedAt: Date
  /** The user that the person is here, if they are one, and their role in the console. */
  userId: string | null
  username: string | null
  operatorRole: string | null
}

const LOCKS = `SELECT l.idp_id AS "idpId", l.issuer, l.subject, federated_subject AS "federatedSubject", locked_at AS "lockedAt",
    display_name AS idp, users.id AS "userId", username, role AS "operatorRole"
  FROM identity_locks l JOIN idps ON idps.id = l.idp_id
    LEFT JOIN identities i ON i.idp_id = l.idp_id AND i.issuer = l.issuer AND i.subject = l.subject
    LEFT JOIN users ON users.id = i.user_id LEFT JOIN operators ON operators.user_id = users.id
  WHERE unlocked_at IS NULL`

/** Who is locked now, the last one first; behind the one called `after`, if it is given. */
export function listLocks(db: Db, { after, limit }: { after?: string; limit: number }): Promise<IdentityLock[]> {
  const behind =
    after === undefined
      ? ''
      : 'AND (locked_at, federated_subject) < (SELECT locked_at, federated_subject FROM identity_locks WHERE federated_subject = ?)'
  const values = after === undefined ? [limit] : [after, limit]
  return query(db, `${LOCKS} ${behind} ORDER BY locked_at DESC, federated_subject DESC LIMIT ?`, values)
}

export function findLock(db: Db, federatedSubject: string): Promise<IdentityLock | undefined> {
  return queryOne<IdentityLock>(db, `${LOCKS} AND federated_subject = ?`, [federatedSubject])
}

/** Under which issuers of an idp the subject is known here, each with the role that its user has in the console. */
export function listKnown(
  db: Db,
  idpId: string,
  subject: string,
): Promise<{ issuer: string; operatorRole: string | null }[]> {
  return query(
    db,
    `SELECT issuer, role AS "operatorRole" FROM identities LEFT JOIN operators USING (user_id) WHERE idp_id = ? AND subject = ?`,
    [idpId, subject],
  )
}
