// Pages of the operator's own, elsewhere: the worked example in a process of its own, and what the flow API does for nobody else.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from './support/browser.ts'
import { atElsewhere } from './support/elsewhere.ts'
import { type Example, startExample } from './support/examples.ts'
import { brokenInvariants } from './support/invariants.ts'
import { PASSWORD } from './support/people.ts'
import { freePort, type Product, startProduct } from './support/product.ts'
import { secretOf } from './support/tokens.ts'
import { codesOn, knownPerson, newcomer, signedIn, storedPerson, visit } from './support/visits.ts'

const ASKING = ['consent', 'password', 'username'] as const

describe('a page elsewhere', () => {
  let product: Product
  let page: Example
  before(async () => {
    const port = await freePort()
    const at = `http://127.0.0.1:${port}`
    product = await startProduct({ modes: [...ASKING, 'silent'], change: atElsewhere(at) })
    page = await startExample(
      'page.mjs',
      { VESTIBULE: product.url, CLIENT_ID: 'pages', CLIENT_SECRET: secretOf('pages') },
      port,
    )
  })
  after(async () => {
    await page?.stop()
    await product?.stop()
  })

  for (const mode of ASKING) {
    it(`asks in mode ${mode}, and the person is signed in with what they answered there`, async () => {
      const person = newcomer()
      const browser = openBrowser()
      const asked = await visit(product, mode, person, { browser })
      assert.ok(asked.url.startsWith(`${page.url}/${mode === 'username' ? 'register' : 'signup'}?key=`), asked.url)
      assert.match(asked.text, new RegExp(`You signed in as ${person.email}`))
      if (mode === 'username') asked.fill({ username: `own-${person.preferred_username}` })
      if (mode !== 'consent') asked.fill({ password: PASSWORD })
      const done = await asked.tick('recover:email').press('Create account')
      assert.ok(done.url.startsWith(product.application.redirectUri), done.url + done.text)
      const known = await knownPerson(product, person.sub)
      assert.equal(signedIn(product.application).sub, known.user.id)
      assert.equal(
        known.user.username,
        mode === 'username' ? `own-${person.preferred_username}` : person.preferred_username,
      )
      assert.equal(known.user.password_hash === null, mode === 'consent')
      assert.deepEqual(
        known.attributes.map(({ name }) => name),
        ['email'],
      )
    })
  }

  it('asks somebody who has an account about a change alone, which they choose there, or put off', async () => {
    const person = newcomer()
    await (await visit(product, 'consent', person)).tick('recover:email').press('Create account')
    const { user } = await knownPerson(product, person.sub)
    await product.redeclare((declared) => ({
      ...declared,
      purposes: declared.purposes.map((one) => (one.id === 'office' ? { ...one, description: 'Why else' } : one)),
    }))
    const later = await visit(product, 'consent', person)
    assert.ok(later.url.startsWith(`${page.url}/signup?key=`), later.url)
    assert.match(later.text, /One thing has changed/)
    assert.match(later.text, /Department \S+ Leave the box empty and we do not keep this/)
    await later.press('Not now')
    assert.equal(signedIn(product.application).sub, user.id)
    const asked = await visit(product, 'consent', person)
    await asked.tick('office:department').press('Save my choice')
    assert.equal(signedIn(product.application).sub, user.id)
    const { attributes, consents } = await knownPerson(product, person.sub)
    assert.deepEqual(
      attributes.map(({ name }) => name),
      ['department', 'email'],
    )
    assert.equal(consents.at(-1)?.is_given, true)
    const count = product.application.results.length
    await visit(product, 'consent', person)
    assert.equal(product.application.results.length, count + 1)
  })

  it('shows the problems of the answers, and takes them when they are mended', async () => {
    const asked = await visit(product, 'username', newcomer())
    const again = await asked.fill({ username: 'a', password: 'short' }).press('Create account')
    assert.deepEqual([again.status, codesOn(again)], [422, ['USERNAME_SHORT', 'PW_SHORT', 'CONSENT_NEEDED']])
    again.fill({ username: newcomer().preferred_username, password: PASSWORD }).tick('recover:email')
    const done = await again.press('Create account')
    assert.ok(done.url.startsWith(product.application.redirectUri), done.text)
  })

  it('asks for what a purpose needs and the idp did not send', async () => {
    const person = newcomer({ email: undefined })
    const asked = await visit(product, 'consent', person)
    const again = await asked.tick('recover:email').press('Create account')
    assert.deepEqual([again.status, codesOn(again)], [422, ['ATTR_EMPTY']])
    await again.fill({ 'attribute.email': 'typed@acme.example' }).press('Create account')
    const { attributes } = await knownPerson(product, person.sub)
    assert.deepEqual(attributes, [
      { name: 'email', value: 'typed@acme.example', verified: false, origin: 'person', idp: null },
    ])
  })

  it('takes a no, and asks again when it is reloaded', async () => {
    const [browser, person] = [openBrowser(), newcomer()]
    const asked = await visit(product, 'password', person, { browser })
    const reloaded = await browser.open(asked.url)
    assert.ok(reloaded.url.startsWith(`${page.url}/signup?key=`) && reloaded.url !== asked.url)
    const declined = await reloaded.press('Do not create an account')
    assert.match(declined.text, /We did not create an account/)
    assert.equal(await storedPerson(product, person.sub), undefined)
    const late = await asked.fill({ password: PASSWORD }).tick('recover:email').press('Create account')
    assert.match(late.text, /We did not create an account/)
  })

  it('never sees its person in an address, and prints nothing of them', async () => {
    const [browser, person] = [openBrowser(), newcomer()]
    const asked = await visit(product, 'username', person, { browser })
    await asked.fill({ username: 'typed-there', password: PASSWORD }).tick('recover:email').press('Create account')
    const said = [...browser.history, page.output(), ...product.log].join('\n')
    const values = [...Object.values(person).map(String), 'typed-there', PASSWORD, encodeURIComponent(person.email)]
    assert.deepEqual(
      values.filter((value) => value.length > 5 && said.includes(value)),
      [],
    )
  })

  it('that is down lets people through: who did not arrive is asked here when they come again', async () => {
    const person = newcomer()
    await page.stop()
    await assert.rejects(visit(product, 'username', person), { code: 'ECONNREFUSED' })
    product.clock.now = new Date(product.clock.now.getTime() + 6_000)
    const here = await visit(product, 'username', person)
    assert.ok(here.url.startsWith(`${product.url}/accountrecoveryendpoint/register.do`), here.url)
    here.fill({ username: person.preferred_username, password: PASSWORD }).tick('recover:email')
    assert.ok((await here.press('Create account')).url.startsWith(product.application.redirectUri))
    assert.match(product.log.join(''), /the page elsewhere did not ask: our own does/)
  })

  it('leaves a database as it should be', async () => {
    assert.deepEqual(await brokenInvariants(product.rows), [])
  })
})
