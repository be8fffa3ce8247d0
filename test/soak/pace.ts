// The prompt at a steady pace: twenty requests a second at one server, half of them answers that make a user (PR-58).
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBrowser } from '../support/browser.ts'
import { percentile, startMeasuring } from '../support/figures.ts'
import { startFleet } from '../support/fleet.ts'
import { inParallel } from '../support/floods.ts'
import { arrive, fillRegister, send, stranger } from '../support/road.ts'
import { freePort, startMigratedCluster } from '../support/scene.ts'
import type { Say } from './parts.ts'

const PER_SECOND = 20
const SECONDS = 30
/** Milliseconds that 95 of 100 may take on a machine with nothing else to do. */
const TARGETS = { GET: 60, POST: 400 }
/** This machine has something else to do: at the very least those who ask, and PostgreSQL. */
const GENEROSITY = 10

/** Prints how long pages and answers take and what they cost; throws when one fails or 95 of 100 take ten times as long as they should. */
export async function paceSoak(say: Say): Promise<void> {
  const cluster = await startMigratedCluster({ fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' })
  const port = await freePort()
  // Past any proxy, so that nothing but the server is measured.
  const fleet = await startFleet({ servers: 1, port, proxied: false, cluster, env: { PORT: String(port) } })
  try {
    const [server] = fleet.servers
    assert.ok(server)
    const people = await inParallel(8, Array.from({ length: (PER_SECOND * SECONDS) / 2 }), async () => {
      const [browser, person] = [openBrowser(), stranger(fleet)]
      return { browser, person, page: await arrive(fleet, browser, 'username', person) }
    })
    const requests = people.flatMap(({ browser, person, page }) => {
      const form = fillRegister(page, person.preferred_username).submission('Create account')
      return [
        { kind: 'GET' as const, expected: 200, ask: () => browser.fetch(page.url) },
        { kind: 'POST' as const, expected: 303, ask: () => send(browser, form) },
      ]
    })

    const took: Record<keyof typeof TARGETS, number[]> = { GET: [], POST: [] }
    const workOfAll = startMeasuring(server)
    const began = performance.now()
    await Promise.all(
      requests.map(async ({ kind, expected, ask }, index) => {
        // Asked when it is due, and measured from then, however late the ones before are.
        const due = began + (index * 1_000) / PER_SECOND
        await sleep(due - performance.now())
        const response = await ask()
        await response.arrayBuffer()
        assert.equal(response.status, expected, kind)
        took[kind].push(performance.now() - due)
      }),
    )
    const work = workOfAll().all / requests.length
    for (const kind of ['GET', 'POST'] as const) {
      const [half, most, nearly] = [0.5, 0.95, 0.99].map((part) => Math.round(percentile(took[kind], part)))
      say(`${kind} register.do: p50 ${half} ms, p95 ${most} ms (target ${TARGETS[kind]}), p99 ${nearly} ms`)
    }
    say(`${(work / 1_000).toFixed(4)} s of the server's processor time per request, at ${PER_SECOND} a second`)
    assert.ok(percentile(took.GET, 0.95) <= GENEROSITY * TARGETS.GET, 'the page takes far too long')
    assert.ok(percentile(took.POST, 0.95) <= GENEROSITY * TARGETS.POST, 'an answer takes far too long')
  } finally {
    await fleet.stop()
    await cluster.stop()
  }
}
