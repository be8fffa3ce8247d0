// What has expired is gone after a sweep, what has not is untouched, and sweepers do not stand in each other's way.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { sweep } from '../src/db/sweep.ts'
import { rememberProfile } from '../src/flow.ts'
import { flowOf, flowWith, openHouse, startedFlow, type TestHouse } from './support/house.ts'
import { profileOf } from './support/situations.ts'

const PROFILE = profileOf({ email: 'canary@acme.example' })
const TABLES = ['flows', 'oidc_records', 'federated_claims', 'brakes', 'audit_events']
const NOTHING = Object.fromEntries(TABLES.map((table) => [table, 0]))
const DAY = 24 * 60

describe('a sweep', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  afterEach(() => on.rows(TABLES.map((table) => `DELETE FROM ${table}`).join('; ')))
  after(() => on.drop())

  const minutes = (count: number, from = on.clock.now) => new Date(from.getTime() + count * 60_000)
  const counts = async () => {
    const selects = TABLES.map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`)
    return (await on.rows<Record<string, number>>(`SELECT ${selects.join(', ')}`))[0]
  }

  /** One row per table that expires at `at`, `times` over. */
  async function fill(at: Date, times = 1): Promise<void> {
    const names = `FROM generate_series(1, ${times}) AS n`
    const bytes = `decode(md5(random()::text), 'hex')`
    await on.rows(
      `INSERT INTO flows (id, binding, door, application_id, interaction_uid_sealed, profile_sealed, expires_at)
       SELECT md5(random()::text), ${bytes}, 'application', $2, ${bytes}, ${bytes}, $1 ${names}`,
      [at, on.applicationId],
    )
    await on.rows(
      `INSERT INTO oidc_records (model, id_hash, payload_sealed, expires_at) SELECT 'AccessToken', ${bytes}, ${bytes}, $1 ${names}`,
      [at],
    )
    await on.rows(
      `INSERT INTO federated_claims (grant_id_hash, claims_sealed, expires_at) SELECT ${bytes}, ${bytes}, $1 ${names}`,
      [at],
    )
    await on.rows(`INSERT INTO brakes (key, points, expires_at) SELECT ${bytes}, 1, $1 ${names}`, [at])
    await on.rows(
      `INSERT INTO audit_events (event, flow_id, created_at) SELECT 'sign-in', md5(random()::text), $1 ${names}`,
      [minutes(-90 * DAY, at)],
    )
  }

  it('of a house where nothing has expired touches nothing', async () => {
    await flowWith(on, PROFILE)
    await fill(minutes(1))
    const contents = await on.contents()
    assert.equal(await sweep(on.house.db, on.clock.now), 0)
    assert.equal(await on.contents(), contents)
  })

  it('forgets what people did in My Account with their sign-ins, after 90 days', async () => {
    const id = '00000000-0000-4000-8000-00000000000a'
    await on.rows(`INSERT INTO users (id, store, username, username_canonical) VALUES ($1, 'PRIMARY', 'ann', 'ann')`, [
      id,
    ])
    try {
      for (const at of [minutes(-90 * DAY - 1), minutes(-90 * DAY + 1)])
        await on.rows(`INSERT INTO account_events (user_id, event, created_at) VALUES ($1, 'password-set', $2)`, [
          id,
          at,
        ])
      assert.equal(await sweep(on.house.db, on.clock.now), 1)
      const left = await on.rows('SELECT created_at AS at FROM account_events')
      assert.deepEqual(left, [{ at: minutes(-90 * DAY + 1) }])
    } finally {
      await on.rows('DELETE FROM users WHERE id = $1', [id])
    }
  })

  it('wipes what an idp sent from a flow that nobody finished, as soon as it has expired', async () => {
    const browser = await startedFlow(on)
    await rememberProfile(on.house, await flowOf(on, browser), on.idp.id, PROFILE)
    const { expiresAt } = await flowOf(on, browser)
    await sweep(on.house.db, expiresAt)
    assert.ok((await flowOf(on, browser)).profile, 'at the moment itself it is still open')
    await sweep(on.house.db, new Date(expiresAt.getTime() + 1))
    const [row] = await on.rows('SELECT profile_sealed, person_hash FROM flows WHERE id = $1', [browser.id])
    assert.deepEqual(row, { profile_sealed: null, person_hash: null })
  })

  it('wipes what an idp sent about a federated person too, whose flow has ended', async () => {
    await fill(minutes(-1))
    await on.rows(`UPDATE flows SET closed_at = created_at, ending = '{"kind":"federated"}'`)
    await sweep(on.house.db, on.clock.now)
    assert.deepEqual(await on.rows('SELECT profile_sealed FROM flows'), [{ profile_sealed: null }])
  })

  it('remembers an expired flow for ten minutes, as long as its cookie lives, so that its page can say what happened', async () => {
    const { id } = await startedFlow(on)
    const left = async (now: Date) => {
      await sweep(on.house.db, now)
      return (await on.rows('SELECT 1 FROM flows WHERE id = $1', [id])).length
    }
    assert.equal(await left(minutes(31)), 1)
    assert.equal(await left(minutes(40)), 1)
    assert.equal(await left(minutes(41)), 0)
  })

  it('deletes everything else that has expired, and nothing that has not', async () => {
    await fill(minutes(-1))
    await fill(minutes(1))
    await sweep(on.house.db, on.clock.now)
    assert.deepEqual(await counts(), { flows: 2, oidc_records: 1, federated_claims: 1, brakes: 1, audit_events: 1 })
  })

  it('deletes more than one batch of a table in one round, and says how many rows it touched', async () => {
    await fill(minutes(-11), 1_201)
    // Each flow twice: its profile, then itself.
    assert.equal(await sweep(on.house.db, on.clock.now), 6 * 1_201)
    assert.deepEqual(await counts(), { ...NOTHING, audit_events: 1_201 }, 'each flow has left its record')
  })

  it('keeps the record of a sign-in for ninety days', async () => {
    await fill(minutes(0))
    const left = async (now: Date) => {
      await sweep(on.house.db, now)
      return (await on.rows("SELECT 1 FROM audit_events WHERE event = 'sign-in'")).length
    }
    // It was written ninety days before this moment.
    assert.equal(await left(minutes(0)), 1)
    assert.equal(await left(minutes(1)), 0)
  })

  it('never touches a user, an identity, an attribute or a consent', async () => {
    const kept = ['users', 'identities', 'user_attributes', 'consents', 'notices', 'signing_keys', 'idps']
    const rows = () => Promise.all(kept.map((table) => on.rows(`SELECT ctid, xmin FROM ${table}`)))
    const before = await rows()
    await fill(minutes(-11))
    await sweep(on.house.db, minutes(1_000_000))
    assert.deepEqual(await rows(), before)
  })

  it('by four processes at once deletes all, each row once, and none of them fails', async () => {
    await fill(minutes(-11), 2_000)
    const processes = [on.house, on.another(), on.another(), on.another()]
    const touched = await Promise.all(processes.map((house) => sweep(house.db, on.clock.now)))
    // A row that one process holds is passed over by the others: a last round picks up what was held then.
    const last = await sweep(on.house.db, on.clock.now)
    assert.equal(
      touched.reduce((sum, one) => sum + one, last),
      6 * 2_000,
    )
    assert.deepEqual(await counts(), { ...NOTHING, audit_events: 2_000 }, 'one record for each flow')
  })

  it('does not wait for a flow that somebody is just ending', async () => {
    await fill(minutes(-11))
    const other = on.another()
    await other.db.transaction(async (transaction) => {
      await transaction.raw('SELECT 1 FROM flows FOR UPDATE')
      await sweep(on.house.db, on.clock.now)
      assert.deepEqual(await counts(), { ...NOTHING, flows: 1 })
    })
    await sweep(on.house.db, on.clock.now)
    assert.equal((await counts())?.['flows'], 0)
  })
})
