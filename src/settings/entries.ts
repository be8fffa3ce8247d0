// What the settings say now, on and off, in the words of the configuration file.
import type { Db } from '../db/connect.ts'
import { type EntryRow, findEntry, type Kind, keyOf, listEntries, type ManagedBy } from '../db/entries.ts'
import { readSections, type Section, type SectionRow } from '../db/installation.ts'
import { ALL_KINDS, type Entry, KINDS } from './kinds.ts'
import { SECTIONS, sectionEntry } from './sections.ts'
import { hasSecret } from './write.ts'

export type SettingKind = Kind | Section

export interface Setting {
  kind: SettingKind
  /** What names it among its kind and never changes; of a section, its kind. */
  key: string
  /** Of an identity provider and an application: what other rows call it. */
  id?: string
  /** As the file has it, every default filled in, without the secret. */
  entry: Entry
  managedBy: ManagedBy
  version: number
  isEnabled: boolean
  hasSecret: boolean
  /** Of an identity provider that goes with its users: nothing changes it any more. */
  isLeaving?: true
}

export type Settings = Record<Section, Setting> & Record<Kind, Setting[]>

/** Everything, in the order of the file. What is being deleted is gone already: nothing may name it any more. */
export async function readSettings(db: Db): Promise<Settings> {
  const { declaredHash: _, ...sections } = await readSections(db)
  const lists = {} as Record<Kind, Setting[]>
  for (const kind of ALL_KINDS)
    lists[kind] = (await listEntries(db, kind)).filter((row) => !isLeaving(row)).map((row) => settingOf(kind, row))
  return {
    organization: sectionOf('organization', sections.organization),
    jitProvisioning: sectionOf('jitProvisioning', sections.jitProvisioning),
    ...lists,
  }
}

/** One setting; `key` of a section is its kind. */
export async function findSetting(db: Db, kind: SettingKind, key: string): Promise<Setting | undefined> {
  if (isSection(kind)) return sectionOf(kind, (await readSections(db))[kind])
  const row = await findEntry(db, kind, key)
  return row && settingOf(kind, row)
}

export function isSection(kind: SettingKind): kind is Section {
  return (SECTIONS as readonly string[]).includes(kind)
}

/** Whether an entry is an identity provider that is being deleted with its users. */
export function isLeaving(row: EntryRow): boolean {
  return (row['deletion'] ?? null) !== null
}

function settingOf(kind: Kind, row: EntryRow): Setting {
  return {
    kind,
    key: keyOf(kind, row),
    ...(typeof row['id'] === 'string' && (kind === 'idp' || kind === 'application') ? { id: row['id'] } : {}),
    entry: KINDS[kind].entry(row),
    managedBy: row.managed_by,
    version: row.version,
    isEnabled: row.is_enabled,
    hasSecret: hasSecret(row),
    ...(isLeaving(row) ? { isLeaving: true } : {}),
  }
}

function sectionOf(kind: Section, { content, managedBy, version }: SectionRow): Setting {
  return { kind, key: kind, entry: sectionEntry(kind, content), managedBy, version, isEnabled: true, hasSecret: false }
}
