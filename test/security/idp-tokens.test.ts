// What an idp signs: who may sign, with what, when, what else it signs, and how oddly it may write it down.
import assert from 'node:assert/strict'
import { createHmac, createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { listen } from '../../src/demo/listen.ts'
import { newSigningKey } from '../../src/demo/provider.ts'
import { openBrowser } from '../support/browser.ts'
import { type Claims, type Fault, type Token, writeToken } from '../support/idp.ts'
import {
  assertRefused,
  during,
  forgetDescription,
  inToken,
  omit,
  serverErrors,
  toldAfter,
} from '../support/misbehaviour.ts'
import { type Product, startProduct } from '../support/product.ts'
import { callbackOf, signedInAt, stranger } from '../support/road.ts'
import { countPeople, knownPerson, newcomer } from '../support/visits.ts'

const now = () => Math.floor(Date.now() / 1000)

const base64url = (value: unknown) =>
  (Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))).toString(
    'base64url',
  )

/** The token signed rightly, under another header. */
function underHeader(change: (header: Claims) => Claims): Fault {
  return { forge: ({ header, ...rest }) => writeToken({ ...rest, header: change(header) }) }
}

/** The token signed rightly over these bytes instead of its claims. */
function writtenAs(write: (claims: Claims, json: string) => string | Buffer): Fault {
  return {
    forge: (token) => writeToken({ ...token, claims: Buffer.from(write(token.claims, JSON.stringify(token.claims))) }),
  }
}

/** `json` with more members, as they stand. */
const withMembers = (json: string, members: string) => `{${members},${json.slice(1)}`

/** Deep enough to break whatever goes down step by step. */
const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

