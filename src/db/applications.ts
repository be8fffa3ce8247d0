// Rows of applications: the relying parties that send people to us.
import { type Db, query, queryOne } from './connect.ts'
import { type Organization, readOrganization } from './installation.ts'

export interface Application {
  id: string
  clientId: string
  name: string
  clientSecretSealed: Buffer | null
  grantTypes: string[]
  /** What it may do when it acts for itself. */
  scopes: string[]
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  /** Names of the idps it accepts; null: every enabled one. */
  identityProviders: string[] | null
  requireLocalUser: boolean
  /** Whoever enters it has to have a second factor, where the enhanced feature is on. */
  requireSecondFactor: boolean
  requirePkce: boolean
  isEnabled: boolean
  /** Where it starts, if not where its redirect URIs say. */
  home?: string
}

/** My Account, which is no row: the id spells its name. People know it by the organization's. */
export const MY_ACCOUNT = '6d796163-636f-756e-7400-000000000000'
export const MY_ACCOUNT_HOME = '/myaccount'

const COLUMNS = `id, client_id AS "clientId", name, client_secret_sealed AS "clientSecretSealed", grant_types AS "grantTypes", scopes,
  redirect_uris AS "redirectUris", post_logout_redirect_uris AS "postLogoutRedirectUris",
  identity_providers AS "identityProviders", require_local_user AS "requireLocalUser", require_pkce AS "requirePkce",
  require_second_factor AS "requireSecondFactor", is_enabled AS "isEnabled"`

export async function findApplication(db: Db, id: string): Promise<Application | undefined> {
  if (id === MY_ACCOUNT) return myAccount(await readOrganization(db))
  return queryOne<Application>(db, `SELECT ${COLUMNS} FROM applications WHERE id = ?`, [id])
}

/** My Account. Whoever has no user here has no account either: they are refused, or asked, but never handed on. */
export function myAccount({ name }: Organization): Application {
  return {
    id: MY_ACCOUNT,
    clientId: 'MY_ACCOUNT',
    name,
    clientSecretSealed: null,
    grantTypes: [],
    scopes: [],
    redirectUris: [],
    postLogoutRedirectUris: [],
    identityProviders: null,
    requireLocalUser: true,
    requireSecondFactor: false,
    requirePkce: true,
    isEnabled: true,
    home: MY_ACCOUNT_HOME,
  }
}

export function findApplicationByClientId(db: Db, clientId: string): Promise<Application | undefined> {
  return queryOne<Application>(db, `SELECT ${COLUMNS} FROM applications WHERE client_id = ? AND is_enabled`, [clientId])
}

/** The enabled applications, by name. */
export function listApplications(db: Db): Promise<Application[]> {
  return query<Application>(db, `SELECT ${COLUMNS} FROM applications WHERE is_enabled ORDER BY name, client_id`, [])
}

/** All of them, those that are off as well. */
export function listAllApplications(db: Db): Promise<Application[]> {
  return query<Application>(db, `SELECT ${COLUMNS} FROM applications ORDER BY name, client_id`)
}

/** Where an application starts: the origin of its web address; native ones have none that a browser could open. */
export function homeOf(application: Application): string | undefined {
  if (application.home) return application.home
  const web = application.redirectUris.find((uri) => /^https?:/.test(uri))
  return web ? `${new URL(web).origin}/` : undefined
}

/** Whether people of this idp may enter this application. */
export function acceptsIdp(application: Pick<Application, 'identityProviders'>, idpName: string): boolean {
  return application.identityProviders === null || application.identityProviders.includes(idpName)
}
