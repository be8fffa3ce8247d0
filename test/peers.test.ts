// The other parties of the demonstration, and the tests' own, do what the rest of the tests take for granted.
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import { after, afterEach, before, describe, test } from 'node:test'
import { startDemoApplication } from '../src/demo/application.ts'
import { startDemoIdp } from '../src/demo/idp.ts'
import { listen } from '../src/demo/listen.ts'
import { html } from '../src/demo/pages.ts'
import { modes, personas, subjectOf } from '../src/demo/personas.ts'
import { type Application, startApplication } from './support/application.ts'
import { openBrowser } from './support/browser.ts'
import { openChromium } from './support/chromium.ts'
import { cookieJar } from './support/cookie-jar.ts'
import { readPage } from './support/html-page.ts'
import { type Idp, startIdp } from './support/idp.ts'
import { fetchTrusting, startTlsProxy } from './support/tls-proxy.ts'

const clientSecret = 'a-secret-for-the-tests-alone-0123456789'

describe('the demonstration', () => {
  let idp: { issuer: string; stop(): Promise<void> }
  let travel: { url: string; stop(): Promise<void> }

  before(async () => {
    const [idpPort, travelPort] = [await freePort(), await freePort()]
    const redirectUri = `http://localhost:${travelPort}/callback`
    const clients = modes.map((mode) => ({ mode, clientId: `northwind-${mode}`, clientSecret, redirectUri }))
    idp = await startDemoIdp({ port: idpPort, clients })
    // Travel is pointed at the idp itself here, without Vestibule between them.
    const { issuer } = idp
    travel = await startDemoApplication({ port: travelPort, issuer, clientId: 'northwind-consent', clientSecret })
  })
  after(async () => {
    await Promise.all([idp.stop(), travel.stop()])
  })

  test('its idp says that it takes PKCE by S256 alone and names itself in every answer', async () => {
    const answer = await fetch(`${idp.issuer}/.well-known/openid-configuration`)
    const metadata = (await answer.json()) as Record<string, unknown>
    assert.equal(metadata.issuer, idp.issuer)
    assert.deepEqual(metadata.code_challenge_methods_supported, ['S256'])
    assert.equal(metadata.authorization_response_iss_parameter_supported, true)
  })

  test('one browser can be all four people in turn, and the application shows what each of them sent', async () => {
    const browser = openBrowser()
    const shown: Record<string, string> = {}
    for (const { name } of personas) {
      const choice = await browser.open(`${travel.url}/sign-in`)
      assert.equal(choice.title, 'Who are you today? – Acme')
      const home = await choice.press(name)
      assert.equal(home.url, `${travel.url}/`)
      shown[name] = home.text
    }
    for (const person of personas) assert.match(shown[person.name] ?? '', new RegExp(`sub ${subjectOf(person)} `))
    assert.match(shown.asha ?? '', /preferred_username asha-consent .*email asha@acme\.example email_verified true/)
    assert.match(shown.asha ?? '', /department Engineering/)
    assert.match(shown.asha ?? '', /phone_number \+44/)
    assert.doesNotMatch(shown.ben ?? '', /phone_number/)
    assert.match(shown.dora ?? '', /email_verified false/)
  })

  test('the application shows in plain words the error that it gets back', async () => {
    const browser = openBrowser()
    const leaving = await browser.fetch(`${travel.url}/sign-in`)
    const state = new URL(leaving.headers.get('location') ?? '').searchParams.get('state') ?? ''
    const query = new URLSearchParams({
      error: 'access_denied',
      error_description: 'USERNAME_TAKEN <b>',
      state,
      iss: idp.issuer,
    })
    const page = await browser.open(`${travel.url}/callback?${query}`)
    assert.equal(page.status, 400)
    assert.match(page.text, /access_denied: USERNAME_TAKEN <b>/)
  })

  test('signing out of the application leads to where its issuer signs people out, and names the way back', async () => {
    const issuer = await startIdp()
    issuer.person('ada', { sub: 'ada-0001' })
    issuer.signInAs = 'ada'
    issuer.fault = { tamper: (claims) => ({ end_session_endpoint: `${issuer.issuer}/sign-out`, ...claims }) }
    const application = { port: await freePort(), issuer: issuer.issuer, clientId: 'travel', clientSecret }
    const other = await startDemoApplication(application)
    issuer.client({ clientId: 'travel', clientSecret, redirectUri: `${other.url}/callback` })
    try {
      const browser = openBrowser()
      await (await browser.open(`${other.url}/sign-in`)).press('Sign out')
      const last = issuer.requests.at(-1)
      assert.equal(last?.path, '/sign-out')
      assert.equal(last.query.post_logout_redirect_uri, `${other.url}/`)
      assert.equal(last.query.client_id, 'travel')
      assert.equal(last.query.id_token_hint, undefined, 'no token in an address')
      assert.match((await browser.open(other.url)).text, /Sign in Every page of Vestibule$/)
    } finally {
      await Promise.all([issuer.stop(), other.stop()])
    }
  })

  test('a page that was left open after its sign-in ended says so instead of failing', async () => {
    const page = await openBrowser().open(`${idp.issuer}/sign-in/gone`)
    assert.equal(page.status, 400)
    assert.match(page.text, /expired or was already finished/)
  })

  test('no value can leave its place in a page', () => {
    assert.equal(html`<p title="${'">'}">${'<b>&'}</p>`.markup, '<p title="&#34;&#62;">&#60;b&#62;&#38;</p>')
  })
})

