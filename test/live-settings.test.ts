// A change of the settings holds in every process within seconds, without a restart, for people who are on their way as well.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { saveEntry } from '../src/settings/save.ts'
import { openBrowser } from './support/browser.ts'
import { type Product, startProduct } from './support/product.ts'
import { arrive, fillRegister, signedInAt, stranger } from './support/road.ts'
import { ASHA, type Office, openOffice, saved } from './support/settings.ts'

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

  it('change while people are asked: whoever is sent there next finds the page, and the old address is none any more', async () => {
    const person = stranger(product)
    const browser = openBrowser()
    const asked = await arrive(product, browser, 'username', person)
    assert.match(asked.url, /\/accountrecoveryendpoint\/register\.do\?/)
    const urls = { username_provisioning_url: '/join/register.do', password_provisioning_url: '/join/signup.do' }
    await product.rows('UPDATE installation SET jit_provisioning = $1', [JSON.stringify(urls)])
    await until(() => product.running.house.settings().prompts.register === urls.username_provisioning_url)

    const old = await browser.open(asked.url)
    assert.equal(old.status, 404)
    const key = new URL(asked.url).search
    const resumed = await browser.open(`${product.url}/commonauth${key}`)
    assert.equal(new URL(resumed.url).pathname, '/join/register.do')
    signedInAt(product.application, await fillRegister(resumed, 'asha').press('Create account'))

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
