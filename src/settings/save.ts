// Saves one entry as an operator wrote it in the console: checked with everything else as a file would be, and written by the same writer.
import type { Fault } from '../config-faults.ts'
import type { Db } from '../db/connect.ts'
import { type EntryRow, findEntry, type Kind, nextPosition } from '../db/entries.ts'
import { readSections, type Section } from '../db/installation.ts'
import { checkChange, KEPT_SECRET } from './check.ts'
import { isSection, readSettings, type Setting, type Settings } from './entries.ts'
import { type Entry, KINDS, type Parsed, secretIn, withSecret } from './kinds.ts'
import { type ChangeRequest, conflictWith, type Outcome, type SettingsHouse, saved, settled } from './outcome.ts'
import { sectionContent, writeSection } from './sections.ts'
import { opened, writeEntry } from './write.ts'

export interface SaveRequest extends ChangeRequest {
  /** What names the entry; absent: it is new, and `expectedVersion` counts for nothing. Of a section: nothing, or its kind. */
  key?: string | undefined
  /** As a file would have it. A secret may be `{ keep: true }`; without one there is none any more. */
  entry: Entry
}

/**
 * Saves an entry. Of two operators who saw the same version one is told of a conflict; of two who say the same, neither is.
 * Throws `DatabaseAway`.
 */
export function saveEntry(house: SettingsHouse, request: SaveRequest): Promise<Outcome> {
  return settled(house, async (db) => {
    const settings = await readSettings(db)
    const { kind } = request
    return isSection(kind) ? saveSection(db, house, request, kind, settings) : save(db, house, request, kind, settings)
  })
}

async function save<K extends Kind>(
  db: Db,
  house: SettingsHouse,
  { key, entry: given, expectedVersion, actor }: SaveRequest,
  kind: K,
  settings: Settings,
): Promise<Outcome> {
  const { named, isOrdered, isEnabled } = KINDS[kind]
  const isNew = key === undefined
  const current = isNew ? namesake(settings, kind, given[named]) : settings[kind].find((one) => one.key === key)
  if (!current && !isNew) return { kind: 'gone' }
  if (current?.managedBy === 'file') return isNew ? { kind: 'taken' } : { kind: 'read-only' }

  const row = current && (await findEntry(db, kind, current.key))
  const keepsSecret = keeps(house, kind, given, row)
  const entry = withSecret(kind, given, keepsSecret ? KEPT_SECRET : keptNothing(secretIn(kind, given)))
  const checked = checkChange(settings, { kind, current, entry }, house)
  // As after an answer that was lost, or a second press.
  if (current && checked.isSame && keepsSecret === current.hasSecret) return saved(current, current.version)
  if (current && isNew) return { kind: 'taken' }
  if (current && current.version !== expectedVersion) return conflictWith(db, current)
  const faults = [...renamed(named, given, current), ...lentElsewhere(kind, given, current), ...checked.faults]
  if (faults.length + checked.general.length > 0) return { kind: 'faults', faults, general: checked.general }

  const content = checked.content as Parsed[K]
  const written = await writeEntry(db, house.keyring, actor, {
    kind,
    content,
    was: row,
    managedBy: 'console',
    isEnabled: isEnabled?.(content) ?? row?.is_enabled ?? true,
    keepsSecret,
    ...(current || !isOrdered ? {} : { position: await nextPosition(db, kind) }),
  })
  if (written) return saved({ key: String(given[named]) }, written.version, checked.warnings)
  return current ? conflictWith(db, current) : { kind: 'taken' }
}

async function saveSection(
  db: Db,
  house: SettingsHouse,
  { entry, expectedVersion, actor }: SaveRequest,
  section: Section,
  settings: Settings,
): Promise<Outcome> {
  const current = settings[section]
  if (current.managedBy === 'file') return { kind: 'read-only' }
  const checked = checkChange(settings, { kind: section, current, entry }, house)
  if (checked.isSame) return saved(current, current.version)
  if (current.version !== expectedVersion) return conflictWith(db, current)
  const { faults, general, warnings } = checked
  if (faults.length + general.length > 0) return { kind: 'faults', faults, general }
  const was = (await readSections(db))[section]
  const is = { content: sectionContent(section, checked.content as never), managedBy: 'console' as const }
  const version = await writeSection(db, actor, section, was, is)
  return version === undefined ? conflictWith(db, current) : saved(current, version, warnings)
}

/** The entry that has the name of a new one. Names of identity providers stand in addresses, where case does not count. */
function namesake(settings: Settings, kind: Kind, name: unknown): Setting | undefined {
  const plain = (text: unknown) => (kind === 'idp' ? String(text).toLowerCase() : text)
  return settings[kind].find(({ key }) => plain(key) === plain(name))
}

/** Whether the secret stays: it is meant to, or is the same. */
function keeps(house: SettingsHouse, kind: Kind, given: Entry, row: EntryRow | undefined): boolean {
  const secret = secretIn(kind, given)
  if (!row || secret === undefined) return false
  return isKeep(secret) ? Buffer.isBuffer(row['client_secret_sealed']) : opened(house.keyring, kind, row) === secret
}

const isKeep = (secret: unknown) => typeof secret === 'object' && secret !== null && 'keep' in secret
/** There is nothing to keep: then there is no secret. */
const keptNothing = (secret: unknown) => (isKeep(secret) ? undefined : secret)

function renamed(named: string, given: Entry, current: Setting | undefined): Fault[] {
  if (!current || given[named] === current.key) return []
  return [{ path: named, problem: 'never changes: other entries and addresses name it', example: current.key }]
}

/** Who changes where a secret is sent must know it: nobody reads it here, and a server of their own would (Keycloak's CVE-2024-5967). */
function lentElsewhere(kind: Kind, given: Entry, current: Setting | undefined): Fault[] {
  const issuerOf = ({ oidc }: Entry) => (oidc as { issuer?: unknown } | undefined)?.issuer
  if (kind !== 'idp' || !current?.hasSecret || !isKeep(secretIn(kind, given))) return []
  if (issuerOf(given) === issuerOf(current.entry)) return []
  return [
    { path: 'oidc.clientSecret', problem: 'has to be typed again, because the issuer is another one', example: '' },
  ]
}
