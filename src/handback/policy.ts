// Who may pass at our OpenID Provider: whether a session is enough, what is granted, who a subject is.
import type { interactionPolicy, KoaContextWithOIDC } from 'oidc-provider'
import type { House } from '../house.ts'
import { APPLICATION_ID } from './records.ts'
import { claimsOfUser, federatedClaims, isFederated, maySkipSignIn } from './subjects.ts'

/** Applications are first-party: whoever signed in has granted what the application asks for. A federated person's grant is fixed, its claims were kept for it. */
export async function loadGrant(ctx: KoaContextWithOIDC) {
  const { client, session, result, account, provider, requestParamScopes } = ctx.oidc
  if (!client || !account || !session) return undefined
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId)
  const found = grantId ? await provider.Grant.find(grantId) : undefined
  if (found?.accountId === account.accountId && isFederated(account.accountId)) return found
  const grant =
    found?.accountId === account.accountId
      ? found
      : new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  const wanted = [...requestParamScopes].join(' ')
  if (found !== grant || grant.getOIDCScopeFiltered(new Set(requestParamScopes)) !== wanted) {
    grant.addOIDCScope(wanted)
    await grant.save()
  }
  return grant
}

/** The person behind a subject, for the library: undefined when there is none (any more), which also ends refresh tokens. */
export async function findAccount(house: House, subject: string, token: unknown) {
  if (!isFederated(subject)) {
    const claims = await claimsOfUser(house, subject, beginningOf(token))
    return claims ? { accountId: subject, claims: async () => ({ ...claims, sub: subject }) } : undefined
  }
  const grantId = (token as { grantId?: string } | undefined)?.grantId
  // Without a token the library only asks whether such a person may be; maySkipSignIn answers that with the grant.
  if (grantId === undefined) return { accountId: subject, claims: async () => ({ sub: subject }) }
  const kept = await federatedClaims(house, grantId)
  return kept ? { accountId: subject, claims: async () => ({ ...kept.claims, sub: subject }) } : undefined
}

/** When the first of a chain of refresh tokens was made, or this token: each says so itself. In seconds since 1970; undefined without a token. */
function beginningOf(token: unknown): number | undefined {
  const { iiat, iat } = (token ?? {}) as { iiat?: number; iat?: number }
  return iiat ?? iat
}

/** When sign-in is asked again although there is a session. */
export function signInPolicy(house: House, library: typeof interactionPolicy): interactionPolicy.DefaultPolicy {
  const policy = library.base()
  const login = policy.get('login')
  login?.checks.add(
    new library.Check('session_not_enough', 'sign-in is needed again', 'login_required', async (ctx) => {
      const { session, client, result, requestParamScopes, params } = ctx.oidc
      // Personal data that nobody needs later: gone before an interaction is stored.
      if (params) params['login_hint'] = undefined
      if (!session?.accountId || !client) return false
      const maySkip = await maySkipSignIn(
        house,
        {
          subject: session.accountId,
          idpId: session.acr,
          amr: session.amr,
          begunAt: session.loginTs,
          grantId: result?.consent?.grantId ?? session.grantIdFor(client.clientId),
        },
        { applicationId: String(client[APPLICATION_ID]), scopes: [...requestParamScopes] },
      )
      return !maySkip
    }),
    0,
  )
  // There is no consent screen; the prompt stays known, because OpenID Connect ties offline_access to prompt=consent.
  policy.get('consent')?.checks.clear()
  return policy
}
