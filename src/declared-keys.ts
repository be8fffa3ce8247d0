// Every key that a configuration file may have, and what each may say.
import { z } from 'zod'
import { isAsInUsername } from './config-faults.ts'
import {
  isDescription,
  isElsewhere,
  isFreePath,
  isIssuer,
  isOrigin,
  isPage,
  isPrivateIssuer,
  originOf,
  webAddress,
} from './declared-addresses.ts'
import { application } from './declared-applications.ts'
import { expected, flag, group, line, list, oneOf, printable, say, text, translations } from './declared-kinds.ts'
import { userStore, withPrimary } from './declared-stores.ts'
import { variable } from './declared-text.ts'
import { isStandardAttribute, PROTOCOL_CLAIMS, STANDARD_ATTRIBUTES } from './provisioning/attributes.ts'
import { AS_IN_USERNAME, PRIMARY } from './stores/name.ts'

export type Declared = z.output<ReturnType<typeof declaration>> & {
  /** What is in every declaration, and of what this file says nothing. Absent: it says something of all of it. */
  leaves?: readonly ('organization' | 'jitProvisioning' | 'PRIMARY')[]
}
export type DeclaredIdp = Declared['identityProviders'][number]
export type DeclaredPurpose = Declared['purposes'][number]

/** Where the two prompts are unless the file says otherwise: the addresses of the reference. */
export const REGISTER = '/accountrecoveryendpoint/register.do'
export const SIGNUP = '/accountrecoveryendpoint/signup.do'

const organization = group({
  name: line(100, 'Northwind').default('Vestibule'),
  privacyPolicyUrl: text(
    'must be an https or http address',
    'https://northwind.example/privacy',
    (value) => webAddress(value) !== undefined,
  ).exactOptional(),
  jurisdiction: line(100, 'GB').exactOptional(),
  contact: line(200, 'Data protection officer').exactOptional(),
  email: line(200, 'privacy@northwind.example').exactOptional(),
  phone: line(200, '+44 20 7946 0000').exactOptional(),
  address: line(400, '1 High Street, London').exactOptional(),
})

const page = (example: string) =>
  text(
    'must be a path of this product that nothing else uses, of A-Z a-z 0-9 . _ ~ - between single /, or an https address without ? and #',
    example,
    (value) => isFreePath(value) || isPage(value),
  )

const jitProvisioning = group({
  enable_enhanced_feature: flag(false),
  username_provisioning_url: page('/join/register.do').default(REGISTER),
  password_provisioning_url: page('/join/signup.do').default(SIGNUP),
  allowed_page_origins: list(
    text('must be https and a host, without a path or a slash at the end', 'https://pages.example', isOrigin),
    '["https://pages.example"]',
  ).default(() => []),
  unknown_user_store: oneOf('PRIMARY', 'refuse').default('PRIMARY'),
  reserved_usernames: list(line(255, 'reception'), '[reception, helpdesk]').default(() => []),
  show_failure_reason: flag(false),
  require_second_factor: flag(false),
}).superRefine((given, context) => {
  const refuse = (key: keyof typeof given, problem: string, example: string) =>
    context.addIssue({ code: 'custom', message: say(problem, example), path: [key] })
  if (given.username_provisioning_url.toLowerCase() === given.password_provisioning_url.toLowerCase())
    refuse('password_provisioning_url', 'must differ from username_provisioning_url', SIGNUP)
  for (const key of ['username_provisioning_url', 'password_provisioning_url'] as const) {
    const origin = originOf(given[key])
    // A slip here would send people's names and addresses to somebody else's page.
    if (origin !== undefined && !given.allowed_page_origins.includes(origin))
      refuse(key, 'is not at one of the allowed_page_origins', 'allowed_page_origins: ["https://pages.example"]')
  }
})

/** What holds where the file says nothing under `authentication.jit_provisioning`. */
export const JIT_DEFAULTS = jitProvisioning.parse({})

