// The kinds of entry that a configuration declares: where each stands in the file, how it becomes a row, and how a row reads in the file's words. Pure.
import type { EntryRow, Kind } from '../db/entries.ts'
import type { Declared } from '../declared.ts'
import { AS_IN_USERNAME } from '../stores/name.ts'

/** An entry as the file's reader understood it. */
export interface Parsed {
  attribute: Declared['attributes'][number]
  userStore: Declared['userStores'][number]
  idp: Declared['identityProviders'][number]
  purpose: Declared['purposes'][number]
  application: Declared['applications'][number]
}

/** A part of the file as a map of keys, as its author wrote it or could have. */
export type Entry = Record<string, unknown>

type ListName = 'attributes' | 'userStores' | 'identityProviders' | 'purposes' | 'applications'

interface KindOf<Content> {
  /** Its list in the file, and the key that names an entry there. */
  list: ListName
  named: 'name' | 'id' | 'clientId'
  /** Whether the order of the file counts. */
  isOrdered: boolean
  /** Only where an entry says of itself whether it is on. */
  isEnabled?(content: Content): boolean
  /** The secret of an entry, and the keys that lead to it. */
  secret?: { path: readonly [string, ...string[]]; of(content: Content): string | undefined; context: string }
  /** The columns that say what the entry says; the secret has its own. */
  columns(content: Content): Record<string, unknown>
  /** All that a row says, defaults filled in, without the secret. */
  entry(row: EntryRow): Entry
}

/** In the order in which they can be written: what others name comes first. */
export const KINDS: { [K in Kind]: KindOf<Parsed[K]> } = {
  attribute: {
    list: 'attributes',
    named: 'name',
    isOrdered: false,
    columns: ({ name, displayName, translations }) => ({
      name,
      display_name: displayName,
      translations: JSON.stringify(translations ?? {}),
    }),
    entry: (row) => ({
      name: row['name'],
      displayName: row['display_name'],
      type: 'string',
      ...unlessEmpty('translations', row['translations']),
    }),
  },
  userStore: {
    list: 'userStores',
    named: 'name',
    isOrdered: true,
    columns: ({ name, properties }) => ({ name, properties: JSON.stringify(properties) }),
    entry: (row) => ({ name: row['name'], type: 'postgres', properties: row['properties'] }),
  },
  idp: {
    list: 'identityProviders',
    named: 'name',
    isOrdered: true,
    isEnabled: (idp) => idp.isEnabled,
    secret: { path: ['oidc', 'clientSecret'], of: ({ oidc }) => oidc.clientSecret, context: 'idp' },
    columns: ({ name, displayName, requireSecondFactor, oidc, claims, jit }) => ({
      name,
      display_name: displayName,
      issuer: oidc.issuer,
      client_id: oidc.clientId,
      scopes: oidc.scopes,
      username_claim: claims.username,
      mappings: JSON.stringify(claims.mappings),
      roles_claim: claims.roles ?? null,
      role_mappings: JSON.stringify(claims.roleMappings),
      jit_enabled: jit.isEnabled,
      jit_scheme: jit.scheme,
      jit_userstore: jit.userstore === AS_IN_USERNAME ? null : jit.userstore,
      associate_local_user: jit.associateLocalUser,
      attribute_sync_method: jit.attributeSyncMethod,
      require_second_factor: requireSecondFactor,
    }),
    entry: (row) => ({
      name: row['name'],
      displayName: row['display_name'],
      isEnabled: row.is_enabled,
      requireSecondFactor: row['require_second_factor'],
      oidc: { issuer: row['issuer'], clientId: row['client_id'], scopes: row['scopes'] },
      claims: {
        username: row['username_claim'],
        mappings: row['mappings'],
        ...unlessNull('roles', row['roles_claim']),
        roleMappings: row['role_mappings'],
      },
      provisioning: {
        jit: {
          isEnabled: row['jit_enabled'],
          scheme: row['jit_scheme'],
          userstore: row['jit_userstore'] ?? AS_IN_USERNAME,
          associateLocalUser: row['associate_local_user'],
          attributeSyncMethod: row['attribute_sync_method'],
        },
      },
    }),
  },
  purpose: {
    list: 'purposes',
    named: 'id',
    isOrdered: true,
    columns: ({ id, purpose, description, translations, piiCategories, acceptBy, wordingOnly }) => ({
      id,
      purpose,
      description,
      translations: JSON.stringify(translations ?? {}),
      pii_categories: JSON.stringify(piiCategories),
      accept_by: acceptBy ?? null,
      wording_only: wordingOnly ?? null,
    }),
    entry: (row) => ({
      id: row['id'],
      purpose: row['purpose'],
      description: row['description'],
      ...unlessEmpty('translations', row['translations']),
      piiCategories: row['pii_categories'],
      ...unlessNull('acceptBy', row['accept_by']),
      ...unlessNull('wordingOnly', row['wording_only']),
    }),
  },
  application: {
    list: 'applications',
    named: 'clientId',
    isOrdered: false,
    secret: { path: ['clientSecret'], of: ({ clientSecret }) => clientSecret, context: 'application' },
    columns: (application) => ({
      client_id: application.clientId,
      name: application.name,
      grant_types: application.grantTypes,
      scopes: application.scopes,
      redirect_uris: application.redirectUris,
      post_logout_redirect_uris: application.postLogoutRedirectUris,
      identity_providers: application.identityProviders ?? null,
      require_local_user: application.requireLocalUser,
      require_second_factor: application.requireSecondFactor,
      require_pkce: application.requirePkce,
    }),
    entry: (row) => ({
      name: row['name'],
      clientId: row['client_id'],
      grantTypes: row['grant_types'],
      scopes: row['scopes'],
      redirectUris: row['redirect_uris'],
      postLogoutRedirectUris: row['post_logout_redirect_uris'],
      ...unlessNull('identityProviders', row['identity_providers']),
      requireLocalUser: row['require_local_user'],
      requireSecondFactor: row['require_second_factor'],
      requirePkce: row['require_pkce'],
    }),
  },
}

