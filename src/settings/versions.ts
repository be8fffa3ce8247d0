// Makes a version of each purpose that says something else than its last one. In the transaction that changes the settings, under its lock.
import type { Db } from '../db/connect.ts'
import { type EntryRow, listEntries } from '../db/entries.ts'
import { type Organization, readOrganization } from '../db/installation.ts'
import { insertVersion, lastVersions, setAcceptBy } from '../db/purpose-versions.ts'
import { nextVersion, type PurposeContent } from '../provisioning/versions.ts'
import { sectionEntry } from './sections.ts'

/** Makes the versions that are due: of a purpose that was written, and of all when the organization changed. Those that are off count too. */
export async function keepVersions(db: Db): Promise<void> {
  const controller = sectionEntry('organization', { ...(await readOrganization(db)) }) as unknown as Organization
  const last = await lastVersions(db)
  for (const row of await listEntries(db, 'purpose')) {
    const purposeId = String(row['id'])
    const was = last.get(purposeId)
    const wordingOnly = textIn(row, 'wording_only')
    const acceptBy = textIn(row, 'accept_by') ?? null
    const content = contentOf(row, controller)
    const before = was && { content: was.content, wordingOnly: was.wordingOnly ?? undefined }
    const next = nextVersion(before, { content, wordingOnly })
    if (next) {
      const version = (was?.version ?? 0) + 1
      const wordsVersion = next.asks?.about === 'words' ? version : (was?.wordsVersion ?? version)
      const said = { purposeId, version, content, asks: next.asks, wordsVersion }
      await insertVersion(db, { ...said, wordingOnly: wordingOnly ?? null, acceptBy })
    } else if (was && was.acceptBy !== acceptBy) await setAcceptBy(db, was, acceptBy)
  }
}

/** What a row of purposes says, with who asks. */
function contentOf(row: EntryRow, controller: Organization): PurposeContent {
  return {
    purpose: String(row['purpose']),
    description: String(row['description']),
    translations: row['translations'] as PurposeContent['translations'],
    piiCategories: row['pii_categories'] as PurposeContent['piiCategories'],
    controller,
  }
}

function textIn(row: EntryRow, column: string): string | undefined {
  const value = row[column]
  return typeof value === 'string' ? value : undefined
}
