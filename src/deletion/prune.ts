// Deletes what the configuration file does not declare any more: what nobody but the file has ever said, in an order in which nothing names what goes.
import { CONFIGURATION_FILE, lastChanges } from '../db/changes.ts'
import type { Db } from '../db/connect.ts'
import type { Kind } from '../db/entries.ts'
import { listLeavingIdps, lossOf } from '../db/idp-deletion.ts'
import { readSettings, type Setting } from '../settings/entries.ts'
import { erasesUsers, removeEntry } from '../settings/remove.ts'
import { begin, type CommandHouse, finish, named, type Terminal } from './command.ts'
import { whatItMeans } from './words.ts'

/** Whoever names others goes before them, and people before their store. */
const ORDER: readonly Kind[] = ['application', 'purpose', 'idp', 'attribute', 'userStore']

export interface Pruned {
  setting: Setting
  kind: Kind
  /** What it is called: idp acme. */
  name: string
  /** For people; absent where it means nothing to them. */
  means?: string
}

/**
 * What can go, in a database in which the file has just been applied: what it turned off, now or at an earlier time, and no operator has touched
 * since. An entry that it does declare is its own.
 */
export async function prunable(db: Db): Promise<Pruned[]> {
  const settings = await readSettings(db)
  const found: Pruned[] = []
  for (const kind of ORDER) {
    const off = settings[kind].filter(({ managedBy, isEnabled }) => managedBy !== 'file' && !isEnabled)
    if (off.length === 0) continue
    const changes = await lastChanges(db, kind)
    for (const setting of off) {
      const last = changes.get(setting.key)
      if (last?.actor !== CONFIGURATION_FILE.name || last.actorId !== null) continue
      const name = `${kind === 'userStore' ? 'user store' : kind} ${setting.key}`
      const means = kind === 'idp' ? whatItMeans(await lossOf(db, setting.id ?? ''), erasesUsers(settings)) : undefined
      found.push({ setting, kind, name, ...(means === undefined ? {} : { means }) })
    }
  }
  return found
}

/**
 * Deletes all that, identity providers to their end. Says first what each means for people; returns a line for each. What cannot go stays off.
 * Throws `DatabaseAway`.
 */
export async function prune(house: CommandHouse, terminal: Terminal): Promise<string[]> {
  const found = await prunable(house.db)
  for (const { name, means } of found) if (means) terminal.write(`Deleting ${name}: ${means}\n`)
  const lines: string[] = []
  const stores = found.filter(({ kind }) => kind === 'userStore')
  for (const one of found) if (!stores.includes(one)) lines.push(...(await remove(house, one)))
  // With those that a run which was stopped had begun.
  for (const idp of await listLeavingIdps(house.db)) lines.push((await finish(house, idp, terminal)).trimEnd())
  for (const one of stores) lines.push(...(await remove(house, one)))
  return lines
}

async function remove(house: CommandHouse, { setting, kind, name }: Pruned): Promise<string[]> {
  const { key, version } = setting
  if (kind === 'idp') {
    const why = await begin(house, key, version, CONFIGURATION_FILE)
    if (why !== undefined) return [`Kept ${name}, which is off. ${why}`]
    return (await listLeavingIdps(house.db)).some((idp) => idp.name === key) ? [] : [`Deleted ${name}.`]
  }
  const outcome = await removeEntry(house, { kind, key, expectedVersion: version, actor: CONFIGURATION_FILE })
  if (outcome.kind === 'deleted' || outcome.kind === 'gone') return [`Deleted ${name}.`]
  if (outcome.kind === 'in-use') return [`Kept ${name}, which is off. ${outcome.message}`]
  if (outcome.kind === 'faults') return [`Kept ${name}, which is off. ${named(outcome.general)}`]
  return [`Kept ${name}: somebody changed it at the same moment.`]
}
