// Writes what the configuration file declares. Equal content writes nothing; what is no longer declared is turned off, never deleted.
import type { Declared } from '../declared.ts'
import type { Keyring } from '../seal.ts'
import { type Db, inTransaction, query } from './connect.ts'
import { writeOrganization } from './installation.ts'
import { assertCaseUnchanged, assertStoresEmpty } from './user-stores.ts'

/** What applying the configuration did, for the log: names only. */
export interface Applied {
  written: string[]
  turnedOff: string[]
}

/** As configurations say it (stores/name.ts); no store in the table. */
const AS_IN_USERNAME = 'As in username'

/** How `Applied` begins the name of a user store. */
export const USER_STORE = 'user store'

/** One number for all processes: the first to come applies, the others wait and find nothing to write. */
const LOCK = 7_135_201

/** Applies a declaration in one transaction, under a lock that ends with it. Throws `StoreInUse` when a store is still needed as it is. */
export function applyDeclared(db: Db, keyring: Keyring, declared: Declared): Promise<Applied> {
  return inTransaction(db, async (transaction) => {
    await query(transaction, 'SELECT pg_advisory_xact_lock(?)', [LOCK])
    await writeOrganization(transaction, declared.organization)
    const written: string[] = []
    const note = (kind: string, name: string, rows: unknown[]) => rows.length > 0 && written.push(`${kind} ${name}`)
    const hash = (kind: string, content: unknown) => keyring.hash(`declared ${kind}`, JSON.stringify(content))

    for (const attribute of declared.attributes) {
      const row = {
        name: attribute.name,
        display_name: attribute.displayName,
        translations: JSON.stringify(attribute.translations ?? {}),
        is_enabled: true,
        declared_hash: hash('attribute', attribute),
      }
      note('attribute', attribute.name, await upsert(transaction, 'attributes', 'name', row))
    }
    for (const [position, { name, properties }] of declared.userStores.entries()) {
      await assertCaseUnchanged(transaction, name, properties.CaseInsensitiveUsername !== 'false')
      const row = {
        name,
        position,
        properties: JSON.stringify(properties),
        is_enabled: true,
        declared_hash: hash('user store', { name, position, properties }),
      }
      note(USER_STORE, name, await upsert(transaction, 'user_stores', 'name', row))
    }
    for (const [position, idp] of declared.identityProviders.entries()) {
      const { name, displayName, isEnabled, oidc, claims, jit } = idp
      const secret = oidc.clientSecret === undefined ? null : keyring.seal(`idp ${name}`, oidc.clientSecret)
      const row = {
        name,
        display_name: displayName,
        is_enabled: isEnabled,
        position,
        issuer: oidc.issuer,
        client_id: oidc.clientId,
        client_secret_sealed: secret,
        scopes: oidc.scopes,
        username_claim: claims.username,
        mappings: JSON.stringify(claims.mappings),
        roles_claim: claims.roles ?? null,
        role_mappings: JSON.stringify(claims.roleMappings),
        jit_enabled: jit.isEnabled,
        jit_scheme: jit.scheme,
        jit_userstore: jit.userstore === AS_IN_USERNAME ? null : jit.userstore,
        attribute_sync_method: jit.attributeSyncMethod,
        declared_hash: hash('idp', { idp, position }),
      }
      note('idp', name, await upsert(transaction, 'idps', 'name', row))
    }
    for (const [position, purpose] of declared.purposes.entries()) {
      const row = {
        id: purpose.id,
        purpose: purpose.purpose,
        description: purpose.description,
        translations: JSON.stringify(purpose.translations ?? {}),
        pii_categories: JSON.stringify(purpose.piiCategories),
        is_enabled: true,
        position,
        declared_hash: hash('purpose', { purpose, position }),
      }
      note('purpose', purpose.id, await upsert(transaction, 'purposes', 'id', row))
    }
    for (const application of declared.applications) {
      const { clientId, clientSecret } = application
      const row = {
        client_id: clientId,
        name: application.name,
        client_secret_sealed: clientSecret === undefined ? null : keyring.seal(`application ${clientId}`, clientSecret),
        grant_types: application.grantTypes,
        scopes: application.scopes,
        redirect_uris: application.redirectUris,
        post_logout_redirect_uris: application.postLogoutRedirectUris,
        identity_providers: application.identityProviders ?? null,
        require_local_user: application.requireLocalUser,
        require_pkce: application.requirePkce,
        is_enabled: true,
        declared_hash: hash('application', application),
      }
      note('application', clientId, await upsert(transaction, 'applications', 'client_id', row))
    }
    const turnedOff = [
      ...(await turnOff(
        transaction,
        'attributes',
        'name',
        declared.attributes.map((attribute) => attribute.name),
      )),
      ...(await turnOff(
        transaction,
        'idps',
        'name',
        declared.identityProviders.map((idp) => idp.name),
      )),
      ...(await turnOff(
        transaction,
        'purposes',
        'id',
        declared.purposes.map((purpose) => purpose.id),
      )),
      ...(await turnOff(
        transaction,
        'applications',
        'client_id',
        declared.applications.map((one) => one.clientId),
      )),
    ]
    const stores = declared.userStores.map(({ name }) => name)
    await assertStoresEmpty(transaction, stores)
    turnedOff.push(...(await turnOff(transaction, 'user_stores', 'name', stores)))
    return { written, turnedOff }
  })
}

/** Writes a row unless it says the same already. Table and column names are ours, never input. */
function upsert(db: Db, table: string, key: string, row: Record<string, unknown>): Promise<unknown[]> {
  const columns = Object.keys(row)
  const set = columns.filter((column) => column !== key).map((column) => `${column} = excluded.${column}`)
  return query(
    db,
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
     ON CONFLICT (${key}) DO UPDATE SET ${set.join(', ')}
     WHERE ${table}.declared_hash <> excluded.declared_hash OR ${table}.is_enabled <> excluded.is_enabled RETURNING 1`,
    Object.values(row),
  )
}

async function turnOff(db: Db, table: string, key: string, declared: string[]): Promise<string[]> {
  const rows = await query<{ name: string }>(
    db,
    `UPDATE ${table} SET is_enabled = false WHERE is_enabled AND NOT (${key} = ANY (?::text[])) RETURNING ${key} AS name`,
    [declared],
  )
  return rows.map((row) => `${table} ${row.name}`)
}
