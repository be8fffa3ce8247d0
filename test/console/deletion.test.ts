// What leads to a deletion, in the console: it looks the same wherever it stands.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { releaseEntries } from '../../src/db/entries.ts'
import type { Browser } from '../support/browser.ts'
import { makeOperator, openConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'

describe('what leads to a deletion', () => {
  let product: Product
  let browser: Browser
  before(async () => {
    product = await startProduct()
    await releaseEntries(product.running.house.db)
    browser = (await openConsole(product)).browser
  })
  after(() => product.stop())

  test('is a button of danger, on the page of whatever can be deleted', async () => {
    const keyOf = async (sql: string) => {
      const [row] = await product.rows<{ key: string }>(sql)
      return row?.key ?? assert.fail(sql)
    }
    await product.rows("INSERT INTO user_stores (name, position, managed_by) VALUES ('SPARE', 9, 'console')")
    const { id } = await makeOperator(product, 'leaver')
    for (const path of [
      `identity-providers/${await keyOf('SELECT name AS key FROM idps')}`,
      `users/${id}`,
      `applications/${await keyOf('SELECT client_id AS key FROM applications')}`,
      `settings/attributes/${await keyOf('SELECT name AS key FROM attributes')}`,
      'user-stores/SPARE',
      `resident/user-onboarding/ask-password/purposes/${await keyOf('SELECT id AS key FROM purposes')}`,
    ]) {
      const page = await browser.open(`${product.url}/console/${path}`)
      const [, names] = /<a class="([^"]*)" href="[^"]*\/(?:delete|remove)">/.exec(page.html) ?? []
      assert.equal(names, 'button danger', path)
    }
  })
})
