// Whoever nothing has to be asked of comes in by one statement, which holds all that a transaction of many holds: whole or not at all, once, and by
// what holds once nobody is waited for any more.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { MY_ACCOUNT } from '../src/db/applications.ts'
import { type Known, lookAtArrival } from '../src/db/arrivals.ts'
import type { Pool } from '../src/db/connect.ts'
import { departAtOnce, type Flow } from '../src/flow.ts'
import type { House } from '../src/house.ts'
import type { Profile } from '../src/login/profile.ts'
import { allFromIdp } from '../src/provisioning/consent.ts'
import { endWithoutUser, type Outcome, provision, signIn } from '../src/provisioning/provision.ts'
import { exchange, flowOf, openHouse, startedFlow, type TestHouse } from './support/house.ts'
import { atOnce } from './support/overlap.ts'
import { factsOf, profileOf } from './support/situations.ts'
import { untilWaiting } from './support/until.ts'

let count = 0

/** Somebody whom no other test knows. */
function somebody(): Profile {
  count += 1
  const name = `person${count}`
  const profile = profileOf({ email: `${name}@acme.example`, department: 'Engines' }, ['email'], name)
  return { ...profile, subject: `subject-${count}` }
}

/** A flow that has come back, and in which nothing was kept of what the idp sent. */
async function cameBack(on: TestHouse): Promise<Flow> {
  const browser = await startedFlow(on)
  const flow = await flowOf(on, browser)
  await on.rows('UPDATE flows SET idp_id = $1, called_back_at = $2 WHERE id = $3', [on.idp.id, on.clock.now, flow.id])
  return flowOf(on, browser)
}

function become(on: TestHouse, house: House, flow: Flow, profile: Profile, look = ''): Promise<Outcome> {
  const name = profile.suggestedUsername
  const idp = { ...on.idp, scheme: 'PROVISION_SILENTLY' as const }
  return provision(
    house,
    flow,
    { idp, application: { name: 'Travel' }, profile, facts: factsOf() },
    {
      store: 'PRIMARY',
      username: name,
      canonical: name,
      look: look || name,
      passwordHash: null,
      attributes: allFromIdp(profile, on.idp.id),
    },
  )
}

async function known(on: TestHouse, profile: Profile): Promise<Known> {
  const found = await lookAtArrival(on.house.db, { ...profile, idpId: on.idp.id }, [])
  return found.identity ?? assert.fail('nobody is known')
}

/** Somebody who is a user already. */
async function member(on: TestHouse): Promise<Profile> {
  const profile = somebody()
  assert.equal((await become(on, on.house, await cameBack(on), profile)).kind, 'created')
  return profile
}

function comeIn(on: TestHouse, house: House, flow: Flow, profile: Profile, identity: Known): Promise<boolean> {
  const facts = factsOf({ user: { id: identity.userId, isLocked: identity.isLocked } })
  return signIn(house, flow, { idp: on.idp, profile, facts }, identity)
}

async function outcomes(on: TestHouse, work: (() => Promise<Outcome>)[]): Promise<string[]> {
  const settled = await atOnce(on, work)
  return settled.map((one) => (one.status === 'fulfilled' ? one.value.kind : String(one.reason))).sort()
}

/** What was asked of PostgreSQL by this process from now on. */
function listen({ db }: { db: Pool }): string[] {
  const statements: string[] = []
  db.on('query', ({ sql }: { sql: string }) => statements.push(sql))
  return statements
}

async function isOpen(on: TestHouse, { id }: Flow): Promise<boolean> {
  const [row] = await on.rows<{ open: boolean }>('SELECT closed_at IS NULL AS open FROM flows WHERE id = $1', [id])
  return row?.open ?? assert.fail('no flow')
}

const LOCK_THERE = `INSERT INTO identity_locks (idp_id, issuer, subject, federated_subject, locked_at)
  SELECT idp_id, issuer, subject, 'fed.' || subject, now() FROM identities WHERE user_id = $1`

const USERS = 'SELECT user_id FROM identities WHERE subject = ANY ($1)'

