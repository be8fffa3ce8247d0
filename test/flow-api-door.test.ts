// The door of authentication flows elsewhere: the worked example in a process of its own, and each key of the way in and out in one pair of hands, once.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { FlowResponse, OutcomeResponse } from '../src/api/shapes.ts'
import { setPersonLocked } from '../src/console/identity-lock.ts'
import { COMMAND_LINE } from '../src/db/changes.ts'
import { inTransaction } from '../src/db/connect.ts'
import { findFlowRow } from '../src/db/flows.ts'
import { unlinkIdp } from '../src/db/removal.ts'
import { resealAll } from '../src/db/sealed.ts'
import { deleteUser } from '../src/db/user-state.ts'
import { flowFrom, startFlowElsewhere } from '../src/flow.ts'
import { tracesOf } from '../src/login/traces.ts'
import { createKeyring } from '../src/seal.ts'
import { join } from './support/account.ts'
import { type Browser, openBrowser, type Page } from './support/browser.ts'
import { atElsewhere, call, later, type Said } from './support/elsewhere.ts'
import { type Example, startExample } from './support/examples.ts'
import { enhanced, giveTotp } from './support/factors.ts'
import { exchange, openHouse } from './support/house.ts'
import { brokenInvariants } from './support/invariants.ts'
import { PASSWORD } from './support/people.ts'
import { freePort, MODES, type Mode, type Product, SECRET_KEY, startProduct } from './support/product.ts'
import { automation, secretOf } from './support/tokens.ts'
import {
  codesOn,
  countPeople,
  knownPerson,
  meanwhile,
  type Newcomer,
  newcomer,
  storedPerson,
  withIdp,
} from './support/visits.ts'

const SCOPE = { clientId: 'desk', scope: 'internal_flow_create' }
const STATE = 'a-state-of-the-desk'

let port: number
const deskUrl = () => `http://127.0.0.1:${port}`
const back = () => `${deskUrl()}/back`

async function startWithDesk(): Promise<Product> {
  port = await freePort()
  const redirectUris = [back(), `${deskUrl()}/other?kept=1`]
  return startProduct({
    change: (declared) => ({
      ...declared,
      applications: [
        ...declared.applications,
        automation('desk', ['internal_flow_create'], { redirectUris, identityProviders: MODES }),
        automation('other-desk', ['internal_flow_create'], { redirectUris, identityProviders: ['silent'] }),
        automation('strict-desk', ['internal_flow_create'], {
          redirectUris,
          identityProviders: ['none'],
          requireLocalUser: true,
        }),
        automation('pages', ['internal_flow_answer']),
      ],
    }),
  })
}

