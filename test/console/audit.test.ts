// The history of changes in the console: newest first, what differs side by side, and to take away, without a secret and without a way to alter it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { differencesOf } from '../../src/console/differences.ts'
import { COMMAND_LINE, insertChange } from '../../src/db/changes.ts'
import type { Browser, Page } from '../support/browser.ts'
import { makeOperator, openConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { submit } from '../support/visits.ts'

describe('the audit', () => {
  let product: Product
  let browser: Browser
  const at = (path: string) => `${product.url}${path}`

  before(async () => {
    product = await startProduct()
    browser = (await openConsole(product, { username: 'olu' })).browser
    const { db } = product.running.house
    for (let n = 1; n <= 60; n += 1) {
      await insertChange(
        db,
        { name: n % 2 === 0 ? 'ines' : 'command line', address: '203.0.113.7', requestId: `request-${n}` },
        {
          action: 'changed',
          kind: n % 3 === 0 ? 'purpose' : 'idp',
          object: `thing-${n}`,
          before: { oidc: { clientId: `old-${n}`, scopes: ['openid'] }, same: 'unchanged words' },
          after: { oidc: { clientId: `new-${n}`, scopes: ['openid', 'email'] }, same: 'unchanged words' },
        },
      )
    }
  })
  after(() => product.stop())

  const things = (page: Page) => [...page.text.matchAll(/thing-(\d+)/g)].map(([, n]) => Number(n))
  const search = async (typed: Record<string, string>) =>
    (await browser.open(at('/console/audit'))).fill(typed).press('Search')

  test('is newest first, page by page, with who, from where, and what differs before and after', async () => {
    const first = await browser.open(at('/console/audit'))
    assert.deepEqual(
      things(first),
      Array.from({ length: 25 }, (_, index) => 60 - index),
    )
    for (const text of ['ines changed consent purpose thing-60', 'from 203.0.113.7', 'request-60', 'old-60', 'new-60'])
      assert.ok(first.text.includes(text), text)
    assert.doesNotMatch(first.text, /unchanged words/)
    const second = await first.press('Older')
    assert.deepEqual(
      things(second),
      Array.from({ length: 25 }, (_, index) => 35 - index),
    )
    assert.equal(things(await second.press('Newest'))[0], 60)
  })

  test('is filtered by who, what and day, and a filter stays on the next page', async () => {
    const mine = await search({ actor: 'ines' })
    assert.deepEqual(things(mine).slice(0, 3), [60, 58, 56])
    assert.deepEqual(things(await mine.press('Older')), [10, 8, 6, 4, 2])
    assert.deepEqual(things(await search({ actor: 'ines', kind: 'purpose' })).slice(0, 2), [60, 54])
    const today = new Date().toISOString().slice(0, 10)
    assert.equal(things(await search({ from: today, to: today, kind: 'idp' }))[0], 59)
    assert.match((await search({ to: '2020-01-01' })).text, /Nothing matches/)
    assert.ok(!browser.history.some((url) => url.includes('ines')))
  })

  test('says which day it cannot read', async () => {
    const page = await search({ from: '2026-02-31' })
    assert.equal(page.status, 422)
    assert.match(page.text, /Enter a day as year, month and day/)
  })

  test('calls an operator by their name and leads to them', async () => {
    const { id } = await makeOperator(product, 'petra', 'support')
    const page = await browser.open(at('/console/audit'))
    assert.match(page.text, /command line created operator petra/)
    assert.ok(page.html.includes(`href="/console/users/${id}"`))
  })

  test('takes what is hostile for a name that nobody has', async () => {
    const page = await browser.open(at('/console/audit'))
    for (const changes of [
      { actor: 'a\0b' },
      { actor: "' OR 1=1 --" },
      { kind: '\ud800' },
      { after: '1e9' },
      { after: '-1' },
    ]) {
      assert.equal((await submit(browser, page, 'Search', changes as Record<string, string>)).status, 200)
    }
  })

  test('is taken away as JSON, with what the filter finds, and no secret of this installation is in it', async () => {
    const page = (await browser.open(at('/console/audit'))).fill({ actor: 'ines' })
    const response = await submit(browser, page, 'Download as JSON')
    assert.match(
      response.headers.get('content-disposition') ?? '',
      /^attachment; filename=vestibule-audit-[\d-]+\.json$/,
    )
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    const file = (await response.json()) as {
      isComplete: boolean
      actor: string
      changes: { object: string; at: string }[]
    }
    assert.deepEqual([file.isComplete, file.actor, file.changes.length], [true, 'ines', 30])
    const whole = await (await submit(browser, await browser.open(at('/console/audit')), 'Download as JSON')).text()
    assert.ok(whole.includes('configuration file'), 'what the file declared is among it')
    for (const { oidc } of product.declared.identityProviders)
      assert.ok(oidc.clientSecret && !whole.includes(oidc.clientSecret))
    for (const { clientSecret } of product.declared.applications)
      assert.ok(clientSecret && !whole.includes(clientSecret))
  })

  test('names a user by their username of today to owners, and by their id to privacy officers', async () => {
    const { id } = await makeOperator(product, 'gil')
    await (await browser.open(at(`/console/users/${id}`))).press('Lock')
    const owned = await browser.open(at('/console/audit'))
    assert.match(owned.text, /olu locked user gil/)
    await insertChange(product.running.db, COMMAND_LINE, { action: 'reset', kind: 'second factors', object: id })
    assert.match((await browser.open(at('/console/audit'))).text, /command line reset second factors gil/)
    const privacy = await openConsole(product, { username: 'pat', role: 'privacy' })
    const page = await privacy.browser.open(at('/console/audit'))
    assert.ok(page.text.includes(`olu locked user ${id}`) && !page.text.includes('gil'))
  })

  test('is for owners and privacy officers alone', async () => {
    const support = await openConsole(product, { username: 'sue', role: 'support' })
    assert.equal((await support.browser.open(at('/console/audit'))).status, 403)
  })

  test('cannot be altered, not with SQL either', async () => {
    for (const sql of ["UPDATE changes SET actor = 'nobody'", 'DELETE FROM changes', 'TRUNCATE changes'])
      await assert.rejects(product.rows(sql), /stays as it was/)
  })
})

test('differences are told setting by setting, and of what is the same nothing', () => {
  assert.deepEqual(differencesOf({ a: { b: 1, c: [1] }, d: 'x', e: {} }, { a: { b: 2, c: [1] }, f: null, e: {} }), [
    { setting: 'a.b', before: '1', after: '2' },
    { setting: 'f', before: undefined, after: 'null' },
    { setting: 'd', before: 'x', after: undefined },
  ])
  assert.deepEqual(differencesOf(null, null), [])
})
