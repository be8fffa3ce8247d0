// Second factors of people: to send a code, to show one, to set one up. Whoever asks says what it counts for (a sign-in, a session).
import { createBrake } from '../db/brakes.ts'
import { confirmFactor, type Note, type Shower, sendCode, showFactor, type TypedCode } from '../db/factor-changes.ts'
import { addressOf } from '../db/mails.ts'
import { findBackupCode, findTotp, putTotp, sentAt, totpContext } from '../db/user-factors.ts'
import type { House } from '../house.ts'
import { sixDigitsIn } from '../stores/digits.ts'
import { newTotpSecret, totpStepOf } from '../stores/totp.ts'
import { backupCodeIn, newBackupCodes, newEmailCode, writtenOut } from './codes.ts'
import type { FactorKind, Way } from './need.ts'

const WINDOW_SECONDS = 600
/** Wrong or right, for one person at all doors together: counted in PostgreSQL, so neither a new sign-in nor another browser helps (S164). */
const TRIES_PER_USER = 10
/** Under which key the tries of a person are counted, at whichever door. */
export function triesKey({ keyring }: Pick<House, 'keyring'>, userId: string): Buffer {
  return keyring.hash('brake code', userId)
}

/** Letters with codes for one person (S246). */
const LETTERS_PER_USER = 5
const CODE_MS = 5 * 60_000
/** Whoever asks again so soon has pressed twice. */
const AGAIN_MS = 20_000

/** What somebody typed, and whose it is to be. `boundTo`: the sign-in or session that it is typed in (emailed_codes). */
export interface Typed extends Shower {
  boundTo: string
  way: Way
  code: string
  /** Who asks, as limits count them. */
  client: string
}

/** `over`: the code that was sent is used, too old or was tried too often, or what it was for has ended. */
export type Shown = { kind: 'shown' } | { kind: 'wrong' } | { kind: 'over' } | { kind: 'too-many'; minutes: number }

export type SetUp = Exclude<Shown, { kind: 'shown' }> | { kind: 'set-up'; backupCodes: string[]; at: Date }

export type Sent = { kind: 'sent'; address: string } | { kind: 'no-address' } | { kind: 'too-many'; minutes: number }

export interface SecondFactors {
  /** Where codes can be sent to; undefined: nowhere, because no letters are sent, or no checked address is kept. */
  addressFor(userId: string): Promise<string | undefined>
  /** Sends a code, unless one has just been sent. Whatever was sent before for the same is good no more. */
  send(to: Pick<Typed, 'userId' | 'boundTo' | 'language'>): Promise<Sent>
  /** Whether a code was sent for this that still counts. */
  wasSent(to: Pick<Typed, 'userId' | 'boundTo'>): Promise<boolean>
  /** Takes a code of a factor that they have; `note` says in the same transaction what it counts for. */
  show(typed: Typed, note: Note): Promise<Shown>
  /** A new secret for an app: not theirs before a code of it was shown where it was asked for, and never told anywhere else. */
  newSecret(of: Pick<Typed, 'userId' | 'boundTo'>): Promise<string>
  /** The secret of an app whose set-up was begun here, as the last one, and not ended. */
  secretBegun(of: Pick<Typed, 'userId' | 'boundTo'>): Promise<string | undefined>
  /** Ends a set-up with its first code. `at`: every other session is over that began up to then. */
  setUp(typed: Typed & { way: FactorKind }, note: Note): Promise<SetUp>
  /** A set of backup codes, as they are kept and as they are told, once. */
  makeBackupCodes(client: string): Promise<{ kept: { label: string; hash: string }[]; told: string[] }>
}

