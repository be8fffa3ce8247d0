// A reverse proxy that hands each request to the next server: the worst case for anything that a process keeps to itself.
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RoundRobin {
  port: number
  /** The ports behind it, in turn; change it at any time. */
  targets: number[]
  /** How many requests each port has been given. */
  served: Map<number, number>
  stop(): Promise<void>
}

/**
 * Starts it on a free loopback port, with nothing behind it yet. A server that cannot be connected to is skipped, as by every
 * load balancer; a request that a server has begun to read is never sent twice.
 */
export async function startRoundRobin(port = 0): Promise<RoundRobin> {
  let turn = 0
  const proxy: RoundRobin = { port: 0, targets: [], served: new Map(), stop: () => stop(server) }
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      turn += 1
      const order = proxy.targets.map((_, index) => proxy.targets[(turn + index) % proxy.targets.length] ?? 0)
      pass(req, res, Buffer.concat(chunks), order)
    })
  })

  function pass(req: IncomingMessage, res: ServerResponse, body: Buffer, [target, ...others]: number[]): void {
    if (target === undefined) {
      res.writeHead(503, { 'Retry-After': '1' }).end('No server is there.')
      return
    }
    const headers = { ...req.headers, 'x-forwarded-for': req.socket.remoteAddress ?? '', 'x-forwarded-proto': 'http' }
    const onward = httpRequest({
      host: '127.0.0.1',
      port: target,
      method: req.method,
      path: req.url,
      headers,
      agent: false,
    })
    let isConnected = false
    onward.on('socket', (socket) => socket.once('connect', () => (isConnected = true)))
    onward.on('response', (answer) => {
      proxy.served.set(target, (proxy.served.get(target) ?? 0) + 1)
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(res)
      answer.on('error', () => res.destroy())
    })
    onward.on('error', () => {
      if (!isConnected) return pass(req, res, body, others)
      if (res.headersSent) res.destroy()
      else res.writeHead(502).end('The server went away.')
    })
    onward.end(body)
  }

  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  proxy.port = (server.address() as AddressInfo).port
  return proxy
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
