// Who may do what in the console, and that somebody always can.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { accessTable, type Route } from '../../src/console/access.ts'
import { consoleRoutes } from '../../src/console/routes.ts'
import { COMMAND_LINE } from '../../src/db/changes.ts'
import { putOperator, ROLES, removeOperator } from '../../src/db/operators.ts'
import { setLocked } from '../../src/db/user-state.ts'
import type { Browser } from '../support/browser.ts'
import { openBrowser } from '../support/browser.ts'
import { makeOperator, openConsole, signInToConsole } from '../support/console.ts'
import { type Product, REPOSITORY, startProduct } from '../support/product.ts'

const RECORD = path.join(REPOSITORY, 'test/records/console-access.txt')

describe('roles of the console', () => {
  let product: Product
  let routes: ReturnType<typeof consoleRoutes>['routes']
  const browsers = new Map<string, Browser>()
  before(async () => {
    product = await startProduct({ modes: ['silent'] })
    routes = consoleRoutes(product.running.house).routes
    for (const role of ROLES)
      browsers.set(role, (await openConsole(product, { username: `the-${role}`, role })).browser)
  })
  after(() => product.stop())

  /** An address that a route answers: of things that are not there, which is enough to be told 403 from everything else. */
  const addressOf = (route: { path: string }) =>
    `${product.url}/console${route.path.replaceAll(/:\w+/g, '00000000-0000-4000-8000-000000000000')}`

  /** A form as this route takes it. */
  const posted = (route: Route, fields: Record<string, string>) => {
    if (!route.upload) {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      return { method: 'POST', headers, body: new URLSearchParams(fields).toString() }
    }
    const parts = Object.entries(fields).map(
      ([name, value]) => `--edge\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    return {
      method: 'POST',
      headers: { 'Content-Type': 'multipart/form-data; boundary=edge' },
      body: `${parts.join('')}--edge--\r\n`,
    }
  }

  test('are those that the record says, route by route', async () => {
    const table = `${accessTable(routes).join('\n')}\n`
    if (process.env['UPDATE_RECORDS'] === '1') writeFileSync(RECORD, table)
    assert.equal(
      table,
      readFileSync(RECORD, 'utf8'),
      'somebody may do more, or less: look whether that is meant, then UPDATE_RECORDS=1',
    )
  })

  test('hold at every live route: whoever has no role in it is refused, and nobody else', async () => {
    for (const route of routes) {
      for (const role of ROLES) {
        const browser = browsers.get(role)
        assert.ok(browser)
        const response = await browser.fetch(addressOf(route), route.method === 'post' ? posted(route, {}) : {})
        // A form without its token is refused before the role is looked at: so forms are told apart by what their pages say.
        const mayUse = route.roles.includes(role)
        if (route.method === 'post') assert.equal(response.status, 403, `${role} ${route.path}`)
        else assert.equal(response.status === 403, !mayUse, `${role} GET ${route.path}: ${response.status}`)
        await response.body?.cancel()
      }
    }
  })

  test('hold for forms with a good token too', async () => {
    for (const role of ROLES) {
      const browser = browsers.get(role)
      const page = await browser?.open(`${product.url}/console/me`)
      const token = /name="_csrf" value="([^"]+)"/.exec(page?.html ?? '')?.[1] ?? ''
      for (const route of routes.filter((one) => one.method === 'post' && !one.roles.includes(role))) {
        const response = await browser?.fetch(addressOf(route), posted(route, { _csrf: token }))
        assert.equal(response?.status, 403, `${role} POST ${route.path}`)
      }
    }
  })

  test('are asked for at every address, signed in or not: a stranger is led to the sign-in', async () => {
    for (const route of routes) {
      for (const address of [
        addressOf(route),
        `${addressOf(route)}/`,
        addressOf(route).replace('/console', '/console/.'),
      ]) {
        const response = await fetch(address, { method: route.method.toUpperCase(), redirect: 'manual' })
        assert.ok([303, 404].includes(response.status), `${route.method} ${address}: ${response.status}`)
        if (response.status === 303) assert.match(response.headers.get('location') ?? '', /\/console\/sign-in/)
      }
    }
  })

  test('no spelling of an address opens what the plain one does not', async () => {
    const browser = browsers.get('support')
    for (const spelling of [
      '/console/operators/',
      '/CONSOLE/operators',
      '/console//operators',
      '/console/%6fperators',
      '/console/./operators',
      '/console/operators;x',
      '/console/x/../operators',
    ]) {
      const response = await browser?.fetch(`${product.url}${spelling}`)
      assert.ok([403, 404, 303].includes(response?.status ?? 0), `${spelling}: ${response?.status}`)
    }
  })
})

describe('operators', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent'] })
  })
  after(() => product.stop())

  test('there is always an owner who can sign in, whoever is removed, demoted or locked, and however many do it at once', async () => {
    const { db } = product.running.house
    const owners = await Promise.all(
      ['one', 'two', 'three'].map((name, index) =>
        index === 0 ? makeOperator(product, name, 'owner') : makeOperator(product, name),
      ),
    )
    for (const { id } of owners) await putOperator(db, id, 'owner', COMMAND_LINE)
    const done = await Promise.all(
      owners.flatMap(({ id }) => [
        removeOperator(db, id, COMMAND_LINE),
        putOperator(db, id, 'support', COMMAND_LINE),
        setLocked(db, id, true, COMMAND_LINE, new Date()).then((done) => done === 'done'),
      ]),
    )
    assert.ok(done.includes(false))
    const left = await product.rows(
      "SELECT user_id FROM operators JOIN users ON users.id = user_id WHERE role = 'owner' AND NOT is_locked",
    )
    assert.equal(left.length, 1)
    const last = String(left[0]?.['user_id'])
    assert.equal(await removeOperator(db, last, COMMAND_LINE), false)
    assert.equal(await putOperator(db, last, 'privacy', COMMAND_LINE), false)
    assert.equal(await setLocked(db, last, true, COMMAND_LINE, new Date()), 'last-owner')
    await product.rows('DELETE FROM operators')
  })

  test('an owner lets somebody in who has a password here, gives them another role, and shows them out', async () => {
    const { browser } = await openConsole(product, { username: 'amara' })
    await makeOperator(product, 'bela')
    const page = await browser.open(`${product.url}/console/operators/add`)
    const wrong = await page.fill({ username: 'nobody-here' }).press('Add')
    assert.match(wrong.text, /Nobody has this username/)
    const added = await wrong.fill({ username: 'Bela' }).press('Add')
    assert.match(added.text, /bela can enter the console from now on/)

    const theirs = openBrowser()
    assert.match((await signInToConsole(product, theirs, 'bela')).title, /^Dashboard/)
    const change = await added.click('Change bela')
    const changed = await change.tick('privacy').press('Change role')
    assert.match(changed.text, /bela has the role privacy/)
    const gone = await (await changed.click('Change bela')).press('Remove from the console')
    assert.match(gone.text, /bela cannot enter the console any more/)
    assert.equal(new URL((await theirs.open(`${product.url}/console`)).url).pathname, '/console/sign-in')
  })

  test('the last owner is told why they cannot go', async () => {
    const { browser, id } = await openConsole(product, { username: 'celia' })
    await product.rows('DELETE FROM operators WHERE user_id <> $1', [id])
    const page = await (await browser.open(`${product.url}/console/operators/${id}`)).press('Remove from the console')
    assert.equal(page.status, 422)
    assert.match(page.text, /no owner who can sign in/)
  })
})
