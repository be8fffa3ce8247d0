// A port for a server of the tests that has to know it before it starts.
import net from 'node:net'

/**
 * A port that nobody listens on. Below those that systems give to connections, of which one could take it before its server
 * does, and above 10080, the last that fetch refuses to ask.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 11_000 + Math.floor(Math.random() * 20_000)
    const isFree = await new Promise<boolean>((resolve) => {
      const server = net.createServer().once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
