// An upgrade from before My Account, with people in the database: nobody is asked because of it, and what they answered is proved from then on.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { connect } from '../src/db/connect.ts'
import { migrate } from '../src/db/migrate.ts'
import { verifyCommand } from '../src/records/command.ts'
import { fillLooks } from '../src/stores/review.ts'
import { enterAccount, enterWithPassword, join } from './support/account.ts'
import { openBrowser } from './support/browser.ts'
import { takeBack } from './support/earlier-schema.ts'
import { brokenInvariants } from './support/invariants.ts'
import { PASSWORD } from './support/people.ts'
import { type Mode, type Product, startProduct } from './support/product.ts'
import { editPurpose } from './support/purposes.ts'
import { knownPerson, type Newcomer, newcomer, signedIn, visit } from './support/visits.ts'

const FIRST = '20261127100000'

describe('after an upgrade from before My Account', () => {
  let product: Product
  const people: { mode: Mode; person: Newcomer; id: string; kept: unknown }[] = []
  const quiet = newcomer()
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent', 'password', 'username'] })
    const joins: [mode: Mode, ticks: string[], password?: string][] = [
      ['silent', []],
      ['silent', []],
      ['consent', ['recover:email', 'recover:phone_number', 'office:department']],
      ['consent', ['recover:email']],
      ['password', ['recover:email', 'office:department'], PASSWORD],
      ['username', ['recover:email'], PASSWORD],
    ]
    for (const [mode, ticks, password] of joins) {
      const person = newcomer()
      const id = await join(product, mode, person, { ticks, ...(password === undefined ? {} : { password }) })
      people.push({ mode, person, id, kept: (await knownPerson(product, person.sub)).attributes })
    }
    await product.running.stop()
    await takeBack(product.databaseUrl, FIRST)
    const db = connect({ url: product.databaseUrl, poolMax: 1, ssl: false, onError: () => {} })
    const files = await migrate(db, fillLooks)
    await db.destroy()
    assert.ok(files.length > 5 && files.every((file) => file >= FIRST), String(files))
    await product.redeclare((declared) => declared)
  })
  after(() => product.stop())

  it('what people answered is a chain of records, and proved', async () => {
    const { db, keyring } = product.running.house
    const { text } = await verifyCommand({ db, keyring }, undefined, process.stderr)
    assert.equal(text, 'ok: 12 records of 4 people, 0 checkpoints\n')
  })

  it('everybody signs in as the user whom they were, is asked nothing, and keeps what they had', async () => {
    for (const { mode, person, id, kept } of people) {
      await visit(product, mode, person)
      assert.equal(signedIn(product.application).sub, id, mode)
      assert.deepEqual((await knownPerson(product, person.sub)).attributes, kept)
    }
    assert.deepEqual(await product.rows('SELECT 1 FROM purpose_versions WHERE version > 1'), [])
  })

  it('everybody finds what they said, or that they were not asked, in My Account', async () => {
    for (const { mode, person } of people) {
      const page = await enterAccount(product, mode, person, { to: '/privacy' })
      assert.equal(page.status, 200)
      assert.match(page.text, mode === 'silent' ? /since/i : /You agreed on/)
    }
    const known = people.find(({ mode }) => mode === 'password') ?? assert.fail()
    const browser = openBrowser()
    const inside = await enterWithPassword(product, known.person.preferred_username, PASSWORD, { browser })
    assert.equal(new URL(inside.url).pathname, '/myaccount')
  })

  it('a purpose that changes then is asked about, of those whose idp asks; and newcomers are made as ever', async () => {
    await join(product, 'silent', quiet)
    await join(product, 'consent', newcomer(), { ticks: ['recover:email'] })
    await editPurpose(product.running.house, 'recover', (purpose) => ({ ...purpose, description: 'Other words' }))
    for (const { mode, person, id } of people) {
      const page = await visit(product, mode, person)
      assert.equal(page.url.includes('/signup.do'), mode !== 'silent', mode)
      if (mode !== 'silent') await page.tick('recover:email').press('Save my choice')
      assert.equal(signedIn(product.application).sub, id)
    }
    const { db, keyring } = product.running.house
    assert.ok((await verifyCommand({ db, keyring }, undefined, process.stderr)).isWell)
  })

  it('the database is as it should be', async () => {
    assert.deepEqual(await brokenInvariants(product.rows), [])
  })
})
