// Keys, tokens and answers on their way: each opens one flow, once, for a minute, in one pair of hands; and a stolen one makes nobody a user.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { sweep } from '../src/db/sweep.ts'
import { openBrowser, type Page } from './support/browser.ts'
import {
  ASKING,
  answersTo,
  ask,
  call,
  type Elsewhere,
  flowOf,
  keyIn,
  later,
  ownAddress,
  type Said,
  type Sent,
  sendSomebody,
  startElsewhere,
} from './support/elsewhere.ts'
import { brokenInvariants } from './support/invariants.ts'
import { PASSWORD } from './support/people.ts'
import {
  codesOn,
  knownPerson,
  meanwhile,
  newcomer,
  refused,
  signedIn,
  storedPerson,
  visit,
  withIdp,
} from './support/visits.ts'

describe('the keys of the flow API', () => {
  let product: Elsewhere
  before(async () => {
    product = await startElsewhere()
  })
  after(() => product.stop())

  const codeOf = ({ status, body }: Said) => [status, body.code]

  /** Right answers by the API: where the browser goes on. */
  async function answered(sent: Sent, changes: Record<string, unknown> = {}): Promise<string> {
    const form = { username: newcomer().preferred_username, password: PASSWORD, ...changes }
    const { status, body } = await call(product, '/answers', answersTo(await ask(product, sent), form))
    assert.equal(status, 200, JSON.stringify(body))
    return body.returnTo
  }

  const sayIn = (language: string, key: string) =>
    product.running.house.views.t({ key, values: { app: 'Travel', org: 'Northwind' } }, language)

  const isAtApplication = (page: Page) => page.url.startsWith(product.application.redirectUri)

  describe('a key', () => {
    it('opens its question once; the second time the browser is sent for another', async () => {
      const sent = await sendSomebody(product)
      await ask(product, sent)
      const again = await call(product, '/questions', { key: sent.key })
      assert.deepEqual(codeOf(again), [410, 'KEY_SPENT'])
      const fresh = keyIn(await sent.browser.open(again.body.returnTo))
      assert.notEqual(fresh, sent.key)
      await ask(product, { key: fresh })
    })

    it('opens it for one of twenty who bring it at once', async () => {
      const { key } = await sendSomebody(product)
      const all = await Promise.all(Array.from({ length: 20 }, () => call(product, '/questions', { key })))
      assert.deepEqual(all.map(({ status }) => status).sort(), [200, ...Array.from({ length: 19 }, () => 410)])
    })

    it('is worth nothing after a minute', async () => {
      const sent = await sendSomebody(product)
      later(product, 60)
      assert.deepEqual(codeOf(await call(product, '/questions', { key: sent.key })), [410, 'KEY_SPENT'])
    })

    it('is worth nothing without an application that serves pages, and is not burnt by one that does not', async () => {
      const sent = await sendSomebody(product)
      const bare = await fetch(`${product.url}/api/flow/v1/questions`, { method: 'POST', body: JSON.stringify(sent) })
      assert.equal(bare.status, 401)
      await assert.rejects(
        call(product, '/questions', { key: sent.key }, { clientId: 'nobody' }),
        /no token for nobody: 400/,
      )
      await ask(product, sent)
    })

    it('is no token, and a token is no key', async () => {
      const sent = await sendSomebody(product)
      const { token } = await ask(product, sent)
      assert.deepEqual(codeOf(await call(product, '/questions', { key: token })), [404, 'NOTFOUND'])
      const other = await sendSomebody(product)
      assert.deepEqual(codeOf(await call(product, '/answers', { token: other.key })), [404, 'NOTFOUND'])
    })

    it('of a flow that is over, or whose person is known by now, leads on', async () => {
      const sent = await sendSomebody(product)
      await sent.browser.open(await answered(sent))
      const { body } = await call(product, '/questions', { key: sent.key })
      assert.deepEqual(body, { returnTo: `${product.url}/commonauth?sessionDataKey=${flowOf(sent)}` })

      const [one, browser] = [await sendSomebody(product), openBrowser()]
      const key = keyIn(await visit(product, 'username', one.person, { browser }))
      await one.browser.open(await answered(one))
      const known = await call(product, '/questions', { key })
      assert.equal(known.status, 200)
      assert.ok(isAtApplication(await browser.open(known.body.returnTo)))
      assert.equal(signedIn(product.application).sub, (await knownPerson(product, one.person.sub)).user.id)
    })

    it('of somebody who may not enter any more is answered as our page would be: 409, with the code', async () => {
      const sent = await sendSomebody(product, 'password')
      await meanwhile(product, withIdp('password', {}, { isEnabled: false }), async () => {
        const said = await call(product, '/questions', { key: sent.key })
        assert.deepEqual(codeOf(said), [409, 'IDP_OFF'])
        const page = await sent.browser.open(said.body.returnTo)
        assert.deepEqual([page.status, codesOn(page)], [409, ['IDP_OFF']])
      })
    })
  })

  describe('a question', () => {
    it('is in the language that its person reads, and answers to it count in the same words', async () => {
      const [browser, person] = [openBrowser({ headers: { 'Accept-Language': 'de' } }), newcomer()]
      product.idp.person(person.sub, person)
      product.idp.signInAs = person.sub
      const choice = await browser.open(`${product.application.url}/login`)
      const page = await choice.click('Weiter mit Acme consent')
      const { token, question } = await ask(product, { key: keyIn(page) })
      assert.deepEqual([question['language'], question['heading']], ['de', sayIn('de', 'signup.title.consent')])
      const wrong = await call(product, '/answers', answersTo({ token, question }, { consent: [] }))
      assert.deepEqual([wrong.status, wrong.body.question.language], [422, 'de'])
      const { body } = await call(product, '/answers', answersTo({ token, question }))
      assert.ok(isAtApplication(await browser.open(body.returnTo)))
      const { consents } = await knownPerson(product, person.sub)
      assert.deepEqual([...new Set(consents.map(({ language }) => language))], ['de'])
    })
  })

  describe('a token', () => {
    it('answers for the application that it was given to, and for no other', async () => {
      const opened = await ask(product, await sendSomebody(product))
      const answers = answersTo(opened, { username: 'ab', password: PASSWORD })
      const other = await call(product, '/answers', answers, { clientId: 'other-pages' })
      assert.deepEqual(codeOf(other), [404, 'NOTFOUND'])
      assert.equal((await call(product, '/answers', answers)).status, 422)
    })

    it('dies with its flow, which says so itself where the browser goes on', async () => {
      const sent = await sendSomebody(product)
      const opened = await ask(product, sent)
      later(product, 31 * 60)
      const said = await call(product, '/answers', answersTo(opened, { username: 'asha', password: PASSWORD }))
      assert.deepEqual(codeOf(said), [410, 'EXPIRED'])
      const page = await sent.browser.open(said.body.returnTo)
      assert.deepEqual([page.status, codesOn(page)], [410, ['EXPIRED']])
      assert.match(page.html, /Start again with Acme username/)
    })

    it('says no for the person: nothing is kept, and the application hears it', async () => {
      const sent = await sendSomebody(product)
      const { token } = await ask(product, sent)
      const { status, body } = await call(product, '/answers', { token, do: 'decline' })
      assert.equal(status, 200)
      const page = await sent.browser.open(body.returnTo)
      assert.match(page.text, /We did not create an account/)
      await page.click('Return to Travel')
      assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'DECLINED' })
      assert.equal(await storedPerson(product, sent.person.sub), undefined)
    })

    it('is told when the question changed while somebody answered it', async () => {
      const sent = await sendSomebody(product, 'password')
      const opened = await ask(product, sent)
      await meanwhile(product, withIdp('password', { scheme: 'PROMPT_USERNAME_PASSWORD_CONSENT' }), async () => {
        const said = await call(product, '/answers', answersTo(opened, { password: PASSWORD }))
        assert.deepEqual([...codeOf(said), said.body.question.page], [422, 'CHANGED', 'register'])
        const form = { username: newcomer().preferred_username, password: PASSWORD }
        const right = answersTo({ token: opened.token, question: said.body.question }, form)
        assert.ok(isAtApplication(await sent.browser.open((await call(product, '/answers', right)).body.returnTo)))
      })
    })
  })

  describe('the status of a name', () => {
    const statusOf = ({ token }: { token: string }) =>
      call(product, '/username-status', { token, username: 'asha.somewhere' })

    it('says that somebody may not enter any more, where the person would hear it: 409, with the code', async () => {
      const sent = await sendSomebody(product)
      const opened = await ask(product, sent)
      await meanwhile(product, withIdp('username', {}, { isEnabled: false }), async () => {
        const said = await statusOf(opened)
        assert.deepEqual(codeOf(said), [409, 'IDP_OFF'])
        assert.deepEqual(codesOn(await sent.browser.open(said.body.returnTo)), ['IDP_OFF'])
      })
    })

    it('leads on whoever became known in another tab', async () => {
      const [sent, browser] = [await sendSomebody(product), openBrowser()]
      const opened = await ask(product, sent)
      const other = { ...sent, browser, key: keyIn(await visit(product, 'username', sent.person, { browser })) }
      await browser.open(await answered(other))
      const { status, body } = await statusOf(opened)
      assert.equal(status, 200)
      assert.ok(isAtApplication(await sent.browser.open(body.returnTo)))
    })

    it('is of nobody where a question asks for no name', async () => {
      assert.deepEqual(codeOf(await statusOf(await ask(product, await sendSomebody(product, 'consent')))), [
        404,
        'NOTFOUND',
      ])
    })
  })

  describe('a password that was typed', () => {
    it('is not dropped in silence when none is asked for any more: the person is told that the question changed', async () => {
      const opened = await ask(product, await sendSomebody(product, 'password'))
      await meanwhile(product, withIdp('password', { scheme: 'PROMPT_CONSENT' }), async () => {
        const said = await call(product, '/answers', answersTo(opened, { password: PASSWORD }))
        assert.deepEqual(codeOf(said), [422, 'CHANGED'])
        const again = answersTo({ token: opened.token, question: said.body.question }, { password: PASSWORD })
        assert.equal((await call(product, '/answers', again)).status, 200)
      })
    })
  })

  describe('answers on their way back', () => {
    it('make nobody a user before the browser is there, and count in no browser but the one whose flow it is', async () => {
      const sent = await sendSomebody(product)
      const returnTo = await answered(sent)
      assert.equal(await storedPerson(product, sent.person.sub), undefined)
      for (const stranger of [openBrowser(), (await sendSomebody(product)).browser]) {
        const page = await stranger.open(returnTo)
        assert.deepEqual([page.status, codesOn(page)], [404, ['NOTFOUND']])
      }
      assert.equal(await storedPerson(product, sent.person.sub), undefined)
      assert.ok(isAtApplication(await sent.browser.open(returnTo)))
      assert.equal(signedIn(product.application).sub, (await knownPerson(product, sent.person.sub)).user.id)
    })

    it('are not taken by a browser that did not give them: somebody else fills in my form, and nothing comes of it', async () => {
      // Mallory begins a sign-in and has somebody else open the page with the key that was meant for her own browser.
      const mallory = await sendSomebody(product)
      await answered(mallory, { username: 'typed-by-another' })
      const page = await mallory.browser.open(`${product.url}/commonauth?sessionDataKey=${flowOf(mallory)}`)
      keyIn(page)
      assert.equal(await storedPerson(product, mallory.person.sub), undefined)
    })

    it('of another flow do not count in mine', async () => {
      const [mine, other] = [await sendSomebody(product), await sendSomebody(product)]
      const answer = new URL(await answered(other)).searchParams.get('answer') ?? ''
      keyIn(await mine.browser.open(`${ownAddress(mine)}&answer=${answer}`))
      assert.equal(await storedPerson(product, mine.person.sub), undefined)
      assert.equal(await storedPerson(product, other.person.sub), undefined)
      for (const wrong of ['', 'a', mine.key, '&answer=b'])
        keyIn(await mine.browser.open(`${ownAddress(mine)}&answer=${wrong}`))
    })

    it('make one user when the browser comes back twenty times at once', async () => {
      const sent = await sendSomebody(product)
      const returnTo = await answered(sent)
      const all = await Promise.all(Array.from({ length: 20 }, () => sent.browser.fetch(returnTo)))
      assert.deepEqual([...new Set(all.map(({ status }) => status))], [303])
      const events = (await knownPerson(product, sent.person.sub)).events.map(({ event }) => event)
      assert.equal(events.filter((event) => event === 'user-created').length, 1)
    })

    it('are given again after a minute, after a look without a visit not', async () => {
      const sent = await sendSomebody(product)
      const returnTo = await answered(sent)
      const look = await sent.browser.fetch(returnTo, { method: 'HEAD' })
      assert.equal(look.status, 200)
      assert.equal(await storedPerson(product, sent.person.sub), undefined)
      later(product, 61)
      const fresh = keyIn(await sent.browser.open(returnTo))
      assert.ok(isAtApplication(await sent.browser.open(await answered({ ...sent, key: fresh }))))
    })

    it('are asked for again when the name was taken or the words changed in between, and make no user', async () => {
      const [one, two] = [await sendSomebody(product), await sendSomebody(product)]
      const [first, second] = [
        await answered(one, { username: 'wanted-by-two' }),
        await answered(two, { username: 'Wanted-By-Two' }),
      ]
      assert.ok(isAtApplication(await one.browser.open(first)))
      keyIn(await two.browser.open(second))
      assert.equal(await storedPerson(product, two.person.sub), undefined)

      const three = await sendSomebody(product)
      const returnTo = await answered(three)
      const change: Parameters<typeof meanwhile>[1] = (declared) => ({
        ...declared,
        purposes: declared.purposes.map((one) => ({ ...one, description: 'For another reason' })),
      })
      await meanwhile(product, change, async () => {
        keyIn(await three.browser.open(returnTo))
        assert.equal(await storedPerson(product, three.person.sub), undefined)
      })
    })
  })

  describe('what stands in the database, in addresses and in the log', () => {
    it('tells nothing of a person as long as a page elsewhere has the flow', async () => {
      for (const mode of ASKING) {
        const sent = await sendSomebody(product, mode, { email: 'canary@acme.example', name: 'Canary Byron' })
        const opened = await ask(product, sent)
        const typed = { username: 'canary-typed', password: 'kanary battery staple horse' }
        const form = mode === 'username' ? typed : mode === 'password' ? { password: typed.password } : {}
        const { status, body } = await call(product, '/answers', answersTo(opened, form))
        assert.equal(status, 200, JSON.stringify(body))
        const values = [
          ...Object.values(sent.person).map(String),
          ...Object.values(typed),
          'canary',
          'Canary',
          opened.token,
          sent.key,
        ]
        const dump = await product.dump()
        const log = product.log.join('')
        for (const value of values.filter((one) => one.length > 5)) {
          assert.ok(!dump.includes(value), `the database tells ${value}`)
          assert.ok(!log.includes(value), `the log tells ${value}`)
          const addresses = [...sent.browser.history, body.returnTo].filter(
            (url) => !url.startsWith(product.idp.issuer),
          )
          const telling = addresses.filter((url) => url.includes(value) && value !== sent.key)
          assert.deepEqual(telling, [])
        }
      }
    })
  })

  describe('a page elsewhere that does not answer', () => {
    it('is not the end: who was sent there and never arrived is asked here, in this sign-in and in a new one', async () => {
      const sent = await sendSomebody(product)
      later(product, 4)
      keyIn(await sent.browser.open(ownAddress(sent)))
      later(product, 4)
      const here = await sent.browser.open(ownAddress(sent))
      assert.match(here.title, /^Create your Travel account/)
      const again = await visit(product, 'username', sent.person, { browser: openBrowser() })
      again.fill({ username: newcomer().preferred_username, password: PASSWORD }).tick('recover:email')
      assert.ok(isAtApplication(await again.press('Create account')))
    })

    it('is asked again after ten minutes, and by everybody else meanwhile', async () => {
      const sent = await sendSomebody(product)
      later(product, 6)
      await sendSomebody(product)
      later(product, 10 * 60)
      keyIn(await sent.browser.open(ownAddress(sent)))
    })

    it('and one that sends people back again and again is left after ten times', async () => {
      const sent = await sendSomebody(product)
      let { key } = sent
      for (let count = 1; count < 10; count += 1) {
        await ask(product, { key })
        key = keyIn(await sent.browser.open(ownAddress(sent)))
      }
      await ask(product, { key })
      const here = await sent.browser.open(ownAddress(sent))
      assert.equal(here.status, 200)
      assert.ok(here.url.startsWith(product.url))
    })
  })

  it('leave the database as it should be', async () => {
    assert.deepEqual(await brokenInvariants(product.rows), [])
  })

  // Last: it moves the clock by the life of a flow.
  it('open nothing any more when a flow has ended, or when its time is up', async () => {
    const sealed = async (sent: Sent) =>
      product.rows('SELECT kind FROM flow_keys WHERE flow_id = $1 AND sealed IS NOT NULL ORDER BY kind', [flowOf(sent)])
    const [done, late] = [await sendSomebody(product), await sendSomebody(product)]
    const [returnTo] = [await answered(done), await answered(late)]
    keyIn(await late.browser.open(ownAddress(late)))
    assert.deepEqual(await sealed(late), [{ kind: 'answer' }, { kind: 'page' }, { kind: 'token' }])
    await done.browser.open(returnTo)
    assert.deepEqual(await sealed(done), [])
    later(product, 61)
    await sweep(product.running.db, product.clock.now)
    assert.deepEqual(await sealed(late), [{ kind: 'token' }])
    later(product, 30 * 60)
    await sweep(product.running.db, product.clock.now)
    assert.deepEqual(await sealed(late), [])
    later(product, 11 * 60)
    await sweep(product.running.db, product.clock.now)
    assert.deepEqual(await product.rows('SELECT * FROM flow_keys WHERE flow_id = $1', [flowOf(late)]), [])
  })
})
