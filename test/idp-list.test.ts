// The list of identity providers among tens of thousands of people and records: what it counts, and what it reads for that.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { lastSignIns } from '../src/db/audit.ts'
import { countPeople } from '../src/db/idp-list.ts'
import { openHouse, type TestHouse } from './support/house.ts'

const PEOPLE = 20_000

describe('figures of identity providers', () => {
  let on: TestHouse
  let busy: string
  let idle: string
  before(async () => {
    on = await openHouse()
    ;[{ id: busy = '' } = {}] = await on.rows<{ id: string }>('SELECT id FROM idps LIMIT 1')
    ;[{ id: idle = '' } = {}] = await on.rows<{
      id: string
    }>(`INSERT INTO idps (name, display_name, is_enabled, position, issuer,
      client_id, scopes, username_claim, mappings, jit_enabled, jit_scheme, attribute_sync_method) VALUES ('idle', 'Idle', true, 9,
      'https://idle.example', 'x', '{openid}', 'sub', '{}', false, 'PROVISION_SILENTLY', 'NONE') RETURNING id`)
    await on.rows(
      `WITH made AS (INSERT INTO users (id, store, username, username_canonical)
         SELECT gen_random_uuid(), 'PRIMARY', 'u' || n, 'u' || n FROM generate_series(1, ${PEOPLE}) n RETURNING id, username)
       INSERT INTO identities (idp_id, issuer, subject, user_id, scheme)
         SELECT $1, 'https://id.acme.example', username, id, 'PROVISION_SILENTLY' FROM made`,
      [busy],
    )
    await on.rows(
      `INSERT INTO audit_events (event, flow_id, idp_id, created_at) SELECT CASE WHEN n = 1 THEN 'declined' ELSE 'sign-in' END, 'f' || n, $1,
         '2027-03-04T12:00:00Z'::timestamptz - n * interval '1 second' FROM generate_series(1, ${PEOPLE}) n`,
      [busy],
    )
  })
  after(() => on.drop())

  test('people are counted, and no further than is asked', async () => {
    const { db } = on.house
    assert.deepEqual(
      [...(await countPeople(db, [busy, idle], PEOPLE + 1))],
      [
        [busy, PEOPLE],
        [idle, 0],
      ],
    )
    assert.equal((await countPeople(db, [busy], 101)).get(busy), 101)
  })

  test('the last sign-in is one that was finished', async () => {
    const last = await lastSignIns(on.house.db, [busy, idle])
    assert.deepEqual([...last], [[busy, new Date('2027-03-04T11:59:58Z')]])
  })

  test('no table is read as a whole for that, whatever the planner knows of it, and of records one or two', async () => {
    const { db } = on.house
    for (const statistics of ['', 'ANALYZE']) {
      if (statistics) await on.rows(statistics)
      const said: { sql: string; bindings: unknown[] }[] = []
      const listen = (query: { sql: string; bindings: unknown[] }) => said.push(query)
      db.on('query', listen)
      await countPeople(db, [busy, idle], 10_001)
      await lastSignIns(db, [busy, idle])
      db.off('query', listen)
      assert.equal(said.length, 2)
      for (const { sql, bindings } of said) {
        const plan = await on.rows<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE) ${sql}`, bindings)
        const text = plan.map((row) => row['QUERY PLAN']).join('\n')
        assert.doesNotMatch(text, /Seq Scan/, text)
        assert.doesNotMatch(text, /Rows Removed by Filter: \d{2,}/, text)
      }
    }
  })
})
