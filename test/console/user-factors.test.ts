// The second factors of a user in the console: seen without a secret, and reset for whoever has lost theirs.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { COMMAND_LINE } from '../../src/db/changes.ts'
import { putOperator } from '../../src/db/operators.ts'
import { enterAccount, enterAs, join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { makeOperator, OPERATOR_PASSWORD, openConsole, signInToConsole } from '../support/console.ts'
import {
  codeOf,
  enhanced,
  factorsKept,
  giveEmailCodes,
  giveTotp,
  nextStep,
  secretOn,
  setUpApp,
} from '../support/factors.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { openSmtpSink, type SmtpSink } from '../support/smtp.ts'
import { knownPerson, newcomer, postForm } from '../support/visits.ts'
import { isInside, openSignIn } from '../support/ways-in.ts'

describe('second factors of a user in the console', () => {
  let product: Product
  let sink: SmtpSink
  let owner: Browser
  before(async () => {
    sink = await openSmtpSink()
    product = await startProduct({ modes: ['silent', 'password'], smtpUrl: sink.url, change: enhanced({}) })
    owner = (await openConsole(product, { username: 'olu' })).browser
  })
  after(async () => {
    await product.stop()
    await sink.close()
  })

  const openUser = (id: string, browser = owner) => browser.open(`${product.url}/console/users/${id}`)
  async function reset(id: string, browser = owner) {
    const page = await (await openUser(id, browser)).click('Reset second factors')
    const done = await page.press('Reset second factors')
    // What begins in the same moment is over with all that began before.
    nextStep(product)
    return done
  }
  async function somebody() {
    nextStep(product)
    const person = newcomer()
    const id = await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    const browser = openBrowser()
    await enterAs(product, person, PASSWORD, { browser })
    return { id, person, browser }
  }
  async function changesOf(id: string) {
    return product.rows<{ action: string; actor: string; before: unknown }>(
      `SELECT action, actor, before FROM changes WHERE kind = 'second factors' AND object = $1`,
      [id],
    )
  }

  it('are named with since when and how many backup codes are left, and no secret', async () => {
    const { id, browser } = await somebody()
    assert.match((await openUser(id)).text, /Second factors None\./)
    const { secret, backupCodes } = await setUpApp(product, browser)
    await product.rows('UPDATE backup_codes SET used_at = now() WHERE user_id = $1 AND label = $2', [
      id,
      backupCodes[0]?.slice(0, 4),
    ])
    const page = await openUser(id)
    assert.match(page.text, /Second factors Authenticator app Since .* UTC Backup codes 9 left Reset second factors/)
    for (const word of [secret, ...backupCodes]) assert.ok(!page.html.includes(word))
  })

  it('S168: are reset after a page that asks: all of them go, every session ends, it is noted, and told by letter', async () => {
    const { id, person, browser } = await somebody()
    const { secret, backupCodes } = await setUpApp(product, browser)
    const done = await reset(id)
    assert.match(done.text, new RegExp(`${person.email} has no second factor any more`))
    assert.equal(await factorsKept(product, id), '0 codes')
    assert.equal(await isInside(product, browser), false)
    assert.deepEqual(await changesOf(id), [{ action: 'reset', actor: 'olu', before: { kinds: ['totp'] } }])
    await product.running.house.postman?.sendDue()
    const letters = sink.letters().filter(({ recipients }) => recipients.includes(person.email))
    assert.equal(letters.at(-1)?.subject, 'The second factors of your account at Northwind were reset')
    // The password is enough again, and what was lost is worth nothing to whoever finds it.
    const back = openBrowser()
    const inside = await enterAs(product, person, PASSWORD, { browser: back })
    assert.match(inside.url, /\/myaccount$/)
    const page = await back.open(`${product.url}/myaccount/sign-in/factors/totp`)
    const old = await page.fill({ code: codeOf(secret, product.clock.now) }).press('Turn on')
    assert.equal(old.status, 422)
    assert.ok(backupCodes.length > 0)
    assert.equal(await factorsKept(product, id), 'totp begun, 0 codes')
  })

  it('go with a set-up that was begun and not ended, which is told by no letter', async () => {
    const { id, person, browser } = await somebody()
    const page = await browser.open(`${product.url}/myaccount/sign-in/factors/totp`)
    assert.match((await openUser(id)).text, /Authenticator app Begun, and not set up/)
    const before = sink.letters().length
    await reset(id)
    assert.equal(await factorsKept(product, id), '0 codes')
    // Whoever holds the page of before has nothing to confirm, not even when they come in again.
    await enterAs(product, person, PASSWORD, { browser })
    const token = (await openSignIn(product, browser)).submission('Sign out').fields.get('_csrf') ?? ''
    const fields = new URLSearchParams({ _csrf: token, code: codeOf(secretOn(page), product.clock.now) })
    assert.equal((await postForm(browser, page.url, fields)).status, 303)
    assert.equal(await factorsKept(product, id), '0 codes')
    await product.running.house.postman?.sendDue()
    assert.equal(sink.letters().length, before)
  })

  it('ask for the password again, and for a form of ours', async () => {
    const { id, browser } = await somebody()
    await setUpApp(product, browser)
    const page = await (await openUser(id)).click('Reset second factors')
    const { url, fields } = page.submission('Reset second factors')
    assert.equal((await postForm(owner, url, new URLSearchParams())).status, 403)
    product.clock.now = new Date(product.clock.now.getTime() + 11 * 60_000)
    const asked = await postForm(owner, url, fields)
    assert.match(asked.headers.get('location') ?? '', /^\/console\/confirm\?next=/)
    assert.equal(await factorsKept(product, id), 'totp, 10 codes')
    await signInToConsole(product, owner, 'olu')
  })

  it('of an operator are reset by an owner, who finds the way from the operators too, and by no support', async () => {
    const operator = await makeOperator(product, 'ola', 'privacy')
    await giveTotp(product, operator.id)
    const { browser: support } = await openConsole(product, { username: 'sam', role: 'support' })
    const seen = await openUser(operator.id, support)
    assert.doesNotMatch(seen.html, /href="[^"]*\/factors"/)
    const refused = await support.open(`${product.url}/console/users/${operator.id}/factors`)
    assert.equal(refused.status, 403)
    const token = seen.submission('Sign out').fields.get('_csrf') ?? ''
    const forged = await postForm(support, refused.url, new URLSearchParams({ _csrf: token }))
    assert.equal(forged.status, 403)
    assert.equal(await factorsKept(product, operator.id), 'totp, 0 codes')
    const one = await owner.open(`${product.url}/console/operators/${operator.id}`)
    await (await one.click('Reset second factors')).press('Reset second factors')
    assert.equal(await factorsKept(product, operator.id), '0 codes')
    const theirs = openBrowser()
    const page = await signInToConsole(product, theirs, 'ola')
    assert.match(page.title, /^Dashboard/, 'their password is enough')
    assert.ok(OPERATOR_PASSWORD)
  })

  it('of their own an operator sets up and resets in My Account, once they have codes by email: the password alone adds none, and takes none away', async () => {
    const operator = await makeOperator(product, 'oda', 'owner')
    const browser = openBrowser()
    await signInToConsole(product, browser, 'oda')
    // Begun before, and so no way round either.
    const page = await browser.open(`${product.url}/console/me/totp`)
    const [, key = ''] = /Key: ([A-Z2-7 ]+) Enter/.exec(page.text) ?? []
    const begun = page.fill({ code: codeOf(key.replaceAll(' ', ''), product.clock.now) })
    await giveEmailCodes(product, operator.id)
    assert.equal((await begun.press('Turn on')).status, 403)
    assert.equal((await browser.open(`${product.url}/console/me/totp`)).status, 403)
    const own = await browser.open(`${product.url}/console/users/${operator.id}/factors`)
    assert.match(own.text, /You change them in My Account/)
    assert.equal(own.status, 403)
    assert.equal(await factorsKept(product, operator.id), 'email, totp begun, 0 codes')
    await reset(operator.id)
    assert.equal(await factorsKept(product, operator.id), '0 codes')
  })

  // Broken: whoever had the password alone stayed signed in elsewhere, and its owner heard of nothing.
  it('that an operator sets up or takes away in the console end every other session of theirs, and are told by letter', async () => {
    const { id, person, browser } = await somebody()
    const { house } = product.running
    const hash = await house.passwords.hash(OPERATOR_PASSWORD, 'tests')
    await product.rows('UPDATE users SET password_hash = $2 WHERE id = $1', [id, hash])
    assert.ok(await putOperator(house.db, id, 'owner', COMMAND_LINE))
    const [inConsole, elsewhere] = [openBrowser(), openBrowser()]
    const { username } = (await knownPerson(product, person.sub)).user
    for (const one of [inConsole, elsewhere]) await signInToConsole(product, one, username)
    const isIn = async (one: Browser) => new URL((await one.open(`${product.url}/console`)).url).pathname === '/console'
    assert.deepEqual(
      [await isIn(inConsole), await isIn(elsewhere), await isInside(product, browser)],
      [true, true, true],
    )
    const subjects = async () => {
      await house.postman?.sendDue()
      return sink.letters().flatMap(({ recipients, subject }) => (recipients.includes(person.email) ? [subject] : []))
    }

    const page = await inConsole.open(`${product.url}/console/me/totp`)
    const [, key = ''] = /Key: ([A-Z2-7 ]+) Enter/.exec(page.text) ?? []
    const on = await page.fill({ code: codeOf(key.replaceAll(' ', ''), product.clock.now) }).press('Turn on')
    assert.match(on.text, /You are signed out everywhere else/)
    assert.deepEqual(
      [await isIn(inConsole), await isIn(elsewhere), await isInside(product, browser)],
      [true, false, false],
    )
    assert.match((await subjects()).at(-1) ?? '', /has a second factor now/)

    const off = await (await inConsole.open(`${product.url}/console/me/totp/remove`)).press('Stop asking for codes')
    assert.match(off.text, /We do not ask for codes any more/)
    assert.match((await subjects()).at(-1) ?? '', /second factor of your account .* was removed/)
    assert.equal(await factorsKept(product, id), '0 codes')
    const told = await product.rows(
      `SELECT action FROM changes WHERE kind = 'authenticator app' AND object = $1 ORDER BY id`,
      [id],
    )
    assert.deepEqual(told, [{ action: 'created' }, { action: 'deleted' }])
  })

  it('of which everybody has to have one are not taken away, when it is the last, by the operator whose it is', async () => {
    const operator = await makeOperator(product, 'odo', 'owner')
    const browser = openBrowser()
    await signInToConsole(product, browser, 'odo')
    await giveTotp(product, operator.id)
    const form = await browser.open(`${product.url}/console/me/totp/remove`)
    await requireOfEverybody(true)
    for (const refused of [await form.press('Stop asking for codes'), await browser.open(form.url)]) {
      assert.equal(refused.status, 403)
      assert.match(refused.text, /Everybody has to have a second factor, and this is your last/)
    }
    assert.equal(await factorsKept(product, operator.id), 'totp, 0 codes')
    await requireOfEverybody(false)
    await form.press('Stop asking for codes')
    assert.equal(await factorsKept(product, operator.id), '0 codes')
  })

  async function requireOfEverybody(isRequired: boolean): Promise<void> {
    const said = JSON.stringify({ require_second_factor: isRequired })
    await product.rows('UPDATE installation SET jit_provisioning = jit_provisioning || $1', [said])
    await product.running.house.rereadSettings()
  }

  it('of somebody who is not there are nobody’s', async () => {
    const missing = '00000000-0000-4000-8000-000000000000'
    assert.equal((await owner.fetch(`${product.url}/console/users/${missing}/factors`)).status, 404)
  })

  it('S058: never come back: neither after a reset nor with a user who is deleted and returns', async () => {
    const { id, person, browser } = await somebody()
    await setUpApp(product, browser)
    const page = await (await openUser(id)).click('Delete')
    await page.fill({ username: (await knownPerson(product, person.sub)).user.username }).press('Delete user')
    for (const table of ['user_factors', 'backup_codes', 'emailed_codes'])
      assert.deepEqual(await product.rows(`SELECT 1 FROM ${table} WHERE user_id = $1`, [id]), [], table)
    const again = await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    assert.notEqual(again, id)
    assert.equal(await factorsKept(product, again), '0 codes')
    const back = openBrowser()
    assert.match((await enterAccount(product, 'password', person, { browser: back })).url, /\/myaccount$/)
  })
})
