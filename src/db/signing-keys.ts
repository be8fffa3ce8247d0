// Rows of signing_keys: sealed private keys of our OpenID Provider.
import type { Keyring } from '../seal.ts'
import { type Db, inTransaction, query } from './connect.ts'

export interface SigningKeyRow {
  kid: string
  sealed: Buffer
  created_at: Date
}

/** Newest first. */
export function listSigningKeys(db: Db): Promise<SigningKeyRow[]> {
  return query<SigningKeyRow>(db, 'SELECT kid, sealed, created_at FROM signing_keys ORDER BY created_at DESC, kid')
}

/**
 * Throws when neither key of this process opens the newest signing key. Asked before anything is sealed: a foreign SECRET_KEY would seal secrets
 * that those who serve people cannot open. A database without a signing key has served nobody yet.
 */
export async function assertIsOurs(db: Db, keyring: Keyring): Promise<void> {
  const [newest] = await listSigningKeys(db)
  if (newest && keyring.reseal(signingKeyContext(newest.kid), newest.sealed) === 'lost')
    throw new Error(
      'SECRET_KEY is not the one that sealed what is in this database. Set it to that one, or SECRET_KEY_PREVIOUS while SECRET_KEY changes.',
    )
}

/** What a signing key is sealed for. `sealed.ts` says the same in SQL. */
export const signingKeyContext = (kid: string) => `signing key ${kid}`

/**
 * Adds a key, newer than all there are, and forgets all but the newest `keep`. Two at once take turns: each adds one.
 */
export async function addSigningKey(db: Db, key: { kid: string; sealed: Buffer }, keep: number): Promise<void> {
  await inTransaction(db, async (transaction) => {
    await query(transaction, 'LOCK TABLE signing_keys IN EXCLUSIVE MODE')
    // Once, though the transaction may run again after it was kept.
    await query(
      transaction,
      'INSERT INTO signing_keys (kid, sealed, created_at) VALUES (?, ?, clock_timestamp()) ON CONFLICT DO NOTHING',
      [key.kid, key.sealed],
    )
    const rows = await listSigningKeys(transaction)
    await query(transaction, 'DELETE FROM signing_keys WHERE kid = ANY (?::text[])', [
      rows.slice(keep).map(({ kid }) => kid),
    ])
  })
}

/** Inserts the first keys of an installation; when another process was quicker, its keys stand. */
export async function insertFirstSigningKeys(db: Db, keys: { kid: string; sealed: Buffer }[]): Promise<void> {
  await inTransaction(db, async (transaction) => {
    await query(transaction, 'LOCK TABLE signing_keys IN EXCLUSIVE MODE')
    if ((await listSigningKeys(transaction)).length > 0) return
    for (const key of keys) {
      await query(transaction, 'INSERT INTO signing_keys (kid, sealed) VALUES (?, ?)', [key.kid, key.sealed])
    }
  })
}
