// Second factors in My Account: set up, shown before what matters, removed, and worth nothing twice.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { enterAccount, enterAs, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import {
  backupCodesOn,
  codeOf,
  codeSentTo,
  enhanced,
  factorsKept,
  growOld,
  nextStep,
  secretOn,
  setUpApp,
} from '../support/factors.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, PURPOSES, startProduct } from '../support/product.ts'
import { openSmtpSink, type SmtpSink } from '../support/smtp.ts'
import { codesOn, type Newcomer, newcomer, postForm, submit } from '../support/visits.ts'
import { beginConnecting, eventsOf, isInside, openSignIn } from '../support/ways-in.ts'

const HOME = '/myaccount/sign-in'

describe('second factors in My Account', () => {
  let product: Product
  let sink: SmtpSink
  before(async () => {
    sink = await openSmtpSink()
    product = await startProduct({
      modes: ['silent', 'consent', 'password'],
      smtpUrl: sink.url,
      change: enhanced({}),
      purposes: [{ ...(PURPOSES[0] ?? assert.fail()), piiCategories: [{ name: 'email', mandatory: false }] }],
    })
  })
  after(async () => {
    await product.stop()
    await sink.close()
  })

  const pathOf = (url: string) => new URL(url).pathname
  const open = (browser: Browser, path: string) => browser.open(`${product.url}/myaccount${path}`)
  const later = () => {
    product.clock.now = new Date(product.clock.now.getTime() + 1_000)
  }
  const switchTo = async (settings: object) => {
    await product.rows(`UPDATE installation SET jit_provisioning = jit_provisioning || $1::jsonb`, [
      JSON.stringify(settings),
    ])
    await product.running.house.rereadSettings()
  }

  /** Somebody with a password and an idp, signed in with the password, which they have just typed. */
  async function somebody(): Promise<{ id: string; person: Newcomer; browser: Browser }> {
    later()
    const person = newcomer()
    const id = await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    const browser = openBrowser()
    await enterAs(product, person, PASSWORD, { browser })
    return { id, person, browser }
  }
  /** The same with an app. */
  async function somebodyWithApp() {
    const one = await somebody()
    return { ...one, ...(await setUpApp(product, one.browser)) }
  }
  async function setUpEmail(browser: Browser, person: Newcomer) {
    const page = await (await openSignIn(product, browser)).click('Set up codes by email')
    const sent = await page.press('Send a code')
    return sent.fill({ code: await codeSentTo(product, sink, person.email) }).press('Turn on')
  }
  /** The letters since the last time that are no codes, by subject, as they came. */
  async function lettersTo(person: Newcomer): Promise<string[]> {
    await product.running.house.postman?.sendDue()
    const theirs = sink.letters().filter(({ recipients }) => recipients.includes(person.email))
    return theirs.map(({ subject }) => subject).filter((subject) => !subject.startsWith('Your code'))
  }

  describe('an authenticator app', () => {
    it('is set up with a picture or a key and a first code, which shows the backup codes once', async () => {
      const { id, person, browser } = await somebody()
      const page = await (await openSignIn(product, browser)).click('Set up an authenticator app')
      assert.match(page.html, /<svg class="qr" role="img" aria-label="QR code for an authenticator app"/)
      assert.match(page.html, /autocomplete="one-time-code" inputmode="numeric"/)
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'|script-src 'self'/)
      const done = await page.fill({ code: codeOf(secretOn(page), product.clock.now) }).press('Turn on')
      const codes = backupCodesOn(done)
      assert.equal(new Set(codes).size, 10)
      assert.equal(done.headers.get('cache-control'), 'no-store')
      assert.deepEqual(codesOn(done), ['FACTORS_ADDED'])
      const [, file = ''] = /href="data:text\/plain;charset=utf-8,([^"]+)" download/.exec(done.html) ?? []
      for (const code of codes) assert.ok(decodeURIComponent(file).includes(code))
      assert.equal(await factorsKept(product, id), 'totp, 10 codes')
      const now = await openSignIn(product, browser)
      assert.match(now.text, /Authenticator app Since .* Remove Backup codes 10 codes are left/)
      assert.ok(!codes.some((code) => now.html.includes(code)))
      assert.deepEqual(await eventsOf(product, id), ['factor-added'])
      assert.deepEqual(await lettersTo(person), ['Your account at Northwind has a second factor now'])
      // No second look: the form sent once more is of a session that has gone on under another id.
      const again = await page.press('Turn on')
      assert.deepEqual([again.status, backupCodesOn(again)], [403, []])
      const token = now.submission('Sign out').fields.get('_csrf') ?? ''
      const late = new URLSearchParams({ _csrf: token, code: codeOf(secretOn(page), product.clock.now) })
      assert.equal((await postForm(browser, page.url, late)).headers.get('location'), HOME)
    })

    it('S161: counts only with its first code, has a new secret at each look, and lies sealed', async () => {
      const { id, browser } = await somebody()
      const first = secretOn(await open(browser, '/sign-in/factors/totp'))
      const page = await open(browser, '/sign-in/factors/totp')
      const second = secretOn(page)
      assert.notEqual(first, second)
      assert.equal(await factorsKept(product, id), 'totp begun, 0 codes')
      assert.doesNotMatch((await openSignIn(product, browser)).text, /Authenticator app Since/)
      const wrong = await page.fill({ code: codeOf(first, product.clock.now) }).press('Turn on')
      assert.equal(wrong.status, 422)
      assert.deepEqual([...new Set(codesOn(wrong))], ['FACTOR_WRONG'])
      assert.match(wrong.html, /id="code"[^>]* aria-invalid="true" aria-describedby="code-error"/)
      const dump = await product.dump()
      for (const secret of [first, second]) assert.ok(!dump.includes(secret) && !product.log.join().includes(secret))
      await wrong.fill({ code: codeOf(second, product.clock.now) }).press('Turn on')
      assert.equal(await factorsKept(product, id), 'totp, 10 codes')
      // Once it counts nothing shows the secret again.
      const look = await open(browser, '/sign-in/factors/totp')
      assert.equal(pathOf(look.url), HOME)
    })

    it('S161: is set up where its secret is shown: another session of the same person learns it not, nor slips its own in', async () => {
      const { id, person, browser } = await somebody()
      const thief = openBrowser()
      await enterAs(product, person, PASSWORD, { browser: thief })
      const theirs = await open(thief, '/sign-in/factors/totp')
      const page = await open(browser, '/sign-in/factors/totp')
      const secret = secretOn(page)
      const looked = await (await submit(thief, theirs, 'Turn on', { code: '000000' })).text()
      assert.ok(!looked.replaceAll(' ', '').includes(secret))
      await submit(thief, theirs, 'Turn on', { code: codeOf(secret, product.clock.now) })
      assert.equal(await factorsKept(product, id), 'totp begun, 0 codes')
      // The other way round: whoever begins last takes nobody's place on the page of the first.
      const slipped = secretOn(await open(thief, '/sign-in/factors/totp'))
      const answer = await page.fill({ code: codeOf(secret, product.clock.now) }).press('Turn on')
      assert.ok(!answer.html.replaceAll(' ', '').includes(slipped))
      await setUpApp(product, browser)
      assert.equal(await factorsKept(product, id), 'totp, 10 codes')
    })

    it('S163: is asked for the code of now, of the step before or of the one after, and no other', async () => {
      for (const [steps, isRight] of [
        [-2, false],
        [-1, true],
        [0, true],
        [1, true],
        [2, false],
      ] as const) {
        const { id, browser } = await somebody()
        const page = await open(browser, '/sign-in/factors/totp')
        await page.fill({ code: codeOf(secretOn(page), product.clock.now, steps) }).press('Turn on')
        assert.equal(await factorsKept(product, id), isRight ? 'totp, 10 codes' : 'totp begun, 0 codes', `${steps}`)
      }
    })

    it('S167: is set up by whoever proved a moment ago who they are, and by nobody with an old session', async () => {
      const { id, browser } = await somebody()
      const page = await open(browser, '/sign-in/factors/totp')
      const code = codeOf(secretOn(page), product.clock.now)
      growOld(product)
      const answer = await submit(browser, page, 'Turn on', { code })
      assert.equal(answer.headers.get('location'), '/myaccount/confirm?next=%2Fsign-in%2Ffactors%2Ftotp')
      assert.equal(pathOf((await open(browser, '/sign-in/factors/totp')).url), '/myaccount/confirm')
      assert.equal(await factorsKept(product, id), 'totp begun, 0 codes')
      const confirm = await open(browser, '/sign-in/factors/totp')
      const back = await confirm.fill({ password: PASSWORD }).press('Confirm')
      assert.equal(pathOf(back.url), '/myaccount/sign-in/factors/totp')
    })

    it('S168: ends every session but this one, which goes on under another id', async () => {
      const { person, browser } = await somebody()
      const other = openBrowser()
      await enterAs(product, person, PASSWORD, { browser: other })
      const before = browser.cookies.get('vestibule.account')
      await setUpApp(product, browser)
      assert.equal(await isInside(product, other), false)
      assert.equal(await isInside(product, browser), true)
      const cookie = { Cookie: `${before?.name}=${before?.value}` }
      assert.equal((await fetch(`${product.url}/myaccount`, { headers: cookie, redirect: 'manual' })).status, 303)
    })

    it('S239: is not set up by a session that is ended at the same moment', async () => {
      const { id, browser } = await somebody()
      const page = await open(browser, '/sign-in/factors/totp')
      const other = openBrowser()
      later()
      const [, person] = [
        id,
        (await product.rows<{ username: string }>('SELECT username FROM users WHERE id = $1', [id]))[0],
      ]
      const out = await enterWithPassword(product, String(person?.username), PASSWORD, {
        browser: other,
        to: '/sign-in',
      })
      later()
      await Promise.all([
        submit(browser, page, 'Turn on', { code: codeOf(secretOn(page), product.clock.now) }),
        out.press('Sign out everywhere'),
      ])
      const events = await eventsOf(product, id)
      assert.ok(events.includes('signed-out-everywhere'))
      // Either it was first, or it did not happen.
      assert.match(events.join(), /^(factor-added,)?signed-out-everywhere$/)
      assert.equal(await factorsKept(product, id), events.length === 2 ? 'totp, 10 codes' : 'totp begun, 0 codes')
    })
  })

  describe('codes by email', () => {
    it('are set up with a code to the kept and checked address, which the page masks', async () => {
      const { id, person, browser } = await somebody()
      // Whoever keeps no name is called by the address, on every page of theirs.
      await product.rows(
        `INSERT INTO user_attributes (user_id, name, value, origin) VALUES ($1, 'name', '"Asha Rao"', 'operator')`,
        [id],
      )
      const page = await (await openSignIn(product, browser)).click('Set up codes by email')
      const mask = `m••••@acme.example`
      assert.ok(page.text.includes(`We send a code with six digits to ${mask}`) && !page.html.includes(person.email))
      const sent = await page.press('Send a code')
      assert.ok(sent.text.includes(`We have sent a code with six digits to ${mask}`))
      assert.ok(!sent.html.includes(person.email) && !sent.url.includes('@'))
      const code = await codeSentTo(product, sink, person.email)
      const wrong = await sent.fill({ code: code === '000000' ? '000001' : '000000' }).press('Turn on')
      assert.deepEqual([wrong.status, [...new Set(codesOn(wrong))]], [422, ['FACTORS_WRONG_EMAIL']])
      const done = await wrong.fill({ code }).press('Turn on')
      assert.equal(backupCodesOn(done).length, 10)
      assert.equal(await factorsKept(product, id), 'email, 10 codes')
      assert.match(
        (await openSignIn(product, browser)).text,
        /Codes by email Since .* Codes go to m••••@acme\.example Remove/,
      )
      const log = product.log.join('\n')
      assert.ok(!log.includes(person.email) && !log.includes(code))
    })

    it('are not offered to whoever keeps no address, or one that nobody has checked', async () => {
      later()
      const people = [newcomer({ email_verified: false }), newcomer({ email: undefined })]
      for (const person of people) {
        const browser = openBrowser()
        await join(product, 'silent', person)
        await enterAccount(product, 'silent', person, { browser })
        const page = await openSignIn(product, browser)
        assert.match(page.text, /Set up an authenticator app For codes by email we need/)
        assert.doesNotMatch(page.text, /Set up codes by email/)
        const tried = await open(browser, '/sign-in/factors/email')
        assert.deepEqual([pathOf(tried.url), codesOn(tried)], [HOME, ['FACTORS_NO_ADDRESS']])
      }
    })

    it('S165: a code counts in the session that it was sent for, for five minutes, five times looked at, and once', async () => {
      const { id, person, browser } = await somebody()
      const page = await open(browser, '/sign-in/factors/email')
      const first = await page.press('Send a code')
      const old = await codeSentTo(product, sink, person.email)
      later()
      nextStep(product)
      const second = await first.press('Send another code')
      const code = await codeSentTo(product, sink, person.email)
      if (old !== code) {
        const wrong = await second.fill({ code: old }).press('Turn on')
        assert.deepEqual([...new Set(codesOn(wrong))], ['FACTORS_WRONG_EMAIL'])
      }
      // In another session of the same person it is none.
      const other = openBrowser()
      await enterAs(product, person, PASSWORD, { browser: other })
      const elsewhere = await open(other, '/sign-in/factors/email')
      assert.match(elsewhere.text, /Send a code/)
      const token = elsewhere.submission('Send a code').fields.get('_csrf') ?? ''
      const fields = new URLSearchParams({ _csrf: token, code })
      assert.equal((await postForm(other, elsewhere.url, fields)).status, 422)
      for (let n = 0; n < 4; n += 1)
        await second.fill({ code: code === '111111' ? '222222' : '111111' }).press('Turn on')
      const spent = await second.fill({ code }).press('Turn on')
      assert.deepEqual([...new Set(codesOn(spent))], ['FACTOR_OVER'])
      assert.match(spent.text, /Send a code/)
      assert.equal(await factorsKept(product, id), '0 codes')
      product.clock.now = new Date(product.clock.now.getTime() + 11 * 60_000)
      const confirm = await open(browser, '/sign-in/factors/email')
      const again = await (await confirm.fill({ password: PASSWORD }).press('Confirm')).press('Send a code')
      const late = await codeSentTo(product, sink, person.email)
      product.clock.now = new Date(product.clock.now.getTime() + 5 * 60_000 + 1)
      await (await open(browser, '/sign-in/factors/email')).fill({ password: PASSWORD }).press('Confirm')
      const answer = await again.fill({ code: late }).press('Turn on')
      assert.deepEqual([...new Set(codesOn(answer))], ['FACTOR_OVER'])
      assert.equal(await factorsKept(product, id), '0 codes')
    })

    it('S246: no more than five letters in ten minutes, from however many sessions', async () => {
      const { person, browser } = await somebody()
      const before = (await product.rows(`SELECT 1 FROM brakes`)).length
      const statuses = []
      for (let n = 0; n < 7; n += 1) {
        const own = n % 2 === 0 ? browser : openBrowser()
        if (own !== browser) await enterAs(product, person, PASSWORD, { browser: own })
        const page = await open(own, '/sign-in/factors/email')
        const button = page.text.includes('Send another code') ? 'Send another code' : 'Send a code'
        statuses.push((await page.press(button)).status)
        nextStep(product)
      }
      assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429])
      assert.ok((await product.rows(`SELECT 1 FROM brakes`)).length > before)
      await product.running.house.postman?.sendDue()
      const codes = sink
        .letters()
        .filter(({ recipients, subject }) => recipients.includes(person.email) && subject.startsWith('Your code'))
      assert.equal(codes.length, 5)
    })
  })

  describe('going with the address', () => {
    // Otherwise the address is the idp's, and nobody's to change here.
    const syncs = (method: string) =>
      product.rows(`UPDATE idps SET attribute_sync_method = $1 WHERE name = 'silent'`, [method])
    before(() => syncs('NONE'))
    after(() => syncs('OVERRIDE_ALL'))

    const stops: [string, (browser: Browser) => Promise<unknown>][] = [
      ['stopped', async (browser) => (await open(browser, '/privacy')).press('Stop and delete Email address')],
      [
        'changed',
        async (browser) => {
          const page = await (await open(browser, '')).click('Change Email address')
          return page.fill({ value: 'another@acme.example' }).press('Save')
        },
      ],
      [
        'replaced by that of another idp',
        async (browser) => {
          const page = await beginConnecting(product, browser, 'consent', newcomer())
          return page.tick('email').press('Connect Acme consent')
        },
      ],
      [
        'confirmed by nobody any more, as its idp is disconnected',
        async (browser) => {
          await product.rows(`UPDATE users SET password_hash = 'x' WHERE password_hash IS NULL`)
          return (await (await openSignIn(product, browser)).click('Disconnect Acme silent')).press('Disconnect')
        },
      ],
    ]
    for (const [what, change] of stops)
      it(`codes by email end when it is ${what}, and whoever had it is told there`, async () => {
        later()
        const person = newcomer()
        const id = await join(product, 'silent', person)
        const browser = openBrowser()
        await enterAccount(product, 'silent', person, { browser })
        await setUpEmail(browser, person)
        assert.equal(await factorsKept(product, id), 'email, 10 codes')
        later()
        await change(browser)
        assert.equal(await factorsKept(product, id), '0 codes')
        assert.deepEqual(
          (await eventsOf(product, id)).filter((event) => event.startsWith('factor')),
          ['factor-added', 'factor-removed'],
        )
        const letters = await lettersTo(person)
        assert.ok(letters.includes('A second factor of your account at Northwind was removed'), letters.join())
      })

    it('which is stopped only by whoever shows the factor', async () => {
      const person = newcomer()
      later()
      const id = await join(product, 'silent', person)
      const browser = openBrowser()
      await enterAccount(product, 'silent', person, { browser })
      await setUpEmail(browser, person)
      growOld(product)
      const privacy = await open(browser, '/privacy')
      assert.equal(pathOf((await privacy.press('Stop and delete Email address')).url), '/myaccount/confirm')
      const edit = await (await open(browser, '')).click('Change Email address')
      assert.equal(new URL(edit.url).search, '?next=%2Fedit%3Fattribute%3Demail')
      const token = edit.submission('Sign out').fields.get('_csrf') ?? ''
      const typed = new URLSearchParams({ _csrf: token, attribute: 'email', value: 'another@acme.example' })
      const forged = await postForm(browser, `${product.url}/myaccount/edit`, typed)
      assert.match(forged.headers.get('location') ?? '', /\/confirm\?/)
      product.idp.signInAs = person.sub
      const half = await edit.click('Sign in again with Acme silent')
      assert.equal(pathOf(half.url), '/myaccount/confirm/code')
      assert.equal(await factorsKept(product, id), 'email, 10 codes')
      const sent = await half.press('Send a code')
      const back = await sent.fill({ code: await codeSentTo(product, sink, person.email) }).press('Confirm')
      assert.equal(pathOf(back.url) + new URL(back.url).search, '/myaccount/edit?attribute=email')
    })

    it('which an idp replaces, they go to the new one; which it takes back, nowhere', async () => {
      later()
      const person = newcomer()
      const id = await join(product, 'silent', person)
      const browser = openBrowser()
      await enterAccount(product, 'silent', person, { browser })
      await setUpEmail(browser, person)
      await product.rows(
        `UPDATE user_attributes SET value = '"new@acme.example"' WHERE user_id = $1 AND name = 'email'`,
        [id],
      )
      assert.match((await openSignIn(product, browser)).text, /Codes go to n••••@acme\.example/)
      await product.rows(`UPDATE user_attributes SET verified = false WHERE user_id = $1 AND name = 'email'`, [id])
      assert.match((await openSignIn(product, browser)).text, /No code can be sent to you/)
      assert.equal(await factorsKept(product, id), 'email, 10 codes')
    })
  })

  describe('whoever has one', () => {
    it('shows it, besides the password, before anything that asks for a proof', async () => {
      const { person, browser, secret } = await somebodyWithApp()
      growOld(product)
      for (const path of [
        '/close',
        '/sign-in/password',
        '/sign-in/connect/silent',
        '/sign-in/factors/totp/remove',
        '/sign-in/factors/backup-codes',
        '/sign-in/factors/email',
      ]) {
        growOld(product)
        const page = await open(browser, path)
        assert.equal(pathOf(page.url), '/myaccount/confirm', path)
        const half = await page.fill({ password: PASSWORD }).press('Confirm')
        assert.equal(pathOf(half.url), '/myaccount/confirm/code', path)
        // The password alone opens nothing.
        assert.equal(pathOf((await open(browser, path)).url), '/myaccount/confirm/code', path)
        const done = await half.fill({ code: codeOf(secret, product.clock.now) }).press('Confirm')
        assert.equal(pathOf(done.url), `/myaccount${path}`)
      }
      assert.ok(person)
    })

    it('shows it besides an idp, and a code by email or a backup code does as well', async () => {
      later()
      const person = newcomer()
      await join(product, 'silent', person)
      const browser = openBrowser()
      await enterAccount(product, 'silent', person, { browser })
      const { backupCodes } = await setUpApp(product, browser)
      await setUpEmail(browser, person)
      growOld(product)
      const confirm = await open(browser, '/close')
      product.idp.signInAs = person.sub
      const page = await confirm.click('Sign in again with Acme silent')
      assert.equal(pathOf(page.url), '/myaccount/confirm/code')
      const sent = await (await page.click('Get a code by email')).press('Send a code')
      assert.ok(!sent.html.includes(person.email) && !sent.url.includes('acme.example'))
      const done = await sent.fill({ code: await codeSentTo(product, sink, person.email) }).press('Confirm')
      assert.equal(pathOf(done.url), '/myaccount/close')
      growOld(product)
      const again = await (await open(browser, '/close')).click('Sign in again with Acme silent')
      const backup = await again.click('Use a backup code')
      const closed = await backup.fill({ code: backupCodes[0] ?? '' }).press('Confirm')
      assert.equal(pathOf(closed.url), '/myaccount/close')
      assert.ok((await lettersTo(person)).includes('A backup code of your account at Northwind was used'))
    })

    it('S161: is let through by no app whose set-up was begun and not ended', async () => {
      later()
      const person = newcomer()
      const id = await join(product, 'silent', person)
      const browser = openBrowser()
      await enterAccount(product, 'silent', person, { browser })
      await setUpEmail(browser, person)
      const begun = secretOn(await open(browser, '/sign-in/factors/totp'))
      growOld(product)
      product.idp.signInAs = person.sub
      const page = await (await open(browser, '/close')).click('Sign in again with Acme silent')
      const token = page.submission('Send a code').fields.get('_csrf') ?? ''
      const fields = new URLSearchParams({
        _csrf: token,
        next: '/close',
        by: 'totp',
        code: codeOf(begun, product.clock.now),
      })
      assert.equal((await postForm(browser, `${product.url}/myaccount/confirm/code`, fields)).status, 422)
      const { show } = (await import('../../src/factors/show.ts')).createSecondFactors(product.running.house)
      const typed = {
        userId: id,
        language: 'en',
        boundTo: 'x',
        way: 'totp' as const,
        code: codeOf(begun, product.clock.now),
        client: 'x',
      }
      assert.deepEqual(await show(typed, async () => true), { kind: 'wrong' })
      assert.equal(await factorsKept(product, id), 'email, totp begun, 10 codes')
    })

    it('S164: has ten tries, whatever session or browser they are typed in, and then waits', async () => {
      const { person, browser, secret } = await somebodyWithApp()
      growOld(product)
      const page = await (await open(browser, '/close')).fill({ password: PASSWORD }).press('Confirm')
      const right = () => codeOf(secret, product.clock.now)
      const wrong = () => (right() === '123456' ? '654321' : '123456')
      for (let n = 0; n < 6; n += 1) assert.equal((await page.fill({ code: wrong() }).press('Confirm')).status, 422)
      // Another browser, at another door: the one that asks at the sign-in.
      const other = openBrowser()
      const elsewhere = await enterAs(product, person, PASSWORD, { browser: other })
      assert.equal(pathOf(elsewhere.url), '/authenticationendpoint/totp.do')
      for (let n = 0; n < 4; n += 1)
        assert.equal((await elsewhere.fill({ code: wrong() }).press('Continue')).status, 422)
      const stopped = await elsewhere.fill({ code: right() }).press('Continue')
      assert.equal(stopped.status, 429)
      assert.ok(Number(stopped.headers.get('retry-after')) > 0)
      assert.equal((await page.fill({ code: right() }).press('Confirm')).status, 429)
    })
  })

  describe('removing', () => {
    it('S168: takes the factor, ends other sessions, and writes a letter; the backup codes go with the last', async () => {
      const { id, person, browser, secret } = await somebodyWithApp()
      await setUpEmail(browser, person)
      nextStep(product)
      const other = openBrowser()
      const asked = await enterAs(product, person, PASSWORD, { browser: other })
      await asked.fill({ code: codeOf(secret, product.clock.now) }).press('Continue')
      assert.equal(await isInside(product, other), true)
      later()
      const page = await open(browser, '/sign-in/factors/totp/remove')
      assert.doesNotMatch(page.text, /your only second factor/i)
      const done = await page.press('Remove')
      assert.deepEqual(codesOn(done), ['FACTORS_REMOVED'])
      assert.equal(await isInside(product, other), false)
      assert.equal(await factorsKept(product, id), 'email, 10 codes')
      later()
      const last = await open(browser, '/sign-in/factors/email/remove')
      assert.match(last.text, /your only second factor/)
      await last.press('Remove')
      assert.equal(await factorsKept(product, id), '0 codes')
      assert.deepEqual(await eventsOf(product, id), [
        'factor-added',
        'factor-added',
        'factor-removed',
        'factor-removed',
      ])
      assert.equal((await lettersTo(person)).filter((one) => one.startsWith('A second factor')).length, 2)
      assert.equal((await open(browser, '/sign-in/factors/backup-codes')).status, 404)
    })

    it('is refused in words where it is the last and an operator wants everybody to have one', async () => {
      const { id, browser } = await somebodyWithApp()
      const page = await open(browser, '/sign-in/factors/totp/remove')
      await switchTo({ require_second_factor: true })
      try {
        const refused = await page.press('Remove')
        assert.deepEqual([refused.status, [...new Set(codesOn(refused))]], [422, ['FACTORS_REQUIRED']])
        assert.match(refused.text, /Northwind wants everybody to have a second factor/)
        assert.doesNotMatch(refused.html, /<button[^>]*danger/)
        assert.equal(await factorsKept(product, id), 'totp, 10 codes')
      } finally {
        await switchTo({ require_second_factor: false })
      }
    })
  })

  describe('backup codes', () => {
    it('are made anew by whoever asks, and the old ones are gone', async () => {
      const { id, person, browser, backupCodes } = await somebodyWithApp()
      const ask = await open(browser, '/sign-in/factors/backup-codes')
      later()
      const page = await ask.press('Make new codes')
      const codes = backupCodesOn(page)
      assert.equal(codes.length, 10)
      assert.ok(!codes.some((code) => backupCodes.includes(code)))
      // Of two presses the second makes none that nobody sees.
      assert.deepEqual(codesOn(await ask.press('Make new codes')), ['FACTORS_ALREADY'])
      assert.deepEqual(await eventsOf(product, id), ['factor-added', 'backup-codes-made'])
      assert.ok((await lettersTo(person)).includes('Your account at Northwind has new backup codes'))
      assert.deepEqual(await used(browser, backupCodes.slice(0, 1)), [422])
      assert.deepEqual(await used(browser, codes.slice(0, 1)), [303])
    })

    it('S170: count whole, in any case and spacing, once', async () => {
      const { browser, backupCodes } = await somebodyWithApp()
      const [first = '', second = '', third = ''] = backupCodes
      const [label, ...rest] = first.split('-')
      const typed = [
        '',
        first.slice(0, 14),
        rest.join('-'),
        `${label}-`,
        `${first} ${second}`,
        `${label}-${second.slice(5)}`,
      ]
      assert.deepEqual(
        await used(browser, typed),
        typed.map(() => 422),
      )
      product.clock.now = new Date(product.clock.now.getTime() + 11 * 60_000)
      assert.deepEqual(await used(browser, [first.toUpperCase(), first]), [303, 422])
      assert.deepEqual(await used(browser, [second.replaceAll('-', ' '), third.replaceAll('-', '')]), [303, 303])
    })

    /** What the page answers to each, in turn. */
    async function used(browser: Browser, codes: string[]): Promise<number[]> {
      growOld(product)
      await (await open(browser, '/close')).fill({ password: PASSWORD }).press('Confirm')
      const page = await open(browser, '/confirm/code?next=%2Fclose&by=backup')
      const statuses: number[] = []
      for (const code of codes) statuses.push((await submit(browser, page, 'Confirm', { code })).status)
      return statuses
    }
  })

  describe('for whom there is none', () => {
    it('S145: of somebody else nothing is shown, set up or removed', async () => {
      const theirs = await somebodyWithApp()
      const mine = await somebody()
      assert.equal((await mine.browser.fetch(`${product.url}/myaccount/sign-in/factors/totp/remove`)).status, 404)
      const token = (await openSignIn(product, mine.browser)).submission('Sign out').fields.get('_csrf') ?? ''
      const answer = await postForm(
        mine.browser,
        `${product.url}/myaccount/sign-in/factors/totp/remove`,
        new URLSearchParams({ _csrf: token, user: theirs.id }),
      )
      assert.notEqual(answer.status, 422)
      assert.equal(await factorsKept(product, theirs.id), 'totp, 10 codes')
    })

    it('the download says which there are and since when, and no secret', async () => {
      const { browser, secret, backupCodes } = await somebodyWithApp()
      const text = await (await browser.fetch(`${product.url}/myaccount/download`)).text()
      const data = JSON.parse(text)
      assert.deepEqual(
        data.secondFactors.map(({ kind }: { kind: string }) => kind),
        ['totp'],
      )
      assert.equal(data.backupCodes.length, 10)
      for (const word of [secret, ...backupCodes, ...backupCodes.map((code) => code.slice(0, 4)), 'argon2'])
        assert.ok(!text.includes(word))
    })

    it('S058: who closes their account and comes back has none of them', async () => {
      const { id, person, browser, secret } = await somebodyWithApp()
      await setUpEmail(browser, person)
      await (await open(browser, '/close')).press('Close my account and delete my details')
      for (const table of ['user_factors', 'backup_codes', 'emailed_codes'])
        assert.deepEqual(await product.rows(`SELECT 1 FROM ${table} WHERE user_id = $1`, [id]), [], table)
      const again = await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
      assert.notEqual(again, id)
      assert.equal(await factorsKept(product, again), '0 codes')
      const back = openBrowser()
      await enterAs(product, person, PASSWORD, { browser: back })
      assert.match((await openSignIn(product, back)).text, /Second factor You have none/)
      assert.ok(secret)
    })

    it('is nothing of all this where the feature is off', async () => {
      const { browser } = await somebodyWithApp()
      await switchTo({ enable_enhanced_feature: false })
      try {
        assert.doesNotMatch((await openSignIn(product, browser)).text, /Second factor/)
        growOld(product)
        for (const path of [
          '/sign-in/factors/totp',
          '/sign-in/factors/email',
          '/sign-in/factors/totp/remove',
          '/sign-in/factors/backup-codes',
          '/confirm/code',
        ])
          assert.equal((await browser.fetch(`${product.url}/myaccount${path}`)).status, 404, path)
        const page = await (await open(browser, '/close')).fill({ password: PASSWORD }).press('Confirm')
        assert.equal(pathOf(page.url), '/myaccount/close')
      } finally {
        await switchTo({ enable_enhanced_feature: true })
      }
    })
  })
})
