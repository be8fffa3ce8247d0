// Records of sign-ins on a real PostgreSQL: one for each flow, whatever became of it, with facts that decide again as they did; and how they
// are found. What people meet on the way is in pages/sign-in-records.test.ts.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import pg from 'pg'
import {
  countOutcomes,
  findRecords,
  insertAuditEvent,
  lastSignIns,
  listRecords,
  OUTCOMES,
  type Outcome,
  type SignInRecord,
} from '../src/db/audit.ts'
import type { ClosedFlow } from '../src/db/flow-endings.ts'
import { departFlow, noteAsked, noteFailure, noteProblems } from '../src/db/flows.ts'
import { noteOffer } from '../src/db/proofs.ts'
import { sweep } from '../src/db/sweep.ts'
import { decide, type Verdict } from '../src/provisioning/decide.ts'
import { explain } from '../src/provisioning/explain.ts'
import { endWithoutUser } from '../src/provisioning/provision.ts'
import { sha256 } from '../src/seal.ts'
import { anyFacts } from './support/arbitrary-facts.ts'
import { flowOf, flowWith, openHouse, startedFlow, type TestHouse, takeCallbackOf } from './support/house.ts'
import { factsOf, profileOf } from './support/situations.ts'
import { codeOfFlow } from './support/visits.ts'

const DAY_MS = 86_400_000
const PROFILE = profileOf({ email: 'canary@acme.example' })

function closed(on: TestHouse, change: Partial<ClosedFlow> = {}): ClosedFlow {
  return {
    applicationId: on.applicationId,
    door: 'application',
    wasAsked: false,
    noted: null,
    made: null,
    ending: { kind: 'declined' },
    cameBack: 0,
    problemCodes: [],
    failure: null,
    wasKept: false,
    ...change,
  }
}

function verdictOf(facts = factsOf()): Verdict {
  return { facts, decision: decide(facts) }
}

/** All records, page by page, as a screen reads them. */
async function all(
  on: TestHouse,
  filter: { idpId?: string; outcome?: Outcome } = {},
  limit = 100,
): Promise<SignInRecord[]> {
  const found: SignInRecord[] = []
  for (let before: string | undefined; ; before = found.at(-1)?.id) {
    const page = await listRecords(on.house.db, { ...filter, before, limit })
    found.push(...page)
    if (page.length < limit) return found
  }
}

