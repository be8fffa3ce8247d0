// Who may pass at our OpenID Provider: whether a session is enough, what is granted, who a subject is.
import type { interactionPolicy, KoaContextWithOIDC } from 'oidc-provider'
import { findIdp } from '../db/idps.ts'
import type { UserStanding } from '../db/standing.ts'
import { factorsOf } from '../db/user-factors.ts'
import { isRequired } from '../factors/need.ts'
import type { House } from '../house.ts'
import { noteMoment } from './auth-time.ts'
import { type Beginning, isLive, standingOf } from './live.ts'
import { applicationOfClient, type ClientsApplication } from './records.ts'
import { claimsOfUser, federatedClaims, isFederated, MFA } from './subjects.ts'

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

/**
 * The person behind a subject, for the library: undefined when there is none (any more), or `token`, which may be a code, is not good any more. That
 * ends the exchange of a code, every refresh and userinfo.
 */
export async function findAccount(house: House, ctx: KoaContextWithOIDC, subject: string, token: Token | undefined) {
  const isUser = !isFederated(subject)
  const user = isUser ? await userOf(house, ctx, subject, token) : undefined
  if (isUser && (!user || user.isLocked)) return undefined
  if (token) {
    const application = applicationOf(ctx, token)
    if (!application || !(await isLive(house, subject, beginningOf(token), application, user))) return undefined
  }
  if (user) {
    // An ID token says who it is and nothing else (OpenID Connect Core, 5.4: what scopes ask for is at userinfo).
    const claims = async (use: string) => (use === 'id_token' ? { sub: subject } : claimsOfUser(house, user))
    return { accountId: subject, claims: async (use: string) => ({ ...(await claims(use)), sub: subject }) }
  }
  // Without a token the library only asks whether such a person may be; maySkipSignIn answers that with the grant.
  if (token?.grantId === undefined) return { accountId: subject, claims: async () => ({ sub: subject }) }
  const kept = await federatedClaims(house, token.grantId)
  return kept ? { accountId: subject, claims: async () => ({ ...kept.claims, sub: subject }) } : undefined
}

/** Of a code or a token, what we look at. */
export interface Token {
  clientId?: string | undefined
  grantId?: string
  acr?: string
  /** Of an access token, which has no acr: ours (`idpOfToken`). */
  extra?: { idp?: unknown }
  iiat?: number
  iat?: number
}

/** What an access token keeps besides what the library does: the idp by which its sign-in was. */
export function idpOfToken(ctx: KoaContextWithOIDC): { idp: string } | undefined {
  const { AuthorizationCode: code, RefreshToken: token } = ctx.oidc.entities as Record<string, Token | undefined>
  const idp = code?.acr ?? token?.acr
  return idp === undefined ? undefined : { idp }
}

/** When the first of a chain of refresh tokens was made, or this token: each says so itself. */
function beginningOf({ acr, extra, iiat, iat }: Token): Beginning {
  return { idpId: acr ?? (typeof extra?.idp === 'string' ? extra.idp : undefined), begunAt: iiat ?? iat }
}

/** The application that holds the token, as it was read for this request. */
function applicationOf({ oidc: { client } }: KoaContextWithOIDC, { clientId }: Token): ClientsApplication | undefined {
  return client && client.clientId === clientId ? applicationOfClient(client) : undefined
}

/** How users of sessions stand, for the request that asked: it asks first whether they are there, and then whether that is enough. */
const standings = new WeakMap<object, UserStanding>()

async function userOf(house: House, { oidc }: KoaContextWithOIDC, userId: string, token: Token | undefined) {
  if (token) return standingOf(house, userId, beginningOf(token))
  const { session } = oidc
  const user = await standingOf(house, userId, { idpId: session?.acr, begunAt: session?.loginTs })
  if (user && session) standings.set(session, user)
  return user
}

/** Whether a live OpenID Provider session is enough for this application. What was kept of somebody without a user must be there, too. */
async function maySkipSignIn(
  house: House,
  session: Beginning & { subject: string; amr: readonly string[] | undefined; grantId: string | undefined },
  request: { application: ClientsApplication; scopes: readonly string[]; standing: UserStanding | undefined },
): Promise<boolean> {
  const { application, standing } = request
  if (!(await isLive(house, session.subject, session, application, standing))) return false
  const isEnough = session.amr?.includes(MFA) === true || !(await needsFactor(house, application, session))
  if (!isFederated(session.subject) || !isEnough) return isEnough
  if (application.requireLocalUser || session.grantId === undefined) return false
  const kept = await federatedClaims(house, session.grantId)
  return kept !== undefined && request.scopes.every((scope) => kept.scopes.includes(scope))
}

/**
 * Whether a session without a second factor is not enough: the person has one by now, or the application, the idp or everybody requires one, which
 * nobody has who has no user.
 */
async function needsFactor(
  house: House,
  application: ClientsApplication,
  { subject, idpId }: { subject: string; idpId: string | undefined },
): Promise<boolean> {
  const { enhanced } = house.settings()
  if (!enhanced.isOn) return false
  const idp = idpId === undefined ? undefined : await findIdp(house.db, idpId)
  if (isRequired(enhanced, application, idp)) return true
  return !isFederated(subject) && (await factorsOf(house.db, subject)).kinds.length > 0
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
      // Here, because the library looks at nothing else between a sign-in and the code.
      noteMoment(session, result?.login)
      const maySkip = await maySkipSignIn(
        house,
        {
          subject: session.accountId,
          idpId: session.acr,
          amr: session.amr,
          begunAt: session.loginTs,
          grantId: result?.consent?.grantId ?? session.grantIdFor(client.clientId),
        },
        {
          application: applicationOfClient(client),
          scopes: [...requestParamScopes],
          standing: standings.get(session),
        },
      )
      return !maySkip
    }),
    0,
  )
  // There is no consent screen; the prompt stays known, because OpenID Connect ties offline_access to prompt=consent.
  policy.get('consent')?.checks.clear()
  return policy
}
