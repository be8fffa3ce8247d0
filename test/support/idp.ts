// The tests' identity provider: a real OpenID Provider whose people, clients and misbehaviour are scripted by the test.
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import express, { type RequestHandler } from 'express'
import { listen } from '../../src/demo/listen.ts'
import { forgetfulSettings, loadProvider, newSigningKey } from '../../src/demo/provider.ts'

export interface IdpClient {
  clientId: string
  clientSecret: string
  redirectUri: string
}

export interface RecordedRequest {
  method: string
  path: string
  query: Record<string, string>
  /** The fields of a posted form; empty when the idp was told to hang before reading it. */
  form: Record<string, string>
  headers: Record<string, string>
}

/** A handler answers in the idp's stead, as it likes. */
type Misbehaviour = 'garbage' | 'hang' | '500' | RequestHandler
export type Claims = Record<string, unknown>
type Tampered = 'discovery' | 'id_token' | 'userinfo'

/** How the idp misbehaves from now on; `{}` is well. */
export interface Fault {
  discovery?: Misbehaviour
  jwks?: Misbehaviour
  token?: Misbehaviour
  userinfo?: Misbehaviour
  /** Changes what is asserted; an ID token is signed again afterwards, with the right key, so only its claims are wrong. */
  tamper?: (claims: Claims, where: Tampered) => Claims
  /** Signs ID tokens with a key that the idp does not publish. */
  forgeSignature?: boolean
  /** Writes the ID token in the idp's stead. */
  forge?: (token: Token) => string
}

/** An ID token about to be written, and the key that should sign it. */
export interface Token {
  header: Claims
  claims: Claims
  key: KeyObject
}

export interface Idp {
  issuer: string
  /** Every request so far, in order; empty it with `requests.length = 0`. */
  requests: RecordedRequest[]
  fault: Fault
  /** The person who signs in without being asked, or nothing to show the form. */
  signInAs: string | undefined
  /** Registers a client, or replaces the one with this id. */
  client(client: IdpClient): void
  /** Introduces a person, or changes what is said of them. `sub` may be anything; claims outside the standard travel with scope `profile`. */
  person(name: string, claims: Claims & { sub: string }): void
  /** The keys that it publishes now. */
  keys(): JsonWebKey[]
  /** The key that it signs with, private part and all. */
  signingKey(): JsonWebKey
  /** From now on it signs with a new key, and publishes no other. */
  rotateKeys(): void
  stop(): Promise<void>
}

