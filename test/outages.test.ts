// The database has bad days: it restarts, hangs, fills up, refuses to write or loses our connections. Nobody gets a 500, nothing is
// half done, the process lives, and whoever was on the way arrives once it is back. The long forms are in soak/outages.ts.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { connect, isThere } from '../src/db/connect.ts'
import { tryAgain } from '../src/web/errors.ts'
import { enterAccount } from './support/account.ts'
import type { Page } from './support/browser.ts'
import type { TestCluster } from './support/database.ts'
import { brokenInvariants } from './support/invariants.ts'
import { answer, assertAway, goOn, type Traveller, travel, traveller, untilHealthy } from './support/patience.ts'
import { MODES, type Mode, type Product, type ProductOptions, startProduct, testCluster } from './support/product.ts'
import { callbackOf, goToIdp } from './support/road.ts'
import { startMigratedCluster } from './support/scene.ts'
import { type SlowProxy, startSlowProxy } from './support/slow-proxy.ts'
import { newcomer, signedIn, storedPerson } from './support/visits.ts'

/** A product whose way to PostgreSQL leads through a network that a test can spoil. */
interface Patient extends Product {
  network: SlowProxy
}

let starting: Promise<unknown> = Promise.resolve()

/** One after another: keys are made at each start, and connections would wait for them. */
function startPatient(cluster: TestCluster, options: ProductOptions = {}): Promise<Patient> {
  const started = starting.catch(() => {}).then(() => startOne(cluster, options))
  starting = started
  return started
}

async function startOne(cluster: TestCluster, options: ProductOptions): Promise<Patient> {
  const network = await startSlowProxy(cluster.url('postgres'))
  const product = await startProduct({ modes: MODES, cluster, database: network.through, ...options })
  return Object.defineProperties({ network } as Patient, {
    ...Object.getOwnPropertyDescriptors(product),
    network: { value: network },
    stop: {
      async value() {
        await product.stop()
        await network.stop()
      },
    },
  })
}

/** What must be true after every outage: no answer was a 500, and every row has its siblings. */
async function assertUnharmed(product: Product): Promise<void> {
  const failures = product.log.filter((line) => /"status":500\b/.test(line))
  assert.deepEqual(failures, [])
  assert.deepEqual(await brokenInvariants(product.rows), [])
}

/** What was logged of requests that failed with this SQLSTATE. */
function failedBy(product: Product, code: string): string[] {
  return product.log.filter((line) => /"status":503\b/.test(line) && line.includes(`"code":"${code}"`))
}

/** Runs a test on a product of its own: several of them wait for their outages at the same time. */
function ill(work: (product: Patient) => Promise<void>, options: ProductOptions = {}): () => Promise<void> {
  return async () => {
    const product = await startPatient(await testCluster(), options)
    try {
      await work(product)
      await assertUnharmed(product)
    } finally {
      await product.stop()
    }
  }
}

/** The prompt of a mode that asks, with somebody in front of it. */
async function atPrompt(product: Product, mode: Mode): Promise<{ who: Traveller; page: Page }> {
  const who = traveller(product, mode, newcomer())
  const asked = await goToIdp(product, who.browser, mode)
  return { who, page: await asked.fill({ person: who.person.sub }).press('Sign in') }
}

/** Follows redirects from `url` until the next one fits, and returns where that leads. */
async function follow({ browser }: Traveller, url: URL, isThere: (url: URL) => boolean): Promise<URL> {
  for (;;) {
    const response = await browser.fetch(url)
    const location = response.headers.get('location')
    assert.ok(location, `no redirect from ${url.pathname}: ${response.status}`)
    url = new URL(location, url)
    if (isThere(url)) return url
  }
}

/** The address with the code that the application is about to be given. */
async function withCode(product: Product, who: Traveller): Promise<URL> {
  const callback = await callbackOf(product, who.browser, who.mode, who.person)
  return follow(who, callback, (url) => url.origin === product.application.url)
}

const CLIENT = `Basic ${Buffer.from(`travel:${encodeURIComponent('a secret of the travel application')}`).toString('base64')}`

