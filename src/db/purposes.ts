// Rows of purposes and of custom attributes: why something is kept, and what people call it.
import { type Db, query } from './connect.ts'

export interface Purpose {
  id: string
  purpose: string
  description: string
  piiCategories: { name: string; mandatory: boolean }[]
}

export function listPurposes(db: Db): Promise<Purpose[]> {
  return query<Purpose>(
    db,
    `SELECT id, purpose, description, pii_categories AS "piiCategories" FROM purposes WHERE is_enabled ORDER BY position, id`,
  )
}

/** Display names of the custom attributes, by attribute name. */
export async function customAttributeNames(db: Db): Promise<Map<string, string>> {
  const rows = await query<{ name: string; displayName: string }>(
    db,
    'SELECT name, display_name AS "displayName" FROM attributes WHERE is_enabled',
  )
  return new Map(rows.map((row) => [row.name, row.displayName]))
}
