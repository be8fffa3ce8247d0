// A bad network between the product and PostgreSQL: delays, connections that are cut, and a black hole in which everything vanishes without a word.

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface SlowProxy {
  /** The address of the same database by way of this proxy. */
  through(databaseUrl: string): string
  /** Sends new connections to the server of this address from now on. */
  retarget(databaseUrl: string): void
  /** How long each message to PostgreSQL takes. */
  latencyMs: number
  /** How long each answer takes, and the news that PostgreSQL closed a connection. */
  answerLatencyMs: number
  /**
   * From now on nothing that is sent arrives, in either direction, and nobody is told. Connections that were open stay open and
   * stay dead, as behind a router that lost its memory; new ones are taken and never answered, until `heal`.
   */
  blackHole(): void
  /** The black hole opens when a message with these words has passed to PostgreSQL. */
  blackHoleAfter(words: string): void
  /** The network is well: what is sent from now on, on new connections, arrives. */
  heal(): void
  stop(): Promise<void>
}

interface Line {
  client: Socket
  upstream: Socket
  isDead: boolean
}

/** Starts it on a free loopback port in front of the server at `databaseUrl`. */
export async function startSlowProxy(databaseUrl: string): Promise<SlowProxy> {
  const lines = new Set<Line>()
  let target = Number(new URL(databaseUrl).port)
  let isBlackHole = false
  let fatalWords: string | undefined

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true })
    const line = { client, upstream, isDead: isBlackHole }
    lines.add(line)
    let sending = Promise.resolve()
    client.on('data', (chunk) => {
      sending = sending.then(async () => {
        if (proxy.latencyMs > 0) await sleep(proxy.latencyMs)
        if (line.isDead) return
        upstream.write(chunk)
        if (fatalWords !== undefined && chunk.includes(fatalWords)) proxy.blackHole()
      })
    })
    let answering = Promise.resolve()
    const answer = (what: () => void) => {
      answering = answering.then(async () => {
        if (proxy.answerLatencyMs > 0) await sleep(proxy.answerLatencyMs)
        // Not even a goodbye gets through.
        if (!line.isDead) what()
      })
    }
    upstream.on('data', (chunk) => answer(() => void client.write(chunk)))
    upstream.on('close', () => {
      if (client.destroyed) lines.delete(line)
      answer(() => client.end())
    })
    client.on('close', () => {
      if (upstream.destroyed) lines.delete(line)
      if (!line.isDead) upstream.destroy()
    })
    for (const socket of [client, upstream]) socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const proxy: SlowProxy = {
    through(address) {
      const url = new URL(address)
      url.port = String(port)
      return url.href
    },
    retarget(address) {
      target = Number(new URL(address).port)
    },
    latencyMs: 0,
    answerLatencyMs: 0,
    blackHole() {
      isBlackHole = true
      fatalWords = undefined
      for (const line of lines) line.isDead = true
    },
    blackHoleAfter(words) {
      fatalWords = words
    },
    heal() {
      isBlackHole = false
      fatalWords = undefined
    },
    stop: () => stop(server, lines),
  }
  return proxy
}

function stop(server: Server, lines: Set<Line>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    for (const { client, upstream } of lines) {
      client.destroy()
      upstream.destroy()
    }
  })
}
