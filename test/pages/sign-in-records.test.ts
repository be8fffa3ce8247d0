// Every sign-in explains itself: whatever becomes of it, its pages quote a code, and under that code stands why, without a value of the person.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { findRecords, type SignInRecord } from '../../src/db/audit.ts'
import { sweep } from '../../src/db/sweep.ts'
import { decide } from '../../src/provisioning/decide.ts'
import { explain } from '../../src/provisioning/explain.ts'
import { openBrowser, type Page } from '../support/browser.ts'
import { during, forgetDescription } from '../support/misbehaviour.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { fillRegister, goToIdp } from '../support/road.ts'
import { codeOfFlow, knownPerson, newcomer, signedIn, visit } from '../support/visits.ts'

const EMAIL = 'recover:email'
const MINUTE = 60_000
const UNKNOWN = 'signed somebody in whom nobody knew yet.'

describe('a sign-in', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['none', 'silent', 'consent', 'password', 'username'] })
  })
  after(() => product.stop())
  beforeEach(() => product.rows('DELETE FROM audit_events'))

  /** The code that a page quotes, in whatever place. */
  function codeOn(page: Pick<Page, 'text'>): string {
    const quoted = [...page.text.matchAll(/If you contact us, quote ([\da-f]{4}-[\da-f]{4})/g)].map(([, code]) => code)
    assert.equal(quoted.length, 1, page.text)
    return quoted[0] ?? ''
  }

  /** The one record that there is. */
  async function theRecord(): Promise<SignInRecord> {
    const codes = await product.rows<{ code: string }>('SELECT code FROM audit_events')
    assert.equal(codes.length, 1, 'one flow, one record')
    const [record] = await findRecords(product.running.db, codes[0]?.code ?? '')
    assert.ok(record)
    assert.deepEqual(
      record.verdict && decide(record.verdict.facts),
      record.verdict?.decision,
      'decided again, it is the same',
    )
    return record
  }

  async function assertTold(sentence: string, page?: Page): Promise<SignInRecord> {
    const record = await theRecord()
    assert.equal(explain(record), sentence)
    if (page) assert.equal(codeOn(page), record.code)
    return record
  }

  it('that made a user silently, and the next one of that person', async () => {
    const person = newcomer()
    await visit(product, 'silent', person)
    const { sub } = signedIn(product.application)
    const first = await assertTold(
      `Acme silent ${UNKNOWN} Acme silent provisions silently and the username that it suggests was free, so a user was made in PRIMARY without a question.`,
    )
    assert.deepEqual([first.userId, first.mode, first.application?.name], [sub, 'PROVISION_SILENTLY', 'Travel'])
    await product.rows('DELETE FROM audit_events')
    await visit(product, 'silent', person)
    const next = await assertTold(
      'Acme silent signed somebody in who has a user here. Their user was not locked, so they were signed in as that user.',
    )
    assert.deepEqual(next.verdict?.facts.user, { id: sub, isLocked: false })
    await product.rows('DELETE FROM audit_events')
    await product.rows('UPDATE users SET is_locked = true WHERE id = $1', [sub])
    const page = await visit(product, 'silent', person)
    await assertTold(
      'Acme silent signed somebody in who has a user here. Their user was locked, so they were refused (USER_LOCKED).',
      page,
    )
  })

  it('of a federated person', async () => {
    await visit(product, 'none', newcomer())
    const record = await assertTold(
      `Acme none ${UNKNOWN} Acme none has No Provisioning and Travel takes people without a user here, so they were let in without one, and nothing about them was kept.`,
    )
    assert.deepEqual([record.userId, record.mode], [undefined, 'NONE'])
  })

  it('that asked, came back twice, and made a user', async () => {
    const [other, person] = [newcomer(), newcomer()]
    await visit(product, 'silent', other)
    await product.rows('DELETE FROM audit_events')
    const page = await visit(product, 'username', person)
    const code = codeOn(page)
    const taken = await fillRegister(page, other.preferred_username).press('Create account')
    assert.equal(codeOn(taken), code)
    const short = await taken
      .fill({ username: person.preferred_username, password: 'short' })
      .untick(EMAIL)
      .press('Create account')
    assert.equal(codeOn(short), code)
    await fillRegister(short, person.preferred_username).press('Create account')
    signedIn(product.application)
    const record = await assertTold(
      `Acme username ${UNKNOWN} Acme username asks for username, password and consent, so register.do asked; the username was taken, the password was against the rules and a needed box was not ticked, so it came back twice (USERNAME_TAKEN, PW_SHORT, CONSENT_NEEDED). They finished: a user was made in PRIMARY.`,
    )
    assert.equal(record.code, code)
    assert.equal(record.verdict?.facts.wasAsked, true, 'the facts are those of the answer')
    assert.deepEqual(record.asked, { page: 'register', username: true, password: true, consent: true })
  })

  it('that asked and was declined', async () => {
    const page = await visit(product, 'consent', newcomer())
    const declined = await page.press('Do not create an account')
    assert.equal(codeOn(declined), codeOn(page))
    await assertTold(
      `Acme consent ${UNKNOWN} Acme consent asks for consent, so signup.do asked. They chose not to create an account: nothing about them was kept.`,
      declined,
    )
  })

  it('that asked and was not answered', async () => {
    const page = await visit(product, 'password', newcomer())
    const start = product.clock.now
    try {
      product.clock.now = new Date(start.getTime() + 31 * MINUTE)
      const expired = await openedAgain(page)
      assert.equal(expired.status, 410)
      assert.equal(codeOn(expired), codeOn(page))
      product.clock.now = new Date(start.getTime() + 41 * MINUTE)
      await sweep(product.running.db, product.clock.now)
    } finally {
      product.clock.now = start
    }
    await assertTold(
      `Acme password ${UNKNOWN} Acme password asks for password and consent, so signup.do asked. They did not answer before the time was up: nothing about them was kept.`,
      page,
    )
  })

  it('with a password of ours, after a wrong one', async () => {
    const person = newcomer()
    const form = await visit(product, 'password', person)
    await form.fill({ password: PASSWORD }).tick(EMAIL).press('Create account')
    const { user } = await knownPerson(product, person.sub)
    await product.rows('DELETE FROM audit_events')
    const choice = await openBrowser().open(`${product.application.url}/login`)
    const wrong = await choice.fill({ username: user.username, password: 'not the password' }).press('Sign in')
    assert.equal(codeOn(wrong), codeOn(choice))
    await wrong.fill({ username: user.username, password: PASSWORD }).press('Sign in')
    const record = await assertTold(
      'Somebody came from Travel and signed in with the username and password of a user here. The form came back once: the username or the password was wrong (SIGNIN_FAILED).',
      choice,
    )
    assert.deepEqual([record.userId, record.idp, record.mode], [user.id, undefined, undefined])
  })

  it('that was cancelled at the idp', async () => {
    const asked = await goToIdp(product, openBrowser(), 'silent')
    const page = await asked.press('Cancel')
    assert.equal(page.status, 409)
    await assertTold(
      'Acme silent sent somebody back without signing them in (access_denied): they cancelled there, or it does not let them in.',
      page,
    )
  })

  it('whose idp failed, when the person came back and when they were to leave', async () => {
    const page = await during(product, { token: 'garbage' }, () => visit(product, 'silent', newcomer()))
    assert.equal(page.status, 502)
    const failed = await theRecord()
    assert.match(explain(failed), /^Somebody went to Acme silent, which did not complete the sign-in \([A-Z_]+\)\.$/)
    assert.deepEqual([failed.outcome, failed.refusal, codeOn(page)], ['idp-failed', 'IDP_FAILED', failed.code])

    await product.rows('DELETE FROM audit_events')
    forgetDescription(product)
    const shut = await during(product, { discovery: '500' }, () => visit(product, 'silent', newcomer()))
    assert.equal(shut.status, 502)
    assert.deepEqual(await product.rows('SELECT 1 FROM audit_events'), [], 'they may still come in another way')
    const person = newcomer()
    product.idp.person(person.sub, person)
    product.idp.signInAs = person.sub
    await shut.click('Try again')
    signedIn(product.application)
    assert.deepEqual([(await theRecord()).failure, (await theRecord()).code], [undefined, codeOn(shut)])
  })

  it('whose idp was turned off meanwhile is refused without a decision', async () => {
    const asked = await goToIdp(product, openBrowser(), 'silent')
    const person = newcomer()
    product.idp.person(person.sub, person)
    await product.rows("UPDATE idps SET is_enabled = false WHERE name = 'silent'")
    try {
      const page = await asked.fill({ person: person.sub }).press('Sign in')
      await assertTold(
        'Somebody came back from Acme silent, which had been turned off here meanwhile, and was refused (IDP_OFF).',
        page,
      )
    } finally {
      await product.rows("UPDATE idps SET is_enabled = true WHERE name = 'silent'")
    }
  })

  it('is quoted in every language, and by no other page', async () => {
    const browser = openBrowser()
    const page = await visit(product, 'consent', newcomer(), { browser })
    const code = codeOfFlow(new URL(page.url).searchParams.get('sessionDataKey') ?? '')
    for (const [language, words] of [
      ['en', `If you contact us, quote ${code}`],
      ['de', `nennen Sie ${code}`],
      // Kept apart from the letters around it, which run the other way.
      ['ar', `\u2068${code}\u2069`],
    ] as const) {
      const read = await (await browser.fetch(page.url, { headers: { 'Accept-Language': language } })).text()
      assert.match(read, new RegExp(`<footer[\\s\\S]*<span data-part="reference">[^<]*${words}`), language)
    }
    const elsewhere = await (await browser.fetch(`${product.url}/nowhere`)).text()
    assert.ok(!elsewhere.includes(code))
    const stranger = await openBrowser().open(page.url)
    assert.equal(stranger.status, 404)
    assert.ok(!stranger.html.includes(code), 'another browser does not hear of it')
  })

  it('is in the log under the code that its pages quote, in one line with the id of the request', async () => {
    const from = product.log.length
    const page = await visit(product, 'consent', newcomer())
    const lines = product.log.slice(from).map((line) => JSON.parse(line))
    const [line] = lines.filter(
      ({ route, flow }) => route === '/accountrecoveryendpoint/signup.do' && flow === codeOn(page),
    )
    assert.equal(line?.request, page.headers.get('x-request-id'))
  })

  it('leaves no value of a person on record, whatever they typed', async () => {
    const person = newcomer()
    const page = await visit(product, 'username', person)
    const again = await page.fill({ username: 'canary name/', password: 'canary password' }).press('Create account')
    await fillRegister(again, person.preferred_username).press('Create account')
    await visit(product, 'none', newcomer({ ...person, sub: `${person.sub}-2` }))
    const declined = await visit(
      product,
      'consent',
      newcomer({ ...person, sub: `${person.sub}-3`, preferred_username: 'canary' }),
    )
    await declined.press('Do not create an account')
    const rows = await product.rows<{ row: string }>('SELECT e::text AS row FROM audit_events e')
    assert.equal(rows.length, 3)
    const { sub: _, email_verified: _verified, ...claims } = person
    for (const value of [...Object.values(claims).map(String), person.sub, 'canary']) {
      for (const { row } of rows) assert.ok(!row.includes(value), `${value} is on record: ${row}`)
    }
  })

  async function openedAgain(page: Page): Promise<Page> {
    return page.fill({ password: PASSWORD }).tick(EMAIL).press('Create account')
  }
})
