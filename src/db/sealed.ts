// Where values sealed under SECRET_KEY stand, so that a rotation can seal them all again.
import type { Keyring } from '../seal.ts'
import { type Db, query } from './connect.ts'

interface Place {
  table: string
  column: string
  /** The columns of the primary key. */
  key: string[]
  /** What was given as context when the value was sealed, as SQL over the row. */
  context: string
}

const PLACES: Place[] = [
  { table: 'signing_keys', column: 'sealed', key: ['kid'], context: `'signing key ' || kid` },
  { table: 'consent_checkpoint_key', column: 'sealed', key: ['only_row'], context: `'consent checkpoint key'` },
  { table: 'idps', column: 'client_secret_sealed', key: ['id'], context: `'idp ' || name` },
  { table: 'applications', column: 'client_secret_sealed', key: ['id'], context: `'application ' || client_id` },
  { table: 'flows', column: 'interaction_uid_sealed', key: ['id'], context: `'flow door ' || id` },
  { table: 'flows', column: 'door_sealed', key: ['id'], context: `'flow door ' || id` },
  { table: 'oidc_records', column: 'payload_sealed', key: ['model', 'id_hash'], context: `'oidc ' || model` },
  { table: 'user_factors', column: 'secret_sealed', key: ['user_id', 'kind'], context: `kind || ' ' || user_id` },
  { table: 'federated_claims', column: 'claims_sealed', key: ['grant_id_hash'], context: `'federated claims'` },
  { table: 'mails', column: 'address_sealed', key: ['id'], context: `'mail ' || id` },
  { table: 'mails', column: 'code_sealed', key: ['id'], context: `'mail code ' || id` },
]
const BATCH = 500

export interface Resealed {
  table: string
  sealedAgain: number
  /** Rows that no key of ours opens. */
  lost: number
}

/** Seals everything again that the current key does not open. In batches, while people sign in; may be stopped and run again. */
export async function resealAll(db: Db, keyring: Keyring): Promise<Resealed[]> {
  const done: Resealed[] = []
  for (const place of PLACES) done.push(await resealTable(db, keyring, place))
  return done
}

async function resealTable(db: Db, keyring: Keyring, { table, column, key, context }: Place): Promise<Resealed> {
  const keys = key.join(', ')
  const values = key.map(() => '?').join(', ')
  let [sealedAgain, lost] = [0, 0]
  let after: unknown[] = []
  for (;;) {
    const rows = await query<Record<string, unknown> & { sealed_context: string; sealed_value: Buffer }>(
      db,
      `SELECT ${keys}, ${context} AS sealed_context, ${column} AS sealed_value FROM ${table}
       WHERE ${column} IS NOT NULL ${after.length > 0 ? `AND (${keys}) > (${values})` : ''} ORDER BY ${keys} LIMIT ${BATCH}`,
      after,
    )
    for (const row of rows) {
      const again = keyring.reseal(row.sealed_context, row.sealed_value)
      if (again === 'lost') lost += 1
      if (again === 'lost' || again === 'current') continue
      // Only if nobody has written it meanwhile: what they wrote is sealed under the current key.
      const where = `WHERE (${keys}) = (${values}) AND ${column} = ?`
      const found = [...key.map((name) => row[name]), row.sealed_value]
      await query(db, `UPDATE ${table} SET ${column} = ? ${where}`, [again, ...found])
      sealedAgain += 1
    }
    const last = rows.at(-1)
    if (rows.length < BATCH || !last) return { table, sealedAgain, lost }
    after = key.map((name) => last[name])
  }
}
