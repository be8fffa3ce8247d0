// The transactions in which second factors come, are shown and go. Law: a code that is taken counts for what it was taken for, or is not taken.
import type { FactorKind } from '../factors/need.ts'
import { insertAccountEvent } from './account-events.ts'
import { type Db, inTransaction } from './connect.ts'
import { addressOf, type MailHouse, queueCode, queueMail } from './mails.ts'
import {
  backupCodesMadeAt,
  confirmEmailFactor,
  factorsOf,
  putEmailedCode,
  removeFactor,
  replaceBackupCodes,
  takeBackupCode,
  takeEmailedCode,
  takeStep,
} from './user-factors.ts'
import { endSessions } from './user-state.ts'
import { lockUser } from './users.ts'

/** A code that somebody typed, as far as it can be told without the database whether it is right. */
export type TypedCode =
  | { kind: 'totp'; secretSealed: Buffer; step: number }
  | { kind: 'email'; boundTo: string; codeHash: Buffer }
  | { kind: 'backup'; label: string; hash: string }

/** `over`: what it was to count for has ended meanwhile, or the code that was sent is used, too old, or was tried too often. */
export type Taken = 'taken' | 'wrong' | 'over'

/** Who shows something: `session` is the one of My Account, or of the console, that goes on when all others end. */
export interface Shower {
  userId: string
  /** Of the letter that tells of it. */
  language: string
  session?: string
}

/** Notes in the same transaction what the code counts for; false when that is over. */
export type Note = (transaction: Db) => Promise<boolean>

/** Undoes a transaction whose code would count for nothing: it is not used up then. */
class Over extends Error {}

/** Makes a code good and writes the letter that brings it. False when nobody can be written to: nothing has happened. */
export async function sendCode(
  house: MailHouse,
  to: { userId: string; boundTo: string; language: string },
  { code, codeHash, expiresAt }: { code: string; codeHash: Buffer; expiresAt: Date },
): Promise<boolean> {
  return inTransaction(house.db, async (transaction) => {
    if (!(await queueCode(transaction, house, { ...to, code }))) return false
    await putEmailedCode(transaction, { ...to, codeHash, now: house.now(), expiresAt })
    return true
  })
}

/** Takes a code of a factor that somebody has. */
export async function showFactor(house: MailHouse, shower: Shower, code: TypedCode, note: Note): Promise<Taken> {
  const { userId, language } = shower
  const now = house.now()
  return undone(() =>
    inTransaction(house.db, async (transaction) => {
      // The user before their codes and the flow: so does whoever signs in, resets or deletes, and nobody waits for the other.
      if (!(await lockUser(transaction, userId))) return 'over'
      // An app whose set-up was begun and not ended is none of theirs yet, nor are codes to an address that were never turned on (S161).
      const { kinds } = await factorsOf(transaction, userId)
      if (code.kind !== 'backup' && !kinds.includes(code.kind)) return 'wrong'
      const taken = await take(transaction, userId, code, now)
      // That it was wrong is kept: of an e-mailed code each try counts.
      if (taken !== 'taken') return taken
      if (!(await note(transaction))) throw new Over('over')
      if (code.kind === 'backup') {
        await queueMail(transaction, house, { userId, kind: 'backup-code-used', language })
        await insertAccountEvent(transaction, userId, 'backup-code-used', {}, now)
      }
      return 'taken'
    }),
  )
}

/**
 * Confirms a factor with its first code. Whoever else was signed in as this user has shown none: every other session ends. `backupCodes` come with
 * the first factor; whoever has some keeps them. Returns whether those that were given are theirs now, and the moment up to which all sessions are over.
 */
export async function confirmFactor(
  house: MailHouse,
  shower: Shower,
  code: Exclude<TypedCode, { kind: 'backup' }>,
  { backupCodes, note }: { backupCodes: { label: string; hash: string }[]; note: Note },
): Promise<Exclude<Taken, 'taken'> | { hasNewCodes: boolean; at: Date }> {
  const { userId, language, session } = shower
  const now = house.now()
  return undone(() =>
    inTransaction(house.db, async (transaction) => {
      // The user before the flow: so does whoever signs in, resets or deletes.
      if (!(await lockUser(transaction, userId))) return 'over'
      const before = await factorsOf(transaction, userId)
      if (before.kinds.includes(code.kind)) return 'over'
      // Stopped, or no longer checked, since the code was sent: nobody could be sent another.
      if (code.kind === 'email' && (await addressOf(transaction, userId)) === undefined) return 'over'
      const taken = await take(transaction, userId, code, now)
      if (taken !== 'taken') return taken
      if (code.kind === 'email') await confirmEmailFactor(transaction, userId, now)
      if (!(await note(transaction))) throw new Over('over')
      const hasNewCodes = before.backupCodes === 0
      if (hasNewCodes) await replaceBackupCodes(transaction, userId, backupCodes, now)
      await endSessions(transaction, userId, session === undefined ? secondBefore(now) : now, session)
      await queueMail(transaction, house, { userId, kind: 'factor-added', language })
      await insertAccountEvent(transaction, userId, 'factor-added', { factor: code.kind satisfies FactorKind }, now)
      return { hasNewCodes, at: now }
    }),
  )
}

