// The second factor at a sign-in: asked for after the idp or the password and before the door, and set up where it is required.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { COMMAND_LINE } from '../../src/db/changes.ts'
import { inTransaction } from '../../src/db/connect.ts'
import { unlinkIdp } from '../../src/db/removal.ts'
import { sweep } from '../../src/db/sweep.ts'
import { findTotp, putTotp } from '../../src/db/user-factors.ts'
import { deleteUser } from '../../src/db/user-state.ts'
import { tracesOf } from '../../src/login/traces.ts'
import { createKeyring } from '../../src/seal.ts'
import { enterWithPassword, join } from '../support/account.ts'
import { openBrowser, type Page } from '../support/browser.ts'
import { codeOf, enhanced, giveTotp, mailedCode } from '../support/factors.ts'
import { brokenInvariants } from '../support/invariants.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, SECRET_KEY, startProduct } from '../support/product.ts'
import { openSmtpSink, type SmtpSink } from '../support/smtp.ts'
import { codesOn, knownPerson, newcomer, refused, signedIn, storedPerson, visit } from '../support/visits.ts'

const MODES = ['silent', 'consent', 'password', 'username', 'none'] as const
const STEP_MS = 30_000

describe('the second factor at a sign-in', () => {
  let product: Product
  let sink: SmtpSink
  before(async () => {
    sink = await openSmtpSink()
    product = await startProduct({ modes: [...MODES], smtpUrl: sink.url })
    await product.redeclare(enhanced({}))
  })
  after(async () => {
    await product.stop()
    await sink.close()
  })

  const at = (page: Page) => new URL(page.url).pathname

  /** Somebody known by the silent idp who has an app; and its secret. */
  async function withApp(mode: 'silent' | 'password' = 'silent') {
    const person = newcomer()
    const userId = await join(
      product,
      mode,
      person,
      mode === 'password' ? { ticks: ['recover:email'], password: PASSWORD } : {},
    )
    return { person, userId, secret: await giveTotp(product, userId) }
  }

  /** The next code: each counts once. */
  function next(secret: string): string {
    product.clock.now = new Date(product.clock.now.getTime() + STEP_MS)
    return codeOf(secret, product.clock.now)
  }

  it('is asked for after the idp, and the application hears of nobody before it is shown', async () => {
    const { person, userId, secret } = await withApp()
    const before = product.application.results.length
    const page = await visit(product, 'silent', person)
    assert.equal(at(page), '/authenticationendpoint/totp.do')
    assert.equal(page.status, 200)
    assert.equal(product.application.results.length, before)
    assert.match(page.text, /Northwind can reset your second factor/)
    await page.fill({ code: next(secret) }).press('Continue')
    assert.equal(signedIn(product.application).sub, userId)
  })

  it('is asked for after a password as well', async () => {
    const { person, secret } = await withApp('password')
    const { username } = (await knownPerson(product, person.sub)).user
    const page = await enterWithPassword(product, username, PASSWORD)
    assert.equal(at(page), '/authenticationendpoint/totp.do')
    const inside = await page.fill({ code: next(secret) }).press('Continue')
    assert.equal(at(inside), '/myaccount')
  })

  it('cannot be walked around: no address of the sign-in leads out before it is shown (S166)', async () => {
    const { person } = await withApp()
    const before = product.application.results.length
    const browser = openBrowser()
    const page = await visit(product, 'silent', person, { browser })
    const key = new URL(page.url).searchParams.get('sessionDataKey')
    for (const path of [
      `/commonauth?sessionDataKey=${key}`,
      `/commonauth?sessionDataKey=${key}&continue=1`,
      `/accountrecoveryendpoint/signup.do?sessionDataKey=${key}`,
      `/accountrecoveryendpoint/connect.do/finish?sessionDataKey=${key}`,
      ...browser.history.filter((url) => url.includes('/commonauth/')).map((url) => url.slice(product.url.length)),
    ]) {
      const led = await browser.open(product.url + path)
      assert.equal(at(led), '/authenticationendpoint/totp.do', path)
    }
    assert.notEqual(at(await browser.open(`${product.url}/myaccount/privacy`)), '/myaccount/privacy')
    assert.equal(product.application.results.length, before)
  })

  it('a wrong code is told, and a right one counts once, at whichever sign-in', async () => {
    const { person, secret } = await withApp()
    const code = next(secret)
    const page = await visit(product, 'silent', person)
    const again = await page.fill({ code: '000000' === code ? '000001' : '000000' }).press('Continue')
    assert.equal(again.status, 422)
    assert.equal(codesOn(again)[0], 'FACTOR_WRONG')
    await again.fill({ code: `${code.slice(0, 3)} ${code.slice(3)}` }).press('Continue')
    const second = await (await visit(product, 'silent', person)).fill({ code }).press('Continue')
    assert.deepEqual([second.status, codesOn(second)[0]], [422, 'FACTOR_WRONG'])
  })

  it('after ten tries waits, in another sign-in and another browser as well (S164)', async () => {
    const { person, secret } = await withApp()
    for (let tries = 0; tries < 10; tries += 1) {
      const page = await (await visit(product, 'silent', person)).fill({ code: '12' }).press('Continue')
      assert.equal(page.status, 422)
    }
    const page = await (await visit(product, 'silent', person)).fill({ code: next(secret) }).press('Continue')
    assert.equal(page.status, 429)
    assert.equal(codesOn(page)[0], 'TOO_MANY')
    product.clock.now = new Date(product.clock.now.getTime() + 11 * 60_000)
    await page.fill({ code: next(secret) }).press('Continue')
  })

  it('whoever does not want to go on is led back, and nobody is signed in', async () => {
    const { person } = await withApp()
    const page = await visit(product, 'silent', person)
    const declined = await page.press('Return to Travel')
    assert.deepEqual(codesOn(declined), ['LEFT'])
    assert.match(declined.text, /You are not signed in .*Nothing about your account has changed/)
    await declined.click('Return to Travel')
    assert.equal(refused(product.application).error, 'access_denied')
  })

  describe('required by an operator', () => {
    before(async () => {
      // The library of the OpenID Provider has a clock of its own.
      product.clock.now = new Date()
      await product.redeclare(enhanced({ everybody: true }))
    })
    after(() => product.redeclare(enhanced({})))

    for (const mode of ['silent', 'consent', 'password', 'username'] as const) {
      it(`is set up by somebody new in the mode ${mode}, after the user is there, and then lets them in`, async () => {
        const person = newcomer()
        let page = await visit(product, mode, person)
        if (mode !== 'silent') {
          page.tick('recover:email')
          if (mode !== 'consent') page.fill({ password: PASSWORD })
          page = await page.press('Create account')
        }
        assert.equal(at(page), '/authenticationendpoint/totp_enroll.do')
        const kept = await storedPerson(product, person.sub)
        assert.ok(kept, 'the user is there before the factor is')
        const secret = /<code class="key"[^>]*>([^<]+)</.exec(page.html)?.[1]?.replaceAll(' ', '') ?? assert.fail()
        const codes = await page.fill({ code: codeOf(secret, product.clock.now) }).press('Continue')
        assert.equal([...codes.html.matchAll(/<li><code dir="ltr">/g)].length, 10)
        await codes.click('I have kept them')
        assert.equal(signedIn(product.application).sub, kept.user.id)
        const records = await product.rows<{ event: string }>('SELECT event FROM audit_events WHERE user_id = $1', [
          kept.user.id,
        ])
        assert.deepEqual(records, [{ event: 'user-created' }])
      })
    }

    it('whoever leaves in the middle is not lost: the same user sets one up at the next sign-in', async () => {
      const person = newcomer()
      const page = await visit(product, 'silent', person)
      assert.equal(at(page), '/authenticationendpoint/totp_enroll.do')
      const { user } = (await storedPerson(product, person.sub)) ?? assert.fail()
      const again = await visit(product, 'silent', person)
      assert.equal(at(again), '/authenticationendpoint/totp_enroll.do')
      assert.equal((await storedPerson(product, person.sub))?.user.id, user.id)
    })

    /** Somebody new who was asked, was made a user, and is to set up a factor. */
    async function madeHere() {
      const person = newcomer()
      const question = (await visit(product, 'consent', person)).tick('recover:email')
      const page = await question.press('Create account')
      assert.equal(at(page), '/authenticationendpoint/totp_enroll.do')
      return { person, page, userId: (await knownPerson(product, person.sub)).user.id }
    }

    const recordsOf = (userId: string) =>
      product.rows<{ event: string; late: string; store: string; page: string; decided: string }>(
        `SELECT event, detail->>'late' AS late, detail->>'store' AS store, asked->>'page' AS page, decision->>'kind' AS decided
         FROM audit_events WHERE user_id = $1`,
        [userId],
      )
    const MADE = { late: 'user-created', store: 'PRIMARY', page: 'signup', decided: 'ask' }

    it('whoever leaves then is told that their account is there, and so is the record', async () => {
      const { page, userId } = await madeHere()
      const left = await page.press('Return to Travel')
      assert.deepEqual(codesOn(left), ['LEFT_NEW'])
      assert.match(left.text, /Your account has been created, but you are not signed in/)
      assert.doesNotMatch(left.text, /deleted/)
      assert.deepEqual(await recordsOf(userId), [{ event: 'declined', ...MADE }])
      // Of somebody else, who is still on the way, nothing is on record yet.
      const broken = await brokenInvariants(product.rows)
      assert.deepEqual(
        broken.filter((one) => one.includes(userId)),
        [],
      )
    })

    // Led round in a circle, because a flow makes one user; and another could not answer again what it has kept as proof.
    it('whose user is deleted then begins again, and becomes a user once more', async () => {
      const { person, page, userId } = await madeHere()
      const traces = tracesOf({ keyring: createKeyring(SECRET_KEY) })
      const done = await deleteUser(product.running.db, userId, COMMAND_LINE, traces, product.clock.now)
      assert.equal(done, 'done')
      const over = await page.fill({ code: '123456' }).press('Continue')
      assert.equal(over.status, 410)
      const question = (await over.click('Start again with Acme consent')).tick('recover:email')
      const again = await question.press('Create account')
      assert.equal(at(again), '/authenticationendpoint/totp_enroll.do')
      assert.notEqual((await knownPerson(product, person.sub)).user.id, userId)
    })

    it('for somebody who was deleted since they were found no app is begun, and nothing fails', async () => {
      const gone = { userId: randomUUID(), boundTo: 'a sign-in', secretSealed: Buffer.from('sealed') }
      await putTotp(product.running.db, gone)
      assert.equal(await findTotp(product.running.db, gone.userId, gone.boundTo), undefined)
    })

    it('whose idp is deleted then begins anew, while their user stays', async () => {
      const person = newcomer()
      const question = (await visit(product, 'password', person)).tick('recover:email').fill({ password: PASSWORD })
      const page = await question.press('Create account')
      const { user } = await knownPerson(product, person.sub)
      const sql = `SELECT idp_id AS id FROM identities WHERE user_id = $1`
      const [{ id } = assert.fail()] = await product.rows<{ id: string }>(sql, [user.id])
      await inTransaction(product.running.db, (transaction) => unlinkIdp(transaction, id, product.clock.now))
      const over = await page.fill({ code: '123456' }).press('Continue')
      assert.deepEqual([over.status, codesOn(over)], [410, ['EXPIRED']])
      assert.equal((await product.rows('SELECT 1 FROM users WHERE id = $1', [user.id])).length, 1)
    })

    it('the record of whoever lets the time run out then tells of their user, too', async () => {
      const { userId } = await madeHere()
      await sweep(product.running.db, new Date(product.clock.now.getTime() + 60 * 60_000))
      assert.deepEqual(await recordsOf(userId), [{ event: 'expired', ...MADE }])
    })

    it('codes by email do, to the checked address alone', async () => {
      const person = newcomer()
      const page = await (await visit(product, 'silent', person)).click('Use codes by email')
      assert.equal(at(page), '/authenticationendpoint/email_otp_enroll.do')
      assert.doesNotMatch(page.html, new RegExp(person.email))
      const sent = await page.press('Send a code')
      const codes = await sent.fill({ code: await mailedCode(sink, person.email) }).press('Continue')
      await codes.click('I have kept them')
      assert.equal(signedIn(product.application).sub, (await storedPerson(product, person.sub))?.user.id)
      const unchecked = newcomer({ email_verified: false })
      assert.doesNotMatch((await visit(product, 'silent', unchecked)).text, /Use codes by email/)
    })

    it('somebody whom an idp does not make a user is refused: they could have none', async () => {
      const page = await visit(product, 'none', newcomer())
      assert.equal(page.status, 409)
      assert.deepEqual(codesOn(page), ['LOCAL_USER_REQUIRED'])
    })
  })

  it('is required of whoever comes by an idp, or enters an application, that says so', async () => {
    const person = newcomer()
    await join(product, 'silent', person)
    await product.redeclare(enhanced({ idp: 'silent' }))
    assert.equal(at(await visit(product, 'silent', person)), '/authenticationendpoint/totp_enroll.do')
    await product.redeclare(enhanced({ application: 'travel' }))
    assert.equal(at(await visit(product, 'silent', person)), '/authenticationendpoint/totp_enroll.do')
    await product.redeclare(enhanced({}))
    await visit(product, 'silent', person)
    assert.equal(signedIn(product.application).sub, (await storedPerson(product, person.sub))?.user.id)
  })

  it('a session that showed none is not enough once one is required, and one that did is', async () => {
    const person = newcomer()
    const browser = openBrowser()
    await visit(product, 'silent', person, { browser })
    const { sub: userId } = signedIn(product.application)
    const count = () => product.application.results.length
    const before = count()
    await browser.open(`${product.application.url}/login`)
    assert.equal(count(), before + 1, 'the session is enough')
    const secret = await giveTotp(product, userId)
    const page = await visit(product, 'silent', person, { browser })
    assert.equal(at(page), '/authenticationendpoint/totp.do')
    await page.fill({ code: next(secret) }).press('Continue')
    const then = count()
    await browser.open(`${product.application.url}/login`)
    assert.equal(count(), then + 1, 'the session showed one')
  })

  it('off, nobody is asked for one that they have', async () => {
    const { person, userId } = await withApp()
    await product.redeclare(enhanced({ isOn: false }))
    await visit(product, 'silent', person)
    assert.equal(signedIn(product.application).sub, userId)
    await product.redeclare(enhanced({}))
  })
})
