// The one row of installation: the salt, the organization that people see, and what holds for the prompts of every idp.
import { type Db, query, queryOne } from './connect.ts'
import type { ManagedBy } from './entries.ts'

/** Who asks for consent. Name and privacy page are on the pages; all of it is kept with what people agree to. */
export interface Organization {
  name: string
  privacyPolicyUrl?: string
  jurisdiction?: string
  contact?: string
  email?: string
  phone?: string
  address?: string
}

/** The salt of subjects that have no user row: 32 random bytes, made by the first migration, never changed. */
export async function readSalt(db: Db): Promise<Buffer> {
  const row = await queryOne<{ salt: Buffer }>(db, 'SELECT salt FROM installation')
  if (!row) throw new Error('The installation row is missing: run the migrations.')
  return row.salt
}

export async function readOrganization(db: Db): Promise<Organization> {
  const row = await queryOne<{ organization: Organization }>(db, 'SELECT organization FROM installation')
  return row?.organization ?? { name: 'Vestibule' }
}

/** The parts of the configuration file that there is one of. */
export type Section = 'organization' | 'jitProvisioning'

export interface SectionRow {
  /** As the file says it. */
  content: Record<string, unknown>
  managedBy: ManagedBy
  version: number
}

const COLUMNS: Record<Section, string> = { organization: 'organization', jitProvisioning: 'jit_provisioning' }

/** Both parts, and the hash of what a file said of them last. */
export async function readSections(db: Db): Promise<Record<Section, SectionRow> & { declaredHash: Buffer }> {
  const row = await queryOne<Record<string, unknown>>(db, 'SELECT * FROM installation')
  if (!row) throw new Error('The installation row is missing: run the migrations.')
  const section = (column: string): SectionRow => ({
    content: row[column] as Record<string, unknown>,
    managedBy: row[`${column}_managed_by`] as ManagedBy,
    version: row[`${column}_version`] as number,
  })
  return {
    organization: section(COLUMNS.organization),
    jitProvisioning: section(COLUMNS.jitProvisioning),
    declaredHash: row['declared_hash'] as Buffer,
  }
}

/** Changes the part that has this version unless it says the same already; undefined when it has another version. */
export async function updateSection(
  db: Db,
  section: Section,
  version: number,
  { content, managedBy }: Omit<SectionRow, 'version'>,
): Promise<number | undefined> {
  const column = COLUMNS[section]
  const json = JSON.stringify(content)
  const isSame = `(${column} = ?::jsonb AND ${column}_managed_by = ?)`
  const written = await queryOne<{ version: number }>(
    db,
    `UPDATE installation SET ${column} = ?::jsonb, ${column}_managed_by = ?, ${column}_version = ${column}_version + 1
     WHERE ${column}_version = ? AND NOT ${isSame} RETURNING ${column}_version AS version`,
    [json, managedBy, version, json, managedBy],
  )
  if (written) return written.version
  const kept = await queryOne(db, `SELECT 1 FROM installation WHERE ${column}_version = ?`, [version])
  return kept ? version : undefined
}

export async function rememberDeclaredSections(db: Db, hash: Buffer): Promise<void> {
  await query(db, 'UPDATE installation SET declared_hash = ? WHERE declared_hash <> ?', [hash, hash])
}