describe("the tests' idp and application", () => {
  let idp: Idp
  let first: Application
  let second: Application

  before(async () => {
    idp = await startIdp()
    const { issuer } = idp
    first = await startApplication({ issuer, clientId: 'first', clientSecret })
    second = await startApplication({ issuer: () => issuer, clientId: 'second', clientSecret, bounce: true })
    idp.client({ clientId: 'first', clientSecret, redirectUri: first.redirectUri })
    idp.client({ clientId: 'second', clientSecret, redirectUri: second.redirectUri })
    idp.person('ada', { sub: 'ada-0001', email: 'ada@people.example', name: 'Ada', groups: ['engines'] })
    idp.person('grace', { sub: 'grace-0002', email: 'grace@people.example' })
  })
  afterEach(() => {
    idp.fault = {}
    idp.signInAs = undefined
    idp.requests.length = 0
  })
  after(async () => {
    await Promise.all([idp.stop(), first.stop(), second.stop()])
  })

  test('a person signs in by the form, with code and PKCE, and the application gets what was scripted', async () => {
    const form = await openBrowser().open(`${first.url}/login`)
    const page = await form.fill({ person: 'ada' }).press('Sign in')
    const shown = JSON.parse(page.text)
    assert.equal(shown.sub, 'ada-0001')
    assert.deepEqual(shown.userinfo, { sub: 'ada-0001', email: 'ada@people.example', name: 'Ada', groups: ['engines'] })
    assert.deepEqual(
      Object.keys(shown.idToken).filter((claim) => claim === 'email'),
      [],
    )
    const token = idp.requests.find(({ path }) => path === '/token')
    assert.equal(token?.form.grant_type, 'authorization_code')
    assert.match(token?.form.code_verifier ?? '', /^[\w-]{43}$/)
    assert.equal(idp.requests.find(({ path }) => path === '/auth')?.query.code_challenge_method, 'S256')
  })

  test('an idp told who signs in asks nothing, and asks again after the next change of mind', async () => {
    const browser = openBrowser()
    idp.signInAs = 'ada'
    await browser.open(first.url)
    idp.signInAs = 'grace'
    await browser.open(first.url)
    const subjects = first.results.slice(-2).map((result) => (result.kind === 'signed-in' ? result.sub : result.error))
    assert.deepEqual(subjects, ['ada-0001', 'grace-0002'])
  })

  test('two applications in one browser finish their own sign-ins, one of them by way of another origin', async () => {
    const browser = openBrowser()
    const form = await browser.open(first.url)
    const other = await browser.open(second.url)
    const arrived = await other.fill({ person: 'grace' }).press('Sign in')
    assert.equal(arrived.url, `${second.url}/arrived`)
    assert.equal(new Set(arrived.history.map((address) => new URL(address).host)).size, 3)
    assert.match(arrived.text, /grace-0002/)
    assert.match((await form.fill({ person: 'ada' }).press('Sign in')).text, /ada-0001/)
  })

  test('a person who cancels at the idp sends the application an error', async () => {
    await (await openBrowser().open(first.url)).press('Cancel')
    assert.equal(errorOf(first), 'access_denied The person pressed Cancel.')
  })

  const faults: [string, Idp['fault'], RegExp][] = [
    ['garbage from the token endpoint', { token: 'garbage' }, /parsing error/],
    ['an error of the token endpoint', { token: '500' }, /status code/],
    ['garbage from userinfo', { userinfo: 'garbage' }, /parsing error/],
    ['another nonce', { tamper: (claims) => ({ ...claims, nonce: 'other' }) }, /nonce/],
    [
      'another person at userinfo',
      { tamper: (claims, where) => (where === 'userinfo' ? { ...claims, sub: 'x' } : claims) },
      /sub/,
    ],
    ['a signature by an unknown key', { forgeSignature: true }, /signature/],
  ]
  for (const [harm, fault, reason] of faults) {
    test(`an idp can be told to answer with ${harm}, and openid-client refuses it`, async () => {
      idp.signInAs = 'ada'
      idp.fault = fault
      await openBrowser().open(first.url)
      assert.match(errorOf(first), reason)
    })
  }

  test('an idp can be told to hang', async () => {
    idp.fault = { jwks: 'hang' }
    await assert.rejects(fetch(`${idp.issuer}/jwks`, { signal: AbortSignal.timeout(200) }), { name: 'TimeoutError' })
  })
})

