// Rows of identities: a person is (idp, issuer, subject), byte for byte.
import { type Db, query, queryOne } from './connect.ts'
import { IS_LOCKED } from './identity-locks.ts'
import { holdIdp, type Scheme } from './idps.ts'

export interface Identity {
  userId: string
  /** The scheme under which the person was provisioned: a silent one covers every mapped attribute at later sign-ins. */
  scheme: Scheme
  isLocked: boolean
}

/** With the user's name, and the store that it is in. */
export interface NamedIdentity extends Identity {
  store: string
  username: string
}

export interface Person {
  idpId: string
  issuer: string
  subject: string
}

export function findIdentity(db: Db, person: Person): Promise<NamedIdentity | undefined> {
  return queryOne<NamedIdentity>(
    db,
    `SELECT identities.user_id AS "userId", identities.scheme, users.is_locked AS "isLocked", users.store, users.username
     FROM identities JOIN users ON users.id = identities.user_id
     WHERE idp_id = ? AND issuer = ? AND subject = ?`,
    [person.idpId, person.issuer, person.subject],
  )
}

/**
 * Whether an application takes a user who comes in by a password. Where it takes the people of some idps alone, they are one of those: anybody may set
 * a password in My Account.
 */
export async function acceptsByPassword(
  db: Db,
  { identityProviders }: { identityProviders: string[] | null },
  userId: string,
): Promise<boolean> {
  if (identityProviders === null) return true
  const row = await queryOne(
    db,
    `SELECT 1 FROM identities i JOIN idps ON idps.id = idp_id
     WHERE user_id = ? AND is_enabled AND name = ANY (?::text[]) AND NOT ${IS_LOCKED} LIMIT 1`,
    [userId, identityProviders],
  )
  return row !== undefined
}

/**
 * Claims the person for a user, whom the same transaction may be about to insert; false when another transaction got there first
 * (waiting for it to end if it has not), and when the idp is off or gone: whoever begins to delete it waits for this, or has been waited for,
 * so that nobody comes from it after that. The reference to users is checked at commit.
 */
export async function insertIdentity(db: Db, person: Person, userId: string, scheme: Scheme): Promise<boolean> {
  await holdIdp(db, person.idpId, 'shared')
  const row = await queryOne(
    db,
    `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme)
     SELECT id, ?, ?, ?::uuid, ? FROM idps WHERE id = ? AND is_enabled
     ON CONFLICT ON CONSTRAINT identities_pkey DO NOTHING RETURNING user_id`,
    [person.issuer, person.subject, userId, scheme, person.idpId],
  )
  return row !== undefined
}

/** Whether the idp sent something of the same attributes as the last time. */
export function isSentAsBefore(names: string[], before: readonly string[]): boolean {
  const sent = [...names].sort()
  return sent.length === before.length && sent.every((name, index) => name === before[index])
}

/** Notes of which attributes the idp has just sent something, no values, where it was `before` the last time. */
export async function noteSent(
  db: Db,
  { idpId, issuer, subject }: Person,
  names: string[],
  before: readonly string[],
): Promise<void> {
  if (isSentAsBefore(names, before)) return
  await query(db, 'UPDATE identities SET sent = ?::text[] WHERE idp_id = ? AND issuer = ? AND subject = ?', [
    [...names].sort(),
    idpId,
    issuer,
    subject,
  ])
}

/** Whether the person is known as this user: for a transaction that has locked the user, to the end of it. */
export async function isKnownAs(db: Db, person: Person, userId: string): Promise<boolean> {
  const row = await queryOne(
    db,
    'SELECT 1 FROM identities WHERE idp_id = ? AND issuer = ? AND subject = ? AND user_id = ?',
    [person.idpId, person.issuer, person.subject, userId],
  )
  return row !== undefined
}

/** The same, where neither the user nor who they are there is locked: whether they may come in as that now. */
export async function mayComeInAs(db: Db, person: Person, userId: string): Promise<boolean> {
  const row = await queryOne(
    db,
    `SELECT 1 FROM identities i JOIN users ON users.id = user_id
     WHERE idp_id = ? AND issuer = ? AND subject = ? AND user_id = ? AND NOT is_locked AND NOT ${IS_LOCKED}`,
    [person.idpId, person.issuer, person.subject, userId],
  )
  return row !== undefined
}

/** Forgets that the person is this user. */
export async function deleteIdentity(db: Db, person: Person, userId: string): Promise<void> {
  await query(db, 'DELETE FROM identities WHERE idp_id = ? AND issuer = ? AND subject = ? AND user_id = ?', [
    person.idpId,
    person.issuer,
    person.subject,
    userId,
  ])
}