describe('a record', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  const recordOf = async (flowId: string): Promise<SignInRecord> => {
    const found = await findRecords(on.house.db, codeOfFlow(flowId))
    assert.equal(found.length, 1)
    return found[0] ?? assert.fail()
  }

  it('holds facts that decide again as they did: ten thousand of them, written, read back and decided anew', async () => {
    const given = fc.sample(anyFacts, 10_000)
    const write = async (facts: (typeof given)[number], index: number) =>
      insertAuditEvent(on.house.db, closed(on), {
        event: 'refused',
        flowId: `flow ${index}`,
        idpId: on.idp.id,
        verdict: verdictOf(facts),
        at: new Date(on.clock.now.getTime() - index),
      })
    for (let from = 0; from < given.length; from += 100) {
      await Promise.all(given.slice(from, from + 100).map((facts, index) => write(facts, from + index)))
    }
    const records = await all(on, {}, 1_000)
    assert.equal(records.length, given.length)
    const kinds = new Set<string>()
    for (const [index, { verdict, mode }] of records.entries()) {
      assert.deepEqual(verdict?.facts, given[index])
      assert.deepEqual(verdict && decide(verdict.facts), verdict?.decision)
      assert.equal(mode, verdict?.facts.idp.jitEnabled ? verdict.facts.idp.scheme : 'NONE')
      kinds.add(verdict?.decision.kind ?? '')
    }
    assert.equal(kinds.size, 7)
    await on.rows('DELETE FROM audit_events')
  })

  it('is found by the code that log and pages call the flow by, however somebody writes it down', async () => {
    const flow = await flowWith(on, PROFILE)
    await endWithoutUser(on.house, flow, { kind: 'declined' })
    assert.equal(flow.tag, codeOfFlow(flow.id))
    const { id } = await recordOf(flow.id)
    const written = [flow.tag, flow.tag.replace('-', ''), flow.tag.toUpperCase(), ` ${flow.tag.replace('-', ' – ')} `]
    for (const code of written) {
      const [found] = await findRecords(on.house.db, code)
      assert.equal(found?.id, id, code)
      assert.equal(found?.code, flow.tag)
    }
    for (const code of ['', '-', flow.tag.slice(1), `${flow.tag}0`, 'gggg-gggg', "' OR true --", '%', '\0']) {
      assert.deepEqual(await findRecords(on.house.db, code), [], code)
    }
  })

  it('shares its code with another now and then: both are found, the newer one first', async () => {
    // Found by trying: their hashes begin alike.
    const pair = ['flow 1718', 'flow 13528']
    assert.equal(new Set(pair.map(codeOfFlow)).size, 1)
    for (const [index, flowId] of pair.entries()) {
      const at = new Date(on.clock.now.getTime() + index)
      await insertAuditEvent(on.house.db, closed(on), { event: 'declined', flowId, at })
    }
    const found = await findRecords(on.house.db, codeOfFlow('flow 13528'))
    assert.deepEqual(
      found.map(({ createdAt }) => createdAt.getTime() - on.clock.now.getTime()),
      [1, 0],
    )
  })

  it('says the last question that a person declined, and how often its form came back, each code once', async () => {
    const flow = await flowWith(on, PROFILE)
    const now = on.clock.now
    const first = verdictOf()
    await noteAsked(on.house.db, flow.id, { noted: first, codes: undefined, now })
    await noteAsked(on.house.db, flow.id, { noted: first, codes: ['USERNAME_TAKEN', 'PW_SHORT'], now })
    const last = verdictOf(factsOf({ username: 'taken', wasAsked: true }))
    await noteAsked(on.house.db, flow.id, { noted: last, codes: ['PW_SHORT', 'CONSENT_NEEDED'], now })
    await endWithoutUser(on.house, flow, { kind: 'declined' })
    const record = await recordOf(flow.id)
    assert.deepEqual(record.verdict, last)
    assert.deepEqual(record.asked, { page: 'register', username: true, password: true, consent: true })
    assert.deepEqual([record.cameBack, record.problemCodes], [2, ['USERNAME_TAKEN', 'PW_SHORT', 'CONSENT_NEEDED']])
    assert.deepEqual(record.idp, { id: on.idp.id, name: 'acme', displayName: 'Acme' })
    assert.deepEqual(record.application, { id: on.applicationId, name: 'Travel' })
    assert.deepEqual(record.createdAt, now)
  })

  it('says by which door somebody came, when it is not that of applications', async () => {
    const ends = { event: 'declined', at: on.clock.now } as const
    await insertAuditEvent(on.house.db, closed(on, { door: 'flow-api' }), { ...ends, flowId: 'began elsewhere' })
    await insertAuditEvent(on.house.db, closed(on), { ...ends, flowId: 'began here' })
    assert.equal((await recordOf('began elsewhere')).door, 'flow-api')
    assert.equal((await recordOf('began here')).door, undefined)
  })

  it('changes no more when the flow has ended', async () => {
    const flow = await flowWith(on, PROFILE)
    await endWithoutUser(on.house, flow, { kind: 'declined' })
    const contents = await on.contents()
    await noteAsked(on.house.db, flow.id, { noted: verdictOf(), codes: ['PW_SHORT'], now: on.clock.now })
    await noteProblems(on.house.db, flow.id, ['SIGNIN_FAILED'])
    await noteFailure(on.house.db, flow.id, 'IDP_TIMEOUT')
    assert.equal(await on.contents(), contents)
  })

  it('forgets what an idp failed in once the person leaves for one again', async () => {
    const { id } = await startedFlow(on)
    await noteFailure(on.house.db, id, 'ECONNREFUSED')
    assert.ok(await departFlow(on.house.db, id, on.idp.id, sha256('another state'), on.clock.now))
    assert.deepEqual(await on.rows('SELECT failure FROM flows WHERE id = $1', [id]), [{ failure: null }])
  })

  it('of a known person costs one statement, and that is the insert that was always there', async () => {
    const house = on.another()
    const flow = await flowWith(on, PROFILE)
    const statements: string[] = []
    house.db.on('query', ({ sql }: { sql: string }) => statements.push(sql))
    await endWithoutUser(house, flow, { kind: 'federated' }, { facts: factsOf() })
    assert.deepEqual(
      statements.map((sql) => /BEGIN|COMMIT|UPDATE \w+|INSERT INTO \w+/.exec(sql)?.[0] ?? sql),
      ['BEGIN', 'UPDATE flows', 'UPDATE flow_keys', 'INSERT INTO audit_events', 'COMMIT'],
    )
  })
})

