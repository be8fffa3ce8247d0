// What is wrong with the form of an identity provider, each at the field where it can be mended. Pure.
import { type Fault, pathTo } from '../config-faults.ts'
import type { OtherFault } from '../settings/check.ts'
import type { SettingKind } from '../settings/entries.ts'
import type { Problem } from './desk.ts'
import type { IdpForm, Pair } from './idp-form.ts'

/** By the path of a fault: the field, and what it is called. Deeper paths stand first. */
const FIELDS: readonly [path: RegExp, field: string, label: string][] = [
  [/^name$/, 'name', 'Name'],
  [/^displayName$/, 'displayName', 'Display name'],
  [/^oidc\.issuer$/, 'issuer', 'Issuer'],
  [/^oidc\.clientId$/, 'clientId', 'Client ID'],
  [/^oidc\.clientSecret$/, 'clientSecret', 'Client secret'],
  [/^oidc\.scopes/, 'scopes', 'Scopes'],
  [/^claims\.username$/, 'username', 'Username claim'],
  [/^claims\.roles$/, 'roles', 'Roles claim'],
  [/^claims\.mappings/, 'add-mapping', 'Attributes'],
  [/^claims\.roleMappings/, 'add-role', 'Roles'],
  [/userstore$/, 'userstore', 'User Store Domain'],
  [/scheme$/, 'scheme-PROMPT_USERNAME_PASSWORD_CONSENT', 'Prompt'],
  [/attributeSyncMethod$/, 'sync-OVERRIDE_ALL', 'Later sign-ins'],
]

/** The faults of the file's reader as lines of the error summary. */
export function problemsOf(faults: readonly Fault[], form: IdpForm): Problem[] {
  return faults.map(({ path, problem, example }) => {
    const [, field, label] = FIELDS.find(([known]) => known.test(path)) ?? ['', 'form', path]
    // What an example of a secret says is how a file names one.
    const such = field === 'clientSecret' || example === '' ? '' : `. For example: ${example}`
    const row = rowOf(path, form)
    const what = row === undefined ? label : `${label}, ${row.name}:`
    return { field: row?.field ?? field, text: `${what} ${problem}${such}` }
  })
}

/** The row that a fault is about. A path writes odd keys shorter than they are. */
function rowOf(path: string, { mappings, roleMappings }: IdpForm): { field: string; name: string } | undefined {
  const mapping = mappings.findIndex(({ ours }) => pathTo('claims.mappings', ours) === path)
  if (mapping >= 0) return { field: `mapping-${mapping}-theirs`, name: mappings[mapping]?.ours ?? '' }
  const role = roleMappings.findIndex(({ theirs }) => pathTo('claims.roleMappings', theirs) === path)
  return role < 0 ? undefined : { field: `role-${role}-ours`, name: roleMappings[role]?.theirs ?? '' }
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

const WELL_KNOWN = '/.well-known/openid-configuration'

/** The address of a description is no issuer, though mostly one letter away. */
export function issuerProblems({ issuer }: IdpForm): Problem[] {
  if (!issuer.endsWith(WELL_KNOWN)) return []
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
  return [{ field: `scheme-${form.scheme}`, text }]
}

function asksForConsent({ provisioning, scheme }: IdpForm): boolean {
  return provisioning === 'always' && scheme !== 'PROVISION_SILENTLY'
}

/** What would not fit any more elsewhere, of which no field here is to blame. */
export function othersProblems(faults: readonly OtherFault[]): Problem[] {
  return faults.map((fault) => ({
    field: 'form',
    text: `${[calledOf(fault), fault.path].filter(Boolean).join(' ')}: ${fault.problem}`,
  }))
}

/** What an entry is called: Application travel. */
export function calledOf({ kind, key }: Pick<OtherFault, 'kind' | 'key'>): string {
  if (kind === undefined) return ''
  return key === undefined || key === kind ? SPOKEN[kind] : `${SPOKEN[kind]} ${key}`
}

const SPOKEN: Record<SettingKind, string> = {
  attribute: 'Attribute',
  userStore: 'User store',
  idp: 'Identity provider',
  purpose: 'Consent purpose',
  application: 'Application',
  organization: 'Organisation',
  jitProvisioning: 'Provisioning',
}
