// A database with nothing in it, as the console changes its settings; and configurations to fill it with, by a file or entry by entry.
import { connect } from '../../src/db/connect.ts'
import { releaseEntries } from '../../src/db/entries.ts'
import { readDeclared } from '../../src/declared.ts'
import { createKeyring } from '../../src/seal.ts'
import { applyDeclared } from '../../src/settings/declare.ts'
import { findSetting, type SettingKind } from '../../src/settings/entries.ts'
import { exportConfiguration } from '../../src/settings/export.ts'
import type { Entry } from '../../src/settings/kinds.ts'
import { type LiveSettings, startLiveSettings } from '../../src/settings/live.ts'
import type { Outcome, SettingsHouse } from '../../src/settings/outcome.ts'
import { saveEntry } from '../../src/settings/save.ts'
import { SECRET_KEY, testCluster } from './product.ts'
import { openRows } from './rows.ts'

export const ASHA = {
  id: '7f1c6c1e-2b1a-4c93-a9a4-3f4f2f0f6b11',
  name: 'asha',
  address: '192.0.2.0/24',
  requestId: 'r-1',
}

export interface Office extends SettingsHouse {
  now: () => Date
  settings: () => LiveSettings
  rows<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>
  /** The same as another process has it: connections of its own, settings that it reads for itself every `everyMs`. */
  another(everyMs?: number): Promise<SettingsHouse & { settings: () => LiveSettings }>
  /** As it was at first, but for the history. */
  empty(): Promise<void>
  drop(): Promise<void>
}

/** Opens a database that no file and nobody has declared anything in. */
export async function openOffice(): Promise<Office> {
  const cluster = await testCluster()
  const database = await cluster.clone()
  const sql = openRows(() => database.url)
  const stops: (() => Promise<unknown>)[] = []
  const another = async (everyMs?: number) => {
    const db = connect({ url: cluster.forProduct(database.url), poolMax: 10, ssl: false, onError: () => {} })
    const live = await startLiveSettings(db, () => {}, everyMs)
    stops.push(async () => {
      live.stop()
      await db.destroy()
    })
    const keyring = createKeyring(SECRET_KEY)
    return { db, keyring, allowPrivateIdp: false, settings: live.now, rereadSettings: live.reread }
  }
  const first = await another()
  await releaseEntries(first.db)
  return {
    ...first,
    now: () => new Date(),
    another,
    rows: sql.rows,
    async empty() {
      await sql.rows(
        `DELETE FROM applications; DELETE FROM purposes; DELETE FROM idps; DELETE FROM attributes;
         DELETE FROM user_stores WHERE name <> 'PRIMARY';
         UPDATE user_stores SET properties = '{}', managed_by = 'console';
         UPDATE installation SET organization = '{"name": "Vestibule"}', jit_provisioning = '{}',
           organization_managed_by = 'console', jit_provisioning_managed_by = 'console'`,
      )
      await first.rereadSettings()
    },
    async drop() {
      await Promise.all([...stops.map((stop) => stop()), sql.close()])
      await database.drop()
    },
  }
}

/** Applies the text of a file as a start does. */
export async function applyFile(office: Office, text: string, env: Record<string, string> = {}): Promise<void> {
  const { declared, faults } = readDeclared(text, 'vestibule.yaml', env)
  if (!declared) throw new Error(`The file has faults: ${JSON.stringify(faults)}\n${text}`)
  await applyDeclared(office.db, office.keyring, declared)
}

const ORDER: [list: string, kind: SettingKind, named: string][] = [
  ['attributes', 'attribute', 'name'],
  ['userStores', 'userStore', 'name'],
  ['identityProviders', 'idp', 'name'],
  ['purposes', 'purpose', 'id'],
  ['applications', 'application', 'clientId'],
]

/** Types a configuration into the console, entry by entry, and expects each to be saved. PRIMARY is there already. */
export async function typeIn(office: Office, tree: Entry): Promise<void> {
  const save = async (kind: SettingKind, entry: unknown, key?: string) => {
    const current = key === undefined ? undefined : await findSetting(office.db, kind, key)
    const request = { kind, key, entry: entry as Entry, expectedVersion: current?.version ?? 0, actor: ASHA }
    saved(await saveEntry(office, request))
  }
  const authentication = tree['authentication'] as { jit_provisioning?: Entry } | undefined
  if (tree['organization']) await save('organization', tree['organization'], 'organization')
  if (authentication?.jit_provisioning)
    await save('jitProvisioning', authentication.jit_provisioning, 'jitProvisioning')
  for (const [list, kind, named] of ORDER) {
    for (const entry of (tree[list] ?? []) as Entry[])
      await save(kind, entry, entry[named] === 'PRIMARY' ? 'PRIMARY' : undefined)
  }
}

/** The version of what was saved, which it must be. */
export function saved(outcome: Outcome): number {
  if (outcome.kind !== 'saved') throw new Error(`Not saved: ${JSON.stringify(outcome)}`)
  return outcome.version
}

/** What an export prints, and prints again after it was read into an empty database with its variables set. */
export async function exportedTwice(office: Office, again: Office, secretOf: (name: string) => string) {
  const first = await exportConfiguration(office.db)
  const names = [...first.matchAll(/(?<!\$)\$\{(\w+)\}/g)].map((match) => String(match[1]))
  await again.empty()
  await applyFile(again, first, Object.fromEntries(names.map((name) => [name, secretOf(name)])))
  return { first, second: await exportConfiguration(again.db), names }
}
