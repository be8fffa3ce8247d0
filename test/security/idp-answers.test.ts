// An idp that is away, slow, endless, or answers what is no answer: a page with a way on, in time, and other idps are as they were.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { RequestHandler, Response } from 'express'
import { listen } from '../../src/demo/listen.ts'
import { openBrowser, type Page } from '../support/browser.ts'
import { type Fault, startIdp } from '../support/idp.ts'
import {
  assertFailurePage,
  assertRefused,
  during,
  forgetDescription,
  serverErrors,
  toldAfter,
} from '../support/misbehaviour.ts'
import { arriveFrom, declareOthers, introduce, type OtherIdp, startOtherIdps } from '../support/other-idps.ts'
import { type Product, startProduct } from '../support/product.ts'
import { callbackOf, goToIdp, lastSubject, signedInAt } from '../support/road.ts'
import { countPeople, knownPerson, newcomer } from '../support/visits.ts'

/** Nobody may be shown this, wherever an idp puts it. */
const MARK = randomBytes(8).toString('hex')

const asText =
  (type: string, body: string | Buffer): RequestHandler =>
  (_req, res) =>
    void res.type(type).send(body)
const asJson =
  (body: unknown): RequestHandler =>
  (_req, res) =>
    void res.json(body)

/** Writes bytes to the connection past any idea of HTTP, and hangs up. */
const asBytes =
  (bytes: string): RequestHandler =>
  (_req, res) =>
    void res.socket?.end(bytes)

/** What no endpoint may answer. */
const NO_ANSWER: Record<string, RequestHandler> = {
  'the connection cut': (req) => void req.socket.destroy(),
  'the connection cut in the middle': (_req, res) => {
    res.type('json').write('{"access_token":')
    globalThis.setTimeout(() => res.destroy(), 20)
  },
  'a page': asText('html', `<!doctype html><title>${MARK}</title>`),
  'a page that calls itself JSON': asText('json', `<!doctype html><title>${MARK}</title>`),
  nothing: asText('json', ''),
  'no content': (_req, res) => void res.status(204).end(),
  'not modified': (_req, res) => void res.status(304).end(),
  null: asText('json', 'null'),
  'a list': asJson([{ [MARK]: 1 }]),
  'a word': asJson(MARK),
  'an empty object': asJson({}),
  'ten megabytes': asText('json', `{"${MARK}":"${'x'.repeat(10_000_000)}"}`),
  'ten megabytes in ten kilobytes': (_req, res) => {
    res.setHeader('Content-Encoding', 'gzip')
    res.type('json').send(gzipSync(Buffer.alloc(10_000_000, ' ')))
  },
  'what says it is compressed': (_req, res) => void res.setHeader('Content-Encoding', 'gzip').type('json').send(MARK),
  'pieces of no size': asBytes(
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n',
  ),
  'less than it says': asBytes('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{}'),
  'what is not HTTP': asBytes(`${MARK}\r\n\r\n`),
  'a status that there is not': asBytes('HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\n{}'),
  'a header without end': asBytes(`HTTP/1.1 200 OK\r\nX-Mark: ${MARK.repeat(10_000)}\r\n\r\n{}`),
  'an error that explains itself': (_req, res) =>
    void res
      .status(400)
      .json({ error: MARK, error_description: `<script>${MARK}</script>`, error_uri: `javascript:${MARK}` }),
  'a challenge': (_req, res) =>
    void res.status(401).set('WWW-Authenticate', `Bearer error="${MARK}"`).json({ error: MARK }),
}

/** What only the token endpoint may not answer. */
const NO_TOKENS: Record<string, RequestHandler> = Object.fromEntries(
  Object.entries({
    'no access token': { token_type: 'Bearer', id_token: 'a.b.c' },
    'no ID token': { access_token: MARK, token_type: 'Bearer' },
    'numbers for tokens': { access_token: 1, token_type: 1, id_token: 1 },
    'an object for an ID token': { access_token: MARK, token_type: 'Bearer', id_token: { alg: 'none' } },
    'a token of another type': { access_token: MARK, token_type: 'mac', id_token: 'a.b.c' },
    'a life that is no number': { access_token: MARK, token_type: 'Bearer', id_token: 'a.b.c', expires_in: 'long' },
  }).map(([what, body]) => [what, asJson(body)]),
)

/** An answer of fifty megabytes, and how much of it was taken. */
function endless(): { handler: RequestHandler; taken: () => number } {
  let bytes = 0
  const chunk = Buffer.alloc(65_536, ' ')
  const pour = (res: Response): void => {
    while (bytes < 50_000_000 && !res.destroyed) {
      bytes += chunk.length
      if (!res.write(chunk)) return void res.once('drain', () => pour(res))
    }
    res.end()
  }
  return { handler: (_req, res) => pour(res.type('json')), taken: () => bytes }
}

