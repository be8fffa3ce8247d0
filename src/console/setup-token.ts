// The token of the first run: what the operator set, or one that follows from SECRET_KEY, so that every process knows the same and none keeps it.
import { timingSafeEqual } from 'node:crypto'
import type { Keyring } from '../seal.ts'
import { sha256 } from '../seal.ts'

// Crockford's base 32: nothing in it is taken for something else.
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CHARACTERS = 28

/** 140 bits, in groups of four. */
export function ownSetupToken(keyring: Pick<Keyring, 'hash'>): string {
  const bytes = [...keyring.hash('setup token')].slice(0, CHARACTERS)
  return (
    bytes
      .map((byte) => LETTERS[byte & 31])
      .join('')
      .match(/.{4}/g)
      ?.join('-') ?? ''
  )
}

/** Whether a typed token is the one, in a time that does not tell how much of it is. Case and spaces at its ends do not matter. */
export function isSetupToken(typed: string, token: string): boolean {
  const hash = (text: string) => sha256(text.trim().toUpperCase())
  return timingSafeEqual(hash(typed), hash(token))
}
