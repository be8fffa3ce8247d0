// Purposes and what asks for them, changed as an operator does in the console, while the product runs.
import assert from 'node:assert/strict'
import { releaseEntries } from '../../src/db/entries.ts'
import type { House } from '../../src/house.ts'
import { findSetting, type SettingKind } from '../../src/settings/entries.ts'
import type { Entry } from '../../src/settings/kinds.ts'
import { saveEntry } from '../../src/settings/save.ts'
import { setEnabled } from '../../src/settings/switch.ts'
import type { Mode } from './scene.ts'

const actor = { name: 'olga' }

/** Changes a setting; fails when it is not saved. */
export async function editSetting(
  house: House,
  kind: SettingKind,
  key: string,
  change: (entry: Entry) => Entry,
): Promise<void> {
  await releaseEntries(house.db)
  const setting = (await findSetting(house.db, kind, key)) ?? assert.fail(`there is no ${kind} ${key}`)
  const entry = withKeptSecret(kind, change(structuredClone(setting.entry)))
  const outcome = await saveEntry(house, { kind, key, entry, expectedVersion: setting.version, actor })
  assert.equal(outcome.kind, 'saved', JSON.stringify(outcome))
}

const withKeptSecret = (kind: SettingKind, entry: Entry): Entry =>
  kind === 'idp' ? { ...entry, oidc: { ...(entry['oidc'] as Entry), clientSecret: { keep: true } } } : entry

export interface PurposeEntry {
  id: string
  purpose: string
  description: string
  translations?: Record<string, { purpose: string; description: string }>
  piiCategories: { name: string; mandatory: boolean }[]
  acceptBy?: string
  wordingOnly?: string
}

/** Changes a purpose. */
export function editPurpose(
  house: House,
  id: string,
  change: (purpose: PurposeEntry) => Entry | object,
): Promise<void> {
  return editSetting(house, 'purpose', id, (entry) => change(entry as unknown as PurposeEntry) as Entry)
}

/** Adds a purpose behind the others. */
export async function addPurpose(house: House, purpose: PurposeEntry): Promise<void> {
  await releaseEntries(house.db)
  const entry = purpose as unknown as Entry
  const outcome = await saveEntry(house, { kind: 'purpose', entry, expectedVersion: -1, actor })
  assert.equal(outcome.kind, 'saved', JSON.stringify(outcome))
}

/** Archives a purpose: nobody is asked about it any more. */
export async function archivePurpose(house: House, key: string): Promise<void> {
  const setting = (await findSetting(house.db, 'purpose', key)) ?? assert.fail(`there is no purpose ${key}`)
  const request = { kind: 'purpose' as const, key, expectedVersion: setting.version, isEnabled: false, actor }
  assert.equal((await setEnabled(house, request)).kind, 'saved')
}

/** Gives an idp another mode, or another way of bringing attributes up to date. */
export function editJit(house: House, mode: Mode, jit: Entry): Promise<void> {
  return editSetting(house, 'idp', mode, (entry) => ({
    ...entry,
    provisioning: { jit: { ...(entry['provisioning'] as { jit: Entry }).jit, ...jit } },
  }))
}
