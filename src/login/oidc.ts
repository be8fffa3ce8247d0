// Away to an identity provider and back, by OpenID Connect. The only file that imports openid-client.
import { setTimeout } from 'node:timers/promises'
import * as client from 'openid-client'
import type { Idp } from '../db/idps.ts'
import type { House } from '../house.ts'
import { mergeClaims } from './profile.ts'

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
  /** The address at the idp that the browser is sent to. `otherAccount` asks the idp to let the person choose again. */
  leave(idp: Idp, checks: Checks, options: { otherAccount: boolean }): Promise<URL>
  /** Exchanges the code once and returns verified claims: ID token (signature, iss, aud, exp, nonce), and userinfo where a mapped claim is missing. */
  comeBack(idp: Idp, query: string, checks: Checks): Promise<Record<string, unknown>>
}

const TIMEOUT_SECONDS = 5
/** Of discovery, keys, token and userinfo together: a person waits no longer for an idp. */
const ALTOGETHER_MS = 9_000
const CONFIGURATION_MINUTES = 10

/** Every failure is an `IdpFailure`. Discovery and keys are kept for ten minutes; openid-client asks again for a key that it does not know. */
export function createOidc(house: Pick<House, 'publicUrl' | 'keyring' | 'now'>): Oidc {
  const kept = new Map<string, { configuration: Promise<client.Configuration>; until: number }>()

  function configurationOf(idp: Idp): Promise<client.Configuration> {
    const secret = idp.clientSecretSealed
    const key = [idp.id, idp.issuer, idp.clientId, secret?.toString('base64')].join(' ')
    const now = house.now().getTime()
    const found = kept.get(key)
    if (found && found.until > now) return found.configuration
    const configuration = discover(idp, secret ? house.keyring.unseal(`idp ${idp.name}`, secret) : undefined)
    // A failure is not kept: the next person may find the idp well again.
    configuration.catch(() => kept.delete(key))
    kept.set(key, { configuration, until: now + CONFIGURATION_MINUTES * 60_000 })
    return configuration
  }

  const callback = (idp: Idp) => new URL(`/commonauth/${encodeURIComponent(idp.name)}`, house.publicUrl)

  return {
    async leave(idp, checks, options) {
      return attempt(async () => {
        const configuration = await configurationOf(idp)
        return client.buildAuthorizationUrl(configuration, {
          redirect_uri: callback(idp).href,
          scope: idp.scopes.join(' '),
          state: checks.state,
          nonce: checks.nonce,
          code_challenge: await client.calculatePKCECodeChallenge(checks.codeVerifier),
          code_challenge_method: 'S256',
          ...(options.otherAccount ? { prompt: promptForAnother(configuration) } : {}),
        })
      })
    },
    async comeBack(idp, query, checks) {
      return attempt(async () => {
        const configuration = await configurationOf(idp)
        // The address is ours as configured, never as the Host header says.
        const tokens = await client.authorizationCodeGrant(configuration, new URL(`?${query}`, callback(idp)), {
          expectedState: checks.state,
          expectedNonce: checks.nonce,
          pkceCodeVerifier: checks.codeVerifier,
          idTokenExpected: true,
        })
        const claims: Record<string, unknown> = { ...tokens.claims() }
        const wanted = [...Object.values(idp.mappings), idp.usernameClaim]
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

function discover(idp: Idp, secret: string | undefined): Promise<client.Configuration> {
  const issuer = new URL(idp.issuer)
  return client.discovery(issuer, idp.clientId, secret, secret === undefined ? client.None() : undefined, {
    timeout: TIMEOUT_SECONDS,
    execute: [
      // By default the library trusts TLS and leaves the ID token's signature unchecked.
      client.enableNonRepudiationChecks,
      // The configuration lets http through only where it is told to.
      ...(issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []),
    ],
  })
}

async function attempt<Result>(work: () => Promise<Result>): Promise<Result> {
  const timer = new AbortController()
  const tooLong = setTimeout(ALTOGETHER_MS, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw Object.assign(new Error('The identity provider took too long.'), { code: 'IDP_TIMEOUT' })
  })
  // Whichever loses the race is heard by nobody else.
  tooLong.catch(() => {})
  try {
    return await Promise.race([work(), tooLong])
  } catch (error) {
    const code = (error as { code?: unknown }).code
    const isDenial = error instanceof client.AuthorizationResponseError
    throw new IdpFailure(typeof code === 'string' ? code : 'IDP_FAILED', isDenial, error)
  } finally {
    timer.abort()
  }
}
