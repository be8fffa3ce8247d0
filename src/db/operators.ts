// Rows of operators: users who may enter the console. There is always an owner who can.
import { type Actor, COMMAND_LINE, insertChange } from './changes.ts'
import { type Db, inTransaction, query, queryOne } from './connect.ts'
import { insertUser, type KeptName } from './users.ts'

export const ROLES = ['owner', 'privacy', 'support'] as const
export type Role = (typeof ROLES)[number]

export interface Operator {
  userId: string
  username: string
  store: string
  role: Role
  isLocked: boolean
  /** When all of their sessions were ended last, the console's among them. */
  signedOutAt: Date | null
  hasTotp: boolean
}

const COLUMNS = `user_id AS "userId", username, store, role, is_locked AS "isLocked", signed_out_at AS "signedOutAt",
  EXISTS (SELECT FROM user_factors f WHERE f.user_id = operators.user_id AND kind = 'totp' AND confirmed_at IS NOT NULL) AS "hasTotp"`

export function findOperator(db: Db, userId: string): Promise<Operator | undefined> {
  return queryOne<Operator>(db, `SELECT ${COLUMNS} FROM operators JOIN users ON users.id = user_id WHERE user_id = ?`, [
    userId,
  ])
}

/** All of them: there are few. */
export function listOperators(db: Db): Promise<Operator[]> {
  return query<Operator>(
    db,
    `SELECT ${COLUMNS} FROM operators JOIN users ON users.id = user_id ORDER BY username_canonical, user_id`,
  )
}

export type NewOwner = KeptName & { id: string; username: string; passwordHash: string }

/**
 * Makes the first owner and ends the first run, for ever. Of any number at once exactly one gets `made`; whoever has the name of a user who
 * is there gets `taken`, and nothing has happened. `from` is what the history tells of where they were.
 */
export function makeFirstOwner(
  db: Db,
  owner: NewOwner,
  now: Date,
  from: Pick<Actor, 'address' | 'requestId'> = {},
): Promise<'made' | 'too-late' | 'taken'> {
  return inTransaction(db, async (transaction) => {
    const row = await queryOne<{ setup_completed_at: Date | null }>(
      transaction,
      'SELECT setup_completed_at FROM installation FOR UPDATE',
    )
    if (row?.setup_completed_at) return 'too-late'
    if (!(await insertUser(transaction, owner))) return 'taken'
    await query(transaction, `INSERT INTO operators (user_id, role) VALUES (?, 'owner')`, [owner.id])
    await query(transaction, 'UPDATE installation SET setup_completed_at = ?', [now])
    await tell(transaction, { ...from, id: owner.id, name: owner.username }, owner.id, undefined, 'owner')
    return 'made'
  })
}

/** Makes an owner who gets in when nobody else does: the recovery. It ends the first run too. False when the name is taken. */
export function makeOwner(db: Db, owner: NewOwner, now: Date): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    if (!(await insertUser(transaction, owner))) return false
    await query(transaction, `INSERT INTO operators (user_id, role) VALUES (?, 'owner')`, [owner.id])
    await query(transaction, 'UPDATE installation SET setup_completed_at = coalesce(setup_completed_at, ?)', [now])
    await tell(transaction, COMMAND_LINE, owner.id, undefined, 'owner')
    return true
  })
}

export async function isSetUp(db: Db): Promise<boolean> {
  const row = await queryOne(db, 'SELECT 1 FROM installation WHERE setup_completed_at IS NOT NULL')
  return row !== undefined
}

/** Whatever could leave no owner takes this lock first, until its transaction ends, so that two of them cannot each spare the other's. */
export async function lockOwners(transaction: Db): Promise<void> {
  await query(transaction, 'SELECT pg_advisory_xact_lock(7135203)')
}

/** Keeps all operators as they are, until the transaction ends; any number may do so at once. */
export async function holdOperators(transaction: Db): Promise<void> {
  await query(transaction, 'SELECT pg_advisory_xact_lock_shared(7135203)')
}

/** SQL: an owner who can get in, other than this user. */
export const ANOTHER_OWNER = `EXISTS (SELECT FROM operators o JOIN users u ON u.id = o.user_id
  WHERE o.role = 'owner' AND o.user_id <> ? AND NOT u.is_locked AND u.password_hash IS NOT NULL)`

/** Gives a user a role in the console, or another one. False when that would leave no owner, and when there is no such user any more. */
export function putOperator(db: Db, userId: string, role: Role, actor: Actor): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    await lockOwners(transaction)
    const was = await findOperator(transaction, userId)
    if (was?.role === role) return true
    const row = await queryOne(
      transaction,
      `INSERT INTO operators (user_id, role) SELECT id, ? FROM users WHERE id = ? AND (? = 'owner' OR ${ANOTHER_OWNER})
       ON CONFLICT (user_id) DO UPDATE SET role = excluded.role RETURNING 1`,
      [role, userId, role, userId],
    )
    if (!row) return false
    await tell(transaction, actor, userId, was?.role, role)
    return true
  })
}

/** Takes a user's role in the console away, and their sessions there. False when that would leave no owner. */
export function removeOperator(db: Db, userId: string, actor: Actor): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    await lockOwners(transaction)
    const was = await findOperator(transaction, userId)
    const row = await queryOne(
      transaction,
      `DELETE FROM operators WHERE user_id = ? AND ${ANOTHER_OWNER} RETURNING 1`,
      [userId, userId],
    )
    if (!row) return false
    await query(transaction, 'DELETE FROM console_sessions WHERE user_id = ?', [userId])
    await tell(transaction, actor, userId, was?.role, undefined)
    return true
  })
}

/** Names no person but by the id of their user. */
function tell(db: Db, actor: Actor, userId: string, before: Role | undefined, after: Role | undefined): Promise<void> {
  return insertChange(db, actor, {
    action: before === undefined ? 'created' : after === undefined ? 'deleted' : 'changed',
    kind: 'operator',
    object: userId,
    ...(before === undefined ? {} : { before: { role: before } }),
    ...(after === undefined ? {} : { after: { role: after } }),
  })
}
