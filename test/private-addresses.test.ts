// What an idp's address may lead to: the internet, and nothing of our own networks unless that is allowed. Judged at each connection,
// on the address that is connected to, however a name or a number is written, and whoever's name points where.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, isIP, type LookupFunction } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Idp as IdpRow } from '../src/db/idps.ts'
import { listen } from '../src/demo/listen.ts'
import { createGuardedFetch } from '../src/login/guarded-fetch.ts'
import { createOidc, IdpFailure } from '../src/login/oidc.ts'
import { isPrivateHost, isPublicAddress } from '../src/login/private-addresses.ts'
import { createKeyring } from '../src/seal.ts'
import { openBrowser } from './support/browser.ts'
import { type Idp, startIdp } from './support/idp.ts'
import { assertFailurePage } from './support/misbehaviour.ts'
import { ada } from './support/people.ts'
import { type Product, SECRET_KEY, startProduct } from './support/product.ts'

const PRIVATE = 'IDP_PRIVATE_ADDRESS'

/** Answers as the name server of somebody with bad intentions may: these addresses, one list for each question. The last one stays. */
function nameServer(...answers: string[][]): LookupFunction & { asked: string[] } {
  const asked: string[] = []
  const lookup: LookupFunction = (hostname, options, done) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? []
    asked.push(hostname)
    const found = addresses.map((address) => ({ address, family: isIP(address) }))
    if (options.all) done(null, found)
    else done(null, found[0]?.address ?? '', found[0]?.family)
  }
  return Object.assign(lookup, { asked })
}

/** The first code on the way down to the cause; undefined for an answer. */
async function codeOf(work: Promise<unknown>): Promise<unknown> {
  let error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  while (error instanceof Error && !('code' in error)) error = error.cause
  return error instanceof Error && 'code' in error ? error.code : error
}

