// Away to an identity provider and back, by OpenID Connect. The only file that imports openid-client.
import type { LookupFunction } from 'node:net'
import * as client from 'openid-client'
import type { Idp } from '../db/idps.ts'
import type { House } from '../house.ts'
import { sha256 } from '../seal.ts'
import { type Ask, codedError, codeOf, createAsk, createKeys, type KeySet, type Keys } from './ask.ts'
import { createGuardedFetch, type Fetch, type Question } from './guarded-fetch.ts'
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
/** How long openid-client's configuration of an idp is kept. From the fourth minute on it would ask for keys that it has (`configure`). */
const CLIENT_SECONDS = 180

/** What is known of an idp: how it describes itself, and the keys that it published last. */
interface Known {
  description: Promise<client.ServerMetadata>
  keys: Keys
  until: number
}

/** A configuration of openid-client, which keeps the keys that it has imported, and what it was made of. */
interface Client {
  description: client.ServerMetadata
  known: KeySet | undefined
  idp: Pick<Idp, 'clientId' | 'clientSecretSealed'>
  until: number
  configuration: client.Configuration
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
  const clients = new Map<string, Client>()

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

  async function clientOf(idp: Idp): Promise<Client> {
    const { description: described, keys } = knownOf(idp)
    const description = await described
    const known = keys.known()
    const found = clients.get(idp.name)
    if (found && known && found.until > nowInSeconds() && isMadeOf(found, { description, known, idp })) return found
    const sealed = idp.clientSecretSealed
    const secret = sealed ? house.keyring.unseal(`idp ${idp.name}`, sealed) : undefined
    const configuration = configure({ description, known, clientId: idp.clientId, secret }, (url, question) => {
      if (url !== addressOf(description.jwks_uri)) return ask.once(url, question)
      // It missed a key: for the next sign-in there is a new one, which knows what has been found.
      clients.delete(idp.name)
      return keys.ask(known, url, question)
    })
    const made = { description, known, idp, until: nowInSeconds() + CLIENT_SECONDS, configuration }
    if (known) clients.set(idp.name, made)
    return made
  }

  return {
    async leave(idp, checks, options) {
      return attempt(async () => {
        const { configuration, description } = await clientOf(idp)
        return client.buildAuthorizationUrl(configuration, {
          redirect_uri: callbackAddress(house.publicUrl, idp.name),
          scope: idp.scopes.join(' '),
          state: checks.state,
          nonce: checks.nonce,
          // RFC 7636, 4.2.
          code_challenge: sha256(checks.codeVerifier).toString('base64url'),
          code_challenge_method: 'S256',
          ...(options.otherAccount ? { prompt: promptForAnother(description) } : {}),
          // The older way to say the same beside the newer: some know only one of them.
          ...(options.again ? { prompt: 'login', max_age: '0' } : {}),
        })
      })
    },
    async comeBack(idp, query, checks) {
      return attempt(async () => {
        const { configuration, description } = await clientOf(idp)
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
        if (wanted.every((claim) => Object.hasOwn(claims, claim)) || !description.userinfo_endpoint) return claims
        const userinfo = await client.fetchUserInfo(configuration, tokens.access_token, String(claims['sub']))
        return mergeClaims(claims, userinfo, idp.mappings)
      })
    },
  }
}

/** select_account where the idp says that it knows it; login is known to all. */
function promptForAnother(description: client.ServerMetadata): string {
  const supported: unknown = description['prompt_values_supported']
  return Array.isArray(supported) && supported.includes('select_account') ? 'select_account' : 'login'
}

/** Asks an idp how it describes itself. Throws unless it calls itself, to the letter, what it is called in the configuration. */
async function describe(ask: Ask, idp: Idp): Promise<client.ServerMetadata> {
  const issuer = new URL(idp.issuer)
  const discovered = await client.discovery(issuer, idp.clientId, undefined, client.None(), {
    timeout: TIMEOUT_SECONDS,
    [client.customFetch]: (url, options) => ask.twice(url, questionOf(options)),
    // The configuration lets http through only where it is told to.
    execute: issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [],
  })
  const description = discovered.serverMetadata()
  // The library overlooks a slash at the end and the case of the host. The issuer is part of who a person is: it has one spelling
  // (OpenID Connect Discovery, 4.3).
  if (description.issuer !== idp.issuer) throw codedError('IDP_ISSUER_OTHER', 'The idp calls itself by another name.')
  return description
}

function isMadeOf(
  made: Client,
  { description, known, idp }: { description: client.ServerMetadata; known: KeySet; idp: Idp },
): boolean {
  const [before, now] = [made.idp.clientSecretSealed, idp.clientSecretSealed]
  const isSameSecret = before && now ? before.equals(now) : before === now
  return made.description === description && made.known === known && made.idp.clientId === idp.clientId && isSameSecret
}

/**
 * openid-client asks for a missing key only when it believes its set to be a minute old: so it is told, and `Keys` sees to it that nobody
 * has us ask all the time.
 */
function configure(
  {
    description,
    known,
    clientId,
    secret,
  }: {
    description: client.ServerMetadata
    known: KeySet | undefined
    clientId: string
    secret: string | undefined
  },
  fetch: Fetch,
): client.Configuration {
  const configuration = new client.Configuration(
    description,
    clientId,
    { ...(secret === undefined ? {} : { client_secret: secret }), [client.clockTolerance]: CLOCK_TOLERANCE_SECONDS },
    secret === undefined ? client.None() : undefined,
  )
  configuration.timeout = TIMEOUT_SECONDS
  if (known) client.setJwksCache(configuration, { jwks: known as client.JWKS, uat: nowInSeconds() - 60 })
  configuration[client.customFetch] = (url, options) => fetch(url, questionOf(options))
  // By default the library trusts TLS and leaves the ID token's signature unchecked.
  client.enableNonRepudiationChecks(configuration)
  if (new URL(description.issuer).protocol === 'http:') client.allowInsecureRequests(configuration)
  return configuration
}

function questionOf({ method, headers, body, signal }: client.CustomFetchOptions): Question {
  return { method, headers, body: (body ?? null) as string | URLSearchParams | null, ...(signal ? { signal } : {}) }
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
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(codedError('IDP_TIMEOUT', 'The identity provider took too long.')), ALTOGETHER_MS)
    timer.unref()
  })
  try {
    return await Promise.race([work(), tooLong])
  } catch (error) {
    throw new IdpFailure(codeOf(error) ?? 'IDP_FAILED', error instanceof client.AuthorizationResponseError, error)
  } finally {
    clearTimeout(timer)
  }
}
