// Beyond capacity: who is turned away and how, who is not, and that it is over by itself.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, IncomingMessage, request, ServerResponse } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import express, { type Express } from 'express'
import { pino } from 'pino'
import { createBusyAnswer } from '../src/web/busy.ts'
import { statePage, tryAgain } from '../src/web/errors.ts'
import { chooseLanguage } from '../src/web/language.ts'
import { onlyWithinCapacity } from '../src/web/overload.ts'
import { createViews } from '../src/web/views.ts'
import { openBrowser } from './support/browser.ts'
import { gather } from './support/crowd.ts'
import { authorizationRequest } from './support/floods.ts'
import { goOn, traveller } from './support/patience.ts'
import { type Product, startProduct } from './support/product.ts'
import { arrive, goToIdp, messagesOf, signedInAt, stranger } from './support/road.ts'
import { OURS } from './support/themes.ts'
import { until } from './support/until.ts'
import { codesOn, newcomer } from './support/visits.ts'

const TOKEN = 'a-token-for-metrics-of-tests'
const API = '/api/flow/v1/flows'

describe('a product', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent'], settings: { metricsToken: TOKEN } })
  })
  after(() => product?.stop())

  const ask = (path: string, init: RequestInit = {}) => fetch(product.url + path, { redirect: 'manual', ...init })
  const askToBegin = (init: RequestInit = {}) => ask(authorizationRequest(product), init)
  const logged = (words: string) => product.log.filter((line) => line.includes(words)).length

  async function turnedAway(): Promise<number> {
    const metrics = await (await ask('/metrics', { headers: { Authorization: `Bearer ${TOKEN}` } })).text()
    return Number(/^vestibule_turned_away_total (\d+)$/m.exec(metrics)?.[1])
  }

  /** Asks until it is turned away: a queue that is just bearable for a moment lets people in. */
  async function askInVain(path: string, init: RequestInit = {}): Promise<Response> {
    let answer: Response | undefined
    await until(async () => {
      answer = await ask(path, init)
      return answer.status === 503
    })
    return answer ?? assert.fail()
  }

  // The control: a queue that is long all the time, and short enough for everybody.
  it('below its capacity turns nobody away, however much there is to do', async () => {
    const disperse = await gather(product, 50)
    try {
      for (const end = performance.now() + 3_000; performance.now() < end; )
        assert.equal((await askToBegin()).status, 303)
    } finally {
      await disperse()
    }
    assert.equal(await turnedAway(), 0)
    assert.equal(logged('capacity'), 0)
  })

  it('beyond its capacity turns away what begins, finishes what has begun, and is well again by itself', async () => {
    const asked = traveller(product, 'consent', newcomer())
    const prompt = await arrive(product, asked.browser, 'consent', asked.person)
    assert.deepEqual(codesOn(prompt), [])
    const away = traveller(product, 'silent', newcomer())
    const atIdp = await goToIdp(product, away.browser, 'silent')
    const disperse = await gather(product, 350)
    try {
      const begin = authorizationRequest(product)
      for (const [language, title] of Object.entries({
        en: 'Many people are signing in',
        de: 'Gerade melden sich viele Menschen an',
        ar: 'يسجّل كثير من الأشخاص الدخول الآن',
      })) {
        const answer = await askInVain(begin, { headers: { 'Accept-Language': language } })
        const html = await answer.text()
        assert.deepEqual(messagesOf(html), ['BUSY'])
        assert.ok(html.includes(title), html)
        assert.equal(answer.headers.get('content-language'), language)
        assert.equal(answer.headers.get('cache-control'), 'no-store')
        assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/)
        assert.match(answer.headers.get('retry-after') ?? '', /^([5-9]|10)$/)
        assert.equal(answer.headers.get('set-cookie'), null)
      }
      for (const path of ['/myaccount', '/myaccount/privacy']) await askInVain(path)
      await askInVain('/oauth2/Authorize/', { method: 'POST' })
      assert.equal(await (await askInVain(begin, { method: 'HEAD' })).text(), '')
      const forPrograms = await askInVain(API, { method: 'POST', body: '{}' })
      assert.equal(forPrograms.headers.get('content-type'), 'application/problem+json; charset=utf-8')
      assert.match(forPrograms.headers.get('retry-after') ?? '', /^([5-9]|10)$/)
      assert.deepEqual(await forPrograms.json(), {
        type: 'about:blank',
        title: 'Service Unavailable',
        status: 503,
        code: 'BUSY',
        detail: 'Wait a few seconds, then try again. Nothing was saved',
      })
      const count = 8

      const free = ['/livez', '/readyz', '/metrics', '/public/style.css', '/console', '/setup', '/myaccount/signed-out']
      const others = ['/nowhere', '/oauth2/authorize/made-up', '/authenticationendpoint/login.do']
      const statuses = await Promise.all([...free, ...others].map(async (path) => [path, (await ask(path)).status]))
      assert.deepEqual(
        statuses.filter(([, status]) => status === 503),
        [],
      )
      const withSession = await ask('/myaccount', { headers: { Cookie: 'vestibule.account=one that is over' } })
      assert.notEqual(withSession.status, 503)

      await Promise.all([
        goOn(asked, prompt, 100_000),
        goOn(away, await atIdp.fill({ person: away.person.sub }).press('Sign in'), 100_000),
      ])
      assert.equal(await turnedAway(), count, 'nobody else was')
      assert.equal(logged('beyond capacity'), 1)
      assert.equal(logged('within capacity again'), 0)
      const lines = product.log.filter((line) => line.includes('"HEAD"') && line.includes('"status":503'))
      assert.deepEqual(lines, [], 'there is no line for each of them')
    } finally {
      await disperse()
    }
    await until(() => logged('within capacity again') > 0)
    assert.equal((await askToBegin()).status, 303)
    signedInAt(product.application, await arrive(product, openBrowser(), 'silent', stranger(product)))
    assert.equal(logged('beyond capacity'), 1)
  })
})

