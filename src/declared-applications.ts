// The keys of an application in a configuration file: who people come from, and who acts for itself.
import type { z } from 'zod'
import { isRedirect } from './declared-addresses.ts'
import { flag, group, line, list, oneOf, printable, say, text } from './declared-kinds.ts'
import { variable } from './declared-text.ts'

/** How an application may get tokens. */
export const GRANT_TYPES = ['authorization_code', 'refresh_token', 'client_credentials'] as const

/** What an application that acts for itself may be allowed to do. */
export const SCOPES = ['internal_flow_create', 'internal_flow_answer'] as const

const redirectUri = (example: string) =>
  text(
    'must be an absolute address without #: https, http on this machine, or a private scheme with a dot',
    example,
    isRedirect,
  )

/** What has to fit together: said as long as each of these is what it has to be by itself, whatever else is wrong. */
const TOGETHER: readonly unknown[] = ['grantTypes', 'scopes', 'clientSecret', 'redirectUris', 'identityProviders']
const when = ({ issues }: z.core.ParsePayload) =>
  issues.every(({ path: [key] = [] }) => key !== undefined && !TOGETHER.includes(key))

/** One application of the list `applications`. */
export const application = group({
  name: line(100, 'Travel'),
  clientId: printable(1, 200, 'travel'),
  clientSecret: printable(16, 500, variable('TRAVEL_SECRET')).exactOptional(),
  grantTypes: list(oneOf(...GRANT_TYPES), '[client_credentials]').default(() => GRANT_TYPES.slice(0, 2)),
  scopes: list(oneOf(...SCOPES), '[internal_flow_answer]').default(() => []),
  redirectUris: list(redirectUri('https://travel.example/callback'), '["https://travel.example/callback"]').default(
    () => [],
  ),
  postLogoutRedirectUris: list(redirectUri('https://travel.example/'), '["https://travel.example/"]').default(() => []),
  identityProviders: list(line(63, 'acme'), '[acme]').exactOptional(),
  requireLocalUser: flag(false),
  requireSecondFactor: flag(false),
  requirePkce: flag(true),
}).superRefine(
  (given, context) => {
    const { grantTypes, scopes, clientSecret, redirectUris, identityProviders } = given
    const refuse = (key: keyof typeof given, problem: string, example: string) =>
      context.addIssue({ code: 'custom', message: say(problem, example), path: [key] })
    const signsIn = grantTypes.includes('authorization_code')
    const actsForItself = grantTypes.includes('client_credentials')
    const vouches = scopes.includes('internal_flow_create')
    if (!signsIn && !actsForItself)
      refuse('grantTypes', 'must have authorization_code or client_credentials', '[authorization_code, refresh_token]')
    // RFC 6749, 4.4.
    if (actsForItself && clientSecret === undefined)
      refuse('clientSecret', 'is missing: without one there are no client_credentials', variable('AUTOMATION_SECRET'))
    if (scopes.length > 0 && !actsForItself)
      refuse('scopes', 'do nothing without client_credentials among the grantTypes', '[client_credentials]')
    if (redirectUris.length === 0 && (signsIn || vouches))
      refuse('redirectUris', 'must have an address', '["https://travel.example/callback"]')
    if (vouches && !redirectUris.every((uri) => /^https?:/.test(uri)))
      refuse('redirectUris', 'must be https for internal_flow_create', '["https://travel.example/back"]')
    // Never by default: whoever may say who somebody is may say it of these people alone.
    if (vouches && identityProviders === undefined)
      refuse('identityProviders', 'is missing: internal_flow_create vouches for the people of these', '[acme]')
  },
  { when },
)

export type DeclaredApplication = z.output<typeof application>
