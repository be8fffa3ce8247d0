// Everything that the configuration file can say can be said in the console: the complete example, typed in, comes out the same.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { connect } from '../../src/db/connect.ts'
import { readDeclared } from '../../src/declared.ts'
import { createKeyring } from '../../src/seal.ts'
import { applyDeclared } from '../../src/settings/declare.ts'
import { exportConfiguration } from '../../src/settings/export.ts'
import { saveEntry } from '../../src/settings/save.ts'
import type { Browser, Page } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { type Product, REPOSITORY, SECRET_KEY, startProduct, testCluster } from '../support/product.ts'

const EXAMPLE = readFileSync(path.join(REPOSITORY, 'docs/vestibule.example.yaml'), 'utf8')
const ENVIRONMENT = Object.fromEntries(
  ['ACME_SECRET', 'TRAVEL_SECRET', 'PAGES_SECRET'].map((name) => [name, 'a secret of the environment']),
)

type Words = Record<string, string>
interface Example {
  organization: Words
  authentication: { jit_provisioning: Record<string, string | boolean | string[]> }
  attributes: { name: string; displayName: string; translations?: Words }[]
  userStores: { name: string; properties?: Record<string, string | boolean> }[]
  identityProviders: { oidc: Words; [key: string]: unknown }[]
  purposes: {
    id: string
    purpose: string
    description: string
    translations?: Record<string, Words>
    piiCategories: { name: string; mandatory?: boolean }[]
  }[]
  applications: {
    name: string
    clientId: string
    clientSecret?: string
    redirectUris?: string[]
    postLogoutRedirectUris?: string[]
    grantTypes?: string[]
    scopes?: string[]
    identityProviders?: string[]
    requireLocalUser?: boolean
    requirePkce?: boolean
  }[]
}

describe('the complete example', () => {
  const example = parse(EXAMPLE) as Example
  let product: Product
  let browser: Browser
  before(async () => {
    product = await startProduct({ modes: ['silent'] })
    ;({ browser } = await openConsole(product))
    for (const table of ['applications', 'idps', 'purposes', 'attributes']) await product.rows(`DELETE FROM ${table}`)
    await product.rows(`DELETE FROM user_stores WHERE name <> 'PRIMARY'`)
    await product.rows(`UPDATE user_stores SET managed_by = 'console'`)
    await product.rows(
      `UPDATE installation SET organization = '{"name": "Vestibule"}', jit_provisioning = '{}',
         organization_managed_by = 'console', jit_provisioning_managed_by = 'console'`,
    )
  })
  after(() => product.stop())

  const open = (below: string) => browser.open(`${product.url}/console/${below}`)
  const isSaved = (page: Page) => assert.equal(page.status, 200, page.text)

  test('is said by nobody yet', async () => {
    assert.doesNotMatch(await exportConfiguration(product.running.house.db), /^\w/m)
  })

  test('can be typed: the organisation, and what holds for the prompts', async () => {
    isSaved(await (await open('settings/organization')).fill(example.organization).press('Save'))
    const lines = Object.entries(example.authentication.jit_provisioning).map(([key, value]) => [
      key,
      [value].flat().join('\n'),
    ])
    isSaved(await (await open('settings/jit-provisioning')).fill(Object.fromEntries(lines)).press('Save'))
  })

  test('can be typed: attributes and user stores', async () => {
    for (const { name, displayName, translations = {} } of example.attributes) {
      const spoken = Object.entries(translations).map(([tag, words]) => [`displayName-${tag}`, words])
      const page = (await open('settings/attributes/add/new')).fill({
        name,
        displayName,
        ...Object.fromEntries(spoken),
      })
      isSaved(await page.press('Add'))
    }
    for (const { name, properties = {} } of example.userStores.filter((store) => store.name !== 'PRIMARY')) {
      const said = Object.entries(properties).map(([key, value]) => [key, String(value)])
      isSaved(await (await open('user-stores/add/new')).fill({ name, ...Object.fromEntries(said) }).press('Add'))
    }
  })

  test('can be typed: purposes, in the languages of the pages', async () => {
    for (const { id, purpose, description, translations = {}, piiCategories } of example.purposes) {
      let page = await open('resident/user-onboarding/ask-password/purposes/add/new')
      page = page.fill({ id, purpose, description })
      for (const [tag, words] of Object.entries(translations)) {
        for (const [what, text] of Object.entries(words)) page = page.fill({ [`${what}-${tag}`]: text })
      }
      for (const [index, { name, mandatory }] of piiCategories.entries()) {
        if (index > 0) page = await page.press('Add PII Category')
        page = page.fill({ [`attribute-${index}`]: name })
        if (mandatory) page = page.tick(`mandatory-${index}`)
      }
      isSaved(await page.press('Finish'))
    }
  })

  test('can be typed: applications, of whose people some come from one idp alone', async () => {
    const { house } = product.running
    for (const idp of example.identityProviders) {
      // The form of identity providers has a test of its own.
      const oidc = { ...idp.oidc, clientSecret: 'a secret of the environment' }
      const request = { kind: 'idp' as const, expectedVersion: 0, entry: { ...idp, oidc }, actor: { name: 'a test' } }
      assert.equal((await saveEntry(house, request)).kind, 'saved')
    }
    for (const application of example.applications) {
      let page = (await open('applications/add/new')).fill({
        name: application.name,
        clientId: application.clientId,
        redirectUris: application.redirectUris?.join('\n') ?? '',
        postLogoutRedirectUris: application.postLogoutRedirectUris?.join('\n') ?? '',
      })
      if (application.clientSecret === undefined) page = page.tick('public')
      for (const one of ['authorization_code', 'refresh_token', 'client_credentials'])
        if (application.grantTypes) page = application.grantTypes.includes(one) ? page.tick(one) : page.untick(one)
      for (const one of application.scopes ?? []) page = page.tick(one)
      if (application.identityProviders) page = page.tick('some')
      for (const one of application.identityProviders ?? []) page = page.tick(one)
      if (application.requireLocalUser) page = page.tick('requireLocalUser')
      if (application.requirePkce === false) page = page.untick('requirePkce')
      isSaved(await page.press('Add'))
    }
  })

  test('comes out as it does where a file said it', async () => {
    const { declared, faults } = readDeclared(EXAMPLE, 'vestibule.example.yaml', ENVIRONMENT)
    assert.ok(declared, JSON.stringify(faults))
    const database = await (await testCluster()).clone()
    const db = connect({ url: database.url, poolMax: 1, ssl: false, onError: () => {} })
    try {
      await applyDeclared(db, createKeyring(SECRET_KEY), declared)
      const ofTheFile = await exportConfiguration(db)
      assert.match(ofTheFile, /TRAVEL_SECRET/)
      assert.equal(await exportConfiguration(product.running.house.db), ofTheFile)
    } finally {
      await db.destroy()
      await database.drop()
    }
  })
})
