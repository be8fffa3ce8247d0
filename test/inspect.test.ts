// What an operator learns of an idp before anybody signs in: what it says of itself, what it cannot do, and whether it knows us.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { RequestHandler } from 'express'
import fc from 'fast-check'
import { judgeClient, judgeClock, judgeKeys } from '../src/login/connection.ts'
import { type Check, checklistOf, type Description, pastedAddress, readDescription } from '../src/login/description.ts'
import { createInspector, type Inspector, type Tested } from '../src/login/inspect.ts'
import { createKeyring } from '../src/seal.ts'
import { freePort } from './support/free-port.ts'
import { type Claims, type Idp, startIdp } from './support/idp.ts'
import { SECRET_KEY } from './support/product.ts'

const ISSUER = 'https://id.acme.example'
const ADDRESS = `${ISSUER}/.well-known/openid-configuration`
const WANTED = { scopes: ['openid', 'email'], claims: ['preferred_username', 'email'], hasSecret: true }

/** An idp that can do everything. */
const GOOD: Description = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
  userinfo_endpoint: `${ISSUER}/userinfo`,
  jwks_uri: `${ISSUER}/keys`,
  end_session_endpoint: `${ISSUER}/bye`,
  response_types_supported: ['code', 'code id_token'],
  id_token_signing_alg_values_supported: ['RS256'],
  code_challenge_methods_supported: ['plain', 'S256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  authorization_response_iss_parameter_supported: true,
  scopes_supported: ['openid', 'email', 'profile'],
  claims_supported: ['sub', 'preferred_username', 'email'],
}

describe('what an operator pastes', () => {
  // biome-ignore format: one row, one line
  const table: [string, string | undefined][] = [
    ['https://id.acme.example', ADDRESS],
    ['  https://id.acme.example/\n', ADDRESS],
    ['id.acme.example', ADDRESS],
    [ADDRESS, ADDRESS],
    ['https://id.acme.example/realms/a', 'https://id.acme.example/realms/a/.well-known/openid-configuration'],
    ['https://id.acme.example:8443/realms/a/', 'https://id.acme.example:8443/realms/a/.well-known/openid-configuration'],
    ['https://id.acme.example/.well-known/openid-configuration?p=one', `${ADDRESS}?p=one`],
    ['http://127.0.0.1:9000', 'http://127.0.0.1:9000/.well-known/openid-configuration'],
    ['', undefined], ['acme id', undefined], ['https://user:word@id.acme.example', undefined], ['file:///etc/passwd', undefined],
    ['javascript://id.acme.example', undefined], ['https://', undefined], ['https://id.acme.example\\a', undefined],
    ['https://id.acme.example/#a', undefined],
  ]
  for (const [pasted, address] of table)
    it(`${JSON.stringify(pasted)} is ${address ?? 'no address'}`, () => assert.equal(pastedAddress(pasted), address))
})

