// Which names somebody has already.
import type { Db } from '../db/connect.ts'
import { takenUsernames } from '../db/users.ts'
import type { NameReading } from './place.ts'

/** Of these names, by key, those that somebody has in their store, or that cannot be told from one that somebody has. */
export async function takenNames(db: Db, names: NameReading[]): Promise<ReadonlySet<string>> {
  const fit = names.flatMap((name) => (name.kind === 'ok' ? [name] : []))
  if (fit.length === 0) return new Set()
  return takenUsernames(
    db,
    fit.map(({ store, canonical, looks, key }) => ({ key, store: store.name, canonical, looks })),
  )
}
