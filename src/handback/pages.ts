// The OpenID Provider's pages in our clothes, and nothing that our content security policy would stop.
import type { KoaContextWithOIDC } from 'oidc-provider'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import type { House } from '../house.ts'
import { isSameOrigin } from '../web/csrf.ts'
import { statePage, toPageError, tryAgain } from '../web/errors.ts'
import { queryOf } from '../web/forms.ts'
import { adoptLanguage, hereOf } from '../web/language.ts'
import type { Action } from '../web/page.ts'
import { headersOf, type Pages, type ViewName } from '../web/views.ts'
import type { Steps } from './at-once.ts'
import { isInMyAccount, leaveMyAccount } from './my-account.ts'

/** What uses something up: a code, a refresh token, the interaction that leads to a code, a session at its end. */
const USES_UP = /^\/oauth2\/(token$|authorize\/.)|^\/oidc\/logout\/confirm$/

/** The way on from an address that is not there. */
export const TO_ACCOUNT: Action = { label: { key: 'action.account' }, href: MY_ACCOUNT_HOME }

/** Outermost: what the library would answer with pages or redirects that our CSP, rightly, stops, and what went wrong inside. */
export function keepInTheHouse(house: House, atOnce: Steps['atOnce']) {
  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    const policy = ctx.response.get('Content-Security-Policy')
    try {
      await (USES_UP.test(ctx.path) ? atOnce(() => answered(house, ctx, next)) : answered(house, ctx, next))
    } catch (error) {
      ctx.set('Content-Security-Policy', policy)
      return showFailure(house, ctx, error)
    }
    // The library adds the hash of a script of its own, which no page of ours has.
    ctx.set('Content-Security-Policy', policy)
    if (ctx.status === 404 && !ctx.body) return showState(house, ctx, 404, 'missing', [TO_ACCOUNT])
    const { oidc } = ctx as { oidc?: KoaContextWithOIDC['oidc'] }
    if (!oidc) return
    const mode = oidc.params?.['response_mode']
    if (/^(authorization|resume)$/.test(oidc.route) && mode !== undefined && mode !== 'query') {
      ctx.remove('Location')
      showState(house, ctx, 400, 'bad-request')
    } else if (oidc.route === 'end_session_confirm' && ctx.status === 303) {
      // A form's redirect may not leave the house: go on from a page.
      const next = ctx.response.get('Location')
      const href = next === oidc.urlFor('end_session_success') ? inLanguage(next, ctx) : next
      ctx.remove('Location')
      ctx.status = 200
      answer(house, ctx, 'continue', { application: oidc.client?.clientName ?? '', href })
    }
    if (oidc.route === 'discovery' && typeof ctx.body === 'object' && ctx.body !== null) {
      Object.assign(ctx.body, { response_modes_supported: ['query'] })
    }
  }
}

/** For the library's event: it answers a failure of ours itself, and goes on as if nothing were the matter. */
export function noteFailure(ctx: KoaContextWithOIDC, error: Error): void {
  ctx.state['failure'] = error
}

async function answered(house: House, ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  await next()
  if (ctx.state['failure'] !== undefined) throw ctx.state['failure']
  await endWithMyAccount(house, ctx)
  // Answered by the time limit before, or the other side is gone: what nobody is told of must not be used up.
  if (!ctx.writable) throw new Error('The answer came too late.')
}

/** A sign-out at an application is one of the browser: what it means for My Account, which the library does not know. */
async function endWithMyAccount(house: House, ctx: KoaContextWithOIDC): Promise<void> {
  const { oidc } = ctx as { oidc?: KoaContextWithOIDC['oidc'] }
  const isNobody = !oidc?.session?.accountId
  if (oidc?.route === 'end_session' && ctx.status === 200 && isNobody) {
    if (await isInMyAccount(house, ctx.req)) await showLogout(house, ctx)
    else showSignedOut(house, ctx, oidc.client, oidc.params)
  } else if (oidc?.route === 'end_session_confirm' && ctx.status === 400 && isNobody) {
    await signOutAlone(house, ctx)
  } else if (oidc?.route === 'end_session_confirm' && ctx.status === 303 && oidc.params?.['logout']) {
    await leaveMyAccount(house, ctx.req)
  }
}

