// What a configuration file declares reaches the database once, whole, and never twice.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Declared } from '../src/declared.ts'
import { createKeyring } from '../src/seal.ts'
import { applyDeclared } from '../src/settings/declare.ts'
import { DECLARATION, declared, openHouse, type TestHouse } from './support/house.ts'
import { SECRET_KEY } from './support/product.ts'

const TABLES = ['installation', 'attributes', 'idps', 'purposes', 'applications', 'user_stores']
const NOTHING = { written: [], turnedOff: [] }
const SECRETS = ['a secret between us and acme', 'a secret between us and globex', 'a secret of the travel application']

/** Where each row of the declaration is stored and who wrote it: a row that is written again, even with the same content, moves. */
async function places(on: TestHouse): Promise<string[]> {
  const selects = TABLES.map((table) => `SELECT '${table} ' || ctid || ' ' || xmin AS place FROM ${table}`)
  return (await on.rows<{ place: string }>(selects.join(' UNION ALL '))).map(({ place }) => place).sort()
}

describe('a declaration', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  const apply = (change: (declared: Declared) => void = () => {}) => {
    const next = structuredClone(declared())
    change(next)
    return applyDeclared(on.house.db, on.house.keyring, next)
  }
  const enabled = async (table: string, key: string) =>
    Object.fromEntries(
      (await on.rows<{ key: string; is_enabled: boolean }>(`SELECT ${key} AS key, is_enabled FROM ${table}`)).map(
        (row) => [row.key, row.is_enabled],
      ),
    )

  it('that is applied again writes nothing, not even a row as it was', async () => {
    const before = await places(on)
    assert.equal(before.length, 7)
    for (let times = 0; times < 3; times += 1) assert.deepEqual(await apply(), NOTHING)
    assert.deepEqual(await places(on), before)
  })

  it('that another process reads from another file of equal content writes nothing', async () => {
    const before = await places(on)
    const reordered = declared(
      DECLARATION.replace('name: acme\n    displayName: Acme', 'displayName: Acme\n    name: acme'),
    )
    assert.deepEqual(await applyDeclared(on.house.db, createKeyring(SECRET_KEY), reordered), NOTHING)
    assert.deepEqual(await places(on), before)
  })

  // biome-ignore format: one row, one line
  const changes: [string, (declared: Declared) => void, string[]][] = [
    ['the name of an idp', ({ identityProviders: [acme] }) => { if (acme) acme.displayName = 'Acme Works' }, ['idp acme']],
    ['the scheme of an idp', ({ identityProviders: [acme] }) => { if (acme) acme.jit.scheme = 'PROMPT_CONSENT' }, ['idp acme']],
    ['the secret of an idp', ({ identityProviders: [acme] }) => { if (acme) acme.oidc.clientSecret = 'another secret' }, ['idp acme']],
    ['a mapping', ({ identityProviders: [acme] }) => { if (acme) acme.claims.mappings = { email: 'mail' } }, ['idp acme']],
    ['the words of a purpose', ({ purposes: [recover] }) => { if (recover) recover.description = 'Otherwise' }, ['purpose recover']],
    ['a translation of a purpose', ({ purposes: [recover] }) => { if (recover) recover.translations = { de: { purpose: 'Wiederherstellen', description: 'Damit wir helfen können' } } }, ['purpose recover']],
    ['a translation of an attribute', ({ attributes: [department] }) => { if (department) department.translations = { de: 'Abteilung' } }, ['attribute department']],
    ['the need of an attribute', ({ purposes: [recover] }) => { if (recover?.piiCategories[1]) recover.piiCategories[1].mandatory = true }, ['purpose recover']],
    ['the addresses of an application', ({ applications: [travel] }) => { if (travel) travel.redirectUris = ['https://travel.example/other'] }, ['application travel']],
    ['the name of an attribute', ({ attributes: [department] }) => { if (department) department.displayName = 'Team' }, ['attribute department']],
    ['the order of the idps', ({ identityProviders }) => { identityProviders.reverse() }, ['idp acme', 'idp globex']],
  ]
  for (const [title, change, written] of changes) {
    it(`with ${title} changed writes that and nothing else, and back`, async () => {
      const applied = await apply(change)
      assert.deepEqual({ ...applied, written: applied.written.sort() }, { written, turnedOff: [] })
      assert.deepEqual(await apply(change), NOTHING)
      assert.deepEqual((await apply()).written.sort(), written)
    })
  }

  it('changes what people see of the organization', async () => {
    await apply((next) => {
      next.organization = { name: 'Southwind' }
    })
    assert.deepEqual(await on.rows('SELECT organization FROM installation'), [{ organization: { name: 'Southwind' } }])
    await apply()
  })

  it('turns off and lists what is no longer in it, deletes nothing, and turns it on again when it is back', async () => {
    const removed = await apply((next) => {
      next.identityProviders.pop()
      next.purposes = []
      next.applications = []
    })
    assert.deepEqual(removed, { written: [], turnedOff: ['idp globex', 'purpose recover', 'application travel'] })
    assert.deepEqual(await enabled('idps', 'name'), { acme: true, globex: false })
    assert.deepEqual(await enabled('purposes', 'id'), { recover: false })
    assert.deepEqual(await enabled('applications', 'client_id'), { travel: false })

    const again = await apply((next) => {
      next.identityProviders.pop()
      next.purposes = []
      next.applications = []
    })
    assert.deepEqual(again, NOTHING)

    assert.deepEqual(await apply(), { written: ['idp globex', 'purpose recover', 'application travel'], turnedOff: [] })
    assert.deepEqual(await enabled('idps', 'name'), { acme: true, globex: true })
  })

  it('of nothing at all turns everything off', async () => {
    const { turnedOff } = await applyDeclared(
      on.house.db,
      on.house.keyring,
      declared('organization: { name: Northwind }'),
    )
    assert.deepEqual(turnedOff.sort(), [
      'application travel',
      'attribute department',
      'idp acme',
      'idp globex',
      'purpose recover',
    ])
    await apply()
  })

  it('keeps an idp that says of itself that it is off, and does not list it as removed', async () => {
    const off = (next: Declared) => {
      if (next.identityProviders[0]) next.identityProviders[0].isEnabled = false
    }
    assert.deepEqual(await apply(off), { written: ['idp acme'], turnedOff: [] })
    assert.deepEqual(await apply(off), NOTHING)
    assert.deepEqual(await apply(), { written: ['idp acme'], turnedOff: [] })
  })

  it('keeps the id of what it changes, so that people and consents stay with it', async () => {
    const ids = () => on.rows('SELECT id FROM idps UNION ALL SELECT id FROM applications ORDER BY 1')
    const before = await ids()
    await apply((next) => Object.assign(next.identityProviders[0] ?? {}, { displayName: 'Other' }))
    await apply((next) => Object.assign(next, { identityProviders: [], applications: [] }))
    await apply()
    assert.deepEqual(await ids(), before)
  })

  describe('of user stores', () => {
    const stores = (...names: string[]) => [
      { name: 'PRIMARY', properties: {} },
      ...names.map((name) => ({ name, properties: {} })),
    ]
    const withStores = (...names: string[]) =>
      apply((next) => {
        next.userStores = stores(...names)
      })
    const userIn = (store: string, username: string) =>
      on.rows('INSERT INTO users (id, store, username, username_canonical) VALUES (gen_random_uuid(), $1, $2, $2)', [
        store,
        username,
      ])

    it('adds them, turns an empty one off, and on again', async () => {
      assert.deepEqual(await withStores('STAFF', 'CUSTOMERS'), {
        written: ['user store STAFF', 'user store CUSTOMERS'],
        turnedOff: [],
      })
      assert.deepEqual(await withStores('STAFF'), { written: [], turnedOff: ['user store CUSTOMERS'] })
      assert.deepEqual(await withStores('STAFF'), NOTHING)
      assert.deepEqual((await withStores('STAFF', 'CUSTOMERS')).written, ['user store CUSTOMERS'])
      await apply()
    })

    it('refuses to remove one that has users, says how many there are, and changes nothing', async () => {
      await withStores('STAFF', 'CUSTOMERS')
      await userIn('CUSTOMERS', 'asha')
      await userIn('CUSTOMERS', 'ben')
      const before = await on.contents()
      await assert.rejects(withStores(), {
        name: 'StoreInUse',
        message: 'The user store CUSTOMERS cannot be removed: 2 users are in it.',
      })
      assert.equal(await on.contents(), before)
      await on.rows("DELETE FROM users WHERE username = 'ben'")
      await assert.rejects(withStores('STAFF'), {
        message: 'The user store CUSTOMERS cannot be removed: 1 user is in it.',
      })
      await on.rows('DELETE FROM users')
      await apply()
    })

    it('refuses to tell cases apart, or to cease to, while there are users: each name is kept in the form that it is compared in', async () => {
      const cased = (value: 'true' | 'false') =>
        apply((next) => {
          next.userStores = [...stores(), { name: 'STAFF', properties: { CaseInsensitiveUsername: value } }]
        })
      await cased('false')
      await cased('true')
      await cased('false')
      await userIn('STAFF', 'Asha')
      await assert.rejects(cased('true'), {
        message: 'CaseInsensitiveUsername of the user store STAFF cannot change while users are in it (1).',
      })
      assert.deepEqual(await cased('false'), NOTHING)
      await on.rows('DELETE FROM users')
      await apply()
    })

    it('cannot delete or rename PRIMARY, not even by SQL', async () => {
      await assert.rejects(on.rows("DELETE FROM user_stores WHERE name = 'PRIMARY'"), /foreign key/)
      await assert.rejects(on.rows("UPDATE user_stores SET name = 'OTHER' WHERE name = 'PRIMARY'"), /foreign key/)
      await assert.rejects(on.rows("UPDATE user_stores SET is_enabled = false WHERE name = 'PRIMARY'"), /primary_check/)
      await assert.rejects(on.rows("INSERT INTO user_stores (name) VALUES ('INTERNAL')"), /domain_check/)
    })
  })

  it('keeps no secret in the clear, and each secret opens in its own row alone', async () => {
    const contents = await on.contents()
    for (const secret of SECRETS) {
      for (const encoding of ['utf8', 'hex', 'base64', 'base64url'] as const) {
        assert.ok(!contents.includes(Buffer.from(secret).toString(encoding)), `${secret} as ${encoding}`)
      }
    }
    const sealed = await on.rows<{
      name: string
      sealed: Buffer
    }>(`SELECT 'idp ' || name AS name, client_secret_sealed AS sealed FROM idps
      UNION ALL SELECT 'application ' || client_id, client_secret_sealed FROM applications ORDER BY 1`)
    const { keyring } = on.house
    const opened = sealed.map((row) => [row.name, keyring.unseal(row.name, row.sealed)])
    assert.deepEqual(opened, [
      ['application travel', SECRETS[2]],
      ['idp acme', SECRETS[0]],
      ['idp globex', SECRETS[1]],
    ])
    for (const row of sealed) {
      for (const other of sealed.filter(({ name }) => name !== row.name))
        assert.throws(() => keyring.unseal(other.name, row.sealed))
    }
  })

  it('cannot be guessed from what is kept to recognise it: the hash is keyed', async () => {
    const hashes = () => on.rows('SELECT declared_hash FROM idps ORDER BY name')
    const before = await hashes()
    await applyDeclared(
      on.house.db,
      createKeyring('another secret key of more than 32 characters', SECRET_KEY),
      declared(),
    )
    assert.notDeepEqual(await hashes(), before)
    await apply()
    assert.deepEqual(await hashes(), before)
  })

  it('seals the secrets anew when SECRET_KEY is replaced, so that the previous one can go', async () => {
    const next = createKeyring('another secret key of more than 32 characters')
    await applyDeclared(on.house.db, next, declared())
    const [acme] = await on.rows<{ sealed: Buffer }>(
      "SELECT client_secret_sealed AS sealed FROM idps WHERE name = 'acme'",
    )
    assert.equal(next.unseal('idp acme', acme?.sealed ?? Buffer.alloc(0)), SECRETS[0])
    await apply()
  })

  it('is applied whole or not at all', async () => {
    const contents = await on.contents()
    const half = apply((next) => {
      next.organization = { name: 'Half' }
      for (const idp of next.identityProviders) idp.displayName = 'Half'
      for (const one of next.applications) one.name = 'broken\0'
    })
    await assert.rejects(half)
    assert.equal(await on.contents(), contents)
  })

  it('applied by eight processes at once is written by one of them, and is one result', async () => {
    const change = (next: Declared) => {
      next.identityProviders.push({ ...structuredClone(next.identityProviders[0] ?? assert.fail()), name: 'initech' })
      next.purposes = []
    }
    const next = declared()
    change(next)
    const processes = Array.from({ length: 8 }, () => on.another())
    const applied = await Promise.all(processes.map((house) => applyDeclared(house.db, house.keyring, next)))
    const wrote = applied.filter(({ written, turnedOff }) => written.length + turnedOff.length > 0)
    assert.deepEqual(wrote, [{ written: ['idp initech'], turnedOff: ['purpose recover'] }])
    assert.equal((await on.rows("SELECT 1 FROM idps WHERE name = 'initech'")).length, 1)
  })

  it('that two processes give differently at once is one of the two in the end, never a mixture', async () => {
    const versions = ['One', 'Two'].map((name) => {
      const next = declared()
      next.organization = { name }
      for (const idp of next.identityProviders) idp.displayName = name
      for (const application of next.applications) application.name = name
      return next
    })
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(versions.map((next) => applyDeclared(on.another().db, on.house.keyring, next)))
      const names = await on.rows<{ name: string }>(`SELECT organization ->> 'name' AS name FROM installation
        UNION SELECT display_name FROM idps WHERE is_enabled UNION SELECT name FROM applications`)
      assert.equal(names.length, 1, JSON.stringify(names))
    }
  })
})
