// The enhanced feature, names: the federated unique id is the username of new people, in every mode and by every road, and of nobody else.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { QuestionResponse } from '../src/api/shapes.ts'
import { federatedUniqueId } from '../src/provisioning/federated-name.ts'
import { joinName } from '../src/stores/name.ts'
import { enterAccount, enterWithPassword, join } from './support/account.ts'
import { openBrowser, type Page } from './support/browser.ts'
import { openConsole, signInToConsole } from './support/console.ts'
import { answersTo, ask, call, sendSomebody, startElsewhere } from './support/elsewhere.ts'
import { switchEnhanced, UNIQUE_ID, withEnhanced } from './support/enhanced.ts'
import { PASSWORD } from './support/people.ts'
import { type Mode, type Product, startProduct } from './support/product.ts'
import {
  codesOn,
  countPeople,
  deleteUser,
  knownPerson,
  type Newcomer,
  newcomer,
  signedIn,
  storedPerson,
  submit,
  visit,
} from './support/visits.ts'

const WHOLE = new RegExp(`^${UNIQUE_ID.source}$`)

async function idOf(product: Product, mode: Mode, { sub }: Newcomer): Promise<string> {
  const [idp] = await product.rows<{ id: string }>('SELECT id FROM idps WHERE name = $1', [mode])
  const { salt } = product.running.house
  return federatedUniqueId(salt, { idpId: idp?.id ?? '', issuer: product.idp.issuer, subject: sub })
}

