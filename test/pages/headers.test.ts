// What every response says about itself, under which name we answer, and what we refuse to read.
import assert from 'node:assert/strict'
import { type IncomingHttpHeaders, request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openBrowser } from '../support/browser.ts'
import { serverErrors } from '../support/misbehaviour.ts'
import { freePort, type Product, startProduct } from '../support/product.ts'
import { arrive, fillRegister, messagesOf, send, signedInAt, stranger } from '../support/road.ts'
import { fetchTrusting, startTlsProxy, type TlsProxy } from '../support/tls-proxy.ts'
import { countPeople, knownPerson, storedPerson } from '../support/visits.ts'

const LOGIN = '/authenticationendpoint/login.do'
const REGISTER = '/accountrecoveryendpoint/register.do'
const SIGNUP = '/accountrecoveryendpoint/signup.do'
const FORM = 'application/x-www-form-urlencoded'

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** One request with the very target and headers given, Host included, which fetch would not send. */
function ask(
  port: number,
  method: string,
  target: string,
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path: target, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: String(Buffer.concat(chunks)) })
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

describe('a response', () => {
  let product: Product
  let port: number
  let own: string
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent', 'password', 'username'] })
    port = Number(new URL(product.url).port)
    own = new URL(product.url).host
  })
  after(() => product.stop())

  /** Asks under our own name. */
  const here = (method: string, target: string, headers: Record<string, string> = {}, body?: string | Buffer) =>
    ask(port, method, target, { Host: own, ...headers }, body)

  /** Every kind of page, as a browser meets it. */
  async function everyPage(): Promise<Record<string, { status: number; headers: Headers; html: string }>> {
    const browser = openBrowser({ followRefresh: false })
    const login = await browser.open(`${product.application.url}/login`)
    const register = await arrive(product, browser, 'username', stranger(product))
    const signup = await arrive(product, browser, 'consent', stranger(product))
    const problem = await fillRegister(register, 'a b').press('Create account')
    const continuing = await signup.tick('recover:email').press('Create account')
    const declined = await problem.press('Do not create an account')
    const done = openBrowser()
    signedInAt(product.application, await arrive(product, done, 'silent', stranger(product)))
    const logout = await done.open(`${product.application.url}/logout`)
    const fetched = async (path: string, init: Parameters<typeof browser.fetch>[1] = {}) => {
      const response = await browser.fetch(product.url + path, init)
      return { status: response.status, headers: response.headers, html: await response.text() }
    }
    return {
      'login.do': login,
      'register.do': register,
      'register.do with problems': problem,
      'signup.do': signup,
      'continuing to the application': continuing,
      declined,
      'signing out': logout,
      'not found': await fetched('/nothing-here'),
      'an unknown flow': await fetched(`${SIGNUP}?sessionDataKey=nobody`),
      'a bad callback': await fetched('/commonauth/silent?state=nothing&code=nothing'),
      'an unknown idp': await fetched('/commonauth/nobody?state=nothing&code=nothing'),
      'a refused form': await fetched(SIGNUP, { method: 'POST', headers: { Origin: 'https://evil.example' } }),
      'a wrong method': await fetched(SIGNUP, { method: 'DELETE' }),
      'a wrong type': await fetched(SIGNUP, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: 'x' }),
      'an unknown application': await fetched('/oauth2/authorize?client_id=nobody&response_type=code&scope=openid'),
      'a made-up resume address': await fetched('/oauth2/authorize/made-up'),
      'a sign-out of nobody': await fetched('/oidc/logout'),
    }
  }

  it('that is a page runs nothing and shows nothing but ours, is framed by nobody, cached by nobody, and tells no version', async () => {
    const pages = await everyPage()
    for (const [what, { headers, html, status }] of Object.entries(pages)) {
      assert.match(headers.get('content-type') ?? '', /^text\/html; charset=utf-8$/i, `${what} (${status})`)
      const policy = new Map(
        (headers.get('content-security-policy') ?? '').split(';').map((directive): [string, string] => {
          const [name = '', ...values] = directive.trim().split(' ')
          return [name, values.join(' ')]
        }),
      )
      assert.equal(policy.get('form-action'), "'self'", what)
      assert.equal(policy.get('default-src'), "'none'", what)
      assert.equal(policy.get('frame-ancestors'), "'none'", what)
      assert.equal(policy.get('base-uri'), "'none'", what)
      assert.equal(policy.get('object-src') ?? policy.get('default-src'), "'none'", what)
      for (const [directive, value] of policy) {
        assert.ok(value === "'self'" || value === "'none'", `${what}: ${directive} ${value}`)
      }
      assert.equal(headers.get('x-frame-options'), 'DENY', what)
      assert.match(headers.get('cache-control') ?? '', /\bno-store\b/, what)
      assert.equal(headers.get('etag'), null, what)
      assert.equal(headers.get('last-modified'), null, what)
      assert.equal(headers.get('referrer-policy'), 'same-origin', what)
      assert.equal(headers.get('x-content-type-options'), 'nosniff', what)
      assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin', what)
      assert.equal(headers.get('x-powered-by'), null, what)
      assert.equal(headers.get('server'), null, what)
      assert.equal(headers.get('strict-transport-security'), null, `${what}: http cannot promise https`)
      // The policy would stop it; it is not even there.
      assert.doesNotMatch(html, /<script(?![^>]*src="\/public\/)|<style|\son\w+=|\sstyle=|javascript:/i, what)
      assert.doesNotMatch(html, /node_modules|\.[jt]s:\d+| {4}at |Error:<\/pre>/, what)
      const foreign = [...html.matchAll(/<(?:script|link|img|iframe|form)\b[^>]*(?:src|href|action)="([^"]*)"/g)]
      for (const [, address = ''] of foreign) {
        const { origin } = new URL(address, product.url)
        assert.equal(origin, product.url, `${what} loads or sends to ${address}`)
      }
    }
  })

  it('that is a file of ours may be cached, and is under the same rules', async () => {
    for (const path of ['/public/style.css', '/public/page.js', '/public/logo.svg']) {
      const { status, headers } = await here('GET', path)
      assert.equal(status, 200, path)
      assert.match(headers['cache-control'] ?? '', /max-age=[1-9]/, path)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.match(String(headers['content-security-policy']), /default-src 'none'/)
    }
    for (const path of [
      '/public',
      '/public/',
      '/public/..%2fpackage.json',
      '/public/%2e%2e/package.json',
      '/public/.env',
      '/public/%00',
      '/public/nothing',
    ]) {
      const { status, body } = await here('GET', path)
      assert.ok(status === 404 || status === 400, `${path}: ${status}`)
      assert.doesNotMatch(body, /"dependencies"/)
    }
  })

  it('that is a file of ours is sent whole or, on a condition that does not hold, not at all, and is no fault of ours', async () => {
    const path = '/public/style.css'
    const { body, headers } = await here('GET', path)
    for (const range of ['bytes=0-3', 'bytes=-0', 'bytes=99999999-']) {
      const whole = await here('GET', path, { Range: range })
      assert.deepEqual([whole.status, whole.body.length], [200, body.length], range)
    }
    const unmet = [{ 'If-Match': '"other"' }, { 'If-Unmodified-Since': 'Mon, 01 Jan 1990 00:00:00 GMT' }]
    for (const condition of unmet as Record<string, string>[]) {
      const answer = await here('GET', path, condition)
      assert.deepEqual([answer.status, answer.headers.etag], [412, undefined], JSON.stringify(condition))
      assert.match(answer.body, /We could not read that request/)
      assert.match(answer.headers['cache-control'] ?? '', /no-store/)
    }
    assert.equal((await here('GET', path, { 'If-None-Match': headers.etag ?? '' })).status, 304)
    assert.deepEqual(serverErrors(product), [])
  })

  it('that is data of the OpenID Provider tells no version, and nobody may frame or sniff it', async () => {
    for (const path of ['/.well-known/openid-configuration', '/oauth2/jwks', '/oauth2/userinfo', '/livez', '/readyz']) {
      const { headers } = await here('GET', path)
      assert.equal(headers['x-powered-by'], undefined, path)
      assert.equal(headers['server'], undefined, path)
      assert.match(String(headers['content-type']), /^application\/(jwk-set\+)?json/, path)
    }
    const token = await here('POST', '/oauth2/token', { 'Content-Type': FORM }, 'grant_type=authorization_code&code=x')
    assert.match(String(token.headers['cache-control']), /no-store/)
    assert.ok(token.status === 400 || token.status === 401, String(token.status))
  })

  it('under another name is the way to our own name for a look, and nothing for a form', async () => {
    const names = [
      'evil.example',
      'localhost',
      `localhost:${port + 1}`,
      `evil.example:${port}`,
      `127.0.0.1:${port}`,
      `${own}.evil.example`,
      `user@${own}`,
    ]
    const targets = [
      '/',
      `${LOGIN}?sessionDataKey=x`,
      '/oauth2/authorize?client_id=travel',
      '/.well-known/openid-configuration',
      '/public/../x',
    ]
    for (const Host of names) {
      for (const target of targets) {
        const { status, headers } = await ask(port, 'GET', target, { Host })
        assert.equal(status, 308, `${Host} ${target}`)
        assert.equal(headers.location, new URL(target, product.url).href, `${Host} ${target}`)
        assert.equal(headers['set-cookie'], undefined)
      }
      for (const target of [REGISTER, SIGNUP, LOGIN, '/oauth2/token', '/commonauth', '/nothing']) {
        const { status, body, headers } = await ask(port, 'POST', target, { Host, 'Content-Type': FORM }, 'a=b')
        assert.equal(status, 421, `${Host} ${target}`)
        assert.deepEqual(messagesOf(body), ['MISDIRECTED'])
        assert.ok(!JSON.stringify(headers).includes('evil'))
      }
    }
    for (const target of [
      '//evil.example/x',
      '///evil.example',
      '/\\evil.example',
      '//evil.example/%2f..',
      'http://evil.example/x',
      'https:evil.example',
    ]) {
      const { status, headers } = await ask(port, 'GET', target, { Host: 'evil.example' })
      if (status === 308) assert.equal(new URL(headers.location ?? '').origin, product.url, target)
      else assert.ok(status >= 400 && status < 500, `${target}: ${status}`)
    }
    assert.equal((await here('GET', LOGIN, { Host: own.toUpperCase() })).status, 404, 'a name has no case')
  })

  it('says its own name, whatever a visitor forwards', async () => {
    const forged = {
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Port': '444',
      'X-Forwarded-Prefix': '/evil',
      'X-Forwarded-For': '203.0.113.7',
      'X-Original-Host': 'evil.example',
      'X-Original-URL': '/evil',
      'X-Rewrite-URL': '/evil',
      'X-Host': 'evil.example',
      Forwarded: 'host=evil.example;proto=https',
    }
    const { status, body } = await here('GET', '/.well-known/openid-configuration', forged)
    assert.equal(status, 200)
    const metadata: Record<string, unknown> = JSON.parse(body)
    assert.equal(metadata['issuer'], product.url)
    for (const [name, value] of Object.entries(metadata)) {
      if (typeof value === 'string' && /^https?:/.test(value)) assert.equal(new URL(value).origin, product.url, name)
    }
    assert.doesNotMatch(body, /evil|444/)

    const query = new URLSearchParams({
      client_id: 'travel',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: product.application.redirectUri,
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    })
    const started = await here('GET', `/oauth2/authorize?${query}`, forged)
    assert.equal(started.status, 303)
    assert.equal(new URL(started.headers.location ?? '', product.url).origin, product.url)
    const cookies = (started.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0])
    assert.ok(!JSON.stringify(started.headers).includes('evil'))

    const forward = { ...forged, Cookie: cookies.join('; ') }
    const away = await here('GET', `${started.headers.location}&idp=silent`, forward)
    const atIdp = new URL(away.headers.location ?? '')
    assert.equal(atIdp.origin, product.idp.issuer)
    assert.equal(atIdp.searchParams.get('redirect_uri'), `${product.url}/commonauth/silent`)
  })

  it('of a probe comes under any name', async () => {
    for (const Host of ['evil.example', '10.0.0.7:8080', own]) {
      for (const path of ['/livez', '/readyz']) {
        const { status, headers } = await ask(port, 'GET', path, { Host })
        assert.equal(status, 200, `${Host} ${path}`)
        assert.equal(headers['set-cookie'], undefined)
      }
    }
  })

  it('to what is not there is a page that says so, on every address that nobody described', async () => {
    const targets = [
      '/nothing',
      '/register.do',
      `${REGISTER}/`,
      `${REGISTER}/x`,
      '/accountrecoveryendpoint',
      '/.git/config',
      '/.env',
      '/consoles',
      '/commonauth/a/b',
      '/constructor',
      '/__proto__',
      '/%F0%9F%98%80',
      `/${'x'.repeat(4_000)}`,
    ]
    for (const target of targets) {
      const { status, body } = await here('GET', target)
      assert.equal(status, 404, target)
      assert.ok(['MISSING', 'NOTFOUND'].includes(messagesOf(body).join()), target)
    }
    for (const target of [
      '/%',
      '/commonauth/%ff',
      '/commonauth/%E0%A4%A',
      `${SIGNUP}?sessionDataKey=%ff`,
      `${SIGNUP}?%`,
      `${SIGNUP}?sessionDataKey=a&sessionDataKey=b`,
      `${SIGNUP}?sessionDataKey[$ne]=1`,
    ]) {
      const { status } = await here('GET', target)
      assert.ok(status === 400 || status === 404, `${target}: ${status}`)
    }
  })

  it('to an address that is none is the same page, whatever language it asks for', async () => {
    const statuses: Record<string, (number | undefined)[]> = {}
    for (const target of ['//', '///', '//[', '//:80', '/\\']) {
      for (const query of ['', '?language=de']) {
        const { status, headers } = await here('GET', target + query)
        assert.equal(headers['set-cookie'], undefined, target + query)
        statuses[target] = [...(statuses[target] ?? []), status]
      }
    }
    assert.deepEqual(statuses, {
      // The bare address, with a slash too many.
      '//': [303, 303],
      '///': [404, 404],
      '//[': [404, 404],
      '//:80': [404, 404],
      '/\\': [404, 404],
    })
  })

  it('to a method that an address does not have is 405, and names those that it has', async () => {
    const addresses: Record<string, string> = {
      [LOGIN]: 'GET, HEAD, POST',
      [REGISTER]: 'GET, HEAD, POST',
      [SIGNUP]: 'GET, HEAD, POST',
      '/commonauth': 'GET, HEAD',
      '/commonauth/silent': 'GET, HEAD',
    }
    for (const [address, methods] of Object.entries(addresses)) {
      for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
        const { status, headers, body } = await here(method, address)
        assert.equal(status, 405, `${method} ${address}`)
        assert.equal(headers.allow, methods, `${method} ${address}`)
        assert.deepEqual(messagesOf(body), ['METHOD'], `${method} ${address}`)
        assert.equal(headers['access-control-allow-origin'], undefined)
      }
    }
    for (const override of [{ 'X-HTTP-Method-Override': 'POST' }, { 'X-Method-Override': 'DELETE' }]) {
      assert.equal((await here('GET', `${SIGNUP}?_method=POST`, override)).status, 404, 'still a look at nothing')
    }
    assert.equal((await here('POST', '/commonauth?sessionDataKey=x', { 'Content-Type': FORM }, 'a=b')).status, 405)
  })

  it('to a form of another type, or too large, is a page of its own, before anything is read', async () => {
    for (const address of [LOGIN, REGISTER, SIGNUP]) {
      for (const type of [
        'application/json',
        'text/plain',
        'multipart/form-data; boundary=x',
        'application/xml',
        'text/html',
        'x',
        `${FORM}x`,
        `${FORM}; charset=utf-7`,
        `${FORM}; charset=x`,
      ]) {
        const { status, body } = await here('POST', address, { 'Content-Type': type }, '{"do":"create"}')
        assert.equal(status, 415, `${address} ${type}`)
        assert.deepEqual(messagesOf(body), ['WRONG_TYPE'], `${address} ${type}`)
      }
      const { status } = await here('POST', address, {}, 'sessionDataKey=x')
      assert.equal(status, 415, `${address} without a type`)

      const zip = { 'Content-Type': FORM, 'Content-Encoding': 'gzip' }
      const large: [string, Record<string, string>, string | Buffer][] = [
        ['a long value', { 'Content-Type': FORM }, `username=${'x'.repeat(110_000)}`],
        ['many fields', { 'Content-Type': FORM }, 'a=1&'.repeat(1_000)],
      ]
      for (const [what, headers, body] of large) {
        const answer = await here('POST', address, headers, body)
        assert.equal(answer.status, 413, `${address} ${what}`)
        assert.deepEqual(messagesOf(answer.body), ['TOO_LARGE'], `${address} ${what}`)
      }
      for (const body of [gzipSync(`username=${'x'.repeat(5_000_000)}`), 'not gzip at all']) {
        assert.equal((await here('POST', address, zip, body)).status, 415, `${address} compressed`)
      }
      const unknown = await here('POST', address, { ...zip, 'Content-Encoding': 'x' }, 'a=b')
      assert.equal(unknown.status, 415, `${address} in an unknown encoding`)
    }
  })

  it('to a form ignores fields that it does not know, and refuses a single one that comes twice', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    const username = person.preferred_username
    const form = fillRegister(prompt, username).submission('Create account')
    const people = await countPeople(product)
    for (const name of ['sessionDataKey', 'notice', 'username', 'password', 'do']) {
      const fields = new URLSearchParams(form.fields)
      fields.append(name, fields.get(name) ?? '')
      const response = await send(browser, form, { fields })
      assert.equal(response.status, 400, name)
      assert.deepEqual(messagesOf(await response.text()), ['BAD_REQUEST'], name)
    }
    const suggested = new URLSearchParams(form.fields)
    suggested.append('use', 'one')
    suggested.append('use', 'two')
    assert.equal((await send(browser, form, { fields: suggested })).status, 400, 'use')
    for (const name of ['username[]', 'password[x]', 'username[0]', '__proto__', 'toString', '', 'consent[]']) {
      form.fields.append(name, 'x')
    }
    assert.deepEqual(await countPeople(product), people)
    assert.equal((await send(browser, form)).status, 303)
    assert.equal((await knownPerson(product, person.sub)).user.username, username)
  })

  it('to a look never changes anything, as HEAD says less and as GET the same twice', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'consent', person)
    const people = await countPeople(product)
    const query = new URLSearchParams(prompt.tick('recover:email').submission('Create account').fields)
    const looked = await browser.fetch(`${product.url}${SIGNUP}?${query}`)
    assert.ok(looked.status < 500)
    const head = await browser.fetch(prompt.url, { method: 'HEAD' })
    assert.equal(head.status, 200)
    assert.equal(await head.text(), '')
    assert.match(head.headers.get('content-security-policy') ?? '', /form-action 'self'/)
    assert.deepEqual(await countPeople(product), people)
    assert.equal(await storedPerson(product, person.sub), undefined)
    assert.equal((await browser.open(prompt.url)).title, prompt.title)
  })

  it('repeats no header that somebody smuggles into an address', async () => {
    for (const smuggled of ['%0d%0aX-Evil:%201', '%0aX-Evil:1', '%E5%98%8A%E5%98%8DX-Evil:1']) {
      for (const target of [
        `/${smuggled}`,
        `${SIGNUP}?sessionDataKey=${smuggled}`,
        `/commonauth/silent?state=${smuggled}`,
      ]) {
        for (const Host of [own, 'evil.example']) {
          const { headers, status } = await ask(port, 'GET', target, { Host })
          assert.equal(headers['x-evil'], undefined, target)
          assert.ok(status < 500, target)
        }
      }
    }
    const id = await here('GET', '/nothing', { 'X-Request-ID': '<script>evil</script>' })
    assert.ok(!id.body.includes('evil') && !String(id.headers['x-request-id']).includes('evil'))
  })
})

