// Opens and closes the ports of the demonstration. Loopback only: a demonstration is for the person at this machine.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * Listens on 127.0.0.1 at `port` (0: a free one).
 * @returns the port, and a stop that also ends open connections, which browsers keep for minutes
 * @throws the listen error, such as EADDRINUSE
 */
export async function listen(handler: RequestListener, port: number): Promise<{ port: number; stop(): Promise<void> }> {
  const server = createServer(handler)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: (server.address() as AddressInfo).port, stop }
}
