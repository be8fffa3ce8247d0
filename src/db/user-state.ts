// What operators do with a user, with a line in the history, and how people close their account: each in one transaction.
import { type Actor, insertChange } from './changes.ts'
import { type Db, inTransaction, query, queryOne } from './connect.ts'
import { closeConsents } from './consents.ts'
import { eraseUsers, forgetAtApplications, type Traces } from './erase.ts'
import { type MailHouse, queueMail } from './mails.ts'
import { deleteRecordsOfUsers } from './oidc-records.ts'
import { ANOTHER_OWNER, lockOwners } from './operators.ts'
import { isSessionOpen, removeSessionsOf } from './sessions.ts'
import { listFactors, resetFactors } from './user-factors.ts'
import { findUser, lockUser } from './users.ts'

/** `missing`: there is no such user. `last-owner`: nobody could enter the console as an owner any more. */
export type Done = 'done' | 'missing' | 'last-owner'

/** Locks a user out, which also ends their sessions for good, or lets them sign in again. Of what is so already nothing is told. */
export function setLocked(db: Db, userId: string, isLocked: boolean, actor: Actor, now: Date): Promise<Done> {
  return inTransaction(db, async (transaction) => {
    await lockOwners(transaction)
    const user = (await lockUser(transaction, userId)) ? await findUser(transaction, userId) : undefined
    if (!user) return 'missing'
    if (user.isLocked === isLocked) return 'done'
    const row = await queryOne(
      transaction,
      `UPDATE users SET is_locked = ? WHERE id = ? AND
         (NOT ? OR NOT EXISTS (SELECT FROM operators WHERE user_id = users.id AND role = 'owner') OR ${ANOTHER_OWNER})
       RETURNING 1`,
      [isLocked, userId, isLocked, userId],
    )
    if (!row) return 'last-owner'
    if (isLocked) await endSessions(transaction, userId, now)
    await insertChange(transaction, actor, {
      action: isLocked ? 'locked' : 'unlocked',
      kind: 'user',
      object: userId,
      before: { isLocked: user.isLocked },
      after: { isLocked },
    })
    return 'done'
  })
}

/** Ends every session of a user, ours, the OpenID Provider's and the applications' refresh tokens. */
export function signOutEverywhere(db: Db, userId: string, actor: Actor, now: Date): Promise<Done> {
  return inTransaction(db, async (transaction) => {
    if (!(await lockUser(transaction, userId))) return 'missing'
    await endSessions(transaction, userId, now)
    await insertChange(transaction, actor, { action: 'signed out', kind: 'user', object: userId })
    return 'done'
  })
}

/**
 * Takes every second factor of a user away, what was begun included, and ends every session of theirs: for whoever has lost theirs. They are told by
 * letter. Of a user who has none nothing is told.
 */
export function resetSecondFactors(
  house: MailHouse,
  userId: string,
  actor: Actor,
): Promise<Exclude<Done, 'last-owner'>> {
  return inTransaction(house.db, async (transaction) => {
    if (!(await lockUser(transaction, userId))) return 'missing'
    const factors = await listFactors(transaction, userId)
    if (factors.length === 0) return 'done'
    await resetFactors(transaction, userId)
    await endSessions(transaction, userId, house.now())
    const kinds = factors.filter(({ since }) => since !== null).map(({ kind }) => kind)
    if (kinds.length > 0) {
      const language = await lastLanguageOf(transaction, userId)
      await queueMail(transaction, house, { userId, kind: 'factors-reset', language })
    }
    await insertChange(transaction, actor, {
      action: 'reset',
      kind: 'second factors',
      object: userId,
      before: { kinds },
    })
    return 'done'
  })
}

/** That of the last question that they answered; of whom none was asked, English. */
async function lastLanguageOf(db: Db, userId: string): Promise<string> {
  const sql = 'SELECT language FROM consents WHERE user_id = ? ORDER BY sequence DESC LIMIT 1'
  return (await queryOne<{ language: string }>(db, sql, [userId]))?.language ?? 'en'
}

