// The console attacked: by who is shown out while they send, by forms that nobody filled in, and by what happens at the same moment.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'

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

  test('a purpose whose key nobody can have is not there', async () => {
    for (const doing of ['up', 'down', 'archive', 'restore'])
      assert.equal((await post(owner, PURPOSES, { key: 'a\0b', do: doing, version: '1' })).status, 404, doing)
  })
})