describe('an address', () => {
  // biome-ignore format: one kind, one line
  const PRIVATES: Record<string, string[]> = {
    'of a private network': ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fd12:3456::1', 'fec0::1'],
    'of this machine': ['127.0.0.1', '127.255.255.254', '::1'],
    'of this link': ['169.254.1.1', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
    'shared by the customers of a carrier': ['100.64.0.1', '100.127.255.255'],
    'of many': ['224.0.0.1', '239.255.255.255', 'ff02::1', '255.255.255.255'],
    'of nobody': ['0.0.0.0', '0.1.2.3', '::'],
    'of a cloud': ['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '192.0.0.192', '168.63.129.16'],
    'of IPv4 inside IPv6': ['::ffff:8.8.8.8', '::ffff:127.0.0.1', '::127.0.0.1', '::ffff:0:8.8.8.8', '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::8.8.8.8', '2002:7f00:1::', '2001::1'],
    'kept for documents, tests and later': ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '240.0.0.1', '2001:db8::1', '3fff::1', '100::1', '4000::1', '5f00::1'],
    'that is none': ['', 'id.acme.example', '999.1.1.1', '1.2.3.4.5', ':::', 'fe80::1%'],
  }
  for (const [kind, addresses] of Object.entries(PRIVATES)) {
    it(`${kind} is not public`, () => {
      assert.deepEqual(addresses.filter(isPublicAddress), [])
    })
  }

  it('of the internet is public', () => {
    const all = ['8.8.8.8', '1.1.1.1', '93.184.215.14', '172.32.0.1', '100.128.0.1', '169.253.255.255', '11.0.0.1']
    all.push('2606:4700:4700::1111', '2a00:1450:4001:80b::200e', '64:ff9b::8.8.8.8')
    assert.deepEqual(all.filter(isPublicAddress), all)
  })

  // Fails when isPrivateHost reads a host in its own way: what new URL makes of it is what is connected to.
  it('is judged alike in every spelling that an address bar understands', () => {
    const part = fc.integer({ min: 0, max: 255 })
    const network = fc.oneof(
      fc.tuple(fc.constant(10), part, part, part),
      fc.tuple(fc.constant(127), part, part, part),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), part, part),
      fc.tuple(fc.constant(192), fc.constant(168), part, part),
      fc.tuple(fc.constant(169), fc.constant(254), part, part),
      fc.tuple(part, part, part, part),
    )
    const number = fc.constantFrom(
      (n: number) => String(n),
      (n: number) => `0x${n.toString(16)}`,
      (n: number) => `0X${n.toString(16).toUpperCase().padStart(4, '0')}`,
      (n: number) => `0${n.toString(8)}`,
      // Full-width digits, which IDNA makes plain ones of (UTS 46).
      (n: number) => String(n).replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))),
      (n: number) => String(n).replace(/\d/g, (digit) => `%3${digit}`),
    )
    const join = fc.constantFrom(4, 3, 2, 1)
    const end = fc.constantFrom('', '.')
    fc.assert(
      fc.property(network, fc.tuple(number, number, number, number), join, end, (bytes, spell, parts, dot) => {
        const plain = bytes.join('.')
        const rest = bytes.slice(parts - 1).reduce((sum, byte) => sum * 256 + byte, 0)
        const numbers = [...bytes.slice(0, parts - 1), rest]
        const written = numbers.map((one, index) => spell[index % 4]?.(one) ?? '').join('.') + dot
        const { hostname } = new URL(`https://${written}/`)
        assert.equal(isPrivateHost(hostname), !isPublicAddress(plain), `${written} is ${plain}`)
        for (const inside of [`[::ffff:${plain}]`, `[::${plain}]`, `[64:ff9b:1::${plain}]`])
          assert.equal(isPrivateHost(new URL(`https://${inside}/`).hostname), true, inside)
      }),
    )
  })

  it('with a zone, and of no form at all, is no address of a web page', () => {
    for (const host of ['[fe80::1%eth0]', '[fe80::1%25eth0]', '[::1', '1.2.3.4.5', '0x1ffffffff'])
      assert.equal(URL.canParse(`https://${host}/`), false, host)
  })

  it('by a name of this machine is private, by other names nobody knows yet', () => {
    for (const name of ['localhost', 'LocalHost', 'localhost.', 'id.localhost']) assert.ok(isPrivateHost(name), name)
    for (const name of ['localhost.example', 'notlocalhost', 'id.acme.example', '127.0.0.1.nip.example'])
      assert.ok(!isPrivateHost(name), name)
  })
})

