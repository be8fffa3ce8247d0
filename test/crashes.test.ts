// A server that dies, or loses PostgreSQL in the middle of a sentence, leaves one whole user or none, and the person who tries once more is signed in.
// Each has a negative control, described beside it: in soak/controls/crashes.ts the same check on a program that was broken in one place must fail.
import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { connect } from '../src/db/connect.ts'
import { wasRecordKept } from '../src/db/oidc-records.ts'
import { sha256 } from '../src/seal.ts'
import { openBrowser } from './support/browser.ts'
import { type CuttingProxy, startCuttingProxy } from './support/cutting-proxy.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { brokenInvariants } from './support/invariants.ts'
import { after, killThem, lastStepOf, MAKING, type Plan } from './support/kills.ts'
import { cutCommit, loseEachCommit } from './support/lost-commits.ts'
import { travel, traveller } from './support/patience.ts'
import { arrive, stranger } from './support/road.ts'
import { MODES, type Mode, testCluster } from './support/scene.ts'
import { knownPerson, newcomer, signedIn } from './support/visits.ts'

const LANES = 3

/** Lets somebody in of whom nothing changes. */
const COMING_IN = 'WITH held AS'

describe('a server killed with SIGKILL', () => {
  let fleet: Fleet
  before(async () => {
    fleet = await startFleet({ servers: 1 })
  })
  afterAll(() => fleet?.stop())

  // Control: with the record of an ending apart, with two transactions in place of one, and with flows that open again.
  it('while it answers the last step of any mode leaves nothing, or one whole user, and one retry signs in', async () => {
    const seen = await killThem(fleet, MODES.flatMap(plansFor), LANES)
    // In each mode once before PostgreSQL is asked to begin, once before all is said, once with all kept and nobody told. Of whoever becomes a
    // user unasked all is said at once.
    const moments = (mode: Mode) => (mode === 'silent' ? ['before', 'after'] : ['before', 'inside', 'after'])
    assert.deepEqual(
      seen.map(({ hit, got }) => `${hit}, ${got}`),
      MODES.flatMap((mode) => moments(mode).map((moment) => `${moment}, nothing`)),
    )
    assert.deepEqual(
      seen.map(({ wasThere }) => wasThere),
      MODES.flatMap((mode) => moments(mode).map((moment) => moment === 'after' && mode !== 'none')),
    )
  })

  it('on the way out of a sign-in that made nobody leaves a way out', async () => {
    // Between COMMIT and the answer a grant, the claims and the result are kept for the door, and the profile is wiped.
    const words = [
      'WITH owner AS (SELECT 1 FROM users',
      'INSERT INTO federated_claims',
      'UPDATE flows SET profile_sealed = NULL',
    ]
    const plans = words.map((from): Plan => ({ mode: 'none', step: 'callback', moment: after(from), retry: 'again' }))
    const seen = await killThem(fleet, plans, LANES)
    assert.deepEqual(
      seen.map(({ hit, got }) => `${hit}, ${got}`),
      words.map(() => 'after, nothing'),
    )
  })

  function plansFor(mode: Mode): Plan[] {
    const step = lastStepOf(mode)
    // A callback whose code was exchanged in vain: the person does not wait for what will never come.
    const before: Plan = {
      mode,
      step,
      moment: after('SELECT (SELECT version FROM configured)'),
      retry: step === 'callback' ? 'application' : 'again',
    }
    if (mode === 'silent') return [before, { mode, step, moment: after(MAKING), retry: 'again' }]
    const inside = mode === 'none' ? after('UPDATE flows SET closed_at') : after(MAKING)
    return [
      before,
      { mode, step, moment: inside, retry: step === 'callback' ? 'again' : 'back' },
      { mode, step, moment: after('COMMIT'), retry: 'again' },
    ]
  }
})

describe('a connection to PostgreSQL that is cut', () => {
  let fleet: Fleet
  let wire: CuttingProxy
  before(async () => {
    fleet = await startFleet({ servers: 0 })
    // By way of the pooler, where the suite runs through one.
    wire = await startCuttingProxy((await testCluster()).forProduct(fleet.databaseUrl))
    await fleet.start({ DATABASE_URL: wire.url })
    await fleet.start({ DATABASE_URL: wire.url })
  })
  afterAll(async () => {
    await fleet?.stop()
    await wire?.stop()
  })

  // Control: where nobody looks what came of a COMMIT without an answer.
  it('after COMMIT was sent and before its answer is noticed by nobody, whichever COMMIT of a sign-in it is', async () => {
    for (const mode of MODES) assert.deepEqual(await loseEachCommit(fleet, wire, mode, 'after'), [0, 0, 0, 0], mode)
  })

  // Control: where a transaction is not tried again.
  it('before COMMIT was sent makes nobody wait for their user, and asks them to try a step at the door again', async () => {
    for (const mode of ['silent', 'username'] as const)
      assert.deepEqual(await loseEachCommit(fleet, wire, mode, 'before'), [0, 1, 1, 1], mode)
  })

  it('at the statement that lets somebody in who is known, before or after, is noticed by nobody', async () => {
    for (const where of ['before', 'after'] as const) {
      const person = newcomer()
      await travel(traveller(fleet, 'silent', person))
      let isCut = false
      wire.onCut = () => {
        isCut = true
      }
      wire.cut = (sql) => (!isCut && sql.startsWith(COMING_IN) ? where : undefined)
      const again = traveller(fleet, 'silent', person)
      await travel(again)
      assert.deepEqual([isCut, again.waits], [true, 0], where)
      const { events } = await knownPerson(fleet, person.sub)
      assert.deepEqual(events.map(({ event }) => event).sort(), ['sign-in', 'user-created'], where)
    }
    assert.deepEqual(await brokenInvariants(fleet.rows), [])
  })

  it('after COMMIT was sent gives an application its new tokens', async () => {
    const person = stranger(fleet)
    await arrive(fleet, openBrowser(), 'silent', person, { query: '?scope=openid+offline_access' })
    const { refreshToken } = signedIn(fleet.application).tokens
    wire.cut = cutCommit(1, 'after')
    const headers = { Authorization: `Basic ${btoa('travel:a+secret+of+the+travel+application')}` }
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken ?? '' })
    const response = await fetch(`${fleet.url}/oauth2/token`, { method: 'POST', headers, body })
    assert.equal(response.status, 200, await response.text())
  })
})

describe('what came of a COMMIT that nobody heard of', () => {
  // Fails when a record that is not there yet counts as one that never will be.
  for (const [end, isKept] of [
    ['COMMIT', true],
    ['ROLLBACK', false],
  ] as const) {
    it(`is known when it is over, and not before: ${end}`, async () => {
      const database = await (await testCluster()).clone()
      const db = connect({ url: database.url, poolMax: 2, ssl: false, onError: () => {} })
      const other = new Client({ connectionString: database.url })
      await other.connect()
      const [now, id] = [new Date(), sha256('an id')]
      await other.query('BEGIN')
      await other.query(
        "INSERT INTO oidc_records (model, id_hash, payload_sealed, expires_at) VALUES ('AccessToken', $1, '', $2)",
        [id, new Date(now.getTime() + 60_000)],
      )
      const looking = wasRecordKept(db, 'AccessToken', id, now)
      assert.equal(await Promise.race([looking, sleep(300)]), undefined)
      await other.query(end)
      assert.equal(await looking, isKept)
      // An answer that is lost as well changes nothing.
      assert.equal(await wasRecordKept(db, 'AccessToken', id, now), isKept)
      await Promise.all([other.end(), db.destroy()])
      await database.drop()
    })
  }
})