describe('a flow that nobody ended', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  const STATE = sha256('a state')
  /** What has happened to it before its time was up. */
  const stages: [sentence: string, mode: string | undefined, (id: string) => Promise<unknown>][] = [
    [
      'Somebody came from Travel to the choice of a way to sign in, and took none before the time was up.',
      undefined,
      async () => {},
    ],
    [
      'Somebody came from Travel to the choice of a way to sign in, and took none before the time was up. The form came back once: the username or the password was wrong (SIGNIN_FAILED).',
      undefined,
      (id) => noteProblems(on.house.db, id, ['SIGNIN_FAILED']),
    ],
    ['Somebody went to Acme and did not come back before the time was up.', 'PROMPT_USERNAME_PASSWORD_CONSENT', leave],
    [
      'Somebody chose Acme and could not be sent there: it could not be reached (ECONNREFUSED); they came no further before the time was up.',
      'PROMPT_USERNAME_PASSWORD_CONSENT',
      async (id) => {
        await leave(id)
        await noteFailure(on.house.db, id, 'ECONNREFUSED')
      },
    ],
    [
      'Somebody came back from Acme, and the sign-in broke off before anything was decided.',
      'PROMPT_USERNAME_PASSWORD_CONSENT',
      comeBack,
    ],
    [
      'Acme signed somebody in whom nobody knew yet. Acme asks for consent and the username that it suggests was taken, so signup.do asked; a needed box was not ticked, so it came back once (CONSENT_NEEDED). They did not answer before the time was up: nothing about them was kept.',
      'PROMPT_CONSENT',
      async (id) => {
        await comeBack(id)
        const { idp } = factsOf()
        const noted = verdictOf(factsOf({ idp: { ...idp, scheme: 'PROMPT_CONSENT' }, username: 'taken' }))
        await noteAsked(on.house.db, id, { noted, codes: ['CONSENT_NEEDED'], now: on.clock.now })
      },
    ],
    [
      'Acme signed somebody in who has a user here. Their user had a second factor, so they were asked for it. The time was up before anything came of it.',
      'NONE',
      async (id) => {
        await comeBack(id)
        const { idp } = factsOf()
        const user = { id: randomUUID(), isLocked: false, secondFactor: 'show' as const }
        await noteOffer(on.house.db, id, verdictOf(factsOf({ idp: { ...idp, jitEnabled: false }, user })))
      },
    ],
    [
      'Acme signed somebody in at a flow elsewhere, and their browser did not come here before the time was up.',
      'PROMPT_USERNAME_PASSWORD_CONSENT',
      async (id) => {
        await comeBack(id)
        await on.rows(
          `UPDATE flows SET door = 'flow-api', interaction_uid_sealed = NULL, door_sealed = '' WHERE id = $1`,
          [id],
        )
      },
    ],
  ]

  async function leave(id: string): Promise<void> {
    await on.rows('UPDATE flows SET state_hash = NULL')
    assert.ok(await departFlow(on.house.db, id, on.idp.id, STATE, on.clock.now))
  }

  async function comeBack(id: string): Promise<void> {
    await leave(id)
    assert.ok(await takeCallbackOf(on, id, STATE))
  }

  for (const [sentence, mode, happen] of stages) {
    it(`leaves a record when it is forgotten: ${sentence}`, async () => {
      const browser = await startedFlow(on)
      const { expiresAt, tag } = await flowOf(on, browser)
      await happen(browser.id)
      await sweep(on.house.db, new Date(expiresAt.getTime() + 10 * 60_000))
      assert.deepEqual(await findRecords(on.house.db, tag), [], 'its page still says what happened')
      await sweep(on.house.db, new Date(expiresAt.getTime() + 10 * 60_000 + 1))
      const [record, ...others] = await findRecords(on.house.db, tag)
      assert.ok(record)
      assert.deepEqual(others, [])
      assert.equal(explain(record), sentence)
      assert.equal(record.outcome, 'expired')
      assert.deepEqual(record.createdAt, expiresAt)
      assert.equal(record.mode, mode)
      assert.deepEqual(record.verdict && decide(record.verdict.facts), record.verdict?.decision)
      assert.deepEqual(await on.rows('SELECT 1 FROM flows'), [])
    })
  }

  it('leaves none when it has one: not of its end, and not by a second sweep', async () => {
    await on.rows('DELETE FROM audit_events')
    const ended = await flowWith(on, PROFILE)
    await endWithoutUser(on.house, ended, { kind: 'declined' })
    // Nothing does this; were something to, the database would keep the first.
    const { id } = await startedFlow(on)
    await on.rows(`INSERT INTO audit_events (event, flow_id, created_at) VALUES ('sign-in-local', $1, $2)`, [
      id,
      on.clock.now,
    ])
    const later = new Date(on.clock.now.getTime() + 60 * 60_000)
    const processes = [on.house, on.another(), on.another()]
    await Promise.all(processes.map((house) => sweep(house.db, later)))
    await sweep(on.house.db, later)
    const events = await on.rows('SELECT event FROM audit_events ORDER BY event')
    assert.deepEqual(events, [{ event: 'declined' }, { event: 'sign-in-local' }])
    assert.deepEqual(await on.rows('SELECT 1 FROM flows'), [])
  })
})

