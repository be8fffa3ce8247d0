// What becomes of a change of the settings, and whoever asks for one.
import type { Fault } from '../config-faults.ts'
import { type Actor, lastChange } from '../db/changes.ts'
import type { Db } from '../db/connect.ts'
import { alone, type EntryRow, findEntry, type Kind } from '../db/entries.ts'
import { StoreInUse } from '../db/user-stores.ts'
import type { House } from '../house.ts'
import type { OtherFault } from './check.ts'
import { findSetting, readSettings, type Setting, type SettingKind, type Settings } from './entries.ts'
import { keepVersions } from './versions.ts'

/** What changing settings needs of the house. */
export type SettingsHouse = Pick<House, 'db' | 'keyring' | 'allowPrivateIdp' | 'rereadSettings'>

export type Outcome =
  /** It says so now, or said so already. `warnings` are sentences for the operator. */
  | { kind: 'saved'; key: string; version: number; warnings: string[] }
  /** `inBatches`: an identity provider whose users go first, which takes a while. Nobody gets in by it any more. */
  | { kind: 'deleted'; inBatches?: true }
  /** `faults` have paths within the entry; `general` are of others that would not fit any more. */
  | { kind: 'faults'; faults: Fault[]; general: OtherFault[] }
  /** Somebody was quicker: what it says now, who made it so, and when. */
  | { kind: 'conflict'; current: Setting; by?: { actor: string; at: Date } }
  /** The configuration file's. */
  | { kind: 'read-only' }
  /** It is needed as it is: a sentence that says by whom. */
  | { kind: 'in-use'; message: string }
  /** Another entry has the name. */
  | { kind: 'taken' }
  /** There is no such entry (any more). */
  | { kind: 'gone' }

export interface ChangeRequest {
  kind: SettingKind
  /** The version that the operator saw. */
  expectedVersion: number
  actor: Actor
}

/** A change of an entry as a whole. */
export interface EntryRequest extends ChangeRequest {
  kind: Kind
  key: string
}

/** Runs a change alone and in one transaction, on an entry that must be there and be the console's. */
export function changing(
  house: SettingsHouse,
  { kind, key }: Pick<EntryRequest, 'kind' | 'key'>,
  change: (db: Db, current: Setting, row: EntryRow, settings: Settings) => Promise<Outcome>,
): Promise<Outcome> {
  return settled(house, async (db) => {
    const settings = await readSettings(db)
    const current = settings[kind].find((setting) => setting.key === key)
    // Not asked for a key that nothing has: PostgreSQL would choke on some.
    const row = current && (await findEntry(db, kind, key))
    if (!current || !row) return { kind: 'gone' }
    return current.managedBy === 'file' ? { kind: 'read-only' } : change(db, current, row, settings)
  })
}

/** Runs `work` alone; a store that is in use is an outcome, and a change holds at once in this process. */
export async function settled(house: SettingsHouse, work: (db: Db) => Promise<Outcome>): Promise<Outcome> {
  try {
    const outcome = await alone(house.db, async (db) => {
      const outcome = await work(db)
      if (outcome.kind === 'saved') await keepVersions(db)
      return outcome
    })
    // Made it is, whether or not it can be read just now: then it holds some seconds later.
    if (outcome.kind === 'saved' || outcome.kind === 'deleted') await house.rereadSettings().catch(() => {})
    return outcome
  } catch (error) {
    if (error instanceof StoreInUse) return { kind: 'in-use', message: error.message }
    throw error
  }
}

export async function conflictWith(db: Db, { kind, key }: Setting): Promise<Outcome> {
  const current = await findSetting(db, kind, key)
  if (!current) return { kind: 'gone' }
  const last = await lastChange(db, kind, key)
  return { kind: 'conflict', current, ...(last ? { by: { actor: last.actor, at: last.at } } : {}) }
}

export function saved({ key }: { key: string }, version: number, warnings: string[] = []): Outcome {
  return { kind: 'saved', key, version, warnings }
}

export function inUse(message: string): Outcome {
  return { kind: 'in-use', message }
}
