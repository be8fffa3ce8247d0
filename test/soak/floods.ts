// Floods in their full size against a server of its own process: what they leave behind, whom they keep waiting, and for how long.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../src/db/connect.ts'
import { BATCH, sweep } from '../../src/db/sweep.ts'
import { openBrowser } from '../support/browser.ts'
import { figures, residentMegabytes, seconds, startMeasuring, workOfOneHash } from '../support/figures.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import {
  addressesWithoutFlow,
  atLogin,
  authorizationRequest,
  inParallel,
  lookAround,
  rowsOfTables,
  sendSlowly,
  signInLocally,
  slowBeginnings,
} from '../support/floods.ts'
import { PASSWORD } from '../support/people.ts'
import { arrive, fillRegister, stranger } from '../support/road.ts'
import { freePort } from '../support/scene.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { givenOn } from '../support/walkers.ts'
import type { Say } from './parts.ts'

const WRONG = 'not the password of anybody'
const LOOKS = 100_000
const STARTED_FLOWS = 50_000
const SLOW_SENDERS = 2_000
const SMALL_CONTAINER_MB = 512
const newName = () => `n${randomBytes(6).toString('hex')}`

/** Looks without a cookie, and forms without a sign-in, a hundred thousand of them. Throws when they leave a row, or take work that counts. */
export async function looksSoak(say: Say): Promise<void> {
  await atOneServer((fleet, server) => looks(fleet, server, say))
}

/** Prints its figures through `say`; throws when a claim about rows, places in line or waiting does not hold. */
export async function floodsSoak(say: Say): Promise<void> {
  await atOneServer(async (fleet, server, port) => {
    await passwords(fleet, server, say)
    await startedFlows(fleet, say)
    await slowSenders(fleet, port, say)
  })
}

/** One server, past any proxy: this program is the trusted hop, so that it can be at many addresses. */
async function atOneServer(work: (fleet: Fleet, server: ServerProcess, port: number) => Promise<void>): Promise<void> {
  const port = await freePort()
  const fleet = await startFleet({
    servers: 1,
    port,
    proxied: false,
    modes: ['silent', 'username'],
    env: { PORT: String(port), LOG_LEVEL: 'warn' },
  })
  try {
    const [server] = fleet.servers
    assert.ok(server)
    await work(fleet, server, port)
    assert.equal(server.child.exitCode, null, 'the server is gone')
  } finally {
    await fleet.stop()
  }
}

/** Looks without a cookie, and password forms without a sign-in of their own: no row, next to no work. */
async function looks(fleet: Fleet, server: ServerProcess, say: Say): Promise<void> {
  const rows = await rowsOfTables(fleet)
  const hash = await workOfOneHash()
  const [started, workOfLooks] = [performance.now(), startMeasuring(server)]
  const answers = await lookAround(fleet, addressesWithoutFlow(fleet), LOOKS, 20)
  const each = workOfLooks().all / LOOKS
  const memory = residentMegabytes(server)
  const shown = [...answers].map(([status, count]) => `${count} × ${status}`).join(', ')
  say(`${LOOKS} looks without a cookie in ${seconds(performance.now() - started)}: no row; ${shown}`)
  say(
    `${each.toFixed(2)} ms of processor time each (a hash takes ${hash.toFixed(1)}); memory of the server: ${memory} MB`,
  )
  assert.deepEqual(await rowsOfTables(fleet), rows)
  assert.ok([...answers.keys()].every((status) => status < 500))
  // test/floods.test.ts counts that there is no hash at any of these addresses.
  assert.ok(each < hash / 3, 'that was too much work for a look')
  assert.ok(memory < SMALL_CONTAINER_MB, 'more memory than a small container has')

  const { login } = await atLogin(fleet, '203.0.113.1')
  const form = login.fill({ username: newName(), password: WRONG }).submission('Sign in')
  const [began, workOfForms] = [performance.now(), startMeasuring(server)]
  const statuses = await Promise.all(
    Array.from({ length: 500 }, async () => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const response = await fetch(form.url, { method: 'POST', headers, body: form.fields })
      await response.arrayBuffer()
      return response.status
    }),
  )
  const [took, { all: work }] = [performance.now() - began, workOfForms()]
  say(`500 password forms without their sign-in at once: ${seconds(took)}, ${seconds(work)} of processor time`)
  assert.deepEqual(new Set(statuses), new Set([404]))
  // 500 hashes of 19 MiB in two passes would be some ten seconds of work; test/floods.test.ts counts that there is none.
  assert.ok(work < 4_000, 'that was too much work for forms that are not looked at')
}

