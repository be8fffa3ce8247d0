// The transactions in which second factors come, are shown and go. Law: a code that is taken counts for what it was taken for, or is not taken.
import type { FactorKind } from '../factors/need.ts'
import { insertAccountEvent } from './account-events.ts'
import { type Db, inTransaction } from './connect.ts'
import { type MailHouse, queueCode, queueMail } from './mails.ts'
import {
  confirmEmailFactor,
  factorsOf,
  putEmailedCode,
  replaceBackupCodes,
  takeBackupCode,
  takeEmailedCode,
  takeStep,
} from './user-factors.ts'
import { endSessions } from './user-state.ts'
import { lockUser } from './users.ts'

/** How often an e-mailed code may be looked at. */
const EMAIL_TRIES = 5

/** A code that somebody typed, as far as it can be told without the database whether it is right. */
export type TypedCode =
  | { kind: 'totp'; secretSealed: Buffer; step: number }
  | { kind: 'email'; boundTo: string; codeHash: Buffer }
  | { kind: 'backup'; label: string; hash: string }

/** `over`: what it was to count for has ended meanwhile, or the code that was sent is used, too old, or was tried too often. */
export type Taken = 'taken' | 'wrong' | 'over'

/** Who shows something: `session` is the one of My Account that goes on when all others end. */
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
 * the first factor; whoever has some keeps them. Returns whether those that were given are theirs now.
 */
export async function confirmFactor(
  house: MailHouse,
  shower: Shower,
  code: Exclude<TypedCode, { kind: 'backup' }>,
  { backupCodes, note }: { backupCodes: { label: string; hash: string }[]; note: Note },
): Promise<Exclude<Taken, 'taken'> | { hasNewCodes: boolean }> {
  const { userId, language, session } = shower
  const now = house.now()
  return undone(() =>
    inTransaction(house.db, async (transaction) => {
      // The user before the flow: so does whoever signs in, resets or deletes.
      if (!(await lockUser(transaction, userId))) return 'over'
      const before = await factorsOf(transaction, userId)
      if (before.kinds.includes(code.kind)) return 'over'
      const taken = await take(transaction, userId, code, now)
      if (taken !== 'taken') return taken
      if (code.kind === 'email') await confirmEmailFactor(transaction, userId, now)
      if (!(await note(transaction))) throw new Over('over')
      const hasNewCodes = before.backupCodes === 0
      if (hasNewCodes) await replaceBackupCodes(transaction, userId, backupCodes, now)
      await endSessions(transaction, userId, session === undefined ? secondBefore(now) : now, session)
      await queueMail(transaction, house, { userId, kind: 'factor-added', language })
      await insertAccountEvent(transaction, userId, 'factor-added', { factor: code.kind satisfies FactorKind }, now)
      return { hasNewCodes }
    }),
  )
}

/** The sign-in that it is set up in ends in a moment, and the OpenID Provider's library counts in whole seconds: it must not be over before it began. */
function secondBefore(now: Date): Date {
  return new Date(Math.floor(now.getTime() / 1000) * 1000 - 1)
}

async function take(db: Db, userId: string, code: TypedCode, now: Date): Promise<Taken> {
  switch (code.kind) {
    case 'totp':
      return (await takeStep(db, { userId, ...code, now })) ? 'taken' : 'wrong'
    case 'email':
      return takeEmailedCode(db, { userId, ...code, now }, EMAIL_TRIES)
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
