// Deleting idps from the command line: idp delete, and config apply --prune. Both count first, say how far they are, and go on where they were stopped.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { listChanges } from '../src/db/changes.ts'
import { applyDeclared } from '../src/settings/declare.ts'
import { findSetting } from '../src/settings/entries.ts'
import { type Ended, openShop, type Shop, vestibule } from './support/commands.ts'
import { DECLARATION, declared, openHouse, type TestHouse } from './support/house.ts'
import { seedPeople, turnFeatureOn } from './support/idp-deletion.ts'
import { SECRET_KEY } from './support/product.ts'
import { until } from './support/until.ts'

const ENHANCED = `${DECLARATION}
authentication: { jit_provisioning: { enable_enhanced_feature: true } }
`
/** Without acme, and without what the application is. */
const WITHOUT = ENHANCED.replace(/ {2}- name: acme[\s\S]*?(?= {2}- name: globex)/, '').replace(
  /applications:[\s\S]*?(?=authentication)/,
  '',
)

describe('vestibule idp delete', { concurrency: 1 }, () => {
  let on: TestHouse
  let shop: Shop
  const run = (...words: string[]): Promise<Ended> =>
    vestibule(['idp', 'delete', ...words], { DATABASE_URL: on.url, SECRET_KEY })
  const users = async () => (await on.rows('SELECT 1 FROM users')).length
  before(async () => {
    shop = await openShop()
    on = await openHouse()
    await turnFeatureOn(on.house, on.rows)
    await seedPeople(on.rows, { idp: 'acme', count: 700, mark: 'p' })
    await on.rows("UPDATE users SET password_hash = 'x' WHERE username IN ('p-1', 'p-2')")
  })
  after(async () => {
    await on.drop()
    await shop.close()
  })

  it('says without --yes what would go and what would stay, and deletes nothing', async () => {
    const { code, out, error } = await run('acme')
    assert.deepEqual([code, out], [1, ''])
    assert.equal(
      error,
      'Deleting acme: 698 people go with it, and everything that is kept of them; 2 people stay without this way in; 0 consent records stay as proof, without any values.\n' +
        'Nothing is deleted by this. To delete it: vestibule idp delete acme --yes\n',
    )
    assert.equal(await users(), 700)
    assert.equal((await findSetting(on.house.db, 'idp', 'acme'))?.isEnabled, true)
  })

  it('refuses what the file declares, what an application names, and a name that nothing has', async () => {
    assert.match((await run('nobody', '--yes')).error, /^There is no identity provider nobody\.\n$/)
    await on.rows("UPDATE idps SET managed_by = 'file' WHERE name = 'acme'")
    assert.match(
      (await run('acme', '--yes')).error,
      /^The configuration file declares acme\. Take it out there, then run: vestibule config apply --prune\n$/,
    )
    await on.rows("UPDATE idps SET managed_by = 'console'")
    await on.rows("UPDATE applications SET identity_providers = '{acme}'")
    const named = await run('acme', '--yes')
    assert.equal(named.code, 1)
    assert.match(named.error, /acme is not deleted\. application travel names it and has to let it go first\.\n$/)
    await on.rows('UPDATE applications SET identity_providers = NULL')
    assert.equal(await users(), 700)
  })

  it('killed half-way leaves it off and half deleted; run again it goes on, says how far it is, and ends with the totals', async () => {
    // Slow enough to be hit in the middle.
    await on.rows(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END';
      CREATE TRIGGER slow AFTER DELETE ON users FOR EACH STATEMENT EXECUTE FUNCTION slow()`)
    const machine = new AbortController()
    const killed = vestibule(['idp', 'delete', 'acme', '--yes'], { DATABASE_URL: on.url, SECRET_KEY }, machine.signal)
    await until(async () => (await users()) < 700)
    machine.abort()
    await killed
    const left = await users()
    assert.ok(left > 2 && left < 700, `${left} left`)
    const looked = await run('acme')
    assert.equal(looked.code, 1)
    assert.match(
      looked.error,
      /^acme is being deleted: \d+ of 700 people\.\nTo go on here: vestibule idp delete acme --yes\n$/,
    )

    const { code, out, error } = await run('acme', '--yes')
    assert.deepEqual([code, out], [0, 'acme is deleted: 698 people went with it, 2 stay without this way in.\n'])
    assert.match(error, /^acme: \d+ of 700 people\n/)
    assert.equal(await users(), 2)
    const [last] = await listChanges(on.house.db, { kind: 'idp', object: 'acme' }, 1)
    assert.deepEqual(
      [last?.action, last?.actor, last?.after?.['erased'], last?.after?.['kept']],
      ['deleted', 'command line', 698, 2],
    )
    await on.rows('DROP TRIGGER slow ON users')
  })

  it('while the feature is off deletes nobody, and says so', async () => {
    await turnFeatureOn(on.house, on.rows, false)
    await seedPeople(on.rows, { idp: 'globex', count: 3, mark: 'g' })
    const { code, out, error } = await run('globex', '--yes')
    assert.deepEqual([code, out], [0, 'globex is deleted.\n'])
    assert.match(
      error,
      /^Deleting globex: 3 people lose this way in, and 3 of them have no other\. Nobody is deleted: the enhanced feature is off\.\n$/,
    )
    assert.equal(await users(), 5)
    assert.equal(await findSetting(on.house.db, 'idp', 'globex'), undefined)
  })

  it('called otherwise prints how it is used', async () => {
    for (const words of [[], ['--yes'], ['acme', 'globex'], ['acme', '--no']])
      assert.equal((await run(...words)).code, 64)
  })
})

describe('vestibule config apply --prune', { concurrency: 1 }, () => {
  let on: TestHouse
  let shop: Shop
  /** An entry like another one. */
  const copyOf = (table: string, key: string, name: string, changes: Record<string, unknown>) =>
    on.rows(`INSERT INTO ${table} SELECT (jsonb_populate_record(t, $1)).* FROM ${table} t WHERE ${key} = $2`, [
      JSON.stringify(changes),
      name,
    ])
  before(async () => {
    shop = await openShop()
    on = await openHouse()
    await applyDeclared(on.house.db, on.house.keyring, declared(ENHANCED))
    await seedPeople(on.rows, { idp: 'acme', count: 400, mark: 'p' })
    await on.rows("UPDATE users SET password_hash = 'x' WHERE username = 'p-1'")
    // The operator's own, and off: no file has a say in it.
    await copyOf('idps', 'name', 'acme', { id: randomUUID(), name: 'own', is_enabled: false, managed_by: 'console' })
  })
  after(async () => {
    await on.drop()
    await shop.close()
  })
  const run = async (yaml: string, ...options: string[]) =>
    vestibule(['config', 'apply', ...options], { DATABASE_URL: on.url, SECRET_KEY, CONFIG_FILE: await shop.file(yaml) })
  const names = async () =>
    (await on.rows<{ name: string }>('SELECT name FROM idps ORDER BY name')).map(({ name }) => name)

  it('--dry-run says what would go, with the people, and does nothing', async () => {
    const before = await on.contents()
    const dry = await run(WITHOUT, '--dry-run')
    assert.deepEqual(
      [dry.code, dry.out],
      [
        0,
        'Would write idp globex.\nWould turn off idp acme: it is no longer declared.\nWould turn off application travel: it is no longer declared.\n',
      ],
    )
    const { code, out } = await run(WITHOUT, '--prune', '--dry-run')
    assert.deepEqual(
      [code, out],
      [
        0,
        'Would write idp globex.\nWould delete application travel.\n' +
          'Would delete idp acme: 399 people go with it, and everything that is kept of them; 1 person stays without this way in; 0 consent records stay as proof, without any values.\n',
      ],
    )
    assert.equal(await on.contents(), before)
  })

  it('without --prune turns it off, and its people stay', async () => {
    const { out } = await run(WITHOUT)
    assert.equal(
      out,
      'Wrote idp globex.\nTurned off idp acme: it is no longer declared.\nTurned off application travel: it is no longer declared.\n',
    )
    assert.equal((await on.rows('SELECT 1 FROM users')).length, 400)
  })

  it('keeps what the console names, and says so', async () => {
    await copyOf('applications', 'client_id', 'travel', {
      id: randomUUID(),
      client_id: 'office',
      identity_providers: ['acme'],
      is_enabled: true,
      managed_by: 'console',
    })
    const { code, out } = await run(WITHOUT, '--prune')
    assert.deepEqual(
      [code, out],
      [
        0,
        'Deleted application travel.\nKept idp acme, which is off. application office names it and has to let it go first.\n',
      ],
    )
    await on.rows("DELETE FROM applications WHERE client_id = 'office'")
  })

  it('deletes what an earlier run turned off, counted first, and nothing that is an operator’s', async () => {
    const { code, out, error } = await run(WITHOUT, '--prune')
    assert.deepEqual([code, out], [0, 'acme is deleted: 399 people went with it, 1 stays without this way in.\n'])
    assert.match(error, /^Deleting idp acme: 399 people go with it, .*\nacme: \d+ of 400 people\n/)
    assert.deepEqual(await names(), ['globex', 'own'])
    assert.equal((await on.rows('SELECT 1 FROM users')).length, 1)
    const [last] = await listChanges(on.house.db, { kind: 'idp', object: 'acme' }, 1)
    assert.deepEqual([last?.action, last?.actor], ['deleted', 'configuration file'])
    assert.equal((await run(WITHOUT, '--prune')).out, 'Nothing to write: the database says the same.\n')
  })

  it('of an idp that an operator has taken over since leaves it', async () => {
    await run(ENHANCED)
    await run(WITHOUT)
    await on.rows(
      `INSERT INTO changes (actor_id, actor, action, kind, object) VALUES (gen_random_uuid(), 'olu', 'turned off', 'idp', 'acme')`,
    )
    assert.equal((await run(WITHOUT, '--prune')).out, 'Deleted application travel.\n')
    assert.deepEqual(await names(), ['acme', 'globex', 'own'])
  })

  it('a file that declares it again while it is being deleted has a fault, with 78', async () => {
    await seedPeople(on.rows, { idp: 'globex', count: 1, mark: 'g' })
    await on.rows(`UPDATE idps SET is_enabled = false, deletion = '{"done": {}}' WHERE name = 'globex'`)
    const { code, out, error } = await run(WITHOUT)
    assert.deepEqual([code, out], [78, ''])
    assert.match(
      error,
      /identityProviders\[0\]\.name: is being deleted with its users, and can be declared again when that is done/,
    )
  })
})
