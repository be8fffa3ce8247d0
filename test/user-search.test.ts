// Finding users among many: every answer as looking through all of them would give it, and no statement that does.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isKeptVerified } from '../src/db/proofs.ts'
import { COUNTED, countUsers, type ListedUser, searchUsers, type UserSearch } from '../src/db/user-search.ts'
import { openHouse, type TestHouse } from './support/house.ts'

const USERS = 20_000

interface Reference {
  id: string
  store: string
  canonical: string
  is_locked: boolean
  idps: string[]
}

describe('among twenty thousand users', () => {
  let house: TestHouse
  let all: Reference[]
  const idps: Record<string, string> = {}

  before(async () => {
    house = await openHouse()
    await house.rows("INSERT INTO user_stores (name, position) VALUES ('STAFF', 1), ('EMPTY', 2)")
    await house.rows(
      `INSERT INTO idps (name, display_name, is_enabled, position, issuer, client_id, scopes, username_claim, mappings, jit_enabled, jit_scheme,
         attribute_sync_method, declared_hash)
       VALUES ('rare', 'Rare', true, 9, 'https://rare.example', 'x', '{}', 'sub', '{}', true, 'PROVISION_SILENTLY', 'NONE', '')`,
    )
    // Half come from acme, a third from globex, forty from rare, the rest have a password; every thousandth is locked; names of every beginning.
    await house.rows(
      `INSERT INTO users (id, store, username, username_canonical, is_locked, password_hash)
       SELECT gen_random_uuid(), CASE WHEN n % 5 = 0 THEN 'STAFF' ELSE 'PRIMARY' END, name, name, n % 1000 = 0, CASE WHEN n % 6 = 5 THEN 'x' END
       FROM (SELECT n, (ARRAY['asha','a_b','ash%','éa','zoë','Ω','bo','bob','carl','日本','-x','0day'])[n % 12 + 1] || '.' || md5(n::text) AS name
             FROM generate_series(1, ?) n) AS made`.replace('?', String(USERS)),
    )
    const people = `SELECT id, row_number() OVER (ORDER BY md5(id::text)) AS n FROM users`
    for (const [name, share] of [
      ['acme', 'n % 2 = 0'],
      ['globex', 'n % 3 = 0'],
      ['rare', 'n <= 40'],
    ]) {
      await house.rows(
        `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme)
         SELECT (SELECT id FROM idps WHERE name = '${name}'), 'https://${name}.example', md5(id::text), id, 'PROVISION_SILENTLY'
         FROM (${people}) AS people WHERE ${share}`,
      )
    }
    await house.rows(
      `INSERT INTO user_attributes (user_id, name, value, origin)
       SELECT id, name, to_jsonb(name || ' of ' || username), 'person' FROM users, unnest('{name,email,department}'::text[]) AS name`,
    )
    for (const table of ['users', 'identities', 'user_attributes']) await house.rows(`VACUUM ANALYZE ${table}`)
    for (const { id, name } of await house.rows<{ id: string; name: string }>('SELECT id, name FROM idps')) {
      idps[name] = id
    }
    all = await house.rows<Reference>(
      `SELECT id, store, username_canonical AS canonical, is_locked,
         ARRAY(SELECT name FROM identities JOIN idps ON idps.id = idp_id WHERE user_id = users.id) AS idps
       FROM users ORDER BY username_canonical COLLATE "C", store COLLATE "C"`,
    )
  })
  after(() => house.drop())

  const stores = (names = ['PRIMARY', 'STAFF', 'EMPTY'], prefix = '') => names.map((name) => ({ name, prefix }))
  const searches = (): [name: string, search: UserSearch, isWanted: (user: Reference) => boolean][] => [
    ['everybody', { stores: stores() }, () => true],
    ['a beginning', { stores: stores(undefined, 'asha.1') }, ({ canonical }) => canonical.startsWith('asha.1')],
    ['one letter', { stores: stores(undefined, 'a') }, ({ canonical }) => canonical.startsWith('a')],
    ['a beginning with %', { stores: stores(undefined, 'ash%') }, ({ canonical }) => canonical.startsWith('ash%')],
    ['a beginning with _', { stores: stores(undefined, 'a_') }, ({ canonical }) => canonical.startsWith('a_')],
    ['beyond ASCII', { stores: stores(undefined, '日') }, ({ canonical }) => canonical.startsWith('日')],
    ['nobody', { stores: stores(undefined, 'nobody') }, () => false],
    ['a store', { stores: stores(['STAFF']) }, ({ store }) => store === 'STAFF'],
    ['an empty store', { stores: stores(['EMPTY']) }, () => false],
    ['no store', { stores: [] }, () => false],
    ['the locked', { stores: stores(), isLocked: true }, (user) => user.is_locked],
    ['the active', { stores: stores(), isLocked: false }, (user) => !user.is_locked],
    ['a large idp', { stores: stores(), idpId: idps['acme'] }, (user) => user.idps.includes('acme')],
    ['a small idp', { stores: stores(), idpId: idps['rare'] }, (user) => user.idps.includes('rare')],
    [
      'the locked of a large idp, in a store, with a beginning',
      { stores: stores(['STAFF'], 'b'), idpId: idps['globex'], isLocked: true },
      (user) =>
        user.store === 'STAFF' && user.canonical.startsWith('b') && user.idps.includes('globex') && user.is_locked,
    ],
    [
      'the active of a small idp, with a beginning',
      { stores: stores(undefined, 'bo'), idpId: idps['rare'], isLocked: false },
      (user) => user.canonical.startsWith('bo') && user.idps.includes('rare') && !user.is_locked,
    ],
  ]

  test('every search finds whom it should, in order, page by page, forwards and back', async () => {
    const { db } = house.house
    for (const [name, search, isWanted] of searches()) {
      const wanted = all.filter(isWanted).map(({ id }) => id)
      const first = await searchUsers(db, search, { limit: 25 })
      assert.deepEqual(ids(first), wanted.slice(0, 25), name)
      const second = await searchUsers(db, search, { after: first.at(-1), limit: 25 })
      if (first.length > 0) assert.deepEqual(ids(second), wanted.slice(25, 50), `${name}, second page`)
      const back = await searchUsers(db, search, { before: second[0], limit: 25 })
      if (second.length > 0) assert.deepEqual(ids(back), wanted.slice(0, 25), `${name}, back`)
      const count = await countUsers(db, search)
      const all20 = name === 'everybody'
      if (wanted.length <= COUNTED) assert.deepEqual(count, { count: wanted.length, kind: 'exact' }, name)
      else assert.deepEqual(count, all20 ? { count: USERS, kind: 'about' } : { count: COUNTED, kind: 'more' }, name)
    }
  })

  test('names that are the same in two stores are told apart at the edge of a page', async () => {
    const { db } = house.house
    const twin = all.find(({ store }) => store === 'PRIMARY') as Reference
    await house.rows(
      `INSERT INTO users (id, store, username, username_canonical) VALUES (gen_random_uuid(), 'STAFF', $1, $1)`,
      [twin.canonical],
    )
    try {
      const search = { stores: stores(undefined, twin.canonical) }
      const [first] = await searchUsers(db, search, { limit: 1 })
      const [second, ...none] = await searchUsers(db, search, { after: first, limit: 5 })
      assert.deepEqual([first?.store, second?.store, none], ['PRIMARY', 'STAFF', []])
      assert.deepEqual(ids(await searchUsers(db, search, { before: second, limit: 5 })), [twin.id])
    } finally {
      await house.rows(`DELETE FROM users WHERE store = 'STAFF' AND username_canonical = $1`, [twin.canonical])
    }
  })

  test('a listed user has the names of their idps in order, and whether they have a password', async () => {
    const { db } = house.house
    const found = await searchUsers(db, { stores: stores(), idpId: idps['rare'] }, { limit: 50 })
    for (const user of found) {
      const { idps: names } = all.find(({ id }) => id === user.id) as Reference
      const order = ['acme', 'globex', 'rare'].filter((name) => names.includes(name))
      assert.deepEqual(
        user.idps.map((name) => name.toLowerCase()),
        order,
      )
    }
    assert.ok(found.some(({ hasPassword }) => hasPassword) && found.some(({ hasPassword }) => !hasPassword))
  })

  test('a listed user comes with what they can be called by and nothing else of them, in the one statement that lists', async () => {
    const { db } = house.house
    await house.rows(`DELETE FROM user_attributes WHERE user_id = $1`, [all[3]?.id])
    let statements = 0
    const count = () => {
      statements += 1
    }
    db.on('query', count)
    const found = await searchUsers(db, { stores: stores() }, { limit: 25 })
    db.off('query', count)
    assert.equal(statements, 1)
    for (const [index, { username, said }] of found.entries()) {
      const kept = { name: `name of ${username}`, email: `email of ${username}` }
      assert.deepEqual(said, index === 3 ? null : kept)
    }
  })

  test('no statement of any search looks through users, identities or attributes', async () => {
    const { db } = house.house
    const said: { sql: string; bindings: unknown[] }[] = []
    const listen = ({ sql, bindings }: { sql: string; bindings: unknown[] }) => said.push({ sql, bindings })
    db.on('query', listen)
    const pages: [string, number][] = []
    try {
      for (const [name, search] of searches()) {
        const first = await searchUsers(db, search, { limit: 25 })
        await searchUsers(db, search, { after: first.at(-1) ?? all[0], limit: 25 })
        await searchUsers(db, search, { before: first.at(-1) ?? all[0], limit: 25 })
        await countUsers(db, search)
        pages.push([name, said.length])
      }
    } finally {
      db.off('query', listen)
    }
    assert.ok(said.length >= 4 * pages.length)
    for (const [index, { sql, bindings }] of said.entries()) {
      const plan = await house.rows<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, bindings)
      const text = plan.map((row) => row['QUERY PLAN']).join('\n')
      const name = pages.find(([, upTo]) => index < upTo)?.[0]
      assert.doesNotMatch(text, /Seq Scan on (users|identities|user_attributes)\b/, `${name}: ${sql}\n${text}`)
    }
  })

  test('whoever keeps a verified address is found by an index, in whatever case of its letters', async () => {
    const { db } = house.house
    const sql = "SELECT value #>> '{}' AS address FROM user_attributes WHERE name = 'email' LIMIT 1"
    const [{ address } = assert.fail()] = await house.rows<{ address: string }>(sql)
    assert.equal(await isKeptVerified(db, address), false)
    await house.rows("UPDATE user_attributes SET verified = true WHERE name = 'email'")
    await house.rows('VACUUM ANALYZE user_attributes')
    const said: { sql: string; bindings: unknown[] }[] = []
    db.on('query', (query: { sql: string; bindings: unknown[] }) => said.push(query))
    assert.equal(await isKeptVerified(db, address.toUpperCase()), true)
    assert.equal(await isKeptVerified(db, `${address}x`), false)
    for (const { sql, bindings } of said) {
      const plan = await house.rows<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, bindings)
      assert.match(plan.map((row) => row['QUERY PLAN']).join('\n'), /user_attributes_verified_email_idx/)
    }
    assert.equal(said.length, 2)
  })
})

const ids = (users: ListedUser[]) => users.map(({ id }) => id)
