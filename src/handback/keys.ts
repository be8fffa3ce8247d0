// The signing keys of our OpenID Provider: kept sealed, the same on every process, replaced without anybody noticing.
import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import {
  addSigningKey,
  assertIsOurs,
  insertFirstSigningKeys,
  listSigningKeys,
  signingKeyContext,
} from '../db/signing-keys.ts'
import type { House } from '../house.ts'

type Jwk = Record<string, unknown> & { kid: string }

/** The one before, so that what it signed can be checked; the one that signs; the next, so that applications know it before it signs. */
const KEPT = 3

/**
 * The JWK set, the key that signs first. The newest key of several does not sign yet: it is published for as long as there is no
 * newer one. The first process of an installation makes two.
 */
export async function signingKeys(house: Pick<House, 'db' | 'keyring'>): Promise<Jwk[]> {
  let rows = await listSigningKeys(house.db)
  if (rows.length === 0) {
    await insertFirstSigningKeys(house.db, await Promise.all([sealedKey(house.keyring), sealedKey(house.keyring)]))
    rows = await listSigningKeys(house.db)
  }
  const keys: Jwk[] = rows.map((row) => JSON.parse(house.keyring.unseal(signingKeyContext(row.kid), row.sealed)))
  const [next, current, ...previous] = keys
  return next && current ? [current, next, ...previous] : keys
}

/**
 * Makes a new next key; the one that was next signs from now on. Processes notice within a minute, and every one of them has
 * published the key that signs long before. Returns the new key's id. Throws when it would be sealed under a SECRET_KEY that is not theirs: they
 * read all keys or none, and none would start any more.
 */
export async function rotateSigningKeys(house: Pick<House, 'db' | 'keyring'>): Promise<string> {
  await assertIsOurs(house.db, house.keyring)
  const key = await sealedKey(house.keyring)
  await addSigningKey(house.db, key, KEPT)
  return key.kid
}

async function sealedKey(keyring: House['keyring']): Promise<{ kid: string; sealed: Buffer }> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const kid = randomBytes(12).toString('base64url')
  const key: Jwk = { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }
  return { kid, sealed: keyring.seal(signingKeyContext(kid), JSON.stringify(key)) }
}
