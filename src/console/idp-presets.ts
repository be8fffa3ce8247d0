// What is known of identity providers that many have: where to find things there, and what they call them. No preset decides anything. Pure.
import { STANDARD_ATTRIBUTES } from '../provisioning/attributes.ts'
import { PRIMARY } from '../stores/name.ts'
import type { IdpForm } from './idp-form.ts'

export interface Preset {
  id: 'google' | 'entra' | 'generic'
  label: string
  /** Where to find what the fields want. */
  hints: { register: string; issuer: string; clientId: string; username: string }
  scopes: string
  username: string
  /** The standard attributes that it can send. */
  attributes: readonly string[]
}

const ALL = Object.keys(STANDARD_ATTRIBUTES)

export const PRESETS: readonly Preset[] = [
  {
    id: 'google',
    label: 'Google',
    hints: {
      register: 'In Google Cloud: APIs and services, Credentials, your OAuth client, Authorised redirect URIs',
      issuer: 'https://accounts.google.com',
      clientId: 'In Google Cloud: APIs and services, Credentials, Create credentials, OAuth client ID, Web application',
      username: 'Google sends no username: people are suggested their e-mail address',
    },
    scopes: 'openid profile email',
    username: 'email',
    attributes: ['name', 'given_name', 'family_name', 'picture', 'email'],
  },
  {
    id: 'entra',
    label: 'Microsoft Entra ID',
    hints: {
      register: 'In the Entra admin centre: App registrations, your application, Authentication, Web, Redirect URIs',
      issuer:
        'https://login.microsoftonline.com/, your tenant ID, /v2.0. With "common" in place of the tenant it does not work',
      clientId:
        'In the Entra admin centre: App registrations, your application, Application (client) ID. Secrets are under Certificates and secrets: copy the value, not its ID',
      username: 'It looks like an e-mail address and can change. Entra does not say that e-mail addresses are verified',
    },
    scopes: 'openid profile email',
    username: 'preferred_username',
    attributes: ['name', 'given_name', 'family_name', 'email'],
  },
  {
    id: 'generic',
    label: 'OpenID Connect',
    hints: {
      register: 'Where it registers applications, often called redirect URI or callback address',
      issuer: 'The address by which it calls itself, or where it describes itself: …/.well-known/openid-configuration',
      clientId: 'It gives you this when you register there',
      username: 'The claim that suggests the username',
    },
    scopes: 'openid profile email',
    username: 'preferred_username',
    attributes: ALL,
  },
]

export function presetNamed(id: string | undefined): Preset {
  const generic = PRESETS[PRESETS.length - 1] as Preset
  return PRESETS.find((preset) => preset.id === id) ?? generic
}

/** A new identity provider before anything is typed: on, and without provisioning. */
export function emptyForm({ scopes, username, attributes }: Preset): IdpForm {
  return {
    name: '',
    displayName: '',
    isEnabled: true,
    issuer: '',
    clientId: '',
    scopes,
    username,
    mappings: attributes.toSorted().map((name) => ({ ours: name, theirs: name })),
    roles: '',
    roleMappings: [],
    provisioning: 'none',
    userstore: PRIMARY,
    scheme: 'PROVISION_SILENTLY',
    associates: false,
    requireSecondFactor: false,
    sync: 'OVERRIDE_ALL',
  }
}

/** A short name for the idp at an address: acme for https://id.acme.example. */
export function nameFor(issuer: string): string {
  if (!URL.canParse(issuer)) return ''
  const labels = new URL(issuer).hostname.split('.')
  const isCommon = (label: string) =>
    /^(www|id|idp|login|accounts?|auth|sso|oidc|openid|identity|signin|connect)$/.test(label)
  const name = labels.length > 1 && labels.slice(0, -1).find((label) => !isCommon(label))
  return name && /^[a-z][a-z0-9-]*$/.test(name) ? name : ''
}
