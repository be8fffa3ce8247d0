// What floods are made of: requests without a cookie, password forms from many addresses, slow senders, and counts of what they leave behind.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Browser, Page } from './browser.ts'
import { openBrowser } from './browser.ts'
import type { Product } from './product.ts'
import { send } from './road.ts'
import type { Scene } from './scene.ts'

/** How many rows each table has. */
export async function rowsOfTables(scene: Scene): Promise<Record<string, number>> {
  const tables = await scene.rows<{ name: string }>(
    "SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
  )
  const counts = tables.map(({ name }) => `(SELECT count(*)::int FROM ${name}) AS ${name}`)
  const [row] = await scene.rows<Record<string, number>>(`SELECT ${counts.join(', ')}`)
  return row ?? assert.fail('no tables')
}

/** An authorization request of the application as it would make it, with changes. Asking it starts a flow. */
export function authorizationRequest(scene: Scene, changes: Record<string, string> = {}): string {
  const query = {
    client_id: 'travel',
    response_type: 'code',
    redirect_uri: scene.application.redirectUri,
    scope: 'openid profile email',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
    state: 'a state',
    nonce: 'a nonce',
    ...changes,
  }
  return `/oauth2/authorize?${new URLSearchParams(query)}`
}

/** Every address that answers somebody who comes without a cookie, and does not start a flow. */
export function addressesWithoutFlow(scene: Scene): string[] {
  const key = 'A'.repeat(24)
  const next = encodeURIComponent(`${scene.application.url}/bye`)
  return [
    ...['/', '/nowhere', '/favicon.ico', '/public/nothing.css', '/livez', '/readyz', '/metrics'],
    ...['/.well-known/openid-configuration', '/oauth2/jwks', '/oauth2/userinfo', '/oauth2/token'],
    ...['/oauth2/authorize', '/oauth2/authorize/made-up', authorizationRequest(scene, { prompt: 'none' })],
    authorizationRequest(scene, { client_id: 'nobody' }),
    authorizationRequest(scene, { scope: 'nothing' }),
    authorizationRequest(scene, { redirect_uri: 'https://evil.example/' }),
    ...['/oidc/logout', `/oidc/logout?client_id=travel&post_logout_redirect_uri=${next}&state=x`],
    ...['/oidc/logout/confirm', '/oidc/logout/success'],
    ...['/authenticationendpoint/login.do', `/authenticationendpoint/login.do?sessionDataKey=${key}&idp=silent`],
    ...[
      '/commonauth',
      `/commonauth?sessionDataKey=${key}&continue=1`,
      `/commonauth/silent?code=x&state=${'s'.repeat(32)}`,
    ],
    ...['/accountrecoveryendpoint/register.do', '/accountrecoveryendpoint/signup.do'].flatMap((path) => [
      path,
      `${path}?sessionDataKey=${key}`,
    ]),
    ...['/accountrecoveryendpoint/username-status', '/accountrecoveryendpoint/stay'],
  ]
}

/**
 * Looks at these addresses in turn, so often altogether, on so many connections that stay open; how often each status was the answer.
 * By node:http, because fetch would take longer to ask than the product to answer.
 */
export async function lookAround(scene: Scene, addresses: string[], count: number, connections: number) {
  const { host, port } = new URL(scene.url)
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const statuses = new Map<number, number>()
  const look = async (path: string) => {
    const asked = request({ host: '127.0.0.1', port, path, agent, headers: { Host: host } }).end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    await once(answer.resume(), 'end')
    const status = answer.statusCode ?? 0
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  let next = 0
  const lane = async () => {
    while (next < count) await look(addresses[next++ % addresses.length] ?? '/')
  }
  await Promise.all(Array.from({ length: connections }, lane))
  agent.destroy()
  return statuses
}

/** Runs `work` and tells how often a product in this process hashed or checked a password meanwhile. */
export async function hashesDuring(product: Product, work: () => Promise<void>): Promise<number> {
  const { passwords } = product.running.house
  const { hash, inTurn } = passwords
  let count = 0
  passwords.hash = (...given) => {
    count += 1
    return hash(...given)
  }
  passwords.inTurn = (client, look) =>
    inTurn(client, (matches) =>
      look((...given) => {
        count += 1
        return matches(...given)
      }),
    )
  try {
    await work()
  } finally {
    Object.assign(passwords, { hash, inTurn })
  }
  return count
}

/** Runs `work` on each of `items`, so many at once; returns what it gave, in their order. */
export async function inParallel<Item, Result>(
  atOnce: number,
  items: Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const index = next++
      results[index] = await work(items[index] as Item, index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane))
  return results
}

/** Somebody at this address, as the router in front tells it, on the page that asks for a username and password. */
export async function atLogin(
  scene: Scene,
  address: string,
): Promise<{ browser: Browser; login: Page; headers: Record<string, string> }> {
  const headers = { 'X-Forwarded-For': address }
  const browser = openBrowser({ headers })
  return { browser, headers, login: await browser.open(`${scene.url}${authorizationRequest(scene)}`) }
}

/** Sends the local sign-in of somebody who is there, and follows nothing. */
export function signInLocally(
  { browser, login, headers }: Awaited<ReturnType<typeof atLogin>>,
  answers: { username: string; password: string },
): Promise<Response> {
  return send(browser, login.fill(answers).submission('Sign in'), { headers })
}

export interface SlowSender {
  socket: Socket
  heard(): string
  /** Milliseconds from the connection to its end. */
  ended: Promise<number>
}

/** Connects, sends the beginning of a request and then a byte now and then, for as long as it is let. */
export async function sendSlowly(port: number, beginning: string, everyMs = 1_000): Promise<SlowSender> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk
  })
  await once(socket, 'connect')
  const began = performance.now()
  socket.write(beginning)
  const dripping = setInterval(() => socket.write('x'), everyMs)
  const ended = once(socket, 'close').then(() => {
    clearInterval(dripping)
    return performance.now() - began
  })
  return { socket, heard: () => heard, ended }
}

/** The beginnings of requests that never end. */
export function slowBeginnings(scene: Scene): { headers: string; body: string } {
  const first = `/authenticationendpoint/login.do HTTP/1.1\r\nHost: ${new URL(scene.url).host}\r\n`
  const type = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 90000\r\n'
  return { headers: `GET ${first}X-Slow: `, body: `POST ${first}${type}\r\nusername=` }
}