/** The page of a failure, or what a server that is not a person can read (RFC 6749, 5.2). Nothing of what was prepared stays. */
function showFailure(house: House, ctx: KoaContextWithOIDC, error: unknown): void {
  if (ctx.headerSent || !ctx.writable) return house.log.warn({ err: error }, 'nobody waited for the answer')
  const page = toPageError(error)
  house.log.error({ err: error, status: page.status }, 'openid provider failed')
  house.metrics.error(page.state)
  ctx.remove('Set-Cookie')
  ctx.remove('Location')
  if (page.retryAfterSeconds) ctx.set('Retry-After', String(page.retryAfterSeconds))
  const isForPeople = /^\/oauth2\/authorize|^\/oidc\//.test(ctx.path)
  if (isForPeople || ctx.accepts('json', 'html') === 'html') {
    return showState(house, ctx, page.status, page.state, page.status === 503 ? tryAgain(ctx.originalUrl) : [])
  }
  ctx.status = page.status
  ctx.type = 'json'
  ctx.set('Cache-Control', 'no-store')
  ctx.body = page.status === 503 ? AWAY : { error: 'server_error' }
}

const AWAY = { error: 'temporarily_unavailable', error_description: 'try again in a moment' }

/** Asks whether to sign out. */
export async function showLogout(house: House, ctx: KoaContextWithOIDC): Promise<void> {
  const secret = (ctx.oidc.session?.state as { secret?: string } | undefined)?.secret ?? ''
  const application = ctx.oidc.client?.clientName
  const action = new URL(inLanguage(ctx.oidc.urlFor('end_session_confirm'), ctx))
  // Of whoever has no session that would remember it.
  for (const name of ctx.oidc.session?.accountId ? [] : ['client_id', 'post_logout_redirect_uri', 'state']) {
    const said = ctx.oidc.params?.[name]
    if (typeof said === 'string') action.searchParams.set(name, said)
  }
  const page = { ...(application ? { application } : {}), action: action.href, xsrf: secret }
  answer(house, ctx, 'logout', page)
}

/**
 * Answers the form of whoever has no session at our OpenID Provider, by which the library would know the form: they pressed twice, signed out in another
 * tab, or are signed in to My Account alone. That it is a form of ours the browser says.
 */
async function signOutAlone(house: House, ctx: KoaContextWithOIDC): Promise<void> {
  if (!isSameOrigin(house.publicUrl, ctx.req)) return
  const { provider, params } = ctx.oidc
  if (params?.['logout']) await leaveMyAccount(house, ctx.req)
  ctx.status = 200
  const client = await provider.Client.find(String(ctx.query['client_id'] ?? ''))
  const { post_logout_redirect_uri: next, state } = ctx.query
  const isAllowed = typeof next === 'string' && client?.postLogoutRedirectUriAllowed(next) === true
  if (!params?.['logout'] && !isAllowed) return ctx.redirect(MY_ACCOUNT_HOME)
  showSignedOut(house, ctx, client, isAllowed ? { post_logout_redirect_uri: next, state } : undefined)
}

/** Nobody is signed in here (any more), so there is nothing to ask and nothing to remember: on to where the application wanted them next, if it said so. */
function showSignedOut(
  house: House,
  ctx: KoaContextWithOIDC,
  client: { clientName?: string | undefined } | undefined,
  // The library has emptied the address unless it is registered for the application that asks.
  { post_logout_redirect_uri: next, state }: Record<string, unknown> = {},
): void {
  if (typeof next !== 'string') return showState(house, ctx, 200, 'signed-out')
  const href = new URL(next)
  if (typeof state === 'string') href.searchParams.set('state', state)
  answer(house, ctx, 'continue', { application: client?.clientName ?? '', href: href.href })
}

/** Answers with the page of a state. */
export function showState(house: House, ctx: Answering, status: number, state: string, actions: Action[] = []): void {
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  answer(house, ctx, 'message', statePage(state, {}, actions))
}

type Answering = Pick<KoaContextWithOIDC, 'status' | 'type' | 'body' | 'set' | 'req' | 'res'> & {
  oidc?: Pick<KoaContextWithOIDC['oidc'], 'params'>
}

/** The page in the person's language, else in the one that the application asks for. */
function answer<V extends ViewName>(house: House, ctx: Answering, view: V, page: Pages[V]): void {
  const language = adoptLanguage(ctx.res, wishOf(ctx))
  ctx.type = 'html'
  ctx.set(headersOf(language))
  // What a form of ours has posted here is found again nowhere.
  const here = ctx.req.method === 'POST' ? undefined : hereOf(ctx.req)
  ctx.body = house.views.render(view, page, language, here)
}

/** What the application asks for, which each of these requests may say; the library knows it as a parameter of two of them. */
function wishOf({ req, oidc }: Pick<Answering, 'req' | 'oidc'>): string | undefined {
  const said = oidc?.params?.['ui_locales'] ?? new URLSearchParams(queryOf(req.url ?? '')).get('ui_locales')
  return typeof said === 'string' ? said : undefined
}

/** The next page of the same story, in the same language. */
function inLanguage(address: string, ctx: KoaContextWithOIDC): string {
  const wished = wishOf(ctx)
  return wished === undefined ? address : `${address}?${new URLSearchParams({ ui_locales: wished })}`
}
