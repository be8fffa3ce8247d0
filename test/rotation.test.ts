// Keys are replaced while people sign in, and nobody is signed out by it: signing keys of the OpenID Provider, and SECRET_KEY itself.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { type Browser, openBrowser, type Page } from './support/browser.ts'
import { openShop, type Shop, vestibule } from './support/commands.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { DECLARATION } from './support/house.ts'
import { oneFileEach } from './support/one-file.ts'
import { freePort, type Product, rowsOf, SECRET_KEY, startProduct, testCluster } from './support/product.ts'
import { arrive, fillRegister, lastSubject, stranger } from './support/road.ts'
import { spawnServer } from './support/server-process.ts'
import { signedIn, visit } from './support/visits.ts'

const NEW_KEY = 'a new secret key for tests that is long enough too'

/** Runs a command of an operator, which has to end well; what it printed. */
async function told(databaseUrl: string, words: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, out, error } = await vestibule(words, { DATABASE_URL: databaseUrl, SECRET_KEY, ...env })
  assert.equal(code, 0, error)
  return out
}

/** The ids of the published keys, and of the one that signed this token. */
async function keysOf(product: Product): Promise<string[]> {
  const answer = await fetch(`${product.url}/oauth2/jwks`)
  const { keys } = (await answer.json()) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid)
}
function signerOf(idToken: string): string {
  return JSON.parse(Buffer.from(idToken.split('.')[0] ?? '', 'base64url').toString()).kid
}

describe('the signing keys of the OpenID Provider', () => {
  let product: Product
  before(async () => {
    product = await startProduct()
  })
  after(() => product?.stop())

  it('are two at first: one that signs, and the next one, published before it signs anything', async () => {
    const keys = await keysOf(product)
    await visit(product, 'silent', stranger(product))
    assert.equal(keys.length, 2)
    assert.equal(signerOf(signedIn(product.application).tokens.idToken), keys[0])
  })

  it('rotate without a restart: the next one signs, the last one still counts, and a new one is published', async () => {
    const browser = openBrowser()
    const person = stranger(product)
    await visit(product, 'silent', person, { browser, query: { scope: 'openid email offline_access' } })
    const before = signedIn(product.application)
    const [signing, next] = await keysOf(product)

    assert.match(await told(product.databaseUrl, ['keys', 'rotate']), /^Made the signing key [\w-]{16}\./)
    assert.deepEqual(await keysOf(product), [signing, next], 'nothing changes before the process has looked')
    product.clock.now = new Date(product.clock.now.getTime() + 61_000)
    await keysOf(product)
    const published = await untilThreeKeys()
    assert.deepEqual([published[0], published[2]], [next, signing])

    // The session, the refresh token and the hint at signing out are all from before.
    product.idp.signInAs = undefined
    await browser.open(`${product.application.url}/login`)
    const again = signedIn(product.application)
    assert.equal(again.sub, before.sub)
    assert.equal(signerOf(again.tokens.idToken), next)
    const refreshed = await refresh(product, before.tokens.refreshToken ?? '')
    assert.equal(refreshed.status, 200)
    const { id_token: idToken } = (await refreshed.json()) as { id_token: string }
    assert.equal(signerOf(idToken), next)
    const bye = await browser.open(`${product.url}/oidc/logout?id_token_hint=${before.tokens.idToken}`)
    assert.match(bye.text, /Sign out of Travel\?/)
  })

  it('are three at the most, however often they rotate, and the one that signs was always published before', async () => {
    const [, next] = await keysOf(product)
    await told(product.databaseUrl, ['keys', 'rotate'])
    await told(product.databaseUrl, ['keys', 'rotate'])
    const [{ count }] = (await product.rows<{ count: number }>('SELECT count(*)::int FROM signing_keys')) as [
      { count: number },
    ]
    assert.equal(count, 3)
    assert.ok((await product.rows<{ kid: string }>('SELECT kid FROM signing_keys')).some(({ kid }) => kid === next))
  })

  async function untilThreeKeys(): Promise<string[]> {
    for (const until = performance.now() + 10_000; performance.now() < until; ) {
      const keys = await keysOf(product)
      if (keys.length === 3) return keys
    }
    return assert.fail('the process never read the new key')
  }
})

