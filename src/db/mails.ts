// Rows of mails: what people are told about their account by letter, from the change that they are told of until the mail server has it.
import { randomUUID } from 'node:crypto'
import type { House } from '../house.ts'
import { type Db, query, queryOne } from './connect.ts'

/** What a letter says. Facts are words of operators, never a value of the person. */
export type MailContent =
  | { kind: 'connected' | 'disconnected'; facts: { idp: string } }
  | {
      kind: 'factor-added' | 'factor-removed' | 'factors-reset' | 'backup-codes-made' | 'backup-code-used'
      facts?: never
    }
  | { kind: 'password-set' | 'password-changed' | 'email-changed' | 'signed-out-everywhere'; facts?: never }

/** A letter with a code in it, which is sealed while it waits. */
const WITH_CODE = 'second-factor-code'

export type MailKind = MailContent['kind'] | typeof WITH_CODE

export type NewMail = MailContent & {
  userId: string
  /** That of the person (BCP 47). */
  language: string
  /** It tells of what goes with their address, and is the last that goes there. */
  isLast?: true
}

/** Who may be written to: the address is kept, and somebody has checked that it is theirs. */
const ADDRESS = `SELECT value #>> '{}' AS address FROM user_attributes
  WHERE name = 'email' AND verified AND jsonb_typeof(value) = 'string'`

/** What a change that is told by letter needs of the house. */
export type MailHouse = Pick<House, 'db' | 'postman' | 'keyring' | 'now'>

/** What changes the address itself, or who has checked it: that is told to whom it was known to be theirs before. */
const TO_THE_FORMER: readonly MailKind[] = ['email-changed', 'connected', 'disconnected']

/**
 * Writes a letter down, in the transaction that changes what it tells of: neither without the other. Nothing is written when no letters
 * are sent (no SMTP_URL), or when the person has no address that somebody has checked. Those of what may change the
 * address go to the one that they have now: this is to be called before it does.
 */
export async function queueMail(
  db: Db,
  { postman, keyring, now }: Pick<MailHouse, 'postman' | 'keyring' | 'now'>,
  { userId, kind, language, facts, isLast }: NewMail,
): Promise<void> {
  if (!postman) return
  const address = await addressOf(db, userId)
  if (address === undefined) return
  const id = randomUUID()
  const sealed = isLast || TO_THE_FORMER.includes(kind) ? keyring.seal(mailContext(id), address) : null
  const at = now()
  await query(
    db,
    `INSERT INTO mails (id, user_id, kind, language, facts, address_sealed, next_at, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    [id, userId, kind, language, JSON.stringify(facts ?? {}), sealed, at, at],
  )
}

/** A letter that this process has taken to send. */
export type TakenMail = (MailContent | { kind: typeof WITH_CODE; facts: Record<string, never> }) & {
  id: string
  language: string
  createdAt: Date
  /** How often it was begun without a known end, this time included. */
  attempts: number
  /** The address that they had before, sealed with `mailContext`. */
  sealed: Buffer | null
  /** The code that it brings, sealed with `codeContext`. */
  codeSealed: Buffer | null
  /** The address that is kept and checked. Neither: they may not be written to any more. */
  address: string | null
}

/**
 * Takes the letter that waits longest, of these kinds. Until `until` no other process takes it: no transaction stays open while the mail server
 * is spoken to.
 */
export function takeMail(
  db: Db,
  kinds: readonly MailKind[],
  { now, until }: { now: Date; until: Date },
): Promise<TakenMail | undefined> {
  // Somebody waits at a page for a code; other letters are news, and can wait. What is kept of the person is asked in the same moment. Whoever took their address back gets no letter, not even to the one before it, but for that which says that their second
  // factor went with it (`isLast`): whoever else did that must not do it unseen.
  return queryOne<TakenMail>(
    db,
    `UPDATE mails SET attempts = attempts + 1, next_at = ? WHERE id = (SELECT id FROM mails
       WHERE next_at <= ? AND kind = ANY (?::text[]) ORDER BY code_sealed IS NULL, next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING id, kind, language, facts, attempts, code_sealed AS "codeSealed", created_at AS "createdAt", (${ADDRESS} AND user_id = mails.user_id) AS address,
       CASE WHEN kind = 'factor-removed' OR EXISTS (SELECT FROM user_attributes WHERE user_id = mails.user_id AND name = 'email') THEN address_sealed END AS sealed`,
    [until, now, kinds],
  )
}

/** Puts a letter off. How this attempt ended is known now. */
export async function postponeMail(db: Db, id: string, until: Date): Promise<void> {
  await query(db, 'UPDATE mails SET next_at = ?, attempts = 0 WHERE id = ?', [until, id])
}

export async function removeMail(db: Db, id: string): Promise<void> {
  await query(db, 'DELETE FROM mails WHERE id = ?', [id])
}

/**
 * Writes the letter down that brings a code, in the transaction that makes it good. False when nobody can be written to: no letters are sent, or
 * the person keeps no address that somebody has checked.
 */
export async function queueCode(
  db: Db,
  { postman, keyring, now }: Pick<MailHouse, 'postman' | 'keyring' | 'now'>,
  { userId, language, code }: { userId: string; language: string; code: string },
): Promise<boolean> {
  if (!postman || (await addressOf(db, userId)) === undefined) return false
  const id = randomUUID()
  const at = now()
  await query(
    db,
    `INSERT INTO mails (id, user_id, kind, language, facts, code_sealed, next_at, created_at) VALUES (?, ?, ?, ?, '{}', ?, ?, ?)`,
    [id, userId, WITH_CODE, language, keyring.seal(codeContext(id), code), at, at],
  )
  return true
}

/** Where a person can be written to: their kept and checked address. */
export async function addressOf(db: Db, userId: string): Promise<string | undefined> {
  return (await queryOne<{ address: string }>(db, `${ADDRESS} AND user_id = ?`, [userId]))?.address
}

/** What the code in a letter is sealed with (db/sealed.ts). */
export function codeContext(id: string): string {
  return `mail code ${id}`
}

/** What the address in a letter is sealed with (db/sealed.ts). */
export function mailContext(id: string): string {
  return `mail ${id}`
}
