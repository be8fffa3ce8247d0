// Which names somebody has already.
import type { Db } from '../db/connect.ts'
import { takenUsernames, type WantedName } from '../db/users.ts'
import type { NameReading } from './place.ts'

/** Of these names, by key, those that somebody has in their store, or that cannot be told from one that somebody has. */
export async function takenNames(db: Db, names: NameReading[]): Promise<ReadonlySet<string>> {
  const wanted = wantedNames(names)
  return wanted.length === 0 ? new Set() : takenUsernames(db, wanted)
}

/** Those that are names at all, as the database is asked for them. */
export function wantedNames(names: NameReading[]): WantedName[] {
  return names.flatMap((name) => {
    if (name.kind !== 'ok') return []
    const { store, canonical, looks, key } = name
    return [{ key, store: store.name, canonical, looks }]
  })
}
