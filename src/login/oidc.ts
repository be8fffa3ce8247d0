// Away to an identity provider and back, by OpenID Connect. The only file that imports openid-client.
import type { LookupFunction } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import * as client from 'openid-client'
import type { Idp } from '../db/idps.ts'
import type { House } from '../house.ts'
import { type Ask, codedError, codeOf, createAsk, createKeys, type Keys } from './ask.ts'
import { createGuardedFetch } from './guarded-fetch.ts'
import { CLOCK_TOLERANCE_SECONDS, checkIdToken } from './id-token.ts'
import { mergeClaims } from './profile.ts'
import { callbackAddress } from './ways.ts'

/** The idp did not do its part: away, slow, or it answered what it must not. `code` is safe to log. */
export class IdpFailure extends Error {
  readonly code: string
  /** The idp said itself that there is no sign-in, for example because the person cancelled. */
  readonly isDenial: boolean

  constructor(code: string, isDenial: boolean, cause: unknown) {
    super('The identity provider did not complete the sign-in.', { cause })
    this.name = 'IdpFailure'
    this.code = code
    this.isDenial = isDenial
  }
}

export interface Checks {
  state: string
  nonce: string
  codeVerifier: string
}

export interface Oidc {
  /**
   * The address at the idp that the browser is sent to. `otherAccount` asks the idp to let the person choose again, `again` to have them sign in
   * there once more although it knows them already.
   */
  leave(idp: Idp, checks: Checks, options: { otherAccount: boolean; again?: boolean }): Promise<URL>
  /** Exchanges the code once and returns verified claims: ID token (signature, iss, aud, exp, nonce), and userinfo where a mapped claim is missing. */
  comeBack(idp: Idp, query: string, checks: Checks): Promise<Record<string, unknown>>
}

const TIMEOUT_SECONDS = 5
/** Of discovery, keys, token and userinfo together: a person waits no longer for an idp. */
const ALTOGETHER_MS = 8_000
/** How long a description and its keys are kept: a key that the idp has withdrawn is believed no longer than this. */
const KEPT_MINUTES = 5

/** What is known of an idp: how it describes itself, and the keys that it published last. */
interface Known {
  description: Promise<client.ServerMetadata>
  keys: Keys
  until: number
}

/**
 * Every failure is an `IdpFailure`. Descriptions and keys are kept for five minutes; a key that is not among them is asked for. `lookup`
 * finds the addresses of a name, in place of the system.
 */
export function createOidc(
  house: Pick<House, 'publicUrl' | 'keyring' | 'now' | 'allowPrivateIdp'>,
  lookup?: LookupFunction,
): Oidc {
  const ask = createAsk(createGuardedFetch({ mayBePrivate: house.allowPrivateIdp, ...(lookup ? { lookup } : {}) }))
  const kept = new Map<string, Known>()

  function knownOf(idp: Idp): Known {
    const now = house.now().getTime()
    const found = kept.get(idp.issuer)
    if (found && found.until > now) return found
    const known = {
      description: describe(ask, idp),
      keys: createKeys(ask, house.now),
      until: now + KEPT_MINUTES * 60_000,
    }
    // A failure is not kept: the next person may find the idp well again.
    known.description.catch(() => kept.delete(idp.issuer))
    kept.set(idp.issuer, known)
    return known
  }

  async function configurationOf(idp: Idp): Promise<client.Configuration> {
    const { description, keys } = knownOf(idp)
    const sealed = idp.clientSecretSealed
    const secret = sealed ? house.keyring.unseal(`idp ${idp.name}`, sealed) : undefined
    return configure(ask, await description, keys, idp.clientId, secret)
  }

  return {
    async leave(idp, checks, options) {
      return attempt(async () => {
        const configuration = await configurationOf(idp)
        return client.buildAuthorizationUrl(configuration, {
          redirect_uri: callbackAddress(house.publicUrl, idp.name),
          scope: idp.scopes.join(' '),
          state: checks.state,
          nonce: checks.nonce,
          code_challenge: await client.calculatePKCECodeChallenge(checks.codeVerifier),
          code_challenge_method: 'S256',
          ...(options.otherAccount ? { prompt: promptForAnother(configuration) } : {}),
          // The older way to say the same beside the newer: some know only one of them.
          ...(options.again ? { prompt: 'login', max_age: '0' } : {}),
        })
      })
    },
    async comeBack(idp, query, checks) {
      return attempt(async () => {
        const configuration = await configurationOf(idp)
        // The address is ours as configured, never as the Host header says.
        const tokens = await client.authorizationCodeGrant(
          configuration,
          new URL(`?${query}`, callbackAddress(house.publicUrl, idp.name)),
          {
            expectedState: checks.state,
            expectedNonce: checks.nonce,
            pkceCodeVerifier: checks.codeVerifier,
            idTokenExpected: true,
          },
        )
        const claims: Record<string, unknown> = { ...tokens.claims() }
        checkIdToken(tokens.id_token ?? '', claims, { clientId: idp.clientId, now: nowInSeconds() })
        const wanted = [...Object.values(idp.mappings), idp.usernameClaim, idp.rolesClaim ?? idp.usernameClaim]
        if (
          wanted.every((claim) => Object.hasOwn(claims, claim)) ||
          !configuration.serverMetadata().userinfo_endpoint
        ) {
          return claims
        }
        const userinfo = await client.fetchUserInfo(configuration, tokens.access_token, String(claims['sub']))
        return mergeClaims(claims, userinfo, idp.mappings)
      })
    },
  }
}

