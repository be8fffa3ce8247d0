// What is wrong with the form of an identity provider, each at the field where it can be mended. Pure.
import { pathTo } from '../config-faults.ts'
import { isDescription } from '../declared-addresses.ts'
import type { Problem } from './desk.ts'
import type { FieldOf } from './entry-form.ts'
import type { IdpForm, Pair } from './idp-form.ts'

const FIELDS: readonly FieldOf[] = [
  { path: 'name', id: 'name', label: 'Name' },
  { path: 'displayName', id: 'displayName', label: 'Display name' },
  { path: 'oidc.issuer', id: 'issuer', label: 'Issuer' },
  { path: 'oidc.clientId', id: 'clientId', label: 'Client ID' },
  { path: 'oidc.clientSecret', id: 'clientSecret', label: 'Client secret' },
  { path: 'oidc.scopes', id: 'scopes', label: 'Scopes', isOneLine: true },
  { path: 'claims.username', id: 'username', label: 'Username claim' },
  { path: 'claims.roles', id: 'roles', label: 'Roles claim' },
  { path: 'claims.mappings', id: 'add-mapping', label: 'Attributes' },
  { path: 'claims.roleMappings', id: 'add-role', label: 'Roles' },
  { path: 'provisioning.jit.userstore', id: 'userstore', label: 'User Store Domain' },
  { path: 'provisioning.jit.scheme', id: 'scheme-PROMPT_USERNAME_PASSWORD_CONSENT', label: 'Prompt' },
  { path: 'provisioning.jit.attributeSyncMethod', id: 'sync-OVERRIDE_ALL', label: 'Later sign-ins' },
]

/** The fields of a form, each of its rows among them. */
export function fieldsOf({ mappings, roleMappings }: IdpForm): FieldOf[] {
  return [
    ...FIELDS,
    ...mappings.map(({ ours }, index) => ({
      path: pathTo('claims.mappings', ours),
      id: `mapping-${index}-theirs`,
      label: `Attributes, ${ours}:`,
    })),
    ...roleMappings.map(({ theirs }, index) => ({
      path: pathTo('claims.roleMappings', theirs),
      id: `role-${index}-ours`,
      label: `Roles, ${theirs}:`,
    })),
  ]
}

/** What a map cannot say: the same name twice, and half of a row. */
export function rowProblems({ mappings, roleMappings }: IdpForm): Problem[] {
  return [
    ...inRows('mapping', mappings, 'ours', 'attribute'),
    ...inRows('role', roleMappings, 'theirs', 'role of theirs'),
  ]
}

function inRows(kind: string, pairs: Pair[], side: keyof Pair, called: string): Problem[] {
  return pairs.flatMap((pair, index) => {
    const key = pair[side]
    const [ours, theirs] = [`${kind}-${index}-ours`, `${kind}-${index}-theirs`]
    if (pair.ours === '' && pair.theirs === '') return []
    if (pair.ours === '') return [{ field: ours, text: `Row ${index + 1}: say what it is called here` }]
    if (pair.theirs === '') return [{ field: theirs, text: `Row ${index + 1}: say what it is called there` }]
    if (pairs.findIndex((one) => one[side] === key) === index) return []
    return [{ field: side === 'ours' ? ours : theirs, text: `Row ${index + 1}: this ${called} has a row already` }]
  })
}

/** The address of a description is no issuer, though mostly one letter away. */
export function issuerProblems({ issuer }: IdpForm): Problem[] {
  if (!isDescription(issuer)) return []
  const text = 'This is where it describes itself. Press "Fetch settings": its issuer is read from there'
  return [{ field: 'issuer', text }]
}

/** Who asks for consent must say who they are (AD-21). What is on already may stay. */
export function consentProblems(
  form: IdpForm,
  before: IdpForm | undefined,
  organization: { name?: unknown; privacyPolicyUrl?: unknown },
): Problem[] {
  if (!asksForConsent(form) || (before && asksForConsent(before))) return []
  const missing = [
    ...(organization.name === undefined || organization.name === 'Vestibule' ? ['a name of its own'] : []),
    ...(organization.privacyPolicyUrl === undefined ? ['a privacy page'] : []),
  ]
  if (missing.length === 0) return []
  const text = `People would be asked for consent by an organisation without ${missing.join(' and ')}. Set it in Settings first`
  return [{ field: `scheme-${form.scheme}`, text, elsewhere: { label: 'Go to Settings', href: '/console/settings' } }]
}

function asksForConsent({ provisioning, scheme }: IdpForm): boolean {
  return provisioning === 'always' && scheme !== 'PROVISION_SILENTLY'
}
