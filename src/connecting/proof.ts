// What somebody proves a user to be theirs with: it counts for one flow and the person in it, for ten minutes, and as long as it would be proof now.
import { timingSafeEqual } from 'node:crypto'
import type { Person } from '../db/identities.ts'
import type { Means, Proof } from '../db/proofs.ts'
import type { Arrived } from '../provisioning/settle.ts'
import type { Keyring } from '../seal.ts'

const COUNTS_FOR_MS = 10 * 60_000

/** By what: the password, as its hash is kept, or a sign-in at an idp. */
export type By = { password: string } | { person: Person }

type Hashing = Pick<Keyring, 'hash'>

/** A proof for this flow. No other flow takes it, nor the same one for anybody else at the idp (security S055). */
export function proofBy(keyring: Hashing, flow: Arrived, userId: string, by: By, now: Date): Proof {
  return {
    userId,
    hash: hashOf(keyring, flow, userId, by).toString('base64url'),
    until: new Date(now.getTime() + COUNTS_FOR_MS).toISOString(),
  }
}

/** Whether it counts: its time is not up, the user is not locked, and what it was made with still lets somebody in as them (security S056). */
export function isProof(keyring: Hashing, flow: Arrived, proof: Proof, means: Means, now: Date): boolean {
  if (means.isLocked || new Date(proof.until) <= now) return false
  const hash = Buffer.from(proof.hash, 'base64url')
  const all: By[] = [
    ...(means.passwordHash === null ? [] : [{ password: means.passwordHash }]),
    ...means.identities.map((person) => ({ person })),
  ]
  return all.some((by) => {
    const own = hashOf(keyring, flow, proof.userId, by)
    return own.length === hash.length && timingSafeEqual(own, hash)
  })
}

function hashOf(keyring: Hashing, { id, idpId = '', profile }: Arrived, userId: string, by: By): Buffer {
  const means =
    'password' in by ? ['password', by.password] : ['idp', by.person.idpId, by.person.issuer, by.person.subject]
  return keyring.hash('connecting proof', id, idpId, profile.issuer, profile.subject, userId, ...means)
}