describe('a fetch from an idp', () => {
  let port = 0
  let connections = 0
  let stop: () => Promise<void>
  const server = createServer((req, res) => {
    if (req.url === '/away') res.writeHead(302, { Location: `http://169.254.169.254/latest/meta-data` })
    if (req.url === '/gzip') res.writeHead(200, { 'Content-Encoding': 'gzip' })
    res.end(req.url === '/gzip' ? gzipSync('here') : 'here')
  })

  before(async () => {
    server.on('connection', () => {
      connections += 1
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
    stop = () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections())
  })
  after(() => stop())

  const options = () => ({ signal: AbortSignal.timeout(5_000) })

  it('opens no connection to an address that is private, in whatever spelling', async () => {
    const fetch = createGuardedFetch({ mayBePrivate: false })
    const before = connections
    const hosts = ['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '0', '[::1]', '[::ffff:127.0.0.1]']
    for (const host of [...hosts, 'localhost', 'LOCALHOST.', 'a.localhost'])
      for (const scheme of ['http', 'https'])
        assert.equal(await codeOf(fetch(`${scheme}://${host}:${port}/`, options())), PRIVATE, `${scheme}://${host}`)
    assert.equal(connections, before)
  })

  it('opens none to a name that leads there, alone or among others', async () => {
    const before = connections
    for (const answer of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['2606:4700::1111', '::1'], ['::ffff:127.0.0.1']]) {
      const lookup = nameServer(answer)
      const fetch = createGuardedFetch({ mayBePrivate: false, lookup })
      assert.equal(await codeOf(fetch(`http://id.acme.example:${port}/`, options())), PRIVATE, answer.join())
      assert.deepEqual(lookup.asked, ['id.acme.example'])
    }
    assert.equal(connections, before)
  })

  // Fails when an address is judged before the connection is made, by a question of its own.
  it('is not led there by a name that was public a moment ago', async () => {
    const before = connections
    const lookup = nameServer(['8.8.8.8'], ['127.0.0.1'])
    const seen = await new Promise<string>((resolve) =>
      lookup('id.acme.example', {}, (_error, address) => resolve(String(address))),
    )
    assert.ok(isPublicAddress(seen), 'whoever looked before saw a public address')
    const fetch = createGuardedFetch({ mayBePrivate: false, lookup })
    assert.equal(await codeOf(fetch(`http://id.acme.example:${port}/`, options())), PRIVATE)
    assert.equal(connections, before)
  })

  it('connects to what the one look found: where private addresses are allowed, it is answered', async () => {
    const before = connections
    const lookup = nameServer(['127.0.0.1'])
    const fetch = createGuardedFetch({ mayBePrivate: true, lookup })
    for (let time = 0; time < 3; time += 1) {
      const answer = await fetch(`http://id.acme.example:${port}/`, options())
      assert.equal(await answer.text(), 'here')
    }
    assert.equal(lookup.asked.length, connections - before)
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`, options())).text(), 'here')
  })

  it('reads an answer that is compressed although nobody asked for that', async () => {
    const fetch = createGuardedFetch({ mayBePrivate: true })
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/gzip`, options())).text(), 'here')
  })

  it('follows no redirect, whatever it is told', async () => {
    const fetch = createGuardedFetch({ mayBePrivate: true })
    for (const redirect of ['follow', 'error', 'manual'] as const) {
      const answer = await fetch(`http://127.0.0.1:${port}/away`, { ...options(), redirect })
      assert.deepEqual([answer.status, await answer.text()], [302, 'here'])
    }
  })
})

