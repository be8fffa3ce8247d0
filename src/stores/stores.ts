// The user stores that there are, each with its rules.
import type { Db } from '../db/connect.ts'
import { listStores } from '../db/user-stores.ts'
import { policyOf, type Store } from './policy.ts'

/** Read anew by every request, as all configuration is: PRIMARY first. Throws `DatabaseAway`. */
export async function readStores(db: Db): Promise<Store[]> {
  return (await listStores(db)).map(({ name, properties }) => ({ name, policy: policyOf(properties) }))
}
