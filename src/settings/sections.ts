// The parts of the settings that there is one of: the organization, and what holds for the prompts of every idp.
import { isDeepStrictEqual } from 'node:util'
import { type Actor, insertChange } from '../db/changes.ts'
import type { Db } from '../db/connect.ts'
import type { ManagedBy } from '../db/entries.ts'
import {
  readSections,
  rememberDeclaredSections,
  type Section,
  type SectionRow,
  updateSection,
} from '../db/installation.ts'
import { type Declared, JIT_DEFAULTS } from '../declared.ts'
import type { Keyring } from '../seal.ts'
import { type Entry, leaves } from './kinds.ts'

export const SECTIONS = ['organization', 'jitProvisioning'] as const

/** A section as the file has it, defaults filled in. */
export function sectionEntry(section: Section, content: Entry): Entry {
  const defaults = section === 'organization' ? { name: 'Vestibule' } : JIT_DEFAULTS
  return inOrder({ ...defaults, ...content })
}

/** What is kept of a section that was read: what differs from the defaults, by the keys of the file. */
export function sectionContent<S extends Section>(section: S, declared: Declared[S]): Entry {
  if (section === 'organization') return { ...declared }
  const jit = declared as Declared['jitProvisioning']
  const entry: Entry = {
    username_provisioning_url: jit.usernameProvisioningUrl,
    password_provisioning_url: jit.passwordProvisioningUrl,
    allowed_page_origins: jit.allowedPageOrigins,
    unknown_user_store: jit.unknownUserStore,
    reserved_usernames: jit.reservedUsernames,
    enable_enhanced_feature: jit.enableEnhancedFeature,
    show_failure_reason: jit.showFailureReason,
    require_second_factor: jit.requireSecondFactor,
  }
  const isDefault = ([key, value]: [string, unknown]) =>
    isDeepStrictEqual(value, JIT_DEFAULTS[key as keyof typeof JIT_DEFAULTS])
  return Object.fromEntries(Object.entries(entry).filter((one) => !isDefault(one)))
}

/** Writes what a declaration says of both; in its transaction. Returns the names of those that it wrote. */
export async function declareSections(
  db: Db,
  keyring: Keyring,
  actor: Actor,
  declared: Declared,
  managedBy: ManagedBy,
): Promise<string[]> {
  const { declaredHash, ...rows } = await readSections(db)
  const hash = keyring.hash('declared installation', JSON.stringify([declared.organization, declared.jitProvisioning]))
  // What the console changed of the demo stays, as long as the demo says what it said.
  if (managedBy === 'console' && declaredHash.equals(hash)) return []
  const written: string[] = []
  for (const section of SECTIONS) {
    const was = rows[section]
    if (leaves(declared, section)) {
      if (was.managedBy === 'file') await updateSection(db, section, was.version, { ...was, managedBy: 'console' })
      continue
    }
    const is = { content: sectionContent(section, declared[section]), managedBy }
    if ((await writeSection(db, actor, section, was, is)) !== was.version) written.push(section)
  }
  if (managedBy === 'console') await rememberDeclaredSections(db, hash)
  return written
}

/** Writes a section that has the version of `was`, and its line of history. Returns its version; undefined when it has another one by now. */
export async function writeSection(
  db: Db,
  actor: Actor,
  section: Section,
  was: SectionRow,
  is: Omit<SectionRow, 'version'>,
): Promise<number | undefined> {
  const version = await updateSection(db, section, was.version, is)
  const [before, after] = [sectionEntry(section, was.content), sectionEntry(section, is.content)]
  if (version !== undefined && !isDeepStrictEqual(before, after)) {
    await insertChange(db, actor, { action: 'changed', kind: section, object: section, before, after })
  }
  return version
}

const ORDER = [
  ...['name', 'privacyPolicyUrl', 'jurisdiction', 'contact', 'email', 'phone', 'address'],
  ...Object.keys(JIT_DEFAULTS),
]

// PostgreSQL orders the keys of a map by their length.
function inOrder(entry: Entry): Entry {
  const place = (key: string) => ORDER.indexOf(key)
  return Object.fromEntries(Object.entries(entry).sort(([a], [b]) => place(a) - place(b)))
}