describe('the checklist of an idp', () => {
  const all = (description: Description, changes: Partial<Parameters<typeof checklistOf>[1]> = {}) =>
    checklistOf(description, { address: ADDRESS, wanted: WANTED, mayBePrivate: false, ...changes })
  const troubles = (checks: Check[]) => checks.filter(({ verdict }) => verdict !== 'ok')

  it('that can do everything has no trouble in it, and says ten good things', () => {
    const checks = all(GOOD)
    assert.deepEqual(troubles(checks), [])
    assert.equal(checks.length, 10)
  })

  // biome-ignore format: one row, one line
  const table: [what: string, change: Claims, verdict: 'warn' | 'fail', sentence: RegExp][] = [
    ['calls itself by another name', { issuer: `${ISSUER}/other` }, 'fail', /calls itself .*\/other: its description would be at .*other\/\.well-known/],
    ['calls itself by a pattern', { issuer: 'https://id.acme.example/{tenantid}' }, 'fail', /Give the address of that issuer/],
    ['calls itself by an address with a question in it', { issuer: `${ISSUER}?a` }, 'fail', /no address without \? and #/],
    ['has a token endpoint without https', { token_endpoint: 'http://id.acme.example/token' }, 'fail', /token endpoint, http:.* is not https/],
    ['has keys without https', { jwks_uri: 'http://id.acme.example/keys' }, 'fail', /address of its keys, .* not https/],
    ['has an endpoint that is no web address', { userinfo_endpoint: 'file:///etc/passwd' }, 'fail', /userinfo endpoint, .* no web address/],
    ['has keys in a private network', { jwks_uri: 'https://169.254.169.254/keys' }, 'fail', /address of its keys.*ALLOW_PRIVATE_IDP=1/],
    ['has a token endpoint on this machine', { token_endpoint: 'https://localhost/token' }, 'fail', /token endpoint.*ALLOW_PRIVATE_IDP=1/],
    ['names no keys', { jwks_uri: undefined }, 'fail', /names no address of its keys/],
    ['names no token endpoint', { token_endpoint: 7 }, 'fail', /names no token endpoint/],
    ['names no authorization endpoint', { authorization_endpoint: undefined }, 'fail', /names no authorization endpoint/],
    ['has no userinfo', { userinfo_endpoint: undefined }, 'warn', /no userinfo endpoint/],
    ['signs by the secret alone', { id_token_signing_alg_values_supported: ['HS256', 'none'] }, 'fail', /HS256, none, which is not accepted/],
    ['signs by neither RS256 nor ES256', { id_token_signing_alg_values_supported: ['PS256'] }, 'warn', /by PS256, and neither/],
    ['does not say how it signs', { id_token_signing_alg_values_supported: undefined }, 'warn', /only RS256/],
    ['gives no codes', { response_types_supported: ['id_token', 'token'] }, 'fail', /gives no codes/],
    ['does not say that it gives codes', { response_types_supported: undefined }, 'warn', /does not say that it gives codes/],
    ['knows no PKCE', { code_challenge_methods_supported: undefined }, 'warn', /PKCE by S256/],
    ['knows plain PKCE alone', { code_challenge_methods_supported: ['plain'] }, 'warn', /PKCE by S256/],
    ['does not name itself in answers', { authorization_response_iss_parameter_supported: 'true' }, 'warn', /RFC 9207/],
    ['takes the secret in a header alone', { token_endpoint_auth_methods_supported: ['client_secret_basic'] }, 'fail', /client_secret_post\), but client_secret_basic/],
    ['does not say how it takes the secret', { token_endpoint_auth_methods_supported: undefined }, 'warn', /Test connection/],
    ['lacks a scope', { scopes_supported: ['openid'] }, 'warn', /these scopes, which are asked for: email\./],
    ['lacks claims', { claims_supported: ['sub', 'email'] }, 'warn', /these claims, which are asked for: preferred_username\./],
    ['says nothing of its scopes', { scopes_supported: 'openid' }, 'warn', /which scopes it knows/],
    ['says nothing of its claims', { claims_supported: undefined }, 'warn', /which claims it knows/],
  ]
  for (const [what, change, verdict, sentence] of table) {
    it(`that ${what} says so, and finds nothing else wrong`, () => {
      const found = troubles(all({ ...GOOD, ...change }))
      assert.deepEqual([found.length, found[0]?.verdict], [1, verdict], JSON.stringify(found))
      assert.match(found[0]?.sentence ?? '', sentence)
    })
  }

  it('without https fails, and is a warning where that is allowed', () => {
    const plain: Description = JSON.parse(JSON.stringify(GOOD).replaceAll('https:', 'http:'))
    const address = ADDRESS.replace('https:', 'http:')
    const verdicts = (mayBePrivate: boolean) =>
      new Set(troubles(all(plain, { address, mayBePrivate })).map(({ verdict }) => verdict))
    assert.deepEqual(verdicts(false), new Set(['fail']))
    assert.deepEqual(verdicts(true), new Set(['warn']))
  })

  it('of a client without a secret looks for one that needs none', () => {
    const wanted = { ...WANTED, hasSecret: false }
    const methods = { token_endpoint_auth_methods_supported: ['none'] }
    assert.deepEqual(troubles(all({ ...GOOD, ...methods }, { wanted })), [])
    assert.match(troubles(all(GOOD, { wanted }))[0]?.sentence ?? '', /clients without a secret/)
  })

  it('is sentences in one line, whatever an idp says', () => {
    const members = fc.constantFrom(...Object.keys(GOOD))
    const nasty = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('a\n\u202eb\u2028'.repeat(200)), fc.webUrl())
    const value = fc.oneof(nasty, fc.array(nasty), fc.jsonValue(), fc.constant(undefined))
    fc.assert(
      fc.property(fc.array(fc.tuple(members, value)), fc.boolean(), (changes, mayBePrivate) => {
        const description = readDescription(JSON.stringify({ ...GOOD, ...Object.fromEntries(changes) }))
        if (!description) return
        for (const { verdict, sentence } of all(description, { mayBePrivate })) {
          assert.ok(['ok', 'warn', 'fail'].includes(verdict))
          assert.match(sentence, /^[^\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]{10,900}[.]$/u)
        }
      }),
    )
  })
})

