// The console attacked: by who is shown out while they send, by forms that nobody filled in, and by what happens at the same moment.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { inTransaction, query } from '../../src/db/connect.ts'
import { releaseEntries } from '../../src/db/entries.ts'
import { lockOwners } from '../../src/db/operators.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { makeOperator, openConsole, signInToConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'

const IDPS = '/console/identity-providers'
const PURPOSES = '/console/resident/user-onboarding/ask-password/purposes'

describe('the console, attacked', () => {
  let product: Product
  let owner: Browser
  let at: (path: string) => string
  before(async () => {
    product = await startProduct({ modes: ['silent'] })
    at = (path) => `${product.url}${path}`
    owner = (await openConsole(product, { username: 'olu' })).browser
  })
  after(() => product.stop())

  async function tokenOf(browser: Browser): Promise<string> {
    const { html } = await browser.open(at('/console/me'))
    return /name="_csrf" value="([^"]+)"/.exec(html)?.[1] ?? ''
  }

  async function post(browser: Browser, path: string, fields: Record<string, string>): Promise<Response> {
    return browser.fetch(at(path), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ _csrf: await tokenOf(browser), ...fields }).toString(),
    })
  }

  /** Sends a form but for its last byte, has `meanwhile` happen, and sends the rest. */
  async function postSlowly(browser: Browser, path: string, fields: Record<string, string>, meanwhile: () => unknown) {
    const body = new URLSearchParams({ _csrf: await tokenOf(browser), ...fields }).toString()
    const socket = connect(product.port, '127.0.0.1')
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${new URL(product.url).host}`,
      `Cookie: ${browser.cookies.header(new URL(at(path)), { method: 'POST' })}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, -1)}`)
    await setTimeout(300)
    await meanwhile()
    socket.write(body.slice(-1))
    let answer = ''
    for await (const part of socket) answer += part
    return answer
  }

  for (const [how, showOut] of [
    ['locked', (id: string) => post(owner, `/console/users/${id}`, { do: 'lock' })],
    ['an operator no more', (id: string) => post(owner, `/console/operators/${id}`, { do: 'remove' })],
    ['signed out everywhere', (id: string) => post(owner, `/console/users/${id}`, { do: 'sign-out' })],
    ['given another role', (id: string) => post(owner, `/console/operators/${id}`, { role: 'support' })],
  ] as const) {
    test(`a form that is on its way while its sender is ${how} does nothing`, async () => {
      const name = how.replaceAll(' ', '-')
      const { id } = await makeOperator(product, name, 'owner')
      const accomplice = await makeOperator(product, `friend-of-${name}`)
      const browser = openBrowser()
      await signInToConsole(product, browser, name)
      const form = { username: accomplice.username, role: 'owner' }
      const answer = await postSlowly(browser, '/console/operators/add', form, () => showOut(id))
      assert.match(answer, /^HTTP\/1\.1 (303 See Other[\s\S]*Location: \/console\/sign-in\r|403 )/)
      assert.deepEqual(await product.rows('SELECT role FROM operators WHERE user_id = $1', [accomplice.id]), [])
    })
  }

  test('somebody who is deleted while they are made an operator is nobody, as anybody who is not there', async () => {
    const { id, username } = await makeOperator(product, 'short-lived')
    const answer = await inTransaction(product.running.house.db, async (transaction) => {
      // Whoever makes operators waits for this.
      await lockOwners(transaction)
      const asked = post(owner, '/console/operators/add', { username, role: 'support' })
      await setTimeout(300)
      await query(transaction, 'DELETE FROM users WHERE id = ?', [id])
      return { asked }
    })
    const response = await answer.asked
    assert.equal(response.status, 422)
    assert.match(await response.text(), /Nobody has this username/)
  })

  test('an app for codes can be set up under any name that a store may give', async () => {
    const { browser } = await openConsole(product, { username: '💩'.repeat(255), role: 'support' })
    const page = await browser.open(at('/console/me/totp'))
    assert.equal(page.status, 200)
    assert.match(page.html, /<svg role="img"/)
  })

  test('a secret that nobody can read is not sent elsewhere by whoever changes the address', async () => {
    await releaseEntries(product.running.house.db)
    const fields = {
      displayName: 'Acme',
      issuer: 'https://id.acme.example',
      clientId: 'us',
      clientSecret: 'of Acme alone',
    }
    const added = await post(owner, `${IDPS}/add`, { name: 'acme', ...fields })
    assert.equal(added.status, 303)
    const kept = () => product.rows("SELECT issuer, client_secret_sealed, version FROM idps WHERE name = 'acme'")
    const before = await kept()
    const moved = { ...fields, issuer: 'https://id.evil.example', version: '1' }
    const refused = await post(owner, `${IDPS}/acme`, { ...moved, clientSecret: '' })
    assert.equal(refused.status, 422)
    assert.match(await refused.text(), /Client secret has to be typed again, because the issuer is another one/)
    assert.deepEqual(await kept(), before)
    for (const change of [
      { clientSecret: 'of the other' },
      { issuer: fields.issuer },
      { clientSecret: '', withoutSecret: 'yes' },
    ]) {
      const [row] = await kept()
      const answer = await post(owner, `${IDPS}/acme`, { ...moved, ...change, version: String(row?.['version']) })
      assert.equal(answer.status, 303, JSON.stringify(change))
    }
  })

  test('a purpose whose key nobody can have is not there', async () => {
    for (const doing of ['up', 'down', 'archive', 'restore'])
      assert.equal((await post(owner, PURPOSES, { key: 'a\0b', do: doing, version: '1' })).status, 404, doing)
  })
})