function askForTokens(product: Product, fields: Record<string, string>, signal?: AbortSignal): Promise<Response> {
  const headers = { Authorization: CLIENT, 'Content-Type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams(fields)
  return fetch(`${product.url}/oauth2/token`, { method: 'POST', headers, body, ...(signal ? { signal } : {}) })
}

/** Signs somebody in who gives the application a refresh token. */
async function refreshTokenOf(product: Product): Promise<string> {
  const who = traveller(product, 'silent', newcomer())
  await goOn(who, await who.browser.open(`${product.application.url}/login?scope=openid+offline_access`))
  return signedIn(product.application).tokens.refreshToken ?? assert.fail('no refresh token was given')
}

/** Asks for a page five times at once, so that the pool has all its connections. */
async function openConnections(who: Traveller, page: Page): Promise<void> {
  await Promise.all(Array.from({ length: 5 }, () => who.browser.open(page.url)))
}

/** Connections of the product that PostgreSQL has, other than the one that asks. */
const OTHERS = 'datname = current_database() AND pid <> pg_backend_pid()'

function killAll(product: Product): Promise<unknown> {
  return product.rows(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${OTHERS}`)
}

/** How many connections the product has, of those for which this holds. */
async function connections(product: Product, condition = 'true'): Promise<number> {
  const sql = `SELECT count(*)::int FROM pg_stat_activity WHERE ${OTHERS} AND ${condition}`
  const [row] = await product.rows<{ count: number }>(sql)
  return row?.count ?? 0
}

/** How many of the product's connections wait for a lock, or sleep. */
function waiting(product: Product, what: 'Lock' | 'Timeout'): Promise<number> {
  return connections(product, `wait_event_type = '${what}'`)
}

async function untilTrue(claim: string, isTrue: () => Promise<boolean>, limitMs = 10_000): Promise<void> {
  for (const until = performance.now() + limitMs; !(await isTrue()); await sleep(50)) {
    assert.ok(performance.now() < until, claim)
  }
}

// Several at a time, because most of the time goes by in waiting.
describe('on a bad day of the database', { concurrency: true }, () => {
  // Fails when dialect.ts lets through what the driver throws, for a connection that it does not get or for a statement on one that
  // broke (500 each), when the library of our OpenID Provider answers failures itself (500), and when no page offers "Try again".
  describe('PostgreSQL crashes while people are on their way', { concurrency: false }, () => {
    let cluster: TestCluster
    let product: Patient
    const stranded: { where: string; who: Traveller; goOn: () => Promise<string> }[] = []
    let prompt: { who: Traveller; page: Page }
    let departing: Page
    let accessToken: string
    let refreshToken: string

    before(async () => {
      // What was answered is on disk: this crash must not lose what fsync would have kept.
      cluster = await startMigratedCluster({ synchronous_commit: 'on' })
      product = await startPatient(cluster)
      refreshToken = await refreshTokenOf(product)
      accessToken = signedIn(product.application).tokens.accessToken

      const late = traveller(product, 'consent', newcomer())
      departing = await late.browser.open(`${product.application.url}/login`)
      stranded.push({ where: 'choosing an idp', who: late, goOn: () => goOn(late, departing) })
      const away = traveller(product, 'password', newcomer())
      const atIdp = await goToIdp(product, away.browser, 'password')
      stranded.push({ where: 'signing in at the idp', who: away, goOn: () => goOn(away, atIdp) })
      const back = traveller(product, 'silent', newcomer())
      const callback = await callbackOf(product, back.browser, 'silent', back.person)
      const open = (who: Traveller, url: URL) => async () => goOn(who, await who.browser.open(url))
      stranded.push({ where: 'coming back from the idp', who: back, goOn: open(back, callback) })
      for (const mode of ['consent', 'password', 'username'] as const) {
        const { who, page } = await atPrompt(product, mode)
        stranded.push({ where: `at the prompt for ${mode}`, who, goOn: () => goOn(who, page) })
      }
      prompt = await atPrompt(product, 'username')
      const leaving = traveller(product, 'none', newcomer())
      const returning = await callbackOf(product, leaving.browser, 'none', leaving.person)
      const resume = await follow(leaving, returning, (url) => url.pathname.startsWith('/oauth2/authorize/'))
      stranded.push({ where: 'leaving by the door', who: leaving, goOn: open(leaving, resume) })
      const bearer = traveller(product, 'silent', newcomer())
      stranded.push({ where: 'bringing a code', who: bearer, goOn: open(bearer, await withCode(product, bearer)) })

      await cluster.halt('immediate')
    })
    after(async () => {
      await cluster?.resume()
      await product?.stop()
      await cluster?.stop()
    })

    it('every page says so, says when to come back, and offers to try again', async () => {
      const pages = [
        await traveller(product, 'silent', newcomer()).browser.open(`${product.application.url}/login`),
        await prompt.who.browser.open(prompt.page.url),
        await answer(prompt.page, prompt.who.person).press('create'),
        await departing.click('Continue with Acme consent'),
        await prompt.who.browser.open(`${product.url}/commonauth?sessionDataKey=${'x'.repeat(24)}`),
        await prompt.who.browser.open(`${product.url}/commonauth/silent?state=unknown&code=unknown`),
        await prompt.who.browser.open(`${product.url}/oidc/logout?client_id=travel`),
      ]
      for (const page of pages) {
        assertAway(page)
        assert.equal(page.title, 'We are updating this service – Northwind')
        assert.match(page.html, />Try again</)
      }
      // "Try again" on the answer to a form leads to the form's page, which a link can ask for.
      assertAway((await pages[2]?.click('Try again')) as Page)
      assert.equal(pages[2]?.history.length, 1)
    })

    it('servers are told in JSON, and keys and metadata are there', async () => {
      const [code, refresh, userinfo] = await Promise.all([
        askForTokens(product, {
          grant_type: 'authorization_code',
          code: 'any',
          redirect_uri: product.application.redirectUri,
        }),
        askForTokens(product, { grant_type: 'refresh_token', refresh_token: refreshToken }),
        fetch(`${product.url}/oauth2/userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } }),
      ])
      for (const response of [code, refresh, userinfo]) {
        assert.equal(response.status, 503)
        assert.match(response.headers.get('retry-after') ?? '', /^\d+$/)
        assert.equal(((await response.json()) as { error: string }).error, 'temporarily_unavailable')
      }
      for (const path of ['/oauth2/jwks', '/.well-known/openid-configuration', '/livez']) {
        const response = await fetch(product.url + path)
        assert.equal(response.status, 200, path)
        await response.text()
      }
      const ready = await fetch(`${product.url}/readyz`)
      assert.equal(ready.status, 503)
      await ready.text()
    })

    it('an address that could lead out of the house is not offered to try again', () => {
      for (const address of [
        '//evil.example/',
        '/\\evil.example',
        '/.//evil.example',
        'http://evil.example/',
        undefined,
      ]) {
        assert.deepEqual(tryAgain(address), [], address)
      }
      assert.equal(tryAgain('/oauth2/authorize?client_id=travel')[0]?.href, '/oauth2/authorize?client_id=travel')
    })

    it('and when it is back, without a restart of ours, everybody arrives from where they were', async () => {
      await cluster.resume()
      product.network.retarget(cluster.url('postgres'))
      await untilHealthy(product, newcomer)
      for (const { where, who, goOn } of stranded) {
        assert.ok(await goOn(), where)
        assert.equal(who.waits, 0, where)
      }
      await goOn(prompt.who, await prompt.who.browser.open(prompt.page.url))
      const refreshed = await askForTokens(product, { grant_type: 'refresh_token', refresh_token: refreshToken })
      assert.equal(refreshed.status, 200)
      await refreshed.text()
      await assertUnharmed(product)
    })

    // Fails when the trigger below waits for nothing: then both are there before the restart, and nobody has to wait.
    it('a restart under a form and under a callback undoes both, and both succeed at the next try', async () => {
      const form = await atPrompt(product, 'username')
      const back = traveller(product, 'silent', newcomer())
      const callback = await callbackOf(product, back.browser, 'silent', back.person)
      await product.rows(`CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(20); RETURN NEW; END $$`)
      await product.rows('CREATE TRIGGER dawdle BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION dawdle()')
      const answers = Promise.all([answer(form.page, form.who.person).press('create'), back.browser.open(callback)])
      await untilTrue('both are making their user', async () => (await waiting(product, 'Timeout')) === 2)
      await cluster.halt('fast')
      const pages = await answers
      pages.forEach(assertAway)
      await cluster.resume()
      product.network.retarget(cluster.url('postgres'))
      await product.rows('DROP TRIGGER dawdle ON users')
      for (const { person } of [form.who, back]) assert.equal(await storedPerson(product, person.sub), undefined)
      await goOn(form.who, pages[0])
      await goOn(back, pages[1])
      for (const { person } of [form.who, back]) assert.ok(await storedPerson(product, person.sub))
      await assertUnharmed(product)
    })
  })

  it(
    'connections are killed: idle ones cost nobody anything, and of those in use people wait at the most',
    ill(async (product) => {
      // Fails when a read is not asked again on another connection: the news of the kill is slower than the next request.
      const { who, page } = await atPrompt(product, 'username')
      product.network.answerLatencyMs = 50
      for (let round = 0; round < 5; round += 1) {
        await Promise.all([1, 2, 3].map(() => who.browser.open(page.url)))
        await killAll(product)
        assert.equal((await who.browser.open(page.url)).status, 200)
      }
      product.network.answerLatencyMs = 0
      await goOn(who, page)
      assert.equal(who.waits, 0)

      // Fails when 57P01 is not known for the end of a connection (500).
      let waits = 0
      for (let wave = 0; wave < 5 && waits === 0; wave += 1) {
        const people = MODES.map((mode) => traveller(product, mode, newcomer()))
        let isOver = false
        const killing = (async () => {
          for (const until = performance.now() + 3_000; performance.now() < until && !isOver; await sleep(30)) {
            await killAll(product)
          }
        })()
        await Promise.all(people.map(travel))
        isOver = true
        await killing
        waits = people.reduce((sum, { waits }) => sum + waits, 0)
      }
      assert.ok(waits > 0, 'nobody noticed: this killed nothing that was in use')
    }),
  )

  it(
    'a network that swallows everything is noticed, none of its dead connections is used again, and what it cut in two is undone',
    ill(async (product) => {
      // Fails when a connection goes back into the pool with a statement that nobody waits for, or when only the one that hung
      // is thrown away: each of the others costs somebody eight seconds then.
      const { who, page } = await atPrompt(product, 'password')
      await openConnections(who, page)
      product.network.blackHole()
      const connectionString = product.network.through(product.databaseUrl)
      const deaf = new Client({ connectionString, connectionTimeoutMillis: 500 })
      await assert.rejects(deaf.connect(), /timeout/, 'this black hole answers')
      assertAway(await who.browser.open(page.url))
      product.network.heal()
      await goOn(who, await who.browser.open(page.url))
      assert.equal(who.waits, 0)
      await untilHealthy(product, newcomer)

      // Fails without the bound for idle transactions: the flow stays locked for as long as PostgreSQL believes in the connection.
      const cut = traveller(product, 'silent', newcomer())
      const callback = await callbackOf(product, cut.browser, 'silent', cut.person)
      product.network.blackHoleAfter('INSERT INTO identities')
      const away = await cut.browser.open(callback)
      assertAway(away)
      // Not the page of the time limit: the statement had its eight seconds, and its ROLLBACK did not have eight more.
      assert.match(away.html, /data-msg="UPDATING"/)
      product.network.heal()
      await goOn(cut, away)
      assert.ok(await storedPerson(product, cut.person.sub))
    }),
  )

  it(
    'a held lock stops what needs it, and then whoever finds no free connection; what was given up never happens',
    ill(async (product) => {
      const { who, page } = await atPrompt(product, 'consent')
      const crowd = Array.from({ length: 5 }, () => traveller(product, 'silent', newcomer()))
      const choices = await Promise.all(crowd.map(({ browser }) => browser.open(`${product.application.url}/login`)))
      const holder = new Client({ connectionString: product.databaseUrl })
      await holder.connect()
      await holder.query('BEGIN; LOCK TABLE flows IN SHARE MODE')
      const order: string[] = []
      const noted = async (name: string, answer: Promise<Page>) => {
        const page = await answer
        order.push(name)
        return page
      }
      const leave = (choice: Page) => noted('one of those', choice.click('Continue with Acme silent'))
      const [first, ...others] = choices
      const departing = [leave(first as Page)]
      // Who only reads passes meanwhile.
      assert.equal((await noted('a reader', who.browser.open(page.url))).status, 200)
      departing.push(...others.map(leave))
      await untilTrue('all connections are in use', async () => product.running.db.client.pool.numUsed() === 5)
      // Fails when a request waits for a connection as long as the others hold theirs.
      assertAway(await noted('the next', who.browser.open(page.url)))
      assert.deepEqual(order, ['a reader', 'the next'])
      const pages = await Promise.all(departing)
      pages.forEach(assertAway)
      // Fails when a statement that was given up is not cancelled: it waits on, and is carried out when the lock is gone.
      await untilTrue('nobody waits for the lock any more', async () => (await waiting(product, 'Lock')) === 0, 3_000)
      await holder.end()
      await untilHealthy(product, newcomer)
      const departed = await product.rows('SELECT 1 FROM flows WHERE state_hash IS NOT NULL AND called_back_at IS NULL')
      assert.deepEqual(departed, [])
      await Promise.all([goOn(who, page), ...crowd.map((one, index) => goOn(one, pages[index] as Page))])
    }),
  )

  // Fails when what a sign-out means for My Account is asked where no failure is caught: a bare 500 of the library.
  it(
    'connections that are lost while it is looked whether My Account is open: the sign-out can be tried again',
    ill(async (product) => {
      const { browser, person } = traveller(product, 'silent', newcomer())
      await enterAccount(product, 'silent', person, { browser })
      const holder = new Client({ connectionString: product.databaseUrl })
      await holder.connect()
      await holder.query('BEGIN; LOCK TABLE account_sessions IN ACCESS EXCLUSIVE MODE')
      const asked = browser.open(`${product.url}/oidc/logout`)
      let isAnswered = false
      const answered = asked.finally(() => {
        isAnswered = true
      })
      const stuck = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${OTHERS} AND wait_event_type = 'Lock'`
      for (; !isAnswered; await sleep(20)) await product.rows(stuck)
      const page = await answered
      assertAway(page)
      await holder.end()
      assert.match((await browser.open(`${product.url}/oidc/logout`)).text, /Sign out\?/)
    }),
  )

  // Fails without REFUSED_MS in dialect.ts: a refusal came before the connection that is granted, or of eight none was.
  it('a server that grants one connection grants it to whoever comes first of those who come at the same moment', async () => {
    const { url, drop } = await (await testCluster()).clone()
    const one = `one_${new URL(url).pathname.slice(1)}`
    const owner = new Client({ connectionString: url })
    await owner.connect()
    try {
      await owner.query(`CREATE ROLE ${one} LOGIN PASSWORD 'one' CONNECTION LIMIT 1`)
      const asOne = Object.assign(new URL(url), { username: one, password: 'one' }).href
      const held = `SELECT 1 FROM pg_stat_activity WHERE usename = '${one}'`
      for (let rounds = 0; rounds < 15; rounds += 1) {
        const db = connect({ url: asOne, poolMax: 8, ssl: false, onError() {} })
        await Promise.all(Array.from({ length: 8 }, () => isThere(db)))
        await db.destroy()
        await untilTrue('it is free again', async () => (await owner.query(held)).rowCount === 0)
      }
    } finally {
      await owner.query(`DROP ROLE IF EXISTS ${one}`)
      await owner.end()
      await drop()
    }
  })

  it('a server that grants few connections, or none, or only reading', async () => {
    const role = async (databaseUrl: string, sql: (name: string, database: string) => string) => {
      const database = new URL(databaseUrl).pathname.slice(1)
      const owner = new Client({ connectionString: databaseUrl })
      await owner.connect()
      try {
        await owner.query('SET default_transaction_read_only = off')
        await owner.query(sql(`few_${database}`, database))
      } finally {
        await owner.end()
      }
    }
    const asFew = async (databaseUrl: string) => {
      await role(
        databaseUrl,
        (name) => `CREATE ROLE ${name} LOGIN PASSWORD 'few'; GRANT ALL ON SCHEMA public TO ${name};
          GRANT ALL ON ALL TABLES IN SCHEMA public TO ${name}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${name}`,
      )
      const url = new URL(databaseUrl)
      return Object.assign(url, { username: `few_${url.pathname.slice(1)}`, password: 'few' }).href
    }
    const work = async (product: Patient) => {
      // Fails when a refusal to connect ends the request although another connection of ours is about to be free.
      const grant = (limit: number) =>
        role(product.databaseUrl, (name) => `ALTER ROLE ${name} CONNECTION LIMIT ${limit}`)
      await grant(2)
      await killAll(product)
      // A connection that is still ending counts: with both places taken by such there would be none to make do with.
      await untilTrue('they are gone', async () => (await connections(product)) === 0)
      const people = Array.from({ length: 8 }, () => traveller(product, 'silent', newcomer()))
      await Promise.all(people.map(travel))
      assert.deepEqual(failedBy(product, '53300'), [])
      const { who, page } = await atPrompt(product, 'username')
      await grant(0)
      await killAll(product)
      assertAway(await who.browser.open(page.url))
      assert.equal(failedBy(product, '53300').length, 1)
      await grant(5)
      await untilHealthy(product, newcomer)

      // Fails when a connection that was told "read-only", as a standby's is, goes back into the pool: it stays so, whatever the
      // server has become.
      const write = (isAllowed: boolean) =>
        role(
          product.databaseUrl,
          (_, name) => `ALTER DATABASE ${name} SET default_transaction_read_only = ${!isAllowed}`,
        )
      await write(false)
      await killAll(product)
      await openConnections(who, page)
      assert.equal((await who.browser.open(page.url)).status, 200)
      const refused = await answer(page, who.person).press('create')
      assertAway(refused)
      assertAway(await traveller(product, 'silent', newcomer()).browser.open(`${product.application.url}/login`))
      await write(true)
      await untilHealthy(product, newcomer)
      await goOn(who, refused)
    }
    await ill(work, { database: asFew })()
  })

  // Fails without the limit of a whole request, and without at-once.ts: the interaction was used up then, and "Try again" leads
  // to a 400.
  it(
    'five seconds for every message: an answer in time, and the way goes on where it was',
    ill(async (product) => {
      const { who, page } = await atPrompt(product, 'consent')
      const leaving = traveller(product, 'none', newcomer())
      const callback = await callbackOf(product, leaving.browser, 'none', leaving.person)
      const resume = await follow(leaving, callback, (url) => url.pathname.startsWith('/oauth2/authorize/'))
      product.network.latencyMs = 5_000
      // The answers to the question, because the question itself asks the database so little that it may be there in time.
      const pages = await Promise.all([answer(page, who.person).press('create'), leaving.browser.open(resume)])
      pages.forEach(assertAway)
      product.network.latencyMs = 0
      await untilHealthy(product, newcomer)
      await goOn(who, pages[0])
      await goOn(leaving, pages[1])
    }),
  )

  describe('PostgreSQL undoes what we ask', { concurrency: false }, () => {
    let product: Patient
    before(async () => {
      product = await startPatient(await testCluster())
    })
    after(() => product?.stop())

    /** From now on this fails with this SQLSTATE, so many times. A sequence counts, since nothing that is undone takes it back. */
    async function trouble(code: string, times: number, trigger: string): Promise<() => Promise<number>> {
      await product.rows('CREATE SEQUENCE troubles')
      await product.rows(`CREATE FUNCTION make_trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('troubles') <= ${times} THEN RAISE EXCEPTION 'made by a test' USING ERRCODE = '${code}'; END IF;
        RETURN NEW; END $$`)
      await product.rows(`CREATE ${trigger} FOR EACH ROW EXECUTE FUNCTION make_trouble()`)
      return async () => {
        const [row] = await product.rows<{ count: number }>('SELECT last_value::int AS count FROM troubles')
        await product.rows('DROP FUNCTION make_trouble CASCADE')
        await product.rows('DROP SEQUENCE troubles')
        return row?.count ?? 0
      }
    }

    const MAKING_A_USER = 'TRIGGER trouble BEFORE INSERT ON users'

    // Each fails without the trying again: the person waits then.
    const undone: [title: string, code: string, trigger: string][] = [
      ['a serialization failure', '40001', MAKING_A_USER],
      ['a deadlock', '40P01', MAKING_A_USER],
      [
        'a serialization failure at COMMIT',
        '40001',
        'CONSTRAINT TRIGGER trouble AFTER INSERT ON users INITIALLY DEFERRED',
      ],
      [
        'a serialization failure of a single statement',
        '40001',
        'TRIGGER trouble BEFORE UPDATE OF state_hash ON flows',
      ],
    ]
    for (const [title, code, trigger] of undone) {
      it(`${title}, twice: it is tried again, and nobody notices`, async () => {
        const end = await trouble(code, 2, trigger)
        const who = traveller(product, 'username', newcomer())
        await travel(who)
        assert.equal(await end(), 3)
        assert.equal(who.waits, 0)
        assert.ok(await storedPerson(product, who.person.sub))
        await assertUnharmed(product)
      })
    }

    const refused: [title: string, code: string][] = [
      ['a serialization failure every time', '40001'],
      ['a full disk', '53100'],
      ['no memory', '53200'],
      ['a failure of its disk', '58030'],
      ['a lock that it does not get', '55P03'],
    ]
    for (const [title, code] of refused) {
      it(`${title}: nothing is kept, and the next try finds everything as it was`, async () => {
        const { who, page } = await atPrompt(product, 'username')
        const end = await trouble(code, 1_000, MAKING_A_USER)
        const refused = await answer(page, who.person).press('create')
        assertAway(refused)
        assert.equal(await storedPerson(product, who.person.sub), undefined)
        assert.ok((await end()) <= 3)
        await goOn(who, refused)
        assert.ok(await storedPerson(product, who.person.sub))
        await assertUnharmed(product)
      })
    }

    // Fails without at-once.ts: the interaction, or the code, was used up by the statement before.
    for (const model of ['AuthorizationCode', 'AccessToken', 'Session', 'Grant']) {
      it(`refuses to keep the ${model} at the door: the step can be made again`, async () => {
        const end = await trouble(
          '53100',
          1,
          `TRIGGER trouble BEFORE INSERT ON oidc_records`.concat(
            ` FOR EACH ROW WHEN (NEW.model = '${model}') EXECUTE FUNCTION make_trouble(); --`,
          ),
        )
        for (const mode of ['none', 'silent'] as const) {
          const who = traveller(product, mode, newcomer())
          await travel(who)
          if (mode === 'none') assert.equal(who.waits, 1)
        }
        assert.ok((await end()) >= 2)
        await assertUnharmed(product)
      })
    }

    // Fails when what nobody was told is kept all the same: the token was used up then, and its second use ends the grant.
    it('an application that stopped waiting for new tokens uses its old one again', async () => {
      const token = await refreshTokenOf(product)
      await product.rows(`CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$`)
      await product.rows(`CREATE TRIGGER dawdle BEFORE INSERT ON oidc_records FOR EACH ROW
        WHEN (NEW.model = 'RefreshToken') EXECUTE FUNCTION dawdle()`)
      const impatient = new AbortController()
      const given = askForTokens(product, { grant_type: 'refresh_token', refresh_token: token }, impatient.signal)
      await untilTrue('tokens are being made', async () => (await waiting(product, 'Timeout')) === 1)
      impatient.abort()
      await assert.rejects(given)
      await untilTrue('and were made', async () => product.running.db.client.pool.numUsed() === 0)
      await product.rows('DROP FUNCTION dawdle CASCADE')
      const again = await askForTokens(product, { grant_type: 'refresh_token', refresh_token: token })
      assert.equal(again.status, 200, await again.text())
    })

    // The other transaction never gives way (deadlock_timeout): without trying again, the person waits.
    it('a real deadlock with another transaction', async () => {
      const { who, page } = await atPrompt(product, 'username')
      const other = new Client({ connectionString: product.databaseUrl })
      await other.connect()
      await other.query("SET deadlock_timeout = '1min'; BEGIN")
      await other.query(
        "INSERT INTO users (id, store, username, username_canonical) VALUES (gen_random_uuid(), 'PRIMARY', $1, $1)",
        [who.person.preferred_username],
      )
      const answered = answer(page, who.person).press('create')
      await untilTrue('the product waits for the other', async () => (await waiting(product, 'Lock')) === 1)
      await other.query('UPDATE flows SET asked_at = asked_at WHERE closed_at IS NULL')
      await other.query('ROLLBACK')
      await other.end()
      await goOn(who, await answered)
      assert.equal(who.waits, 0)
      await assertUnharmed(product)
    })
  })
})
