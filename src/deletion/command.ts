// The command that deletes an identity provider: vestibule idp delete. It counts first, and goes on where one that was stopped had got to.
import { type Actor, COMMAND_LINE, lastChange } from '../db/changes.ts'
import { findLeavingIdp, type LeavingIdp, lossOf } from '../db/idp-deletion.ts'
import type { OtherFault } from '../settings/check.ts'
import { findSetting, readSettings } from '../settings/entries.ts'
import type { SettingsHouse } from '../settings/outcome.ts'
import { erasesUsers, removeEntry } from '../settings/remove.ts'
import { type DeletingHouse, deleteInBatches } from './batches.ts'
import { people, progressOf, totalsOf, whatItMeans } from './words.ts'

export const DELETION_USAGE = `  idp delete <name> [--yes]
                 deletes an identity provider; with the enhanced feature, together with the people who have no other way in.
                 Without --yes it only counts them. One that was stopped half-way goes on
`

export interface Answer {
  text: string
  isWell: boolean
}

/** What changes settings, and goes on with a deletion. */
export type CommandHouse = SettingsHouse & DeletingHouse

/** Where somebody looks, or a log is kept. */
export interface Terminal {
  isTTY?: boolean
  write(text: string): unknown
}

/** A line for progress, where nobody looks at it as it comes. */
const LINE_EVERY_MS = 5_000

/** Says what the deletion means, and with `isConfirmed` does it, to its end. Throws `DatabaseAway`. */
export async function idpDeleteCommand(
  house: CommandHouse,
  { name, isConfirmed }: { name: string; isConfirmed: boolean },
  terminal: Terminal,
): Promise<Answer> {
  const { db } = house
  const leaving = await findLeavingIdp(db, name)
  const notYet = 'Nothing is deleted by this. To delete it: '
  const again = `vestibule idp delete ${name} --yes\n`
  if (leaving) {
    if (isConfirmed) return { text: await finish(house, leaving, terminal), isWell: true }
    return {
      text: `${name} is being deleted: ${progressOf(leaving.deletion)}.\nTo go on here: ${again}`,
      isWell: false,
    }
  }
  const setting = await findSetting(db, 'idp', name)
  if (!setting) return { text: `There is no identity provider ${name}.\n`, isWell: false }
  if (setting.managedBy === 'file')
    return {
      text: `The configuration file declares ${name}. Take it out there, then run: vestibule config apply --prune\n`,
      isWell: false,
    }
  const means = whatItMeans(await lossOf(db, setting.id ?? ''), erasesUsers(await readSettings(db)))
  if (!isConfirmed) return { text: `Deleting ${name}: ${means}\n${notYet}${again}`, isWell: false }
  terminal.write(`Deleting ${name}: ${means}\n`)
  const why = await begin(house, name, setting.version, COMMAND_LINE)
  if (why !== undefined) return { text: `${name} is not deleted. ${why}\n`, isWell: false }
  const begun = await findLeavingIdp(db, name)
  return { text: begun ? await finish(house, begun, terminal) : `${name} is deleted.\n`, isWell: true }
}

/** Deletes an identity provider, or begins to; returns why not. */
export async function begin(
  house: CommandHouse,
  key: string,
  expectedVersion: number,
  actor: Actor,
): Promise<string | undefined> {
  const outcome = await removeEntry(house, { kind: 'idp', key, expectedVersion, actor, withIdentities: true })
  switch (outcome.kind) {
    case 'deleted':
    case 'gone':
      return undefined
    case 'in-use':
      return outcome.message
    case 'faults':
      return named(outcome.general)
    default:
      return 'Somebody changed it at the same moment. Look at it, then run this again.'
  }
}

/** Goes on with a deletion to its end; returns what there is to say of it. */
export async function finish(house: CommandHouse, idp: LeavingIdp, terminal: Terminal): Promise<string> {
  let saidAt = -LINE_EVERY_MS
  await deleteInBatches(house, idp, {
    async tell() {
      const isDue = performance.now() - saidAt > LINE_EVERY_MS
      if (!terminal.isTTY && !isDue) return
      const now = await findLeavingIdp(house.db, idp.name)
      if (now?.id !== idp.id) return
      saidAt = performance.now()
      const line = `${idp.name}: ${progressOf(now.deletion)}`
      terminal.write(terminal.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
    },
  })
  if (terminal.isTTY) terminal.write('\r\x1b[K')
  const last = await lastChange(house.db, 'idp', idp.name)
  // Another one may have been added by the same name since.
  return last?.after?.['id'] === idp.id && last.action === 'deleted'
    ? `${idp.name} is deleted: ${totalsOf(last.after)}.\n`
    : `${idp.name} is deleted, ${people(idp.deletion.counted.people)} had it as a way in.\n`
}

/** Who names an entry, so that it cannot go. */
export function named(faults: OtherFault[]): string {
  return faults
    .map(({ kind, key, path }) => (kind ? `${kind} ${key} names it and has to let it go first.` : `${path} names it.`))
    .join(' ')
}
