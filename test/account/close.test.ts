// Close my account: everything that says something of the person goes at once, and whoever comes back is somebody new.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { putRecord } from '../../src/db/oidc-records.ts'
import { closeAccount } from '../../src/db/user-state.ts'
import { lockUser } from '../../src/db/users.ts'
import { tracesOf } from '../../src/login/traces.ts'
import { sha256 } from '../../src/seal.ts'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { makeOperator, OPERATOR_PASSWORD, postBeside } from '../support/console.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { callbackOf } from '../support/road.ts'
import {
  codesOn,
  knownPerson,
  type Newcomer,
  newcomer,
  signedIn,
  storedPerson,
  submit,
  visit,
} from '../support/visits.ts'
import { backFrom } from '../support/ways-in.ts'

const MINUTE = 60_000
const TICKS = ['recover:email', 'recover:phone_number', 'office:department']
const CLIENT = ['travel', 'a secret of the travel application'].map(encodeURIComponent)
const CLOSE = 'Close my account and delete my details'

describe('Close my account', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent', 'password', 'username'] })
  })
  after(() => product.stop())

  async function joined(claims = {}): Promise<{ id: string; person: Newcomer; browser: Browser; page: Page }> {
    const person = newcomer(claims)
    const browser = openBrowser()
    const id = await join(product, 'consent', person, { ticks: TICKS })
    return { id, person, browser, page: await enterAccount(product, 'consent', person, { browser, to: '/close' }) }
  }

  /** The tables that still have rows of a user, by any column that holds their id. */
  async function tablesWith(userId: string): Promise<string[]> {
    const columns = await product.rows<{ table: string }>(
      `SELECT table_name AS table FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'user_id' ORDER BY 1`,
    )
    assert.ok(columns.length > 10)
    const found: string[] = []
    // Of the records, too: a checkpoint that was made meanwhile has the last one of everybody.
    for (const { table } of columns.filter(({ table }) => table !== 'consent_checkpoint_heads'))
      if ((await product.rows(`SELECT 1 FROM ${table} WHERE user_id = $1 LIMIT 1`, [userId])).length > 0)
        found.push(table)
    return found
  }

  async function assertNothingOf(person: Newcomer): Promise<void> {
    const dump = await product.dump()
    for (const name of ['sub', 'preferred_username', 'name', 'email', 'phone_number', 'department'] as const)
      assert.ok(!dump.includes(String(person[name])), `${name} is still somewhere`)
  }

  it('says what goes and what stays, and GET closes nothing', async () => {
    const { person, page } = await joined()
    assert.equal(page.status, 200)
    for (const words of [
      'What we delete',
      'What stays',
      'Email address',
      'Mobile number',
      'Department',
      'Keep my account',
    ])
      assert.ok(page.text.includes(words), words)
    assert.match(page.text, new RegExp(`Your username: ${person.preferred_username}`))
    assert.match(page.text, /The connection to Acme consent, and the code that it uses for you/)
    assert.ok(await storedPerson(product, person.sub))
  })

  it('deletes every value everywhere, ends every session, takes the cookie back, and keeps the proof without values', async () => {
    const { id, person, browser, page } = await joined()
    const elsewhere = openBrowser()
    await enterAccount(product, 'consent', person, { browser: elsewhere })
    await visit(product, 'consent', person, { browser: elsewhere, query: { scope: 'openid email offline_access' } })
    await product.rows(`INSERT INTO user_roles (user_id, role, origin) VALUES ($1, 'approver', 'operator')`, [id])
    await (await browser.open(`${product.url}/myaccount/privacy`)).press('Stop and delete Department')
    const closed = await page.press(CLOSE)
    assert.equal(closed.status, 200)
    assert.equal(new URL(closed.url).pathname, '/myaccount/closed')
    assert.match(closed.text, /Your account is closed/)
    assert.equal(browser.cookies.header(new URL(product.url), { method: 'GET' })?.includes('vestibule.account'), false)
    assert.deepEqual(await tablesWith(id), ['audit_events', 'consent_heads', 'consents'])
    await assertNothingOf(person)
    const records = await product.rows<{ state: string; purpose_id: string; attribute: string }>(
      'SELECT state, purpose_id, attribute FROM consents WHERE user_id = $1 ORDER BY sequence',
      [id],
    )
    assert.equal(records.length, 5)
    assert.deepEqual(records.at(-1), { state: 'closed', purpose_id: '', attribute: '' })
    for (const one of [browser, elsewhere]) {
      const answer = await one.fetch(`${product.url}/myaccount`)
      assert.equal(answer.status, 303)
    }
  })

  it('the same subject coming back is somebody new, with another id, and inherits nothing', async () => {
    const { id, person, page } = await joined()
    await product.rows(`INSERT INTO user_roles (user_id, role, origin) VALUES ($1, 'approver', 'operator')`, [id])
    await page.press(CLOSE)
    const again = await join(product, 'consent', person, { ticks: ['recover:email'] })
    assert.notEqual(again, id)
    const { attributes, consents } = await knownPerson(product, person.sub)
    assert.deepEqual(
      attributes.map(({ name }) => name),
      ['email'],
    )
    assert.equal(consents.length, 3)
    assert.equal(signedIn(product.application).userinfo['roles'], undefined)
    const account = await enterAccount(product, 'consent', person, { to: '/activity' })
    assert.equal(account.text.match(/You joined with/g)?.length, 1)
  })

  it('another person who takes the name gets none of it', async () => {
    const { id, person, page } = await joined()
    await page.press(CLOSE)
    const heir = newcomer({ preferred_username: person.preferred_username })
    const other = await join(product, 'consent', heir, { ticks: ['recover:email'] })
    assert.notEqual(other, id)
    assert.equal((await knownPerson(product, heir.sub)).user.username, person.preferred_username)
    const account = await enterAccount(product, 'consent', heir, { to: '/privacy' })
    assert.ok(!account.html.includes(person.phone_number))
  })

  it('asks for a fresh proof, by the idp for whoever has no password, and then closes', async () => {
    const { person, browser, page } = await joined()
    product.clock.now = new Date(product.clock.now.getTime() + 6 * MINUTE)
    const refused = await submit(browser, page, CLOSE)
    assert.equal(refused.status, 303)
    assert.match(refused.headers.get('Location') ?? '', /\/myaccount\/confirm\?next=%2Fclose$/)
    assert.ok(await storedPerson(product, person.sub))
    const confirm = await browser.open(`${product.url}/myaccount/close`)
    assert.equal(new URL(confirm.url).pathname, '/myaccount/confirm')
    product.idp.signInAs = person.sub
    const back = await confirm.click('Sign in again with Acme consent')
    assert.equal(new URL(back.url).pathname, '/myaccount/close')
    await back.press(CLOSE)
    assert.equal(await storedPerson(product, person.sub), undefined)
  })

  it('asks whoever has a password for it', async () => {
    const person = newcomer()
    await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    const browser = openBrowser()
    await enterWithPassword(product, person.preferred_username, PASSWORD, { browser })
    product.clock.now = new Date(product.clock.now.getTime() + 6 * MINUTE)
    const confirm = await browser.open(`${product.url}/myaccount/close`)
    const page = await confirm.fill({ password: PASSWORD }).press('Confirm')
    assert.match(page.text, /Your password/)
    await page.press(CLOSE)
    assert.equal(await storedPerson(product, person.sub), undefined)
    const after = await enterWithPassword(product, person.preferred_username, PASSWORD)
    assert.deepEqual([...new Set(codesOn(after))], ['SIGNIN_FAILED'])
  })

  it('an operator has to cease to be one first, and is told so', async () => {
    const operator = await makeOperator(product, 'closer', 'owner')
    const browser = openBrowser()
    const page = await enterWithPassword(product, 'closer', OPERATOR_PASSWORD, { browser, to: '/close' })
    assert.deepEqual(codesOn(page), ['CLOSE_OPERATOR'])
    assert.doesNotMatch(page.html, /<button[^>]*danger/)
    const answer = await postBeside(browser, page, {})
    assert.equal(answer.status, 422)
    assert.ok((await tablesWith(operator.id)).includes('operators'))
  })

  it('takes along what an open prompt of theirs had sealed, and how often their name was tried', async () => {
    const person = newcomer()
    const browser = openBrowser()
    const id = await join(product, 'password', person, { ticks: TICKS, password: PASSWORD })
    const page = await enterAccount(product, 'password', person, { browser, to: '/close' })
    await enterWithPassword(product, person.preferred_username, 'not the password')
    const [brakes] = await product.rows<{ count: number }>('SELECT count(*)::int AS count FROM brakes')
    // The person is known: a prompt opens for them only once their user is gone, so one is put back.
    await product.rows('UPDATE identities SET subject = subject || $2 WHERE user_id = $1', [id, '-away'])
    const other = openBrowser()
    const prompt = await visit(product, 'password', person, { browser: other })
    assert.match(prompt.url, /signup\.do/)
    await product.rows('UPDATE identities SET subject = $2 WHERE user_id = $1', [id, person.sub])
    const sealed = async () =>
      (await product.rows('SELECT 1 FROM flows WHERE profile_sealed IS NOT NULL AND closed_at IS NULL')).length
    const before = await sealed()
    assert.ok(before > 0)
    await page.press(CLOSE)
    assert.equal(await sealed(), before - 1)
    const [left] = await product.rows<{ count: number }>('SELECT count(*)::int AS count FROM brakes')
    assert.equal(Number(left?.count), Number(brakes?.count) - 1)
    const after = await prompt.tick('recover:email').fill({ password: PASSWORD }).press('Create account')
    assert.notEqual(after.status, 500)
    assert.equal(await storedPerson(product, person.sub), undefined)
  })

  it('wins or loses whole against a sign-in, a choice, a change and itself at the same moment', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { id, person, browser, page } = await joined()
      const privacy = await browser.open(`${product.url}/myaccount/privacy`)
      const edit = await (await browser.open(`${product.url}/myaccount`)).click('Change Department')
      const answers = await Promise.all([
        submit(browser, page, CLOSE),
        submit(browser, page, CLOSE),
        submit(browser, privacy, 'Stop and delete Mobile number'),
        submit(browser, edit, 'Save', { value: `Other ${round}` }),
        visit(product, 'consent', person),
      ])
      for (const { status } of answers) assert.ok(status < 500, String(status))
      assert.deepEqual(await tablesWith(id), ['audit_events', 'consent_heads', 'consents'], `round ${round}`)
      const states = await product.rows<{ state: string }>(
        'SELECT state FROM consents WHERE user_id = $1 ORDER BY sequence',
        [id],
      )
      assert.equal(states.at(-1)?.state, 'closed', 'the last record is the last')
      assert.equal(states.filter(({ state }) => state === 'closed').length, 1)
      assert.equal(await storedPerson(product, person.sub), undefined, 'nobody answered a question')
    }
  })

  it('waits for what the OpenID Provider is about to keep of the person, and nothing is kept of them after', async () => {
    const { house } = product.running
    const { db } = house
    const { id } = await joined()
    const record = (name: string) => ({
      model: 'RefreshToken',
      idHash: sha256(name),
      payloadSealed: Buffer.from(name),
      grantIdHash: null,
      uidHash: null,
      userId: id,
      expiresAt: new Date(Date.now() + 3_600_000),
    })
    const refreshing = await db.transaction()
    await putRecord(refreshing, record(`before ${id}`))
    let isOver = false
    const closing = closeAccount(db, id, tracesOf(house), house.now()).finally(() => (isOver = true))
    await sleep(300)
    assert.equal(isOver, false)
    await refreshing.commit()
    assert.equal(await closing, 'done')
    await putRecord(db, record(`after ${id}`))
    assert.deepEqual(await tablesWith(id), ['audit_events', 'consent_heads', 'consents'])
  })

  it('waits for whoever signs in as the person, and takes nothing from them that they wait for', async () => {
    const { house } = product.running
    const { id, person, browser } = await joined()
    product.idp.signInAs = person.sub
    const back = await backFrom(browser, `${product.url}/myaccount/confirm/idp?idp=consent&next=/close`)
    const signingIn = await house.db.transaction()
    await lockUser(signingIn, id)
    const closing = closeAccount(house.db, id, tracesOf(house), house.now())
    await sleep(300)
    await signingIn.raw(`SET LOCAL lock_timeout = '500ms'`)
    const flow = back.searchParams.get('sessionDataKey') ?? assert.fail()
    await signingIn.raw('UPDATE flows SET failure = failure WHERE id = ?', [flow])
    await signingIn.commit()
    assert.equal(await closing, 'done')
    await assertNothingOf(person)
  })

  it('leaves every sign-in of the person that comes back at the same moment with an answer', async () => {
    for (let round = 0; round < 8; round += 1) {
      const person = newcomer()
      const browser = openBrowser()
      await join(product, 'silent', person)
      const page = await enterAccount(product, 'silent', person, { browser, to: '/close' })
      const returns: (() => Promise<Response>)[] = []
      for (let index = 0; index < 4; index += 1) {
        const own = openBrowser()
        const callback = await callbackOf(product, own, 'silent', person)
        returns.push(() => own.fetch(callback))
      }
      const answers = await Promise.all([...returns.map((comes) => comes()), submit(browser, page, CLOSE)])
      assert.deepEqual(
        answers.map(({ status }) => status),
        Array(5).fill(303),
      )
    }
  })

  it('leaves nothing of the person’s at the OpenID Provider, whatever an application asks for at the same moment', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { id, person, page } = await joined()
      await visit(product, 'consent', person, { query: { scope: 'openid email offline_access', prompt: 'consent' } })
      const { refreshToken, accessToken } = signedIn(product.application).tokens
      const refresh = () =>
        fetch(`${product.url}/oauth2/token`, {
          method: 'POST',
          headers: { Authorization: `Basic ${Buffer.from(CLIENT.join(':')).toString('base64')}` },
          body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken ?? assert.fail() }),
        })
      const [closed, ...refreshed] = await Promise.all([page.press(CLOSE), refresh(), refresh()])
      assert.match(closed.text, /Your account is closed/)
      for (const { status } of refreshed) assert.ok(status === 200 || status === 400 || status === 503, String(status))
      assert.deepEqual(await tablesWith(id), ['audit_events', 'consent_heads', 'consents'], `round ${round}`)
      const told = await fetch(`${product.url}/oauth2/userinfo`, {
        headers: { Authorization: `Bearer ${accessToken}` },
      })
      assert.equal(told.status, 401)
      assert.equal((await refresh()).status, 400)
    }
  })
})
