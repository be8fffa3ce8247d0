// Authenticated encryption and keyed hashes. Everything secret at rest goes through here: AES-256-GCM, HKDF-SHA-256 (RFC 5869).
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const NO_SALT = Buffer.alloc(32)

/** A 32-byte key for one use, derived from a longer-lived secret. `use` keeps keys of different uses apart. */
export function deriveKey(secret: Buffer | string, use: string): Buffer {
  // HKDF with no salt, for one block (RFC 5869, 2.2 and 2.3). Node's own makes a key object of each part, and there are many keys in a sign-in.
  const key = createHmac('sha256', NO_SALT).update(secret).digest()
  return createHmac('sha256', key).update(`vestibule ${use}\x01`).digest()
}

/** Seals `plaintext` under a 32-byte key. `context` must be given again to open it, so that a ciphertext cannot be moved to another row. */
export function seal(key: Buffer, context: string, plaintext: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

/** Opens what `seal` made. Throws when the key, the context or a byte differs. */
export function unseal(key: Buffer, context: string, sealed: Buffer): string {
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const tag = sealed.subarray(sealed.length - TAG_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(context)).setAuthTag(tag)
  const ciphertext = sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
}

export interface Keyring {
  /** Seals under SECRET_KEY. */
  seal(context: string, plaintext: string): Buffer
  /** Opens what SECRET_KEY, or SECRET_KEY_PREVIOUS during a rotation, sealed. Throws otherwise. */
  unseal(context: string, sealed: Buffer): string
  /** Seals again what only the previous key opens; `current` when there is nothing to do, `lost` when no key opens it. */
  reseal(context: string, sealed: Buffer): Buffer | 'current' | 'lost'
  /** HMAC-SHA-256 over the parts, each with its length so that ('ab','c') and ('a','bc') differ. */
  hash(use: string, ...parts: string[]): Buffer
  /** Cookie signing secrets, newest first. */
  cookieSecrets: string[]
}

/** The keys that follow from SECRET_KEY (at least 32 characters) and, during a rotation, the previous one. */
export function createKeyring(secretKey: string, previous?: string): Keyring {
  const secrets = previous === undefined ? [secretKey] : [secretKey, previous]
  const sealing = secrets.map((secret) => deriveKey(secret, 'sealing'))
  const current = sealing[0] as Buffer
  const hashing = deriveKey(secretKey, 'hashing')
  const opens = (key: Buffer, context: string, sealed: Buffer): string | undefined => {
    try {
      return unseal(key, context, sealed)
    } catch {
      return undefined
    }
  }
  const open = (context: string, sealed: Buffer) => {
    for (const key of sealing) {
      const plaintext = opens(key, context, sealed)
      if (plaintext !== undefined) return plaintext
    }
    return undefined
  }
  return {
    seal: (context, plaintext) => seal(current, context, plaintext),
    unseal(context, sealed) {
      const plaintext = open(context, sealed)
      if (plaintext === undefined) throw new Error(`No key opens: ${context.split(' ')[0]}`)
      return plaintext
    },
    reseal(context, sealed) {
      if (opens(current, context, sealed) !== undefined) return 'current'
      const plaintext = open(context, sealed)
      return plaintext === undefined ? 'lost' : seal(current, context, plaintext)
    },
    hash: (use, ...parts) => keyedHash(hashing, use, ...parts),
    cookieSecrets: secrets.map((secret) => deriveKey(secret, 'cookies').toString('base64url')),
  }
}

/** HMAC-SHA-256 of length-prefixed parts under `key`. */
export function keyedHash(key: Buffer, ...parts: string[]): Buffer {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:${part}`)
  return hmac.digest()
}

/** SHA-256, for opaque ids that are random enough to need no key. */
export function sha256(value: string): Buffer {
  return createHash('sha256').update(value).digest()
}
