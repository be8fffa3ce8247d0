// The form of an application: what was typed into it, as an entry of the settings and the other way round.
import { randomBytes } from 'node:crypto'
import { GRANT_TYPES, SCOPES } from '../declared.ts'
import type { Entry } from '../settings/kinds.ts'
import type { Fields } from '../web/forms.ts'
import { entryOf, type FieldOf, linesOf } from './entry-form.ts'

export interface TypedApplication {
  name: string
  clientId: string
  /** Only of a new one: whether it can keep a secret. */
  isPublic: boolean
  redirectUris: string
  postLogoutRedirectUris: string
  grantTypes: string[]
  scopes: string[]
  /** Of which idps people may come; `all` that are on, whatever is among the others. */
  accepts: 'all' | 'some'
  identityProviders: string[]
  requireLocalUser: boolean
  requireSecondFactor: boolean
  requirePkce: boolean
}

export const NEW_APPLICATION: TypedApplication = {
  name: '',
  clientId: '',
  isPublic: false,
  redirectUris: '',
  postLogoutRedirectUris: '',
  grantTypes: ['authorization_code', 'refresh_token'],
  scopes: [],
  accepts: 'all',
  identityProviders: [],
  requireLocalUser: false,
  requireSecondFactor: false,
  requirePkce: true,
}

const GRANT_HINTS: Record<(typeof GRANT_TYPES)[number], string> = {
  authorization_code: 'People sign in to it',
  refresh_token: 'It may stay signed in for them',
  client_credentials: 'It acts for itself, with its secret',
}

const SCOPE_HINTS: Record<(typeof SCOPES)[number], string> = {
  internal_flow_create: 'An authentication flow of yours elsewhere: it says who somebody is, and has them asked here',
  internal_flow_answer: 'A page of yours elsewhere: it asks people in place of ours',
}

export const GRANTS = GRANT_TYPES.map((value) => ({ value, hint: GRANT_HINTS[value] }))
export const ALLOWED = SCOPES.map((value) => ({ value, hint: SCOPE_HINTS[value] }))

export const APPLICATION_FIELDS: FieldOf[] = [
  { path: 'name', id: 'name', label: 'Name' },
  { path: 'clientId', id: 'clientId', label: 'Client ID' },
  { path: 'clientSecret', id: 'secret', label: 'Client secret' },
  { path: 'redirectUris', id: 'redirectUris', label: 'Redirect addresses' },
  { path: 'postLogoutRedirectUris', id: 'postLogoutRedirectUris', label: 'Addresses after sign-out' },
  { path: 'grantTypes', id: 'grant-authorization_code', label: 'Grant types' },
  { path: 'scopes', id: 'scope-internal_flow_create', label: 'Scopes' },
  { path: 'identityProviders', id: 'accepts-all', label: 'Identity providers' },
  { path: 'requireLocalUser', id: 'requireLocalUser', label: 'Only people with an account here' },
  { path: 'requireSecondFactor', id: 'requireSecondFactor', label: 'A second factor' },
  { path: 'requirePkce', id: 'requirePkce', label: 'PKCE' },
]

export function readApplication(fields: Fields): TypedApplication {
  return {
    name: fields.one('name').trim(),
    clientId: fields.one('clientId').trim(),
    isPublic: fields.one('secret') === 'public',
    redirectUris: fields.one('redirectUris'),
    postLogoutRedirectUris: fields.one('postLogoutRedirectUris'),
    grantTypes: GRANT_TYPES.filter((one) => fields.all('grantTypes').includes(one)),
    scopes: SCOPES.filter((one) => fields.all('scopes').includes(one)),
    accepts: fields.one('accepts') === 'some' ? 'some' : 'all',
    identityProviders: fields.all('identityProviders'),
    requireLocalUser: fields.one('requireLocalUser') !== '',
    requireSecondFactor: fields.one('requireSecondFactor') !== '',
    requirePkce: fields.one('requirePkce') !== '',
  }
}

/** As a file would have it. `secret` is a text, `{ keep: true }` or nothing. */
export function applicationEntry(typed: TypedApplication, secret: string | { keep: true } | undefined): Entry {
  const { isPublic: _, accepts, redirectUris, postLogoutRedirectUris, identityProviders, ...said } = typed
  return entryOf({
    ...said,
    clientSecret: secret,
    redirectUris: linesOf(redirectUris),
    postLogoutRedirectUris: linesOf(postLogoutRedirectUris),
    identityProviders: accepts === 'some' ? identityProviders : undefined,
  })
}

/** An entry in the fields of the form. */
export function typedOf(entry: Entry): TypedApplication {
  const said = entry as unknown as Omit<TypedApplication, 'redirectUris' | 'postLogoutRedirectUris'> & {
    redirectUris: string[]
    postLogoutRedirectUris: string[]
    identityProviders?: string[]
  }
  return {
    ...said,
    isPublic: false,
    redirectUris: said.redirectUris.join('\n'),
    postLogoutRedirectUris: said.postLogoutRedirectUris.join('\n'),
    accepts: said.identityProviders === undefined ? 'all' : 'some',
    identityProviders: said.identityProviders ?? [],
  }
}

/** 256 bits, in characters that survive every form and shell. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}
