// Provision silently: a person is made without seeing a page.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../support/browser.ts'
import { ada } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'

describe('an idp that provisions silently', () => {
  let product: Product
  before(async () => {
    product = await startProduct()
    product.idp.person('ada', ada)
    product.idp.signInAs = 'ada'
  })
  after(() => product.stop())

  it('signs a new person in to the application without showing a page, and keeps what is mapped', async () => {
    const browser = openBrowser()
    const page = await browser.open(`${product.application.url}/login?scope=openid+profile+email+phone`)
    assert.equal(page.status, 200, page.text)
    const result = product.application.results.at(-1)
    assert.equal(result?.kind, 'signed-in', JSON.stringify(result) + page.text)
  })
})
