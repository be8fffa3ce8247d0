// Flows without a record yet on a real PostgreSQL: found by the code of their pages, through its index, until they end.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { explainOpen } from '../src/console/open-sign-in.ts'
import { departFlow, noteAsked, noteFailure } from '../src/db/flows.ts'
import { findOpenFlows } from '../src/db/open-flows.ts'
import type { BrowserFlow } from '../src/flow.ts'
import { decide } from '../src/provisioning/decide.ts'
import { endWithoutUser } from '../src/provisioning/provision.ts'
import { sha256 } from '../src/seal.ts'
import { flowOf, openHouse, startedFlow, type TestHouse, takeCallbackOf } from './support/house.ts'
import { factsOf } from './support/situations.ts'

describe('a flow that is still open', () => {
  let on: TestHouse
  let flow: BrowserFlow
  before(async () => {
    on = await openHouse()
    flow = await flowOf(on, await startedFlow(on))
  })
  after(() => on.drop())

  const said = async (code = flow.tag, now = on.clock.now) =>
    (await findOpenFlows(on.house.db, code)).map((one) => explainOpen(one, now))

  it('is found by its code, however somebody writes it down, and by no other', async () => {
    for (const code of [flow.tag, flow.tag.replace('-', ''), ` ${flow.tag.toUpperCase().replace('-', ' – ')} `]) {
      const [found] = await findOpenFlows(on.house.db, code)
      assert.equal(found?.code, flow.tag, code)
    }
    for (const code of ['', '-', flow.tag.slice(1), `${flow.tag}0`, "' OR true --", '%', '\0', '0000-0000'])
      assert.deepEqual(await findOpenFlows(on.house.db, code), [], code)
  })

  it('is told as far as it has come, until it ends', async () => {
    const { db } = on.house
    const { now } = on.clock
    const [row] = await on.rows<{ name: string }>('SELECT display_name AS name FROM idps WHERE id = $1', [on.idp.id])
    const since = /since \d+ \w+ \d{4},? (at )?\d\d:\d\d UTC; /
    const told = async (what: string, idp = '') => {
      const [sentence = '', ...others] = await said()
      assert.deepEqual(others, [])
      const start = `This sign-in is still going on: ${idp}`
      assert.equal(sentence.slice(0, start.length), start)
      assert.match(sentence.slice(start.length), since)
      assert.equal(sentence.slice(start.length).replace(since, ''), `${what}. Its record comes when it ends.`)
    }
    await told('it is at the page of ways to sign in')
    const hash = sha256('state')
    await departFlow(db, flow.id, on.idp.id, hash, now)
    await told('nobody has come back yet', `with ${row?.name}, `)
    await noteFailure(db, flow.id, 'ECONNREFUSED')
    await told('nobody could be sent there (ECONNREFUSED)', `with ${row?.name}, `)
    await takeCallbackOf(on, flow.id, hash)
    await told('somebody has come back and was asked nothing yet', `with ${row?.name}, `)
    const facts = factsOf()
    await noteAsked(db, flow.id, { noted: { facts, decision: decide(facts) }, codes: undefined, now })
    await told('it is at the page that asks', `with ${row?.name}, `)
    assert.deepEqual(await said(flow.tag, flow.expiresAt), [
      'The time of this sign-in is up. Its record comes within a quarter of an hour.',
    ])
    await endWithoutUser(on.house, flow, { kind: 'declined' })
    assert.deepEqual(await said(), [])
  })

  it('is found among twenty thousand by reading an index', async () => {
    await on.rows(
      `INSERT INTO flows (id, binding, door, application_id, interaction_uid_sealed, expires_at)
       SELECT 'flow-' || n, '\\x00', 'application', $1, '\\x00', now() FROM generate_series(1, 20000) n`,
      [on.applicationId],
    )
    await on.rows('ANALYZE flows')
    const asked: { sql: string; bindings: unknown[] }[] = []
    on.house.db.on('query', (query: { sql: string; bindings: unknown[] }) => asked.push(query))
    const code = `${sha256('flow-77').toString('hex').slice(0, 4)}-${sha256('flow-77').toString('hex').slice(4, 8)}`
    assert.equal((await findOpenFlows(on.house.db, code)).length, 1)
    const [{ sql, bindings } = assert.fail()] = asked
    const plan = await on.rows<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, bindings)
    assert.match(plan.map((row) => row['QUERY PLAN']).join('\n'), /flows_open_code_idx/)
  })
})
