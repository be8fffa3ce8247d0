// The first and the last moment of deleting an identity provider with its users: it is marked, and at last its row goes. Between them are the batches (deletion/).
import { type Actor, insertChange } from '../db/changes.ts'
import type { Db } from '../db/connect.ts'
import { alone, deleteEntry, type EntryRow, findEntry, updateEntry } from '../db/entries.ts'
import { type Deletion, hasPeople, isStillNamed, lossOf, markLeaving } from '../db/idp-deletion.ts'
import { holdIdp } from '../db/idps.ts'
import { letGoOfIdp } from '../db/removal.ts'
import type { House } from '../house.ts'
import { isLeaving, type Setting } from './entries.ts'
import { conflictWith, type Outcome } from './outcome.ts'
import { sayingOf } from './write.ts'

/**
 * Begins, in the transaction of a change: from its commit on nobody gets in by the idp, on any process, and nothing stops it. The console's from
 * then on, whoever declared it.
 */
export async function beginDeletion(db: Db, current: Setting, actor: Actor): Promise<Outcome> {
  const { key, id = '', version } = current
  await holdIdp(db, id, 'alone')
  // Off before anybody is counted: whoever is becoming a user there has become one, or never will.
  const off = await updateEntry(db, 'idp', key, version, { is_enabled: false, managed_by: 'console' })
  if (!off) return conflictWith(db, current)
  const { losesLastOwner: _, ...counted } = await lossOf(db, id)
  await markLeaving(db, id, { actor, counted })
  await insertChange(db, actor, { action: 'began to delete', kind: 'idp', object: key, after: { id, ...counted } })
  return { kind: 'deleted', inBatches: true }
}

/**
 * Ends it: what still points to the idp goes, and the row, with a line in the history that has the totals. Of any number of processes one does it.
 * 'more': somebody still comes from it.
 */
export async function finishDeletion(
  { db, now }: Pick<House, 'db' | 'now'>,
  name: string,
  id: string,
): Promise<'done' | 'more'> {
  try {
    return await alone(db, async (transaction) => {
      const row = await findEntry(transaction, 'idp', name)
      // Another process did. What has the name by now is another one.
      if (row?.['id'] !== id) return 'done'
      if (!isLeaving(row)) throw new Error(`${name} is not being deleted.`)
      return (await hasPeople(transaction, id)) ? 'more' : end(transaction, { name, id, row, now: now() })
    })
  } catch (error) {
    // A process of an earlier version let somebody in meanwhile, or a sign-in left for it: there is more to do.
    if (isStillNamed(error)) return 'more'
    throw error
  }
}

async function end(
  db: Db,
  { name, id, row, now }: { name: string; id: string; row: EntryRow; now: Date },
): Promise<'done'> {
  await letGoOfIdp(db, id, now)
  await deleteEntry(db, 'idp', name, row.version)
  const { actor, begunAt, done } = row['deletion'] as Deletion
  const after = { id, begunAt, ...done }
  await insertChange(db, actor, { action: 'deleted', kind: 'idp', object: name, before: sayingOf('idp', row), after })
  return 'done'
}
