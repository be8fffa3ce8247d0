// Rows of idps: configured identity providers with their provisioning settings.
import { type Db, query, queryOne } from './connect.ts'

export type Scheme =
  | 'PROVISION_SILENTLY'
  | 'PROMPT_CONSENT'
  | 'PROMPT_PASSWORD_CONSENT'
  | 'PROMPT_USERNAME_PASSWORD_CONSENT'

export type AttributeSyncMethod = 'OVERRIDE_ALL' | 'PRESERVE_LOCAL' | 'NONE'

export interface Idp {
  id: string
  name: string
  displayName: string
  isEnabled: boolean
  issuer: string
  clientId: string
  clientSecretSealed: Buffer | null
  scopes: string[]
  usernameClaim: string
  /** Our attribute → their claim. */
  mappings: Record<string, string>
  /** Which claim carries roles. */
  rolesClaim: string | null
  /** Their role → ours; without a claim there are none. */
  roleMappings: Record<string, string>
  jitEnabled: boolean
  scheme: Scheme
  /** A store, or `As in username`. */
  userstore: string
  /** Whoever is new here is offered to connect to a user of theirs, after proof that it is theirs. */
  associateLocalUser: boolean
  attributeSyncMethod: AttributeSyncMethod
  /** Whoever comes by it has to have a second factor, where the enhanced feature is on. */
  requireSecondFactor: boolean
}

const COLUMNS = `id, name, display_name AS "displayName", is_enabled AS "isEnabled", issuer, client_id AS "clientId",
  roles_claim AS "rolesClaim", role_mappings AS "roleMappings",
  client_secret_sealed AS "clientSecretSealed", scopes, username_claim AS "usernameClaim", mappings,
  jit_enabled AS "jitEnabled", jit_scheme AS scheme, coalesce(jit_userstore, 'As in username') AS userstore,
  associate_local_user AS "associateLocalUser", attribute_sync_method AS "attributeSyncMethod",
  require_second_factor AS "requireSecondFactor"`

/**
 * Of an idp, until the transaction ends: `shared` keeps its deletion from beginning and its people from being locked, and any number may at once;
 * `alone` is for whoever does that. Not the row, as those who share it would let whoever waits for it alone wait for ever.
 */
export async function holdIdp(transaction: Db, id: string, how: 'shared' | 'alone'): Promise<void> {
  const lock = how === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock'
  await query(transaction, `SELECT ${lock}(7135204, hashtext(?))`, [id])
}

export function findIdp(db: Db, id: string): Promise<Idp | undefined> {
  return queryOne<Idp>(db, `SELECT ${COLUMNS} FROM idps WHERE id = ?`, [id])
}

/** The enabled idps, in the order of the configuration; of an application that names its own, those only. */
export function listIdps(db: Db, names: string[] | null): Promise<Idp[]> {
  return query<Idp>(
    db,
    `SELECT ${COLUMNS} FROM idps WHERE is_enabled AND (?::text[] IS NULL OR name = ANY (?::text[])) ORDER BY position, name`,
    [names, names],
  )
}

/** All of them in the order of the configuration, those that are off as well. */
export function listAllIdps(db: Db): Promise<Idp[]> {
  return query<Idp>(db, `SELECT ${COLUMNS} FROM idps ORDER BY position, name`)
}
