// Rows of purposes and of custom attributes: why something is kept, and what people call it.
import { type Db, query } from './connect.ts'

export interface Purpose {
  id: string
  purpose: string
  description: string
  piiCategories: { name: string; mandatory: boolean }[]
}

/** Which version of a purpose is in force. */
export interface InForce {
  version: number
  /** The last version that asks about the words. */
  wordsVersion: number
  /** The last day on which it can be put off (UTC), and the moment from which it cannot. A day that was over when it was said counts for nothing. */
  acceptBy: string | null
  dueFrom: Date | null
}

/** A purpose with its words in other languages, by tag (BCP 47). */
export interface ConfiguredPurpose extends Purpose {
  translations: Record<string, { purpose: string; description: string }>
  /** Absent only until the settings are next written, where an earlier release wrote it. */
  inForce?: InForce
}

/** In one statement: words and version of a purpose belong together. */
export async function listPurposes(db: Db): Promise<ConfiguredPurpose[]> {
  const rows = await query<ConfiguredPurpose & { [K in keyof InForce]: InForce[K] | null }>(
    db,
    `SELECT id, purpose, description, pii_categories AS "piiCategories", translations, last.version, last.words_version AS "wordsVersion",
       CASE WHEN last.due_from > last.created_at THEN last.accept_by END AS "acceptBy",
       CASE WHEN last.due_from > last.created_at THEN last.due_from END AS "dueFrom"
     FROM purposes LEFT JOIN LATERAL (
       SELECT v.*, (v.accept_by::date + 1)::timestamp AT TIME ZONE 'UTC' AS due_from FROM purpose_versions v WHERE purpose_id = id
       ORDER BY v.version DESC LIMIT 1) last ON true
     WHERE is_enabled ORDER BY position, id`,
  )
  return rows.map(({ version, wordsVersion, acceptBy, dueFrom, ...purpose }) => ({
    ...purpose,
    ...(version === null || wordsVersion === null ? {} : { inForce: { version, wordsVersion, acceptBy, dueFrom } }),
  }))
}

/** What people call a custom attribute, and in other languages, by tag (BCP 47). */
export interface AttributeNames {
  displayName: string
  translations: Record<string, string>
}

/** The custom attributes, by name. */
export async function customAttributes(db: Db): Promise<Map<string, AttributeNames>> {
  const rows = await query<AttributeNames & { name: string }>(
    db,
    'SELECT name, display_name AS "displayName", translations FROM attributes WHERE is_enabled',
  )
  return new Map(rows.map(({ name, ...names }) => [name, names]))
}
