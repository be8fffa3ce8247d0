// Whose a setting is: what a configuration file takes, keeps and lets go of, and the history that tells of it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { COMMAND_LINE, insertChange, listChanges } from '../src/db/changes.ts'
import { releaseEntries } from '../src/db/entries.ts'
import type { Declared } from '../src/declared.ts'
import { applyDeclared } from '../src/settings/declare.ts'
import { declared, openHouse, type TestHouse } from './support/house.ts'

const TABLES = ['attributes', 'idps', 'purposes', 'applications', 'user_stores']
const FILE = 'organization: { name: Northwind }\nauthentication: { jit_provisioning: { unknown_user_store: refuse } }\n'

describe('a setting', () => {
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
  /** `<name> <whose> <on or off> <version>` of every entry of a table. */
  const entries = async (table: string, key = 'name') =>
    (
      await on.rows<{ is: string }>(
        `SELECT concat_ws(' ', ${key}, managed_by, CASE WHEN is_enabled THEN 'on' ELSE 'off' END, version) AS is
         FROM ${table} ORDER BY 1`,
      )
    ).map(({ is }) => is)
  const changes = async () =>
    (await listChanges(on.house.db, {}, 100)).map(
      ({ actor, action, kind, object }) => `${actor}: ${action} ${kind} ${object}`,
    )
  const toConsole = (table: string, key: string, name: string) =>
    on.rows(`UPDATE ${table} SET managed_by = 'console' WHERE ${key} = $1`, [name])

  it('that a file declares is the file’s, and what it says nothing of is the console’s', async () => {
    assert.deepEqual(await entries('idps'), ['acme file on 1', 'globex file on 1'])
    assert.deepEqual(await entries('user_stores'), ['PRIMARY console on 2'])
    const [sections] = await on.rows(
      'SELECT organization_managed_by AS organization, jit_provisioning_managed_by AS jit FROM installation',
    )
    assert.deepEqual(sections, { organization: 'file', jit: 'console' })
  })

  it('that is written has its next version and a line in the history, with what it said and says; one that is not has neither', async () => {
    const count = (await changes()).length
    await apply()
    assert.equal((await changes()).length, count)
    await apply((next) => {
      const [acme] = next.identityProviders
      if (acme) acme.displayName = 'Acme Works'
    })
    assert.deepEqual(await entries('idps'), ['acme file on 2', 'globex file on 1'])
    const [change, ...others] = await listChanges(on.house.db, {}, 100)
    assert.equal(others.length, count)
    assert.ok(change)
    const { actor, actorId, action, kind, object, before, after } = change
    assert.deepEqual([actor, actorId, action, kind, object], ['configuration file', null, 'changed', 'idp', 'acme'])
    assert.deepEqual([before?.['displayName'], after?.['displayName']], ['Acme', 'Acme Works'])
    await apply()
  })

  it('shows no secret in its history, but that it changed', async () => {
    await apply((next) => {
      const [acme] = next.identityProviders
      if (acme) acme.oidc.clientSecret = 'another secret of acme'
    })
    const [change] = await listChanges(on.house.db, { kind: 'idp', object: 'acme' }, 1)
    const secretOf = (saying: unknown) => (saying as { oidc: { clientSecret: string } }).oidc.clientSecret
    assert.deepEqual([secretOf(change?.before), secretOf(change?.after)], ['(secret)', '(secret, changed)'])
    await apply()
    const history = JSON.stringify(await on.rows('SELECT * FROM changes'))
    for (const secret of ['another secret of acme', 'a secret between us', 'a secret of the travel'])
      assert.ok(!history.includes(secret), secret)
  })

  it('that the file stops mentioning is off and the console’s, and the file’s again when it is back', async () => {
    const version = (await entries('purposes', 'id'))[0]
    assert.equal(version, 'recover file on 1')
    await apply((next) => {
      next.purposes = []
    })
    assert.deepEqual(await entries('purposes', 'id'), ['recover console off 2'])
    assert.equal((await changes())[0], 'configuration file: turned off purpose recover')
    await apply()
    assert.deepEqual(await entries('purposes', 'id'), ['recover file on 3'])
    assert.equal((await changes())[0], 'configuration file: turned on purpose recover')
  })

  it('of the console stays as it is, whatever the file says of others, until the file says something of it', async () => {
    await toConsole('applications', 'client_id', 'travel')
    const without = (next: Declared) => {
      next.applications = []
    }
    assert.deepEqual(await apply(without), { written: [], turnedOff: [] })
    assert.deepEqual(await entries('applications', 'client_id'), ['travel console on 1'])
    assert.deepEqual(await apply(), { written: ['application travel'], turnedOff: [] })
    assert.deepEqual(await entries('applications', 'client_id'), ['travel file on 2'])
    assert.equal((await changes())[0], 'configuration file: took over application travel')
  })

  it('that an entry of the console needs stays on when the file stops mentioning it', async () => {
    await apply((next) => {
      next.userStores.push({ name: 'STAFF', properties: {} })
      const [acme] = next.identityProviders
      if (acme) acme.jit.userstore = 'STAFF'
    })
    await toConsole('idps', 'name', 'acme')
    await toConsole('purposes', 'id', 'recover')
    const without = (next: Declared) => {
      next.identityProviders.shift()
      next.purposes = []
      next.attributes = []
    }
    assert.deepEqual(await apply(without), { written: ['idp globex'], turnedOff: [] })
    assert.match((await entries('attributes')).join(), /^department console on/)
    assert.match((await entries('user_stores')).join(), /STAFF console on/)
    await apply((next) => {
      next.userStores.push({ name: 'STAFF', properties: {} })
    })
    assert.deepEqual(await apply(), { written: [], turnedOff: ['user store STAFF'] })
  })

  it('that there is one of is the file’s as far as the file mentions it, and keeps its value afterwards', async () => {
    const sections = async () => {
      const rows = await on.rows(
        `SELECT organization ->> 'name' AS name, organization_managed_by AS whose, jit_provisioning AS jit,
           jit_provisioning_managed_by AS "whoseJit" FROM installation`,
      )
      return rows[0]
    }
    const jit = { unknown_user_store: 'refuse' }
    await applyDeclared(on.house.db, on.house.keyring, declared(FILE))
    assert.deepEqual(await sections(), { name: 'Northwind', whose: 'file', jit, whoseJit: 'file' })
    await applyDeclared(on.house.db, on.house.keyring, declared('userStores: []'))
    assert.deepEqual(await sections(), { name: 'Northwind', whose: 'console', jit, whoseJit: 'console' })
    await applyDeclared(on.house.db, on.house.keyring, declared(`${FILE}`.replace('refuse', 'PRIMARY')))
    assert.deepEqual(await sections(), { name: 'Northwind', whose: 'file', jit: {}, whoseJit: 'file' })
    await apply()
  })

  it('is the console’s after a start without a file, which writes only once', async () => {
    await releaseEntries(on.house.db)
    for (const table of TABLES) {
      assert.deepEqual(await on.rows(`SELECT 1 FROM ${table} WHERE managed_by = 'file'`), [], table)
    }
    const places = () =>
      on.rows(
        [...TABLES, 'installation']
          .map((table) => `SELECT '${table}' || ctid || xmin AS at FROM ${table}`)
          .join(' UNION '),
      )
    const before = await places()
    await releaseEntries(on.house.db)
    assert.deepEqual(await places(), before)
    assert.deepEqual(await on.rows("SELECT 1 FROM installation WHERE organization_managed_by = 'file'"), [])
    await apply()
  })

  it('of the demo can be changed in the console, and is written again only when the demo says something else of it', async () => {
    const demo = (change: (declared: Declared) => void = () => {}) => {
      const next = structuredClone(declared())
      change(next)
      return applyDeclared(on.house.db, on.house.keyring, next, { managedBy: 'console' })
    }
    await demo()
    assert.match((await entries('idps')).join(), /^acme console on \d+,globex console on/)
    assert.deepEqual(await demo(), { written: [], turnedOff: [] })
    await on.rows("UPDATE idps SET display_name = 'Mine', is_enabled = false WHERE name = 'acme'")
    await on.rows(`UPDATE installation SET organization = '{"name": "Mine"}'`)
    const fewer = (next: Declared) => {
      next.purposes = []
    }
    assert.deepEqual(await demo(fewer), { written: [], turnedOff: [] })
    assert.deepEqual(await on.rows("SELECT display_name AS name, is_enabled FROM idps WHERE name = 'acme'"), [
      { name: 'Mine', is_enabled: false },
    ])
    assert.deepEqual(await on.rows(`SELECT organization ->> 'name' AS name FROM installation`), [{ name: 'Mine' }])
    const other = (next: Declared) => {
      next.organization.name = 'Other'
      for (const idp of next.identityProviders) idp.displayName = 'Other'
    }
    assert.deepEqual(await demo(other), { written: ['organization', 'idp acme', 'idp globex'], turnedOff: [] })
    assert.deepEqual(await on.rows(`SELECT organization ->> 'name' AS name FROM installation`), [{ name: 'Other' }])
    await apply()
  })
})

