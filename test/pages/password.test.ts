// Prompt for password and consent: signup.do with the suggested username, and what a password has to be.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser, type Page } from '../support/browser.ts'
import { readPage } from '../support/html-page.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import {
  codesOn,
  hashOfUser,
  knownPerson,
  type Newcomer,
  newcomer,
  signedIn,
  storedPerson,
  submit,
  visit,
} from '../support/visits.ts'

const EMAIL = 'recover:email'

describe('an idp that prompts for password and consent', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['password', 'silent'] })
  })
  after(() => product.stop())

  describe('the page', () => {
    it('is signup.do and asks for a password and each attribute, and for nothing else', async () => {
      const page = await visit(product, 'password', newcomer())
      assert.equal(page.status, 200)
      assert.equal(new URL(page.url).pathname, '/accountrecoveryendpoint/signup.do')
      const [form] = readPage(page.html).forms
      const typed = form?.controls.filter(({ kind, fixed }) => kind === 'field' && !fixed).map(({ name }) => name)
      assert.deepEqual(typed, ['password'])
      const hidden = form?.controls.filter(({ kind, fixed }) => kind === 'field' && fixed).map(({ name }) => name)
      assert.deepEqual(hidden, ['_csrf', 'sessionDataKey', 'notice', 'username'])
      const boxes = form?.controls.filter(({ kind }) => kind === 'box').map(({ value, checked }) => [value, checked])
      assert.deepEqual(boxes, [
        [EMAIL, false],
        ['recover:phone_number', false],
        ['office:department', false],
      ])
    })

    it('shows the username read-only and visible before the password, so that password managers file it right', async () => {
      const person = newcomer()
      const { html } = await visit(product, 'password', person)
      const username = /<input id="username"[^>]*>/.exec(html)?.[0] ?? ''
      assert.match(username, / readonly/)
      assert.match(username, / name="username"/)
      assert.match(username, / autocomplete="username"/)
      assert.match(username, / type="text"/)
      assert.ok(username.includes(` value="${person.preferred_username}"`))
      assert.ok(html.indexOf('id="username"') < html.indexOf('id="new-password"'))
      assert.match(html, /<label for="username">Your username<\/label>/)
    })

    it('has one password field, for a new password, with no limit that a browser would enforce', async () => {
      const { html } = await visit(product, 'password', newcomer())
      assert.equal(html.match(/type="password"/g)?.length, 1)
      const field = /<input id="new-password"[^>]*>/.exec(html)?.[0] ?? ''
      for (const attribute of [
        'name="password"',
        'type="password"',
        'autocomplete="new-password"',
        'autocapitalize="none"',
        'spellcheck="false"',
        'passwordrules="minlength: 15;"',
      ]) {
        assert.ok(field.includes(` ${attribute}`), `${attribute} in ${field}`)
      }
      assert.doesNotMatch(field, /maxlength|pattern|required|onpaste|value=/)
      assert.match(html, /<label for="new-password">Create a password<\/label>/)
    })
  })

  it('makes a user with the suggested name, the password and the ticked attributes, and signs them in', async () => {
    const person = newcomer()
    const page = await visit(product, 'password', person)
    const done = await page.fill({ password: PASSWORD }).tick(EMAIL).tick('office:department').press('Create account')
    assert.equal(done.status, 200, done.text)
    const { user, attributes, consents, identities } = await knownPerson(product, person.sub)
    assert.equal(user.username, person.preferred_username)
    assert.match(user.password_hash ?? '', /^\$argon2id\$/)
    assert.deepEqual(
      attributes.map(({ name, value, origin, idp }) => [name, value, origin, idp]),
      [
        ['department', person.department, 'idp', 'password'],
        ['email', person.email, 'idp', 'password'],
      ],
    )
    assert.deepEqual(
      consents.map(({ attribute, is_given }) => [attribute, is_given]),
      [
        ['email', true],
        ['phone_number', false],
        ['department', true],
      ],
    )
    assert.equal(identities[0]?.scheme, 'PROMPT_PASSWORD_CONSENT')
    assert.deepEqual(signedIn(product.application).userinfo, {
      sub: user.id,
      preferred_username: person.preferred_username,
      department: person.department,
      email: person.email,
      email_verified: true,
    })
  })

  it('signs in straight through the second time, by the idp and by username and password', async () => {
    const person = newcomer()
    await answer(await visit(product, 'password', person), PASSWORD)
    const { sub } = signedIn(product.application)
    const again = await visit(product, 'password', person)
    assert.ok(!again.history.some((address) => address.includes('signup.do')))
    assert.equal(signedIn(product.application).sub, sub)

    const choice = await openBrowser().open(`${product.application.url}/login`)
    const local = await choice
      .fill({ username: person.preferred_username.toUpperCase(), password: PASSWORD })
      .press('Sign in')
    assert.equal(local.status, 200, local.text)
    assert.equal(signedIn(product.application).sub, sub)
  })

  it('keeps the suggested name whatever name is posted', async () => {
    const person = newcomer()
    const victim = newcomer()
    await visit(product, 'silent', victim)
    const hash = await hashOfUser(product, signedIn(product.application).sub)
    const browser = openBrowser()
    const page = (await visit(product, 'password', person, { browser })).fill({ password: PASSWORD }).tick(EMAIL)
    const done = await submit(browser, page, 'Create account', { username: victim.preferred_username, use: 'other' })
    assert.equal(done.status, 303)
    const { user } = await knownPerson(product, person.sub)
    assert.equal(user.username, person.preferred_username)
    const [owner] = await product.rows<{ id: string }>('SELECT id FROM users WHERE username = $1', [
      victim.preferred_username,
    ])
    assert.equal(await hashOfUser(product, owner?.id ?? ''), hash)
  })

  describe('a suggested name that will not do', () => {
    let owner: Newcomer
    let hash: string
    let ownerId: string
    before(async () => {
      owner = newcomer()
      await visit(product, 'silent', owner)
      ownerId = signedIn(product.application).sub
      hash = await hashOfUser(product, ownerId)
    })

    it('is asked for this one time, with the error and free names; the chosen name is created', async () => {
      const person = newcomer({ preferred_username: owner.preferred_username.toUpperCase() })
      const page = await visit(product, 'password', person)
      assert.equal(page.status, 200)
      assert.equal(new URL(page.url).pathname, '/accountrecoveryendpoint/signup.do')
      assert.deepEqual(new Set(codesOn(page)), new Set(['USERNAME_TAKEN']))
      assert.match(page.text, /Free now:/)
      assert.equal(page.submission('create').fields.get('username'), person.preferred_username)
      const chosen = `chosen-${owner.preferred_username}`
      const done = await page.fill({ username: chosen, password: PASSWORD }).tick(EMAIL).press('create')
      assert.equal(done.status, 200, done.text)
      const { user } = await knownPerson(product, person.sub)
      assert.equal(user.username, chosen)
      assert.notEqual(user.id, ownerId)
      assert.equal(signedIn(product.application).sub, user.id)
      assert.equal(await hashOfUser(product, ownerId), hash)
      const again = await visit(product, 'password', person)
      assert.ok(!again.history.some((address) => address.includes('signup.do')))
    })

    it('is refused again when it is sent again in any case or width', async () => {
      const person = newcomer({ preferred_username: owner.preferred_username })
      let page = await visit(product, 'password', person)
      for (const name of [owner.preferred_username, owner.preferred_username.toUpperCase(), fullWidth(owner)]) {
        page = await page.fill({ username: name, password: PASSWORD }).tick(EMAIL).press('create')
        assert.equal(page.status, 422, name)
        assert.deepEqual(new Set(codesOn(page)), new Set(['USERNAME_TAKEN']))
      }
      assert.equal(await storedPerson(product, person.sub), undefined)
      assert.equal(await hashOfUser(product, ownerId), hash)
    })

    it('is asked for too when the rules of names refuse it', async () => {
      const person = newcomer({ preferred_username: 'x y' })
      const page = await visit(product, 'password', person)
      assert.deepEqual(new Set(codesOn(page)), new Set(['USERNAME_CHARS']))
      const name = `fit-${person.sub}`
      await page.fill({ username: name, password: PASSWORD }).tick(EMAIL).press('create')
      assert.equal((await knownPerson(product, person.sub)).user.username, name)
    })

    it('is asked for when somebody takes it while the page is open', async () => {
      const person = newcomer()
      const page = await visit(product, 'password', person)
      await visit(product, 'silent', newcomer({ preferred_username: person.preferred_username }))
      const again = await answer(page, PASSWORD)
      assert.equal(again.status, 422)
      assert.deepEqual(new Set(codesOn(again)), new Set(['USERNAME_TAKEN']))
      const name = `other-${person.preferred_username}`
      const done = await again.fill({ username: name, password: PASSWORD }).press('create')
      assert.equal(done.status, 200, done.text)
      assert.equal((await knownPerson(product, person.sub)).user.username, name)
    })
  })

  describe('a password', () => {
    it('has 15 to 128 letters of any kind, counted as people see them; nothing is cut off', async () => {
      for (const password of ['ｗ ide gap, ünï!!', animals(128), 'e\u0301l\u0301a bonita nmo.']) {
        const person = newcomer()
        const page = await answer(await visit(product, 'password', person), password)
        assert.equal(page.status, 200, page.text)
        const { user } = await knownPerson(product, person.sub)
        const { passwords } = product.running.house
        const matches = (typed: string) =>
          passwords.inTurn('a test', (matches) => matches(user.password_hash ?? '', typed))
        assert.ok(await matches(password.normalize('NFD')))
        assert.ok(!(await matches(password.slice(0, -1))))
      }
    })

    it('is refused by a code that says which kind of rule it breaks, and never which entry of a list', async () => {
      const person = newcomer()
      let page = await visit(product, 'password', person)
      const refusals: [string, string][] = [
        ['', 'PW_EMPTY'],
        ['fourteen chars', 'PW_SHORT'],
        [animals(129), 'PW_LONG'],
        ['passwordpassword', 'PW_COMMON'],
        ['qwertyuiop1234567890', 'PW_COMMON'],
        [`my ${person.preferred_username.toUpperCase()} is here`, 'PW_PERSONAL'],
        [`reach ${person.email.split('@')[0]} there`, 'PW_PERSONAL'],
        ['the Northwind wind blows', 'PW_PERSONAL'],
        ['when I Travel I sleep well', 'PW_PERSONAL'],
        ['acme PASSWORD goes here ok', 'PW_PERSONAL'],
      ]
      for (const [password, code] of refusals) {
        page = await answer(page, password)
        assert.equal(page.status, 422, password)
        assert.deepEqual(new Set(codesOn(page)), new Set([code]), password)
        if (password !== '') assert.ok(!page.html.includes(password), password)
      }
      assert.equal(await storedPerson(product, person.sub), undefined)
    })

    it('is in no page, no log and no table, neither after an error nor after success', async () => {
      const canary = `canary ${newcomer().sub} flies home`
      const person = newcomer()
      const page = await visit(product, 'password', person)
      const wrong = await page.fill({ password: canary }).press('create')
      assert.equal(wrong.status, 422)
      assert.deepEqual(new Set(codesOn(wrong)), new Set(['CONSENT_NEEDED']))
      const browser = openBrowser()
      const other = (await visit(product, 'password', newcomer(), { browser })).fill({ password: canary })
      const forged = await submit(browser, other, 'create', { _csrf: 'forged' })
      assert.equal(forged.status, 403)
      const done = await answer(wrong, canary)
      assert.equal(done.status, 200)
      await knownPerson(product, person.sub)
      const places = [wrong.html, await forged.text(), done.html, product.log.join(''), await product.dump()]
      const forms = [canary, encodeURIComponent(canary), canary.replaceAll(' ', '+')]
      for (const [index, place] of places.entries()) {
        for (const form of forms) assert.ok(!place.includes(form), `place ${index}`)
      }
    })

    it('is needed: a form without the field makes nobody', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const page = (await visit(product, 'password', person, { browser })).tick(EMAIL)
      const { url, fields } = page.submission('Create account')
      fields.delete('password')
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const answered = await browser.fetch(url, { method: 'POST', headers, body: fields.toString() })
      assert.equal(answered.status, 422)
      assert.match(await answered.text(), /data-msg="(PW_EMPTY|CHANGED)"/)
      assert.equal(await storedPerson(product, person.sub), undefined)
    })
  })
})

function answer(page: Page, password: string): Promise<Page> {
  return page.fill({ password }).tick(EMAIL).press('Create account')
}

/** That many letters which each take two of JavaScript's and four bytes. */
function animals(count: number): string {
  return String.fromCodePoint(...Array.from({ length: count }, (_, index) => 0x1f400 + ((index * 7) % 62)))
}

/** The owner's name in letters as wide as Chinese ones. */
function fullWidth({ preferred_username }: Newcomer): string {
  return preferred_username.replace(/[!-~]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0))
}
