// What an idp says of itself (OpenID Connect Discovery 1.0, 3), held against what a sign-in here needs. Pure.
import { isIssuer, WELL_KNOWN, webAddress } from '../declared-addresses.ts'
import { isPrivateHost } from './private-addresses.ts'

export interface Check {
  verdict: 'ok' | 'warn' | 'fail'
  /** For an operator, in English. What is quoted of the idp is plain text, and may be anything. */
  sentence: string
}

export type Description = Readonly<Record<string, unknown>>

/** What the configuration of an idp asks of it. */
export interface Wanted {
  scopes: readonly string[]
  /** Claims that the username, the attributes and the roles are read from. */
  claims: readonly string[]
  hasSecret: boolean
}

const LONGEST_QUOTE = 200
const MOST_ITEMS = 500

const ENDPOINTS = {
  authorization: 'authorization_endpoint',
  token: 'token_endpoint',
  keys: 'jwks_uri',
  userinfo: 'userinfo_endpoint',
  endSession: 'end_session_endpoint',
} as const

export type Endpoint = keyof typeof ENDPOINTS

const CALLED: Record<Endpoint, string> = {
  authorization: 'authorization endpoint',
  token: 'token endpoint',
  keys: 'address of its keys',
  userinfo: 'userinfo endpoint',
  endSession: 'sign-out endpoint',
}

/** Where the idp of this issuer describes itself (OpenID Connect Discovery 1.0, 4.1). */
export function descriptionAddress(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}${WELL_KNOWN}`
}

/** The description's address for what an operator pastes: that, or an issuer, with or without https in front. Undefined for what is no address. */
export function pastedAddress(text: string): string | undefined {
  const given = text.trim()
  const url = webAddress(given.includes('://') ? given : `https://${given}`)
  if (url === undefined || url.hash !== '') return undefined
  return url.pathname.endsWith(WELL_KNOWN) || url.search !== '' ? url.href : descriptionAddress(url.href)
}

/** The description in an answer; undefined for what is none. */
export function readDescription(text: string): Description | undefined {
  try {
    const read: unknown = JSON.parse(text)
    return typeof read === 'object' && read !== null && typeof (read as Description)['issuer'] === 'string'
      ? (read as Description)
      : undefined
  } catch {
    return undefined
  }
}

/** The endpoints that the idp names. */
export function endpointsIn(description: Description): Partial<Record<Endpoint, string>> {
  const named = Object.entries(ENDPOINTS).flatMap(([endpoint, member]) => {
    const address = description[member]
    return typeof address === 'string' ? [[endpoint, address]] : []
  })
  return Object.fromEntries(named)
}

/** A list that the idp names; undefined when it names none. */
export function listIn(description: Description, member: string): string[] | undefined {
  const list = description[member]
  if (!Array.isArray(list)) return undefined
  return list.filter((item) => typeof item === 'string').slice(0, MOST_ITEMS)
}

/** A text of the idp as it may stand in a sentence: in one line, and not longer than a line or two. */
export function quote(text: string): string {
  const plain = text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ')
  return plain.length > LONGEST_QUOTE ? `${plain.slice(0, LONGEST_QUOTE).toWellFormed()}…` : plain
}

/** What the idp can and cannot do, one line each. `address` is where the description was found. */
export function checklistOf(
  description: Description,
  { address, wanted, mayBePrivate }: { address: string; wanted: Wanted; mayBePrivate: boolean },
): Check[] {
  const issuer = String(description['issuer'])
  return [
    ...issuerChecks(issuer, address, mayBePrivate),
    ...endpointChecks(issuer, description, mayBePrivate),
    signing(listIn(description, 'id_token_signing_alg_values_supported')),
    codes(listIn(description, 'response_types_supported')),
    secrets(listIn(description, 'token_endpoint_auth_methods_supported'), wanted.hasSecret),
    listIn(description, 'code_challenge_methods_supported')?.includes('S256')
      ? ok('It knows PKCE by S256: a stolen code is worth nothing.')
      : warn('It does not say that it knows PKCE by S256. We send it all the same.'),
    description['authorization_response_iss_parameter_supported'] === true
      ? ok('It names itself in its answers (RFC 9207).')
      : warn(
          'It does not name itself in its answers (RFC 9207). Its redirect address, which no other has, tells it apart.',
        ),
    names('scopes', wanted.scopes, listIn(description, 'scopes_supported')),
    names('claims', wanted.claims, listIn(description, 'claims_supported')),
  ]
}