const standardClaims = {
  openid: ['sub'],
  profile: [
    ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
    ...['website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
  ],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  address: ['address'],
}

const endpoints: Record<string, 'discovery' | 'jwks' | 'token' | 'userinfo'> = {
  '/.well-known/openid-configuration': 'discovery',
  '/jwks': 'jwks',
  '/token': 'token',
  '/me': 'userinfo',
}

// Making a key takes a third of a second of one processor, and most tests have an idp of their own: one that has stopped leaves its first key
// to the next. No two that run at the same time have the same.
const keys: ReturnType<typeof newSigningKey>[] = []
const takeKey = () => keys.pop() ?? newSigningKey()

/** Starts an identity provider at http://127.0.0.1 on `port` (default: a free one). Nobody is remembered between two sign-ins. */
export async function startIdp(options: { port?: number } = {}): Promise<Idp> {
  const OpenIdProvider = await loadProvider()
  const clients = new Map<string, IdpClient>()
  const people = new Map<string, Claims & { sub: string }>()
  const app = express()
  const { port, stop } = await listen(app, options.port ?? 0)
  const issuer = `http://127.0.0.1:${port}`

  let signingKey = takeKey()
  const issued = signingKey
  const settings = forgetfulSettings((clientId) => {
    const client = clients.get(clientId)
    return (
      client && {
        client_id: clientId,
        client_secret: client.clientSecret,
        redirect_uris: [client.redirectUri],
        // It always says when, as most do; `fault.tamper` takes it away.
        require_auth_time: true,
      }
    )
  }, signingKey)
  const idp: Idp = {
    issuer,
    requests: [],
    fault: {},
    signInAs: undefined,
    client: (client) => void clients.set(client.clientId, client),
    person: (name, claims) => void people.set(name, claims),
    keys: () => [publicPart(signingKey)],
    signingKey: () => signingKey,
    rotateKeys: () => {
      signingKey = newSigningKey()
    },
    async stop() {
      keys.push(issued)
      await stop()
    },
  }

  const findClaims = (subject: string) => [...people.values()].find(({ sub }) => sub === subject)
  const provider = new OpenIdProvider(issuer, {
    ...settings,
    claims: standardClaims,
    findAccount: (_ctx, subject) => {
      const claims = findClaims(subject)
      return claims && { accountId: subject, claims: () => claims }
    },
    renderError: (ctx, out) => {
      ctx.type = 'text'
      ctx.body = `The idp refused: ${out.error} ${out.error_description ?? ''}`
    },
  })

  const recorded = new WeakMap<object, RecordedRequest>()
  provider.use(async (ctx, next) => {
    const endpoint = endpoints[ctx.path]
    const fault = endpoint && idp.fault[endpoint]
    // The promise is never kept: the other side gives up, or `stop` ends the connection.
    if (fault === 'hang') return new Promise<never>(() => {})
    await next()
    const request = recorded.get(ctx.req)
    const oidc: { body?: object; accessToken?: { scope?: string; accountId?: string } } = ctx.oidc ?? {}
    if (request && oidc.body) request.form = flat(oidc.body)
    if (ctx.status === 200 && isObject(ctx.body)) {
      // What goes over the wire, without the undefined members that the library leaves in.
      const body: Claims = JSON.parse(JSON.stringify(ctx.body))
      const { scope = '', accountId = '' } = oidc.accessToken ?? {}
      if (endpoint === 'userinfo' && scope.includes('profile')) Object.assign(body, otherClaims(findClaims(accountId)))
      ctx.body = endpoint === 'jwks' ? { keys: idp.keys() } : tamperWith(body, endpoint, idp.fault, signingKey)
    }
    if (fault === 'garbage') ctx.body = 'This is not JSON.'
    if (fault === '500') {
      ctx.body = { error: 'server_error' }
      ctx.status = 500
    }
  })

  app.use((req, res, next) => {
    const { method, path } = req
    const request = { method, path, query: flat(req.query), form: {}, headers: flat(req.headers) }
    recorded.set(req, request)
    idp.requests.push(request)
    const endpoint = endpoints[path]
    const fault = endpoint && idp.fault[endpoint]
    if (typeof fault === 'function') fault(req, res, next)
    else next()
  })
  app.all('/sign-in/:uid', express.urlencoded({ extended: false }), async (req, res) => {
    await provider.interactionDetails(req, res)
    const form = flat(req.body ?? {})
    const request = recorded.get(req)
    if (request) request.form = form
    const person = people.get((req.method === 'POST' ? form.person : idp.signInAs) ?? '')
    if (form.do === 'cancel') {
      await provider.interactionFinished(req, res, {
        error: 'access_denied',
        error_description: 'The person pressed Cancel.',
      })
    } else if (person) {
      await provider.interactionFinished(req, res, { login: { accountId: person.sub } })
    } else {
      res.send(signInPage)
    }
  })
  app.use(provider.callback())
  return idp
}

const signInPage = `<!doctype html><title>Test idp</title>
<form method="post"><input name="person"><button name="do" value="sign-in">Sign in</button> <button name="do" value="cancel">Cancel</button></form>`

function tamperWith(body: Claims, endpoint: string | undefined, fault: Fault, signingKey: JsonWebKey): Claims {
  const tamper = fault.tamper ?? ((claims: Claims) => claims)
  if (endpoint === 'discovery' || endpoint === 'userinfo') return tamper(body, endpoint)
  if (endpoint !== 'token' || typeof body.id_token !== 'string') return body
  const [header, claims] = body.id_token.split('.').slice(0, 2).map(readPart)
  const token: Token = {
    header: { ...header, kid: signingKey.kid },
    claims: tamper(claims ?? {}, 'id_token'),
    key: createPrivateKey({ key: fault.forgeSignature ? newSigningKey() : signingKey, format: 'jwk' }),
  }
  return { ...body, id_token: (fault.forge ?? writeToken)(token) }
}

/** A token signed by RS256, whatever its header says. `claims` may be the bytes as they are to be sent. */
export function writeToken({
  header,
  claims,
  key,
}: {
  header: Claims
  claims: Claims | Buffer
  key: KeyObject
}): string {
  const payload = Buffer.isBuffer(claims) ? claims : Buffer.from(JSON.stringify(claims))
  const signed = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload.toString('base64url')}`
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
}

function readPart(part: string): Claims {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

function publicPart(key: JsonWebKey): JsonWebKey {
  const exported = createPublicKey({ key, format: 'jwk' }).export({ format: 'jwk' })
  return { ...exported, use: 'sig', alg: 'RS256', kid: key.kid }
}

function otherClaims(claims: Claims = {}): Claims {
  const known = Object.values(standardClaims).flat()
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !known.includes(name)))
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null
}

function flat(values: object): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
}
