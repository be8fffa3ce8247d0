// What platforms and their operators rely on: probes, request ids, https behind a proxy, metrics, limits of time and of connections.
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import express from 'express'
import { PageError } from '../src/web/errors.ts'
import { timeLimit } from '../src/web/time-limit.ts'
import { openBrowser } from './support/browser.ts'
import { type Product, startProduct } from './support/product.ts'
import { arrive, stranger } from './support/road.ts'
import { until } from './support/until.ts'

const TOKEN = 'a-token-for-metrics-of-tests'

describe('behind a trusted proxy that ends TLS', () => {
  let product: Product
  before(async () => {
    product = await startProduct({
      publicUrl: 'https://signin.northwind.example',
      modes: ['none', 'silent', 'consent', 'password', 'username'],
      settings: { metricsToken: TOKEN },
    })
  })
  after(() => product?.stop())

  /** A request as the proxy passes it on. */
  function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
    return request(
      product.port,
      path,
      { host: 'signin.northwind.example', 'x-forwarded-proto': 'https', ...headers },
      method,
    )
  }

  it("the proxy's request id is taken over: in the answer, in the log, and on a page that somebody quotes", async () => {
    const id = 'router-7f3a91c2-0000-4000-8000-00805f9b34fb'
    const answer = await ask('/nowhere', { 'x-request-id': id })
    assert.equal(answer.headers['x-request-id'], id)
    assert.match(answer.body, /If you contact us, quote router-7/)
    assert.ok(product.log.some((line) => JSON.parse(line).request === id))
  })

  it('a request id that could carry anything else is replaced', async () => {
    for (const id of [
      'short',
      'x'.repeat(201),
      'spaces are not part of any id',
      '<script>alert(1)</script>_'.padEnd(30, '_'),
    ]) {
      const answer = await ask('/nowhere', { 'x-request-id': id })
      assert.match(String(answer.headers['x-request-id']), /^[\da-f-]{36}$/, id)
    }
  })

  it('what came by http goes back by https, to the same page, and a form that came so is refused', async () => {
    const answer = await ask('/authenticationendpoint/login.do?sessionDataKey=k', { 'x-forwarded-proto': 'http' })
    assert.equal(answer.status, 308)
    assert.equal(
      answer.headers.location,
      'https://signin.northwind.example/authenticationendpoint/login.do?sessionDataKey=k',
    )
    assert.equal(
      (await ask('/accountrecoveryendpoint/register.do', { 'x-forwarded-proto': 'http' }, 'POST')).status,
      421,
    )
    assert.match(String((await ask('/nowhere')).headers['strict-transport-security']), /^max-age=15552000$/)
  })

  it('probes answer however they are asked, and say nothing else', async () => {
    for (const path of ['/livez', '/readyz']) {
      const before = product.log.length
      const answer = await ask(path, { 'x-forwarded-proto': 'http', host: '10.0.0.7' })
      assert.deepEqual([answer.status, answer.body], [200, '{"status":"ok"}'])
      assert.deepEqual(
        Object.keys(answer.headers).filter((name) => /cookie|request-id|powered/.test(name)),
        [],
      )
      assert.equal(product.log.length, before, 'no log line for a probe that is well')
    }
  })

  it('metrics are for whoever has the token', async () => {
    for (const authorization of ['', 'Bearer ', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN]) {
      const answer = await ask('/metrics', { authorization })
      assert.equal(answer.status, 401, authorization)
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
      assert.doesNotMatch(answer.body, /vestibule_/)
    }
  })

  it('metrics count by route pattern and by words of the operator, never by anything that a visitor typed', async () => {
    await ask('/authenticationendpoint/login.do?sessionDataKey=typed-by-a-visitor')
    await ask('/typed-by-a-visitor/and-more')
    const { body, headers } = await ask('/metrics', { authorization: `Bearer ${TOKEN}` })
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
    assert.match(
      body,
      /vestibule_http_request_duration_seconds_count\{method="GET",route="\/authenticationendpoint\/login\.do",status="404"\} [1-9]/,
    )
    assert.match(body, /vestibule_errors_total\{state="missing"\} [1-9]/)
    assert.match(body, /vestibule_database_connections\{state="free"\} \d/)
    assert.match(body, /nodejs_eventloop_lag_seconds/)
    assert.doesNotMatch(body, /typed-by-a-visitor|northwind\.example/)
  })
})

describe('a start that turns something off', () => {
  it('warns of it, because nobody may have meant that; what is written is no warning', async () => {
    const product = await startProduct()
    try {
      const said = () =>
        product.log.map((line) => JSON.parse(line)).filter(({ written, turnedOff }) => written || turnedOff)
      assert.deepEqual(
        said().map(({ level }) => level),
        [30],
      )
      await product.redeclare((declared) => ({ ...declared, purposes: [] }))
      const { level, turnedOff } = said().at(-1)
      assert.deepEqual([level, turnedOff.length > 0], [40, true])
      assert.match(turnedOff[0], /^purpose /)
    } finally {
      await product.stop()
    }
  })
})

