// The form of an identity provider: from an entry of the configuration file's shape, as it was typed, and back. Law: the secret goes one way. Pure.
import type { AttributeSyncMethod, Scheme } from '../db/idps.ts'
import type { Fields } from '../web/forms.ts'

/** An entry as the file has it, defaults filled in. */
export interface IdpEntry {
  name: string
  displayName?: string
  isEnabled: boolean
  requireSecondFactor: boolean
  oidc: { issuer: string; clientId: string; clientSecret?: string | { keep: true }; scopes: string[] }
  claims: {
    username: string
    mappings: Record<string, string>
    roles?: string
    roleMappings: Record<string, string>
  }
  provisioning: {
    jit: {
      isEnabled: boolean
      scheme: Scheme
      userstore: string
      associateLocalUser: boolean
      attributeSyncMethod: AttributeSyncMethod
    }
  }
}

/** A row of a map: what we call it, and what they do. */
export interface Pair {
  ours: string
  theirs: string
}

/** What stands in the fields; anything, when somebody typed it. */
export interface IdpForm {
  name: string
  displayName: string
  isEnabled: boolean
  issuer: string
  clientId: string
  scopes: string
  username: string
  mappings: Pair[]
  roles: string
  roleMappings: Pair[]
  provisioning: 'none' | 'always'
  userstore: string
  scheme: string
  associates: boolean
  sync: string
  requireSecondFactor: boolean
}

/** What is to become of the secret. */
export type Secret = { kind: 'keep' } | { kind: 'none' } | { kind: 'new'; text: string }

export function formOf({
  name,
  displayName,
  isEnabled,
  requireSecondFactor,
  oidc,
  claims,
  provisioning: { jit },
}: IdpEntry): IdpForm {
  return {
    name,
    displayName: displayName ?? '',
    isEnabled,
    issuer: oidc.issuer,
    clientId: oidc.clientId,
    scopes: oidc.scopes.join(' '),
    username: claims.username,
    mappings: pairsOf(Object.entries(claims.mappings)),
    roles: claims.roles ?? '',
    roleMappings: pairsOf(Object.entries(claims.roleMappings).map(([theirs, ours]) => [ours, theirs])),
    provisioning: jit.isEnabled ? 'always' : 'none',
    userstore: jit.userstore,
    scheme: jit.scheme,
    associates: jit.associateLocalUser,
    sync: jit.attributeSyncMethod,
    requireSecondFactor,
  }
}

const pairsOf = (entries: [string, string][]): Pair[] =>
  entries.map(([ours, theirs]) => ({ ours, theirs })).sort((a, b) => (a.ours < b.ours ? -1 : a.ours > b.ours ? 1 : 0))

/** What was typed; of a form that lacks a part of it, `base` says that part. */
export function readForm(fields: Fields, base: IdpForm): IdpForm {
  const sent = new Set(fields.names)
  const text = (name: string, before: string) => (sent.has(name) ? fields.one(name) : before)
  return {
    name: text('name', base.name).trim(),
    displayName: text('displayName', base.displayName),
    isEnabled: base.isEnabled,
    issuer: text('issuer', base.issuer).trim(),
    clientId: text('clientId', base.clientId),
    scopes: text('scopes', base.scopes),
    username: text('username', base.username),
    mappings: sent.has('mappings') ? readPairs(fields, 'mapping') : base.mappings,
    roles: text('roles', base.roles),
    roleMappings: sent.has('roleMappings') ? readPairs(fields, 'role') : base.roleMappings,
    provisioning: sent.has('provisioning')
      ? fields.one('provisioning') === 'always'
        ? 'always'
        : 'none'
      : base.provisioning,
    userstore: text('userstore', base.userstore),
    scheme: text('scheme', base.scheme),
    // A box that is not ticked is not sent: the choice beside it always is.
    associates: sent.has('provisioning') ? fields.one('associates') !== '' : base.associates,
    sync: text('sync', base.sync),
    requireSecondFactor: sent.has('provisioning') ? fields.one('requireSecondFactor') !== '' : base.requireSecondFactor,
  }
}

/** Rows are numbered: the names of their fields tell which belong together. */
function readPairs(fields: Fields, kind: string): Pair[] {
  const numbers = fields.names.flatMap((name) => {
    const [, number] = new RegExp(`^${kind}-(\\d{1,4})-(?:ours|theirs)$`).exec(name) ?? []
    return number === undefined ? [] : [Number(number)]
  })
  return [...new Set(numbers)]
    .sort((a, b) => a - b)
    .map((number) => ({ ours: fields.one(`${kind}-${number}-ours`), theirs: fields.one(`${kind}-${number}-theirs`) }))
}

/** What is to become of the secret: a new one is typed, or the box is ticked that takes it away; otherwise it stays. */
export function readSecret(fields: Fields): Secret {
  const text = fields.one('clientSecret')
  if (text !== '') return { kind: 'new', text }
  return fields.one('withoutSecret') === '' ? { kind: 'keep' } : { kind: 'none' }
}

/** The rows that say something. */
export function pairsIn(pairs: Pair[]): Pair[] {
  return pairs.filter(({ ours, theirs }) => ours !== '' || theirs !== '')
}

/** The entry that a form says. Rows that are empty are none. */
export function entryOf(form: IdpForm, secret: Secret): IdpEntry {
  const clientSecret = secret.kind === 'new' ? secret.text : ({ keep: true } as const)
  return {
    name: form.name,
    ...(form.displayName.trim() === '' ? {} : { displayName: form.displayName }),
    isEnabled: form.isEnabled,
    requireSecondFactor: form.requireSecondFactor,
    oidc: {
      issuer: form.issuer,
      clientId: form.clientId,
      ...(secret.kind === 'none' ? {} : { clientSecret }),
      scopes: scopesIn(form.scopes),
    },
    claims: {
      username: form.username,
      mappings: Object.fromEntries(pairsIn(form.mappings).map(({ ours, theirs }) => [ours, theirs])),
      ...(form.roles === '' ? {} : { roles: form.roles }),
      roleMappings: Object.fromEntries(pairsIn(form.roleMappings).map(({ ours, theirs }) => [theirs, ours])),
    },
    provisioning: {
      jit: {
        isEnabled: form.provisioning === 'always',
        // Whatever else was sent is for the file's reader to refuse.
        scheme: form.scheme as Scheme,
        userstore: form.userstore,
        associateLocalUser: form.associates,
        attributeSyncMethod: form.sync as AttributeSyncMethod,
      },
    },
  }
}

export function scopesIn(text: string): string[] {
  return text.split(/\s+/).filter((scope) => scope !== '')
}

/** The claims that a form reads from the idp. */
export function claimsIn({ username, mappings, roles }: IdpForm): string[] {
  const all = [username, ...mappings.map(({ theirs }) => theirs), roles]
  return [...new Set(all.filter((claim) => claim !== ''))]
}

/** A button beside the rows was pressed: a row more, or one fewer. Undefined for any other button. */
export function withRows(form: IdpForm, pressed: string): IdpForm | undefined {
  const [, action, kind, number] = /^(add|remove)-(mapping|role)(?:-(\d{1,4}))?$/.exec(pressed) ?? []
  const list = kind === 'role' ? 'roleMappings' : 'mappings'
  if (action === 'add') return { ...form, [list]: [...form[list], { ours: '', theirs: '' }] }
  if (action === 'remove') return { ...form, [list]: form[list].filter((_, index) => index !== Number(number)) }
  return undefined
}
