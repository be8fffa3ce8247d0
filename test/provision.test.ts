// The transactions that end a flow, on a real PostgreSQL: whole or not at all, and one winner of every race. Beside each race stands its
// negative control: the same race in a copy of the schema without the rule, where the product must misbehave, or the race proves nothing.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type pg from 'pg'
import { lookAtArrival } from '../src/db/arrivals.ts'
import { findIdentity, type Identity } from '../src/db/identities.ts'
import type { AttributeValue, StoredAttribute } from '../src/db/user-attributes.ts'
import type { Flow } from '../src/flow.ts'
import type { House } from '../src/house.ts'
import type { Profile } from '../src/login/profile.ts'
import { allFromIdp, grant, itemsOf, noticeOf } from '../src/provisioning/consent.ts'
import {
  endWithoutUser,
  type NewUser,
  type Outcome,
  provision,
  signIn,
  signInLocally,
} from '../src/provisioning/provision.ts'
import { readUsername } from '../src/provisioning/username.ts'
import { flowWith, openHouse, type TestHouse } from './support/house.ts'
import { atOnce } from './support/overlap.ts'
import { factsOf, profileOf, purpose } from './support/situations.ts'

const PURPOSES = [purpose('recover', ['email'], ['department'])]
let count = 0

/** Somebody whom no other test knows. */
function somebody(attributes: Record<string, AttributeValue> = {}): Profile {
  count += 1
  const name = `person${count}`
  return {
    ...profileOf({ email: `${name}@acme.example`, ...attributes }, ['email'], name),
    subject: `subject-${count}`,
  }
}

function newUser(on: TestHouse, profile: Profile, change: Partial<NewUser> & { ticks?: string[] } = {}): NewUser {
  const { ticks = ['recover:email'], ...rest } = change
  const reading = readUsername(profile.suggestedUsername)
  const [canonical, look] = reading.kind === 'ok' ? [reading.canonical, reading.looks[0]] : ['', '']
  const { attributes, records } = grant(itemsOf(PURPOSES, profile), new Set(ticks), profile, {}, on.idp.id)
  const notice = noticeOf(PURPOSES, { name: 'Northwind' }, 'en', (name) => name)
  const user = {
    store: 'PRIMARY',
    username: profile.suggestedUsername,
    canonical,
    look,
    passwordHash: null,
    attributes,
    consent: { notice, records },
  }
  return { ...user, ...rest }
}

function create(
  on: TestHouse,
  house: House,
  flow: Flow,
  profile: Profile,
  change?: Parameters<typeof newUser>[2],
): Promise<Outcome> {
  return provision(
    house,
    flow,
    { idp: on.idp, application: { name: 'Travel' }, profile, facts: factsOf() },
    newUser(on, profile, change),
  )
}

async function signInAgain(
  house: House,
  flow: Flow,
  on: TestHouse,
  identity: Identity,
  profile: Profile,
): Promise<boolean> {
  const facts = factsOf({ user: { id: identity.userId, isLocked: identity.isLocked } })
  const looked = await lookAtArrival(house.db, { ...profile, idpId: on.idp.id }, [])
  return signIn(
    house,
    flow,
    { idp: on.idp, profile, facts },
    { ...identity, kept: looked.identity?.kept ?? assert.fail() },
  )
}

/** A user who is there before the test begins. */
async function made(on: TestHouse, profile: Profile, change?: Parameters<typeof newUser>[2]): Promise<string> {
  const outcome = await create(on, on.house, await flowWith(on, profile), profile, change)
  return outcome.kind === 'created' ? outcome.userId : assert.fail(outcome.kind)
}

function kinds(outcomes: Outcome[]): string[] {
  return outcomes.map((outcome) => outcome.kind).sort()
}

async function identitiesOf(on: TestHouse, profile: Profile): Promise<{ user_id: string }[]> {
  return on.rows('SELECT user_id FROM identities WHERE subject = $1', [profile.subject])
}

async function outcomesAtOnce(on: TestHouse, work: (() => Promise<Outcome>)[]): Promise<Outcome[]> {
  const settled = await atOnce(on, work)
  return settled.map((one) => (one.status === 'fulfilled' ? one.value : assert.fail(String(one.reason))))
}