const attribute = group({
  name: text(
    'must be 1 to 50 of a-z 0-9 _ beginning with a letter, and not a standard or protocol claim',
    'department',
    // `constructor` would be found on every object that is looked up by attribute name.
    (value) => /^[a-z][a-z0-9_]{0,49}$/.test(value) && !isReserved(value),
  ),
  displayName: line(100, 'Department').exactOptional(),
  type: oneOf('string').default('string'),
  translations: translations(line(100, 'Abteilung'), '{ de: Abteilung }').exactOptional(),
}).transform((given) => ({ ...given, displayName: given.displayName ?? given.name }))

const claimName = line(200, 'dept')
const localRole = text(
  'must be 1 to 255 characters without control characters and /, for roles have no domain here',
  'admin, not Internal/admin',
  (value) => value.trim() !== '' && [...value].length <= 255 && value.isWellFormed() && !/[/\p{Cc}]/u.test(value),
)
const roleMappings = z.record(z.string().min(1), localRole, {
  error: (issue) =>
    issue.code === 'invalid_key'
      ? say('must name a role of theirs', 'acme-admins')
      : expected('a map', '{ "acme-admins": admin }')(issue),
})
const sameNames = () => Object.fromEntries(Object.keys(STANDARD_ATTRIBUTES).map((claim) => [claim, claim]))

const idp = (mayBePrivate: boolean) =>
  group({
    name: text('must be 1 to 63 of A-Z a-z 0-9 . _ - beginning with a letter or digit', 'acme', (value) =>
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value),
    ),
    displayName: line(100, 'Acme').exactOptional(),
    isEnabled: flag(true),
    requireSecondFactor: flag(false),
    oidc: group({
      issuer: text('must be an https address without user, ? or #', 'https://id.acme.example', (value) =>
        isIssuer(value, mayBePrivate),
      )
        .refine((value) => mayBePrivate || !isPrivateIssuer(value), {
          error: say('is on this machine or in a private network, which has to be allowed', 'ALLOW_PRIVATE_IDP=1'),
        })
        // Nobody calls themselves by it, so every sign-in would fail.
        .refine((value) => !isDescription(value), {
          error: say(
            'is where it describes itself; the issuer is what it calls itself there',
            'https://id.acme.example',
          ),
        }),
      clientId: printable(1, 200, 'northwind'),
      clientSecret: printable(1, 500, variable('ACME_SECRET')).exactOptional(),
      scopes: list(
        text('must be a scope', 'email', (value) => /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(value)),
        '[openid, email]',
      )
        .refine((scopes) => scopes.includes('openid'), {
          error: say('must contain openid', '[openid, profile, email]'),
        })
        .default(() => ['openid', 'profile', 'email']),
    }),
    claims: group({
      username: claimName.default('preferred_username'),
      mappings: z.record(z.string(), claimName, { error: expected('a map', '{ email: email }') }).default(sameNames),
      roles: claimName.exactOptional(),
      roleMappings: roleMappings.default(() => ({})),
    })
      .refine((claims) => claims.roles !== undefined || Object.keys(claims.roleMappings).length === 0, {
        path: ['roleMappings'],
        error: say('does nothing without roles, the claim that carries them', 'roles: groups'),
      })
      .prefault({}),
    provisioning: group({
      jit: group({
        isEnabled: flag(false),
        scheme: oneOf(
          'PROVISION_SILENTLY',
          'PROMPT_CONSENT',
          'PROMPT_PASSWORD_CONSENT',
          'PROMPT_USERNAME_PASSWORD_CONSENT',
        ).default('PROVISION_SILENTLY'),
        userstore: line(63, PRIMARY)
          .transform((value) => (isAsInUsername(value) ? AS_IN_USERNAME : value))
          .default(PRIMARY),
        associateLocalUser: flag(false),
        attributeSyncMethod: oneOf('OVERRIDE_ALL', 'PRESERVE_LOCAL', 'NONE').default('OVERRIDE_ALL'),
      }).prefault({}),
    }).prefault({}),
  }).transform(({ provisioning, ...given }) => ({
    ...given,
    displayName: given.displayName ?? given.name,
    jit: provisioning.jit,
  }))

