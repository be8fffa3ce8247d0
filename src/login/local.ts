// The local sign-in, for users who set a password, and the brake on it.
import { RateLimiterPostgres, type RateLimiterRes } from 'rate-limiter-flexible'
import { findUserToSignIn } from '../db/users.ts'
import type { House } from '../house.ts'
import { readTypedUsername } from '../provisioning/username.ts'

export type LocalOutcome =
  | { kind: 'known'; userId: string }
  /** One answer for unknown, locked, wrong and password-less: which of them it was is nobody's business. */
  | { kind: 'wrong' }
  | { kind: 'too-many'; minutes: number }

const WINDOW_SECONDS = 600
const FAILURES_PER_USER = 10
const FAILURES_PER_ADDRESS = 30

export interface LocalSignIn {
  /** Checks a typed name and password; `address` is the client's IP address. */
  check(typed: string, password: string, address: string): Promise<LocalOutcome>
}

/** Failures are counted in PostgreSQL, so every process sees them. The brake is on this form only: nobody's federated sign-in passes it. */
export function createLocalSignIn(house: House): LocalSignIn {
  const brake = (points: number) =>
    new RateLimiterPostgres({
      storeClient: house.db,
      storeType: 'knex',
      tableName: 'brakes',
      tableCreated: true,
      keyPrefix: '',
      points,
      duration: WINDOW_SECONDS,
      clearExpiredByTimeout: false,
    })
  const perUser = brake(FAILURES_PER_USER)
  const perAddress = brake(FAILURES_PER_ADDRESS)

  return {
    async check(typed, password, address) {
      const name = readTypedUsername(typed)
      const canonical = name.kind === 'ok' ? name.canonical : typed.slice(0, 200)
      // Hashes, because a table of names and addresses that failed would be personal data.
      const userKey = house.keyring.hash('brake user', 'PRIMARY', canonical).toString('base64url')
      const addressKey = house.keyring.hash('brake address', address).toString('base64url')

      // Taken before the password is looked at and given back on success: of many tries at once no more than the limit get through.
      const wait = (await take(perAddress, addressKey)) ?? (await take(perUser, userKey))
      if (wait !== undefined) return { kind: 'too-many', minutes: Math.max(1, Math.ceil(wait / 60_000)) }

      const user = name.kind === 'ok' ? await findUserToSignIn(house.db, 'PRIMARY', canonical) : undefined
      const isRight = await house.passwords.verify(user?.passwordHash ?? undefined, password)
      if (!isRight || !user || user.isLocked) return { kind: 'wrong' }
      await perAddress.reward(addressKey, 1)
      await perUser.delete(userKey)
      return { kind: 'known', userId: user.id }
    },
  }
}

/** Counts one; returns the milliseconds to wait when there is none left. */
async function take(brake: RateLimiterPostgres, key: string): Promise<number | undefined> {
  try {
    await brake.consume(key)
    return undefined
  } catch (error) {
    // The library rejects with its own result when there is nothing left, and with an Error when the database is away.
    if (error instanceof Error) throw error
    return (error as RateLimiterRes).msBeforeNext
  }
}
