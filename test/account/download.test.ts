// Download my data: everything that is held about a person, at once, and no secret.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setPersonLocked } from '../../src/console/identity-lock.ts'
import { LEFT_OUT, TAKEN } from '../../src/db/account-data.ts'
import { COMMAND_LINE, insertChange, OF_USERS } from '../../src/db/changes.ts'
import type { Person } from '../../src/db/identities.ts'
import { setLocked } from '../../src/db/user-state.ts'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { type Newcomer, newcomer, visit } from '../support/visits.ts'

const TICKS = ['recover:email', 'office:department']

describe('Download my data', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['consent', 'password'] })
  })
  after(() => product.stop())

  async function joined(): Promise<{ id: string; person: Newcomer; browser: Browser }> {
    const person = newcomer()
    const browser = openBrowser()
    const id = await join(product, 'consent', person, { ticks: TICKS })
    await enterAccount(product, 'consent', person, { browser, to: '/privacy' })
    return { id, person, browser }
  }

  async function download(browser: Browser) {
    const response = await browser.fetch(`${product.url}/myaccount/download`)
    assert.equal(response.status, 200)
    const text = await response.text()
    return { response, text, data: JSON.parse(text) }
  }

  it('is a file of everything: details, connections, records with their words, sign-ins, events, sessions', async () => {
    const { id, person, browser } = await joined()
    const page = await browser.open(`${product.url}/myaccount/privacy`)
    await page.press('Stop and delete Department')
    await product.rows(`INSERT INTO user_roles (user_id, role, origin) VALUES ($1, 'approver', 'operator')`, [id])
    await visit(product, 'consent', person, { query: { scope: 'openid offline_access', prompt: 'consent' } })
    const { response, data } = await download(browser)
    assert.equal(response.headers.get('content-disposition'), 'attachment; filename="my-data.json"')
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.equal(data.organization, 'Northwind')
    assert.deepEqual([data.user.id, data.user.username, data.user.hasPassword], [id, person.preferred_username, false])
    assert.deepEqual(
      data.attributes.map(({ name, value, origin, idp }: Record<string, unknown>) => [name, value, origin, idp]),
      [['email', person.email, 'idp', 'Acme consent']],
    )
    assert.equal(data.identities[0].subject, person.sub)
    assert.deepEqual(data.roles[0].role, 'approver')
    const states = data.records.map(
      ({ state, purpose, attribute }: Record<string, string>) => `${state} ${purpose}:${attribute}`,
    )
    assert.deepEqual(states, [
      'given recover:email',
      'refused recover:phone_number',
      'given office:department',
      'withdrawn office:department',
    ])
    const words = new Map(data.words.map((one: { hash: string; content: object }) => [one.hash, one.content]))
    for (const record of data.records) assert.match(JSON.stringify(words.get(record.words)), /So that/)
    assert.deepEqual(
      data.signIns.map(({ event }: { event: string }) => event),
      ['sign-in', 'sign-in', 'user-created'],
    )
    assert.deepEqual(data.events[0].detail, { purpose: 'office', attribute: 'department' })
    assert.equal(data.accountSessions.length, 1)
    assert.ok(data.applicationSessions.length >= 2)
  })

  it('says that there is a password, and gives no secret away: no hash of it, no id of a session, no token', async () => {
    const person = newcomer()
    const browser = openBrowser()
    await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    await enterWithPassword(product, person.preferred_username, PASSWORD, { browser })
    const { text, data } = await download(browser)
    assert.equal(data.user.hasPassword, true)
    assert.doesNotMatch(text, /argon2|sealed|idHash|id_hash|password_hash|csrf/i)
    const cookie = decodeURIComponent(browser.cookies.get('vestibule.account')?.value ?? assert.fail())
    assert.ok(!text.includes(cookie.slice(2, 30)))
  })

  it('tells what operators did with the user, each kind of it, and with the identity', async () => {
    const { id, person, browser } = await joined()
    const { house } = product.running
    const sql = 'SELECT idp_id AS "idpId", issuer, subject FROM identities WHERE user_id = $1'
    const [identity = assert.fail()] = await product.rows<Person>(sql, [id])
    for (const isLocked of [true, false]) {
      await setLocked(house.db, id, isLocked, COMMAND_LINE, house.now())
      await setPersonLocked(house, identity, isLocked, COMMAND_LINE)
    }
    for (const kind of OF_USERS) await insertChange(house.db, COMMAND_LINE, { action: 'changed', kind, object: id })
    product.clock.now = new Date(product.clock.now.getTime() + 1_000)
    await enterAccount(product, 'consent', person, { browser })
    const { data } = await download(browser)
    assert.deepEqual(
      data.byOperators.map(({ kind, action }: Record<string, string>) => `${kind} ${action}`),
      [
        ...OF_USERS.map((kind) => `${kind} changed`).reverse(),
        ...['identity unlocked', 'user unlocked', 'identity locked', 'user locked'],
      ],
    )
    const kinds = await product.rows<{ kind: string }>(
      `SELECT DISTINCT kind FROM changes WHERE object IN (SELECT id::text FROM users) AND kind <> ALL ($1)`,
      [OF_USERS],
    )
    assert.deepEqual(kinds, [], 'there is no other kind that names a user')
  })

  it('has nothing of anybody else', async () => {
    const mine = await joined()
    const theirs = await joined()
    const { text } = await download(mine.browser)
    for (const value of [theirs.id, theirs.person.sub, theirs.person.email, theirs.person.preferred_username])
      assert.ok(!text.includes(value))
  })

  it('is for whoever is signed in', async () => {
    const answer = await openBrowser().fetch(`${product.url}/myaccount/download`)
    assert.equal(answer.status, 303)
  })

  it('takes every table that knows a user, or there is a reason why not', async () => {
    const tables = await product.rows<{ table: string }>(
      `SELECT DISTINCT table_name AS table FROM information_schema.columns
       WHERE table_schema = 'public' AND column_name = 'user_id' ORDER BY 1`,
    )
    assert.ok(tables.length > 10)
    const missing = tables.map(({ table }) => table).filter((table) => !TAKEN.includes(table) && !LEFT_OUT[table])
    assert.deepEqual(missing, [])
  })
})