/** Whether an operator, whom the transaction holds from here on, still is signed in to the console by this session and not locked. */
export async function isStillIn(
  transaction: Db,
  { userId, session, now }: { userId: string; session: string; now: Date },
): Promise<boolean> {
  if (!(await lockUser(transaction, userId)) || (await findUser(transaction, userId))?.isLocked !== false) return false
  return isSessionOpen(transaction, 'console_sessions', { userId, session, now })
}

/**
 * Gives an operator the password that they chose, and ends every session of theirs but that of the console with the id `session`. False when that has
 * ended meanwhile: nothing has happened.
 */
export function changePassword(
  db: Db,
  userId: string,
  { hash, session }: { hash: string; session: string },
  actor: Actor,
  now: Date,
): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    if (!(await isStillIn(transaction, { userId, session, now }))) return false
    await query(transaction, 'UPDATE users SET password_hash = ? WHERE id = ?', [hash, userId])
    await endSessions(transaction, userId, now, session)
    await insertChange(transaction, actor, { action: 'changed', kind: 'password', object: userId })
    return true
  })
}

/**
 * Deletes a user with everything that says something of them. What they agreed to ends with that, and stays as proof, under an id that leads to
 * nobody. The history gets numbers and no name. An operator has to be removed as one before.
 */
export function deleteUser(
  db: Db,
  userId: string,
  actor: Actor,
  traces: Traces,
  now: Date,
): Promise<'done' | 'missing' | 'operator'> {
  return erase(db, userId, { traces, now }, async (transaction, { store, isLocked }, counts) => {
    await closeConsents(transaction, [userId], 'operator', now)
    await insertChange(transaction, actor, {
      action: 'deleted',
      kind: 'user',
      object: userId,
      before: { store, isLocked, ...counts },
    })
  })
}

/** The same by the person. */
export function closeAccount(
  db: Db,
  userId: string,
  traces: Traces,
  now: Date,
): Promise<'done' | 'missing' | 'operator'> {
  return erase(db, userId, { traces, now }, (transaction) => closeConsents(transaction, [userId], 'my-account', now))
}

interface Erased {
  id: string
  store: string
  username: string
  canonical: string
  isLocked: boolean
}

function erase(
  db: Db,
  userId: string,
  { traces, now }: { traces: Traces; now: Date },
  tell: (transaction: Db, user: Erased, counts: Record<string, number>) => Promise<void>,
): Promise<'done' | 'missing' | 'operator'> {
  return inTransaction(db, async (transaction) => {
    await lockOwners(transaction)
    const isOperator = await queryOne(transaction, 'SELECT 1 FROM operators WHERE user_id = ?', [userId])
    if (isOperator) return 'operator'
    await forgetAtApplications(transaction, [userId])
    // Before its rows elsewhere: whoever is signing in as this user waits here, or is waited for.
    const user = await queryOne<Erased>(
      transaction,
      `SELECT id, store, username, username_canonical AS canonical, is_locked AS "isLocked" FROM users WHERE id = ? FOR UPDATE`,
      [userId],
    )
    if (!user) return 'missing'
    await tell(transaction, user, await eraseUsers(transaction, [user], traces, now))
    return 'done'
  })
}

/**
 * Ends every session of a user, ours, the OpenID Provider's and the applications' refresh tokens, in a transaction of the caller's; ours with the
 * id `except` is left: in My Account to go on under a new one, in the console as it is. The moment counts: a record that is written at the same
 * time, or whose user is not noted, is over by it. Deleting what is found leaves less about.
 */
export async function endSessions(transaction: Db, userId: string, now: Date, except?: string): Promise<void> {
  await query(transaction, 'UPDATE users SET signed_out_at = ? WHERE id = ?', [now, userId])
  for (const table of ['console_sessions', 'account_sessions'] as const)
    await removeSessionsOf(transaction, table, userId, except)
  await deleteRecordsOfUsers(transaction, [userId])
}