describe('without a proxy', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent'], settings: { trustProxy: 0 } })
  })
  after(() => product?.stop())

  it('nobody is believed about ids and https, and there is no address for metrics', async () => {
    const host = new URL(product.url).host
    const port = product.port
    const id = '0123456789-0123456789-0123456789'
    const answer = await request(port, '/nowhere', { host, 'x-request-id': id, 'x-forwarded-proto': 'http' })
    assert.notEqual(answer.headers['x-request-id'], id)
    assert.equal(answer.status, 404)
    assert.equal((await request(port, '/metrics', { host, authorization: `Bearer ${TOKEN}` })).status, 404)
  })

  it('every line about one sign-in bears the same tag, which is not its id', async () => {
    const from = product.log.length
    const page = await arrive(product, openBrowser(), 'consent', stranger(product))
    const id = new URL(page.url).searchParams.get('sessionDataKey') ?? ''
    const lines = product.log.slice(from).map((line) => JSON.parse(line))
    const tags = new Set(lines.filter((line) => line.flow !== undefined).map((line) => line.flow))
    assert.equal(tags.size, 1)
    assert.match([...tags][0], /^[\da-f]{4}-[\da-f]{4}$/)
    assert.ok(
      lines.some((line) => line.msg === 'request' && line.route === '/accountrecoveryendpoint/signup.do' && line.flow),
    )
    assert.ok(!JSON.stringify(lines).includes(id.slice(0, 6)))
  })
})

describe('the count of sign-ins', () => {
  it('goes by what happened, the idp and its scheme, once for each', async () => {
    const product = await startProduct({
      modes: ['none', 'silent', 'consent', 'username'],
      settings: { metricsToken: TOKEN },
    })
    try {
      const known = stranger(product)
      await arrive(product, openBrowser(), 'silent', known)
      await arrive(product, openBrowser(), 'silent', known)
      await arrive(product, openBrowser(), 'none', stranger(product))
      const page = await arrive(product, openBrowser(), 'consent', stranger(product))
      await page.press('Create account')
      await page.press('Do not create an account')
      await arrive(product, openBrowser(), 'username', stranger(product, { preferred_username: 'x' }))
      const answer = await fetch(`${product.url}/metrics`, { headers: { Authorization: `Bearer ${TOKEN}` } })
      const counted = [
        ...(await answer.text()).matchAll(
          /^vestibule_flows_total\{event="([^"]+)",idp="([^"]*)",scheme="([^"]*)"\} (\d+)$/gm,
        ),
      ]
      assert.deepEqual(counted.map(([, ...parts]) => parts.join(' ')).sort(), [
        'asked consent PROMPT_CONSENT 1',
        'asked username PROMPT_USERNAME_PASSWORD_CONSENT 1',
        'declined consent PROMPT_CONSENT 1',
        'sign-in silent PROVISION_SILENTLY 1',
        'sign-in-federated none NONE 1',
        'started   5',
        'user-created silent PROVISION_SILENTLY 1',
      ])
    } finally {
      await product.stop()
    }
  })
})

describe('a server without a host setting', () => {
  it('listens on IPv6 and IPv4', async () => {
    const product = await startProduct({ settings: { host: '' } })
    try {
      for (const address of ['127.0.0.1', '::1']) {
        const answer = await request(product.port, '/livez', { host: 'any' }, 'GET', address)
        assert.equal(answer.status, 200, address)
      }
    } finally {
      await product.stop()
    }
  })
})

describe('the database connections', () => {
  it('are counted at start: too few for two releases side by side is a warning', async () => {
    const product = await startProduct()
    try {
      const lines = () => product.log.map((line) => JSON.parse(line)).filter((line) => 'needed' in line)
      assert.deepEqual(
        lines().map(({ level, needed, limit }) => [level, needed, limit]),
        [[30, 13, 200]],
      )
      const name = new URL(product.databaseUrl).pathname.slice(1)
      await product.rows(`ALTER DATABASE ${name} CONNECTION LIMIT 12`)
      await product.redeclare((declared) => declared)
      const last = lines().at(-1)
      assert.deepEqual([last.level, last.needed, last.limit], [40, 13, 12])
      assert.match(last.msg, /DATABASE_POOL_MAX/)
    } finally {
      await product.stop()
    }
  })
})

describe('a product that was stopped', () => {
  it('is let go of: a process that starts it again and again has room for one', async () => {
    const kept = await startAndStop()
    // The answers to its last requests are given up a moment later.
    await until(() => {
      collectGarbage()
      return kept.deref() === undefined
    }, 'somebody still knows it')
  })

  async function startAndStop(): Promise<WeakRef<object>> {
    const product = await startProduct({ settings: { metricsToken: TOKEN } })
    assert.equal((await fetch(`${product.url}/metrics`, { headers: { Authorization: `Bearer ${TOKEN}` } })).status, 200)
    await product.stop()
    return new WeakRef(product.running.house)
  }

  function collectGarbage(): void {
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
  }
})

describe('a request that takes too long', () => {
  it('is answered once, and what its handler says later ends neither the connection nor anything else', async () => {
    const app = express()
    const late: unknown[] = []
    const answer: express.ErrorRequestHandler = (error, _req, res, _next) => {
      if (res.writableEnded) late.push(error)
      else res.status(error instanceof PageError ? error.status : 500).send('an error page')
    }
    app.use(timeLimit(answer, 50))
    app.get('/slow', async (_req, res) => {
      await new Promise((resolve) => setTimeout(resolve, 150))
      res.redirect(303, '/elsewhere')
    })
    app.get('/quick', (_req, res) => void res.send('quick'))
    app.use(answer)
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    try {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      let received = ''
      socket.on('data', (chunk) => (received += chunk))
      socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(() => received.includes('an error page'))
      assert.match(received, /^HTTP\/1\.1 503 /)
      await until(() => late.length === 1)
      received = ''
      socket.write('GET /quick HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(() => received.includes('quick'))
      assert.match(received, /^HTTP\/1\.1 200 /)
      socket.destroy()
    } finally {
      server.close()
    }
  })
})

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** One request to a port, with exactly these headers. */
function request(
  port: number,
  path: string,
  headers: Record<string, string>,
  method = 'GET',
  address = '127.0.0.1',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: address, port, path, method, headers, agent: false }, (answer) => {
      let body = ''
      answer.on('data', (chunk) => (body += chunk))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }))
    })
    sent.on('error', reject)
    sent.end()
  })
}
