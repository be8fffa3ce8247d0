// Rows of purposes and of custom attributes: why something is kept, and what people call it.
import { type Db, query } from './connect.ts'

export interface Purpose {
  id: string
  purpose: string
  description: string
  piiCategories: { name: string; mandatory: boolean }[]
}

/** A purpose with its words in other languages, by tag (BCP 47). */
export interface ConfiguredPurpose extends Purpose {
  translations: Record<string, { purpose: string; description: string }>
}

export function listPurposes(db: Db): Promise<ConfiguredPurpose[]> {
  return query<ConfiguredPurpose>(
    db,
    `SELECT id, purpose, description, pii_categories AS "piiCategories", translations FROM purposes
     WHERE is_enabled ORDER BY position, id`,
  )
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
