// What is configured, read as a whole, and the name by which PostgreSQL tells whether it has changed since.
import { type Application, listAllApplications, myAccount } from './applications.ts'
import { type Db, queryOne } from './connect.ts'
import { type Idp, listAllIdps } from './idps.ts'
import { type Organization, readOrganization } from './installation.ts'
import { type AttributeNames, type ConfiguredPurpose, customAttributes, listPurposes } from './purposes.ts'
import { isEnhanced } from './read-only.ts'
import { listStores, type StoreRow } from './user-stores.ts'

/** SQL of the name of what is configured now: for statements that ask about a sign-in. Another transaction's change has another name. */
export const CONFIGURED = '(SELECT version FROM configured)'

export interface ConfiguredRows {
  /** As `CONFIGURED` said before the rest was read: what is here is as new as that, or newer. */
  version: string
  organization: Organization
  /** The enhanced feature is on. */
  isEnhanced: boolean
  /** All, in the order of the configuration, those that are off as well. */
  idps: Idp[]
  /** All, My Account too, those that are off as well. */
  applications: Application[]
  purposes: ConfiguredPurpose[]
  attributes: ReadonlyMap<string, AttributeNames>
  stores: StoreRow[]
}

export async function readConfiguredVersion(db: Db): Promise<string> {
  const row = await queryOne<{ version: string }>(db, 'SELECT version FROM configured')
  if (!row) throw new Error('The row of what is configured is missing: run the migrations.')
  return row.version
}

export async function readConfigured(db: Db): Promise<ConfiguredRows> {
  const version = await readConfiguredVersion(db)
  const [organization, enhanced, idps, applications, purposes, attributes, stores] = await Promise.all([
    readOrganization(db),
    isEnhanced(db),
    listAllIdps(db),
    listAllApplications(db),
    listPurposes(db),
    customAttributes(db),
    listStores(db),
  ])
  return {
    version,
    organization,
    isEnhanced: enhanced,
    idps,
    applications: [...applications, myAccount(organization)],
    purposes,
    attributes,
    stores,
  }
}

/** Of these applications, the one with this id; My Account's is `MY_ACCOUNT`. */
export function applicationIn(configured: Pick<ConfiguredRows, 'applications'>, id: string): Application | undefined {
  return configured.applications.find((application) => application.id === id)
}

export function idpIn(configured: Pick<ConfiguredRows, 'idps'>, id: string | undefined): Idp | undefined {
  return configured.idps.find((idp) => idp.id === id)
}

/** The enabled idps that an application accepts, in the order of the configuration. */
export function idpsOf(
  configured: Pick<ConfiguredRows, 'idps'>,
  { identityProviders }: Pick<Application, 'identityProviders'>,
): Idp[] {
  return configured.idps.filter(
    ({ isEnabled, name }) => isEnabled && (identityProviders === null || identityProviders.includes(name)),
  )
}