export function createSecondFactors(house: House): SecondFactors {
  const tries = createBrake(house.db, TRIES_PER_USER, WINDOW_SECONDS)
  const letters = createBrake(house.db, LETTERS_PER_USER, WINDOW_SECONDS)
  const hashOf = (boundTo: string, code: string) => house.keyring.hash('second factor code', boundTo, code)

  async function addressFor(userId: string): Promise<string | undefined> {
    return house.postman ? addressOf(house.db, userId) : undefined
  }

  /** What can be told of a code before the database has its word; undefined: that it is wrong. */
  async function codeOf({ userId, boundTo, way, code, client }: Typed): Promise<TypedCode | undefined> {
    if (way === 'email') {
      const digits = sixDigitsIn(code)
      return digits === undefined ? undefined : { kind: 'email', boundTo, codeHash: hashOf(boundTo, digits) }
    }
    if (way === 'totp') {
      const factor = await findTotp(house.db, userId, boundTo)
      if (!factor) return undefined
      const { secretSealed } = factor
      const step = totpStepOf(house.keyring.unseal(totpContext(userId), secretSealed), code, house.now())
      return step === undefined ? undefined : { kind: 'totp', secretSealed, step }
    }
    const typed = backupCodeIn(code)
    return house.passwords.inTurn(client, async (matches) => {
      const hash = typed && (await findBackupCode(house.db, userId, typed.label))
      // The same work for a label that is nobody's: the clock must not tell which there are.
      const isRight = await matches(hash, typed?.secret ?? '')
      return isRight && typed && hash !== undefined ? { kind: 'backup', label: typed.label, hash } : undefined
    })
  }

  /** Counts the try before anything is looked at: of many at once no more than the limit get through. */
  async function counted<Result extends { kind: string }>(
    userId: string,
    work: () => Promise<Result>,
  ): Promise<Result | { kind: 'too-many'; minutes: number }> {
    const key = triesKey(house, userId)
    const wait = await tries.take(key, house.now())
    if (wait !== undefined) return { kind: 'too-many', minutes: minutesOf(wait) }
    const result = await work()
    if (result.kind === 'shown' || result.kind === 'set-up') await tries.forget(key)
    return result
  }

  async function makeBackupCodes(client: string): ReturnType<SecondFactors['makeBackupCodes']> {
    const codes = newBackupCodes()
    const kept: { label: string; hash: string }[] = []
    // One after the other: whoever signs in meanwhile waits for one of them and not for ten.
    for (const { label, secret } of codes) kept.push({ label, hash: await house.passwords.hash(secret, client) })
    return { kept, told: codes.map(writtenOut) }
  }

  return {
    addressFor,
    makeBackupCodes,

    async send({ userId, boundTo, language }) {
      const address = await addressFor(userId)
      if (address === undefined) return { kind: 'no-address' }
      const now = house.now()
      const last = await sentAt(house.db, boundTo, userId, now)
      if (last && now.getTime() - last.getTime() < AGAIN_MS) return { kind: 'sent', address }
      const wait = await letters.take(house.keyring.hash('brake code letters', userId), now)
      if (wait !== undefined) return { kind: 'too-many', minutes: minutesOf(wait) }
      const code = newEmailCode()
      const expiresAt = new Date(now.getTime() + CODE_MS)
      const made = { code, codeHash: hashOf(boundTo, code), expiresAt }
      if (!(await sendCode(house, { userId, boundTo, language }, made))) return { kind: 'no-address' }
      // At once, because they wait for it; whatever becomes of it, nobody waits for the mail server.
      house.postman?.sendDue().catch((error: unknown) => house.log.warn({ err: error }, 'sending letters failed'))
      return { kind: 'sent', address }
    },

    async wasSent({ userId, boundTo }) {
      return (await sentAt(house.db, boundTo, userId, house.now())) !== undefined
    },

    show(typed, note) {
      return counted(typed.userId, async (): Promise<Shown> => {
        const code = await codeOf(typed)
        if (!code) return { kind: 'wrong' }
        const taken = await showFactor(house, typed, code, note)
        return { kind: taken === 'taken' ? 'shown' : taken }
      })
    },

    async newSecret({ userId, boundTo }) {
      const secret = newTotpSecret()
      await putTotp(house.db, { userId, boundTo, secretSealed: house.keyring.seal(totpContext(userId), secret) })
      return secret
    },

    async secretBegun({ userId, boundTo }) {
      const factor = await findTotp(house.db, userId, boundTo)
      if (!factor || factor.isConfirmed) return undefined
      return house.keyring.unseal(totpContext(userId), factor.secretSealed)
    },

    setUp(typed, note) {
      return counted(typed.userId, async (): Promise<SetUp> => {
        const code = await codeOf(typed)
        if (!code || code.kind === 'backup') return { kind: 'wrong' }
        const { kept, told } = await makeBackupCodes(typed.client)
        const outcome = await confirmFactor(house, typed, code, { backupCodes: kept, note })
        if (typeof outcome === 'string') return { kind: outcome }
        return { kind: 'set-up', backupCodes: outcome.hasNewCodes ? told : [], at: outcome.at }
      })
    },
  }
}

function minutesOf(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 60_000))
}