describe('whoever becomes a user and is asked nothing', () => {
  let on: TestHouse
  let second: House
  before(async () => {
    on = await openHouse()
    second = on.another()
  })
  after(() => on.drop())

  it('costs one statement, and leaves a whole user, an ended flow and its record', async () => {
    const ada = somebody()
    const flow = await cameBack(on)
    const house = on.another()
    const statements = listen(house)
    assert.equal((await become(on, house, flow, ada)).kind, 'created')
    assert.equal(statements.length, 1)
    const { userId, kept } = await known(on, ada)
    assert.deepEqual(
      kept?.stored.map(({ name }) => name),
      ['department', 'email'],
    )
    const [row] = await on.rows('SELECT ending FROM flows WHERE id = $1', [flow.id])
    assert.deepEqual(row, { ending: { kind: 'signed-in', userId, idpId: on.idp.id, isNew: true } })
    assert.deepEqual(await on.rows('SELECT event, user_id, detail FROM audit_events WHERE flow_id = $1', [flow.id]), [
      {
        event: 'user-created',
        user_id: userId,
        detail: { scheme: 'PROVISION_SILENTLY', store: 'PRIMARY', attributes: 2, roles: 0 },
      },
    ])
  })

  it('eight times at once on two processes becomes one user, and the other flows stay open', async () => {
    const ada = somebody()
    const flows = await Promise.all(Array.from({ length: 8 }, () => cameBack(on)))
    // Each with another name, so that only the person can be the conflict.
    const work = flows.map(
      (flow, index) => () =>
        become(on, index % 2 ? second : on.house, flow, { ...ada, suggestedUsername: `ada${index}` }),
    )
    assert.deepEqual(await outcomes(on, work), [...Array(7).fill('already-there'), 'created'])
    assert.equal((await on.rows(USERS, [[ada.subject]])).length, 1)
    assert.equal((await Promise.all(flows.map((flow) => isOpen(on, flow)))).filter(Boolean).length, 7)
  })

  it('after one name with seven others leaves nothing of the seven, and nothing of a name in what PostgreSQL says of it', async () => {
    const people = Array.from({ length: 8 }, () => ({ ...somebody(), suggestedUsername: 'canary-of-a-name' }))
    const flows = await Promise.all(people.map(() => cameBack(on)))
    const said: string[] = []
    const houses = [on.another(), on.another()]
    for (const { db } of houses)
      db.on('query-error', (error: Error) =>
        said.push(`${error} ${JSON.stringify({ ...error, ...(error.cause ?? {}) })}`),
      )
    const work = people.map(
      (one, index) => () => become(on, houses[index % 2] ?? on.house, flows[index] ?? assert.fail(), one),
    )
    assert.deepEqual(await outcomes(on, work), ['created', ...Array(7).fill('username-taken')])
    assert.equal((await on.rows(USERS, [people.map(({ subject }) => subject)])).length, 1)
    assert.equal((await Promise.all(flows.map((flow) => isOpen(on, flow)))).filter(Boolean).length, 7)
    assert.equal(said.length, 7)
    for (const one of said) {
      assert.match(one, /identities_user_id_fkey/)
      assert.doesNotMatch(one, /canary|subject-/)
    }
  })

  it('in one flow eight times at once ends it once', async () => {
    const flow = await cameBack(on)
    const people = Array.from({ length: 8 }, () => somebody())
    const work = people.map((one, index) => () => become(on, index % 2 ? second : on.house, flow, one))
    assert.deepEqual(await outcomes(on, work), [...Array(7).fill('already-closed'), 'created'])
    assert.equal((await on.rows(USERS, [people.map(({ subject }) => subject)])).length, 1)
  })

  it('is one whole user where the connection is cut before the end', async () => {
    const [ada, flow] = [somebody(), await cameBack(on)]
    const [made] = await atOnce(on, [() => become(on, on.house, flow, ada)], (client) =>
      client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      ),
    )
    assert.ok(made?.status === 'fulfilled' && made.value.kind === 'created')
    assert.equal((await on.rows(USERS, [[ada.subject]])).length, 1)
  })

  it('leaves nothing behind where any of it cannot be written, and can be done again', async () => {
    await on.rows(
      `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken by a test'; END $$`,
    )
    const when = ['BEFORE INSERT ON identities', 'BEFORE INSERT ON users', 'BEFORE INSERT ON user_attributes']
    for (const event of [...when, 'BEFORE UPDATE ON flows', 'BEFORE INSERT ON audit_events']) {
      const [ada, flow] = [somebody(), await cameBack(on)]
      const contents = await on.contents()
      await on.rows(`CREATE TRIGGER broken ${event} FOR EACH ROW EXECUTE FUNCTION fail()`)
      await assert.rejects(become(on, on.house, flow, ada), /broken by a test/, event)
      await on.rows(`DROP TRIGGER broken ON ${event.split(' ').at(-1)}`)
      assert.equal(await on.contents(), contents, event)
      assert.equal((await become(on, on.house, flow, ada)).kind, 'created', event)
    }
  })

  it('wipes the keys that were given out in a flow in which something was kept', async () => {
    const [ada, flow] = [somebody(), await cameBack(on)]
    await on.rows(`UPDATE flows SET profile_sealed = '\\x01' WHERE id = $1`, [flow.id])
    await on.rows(
      `INSERT INTO flow_keys (hash, kind, sealed, flow_id, created_at) VALUES (sha256('x'), 'page', '\\x02', $1, now())`,
      [flow.id],
    )
    assert.equal((await become(on, on.house, flow, ada)).kind, 'created')
    assert.deepEqual(await on.rows('SELECT sealed FROM flow_keys WHERE flow_id = $1', [flow.id]), [{ sealed: null }])
  })

  const LOCKED = 'who is locked while they wait for that becomes nobody'
  async function lockedMeanwhile(here: TestHouse): Promise<string> {
    const [ada, flow] = [somebody(), await cameBack(here)]
    const outcome = await whileHeld(
      here,
      [
        [`SELECT pg_advisory_xact_lock(7135204, hashtext($1))`, [here.idp.id]],
        [
          `INSERT INTO identity_locks (idp_id, issuer, subject, federated_subject, locked_at) VALUES ($1, $2, $3, 'fed.x', now())`,
          [here.idp.id, ada.issuer, ada.subject],
        ],
      ],
      () => become(here, here.house, flow, ada),
    )
    if (outcome.kind === 'already-there') assert.ok(await isOpen(here, flow))
    return outcome.kind
  }
  it(LOCKED, async () => assert.equal(await lockedMeanwhile(on), 'already-there'))

  it(`NEGATIVE CONTROL: where that is looked at before they wait, it does not hold that ${LOCKED}`, async () => {
    const early = await changed('hold_newcomer', (body) =>
      body.replace(
        /(PERFORM [^;]+;)\s*RETURN ([^;]+);/,
        'RETURN ($2) AND pg_advisory_xact_lock_shared(7135204, hashtext(at_idp::text)) IS NOT NULL;',
      ),
    )
    assert.equal(await early(lockedMeanwhile), 'created')
  })
})

