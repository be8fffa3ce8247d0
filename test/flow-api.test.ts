// Pages of the operator's own, elsewhere: the worked example in a process of its own, and what the flow API does for nobody else.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Declared } from '../src/declared.ts'
import { openBrowser } from './support/browser.ts'
import { type Example, startExample } from './support/examples.ts'
import { PASSWORD } from './support/people.ts'
import { freePort, type Product, startProduct } from './support/product.ts'
import { automation, secretOf } from './support/tokens.ts'
import { codesOn, knownPerson, newcomer, signedIn, visit } from './support/visits.ts'

const ASKING = ['consent', 'password', 'username'] as const

describe('a page elsewhere', () => {
  let product: Product
  let page: Example
  before(async () => {
    const port = await freePort()
    const at = `http://127.0.0.1:${port}`
    product = await startProduct({ modes: [...ASKING, 'silent'], change: elsewhere(at) })
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

  it('shows the problems of the answers, and takes them when they are mended', async () => {
    const asked = await visit(product, 'username', newcomer())
    const again = await asked.fill({ username: 'a', password: 'short' }).press('Create account')
    assert.deepEqual([again.status, codesOn(again)], [422, ['USERNAME_SHORT', 'PW_SHORT', 'CONSENT_NEEDED']])
    again.fill({ username: newcomer().preferred_username, password: PASSWORD }).tick('recover:email')
    const done = await again.press('Create account')
    assert.ok(done.url.startsWith(product.application.redirectUri), done.text)
  })
})

/** Both pages at an origin elsewhere, and an application that serves them. */
function elsewhere(origin: string): (declared: Declared) => Declared {
  return (declared) => ({
    ...declared,
    jitProvisioning: {
      ...declared.jitProvisioning,
      usernameProvisioningUrl: `${origin}/register`,
      passwordProvisioningUrl: `${origin}/signup`,
    },
    applications: [...declared.applications, automation('pages', ['internal_flow_answer'])],
  })
}