/** A house whose schema is changed first: for negative controls. */
async function broken<Result>(sql: string, race: (on: TestHouse) => Promise<Result>): Promise<Result> {
  const on = await openHouse()
  try {
    await on.rows(sql)
    return await race(on)
  } finally {
    await on.drop()
  }
}

describe('a provision', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  describe('that nothing stands against', () => {
    it('ends the flow and makes the user, the identity, the attributes, the consent records and one event', async () => {
      const ada = somebody({ department: 'canary-department' })
      const flow = await flowWith(on, ada)
      const userId = await create(on, on.house, flow, ada, { passwordHash: 'a hash' }).then((outcome) =>
        outcome.kind === 'created' ? outcome.userId : assert.fail(outcome.kind),
      )
      assert.deepEqual(
        await on.rows('SELECT store, username, username_canonical, password_hash, is_locked FROM users WHERE id = $1', [
          userId,
        ]),
        [
          {
            store: 'PRIMARY',
            username: ada.suggestedUsername,
            username_canonical: ada.suggestedUsername,
            password_hash: 'a hash',
            is_locked: false,
          },
        ],
      )
      assert.deepEqual(
        await on.rows('SELECT idp_id, issuer, subject, scheme FROM identities WHERE user_id = $1', [userId]),
        [{ idp_id: on.idp.id, issuer: ada.issuer, subject: ada.subject, scheme: 'PROMPT_USERNAME_PASSWORD_CONSENT' }],
      )
      assert.deepEqual(
        await on.rows('SELECT name, value, verified, origin, origin_idp_id FROM user_attributes WHERE user_id = $1', [
          userId,
        ]),
        [
          {
            name: 'email',
            value: ada.attributes['email']?.value,
            verified: true,
            origin: 'idp',
            origin_idp_id: on.idp.id,
          },
        ],
      )
      assert.deepEqual(
        await on.rows(
          'SELECT purpose_id, attribute, is_given, flow_id, created_at FROM consents WHERE user_id = $1 ORDER BY attribute',
          [userId],
        ),
        [
          {
            purpose_id: 'recover',
            attribute: 'department',
            is_given: false,
            flow_id: flow.id,
            created_at: on.clock.now,
          },
          { purpose_id: 'recover', attribute: 'email', is_given: true, flow_id: flow.id, created_at: on.clock.now },
        ],
      )
      assert.equal(
        (await on.rows("SELECT 1 FROM audit_events WHERE user_id = $1 AND event = 'user-created'", [userId])).length,
        1,
      )
      const [ended] = await on.rows('SELECT closed_at, ending, profile_sealed, person_hash FROM flows WHERE id = $1', [
        flow.id,
      ])
      const ending = { kind: 'signed-in', userId, idpId: on.idp.id, isNew: true }
      assert.deepEqual(ended, {
        closed_at: on.clock.now,
        ending,
        profile_sealed: null,
        person_hash: null,
      })
    })

    it('leaves an attribute that was not ticked in no table', async () => {
      await made(on, somebody({ department: 'canary-of-department' }))
      assert.ok(!(await on.contents()).includes('canary-of-department'))
    })

    it('takes subjects byte for byte: case, spaces, width and normalisation make another person', async () => {
      const subjects = [
        'abc',
        'Abc',
        'abc ',
        ' abc',
        'ａｂｃ',
        'é',
        'e\u0301',
        '__proto__',
        "'; DROP TABLE users; --",
        '?',
        ':name',
        '$1',
      ]
      const users = await Promise.all(subjects.map((subject) => made(on, { ...somebody(), subject })))
      assert.equal(new Set(users).size, subjects.length)
      const found = subjects.map((subject) =>
        findIdentity(on.house.db, { idpId: on.idp.id, issuer: somebody().issuer, subject }),
      )
      assert.deepEqual(
        (await Promise.all(found)).map((identity) => identity?.userId),
        users,
      )
    })

    it('keeps one wording once, however many people agreed to it', async () => {
      await made(on, somebody())
      await made(on, somebody())
      assert.equal((await on.rows('SELECT 1 FROM notices')).length, 1)
    })
  })

  describe('that meets a conflict', () => {
    it('with a name that is taken, in any case or width, changes nothing; the same flow goes on with another name', async () => {
      const first = somebody()
      await made(on, first)
      for (const name of [
        first.suggestedUsername.toUpperCase(),
        first.suggestedUsername,
        first.suggestedUsername.replace('p', 'ｐ'),
      ]) {
        const second = { ...somebody(), suggestedUsername: name }
        const flow = await flowWith(on, second)
        const contents = await on.contents()
        assert.deepEqual(await create(on, on.house, flow, second), { kind: 'username-taken' })
        assert.equal(await on.contents(), contents)
        const another = { ...second, suggestedUsername: `${first.suggestedUsername}-${second.subject}` }
        assert.equal((await create(on, on.house, flow, another)).kind, 'created')
      }
    })

    it('with a person who is known changes nothing, whatever name they chose now', async () => {
      const ada = somebody()
      await made(on, ada)
      const again = { ...ada, suggestedUsername: 'another-name' }
      const flow = await flowWith(on, again)
      const contents = await on.contents()
      assert.deepEqual(await create(on, on.house, flow, again), { kind: 'already-there' })
      assert.equal(await on.contents(), contents)
    })

    it('finds the known person before the taken name, so that nobody is told that their own name is taken', async () => {
      const ada = somebody()
      await made(on, ada)
      assert.deepEqual(await create(on, on.house, await flowWith(on, ada), ada), { kind: 'already-there' })
    })

    it('with a flow that has ended changes nothing', async () => {
      const [ada, bob] = [somebody(), somebody()]
      const flow = await flowWith(on, ada)
      await create(on, on.house, flow, ada)
      const contents = await on.contents()
      assert.deepEqual(await create(on, on.house, flow, ada), { kind: 'already-closed' })
      assert.deepEqual(await create(on, on.house, flow, bob), { kind: 'already-closed' })
      assert.equal(await on.contents(), contents)
    })

    it('with a flow at the very moment of its expiry changes nothing', async () => {
      const ada = somebody()
      const flow = await flowWith(on, ada)
      const contents = await on.contents()
      const late = { ...on.house, now: () => flow.expiresAt }
      assert.deepEqual(await create(on, late, flow, ada), { kind: 'already-closed' })
      assert.equal(await on.contents(), contents)
      const justInTime = { ...on.house, now: () => new Date(flow.expiresAt.getTime() - 1) }
      assert.equal((await create(on, justInTime, flow, ada)).kind, 'created')
    })
  })

  describe('whose statements fail one at a time', () => {
    before(() =>
      on.rows(
        `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken by a test'; END $$`,
      ),
    )

    // biome-ignore format: one row, one line
    const statements = [
      ['flows', 'BEFORE UPDATE'], ['identities', 'BEFORE INSERT'], ['users', 'BEFORE INSERT'], ['user_attributes', 'BEFORE INSERT'], ['notices', 'BEFORE INSERT'],
      ['consents', 'BEFORE INSERT'], ['audit_events', 'BEFORE INSERT'],
    ]
    for (const [table, when] of statements) {
      it(`leaves nothing behind when ${table} cannot be written, and can be done again`, async () => {
        const trigger = `CREATE TRIGGER broken ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION fail()`
        await leavesNothing(trigger, String(table))
      })
    }

    it('leaves nothing behind when the commit itself fails, and can be done again', async () => {
      const atCommit = 'AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()'
      await leavesNothing(`CREATE CONSTRAINT TRIGGER broken ${atCommit}`, 'users')
    })

    async function leavesNothing(trigger: string, table: string): Promise<void> {
      const ada = somebody()
      const flow = await flowWith(on, ada)
      const contents = await on.contents()
      await on.rows(trigger)
      try {
        await assert.rejects(create(on, on.house, flow, ada), /broken by a test/)
        assert.equal(await on.contents(), contents)
      } finally {
        await on.rows(`DROP TRIGGER broken ON ${table}`)
      }
      assert.equal((await create(on, on.house, flow, ada)).kind, 'created')
    }

    const row: StoredAttribute = {
      name: 'email',
      value: 'a@b.example',
      verified: null,
      origin: 'idp',
      originIdpId: null,
    }
    const rows: [string, StoredAttribute][] = [
      ['an idp as its origin and none named', row],
      ['no value', { ...row, originIdpId: '00000000-0000-0000-0000-000000000000', value: Number.POSITIVE_INFINITY }],
      ['an idp as its origin that does not exist', { ...row, originIdpId: '00000000-0000-0000-0000-000000000000' }],
    ]
    for (const [title, attribute] of rows) {
      it(`leaves nothing behind when an attribute has ${title}`, async () => {
        const ada = somebody()
        const flow = await flowWith(on, ada)
        const contents = await on.contents()
        await assert.rejects(create(on, on.house, flow, ada, { attributes: [attribute] }))
        assert.equal(await on.contents(), contents)
      })
    }

    it('is done again, from the beginning, when its connection is cut before the end', async () => {
      const ada = somebody()
      const flow = await flowWith(on, ada)
      const [made] = await atOnce(on, [() => create(on, on.house, flow, ada)], (client) =>
        client.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        ),
      )
      assert.ok(made?.status === 'fulfilled' && made.value.kind === 'created')
      assert.equal((await identitiesOf(on, ada)).length, 1)
      assert.equal((await create(on, on.house, flow, ada)).kind, 'already-closed')
    })

    it('NEGATIVE CONTROL: without the transaction a failing answer leaves a user behind who answered nothing', async () => {
      const failing = `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken by a test'; END $$;
        CREATE TRIGGER broken BEFORE INSERT ON consents FOR EACH ROW EXECUTE FUNCTION fail()`
      await broken(failing, async (copy) => {
        const ada = somebody()
        const flow = await flowWith(copy, ada)
        const contents = await copy.contents()
        const { db } = copy.house
        const client = new Proxy(db.client, {
          get: (target, key) =>
            key === 'query'
              ? async (connection: unknown, statement: { sql: string }) =>
                  /^(BEGIN|COMMIT|ROLLBACK)/.test(statement.sql) ? undefined : target.query(connection, statement)
              : Reflect.get(target, key),
        })
        const loose = new Proxy(db, { get: (target, key) => (key === 'client' ? client : Reflect.get(target, key)) })
        await assert.rejects(create(copy, { ...copy.house, db: loose }, flow, ada), /broken by a test/)
        assert.notEqual(await copy.contents(), contents)
        assert.equal((await identitiesOf(copy, ada)).length, 1)
      })
    })
  })
})

