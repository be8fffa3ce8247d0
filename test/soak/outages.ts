// Two servers of the built program lose PostgreSQL in every way there is, one after another, while people sign in. What
// test/outages.test.ts shows of one process and one outage each, over processes that are never restarted.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { TestCluster } from '../support/database.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import { brokenInvariants } from '../support/invariants.ts'
import { goOn, type Traveller, travel, traveller, untilHealthy } from '../support/patience.ts'
import { MODES, startMigratedCluster } from '../support/scene.ts'
import { type SlowProxy, startSlowProxy } from '../support/slow-proxy.ts'
import { newcomer } from '../support/visits.ts'
import type { Say } from './parts.ts'

const SERVERS = 2
const PEOPLE = 20

interface Ground {
  cluster: TestCluster
  fleet: Fleet
  /** Between each server and PostgreSQL. */
  networks: SlowProxy[]
  /** The database's address, wherever it listens now. */
  databaseUrl(): string
}

interface Outage {
  name: string
  /** Spoils it, waits, and mends it. */
  happen(ground: Ground): Promise<void>
  /** Nobody may have to wait at all. */
  isSilent?: boolean
  /** Somebody must have had to wait, or the outage was none. */
  isFelt?: boolean
}

const OUTAGES: Outage[] = [
  { name: 'a crash, and 3 s away', isFelt: true, happen: (ground) => away(ground, 'immediate', 3_000) },
  {
    name: 'three restarts in a row',
    async happen(ground) {
      for (let count = 0; count < 3; count += 1) await away(ground, 'fast', 0)
    },
  },
  { name: '15 s away', isFelt: true, happen: (ground) => away(ground, 'fast', 15_000) },
  {
    name: 'all connections killed, again and again for 5 s',
    isFelt: true,
    async happen({ fleet }) {
      for (const until = performance.now() + 5_000; performance.now() < until; await sleep(20)) {
        await fleet.rows(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
        )
      }
    },
  },
  {
    name: '5 s for every message, for 10 s',
    isFelt: true,
    async happen({ networks }) {
      for (const network of networks) network.latencyMs = 5_000
      await sleep(10_000)
      for (const network of networks) network.latencyMs = 0
    },
  },
  {
    name: 'a network that swallows everything, for 12 s',
    isFelt: true,
    async happen({ networks }) {
      for (const network of networks) network.blackHole()
      await sleep(12_000)
      for (const network of networks) network.heal()
    },
  },
  {
    name: 'the table of flows locked, for 12 s',
    isFelt: true,
    async happen({ databaseUrl }) {
      const holder = new Client({ connectionString: databaseUrl() })
      await holder.connect()
      await holder.query('BEGIN; LOCK TABLE flows IN ACCESS EXCLUSIVE MODE')
      await sleep(12_000)
      await holder.end()
    },
  },
  {
    name: 'read-only, for 5 s',
    isFelt: true,
    async happen({ databaseUrl }) {
      await readOnly(databaseUrl(), true)
      await sleep(5_000)
      await readOnly(databaseUrl(), false)
    },
  },
  { name: 'one of two servers cut off for 6 s, and drained by its router', isSilent: true, happen: partition },
]

/** Says for each outage how soon sign-ins worked again and how many people arrived; throws when somebody did not, or a server was lost. */
export async function outagesSoak(say: Say): Promise<void> {
  const cluster = await startMigratedCluster({ synchronous_commit: 'on' })
  const networks: SlowProxy[] = []
  const fleet = await startFleet({ servers: 0, cluster })
  try {
    for (let count = 0; count < SERVERS; count += 1) {
      const network = await startSlowProxy(fleet.databaseUrl)
      networks.push(network)
      await fleet.start({ DATABASE_URL: network.through(fleet.databaseUrl) })
    }
    const name = new URL(fleet.databaseUrl).pathname.slice(1)
    const ground: Ground = { cluster, fleet, networks, databaseUrl: () => cluster.url(name) }
    const [...servers] = fleet.servers
    let arrived = 0
    for (const outage of OUTAGES) {
      say(await endure(ground, outage))
      arrived += PEOPLE
    }
    for (const { child, output } of servers) {
      assert.deepEqual([child.exitCode, child.signalCode], [null, null], `a server ended:\n${output().slice(-2_000)}`)
      const failures = output()
        .split('\n')
        .filter((line) => /"status":500\b/.test(line))
      assert.deepEqual(failures, [])
    }
    assert.deepEqual(await brokenInvariants(fleet.rows), [])
    say(`${arrived} people arrived, no answer was a 500, and the same ${SERVERS} processes serve them as at the start`)
  } finally {
    await cluster.resume()
    await fleet.stop()
    await Promise.all(networks.map((network) => network.stop()))
    await cluster.stop()
  }
}