const PURPOSE_WORDS = {
  purpose: line(100, 'Recover your account'),
  description: line(600, 'So that we can help you if you lose your password'),
}

/** A day of the calendar. TOML has dates of its own, and a day in quotes reads the same. */
const day = z.preprocess(
  (value) => (value instanceof Date ? value.toISOString() : value),
  text('must be a day as YYYY-MM-DD', '2027-01-31', (value) => /^\d{4}-\d\d-\d\d$/.test(value) && isDay(value)),
)

const purpose = group({
  id: text('must be 1 to 40 of a-z 0-9 - beginning with a letter or digit', 'recover', (value) =>
    /^[a-z0-9][a-z0-9-]{0,39}$/.test(value),
  ),
  ...PURPOSE_WORDS,
  translations: translations(group(PURPOSE_WORDS), '{ de: { purpose: …, description: … } }').exactOptional(),
  piiCategories: list(
    group({ name: line(50, 'email'), mandatory: flag(false) }),
    '[{ name: email, mandatory: true }]',
  ).min(1, { error: say('must name an attribute', '[{ name: email }]') }),
  acceptBy: day.exactOptional(),
  wordingOnly: line(200, 'a slip of the pen').exactOptional(),
})

/** The whole file. `mayBePrivate`: issuers may be private, and http. */
export const declaration = (mayBePrivate: boolean) =>
  group({
    organization: organization.prefault({}),
    authentication: group({ jit_provisioning: jitProvisioning.prefault({}) }).prefault({}),
    attributes: list(attribute, '[{ name: department }]').default(() => []),
    userStores: list(userStore, '[{ name: STAFF }]')
      .default(() => [])
      .transform(withPrimary),
    identityProviders: list(idp(mayBePrivate), '[{ name: acme, oidc: … }]').default(() => []),
    purposes: list(purpose, '[{ id: recover, purpose: … }]').default(() => []),
    applications: list(application, '[{ name: Travel, clientId: travel }]').default(() => []),
  }).transform(({ authentication: { jit_provisioning: urls }, ...given }) => ({
    ...given,
    jitProvisioning: {
      usernameProvisioningUrl: urls.username_provisioning_url,
      passwordProvisioningUrl: urls.password_provisioning_url,
      allowedPageOrigins: urls.allowed_page_origins,
      unknownUserStore: urls.unknown_user_store,
      reservedUsernames: urls.reserved_usernames,
      enableEnhancedFeature: urls.enable_enhanced_feature,
      showFailureReason: urls.show_failure_reason,
      requireSecondFactor: urls.require_second_factor,
    },
  }))

/** Where the two pages are: paths of ours, which are there in any case, and addresses elsewhere that ask in their place. */
export function pagesOf(jit: Pick<typeof JIT_DEFAULTS, 'username_provisioning_url' | 'password_provisioning_url'>) {
  const { username_provisioning_url: register, password_provisioning_url: signup } = jit
  return {
    prompts: { register: isElsewhere(register) ? REGISTER : register, signup: isElsewhere(signup) ? SIGNUP : signup },
    elsewhere: { ...(isElsewhere(register) ? { register } : {}), ...(isElsewhere(signup) ? { signup } : {}) },
  }
}

/** That is in the calendar, and after the year 1: PostgreSQL counts on from it. */
const isDay = (value: string) => value >= '1000' && new Date(`${value}T00:00:00Z`).toJSON()?.startsWith(value) === true

const isReserved = (name: string) =>
  isStandardAttribute(name) || PROTOCOL_CLAIMS.has(name) || Object.hasOwn(Object.prototype, name)