describe('SECRET_KEY', () => {
  let fleet: Fleet
  let browser: Browser
  let subject: string
  let refreshToken: string
  let prompt: Page
  const leaving: ReturnType<Fleet['end']>[] = []
  before(async () => {
    fleet = await startFleet({ servers: 2 })
  })
  after(async () => {
    await Promise.all(leaving)
    await fleet?.stop()
  })

  /** Replaces one server after the other, as a release does, with somebody signing in after each. */
  async function release(env: Record<string, string>): Promise<void> {
    for (const server of [...fleet.servers]) {
      await fleet.start(env)
      // It takes its leave while the others serve.
      leaving.push(fleet.end(server, 'SIGTERM'))
      await staysSignedIn()
    }
  }

  async function staysSignedIn(): Promise<void> {
    fleet.idp.signInAs = undefined
    await browser.open(`${fleet.application.url}/login`)
    assert.equal(lastSubject(fleet.application), subject)
    const answer = await refresh(fleet, refreshToken)
    assert.equal(answer.status, 200, 'the refresh token still works')
    refreshToken = ((await answer.json()) as { refresh_token: string }).refresh_token
  }

  it('is announced, used, and dropped while people are signed in and on the page, and nobody notices', async () => {
    browser = openBrowser()
    await arrive(fleet, browser, 'silent', stranger(fleet), { query: '?scope=openid+email+offline_access' })
    const signed = signedIn(fleet.application)
    subject = signed.sub
    refreshToken = signed.tokens.refreshToken ?? ''
    prompt = await arrive(fleet, openBrowser(), 'username', stranger(fleet))

    await release({ SECRET_KEY, SECRET_KEY_PREVIOUS: NEW_KEY })
    await release({ SECRET_KEY: NEW_KEY, SECRET_KEY_PREVIOUS: SECRET_KEY })
    const said = await told(fleet.databaseUrl, ['keys', 'reseal'], {
      SECRET_KEY: NEW_KEY,
      SECRET_KEY_PREVIOUS: SECRET_KEY,
    })
    assert.match(said, /^signing_keys: 2 sealed again$/m)
    assert.match(said, /^flows: [1-9]\d* sealed again$/m)
    assert.match(said, /^oidc_records: [1-9]\d* sealed again$/m)
    assert.doesNotMatch(said, /neither key/)
    await fillRegister(prompt, 'rotated.name').press('Create account')
    assert.notEqual(lastSubject(fleet.application), subject, 'who was on the page has a user now')
    await release({ SECRET_KEY: NEW_KEY })
  })

  it('is worth nothing once it is dropped: what it sealed is counted as lost, says what to do, and is no success', async () => {
    const { code, out, error } = await vestibule(['keys', 'reseal'], {
      DATABASE_URL: fleet.databaseUrl,
      SECRET_KEY: 'neither the old nor the new secret key of these tests',
    })
    assert.deepEqual([code, out], [1, ''])
    assert.match(error, /^signing_keys: 0 sealed again; 2 can be opened by neither key$/m)
    assert.match(
      error,
      /\nWhat neither key opens is left as it was\. Set SECRET_KEY_PREVIOUS to the key that sealed it/,
    )
    assert.doesNotMatch(error, /can go/)
  })
})

describe('a SECRET_KEY that is not the one of the database', () => {
  const FOREIGN = 'a secret key of another installation, mistyped'
  const SENTENCE = /SECRET_KEY is not the one that sealed .*SECRET_KEY_PREVIOUS/
  let shop: Shop
  let databaseUrl: string
  let changed: Record<string, string>
  before(async () => {
    shop = await openShop()
    databaseUrl = (await (await testCluster()).clone()).url
    await told(databaseUrl, ['config', 'apply'], { CONFIG_FILE: await shop.file(DECLARATION) })
    changed = {
      DATABASE_URL: databaseUrl,
      SECRET_KEY: FOREIGN,
      CONFIG_FILE: await shop.file(DECLARATION.replace('displayName: Acme', 'displayName: Acme & Sons')),
    }
  })
  after(() => shop?.close())

  const sealed = () =>
    rowsOf(
      databaseUrl,
      `SELECT name, client_secret_sealed, display_name FROM idps UNION ALL SELECT client_id, client_secret_sealed, name FROM applications
       UNION ALL SELECT kid, sealed, '' FROM signing_keys ORDER BY 1`,
    )

  for (const words of ['config apply', 'config apply --dry-run', 'migrate', 'keys rotate']) {
    it(`ends ${words} before anything is sealed under it, and names both variables`, async () => {
      const before = await sealed()
      const { code, out, error } = await vestibule(words.split(' '), changed)
      assert.deepEqual([code, out], [1, ''])
      assert.match(error, SENTENCE)
      assert.deepEqual(await sealed(), before)
    })
  }

  it('starts no server, which leaves what the others read as it was', async () => {
    const before = await sealed()
    const settings = { ...changed, PORT: String(await freePort()), MIGRATE_ON_START: '1' }
    const server = spawnServer(await oneFileEach(), settings)
    await once(server.child, 'close')
    assert.equal(server.child.exitCode, 1)
    assert.match(server.output(), SENTENCE)
    assert.deepEqual(await sealed(), before)
  })

  it('is let pass beside the one that sealed, and in a database where nothing is sealed yet', async () => {
    const { code, error } = await vestibule(['config', 'apply'], { ...changed, SECRET_KEY_PREVIOUS: SECRET_KEY })
    assert.equal(code, 0, error)
    const fresh = (await (await testCluster()).clone()).url
    await rowsOf(fresh, 'DELETE FROM signing_keys')
    assert.equal((await vestibule(['config', 'apply'], { ...changed, DATABASE_URL: fresh })).code, 0)
  })
})

function refresh(scene: Pick<Fleet, 'url'>, refreshToken: string): Promise<Response> {
  return fetch(`${scene.url}/oauth2/token`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      Authorization: `Basic ${Buffer.from('travel:a+secret+of+the+travel+application').toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }).toString(),
  })
}
