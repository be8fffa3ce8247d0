// The door of applications: our OpenID Provider, and how a flow leaves by it.
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestHandler } from 'express'
import type Provider from 'oidc-provider'
import { wipeProfile } from '../db/flow-endings.ts'
import type { Flow } from '../flow.ts'
import { movedError, notFoundError } from '../flow-pages.ts'
import type { House } from '../house.ts'
import { SIGN_IN_OLD } from '../provisioning/told.ts'
import { queryOf } from '../web/forms.ts'
import { loadOpenidProvider } from '../web/openid-provider.ts'
import { inSteps } from './at-once.ts'
import { keepTwoMoments, signedInThereAt } from './auth-time.ts'
import { type Bearer, bearerOf, grantClientCredentials } from './client-credentials.ts'
import {
  COOKIES,
  configurationOf,
  interactionSeconds,
  type LoginAddress,
  ROUTES,
  SHORT_COOKIE,
} from './configuration.ts'
import type { WayOut } from './doors.ts'
import { signingKeys } from './keys.ts'
import { keepInTheHouse, noteFailure } from './pages.ts'
import { signInPolicy } from './policy.ts'
import { recordsOf } from './records.ts'
import { federatedSubject, keepFederatedClaims, MFA } from './subjects.ts'

export interface ApplicationDoor extends WayOut {
  /** Serves the OpenID Provider's addresses; everything else goes on. */
  middleware: RequestHandler
  /** The application that holds a token of its own; undefined when nobody does. */
  bearer(token: string): Promise<Bearer | undefined>
}

const ADDRESSES = /^\/(?:\.well-known\/openid-configuration$|oauth2\/|oidc\/)/
/** How soon a process notices that the signing keys were rotated. */
const LOOK_FOR_KEYS_MS = 60_000
/** What the log may say of an address: one that we know, never what somebody typed. */
const LOGGED = new Set([...Object.values(ROUTES), '/.well-known/openid-configuration', '/oidc/logout/confirm'])

export async function createApplicationDoor(wholeHouse: House, loginAddress: LoginAddress): Promise<ApplicationDoor> {
  const steps = inSteps(wholeHouse)
  const { house, atOnce } = steps
  const library = await loadOpenidProvider()
  const policy = signInPolicy(house, library.interactionPolicy)
  let current = open(await signingKeys(house))
  let lookedAt = house.now().getTime()

  function open(keys: Awaited<ReturnType<typeof signingKeys>>) {
    const { attributes } = house.settings()
    const provider = new library.default(house.publicUrl.origin, {
      ...configurationOf(house, loginAddress, policy, attributes),
      jwks: { keys: keys as never },
      adapter: (model: string) =>
        recordsOf(steps, model, () => new library.errors.InvalidGrant('grant request is invalid')),
    })
    // Its addresses and cookies follow the request's protocol and host, which the middleware sets to PUBLIC_URL's.
    provider.proxy = true
    keepTwoMoments(provider)
    provider.use(keepInTheHouse(house, atOnce))
    grantClientCredentials(provider, library.errors)
    provider.on('server_error', noteFailure)
    // Koa would print it, message and all.
    const koa: EventEmitter = provider
    koa.on('error', (error: unknown) => house.log.error({ err: error }, 'openid provider failed'))
    return { provider, callback: provider.callback(), keys, attributes: attributes.join() }
  }

  /** The library reads its keys and claims once, so another key or attribute takes a new provider; all that it remembers is in PostgreSQL. */
  async function lookForKeys(): Promise<void> {
    const keys = await signingKeys(house)
    if (kidsOf(keys) !== kidsOf(current.keys)) current = open(keys)
  }

  const door: ApplicationDoor = {
    middleware(req, res, next) {
      if (!ADDRESSES.test(req.path)) return next()
      res.locals['route'] = routeOf(req.path)
      atOurAddress(house, req)
      req.url = withOfflineConsent(req.url)
      const now = house.now().getTime()
      if (now - lookedAt > LOOK_FOR_KEYS_MS) {
        lookedAt = now
        lookForKeys().catch((error: unknown) => house.log.warn({ err: error }, 'signing keys could not be read'))
      }
      if (house.settings().attributes.join() !== current.attributes) current = open(current.keys)
      steps.inRequest(() => current.callback(req, res))
    },

    async leaveBy(req, res, flow) {
      const { provider } = current
      const interaction = await provider.Interaction.find(uidOf(flow))
      if (!interaction) return undefined
      await checkAddress(provider, interaction.params, () => movedError(house, flow))
      const { ending } = flow
      if (ending?.kind === 'declined') {
        interaction.result = { error: 'access_denied', error_description: 'DECLINED' }
      } else if (ending?.kind === 'refused') {
        const error = ending.code === SIGN_IN_OLD ? 'login_required' : 'access_denied'
        interaction.result = { error, error_description: ending.code }
      } else {
        const subject = subjectOf(house, flow)
        if (subject === undefined) {
          // Led out once already: what was kept for the door is wiped, and the answer stands.
          if (interaction.result?.login) return interaction.returnTo
          // The idp by which they are known was deleted before they were led out.
          throw await notFoundError(house, req)
        }
        await forgetAnotherPerson(provider, req, res, subject)
        const scopes = String(interaction.params['scope'] ?? '').split(' ')
        const clientId = String(interaction.params['client_id'])
        const grant = new provider.Grant({ accountId: subject, clientId })
        grant.addOIDCScope(scopes.join(' '))
        const grantId = await grant.save()
        steps.isNew('Grant', grantId)
        if (ending?.kind === 'federated' && flow.profile) {
          await keepFederatedClaims(house, grantId, flow.profile, scopes)
        }
        // acr never reaches a token (no acr values are configured): it is where the session remembers the idp.
        const idpId = ending?.kind === 'signed-in' ? ending.idpId : flow.idpId
        // The session counts from then on: who was signed out everywhere since, or lost that way in, is not let in by being led out late.
        const ts = Math.floor((flow.endedAt ?? house.now()).getTime() / 1000)
        // What was shown in this sign-in, as RFC 8176 calls it.
        const amr = ending?.kind === 'signed-in' && ending.factor ? { amr: [MFA] } : {}
        // Where the idp does not say when that was, it was before they came back.
        const at = signedInThereAt(flow) ?? (idpId === undefined ? undefined : flow.calledBackAt?.getTime())
        const there = at === undefined ? {} : { signedInThereAt: Math.floor(at / 1000) }
        const login = { accountId: subject, ts, ...(idpId ? { acr: idpId } : {}), ...amr, ...there }
        interaction.result = { login, consent: { grantId } }
      }
      // The binding to the browser is the flow cookie's; a session that changed meanwhile must not stop the way out.
      delete interaction.session
      await interaction.persist()
      // Last: a process that died between the two would leave a flow that nobody could lead out any more.
      if (ending?.kind === 'federated') await wipeProfile(house.db, flow.id)
      return interaction.returnTo
    },

    async isOpen(flow) {
      return (await current.provider.Interaction.find(uidOf(flow))) !== undefined
    },

    async stay(req, res, flow) {
      const { provider } = current
      const interaction = await provider.Interaction.find(uidOf(flow))
      if (!interaction) return false
      await interaction.save(interactionSeconds(house))
      // As the library set it, so that this one takes its place.
      const path = new URL(interaction.returnTo).pathname
      atOurAddress(house, req)
      const maxAge = interactionSeconds(house) * 1000
      provider.createContext(req, res).cookies.set(COOKIES.resume, interaction.uid, { ...SHORT_COOKIE, path, maxAge })
      return true
    },

    bearer: (token) => bearerOf(current.provider, token),
  }
  return { ...door, leaveBy: (req, res, flow) => atOnce(() => door.leaveBy(req, res, flow)) }
}