describe('whoever is known and of whom nothing changes', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  it('costs one statement, which ends the flow with its record', async () => {
    const ada = await member(on)
    const identity = await known(on, ada)
    const flow = await cameBack(on)
    const house = on.another()
    const statements = listen(house)
    assert.equal(await comeIn(on, house, flow, ada, identity), true)
    assert.equal(statements.length, 1)
    assert.equal(flow.ending?.kind, 'signed-in')
    assert.deepEqual(await on.rows('SELECT event, user_id, detail FROM audit_events WHERE flow_id = $1', [flow.id]), [
      { event: 'sign-in', user_id: identity.userId, detail: { changed: 0, removed: 0, granted: 0, withdrawn: 0 } },
    ])
  })

  it('ends a flow once, of eight at once', async () => {
    const ada = await member(on)
    const identity = await known(on, ada)
    const flow = await cameBack(on)
    const second = on.another()
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => comeIn(on, index % 2 ? second : on.house, flow, ada, identity)),
    )
    assert.equal((await on.rows('SELECT 1 FROM audit_events WHERE flow_id = $1', [flow.id])).length, 1)
  })

  it('changes nothing in a flow that is over', async () => {
    const ada = await member(on)
    const flow = await cameBack(on)
    await endWithoutUser(on.house, flow, { kind: 'declined' })
    const contents = await on.contents()
    assert.equal(await comeIn(on, on.house, flow, ada, await known(on, ada)), true)
    assert.equal(await on.contents(), contents)
  })

  /** What may come to pass while a sign-in waits, each by whoever holds the user. */
  const MEANWHILE: [what: string, sql: string][] = [
    ['locked', 'UPDATE users SET is_locked = true WHERE id = $1'],
    ['locked at the idp', LOCK_THERE],
    ['disconnected', 'DELETE FROM identities WHERE user_id = $1'],
  ]
  for (const [what, sql] of MEANWHILE) {
    const claim = `is not let in when they are ${what} while that waits`
    it(claim, async () => assert.equal(await meanwhile(on, sql), 'still open'))

    if (what === 'locked') continue
    it(`NEGATIVE CONTROL: by what was seen before the wait it does not hold that whoever ${claim}`, async () => {
      const early = await changed('hold_user', (body) =>
        body
          .replace(/BEGIN/, 'DECLARE before jsonb := kept_of(which, at_idp, by_issuer, by_subject); BEGIN')
          .replace(/RETURN [^;]+;/, 'RETURN before;'),
      )
      assert.equal(await early((copy) => meanwhile(copy, sql)), 'let in')
    })
  }

  it('has what was changed while that waits set right, as of then', async () => {
    const ada = await member(on)
    const identity = await known(on, ada)
    const flow = await cameBack(on)
    const isIn = await whileHeld(
      on,
      [
        ['SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [identity.userId]],
        [`UPDATE user_attributes SET value = '"Sails"' WHERE user_id = $1 AND name = 'department'`, [identity.userId]],
      ],
      () => comeIn(on, on.house, flow, ada, identity),
    )
    assert.equal(isIn, true)
    const sql = `SELECT value FROM user_attributes WHERE user_id = $1 AND name = 'department'`
    assert.deepEqual(await on.rows(sql, [identity.userId]), [{ value: 'Engines' }])
    const [record] = await on.rows<{ detail: unknown }>('SELECT detail FROM audit_events WHERE flow_id = $1', [flow.id])
    assert.deepEqual(record?.detail, { changed: 1, removed: 0, granted: 0, withdrawn: 0 })
  })
})

