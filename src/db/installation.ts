// The one row of installation: the salt, and the organization that people see.
import { type Db, query, queryOne } from './connect.ts'

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

export async function writeOrganization(db: Db, organization: Organization): Promise<void> {
  const json = JSON.stringify(organization)
  await query(db, 'UPDATE installation SET organization = ?::jsonb WHERE organization IS DISTINCT FROM ?::jsonb', [
    json,
    json,
  ])
}