/** 500 password forms of 25 addresses at once, 20 people in between, and somebody who asks whether the server lives. */
async function passwords(fleet: Fleet, server: ServerProcess, say: Say): Promise<void> {
  await fleet.rows('DELETE FROM brakes')
  const usernames = await inParallel(4, Array.from({ length: 20 }), () => newUser(fleet))
  const flooders = await inParallel(8, Array.from({ length: 500 }), (_, index) =>
    atLogin(fleet, `203.0.113.${index % 25}`),
  )
  const people = await inParallel(8, usernames, async (username, index) => ({
    username,
    at: await atLogin(fleet, `198.51.100.${index}`),
  }))
  const untilServed = startMeasuring(server)
  const flood = Promise.all(
    flooders.map(async (flooder) => {
      const response = await signInLocally(flooder, { username: newName(), password: WRONG })
      const retryAfter = response.headers.get('retry-after')
      await response.arrayBuffer()
      assert.ok(response.status !== 503 || retryAfter === '1', `Retry-After: ${retryAfter}`)
      return response.status
    }),
  )
  await sleep(50)
  const alive = probeWhile(fleet, flood)
  const took = await Promise.all(
    people.map(async ({ username, at }) => {
      const began = performance.now()
      const { status } = await signInLocally(at, { username, password: PASSWORD })
      assert.equal(status, 303, `${username} was turned away`)
      return performance.now() - began
    }),
  )
  const { all, main } = untilServed()
  const statuses = await flood
  const counts = [422, 503].map((status) => `${statuses.filter((one) => one === status).length} × ${status}`)
  say(`500 password forms of 25 addresses at once: ${counts.join(', ')}; 20 people in between took ${figures(took)}`)
  say(`until then ${seconds(all)} of processor time, ${seconds(main)} of them in the main thread`)
  const probes = await alive
  say(`/livez meanwhile, ${probes.length} times: ${figures(probes)}`)
  // In processor time, as another program may be using the machine: on two cores of its own nobody would have waited for longer than 5 s.
  assert.ok(all < 2 * 5_000 && main < 5_000, 'somebody waited for too much work')
  assert.deepEqual(
    statuses.filter((status) => ![422, 503].includes(status)),
    [],
  )

  await fleet.rows('DELETE FROM brakes')
  const fifty = await inParallel(8, Array.from({ length: 50 }), (_, index) => atLogin(fleet, `192.0.2.${index}`))
  const workOfChecks = startMeasuring(server)
  const checks = Promise.all(
    fifty.map(async (one) => (await signInLocally(one, { username: newName(), password: WRONG })).status),
  )
  const times = await probeWhile(fleet, checks)
  say(`/livez while 50 password forms are looked at, ${times.length} times: ${figures(times)}`)
  assert.deepEqual(new Set(await checks), new Set([422]))
  const work = workOfChecks()
  say(`${seconds(work.all)} of processor time meanwhile, ${seconds(work.main)} of them in the main thread`)
  // Whoever asks waits for the main thread: with fifty hashes in it hardly any work would be left for the others.
  assert.ok(work.main < work.all / 2, 'the server was not to be reached')
  const memory = residentMegabytes(server)
  say(`memory of the server: ${memory} MB`)
  assert.ok(memory < SMALL_CONTAINER_MB, 'more memory than a small container has')
}

