// What is deleted in the console is gone, and what people gave is not: of an identity provider, an application, an attribute.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { listChanges } from '../src/db/changes.ts'
import { type Kind, releaseEntries } from '../src/db/entries.ts'
import { findSetting } from '../src/settings/entries.ts'
import { removeEntry } from '../src/settings/remove.ts'
import { saveEntry } from '../src/settings/save.ts'
import { openBrowser } from './support/browser.ts'
import { type Mode, type Product, startProduct } from './support/product.ts'
import { arrive, fillRegister, signedInAt, stranger } from './support/road.ts'
import { ASHA, saved } from './support/settings.ts'
import { storedPerson } from './support/visits.ts'

const MODES: Mode[] = ['username', 'consent', 'silent']

describe('in the console', () => {
  let product: Product
  before(async () => {
    product = await startProduct({
      modes: MODES,
      change: (declared) => ({
        ...declared,
        identityProviders: declared.identityProviders.map((idp) => ({
          ...idp,
          claims: { ...idp.claims, roles: 'groups', roleMappings: { engineers: 'engineer' } },
        })),
        applications: declared.applications.map(({ identityProviders: _, ...application }) => application),
      }),
    })
    await releaseEntries(product.running.db)
  })
  after(() => product.stop())

  const remove = async (kind: Kind, key: string, more = {}) => {
    const { house } = product.running
    const expectedVersion = (await findSetting(house.db, kind, key))?.version ?? 0
    return removeEntry(house, { kind, key, expectedVersion, actor: ASHA, ...more })
  }
  const idOf = async (name: string) => (await findSetting(product.running.db, 'idp', name))?.id ?? ''

  it('an identity provider that people come from is deleted only with that way in, and they keep all else', async () => {
    const person = stranger(product, { groups: ['engineers'] })
    const asked = await arrive(product, openBrowser(), 'username', person)
    signedInAt(product.application, await fillRegister(asked, 'asha').press('Create account'))
    const before = await storedPerson(product, person.sub)
    assert.ok(before)
    const userId = before.user.id
    const roles = () => product.rows('SELECT role FROM user_roles WHERE user_id = $1', [userId])
    const consents = () => product.rows('SELECT * FROM consents WHERE user_id = $1 ORDER BY id', [userId])
    const given = await consents()
    assert.ok(given.length > 0)
    assert.equal((await roles()).length, 1)
    // Somebody else is being asked meanwhile.
    const waiting = openBrowser()
    const open = await arrive(product, waiting, 'username', stranger(product))

    const id = await idOf('username')
    assert.deepEqual(await remove('idp', 'username'), {
      kind: 'in-use',
      message: 'The identity provider username cannot be deleted: 1 person has this way in. Turn it off instead.',
    })
    assert.deepEqual(await remove('idp', 'username', { withIdentities: true }), { kind: 'deleted' })

    assert.equal(await findSetting(product.running.db, 'idp', 'username'), undefined)
    assert.deepEqual(await product.rows('SELECT 1 FROM identities WHERE idp_id = $1', [id]), [])
    const attributes = await product.rows<{ name: string; origin: string }>(
      'SELECT name, origin FROM user_attributes WHERE user_id = $1',
      [userId],
    )
    assert.deepEqual([...new Set(attributes.map(({ origin }) => origin))], ['operator'])
    assert.deepEqual(await roles(), [])
    assert.deepEqual(await consents(), given)
    const [line] = await listChanges(product.running.db, {}, 1)
    assert.deepEqual(
      [line?.action, line?.object, line?.after],
      ['deleted', 'username', { id, people: 1, peopleWithoutOther: 0 }],
    )

    const again = await waiting.open(open.url)
    assert.equal(again.status, 200)
    assert.match(again.url, /login\.do/)
    assert.doesNotMatch(again.text, /Acme username/)
    const back = await again.click('Continue with Acme consent')
    assert.match(back.url, new RegExp(product.idp.issuer))
  })

  it('an application is deleted with the sign-ins to it, and people and other applications stay', async () => {
    await product.addApplication({ clientId: 'office' }, { identityProviders: ['consent'] })
    await releaseEntries(product.running.db)
    const browser = openBrowser()
    const asked = await arrive(product, browser, 'consent', stranger(product))
    assert.match(asked.url, /signup\.do/)
    const users = await product.rows('SELECT id FROM users')
    assert.deepEqual(await remove('application', 'travel'), { kind: 'deleted' })
    assert.equal((await browser.open(asked.url)).status, 404)
    assert.deepEqual(await product.rows('SELECT id FROM users'), users)
    assert.ok(await findSetting(product.running.db, 'application', 'office'))
    await product.redeclare((declared) => declared)
    await releaseEntries(product.running.db)
  })

  it('an attribute of which people have values stays', async () => {
    const { house } = product.running
    signedInAt(
      product.application,
      await arrive(product, openBrowser(), 'silent', stranger(product, { department: 'x' })),
    )
    for (const kind of ['purpose', 'idp'] as const) {
      const rows = await product.rows<{ key: string }>(`SELECT ${kind === 'idp' ? 'name' : 'id'} AS key FROM ${kind}s`)
      for (const { key } of rows) {
        const setting = await findSetting(house.db, kind, key)
        const { entry = {}, version: expectedVersion = 0 } = setting ?? {}
        const oidc = { ...(entry['oidc'] as object), clientSecret: { keep: true } }
        const changed =
          kind === 'idp'
            ? { ...entry, oidc, claims: { mappings: { email: 'email' } } }
            : { ...entry, piiCategories: [{ name: 'email' }] }
        saved(await saveEntry(house, { kind, key, entry: changed, expectedVersion, actor: ASHA }))
      }
    }
    const outcome = await remove('attribute', 'department')
    assert.deepEqual(outcome, {
      kind: 'in-use',
      message: 'The attribute department cannot be deleted: 1 person has one. Turn it off instead.',
    })
    await product.rows("DELETE FROM user_attributes WHERE name = 'department'")
    assert.deepEqual(await remove('attribute', 'department'), { kind: 'deleted' })
  })
})