describe("the tests' browser", () => {
  let server: { port: number; stop(): Promise<void> }
  let received: { method: string; headers: IncomingHttpHeaders; body: string }
  const answer: RequestListener = (req, res) => {
    let body = ''
    req.on('data', (chunk) => {
      body += chunk
    })
    req.on('end', () => {
      if (req.url !== '/page') received = { method: req.method ?? '', headers: req.headers, body }
      if (req.url === '/page') res.end(formPage)
      else if (req.url === '/again') res.writeHead(307, { Location: '/save' }).end()
      else if (req.url === '/save') res.writeHead(303, { Location: '/saved', 'Set-Cookie': 'seen=1' }).end()
      else res.end('<meta http-equiv="refresh" content="0; url=/page"><a href="/page">Go on &amp; see</a>')
    })
  }
  const formPage = `<!doctype html><title>A form</title><!-- <button>Not this</button> --><form method="post" action="/again">
    <input type="hidden" name="_csrf" value="a&amp;b&#39;c"><input name="username" value="old" data-x="a > b">
    <input type="checkbox" name="consent" value="recover:email" checked><input type=checkbox name=consent value="recover:phone">
    <input type="checkbox" name="consent" value="news:email"><textarea name="note">\nOne\nTwo</textarea>
    <select name="store"><option>PRIMARY</option><option value="STAFF" selected>Staff</option></select>
    <input name="off" value="1" disabled><button name="do" value="decline">No</button></form>
    <button form="none">Lost</button><form method="post" action="/again" id="create"></form>`

  before(async () => {
    server = await listen(answer, 0)
  })
  after(() => server.stop())

  test('sends a form as it is rendered and changed, with the headers of a page of the same origin', async () => {
    const origin = `http://localhost:${server.port}`
    const browser = openBrowser({ followRefresh: false })
    const page = await browser.open(`${origin}/page`)
    const { fields } = page.fill({ username: 'Zoë' }).tick('recover:phone').untick('recover:email').submission('No')
    assert.deepEqual(
      [...fields],
      [
        ['_csrf', "a&b'c"],
        ['username', 'Zoë'],
        ['consent', 'recover:phone'],
        ['note', 'One\nTwo'],
        ['store', 'STAFF'],
        ['do', 'decline'],
      ],
    )
    assert.throws(() => page.fill({ _csrf: 'forged' }), /no field/)
    assert.throws(() => page.submission('Lost'), /no button/)

    const saved = page.press('decline')
    assert.equal((await saved).url, `${origin}/saved`)
    assert.deepEqual((await saved).history, [`${origin}/again`, `${origin}/save`, `${origin}/saved`])
    assert.equal(received.method, 'GET')
    assert.equal(received.headers.cookie, 'seen=1')
    assert.equal((await (await saved).click('Go on & see')).title, 'A form')
  })

  test('says where a form comes from, and goes on by itself where a page says so', async () => {
    const origin = `http://localhost:${server.port}`
    const browser = openBrowser()
    const seen: IncomingHttpHeaders[] = []
    const recording = openBrowser({
      fetch: (url, init = {}) => {
        seen.push({ ...init.headers })
        return browser.fetch(url, init)
      },
    })
    const end = await (await recording.open(`${origin}/page`)).press('No')
    assert.equal(end.url, `${origin}/page`)
    assert.deepEqual(
      seen.map((headers) => [headers['Sec-Fetch-Site'], headers.Origin]),
      [
        ['none', undefined],
        ['same-origin', origin],
        ['same-origin', origin],
        ['same-origin', undefined],
        ['same-origin', undefined],
      ],
    )
  })

  test('reads a page that is broken without failing', () => {
    for (const broken of [
      '<form><input name="a',
      '<a href=x',
      '</form></a>',
      '<script>',
      '<title>',
      '&#99999999999;',
      '<',
    ]) {
      assert.doesNotThrow(() => readPage(broken), broken)
    }
  })

  const http = new URL('http://localhost:3000/accounts/page')
  const https = new URL('https://localhost:3000/accounts/page')
  const elsewhere = new URL('http://127.0.0.1:3000/')
  const inOneYear = new Date(Date.now() + 365 * 24 * 60 * 60 * 1000).toUTCString()
  const cookies: [string, string, URL, { to: string; from?: URL; method?: string }, boolean][] = [
    ['goes to every port of its host', 'a=1; Path=/', http, { to: 'http://localhost:4000/' }, true],
    ['stays with its host', 'a=1; Path=/', http, { to: 'http://127.0.0.1:3000/' }, false],
    ['without a path stays in its folder', 'a=1', http, { to: 'http://localhost/other' }, false],
    ['with a path goes below it', 'a=1; path=/accounts', http, { to: 'http://localhost/accounts/x' }, true],
    ['with a path does not go beside it', 'a=1; path=/acc', http, { to: 'http://localhost/accounts' }, false],
    ['that is secure is not taken over http', 'a=1; Secure; Path=/', http, { to: 'https://localhost/' }, false],
    ['that is secure does not go over http', 'a=1; Secure; Path=/', https, { to: 'http://localhost/' }, false],
    ['that is secure goes over https', 'a=1; Secure; Path=/', https, { to: 'https://localhost/' }, true],
    ['named __Host- must be secure', '__Host-a=1; Path=/', https, { to: 'https://localhost/' }, false],
    [
      'named __Host- must be for the whole host',
      '__Host-a=1; Secure; Path=/x',
      https,
      { to: 'https://localhost/x' },
      false,
    ],
    ['named __Host- goes over https', '__Host-a=1; Secure; Path=/', https, { to: 'https://localhost/' }, true],
    ['with no time left is deleted', 'a=1; Path=/; Max-Age=0', http, { to: 'http://localhost/' }, false],
    [
      'whose day has come is deleted',
      'a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
      http,
      { to: 'http://localhost/' },
      false,
    ],
    ['with time left is kept', `a=1; Path=/; Expires=${inOneYear}`, http, { to: 'http://localhost/' }, true],
    ['for another domain is not taken', 'a=1; Path=/; Domain=example.com', http, { to: 'http://localhost/' }, false],
    [
      'that is strict does not come with a link of another site',
      'a=1; Path=/; SameSite=Strict',
      http,
      { to: 'http://localhost/', from: elsewhere },
      false,
    ],
    [
      'that is lax comes with a link of another site',
      'a=1; Path=/; SameSite=Lax',
      http,
      { to: 'http://localhost/', from: elsewhere },
      true,
    ],
    [
      'that is lax does not come with a form of another site',
      'a=1; Path=/',
      http,
      { to: 'http://localhost/', from: elsewhere, method: 'POST' },
      false,
    ],
  ]
  for (const [rule, line, setBy, { to, from, method = 'GET' }, sent] of cookies) {
    test(`a cookie ${rule}`, () => {
      const jar = cookieJar()
      jar.keep(new URL('http://localhost/'), ['a=0; Path=/; Max-Age=0'])
      jar.keep(setBy, [line])
      assert.equal(jar.header(new URL(to), { method, ...(from ? { from } : {}) }) !== '', sent)
    })
  }
})

