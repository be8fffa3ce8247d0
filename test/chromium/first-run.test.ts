// From an empty installation to a person with an account, by a new operator who has a browser without JavaScript and a keyboard, and nothing else.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ownSetupToken } from '../../src/console/setup-token.ts'
import { readDeclared } from '../../src/declared.ts'
import { createKeyring } from '../../src/seal.ts'
import { type Application, startApplication } from '../support/application.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { freePort } from '../support/free-port.ts'
import { keyboardOf } from '../support/keyboard.ts'
import { ada, PASSWORD } from '../support/people.ts'
import { type Product, SECRET_KEY, startProduct } from '../support/product.ts'

/** PICTURES=folder keeps a picture of each step, to look at. */
const PICTURES = process.env['PICTURES']

describe('a new installation', () => {
  let product: Product
  let operator: Chromium
  let person: Chromium
  let application: Application | undefined
  before(async () => {
    const { declared } = readDeclared('{}', 'nothing.yaml', {})
    product = await startProduct({ change: () => declared ?? assert.fail() })
    operator = await openChromium({ javaScript: false, context: { viewport: { width: 1100, height: 900 } } })
    person = await openChromium({ javaScript: false })
  })
  after(async () => {
    await Promise.all([operator.close(), person.close(), application?.stop()])
    await product.stop()
  })

  it('is set up by browser alone, by keyboard alone: an identity provider by its discovery address, what is asked, an application; and a person gets in', async () => {
    const { page } = operator
    const keys = keyboardOf(page)
    let step = 0
    const picture = async (name: string) => {
      step += 1
      if (PICTURES)
        await page.screenshot({ path: `${PICTURES}/${String(step).padStart(2, '0')}-${name}.png`, fullPage: true })
    }
    const text = () => page.locator('main').innerText()

    await page.goto(`${product.url}/console`)
    assert.equal(new URL(page.url()).pathname, '/setup')
    await keys.type('Setup token', ownSetupToken(createKeyring(SECRET_KEY)))
    await keys.type('Create a username', 'olu')
    await keys.type('Create a password', 'seven boats in a harbour')
    await keys.type('Name', 'Northwind')
    await keys.type('Privacy page (you can add it later)', 'https://northwind.example/privacy')
    await picture('setup')
    await keys.press('Finish set-up')

    await keys.type('Username', 'olu')
    await keys.type('Password', 'seven boats in a harbour')
    await keys.press('Sign in')
    await picture('dashboard')
    assert.match(await text(), /Add an identity provider/)

    await keys.press('Identity Providers')
    await picture('no-idps')
    await keys.press('Add identity provider')
    await keys.type('Issuer or discovery address', `${product.idp.issuer}/.well-known/openid-configuration`)
    await keys.press('Fetch settings')
    await picture('fetched')
    assert.equal(await page.inputValue('#issuer'), product.idp.issuer)
    await keys.type('Name', 'acme')
    await keys.type('Display name', 'Acme')
    await keys.type('Client ID', 'northwind')
    await keys.type('Client secret', 'a secret between us and acme')
    await keys.choose('On')
    await keys.press('Add')
    await picture('added')
    const redirectUri = `${product.url}/commonauth/acme`
    assert.match(await text(), new RegExp(redirectUri))
    product.idp.client({ clientId: 'northwind', clientSecret: 'a secret between us and acme', redirectUri })

    await keys.choose('Always provision to User Store Domain')
    await keys.choose('Prompt for username, password, and consent')
    await keys.press('Update')
    await picture('provisioning')

    await keys.press('Consent purposes')
    await keys.press('Add New Purpose')
    await keys.type('Purpose', 'Recover your account')
    await keys.type('Description', 'So that we can help you if you lose your password')
    await keys.press('Add PII Category')
    await keys.select('PII category', 'Email')
    await keys.choose('Mandatory')
    await keys.press('Preview')
    await picture('purpose')
    await keys.press('Finish')
    await picture('purposes')
    assert.match(await text(), /Recover your account/)

    const port = await freePort()
    await keys.press('Applications')
    await keys.press('Add an application')
    await keys.type('Name', 'Travel')
    await keys.type('Client ID', 'travel')
    await keys.type('Redirect addresses', `http://localhost:${port}/callback`)
    await keys.press('Add')
    await picture('secret')
    const [, clientSecret = ''] = /Client secret\s+(\S+)/.exec(await text()) ?? []
    application = await startApplication({ issuer: product.url, clientId: 'travel', clientSecret, port })

    product.idp.person('ada', ada)
    product.idp.signInAs = 'ada'
    const visit = keyboardOf(person.page)
    await person.page.goto(application.url)
    await person.page.waitForURL(/register\.do/)
    await visit.type('Create a password', PASSWORD)
    await visit.choose('Email address')
    await visit.press('Create account')
    await person.page.waitForURL(/callback/)
    assert.equal(application.results.at(-1)?.kind, 'signed-in')

    await keys.press('I have copied it')
    await keys.press('Users')
    await picture('users')
    await keys.press('ada')
    await picture('user')
    assert.match(await text(), /Acme[\s\S]*ada\.byron@acme\.example/)
    await keys.press('Dashboard')
    await picture('dashboard-done')
    assert.match(await text(), /5 of 6 done/)
    assert.deepEqual([...operator.cspViolations, ...person.cspViolations], [])
  })
})
