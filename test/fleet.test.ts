// Any server can serve any step: several processes on one database, each request to another one, and servers that come and go meanwhile.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBrowser } from './support/browser.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { arrive, fillRegister, stranger } from './support/road.ts'
import { MODES } from './support/scene.ts'
import type { ServerProcess } from './support/server-process.ts'
import { knownPerson } from './support/visits.ts'
import { givenOn, settleResident, startWalkers, walk, walkWithReloads } from './support/walkers.ts'

/** Enough for a server to have nothing left to do, and far less than the 95 s that an idle connection is kept. */
const SOON_MS = 10_000

/** In this order: each test leaves the servers that the next one needs. */
describe('three servers that take turns', () => {
  let fleet: Fleet
  before(async () => {
    fleet = await startFleet({ servers: 3, checkEveryMs: 200 })
  })
  after(() => fleet?.stop())

  it('serve one sign-in together, whichever its mode, each request at another one', async () => {
    const before = new Map(fleet.proxy.served)
    for (const mode of MODES) await walk(fleet, mode)
    const given = fleet.servers.map(({ port }) => (fleet.proxy.served.get(port) ?? 0) - (before.get(port) ?? 0))
    assert.ok(Math.min(...given) > 10 && Math.max(...given) - Math.min(...given) <= 1, `requests: ${given.join()}`)
  })

  it('keep idle connections longer than a router does, which then never sends a request on one that closes', async () => {
    // Heroku's router keeps them for 90 s; nobody waits that long here.
    for (const { port } of fleet.servers) {
      const { headers } = await fetch(`http://127.0.0.1:${port}/livez`)
      const [, seconds] = headers.get('keep-alive')?.match(/^timeout=(\d+)$/) ?? []
      assert.ok(Number(seconds) > 90, `Keep-Alive: ${headers.get('keep-alive')}`)
    }
  })

  it('are replaced one after another while people of all modes sign in, and no sign-in fails and nobody is signed out', async () => {
    const residents = await Promise.all((['silent', 'none'] as const).map((mode) => settleResident(fleet, mode)))
    const walkers = startWalkers(2, (mode) => walk(fleet, mode), { pauseMs: 50 })
    const [resident] = residents
    const visits = startWalkers(
      1,
      async () => {
        await resident?.comeBack()
        await resident?.refresh()
      },
      { pauseMs: 100 },
    )
    try {
      for (const server of [...fleet.servers]) {
        await fleet.start()
        // The proxy is told by nobody but the server itself, as when a platform sends its signal. Negative control: with
        // SIGKILL here, sign-ins of several modes end at "The server went away."
        const ended = await server.end('SIGTERM')
        assert.deepEqual(ended, { code: 0, signal: null }, server.output())
        await fleet.end(server, 'SIGTERM')
      }
    } finally {
      await Promise.all([walkers.stop(), visits.stop()])
    }
    assert.deepEqual(walkers.failed, [])
    assert.deepEqual(visits.failed, [])
    assert.deepEqual(fleet.proxy.lost, [])
    assert.ok(Math.min(...Object.values(walkers.done)) > 0, JSON.stringify(walkers.done))
    assert.equal(fleet.servers.length, 3)
    for (const { comeBack, refresh } of residents) {
      await comeBack()
      await refresh()
    }
  })

  it('lose one by kill -9 under load: only what it was doing fails, and one reload completes each sign-in', async () => {
    const [victim] = fleet.servers
    assert.ok(victim)
    const reloads: string[] = []
    fleet.proxy.lost.length = 0
    const walkers = startWalkers(5, (mode) => walkWithReloads(fleet, mode, reloads))
    let goneAt = 0
    victim.child.once('exit', () => {
      goneAt = performance.now()
    })
    try {
      await until(() => fleet.proxy.underWay(victim.port) >= 2, 1)
      await victim.end('SIGKILL')
      await sleep(1_000)
    } finally {
      await walkers.stop()
    }
    await fleet.end(victim, 'SIGKILL')
    assert.deepEqual(walkers.failed, [])
    const { lost } = fleet.proxy
    assert.ok(lost.length > 0, 'the server was doing nothing when it was killed')
    assert.ok(
      lost.every(({ port, began }) => port === victim.port && began < goneAt),
      JSON.stringify({ lost, victim: victim.port, goneAt }),
    )
    assert.ok(reloads.length <= lost.length, `${reloads.join('\n')} for ${lost.length} lost requests`)
  })

  it('finish on SIGTERM what has begun: a slow form is answered, three signals are one, and the exit code is 0', async () => {
    const server = fleet.servers[0] ?? assert.fail('no server')
    const person = stranger(fleet)
    const browser = openBrowser()
    const page = await arrive(fleet, browser, 'username', person)
    const { url, fields } = fillRegister(page, person.preferred_username).submission('Create account')
    const body = fields.toString()
    const [idle, unused, slow] = await Promise.all([dial(server), dial(server), dial(server)])
    idle.socket.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await until(() => idle.heard().endsWith('{"status":"ok"}'))
    slow.socket.write(
      [
        `POST ${new URL(url).pathname} HTTP/1.1`,
        `Host: ${new URL(url).host}`,
        `Cookie: ${browser.cookies.header(new URL(url), { method: 'POST' })}`,
        'Content-Type: application/x-www-form-urlencoded',
        `Content-Length: ${body.length}`,
        `\r\n${body.slice(0, 20)}`,
      ].join('\r\n'),
    )
    await sleep(200)
    const signalled = performance.now()
    const ended = server.end('SIGTERM')
    let ready = await fetch(`http://127.0.0.1:${server.port}/readyz`)
    while (ready.ok) {
      // Work that still comes is still done; so the server waits with closing until the probe has been heard.
      await fetch(`http://127.0.0.1:${server.port}/public/style.css`, { redirect: 'manual' })
      ready = await fetch(`http://127.0.0.1:${server.port}/readyz`)
    }
    assert.equal(ready.status, 503)
    assert.equal(ready.headers.get('connection'), 'close')
    server.child.kill('SIGTERM')
    await until(() => idle.socket.destroyed && unused.socket.destroyed)
    await sleep(3_000)
    server.child.kill('SIGTERM')
    await assert.rejects(fetch(`http://127.0.0.1:${server.port}/livez`), 'it still accepts connections')
    assert.equal(server.child.exitCode, null, 'it did not wait for the form')
    slow.socket.write(body.slice(20))
    await until(() => slow.socket.destroyed)
    assert.match(slow.heard(), /^HTTP\/1\.1 303 /)
    assert.match(slow.heard(), /\r\nConnection: close\r\n/)
    assert.deepEqual(await ended, { code: 0, signal: null }, server.output())
    assert.ok(performance.now() - signalled < 25_000)
    await fleet.end(server, 'SIGTERM')

    const { user } = await knownPerson(fleet, person.sub)
    const given = givenOn(
      fleet.application,
      await browser.open(
        `${fleet.url}/commonauth?${new URLSearchParams({ sessionDataKey: fields.get('sessionDataKey') ?? '' })}`,
      ),
    )
    assert.equal(given.sub, user.id)
  })

  it('end on SIGINT alike, and at once when there is nothing to finish', async () => {
    const server = fleet.servers[0] ?? assert.fail('no server')
    const idle = await dial(server)
    idle.socket.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await until(() => idle.heard().endsWith('{"status":"ok"}'))
    const signalled = performance.now()
    assert.deepEqual(await server.end('SIGINT'), { code: 0, signal: null }, server.output())
    assert.ok(performance.now() - signalled < SOON_MS)
    assert.ok(idle.socket.destroyed || (await once(idle.socket, 'close')))
  })
})

interface Line {
  socket: Socket
  heard(): string
}

/** A connection to a server itself, past the proxy. */
async function dial({ port }: ServerProcess): Promise<Line> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk
  })
  await once(socket, 'connect')
  return { socket, heard: () => heard }
}

async function until(isSo: () => boolean, lookEveryMs = 10): Promise<void> {
  for (const end = performance.now() + SOON_MS; !isSo(); await sleep(lookEveryMs)) {
    assert.ok(performance.now() < end, `waited in vain for ${isSo}`)
  }
}
