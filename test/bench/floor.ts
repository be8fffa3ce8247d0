// A program: the floor that the product is measured beside. What a careful team writes in a day to sign people in by an idp, with the usual packages and hand-written SQL: it keeps nothing but users, and asks nobody.
import { createHash, createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import storeOf from 'connect-pg-simple'
import express, { type Request } from 'express'
import session from 'express-session'
import helmet from 'helmet'
import pg from 'pg'
import { Pool } from 'undici'
import { CLIENT_ID, CLIENT_SECRET } from './people.ts'

interface Leaving {
  state: string
  nonce: string
  verifier: string
}

declare module 'express-session' {
  interface SessionData {
    leaving: Leaving
    userId: string
  }
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
  CREATE UNIQUE INDEX IF NOT EXISTS users_email ON users (lower(email));
  CREATE TABLE IF NOT EXISTS identities (
    issuer text NOT NULL, subject text NOT NULL, user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE, PRIMARY KEY (issuer, subject));
  CREATE INDEX IF NOT EXISTS identities_user ON identities (user_id);
  CREATE TABLE IF NOT EXISTS session (sid varchar NOT NULL PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);
  CREATE INDEX IF NOT EXISTS session_expire ON session (expire);`

const FIND_OR_MAKE = `
  WITH known AS (SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2),
    made AS (INSERT INTO users (email, name) SELECT $3, $4 WHERE NOT EXISTS (SELECT 1 FROM known) RETURNING id),
    linked AS (INSERT INTO identities (issuer, subject, user_id) SELECT $1, $2, id FROM made)
  SELECT coalesce((SELECT user_id FROM known), (SELECT id FROM made)) AS id`

const UNIQUE_VIOLATION = '23505'
const TRIES = 4

const issuer = process.env['ISSUER'] ?? ''
const db = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: Number(process.env['DATABASE_POOL_MAX']) })
await db.query(TABLES)
const idp = new Pool(issuer, { connections: 32 })
const description = await ask('/.well-known/openid-configuration')
const keys = new Map<string, KeyObject>()
for (const key of (await ask(new URL(description['jwks_uri']).pathname)).keys)
  keys.set(key.kid, createPublicKey({ key, format: 'jwk' }))

const app = express()
app.set('view engine', 'ejs')
app.set('views', import.meta.dirname)
app.use(helmet())
const Store = storeOf(session)
app.use(
  session({
    store: new Store({ pool: db }),
    secret: 'a secret of the floor that is long enough',
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', maxAge: 86_400_000 },
  }),
)

app.get('/login', (req, res) => {
  const leaving = { state: random(), nonce: random(), verifier: random() }
  req.session.leaving = leaving
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: callback(),
    scope: 'openid email profile',
    state: leaving.state,
    nonce: leaving.nonce,
    code_challenge: createHash('sha256').update(leaving.verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  res.redirect(`${description['authorization_endpoint']}?${query}`)
})

app.get('/callback', async (req, res) => {
  const { leaving } = req.session
  if (!leaving || req.query['state'] !== leaving.state) throw new Error('This browser did not leave from here.')
  const claims = check(await exchange(String(req.query['code']), leaving.verifier), leaving.nonce)
  const userId = await findOrMake(claims)
  await anew(req)
  req.session.userId = userId
  res.redirect('/me')
})

app.get('/me', async (req, res) => {
  if (req.session.userId === undefined) return res.redirect('/login')
  const { rows } = await db.query('SELECT id, email, name, created_at FROM users WHERE id = $1', [req.session.userId])
  res.render('floor', { user: rows[0] })
})

const server = app.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`ready ${origin()}\n`)
})

function origin(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function callback(): string {
  return `${origin()}/callback`
}

async function ask(path: string) {
  // biome-ignore lint/suspicious/noExplicitAny: what the idp says is taken as it comes, as in the programs that this one stands for
  return (await (await idp.request({ path, method: 'GET' })).body.json()) as any
}

async function exchange(code: string, verifier: string): Promise<string> {
  const { body } = await idp.request({
    path: new URL(description['token_endpoint']).pathname,
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${CLIENT_ID}:${encodeURIComponent(CLIENT_SECRET)}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callback(),
      code_verifier: verifier,
    }).toString(),
  })
  return ((await body.json()) as { id_token: string }).id_token
}

/** Signature, issuer, audience, times and nonce (OpenID Connect Core, 3.1.3.7). */
function check(token: string, nonce: string): Record<string, string> {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const key = keys.get(kid)
  const data = Buffer.from(`${header}.${payload}`)
  const bytes = Buffer.from(signature, 'base64url')
  if (!key || alg !== 'ES256' || !verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, bytes))
    throw new Error('The signature is not theirs.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const now = Date.now() / 1000
  const isTimely = claims.exp > now - 5 && claims.iat < now + 5
  if (claims.iss !== issuer || claims.aud !== CLIENT_ID || !isTimely || claims.nonce !== nonce)
    throw new Error('The token is not for this sign-in.')
  return claims
}

/** Two first sign-ins of one person at the same moment: the loser looks again and finds the winner's user. */
async function findOrMake(claims: Record<string, string>): Promise<string> {
  for (let tried = 1; ; tried += 1) {
    try {
      const { rows } = await db.query(FIND_OR_MAKE, [claims['iss'], claims['sub'], claims['email'], claims['name']])
      return rows[0].id
    } catch (error) {
      const isBeaten = error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION
      if (!isBeaten || tried === TRIES) throw error
    }
  }
}

function anew(req: Request): Promise<void> {
  return new Promise((resolve, reject) => req.session.regenerate((error) => (error ? reject(error) : resolve())))
}

function random(): string {
  return randomBytes(32).toString('base64url')
}
