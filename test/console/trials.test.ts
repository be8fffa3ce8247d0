// The three trials of an identity provider: what they say is what happens then, and nothing comes of them.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import type { Browser, Page } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { MODES, type Mode, type Product, startProduct } from '../support/product.ts'
import { meanwhile, newcomer, submit, withIdp } from '../support/visits.ts'

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

  describe('Try this mapping', () => {
    const tryOut = async (mode: Mode, claims: unknown) => {
      const page = await browser.open(at(mode, 'try-mapping'))
      return page.fill({ claims: typeof claims === 'string' ? claims : JSON.stringify(claims) }).press('Try')
    }

    test('begins with an example that fits the mappings', async () => {
      const page = await (await browser.open(at('silent', 'try-mapping'))).press('Try')
      assert.match(sentenceOn(page), /a user would be made without a question/)
      assert.match(page.text, /Username asha Free/)
      assert.match(page.text, /Email.* asha@example\.com Yes At once/)
      assert.ok(!page.text.includes('Look at this'), page.text)
    })

    test('says by each attribute whether it would be kept, and shows the page that would ask, inert', async () => {
      const before = await kept()
      const page = await tryOut('consent', newcomer({ department: 'Tides' }))
      assert.match(sentenceOn(page), /signup\.do would ask/)
      assert.match(page.text, /Email address mail-\w+@acme\.example Yes (Needed|If they agree)/)
      assert.match(page.text, /Full name Name \w+ – No: no purpose asks for it/)
      const inert = await page.press('page')
      assert.match(inert.headers.get('content-security-policy') ?? '', /; sandbox allow-same-origin$/)
      assert.match(inert.html, /data-part="consent"|consent-/)
      assert.deepEqual(await kept(), before)
    })

    test('goes by the application that is chosen', async () => {
      const page = await browser.open(at('silent', 'try-mapping'))
      assert.match((await page.fill({ application: 'travel' }).press('Try')).text, /Application Travel/)
      const gone = await submit(browser, page, 'Try', { application: 'gone' })
      assert.equal(gone.status, 422)
      assert.match(await gone.text(), /This application is gone or off/)
    })

    test('says what is wrong with what was pasted, and keeps it in its place', async () => {
      const page = await tryOut('silent', '{"sub": "a",\n}')
      assert.equal(page.status, 422)
      assert.match(page.text, /This is not JSON \(line 2, column 1\)/)
      assert.match(page.html, /\{&#34;sub&#34;: &#34;a&#34;,/)
      assert.match((await tryOut('silent', { name: 'nobody' })).text, /The claims have no subject/)
    })

    test('prints whatever is claimed as text', async () => {
      for (const mode of MODES) {
        const claims = newcomer({ name: HOSTILE, department: HOSTILE, preferred_username: HOSTILE, sub: 'a<script>' })
        const page = await tryOut(mode, claims)
        assert.equal(page.status, 200)
        assert.ok(!page.html.includes('<img src=x'), 'a claim is markup')
        assert.equal(page.html.match(/<script/g)?.length, 1, 'a claim is a script')
      }
    })
  })
})