/** Half of the people are at a prompt or at the idp when it happens, and half come meanwhile; the sentence that tells what came of it. */
async function endure(ground: Ground, { name, happen, isSilent, isFelt }: Outage): Promise<string> {
  const { fleet } = ground
  const people = Array.from({ length: PEOPLE }, (_, index) =>
    traveller(fleet, MODES[index % MODES.length] ?? 'silent', newcomer()),
  )
  const [early, late] = [people.slice(0, PEOPLE / 2), people.slice(PEOPLE / 2)]
  const pages = await Promise.all(early.map((one) => one.browser.open(`${fleet.application.url}/login`)))
  let isOver = false
  const journeys = early.map(async (one, index) => {
    const page = await pages[index]?.click(`Continue with Acme ${one.mode}`)
    await sleep(500 + index * 200)
    return page && goOn(one, page)
  })
  const happening = happen(ground).finally(() => {
    isOver = true
  })
  for (const one of late) {
    journeys.push(travel(one))
    if (!isOver) await sleep(200)
  }
  // Heard below: a journey that fails while the outage goes on must not end the process.
  for (const journey of journeys) journey.catch(() => {})
  await happening
  const seconds = await untilHealthy(fleet, newcomer)
  const subjects = await Promise.all(journeys)
  assert.equal(new Set(subjects).size, PEOPLE)
  const waits = people.reduce((sum: number, one: Traveller) => sum + one.waits, 0)
  if (isSilent) assert.equal(waits, 0, `${name}: people noticed`)
  if (isFelt) assert.ok(waits > 0, `${name}: nobody noticed, so it did not happen`)
  return `${name}: healthy after ${seconds.toFixed(1)} s; ${PEOPLE} of ${PEOPLE} arrived, asked to wait ${waits} times`
}

async function away({ cluster, networks }: Ground, how: 'fast' | 'immediate', ms: number): Promise<void> {
  await cluster.halt(how)
  await sleep(ms)
  await cluster.resume()
  for (const network of networks) network.retarget(cluster.url('postgres'))
}

/** As a standby is. New connections alone hear of it, so all are closed when it begins, and none when it ends. */
async function readOnly(databaseUrl: string, isOn: boolean): Promise<void> {
  const owner = new Client({ connectionString: databaseUrl })
  await owner.connect()
  await owner.query('SET default_transaction_read_only = off')
  await owner.query(
    `ALTER DATABASE ${new URL(databaseUrl).pathname.slice(1)} SET default_transaction_read_only = ${isOn}`,
  )
  if (isOn) {
    await owner.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
  }
  await owner.end()
}

/** One server alone loses PostgreSQL. It says so, its router sends people elsewhere, and it comes back by itself (S220). */
async function partition({ fleet, networks }: Ground): Promise<void> {
  const [cutOff, other] = fleet.servers
  assert.ok(cutOff && other)
  const isReady = async (port: number) => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    await answer.text()
    return answer.ok
  }
  const { targets } = fleet.proxy
  // Nobody is asked to try again by a router that had time to ask for itself first.
  fleet.proxy.targets = [other.port]
  await untilIdle(fleet, cutOff.port)
  networks[0]?.blackHole()
  assert.equal(await isReady(cutOff.port), false, 'a server without PostgreSQL says that it is ready')
  assert.equal(await isReady(other.port), true, 'the other server is not ready')
  await sleep(6_000)
  networks[0]?.heal()
  for (const until = performance.now() + 10_000; !(await isReady(cutOff.port)); await sleep(100)) {
    assert.ok(performance.now() < until, 'the server that was cut off is not ready again within 10 s')
  }
  fleet.proxy.targets = targets
}

async function untilIdle(fleet: Fleet, port: number): Promise<void> {
  while (fleet.proxy.underWay(port) > 0) await sleep(20)
}