/** The library's addresses, and whether its cookies are Secure, follow the request: it is at PUBLIC_URL, whatever a proxy says. */
function atOurAddress(house: House, req: IncomingMessage): void {
  req.headers['x-forwarded-proto'] = house.publicUrl.protocol.slice(0, -1)
  req.headers['x-forwarded-host'] = house.publicUrl.host
}

function routeOf(path: string): string | undefined {
  if (LOGGED.has(path)) return path
  return path.startsWith(`${ROUTES.authorization}/`) ? `${ROUTES.authorization}/:uid` : undefined
}

/** The interaction that this flow is of. */
function uidOf({ door }: Flow): string {
  return door.kind === 'application' ? door.interactionUid : ''
}

function subjectOf(house: House, flow: Flow): string | undefined {
  if (flow.ending?.kind === 'signed-in') return flow.ending.userId
  if (flow.ending?.kind !== 'federated' || !flow.profile || !flow.idpId) return undefined
  return federatedSubject(house.salt, flow.idpId, flow.profile)
}

/** The library looked at the redirect URI when the sign-in began, and does not look again. Throws what `moved` returns when it is gone (PR-67). */
async function checkAddress(
  provider: Provider,
  params: { [name: string]: unknown },
  moved: () => Promise<Error>,
): Promise<void> {
  const client = await provider.Client.find(String(params['client_id']))
  const address = params['redirect_uri']
  if (client && typeof address === 'string' && !client.redirectUriAllowed(address)) throw await moved()
}

/** With another person's session live in this browser the library would show a page of its own. */
async function forgetAnotherPerson(
  provider: Provider,
  req: IncomingMessage,
  res: ServerResponse,
  subject: string,
): Promise<void> {
  const session = await provider.Session.get(provider.createContext(req, res))
  if (session.accountId && session.accountId !== subject) await session.destroy()
}

function kidsOf(keys: { kid: string }[]): string {
  return keys.map(({ kid }) => kid).join()
}

/** Adds prompt=consent to a request for offline_access (OpenID Connect Core, 11): first-party applications have that consent. */
function withOfflineConsent(url: string): string {
  const path = '/oauth2/authorize'
  if (!url.startsWith(`${path}?`)) return url
  const query = new URLSearchParams(queryOf(url))
  const prompts = (query.get('prompt') ?? '').split(' ').filter(Boolean)
  if (!query.get('scope')?.split(' ').includes('offline_access')) return url
  if (prompts.includes('none') || prompts.includes('consent') || query.getAll('prompt').length > 1) return url
  query.set('prompt', [...prompts, 'consent'].join(' '))
  return `${path}?${query}`
}
