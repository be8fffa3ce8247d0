// Requests that no browser of a person makes: each gets the status of design 5.1, changes nothing, and leaves open what was open (S073 to S095, S247 to S252).
import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { MODES, type Product, startProduct } from '../support/product.ts'
import { arrive, callbackOf, fillRegister, messagesOf, send, signedInAt, stranger } from '../support/road.ts'
import { fetchTrusting } from '../support/tls-proxy.ts'
import { countPeople, flowIdOf, knownPerson, refused, signedIn, storedPerson } from '../support/visits.ts'

const LOGIN = '/authenticationendpoint/login.do'
const REGISTER = '/accountrecoveryendpoint/register.do'
const SIGNUP = '/accountrecoveryendpoint/signup.do'
const STATUS = '/accountrecoveryendpoint/username-status'
const STAY = '/accountrecoveryendpoint/stay'
const FORM = 'application/x-www-form-urlencoded'

describe('a request', () => {
  let product: Product
  let own: string
  let waiting: { prompt: Page; person: ReturnType<typeof stranger> }
  before(async () => {
    product = await startProduct({ modes: MODES })
    own = new URL(product.url).host
    waiting = await prompted(openBrowser())
  })
  after(() => product.stop())

  async function prompted(browser: Browser) {
    const person = stranger(product)
    const prompt = await arrive(product, browser, 'username', person)
    return { person, prompt: fillRegister(prompt, person.preferred_username) }
  }

  /** Sends these bytes as they are, and gives what came back until the product closed the connection. */
  function sendBytes(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(Number(new URL(product.url).port), '127.0.0.1')
      let answer = ''
      socket.setTimeout(10_000, () => socket.destroy(new Error(`still open after: ${answer.slice(0, 200)}`)))
      socket.on('data', (data: Buffer) => {
        answer += data.toString('latin1')
      })
      socket.on('error', (error: NodeJS.ErrnoException) => {
        // Closed while we were still sending, which is as good an end as any.
        if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
      })
      socket.on('close', () => resolve(answer))
      socket.write(Buffer.from(bytes, 'latin1'))
    })
  }

  const statusesIn = (answer: string) =>
    [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

  it('with the right token in another dress than a form is refused, and the form itself is not used up', async () => {
    const browser = openBrowser()
    const { prompt, person } = await prompted(browser)
    const { url, fields } = prompt.submission('Create account')
    const json = JSON.stringify(Object.fromEntries(fields))
    const multipart = [...fields].map(
      ([name, value]) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    const dresses: [string, string][] = [
      ['application/json', json],
      ['text/plain', fields.toString()],
      ['text/plain', `${json.slice(0, -1)},"x":"="}`],
      ['multipart/form-data; boundary=x', `${multipart.join('')}--x--\r\n`],
      ['application/x-www-form-urlencoded, text/plain', fields.toString()],
      [`text/plain; ${FORM}`, fields.toString()],
      ...['iso-8859-1', 'utf-16le', 'utf-7', '"windows-1252"', 'utf-8; charset=utf-7', ''].map(
        (charset): [string, string] => [`${FORM}; charset=${charset}`, fields.toString()],
      ),
    ]
    for (const [type, body] of dresses) {
      const response = await browser.fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body })
      assert.equal(response.status, 415, type)
      assert.deepEqual(messagesOf(await response.text()), ['WRONG_TYPE'], type)
    }
    const override = { 'X-HTTP-Method-Override': 'POST', 'X-HTTP-Method': 'POST', 'X-Method-Override': 'POST' }
    const looked = await browser.fetch(`${url}?_method=POST&${fields}`, { headers: override })
    assert.equal(looked.status, 200, 'a look is a look')
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
      const init = {
        method,
        ...(method === 'TRACE' ? {} : { headers: { 'Content-Type': FORM }, body: fields.toString() }),
      }
      // fetch itself refuses to send TRACE.
      const status = method === 'TRACE' ? await traced(url, browser) : (await browser.fetch(url, init)).status
      assert.equal(status, 405, method)
    }
    fields.set('_method', 'DELETE')
    assert.equal(await storedPerson(product, person.sub), undefined)
    const answered = await send(
      browser,
      { url: `${url}?_method=PUT`, fields },
      { headers: { ...override, 'Content-Type': `${FORM.toUpperCase()}; Charset="UTF-8"` } },
    )
    assert.equal(answered.status, 303, 'other words for the same form are no offence')
    assert.ok(await storedPerson(product, person.sub))
  })

  async function traced(url: string, browser: Browser): Promise<number | undefined> {
    const { pathname } = new URL(url)
    const cookie = browser.cookies.header(new URL(url), { method: 'POST' })
    const answer = await sendBytes(
      `TRACE ${pathname} HTTP/1.1\r\nHost: ${own}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
    )
    assert.ok(!answer.includes(cookie), 'TRACE repeats nothing')
    return statusesIn(answer)[0]
  }

  it('to the addresses that only the page itself asks has to be a form just the same, and is answered about anything', async () => {
    const browser = openBrowser()
    const { prompt } = await prompted(browser)
    const form = prompt.submission('Create account').fields
    const known = `_csrf=${form.get('_csrf')}&sessionDataKey=${flowIdOf(prompt)}`
    const post = async (path: string, body: string, type = FORM) => {
      const response = await browser.fetch(product.url + path, {
        method: 'POST',
        headers: { 'Content-Type': type },
        body,
      })
      return { status: response.status, text: await response.text() }
    }
    for (const path of [STATUS, STAY]) {
      const bodies: [number, string, string?][] = [
        [415, '{"username":"asha"}', 'application/json'],
        [415, known, `${FORM}; charset=utf-16le`],
        [413, `${known}&username=${'x'.repeat(1_000_000)}`],
        [413, `${known}&${'username=a&'.repeat(1_100)}`],
        [400, `${known}&username=%FF`],
        [400, `${known}&sessionDataKey=x`],
        [403, known.replace('_csrf', '_csrf[]')],
        [404, known.replace('sessionDataKey', 'sessionDataKey[]')],
      ]
      for (const [status, body, type] of bodies) {
        assert.equal((await post(path, body, type)).status, status, `${path} ${body.slice(0, 40)} ${type ?? ''}`)
      }
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
        assert.equal(
          (await browser.fetch(`${product.url}${path}?${known}`, { method })).status,
          405,
          `${method} ${path}`,
        )
      }
    }
    assert.equal((await post(STATUS, `${known}&username=a&username=b`)).status, 400)
    for (const [name, reason] of [
      ['x'.repeat(50_000), 'USERNAME_LONG'],
      [`a${' '.repeat(30_000)}b`, 'USERNAME_LONG'],
      ['<script>', null],
      ['p\u0430ypal', 'USERNAME_CHARS'],
      ['asha\0', 'USERNAME_CHARS'],
      ['console', 'USERNAME_RESERVED'],
    ] as const) {
      const { status, text } = await post(
        STATUS,
        `${known}&username=${encodeURIComponent(name)}&__proto__=x&username[]=y`,
      )
      assert.deepEqual([status, JSON.parse(text)], [200, { available: reason === null, reason }], name.slice(0, 20))
    }
    assert.equal((await browser.open(prompt.url)).status, 200)
  })

  it('that two servers could read as two different ones is 400, once, and ends the connection', async () => {
    const post = `POST ${REGISTER} HTTP/1.1\r\nHost: ${own}\r\nContent-Type: ${FORM}\r\n`
    const get = `GET ${REGISTER} HTTP/1.1\r\nHost: ${own}\r\n`
    const smuggled = `GET /livez HTTP/1.1\r\nHost: ${own}\r\n\r\n`
    const ambiguous: Record<string, string> = {
      'length and chunks': `${post}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX`,
      'chunks and length': `${post}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX`,
      'two lengths': `${post}Content-Length: 3\r\nContent-Length: 30\r\n\r\na=b`,
      'a list of lengths': `${post}Content-Length: 3, 3\r\n\r\na=b`,
      'a length with a sign': `${post}Content-Length: +3\r\n\r\na=b`,
      'a length below nothing': `${post}Content-Length: -1\r\n\r\na=b`,
      'an unknown encoding': `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
      'chunks that are not last': `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
      'two encodings': `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
      'a space before the colon': `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
      'a tab in the encoding': `${post}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
      'a chunk of no size': `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\na=b\r\n0\r\n\r\n`,
      'a chunk longer than it says': `${post}Transfer-Encoding: chunked\r\n\r\n2\r\na=b\r\n0\r\n\r\n`,
      'a chunk of more than anything': `${post}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\na=b\r\n0\r\n\r\n`,
      'a line end in a chunk extension': `${post}Transfer-Encoding: chunked\r\n\r\n3;a=\nb\r\na=b\r\n0\r\n\r\n`,
      'a folded header': `${get}X-A: b\r\n c\r\n\r\n`,
      'a folded encoding': `${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
      'a header after a lone CR': `${get}X-A: b\rContent-Length: 5\r\n\r\n`,
      'NUL in a header': `${get}X-A: b\0c\r\n\r\n`,
      'NUL in the target': `GET ${REGISTER}\0 HTTP/1.1\r\nHost: ${own}\r\n\r\n`,
      'a space in the target': `GET ${REGISTER} x HTTP/1.1\r\nHost: ${own}\r\n\r\n`,
      'no host': `GET ${REGISTER} HTTP/1.1\r\n\r\n`,
      'another version': `GET ${REGISTER} HTTP/9.9\r\nHost: ${own}\r\n\r\n`,
      'a method that nobody has': `CREATE ${REGISTER} HTTP/1.1\r\nHost: ${own}\r\n\r\n`,
    }
    for (const [what, bytes] of Object.entries(ambiguous)) {
      const answer = await sendBytes(bytes + smuggled)
      assert.deepEqual(statusesIn(answer), [400], `${what}: ${answer.slice(0, 100)}`)
    }
    // The same way of asking, for the proof that it could have been answered otherwise.
    const two = await sendBytes(`${get}\r\n${smuggled.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`)
    assert.deepEqual(statusesIn(two), [404, 200])
  })

  it('with two hosts is 400; a host in its target counts more than the header; no address makes an error', async () => {
    const closing = 'Connection: close\r\n\r\n'
    const two = [
      `Host: ${own}\r\nHost: evil.example`,
      `Host: evil.example\r\nHost: ${own}`,
      `Host: ${own}\r\nhost: ${own}`,
    ]
    for (const hosts of two) {
      for (const method of ['GET', 'POST']) {
        const answer = await sendBytes(`${method} /.well-known/openid-configuration HTTP/1.1\r\n${hosts}\r\n${closing}`)
        assert.deepEqual(statusesIn(answer), [400], hosts)
        assert.ok(!answer.includes('evil.example'), hosts)
      }
    }
    const elsewhere = (method: string) =>
      sendBytes(`${method} http://evil.example/x?y HTTP/1.1\r\nHost: ${own}\r\n${closing}`)
    assert.match(await elsewhere('GET'), new RegExp(`^HTTP/1.1 308 [\\s\\S]*\r\nLocation: ${product.url}/x\\?y\r\n`))
    assert.deepEqual(statusesIn(await elsewhere('POST')), [421])
    const ours = `GET http://${own}/.well-known/openid-configuration HTTP/1.1\r\nHost: evil.example\r\n${closing}`
    assert.deepEqual(statusesIn(await sendBytes(ours)), [200])

    for (const target of [
      '//',
      '///',
      '//[',
      '//[::1',
      '//a:b@c:99999/',
      '/\\[',
      '//%zz',
      'http:///',
      'http://[',
      'http://a:99999/',
      '*',
      'x:y',
    ]) {
      for (const host of [own, 'evil.example', '']) {
        const answer = await sendBytes(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${closing}`)
        const [status = 0] = statusesIn(answer)
        assert.ok(status >= 300 && status < 500, `${target} at ${host || 'no host'}: ${answer.slice(0, 60)}`)
        const [, location = product.url] = /\r\nLocation: (.*)\r\n/.exec(answer) ?? []
        assert.equal(new URL(location, product.url).origin, product.url, `${target} at ${host}`)
      }
    }
  })

  it('with headers or an address without end is 431, and with a thousand cookies finds its own among them', async () => {
    const head = `HTTP/1.1\r\nHost: ${own}\r\nConnection: close\r\n`
    const large: [string, number][] = [
      [`GET / ${head}X-A: ${'a'.repeat(64_000)}\r\n\r\n`, 431],
      [`GET / ${head}Cookie: ${'flow-aaaaaaaaaaaa=a; '.repeat(3_000)}\r\n\r\n`, 431],
      [`GET /${'a'.repeat(64_000)} ${head}\r\n`, 431],
      [`GET ${SIGNUP}?sessionDataKey=${'a'.repeat(8_000)} ${head}\r\n`, 404],
      [`GET /commonauth/silent?state=${'a'.repeat(8_000)} ${head}\r\n`, 400],
      [`GET /${'%F0%9F%98%80'.repeat(650)} ${head}\r\n`, 404],
      [`GET /nowhere ${head}${'a: 1\r\n'.repeat(2_500)}\r\n`, 404],
    ]
    for (const [bytes, status] of large)
      assert.deepEqual(statusesIn(await sendBytes(bytes)), [status], bytes.slice(0, 60))

    const browser = openBrowser()
    const { prompt } = await prompted(browser)
    const mine = browser.cookies.header(new URL(prompt.url), { method: 'GET' })
    const others = Array.from({ length: 1_000 }, (_, index) => `c${index}=${index}`).join('; ')
    const tossed = 'flow-aaaaaaaaaaaa; flow-bbbbbbbbbbbb=%; =; flow-=x; vestibule.session=%ff; vestibule.session.sig'
    for (const Cookie of [`${others}; ${mine}`, `${mine}; ${others}`, `${tossed}; ${mine}`, `${mine}; ${tossed}`]) {
      assert.equal((await openBrowser().fetch(prompt.url, { headers: { Cookie } })).status, 200, Cookie.slice(0, 40))
    }
    const broken = await openBrowser().fetch(`${product.url}/oauth2/authorize?client_id=travel`, {
      headers: { Cookie: tossed },
    })
    assert.ok(broken.status < 500, String(broken.status))
  })

  it('with a session that somebody else made becomes a session of its own at sign-in, and theirs stays theirs', async () => {
    const attacker = openBrowser()
    const me = await prompted(attacker)
    signedInAt(product.application, await me.prompt.press('Create account'))
    const attackersSub = signedIn(product.application).sub
    const planted = attacker.cookies.list().filter(({ name }) => name.startsWith('vestibule.session'))
    assert.ok(planted.length >= 2, 'a cookie and its signature')

    const victim = openBrowser()
    const plant = (value = (cookie: { value: string }) => cookie.value) =>
      victim.cookies.keep(
        new URL(product.url),
        planted.map((cookie) => `${cookie.name}=${value(cookie)}; Path=/; HttpOnly`),
      )
    const sessionOf = (browser: Browser) => browser.cookies.get('vestibule.session')?.value
    const person = stranger(product)
    plant()
    const prompt = await arrive(product, victim, 'consent', person, { query: '?prompt=login' })
    signedInAt(product.application, await prompt.tick('recover:email').press('Create account'))
    const { user } = await knownPerson(product, person.sub)
    assert.equal(signedIn(product.application).sub, user.id)
    assert.notEqual(sessionOf(victim), sessionOf(attacker))

    // The attacker's cookie is their own session, or none; never the victim's.
    const back = await attacker.open(`${product.application.url}/login?prompt=none`)
    assert.ok(back.url.startsWith(product.application.redirectUri), back.url)
    const result = product.application.results.at(-1)
    assert.ok(
      result?.kind === 'error' ? result.error === 'login_required' : result?.sub === attackersSub,
      JSON.stringify(result),
    )

    // An id that nobody gave out, or one that is another cookie's, is no session.
    const flow = victim.cookies.list().find(({ name }) => name.startsWith('flow-'))?.value ?? 'x'.repeat(43)
    for (const value of ['made-up-session-id', flow]) {
      victim.cookies.clear()
      plant(() => value)
      await victim.open(`${product.application.url}/login?prompt=none`)
      assert.equal(refused(product.application).error, 'login_required')
      await arrive(product, victim, 'consent', person)
      assert.equal(signedIn(product.application).sub, user.id)
      assert.notEqual(sessionOf(victim), value)
    }
    // And a session is no flow.
    const open = await prompted(openBrowser())
    const name = `flow-${flowIdOf(open.prompt).slice(0, 12)}`
    const stolen = await openBrowser().fetch(open.prompt.url, { headers: { Cookie: `${name}=${sessionOf(victim)}` } })
    assert.equal(stolen.status, 404)
  })

  it('is answered with cookies that are small, hidden from scripts and other hosts, and say nothing of anybody, in every mode', async () => {
    const set: string[] = []
    const listening = () =>
      openBrowser({
        fetch: async (url, init) => {
          const response = await fetchTrusting('')(url, init)
          if (new URL(url).origin === product.url) set.push(...response.headers.getSetCookie())
          return response
        },
      })
    const people = []
    for (const mode of MODES) {
      for (const button of mode === 'none' || mode === 'silent'
        ? ['']
        : ['Create account', 'Do not create an account']) {
        const browser = listening()
        const person = stranger(product, { name: 'N'.repeat(5_000), zoneinfo: 'Z'.repeat(5_000) })
        people.push(person)
        const page = await arrive(product, browser, mode, person)
        if (button === '') continue
        page.tick('recover:email')
        if (mode !== 'consent') page.fill({ password: PASSWORD })
        const ended = await page.press(button)
        if (button !== 'Create account') await ended.click('Return to Travel')
        else await (await browser.open(`${product.application.url}/logout`)).press('Sign out')
      }
    }
    assert.ok(set.length > 20, String(set.length))
    for (const cookie of set) {
      const [pair = '', ...attributes] = cookie.split(';').map((part) => part.trim().toLowerCase())
      assert.match(pair, /^(flow-[\w-]{12}|vestibule\.(session|interaction|resume|application)(\.sig)?)=/, cookie)
      assert.ok(attributes.includes('httponly') && attributes.includes('samesite=lax'), cookie)
      assert.ok(!attributes.some((attribute) => attribute.startsWith('domain')), cookie)
      assert.ok(cookie.length < 500, cookie)
      const value = cookie.slice(cookie.indexOf('=') + 1).split(';')[0] ?? ''
      for (const text of [value, decodeURIComponent(value), Buffer.from(value, 'base64').toString('latin1')]) {
        for (const { sub, email, preferred_username, phone_number } of people) {
          for (const said of [sub, email, preferred_username, phone_number]) assert.ok(!text.includes(said), cookie)
        }
      }
    }
  })

  it('with the flags of the reference product changes nothing of what is asked, shown or made', async () => {
    const flags = new URLSearchParams({
      skipSignUpEnableCheck: 'true',
      passwordProvisionEnabled: 'false',
      usernameProvisionEnabled: 'false',
      allowchangeusername: 'true',
      allowChangeUsername: 'true',
      isProvisioningEnabled: 'false',
      promptConsent: 'false',
      scheme: 'PROVISION_SILENTLY',
      mode: 'silent',
      ask: 'nothing',
      username: 'chosen-by-flag',
      userstore: 'STAFF',
      consentPurposeGroup: 'none',
    })
    const withoutToken = (html: string) => html.replace(/name="_csrf" value="[^"]*"/, '')
    for (const mode of ['consent', 'password', 'username'] as const) {
      const browser = openBrowser()
      const person = stranger(product)
      const plain = await arrive(product, browser, mode, person)
      const flagged = await browser.open(`${plain.url}&${flags}`)
      assert.equal(withoutToken(flagged.html), withoutToken(plain.html), mode)

      plain.tick('recover:email')
      if (mode !== 'consent') plain.fill({ password: PASSWORD })
      const form = plain.submission('Create account')
      for (const [name, value] of flags) if (!form.fields.has(name)) form.fields.append(name, value)
      if (mode !== 'consent') {
        const without = new URLSearchParams(form.fields)
        without.set('password', '')
        const missed = await send(browser, form, { fields: without, url: `${form.url}?${flags}` })
        assert.equal(missed.status, 422, `${mode} without a password`)
      }
      const unticked = new URLSearchParams(form.fields)
      unticked.delete('consent')
      assert.equal((await send(browser, form, { fields: unticked })).status, 422, `${mode} without a tick`)
      assert.equal(await storedPerson(product, person.sub), undefined)

      assert.equal((await send(browser, form, { url: `${form.url}?${flags}` })).status, 303, mode)
      const { user, attributes } = await knownPerson(product, person.sub)
      assert.equal(user.username, person.preferred_username)
      assert.equal(user.store, 'PRIMARY')
      assert.equal(user.password_hash !== null, mode !== 'consent')
      assert.deepEqual(
        attributes.map(({ name }) => name),
        ['email'],
      )
    }
  })

  it('never leads to another place, whatever address is written into any parameter', async () => {
    const { redirectUri, url } = product.application
    const evil = [
      ...'https://evil.example //evil.example ///evil.example /\\evil.example \\\\evil.example https:evil.example'.split(
        ' ',
      ),
      ...'@evil.example .evil.example /%0a/evil.example https://evil。example http://[evil javascript:alert(1)'.split(
        ' ',
      ),
      ...['/\t/evil.example', '\x00//evil.example', 'data:text/html,x', `${product.url}@evil.example`],
      ...[
        `${product.url}.evil.example`,
        `${redirectUri}/../x`,
        `${redirectUri}#@evil.example`,
        `${url}.evil.example/callback`,
      ],
    ]
    const ignored =
      `callback commonAuthCallerPath commonAuthURL relyingParty redirect redirect_uri returnTo return_to url next goto RelayState
      tenantDomain error error_description iss post_logout_redirect_uri target service`.split(/\s+/)
    const browser = openBrowser()
    const { prompt } = await prompted(browser)
    const done = await arrive(product, browser, 'consent', stranger(product))
    await done.press('Do not create an account')
    const ended = flowIdOf(done)
    const chooser = openBrowser()
    const choice = await chooser.open(`${product.application.url}/login`)
    const key = choice.submission('Sign in').fields.get('sessionDataKey') ?? ''
    const request = new URL(
      choice.history.find((url) => url.includes('/oauth2/authorize')) ?? assert.fail('no request'),
    )

    const places = (payload: string): [string, Record<string, string>][] => [
      [REGISTER, { sessionDataKey: payload }],
      [LOGIN, { sessionDataKey: payload }],
      [LOGIN, { sessionDataKey: key, idp: payload }],
      [LOGIN, { sessionDataKey: key, prompt: payload, choose: payload }],
      ['/commonauth', { sessionDataKey: payload }],
      ['/commonauth', { sessionDataKey: ended, continue: payload }],
      ['/commonauth/silent', { state: payload, code: payload }],
      [`/commonauth/${encodeURIComponent(payload)}`, { state: 'x' }],
      ['/oauth2/authorize', { ...Object.fromEntries(request.searchParams), redirect_uri: payload }],
      ['/oauth2/authorize', { ...Object.fromEntries(request.searchParams), client_id: payload }],
      [`/oauth2/authorize/${encodeURIComponent(payload)}`, {}],
      ['/oidc/logout', { post_logout_redirect_uri: payload, client_id: 'travel' }],
      ['/oidc/logout', { id_token_hint: payload, logout_hint: payload, state: payload }],
    ]
    const allowed = [product.url, product.idp.issuer]
    for (const payload of evil) {
      const extra = Object.fromEntries(ignored.map((name) => [name, payload]))
      for (const [place, query] of places(payload)) {
        const known = place.startsWith('/oauth2') || place.startsWith('/oidc') ? query : { ...extra, ...query }
        const visitor = query['sessionDataKey'] === key ? chooser : browser
        const response = await visitor.fetch(`${product.url}${place}?${new URLSearchParams(known)}`)
        const what = `${place} ${JSON.stringify(query).slice(0, 120)}: ${response.status}`
        assert.ok(response.status < 500, what)
        const location = new URL(response.headers.get('location') ?? '/', product.url)
        const isOurs =
          allowed.includes(location.origin) || location.href.startsWith(`${product.application.redirectUri}?`)
        assert.ok(isOurs, `${what} leads to ${location}`)
        const html = await response.text()
        for (const [, address = ''] of html.matchAll(/(?:href|src|action|content)="(?:0;url=)?([^"]*)"/g)) {
          const { origin } = new URL(address, product.url)
          assert.ok(
            [product.url, product.application.url, 'https://northwind.example', 'null'].includes(origin),
            `${what} links to ${address}`,
          )
          assert.ok(!/^\s*(javascript|data):/i.test(address), `${what} links to ${address}`)
        }
      }
    }
    assert.equal((await browser.open(prompt.url)).status, 200, 'the question is still there')
  })

  it('with a list or an object where one value belongs is not bent into one, and a tick that comes twice is one tick', async () => {
    const browser = openBrowser()
    const { prompt, person } = await prompted(browser)
    const form = prompt.submission('Create account')
    const bent: [string, string[], string][] = [
      ['username', ['username[]', 'username[]'], 'USERNAME_EMPTY'],
      ['username', ['username[0]', 'username[toString]'], 'USERNAME_EMPTY'],
      ['password', ['password[x]', 'password[length]'], 'CHANGED'],
      ['consent', ['consent[]', 'consent[recover]'], 'CONSENT_NEEDED'],
      ['notice', ['notice[]'], 'CHANGED'],
    ]
    for (const [name, instead, code] of bent) {
      const fields = new URLSearchParams(form.fields)
      const value = fields.get(name) ?? ''
      fields.delete(name)
      for (const other of instead) fields.append(other, value)
      const response = await send(browser, form, { fields })
      assert.equal(response.status, 422, name)
      assert.deepEqual([...new Set(messagesOf(await response.text()))], [code], name)
    }
    for (const [name, status] of [
      ['_csrf', 403],
      ['sessionDataKey', 404],
    ] as const) {
      const fields = new URLSearchParams(form.fields)
      fields.set(`${name}[]`, fields.get(name) ?? '')
      fields.delete(name)
      assert.equal((await send(browser, form, { fields })).status, status, name)
    }
    for (const tick of [
      'recover:email',
      'true',
      'false',
      '',
      'recover:phone_number,office:department',
      'RECOVER:PHONE_NUMBER',
    ]) {
      form.fields.append('consent', tick)
    }
    assert.equal((await send(browser, form)).status, 303)
    const { consents, attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(
      consents.map(({ attribute, is_given }) => [attribute, is_given]),
      [
        ['email', true],
        ['phone_number', false],
        ['department', false],
      ],
    )
    assert.deepEqual(
      attributes.map(({ name }) => name),
      ['email'],
    )
  })

  it('of fifty thousand characters in any field, header or claim keeps the product busy for no longer than another', async () => {
    const n = 50_000
    const long = [
      ' '.repeat(n),
      `a${' '.repeat(n)}a`,
      'a@'.repeat(n / 2),
      `${'a.'.repeat(n / 2)}@`,
      `${'a'.repeat(n)}!`,
      `${'-'.repeat(n)}\n`,
      '<![CDATA['.repeat(n / 10),
      '\u0301'.repeat(n / 6),
      '\u200d\ud83d\udc69'.repeat(n / 24),
    ]
    const browser = openBrowser()
    const { prompt } = await prompted(browser)
    const form = prompt.submission('Create account')
    /** The processor's time and not the clock's: others are busy too. What takes the square of the length takes seconds. */
    async function briefly(what: string, work: () => Promise<number>, worst = 499): Promise<void> {
      const before = process.cpuUsage().user
      const status = await work()
      const milliseconds = (process.cpuUsage(undefined).user - before) / 1_000
      assert.ok(status <= worst, `${what}: ${status}`)
      assert.ok(milliseconds < 1_000, `${what}: ${milliseconds} ms of work`)
    }
    const names = '_csrf sessionDataKey notice username use password consent do attribute.email x'.split(' ')
    const headers = 'Cookie Origin Referer User-Agent Accept-Language Content-Type X-Forwarded-For Authorization'.split(
      ' ',
    )
    for (const [index, text] of long.entries()) {
      await product.rows('DELETE FROM brakes')
      for (const name of names) {
        await briefly(`string ${index} as ${name}`, async () => {
          const fields = new URLSearchParams(form.fields)
          fields.set(name, text)
          const response = await send(browser, form, { fields })
          await response.text()
          return response.status
        })
      }
      const line = text.slice(0, 12_000).replace(/[^ -~]/g, '=')
      for (const header of [headers[index % headers.length] ?? '', headers[(index + 3) % headers.length] ?? '']) {
        await briefly(`string ${index} as ${header}`, async () => {
          const response = await openBrowser().fetch(prompt.url, { headers: { [header]: `a${line}a` } })
          await response.text()
          return response.status
        })
      }
    }
    for (const [index, text] of long.entries()) {
      const claims = ['preferred_username', 'name', 'email', 'department', 'address', 'unmapped']
      const mode = index % 2 === 0 ? 'username' : 'silent'
      const person = stranger(product, { [claims[index % claims.length] ?? '']: text })
      // Too much to keep is the idp's fault, and says so: 502.
      const arrived = async () => (await arrive(product, openBrowser(), mode, person)).status
      await briefly(`string ${index} as a claim`, arrived, 502)
    }
  })

  it('is one line of the log, whatever it says of itself, and none of what it says', async () => {
    const breakers = [
      '\x1b[31mcanary\x1b[0m',
      '{"level":"canary"}',
      '"} canary',
      'canary\u2028canary',
      'canary'.repeat(1_500),
    ]
    const before = product.log.length
    for (const text of breakers) {
      const line = text.replace(/[^ -~]/g, '')
      const headers = { 'User-Agent': line, Referer: line, 'X-Request-ID': line, 'X-Forwarded-For': line, Origin: line }
      const encoded = encodeURIComponent(`${text}\r\ncanary`)
      for (const path of [
        `/${encoded}`,
        `${SIGNUP}?sessionDataKey=${encoded}`,
        `/commonauth/${encoded}?state=${encoded}`,
        `/oauth2/authorize?client_id=${encoded}`,
        `/oauth2/${encoded}`,
      ]) {
        const response = await openBrowser().fetch(product.url + path.slice(0, 12_000), { headers })
        assert.ok(response.status < 500, path.slice(0, 80))
      }
      await openBrowser().fetch(product.url + REGISTER, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': line },
        body: text,
      })
      const claims = { preferred_username: `canary\r\n${line}`, name: `${text}\r\n{"canary":1}` }
      await arrive(product, openBrowser(), 'silent', stranger(product, claims))
      const callback = await callbackOf(product, openBrowser(), 'silent', stranger(product))
      callback.searchParams.set('error', `${text}\r\ncanary`)
      callback.searchParams.delete('code')
      await openBrowser().fetch(callback)
    }
    const lines = product.log.slice(before)
    assert.ok(lines.length > 40, String(lines.length))
    for (const line of lines) {
      assert.equal(line.indexOf('\n'), line.length - 1, 'one event, one line')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
      assert.doesNotMatch(line.slice(0, -1), /[\x00-\x1f\x7f-\x9f\u2028\u2029]/)
      assert.ok(!line.includes('canary'), line.slice(0, 300))
      assert.ok(line.length < 2_000, line.slice(0, 300))
      const event: Record<string, unknown> = JSON.parse(line)
      assert.ok('msg' in event && 'time' in event, line)
    }
  })

  it('of a person whose question was open all this time is answered as if nothing had been', async () => {
    const { prompt, person } = waiting
    const people = await countPeople(product)
    const done = await prompt.press('Create account')
    assert.equal(signedInAt(product.application, done).userinfo['preferred_username'], person.preferred_username)
    assert.equal((await countPeople(product))['users'], (people['users'] ?? 0) + 1)
    assert.equal((await knownPerson(product, person.sub)).consents.length, 3)
    // An idp whose claims have no end is told from us in the log, too.
    const failed = product.log.filter((line) => /"level":(?:50|60)/.test(line) && !line.includes('"status":502'))
    assert.deepEqual(failed, [], 'and nothing failed behind the scenes')
  })
})
