// Moves an identity provider or a purpose up or down among those of the console; those of the file stand where the file has them, before all others.
import { insertChange } from '../db/changes.ts'
import { listEntries, placeEntry } from '../db/entries.ts'
import { changing, type EntryRequest, type Outcome, type SettingsHouse, saved } from './outcome.ts'

export type MoveRequest = Omit<EntryRequest, 'kind' | 'expectedVersion'> & {
  kind: 'idp' | 'purpose'
  direction: 'up' | 'down'
}

/** Moves an entry by one place, if there is one. Throws `DatabaseAway`. */
export function moveEntry(house: SettingsHouse, request: MoveRequest): Promise<Outcome> {
  const { kind, key, direction, actor } = request
  return changing(house, request, async (db, current) => {
    const rows = await listEntries(db, kind)
    const named = kind === 'idp' ? 'name' : 'id'
    const ours = rows.filter((row) => row.managed_by === 'console').map((row) => String(row[named]))
    const from = ours.indexOf(key)
    const to = direction === 'up' ? from - 1 : from + 1
    if (to < 0 || to >= ours.length) return saved(current, current.version)
    ours.splice(to, 0, ...ours.splice(from, 1))
    const first =
      Math.max(-1, ...rows.filter((row) => row.managed_by === 'file').map((row) => Number(row['position']))) + 1
    for (const [index, name] of ours.entries()) await placeEntry(db, kind, name, first + index)
    const [before, after] = [{ position: from + 1 }, { position: to + 1 }]
    await insertChange(db, actor, { action: 'moved', kind, object: key, before, after })
    return saved(current, current.version)
  })
}
