// A program: an identity provider that answers at once, so that what is measured is whoever asks it. Who signs in is what the browser's cookie says.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CLIENT_ID, CLIENT_SECRET, claimsOf } from './people.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const KEY_ID = 'bench'
const KEYS = JSON.stringify({
  keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'ES256', use: 'sig' }],
})
const HEADER = encode({ alg: 'ES256', kid: KEY_ID, typ: 'JWT' })

interface Code {
  person: number
  nonce: string | null
  challenge: string | null
  redirectUri: string
}

const codes = new Map<string, Code>()
/** Requests by address since it started. */
const asked: Record<string, number> = {}
let issuer = ''

const server = createServer((req, res) => {
  const url = new URL(req.url ?? '/', issuer)
  asked[url.pathname] = (asked[url.pathname] ?? 0) + 1
  switch (url.pathname) {
    case '/.well-known/openid-configuration':
      return send(res, 200, DESCRIPTION())
    case '/jwks':
      return send(res, 200, KEYS)
    case '/authorize':
      return authorize(req, res, url.searchParams)
    case '/token':
      return read(req, (form) => token(req, res, form))
    case '/userinfo':
      return userinfo(req, res)
    case '/asked':
      return send(res, 200, JSON.stringify(asked))
    default:
      return send(res, 404, '{}')
  }
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.stdout.write(`ready ${issuer}\n`)
})

const DESCRIPTION = () =>
  JSON.stringify({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: ['openid', 'email', 'profile'],
  })

function authorize(req: IncomingMessage, res: ServerResponse, query: URLSearchParams): void {
  const person = Number(/(?:^|;\s*)person=(\d+)/.exec(req.headers.cookie ?? '')?.[1])
  const redirectUri = query.get('redirect_uri')
  if (!person || !redirectUri || query.get('client_id') !== CLIENT_ID) return send(res, 400, '{}')
  const code = randomBytes(16).toString('base64url')
  codes.set(code, { person, nonce: query.get('nonce'), challenge: query.get('code_challenge'), redirectUri })
  const back = new URL(redirectUri)
  back.searchParams.set('code', code)
  back.searchParams.set('state', query.get('state') ?? '')
  res.writeHead(302, { Location: back.href, 'Content-Length': 0 }).end()
}

function token(req: IncomingMessage, res: ServerResponse, form: URLSearchParams): void {
  const [, basic = ''] = /^Basic (.+)$/.exec(req.headers.authorization ?? '') ?? []
  const [id = form.get('client_id'), secret = form.get('client_secret')] =
    basic === '' ? [] : Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent)
  const found = codes.get(form.get('code') ?? '')
  codes.delete(form.get('code') ?? '')
  const verifier = createHash('sha256').update(form.get('code_verifier') ?? '')
  const isWell =
    found?.redirectUri === form.get('redirect_uri') &&
    found?.challenge === verifier.digest('base64url') &&
    id === CLIENT_ID &&
    secret === CLIENT_SECRET
  if (!found || !isWell) return send(res, 400, JSON.stringify({ error: 'invalid_grant' }))
  const now = Math.floor(Date.now() / 1000)
  const times = { iat: now, exp: now + 300, auth_time: now }
  const nonce = found.nonce === null ? {} : { nonce: found.nonce }
  const claims = { iss: issuer, aud: CLIENT_ID, ...times, ...nonce, ...claimsOf(found.person) }
  const access = `${found.person}-${randomBytes(12).toString('hex')}`
  const answer = { access_token: access, token_type: 'Bearer', expires_in: 300, id_token: signed(claims) }
  send(res, 200, JSON.stringify(answer))
}

function userinfo(req: IncomingMessage, res: ServerResponse): void {
  req.resume()
  const [, person] = /^Bearer (\d+)-/.exec(req.headers.authorization ?? '') ?? []
  if (person === undefined) return send(res, 401, '{}')
  send(res, 200, JSON.stringify(claimsOf(Number(person))))
}

function read(req: IncomingMessage, then: (form: URLSearchParams) => void): void {
  let body = ''
  req.setEncoding('utf8')
  req.on('data', (part) => {
    body += part
  })
  req.on('end', () => then(new URLSearchParams(body)))
}

function send(res: ServerResponse, status: number, body: string): void {
  const length = Buffer.byteLength(body)
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': length }).end(body)
}

function signed(claims: object): string {
  const text = `${HEADER}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
