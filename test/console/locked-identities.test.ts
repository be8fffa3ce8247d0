// Locked identities in the console: locked before or after somebody first signs in, on a page of their own and on the user's, and told in the history.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, openBrowser } from '../support/browser.ts'
import { makeOperator, openConsole, postBeside } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { codesOn, knownPerson, newcomer, signedIn, storedPerson, visit } from '../support/visits.ts'
import { holdOf } from '../support/ways-in.ts'

const LOCKED = '/console/locked-identities'

describe('locked identities', () => {
  let product: Product
  let owner: Browser
  let helper: Browser
  const at = (path: string) => `${product.url}${path}`
  before(async () => {
    product = await startProduct({ modes: ['silent', 'none'] })
    owner = (await openConsole(product, { username: 'olu' })).browser
    helper = (await openConsole(product, { username: 'sam', role: 'support' })).browser
  })
  after(() => product.stop())

  const open = (browser = owner) => browser.open(at(LOCKED))
  const lock = async (subject: string, { browser = owner, idp = 'silent' } = {}) =>
    (await open(browser)).fill({ idp, subject }).press('Lock')
  const changes = () =>
    product.rows<{ action: string; object: string; after: Record<string, unknown> }>(
      `SELECT action, object, after FROM changes WHERE kind = 'identity' ORDER BY id`,
    )

  test('are reached from the list of users, and say so when there are none', async () => {
    const page = await (await owner.open(at('/console/users'))).click('Locked identities')
    assert.equal(page.url, at(LOCKED))
    assert.match(page.text, /Nobody is locked by who they are/)
  })

  test('keep somebody out before they first sign in, until they are unlocked', async () => {
    const person = newcomer()
    const page = await lock(person.sub, { browser: helper })
    assert.match(page.text, new RegExp(`Whoever is ${person.sub} at Acme silent is locked`))
    assert.match(page.text, /None/)
    const refused = await visit(product, 'silent', person)
    assert.deepEqual(codesOn(refused), ['SIGN_IN_REFUSED'])
    assert.equal(await storedPerson(product, person.sub), undefined)
    product.clock.now = new Date(product.clock.now.getTime() + 1_000)
    // Our OpenID Provider goes by the machine's clock: what it begins has to come after the unlocking there, too.
    await sleep(Math.max(0, product.clock.now.getTime() - Date.now()))
    const unlocked = await (await open()).press(`Unlock ${person.sub}`)
    assert.match(unlocked.text, /can sign in again/)
    await visit(product, 'silent', person)
    assert.equal(signedIn(product.application).sub, (await knownPerson(product, person.sub)).user.id)
  })

  test('are locked from the user’s page, one way in by one, with the sessions that began there', async () => {
    const person = newcomer()
    product.clock.now = new Date()
    const { sub } = await holdOf(product, 'silent', person)
    const user = at(`/console/users/${sub}`)
    const before = await owner.open(user)
    assert.match(before.text, /Signed in with Acme silent/)
    const page = await before.press('Lock this way in Acme silent')
    assert.match(page.text, /cannot sign in any more with Acme silent/)
    assert.match(page.text, /Acme silent Locked/)
    assert.match(page.text, /They are signed in nowhere/)
    assert.match(page.text, /State Active/)
    const list = await open()
    assert.match(list.html, new RegExp(`href="/console/users/${sub}"`))
    assert.match((await owner.open(user)).text, /Unlock this way in Acme silent/)
    await (await owner.open(user)).press('Unlock this way in Acme silent')
    assert.doesNotMatch((await open()).text, new RegExp(person.sub))
  })

  test('are told in the history without the subject, once for each lock', async () => {
    const person = newcomer()
    const before = (await changes()).length
    await lock(person.sub)
    await lock(person.sub)
    await (await open()).press(`Unlock ${person.sub}`)
    const told = (await changes()).slice(before)
    assert.deepEqual(
      told.map(({ action, after }) => [action, after['isLocked'], after['idp']]),
      [
        ['locked', true, 'silent'],
        ['unlocked', false, 'silent'],
      ],
    )
    assert.match(told[0]?.object ?? '', /^fed\.[\w-]{43}$/)
    assert.equal(told[1]?.object, told[0]?.object)
    const [row] = await product.rows<{ text: string }>(`SELECT string_agg(changes::text, ' ') AS text FROM changes`)
    assert.ok(!row?.text.includes(person.sub))
    assert.match((await owner.open(at('/console/audit'))).text, /identity of a person/)
  })

  test('take a subject letter for letter, and none that no idp can send', async () => {
    const person = newcomer({ sub: `  Spaced ${newcomer().sub}` })
    await lock(person.sub)
    assert.deepEqual(codesOn(await visit(product, 'silent', person)), ['SIGN_IN_REFUSED'])
    await visit(product, 'silent', { ...newcomer(), sub: person.sub.trim() })
    signedIn(product.application)
    for (const subject of ['', 'x'.repeat(256), 'line\nbreak', 'nul\0', '\uFFFD']) {
      const answer = await postBeside(owner, await open(), { idp: 'silent', subject }, at(LOCKED))
      assert.equal(answer.status, 422, JSON.stringify(subject))
      assert.match(await answer.text(), /Enter the subject as the identity provider sends it/)
    }
    assert.equal((await postBeside(owner, await open(), { idp: 'nobody', subject: 'x' }, at(LOCKED))).status, 422)
    const unlocked = await postBeside(owner, await open(), { unlock: 'fed.nobody' }, at(LOCKED))
    assert.equal(unlocked.status, 303)
    for (const [name, text] of [
      ['unlock', 'fed.\0'],
      ['after', '\0'],
    ] as const) {
      const answer = await postBeside(owner, await open(), { [name]: text }, at(LOCKED))
      assert.deepEqual([answer.status, answer.headers.get('location')], [303, LOCKED], name)
    }
  })

  test('lock whoever is known by an issuer that the idp had before, too', async () => {
    const person = newcomer()
    await visit(product, 'silent', person)
    const { sub } = signedIn(product.application)
    await product.rows(`UPDATE identities SET issuer = 'https://before.acme.example' WHERE user_id = $1`, [sub])
    await lock(person.sub)
    const rows = await product.rows<{ issuer: string }>('SELECT issuer FROM identity_locks WHERE subject = $1', [
      person.sub,
    ])
    assert.deepEqual(
      rows.map(({ issuer }) => issuer).sort(),
      [product.idp.issuer, 'https://before.acme.example'].sort(),
    )
    assert.match((await owner.open(at(`/console/users/${sub}`))).text, /Acme silent Locked/)
  })

  test('of operators are an owner’s to lock and unlock', async () => {
    const { id } = await makeOperator(product, 'other.owner', 'owner')
    const person = newcomer()
    await visit(product, 'silent', person)
    await product.rows('UPDATE identities SET user_id = $1 WHERE subject = $2', [id, person.sub])
    const refused = await lock(person.sub, { browser: helper })
    assert.equal(refused.status, 422)
    assert.match(refused.text, /Only an owner can lock and unlock operators/)
    assert.match((await visit(product, 'silent', person)).url, /\/callback/)
    assert.match((await lock(person.sub)).text, /is locked/)
    const kept = await (await open(helper)).press(`Unlock ${person.sub}`)
    assert.equal(kept.status, 422)
    assert.match((await (await open()).press(`Unlock ${person.sub}`)).text, /can sign in again/)
  })

  test('are shown page by page, the last one first', async () => {
    await product.rows('DELETE FROM identity_locks')
    await product.rows(
      `INSERT INTO identity_locks (idp_id, issuer, subject, federated_subject, locked_at)
       SELECT id, issuer, 'listed-' || lpad(n::text, 3, '0'), 'fed.' || n, now() + n * interval '1 second'
       FROM idps, generate_series(1, 60) n WHERE name = 'silent'`,
    )
    const named = (html: string) => [...html.matchAll(/<code><bdi>listed-(\d+)<\/bdi>/g)].map(([, n]) => Number(n))
    const range = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index)
    const first = await open()
    assert.deepEqual(named(first.html), range(60, 11))
    const second = await first.press('Older')
    assert.deepEqual(named(second.html), range(10, 1))
    assert.deepEqual(named((await second.press('Newest')).html), range(60, 11))
  })

  test('are nobody’s to see without a role in it', async () => {
    const privacy = (await openConsole(product, { username: 'pia', role: 'privacy' })).browser
    assert.equal((await open(privacy)).status, 403)
    assert.match((await open(openBrowser())).url, /\/console\/sign-in/)
  })
})