describe('a race', () => {
  const SAME_PERSON = 'one person in eight browsers on two processes becomes one user; the others find that user'
  const SAME_NAME =
    'eight people after one name, in any case and width, on two processes: one gets it, the others keep their flow'
  const SAME_FLOW = 'one flow used eight times at once, on two processes, ends once'
  let on: TestHouse
  let second: House
  before(async () => {
    on = await openHouse()
    second = on.another()
  })
  after(() => on.drop())

  async function samePerson(
    here: TestHouse,
    other: House,
  ): Promise<{ outcomes: Outcome[]; identities: { user_id: string }[]; flows: Flow[] }> {
    const ada = somebody()
    // Each chose another name, so that only the person can be the conflict.
    const tries = Array.from({ length: 8 }, (_, index) => ({
      ...ada,
      suggestedUsername: `${ada.suggestedUsername}-${index}`,
    }))
    const flows = await Promise.all(tries.map((one) => flowWith(here, one)))
    const work = flows.map(
      (flow, index) => () => create(here, index % 2 ? other : here.house, flow, tries[index] ?? ada),
    )
    return { outcomes: await outcomesAtOnce(here, work), identities: await identitiesOf(here, ada), flows }
  }

  it(SAME_PERSON, async () => {
    const { outcomes, identities, flows } = await samePerson(on, second)
    assert.deepEqual(kinds(outcomes), [...Array(7).fill('already-there'), 'created'])
    assert.equal(identities.length, 1)
    const open = await on.rows('SELECT id FROM flows WHERE id = ANY ($1) AND closed_at IS NULL', [
      flows.map((flow) => flow.id),
    ])
    assert.equal(open.length, 7)
    const winner = outcomes.find((outcome) => outcome.kind === 'created')
    assert.equal(identities[0]?.user_id, winner?.userId)
  })

  it(`NEGATIVE CONTROL: where identities_pkey does not bite, it does not hold that ${SAME_PERSON}`, async () => {
    const toothless = `ALTER TABLE identities DROP CONSTRAINT identities_pkey,
      ADD CONSTRAINT identities_pkey PRIMARY KEY (idp_id, issuer, subject, user_id)`
    const { outcomes, identities } = await broken(toothless, (copy) => samePerson(copy, copy.another()))
    assert.deepEqual(kinds(outcomes), Array(8).fill('created'))
    assert.equal(identities.length, 8)
  })

  async function sameName(
    here: TestHouse,
    other: House,
  ): Promise<{ outcomes: Outcome[]; users: unknown[]; flows: Flow[] }> {
    const name = `wanted-${somebody().suggestedUsername}`
    const spellings = [name, name.toUpperCase(), name.replace('w', 'ｗ'), name.replace('w', 'W')]
    const people = Array.from({ length: 8 }, (_, index) => ({
      ...somebody(),
      suggestedUsername: spellings[index % 4] ?? name,
    }))
    const flows = await Promise.all(people.map((one) => flowWith(here, one)))
    const work = people.map(
      (one, index) => () => create(here, index % 2 ? other : here.house, flows[index] ?? assert.fail(), one),
    )
    const outcomes = await outcomesAtOnce(here, work)
    return { outcomes, users: await here.rows('SELECT id FROM users WHERE username_canonical = $1', [name]), flows }
  }

  it(SAME_NAME, async () => {
    const { outcomes, users, flows } = await sameName(on, second)
    assert.deepEqual(kinds(outcomes), ['created', ...Array(7).fill('username-taken')])
    assert.equal(users.length, 1)
    const ids = flows.map((flow) => flow.id)
    const open = await on.rows(
      'SELECT id FROM flows WHERE id = ANY ($1) AND closed_at IS NULL AND profile_sealed IS NOT NULL',
      [ids],
    )
    assert.equal(open.length, 7)
  })

  it(`NEGATIVE CONTROL: where neither users_store_username_key nor users_store_look_key bites, it does not hold that ${SAME_NAME}`, async () => {
    const toothless = `ALTER TABLE users DROP CONSTRAINT users_store_username_key,
      ADD CONSTRAINT users_store_username_key UNIQUE (store, username_canonical, id),
      DROP CONSTRAINT users_store_look_key`
    const { outcomes, users } = await broken(toothless, (copy) => sameName(copy, copy.another()))
    assert.deepEqual(kinds(outcomes), Array(8).fill('created'))
    assert.equal(users.length, 8)
  })

  async function sameFlow(here: TestHouse, other: House): Promise<Outcome[]> {
    // Different people, so that only the flow can be the conflict.
    const people = Array.from({ length: 8 }, () => somebody())
    const flow = await flowWith(here, people[0] ?? assert.fail())
    return outcomesAtOnce(
      here,
      people.map((one, index) => () => create(here, index % 2 ? other : here.house, flow, one)),
    )
  }

  it(SAME_FLOW, async () => {
    assert.deepEqual(kinds(await sameFlow(on, second)), [...Array(7).fill('already-closed'), 'created'])
  })

  it(`NEGATIVE CONTROL: where the update does not close the flow, it does not hold that ${SAME_FLOW}`, async () => {
    const reopening = `CREATE FUNCTION reopen() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.closed_at := NULL; NEW.ending := NULL; RETURN NEW; END $$;
      CREATE TRIGGER reopen BEFORE UPDATE ON flows FOR EACH ROW EXECUTE FUNCTION reopen();
      ALTER TABLE consents DROP CONSTRAINT consents_once_per_flow_key; DROP INDEX audit_events_flow_key`
    // One after another: where nothing closes the flow its row is still locked by the first.
    const outcomes = await broken(reopening, async (copy) => {
      const people = [somebody(), somebody()]
      const flow = await flowWith(copy, somebody())
      const found: Outcome[] = []
      for (const one of people) found.push(await create(copy, copy.house, flow, one))
      return found
    })
    assert.deepEqual(kinds(outcomes), ['created', 'created'])
  })

  it('of creating and declining in one flow has one winner, and the loser leaves nothing', async () => {
    for (const isCreateFirst of [true, false]) {
      const ada = somebody()
      const flow = await flowWith(on, ada)
      const work: (() => Promise<unknown>)[] = [
        () => create(on, on.house, flow, ada),
        () => endWithoutUser(second, flow, { kind: 'declined' }),
      ]
      await atOnce(on, isCreateFirst ? work : work.reverse())
      const [row] = await on.rows<{ ending: { kind: string } }>('SELECT ending FROM flows WHERE id = $1', [flow.id])
      const events = await on.rows<{ event: string }>('SELECT event FROM audit_events WHERE flow_id = $1', [flow.id])
      const isCreated = row?.ending.kind === 'signed-in'
      assert.deepEqual(events, [{ event: isCreated ? 'user-created' : 'declined' }])
      assert.equal((await identitiesOf(on, ada)).length, isCreated ? 1 : 0)
    }
  })

  it('of two sign-ins of one person in two flows ends both, with one value kept', async () => {
    const ada = somebody()
    const userId = await made(on, ada)
    const identity = { userId, scheme: on.idp.scheme, isLocked: false }
    const changed = ['one@acme.example', 'two@acme.example'].map((email) => ({
      ...ada,
      attributes: { email: { value: email, verified: true } },
    }))
    const flows = await Promise.all(changed.map((profile) => flowWith(on, profile)))
    const work = changed.map(
      (profile, index) => () =>
        signInAgain(index ? second : on.house, flows[index] ?? assert.fail(), on, identity, profile),
    )
    const settled = await atOnce(on, work)
    assert.deepEqual(
      settled.map((one) => one.status),
      ['fulfilled', 'fulfilled'],
    )
    assert.equal((await on.rows('SELECT 1 FROM user_attributes WHERE user_id = $1', [userId])).length, 1)
    assert.equal(
      (await on.rows("SELECT 1 FROM audit_events WHERE user_id = $1 AND event = 'sign-in'", [userId])).length,
      2,
    )
  })
})

