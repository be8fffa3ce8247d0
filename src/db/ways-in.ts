// How a user can sign in, by which idps and whether with a password, and the transactions in which they change that. Law: one way is always left.
import { insertAccountEvent } from './account-events.ts'
import { type Db, inTransaction, query, queryOne } from './connect.ts'
import { dropEmailFactor } from './factor-changes.ts'
import { deleteIdentity, isKnownAs, type Person } from './identities.ts'
import { IS_LOCKED } from './identity-locks.ts'
import { type MailHouse, queueMail } from './mails.ts'
import { endRecord } from './oidc-records.ts'
import { findOperator, holdOperators } from './operators.ts'
import { expireFlowsOf } from './outlived-flows.ts'
import { isSessionOpen, removeSession } from './sessions.ts'
import { endSessions } from './user-state.ts'
import { findUser, lockUser } from './users.ts'

export interface IdpWay {
  idpId: string
  name: string
  displayName: string
  /** It is on, and who they are there is not locked. */
  isOpen: boolean
  issuer: string
  subject: string
  since: Date
}

export interface WaysIn {
  hasPassword: boolean
  /** In the order in which they came. One idp may be there twice, for two people there. */
  idps: IdpWay[]
}

export async function waysInOf(db: Db, userId: string): Promise<WaysIn> {
  const user = await queryOne<{ hasPassword: boolean }>(
    db,
    'SELECT password_hash IS NOT NULL AS "hasPassword" FROM users WHERE id = ?',
    [userId],
  )
  const idps = await query<IdpWay>(
    db,
    `SELECT idp_id AS "idpId", name, display_name AS "displayName", is_enabled AND NOT ${IS_LOCKED} AS "isOpen", i.issuer, subject,
       i.created_at AS since
     FROM identities i JOIN idps ON idps.id = idp_id WHERE user_id = ? ORDER BY i.created_at, name, subject`,
    [userId],
  )
  return { hasPassword: user?.hasPassword ?? false, idps }
}

/** Who changes their ways in: a user, in a session of My Account. */
export interface Changer {
  userId: string
  session: string
  /** The moment of the change: what began up to then is over. */
  now: Date
  /** Of the letter that tells of it. */
  language: string
}

/** Whoever changes their ways in takes their turn. False when the user, or the session, has ended meanwhile. */
async function takeTurn(db: Db, { userId, session, now }: Changer): Promise<boolean> {
  if (!(await lockUser(db, userId)) || (await findUser(db, userId))?.isLocked !== false) return false
  return isSessionOpen(db, 'account_sessions', { userId, session, now })
}

/**
 * Forgets that a person of an idp is this user. What it said of them is their own word from now on, and no way in but this one may go with it:
 * every other session ends, and so does whatever was begun by that person. `only-way`: nothing has happened, as they could not come in any more.
 * @param personHash finds the flows of the person
 */
export function disconnectPerson(
  house: MailHouse,
  changer: Changer,
  { person, personHash, idp }: { person: Person; personHash: Buffer; idp: string },
): Promise<'disconnected' | 'only-way' | 'over'> {
  const { userId, session, now, language } = changer
  return inTransaction(house.db, async (transaction) => {
    if (!(await takeTurn(transaction, changer)) || !(await isKnownAs(transaction, person, userId))) return 'over'
    const { hasPassword, idps } = await waysInOf(transaction, userId)
    const isOther = (way: IdpWay) =>
      way.idpId !== person.idpId || way.issuer !== person.issuer || way.subject !== person.subject
    if (!hasPassword && !idps.some((way) => way.isOpen && isOther(way))) return 'only-way'
    await queueMail(transaction, house, { userId, kind: 'disconnected', language, facts: { idp } })
    // What nobody has checked any more is no place for codes.
    if (await isAddressFrom(transaction, userId, person.idpId))
      await dropEmailFactor(transaction, house, { userId, language })
    await deleteIdentity(transaction, person, userId)
    // Of several people of one idp nobody can tell who said what. Who is still connected says their part again.
    await query(transaction, 'DELETE FROM user_roles WHERE user_id = ? AND origin_idp_id = ?', [userId, person.idpId])
    await query(
      transaction,
      `UPDATE user_attributes SET origin = 'person', origin_idp_id = NULL, verified = CASE WHEN verified IS NULL THEN NULL ELSE false END
       WHERE user_id = ? AND origin_idp_id = ?`,
      [userId, person.idpId],
    )
    await expireFlowsOf(transaction, personHash, now)
    await endSessions(transaction, userId, now, session)
    await insertAccountEvent(transaction, userId, 'disconnected', { idp }, now)
    return 'disconnected'
  })
}

async function isAddressFrom(db: Db, userId: string, idpId: string): Promise<boolean> {
  const sql = `SELECT 1 FROM user_attributes WHERE user_id = ? AND name = 'email' AND origin_idp_id = ?`
  return (await queryOne(db, sql, [userId, idpId])) !== undefined
}

/**
 * Gives a user the password that they chose, and ends every other session of theirs. `operator`: nothing has happened, as theirs opens the console,
 * which no identity provider grants a way into, and a sign-in at one is all that My Account asks of whoever changes a password.
 */
export function putPassword(
  house: MailHouse,
  changer: Changer,
  hash: string,
): Promise<'set' | 'changed' | 'operator' | 'over'> {
  const { userId, session, now, language } = changer
  return inTransaction(house.db, async (transaction) => {
    // Whoever is made one at this moment is one before, or waits until the password is there.
    await holdOperators(transaction)
    if (!(await takeTurn(transaction, changer))) return 'over'
    if (await findOperator(transaction, userId)) return 'operator'
    const { hasPassword } = await waysInOf(transaction, userId)
    await query(transaction, 'UPDATE users SET password_hash = ? WHERE id = ?', [hash, userId])
    await endSessions(transaction, userId, now, session)
    const outcome = hasPassword ? 'changed' : 'set'
    await queueMail(transaction, house, { userId, kind: `password-${outcome}`, language })
    await insertAccountEvent(transaction, userId, `password-${outcome}`, {}, now)
    return outcome
  })
}

/** A session of a user's: of My Account, or what our OpenID Provider remembers of one. */
export type EndedSession =
  | { kind: 'account'; idHash: Buffer }
  | { kind: 'record'; model: string; idHash: Buffer; grantIdHashes: Buffer[] }

/** Ends one session of a user. */
export function endSession(db: Db, userId: string, ended: EndedSession, now: Date): Promise<void> {
  return inTransaction(db, async (transaction) => {
    if (ended.kind === 'account') await removeSession(transaction, 'account_sessions', userId, ended.idHash)
    else await endRecord(transaction, userId, ended)
    await insertAccountEvent(transaction, userId, 'session-ended', {}, now)
  })
}

/** Ends every session of a user, as they wish: ours, the OpenID Provider's and the applications' refresh tokens. */
export function signOutOfAll(house: MailHouse, userId: string, language: string): Promise<void> {
  return inTransaction(house.db, async (transaction) => {
    await lockUser(transaction, userId)
    // Behind whatever was waited for: a session that goes on after that is over, too.
    const now = house.now()
    await endSessions(transaction, userId, now)
    await queueMail(transaction, house, { userId, kind: 'signed-out-everywhere', language })
    await insertAccountEvent(transaction, userId, 'signed-out-everywhere', {}, now)
  })
}