describe('a hundred thousand records', () => {
  const COUNT = 100_000
  let on: TestHouse
  let globex: string
  /** An idp from which hardly anybody comes. */
  const rare = randomUUID()
  let client: pg.Client
  /** Every statement that the product asks, with its values. */
  let asked: { sql: string; bindings: unknown[] }[] = []
  before(async () => {
    on = await openHouse()
    const [other] = await on.rows<{ id: string }>("SELECT id FROM idps WHERE name = 'globex'")
    globex = other?.id ?? ''
    // Spread over ninety days; each fourth at Globex, each hundredth a refusal there; two at each moment, so that the moment alone is no order.
    await on.rows(
      `INSERT INTO audit_events (event, flow_id, application_id, idp_id, detail, created_at)
       SELECT CASE WHEN n % 100 = 0 THEN 'refused' ELSE 'sign-in' END, 'flow ' || n, $2, CASE WHEN n % 4 = 0 THEN $3 ELSE $4 END::uuid,
         CASE WHEN n % 100 = 0 THEN '{"code": "USER_LOCKED"}'::jsonb ELSE '{}' END, $1::timestamptz - n / 2 * interval '155.52 s'
       FROM generate_series(0, ${COUNT - 1}) AS n`,
      [on.clock.now, on.applicationId, globex, on.idp.id],
    )
    await on.rows('UPDATE audit_events SET idp_id = $1 WHERE id IN (90002, 90003, 90004)', [rare])
    await on.rows('ANALYZE audit_events')
    on.house.db.on('query', (query: { sql: string; bindings: unknown[] }) => asked.push(query))
    client = new pg.Client(on.url)
    await client.connect()
  })
  after(async () => {
    await client.end()
    await on.drop()
  })

  interface Node {
    'Node Type': string
    'Relation Name'?: string
    'Actual Rows': number
    'Actual Loops': number
    'Rows Removed by Filter'?: number
    Plans?: Node[]
  }

  /** Runs it, and returns how many records were looked at. Fails where all of them were read in a row. */
  async function looks(work: () => Promise<unknown>): Promise<number> {
    asked = []
    await work()
    assert.ok(asked.length > 0)
    let count = 0
    for (const { sql, bindings } of asked) {
      const result = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, bindings)
      const walk = (node: Node): void => {
        if (node['Relation Name'] === 'audit_events') {
          assert.notEqual(node['Node Type'], 'Seq Scan', sql)
          count += (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
        }
        for (const one of node.Plans ?? []) walk(one)
      }
      walk(result.rows[0]['QUERY PLAN'][0].Plan)
    }
    return count
  }

  it('are read newest first, page by page, each once, and no more of them than are shown', async () => {
    const { db } = on.house
    const first = await listRecords(db, { limit: 51 })
    const before = first.at(-1)?.id ?? ''
    const second = await listRecords(db, { limit: 51, before })
    const times = [...first, ...second].map(({ createdAt }) => createdAt.getTime())
    assert.deepEqual(
      times,
      [...times].sort((a, b) => b - a),
    )
    assert.equal(new Set([...first, ...second].map(({ id }) => id)).size, 102)
    const [rows] = await on.rows<{ ids: string[] }>(
      'SELECT array_agg(id::text) AS ids FROM (SELECT id FROM audit_events ORDER BY created_at DESC, id DESC LIMIT 102) newest',
    )
    assert.deepEqual(
      [...first, ...second].map(({ id }) => id),
      rows?.ids,
    )
    // And the one that the page begins behind.
    assert.ok((await looks(() => listRecords(db, { limit: 51, before }))) <= 52)
  })

  it('of one idp, of one outcome and of both are found without looking at the others', async () => {
    const { db } = on.house
    const ofIdp = await all(on, { idpId: globex }, 5_000)
    assert.equal(ofIdp.length, COUNT / 4)
    assert.ok(ofIdp.every(({ idp }) => idp?.id === globex))
    const ofOutcome = await all(on, { outcome: 'refused' }, 300)
    assert.equal(ofOutcome.length, COUNT / 100)
    assert.ok(ofOutcome.every(({ outcome, refusal }) => outcome === 'refused' && refusal === 'USER_LOCKED'))
    const ofBoth = await all(on, { idpId: globex, outcome: 'refused' }, 300)
    assert.deepEqual(ofBoth, ofOutcome)

    const middle = (records: SignInRecord[]) => records[Math.floor(records.length / 2)]?.id ?? ''
    // Each fourth is of this idp: going through them all comes to the same.
    assert.ok((await looks(() => listRecords(db, { idpId: globex, before: middle(ofIdp), limit: 50 }))) <= 4 * 51)
    assert.ok((await looks(() => listRecords(db, { idpId: rare, limit: 50 }))) <= 3)
    assert.ok((await looks(() => listRecords(db, { outcome: 'refused', before: middle(ofOutcome), limit: 50 }))) <= 51)
    assert.ok((await looks(() => listRecords(db, { outcome: 'expired', limit: 50 }))) === 0)
    assert.deepEqual(await listRecords(db, { idpId: globex, before: ofIdp.at(-1)?.id ?? '', limit: 50 }), [])
  })

  it('end behind the last one, and behind what is no id of one', async () => {
    const { db } = on.house
    assert.deepEqual(await listRecords(db, { before: '0', limit: 50 }), [])
    for (const before of ['', 'x', '-1', "1' OR true", '9'.repeat(30)]) {
      assert.deepEqual(await listRecords(db, { before, limit: 50 }), [], before)
    }
  })

  it('are found by a code at once', async () => {
    const [found] = await findRecords(on.house.db, codeOfFlow('flow 70007'))
    assert.equal(found?.code, codeOfFlow('flow 70007'))
    assert.ok((await looks(() => findRecords(on.house.db, codeOfFlow('flow 70007')))) <= 2)
  })

  it('are counted by idp and outcome since yesterday, and since last week, without looking at older ones', async () => {
    const { db } = on.house
    for (const days of [1, 7]) {
      const since = new Date(on.clock.now.getTime() - days * DAY_MS)
      const counted = await countOutcomes(db, since)
      const records = (await all(on, {}, 5_000)).filter(({ createdAt }) => createdAt >= since)
      const expected = [
        ['sign-in', on.idp.id],
        ['sign-in', globex],
        ['refused', globex],
      ].map(([outcome, idpId]) => ({
        idpId,
        outcome,
        refusal: outcome === 'refused' ? 'USER_LOCKED' : null,
        count: records.filter((one) => one.outcome === outcome && one.idp?.id === idpId).length,
      }))
      assert.deepEqual(counted, expected)
      assert.equal(await looks(() => countOutcomes(db, since)), records.length)
    }
  })

  it('say when somebody was last let in by an idp, by looking at its latest ones alone', async () => {
    const { db } = on.house
    const nobody = randomUUID()
    const last = await lastSignIns(db, [on.idp.id, globex, rare, nobody])
    assert.deepEqual(last.get(on.idp.id), on.clock.now)
    // The newest one there is a refusal.
    assert.deepEqual(last.get(globex), new Date(on.clock.now.getTime() - 2 * 155_520))
    assert.deepEqual([last.has(rare), last.has(nobody)], [true, false])
    assert.ok((await looks(() => lastSignIns(db, [on.idp.id, globex, rare, nobody]))) <= 5)
    assert.deepEqual(await lastSignIns(db, []), new Map())
  })

  it('name an idp and an application as they are called today, or not at all', async () => {
    await on.rows("UPDATE idps SET display_name = 'Acme Works' WHERE name = 'acme'")
    await insertAuditEvent(on.house.db, closed(on, { applicationId: randomUUID() }), {
      event: 'sign-in',
      flowId: 'flow of those that are gone',
      idpId: randomUUID(),
      at: new Date(on.clock.now.getTime() + 1_000),
    })
    const [gone, kept] = await listRecords(on.house.db, { limit: 2 })
    assert.deepEqual([gone?.idp?.displayName, gone?.application?.name], [undefined, undefined])
    assert.match(explain(gone ?? assert.fail()), /^An identity provider that is gone signed somebody in/)
    assert.equal(kept?.idp?.displayName, 'Acme Works')
    assert.equal(OUTCOMES.includes(kept?.outcome ?? assert.fail()), true)
  })
})