describe('the answers of an idp', () => {
  const now = new Date('2027-03-04T14:00:00Z')
  const clock = (date: string, age?: string) =>
    judgeClock(new Headers({ ...(date ? { date } : {}), ...(age === undefined ? {} : { age }) }), now)

  // biome-ignore format: one row, one line
  const clocks: [string, string, string | undefined, Check['verdict'], RegExp][] = [
    ['the same', 'Thu, 04 Mar 2027 14:00:01 GMT', undefined, 'ok', /agree/],
    ['a little ahead', 'Thu, 04 Mar 2027 14:00:40 GMT', undefined, 'ok', /40 seconds ahead of ours, which makes no difference/],
    ['far ahead', 'Thu, 04 Mar 2027 14:01:01 GMT', undefined, 'fail', /61 seconds ahead of ours: beyond 60/],
    ['far behind', 'Thu, 04 Mar 2027 13:50:00 GMT', undefined, 'fail', /600 seconds behind ours/],
    ['of an answer that a cache kept', 'Thu, 04 Mar 2027 13:50:00 GMT', '600', 'ok', /agree/],
    ['not said', '', undefined, 'warn', /does not say what time/],
    ['no time', 'soon', 'x', 'warn', /does not say what time/],
  ]
  for (const [what, date, age, verdict, sentence] of clocks)
    it(`about time: ${what}`, () => {
      const check = clock(date, age)
      assert.equal(check.verdict, verdict)
      assert.match(check.sentence, sentence)
    })

  it('about keys count those that an ID token can be verified by', () => {
    const keys = [{ kty: 'RSA' }, { kty: 'EC', use: 'sig' }, { kty: 'RSA', use: 'enc' }, { kty: 'oct' }, null, 7]
    assert.match(judgeKeys(JSON.stringify({ keys })).sentence, /2 keys/)
    assert.match(judgeKeys(JSON.stringify({ keys: keys.slice(0, 1) })).sentence, /one key/)
    for (const text of ['{"keys":[]}', '{"keys":[{"kty":"oct"}]}', '{}', '[]', 'null', 'x', '{"keys":{}}'])
      assert.equal(judgeKeys(text).verdict, 'fail', text)
  })

  // biome-ignore format: one row, one line
  const clients: [number, unknown, Check['verdict'], RegExp][] = [
    [400, { error: 'invalid_grant' }, 'ok', /knows the client ID and the secret/],
    [401, { error: 'invalid_grant' }, 'ok', /knows/],
    [401, { error: 'invalid_client', error_description: 'no such client' }, 'fail', /does not accept the client ID and the secret \("invalid_client": no such client\)/],
    [400, { error: 'invalid_client' }, 'fail', /does not accept/],
    [401, 'Unauthorized', 'fail', /does not accept the client ID and the secret \(status 401\)/],
    [400, { error: 'unauthorized_client' }, 'warn', /answers "unauthorized_client"/],
    [400, { error: 'redirect_uri_mismatch', error_description: 'Bad Request' }, 'warn', /"redirect_uri_mismatch": Bad Request/],
    [500, 'oops', 'fail', /answers status 500/],
    [302, '', 'fail', /answers status 302/],
    [200, { access_token: 'x' }, 'fail', /gave tokens for a code that was made up/],
    [200, '<html>', 'fail', /answers status 200/],
  ]
  for (const [status, body, verdict, sentence] of clients)
    it(`about us: ${status} ${JSON.stringify(body)}`, () => {
      const check = judgeClient(status, typeof body === 'string' ? body : JSON.stringify(body), true)
      assert.equal(check.verdict, verdict)
      assert.match(check.sentence, sentence)
    })
})