/** One byte of an object that never ends, four times a second. */
const drip: RequestHandler = async (_req, res) => {
  res.type('json').write('{')
  while (!res.destroyed) {
    res.write(' ')
    await setTimeout(250)
  }
}

/** The idp's own answer, later. */
const after4Seconds: RequestHandler = (_req, _res, next) => void globalThis.setTimeout(next, 4_000)

describe('the answers of an idp', () => {
  let product: Product
  let others: OtherIdp[]
  before(async () => {
    others = await startOtherIdps('second', 'silence', 'tokens', 'keys', 'userinfo', 'drops', 'slow')
    product = await startProduct({ modes: ['none', 'silent', 'consent'], change: declareOthers(others) })
    introduce(product, others)
  })
  after(async () => {
    const broken = serverErrors(product)
    const log = product.log.join('')
    await Promise.all([product.stop(), ...others.map(({ idp }) => idp.stop())])
    assert.deepEqual(broken, [], 'an idp must not be able to break the product')
    assert.ok(!log.includes(MARK), 'what an idp answered is in the log')
  })

  const other = (name: string) => others.find((one) => one.name === name) ?? assert.fail(name)
  const requestsTo = (path: string) => product.idp.requests.filter((request) => request.path === path).length

  /** Goes as far as the description is needed. */
  async function assertNoWayThere(handlers: Record<string, RequestHandler>): Promise<Page[]> {
    const pages: Page[] = []
    for (const [what, discovery] of Object.entries(handlers)) {
      forgetDescription(product)
      const page = await during(product, { discovery }, () => goToIdp(product, openBrowser(), 'silent'))
      assertFailurePage(page, 'silent', `${what} for its description`)
      pages.push(page)
    }
    return pages
  }

  const at = (endpoint: 'token' | 'userinfo' | 'jwks', handlers: [string, RequestHandler][]): Record<string, Fault> =>
    Object.fromEntries(handlers.map(([what, handler]) => [`${what} at ${endpoint}`, { [endpoint]: handler }]))

  it('that are none sign nobody in, and nothing of them is shown', async () => {
    const all = Object.entries(NO_ANSWER)
    const pages = await assertRefused(product, {
      ...at('token', [...all, ...Object.entries(NO_TOKENS)]),
      ...at(
        'userinfo',
        all.filter((_, index) => index % 3 === 0),
      ),
    })
    pages.push(...(await assertNoWayThere(NO_ANSWER)))
    for (const [what, handler] of all.filter((_, index) => index % 3 === 1)) {
      forgetDescription(product)
      pages.push(...(await assertRefused(product, at('jwks', [[what, handler]]))))
    }
    for (const { html } of pages) assert.ok(!html.includes(MARK), 'what an idp answered is on the page')
    await toldAfter(product, {})
  })

  it('that send on to another host are not followed, with or without the secret', async () => {
    const asked: string[] = []
    const elsewhere = await listen((req, res) => {
      asked.push(`${req.method} ${req.url}`)
      res.setHeader('Content-Type', 'application/json')
      res.end('{}')
    }, 0)
    try {
      const to =
        (status: number): RequestHandler =>
        (req, res) =>
          void res.redirect(status, `http://127.0.0.1:${elsewhere.port}${req.path}`)
      const handlers = [301, 302, 303, 307, 308].map((status): [string, RequestHandler] => [`${status}`, to(status)])
      await assertRefused(product, { ...at('token', handlers), ...at('userinfo', handlers) })
      await assertNoWayThere(Object.fromEntries(handlers))
      forgetDescription(product)
      await assertRefused(product, at('jwks', handlers.slice(3)))
    } finally {
      await elsewhere.stop()
    }
    assert.deepEqual(asked, [])
    await toldAfter(product, {})
  })

  it('without end are not read to their end', async () => {
    for (const endpoint of ['token', 'userinfo'] as const) {
      const { handler, taken } = endless()
      await assertRefused(product, at(endpoint, [['fifty megabytes', handler]]))
      assert.ok(taken() < 20_000_000, `${taken()} bytes were taken of ${endpoint}`)
    }
    for (const endpoint of ['discovery', 'jwks'] as const) {
      const { handler, taken } = endless()
      forgetDescription(product)
      if (endpoint === 'jwks') await assertRefused(product, at('jwks', [['fifty megabytes', handler]]))
      else await assertNoWayThere({ 'fifty megabytes': handler })
      assert.ok(taken() < 20_000_000, `${taken()} bytes were taken of ${endpoint}`)
    }
    await toldAfter(product, {})
  })

  it('that fail once are asked for once more where that spends nothing, and nowhere else', async () => {
    const failing = (fail: RequestHandler, times: number): RequestHandler => {
      let left = times
      return (req, res, next) => (left-- > 0 ? fail(req, res, next) : next())
    }
    const cut: RequestHandler = (req) => void req.socket.destroy()
    const busy: RequestHandler = (_req, res) => void res.status(503).send('busy')
    for (const fail of [cut, busy]) {
      forgetDescription(product)
      const asked = requestsTo('/.well-known/openid-configuration') + requestsTo('/jwks')
      await toldAfter(product, { discovery: failing(fail, 1), jwks: failing(fail, 1) })
      assert.equal(requestsTo('/.well-known/openid-configuration') + requestsTo('/jwks'), asked + 4)

      const [tokens, userinfo] = [requestsTo('/token'), requestsTo('/me')]
      await assertRefused(product, {
        'no tokens the first time': { token: failing(fail, 1) },
        'no userinfo the first time': { userinfo: failing(fail, 1) },
      })
      assert.deepEqual([requestsTo('/token'), requestsTo('/me')], [tokens + 2, userinfo + 1])

      forgetDescription(product)
      const described = requestsTo('/.well-known/openid-configuration')
      const page = await during(product, { discovery: fail }, () => goToIdp(product, openBrowser(), 'silent'))
      assertFailurePage(page, 'silent', 'no description at all')
      assert.equal(requestsTo('/.well-known/openid-configuration'), described + 2)
    }
  })

  it('are not needed from userinfo when the ID token says it all', async () => {
    const person = newcomer({ given_name: 'Ada', family_name: 'Byron', address: { locality: 'London' } })
    const told = await toldAfter(
      product,
      { userinfo: '500', tamper: (claims, where) => (where === 'id_token' ? { ...claims, ...person } : claims) },
      person,
    )
    assert.equal(told['email'], person.email)
    assert.equal(told['email_verified'], true)
  })

  it('do not come from an idp that is down: the way back is a page, others are as they were, and it can be tried again', async () => {
    const second = other('second')
    const person = newcomer()
    const { port } = new URL(second.idp.issuer)
    const browser = openBrowser()
    const asked = await goToIdp(product, browser, 'second')
    second.idp.person(person.sub, person)
    const people = await countPeople(product)

    // Between the way there and the way back.
    second.idp.fault = { token: (req) => void req.socket.destroy() }
    const failed = await asked.fill({ person: person.sub }).press('Sign in')
    assertFailurePage(failed, 'second', 'down on the way back')
    // And before the way there, also for somebody whose product has to ask how it describes itself.
    await second.idp.stop()
    forgetDescription(product)
    const stillDown = await failed.click('Try again')
    assertFailurePage(stillDown, 'second', 'down on the way there')
    assert.deepEqual(await countPeople(product), people)
    await toldAfter(product, {})

    second.idp = await startIdp({ port: Number(port) })
    introduce(product, [second])
    second.idp.person(person.sub, person)
    const again = await stillDown.click('Try again')
    signedInAt(product.application, await again.fill({ person: person.sub }).press('Sign in'))
    assert.equal(lastSubject(product.application), (await knownPerson(product, person.sub)).user.id)
  })

  it('that do not come, or come in drops, hold up nobody for ten seconds, and nobody else at all', {
    timeout: 60_000,
  }, async () => {
    const hang: RequestHandler = () => {}
    // They are known before, but for their keys.
    for (const name of ['tokens', 'keys', 'userinfo', 'drops', 'slow']) await goToIdp(product, openBrowser(), name)
    const people = await countPeople(product)
    const faults: Record<string, Fault> = {
      silence: { discovery: hang },
      tokens: { token: hang },
      keys: { jwks: hang },
      userinfo: { userinfo: hang },
      drops: { token: drip },
      // No answer is late by itself, and all of them together are.
      slow: { token: after4Seconds, jwks: after4Seconds, userinfo: after4Seconds },
    }
    for (const [name, fault] of Object.entries(faults)) other(name).idp.fault = fault

    // The step on which the idp is asked for what does not come: the way there, or the way back.
    const steps: [string, () => Promise<Page>][] = []
    for (const name of Object.keys(faults)) {
      const browser = openBrowser()
      if (name === 'silence') {
        const choice = await browser.open(`${product.application.url}/login`)
        steps.push([name, () => choice.click('Continue with Acme silence')])
      } else {
        const person = newcomer()
        other(name).idp.person(person.sub, person)
        const callback = await callbackOf(product, browser, name, person)
        steps.push([name, () => browser.open(callback)])
      }
    }
    let answered = 0
    const late = steps.map(async ([name, step]) => {
      const started = performance.now()
      const page = await step()
      const seconds = (performance.now() - started) / 1000
      answered += 1
      assertFailurePage(page, name, name)
      assert.ok(seconds < 10, `${name} took ${seconds} s`)
    })
    const others = goToIdp(product, openBrowser(), 'silent').then((page) => {
      assert.ok(page.url.startsWith(product.idp.issuer), page.text)
      assert.equal(answered, 0, 'somebody else had to wait')
    })
    await Promise.all([...late, others])
    assert.deepEqual(await countPeople(product), people)

    for (const name of Object.keys(faults)) other(name).idp.fault = {}
    signedInAt(product.application, await arriveFrom(other('slow'), product, newcomer()))
  })
})