describe('while the enhanced feature is on', () => {
  let product: Product
  before(async () => {
    product = await startProduct({
      modes: ['silent', 'consent', 'password', 'username'],
      change: (declared) =>
        withEnhanced({
          ...declared,
          userStores: [
            // Neither rule lets an id pass.
            { name: 'PRIMARY', properties: { UsernameJavaRegEx: '^[a-z0-9.-]{3,24}$' } },
            { name: 'STAFF', properties: { UsernameJavaRegEx: '^[a-z]{3,8}$', CaseInsensitiveUsername: 'false' } },
          ],
        }),
    })
  })
  after(() => product.stop())

  const nameShown = (page: Page) => /data-copy=[^>]*>([^<]*)</.exec(page.html)?.[1]

  for (const mode of ['silent', 'consent', 'password', 'username'] as const) {
    it(`it is the username in mode ${mode}, whatever the idp suggests and the store's rule is; the page follows the mode`, async () => {
      const person = newcomer({ preferred_username: 'Not A Name!/' })
      const id = await idOf(product, mode, person)
      let page = await visit(product, mode, person)
      if (mode !== 'silent') {
        assert.equal(page.status, 200)
        assert.equal(new URL(page.url).pathname.split('/').at(-1), mode === 'username' ? 'register.do' : 'signup.do')
        assert.equal(nameShown(page), id)
        assert.match(page.text, new RegExp(`Your username ${id} It is made for you from who you are at Acme ${mode}`))
        assert.equal(/You need it to sign in with your password/.test(page.text), mode !== 'consent')
        assert.deepEqual(codesOn(page), [])
        // Nobody can type it, and a password manager finds it.
        const fields = /<input[^>]*name="username"[^>]*>/.exec(page.html)
        assert.equal(fields !== null, mode !== 'consent')
        if (fields) assert.match(fields[0], new RegExp(`value="${id}" readonly tabindex="-1" aria-hidden="true"`))
        if (mode !== 'consent') page.fill({ password: PASSWORD })
        page = await page.tick('recover:email').press('Create account')
      }
      const { user } = await knownPerson(product, person.sub)
      assert.deepEqual([user.store, user.username, user.username_canonical], ['PRIMARY', id, id])
      const { sub, userinfo } = signedIn(product.application)
      assert.equal(sub, user.id)
      assert.equal(userinfo['preferred_username'], id)
    })
  }

  it('a username that is sent all the same is ignored, on both pages', async () => {
    for (const mode of ['consent', 'password', 'username'] as const) {
      const person = newcomer()
      const browser = openBrowser()
      const page = await visit(product, mode, person, { browser })
      page.tick('recover:email')
      if (mode !== 'consent') page.fill({ password: PASSWORD })
      const sent = await submit(browser, page, 'Create account', { username: 'admin', use: 'root' })
      assert.equal(sent.status, 303, mode)
      assert.equal((await knownPerson(product, person.sub)).user.username, await idOf(product, mode, person))
    }
  })

  it('the status of a name is told to nobody, as nobody is asked for one', async () => {
    const browser = openBrowser()
    const page = await visit(product, 'username', newcomer(), { browser })
    const { fields } = page.submission('Create account')
    const body = new URLSearchParams({ username: 'asha' })
    for (const name of ['_csrf', 'sessionDataKey']) body.set(name, fields.get(name) ?? '')
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const url = `${product.url}/accountrecoveryendpoint/username-status`
    assert.equal((await browser.fetch(url, { method: 'POST', headers, body: body.toString() })).status, 404)
  })

  it('it is in the store of the idp, and in PRIMARY where the name would say which', async () => {
    for (const [userstore, store] of [
      ['STAFF', 'STAFF'],
      [null, 'PRIMARY'],
    ] as const) {
      await product.rows(`UPDATE idps SET jit_userstore = $1 WHERE name = 'password'`, [userstore])
      const person = newcomer({ preferred_username: 'STAFF/asha' })
      const id = await idOf(product, 'password', person)
      const page = await visit(product, 'password', person)
      assert.equal(nameShown(page), joinName(store, id))
      await page.fill({ password: PASSWORD }).tick('recover:email').press('Create account')
      const { user } = await knownPerson(product, person.sub)
      assert.deepEqual([user.store, user.username], [store, id])
      const inside = await enterWithPassword(product, joinName(store, id), PASSWORD)
      assert.equal(new URL(inside.url).pathname, '/myaccount')
    }
    await product.rows(`UPDATE idps SET jit_userstore = 'PRIMARY' WHERE name = 'password'`)
  })

  it('whoever set a password signs in with it, in whatever case it is typed, and by the idp as well', async () => {
    const person = newcomer()
    const sub = await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    const id = await idOf(product, 'password', person)
    for (const typed of [id, ` ${id.toUpperCase()} `]) {
      const page = await enterWithPassword(product, typed, PASSWORD)
      assert.equal(new URL(page.url).pathname, '/myaccount')
      assert.match(page.text, new RegExp(`Username ${id} It was made for you from who you are at Acme password`))
      assert.match(page.text, /You need it to sign in with your password/)
    }
    await visit(product, 'password', person)
    assert.equal(signedIn(product.application).sub, sub)
  })

  it('deleted and back, somebody has the same username and another sub', async () => {
    const person = newcomer()
    const first = await join(product, 'silent', person)
    const { user } = await knownPerson(product, person.sub)
    await deleteUser(product, first)
    const second = await join(product, 'silent', person)
    assert.notEqual(second, first)
    assert.equal((await knownPerson(product, person.sub)).user.username, user.username)
  })

  it('whoever disconnected the idp keeps the name; who comes by it then is somebody new, with another id', async () => {
    const person = newcomer()
    await join(product, 'silent', person)
    const { user } = await knownPerson(product, person.sub)
    // As My Account does it, for people with a second way in.
    await product.rows('DELETE FROM identities WHERE user_id = $1', [user.id])
    const again = await join(product, 'silent', person)
    const other = await knownPerson(product, person.sub)
    assert.notEqual(again, user.id)
    assert.match(other.user.username, WHOLE)
    assert.notEqual(other.user.username, user.username)
    const asked = newcomer()
    await (await visit(product, 'consent', asked)).tick('recover:email').press('Create account')
    const kept = await knownPerson(product, asked.sub)
    await product.rows('DELETE FROM identities WHERE user_id = $1', [kept.user.id])
    const page = await visit(product, 'consent', asked)
    const shown = nameShown(page)
    assert.notEqual(shown, kept.user.username)
    await page.tick('recover:email').press('Create account')
    assert.equal((await knownPerson(product, asked.sub)).user.username, shown)
  })

  it('it is the same on another process, and two that make the user at once make one', async () => {
    const { port } = await product.another()
    const person = newcomer()
    const browser = openBrowser()
    const page = await visit(product, 'consent', person, { browser })
    const { fields } = page.tick('recover:email').submission('Create account')
    const send = (at: number) =>
      browser.fetch(page.url.replace(/\?.*/, '').replace(`:${product.port}`, `:${at}`), {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded',
          Host: new URL(product.url).host,
        },
        body: fields.toString(),
      })
    await Promise.all([send(product.port), send(port)])
    const { user } = await knownPerson(product, person.sub)
    assert.equal(user.username, await idOf(product, 'consent', person))
    assert.deepEqual(await product.rows('SELECT count(*)::int AS n FROM users WHERE username = $1', [user.username]), [
      { n: 1 },
    ])
  })

  describe('what operators are told', () => {
    it('the record of a sign-in, and what it was decided by', async () => {
      const people = [newcomer(), newcomer()] as const
      await visit(product, 'silent', people[0])
      await (await visit(product, 'consent', people[1])).tick('recover:email').press('Create account')
      const { browser } = await openConsole(product, { username: 'olu' })
      for (const [person, sentence] of [
        [
          people[0],
          /Acme silent provisions silently and the username was their federated unique id, so a user was made/,
        ],
        [
          people[1],
          /Acme consent asks for consent and the username was their federated unique id, so signup\.do asked/,
        ],
      ] as const) {
        const { user } = await knownPerson(product, person.sub)
        const [event] = await product.rows<{ code: string }>(
          `SELECT code FROM audit_events WHERE user_id = $1 AND event = 'user-created'`,
          [user.id],
        )
        const page = await browser.open(`${product.url}/console/sign-ins?code=${event?.code}`)
        assert.match(page.text, sentence)
        assert.match(page.text, /Suggested username The federated unique id/)
      }
    })

    it('"Try this mapping" shows the id and what it is, and no warning of what the idp suggests', async () => {
      const browser = openBrowser()
      await signInToConsole(product, browser, 'olu')
      const person = newcomer({ preferred_username: 'admin' })
      const page = await browser.open(`${product.url}/console/identity-providers/username/try-mapping`)
      const tried = await page.fill({ claims: JSON.stringify(person) }).press('Try')
      const id = await idOf(product, 'username', person)
      assert.match(tried.text, new RegExp(`Username ${id} Federated unique id`))
      assert.match(
        tried.text,
        /Acme username asks for password and consent and the username is their federated unique id/,
      )
      assert.doesNotMatch(tried.text, /admin" |cannot be used|is taken/)
      assert.equal(nameShown(await tried.press('page')), id)
    })

    it('the rule of a store says that it does not hold for these names, and no check of old names counts them', async () => {
      const browser = openBrowser()
      await signInToConsole(product, browser, 'olu')
      const page = await browser.open(`${product.url}/console/user-stores/PRIMARY`)
      assert.match(
        page.text,
        /Neither holds for the federated unique ids that people get while the enhanced feature is on/,
      )
      const { countMisfits } = await import('../src/stores/review.ts')
      assert.deepEqual(await countMisfits(product.running.house.db), {})
    })
  })

  describe('people are called by what they are called', () => {
    it('in the list of users and on the page of one, with the idp that they are from', async () => {
      const browser = openBrowser()
      await signInToConsole(product, browser, 'olu')
      const person = newcomer({ name: 'Ada <Byron>' })
      const id = await join(product, 'silent', person)
      const { username } = (await knownPerson(product, person.sub)).user
      const list = await (await browser.open(`${product.url}/console/users`)).fill({ username }).press('Search')
      assert.match(list.text, new RegExp(`${username} Ada <Byron> PRIMARY Acme silent`))
      const page = await browser.open(`${product.url}/console/users/${id}`)
      assert.match(page.title, /^Ada <Byron>/)
      assert.match(page.text, new RegExp(`Username ${username} Federated unique id Name Ada <Byron>`))
      const locked = await page.press('Lock')
      assert.match(locked.text, /Ada <Byron> is locked/)
    })

    it('in My Account, by what is kept alone: a name, else an address, else the username', async () => {
      const said = (page: Page) =>
        /data-part="sign-out">.*?<span>(.*?)<\/span>/s.exec(page.html)?.[1]?.replace(/<[^>]*>/g, '')
      const whole = newcomer({ name: 'Ada Byron' })
      await join(product, 'silent', whole)
      assert.equal(said(await enterAccount(product, 'silent', whole)), 'Ada Byron (from Acme silent)')
      const address = newcomer()
      await join(product, 'consent', address, { ticks: ['recover:email'] })
      assert.equal(said(await enterAccount(product, 'consent', address)), `${address.email} (from Acme consent)`)
    })
  })

  it('switched off, everybody keeps the name that they have, and new people get what the idp suggests; on again, too', async () => {
    const person = newcomer()
    const sub = await join(product, 'silent', person)
    const { username } = (await knownPerson(product, person.sub)).user
    await switchEnhanced(product, false)
    const plain = newcomer()
    try {
      await visit(product, 'silent', person)
      assert.equal(signedIn(product.application).sub, sub)
      assert.equal((await knownPerson(product, person.sub)).user.username, username)
      await join(product, 'silent', plain)
      assert.equal((await knownPerson(product, plain.sub)).user.username, plain.preferred_username)
    } finally {
      await switchEnhanced(product, true)
    }
    await visit(product, 'silent', plain)
    assert.equal((await knownPerson(product, plain.sub)).user.username, plain.preferred_username)
  })

  it('switched while a page is open, the page is shown again with the name that it is now, and makes nobody before', async () => {
    for (const mode of ['consent', 'username'] as const)
      for (const isOn of [true, false]) {
        await switchEnhanced(product, !isOn)
        const person = newcomer()
        const page = await visit(product, mode, person)
        page.tick('recover:email')
        if (mode === 'username') page.fill({ password: PASSWORD })
        await switchEnhanced(product, isOn)
        const again = await page.press('Create account')
        assert.equal(again.status, 422)
        assert.deepEqual(codesOn(again), ['CHANGED'])
        assert.equal(await storedPerson(product, person.sub), undefined)
        assert.equal(nameShown(again) !== undefined, isOn)
        if (mode === 'username') again.fill({ password: PASSWORD })
        const done = await again.press('Create account')
        assert.deepEqual(codesOn(done), [], done.text)
        const { user } = await knownPerson(product, person.sub)
        assert.equal(user.username, isOn ? await idOf(product, mode, person) : person.preferred_username)
        await switchEnhanced(product, true)
      }
  })
})

