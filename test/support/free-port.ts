// A port for a server of the tests that has to know it before it starts.
import net from 'node:net'

/**
 * A port that nobody listens on, and that this process alone is given until it ends: several processes of tests look for one at once. It is even, and
 * the one above it is taken meanwhile. Below those that systems give to connections, of which one could take it before its server does, and
 * above 10080, the last that fetch refuses to ask.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 11_000 + 2 * Math.floor(Math.random() * 10_000)
    const guard = await take(port + 1)
    const server = guard && (await take(port))
    if (server !== undefined) {
      await new Promise((resolve) => server.close(resolve))
      return port
    }
    guard?.close()
  }
}

/** Listens there and keeps no process alive; undefined where somebody listens already. */
function take(port: number): Promise<net.Server | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(undefined))
    server.unref().listen(port, '127.0.0.1', () => resolve(server))
  })
}
