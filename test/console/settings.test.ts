// Settings in the console: what is saved holds for the next page, and all of it comes out as a file.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { releaseEntries } from '../../src/db/entries.ts'
import { readDeclared } from '../../src/declared.ts'
import type { Browser } from '../support/browser.ts'
import { openConsole, postBeside } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { newcomer, submit, visit } from '../support/visits.ts'

const SETTINGS = '/console/settings'

describe('settings', () => {
  let product: Product
  let browser: Browser
  before(async () => {
    product = await startProduct({ modes: ['username'], smtpUrl: 'smtp://mailer:opensesame@127.0.0.1:2' })
    ;({ browser } = await openConsole(product, { username: 'amara' }))
  })
  after(() => product.stop())

  const open = (path: string) => browser.open(`${product.url}${path}`)
  const installation = async () =>
    (await product.rows('SELECT organization, jit_provisioning AS jit FROM installation'))[0]

  test('that the configuration file says are read-only', async () => {
    const page = await open(SETTINGS)
    assert.match(page.text, /Organisation Configuration file Name Northwind/)
    const before = await installation()
    for (const below of ['organization', 'jit-provisioning', 'attributes/department']) {
      const form = await open(`${SETTINGS}/${below}`)
      assert.match(form.text, /Set by the configuration file/, below)
      const response = await postBeside(browser, form, { version: '1', name: 'Mine', displayName: 'Mine' })
      assert.equal(response.status, 403, below)
      assert.match(await response.text(), /The configuration file sets this/)
    }
    assert.deepEqual(await installation(), before)
    await releaseEntries(product.running.house.db)
  })

  test('of the deployment say where letters go, without the password, or that none are sent', async () => {
    const { house } = product.running
    const page = await open(SETTINGS)
    assert.match(page.text, /Letters Sent through 127\.0\.0\.1:2 SMTP_URL/)
    assert.doesNotMatch(page.html, /mailer|opensesame/)
    const { postman } = house
    delete house.postman
    assert.match((await open(SETTINGS)).text, /Letters None are sent SMTP_URL/)
    if (postman) house.postman = postman
  })

  test('of the organisation are on the next page that people see', async () => {
    const form = await (await open(SETTINGS)).click('Change organisation')
    const wrong = await form.fill({ name: 'x'.repeat(101), privacyPolicyUrl: 'privacy page' }).press('Save')
    assert.equal(wrong.status, 422)
    assert.match(wrong.html, /<a href="#name">Name must be 1 to 100 characters/)
    assert.match(wrong.html, /<a href="#privacyPolicyUrl">Privacy page must be an https or http address/)
    const said = {
      name: 'Südwind',
      privacyPolicyUrl: 'https://suedwind.example/privacy',
      jurisdiction: 'DE',
      contact: 'Ask Maya',
      email: 'maya@suedwind.example',
      phone: '+49 30 1234567',
      address: 'Hauptstraße 1, Berlin',
    }
    const saved = await wrong.fill(said).press('Save')
    assert.match(saved.text, /Organisation is saved/)
    assert.deepEqual((await installation())?.['organization'], said)
    const prompt = await visit(product, 'username', newcomer())
    assert.match(prompt.text, /Südwind asks Acme/)
    assert.match(prompt.text, /Ask Maya/)
    const [change] = await product.rows('SELECT actor, kind, before, after FROM changes ORDER BY id DESC LIMIT 1')
    assert.deepEqual(change?.['after'], said)
    assert.equal(change?.['actor'], 'amara')
  })

  test('of the prompts are the five keys of the reference, and hold for the next name that is typed', async () => {
    const form = await open(`${SETTINGS}/jit-provisioning`)
    for (const key of [
      'username_provisioning_url',
      'password_provisioning_url',
      'allowed_page_origins',
      'unknown_user_store',
      'reserved_usernames',
    ])
      assert.ok(form.text.includes(`${key}. `), key)
    const elsewhere = { username_provisioning_url: 'https://pages.example/register' }
    const wrong = await form.fill(elsewhere).press('Save')
    assert.match(wrong.html, /<a href="#username_provisioning_url">Page that asks for a username is not at one of/)
    const name = newcomer().preferred_username
    const saved = await wrong
      .fill({ username_provisioning_url: '/join/register.do', reserved_usernames: `reception\n\n${name}` })
      .press('Save')
    assert.match(saved.text, /Just-in-time provisioning is saved/)
    assert.deepEqual((await installation())?.['jit'], {
      username_provisioning_url: '/join/register.do',
      reserved_usernames: ['reception', name],
    })
    const prompt = await visit(product, 'username', newcomer({ preferred_username: name }))
    assert.equal(new URL(prompt.url).pathname, '/join/register.do')
    assert.match(prompt.text, new RegExp(`Username "${name}" cannot be used`))
    const back = await (await open(`${SETTINGS}/jit-provisioning`))
      .fill({ username_provisioning_url: '', reserved_usernames: '' })
      .press('Save')
    assert.match(back.text, /Page that asks for a username \/accountrecoveryendpoint\/register\.do/)
    assert.deepEqual((await installation())?.['jit'], {})
  })

  test('two operators at once: the second sees both sides', async () => {
    const mine = await open(`${SETTINGS}/organization`)
    const other = await openConsole(product, { username: 'bela' })
    await (await other.browser.open(`${product.url}${SETTINGS}/organization`)).fill({ name: 'By Bela' }).press('Save')
    const conflict = await mine.fill({ name: 'By Amara' }).press('Save')
    assert.equal(conflict.status, 409)
    assert.match(conflict.text, /bela changed this while you did.* Name By Bela By Amara/)
    assert.match((await conflict.press('Save')).text, /Organisation is saved/)
    const [row] = await product.rows(`SELECT organization ->> 'name' AS name FROM installation`)
    assert.equal(row?.['name'], 'By Amara')
  })

  test('attributes are added, called what people call them, turned off, and deleted when nothing names them', async () => {
    const list = await (await open(SETTINGS)).click('Attributes')
    const form = await list.click('Add an attribute')
    const wrong = await form.fill({ name: 'email' }).press('Add')
    assert.match(wrong.html, /<a href="#name">Name must be 1 to 50 of a-z 0-9 _/)
    const added = await wrong
      .fill({ name: 'cost_centre', displayName: 'Cost centre', 'displayName-de': 'Kostenstelle' })
      .press('Add')
    assert.match(added.text, /cost_centre Cost centre Changed just now by amara de/)
    const taken = await (await open(`${SETTINGS}/attributes/add/new`)).fill({ name: 'cost_centre' }).press('Add')
    assert.match(taken.html, /<a href="#name">There is one of this name already/)

    const used = await (await open(`${SETTINGS}/attributes/department`)).press('Turn off')
    assert.equal(used.status, 422)
    assert.match(used.text, /Purpose office: piiCategories\[0\]\.name is not the name of an attribute/)
    const off = await (await open(`${SETTINGS}/attributes/cost_centre`)).press('Turn off')
    assert.match(off.text, /cost_centre Off/)
    const page = await (await open(`${SETTINGS}/attributes/cost_centre`)).click('Delete')
    assert.match((await page.press('Delete attribute')).text, /The attribute is deleted/)
    assert.equal((await product.rows(`SELECT 1 FROM attributes WHERE name = 'cost_centre'`)).length, 0)
  })

  test('the deployment is shown as it is, and cannot be changed here', async () => {
    const page = await open(SETTINGS)
    assert.ok(page.text.includes(`Public address ${product.url} PUBLIC_URL`))
    assert.match(page.text, /Version \d+\.\d+\.\d+ How long a sign-in stays open 30 minutes/)
    assert.match(page.text, /private networks Allowed ALLOW_PRIVATE_IDP/)
  })

  test('all of it comes out as a file that the file’s reader takes, with no secret in it', async () => {
    const page = await open(SETTINGS)
    const response = await submit(browser, page, 'Download configuration')
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-disposition'), 'attachment; filename="vestibule.yaml"')
    assert.equal(response.headers.get('cache-control'), 'no-store')
    const text = await response.text()
    assert.ok(!text.includes('a secret of the travel application'))
    const variables = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [name, 'a secret of the environment'])
    assert.ok(variables.length > 0)
    const env = { ...Object.fromEntries(variables), ALLOW_PRIVATE_IDP: '1' }
    const { declared, faults } = readDeclared(text, 'vestibule.yaml', env)
    assert.deepEqual(faults, [])
    assert.equal(declared?.organization.name, 'By Amara')
    const { url } = page.submission('Download configuration')
    const without = await browser.fetch(url, { method: 'POST', headers: { Origin: product.url } })
    assert.notEqual(without.status, 200)
  })
})
