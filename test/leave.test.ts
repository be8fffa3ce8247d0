// How a server stops: whoever was sent to it is answered, and whoever sends nothing does not keep it. test/fleet.test.ts has the same with processes and signals.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Leave, prepareLeave } from '../src/web/leave.ts'
import { until } from './support/until.ts'

const QUIET_MS = 200
const ASK = 'GET /work HTTP/1.1\r\nHost: x\r\n\r\n'

describe('a server that leaves', { concurrency: true }, () => {
  it('is gone when nobody has asked for a while, and probes and silent connections do not count as asking', async () => {
    const server = await open()
    const [idle, unused] = [await server.dial(), await server.dial()]
    await idle.ask(ASK)
    // As a platform that waits for a server to be ready, and looks no more.
    await server.probe('/readyz')
    await sleep(1_000)
    const left = server.leave({ quietMs: QUIET_MS })
    assert.equal(await server.isGoneAfter(() => server.probe('/livez')), true)
    await left
    assert.ok(idle.isClosed() && unused.isClosed())
  })

  it('answers as long as somebody asks, and closes each connection with its answer', async () => {
    const server = await open()
    const kept = await server.dial()
    await kept.ask(ASK)
    const left = server.leave({ quietMs: 1_000 })
    for (let count = 0; count < 15; count += 1) {
      assert.match(await (await server.dial()).ask(ASK), /^HTTP\/1\.1 200 /)
      await sleep(100)
    }
    assert.match(await kept.ask(ASK), /^HTTP\/1\.1 200 /, 'on a connection from before, too')
    await left
    await assert.rejects(server.dial())
  })

  it('goes after a while although somebody always asks', async () => {
    const server = await open()
    const left = server.leave({ quietMs: QUIET_MS, drainMs: 1_000 })
    assert.equal(
      await server.isGoneAfter(async () => {
        await (await server.dial()).ask(ASK)
      }),
      true,
    )
    await left
  })

  it('answers what began before, and says on it that this connection ends', async () => {
    const waiting: ServerResponse[] = []
    const server = await open((_req, res) => waiting.push(res))
    const line = await server.dial()
    const asked = line.ask(ASK)
    await until(() => waiting.length > 0)
    const left = server.leave({ quietMs: 0 })
    await sleep(300)
    waiting[0]?.end('done')
    assert.match(await asked, /^HTTP\/1\.1 200 [\s\S]*\r\nConnection: close\r\n/)
    await left
  })

  it('lets a connection ask that was made at the last moment', async () => {
    const server = await open()
    const line = await server.dial()
    const left = server.leave({ quietMs: 0 })
    // Refused by now: the server has stopped accepting.
    await server.isGoneAfter(() => sleep(10))
    assert.match(await line.ask(ASK), /^HTTP\/1\.1 200 /)
    await left
  })

  it('does not wait for the rest of what is answered already', async () => {
    const server = await open((_req, res) => void res.writeHead(413).end())
    const line = await server.dial()
    assert.match(await line.ask('POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx'), /^HTTP\/1\.1 413 /)
    const began = performance.now()
    await server.leave({ quietMs: 0 })
    assert.ok(performance.now() - began < 10_000, 'it waited until it gave up')
  })

  it('that is watched stays until it was told three times that it leaves', async () => {
    const server = await open()
    for (let asked = 0; asked < 3; asked += 1) {
      await server.probe('/readyz')
      await sleep(2 * QUIET_MS)
    }
    const left = server.leave({ quietMs: QUIET_MS })
    for (let told = 0; told < 3; told += 1) {
      await sleep(2 * QUIET_MS)
      assert.equal(await server.probe('/readyz'), 200, 'it is there to be asked')
    }
    assert.equal(await server.isGoneAfter(() => sleep(10)), true)
    await left
  })
})

// By itself: it keeps everybody else's thread busy too.
describe('a busy server that leaves', () => {
  it('loses nobody whose connection or request arrived while it was busy', async () => {
    const server = await open()
    const waiting = await Promise.all(Array.from({ length: 5 }, () => server.dial()))
    await Promise.all(waiting.map((line) => line.ask(ASK)))
    const left = server.leave({ quietMs: 50 })
    // They are in the kernel, not seen by the server yet, when the timer comes that ends the wait.
    const asked = waiting.map((line) => line.ask(ASK))
    const late = Array.from({ length: 5 }, () => server.dialNow())
    block(400)
    for (const answer of await Promise.all([...asked, ...late.map((line) => line.ask(ASK))])) {
      assert.match(answer, /^HTTP\/1\.1 200 /)
    }
    await left
  })
})

interface Line {
  /** Sends it and resolves with what is answered; '' when the connection ends instead. */
  ask(request: string): Promise<string>
  isClosed(): boolean
}

async function open(listener: RequestListener = (_req, res) => void res.end('done')) {
  // As web/probes.ts does in the product: the library under test only announces what is under way.
  let isLeaving = false
  const server = createServer((req, res) => {
    if (isLeaving) res.setHeader('Connection', 'close')
    listener(req, res)
  })
  const leave = prepareLeave(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const dialNow = () => lineOf(connect(port, '127.0.0.1'))
  const opened = {
    async dial(): Promise<Line> {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return lineOf(socket)
    },
    /** Without waiting until the connection is made. */
    dialNow,
    async probe(path: string): Promise<number> {
      const answer = await (await opened.dial()).ask(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      return Number(answer.split(' ')[1])
    },
    leave(how: Leave): Promise<void> {
      isLeaving = true
      return leave(how)
    },
    /** Does something again and again until the server takes no connection any more; false when it still does after ten seconds. */
    async isGoneAfter(work: () => Promise<unknown>): Promise<boolean> {
      for (const until = performance.now() + 10_000; performance.now() < until; ) {
        try {
          await work()
          await opened.dial()
        } catch {
          return true
        }
      }
      return false
    },
  }
  return opened
}

function lineOf(socket: Socket): Line {
  let heard = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    heard += chunk
  })
  return {
    async ask(request) {
      heard = ''
      socket.write(request)
      await until(() => heard !== '' || socket.destroyed)
      return heard
    },
    isClosed: () => socket.destroyed,
  }
}

/** Keeps the only thread busy, as a long piece of work would. */
function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}