async function meanwhile(on: TestHouse, sql: string): Promise<'let in' | 'still open'> {
  const ada = await member(on)
  const identity = await known(on, ada)
  const flow = await cameBack(on)
  const { userId } = identity
  const isIn = await whileHeld(
    on,
    [
      ['SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE', [userId]],
      [sql, [userId]],
    ],
    () => comeIn(on, on.house, flow, ada, identity),
  )
  assert.equal(isIn, !(await isOpen(on, flow)))
  return isIn ? 'let in' : 'still open'
}

/** Does this in a transaction; `work` begins before it is committed, and has to wait for it. */
async function whileHeld<Result>(
  on: TestHouse,
  [first, ...others]: [sql: string, values: unknown[]][],
  work: () => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(on.url)
  await client.connect()
  try {
    await client.query('BEGIN')
    if (first) await client.query(...first)
    const working = work()
    await untilWaiting(async (sql) => (await client.query(sql)).rows)
    for (const one of others) await client.query(...one)
    await client.query('COMMIT')
    return await working
  } finally {
    await client.end()
  }
}

/** A house in which a function of the database is another one. */
async function changed(name: string, to: (definition: string) => string) {
  return async <Result>(work: (on: TestHouse) => Promise<Result>): Promise<Result> => {
    const on = await openHouse()
    try {
      const [row] = await on.rows<{ sql: string }>('SELECT pg_get_functiondef($1::regproc) AS sql', [name])
      const sql = row?.sql ?? assert.fail(name)
      assert.notEqual(to(sql), sql)
      await on.rows(to(sql))
      return await work(on)
    } finally {
      await on.drop()
    }
  }
}

describe('whoever leaves for an idp', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  it('costs one statement, where the idp was chosen by what is configured', async () => {
    const browser = await startedFlow(on)
    const { id, configured } = await flowOf(on, browser)
    const house = on.another()
    await house.configured.now()
    const statements = listen(house)
    const chosen = { id, applicationId: on.applicationId, idp: on.idp, state: 'a state', configured }
    const flow = await departAtOnce(house, exchange(browser.cookie).req, chosen)
    assert.deepEqual([flow?.id, flow?.idpId, statements.length], [id, on.idp.id, 1])
  })

  it('goes nowhere in the flow of another browser, of another application, or by what was configured before', async () => {
    const browser = await startedFlow(on)
    const { id, configured } = await flowOf(on, browser)
    const chosen = { id, applicationId: on.applicationId, idp: on.idp, state: 'a state', configured }
    const depart = (change: Partial<typeof chosen>, from = browser) =>
      departAtOnce(on.house, exchange(from.cookie).req, { ...chosen, state: randomUUID(), ...change })
    assert.equal(await depart({}, await startedFlow(on)), undefined)
    assert.equal(await depart({ applicationId: MY_ACCOUNT }), undefined)
    assert.equal(await depart({ configured: { ...configured, version: randomUUID() } }), undefined)
    assert.equal(await depart({ id: `${id.slice(1)}x` }), undefined)
    const [row] = await on.rows('SELECT idp_id, state_hash FROM flows WHERE id = $1', [id])
    assert.deepEqual(row, { idp_id: null, state_hash: null })
    assert.ok(await depart({}))
    await on.rows(`UPDATE flows SET called_back_at = $1 WHERE id = $2`, [on.clock.now, id])
    assert.equal(await depart({}), undefined, 'it has come back')
  })
})