describe('what an idp signs', () => {
  let product: Product
  let evil: { port: number; stop(): Promise<void> }
  const askedOfEvil: string[] = []
  const evilKey = newSigningKey()
  before(async () => {
    product = await startProduct({ modes: ['none', 'silent', 'consent'] })
    // Publishes the key of whoever forges tokens, for whoever asks.
    evil = await listen((req, res) => {
      askedOfEvil.push(req.url ?? '')
      res.setHeader('Content-Type', 'application/json')
      res.end(JSON.stringify({ keys: [publicJwk(evilKey)] }))
    }, 0)
  })
  after(async () => {
    const broken = serverErrors(product)
    await Promise.all([product.stop(), evil.stop()])
    assert.deepEqual(broken, [], 'an idp must not be able to break the product')
  })

  const publicJwk = (key: object) => {
    const { kty, n, e, kid } = key as Record<string, string>
    return { kty, n, e, kid, alg: 'RS256', use: 'sig' }
  }
  const keyRequests = () => product.idp.requests.filter(({ path }) => path === '/jwks').length

  it('is believed for a signature by its own key, and for nothing that the token brings along', async () => {
    const evilAddress = `http://127.0.0.1:${evil.port}/keys`
    const evilPrivate = createPrivateKey({ key: evilKey, format: 'jwk' })
    const publicPem = () => {
      const [key = {}] = product.idp.keys()
      return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    }
    const unsigned =
      (alg: unknown) =>
      ({ header, claims }: Token) =>
        `${base64url({ ...header, alg })}.${base64url(claims)}.`
    const macBy =
      (secret: () => string | Buffer) =>
      ({ header, claims }: Token) => {
        const signed = `${base64url({ ...header, alg: 'HS256' })}.${base64url(claims)}`
        return `${signed}.${createHmac('sha256', secret()).update(signed).digest('base64url')}`
      }
    const byEvil = (extra: Claims) => (token: Token) =>
      writeToken({ ...token, header: { ...token.header, ...extra }, key: evilPrivate })
    const raw = ({ header, claims, key }: Token, extra: Claims) => {
      const protectedHeader = base64url({ ...header, b64: false, ...extra })
      const payload = JSON.stringify(claims)
      return `${protectedHeader}.${base64url(payload)}.${sign('sha256', Buffer.from(`${protectedHeader}.${payload}`), key).toString('base64url')}`
    }
    const forgeries: Record<string, (token: Token) => string> = {
      'no signature, and it says so': unsigned('none'),
      'no signature, and it says so in capitals': unsigned('NONE'),
      'no signature, under the right algorithm': unsigned('RS256'),
      'no signature, under no algorithm': unsigned(undefined),
      'no signature, under a number': unsigned(1),
      'the right signature under none': (token) => writeToken({ ...token, header: { ...token.header, alg: 'none' } }),
      'the right signature under another algorithm': (token) =>
        writeToken({ ...token, header: { ...token.header, alg: 'PS256' } }),
      'a code by the secret between us': macBy(() => 'a secret between us and silent'),
      'a code by the public key as text': macBy(publicPem),
      'a code by the public key as a set has it': macBy(() => JSON.stringify(product.idp.keys()[0])),
      'a code by nothing': macBy(() => ''),
      "a stranger's signature": byEvil({}),
      "a stranger's signature, and the key with it": byEvil({ jwk: publicJwk(evilKey) }),
      "a stranger's signature, and the key with it under its own name": byEvil({
        jwk: publicJwk(evilKey),
        kid: evilKey.kid,
      }),
      "a stranger's signature, and where its keys are": byEvil({ jku: evilAddress, kid: evilKey.kid }),
      "a stranger's signature, and where its certificate is": byEvil({ x5u: evilAddress }),
      "a stranger's signature, and its certificate": byEvil({
        x5c: [createPublicKey(evilPrivate).export({ type: 'spki', format: 'der' }).toString('base64')],
      }),
      "a stranger's signature, under the path to an empty key": byEvil({ kid: '../../../dev/null' }),
      "a stranger's signature, under a key id that is an object": byEvil({ kid: { $ne: '' } }),
      'a header that must be understood and is not': (token) =>
        writeToken({ ...token, header: { ...token.header, crit: ['exp'], exp: now() + 60 } }),
      'nothing that must be understood': (token) => writeToken({ ...token, header: { ...token.header, crit: [] } }),
      'claims signed as they stand, and that must be understood': (token) => raw(token, { crit: ['b64'] }),
      'claims signed as they stand': (token) => raw(token, {}),
      'claims that only look as if signed as they stand': (token) =>
        writeToken({ ...token, header: { ...token.header, b64: false } }),
      'two parts': (token) => writeToken(token).split('.').slice(0, 2).join('.'),
      'five parts': (token) => `${writeToken(token)}.a.b`,
      'a header that is a list': ({ claims, key }) => writeToken({ header: [] as never, claims, key }),
      'a header that is nothing': (token) => `.${writeToken(token).split('.').slice(1).join('.')}`,
      'no text at all': () => '',
      'what is not base64': () => '%.%.%',
    }
    // The idp even says that it signs by all of them.
    forgetDescription(product)
    const supported = ['none', 'NONE', 'HS256', 'RS256', 'PS256', 1]
    const boast: Fault = {
      tamper: (claims, where) =>
        where === 'discovery' ? { ...claims, id_token_signing_alg_values_supported: supported } : claims,
    }
    await toldAfter(product, boast)
    const faults = Object.entries(forgeries).map(([what, forge]): [string, Fault] => [what, { forge }])
    await assertRefused(product, Object.fromEntries(faults))
    assert.deepEqual(askedOfEvil, [], 'a token made the product ask somebody')
    forgetDescription(product)
    await toldAfter(product, {})
  })

  it('may be half a minute wrong about the time, and not five', async () => {
    const lenient: Record<string, (claims: Claims) => Claims> = {
      'ended half a minute ago': (claims) => ({ ...claims, iat: now() - 300, exp: now() - 30 }),
      'begins in half a minute': (claims) => ({ ...claims, iat: now() + 30 }),
      'is good from half a minute on': (claims) => ({ ...claims, nbf: now() + 30 }),
    }
    for (const change of Object.values(lenient)) await toldAfter(product, inToken(change))
    await assertRefused(product, {
      'ended five minutes ago': inToken((claims) => ({ ...claims, iat: now() - 600, exp: now() - 300 })),
      'ended more than a minute ago': inToken((claims) => ({ ...claims, iat: now() - 600, exp: now() - 61 })),
      'begins in ten minutes': inToken((claims) => ({ ...claims, iat: now() + 600 })),
      'is good from ten minutes on': inToken((claims) => ({ ...claims, nbf: now() + 600 })),
    })
  })

  it('for another use is no ID token', async () => {
    const typed = (typ: unknown) => underHeader((header) => ({ ...header, typ }))
    for (const typ of [undefined, 'JWT', 'jwt', 'application/jwt']) await toldAfter(product, typed(typ))
    await assertRefused(product, {
      'an access token': typed('at+jwt'),
      'an access token, said at length': typed('application/at+jwt'),
      'a logout token by its header': typed('logout+jwt'),
      'a security event': typed('secevent+jwt'),
      'a number': typed(1),
      'a logout token': inToken((claims) => ({
        ...omit(claims, 'nonce', 'at_hash'),
        jti: 'x',
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      })),
      'signed userinfo': inToken(({ iss, aud, sub }) => ({ iss, aud, sub, name: 'Ada' })),
    })
  })

  it('may be written oddly: what cannot be read alike by everybody is refused, and the person can come back', async () => {
    const person = newcomer()
    const complete = { ...person, given_name: 'Ada', family_name: 'Byron', address: { locality: 'London' } }
    const faults: Record<string, Fault> = {
      'no JSON': writtenAs(() => 'sub=ada'),
      'no object': writtenAs(() => '"ada"'),
      'a list': writtenAs((claims) => JSON.stringify([claims])),
      null: writtenAs(() => 'null'),
      'nothing at all': writtenAs(() => ''),
      'a comma too many': writtenAs((_, json) => json.replace(/}$/, ',}')),
      'two objects': writtenAs((_, json) => json + json),
      'not a number': writtenAs((_, json) => withMembers(json, '"name":NaN')),
      'an infinite beginning': writtenAs((claims) =>
        JSON.stringify({ ...claims, iat: 0 }).replace('"iat":0', '"iat":1e400'),
      ),
      // Complete, so that no other answer is asked for.
      'a subject that is not UTF-8': writtenAs((claims) =>
        latin1({ ...complete, ...claims, sub: `${claims['sub']}é` }),
      ),
      'another subject last': writtenAs((_, json) => json.replace(/}$/, ',"sub":"somebody-else"}')),
    }
    await assertRefused(product, faults, () => person)
    const userinfo = await toldAfter(product, {}, person)
    assert.equal(userinfo['name'], person.name)
  })

  it('may be written oddly: what does no harm is overlooked, and the person keeps their account', async () => {
    const person = newcomer()
    await toldAfter(product, {}, person)
    const odd: Record<string, Fault> = {
      'a byte order mark': writtenAs((_, json) => `\ufeff${json}`),
      'the subject twice, the right one last': writtenAs((_, json) => withMembers(json, '"sub":"somebody-else"')),
      'a name with NUL': writtenAs((_, json) => withMembers(json, '"na\\u0000me":"x"')),
      'a name with half a character': writtenAs((_, json) => withMembers(json, '"\\ud800":"x"')),
      'names that objects have': writtenAs((_, json) =>
        withMembers(json, '"__proto__":{"sub":"x","iss":"x"},"constructor":{"prototype":{"sub":"x"}},"toString":1'),
      ),
      'a number without end': writtenAs((_, json) => withMembers(json, '"department":1e400')),
      'a value of ten thousand steps down': writtenAs((_, json) => withMembers(json, `"department":${deep(10_000)}`)),
      'claims without number': writtenAs((_, json) =>
        withMembers(json, Array.from({ length: 10_000 }, (__, index) => `"claim-${index}":${index}`).join()),
      ),
      'a list of a hundred thousand': writtenAs((_, json) =>
        withMembers(json, `"department":${JSON.stringify(Array(100_000).fill(1))}`),
      ),
    }
    const people = await countPeople(product)
    for (const [what, fault] of Object.entries(odd)) {
      const userinfo = await toldAfter(product, fault, person)
      assert.equal(userinfo['preferred_username'], person.preferred_username, what)
      assert.ok(!('x' in userinfo), what)
    }
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(
      attributes.map(({ name }) => name),
      ['email', 'name', 'phone_number'],
      'a department that nobody could keep was kept',
    )
    assert.deepEqual(await countPeople(product), { ...people, attributes: Number(people['attributes']) - 1 })
  })

  it('by a new key is believed at once, also between the way there and the way back, and the old key no more', async () => {
    await toldAfter(product, {})
    const [before, oldKey] = [keyRequests(), product.idp.signingKey()]
    product.idp.rotateKeys()
    await toldAfter(product, {})
    assert.equal(keyRequests(), before + 1)

    const browser = openBrowser()
    const callback = await callbackOf(product, browser, 'silent', stranger(product))
    product.idp.rotateKeys()
    signedInAt(product.application, await browser.open(callback))
    assert.equal(keyRequests(), before + 2)

    // The clock goes on, so that looking for the old key is not refused for having looked so often.
    product.clock.now = new Date(product.clock.now.getTime() + 61_000)
    const key = createPrivateKey({ key: oldKey, format: 'jwk' })
    const byOldKey = (kid: unknown): Fault => ({
      forge: (token) => writeToken({ ...token, header: { ...token.header, kid }, key }),
    })
    const [newKey] = product.idp.keys()
    await assertRefused(product, { 'the old key': byOldKey(oldKey.kid), 'under the new name': byOldKey(newKey?.kid) })
  })

  it('by a new key makes ten people who come at once ask for it once', async () => {
    const browsers = Array.from({ length: 10 }, () => openBrowser())
    const callbacks: URL[] = []
    for (const browser of browsers) callbacks.push(await callbackOf(product, browser, 'silent', stranger(product)))
    product.idp.rotateKeys()
    const before = keyRequests()
    // Some ask while the first is being answered, and some have their tokens only when it has been.
    let exchanges = 0
    const fault: Fault = {
      jwks: (_req, _res, next) => void setTimeout(next, 200),
      token: (_req, _res, next) => {
        exchanges += 1
        setTimeout(next, exchanges > 5 ? 800 : 0)
      },
    }
    const pages = await during(product, fault, () =>
      Promise.all(browsers.map((browser, index) => browser.open(callbacks[index] ?? ''))),
    )
    for (const page of pages) signedInAt(product.application, page)
    assert.equal(keyRequests(), before + 1)
  })

  it('by keys that there never were makes nobody ask for them again and again, and the right key is still known', async () => {
    product.clock.now = new Date(product.clock.now.getTime() + 61_000)
    await toldAfter(product, {})
    const before = keyRequests()
    const madeUp = (): Fault => underHeader((header) => ({ ...header, kid: randomBytes(8).toString('hex') }))
    await assertRefused(
      product,
      Object.fromEntries(Array.from({ length: 12 }, (_, turn) => [`turn ${turn}`, madeUp()])),
    )
    assert.equal(keyRequests(), before + 5)
    await toldAfter(product, {})
    assert.equal(keyRequests(), before + 5)
    // A minute later a new key would be found again.
    product.clock.now = new Date(product.clock.now.getTime() + 61_000)
    product.idp.rotateKeys()
    await toldAfter(product, {})
  })

  it('by a good key among ten thousand that are not is believed; a set that is none does not replace one', async () => {
    const broken: unknown[] = [
      ...[null, 'key', 7, [], {}, { kty: 'oct', k: 'AAAA' }, { kty: 'none' }, { kty: 1, kid: 1 }],
      { kty: 'RSA', kid: 'no numbers' },
      { kty: 'RSA', kid: 'small', n: 'AQAB', e: 'AQAB' },
      { kty: 'RSA', kid: 'huge', n: 'A'.repeat(100_000), e: 'A'.repeat(10_000) },
      { kty: 'EC', crv: 'P-0', x: '', y: '' },
      { kty: 'RSA', key_ops: 7 },
      { kty: 'RSA', key_ops: 'sign', use: {} },
      ...Array.from({ length: 10_000 }, (_, index) => ({ kty: 'OKP', kid: `key-${index}` })),
    ]
    const answer = (body: unknown): Fault => ({ jwks: (_req, res) => void res.json(body) })
    forgetDescription(product)
    await toldAfter(product, answer({ keys: [...broken, ...product.idp.keys()] }))
    // Also where the token does not say which of them it is.
    forgetDescription(product)
    const nameless = underHeader((header) => omit(header, 'kid'))
    await toldAfter(product, {
      ...nameless,
      ...answer({ keys: [...broken.slice(-5), { kty: 'RSA', key_ops: 7 }, ...product.idp.keys()] }),
    })

    for (const body of [{ keys: null }, { keys: {} }, {}, [], 'keys', null, { keys: [] }]) {
      forgetDescription(product)
      await assertRefused(product, { [JSON.stringify(body)]: answer(body) })
    }
    await toldAfter(product, {})
    const madeUp = underHeader((header) => ({ ...header, kid: 'made up' }))
    await assertRefused(product, { 'nothing for an answer': { ...madeUp, ...answer(null) } })
    await toldAfter(product, { jwks: '500' })
  })

  it('by bytes that are not UTF-8 in a name shows a mark in their place', async () => {
    const person = newcomer()
    const userinfo = await toldAfter(
      product,
      writtenAs((claims) => latin1({ ...claims, name: 'José' })),
      person,
    )
    assert.equal(userinfo['name'], 'Jos\ufffd')
  })
})

function latin1(claims: Claims): Buffer {
  return Buffer.from(JSON.stringify(claims), 'latin1')
}
