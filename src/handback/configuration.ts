// What our OpenID Provider is: its addresses, cookies, lives, claims and features, as the library wants to be told.
import type { Configuration, interactionPolicy } from 'oidc-provider'
import { startFlow } from '../flow.ts'
import type { House } from '../house.ts'
import { STANDARD_ATTRIBUTES, scopeOf } from '../provisioning/attributes.ts'
import { wishedLanguage } from '../web/language-tags.ts'
import { showLogout, showState } from './pages.ts'
import { findAccount, idpOfToken, loadGrant, type Token } from './policy.ts'
import { APPLICATION, applicationOfClient } from './records.ts'

const MINUTES = 60
const HOURS = 60 * MINUTES
const DAYS = 24 * HOURS

export const ROUTES = {
  authorization: '/oauth2/authorize',
  token: '/oauth2/token',
  userinfo: '/oauth2/userinfo',
  jwks: '/oauth2/jwks',
  end_session: '/oidc/logout',
}
export const COOKIES = {
  session: 'vestibule.session',
  interaction: 'vestibule.interaction',
  resume: 'vestibule.resume',
}
export const SHORT_COOKIE = { httpOnly: true, sameSite: 'lax', signed: true } as const
/** Where a flow starts to ask who somebody is. */
export type LoginAddress = (flowId: string, applicationId: string) => string

/** The claims of each scope, those of these attributes of the operator's own included. */
function claimsByScope(custom: readonly string[]): Record<string, string[]> {
  const claims: Record<string, string[]> = { openid: ['sub'], profile: ['preferred_username'], roles: ['roles'] }
  for (const attribute of [...Object.keys(STANDARD_ATTRIBUTES), ...custom]) {
    const scope = scopeOf(attribute)
    const isVerifiable = attribute === 'email' || attribute === 'phone_number'
    claims[scope] = [...(claims[scope] ?? []), attribute, ...(isVerifiable ? [`${attribute}_verified`] : [])]
  }
  return claims
}

/** Everything but the keys and where records are kept. `attributes` are the operator's own. */
export function configurationOf(
  house: House,
  loginAddress: LoginAddress,
  policy: interactionPolicy.DefaultPolicy,
  attributes: readonly string[],
): Configuration {
  const claims = claimsByScope(attributes)
  return {
    claims,
    scopes: ['openid', 'offline_access', ...Object.keys(claims).filter((scope) => scope !== 'openid')],
    responseTypes: ['code'],
    pkce: { required: (_ctx, client) => applicationOfClient(client).requirePkce },
    // Only the servers of applications speak to the token endpoint; said because the default prints a notice.
    clientBasedCORS: () => false,
    discovery: { ui_locales_supported: [...house.views.languages] },
    extraClientMetadata: { properties: [APPLICATION] },
    routes: ROUTES,
    cookies: {
      names: COOKIES,
      keys: house.keyring.cookieSecrets,
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      short: SHORT_COOKIE,
    },
    ttl: {
      AccessToken: 10 * MINUTES,
      ClientCredentials: 10 * MINUTES,
      AuthorizationCode: 1 * MINUTES,
      IdToken: 10 * MINUTES,
      RefreshToken: 30 * DAYS,
      Grant: 30 * DAYS,
      Session: 8 * HOURS,
      Interaction: interactionSeconds(house),
    },
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      dPoP: { enabled: false },
      resourceIndicators: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (ctx) => showLogout(house, ctx),
        postLogoutSuccessSource: async (ctx) => {
          showState(house, ctx, 200, 'signed-out')
        },
      },
    },
    findAccount: (ctx, subject, token) => findAccount(house, ctx, subject, token as Token | undefined),
    extraTokenClaims: async (ctx) => idpOfToken(ctx),
    loadExistingGrant: (ctx) => loadGrant(ctx),
    interactions: {
      policy,
      // Here and not in a route: the flow is the interaction's from its first moment, without a uid in any address.
      async url(ctx, interaction) {
        if (!ctx.oidc.client) throw new Error('An interaction without an application.')
        const application = applicationOfClient(ctx.oidc.client)
        const language = wishedLanguage(interaction.params['ui_locales'], house.views.languages)
        const maxAge = maxAgeOf(interaction.params)
        const door = {
          kind: 'application' as const,
          applicationId: application.id,
          interactionUid: interaction.uid,
          ...(language === undefined ? {} : { language }),
          ...(maxAge === undefined ? {} : { maxAge }),
        }
        return loginAddress(await startFlow(house, ctx.req, ctx.res, door), application.id)
      },
    },
    renderError: async (ctx, out) => {
      // A failure of ours is answered when it is known what came of the step (pages.ts).
      if (out.error === 'server_error') return
      house.log.warn({ code: out.error, route: ctx.oidc?.route }, 'openid provider refused a request')
      const isUnknown = out.error === 'invalid_client' || out.error === 'invalid_redirect_uri'
      showState(house, ctx, ctx.status, isUnknown ? 'unknown-app' : 'bad-request')
    },
  }
}

/** How old a sign-in may be, as an application asks (OpenID Connect Core, 3.1.2.1). The library has made prompt=login of max_age=0. */
function maxAgeOf({ prompt, max_age: maxAge }: { [name: string]: unknown }): number | undefined {
  if (typeof prompt === 'string' && prompt.split(' ').includes('login')) return 0
  return maxAge === undefined ? undefined : Number(maxAge)
}

/** Longer than the flow, so that an expired one can start again with the same door. */
export function interactionSeconds(house: House): number {
  return Math.round(house.flowMinutes * MINUTES) + 10 * MINUTES
}