/** Flows that were only started: their size, and how long it takes to sweep them away. */
async function startedFlows(fleet: Fleet, say: Say): Promise<void> {
  const began = performance.now()
  const asked = await inParallel(10, Array.from({ length: 300 }), async () => {
    const response = await fetch(fleet.url + authorizationRequest(fleet), { redirect: 'manual' })
    await response.arrayBuffer()
    return response.status
  })
  assert.deepEqual(new Set(asked), new Set([303]))
  const perSecond = Math.round(300_000 / (performance.now() - began))
  const { flows: before = 0 } = await rowsOfTables(fleet)
  // The others as copies of these, as large and with keys of their own, whose time is just over.
  await fleet.rows(
    `INSERT INTO flows (id, binding, door, application_id, interaction_uid_sealed, expires_at)
     SELECT left(md5(f.id || n), 24), binding, door, application_id, interaction_uid_sealed, now() - interval '11 minutes'
     FROM (SELECT * FROM flows WHERE closed_at IS NULL ORDER BY created_at DESC LIMIT 250) f, generate_series(1, ${STARTED_FLOWS / 250}) n`,
  )
  await fleet.rows(
    `INSERT INTO oidc_records (model, id_hash, payload_sealed, uid_hash, expires_at)
     SELECT model, sha256(id_hash || n::text::bytea), payload_sealed, sha256(uid_hash || n::text::bytea), now() - interval '1 minute'
     FROM (SELECT * FROM oidc_records WHERE model = 'Interaction' ORDER BY expires_at DESC LIMIT 250) r, generate_series(1, ${STARTED_FLOWS / 250}) n`,
  )
  const { flows, oidc_records: records } = await rowsOfTables(fleet)
  const [size] = await fleet.rows<{ flows: number; records: number }>(
    `SELECT pg_total_relation_size('flows')::int AS flows, pg_total_relation_size('oidc_records')::int AS records`,
  )
  assert.ok(size)
  say(
    `${flows} started sign-ins (${perSecond} a second by HTTP): ${megabytes(size.flows)} in flows, ${megabytes(size.records)} in ${records} records`,
  )
  assert.ok(size.flows + size.records < STARTED_FLOWS * 8_000, 'a started sign-in takes more than 8 kB')

  const db = connect({ url: fleet.databaseUrl, poolMax: 2, ssl: false, onError: () => {} })
  try {
    const swept = performance.now()
    const sweeping = sweep(db, new Date())
    const took: number[] = []
    while ((await Promise.race([sweeping, sleep(0)])) === undefined || took.length === 0)
      took.push(await signInOnce(fleet))
    const touched = await sweeping
    const time = performance.now() - swept
    say(`${touched} rows swept in ${seconds(time)}; sign-ins meanwhile took ${figures(took)}`)
    const left = await rowsOfTables(fleet)
    // The server sweeps every minute as well: it may have some of the copies before they are counted, and a batch in its hands at the end.
    const most = before + took.length + BATCH
    assert.ok((left['flows'] ?? 0) <= most, `${left['flows']} flows left of ${before} and ${STARTED_FLOWS}`)
    assert.ok(time < 60_000, 'the next round would begin before this one ends')
  } finally {
    await db.destroy()
  }
}

/** Connections that send a byte now and then: cut within the limits, and nobody else notices. */
async function slowSenders(fleet: Fleet, port: number, say: Say): Promise<void> {
  const { headers, body } = slowBeginnings(fleet)
  const senders = await inParallel(50, Array.from({ length: SLOW_SENDERS }), (_, index) =>
    sendSlowly(port, index % 2 === 0 ? headers : body, 3_000),
  )
  const took: number[] = []
  for (let count = 0; count < 5; count += 1) took.push(await signInOnce(fleet))
  const times = await Promise.all(senders.map(({ ended }) => ended))
  const told = senders.filter(({ heard }) => heard().startsWith('HTTP/1.1 408 ')).length
  say(
    `${SLOW_SENDERS} slow senders: ${told} heard 408, the last was cut after ${seconds(Math.max(...times))}; sign-ins meanwhile took ${figures(took)}`,
  )
  assert.equal(told, SLOW_SENDERS)
  assert.ok(Math.max(...times) < 30_000)
}

/** A whole sign-in of somebody new; how long it took. */
async function signInOnce(fleet: Fleet): Promise<number> {
  const began = performance.now()
  givenOn(fleet.application, await arrive(fleet, openBrowser(), 'silent', stranger(fleet)))
  return performance.now() - began
}

async function newUser(fleet: Fleet): Promise<string> {
  const username = newName()
  const page = await arrive(fleet, openBrowser(), 'username', stranger(fleet))
  givenOn(fleet.application, await fillRegister(page, username).press('Create account'))
  return username
}

/** How long /livez takes, again and again until `work` is done. */
async function probeWhile(fleet: Fleet, work: Promise<unknown>): Promise<number[]> {
  let isDone = false
  const done = () => {
    isDone = true
  }
  work.then(done, done)
  const times: number[] = []
  while (!isDone) {
    const began = performance.now()
    const response = await fetch(`${fleet.url}/livez`)
    await response.arrayBuffer()
    assert.equal(response.status, 200)
    times.push(performance.now() - began)
    await sleep(10)
  }
  return times
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
