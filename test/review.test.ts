// Users who were there before: what their names look like is filled in, and rules that are new are held against nobody.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { insertUser, takenUsernames } from '../src/db/users.ts'
import { readUsername } from '../src/provisioning/username.ts'
import { countMisfits, fillLooks, misfitUsers } from '../src/stores/review.ts'
import { openHouse, type TestHouse } from './support/house.ts'

describe('users who were there before', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
    await on.rows("INSERT INTO user_stores (name) VALUES ('STAFF')")
  })
  after(() => on.drop())
  beforeEach(() => on.rows('DELETE FROM users'))

  /** As a release made them that kept no looks; the first is the oldest. */
  async function old(...names: string[]): Promise<void> {
    for (const [index, written] of names.entries()) {
      const [store = '', name = ''] = written.includes('/') ? written.split('/') : ['PRIMARY', written]
      await on.rows(
        `INSERT INTO users (id, store, username, username_canonical, created_at)
         VALUES (gen_random_uuid(), $1, $2, lower($2), now() + $3 * interval '1 second')`,
        [store, name, index],
      )
    }
  }

  const withLooks = async () =>
    (
      await on.rows<{ name: string }>(
        `SELECT username AS name FROM users WHERE username_look IS NOT NULL ORDER BY created_at`,
      )
    ).map(({ name }) => name)

  async function isTaken(name: string, store = 'PRIMARY'): Promise<boolean> {
    const reading = readUsername(name)
    if (reading.kind === 'problem') return assert.fail(`${name} is not fit: ${reading.problem.code}`)
    const { canonical, looks } = reading
    return (await takenUsernames(on.house.db, [{ key: name, store, canonical, looks }])).has(name)
  }

  it('get their looks, and nobody else gets a name that looks like theirs from then on', async () => {
    await old('pace', 'Modern', 'STAFF/bob')
    assert.equal(await isTaken('расе'), false, 'nobody knows yet what the old names look like')
    await fillLooks(on.house.db)
    assert.deepEqual(await withLooks(), ['pace', 'Modern', 'bob'])
    for (const double of ['расе', 'modem', 'PACE']) assert.equal(await isTaken(double), true, double)
    assert.equal(await isTaken('b0b', 'STAFF'), true)
    assert.equal(await isTaken('b0b'), false, 'another store is another matter')
  })

  it('keep their names where two look the same: the older has the look, and both are taken', async () => {
    await old('modern', 'modem', 'moderm')
    await fillLooks(on.house.db)
    assert.deepEqual(await withLooks(), ['modern', 'moderm'])
    for (const name of ['modern', 'modem', 'modern']) assert.equal(await isTaken(name), true, name)
    await fillLooks(on.house.db)
    assert.deepEqual(await withLooks(), ['modern', 'moderm'], 'a second time there is nothing to do')
  })

  it('are many: all of them get their looks', async () => {
    await on.rows(
      `INSERT INTO users (id, store, username, username_canonical)
       SELECT gen_random_uuid(), 'PRIMARY', 'person-' || n || '-of-many', 'person-' || n || '-of-many' FROM generate_series(1, 2500) AS n`,
    )
    await fillLooks(on.house.db)
    assert.deepEqual(await on.rows('SELECT count(*)::int AS left FROM users WHERE username_look IS NULL'), [
      { left: 0 },
    ])
    let count = 0
    for await (const _ of misfitUsers(on.house.db)) count += 1
    assert.equal(count, 0)
  })

  it('are told to an operator when the rules of their store would not take their names today', async () => {
    await old('asha', 'STAFF/12345', 'STAFF/ben', 'STAFF/Chen')
    await on.rows(`UPDATE user_stores SET properties = '{"UsernameJavaRegEx": "^[0-9]{5}$"}' WHERE name = 'STAFF'`)
    const names: string[] = []
    for await (const { name } of misfitUsers(on.house.db)) names.push(name)
    assert.deepEqual(names.sort(), ['STAFF/Chen', 'STAFF/ben'])
    assert.deepEqual(await countMisfits(on.house.db), { STAFF: 2 })
    await on.rows(`UPDATE user_stores SET properties = '{}' WHERE name = 'STAFF'`)
    assert.deepEqual(await countMisfits(on.house.db), {})
  })

  it('the database itself refuses a second name of the same look in a store', async () => {
    const user = (username: string, store = 'PRIMARY') => {
      const reading = readUsername(username)
      if (reading.kind === 'problem') return assert.fail(username)
      const { canonical, looks } = reading
      return { id: crypto.randomUUID(), store, username, canonical, look: looks[0], passwordHash: null }
    }
    assert.equal(await insertUser(on.house.db, user('modern')), true)
    assert.equal(await insertUser(on.house.db, user('modem')), false)
    assert.equal(await insertUser(on.house.db, user('MODERN')), false)
    assert.equal(await insertUser(on.house.db, user('modem', 'STAFF')), true)
  })
})