describe('an authentication flow elsewhere', () => {
  let product: Product
  const desks = new Map<Mode, Example>()
  before(async () => {
    product = await startWithDesk()
  })
  after(async () => {
    for (const desk of desks.values()) await desk.stop()
    await product.stop()
  })

  /** The example as it is written, for one idp; the port is the same for all, because it is registered. */
  async function deskFor(mode: Mode): Promise<void> {
    for (const [of, desk] of desks) {
      await desk.stop()
      desks.delete(of)
    }
    const secret = { CLIENT_ID: 'desk', CLIENT_SECRET: secretOf('desk') }
    const env = { VESTIBULE: product.url, ...secret, IDP: mode, ISSUER: product.idp.issuer, URL: deskUrl() }
    desks.set(mode, await startExample('authentication-flow.mjs', env, port))
  }

  async function signIn(browser: Browser, { sub, preferred_username, email }: Newcomer): Promise<Page> {
    const desk = await browser.open(deskUrl())
    return desk.fill({ sub, preferred_username, email }).press('Sign in')
  }

  const resultOn = (page: Page): Record<string, unknown> => {
    assert.ok(page.url.startsWith(`${back()}?`), `not back but at ${page.url}: ${page.text}`)
    return OutcomeResponse.parse(JSON.parse(page.text.slice(page.text.indexOf('{'))))
  }

  for (const mode of MODES) {
    it(`has its people go through mode ${mode}, and fetches what came of it`, async () => {
      await deskFor(mode)
      const [browser, person] = [openBrowser(), newcomer()]
      let page = await signIn(browser, person)
      if (mode !== 'none' && mode !== 'silent') {
        assert.match(page.text, new RegExp(`${person.email}`))
        if (mode === 'username') page.fill({ username: `own-${person.preferred_username}` })
        if (mode !== 'consent') page.fill({ password: PASSWORD })
        page = await page.tick('recover:email').press('Create account')
      }
      const first = resultOn(page)
      const again = resultOn(await signIn(openBrowser(), person))
      if (mode === 'none') {
        assert.deepEqual([first['outcome'], again], ['federated', first])
        assert.equal(await storedPerson(product, person.sub), undefined)
        return
      }
      const { user, identities } = await knownPerson(product, person.sub)
      const { id: sub, username } = user
      assert.deepEqual(
        [first, again],
        [
          { outcome: 'signed-in', sub, username, isNew: true },
          { outcome: 'signed-in', sub, username, isNew: false },
        ],
      )
      assert.deepEqual(
        identities.map(({ idp, issuer, subject }) => [idp, issuer, subject]),
        [[mode, product.idp.issuer, person.sub]],
      )
    })
  }

  it('hears of somebody who says no, once they press Return, and they are not offered to begin again here', async () => {
    await deskFor('username')
    const [browser, person] = [openBrowser(), newcomer()]
    const declined = await (await signIn(browser, person)).press('Do not create an account')
    assert.match(declined.text, /We did not create an account/)
    assert.doesNotMatch(declined.html, /login\.do/)
    assert.deepEqual(resultOn(await declined.click('Return to The desk')), { outcome: 'declined' })
    assert.equal(await storedPerson(product, person.sub), undefined)
  })

  it('hears of somebody who is refused, with the code, once they press Return', async () => {
    await deskFor('silent')
    const person = newcomer()
    resultOn(await signIn(openBrowser(), person))
    await product.rows(`UPDATE users SET is_locked = true WHERE username = $1`, [person.preferred_username])
    const page = await signIn(openBrowser(), person)
    assert.deepEqual([page.status, codesOn(page)], [409, ['SIGN_IN_REFUSED']])
    assert.deepEqual(resultOn(await page.click('Return to The desk')), { outcome: 'refused', code: 'SIGN_IN_REFUSED' })
  })

  it('takes nobody back who was brought there with somebody else’s sign-in', async () => {
    await deskFor('silent')
    const mallory = await openFlow(product, 'silent', newcomer())
    const page = await openBrowser().open(mallory)
    assert.match(page.text, /not yours/)
  })

  it('leaves a database as it should be', async () => {
    assert.deepEqual(await brokenInvariants(product.rows), [])
  })
})

/** Opens a flow as the desk's server does; where the browser has to go. */
async function openFlow(product: Product, mode: Mode, { sub, ...claims }: Newcomer, state = STATE): Promise<string> {
  const profile = { iss: product.idp.issuer, sub, ...claims }
  const said = await call(product, '/flows', { idp: mode, profile, returnTo: back(), state }, SCOPE)
  assert.equal(said.status, 201, JSON.stringify(said.body))
  return FlowResponse.parse(said.body).location
}

const codeOf = ({ status, body }: Said) => [status, body.code]