/** select_account where the idp says that it knows it; login is known to all. */
function promptForAnother(configuration: client.Configuration): string {
  const supported: unknown = configuration.serverMetadata()['prompt_values_supported']
  return Array.isArray(supported) && supported.includes('select_account') ? 'select_account' : 'login'
}

/** Asks an idp how it describes itself. Throws unless it calls itself, to the letter, what it is called in the configuration. */
async function describe(ask: Ask, idp: Idp): Promise<client.ServerMetadata> {
  const issuer = new URL(idp.issuer)
  const discovered = await client.discovery(issuer, idp.clientId, undefined, client.None(), {
    timeout: TIMEOUT_SECONDS,
    [client.customFetch]: (url, options) => ask.twice(url, options as RequestInit),
    // The configuration lets http through only where it is told to.
    execute: issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [],
  })
  const description = discovered.serverMetadata()
  // The library overlooks a slash at the end and the case of the host. The issuer is part of who a person is: it has one spelling
  // (OpenID Connect Discovery, 4.3).
  if (description.issuer !== idp.issuer) throw codedError('IDP_ISSUER_OTHER', 'The idp calls itself by another name.')
  return description
}

/**
 * What one sign-in needs. New for each, because openid-client asks for a missing key only when it believes its set to be a minute
 * old: so it is told, and `Keys` sees to it that nobody has us ask all the time.
 */
function configure(
  ask: Ask,
  description: client.ServerMetadata,
  keys: Keys,
  clientId: string,
  secret: string | undefined,
): client.Configuration {
  const configuration = new client.Configuration(
    description,
    clientId,
    { ...(secret === undefined ? {} : { client_secret: secret }), [client.clockTolerance]: CLOCK_TOLERANCE_SECONDS },
    secret === undefined ? client.None() : undefined,
  )
  configuration.timeout = TIMEOUT_SECONDS
  const known = keys.known()
  if (known) client.setJwksCache(configuration, { jwks: known as client.JWKS, uat: nowInSeconds() - 60 })
  const keysAddress = addressOf(description.jwks_uri)
  configuration[client.customFetch] = (url, options) =>
    url === keysAddress ? keys.ask(known, url, options as RequestInit) : ask.once(url, options as RequestInit)
  // By default the library trusts TLS and leaves the ID token's signature unchecked.
  client.enableNonRepudiationChecks(configuration)
  if (new URL(description.issuer).protocol === 'http:') client.allowInsecureRequests(configuration)
  return configuration
}

/** As openid-client writes it when it asks. */
function addressOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).href : undefined
}

/** The machine's clock, which openid-client compares the times in a token with, too. */
function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

async function attempt<Result>(work: () => Promise<Result>): Promise<Result> {
  const timer = new AbortController()
  const tooLong = setTimeout(ALTOGETHER_MS, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw codedError('IDP_TIMEOUT', 'The identity provider took too long.')
  })
  // Whichever loses the race is heard by nobody else.
  tooLong.catch(() => {})
  try {
    return await Promise.race([work(), tooLong])
  } catch (error) {
    throw new IdpFailure(codeOf(error) ?? 'IDP_FAILED', error instanceof client.AuthorizationResponseError, error)
  } finally {
    timer.abort()
  }
}
