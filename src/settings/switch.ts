// Turns an entry on or off: an identity provider, a purpose (archived), an application, an attribute, a user store.
import { type Kind, updateEntry } from '../db/entries.ts'
import { assertStoresEmpty } from '../db/user-stores.ts'
import { PRIMARY } from '../stores/name.ts'
import { checkChange, KEPT_SECRET } from './check.ts'
import { withSecret } from './kinds.ts'
import { changing, conflictWith, type EntryRequest, inUse, type Outcome, type SettingsHouse, saved } from './outcome.ts'
import { tell } from './write.ts'

/**
 * Turns an entry on or off. What is turned off must be named by nothing else, but for an identity provider; what is turned on must fit.
 * Throws `DatabaseAway`.
 */
export function setEnabled(house: SettingsHouse, request: EntryRequest & { isEnabled: boolean }): Promise<Outcome> {
  const { kind, key, isEnabled, actor } = request
  return changing(house, request, async (db, current, row, settings) => {
    if (current.isEnabled === isEnabled) return saved(current, current.version)
    if (current.version !== request.expectedVersion) return conflictWith(db, current)
    if (kind === 'userStore' && key === PRIMARY) return inUse('The user store PRIMARY is always there.')
    if (kind === 'userStore' && !isEnabled) await assertStoresEmpty(db, [key])
    if (isEnabled || !mayBeNamedThough(kind)) {
      const entry = current.hasSecret ? withSecret(kind, current.entry, KEPT_SECRET) : current.entry
      const on = kind === 'idp' ? { ...entry, isEnabled } : entry
      const { faults, general } = checkChange(settings, { kind, current, ...(isEnabled ? { entry: on } : {}) }, house)
      if (faults.length + general.length > 0) return { kind: 'faults', faults, general }
    }
    const is = await updateEntry(db, kind, key, request.expectedVersion, { is_enabled: isEnabled })
    if (!is) return conflictWith(db, current)
    await tell(db, actor, kind, row, is)
    return saved(current, is.version)
  })
}

// A file can say of an identity provider that it is off, and of an application that its people come from there.
const mayBeNamedThough = (kind: Kind) => kind === 'idp'
