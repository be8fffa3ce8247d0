// Deletes an entry for good. What people gave is never deleted with it, unless the enhanced feature is on: whoever is in use is turned off instead.
import { insertChange } from '../db/changes.ts'
import type { Db } from '../db/connect.ts'
import { deleteEntry } from '../db/entries.ts'
import { lossOf } from '../db/idp-deletion.ts'
import { lockOwners } from '../db/operators.ts'
import { countUsersIn, countValues, forgetApplication, idpsOf, unlinkIdp, useOfIdp } from '../db/removal.ts'
import type { House } from '../house.ts'
import { PRIMARY } from '../stores/name.ts'
import { checkChange } from './check.ts'
import type { Setting, Settings } from './entries.ts'
import { beginDeletion } from './idp-deletion.ts'
import { changing, conflictWith, type EntryRequest, inUse, type Outcome, type SettingsHouse } from './outcome.ts'
import { sayingOf } from './write.ts'

export interface RemoveRequest extends EntryRequest {
  /**
   * Deletes an identity provider though people come from it. They stay, as users without this way in; with the enhanced feature those who have no
   * other go with it.
   */
  withIdentities?: boolean
}

/** Deletes an entry that nothing else names. Throws `DatabaseAway`. */
export async function removeEntry(house: SettingsHouse & Pick<House, 'now'>, request: RemoveRequest): Promise<Outcome> {
  const { kind, key, actor } = request
  return changing(house, request, async (db, current, row, settings) => {
    if (current.version !== request.expectedVersion) return conflictWith(db, current)
    const { general } = checkChange(settings, { kind, current }, house)
    if (general.length > 0) return { kind: 'faults', faults: [], general }
    const use = await useOf(db, current, request)
    if (use !== undefined) return inUse(use)
    if (kind === 'idp' && erasesUsers(settings)) return beginDeletion(db, current, actor)
    const after = await makeWay(db, current, house.now())
    if (!(await deleteEntry(db, kind, key, current.version))) return conflictWith(db, current)
    const change = { action: 'deleted', kind, object: key, before: sayingOf(kind, row), after }
    await insertChange(db, actor, change)
    return { kind: 'deleted' }
  })
}

/** Whether whoever has no other way in is deleted with an identity provider. */
export function erasesUsers({ jitProvisioning }: Settings): boolean {
  return jitProvisioning.entry['enable_enhanced_feature'] === true
}

/** Why an entry cannot be deleted. */
async function useOf(db: Db, { kind, key, id }: Setting, request: RemoveRequest): Promise<string | undefined> {
  const instead = 'Turn it off instead.'
  if (kind === 'attribute') {
    const people = await countValues(db, key)
    return people > 0 ? `The attribute ${key} cannot be deleted: ${has(people)} one. ${instead}` : undefined
  }
  if (kind === 'userStore') {
    if (key === PRIMARY) return 'The user store PRIMARY is always there.'
    const [users, idps] = [await countUsersIn(db, key), await idpsOf(db, key)]
    if (users > 0)
      return `The user store ${key} cannot be deleted: ${users === 1 ? '1 user is' : `${users} users are`} in it.`
    if (idps.length > 0) return `The user store ${key} cannot be deleted: ${idps.join(', ')} would have no store.`
  }
  if (kind === 'idp' && !request.withIdentities) {
    const { people } = await useOfIdp(db, id ?? '')
    if (people > 0) return `The identity provider ${key} cannot be deleted: ${has(people)} this way in. ${instead}`
  }
  if (kind === 'idp') {
    await lockOwners(db)
    if ((await lossOf(db, id ?? '')).losesLastOwner) return LAST_OWNER
  }
  return undefined
}

/** Takes away what points to the entry; returns what that was, for the history. */
async function makeWay(db: Db, { kind, id = '' }: Setting, now: Date): Promise<Record<string, unknown> | undefined> {
  if (kind === 'application') return { id, signInsEnded: await forgetApplication(db, id) }
  if (kind === 'idp') return { id, ...(await unlinkIdp(db, id, now)) }
  return undefined
}

/** Why an identity provider stays that is the last owner's only way in. */
export const LAST_OWNER =
  'It is the only way in of an owner of the console, and no other owner has a password. Give one a password first.'

const has = (people: number) => (people === 1 ? '1 person has' : `${people} people have`)