describe('a sign-in of a known person', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())
  const attributesOf = (userId: string) =>
    on.rows<{ name: string; value: unknown }>(
      'SELECT name, value FROM user_attributes WHERE user_id = $1 ORDER BY name',
      [userId],
    )

  it('sets what changed, removes what is gone, keeps what was refused away, and wipes the flow', async () => {
    const ada = somebody({ department: 'canary-refused' })
    const userId = await made(on, ada)
    const identity = { userId, scheme: on.idp.scheme, isLocked: false }
    const changed = { ...ada, attributes: { ...ada.attributes, email: { value: 'new@acme.example', verified: true } } }
    const flow = await flowWith(on, changed)
    await signInAgain(on.house, flow, on, identity, changed)
    assert.deepEqual(await attributesOf(userId), [{ name: 'email', value: 'new@acme.example' }])
    assert.ok(!(await on.contents()).includes('canary-refused'))
    const [row] = await on.rows('SELECT ending, profile_sealed FROM flows WHERE id = $1', [flow.id])
    assert.deepEqual(row, {
      ending: { kind: 'signed-in', userId, idpId: on.idp.id },
      profile_sealed: null,
    })

    const without = { ...ada, attributes: {} }
    await signInAgain(on.house, await flowWith(on, without), on, identity, without)
    assert.deepEqual(await attributesOf(userId), [])
  })

  it('keeps a value that the person typed, though the idp sends another', async () => {
    const ada = somebody()
    const own: StoredAttribute = {
      name: 'email',
      value: 'own@acme.example',
      verified: false,
      origin: 'person',
      originIdpId: null,
    }
    const userId = await made(on, ada, { attributes: [own] })
    await signInAgain(on.house, await flowWith(on, ada), on, { userId, scheme: on.idp.scheme, isLocked: false }, ada)
    assert.deepEqual(await attributesOf(userId), [{ name: 'email', value: 'own@acme.example' }])
  })

  it('in a flow that has ended changes nothing', async () => {
    const ada = somebody()
    const userId = await made(on, ada)
    const changed = { ...ada, attributes: { email: { value: 'late@acme.example', verified: true } } }
    const flow = await flowWith(on, changed)
    await endWithoutUser(on.house, flow, { kind: 'refused', code: 'USER_LOCKED' })
    const contents = await on.contents()
    await signInAgain(on.house, flow, on, { userId, scheme: on.idp.scheme, isLocked: false }, changed)
    assert.equal(await signInLocally(on.house, flow, userId, () => true), false)
    assert.equal(await on.contents(), contents)
  })

  it('whose event cannot be written changes nothing', async () => {
    const ada = somebody()
    const userId = await made(on, ada)
    const changed = { ...ada, attributes: { email: { value: 'half@acme.example', verified: true } } }
    const flow = await flowWith(on, changed)
    const contents = await on.contents()
    await on.rows("ALTER TABLE audit_events ADD CONSTRAINT broken_by_a_test CHECK (event <> 'sign-in') NOT VALID")
    try {
      await assert.rejects(signInAgain(on.house, flow, on, { userId, scheme: on.idp.scheme, isLocked: false }, changed))
      assert.equal(await on.contents(), contents)
    } finally {
      await on.rows('ALTER TABLE audit_events DROP CONSTRAINT broken_by_a_test')
    }
  })

  it('with the local password ends the flow once, without an idp', async () => {
    const userId = await made(on, somebody())
    const flow = await flowWith(on, somebody())
    assert.equal(await signInLocally(on.house, flow, userId, () => false), false, 'the password is another by now')
    assert.equal(await signInLocally(on.house, flow, userId, () => true), true)
    assert.equal(await signInLocally(on.house, flow, userId, () => true), false)
    const [row] = await on.rows('SELECT ending FROM flows WHERE id = $1', [flow.id])
    assert.deepEqual(row, { ending: { kind: 'signed-in', userId } })
  })
})

