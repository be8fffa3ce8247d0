// The dashboard: sign-ins in numbers, and what needs doing, each by what the database says.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { figuresOf } from '../../src/console/figures.ts'
import type { Browser, Page } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { newcomer, visit } from '../support/visits.ts'

describe('the dashboard', () => {
  let product: Product
  let browser: Browser
  const open = (who = browser) => who.open(`${product.url}/console`)
  const rowsOf = (page: Page, id: string) => {
    const section = page.html.split(`id="${id}"`)[1]?.split('<h2')[0] ?? ''
    return [...section.matchAll(/<tr><th scope="row">(.*?)<\/th>(.*?)<\/tr>/gs)].map(([, name = '', cells = '']) => [
      name.replace(/<[^>]*>/g, '').trim(),
      ...[...cells.matchAll(/<td class="number">(.*?)<\/td>/g)].map(([, n]) => Number(n)),
    ])
  }

  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent'] })
    browser = (await openConsole(product, { username: 'olu' })).browser
  })
  after(() => product.stop())

  test('has the first steps, and ticks each by itself when it is so', async () => {
    const page = await open()
    assert.match(page.text, /4 of 6 done/)
    assert.match(page.text, /people sign in to Done Add an identity provider Done Sign in through it To do/)
    assert.match(page.text, /Nobody came to sign in/)
    await visit(product, 'silent', newcomer())
    assert.match((await open()).text, /5 of 6 done/)
    await product.rows('UPDATE purposes SET is_enabled = false')
    assert.match((await open()).text, /4 of 6 done/)
    await product.rows('UPDATE purposes SET is_enabled = true')
    await product.rows("UPDATE installation SET organization = organization - 'privacyPolicyUrl'")
    assert.match((await open()).text, /privacy page To do/)
    await product.rows(
      'UPDATE installation SET organization = organization || \'{"privacyPolicyUrl": "https://northwind.example/privacy"}\'',
    )
    await product.rows(`UPDATE installation SET organization = organization || '{"name": "Vestibule"}'`)
    assert.match((await open()).text, /privacy page To do/)
    await product.rows(`UPDATE installation SET organization = organization || '{"name": "Northwind"}'`)
    await product.rows(
      `INSERT INTO appearances (tokens, words, created_at, created_by, published_at, published_by)
       VALUES ('{}', '{}', now(), 'olu', now(), 'olu')`,
    )
    assert.doesNotMatch((await open()).text, /First steps/)
  })

  test('counts sign-ups and sign-ins of a day and of a week by idp and outcome, and shows them as bars with words', async () => {
    const [first] = await product.rows<{ preferred: string }>(
      'SELECT username AS preferred FROM users ORDER BY created_at DESC LIMIT 1',
    )
    await visit(product, 'silent', newcomer({ preferred_username: first?.preferred }))
    await product.rows(
      `INSERT INTO audit_events (event, flow_id, idp_id, created_at)
       SELECT 'declined', 'old-' || n, (SELECT id FROM idps WHERE name = 'consent'), now() - interval '2 days' FROM generate_series(1, 3) n`,
    )
    await product.rows(
      `INSERT INTO audit_events (event, flow_id, created_at) VALUES ('sign-in-local', 'older', now() - interval '8 days'), ('expired', 'one', now())`,
    )
    const page = await open()
    assert.deepEqual(rowsOf(page, 'day'), [
      ['Acme silent', 1, 0, 0, 1, 0, 0],
      ['Password, or none chosen', 0, 0, 0, 0, 0, 1],
      ['All', 1, 0, 0, 1, 0, 1],
    ])
    assert.deepEqual(rowsOf(page, 'week')[0], ['Acme consent', 0, 0, 3, 0, 0, 0])
    assert.match(page.html, /<svg class="bar" role="img" aria-label="Acme silent: New users 1, Refused 1"/)
    assert.match(page.text, /Refused because of: USERNAME_TAKEN 1/)
    assert.doesNotMatch(page.html, /style=/)
  })

  test('names idps that nobody comes from, entries that the file left, and usernames against the rules', async () => {
    await product.rows(
      `INSERT INTO users (id, store, username, username_canonical, password_hash) VALUES (gen_random_uuid(), 'PRIMARY', 'has space', 'has space', 'x')`,
    )
    await product.redeclare((declared) => ({
      ...declared,
      purposes: declared.purposes.filter(({ id }) => id !== 'office'),
    }))
    const page = await open()
    assert.match(page.text, /Nobody has signed in through Acme username in the last 90 days/)
    assert.doesNotMatch(page.text, /Nobody has signed in through Acme silent/)
    assert.match(page.text, /does not mention the consent purpose Show you the right office any more, so it is off/)
    assert.match(page.text, /1 username does not follow the rules of the store PRIMARY any more/)
  })

  test('leads to an attribute that the file left, and forgets it once somebody has turned it on or off here', async () => {
    await product.redeclare((declared) => ({
      ...declared,
      attributes: [...declared.attributes, { name: 'badge', displayName: 'Badge', type: 'string' }],
    }))
    await product.redeclare((declared) => ({
      ...declared,
      attributes: declared.attributes.filter(({ name }) => name !== 'badge'),
    }))
    const page = await open()
    assert.match(page.text, /does not mention the attribute Badge any more, so it is off/)
    assert.equal(new URL((await page.click('Look at Badge')).url).pathname, '/console/settings/attributes/badge')
    await product.rows(
      `INSERT INTO changes (actor, action, kind, object) VALUES ('olu', 'turned-on', 'attribute', 'badge'), ('olu', 'turned-off', 'attribute', 'badge')`,
    )
    assert.doesNotMatch((await open()).text, /the attribute Badge/)
  })

  test('shows the numbers to everybody in the console, and what needs doing to owners alone', async () => {
    for (const role of ['privacy', 'support'] as const) {
      const page = await open((await openConsole(product, { username: `the.${role}`, role })).browser)
      assert.match(page.text, /Last 7 days/)
      assert.doesNotMatch(page.text, /Things that need doing|First steps/)
    }
  })
})

test('bars are as long as what they show, beside the longest', () => {
  const { rows, total } = figuresOf(
    [
      { idpId: 'a', outcome: 'sign-in', refusal: null, count: 30 },
      { idpId: 'a', outcome: 'user-created', refusal: null, count: 10 },
      { idpId: 'a', outcome: 'sign-in-federated', refusal: null, count: 40 },
      { idpId: null, outcome: 'refused', refusal: 'USER_LOCKED', count: 20 },
      { idpId: null, outcome: 'refused', refusal: 'IDP_OFF', count: 20 },
    ],
    (idpId) => idpId ?? 'none',
  )
  assert.deepEqual(rows, [
    {
      name: 'a',
      counts: [10, 70, 0, 0, 0, 0],
      bar: [
        { group: 0, from: 0, width: 12.5 },
        { group: 1, from: 12.5, width: 87.5 },
      ],
      text: 'a: New users 10, Sign-ins 70',
    },
    { name: 'none', counts: [0, 0, 0, 40, 0, 0], bar: [{ group: 3, from: 0, width: 50 }], text: 'none: Refused 40' },
  ])
  assert.deepEqual(total, [10, 70, 0, 40, 0, 0])
})
