// The first run: a token that works once makes the first owner, and then there is no such page.
import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { ownSetupToken } from '../../src/console/setup-token.ts'
import { createKeyring } from '../../src/seal.ts'
import { openBrowser } from '../support/browser.ts'
import { type Product, SECRET_KEY, startProduct } from '../support/product.ts'

const PASSWORD = 'seven boats in a harbour'
const TOKEN = ownSetupToken(createKeyring(SECRET_KEY))

describe('the first run', () => {
  let product: Product
  beforeEach(async () => {
    await product?.stop()
    product = await startProduct({ modes: ['silent'] })
    await product.rows("UPDATE installation SET organization_managed_by = 'console'")
  })
  after(() => product.stop())

  const openSetup = (browser = openBrowser()) => browser.open(`${product.url}/setup`)
  const filled = async (change: Record<string, string> = {}) =>
    (await openSetup()).fill({
      token: TOKEN,
      username: 'olu',
      password: PASSWORD,
      organization: 'Northwind',
      ...change,
    })
  const owners = () =>
    product.rows("SELECT username FROM operators JOIN users ON users.id = user_id WHERE role = 'owner'")

  test('is where the bare address leads, and My Account from then on', async () => {
    const root = async (method = 'GET') => {
      const { status, headers } = await fetch(`${product.url}/`, { method, redirect: 'manual' })
      return [status, headers.get(status === 405 ? 'allow' : 'location')]
    }
    assert.deepEqual(
      [await root(), await root('HEAD')],
      [
        [303, '/setup'],
        [303, '/setup'],
      ],
    )
    await (await filled()).press('Finish set-up')
    assert.deepEqual(
      [await root(), await root('HEAD')],
      [
        [303, '/myaccount'],
        [303, '/myaccount'],
      ],
    )
    assert.deepEqual(await root('POST'), [405, 'GET, HEAD'])
  })

  test('makes an owner who can sign in, and is over for ever', async () => {
    const page = await (await filled({ privacyPolicyUrl: 'https://northwind.example/our-privacy' })).press(
      'Finish set-up',
    )
    assert.equal(new URL(page.url).pathname, '/console/sign-in')
    const inside = await page.fill({ username: 'olu', password: PASSWORD }).press('Sign in')
    assert.match(inside.title, /^Dashboard/)
    const [installation] = await product.rows("SELECT organization ->> 'privacyPolicyUrl' AS url FROM installation")
    assert.equal(installation?.['url'], 'https://northwind.example/our-privacy')
    const changes = await product.rows("SELECT kind, address, request_id FROM changes WHERE actor = 'olu' ORDER BY id")
    assert.deepEqual(
      changes.map(({ kind }) => kind),
      ['operator', 'organization'],
    )
    for (const { address, request_id } of changes) assert.ok(address && request_id, 'from where is told too')
    assert.equal((await openSetup()).status, 404)
    // Also when the owner is gone: the way back in is the command line's.
    await product.rows('DELETE FROM operators')
    assert.equal((await openSetup()).status, 404)
    assert.equal((await fetch(`${product.url}/setup`, { method: 'POST' })).status, 404)
  })

  test('leaves the organization as a file says it', async () => {
    await product.rows("UPDATE installation SET organization_managed_by = 'file'")
    const before = await product.rows('SELECT organization FROM installation')
    const page = await openSetup()
    assert.match(page.text, /Set by the configuration file/)
    await page.fill({ token: TOKEN, username: 'olu', password: PASSWORD }).press('Finish set-up')
    assert.deepEqual(await product.rows('SELECT organization FROM installation'), before)
    assert.equal((await owners()).length, 1)
  })

  test('says nothing without the token, not even which names are taken', async () => {
    const answers = []
    for (const username of ['olu', 'admin', '%%%']) {
      const page = await (await filled({ token: 'WRONG', username })).press('Finish set-up')
      assert.equal(page.status, 422)
      answers.push(page.text)
    }
    assert.equal(new Set(answers).size, 1)
    assert.match(answers[0] ?? '', /This is not the setup token/)
    assert.deepEqual(await owners(), [])
  })

  test('lets nobody guess the token: five tries, then a minute', async () => {
    const browser = openBrowser()
    const statuses: number[] = []
    for (let tries = 0; tries < 6; tries += 1) {
      const page = (await openSetup(browser)).fill({
        token: 'WRONG',
        username: 'olu',
        password: PASSWORD,
        organization: 'N',
      })
      statuses.push((await page.press('Finish set-up')).status)
    }
    assert.deepEqual(statuses, [422, 422, 422, 422, 422, 429])
    product.clock.now = new Date(product.clock.now.getTime() + 61_000)
    const page = (await openSetup(browser)).fill({
      token: TOKEN,
      username: 'olu',
      password: PASSWORD,
      organization: 'N',
    })
    assert.match((await page.press('Finish set-up')).url, /sign-in$/)
  })

  test('makes one owner of ten people who finish at once', async () => {
    const pages = await Promise.all(Array.from({ length: 10 }, (_, index) => filled({ username: `owner-${index}` })))
    const answers = await Promise.all(pages.map((page) => page.press('Finish set-up')))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal(answers.filter(({ status }) => status === 404).length, 9)
    assert.equal((await owners()).length, 1)
    assert.equal((await product.rows("SELECT 1 FROM users WHERE username LIKE 'owner-%'")).length, 1)
  })

  test('names what is wrong at each field, and keeps what was typed but the secrets', async () => {
    const page = await (
      await filled({ username: 'admin', password: 'short', organization: '', privacyPolicyUrl: 'javascript:alert(1)' })
    ).press('Finish set-up')
    assert.equal(page.status, 422)
    for (const words of [
      /"admin" cannot be used/,
      /at least 15 characters/,
      /Enter the name of your organisation/,
      /address of your privacy page/,
    ])
      assert.match(page.text, words)
    assert.match(page.html, /value="admin"/)
    assert.doesNotMatch(page.html, new RegExp(`${TOKEN}|value="short"`))
  })

  test('makes no owner as long as the organisation cannot be kept as it was typed', async () => {
    for (const [change, words] of [
      [{ organization: 'North\0wind' }, /Enter the name of your organisation/],
      [{ privacyPolicyUrl: 'https://northwind.example/\0' }, /Enter the address of your privacy page/],
    ] as const) {
      const page = await (await filled(change)).press('Finish set-up')
      assert.equal(page.status, 422)
      assert.match(page.text, words)
      assert.deepEqual(await owners(), [])
    }
  })

  test('takes the token in any case and with spaces around it', async () => {
    assert.match((await (await filled({ token: ` ${TOKEN.toLowerCase()} ` })).press('Finish set-up')).url, /sign-in$/)
  })

  test('leads whoever comes to the console first to it', async () => {
    const page = await openBrowser().open(`${product.url}/console`)
    assert.equal(new URL(page.url).pathname, '/setup')
  })

  test('has a token of 140 bits that follows from the secret key, is printed nowhere in the log, and differs for another key', async () => {
    assert.match(TOKEN, /^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}$/)
    assert.notEqual(TOKEN, ownSetupToken(createKeyring(`${SECRET_KEY} other`)))
    assert.doesNotMatch(product.log.join(''), new RegExp(TOKEN))
  })
})