function issuerChecks(issuer: string, address: string, mayBePrivate: boolean): Check[] {
  if (!isIssuer(issuer, true)) return [fail(`It calls itself ${quote(issuer)}, which is no address without ? and #.`)]
  const expected = descriptionAddress(issuer)
  const isHere = URL.canParse(expected) && new URL(expected).href === address
  const found = `its description would be at ${quote(expected)}, and this one is at ${quote(address)}`
  const own = isHere
    ? ok(`It calls itself ${quote(issuer)}: that is its issuer, to the letter.`)
    : fail(`It calls itself ${quote(issuer)}: ${found}. Give the address of that issuer.`)
  if (!issuer.startsWith('http:')) return [own]
  const plain = 'Its issuer is not https: the network can read and change what it says'
  return [own, mayBePrivate ? warn(`${plain}.`) : fail(`${plain}. ALLOW_PRIVATE_IDP=1 allows that.`)]
}

function endpointChecks(issuer: string, description: Description, mayBePrivate: boolean): Check[] {
  const endpoints = endpointsIn(description)
  const needed: Endpoint[] = ['authorization', 'token', 'keys']
  const missing = needed.filter((endpoint) => endpoints[endpoint] === undefined)
  const wrong = (Object.entries(endpoints) as [Endpoint, string][]).flatMap(([endpoint, address]) => {
    const url = webAddress(address)
    const its = `Its ${CALLED[endpoint]}, ${quote(address)},`
    if (!url) return [fail(`${its} is no web address.`)]
    // The browser goes to the others, and the browser may be anywhere.
    const isAskedByUs = endpoint === 'token' || endpoint === 'keys' || endpoint === 'userinfo'
    if (isAskedByUs && !mayBePrivate && isPrivateHost(url.hostname))
      return [fail(`${its} is on this machine or in a private network. ALLOW_PRIVATE_IDP=1 allows that.`)]
    if (url.protocol === 'https:') return []
    return [issuer.startsWith('http:') && mayBePrivate ? warn(`${its} is not https.`) : fail(`${its} is not https.`)]
  })
  return [
    ...missing.map((endpoint) => fail(`It names no ${CALLED[endpoint]}.`)),
    ...wrong,
    ...(missing.length + wrong.length === 0 ? [ok('It names its endpoints and its keys, all of them https.')] : []),
    endpoints.userinfo === undefined
      ? warn('It names no userinfo endpoint: a claim that is not in the ID token is not sent at all.')
      : ok('It has a userinfo endpoint, for claims that are not in the ID token.'),
  ]
}

/** Those that openid-client verifies. A token without a signature, or signed by the secret, is refused. */
const SIGNATURES = /^((RS|PS|ES)(256|384|512)|EdDSA|Ed25519|ML-DSA-(44|65|87))$/

function signing(named: string[] | undefined): Check {
  // It is required, and RS256 has to be in it (OpenID Connect Discovery, 3).
  if (!named) return warn('It does not say how it signs ID tokens: only RS256 will be accepted.')
  const good = named.filter((algorithm) => SIGNATURES.test(algorithm))
  if (good.length === 0) return fail(`It signs ID tokens by ${listed(named) || 'nothing'}, which is not accepted.`)
  if (good.includes('RS256') || good.includes('ES256')) return ok(`It signs ID tokens by ${listed(good)}.`)
  return warn(`It signs ID tokens by ${listed(good)}, and neither by RS256 nor by ES256, which all others do.`)
}

function codes(named: string[] | undefined): Check {
  if (!named) return warn('It does not say that it gives codes (response_type code).')
  return named.includes('code')
    ? ok('It gives codes (response_type code).')
    : fail('It gives no codes (response_type code), and nothing else is accepted.')
}

function secrets(named: string[] | undefined, hasSecret: boolean): Check {
  const wanted = hasSecret ? 'client_secret_post' : 'none'
  const how = hasSecret ? 'the secret in the form (client_secret_post)' : 'clients without a secret (none)'
  if (named?.includes(wanted)) return ok(`It takes ${how}.`)
  // What is not said means client_secret_basic (OpenID Connect Discovery, 3), and most take both.
  if (!named) return warn(`It does not say that it takes ${how}. "Test connection" shows whether it does.`)
  return hasSecret
    ? fail(`It does not take ${how}, but ${listed(named) || 'nothing'}.`)
    : warn(`It does not say that it takes ${how}: it may want one.`)
}

function names(what: 'scopes' | 'claims', wanted: readonly string[], named: string[] | undefined): Check {
  if (!named) return warn(`It does not say which ${what} it knows.`)
  const missing = wanted.filter((one) => !named.includes(one))
  if (missing.length === 0) return ok(`It knows all ${what} that are asked for.`)
  return warn(`It does not name these ${what}, which are asked for: ${listed(missing)}.`)
}

function listed(items: readonly string[]): string {
  return quote(items.join(', '))
}

function ok(sentence: string): Check {
  return { verdict: 'ok', sentence }
}

function warn(sentence: string): Check {
  return { verdict: 'warn', sentence }
}

function fail(sentence: string): Check {
  return { verdict: 'fail', sentence }
}
