// A reverse proxy that hands each request to the next server: the worst case for anything that a process keeps to itself.
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RoundRobin {
  port: number
  /** The ports behind it, in turn; change it at any time. */
  targets: number[]
  /** How many requests each port has been given. */
  served: Map<number, number>
  /** Requests without an answer, because their server went away while it had them; the client was told 502. */
  lost: { port: number; began: number }[]
  /** How many requests a server has now. */
  underWay(port: number): number
  stop(): Promise<void>
}

export interface RoundRobinOptions {
  /** Asks each server this often at /readyz and gives those that are not ready nothing, as balancers do. Left out: asks nobody. */
  checkEveryMs?: number
}

/**
 * Starts it on a free loopback port, with nothing behind it yet. A server that cannot be connected to is skipped, as by every
 * load balancer; a request that a server has begun to read is never sent twice.
 */
export async function startRoundRobin(port = 0, { checkEveryMs }: RoundRobinOptions = {}): Promise<RoundRobin> {
  let turn = 0
  const underWay = new Map<number, number>()
  const unready = new Set<number>()
  const proxy: RoundRobin = {
    port: 0,
    targets: [],
    served: new Map(),
    lost: [],
    underWay: (target) => underWay.get(target) ?? 0,
    async stop() {
      clearInterval(checking)
      await stop(server)
    },
  }
  const checking =
    checkEveryMs === undefined
      ? undefined
      : setInterval(() => proxy.targets.forEach((target) => void check(target, unready)), checkEveryMs)
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      turn += 1
      const ready = proxy.targets.filter((target) => !unready.has(target))
      const order = ready.map((_, index) => ready[(turn + index) % ready.length] ?? 0)
      pass(req, res, Buffer.concat(chunks), order)
    })
  })

  function pass(req: IncomingMessage, res: ServerResponse, body: Buffer, [target, ...others]: number[]): void {
    if (target === undefined) {
      res.writeHead(503, { 'Retry-After': '1' }).end('No server is there.')
      return
    }
    // Behind what is claimed already, as proxies do: a server that trusts one proxy believes the last address alone.
    const addresses = [req.headers['x-forwarded-for'], req.socket.remoteAddress].flat().filter(Boolean).join(', ')
    const headers = { ...req.headers, 'x-forwarded-for': addresses, 'x-forwarded-proto': 'http' }
    const onward = httpRequest({
      host: '127.0.0.1',
      port: target,
      method: req.method,
      path: req.url,
      headers,
      agent: false,
    })
    let isConnected = false
    const began = performance.now()
    const lose = () => {
      proxy.lost.push({ port: target, began })
      if (res.headersSent) res.destroy()
      else res.writeHead(502).end('The server went away.')
    }
    const count = (one: number) => underWay.set(target, proxy.underWay(target) + one)
    count(1)
    onward.once('close', () => count(-1))
    onward.on('socket', (socket) => socket.once('connect', () => (isConnected = true)))
    onward.on('response', (answer) => {
      proxy.served.set(target, (proxy.served.get(target) ?? 0) + 1)
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(res)
      answer.on('error', lose)
    })
    onward.on('error', () => {
      if (!isConnected) pass(req, res, body, others)
      else lose()
    })
    onward.end(body)
  }

  // A client in this busy process must never meet a connection that was just given up.
  server.keepAliveTimeout = 600_000
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  proxy.port = (server.address() as AddressInfo).port
  return proxy
}

/** Keeps a server that says so, or that cannot be reached, among those that are given nothing. */
async function check(port: number, unready: Set<number>): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { headers: { Connection: 'close' } }).catch(
    () => undefined,
  )
  await answer?.text().catch(() => '')
  if (answer?.ok) unready.delete(port)
  else unready.add(port)
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