describe('a sign-in at an idp', () => {
  let idp: Idp
  let callback: { port: number; stop(): Promise<void> }
  const keyring = createKeyring(SECRET_KEY)

  before(async () => {
    idp = await startIdp()
    callback = await listen((_req, res) => res.end(), 0)
    const redirectUri = `http://127.0.0.1:${callback.port}/commonauth/acme`
    idp.client({ clientId: 'northwind', clientSecret: 'a secret between us', redirectUri })
    idp.person('ada', ada)
    idp.signInAs = 'ada'
  })
  after(() => Promise.all([idp.stop(), callback.stop()]))

  const houseOf = (allowPrivateIdp: boolean) => ({
    publicUrl: new URL(`http://127.0.0.1:${callback.port}`),
    keyring,
    now: () => new Date(),
    allowPrivateIdp,
  })
  const row = (issuer: string): IdpRow => ({
    id: '5f0f6c8e-9f57-4c9b-9a53-0f6f0d7d1a01',
    name: 'acme',
    displayName: 'Acme',
    isEnabled: true,
    issuer,
    clientId: 'northwind',
    clientSecretSealed: keyring.seal('idp acme', 'a secret between us'),
    scopes: ['openid', 'profile'],
    usernameClaim: 'preferred_username',
    mappings: { email: 'email' },
    rolesClaim: null,
    roleMappings: {},
    jitEnabled: true,
    scheme: 'PROVISION_SILENTLY',
    userstore: 'PRIMARY',
    associateLocalUser: false,
    requireSecondFactor: false,
    attributeSyncMethod: 'NONE',
  })
  const checks = { state: 's'.repeat(32), nonce: 'n'.repeat(43), codeVerifier: 'v'.repeat(43) }

  it('in a private network fails with a code of its own, by number and by name', async () => {
    for (const issuer of [idp.issuer, 'http://id.acme.example', 'https://id.acme.example']) {
      const oidc = createOidc(houseOf(false), nameServer(['10.0.0.7']))
      const failure = await oidc.leave(row(issuer), checks, { otherAccount: false }).catch((error: unknown) => error)
      assert.ok(failure instanceof IdpFailure, issuer)
      assert.deepEqual([failure.code, failure.isDenial], [PRIVATE, false], issuer)
    }
    assert.deepEqual(idp.requests, [])
  })

  // Fails when one of the four is asked by anything but the guarded fetch: its name would be looked up by somebody else.
  it('asks for description, keys, tokens and userinfo through the guard, each', async () => {
    const port = new URL(idp.issuer).port
    const at = (address: unknown, host: string) => Object.assign(new URL(String(address)), { hostname: host }).href
    idp.fault = {
      tamper: (claims, where) =>
        where === 'discovery'
          ? {
              ...claims,
              issuer: `http://id.acme.example:${port}`,
              jwks_uri: at(claims['jwks_uri'], 'keys.acme.example'),
              token_endpoint: at(claims['token_endpoint'], 'token.acme.example'),
              userinfo_endpoint: at(claims['userinfo_endpoint'], 'me.acme.example'),
            }
          : where === 'id_token'
            ? { ...claims, iss: `http://id.acme.example:${port}` }
            : claims,
    }
    const lookup = nameServer(['127.0.0.1'])
    const oidc = createOidc(houseOf(true), lookup)
    const acme = row(`http://id.acme.example:${port}`)
    const away = await oidc.leave(acme, checks, { otherAccount: false })
    away.hostname = '127.0.0.1'
    const back = await openBrowser().open(away)
    const query = new URL(back.url).searchParams
    // This answer names the issuer as it is called on its own machine.
    query.set('iss', acme.issuer)
    const claims = await oidc.comeBack(acme, query.toString(), checks)
    assert.equal(claims['sub'], ada.sub)
    const names = ['id', 'keys', 'me', 'token'].map((name) => `${name}.acme.example`)
    assert.deepEqual([...new Set(lookup.asked)].sort(), names)
  })

  // Fails when what openid-client was told about an idp is kept although the row has changed meanwhile.
  it('is made with the secret that the idp has now, and asks for its keys no more than once', async () => {
    idp.fault = {}
    const oidc = createOidc(houseOf(true))
    const acme = row(idp.issuer)
    const signIn = async (by: IdpRow) => {
      const back = await openBrowser().open(await oidc.leave(by, checks, { otherAccount: false }))
      return oidc.comeBack(by, new URL(back.url).search.slice(1), checks)
    }
    idp.requests.length = 0
    for (let time = 0; time < 3; time += 1) assert.equal((await signIn(acme))['sub'], ada.sub)
    const stale = { ...acme, clientSecretSealed: keyring.seal('idp acme', 'the secret before') }
    await assert.rejects(signIn(stale), IdpFailure)
    await assert.rejects(signIn({ ...acme, clientId: 'southwind' }))
    assert.equal((await signIn(acme))['sub'], ada.sub)
    assert.equal(idp.requests.filter(({ path }) => path.includes('jwks')).length, 1)
  })
})

describe('a product that allows no private idp', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ settings: { allowPrivateIdp: false } })
  })
  after(() => product.stop())

  it('shows the page of an idp that did not do its part, and says in the log which setting is meant', async () => {
    const page = await openBrowser().open(`${product.application.url}/login`)
    assertFailurePage(page, 'silent', 'an idp on this machine')
    assert.deepEqual(product.idp.requests, [])
    const line = product.log.find((one) => one.includes(PRIVATE)) ?? ''
    assert.match(line, /"msg":"idp is at a private address: ALLOW_PRIVATE_IDP=1 allows it"/)
    assert.match(line, /"idp":"silent"/)
  })
})