export const ALL_KINDS = Object.keys(KINDS) as Kind[]

/** The entries of one kind that a declaration has. */
export function declaredOf<K extends Kind>(declared: Declared, kind: K): Parsed[K][] {
  return declared[KINDS[kind].list] as Parsed[K][]
}

/** Whether a file says nothing of what every declaration has. */
export function leaves(declared: Declared, part: NonNullable<Declared['leaves']>[number]): boolean {
  return declared.leaves?.includes(part) === true
}

/** An entry with a value put where its secret stands. Kinds without secrets have nothing to put. */
export function withSecret(kind: Kind, entry: Entry, value: unknown): Entry {
  const [first, ...rest] = KINDS[kind].secret?.path ?? []
  return first === undefined ? entry : put(entry, first, rest, value)
}

/** What an entry has where its secret stands. */
export function secretIn(kind: Kind, entry: Entry): unknown {
  let found: unknown = KINDS[kind].secret === undefined ? undefined : entry
  for (const key of KINDS[kind].secret?.path ?? []) found = (found as Entry | null | undefined)?.[key]
  return found
}

// Undefined takes the key away: for the reader a key that is there has a value.
function put(entry: Entry, key: string, [next, ...rest]: string[], value: unknown): Entry {
  if (next !== undefined) {
    const within = entry[key]
    return typeof within === 'object' && within !== null
      ? { ...entry, [key]: put(within as Entry, next, rest, value) }
      : entry
  }
  const { [key]: _, ...others } = entry
  return value === undefined ? others : { ...others, [key]: value }
}

function unlessEmpty(key: string, value: unknown): Entry {
  return Object.keys(value as object).length === 0 ? {} : { [key]: value }
}

function unlessNull(key: string, value: unknown): Entry {
  return value === null ? {} : { [key]: value }
}