describe('an ending without a user', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  it('keeps nothing of a person who declined or was refused but an event without a value', async () => {
    for (const ending of [{ kind: 'declined' } as const, { kind: 'refused', code: 'USERNAME_TAKEN' } as const]) {
      const flow = await flowWith(on, somebody())
      await endWithoutUser(on.house, flow, ending)
      const [row] = await on.rows('SELECT ending, profile_sealed, person_hash FROM flows WHERE id = $1', [flow.id])
      assert.deepEqual(row, { ending, profile_sealed: null, person_hash: null })
      const events = await on.rows('SELECT event, user_id, detail FROM audit_events WHERE flow_id = $1', [flow.id])
      assert.deepEqual(events, [
        { event: ending.kind, user_id: null, detail: ending.kind === 'refused' ? { code: ending.code } : {} },
      ])
    }
    for (const table of ['users', 'identities', 'user_attributes', 'consents', 'notices']) {
      assert.deepEqual(await on.rows(`SELECT 1 FROM ${table}`), [], table)
    }
  })

  it('keeps the profile of a federated person sealed until the flow expires, for the door out, and makes no row about them', async () => {
    const flow = await flowWith(on, somebody())
    await endWithoutUser(on.house, flow, { kind: 'federated' })
    const [row] = await on.rows<{ profile_sealed: Buffer | null; person_hash: Buffer | null }>(
      'SELECT profile_sealed, person_hash FROM flows WHERE id = $1',
      [flow.id],
    )
    assert.ok(row?.profile_sealed)
    assert.equal(row.person_hash, null)
    assert.deepEqual(await on.rows('SELECT 1 FROM users UNION ALL SELECT 1 FROM identities'), [])
  })

  it('stands: no later ending changes it', async () => {
    const flow = await flowWith(on, somebody())
    await endWithoutUser(on.house, flow, { kind: 'declined' })
    const contents = await on.contents()
    await endWithoutUser(on.house, flow, { kind: 'federated' })
    await endWithoutUser(on.house, flow, { kind: 'refused', code: 'IDP_OFF' })
    assert.equal(await on.contents(), contents)
  })
})