describe('the door', () => {
  let product: Product
  before(async () => {
    product = await startWithDesk()
  })
  after(() => product.stop())

  /** Where a browser is sent back to, followed no further. */
  async function sentBack(browser: Browser, address: string): Promise<URL> {
    for (let url = address; ; ) {
      const answer = await browser.fetch(url)
      const location = answer.headers.get('location')
      assert.ok(answer.status === 303 && location, `${answer.status} at ${url}`)
      url = new URL(location, url).href
      if (url.startsWith(deskUrl())) return new URL(url)
    }
  }

  /** The flow that this key was given out for. */
  async function flowOfKey(key: string | null): Promise<string> {
    const sql = 'SELECT flow_id AS id FROM flow_keys WHERE hash = sha256($1::bytea)'
    const [row] = await product.rows<{ id: string }>(sql, [Buffer.from(key ?? '')])
    return row?.id ?? assert.fail('no such key')
  }

  const fetchOutcome = (key: string | null, as: Partial<typeof SCOPE> = {}) =>
    call(product, '/outcomes', { key }, { ...SCOPE, ...as })

  it('opens for the people of the idps that the application names, by their very issuer, and leads to registered addresses alone', async () => {
    const profile = { iss: product.idp.issuer, sub: 'somebody' }
    const right = { idp: 'silent', profile, returnTo: back(), state: STATE }
    // biome-ignore format: one row, one line
    const rows: [changes: Record<string, unknown>, status: number, code: string][] = [
      [{ returnTo: 'https://evil.example/' }, 422, 'RETURN_TO_UNKNOWN'],
      [{ returnTo: `${back()}/` }, 422, 'RETURN_TO_UNKNOWN'],
      [{ returnTo: `${back()}?a=b` }, 422, 'RETURN_TO_UNKNOWN'],
      [{ returnTo: `${back()}#a` }, 422, 'RETURN_TO_UNKNOWN'],
      [{ returnTo: back().replace('http://', 'http://desk@') }, 422, 'RETURN_TO_UNKNOWN'],
      [{ returnTo: 'javascript:alert(1)' }, 422, 'RETURN_TO_UNKNOWN'],
      [{ returnTo: '' }, 422, 'RETURN_TO_UNKNOWN'],
      [{ idp: 'nobody' }, 422, 'IDP_UNKNOWN'],
      [{ idp: 'SILENT' }, 422, 'IDP_UNKNOWN'],
      [{ idp: 'silent\0' }, 422, 'IDP_UNKNOWN'],
      [{ idp: '__proto__' }, 422, 'IDP_UNKNOWN'],
      [{ profile: { ...profile, iss: `${product.idp.issuer}/` } }, 422, 'ISSUER_WRONG'],
      [{ profile: { ...profile, iss: 'https://evil.example' } }, 422, 'ISSUER_WRONG'],
      [{ profile: { ...profile, sub: '' } }, 422, 'PROFILE_FAULT'],
      [{ profile: { ...profile, sub: 'a'.repeat(256) } }, 422, 'PROFILE_FAULT'],
      [{ profile: { ...profile, sub: 'a\0' } }, 422, 'PROFILE_FAULT'],
      [{ profile: { ...profile, email: 'a\0@acme.example' } }, 422, 'PROFILE_FAULT'],
      [{ profile: { ...profile, email: 'a'.repeat(10_001) } }, 422, 'PROFILE_FAULT'],
      [{ profile: { sub: 'somebody' } }, 400, 'BAD_REQUEST'],
      [{ profile: { iss: product.idp.issuer } }, 400, 'BAD_REQUEST'],
      [{ profile: { ...profile, sub: 7 } }, 400, 'BAD_REQUEST'],
      [{ profile: [profile] }, 400, 'BAD_REQUEST'],
      [{ profile: 'somebody' }, 400, 'BAD_REQUEST'],
      [{ state: 'short' }, 400, 'BAD_REQUEST'],
      [{ state: 'a'.repeat(513) }, 400, 'BAD_REQUEST'],
      [{ state: 'a state with spaces in it' }, 400, 'BAD_REQUEST'],
      [{ state: undefined }, 400, 'BAD_REQUEST'],
      [{ flowId: 'mine' }, 400, 'BAD_REQUEST'],
    ]
    const before = await product.rows('SELECT count(*)::int FROM flows')
    for (const [changes, status, code] of rows) {
      assert.deepEqual(
        codeOf(await call(product, '/flows', { ...right, ...changes }, SCOPE)),
        [status, code],
        JSON.stringify(changes),
      )
    }
    const others = { clientId: 'other-desk' }
    assert.deepEqual(codeOf(await call(product, '/flows', { ...right, idp: 'none' }, { ...SCOPE, ...others })), [
      422,
      'IDP_UNKNOWN',
    ])
    const pages = { clientId: 'pages', scope: 'internal_flow_answer' }
    assert.deepEqual(codeOf(await call(product, '/flows', right, pages)), [403, 'SCOPE_NEEDED'])
    assert.deepEqual(await product.rows('SELECT count(*)::int FROM flows'), before)
    await meanwhile(product, withIdp('silent', {}, { isEnabled: false }), async () => {
      assert.deepEqual(codeOf(await call(product, '/flows', right, SCOPE)), [422, 'IDP_UNKNOWN'])
    })
  })

  it('believes of a profile what the mappings say, and of verified what is true', async () => {
    const [person, browser] = [newcomer({ email_verified: 'true', role: 'admin', user_id: 'x' }), openBrowser()]
    await sentBack(browser, await openFlow(product, 'silent', person))
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(
      attributes.find(({ name }) => name === 'email'),
      { name: 'email', value: person.email, verified: false, origin: 'idp', idp: 'silent' },
    )
    assert.deepEqual(
      attributes.map(({ name }) => name),
      ['department', 'email', 'name', 'phone_number'],
    )
  })

  it('lets in whoever has verified addresses of any length, or any number of them, new or known', async () => {
    const long = randomBytes(4_500).toString('hex')
    for (const email of [`${long}@acme.example`, long.match(/.{100}/g)]) {
      const person = newcomer()
      for (const claims of [{ email }, {}, { email }]) {
        const home = await sentBack(
          openBrowser(),
          await openFlow(product, 'silent', { ...person, ...claims } as Newcomer),
        )
        const { body } = await fetchOutcome(home.searchParams.get('flow'))
        assert.equal(body['outcome'], 'signed-in')
      }
    }
  })

  it('lets in whoever brings the key first: of twenty browsers one, and the others change nothing', async () => {
    const person = newcomer()
    const location = await openFlow(product, 'username', person)
    const browsers = Array.from({ length: 20 }, () => openBrowser())
    const pages = await Promise.all(browsers.map((browser) => browser.open(location)))
    assert.deepEqual(pages.map(({ status }) => status).sort(), [200, ...Array.from({ length: 19 }, () => 404)])
    const [first] = pages.filter(({ status }) => status === 200)
    const fields = { username: newcomer().preferred_username, password: PASSWORD }
    const page = first?.fill(fields).tick('recover:email').submission('Create account')
    assert.ok(page)
    assert.equal(await storedPerson(product, person.sub), undefined)
  })

  it('lets the same browser in again, and nobody after a minute, nor by a look', async () => {
    const [browser, person] = [openBrowser(), newcomer()]
    const location = await openFlow(product, 'username', person)
    for (const method of ['HEAD', 'POST', 'OPTIONS']) {
      assert.equal((await browser.fetch(location, { method })).status, 405)
    }
    assert.equal((await browser.open(location)).status, 200)
    assert.match((await browser.open(location)).text, new RegExp(person.email))
    const late = await openFlow(product, 'silent', newcomer())
    later(product, 60)
    const page = await openBrowser().open(late)
    assert.deepEqual([page.status, codesOn(page)], [404, ['NOTFOUND']])
    for (const key of ['', 'a', 'a'.repeat(43), '%00', '&key=b'])
      assert.equal((await openBrowser().open(`${product.url}/authenticationendpoint/enter.do?key=${key}`)).status, 404)
  })

  it('makes one user of a person who comes in twenty times at once', async () => {
    const person = newcomer()
    const locations = await Promise.all(Array.from({ length: 20 }, () => openFlow(product, 'silent', person)))
    const keys = await Promise.all(
      locations.map(async (location) => (await sentBack(openBrowser(), location)).searchParams.get('flow')),
    )
    const outcomes = await Promise.all(keys.map(async (key) => (await fetchOutcome(key)).body))
    assert.equal(outcomes.filter(({ isNew }) => isNew).length, 1)
    assert.equal(new Set(outcomes.map(({ sub }) => sub)).size, 1)
  })

  it('leads back with the state as it was, and to an address with a query as it is', async () => {
    const state = `!"$%&'()*+,-./:;<=>?@[]^_\`{|}~#`
    const url = await sentBack(openBrowser(), await openFlow(product, 'silent', newcomer(), state))
    assert.deepEqual([...url.searchParams.keys()], ['flow', 'state'])
    assert.equal(url.searchParams.get('state'), state)
    const profile = { iss: product.idp.issuer, sub: newcomer().sub, preferred_username: newcomer().preferred_username }
    const returnTo = `${deskUrl()}/other?kept=1`
    const { body } = await call(product, '/flows', { idp: 'silent', profile, returnTo, state: STATE }, SCOPE)
    const other = await sentBack(openBrowser(), body.location)
    assert.deepEqual([...other.searchParams.keys()], ['kept', 'flow', 'state'])
  })

  it('gives an outcome once, to the application that began, and not by the keys of anything else', async () => {
    const location = await openFlow(product, 'silent', newcomer())
    const entry = new URL(location).searchParams.get('key')
    const key = (await sentBack(openBrowser(), location)).searchParams.get('flow')
    assert.deepEqual(codeOf(await fetchOutcome(key, { clientId: 'other-desk' })), [404, 'NOTFOUND'])
    assert.deepEqual(codeOf(await fetchOutcome(entry)), [404, 'NOTFOUND'])
    const all = await Promise.all(Array.from({ length: 20 }, () => fetchOutcome(key)))
    assert.deepEqual(all.map(({ status }) => status).sort(), [200, ...Array.from({ length: 19 }, () => 410)])
    assert.deepEqual(codeOf(await fetchOutcome(key)), [410, 'KEY_SPENT'])
  })

  it('hears that somebody is refused who was locked, or whose idp was turned off, while their browser brought it the key', async () => {
    const { house } = product.running
    const lock = async (mode: Mode, { sub: subject }: Newcomer) => {
      const [row] = await product.rows<{ id: string }>('SELECT id FROM idps WHERE name = $1', [mode])
      await setPersonLocked(house, { idpId: row?.id ?? '', issuer: product.idp.issuer, subject }, true, { name: 'olu' })
    }
    const inHand = async (mode: Mode, person: Newcomer) =>
      (await sentBack(openBrowser(), await openFlow(product, mode, person))).searchParams.get('flow')
    for (const mode of ['silent', 'none'] as const) {
      const person = newcomer()
      const key = await inHand(mode, person)
      await lock(mode, person)
      assert.deepEqual((await fetchOutcome(key)).body, { outcome: 'refused', code: 'SIGN_IN_REFUSED' })
    }
    const person = newcomer()
    const key = await inHand('silent', person)
    await product.rows('UPDATE users SET is_locked = true WHERE username = $1', [person.preferred_username])
    assert.deepEqual((await fetchOutcome(key)).body, { outcome: 'refused', code: 'SIGN_IN_REFUSED' })
    for (const mode of ['silent', 'none'] as const) {
      const late = await inHand(mode, newcomer())
      await product.rows('UPDATE idps SET is_enabled = false WHERE name = $1', [mode])
      assert.deepEqual((await fetchOutcome(late)).body, { outcome: 'refused', code: 'IDP_OFF' })
      await product.rows('UPDATE idps SET is_enabled = true WHERE name = $1', [mode])
    }
  })

  it('leads out again until the outcome was fetched: the newest key counts, an old one never', async () => {
    const browser = openBrowser()
    const first = (await sentBack(browser, await openFlow(product, 'none', newcomer()))).searchParams.get('flow')
    const flow = await flowOfKey(first)
    const leave = `${product.url}/commonauth?sessionDataKey=${flow}&continue=1`
    later(product, 61)
    assert.deepEqual(codeOf(await fetchOutcome(first)), [410, 'KEY_SPENT'])
    const second = (await sentBack(browser, leave)).searchParams.get('flow')
    assert.deepEqual(codeOf(await fetchOutcome(first)), [404, 'NOTFOUND'])
    assert.equal((await fetchOutcome(second)).body.outcome, 'federated')
    const after = await browser.open(leave)
    assert.deepEqual([after.status, codesOn(after)], [200, ['FINISHED']])
    const [row] = await product.rows<{ profile_sealed: unknown }>('SELECT profile_sealed FROM flows WHERE id = $1', [
      flow,
    ])
    assert.equal(row?.profile_sealed, null)
  })

  it('gives nobody but its browser a way out', async () => {
    const browser = openBrowser()
    const url = await sentBack(browser, await openFlow(product, 'silent', newcomer()))
    const flow = await flowOfKey(url.searchParams.get('flow'))
    const page = await openBrowser().open(`${product.url}/commonauth?sessionDataKey=${flow}&continue=1`)
    assert.deepEqual([page.status, codesOn(page)], [404, ['NOTFOUND']])
  })

  it('leads nobody to an address that is not registered any more', async () => {
    const browser = openBrowser()
    const asked = await browser.open(await openFlow(product, 'consent', newcomer()))
    const { url, fields } = asked.tick('recover:email').submission('Create account')
    const without: Parameters<typeof meanwhile>[1] = (declared) => ({
      ...declared,
      applications: declared.applications.map((one) =>
        one.clientId === 'desk' ? { ...one, redirectUris: ['https://new.example/'] } : one,
      ),
    })
    await meanwhile(product, without, async () => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const answer = await browser.fetch(url, { method: 'POST', headers, body: fields.toString() })
      const ended = await browser.open(new URL(answer.headers.get('location') ?? '', url))
      assert.deepEqual([ended.status, codesOn(ended)], [409, ['MOVED']])
      assert.match(ended.html, /https:\/\/new\.example\//)
    })
  })

  it('refuses strangers where the application wants users of ours alone', async () => {
    const profile = { iss: product.idp.issuer, sub: newcomer().sub }
    const flow = { idp: 'none', profile, returnTo: back(), state: STATE }
    const { body } = await call(product, '/flows', flow, { ...SCOPE, clientId: 'strict-desk' })
    const page = await openBrowser().open(body.location)
    assert.deepEqual([page.status, codesOn(page)], [409, ['LOCAL_USER_REQUIRED']])
  })

  it('sends people who took too long, or are somebody else, back to where they were verified', async () => {
    const browser = openBrowser()
    const page = await browser.open(await openFlow(product, 'username', newcomer()))
    assert.match(page.html, new RegExp(`href="${deskUrl()}/"`))
    const address = page.url
    later(product, 31 * 60)
    for (const url of [address, `${product.url}/authenticationendpoint/login.do?${new URL(address).searchParams}`]) {
      const expired = await browser.open(url)
      assert.deepEqual([expired.status, codesOn(expired)], [410, ['EXPIRED']])
      assert.match(expired.html, new RegExp(`href="${deskUrl()}/"`))
      assert.doesNotMatch(expired.html, /Start again with/)
    }
  })

  // Broken: back at the choice of idps, where whoever it was signed in as anybody, and the desk was told of that one in place of whom it had verified.
  it('is over for whoever is deleted, or whose idp is, on the way: nobody signs in there in their place', async () => {
    const ends: [mode: Mode, end: (person: Newcomer) => Promise<unknown>][] = [
      [
        'silent',
        async ({ sub }) => {
          const { user } = await knownPerson(product, sub)
          const traces = tracesOf({ keyring: createKeyring(SECRET_KEY) })
          assert.equal(await deleteUser(product.running.db, user.id, COMMAND_LINE, traces, product.clock.now), 'done')
        },
      ],
      [
        'consent',
        async () => {
          const [{ id } = assert.fail()] = await product.rows<{ id: string }>(
            `SELECT id FROM idps WHERE name = 'consent'`,
          )
          await inTransaction(product.running.db, (transaction) => unlinkIdp(transaction, id, product.clock.now))
        },
      ],
    ]
    await meanwhile(product, enhanced({}), async () => {
      for (const [mode, end] of ends) {
        const person = newcomer()
        if (mode === 'silent') await giveTotp(product, await join(product, mode, person))
        const browser = openBrowser()
        const page = await browser.open(await openFlow(product, mode, person))
        assert.equal(page.status, 200)
        await end(person)
        const login = `${product.url}/authenticationendpoint/login.do${new URL(page.url).search}`
        for (const url of [page.url, login, `${login}&choose=1`, `${login}&idp=password`]) {
          const over = await browser.open(url)
          assert.deepEqual([over.status, codesOn(over)], [410, ['EXPIRED']], url)
        }
      }
    })
  })

  it('tells nothing of a person in an address, in the log, or in the database before they have answered', async () => {
    const browser = openBrowser()
    const person = newcomer({ email: 'canary@acme.example', name: 'Canary Byron', department: 'Canaries' })
    const location = await openFlow(product, 'username', person)
    const values = [...Object.values(person).map(String), STATE, new URL(location).searchParams.get('key') ?? '']
    const tell = (text: string) => values.filter((value) => value.length > 5 && text.includes(value))
    assert.deepEqual(tell(await product.dump()), [])
    const page = await browser.open(location)
    assert.deepEqual(tell(await product.dump()), [])
    assert.deepEqual(tell(product.log.join('')), [])
    assert.deepEqual(tell(browser.history.slice(1).join(' ')), [])
    page.fill({ username: 'canary-typed', password: PASSWORD }).tick('recover:email')
    const people = await countPeople(product)
    await page.press('Do not create an account')
    assert.deepEqual([await countPeople(product), tell(await product.dump())], [people, []])
  })
})

