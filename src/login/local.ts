// The local sign-in, for users who set a password, and the brake on it.
import { createBrake } from '../db/brakes.ts'
import { findUsersToSignIn, replacePasswordHash, type UserToSignIn } from '../db/users.ts'
import type { House } from '../house.ts'
import { canonicalForm, USERNAME_MAX, withoutSlips } from '../provisioning/username.ts'
import { HashingBusy } from '../stores/hashing-queue.ts'
import { PRIMARY, splitName, storeNamed } from '../stores/name.ts'
import { readStores } from '../stores/stores.ts'

export type LocalOutcome =
  /** `passwordHash`: of the password that was typed, as it is kept. Another one that is kept by now was not typed. */
  | { kind: 'known'; userId: string; passwordHash: string }
  /** One answer for unknown, locked, wrong and password-less: which of them it was is nobody's business. */
  | { kind: 'wrong' }
  | { kind: 'too-many'; minutes: number }

const WINDOW_SECONDS = 600
const FAILURES_PER_USER = 10
const FAILURES_PER_ADDRESS = 30

export interface LocalSignIn {
  /** Checks a typed name and password; `client` is who asks, as limits count them. */
  check(typed: string, password: string, client: string): Promise<LocalOutcome>
}

/** Failures are counted in PostgreSQL, so every process sees them. The brake is on this form only: nobody's federated sign-in passes it. */
export function createLocalSignIn(house: House): LocalSignIn {
  const perUser = createBrake(house.db, FAILURES_PER_USER, WINDOW_SECONDS)
  const perAddress = createBrake(house.db, FAILURES_PER_ADDRESS, WINDOW_SECONDS)

  return {
    async check(typed, password, client) {
      const name = splitName(withoutSlips(typed))
      const userKey = brakeOf(house, name.username)
      const addressKey = house.keyring.hash('brake address', client)

      // Counted in the turn and not before: whoever is turned away because we are busy has failed at nothing.
      const looked = await house.passwords.inTurn(client, async (matches) => {
        // Taken before the password is looked at and given back on success: of many tries at once no more than the limit get through.
        const now = house.now()
        const wait = (await perAddress.take(addressKey, now)) ?? (await perUser.take(userKey, now))
        if (wait !== undefined) return { kind: 'too-many' as const, minutes: Math.max(1, Math.ceil(wait / 60_000)) }

        const { user, isAlone } = await findOne(house, name)
        const { passwordHash } = user ?? {}
        const isRight = await matches(passwordHash ?? undefined, password)
        if (!isRight || !user || !passwordHash || user.isLocked) return { kind: 'wrong' as const }
        await perAddress.giveBack(addressKey)
        // Whoever shares the name with somebody must not wipe out what was tried there.
        await (isAlone ? perUser.forget(userKey) : perUser.giveBack(userKey))
        return { kind: 'known' as const, userId: user.id, passwordHash }
      })
      if (looked.kind !== 'known') return looked
      const { userId, passwordHash } = looked
      return { ...looked, passwordHash: await keptUpToDate(house, userId, passwordHash, { password, client }) }
    },
  }
}

/**
 * Under which key failures with a name are counted. By the name alone, in whichever store: no second way to write it is a second row of tries, and
 * that is so whether or not somebody has it, or the rows would tell.
 */
export function brakeOf({ keyring }: Pick<House, 'keyring'>, username: string): Buffer {
  return keyring.hash('brake user', canonicalForm(username))
}

/**
 * The user that a typed name means. With a prefix, in that store; without one, wherever there is exactly one, else PRIMARY's. No rule of a store
 * is asked: whoever was let in under older ones still is. `isAlone`: nobody else in any store has the name in any case.
 */
async function findOne(
  house: House,
  { domain, username }: ReturnType<typeof splitName>,
): Promise<{ user?: UserToSignIn | undefined; isAlone: boolean }> {
  if (username.length > 2 * USERNAME_MAX || /[\0\p{Surrogate}]/u.test(username)) return { isAlone: true }
  const stores = await readStores(house.db)
  const users = await findUsersToSignIn(
    house.db,
    stores.map(({ name, policy }) => ({ store: name, canonical: canonicalForm(username, policy.isCaseInsensitive) })),
  )
  const isAlone = users.length === 1 && stores.every(({ policy }) => policy.isCaseInsensitive)
  const inStore = (store: string) => users.find((user) => user.store === store)
  if (domain === undefined) return { user: users.length === 1 ? users[0] : inStore(PRIMARY), isAlone }
  // An unknown prefix is nothing here where it is nothing on the page that made the user.
  const fallback = house.settings().names.unknownStore === 'refuse' ? undefined : PRIMARY
  return { user: inStore(storeNamed(stores, domain)?.name ?? fallback ?? ''), isAlone }
}

/**
 * Hashes a password anew whose hash was made with less work than we do now: only here is it known. Too busy for that is no failure: there are other
 * days. Returns the hash that is kept of this password.
 */
async function keptUpToDate(
  house: House,
  userId: string,
  old: string,
  { password, client }: { password: string; client: string },
): Promise<string> {
  if (!house.passwords.isOutdated(old)) return old
  const hash = await house.passwords.hash(password, client).catch((error: unknown) => {
    if (error instanceof HashingBusy) return undefined
    throw error
  })
  return hash !== undefined && (await replacePasswordHash(house.db, userId, old, hash)) ? hash : old
}
