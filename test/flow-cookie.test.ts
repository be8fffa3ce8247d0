// A flow belongs to the browser that started it: the cookie is the key, and the row without it says nothing.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { query } from '../src/db/connect.ts'
import { findFlow, findFlowByState, rememberProfile, startFlow } from '../src/flow.ts'
import { createKeyring, sha256 } from '../src/seal.ts'
import { cookiesSet, exchange, flowOf, openHouse, startedFlow, type TestHouse } from './support/house.ts'
import { SECRET_KEY } from './support/product.ts'
import { profileOf } from './support/situations.ts'

const CANARY = profileOf({ email: 'canary-email@acme.example' }, ['email'], 'canary-username')

function find(on: TestHouse, id: unknown, cookie: string) {
  return findFlow(on.house, exchange(cookie).req, id)
}

/** What the cookie of a flow is made of. */
function partsOf(setCookie: string) {
  const [pair = '', ...attributes] = setCookie.split('; ')
  const [name = '', value = ''] = pair.split('=')
  return { name, value, attributes: attributes.sort() }
}

/** A browser that keeps what it is given, oldest first. */
function keepCookies() {
  const jar = new Map<string, string>()
  return {
    jar,
    header: () => [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
    take(set: string[]) {
      for (const { name, value, attributes } of set.map(partsOf)) {
        if (attributes.includes('Max-Age=0')) jar.delete(name)
        else jar.set(name, value)
      }
    },
  }
}

describe('the flow cookie', () => {
  let on: TestHouse
  let secure: TestHouse
  before(async () => {
    on = await openHouse()
    secure = await openHouse({ publicUrl: 'https://signin.northwind.example' })
  })
  after(() => Promise.all([on.drop(), secure.drop()]))
  const door = (here: TestHouse) => ({
    kind: 'application' as const,
    applicationId: here.applicationId,
    interactionUid: 'canary-uid',
  })

  async function setBy(here: TestHouse, cookie = '') {
    const { req, res } = exchange(cookie)
    const id = await startFlow(here.house, req, res, door(here))
    // The one of the application, set beside it, is no flow's.
    const isOther = (line: string) => /^(__Host-)?vestibule\.application=/.test(line)
    return { id, set: cookiesSet(res).filter((line) => !isOther(line)), others: cookiesSet(res).filter(isOther) }
  }

  it('over https is a __Host- cookie: for this host alone, unreadable for scripts, kept from forms of other sites', async () => {
    const { id, set, others } = await setBy(secure)
    assert.deepEqual([set.length, others.length], [1, 1])
    const { name, attributes } = partsOf(String(set[0]))
    assert.equal(name, `__Host-flow-${id.slice(0, 12)}`)
    assert.deepEqual(attributes, ['HttpOnly', 'Max-Age=2400', 'Path=/', 'SameSite=Lax', 'Secure'])
    assert.deepEqual(partsOf(String(others[0])), {
      name: '__Host-vestibule.application',
      value: secure.applicationId,
      attributes: ['HttpOnly', 'Max-Age=604800', 'Path=/', 'SameSite=Lax', 'Secure'],
    })
  })

  it('without https leaves off the prefix and Secure, and nothing else', async () => {
    const { id, set } = await setBy(on)
    const { name, attributes } = partsOf(String(set[0]))
    assert.equal(name, `flow-${id.slice(0, 12)}`)
    assert.deepEqual(attributes, ['HttpOnly', 'Max-Age=2400', 'Path=/', 'SameSite=Lax'])
  })

  it('holds 32 bytes that no other flow has, and is small', async () => {
    const flows = await Promise.all(Array.from({ length: 50 }, () => setBy(on)))
    const values = flows.map(({ set }) => partsOf(String(set[0])).value)
    assert.ok(values.every((value) => Buffer.from(value, 'base64url').length === 32))
    assert.equal(new Set(values).size, 50)
    assert.equal(new Set(flows.map(({ id }) => id)).size, 50)
    assert.ok(flows.every(({ id, set }) => /^[\w-]{24}$/.test(id) && String(set).length < 200))
  })

  it('of the twenty-first flow in one browser makes the oldest one go; the other twenty stay', async () => {
    const browser = keepCookies()
    const ids: string[] = []
    for (let started = 0; started < 23; started += 1) {
      const { id, set } = await setBy(on, browser.header())
      browser.take(set)
      ids.push(id)
    }
    assert.equal(browser.jar.size, 20)
    const found = await Promise.all(ids.map((id) => find(on, id, browser.header())))
    assert.deepEqual(
      found.map((flow) => flow !== undefined),
      [...Array(3).fill(false), ...Array(20).fill(true)],
    )
  })

  it('makes no other cookie of the browser go', async () => {
    const others = Array.from(
      { length: 40 },
      (_, index) => `other${index}=x; flow-short=x; my-flow-AAAAAAAAAAAA=x`,
    ).join('; ')
    const { set } = await setBy(on, `vestibule.session=x; ${others}`)
    assert.equal(set.length, 1)
  })

  it('is in no row: neither the cookie, nor what it seals, nor the door, in any writing', async () => {
    const { id, cookie } = await startedFlow(on, 'canary-uid')
    const flow = await flowOf(on, { id, cookie })
    await rememberProfile(on.house, flow, on.idp.id, CANARY)
    const contents = await on.contents()
    const bytes = Buffer.from(cookie.split('=')[1] ?? '', 'base64url')
    const secrets = [bytes, Buffer.from('canary'), Buffer.from('asha-1'), Buffer.from(flow.csrfSecret, 'base64url')]
    for (const secret of secrets) {
      for (const encoding of ['hex', 'base64', 'base64url', 'utf8'] as const) {
        assert.ok(!contents.includes(secret.toString(encoding)), `${encoding} of a secret is in the database`)
      }
    }
  })
})

describe('a flow', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  it('is found by its id in the browser that started it, with its door', async () => {
    const { id, cookie } = await startedFlow(on, 'the-uid')
    const flow = await find(on, id, `a=b; ${cookie}; c=d`)
    assert.equal(flow?.id, id)
    assert.deepEqual(flow?.door, { kind: 'application', applicationId: on.applicationId, interactionUid: 'the-uid' })
    assert.equal(flow?.isExpired, false)
    assert.equal(flow?.profile, undefined)
  })

  it('keeps how new a sign-in was asked for; one of an earlier version, which did not, is read as before', async () => {
    const { req, res } = exchange()
    const door = {
      kind: 'application',
      applicationId: on.applicationId,
      interactionUid: 'the-uid',
      maxAge: 60,
    } as const
    const id = await startFlow(on.house, req, res, door)
    const [cookie = ''] = cookiesSet(res).map((line) => line.split(';')[0] ?? '')
    assert.deepEqual((await find(on, id, cookie))?.door, door)
    const { maxAge: _, ...before } = door
    const sealed = on.house.keyring.seal(`flow door ${id}`, door.interactionUid)
    await query(on.house.db, 'UPDATE flows SET interaction_uid_sealed = ? WHERE id = ?', [sealed, id])
    assert.deepEqual((await find(on, id, cookie))?.door, before)
  })

  it('is not found in any other browser, and trying does not burn it', async () => {
    const mine = await startedFlow(on)
    const other = await startedFlow(on)
    const [name = '', value = ''] = mine.cookie.split('=')
    const foreign = other.cookie.split('=')[1]
    const flippedFirst = Buffer.from(value, 'base64url')
    flippedFirst.writeUInt8(flippedFirst.readUInt8(0) ^ 1, 0)
    const tries = [
      '',
      other.cookie,
      `${name}=${foreign}`,
      `${name}=`,
      name,
      `${name}=${value.slice(0, -2)}`,
      `${name}=${value}AAAA`,
      `${name}=${flippedFirst.toString('base64url')}`,
      `${name}=${'A'.repeat(43)}`,
      `${name}=${'A'.repeat(50_000)}`,
      `${name}=\0`,
      `${name}=%00`,
      `${name.toUpperCase()}=${value}`,
      `__Host-${name}=${value}`,
      `x${name}=${value}`,
      `${name}==${value}`,
      ';;;=;=;',
      '__proto__=x; constructor=y',
    ]
    const contents = await on.contents()
    for (const cookie of tries) assert.equal(await find(on, mine.id, cookie), undefined, cookie.slice(0, 80))
    assert.equal(await on.contents(), contents)
    assert.equal((await find(on, mine.id, mine.cookie))?.id, mine.id)
  })

  it('is found behind a cookie of the same name that somebody else put there', async () => {
    const { id, cookie } = await startedFlow(on)
    const [name] = cookie.split('=')
    for (const tossed of [`${name}=${'A'.repeat(43)}`, `${name}=x`, `${name}=`, String(name)]) {
      assert.equal((await find(on, id, `${tossed}; ${cookie}`))?.id, id, tossed)
      assert.equal((await find(on, id, `${cookie}; ${tossed}`))?.id, id, tossed)
    }
  })

  it('of another id is not found, whatever is sent as the id', async () => {
    const { id, cookie } = await startedFlow(on)
    const tries: unknown[] = [
      ...[
        undefined,
        null,
        '',
        7,
        true,
        [id],
        { id },
        [id, id],
        id.slice(0, 23),
        `${id}x`,
        `${id}\n`,
        ` ${id}`,
        `${id}\0`,
      ],
      ...[
        'x'.repeat(24),
        'x'.repeat(1_000_000),
        "' OR 1=1 --             ",
        '../../../../../../../etc',
        '%'.repeat(24),
        id.toUpperCase().toLowerCase(),
      ],
    ].filter((one) => one !== id)
    for (const one of tries) assert.equal(await find(on, one, cookie), undefined, String(one).slice(0, 80))
  })

  it('is found by the state that it left with, in its own browser alone', async () => {
    const mine = await startedFlow(on)
    const other = await startedFlow(on)
    const state = `state-of-${mine.id}`
    await on.rows('UPDATE flows SET state_hash = $1 WHERE id = $2', [sha256(state), mine.id])
    const by = (text: string, cookie: string) => findFlowByState(on.house, exchange(cookie).req, text)
    assert.equal((await by(state, mine.cookie))?.id, mine.id)
    assert.equal(await by(state, other.cookie), undefined)
    assert.equal(await by(state, ''), undefined)
    for (const wrong of ['', `${state} `, state.toUpperCase(), '\0', 'x'.repeat(100_000)]) {
      assert.equal(await by(wrong, mine.cookie), undefined)
    }
  })

  it('has expired from the moment that was written down, and is still found, so that a page can say so', async () => {
    const browser = await startedFlow(on)
    const { expiresAt } = await flowOf(on, browser)
    assert.equal(expiresAt.getTime(), on.clock.now.getTime() + 30 * 60_000)
    const at = async (now: Date) =>
      (await findFlow({ ...on.house, now: () => now }, exchange(browser.cookie).req, browser.id))?.isExpired
    assert.equal(await at(new Date(expiresAt.getTime() - 1)), false)
    assert.equal(await at(expiresAt), true)
  })

  it('gives back the profile that was sealed in it, byte for byte', async () => {
    const browser = await startedFlow(on)
    const odd = profileOf({
      name: '\u202E"\\ 😀 é e\u0301',
      groups: ['a', ''],
      address: { locality: 'L' },
      count: 0,
      flag: false,
    })
    await rememberProfile(on.house, await flowOf(on, browser), on.idp.id, odd)
    assert.deepEqual((await flowOf(on, browser)).profile, odd)
  })

  it('does not open the profile of another flow that was moved into its row', async () => {
    const [mine, other] = [await startedFlow(on), await startedFlow(on)]
    await rememberProfile(on.house, await flowOf(on, other), on.idp.id, CANARY)
    await on.rows('UPDATE flows SET profile_sealed = (SELECT profile_sealed FROM flows WHERE id = $1) WHERE id = $2', [
      other.id,
      mine.id,
    ])
    await assert.rejects(flowOf(on, mine))
  })

  it('does not open its own profile in another row, even one with its binding', async () => {
    const [mine, other] = [await startedFlow(on), await startedFlow(on)]
    await rememberProfile(on.house, await flowOf(on, mine), on.idp.id, CANARY)
    await on.rows(
      'UPDATE flows SET (binding, profile_sealed) = (SELECT binding, profile_sealed FROM flows WHERE id = $1) WHERE id = $2',
      [mine.id, other.id],
    )
    const [name] = other.cookie.split('=')
    await assert.rejects(flowOf(on, { id: other.id, cookie: `${name}=${mine.cookie.split('=')[1]}` }))
  })

  it('keeps no profile once it has ended', async () => {
    const browser = await startedFlow(on)
    const flow = await flowOf(on, browser)
    await on.rows(`UPDATE flows SET closed_at = now(), ending = '{"kind":"declined"}' WHERE id = $1`, [flow.id])
    await rememberProfile(on.house, flow, on.idp.id, CANARY)
    assert.equal((await flowOf(on, browser)).profile, undefined)
  })

  it('is known to be of the same person by a keyed hash, which says nothing without the key', async () => {
    const hashes: string[] = []
    for (const profile of [
      CANARY,
      CANARY,
      { ...CANARY, subject: 'asha-2' },
      { ...CANARY, issuer: 'https://other.example' },
    ]) {
      const browser = await startedFlow(on)
      await rememberProfile(on.house, await flowOf(on, browser), on.idp.id, profile)
      const [row] = await on.rows<{ person_hash: Buffer }>('SELECT person_hash FROM flows WHERE id = $1', [browser.id])
      hashes.push(row?.person_hash.toString('hex') ?? '')
    }
    assert.equal(hashes[0], hashes[1])
    assert.equal(new Set(hashes).size, 3)
  })

  it('has a nonce and a PKCE verifier that follow from its cookie and the state, and differ in everything else', async () => {
    const [browser, other] = [await startedFlow(on), await startedFlow(on)]
    const [once, twice, foreign] = await Promise.all([flowOf(on, browser), flowOf(on, browser), flowOf(on, other)])
    assert.equal(once.nonce('state'), twice.nonce('state'))
    assert.equal(once.codeVerifier('state'), twice.codeVerifier('state'))
    const all = [once, foreign].flatMap((flow) =>
      ['a', 'b'].flatMap((state) => [flow.nonce(state), flow.codeVerifier(state)]),
    )
    const secrets = [
      ...all,
      once.csrfSecret,
      foreign.csrfSecret,
      browser.cookie.split('=')[1],
      other.cookie.split('=')[1],
    ]
    assert.equal(new Set(secrets).size, 12)
    // RFC 7636, 4.1: 43 to 128 characters.
    assert.ok(all.every((text) => /^[\w-]{43,128}$/.test(text)))
  })

  it('goes on when SECRET_KEY is replaced and the previous one is known', async () => {
    const { id, cookie } = await startedFlow(on, 'kept-uid')
    const rotated = {
      ...on.house,
      keyring: createKeyring('the next secret key of more than 32 characters', SECRET_KEY),
    }
    const kept = await findFlow(rotated, exchange(cookie).req, id)
    assert.equal(kept?.door.kind === 'application' && kept.door.interactionUid, 'kept-uid')
  })
})
