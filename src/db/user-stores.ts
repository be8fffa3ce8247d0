// Rows of user_stores: the domains that users live in, each with its properties.
import { type Db, query, queryOne } from './connect.ts'

export interface StoreRow {
  name: string
  properties: Record<string, string>
}

/** The stores that are on, PRIMARY first, then in the order of the configuration. */
export function listStores(db: Db): Promise<StoreRow[]> {
  return query<StoreRow>(
    db,
    `SELECT name, properties FROM user_stores WHERE is_enabled ORDER BY name <> 'PRIMARY', position, name`,
  )
}

/** How many users each store has that has any. */
export async function countUsers(db: Db): Promise<Map<string, number>> {
  const rows = await query<{ store: string; users: number }>(
    db,
    'SELECT store, count(*)::int AS users FROM users GROUP BY store',
  )
  return new Map(rows.map(({ store, users }) => [store, users]))
}

/** A store cannot become what the configuration says, because of who is in it. The message says how many. */
export class StoreInUse extends Error {
  override name = 'StoreInUse'
}

/** Throws `StoreInUse` unless these stores can be turned off: nobody may be in one. That no idp sends people there is the caller's to know. */
export async function assertStoresEmpty(db: Db, stores: string[]): Promise<void> {
  const used = await query<{ name: string; users: number }>(
    db,
    `SELECT store AS name, count(*)::int AS users FROM users WHERE store = ANY (?::text[]) GROUP BY store ORDER BY store`,
    [stores],
  )
  const reasons = used.map(({ name, users }) => {
    const are = users === 1 ? '1 user is' : `${users} users are`
    return `The user store ${name} cannot be removed: ${are} in it.`
  })
  if (reasons.length > 0) throw new StoreInUse(reasons.join(' '))
}

/**
 * Throws `StoreInUse` when a store with users in it would begin or cease to tell cases apart: every name in it is compared in the form
 * that it was kept in.
 */
export async function assertCaseUnchanged(db: Db, name: string, isCaseInsensitive: boolean): Promise<void> {
  const kept = await queryOne<{ users: number }>(
    db,
    `SELECT (SELECT count(*)::int FROM users WHERE store = user_stores.name) AS users FROM user_stores
     WHERE name = ? AND coalesce(properties ->> 'CaseInsensitiveUsername', 'true') <> ?`,
    [name, String(isCaseInsensitive)],
  )
  if (kept && kept.users > 0) {
    throw new StoreInUse(
      `CaseInsensitiveUsername of the user store ${name} cannot change while users are in it (${kept.users}).`,
    )
  }
}