describe('the history', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  it('cannot be changed, shortened or emptied', async () => {
    await insertChange(on.house.db, COMMAND_LINE, { action: 'created', kind: 'operator', object: 'asha' })
    const before = await on.rows('SELECT * FROM changes ORDER BY id')
    assert.ok(before.length > 0)
    for (const statement of [
      "UPDATE changes SET actor = 'nobody'",
      'UPDATE changes SET after = NULL WHERE false',
      'DELETE FROM changes',
      'TRUNCATE changes',
    ]) {
      await assert.rejects(on.rows(statement), /What was done stays as it was/, statement)
    }
    assert.deepEqual(await on.rows('SELECT * FROM changes ORDER BY id'), before)
  })

  it('is read newest first, in pages, and by who, what, which and when', async () => {
    const asha = { name: 'asha', id: '7f1c6c1e-2b1a-4c93-a9a4-3f4f2f0f6b11', address: '192.0.2.7', requestId: 'r-1' }
    for (const object of ['one', 'two', 'three'])
      await insertChange(on.house.db, asha, {
        action: 'locked',
        kind: 'user',
        object,
        before: { a: 1 },
        after: { a: 2 },
      })
    const objects = async (filter: Parameters<typeof listChanges>[1], limit = 10) =>
      (await listChanges(on.house.db, filter, limit)).map(({ object }) => object)
    assert.deepEqual(await objects({ actor: 'asha' }), ['three', 'two', 'one'])
    assert.deepEqual(await objects({ kind: 'user', object: 'two' }), ['two'])
    const [newest] = await listChanges(on.house.db, {}, 1)
    assert.ok(newest)
    const { id, at, ...line } = newest
    assert.deepEqual(line, {
      ...{ actorId: asha.id, actor: 'asha', address: '192.0.2.7', requestId: 'r-1' },
      ...{ action: 'locked', kind: 'user', object: 'three', before: { a: 1 }, after: { a: 2 } },
    })
    assert.deepEqual(await objects({ actor: 'asha', olderThan: id }, 1), ['two'])
    assert.deepEqual(await objects({ olderThan: 'x; DROP' }), [])
    assert.deepEqual(await objects({ actor: 'asha', from: new Date(at.getTime() + 1_000) }), [])
    assert.equal((await objects({ actor: 'asha', to: new Date(at.getTime() + 1_000) })).length, 3)
  })
})