/** The sign-in that it is set up in ends in a moment, and the OpenID Provider's library counts in whole seconds: it must not be over before it began. */
function secondBefore(now: Date): Date {
  return new Date(Math.floor(now.getTime() / 1000) * 1000 - 1)
}

/**
 * Takes a factor away, as its owner wishes, and ends every other session of theirs. `required`: it is the last one, and an operator wants everybody
 * to have one; nothing has happened. `over`: there is none, or `note` says so. Else the moment up to which all sessions are over.
 */
export async function dropFactor(
  house: MailHouse,
  shower: Shower,
  kind: FactorKind,
  { isRequired, note }: { isRequired: boolean; note: Note },
): Promise<'required' | 'over' | { at: Date }> {
  const { userId, language, session } = shower
  const now = house.now()
  return inTransaction(house.db, async (transaction) => {
    if (!(await lockUser(transaction, userId))) return 'over'
    const { kinds } = await factorsOf(transaction, userId)
    if (!kinds.includes(kind)) return 'over'
    if (isRequired && kinds.length === 1) return 'required'
    if (!(await note(transaction))) return 'over'
    await removeFactor(transaction, userId, kind)
    await endSessions(transaction, userId, now, session)
    await queueMail(transaction, house, { userId, kind: 'factor-removed', language })
    await insertAccountEvent(transaction, userId, 'factor-removed', { factor: kind }, now)
    return { at: now }
  })
}

/**
 * What goes with a checked address that its owner stops, changes or loses, in the transaction that does that, and before it: the factor that depends
 * on it, and codes that are on their way. Told at that very address.
 */
export async function dropEmailFactor(
  transaction: Db,
  house: MailHouse,
  { userId, language }: Pick<Shower, 'userId' | 'language'>,
): Promise<void> {
  if (!(await removeFactor(transaction, userId, 'email'))) return
  await queueMail(transaction, house, { userId, kind: 'factor-removed', language, isLast: true })
  await insertAccountEvent(transaction, userId, 'factor-removed', { factor: 'email' }, house.now())
}

/**
 * Puts new backup codes in place of those that were made at `seen`, as the person saw. False when they are others by now, of two presses the
 * second; when they have no factor; or when `note` says that it is over.
 */
export async function renewBackupCodes(
  house: MailHouse,
  { userId, language }: Pick<Shower, 'userId' | 'language'>,
  { backupCodes, seen, note }: { backupCodes: { label: string; hash: string }[]; seen: Date | undefined; note: Note },
): Promise<boolean> {
  const now = house.now()
  return inTransaction(house.db, async (transaction) => {
    if (!(await lockUser(transaction, userId)) || !(await note(transaction))) return false
    if ((await factorsOf(transaction, userId)).kinds.length === 0) return false
    const madeAt = await backupCodesMadeAt(transaction, userId)
    if (madeAt?.getTime() !== seen?.getTime()) return false
    await replaceBackupCodes(transaction, userId, backupCodes, now)
    await queueMail(transaction, house, { userId, kind: 'backup-codes-made', language })
    await insertAccountEvent(transaction, userId, 'backup-codes-made', {}, now)
    return true
  })
}

async function take(db: Db, userId: string, code: TypedCode, now: Date): Promise<Taken> {
  switch (code.kind) {
    case 'totp':
      return (await takeStep(db, { userId, ...code, now })) ? 'taken' : 'wrong'
    case 'email':
      return takeEmailedCode(db, { userId, ...code, now })
    case 'backup':
      return (await takeBackupCode(db, userId, code.label, code.hash, now)) ? 'taken' : 'wrong'
    default:
      return code satisfies never
  }
}

async function undone<Result>(work: () => Promise<Result>): Promise<Result | 'over'> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Over) return 'over'
    throw error
  }
}
