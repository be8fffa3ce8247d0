// The signing keys of our OpenID Provider: made once, kept sealed, the same on every process.
import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { insertFirstSigningKeys, listSigningKeys } from '../db/signing-keys.ts'
import type { House } from '../house.ts'

const OVERLAPPING = 2

/** The JWK set, newest key first. The first process of an installation makes two, so that applications know the next one before it signs. */
export async function signingKeys(house: Pick<House, 'db' | 'keyring'>): Promise<Record<string, unknown>[]> {
  let rows = await listSigningKeys(house.db)
  if (rows.length === 0) {
    const made = await Promise.all(Array.from({ length: OVERLAPPING }, makeKey))
    await insertFirstSigningKeys(
      house.db,
      made.map((key) => ({ kid: key.kid, sealed: house.keyring.seal(`signing key ${key.kid}`, JSON.stringify(key)) })),
    )
    rows = await listSigningKeys(house.db)
  }
  return rows.map((row) => JSON.parse(house.keyring.unseal(`signing key ${row.kid}`, row.sealed)))
}

async function makeKey(): Promise<{ kid: string; [member: string]: unknown }> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const kid = randomBytes(12).toString('base64url')
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }
}
