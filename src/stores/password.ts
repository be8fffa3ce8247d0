// Hashes passwords and checks them. The only file that knows the hash: Argon2id, and how much work it is.
import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2'
import type { HashingQueue } from './hashing-queue.ts'
import { storableForm } from './password-policy.ts'

/** Whether a password belongs to a hash. */
export type Matches = (hash: string | undefined, password: string) => Promise<boolean>

export type Passwords = {
  hash(password: string, client: string): Promise<string>
  /** Runs `look` when it is the client's turn and gives what it gives; `look` is given the means to check a password. */
  inTurn<T>(client: string, look: (matches: Matches) => Promise<T>): Promise<T>
  /** Whether a hash was made with other work than `hash` does now, and should be made anew when its password is next typed. */
  isOutdated(hash: string): boolean
}

/** How much work a hash is: memory in KiB, passes over it, lanes. */
export interface Work {
  memoryCost: number
  timeCost: number
  parallelism: number
}

// 19 MiB, two passes, one lane: the OWASP minimum for Argon2id, which is the package's default algorithm (its enum cannot be imported here).
const WORK: Work = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/**
 * `hash` takes a password that the policy let through and gives a PHC string; it throws on one that cannot be stored.
 * A check is false for a wrong password, for an undefined hash (no such user, or one without a password) and for a password that cannot have
 * been stored, and each of these takes the same time, so that the clock does not tell who has an account. It throws on a damaged hash.
 * `client` is who asks: each waits in a line of their own. Both reject with `HashingBusy` when the client is turned away.
 * What has to be looked up for a check belongs into the turn: before it, a flood would stand in front of everybody at the database.
 * `work` is what a new hash takes, and the check of one that is not there: less than is safe is for tests.
 */
export function createPasswords(queue: HashingQueue, work = WORK): Passwords {
  const current = `$argon2id$v=19$m=${work.memoryCost},t=${work.timeCost},p=${work.parallelism}$`
  // A well-formed hash of as much work whose salt and digest are all zeros. Nobody has the password that it belongs to.
  const nobody = `${current}${'A'.repeat(22)}$${'A'.repeat(43)}`

  async function matches(hash: string | undefined, password: string): Promise<boolean> {
    const text = storableForm(password)
    if (hash !== undefined && text !== undefined) return argon2Verify(hash, text)
    await argon2Verify(nobody, '')
    return false
  }

  return {
    async hash(password, client) {
      const text = storableForm(password)
      if (text === undefined)
        throw new RangeError('This password is too long or is not text: the policy must refuse it first')
      return queue(() => argon2Hash(text, work), client)
    },

    inTurn: (client, look) => queue(() => look(matches), client),

    isOutdated: (hash) => !hash.startsWith(current),
  }
}
