// A proxy between a server and PostgreSQL that reads what is asked, and can lose a question, an answer and the connection at any statement.

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Tells, statement by statement, where the connection is to be cut; nothing: go on. */
export type Cut = (sql: string) => 'before' | 'after' | undefined

export interface CuttingProxy {
  /** The address of the same database by way of this proxy. */
  url: string
  /** The statements that reached PostgreSQL, in order, without their values. */
  statements: string[]
  /**
   * Asked at each statement of every connection. `before`: PostgreSQL never hears it. `after`: PostgreSQL has carried it out
   * and its answer is lost.
   */
  cut: Cut
  /** Called at a cut, before the server can notice. */
  onCut: () => void
  stop(): Promise<void>
}

const LENGTH_BYTES = 4

/** Starts it on a free loopback port in front of the database at `databaseUrl`. It reads plain connections alone, as tests have them. */
export async function startCuttingProxy(databaseUrl: string): Promise<CuttingProxy> {
  const database = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    // Without Nagle's waiting on either side, or a dozen statements would take half a second.
    const upstream = connect({ port: Number(database.port), host: database.hostname, noDelay: true })
    client.setNoDelay(true)
    for (const socket of [client, upstream]) {
      sockets.add(socket.on('error', () => {}).once('close', () => sockets.delete(socket)))
    }
    watch(proxy, client, upstream)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const proxy: CuttingProxy = {
    url: url.href,
    statements: [],
    cut: () => undefined,
    onCut: () => {},
    stop: () => stop(server, sockets),
  }
  return proxy
}

/** Passes messages on, one by one towards PostgreSQL and as they come towards the server, until a cut. */
function watch(proxy: CuttingProxy, client: Socket, upstream: Socket): void {
  let unread: Buffer = Buffer.alloc(0)
  let isStarted = false
  const named = new Map<string, string>()
  let fate: 'go on' | 'losing the answer' | 'cut' = 'go on'

  client.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk])
    for (let message = next(); message && fate !== 'cut'; message = next()) pass(message)
  })
  upstream.on('data', (chunk) => {
    if (fate === 'go on') client.write(chunk)
    // ReadyForQuery ends the answer to a statement: by then it is done, and COMMIT is kept.
    else if (chunk.subarray(-6, -1).equals(Buffer.from('Z\0\0\0\x05', 'latin1'))) lose()
  })
  // A server that is gone without a word: PostgreSQL hears of it as it would without us, behind what was said.
  client.on('close', () => upstream.end())
  upstream.on('close', () => client.end())

  function next(): Buffer | undefined {
    // The first message has no type.
    const at = isStarted ? 1 : 0
    if (unread.length < at + LENGTH_BYTES) return undefined
    const length = at + unread.readUInt32BE(at)
    if (unread.length < length) return undefined
    const message = unread.subarray(0, length)
    unread = unread.subarray(length)
    return message
  }

  function pass(message: Buffer): void {
    const sql = isStarted ? statementOf(message) : undefined
    isStarted = true
    const where = sql !== undefined && fate === 'go on' ? proxy.cut(sql) : undefined
    if (where === 'before') return lose()
    if (sql !== undefined) proxy.statements.push(sql)
    if (where === 'after') fate = 'losing the answer'
    upstream.write(message)
  }

  /** The words of a Query message, or of what is parsed or, where it has a name, bound (PostgreSQL's documentation, 55.7); nothing for any other. */
  function statementOf(message: Buffer): string | undefined {
    const type = String.fromCharCode(message[0] ?? 0)
    if (type !== 'Q' && type !== 'P' && type !== 'B') return undefined
    const [first = '', second = ''] = message.toString('utf8', 1 + LENGTH_BYTES).split('\0', 2)
    if (type === 'Q') return first
    if (type === 'B') return named.get(second)
    if (first === '') return second
    named.set(first, second)
    return undefined
  }

  function lose(): void {
    fate = 'cut'
    proxy.onCut()
    client.destroy()
    upstream.end()
  }
}

function stop(server: Server, sockets: Set<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    for (const socket of sockets) socket.destroy()
  })
}