describe('a real idp', () => {
  const keyring = createKeyring(SECRET_KEY)
  let idp: Idp
  let inspector: Inspector
  let acme: Tested

  const inspectorWith = (allowPrivateIdp: boolean) =>
    createInspector({
      publicUrl: new URL('https://signin.northwind.example'),
      keyring,
      now: () => new Date(),
      allowPrivateIdp,
    })

  before(async () => {
    idp = await startIdp()
    inspector = inspectorWith(true)
    const redirectUri = 'https://signin.northwind.example/commonauth/acme'
    idp.client({ clientId: 'northwind', clientSecret: 'a secret between us', redirectUri })
    acme = {
      name: 'acme',
      issuer: idp.issuer,
      clientId: 'northwind',
      clientSecretSealed: keyring.seal('idp acme', 'a secret between us'),
    }
  })
  afterEach(() => {
    idp.fault = {}
    idp.requests.length = 0
  })
  after(() => idp.stop())

  const answer =
    (status: number, body: string, headers: Record<string, string> = {}): RequestHandler =>
    (_req, res) =>
      void res.status(status).set(headers).send(body)

  describe('whose settings are fetched', () => {
    it('fills in what it says of itself, by one question', async () => {
      const fetched = await inspector.fetchSettings(`${idp.issuer}/`, WANTED)
      assert.ok(fetched.kind === 'settings', JSON.stringify(fetched))
      assert.equal(fetched.issuer, idp.issuer)
      assert.equal(fetched.address, `${idp.issuer}/.well-known/openid-configuration`)
      assert.equal(fetched.endpoints.token, `${idp.issuer}/token`)
      assert.equal(fetched.endpoints.keys, `${idp.issuer}/jwks`)
      assert.equal(fetched.endpoints.userinfo, `${idp.issuer}/me`)
      assert.ok(fetched.scopes.includes('openid') && fetched.claims.includes('preferred_username'))
      assert.deepEqual(
        fetched.checklist.filter(({ verdict }) => verdict === 'fail'),
        [],
      )
      assert.equal(idp.requests.length, 1)
      const again = await inspector.fetchSettings(fetched.address, WANTED)
      assert.deepEqual(again, fetched)
    })

    it('that calls itself by another name is shown with that fault, not hidden', async () => {
      idp.fault = { tamper: (claims) => ({ ...claims, issuer: 'https://other.example' }) }
      const fetched = await inspector.fetchSettings(idp.issuer, WANTED)
      assert.ok(fetched.kind === 'settings')
      assert.equal(fetched.issuer, 'https://other.example')
      assert.match(
        fetched.checklist[0]?.sentence ?? '',
        /^It calls itself https:\/\/other\.example: its description would/,
      )
      assert.equal(fetched.checklist[0]?.verdict, 'fail')
    })

    // biome-ignore format: one row, one line
    const faults: [string, Idp['fault'], RegExp][] = [
      ['sends something else', { discovery: 'garbage' }, /is not the description of an OpenID Provider/],
      ['sends a list', { discovery: answer(200, '[]') }, /is not the description/],
      ['names no issuer', { tamper: ({ issuer: _, ...claims }) => claims }, /is not the description/],
      ['fails', { discovery: '500' }, /Asked for its description, it answers 500/],
      ['knows of no description', { discovery: answer(404, 'not here') }, /it answers 404/],
      ['leads elsewhere', { discovery: answer(302, '', { Location: 'http://169.254.169.254/latest' }) }, /leads on to http:\/\/169.254.169.254\/latest\. Nobody follows/],
      ['talks without end', { discovery: answer(200, 'x'.repeat(1_100_000)) }, /more than a megabyte/],
      ['hangs up', { discovery: (req) => void req.socket.destroy() }, /cannot be asked \(UND_ERR_SOCKET\)/],
      ['never answers', { discovery: 'hang' }, /does not answer in time/],
    ]
    for (const [what, fault, sentence] of faults) {
      it(`and that ${what} is a sentence`, async () => {
        idp.fault = fault
        const fetched = await inspector.fetchSettings(idp.issuer, WANTED)
        assert.ok(fetched.kind === 'failed', JSON.stringify(fetched))
        assert.match(fetched.sentence, sentence)
      })
    }

    it('and is not there, or in a private network, is a sentence', async () => {
      const nowhere = await inspector.fetchSettings(`http://127.0.0.1:${await freePort()}`, WANTED)
      assert.match(
        nowhere.kind === 'failed' ? nowhere.sentence : '',
        /^Nobody listens at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/,
      )
      const hidden = await inspectorWith(false).fetchSettings(idp.issuer, WANTED)
      assert.match(hidden.kind === 'failed' ? hidden.sentence : '', /private network\. ALLOW_PRIVATE_IDP=1 allows that/)
      const none = await inspector.fetchSettings('the idp of acme', WANTED)
      assert.deepEqual(none, { kind: 'failed', sentence: 'This is no address of an identity provider.' })
      assert.deepEqual(idp.requests, [])
    })
  })

  describe('whose connection is tested', () => {
    const test = async (change: Partial<Tested> = {}) => {
      const steps = await inspector.testConnection({ ...acme, ...change })
      return { steps, told: steps.map(({ name, verdict }) => `${name} ${verdict}`), last: steps.at(-1)?.sentence ?? '' }
    }
    const ALL_WELL = ['description ok', 'clock ok', 'keys ok', 'client ok']

    it('knows us: four steps, each with its time', async () => {
      const { steps, told, last } = await test()
      assert.deepEqual(told, ALL_WELL)
      assert.match(last, /knows the client ID and the secret: it refused the code alone/)
      for (const { ms } of steps) assert.ok(Number.isInteger(ms) && ms >= 0 && ms < 8_000)
      assert.deepEqual(
        idp.requests.map(({ method, path }) => `${method} ${path}`),
        ['GET /.well-known/openid-configuration', 'GET /jwks', 'POST /token'],
      )
    })

    it('is asked for tokens as at a sign-in, by a code that is another one each time', async () => {
      await test()
      await test()
      const forms = idp.requests.filter(({ path }) => path === '/token').map(({ form }) => form)
      const names = ['client_id', 'client_secret', 'code', 'code_verifier', 'grant_type', 'redirect_uri']
      assert.deepEqual(Object.keys(forms[0] ?? {}).sort(), names)
      assert.equal(forms[0]?.['redirect_uri'], 'https://signin.northwind.example/commonauth/acme')
      assert.notEqual(forms[0]?.['code'], forms[1]?.['code'])
    })

    it('does not accept a wrong secret, nor a client that it does not know', async () => {
      const wrong = await test({ clientSecretSealed: keyring.seal('idp acme', 'another secret') })
      assert.deepEqual(wrong.told, [...ALL_WELL.slice(0, 3), 'client fail'])
      assert.match(wrong.last, /does not accept the client ID and the secret \("invalid_client"/)
      assert.match((await test({ clientId: 'southwind' })).last, /does not accept/)
      assert.match((await test({ clientSecretSealed: null })).last, /does not accept the client ID \(/)
    })

    it('with a secret that no key opens is not asked for tokens', async () => {
      const other = createKeyring('another secret key that is long enough')
      const { last } = await test({ clientSecretSealed: other.seal('idp acme', 'a secret between us') })
      assert.match(last, /sealed under another SECRET_KEY/)
      assert.ok(!idp.requests.some(({ path }) => path === '/token'))
    })

    // biome-ignore format: one row, one line
    const faults: [string, Idp['fault'], told: string[], sentence: RegExp][] = [
      ['calls itself by another name', { tamper: (claims) => ({ ...claims, issuer: `${claims['issuer']}/` }) }, ['description fail'], /calls itself http.*\/, and here it is called http/],
      ['has no description', { discovery: answer(404, '') }, ['description fail'], /answers 404/],
      ['has a clock of its own', { discovery: (_req, res, next) => { res.set('Date', 'Thu, 01 Jan 2026 00:00:00 GMT'); next() } }, ['description ok', 'clock fail', 'keys ok', 'client ok'], /knows/],
      ['has no keys', { jwks: answer(200, '{"keys":[]}') }, ['description ok', 'clock ok', 'keys fail', 'client ok'], /knows/],
      ['leads on to its keys', { jwks: answer(301, '', { Location: '/other' }) }, ['description ok', 'clock ok', 'keys fail', 'client ok'], /knows/],
      ['fails at tokens', { token: answer(503, 'busy') }, [...ALL_WELL.slice(0, 3), 'client fail'], /Asked for tokens, it answers status 503/],
      ['answers otherwise', { token: answer(400, '{"error":"unauthorized_client"}') }, [...ALL_WELL.slice(0, 3), 'client warn'], /answers "unauthorized_client"/],
      ['gives tokens to anybody', { token: answer(200, '{"access_token":"x"}') }, [...ALL_WELL.slice(0, 3), 'client fail'], /made up/],
      ['has a token endpoint of another kind', { tamper: (claims) => ({ ...claims, token_endpoint: 'data:application/json,{"error":"invalid_grant"}' }) }, [...ALL_WELL.slice(0, 3), 'client fail'], /not https/],
      ['has no token endpoint', { tamper: ({ token_endpoint: _, ...claims }) => claims }, [...ALL_WELL.slice(0, 3), 'client fail'], /names no address of its token endpoint/],
    ]
    for (const [what, fault, told, sentence] of faults) {
      it(`and that ${what} is told`, async () => {
        idp.fault = fault
        const result = await test()
        assert.deepEqual(result.told, told, JSON.stringify(result.steps))
        assert.match(result.last, sentence)
      })
    }

    it('and hangs at every step is given up after eight seconds in all', async () => {
      idp.fault = { jwks: 'hang', token: 'hang' }
      const begun = performance.now()
      const { told, last } = await test()
      assert.deepEqual(told, ['description ok', 'clock ok', 'keys fail', 'client fail'])
      assert.match(last, /does not answer in time/)
      const took = performance.now() - begun
      assert.ok(took > 7_000 && took < 10_000, `it took ${took} ms`)
    })

    it('in a private network is not asked', async () => {
      const [step, ...more] = await inspectorWith(false).testConnection(acme)
      assert.match(step?.sentence ?? '', /ALLOW_PRIVATE_IDP=1/)
      assert.deepEqual([step?.verdict, more], ['fail', []])
      assert.deepEqual(idp.requests, [])
    })
  })
})
