// A change of the settings holds in every process within seconds, without a restart, for people who are on their way as well.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { saveEntry } from '../src/settings/save.ts'
import { openBrowser, type Page } from './support/browser.ts'
import { PASSWORD } from './support/people.ts'
import { plainFetch } from './support/plain-fetch.ts'
import { type Product, startProduct } from './support/product.ts'
import { arrive, fillRegister, signedInAt, stranger } from './support/road.ts'
import { ASHA, type Office, openOffice, saved } from './support/settings.ts'
import { signedIn, visit } from './support/visits.ts'

const SECONDS = 7_000

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + SECONDS; !(await holds()); await sleep(100)) {
    assert.ok(performance.now() < end, 'it did not hold within seconds')
  }
}

describe('a change of the settings', () => {
  let office: Office
  before(async () => {
    office = await openOffice()
  })
  after(() => office.drop())

  const change = async (kind: 'organization' | 'jitProvisioning', entry: Record<string, unknown>) => {
    const [row] = await office.rows<{ o: number; j: number }>(
      'SELECT organization_version AS o, jit_provisioning_version AS j FROM installation',
    )
    const expectedVersion = (kind === 'organization' ? row?.o : row?.j) ?? 0
    saved(await saveEntry(office, { kind, entry, expectedVersion, actor: ASHA }))
  }

  it('holds at once where it was made, and within seconds in another process', async () => {
    const other = await office.another()
    await change('organization', { name: 'Southwind', email: 'privacy@southwind.example' })
    await change('jitProvisioning', { unknown_user_store: 'refuse', reserved_usernames: ['Reception'] })
    const { organization, names } = office.settings()
    assert.deepEqual(organization, { name: 'Southwind', email: 'privacy@southwind.example' })
    assert.deepEqual(names, { unknownStore: 'refuse', reserved: new Set(['reception']) })
    assert.notDeepEqual(other.settings().names, names)
    await until(() => other.settings().organization.name === 'Southwind')
    assert.deepEqual(other.settings(), office.settings())
  })

  it('is read again after the database was away, and until then what was read last holds', async () => {
    const other = await office.another(50)
    await until(() => other.settings().organization.name === 'Southwind')
    await office.rows('ALTER TABLE installation RENAME TO away')
    await sleep(300)
    assert.equal(other.settings().organization.name, 'Southwind')
    await office.rows('ALTER TABLE away RENAME TO installation')
    await change('organization', { name: 'Eastwind' })
    await until(() => other.settings().organization.name === 'Eastwind')
  })
})

describe('the addresses of the prompts', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['username', 'password'] })
  })
  after(() => product.stop())

  it('change while people are asked: whoever is sent there next finds the page, and whoever is at the old address goes on from there', async () => {
    const person = stranger(product)
    const browser = openBrowser()
    const asked = await arrive(product, browser, 'username', person)
    assert.match(asked.url, /\/accountrecoveryendpoint\/register\.do\?/)
    const urls = { username_provisioning_url: '/join/register.do', password_provisioning_url: '/join/signup.do' }
    await product.rows('UPDATE installation SET jit_provisioning = $1', [JSON.stringify(urls)])
    await until(() => product.running.house.settings().prompts.register === urls.username_provisioning_url)

    const at = (page: Page) => [page.status, new URL(page.url).pathname]
    assert.deepEqual(at(await browser.open(asked.url)), [200, '/join/register.do'])
    assert.equal((await openBrowser().open(asked.url)).status, 404, 'of whoever has no such sign-in')
    assert.equal((await browser.open(new URL('?a=b', asked.url).href)).status, 404)
    // What was typed at the old address is there, but for the password, and is sent to the new one.
    const back = await fillRegister(asked, 'asha').press('Create account')
    const form = back.submission('Create account')
    assert.deepEqual([back.status, new URL(form.url).pathname], [422, '/join/register.do'])
    assert.deepEqual([form.fields.get('username'), form.fields.getAll('consent')], ['asha', ['recover:email']])
    signedInAt(product.application, await back.fill({ password: PASSWORD }).press('Create account'))

    const other = await arrive(product, openBrowser(), 'password', stranger(product))
    assert.equal(new URL(other.url).pathname, '/join/signup.do')
    for (const [method, status] of [
      ['DELETE', 405],
      ['HEAD', 200],
    ] as const) {
      const response = await fetch(`${product.url}/JOIN/Register.do/`, { method })
      assert.equal(response.status, method === 'HEAD' ? 404 : status, method)
    }
  })
})

describe('an attribute of the operator’s own', () => {
  let product: Product
  before(async () => {
    product = await startProduct()
  })
  after(() => product.stop())

  it('that is added is told to applications by every process within seconds, and one that is turned off no more', async () => {
    const there = await product.another()
    const host = new URL(product.url).host
    const askOne = async <Answer>(port: number, path: string, headers: Record<string, string>) =>
      (await (await plainFetch(`http://127.0.0.1:${port}${path}`, { headers: { ...headers, host } })).json()) as Answer
    const ask = <Answer>(path: string, headers = {}) =>
      Promise.all([product.port, there.port].map((port) => askOne<Answer>(port, path, headers)))
    const offered = async () =>
      (await ask<{ claims_supported: string[] }>('/.well-known/openid-configuration')).map((answer) =>
        answer.claims_supported.filter((claim) => claim === 'cost_center' || claim === 'department').join(),
      )
    assert.deepEqual(await offered(), ['department', 'department'])
    const entry = { name: 'cost_center', displayName: 'Cost centre' }
    saved(await saveEntry(product.running.house, { kind: 'attribute', entry, expectedVersion: 0, actor: ASHA }))
    await product.rows(`UPDATE idps SET mappings = mappings || '{"cost_center": "cc"}' WHERE name = 'silent'`)
    assert.equal((await offered())[0], 'cost_center,department', 'at once where it was made')
    await until(async () => (await offered())[1] === 'cost_center,department')

    await visit(product, 'silent', { ...stranger(product), cc: 'CC-42' }, { query: { scope: 'openid profile' } })
    const headers = { Authorization: `Bearer ${signedIn(product.application).tokens.accessToken}` }
    const told = async () =>
      (await ask<{ cost_center?: string }>('/oauth2/userinfo', headers)).map((one) => one.cost_center)
    assert.deepEqual(await told(), ['CC-42', 'CC-42'])

    await product.rows(`UPDATE attributes SET is_enabled = false WHERE name = 'cost_center'`)
    await until(async () => (await told()).every((value) => value === undefined))
  })
})
