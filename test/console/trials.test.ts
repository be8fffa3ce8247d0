// The three trials of an identity provider: what they say is what happens then, and nothing comes of them.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import type { Browser, Page } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { MODES, type Product, startProduct } from '../support/product.ts'
import { meanwhile, withIdp } from '../support/visits.ts'

const HOSTILE = '"><script>document.title=1</script><img src=x onerror=alert(1)>\u202e'

describe('trials of an identity provider', () => {
  let product: Product
  let browser: Browser
  before(async () => {
    product = await startProduct({ modes: MODES })
    browser = (await openConsole(product)).browser
  })
  afterEach(() => {
    product.idp.fault = {}
  })
  after(() => product.stop())

  const at = (mode: string, below: string) => `${product.url}/console/identity-providers/${mode}/${below}`

  /** Everything that is kept, but for what a trial may leave: its own row, the session that it is in, and the line that says that it was made. */
  async function kept(): Promise<string[]> {
    return (await product.dump()).split('\n').filter((row) => !/^(test_sign_ins|console_sessions|changes): /.test(row))
  }

  /** The sentence that says what would happen. */
  const sentenceOn = (page: Page) => /<p class="lead notice"><bdi>([^<]*)<\/bdi>/.exec(page.html)?.[1] ?? page.text

  describe('Test connection', () => {
    test('goes through everything step by step, each with a verdict in words and its time', async () => {
      const before = await kept()
      const first = await browser.open(at('silent', 'test-connection'))
      const page = await first.press('Test connection')
      assert.match(page.text, /Everything is as a sign-in needs it/)
      const rows = [
        ...page.html.matchAll(
          /<tr><th scope="row">([^<]*)<\/th><td><span class="tag ok">([^<]*)<\/span><\/td><td><bdi>([^<]*)<\/bdi><\/td><td class="number">[\d,]+ ms</g,
        ),
      ]
      assert.deepEqual(
        rows.map(([, label, verdict]) => [label, verdict]),
        ['How it describes itself', 'Its clock', 'Its keys', 'Client ID and secret'].map((label) => [label, 'OK']),
      )
      assert.match(rows[3]?.[3] ?? '', /It knows the client ID and the secret/)
      assert.deepEqual(await kept(), before)
    })

    test('says what fails, and what it could not get to', async () => {
      product.idp.fault = {
        token: (_req, res) => void res.status(401).json({ error: 'invalid_client', error_description: HOSTILE }),
      }
      const wrong = await (await browser.open(at('silent', 'test-connection'))).press('Test connection')
      assert.match(wrong.text, /People cannot sign in like this/)
      assert.match(wrong.text, /Fails It does not accept the client ID and the secret/)
      assert.ok(
        !wrong.html.includes('<img') || !wrong.html.includes('onerror=alert(1)>'),
        'what the idp says is markup',
      )
      product.idp.fault = { discovery: '500' }
      const away = await (await browser.open(at('silent', 'test-connection'))).press('Test connection')
      assert.match(away.text, /Its keys Not tested/)
    })

    test('is there for an idp that is off, and not for one that is not there', async () => {
      await meanwhile(product, withIdp('silent', {}, { isEnabled: false }), async () => {
        const page = await (await browser.open(at('silent', 'test-connection'))).press('Test connection')
        assert.match(page.text, /Everything is as a sign-in needs it/)
      })
      for (const below of ['test-connection', 'try-mapping', 'test-sign-in'])
        for (const name of ['nobody', 'no%00body', '%F0%9F%98%80']) {
          const response = await browser.fetch(at(name, below))
          assert.equal(response.status, 404, name)
        }
    })
  })
})