describe('what a flow of this door remembers of it', () => {
  it('is sealed, and is sealed again when SECRET_KEY is replaced', async () => {
    const on = await openHouse()
    const way = { returnTo: 'https://desk.example/', state: STATE }
    const door = { kind: 'flow-api' as const, applicationId: on.applicationId, ...way }
    const id = await startFlowElsewhere(on.house, door, on.idp.id)
    assert.doesNotMatch(await on.contents(), /desk\.example|a-state-of-the-desk/)
    const next = 'the next secret key of more than 32 characters'
    await resealAll(on.house.db, createKeyring(next, SECRET_KEY))
    const row = (await findFlowRow(on.house.db, id)) ?? assert.fail()
    const rotated = { ...on.house, keyring: createKeyring(next) }
    const flow = await flowFrom(rotated, exchange().req, row, { profile: undefined, language: 'en' })
    assert.deepEqual(flow.door, door)
    await on.drop()
  })
})

describe('the door and a page elsewhere together', () => {
  it('ask there and lead back here', async () => {
    const pagesPort = await freePort()
    port = await freePort()
    const product = await startProduct({
      change: (declared) => {
        const there = atElsewhere(`http://127.0.0.1:${pagesPort}`)(declared)
        const desk = automation('desk', ['internal_flow_create'], { redirectUris: [back()], identityProviders: MODES })
        return { ...there, applications: [...there.applications, desk] }
      },
    })
    const secrets = { CLIENT_ID: 'pages', CLIENT_SECRET: secretOf('pages') }
    const pages = await startExample('page.mjs', { VESTIBULE: product.url, ...secrets }, pagesPort)
    try {
      const [browser, person] = [openBrowser({ followRefresh: false }), newcomer()]
      const asked = await browser.open(await openFlow(product, 'password', person))
      assert.ok(asked.url.startsWith(pages.url), asked.url)
      const done = await asked.fill({ password: PASSWORD }).tick('recover:email').press('Create account')
      const answer = await browser.fetch(`${done.url}&continue=1`)
      const key = new URL(answer.headers.get('location') ?? '').searchParams.get('flow')
      const outcome = await call(product, '/outcomes', { key }, SCOPE)
      assert.deepEqual([outcome.body.outcome, outcome.body.isNew], ['signed-in', true])
      assert.equal(outcome.body.sub, (await knownPerson(product, person.sub)).user.id)
    } finally {
      await pages.stop()
      await product.stop()
    }
  })
})
