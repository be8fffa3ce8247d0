// Whatever the configuration file can say of an identity provider can be said in the console.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { IdpEntry } from '../../src/console/idp-form.ts'
import { checkDeclared, readDeclared } from '../../src/declared.ts'
import { applyDeclared } from '../../src/settings/declare.ts'
import { findSetting } from '../../src/settings/entries.ts'
import { holdsThroughout, shortText } from '../support/arbitraries.ts'
import type { Browser } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { openHouse, type TestHouse } from '../support/house.ts'
import { type Product, REPOSITORY, startProduct } from '../support/product.ts'
import { postForm } from '../support/visits.ts'

describe('what the file can say of an identity provider', () => {
  let product: Product
  let browser: Browser
  let file: TestHouse
  before(async () => {
    file = await openHouse()
    product = await startProduct()
    await product.rows("UPDATE idps SET managed_by = 'console'")
    browser = (await openConsole(product)).browser
  })
  after(async () => {
    await product.stop()
    await file.drop()
  })

  const at = (below = '') => `${product.url}/console/identity-providers${below}`

  const surroundings = { userStores: [{ name: 'PRIMARY' }, { name: 'STAFF' }], attributes: [{ name: 'department' }] }

  /** Says an entry in the console, as people would: added, then edited. */
  async function sayInConsole(idp: IdpEntry): Promise<void> {
    const {
      requireSecondFactor,
      oidc,
      claims,
      provisioning: { jit },
    } = idp
    const first = (await browser.open(at('/add'))).submission('Add')
    for (const [name, value] of Object.entries({
      name: idp.name,
      displayName: String(idp.displayName),
      issuer: oidc.issuer,
      clientId: oidc.clientId,
      clientSecret: String(oidc.clientSecret ?? ''),
      scopes: oidc.scopes.join(' '),
      username: claims.username,
    }))
      first.fields.set(name, value)
    if (!idp.isEnabled) first.fields.delete('isEnabled')
    const added = await postForm(browser, first.url, first.fields)
    assert.equal(added.status, 303, await added.text())
    const { url, fields } = (await browser.open(at(`/${idp.name}`))).submission('Update')
    for (const name of [...fields.keys()]) if (/^mapping-/.test(name)) fields.delete(name)
    const pairs = (kind: string, all: [string, string][]) =>
      all.forEach(([ours, theirs], index) => {
        fields.set(`${kind}-${index}-ours`, ours)
        fields.set(`${kind}-${index}-theirs`, theirs)
      })
    pairs('mapping', Object.entries(claims.mappings))
    pairs(
      'role',
      Object.entries(claims.roleMappings).map(([theirs, ours]) => [ours, theirs]),
    )
    fields.set('roles', claims.roles ?? '')
    for (const [name, value] of Object.entries({
      provisioning: jit.isEnabled ? 'always' : 'none',
      userstore: jit.userstore,
      scheme: jit.scheme,
      sync: jit.attributeSyncMethod,
    }))
      fields.set(name, value)
    if (jit.associateLocalUser) fields.set('associates', 'yes')
    if (requireSecondFactor) fields.set('requireSecondFactor', 'yes')
    const updated = await postForm(browser, url, fields)
    assert.equal(updated.status, 303, await updated.text())
  }

  async function assertSame(text: string): Promise<void> {
    const { declared, faults } = readDeclared(text, 'a.yaml', {
      ALLOW_PRIVATE_IDP: '1',
      ACME_SECRET: 'an acme secret',
      TRAVEL_SECRET: 'a secret of travel agents',
      PAGES_SECRET: 'a secret of pages that ask',
    })
    assert.deepEqual(faults, [])
    assert.ok(declared)
    await applyDeclared(file.house.db, file.house.keyring, declared)
    await product.rows("INSERT INTO user_stores (name, managed_by) VALUES ('STAFF', 'console') ON CONFLICT DO NOTHING")
    for (const { name } of declared.identityProviders) {
      const said = await findSetting(file.house.db, 'idp', name)
      assert.ok(said)
      await product.rows('DELETE FROM idps WHERE name = $1', [name])
      const { jit, ...rest } = declared.identityProviders.find((one) => one.name === name) ?? assert.fail()
      await sayInConsole({ ...rest, provisioning: { jit } })
      const here = await findSetting(product.running.house.db, 'idp', name)
      assert.deepEqual({ ...here?.entry, hasSecret: here?.hasSecret }, { ...said.entry, hasSecret: said.hasSecret })
      await product.rows('DELETE FROM idps WHERE name = $1', [name])
    }
  }

  test('the example says it, and so can the console', async () => {
    await assertSame(readFileSync(path.join(REPOSITORY, 'docs/vestibule.example.yaml'), 'utf8'))
  })

  test('whatever it says, the console can say', async () => {
    // A line is what a field of a form can hold.
    const line = shortText.map((text) => text.replaceAll(/[\r\n]/g, ' '))
    const names = ['email', 'name', 'department', 'website', 'locale']
    const idp = fc.record({
      name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/).map((name) => `any-${name}`),
      displayName: line,
      isEnabled: fc.boolean(),
      requireSecondFactor: fc.boolean(),
      oidc: fc.record(
        {
          issuer: fc.constantFrom(
            'https://id.acme.example',
            'https://id.acme.example/a/',
            'https://[2001:db8::1]:8443/x%20y',
          ),
          clientId: line,
          clientSecret: line,
          scopes: fc
            .uniqueArray(fc.stringMatching(/^[!#-[\]-~]{1,20}$/), { maxLength: 4 })
            .map((scopes) => ['openid', ...scopes]),
        },
        { requiredKeys: ['issuer', 'clientId', 'scopes'] },
      ),
      claims: fc.record({
        username: line,
        roles: line,
        mappings: fc.dictionary(fc.constantFrom(...names), line),
        roleMappings: fc.dictionary(line, line, { maxKeys: 4 }),
      }),
      provisioning: fc.record({
        jit: fc.record({
          isEnabled: fc.boolean(),
          scheme: fc.constantFrom(
            'PROVISION_SILENTLY',
            'PROMPT_CONSENT',
            'PROMPT_PASSWORD_CONSENT',
            'PROMPT_USERNAME_PASSWORD_CONSENT',
          ),
          userstore: fc.constantFrom('PRIMARY', 'STAFF', 'As in username'),
          associateLocalUser: fc.boolean(),
          attributeSyncMethod: fc.constantFrom('OVERRIDE_ALL', 'PRESERVE_LOCAL', 'NONE'),
        }),
      }),
    })
    const mend = (mended: IdpEntry, at: string) => {
      if (at === 'displayName') mended.displayName = 'Acme'
      if (at === 'oidc.clientId') mended.oidc.clientId = 'c'
      if (at === 'oidc.clientSecret') delete mended.oidc.clientSecret
      if (at === 'claims.username') mended.claims.username = 'sub'
      if (at === 'claims.roles') mended.claims.roles = 'groups'
      if (at.startsWith('claims.roleMappings')) mended.claims.roleMappings = { 'their role': 'our-role' }
      if (at.startsWith('claims.mappings')) mended.claims.mappings = { email: 'mail' }
    }
    let said = 0
    let tried = 0
    await holdsThroughout(30, [idp], async (one) => {
      tried += 1
      // What the file refuses is mended as far as it goes.
      const mended = structuredClone(one) as IdpEntry
      const check = () =>
        checkDeclared({ ...surroundings, identityProviders: [mended] }, { allowPrivateIdp: true }).faults
      for (let round = 0; round < 3; round += 1)
        for (const { path: full } of check()) mend(mended, full.replace('identityProviders[0].', ''))
      if (check().length > 0) return
      said += 1
      await assertSame(JSON.stringify({ ...surroundings, identityProviders: [mended] }).replaceAll('${', () => '$${'))
    })
    assert.ok(said > (tried * 2) / 3, `only ${said} of ${tried} were said`)
  })
})
