// Statements and transactions as PostgreSQL hears them: each in its bounds, with its own values, and none after the end.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Db, inTransaction, query, queryOne } from '../src/db/connect.ts'
import { openHouse, type TestHouse } from './support/house.ts'

describe('in PostgreSQL', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  describe('a transaction', () => {
    const BOUNDS = `SELECT current_setting('statement_timeout') AS statement,
    current_setting('idle_in_transaction_session_timeout') AS idle`

    it('has bounds of its own, and leaves none on its connection', async () => {
      const { db } = on.another()
      const within = await inTransaction(db, (transaction) => queryOne(transaction, BOUNDS))
      assert.deepEqual(within, { statement: '7500ms', idle: '10s' })
      assert.deepEqual(await queryOne(db, BOUNDS), { statement: '0', idle: '0' })
      assert.equal(db.client.pool.numFree(), 1)
    })

    for (const [ending, end] of [
      ['was kept', async () => {}],
      ['was undone', () => Promise.reject(new Error('undone'))],
    ] as const) {
      it(`that ${ending} runs no more statements, and its connection is the next one's`, async () => {
        const { db } = on.another()
        let kept: Db | undefined
        await inTransaction(db, (transaction) => {
          kept = transaction
          return end()
        }).catch((error: Error) => assert.equal(error.message, 'undone'))
        const late = query(kept ?? db, 'UPDATE users SET is_locked = true')
        await assert.rejects(late, /^Error: the transaction is over: UPDATE users/)
        assert.deepEqual(await query(db, 'SELECT pg_current_xact_id_if_assigned() AS id'), [{ id: null }])
        assert.equal(db.client.pool.numFree(), 1)
      })
    }

    it('runs what is asked at once in turn, and nothing after what failed', async () => {
      const { db } = on.another()
      const work = inTransaction(db, async (transaction) => {
        const asked = ['CREATE TABLE left_behind ()', 'SELECT 1 / 0', 'SELECT 2'].map((sql) => query(transaction, sql))
        const came = await Promise.allSettled(asked)
        assert.deepEqual(
          came.map((one) => (one.status === 'rejected' ? one.reason.code : one.status)),
          ['fulfilled', '22012', '22012'],
        )
        throw new Error('undone')
      })
      await assert.rejects(work, /undone/)
      assert.deepEqual(await query(db, "SELECT to_regclass('left_behind') AS left"), [{ left: null }])
    })

    it('goes on when another within it was undone, and keeps what one within it did', async () => {
      await inTransaction(on.house.db, async (transaction) => {
        const make = (name: string, end: string) =>
          inTransaction(transaction, async (inner) => {
            await query(inner, `CREATE TABLE ${name} ()`)
            await query(inner, end)
          })
        await make('kept_within', 'SELECT 1')
        await assert.rejects(make('undone_within', 'SELECT 1 / 0'), { code: '22012' })
        await query(transaction, 'CREATE TABLE made_after ()')
      })
      const made = `SELECT count(to_regclass(name))::int AS count FROM unnest(?::text[]) AS name`
      for (const [names, count] of [
        [['kept_within', 'made_after'], 2],
        [['undone_within'], 0],
      ] as const) {
        assert.deepEqual(await query(on.house.db, made, [names]), [{ count }])
      }
    })
  })

  describe('a statement', () => {
    it('is given texts, bytes, moments, lists, NULL and what JSON says as they are', async () => {
      const [bytes, moment] = [Buffer.from([0, 255]), new Date('2027-03-04T14:00:00Z')]
      const values = ["it's ? $1 \\", bytes, moment, ['a', 'b"'], null, JSON.stringify({ a: [1] })]
      const sql =
        'SELECT ?::text AS text, ?::bytea AS bytes, ?::timestamptz AS moment, ?::text[] AS list, ?::int AS none, ?::jsonb AS json'
      assert.deepEqual(await query(on.house.db, sql, values), [
        { text: values[0], bytes, moment, list: ['a', 'b"'], none: null, json: { a: [1] } },
      ])
    })

    it('has the question marks of PostgreSQL itself behind a backslash', async () => {
      for (const time of [1, 2]) {
        const asked = query(on.house.db, `SELECT '{"a":1}'::jsonb \\? ? AS has`, [time === 1 ? 'a' : 'b'])
        assert.deepEqual(await asked, [{ has: time === 1 }])
      }
    })

    for (const [what, values, problem] of [
      ['too few values', ['secret'], /^Error: 2 values expected, not 1: /],
      ['too many values', ['secret', 1, 2], /^Error: 2 values expected, not 3: /],
      ['a value that was never set', ['secret', undefined], /^Error: a value is undefined: /],
      ['a list with such a value', ['secret', ['a', undefined]], /^Error: a value is undefined: /],
    ] as const) {
      it(`with ${what} is not asked, in a transaction either, and none of its values is told`, async () => {
        const sql = 'SELECT ?::text, ?::text'
        const check = (error: Error) => problem.test(String(error)) && !error.message.includes('secret')
        await assert.rejects(query(on.house.db, sql, values), check)
        await assert.rejects(
          inTransaction(on.house.db, (transaction) => query(transaction, sql, values)),
          check,
        )
      })
    }

    it('that fails tells what was asked, and none of its values', async () => {
      const failing = query(on.house.db, 'SELECT ?::text, 1 / 0', ['secret'])
      await assert.rejects(failing, { message: 'SELECT $1::text, 1 / 0 - division by zero' })
    })
  })
})
