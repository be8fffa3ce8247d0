// A rolling restart as platforms do it: four servers behind Debian's HAProxy, each stopped and replaced in turn while people of all modes sign in.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { startFleet } from '../support/fleet.ts'
import { startHaproxy } from '../support/haproxy.ts'
import { brokenInvariants } from '../support/invariants.ts'
import { freePort } from '../support/scene.ts'
import { settleResident, startWalkers, walk, walkWithReloads } from '../support/walkers.ts'
import type { Say } from './parts.ts'

const SERVERS = 4
const ROUNDS_MS = 50_000

/**
 * Prints its figures through `say`; throws when a sign-in failed, somebody was signed out, or a server did not stop as it should.
 * Negative control: with SIGKILL instead of SIGTERM, HAProxy counts lost answers and sign-ins fail.
 */
export async function rollingSoak(say: Say): Promise<void> {
  const port = await freePort()
  const fleet = await startFleet({ servers: SERVERS, port, proxied: false })
  try {
    const haproxy = await startHaproxy({ port, servers: fleet.servers.map((server) => server.port) })
    try {
      const residents = await Promise.all(
        (['none', 'silent', 'username'] as const).map((mode) => settleResident(fleet, mode)),
      )
      const walkers = startWalkers(4, (mode) => walk(fleet, mode))
      const visits = startWalkers(1, async () => {
        for (const { comeBack, refresh } of residents) {
          await comeBack()
          await refresh()
        }
      })
      const stops: number[] = []
      const until = performance.now() + ROUNDS_MS
      try {
        await sleep(2_000)
        while (stops.length < SERVERS || performance.now() < until) {
          const [server] = fleet.servers
          assert.ok(server)
          const signalled = performance.now()
          // HAProxy is told by nobody but the server itself.
          assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null }, server.output())
          stops.push(performance.now() - signalled)
          await fleet.end(server, 'SIGTERM')
          const { port: next } = await fleet.start()
          await haproxy.replace(server.port, next)
        }
      } finally {
        await Promise.all([walkers.stop(), visits.stop()])
      }
      for (const { comeBack, refresh } of residents) {
        await comeBack()
        await refresh()
      }
      const signIns = Object.values(walkers.done).reduce((sum, count) => sum + 2 * count, 0)
      const counted = await haproxy.counted()
      say(`${stops.length} servers replaced, the slowest stop took ${seconds(Math.max(...stops))}`)
      say(
        `${signIns} sign-ins (${Object.entries(walkers.done)
          .map(([mode, count]) => `${mode} ${2 * count}`)
          .join(', ')}), ${walkers.failed.length} failed`,
      )
      say(`${residents.length} people stayed signed in, ${visits.failed.length} sign-outs`)
      say(
        `HAProxy: ${counted.requests} requests, ${counted.lost} lost, ${counted.failed} failed, ${counted.retried} connections made twice`,
      )
      assert.deepEqual(walkers.failed, [])
      assert.deepEqual(visits.failed, [])
      assert.ok(Math.min(...Object.values(walkers.done)) > 0, 'a mode had no sign-in')
      assert.ok(Math.max(...stops) < 25_000)
      assert.deepEqual({ lost: counted.lost, failed: counted.failed }, { lost: 0, failed: 0 })
      await killOne()
      assert.deepEqual(await brokenInvariants(fleet.rows), [])

      async function killOne(): Promise<void> {
        const reloads: string[] = []
        const people = startWalkers(6, (mode) => walkWithReloads(fleet, mode, reloads))
        try {
          await sleep(1_000)
          await fleet.servers[0]?.end('SIGKILL')
          await sleep(3_000)
        } finally {
          await people.stop()
        }
        const { lost } = await haproxy.counted()
        say(
          `kill -9 of one under load: ${lost} answers lost, ${reloads.length} reloads, ${people.failed.length} sign-ins failed`,
        )
        assert.deepEqual(people.failed, [])
      }
    } finally {
      await haproxy.stop()
    }
  } finally {
    await fleet.stop()
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