describe('behind https', () => {
  let product: Product
  let proxy: TlsProxy
  before(async () => {
    const port = await freePort()
    proxy = await startTlsProxy(new URL(`http://127.0.0.1:${port}`))
    product = await startProduct({ modes: ['silent', 'username'], publicUrl: proxy.url, port, ca: proxy.ca })
  })
  after(async () => {
    await product.stop()
    await proxy.stop()
  })

  it('every page asks browsers to come by https only, and discovery says so', async () => {
    const browser = openBrowser({ fetch: fetchTrusting(proxy.ca) })
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    const missing = await browser.open(`${proxy.url}/nothing`)
    for (const page of [prompt, missing]) {
      const [, seconds] = /^max-age=(\d+)/.exec(page.headers.get('strict-transport-security') ?? '') ?? []
      assert.ok(Number(seconds) >= 180 * 86_400, page.url)
    }
    const discovered = await browser.fetch(`${proxy.url}/.well-known/openid-configuration`)
    const metadata = (await discovered.json()) as { issuer: string }
    assert.equal(metadata.issuer, proxy.url)
    assert.doesNotMatch(JSON.stringify(metadata), /"http:/)
    signedInAt(product.application, await fillRegister(prompt, person.preferred_username).press('Create account'))
  })

  it('every cookie is secure, for this host alone, out of reach of scripts, and says nothing', async () => {
    const set: string[] = []
    const browser = openBrowser({
      fetch: async (url, init) => {
        const response = await fetchTrusting(proxy.ca)(url, init)
        if (new URL(url).origin === proxy.url) set.push(...response.headers.getSetCookie())
        return response
      },
    })
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    signedInAt(product.application, await fillRegister(prompt, person.preferred_username).press('Create account'))
    assert.ok(set.length >= 4, set.join('\n'))
    for (const cookie of set) {
      const [pair = '', ...attributes] = cookie.split(';').map((part) => part.trim())
      const [name = '', value = ''] = pair.split('=')
      const names = attributes.map((attribute) => attribute.toLowerCase())
      assert.ok(names.includes('secure'), cookie)
      assert.ok(names.includes('httponly'), cookie)
      assert.ok(names.includes('samesite=lax') || names.includes('samesite=strict'), cookie)
      assert.ok(!names.some((attribute) => attribute.startsWith('domain')), cookie)
      assert.ok(cookie.length < 4_096)
      if (name.includes('flow')) assert.match(name, /^__Host-flow-[\w-]{12}$/)
      if (name.startsWith('__Host-')) assert.ok(names.includes('path=/'), cookie)
      for (const text of [value, Buffer.from(value, 'base64url').toString('latin1')]) {
        for (const said of [person.sub, person.email, person.preferred_username, person.name]) {
          assert.ok(!text.includes(said), `${name} says ${said}`)
        }
      }
    }
    const flows = set.filter((cookie) => cookie.startsWith('__Host-flow-'))
    const [first = ''] = flows
    assert.equal(Buffer.from(/=([^;]*)/.exec(first)?.[1] ?? '', 'base64url').length, 32)
  })

  it('a flow cookie without the prefix that only this host may use is not believed', async () => {
    const browser = openBrowser({ fetch: fetchTrusting(proxy.ca) })
    const prompt = await arrive(product, browser, 'username', stranger(product))
    const { name, value } =
      browser.cookies.list().find((cookie) => cookie.name.startsWith('__Host-flow-')) ?? assert.fail('no flow cookie')
    const ask = (Cookie: string) =>
      openBrowser({ fetch: fetchTrusting(proxy.ca) }).fetch(prompt.url, { headers: { Cookie } })
    assert.equal((await ask(`${name}=${value}`)).status, 200)
    for (const other of [name.replace('__Host-', ''), name.replace('__Host-', '__Secure-'), name.toLowerCase()]) {
      if (other !== name) assert.equal((await ask(`${other}=${value}`)).status, 404, other)
    }
  })

  it('a form that http would send is refused', async () => {
    const browser = openBrowser({ fetch: fetchTrusting(proxy.ca) })
    const prompt = await arrive(product, browser, 'username', stranger(product))
    const form = fillRegister(prompt, 'by-http').submission('Create account')
    const response = await send(browser, form, { headers: { Origin: proxy.url.replace('https:', 'http:') } })
    assert.equal(response.status, 403)
    assert.equal((await send(browser, form, { headers: { Origin: proxy.url } })).status, 303)
  })
})
