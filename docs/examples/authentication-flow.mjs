// An authentication flow of your own: it verifies people in its own way and has Vestibule ask them what is left. See docs/flow-api.md.
// Run: VESTIBULE=https://signin.example CLIENT_ID=desk CLIENT_SECRET=… IDP=acme ISSUER=https://id.acme.example URL=http://127.0.0.1:8081 PORT=8081 node authentication-flow.mjs
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

const { VESTIBULE, CLIENT_ID, CLIENT_SECRET, IDP, ISSUER, URL: HERE, PORT } = process.env
const API = `${VESTIBULE}/api/flow/v1`

async function call(path, body) {
  const basic = Buffer.from([CLIENT_ID, CLIENT_SECRET].map(encodeURIComponent).join(':')).toString('base64')
  const grant = new URLSearchParams({ grant_type: 'client_credentials', scope: 'internal_flow_create' })
  const token = await fetch(`${VESTIBULE}/oauth2/token`, { method: 'POST', headers: { Authorization: `Basic ${basic}` }, body: grant })
  const headers = { Authorization: `Bearer ${(await token.json()).access_token}`, 'Content-Type': 'application/json' }
  const answer = await fetch(API + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return answer.json()
}

/** Your own way to know who somebody is: a smart card, SAML, a directory. This one believes everything that it is told. */
async function verify(req) {
  const { sub, ...claims } = Object.fromEntries(new URLSearchParams(await text(req)))
  return { iss: ISSUER, sub, ...claims, email_verified: true }
}

const pages = {
  'GET /': async () => ({
    html: `<title>Desk</title><form method="post" action="/sign-in">
      <input name="sub"><input name="preferred_username"><input name="email"><button>Sign in</button></form>`,
  }),

  async 'POST /sign-in'(req) {
    const profile = await verify(req)
    // It comes back with the browser, and only this browser has it: nobody can be brought back here with somebody else's sign-in.
    const state = randomBytes(24).toString('base64url')
    const { location, code } = await call('/flows', { idp: IDP, profile, returnTo: `${HERE}/back`, state })
    return location ? { location, cookie: state } : { html: `<title>Desk</title><p>${code}` }
  },

  async 'GET /back'(req, query) {
    const mine = /(?:^|; )state=([^;]*)/.exec(req.headers.cookie ?? '')?.[1]
    if (!mine || mine !== query.get('state')) return { html: '<title>Desk</title><p id="result">not yours' }
    const outcome = await call('/outcomes', { key: query.get('flow') })
    // Here your flow goes on: `sub` is the person, from now on and at every sign-in.
    return { html: `<title>Desk</title><pre id="result">${JSON.stringify(outcome).replaceAll('<', '\\u003c')}</pre>`, cookie: '' }
  },
}

createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, HERE)
  const page = pages[`${req.method} ${pathname}`] ?? (async () => ({ html: 'Not found' }))
  const { html, location, cookie } = await page(req, searchParams).catch(() => ({ html: 'Start again' }))
  const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }
  if (cookie !== undefined) headers['Set-Cookie'] = `state=${cookie}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${cookie ? 3600 : 0}`
  if (location) res.writeHead(303, { ...headers, Location: location }).end()
  else res.writeHead(200, headers).end(html)
}).listen(Number(PORT), '127.0.0.1', () => console.log('ready'))