describe("the tests' TLS proxy and Chromium", () => {
  let server: { port: number; stop(): Promise<void> }
  let proxy: Awaited<ReturnType<typeof startTlsProxy>>
  let received: IncomingHttpHeaders = {}

  before(async () => {
    server = await listen((req, res) => {
      if (req.url !== '/') return res.writeHead(404).end()
      received = req.headers
      res.setHeader('Content-Security-Policy', "default-src 'none'; script-src 'nonce-good'")
      res.end(
        `<!doctype html><title>Before</title><script nonce="good">document.title = 'After'</script><p style="color:red">Hi</p>`,
      )
    }, 0)
    proxy = await startTlsProxy(new URL(`http://127.0.0.1:${server.port}`))
  })
  after(async () => {
    await Promise.all([server.stop(), proxy.stop()])
  })

  test('the proxy keeps the host, says https, and drops what the visitor claimed', async () => {
    const browser = openBrowser({
      fetch: fetchTrusting(proxy.ca),
      headers: { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Host': 'evil.example' },
    })
    assert.equal((await browser.open(proxy.url)).title, 'Before')
    assert.equal(received.host, new URL(proxy.url).host)
    assert.equal(received['x-forwarded-proto'], 'https')
    assert.equal(received['x-forwarded-for'], '127.0.0.1')
    assert.equal(received['x-forwarded-host'], undefined)
  })

  test('nobody trusts its certificate unasked', async () => {
    await assert.rejects(fetch(proxy.url))
  })

  for (const javaScript of [true, false]) {
    test(`Chromium opens a page of the proxy with JavaScript ${javaScript ? 'on' : 'off'} and notes what the policy forbade`, async () => {
      const chromium = await openChromium({ javaScript, ignoreTls: true })
      try {
        await chromium.page.goto(proxy.url)
        assert.equal(await chromium.page.title(), javaScript ? 'After' : 'Before')
        assert.equal(chromium.cspViolations.length, 1)
        assert.match(chromium.cspViolations[0] ?? '', /style/)
      } finally {
        await chromium.close()
      }
    })
  }
})

function errorOf(application: Application): string {
  const last = application.results.at(-1)
  return last?.kind === 'error' ? `${last.error} ${last.description}` : 'none: the sign-in went through'
}

/** A port that was free a moment ago, for parties that must know each other's address before they start. */
async function freePort(): Promise<number> {
  const { port, stop } = await listen(() => {}, 0)
  await stop()
  return port
}
