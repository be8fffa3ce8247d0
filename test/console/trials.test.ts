// The three trials of an identity provider: what they say is what happens then, and nothing comes of them.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { lastChange, lastChanges } from '../../src/db/changes.ts'
import { sweep } from '../../src/db/sweep.ts'
import type { Facts } from '../../src/provisioning/decide.ts'
import { foretell } from '../../src/provisioning/explain.ts'
import { toldFor } from '../../src/provisioning/told.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { makeOperator, openConsole, signInToConsole } from '../support/console.ts'
import { MODES, type Mode, type Product, startProduct } from '../support/product.ts'
import {
  codesOn,
  flowIdOf,
  meanwhile,
  newcomer,
  signedIn,
  storedPerson,
  submit,
  visit,
  withIdp,
} from '../support/visits.ts'

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

  describe('Test sign-in', () => {
    const press = async (mode: Mode, using = browser) =>
      (await using.open(at(mode, 'test-sign-in'))).press('Test sign-in')

    /** Signs somebody in at the idp, for a test. */
    function testAs(mode: Mode, person: { sub: string; [claim: string]: unknown }, using = browser): Promise<Page> {
      product.idp.person(person.sub, person)
      product.idp.signInAs = person.sub
      return press(mode, using)
    }

    /** What was known of the person who has just come as far as this page, and so decided. */
    async function factsAt(page: Page): Promise<Facts> {
      const isAsked = page.url.includes('accountrecoveryendpoint')
      const [row] = isAsked
        ? await product.rows<{ facts: Facts }>("SELECT noted->'facts' AS facts FROM flows WHERE id = $1", [
            flowIdOf(page),
          ])
        : await product.rows<{ facts: Facts }>('SELECT facts FROM audit_events ORDER BY id DESC LIMIT 1')
      return row?.facts ?? assert.fail('nothing was decided')
    }

    /** Tests, signs in for real, and compares what was said with what happens. */
    async function assertSame(mode: Mode, person: { sub: string; [claim: string]: unknown }): Promise<string> {
      const before = await kept()
      const result = await testAs(mode, person)
      assert.equal(result.status, 200)
      assert.deepEqual(await kept(), before, 'a test left something')
      const sentence = sentenceOn(result)
      const told = product.application.results.length
      const page = await visit(product, mode, person)
      assert.equal(sentence, foretell(await factsAt(page), { idp: `Acme ${mode}`, application: 'Travel' }))
      const [, asks] = /(\w+\.do) would ask\.$/.exec(sentence) ?? []
      if (asks !== undefined) {
        assert.ok(page.url.includes(asks), page.url)
        assert.equal((await result.click(`See the page (${asks})`)).title, page.title)
      } else if (sentence.includes('would be refused')) {
        const [, code = ''] = /\((\w+)\)\.$/.exec(sentence) ?? []
        assert.equal(codesOn(page)[0], toldFor(code, product.running.house.settings()), sentence)
      } else {
        assert.equal(product.application.results.length, told + 1)
        const kept = await storedPerson(product, person.sub)
        assert.equal(kept === undefined, sentence.includes('let in without one'), sentence)
        if (kept) assert.equal(signedIn(product.application).sub, kept.user.id)
      }
      return sentence
    }

    async function makeKnown(mode: Mode, subject: string): Promise<string> {
      const { id } = await makeOperator(product, `known-${mode}-${subject.slice(-6)}`)
      await product.rows(
        `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme) SELECT id, issuer, $1, $2, jit_scheme FROM idps WHERE name = $3`,
        [subject, id, mode],
      )
      await product.rows(
        `INSERT INTO answered_versions (user_id, purpose_id, version)
         SELECT $1, purpose_id, max(version) FROM purpose_versions GROUP BY purpose_id ON CONFLICT DO NOTHING`,
        [id],
      )
      return id
    }

    for (const mode of MODES) {
      test(`of a new, a known and a locked person at an idp of the mode ${mode} says what a real one then does, and leaves nothing`, async () => {
        const person = newcomer()
        const fresh = await assertSame(mode, person)
        assert.ok(!fresh.includes('they have a user'), fresh)
        const known = newcomer()
        const id = await makeKnown(mode, known.sub)
        assert.match(await assertSame(mode, known), /they would be signed in as that user/)
        await product.rows('UPDATE users SET is_locked = true WHERE id = $1', [id])
        assert.match(await assertSame(mode, known), /\(USER_LOCKED\)/)
        await makeOperator(product, `taken-${mode}`)
        await assertSame(mode, newcomer({ preferred_username: `taken-${mode}` }))
        await assertSame(mode, newcomer({ email: undefined, preferred_username: 'a\u0430dmin' }))
      })
    }

    test('goes off and comes back by the registered address, with state, nonce and PKCE, and says that it was made', async () => {
      product.idp.requests.length = 0
      await product.rows('DELETE FROM test_sign_ins')
      const result = await testAs('silent', newcomer({ department: 'Tides' }))
      const [left] = product.idp.requests.filter(({ path }) => path === '/auth')
      assert.match(left?.query['state'] ?? '', /^test\.[\w-]{32}$/)
      assert.match(left?.query['nonce'] ?? '', /^[\w-]{43}$/)
      assert.equal(left?.query['code_challenge_method'], 'S256')
      assert.equal(left?.query['redirect_uri'], `${product.url}/commonauth/silent`)
      assert.match(result.url, /\/console\/identity-providers\/silent\/test-sign-in\/[\w-]{43}$/)
      assert.match(result.text, /"department": "Tides"/)
      assert.equal(result.headers.get('cache-control'), 'no-store')
      const [line] = await product.rows('SELECT * FROM changes ORDER BY id DESC LIMIT 1')
      const { actor, action, kind, object, before, after } = line ?? {}
      assert.deepEqual(
        { actor, action, kind, object, before, after },
        { actor: 'olu', action: 'tested', kind: 'idp', object: 'silent', before: null, after: null },
      )
      // Neither claim nor state nor session can be read in what is kept.
      const dump = await product.dump()
      assert.ok(!dump.includes('Tides') && !dump.includes(Buffer.from('Tides').toString('hex')))
      assert.ok(!dump.includes(left?.query['state'] ?? ''))
    })

    test('works while the idp is off, and says so', async () => {
      await meanwhile(product, withIdp('consent', {}, { isEnabled: false }), async () => {
        const result = await testAs('consent', newcomer())
        assert.match(result.text, /Acme consent is off: until it is on, people are refused/)
        assert.match(sentenceOn(result), /signup\.do would ask/)
      })
    })

    test('prints what the idp says as text, and shows what hides in it', async () => {
      const result = await testAs('username', newcomer({ name: HOSTILE, department: [HOSTILE] }))
      assert.equal(result.status, 200)
      assert.ok(!result.html.includes('<img src=x'), 'a claim is markup')
      assert.equal(result.html.match(/<script/g)?.length, 1, 'a claim is a script')
      assert.ok(result.html.includes('\\u202e'))
      const page = await result.click('See the page (register.do)')
      assert.match(page.headers.get('content-security-policy') ?? '', /; sandbox allow-same-origin$/)
      assert.ok(!page.html.includes('<img src=x'), 'a claim is markup')
    })

    /** Leaves for the idp, and returns the address that it sends the browser back to, which nobody opens. */
    async function callbackOf(mode: Mode, using = browser): Promise<string> {
      const person = newcomer()
      product.idp.person(person.sub, person)
      product.idp.signInAs = person.sub
      const page = await using.open(at(mode, 'test-sign-in'))
      const leaving = await (await submit(using, page, 'Test sign-in')).text()
      let address = (/http-equiv="refresh" content="0;url=([^"]*)"/.exec(leaving)?.[1] ?? '').replaceAll('&amp;', '&')
      for (let steps = 0; !address.startsWith(product.url); steps += 1) {
        assert.ok(steps < 10, address)
        const response = await using.fetch(address)
        address = new URL(response.headers.get('location') ?? assert.fail(await response.text()), address).href
      }
      return address
    }

    const tokenRequests = () => product.idp.requests.filter(({ path }) => path === '/token').length

    test('is finished once: the same callback again shows the same result, and asks the idp for nothing', async () => {
      const callback = await callbackOf('silent')
      product.idp.requests.length = 0
      const pages = await Promise.all([1, 2, 3, 4].map(() => browser.open(callback)))
      assert.equal(tokenRequests(), 1)
      const again = await browser.open(callback)
      assert.match(again.text, /What Acme silent says/)
      assert.ok(pages.every(({ url }) => url === again.url))
      assert.equal(tokenRequests(), 1)
    })

    test('goes on in two tabs at once, each with a result of its own', async () => {
      const [one, other] = [await callbackOf('silent'), await callbackOf('consent')]
      const [second, first] = [await browser.open(other), await browser.open(one)]
      assert.match(sentenceOn(first), /^If they signed in now: Acme silent provisions silently/)
      assert.match(sentenceOn(second), /^If they signed in now: Acme consent asks for consent/)
      assert.notEqual(first.url, second.url)
    })

    test('is nobody else’s: another browser, another operator and another idp’s address use nothing up', async () => {
      const callback = await callbackOf('silent')
      product.idp.requests.length = 0
      const stranger = await openBrowser().open(callback)
      assert.equal(stranger.status, 403)
      assert.match(stranger.text, /You are not signed in to the console/)
      const { browser: colleague } = await openConsole(product, { username: 'colleague' })
      assert.equal((await colleague.open(callback)).status, 404)
      const mixedUp = await browser.open(callback.replace('/commonauth/silent', '/commonauth/consent'))
      assert.equal(mixedUp.status, 400)
      assert.match(mixedUp.text, /The answer came to the wrong address/)
      assert.equal(tokenRequests(), 0)
      const result = await browser.open(callback)
      assert.match(result.text, /What Acme silent says/)
      assert.equal((await colleague.open(result.url)).status, 404)
    })

    test('is none for a state that was made up, or that somebody tells twice', async () => {
      product.idp.requests.length = 0
      for (const query of [
        'state=test.',
        `state=test.${'a'.repeat(32)}&code=x`,
        `state=test.${'%00'.repeat(40)}`,
        `state=test.${'a'.repeat(9000)}`,
        'state=test.%F0%9F%98%80',
      ]) {
        const page = await browser.open(`${product.url}/commonauth/silent?${query}`)
        assert.equal(page.status, 404, query)
        assert.match(page.text, /There is no such test sign-in/)
      }
      const state = `test.${'a'.repeat(32)}`
      assert.equal((await browser.open(`${product.url}/commonauth/silent?state=${state}&state=${state}`)).status, 400)
      assert.equal(tokenRequests(), 0)
    })

    test('that an operator begins is finished by no one who is an owner no more', async () => {
      const { browser: theirs, id } = await openConsole(product, { username: 'demoted' })
      const [first, second] = [await callbackOf('silent', theirs), await callbackOf('silent', theirs)]
      product.idp.requests.length = 0
      await product.rows("UPDATE operators SET role = 'support' WHERE user_id = $1", [id])
      const refused = await theirs.open(first)
      assert.equal(refused.status, 403)
      assert.match(refused.text, /This is not yours to see/)
      await product.rows('DELETE FROM operators WHERE user_id = $1', [id])
      assert.match((await theirs.open(second)).text, /You are not signed in to the console/)
      assert.equal(tokenRequests(), 0)
    })

    // biome-ignore format: one row, one line
    const failures: [what: string, fault: Product['idp']['fault'], said: RegExp][] = [
      ['garbage for tokens', { token: 'garbage' }, /Somebody went to Acme silent, which did not complete the sign-in/],
      ['a failure for tokens', { token: '500' }, /did not complete the sign-in \(OAUTH_\w+\)/],
      ['no answer', { token: 'hang' }, /did not complete the sign-in: it took too long \((IDP|OAUTH)_TIMEOUT\)/],
      ['a signature of somebody else', { forgeSignature: true }, /did not complete the sign-in/],
      ['the nonce of another departure', { tamper: (claims, where) => (where === 'id_token' ? { ...claims, nonce: 'another' } : claims) }, /did not complete the sign-in/],
      ['a person without a subject that can be used', { tamper: (claims, where) => (where === 'id_token' ? { ...claims, sub: 'a\u0000' } : claims) }, /did not complete|The claims have/],
      ['a refusal of the client', { token: (_req, res) => void res.status(401).json({ error: 'invalid_client', error_description: HOSTILE }) }, /It says: invalid_client: "><script>/],
    ]
    for (const [what, fault, said] of failures)
      test(`says what came, and leaves nothing, when the idp sends ${what}`, async () => {
        const before = await kept()
        const callback = await callbackOf('silent')
        product.idp.fault = fault
        const page = await browser.open(callback)
        assert.equal(page.status, 200)
        assert.match(page.text, said)
        assert.ok(!page.html.includes('<img src=x'), 'what the idp says is markup')
        assert.deepEqual(await kept(), before)
        product.idp.fault = {}
        assert.match((await page.press('Test again')).text, /What Acme silent says/)
      })

    test('says at once that the idp is away', async () => {
      product.idp.fault = { discovery: '500' }
      // What was learnt of it is kept for five minutes.
      product.clock.now = new Date(product.clock.now.getTime() + 6 * 60_000)
      const page = await press('silent')
      assert.equal(page.status, 502)
      assert.match(page.text, /Acme silent, which did not complete the sign-in/)
    })

    test('says that somebody cancelled there, with the word that came', async () => {
      product.idp.signInAs = undefined
      const form = await press('silent')
      const page = await form.press('cancel')
      assert.match(
        page.text,
        /Acme silent sent somebody back without signing them in \(access_denied\): they cancelled there/,
      )
      assert.match(page.text, /It says: access_denied: The person pressed Cancel/)
    })

    test('is forgotten: an unfinished one after ten minutes, a result after five, and all at the end of the session', async () => {
      await product.rows('DELETE FROM test_sign_ins')
      const later = (minutes: number) => {
        product.clock.now = new Date(product.clock.now.getTime() + minutes * 60_000)
      }
      const count = async () => (await product.rows('SELECT 1 FROM test_sign_ins')).length
      const callback = await callbackOf('silent')
      const result = await testAs('silent', newcomer())
      later(4.9)
      assert.equal((await browser.open(result.url)).status, 200)
      later(0.2)
      const over = await browser.open(result.url)
      assert.equal(over.status, 404)
      assert.match(over.text, /This test is over/)
      await sweep(product.running.db, product.clock.now)
      assert.equal(await count(), 1)
      later(5)
      assert.equal((await browser.open(callback)).status, 404)
      await sweep(product.running.db, product.clock.now)
      assert.equal(await count(), 0)

      await makeOperator(product, 'leaver', 'owner')
      const theirs = openBrowser()
      await signInToConsole(product, theirs, 'leaver')
      const last = await testAs('silent', newcomer(), theirs)
      assert.equal(await count(), 1)
      await last.press('Sign out')
      assert.equal(await count(), 0)
    })

    test('is not taken for a change of the idp, but for the first sign-in through it', async () => {
      const other = await startProduct({ modes: ['silent'] })
      try {
        const { browser: theirs } = await openConsole(other)
        assert.match((await theirs.open(`${other.url}/console`)).text, /Sign in through it To do/)
        const person = newcomer()
        other.idp.person(person.sub, person)
        other.idp.signInAs = person.sub
        await (await theirs.open(`${other.url}/console/identity-providers/silent/test-sign-in`)).press('Test sign-in')
        assert.match((await theirs.open(`${other.url}/console`)).text, /Sign in through it Done/)
        assert.equal((await lastChange(other.running.db, 'idp', 'silent'))?.action, 'created')
        assert.equal((await lastChanges(other.running.db, 'idp')).get('silent')?.action, 'created')
      } finally {
        await other.stop()
      }
    })
  })
})