describe('the database itself', () => {
  let on: TestHouse
  let userId: string
  const ada = somebody()
  before(async () => {
    on = await openHouse()
    userId = await made(on, ada, { attributes: allFromIdp(ada, on.idp.id) })
  })
  after(() => on.drop())

  it('has the constraints that the code meets by name', async () => {
    const names = [
      'users_store_username_key',
      'identities_pkey',
      'user_attributes_pkey',
      'consents_once_per_flow_key',
      'flows_state_hash_key',
    ]
    const rows = await on.rows(
      'SELECT conname AS name, pg_get_constraintdef(oid) AS says FROM pg_constraint WHERE conname = ANY ($1) ORDER BY conname',
      [names],
    )
    assert.deepEqual(rows, [
      { name: 'consents_once_per_flow_key', says: 'UNIQUE (flow_id, purpose_id, attribute)' },
      { name: 'flows_state_hash_key', says: 'UNIQUE (state_hash)' },
      { name: 'identities_pkey', says: 'PRIMARY KEY (idp_id, issuer, subject)' },
      { name: 'user_attributes_pkey', says: 'PRIMARY KEY (user_id, name)' },
      { name: 'users_store_username_key', says: 'UNIQUE (store, username_canonical)' },
    ])
  })

  const identity = `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme) SELECT idp_id, issuer`
  // biome-ignore format: one row, one line
  const refused: [string, string, string][] = [
    ['a second user of the same name in a store', `INSERT INTO users (id, store, username, username_canonical) SELECT gen_random_uuid(), store, 'X', username_canonical FROM users`, 'users_store_username_key'],
    ['a user in a store that does not exist', `INSERT INTO users (id, store, username, username_canonical) VALUES (gen_random_uuid(), 'NOPE', 'x', 'x')`, 'users_store_fkey'],
    ['a second user for one person', `${identity}, subject, user_id, scheme FROM identities`, 'identities_pkey'],
    ['an identity without a user', `${identity}, 'other', gen_random_uuid(), scheme FROM identities`, 'identities_user_id_fkey'],
    ['an identity of no idp', `UPDATE identities SET idp_id = gen_random_uuid()`, 'identities_idp_id_fkey'],
    ['an empty subject', `UPDATE identities SET subject = ''`, 'identities_subject_check'],
    ['a subject of 256 characters', `UPDATE identities SET subject = repeat('x', 256)`, 'identities_subject_check'],
    ['a value from an idp that says not which', `UPDATE user_attributes SET origin_idp_id = NULL`, 'user_attributes_origin_idp_check'],
    ['a value of the person that names an idp', `UPDATE user_attributes SET origin = 'person'`, 'user_attributes_origin_idp_check'],
    ['a value of unknown origin', `UPDATE user_attributes SET origin = 'somewhere'`, 'user_attributes_origin_check'],
    ['two answers for one box of one page', `INSERT INTO consents (user_id, purpose_id, attribute, is_given, notice_hash, language, idp_id, flow_id) SELECT user_id, purpose_id, attribute, false, notice_hash, language, idp_id, flow_id FROM consents`, 'consents_once_per_flow_key'],
    ['an answer to words that were not kept', `INSERT INTO consents (user_id, purpose_id, attribute, is_given, notice_hash, language, idp_id, flow_id) SELECT user_id, purpose_id, attribute, false, 'other', language, idp_id, 'another' FROM consents`, 'consents_notice_hash_fkey'],
    ['a record that says another thing than it did', `UPDATE consents SET is_given = false`, ''],
    ['a record that is gone', `DELETE FROM consents`, ''],
    ['words that are others than they were', `UPDATE notices SET content = '{}'`, ''],
    ['a yes without words', `INSERT INTO consents (user_id, purpose_id, attribute, is_given, language) SELECT user_id, purpose_id, attribute, true, language FROM consents`, 'consents_words_check'],
    ['a flow that is closed without an ending', `UPDATE flows SET ending = NULL`, 'flows_closed_with_ending_check'],
    ['a flow that has an ending and is open', `UPDATE flows SET closed_at = NULL`, 'flows_closed_with_ending_check'],
    ['a user who is gone while something points to them', `DELETE FROM users`, ''],
    ['a second record of one flow', `INSERT INTO audit_events (event, flow_id) SELECT 'declined', flow_id FROM audit_events`, 'audit_events_flow_key'],
    ['a second installation', `INSERT INTO installation (salt) VALUES (decode(repeat('00', 32), 'hex'))`, 'installation_pkey'],
  ]
  for (const [title, sql, constraint] of refused) {
    it(`refuses ${title}`, async () => {
      const contents = await on.contents()
      await assert.rejects(on.rows(sql), (error: pg.DatabaseError) => {
        assert.match(String(error.code), /^23/, error.message)
        if (constraint) assert.equal(error.constraint, constraint)
        return true
      })
      assert.equal(await on.contents(), contents)
    })
  }

  it('knows a person by bytes, whatever language it was set up in', async () => {
    const columns =
      await on.rows(`SELECT attname AS name, collname AS collation FROM pg_attribute JOIN pg_collation c ON c.oid = attcollation
      WHERE attrelid = 'identities'::regclass AND attname IN ('issuer', 'subject') ORDER BY attname`)
    assert.deepEqual(columns, [
      { name: 'issuer', collation: 'C' },
      { name: 'subject', collation: 'C' },
    ])
    assert.equal((await on.rows('SELECT 1 FROM identities WHERE user_id = $1', [userId])).length, 1)
  })
})
