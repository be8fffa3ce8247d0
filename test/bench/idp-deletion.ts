// How long it takes to delete an idp with fifty thousand users, and what others notice who sign in meanwhile; one of two processes is killed half-way.
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../src/db/connect.ts'
import { createKeyring } from '../../src/seal.ts'
import { openBrowser } from '../support/browser.ts'
import { NOTICE } from '../support/consent-records.ts'
import { percentile } from '../support/figures.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import { beginDeletion, seedAnswers, seedPeople, turnFeatureOn } from '../support/idp-deletion.ts'
import { RACING } from '../support/races.ts'
import { arrive, stranger } from '../support/road.ts'
import { SECRET_KEY, startMigratedCluster } from '../support/scene.ts'
import type { Newcomer } from '../support/visits.ts'
import { givenOn } from '../support/walkers.ts'
import type { Bench } from './report.ts'

const USERS = 50_000
const LANES = 3
const PEOPLE = 30
const BEFORE_MS = 20_000

export async function idpDeletionBench({ say }: Bench): Promise<void> {
  const cluster = await startMigratedCluster({ fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' })
  const fleet = await startFleet({
    servers: 1,
    cluster,
    ...RACING,
    change: (declared) => ({
      ...RACING.change(declared),
      applications: declared.applications.map(({ identityProviders: _, ...application }) => application),
    }),
  })
  const db = connect({ url: fleet.databaseUrl, poolMax: 1, ssl: false, onError: () => {} })
  try {
    // The one that is killed answers nobody: what is told of sign-ins is what the deletion does to them.
    const aside = await fleet.startAside()
    const house = { db, keyring: createKeyring(SECRET_KEY), allowPrivateIdp: true, rereadSettings: async () => {} }
    await turnFeatureOn(house, fleet.rows)
    const seeding = performance.now()
    await seed(fleet)
    say(`${USERS} users of one idp made in ${seconds(seeding)} s, each with three details, a role and two answers`)

    const people = Array.from({ length: PEOPLE }, () => stranger(fleet))
    for (const person of people) await signIn(fleet, person)
    const before = startSigningIn(fleet, people)
    await sleep(BEFORE_MS)
    await before.stop()
    say(`sign-ins through another idp before: ${before.figures()}`)

    const counting = performance.now()
    await beginDeletion({ ...house, now: () => new Date() }, 'silent')
    say(`counted and begun in ${seconds(counting)} s`)
    const during = startSigningIn(fleet, people)
    const began = performance.now()
    let left = USERS
    const look = async () => {
      await sleep(200)
      const [row] = await fleet.rows<{ left: number }>(
        "SELECT count(*)::int AS left FROM identities JOIN idps ON idps.id = idp_id WHERE idps.name = 'silent'",
      )
      left = row?.left ?? 0
    }
    while (left > USERS / 2) await look()
    await fleet.end(aside, 'SIGKILL')
    const killedAt = performance.now()
    say(`half of them by two processes in ${seconds(began)} s; one is killed (kill -9) with ${left} left`)
    const half = left
    while (left > 0) await look()
    while ((await fleet.rows("SELECT 1 FROM idps WHERE name = 'silent'")).length > 0) await sleep(100)
    const rate = Math.round(half / ((performance.now() - killedAt) / 1_000))
    say(`the other half by the one that is left in ${seconds(killedAt)} s: ${rate} users a second`)
    const overall = Math.round(USERS / ((performance.now() - began) / 1_000))
    say(`${USERS} users in ${seconds(began)} s altogether: ${overall} users a second`)
    await during.stop()
    say(`sign-ins through another idp meanwhile: ${during.figures()}`)

    const [told] = await fleet.rows<{ after: Record<string, unknown> }>(
      "SELECT after FROM changes WHERE object = 'silent' AND action = 'deleted'",
    )
    const [proof] = await fleet.rows<{ count: number }>('SELECT count(*)::int AS count FROM consents')
    say(`the history says ${JSON.stringify(told?.after)}; ${proof?.count} consent records stay`)
    const [server] = fleet.servers
    const line = server
      ?.output()
      .split('\n')
      .find((one) => one.includes('the idp and its users are deleted'))
    const { batches, longestMs } = JSON.parse(line ?? '{}') as { batches?: number; longestMs?: number }
    say(`of the process that was left: ${batches} batches, the longest ${longestMs} ms`)
  } finally {
    await db.destroy()
    await fleet.stop()
    await cluster.stop()
  }
}

async function seed(fleet: Fleet): Promise<void> {
  await seedPeople(fleet.rows, { idp: 'silent', count: USERS, mark: 'seeded' })
  await fleet.rows('INSERT INTO notices (hash, language, content) VALUES ($1, $2, $3)', [
    NOTICE.hash,
    NOTICE.language,
    NOTICE.content,
  ])
  await seedAnswers(fleet.rows, { count: USERS, mark: 'seeded', notice: NOTICE.hash })
  // As years of use leave it.
  await fleet.rows('ANALYZE')
}

/** The whole road: application, product, idp and back, in a browser that nobody knows. */
async function signIn(fleet: Fleet, person: Newcomer): Promise<void> {
  givenOn(fleet.application, await arrive(fleet, openBrowser(), 'password', person))
}

function startSigningIn(fleet: Fleet, people: Newcomer[]) {
  const took: number[] = []
  const failed: string[] = []
  let isOver = false
  let turn = 0
  const lanes = Array.from({ length: LANES }, async () => {
    while (!isOver) {
      const person = people[turn++ % people.length] as Newcomer
      const started = performance.now()
      await signIn(fleet, person).catch((error: Error) => failed.push(error.message))
      took.push(performance.now() - started)
      await sleep(50)
    }
  })
  return {
    async stop() {
      isOver = true
      await Promise.all(lanes)
    },
    figures: () =>
      `${took.length} in all, p50 ${Math.round(percentile(took, 0.5))} ms, p95 ${Math.round(percentile(took, 0.95))} ms, ${failed.length} failed${failed.slice(0, 3).map((one) => ` (${one})`)}`,
  }
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(1)
}
