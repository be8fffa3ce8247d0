// User stores in the console: their rules are tried before they hold, and none goes while somebody needs it.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { releaseEntries } from '../../src/db/entries.ts'
import { insertUser } from '../../src/db/users.ts'
import { lookOf } from '../../src/provisioning/look.ts'
import type { Browser } from '../support/browser.ts'
import { openConsole, postBeside } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { newcomer, visit } from '../support/visits.ts'

const STORES = '/console/user-stores'

describe('user stores', () => {
  let product: Product
  let browser: Browser
  before(async () => {
    product = await startProduct({ modes: ['username'] })
    ;({ browser } = await openConsole(product, { username: 'amara' }))
  })
  after(() => product.stop())

  const open = (path: string) => browser.open(`${product.url}${path}`)
  const properties = async (name: string) =>
    (await product.rows('SELECT properties FROM user_stores WHERE name = $1', [name]))[0]?.['properties']

  test('that the file sets are read-only, and can be tried all the same', async () => {
    await product.rows(
      `UPDATE user_stores SET managed_by = 'file', properties = '{"UsernameJavaRegEx": "^[a-z]{3,10}$"}' WHERE name = 'PRIMARY'`,
    )
    const page = await open(`${STORES}/PRIMARY`)
    assert.match(page.text, /Set by the configuration file/)
    assert.doesNotMatch(page.html, />Save<\/button>|>Delete</)
    const tried = await page.fill({ 'test-1': 'asha', 'test-2': 'asha7' }).press('Try')
    assert.match(tried.text, /Name 1 Accepted Name 2 Username "asha7" does not follow the rules/)
    const before = await properties('PRIMARY')
    const saved = await postBeside(browser, page, { version: '1', do: 'save', UsernameJavaRegEx: '' })
    assert.equal(saved.status, 403)
    assert.match(await saved.text(), /The configuration file sets this/)
    assert.deepEqual(await properties('PRIMARY'), before)
    await product.rows(`UPDATE user_stores SET properties = '{}'`)
    await releaseEntries(product.running.house.db)
  })

  test('are added with their rules, which are tried as they are typed', async () => {
    let page = await (await open(STORES)).click('Add a user store')
    page = page.fill({
      name: 'STAFF',
      UsernameJavaRegEx: '^[a-z0-9.]{3,30}$',
      UsernameJavaRegExViolationErrorMsg: 'Use small letters, digits and dots',
      PasswordJavaRegEx: '^(?=.*\\d).{15,100}$',
      PasswordJavaRegExViolationErrorMsg: 'Password must have a digit',
      'test-1': 'asha.rao',
      'test-2': 'Asha Rao',
      'test-3': 'admin',
      'test-password': 'no digit in this one',
    })
    const tried = await page.press('Try')
    assert.equal(tried.status, 200)
    assert.match(
      tried.text,
      /Name 1 Accepted Name 2 Username cannot have U\+0020.* Name 3 Username "admin" cannot be used/,
    )
    assert.match(tried.text, /shown again Password must have a digit Try/)
    assert.doesNotMatch(tried.html, /no digit in this one/)
    assert.equal(await properties('STAFF'), undefined)
    const better = await tried.fill({ 'test-2': 'Asha', 'test-password': '7 walks around the lake' }).press('Try')
    assert.match(better.text, /Name 2 Use small letters, digits and dots/)
    assert.match(better.text, /shown again Accepted Try/)

    const list = await better.press('Add')
    assert.match(list.text, /The user store STAFF is saved/)
    assert.match(
      list.text,
      /STAFF 0 Use small letters, digits and dots \^\[a-z0-9\.\]\{3,30\}\$ Changed just now by amara/,
    )
    assert.deepEqual(await properties('STAFF'), {
      UsernameJavaRegEx: '^[a-z0-9.]{3,30}$',
      UsernameJavaRegExViolationErrorMsg: 'Use small letters, digits and dots',
      PasswordJavaRegEx: '^(?=.*\\d).{15,100}$',
      PasswordJavaRegExViolationErrorMsg: 'Password must have a digit',
    })
  })

  test('have no expression that cannot be used: its field says where it is wrong, and nothing is tried or saved', async () => {
    const page = (await open(`${STORES}/STAFF`)).fill({ UsernameJavaRegEx: '^[a-z', 'test-1': 'asha' })
    for (const button of ['Try', 'save']) {
      const wrong = await page.press(button)
      assert.equal(wrong.status, 422)
      assert.match(wrong.html, /<a href="#UsernameJavaRegEx">Username expression \(Java\) at character \d+:/)
      assert.doesNotMatch(wrong.text, /Accepted/)
    }
    const name = await (await open(`${STORES}/add/new`)).fill({ name: 'staff' }).press('save')
    assert.match(name.html, /<a href="#name">Name must be 1 to 63 of A-Z/)
    const taken = await name.fill({ name: 'STAFF' }).press('save')
    assert.match(taken.html, /<a href="#name">There is one of this name already/)
  })

  test('hold for the next person as they were saved', async () => {
    const page = await (await open(`${STORES}/PRIMARY`))
      .fill({ UsernameJavaRegEx: '^[a-z]{3,30}$', UsernameJavaRegExViolationErrorMsg: 'Letters alone' })
      .press('save')
    assert.match(page.text, /PRIMARY is saved/)
    const prompt = await visit(product, 'username', newcomer({ preferred_username: 'person7' }))
    assert.match(prompt.text, /Letters alone/)
  })

  test('two operators at once: the second sees both sides', async () => {
    const mine = await open(`${STORES}/STAFF`)
    const other = await openConsole(product, { username: 'bela' })
    await (await other.browser.open(`${product.url}${STORES}/STAFF`)).fill({ UsernameJavaRegEx: '^b+$' }).press('save')
    const conflict = await mine.fill({ UsernameJavaRegEx: '^a+$' }).press('save')
    assert.equal(conflict.status, 409)
    assert.match(conflict.text, /bela changed this while you did/)
    assert.match(conflict.text, /Username expression \(Java\) \^b\+\$ \^a\+\$/)
  })

  test('go only when nobody is in one and no idp sends people there, and the page leads to those', async () => {
    const { db } = product.running.house
    const user = { id: randomUUID(), username: 'asha', canonical: 'asha', look: lookOf('asha') }
    await insertUser(db, { ...user, store: 'STAFF', passwordHash: null })
    await product.rows(`UPDATE idps SET jit_userstore = 'STAFF' WHERE name = 'username'`)
    const off = await (await open(`${STORES}/STAFF`)).press('Turn off')
    assert.equal(off.status, 409)
    assert.match(off.text, /1 user is in it/)

    const page = await (await open(`${STORES}/STAFF`)).click('Delete')
    assert.match(page.text, /STAFF cannot be deleted while these need it: username 1 user Cancel/)
    assert.match(page.html, /href="\/console\/identity-providers\/username"/)
    assert.match(page.html, /href="\/console\/users"/)
    const forced = await postBeside(browser, page, { version: '1', do: 'remove' })
    assert.equal(forced.status, 409)
    assert.equal((await product.rows(`SELECT 1 FROM user_stores WHERE name = 'STAFF'`)).length, 1)

    await product.rows(`UPDATE idps SET jit_userstore = 'PRIMARY'`)
    await product.rows('DELETE FROM users WHERE id = $1', [user.id])
    const gone = await (await open(`${STORES}/STAFF/remove`)).press('Delete user store')
    assert.match(gone.text, /The user store is deleted/)
    assert.doesNotMatch(gone.text, /STAFF 0/)
  })

  test('PRIMARY is always there: no page offers to delete it, and none does', async () => {
    assert.doesNotMatch((await open(`${STORES}/PRIMARY`)).text, /Delete|Turn off/)
    const page = await open(`${STORES}/PRIMARY/remove`)
    assert.match(page.text, /The user store PRIMARY is always there/)
    assert.doesNotMatch(page.html, /Delete user store/)
  })

  test('an address that names no store is a page that says so', async () => {
    for (const name of ['NOPE', '%00', '..%2f..', 'primary'])
      assert.equal((await open(`${STORES}/${name}`)).status, 404, name)
  })
})
