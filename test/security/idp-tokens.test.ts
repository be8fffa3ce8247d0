// What an idp signs: who may sign, with what, when, what else it signs, and how oddly it may write it down.
import assert from 'node:assert/strict'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../support/browser.ts'
import { type Claims, type Fault, writeToken } from '../support/idp.ts'
import { assertRefused, during, forgetDescription, omit, serverErrors, toldAfter } from '../support/misbehaviour.ts'
import { type Product, startProduct } from '../support/product.ts'
import { callbackOf, signedInAt, stranger } from '../support/road.ts'

/** The token signed rightly, under another header. */
function underHeader(change: (header: Claims) => Claims): Fault {
  return { forge: ({ header, ...rest }) => writeToken({ ...rest, header: change(header) }) }
}

describe('what an idp signs', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['none', 'silent', 'consent'] })
  })
  after(async () => {
    const broken = serverErrors(product)
    await product.stop()
    assert.deepEqual(broken, [], 'an idp must not be able to break the product')
  })

  const keyRequests = () => product.idp.requests.filter(({ path }) => path === '/jwks').length

  it('by a new key is believed at once, also between the way there and the way back, and the old key no more', async () => {
    await toldAfter(product, {})
    const [before, oldKey] = [keyRequests(), product.idp.signingKey()]
    product.idp.rotateKeys()
    await toldAfter(product, {})
    assert.equal(keyRequests(), before + 1)

    const browser = openBrowser()
    const callback = await callbackOf(product, browser, 'silent', stranger(product))
    product.idp.rotateKeys()
    signedInAt(product.application, await browser.open(callback))
    assert.equal(keyRequests(), before + 2)

    // The clock goes on, so that looking for the old key is not refused for having looked so often.
    product.clock.now = new Date(product.clock.now.getTime() + 61_000)
    const key = createPrivateKey({ key: oldKey, format: 'jwk' })
    const byOldKey = (kid: unknown): Fault => ({
      forge: (token) => writeToken({ ...token, header: { ...token.header, kid }, key }),
    })
    const [newKey] = product.idp.keys()
    await assertRefused(product, { 'the old key': byOldKey(oldKey.kid), 'under the new name': byOldKey(newKey?.kid) })
  })

  it('by a new key makes ten people who come at once ask for it once', async () => {
    const browsers = Array.from({ length: 10 }, () => openBrowser())
    const callbacks: URL[] = []
    for (const browser of browsers) callbacks.push(await callbackOf(product, browser, 'silent', stranger(product)))
    product.idp.rotateKeys()
    const before = keyRequests()
    // Some ask while the first is being answered, and some have their tokens only when it has been.
    let exchanges = 0
    const fault: Fault = {
      jwks: (_req, _res, next) => void setTimeout(next, 200),
      token: (_req, _res, next) => {
        exchanges += 1
        setTimeout(next, exchanges > 5 ? 800 : 0)
      },
    }
    const pages = await during(product, fault, () =>
      Promise.all(browsers.map((browser, index) => browser.open(callbacks[index] ?? ''))),
    )
    for (const page of pages) signedInAt(product.application, page)
    assert.equal(keyRequests(), before + 1)
  })

  it('by keys that there never were makes nobody ask for them again and again, and the right key is still known', async () => {
    product.clock.now = new Date(product.clock.now.getTime() + 61_000)
    await toldAfter(product, {})
    const before = keyRequests()
    const madeUp = (): Fault => underHeader((header) => ({ ...header, kid: randomBytes(8).toString('hex') }))
    await assertRefused(
      product,
      Object.fromEntries(Array.from({ length: 12 }, (_, turn) => [`turn ${turn}`, madeUp()])),
    )
    assert.equal(keyRequests(), before + 5)
    await toldAfter(product, {})
    assert.equal(keyRequests(), before + 5)
    // A minute later a new key would be found again.
    product.clock.now = new Date(product.clock.now.getTime() + 61_000)
    product.idp.rotateKeys()
    await toldAfter(product, {})
  })

  it('by a good key among ten thousand that are not is believed; a set that is none does not replace one', async () => {
    const broken: unknown[] = [
      ...[null, 'key', 7, [], {}, { kty: 'oct', k: 'AAAA' }, { kty: 'none' }, { kty: 1, kid: 1 }],
      { kty: 'RSA', kid: 'no numbers' },
      { kty: 'RSA', kid: 'small', n: 'AQAB', e: 'AQAB' },
      { kty: 'RSA', kid: 'huge', n: 'A'.repeat(100_000), e: 'A'.repeat(10_000) },
      { kty: 'EC', crv: 'P-0', x: '', y: '' },
      { kty: 'RSA', key_ops: 7 },
      { kty: 'RSA', key_ops: 'sign', use: {} },
      ...Array.from({ length: 10_000 }, (_, index) => ({ kty: 'OKP', kid: `key-${index}` })),
    ]
    const answer = (body: unknown): Fault => ({ jwks: (_req, res) => void res.json(body) })
    forgetDescription(product)
    await toldAfter(product, answer({ keys: [...broken, ...product.idp.keys()] }))
    // Also where the token does not say which of them it is.
    forgetDescription(product)
    const nameless = underHeader((header) => omit(header, 'kid'))
    await toldAfter(product, {
      ...nameless,
      ...answer({ keys: [...broken.slice(-5), { kty: 'RSA', key_ops: 7 }, ...product.idp.keys()] }),
    })

    for (const body of [{ keys: null }, { keys: {} }, {}, [], 'keys', null, { keys: [] }]) {
      forgetDescription(product)
      await assertRefused(product, { [JSON.stringify(body)]: answer(body) })
    }
    await toldAfter(product, {})
    const madeUp = underHeader((header) => ({ ...header, kid: 'made up' }))
    await assertRefused(product, { 'nothing for an answer': { ...madeUp, ...answer(null) } })
    await toldAfter(product, { jwks: '500' })
  })
})