describe('the turnstile', () => {
  function turnstile(): { app: Express; log: string[]; count: () => number } {
    const app = express()
    const log: string[] = []
    let count = 0
    const { middleware } = onlyWithinCapacity({
      begins: ({ path }) => path === '/begin',
      databaseWaits: () => ({ shortestMs: undefined, waiting: 0 }),
      turnAway: (_req, res) => void res.status(503).end(),
      log: pino({ base: null }, { write: (line: string) => void log.push(line) }),
      count: () => {
        count += 1
      },
    })
    app.use(middleware)
    return { app, log, count: () => count }
  }

  async function listening(app: Express): Promise<{ url: string; stop: () => void }> {
    const server = createServer(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      stop: () => void server.close().closeAllConnections(),
    }
  }

  /** Keeps the only thread busy for so long. */
  function block(ms: number): void {
    for (const until = performance.now() + ms; performance.now() < until; );
  }

  it('knows by its own measure that the thread is busy all the time, and when that is over; one long pause is nothing', async () => {
    const { app, log } = turnstile()
    app.get('/begin', (_req, res) => void res.end())
    app.get('/hang', () => {})
    const { url, stop } = await listening(app)
    const begin = async () => (await fetch(`${url}/begin`)).status
    try {
      // Somebody is there all the time, so that it looks.
      const hanging = new AbortController()
      fetch(`${url}/hang`, hanging).catch(() => {})
      await begin()
      block(3_000)
      for (let count = 0; count < 5; count += 1) assert.equal(await begin(), 200)

      const busy = setInterval(() => block(400), 0)
      await until(async () => (await begin()) === 503)
      clearInterval(busy)
      await sleep(100)
      await until(async () => (await begin()) === 200)
      await until(() => log.length >= 2)
      assert.deepEqual(
        log.map((line) => JSON.parse(line).msg),
        ['beyond capacity: new sign-ins are turned away until it is well', 'within capacity again'],
      )
      hanging.abort()
    } finally {
      stop()
    }
  })

  it('lets 250 begin at once and 2000 wait for anything, and takes on the next for each that is over', () => {
    const { app, count } = turnstile()
    const inside: express.Response[] = []
    app.use((_req, res) => void inside.push(res))
    const come = (url: string) => {
      const req = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url })
      app(req, new ServerResponse(req))
    }
    const fill = (url: string, times: number) => {
      for (let index = 0; index < times; index += 1) come(url)
    }
    fill('/begin', 250)
    assert.deepEqual([inside.length, count()], [250, 0])
    fill('/begin', 3)
    assert.deepEqual([inside.length, count()], [250, 3])
    fill('/go-on', 1_750)
    assert.deepEqual([inside.length, count()], [2_000, 3])
    fill('/go-on', 2)
    assert.deepEqual([inside.length, count()], [2_000, 5])
    inside[0]?.emit('close')
    fill('/begin', 2)
    assert.deepEqual([inside.length, count()], [2_001, 6])
    inside[1_000]?.emit('close')
    fill('/go-on', 1)
    assert.deepEqual([inside.length, count()], [2_002, 6])
  })
})

describe('the answer to whoever is turned away', () => {
  const publicUrl = new URL('http://localhost:3000')
  const views = createViews({ folders: [OURS.views], cache: true, organization: () => 'Northwind' })
  const app = express()
  app.use(
    createBusyAnswer({
      views,
      headers: (_req, _res, next) => next(),
      language: chooseLanguage(views.languages, publicUrl),
    }),
  )

  it('is the page as it would be drawn for each, with the address of each', async () => {
    const server = createServer(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    // By node:http, which leaves addresses as they are.
    const ask = async (path: string, language: string, method = 'GET') => {
      const headers = { 'Accept-Language': language }
      const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }).end()
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      return text(answer)
    }
    const addresses = [
      '/oauth2/authorize?client_id=travel&state="><script>',
      '/oauth2/authorize?state=a&state=b',
      "/myaccount?it's",
      '/myaccount',
      '/myaccount/privacy?',
    ]
    try {
      for (const address of [...addresses, ...addresses.reverse()]) {
        for (const language of views.languages) {
          const expected = views.render('message', statePage('busy', {}, tryAgain(address)), language, address)
          assert.equal(await ask(address, language), expected, `${language} ${address}`)
        }
      }
      for (const [path, method] of [
        ['//evil.example/', 'GET'],
        ['/oauth2/authorize', 'POST'],
      ] as const) {
        assert.equal(await ask(path, 'en', method), views.render('message', statePage('busy', {}, []), 'en'), path)
      }
    } finally {
      server.close().closeAllConnections()
    }
  })
})