describe('while the enhanced feature is off', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'username'] })
  })
  after(() => product.stop())

  it('nobody takes a name that is somebody’s id, or looks like one, typed or claimed', async () => {
    const victim = newcomer()
    const id = await idOf(product, 'silent', victim)
    const before = await countPeople(product)
    const page = await visit(product, 'username', newcomer())
    for (const like of [id, id.toUpperCase(), id.replace(/[0]/g, 'O').replace(/1/g, 'l')]) {
      const again = await page.fill({ username: like, password: PASSWORD }).press('Create account')
      assert.deepEqual([again.status, codesOn(again)[0]], [422, 'USERNAME_RESERVED'], like)
    }
    const claimed = await visit(product, 'silent', newcomer({ preferred_username: id }))
    assert.deepEqual([claimed.status, codesOn(claimed)], [409, ['USERNAME_POLICY']])
    assert.deepEqual(await countPeople(product), before)
  })
})

describe('on a page elsewhere', () => {
  let product: Awaited<ReturnType<typeof startElsewhere>>
  before(async () => {
    product = await startElsewhere({ change: withEnhanced })
  })
  after(() => product.stop())

  it('the question says that the name is fixed, and an answer needs none, nor is one looked at', async () => {
    for (const mode of ['consent', 'username'] as const)
      for (const username of [undefined, 'admin']) {
        const sent = await sendSomebody(product, mode)
        const asked = await ask(product, sent)
        QuestionResponse.parse(asked)
        const id = await idOf(product, mode, sent.person)
        assert.deepEqual(asked.question['username'], { kind: 'shown', value: id, fixed: true })
        const password = mode === 'username' ? { password: PASSWORD } : {}
        const { status, body } = await call(
          product,
          '/answers',
          answersTo(asked, { ...password, ...(username ? { username } : {}) }),
        )
        assert.equal(status, 200, JSON.stringify(body))
        await sent.browser.open(body.returnTo)
        assert.equal((await knownPerson(product, sent.person.sub)).user.username, id)
      }
  })

  it('an answer to the question of before the switch is asked again, as it is now', async () => {
    await switchEnhanced(product, false)
    const sent = await sendSomebody(product)
    const asked = await ask(product, sent)
    await switchEnhanced(product, true)
    const { status, body } = await call(
      product,
      '/answers',
      answersTo(asked, { username: 'asha.rao', password: PASSWORD }),
    )
    assert.deepEqual([status, body.question.changed.code, body.question.username.fixed], [422, 'CHANGED', true])
    assert.equal(await storedPerson(product, sent.person.sub), undefined)
  })

  it('the status of a name is not told', async () => {
    const { token } = await ask(product, await sendSomebody(product))
    assert.equal((await call(product, '/username-status', { token, username: 'asha' })).status, 404)
  })
})
