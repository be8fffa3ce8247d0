// Identity Providers, deleted with their users in the console: what the page says before, how far it is meanwhile, and what becomes of whoever was signed in.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createEraser } from '../../src/deletion/worker.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { OPERATOR_PASSWORD, openConsole } from '../support/console.ts'
import { holdPeople, seedPeople, turnFeatureOn } from '../support/idp-deletion.ts'
import { type Product, startProduct } from '../support/product.ts'
import { RACING } from '../support/races.ts'
import { fetchTrusting } from '../support/tls-proxy.ts'
import { codesOn, knownPerson, newcomer, refused, signedIn, submit, visit } from '../support/visits.ts'

describe('an identity provider and its people', () => {
  let product: Product
  let browser: Browser
  /** Another process, on the same database. */
  let other: Awaited<ReturnType<Product['another']>>
  const at = (below = '') => `${product.url}/console/identity-providers${below}`
  const OFFLINE = { scope: 'openid email offline_access' }

  before(async () => {
    product = await startProduct({ modes: ['silent', 'password', 'consent'], change: RACING.change })
    other = await product.another()
    await turnFeatureOn(product.running.house, product.rows)
    await product.running.house.rereadSettings()
    browser = (await openConsole(product)).browser
  })
  after(() => product.stop())

  /** Erases to the end, whichever process had begun. */
  const erase = () => createEraser(other.running.house).eraseDue()

  async function refresh(refreshToken: string | undefined): Promise<number> {
    const response = await fetch(`${product.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: refreshToken ?? assert.fail('no refresh token'),
        client_id: 'travel',
        client_secret: 'a secret of the travel application',
      }),
    })
    await response.text()
    return response.status
  }

  test('are counted on the page that deletes it, and so many are named on its button', async () => {
    await seedPeople(product.rows, { idp: 'silent', count: 1_203, mark: 'seeded' })
    await product.rows("UPDATE users SET password_hash = 'x' WHERE username LIKE 'seeded-%00'")
    const page = await browser.open(at('/silent/delete'))
    assert.match(page.text, /1,191 people go, and everything that is kept of them/)
    assert.match(page.text, /12 people who can also sign in another way stay, without the link to Acme silent/)
    assert.match(page.text, /0 consent records of those who go, as proof: which attributes, never their values/)
    assert.ok(page.html.indexOf('>Cancel<') < page.html.indexOf('value="delete"'))
    const button = 'Delete Acme silent and 1,191 people'
    assert.equal((await submit(browser, page, button, { confirm: 'silent' })).status, 422, 'an application names it')
    await product.rows('UPDATE applications SET identity_providers = NULL')
    assert.equal((await submit(browser, page, button, { confirm: 'Acme silent' })).status, 422)
    await product.rows("UPDATE users SET password_hash = 'x' WHERE username = 'seeded-1'")
    const again = await page.fill({ confirm: 'silent' }).press(button)
    assert.equal(again.status, 409)
    assert.match(again.text, /The number changed from 1,191 to 1,190 while you were on this page/)
    await product.rows("UPDATE users SET password_hash = NULL WHERE username = 'seeded-1'")
  })

  test('go at once for everybody who signs in, on every process, wherever they are on their way', async () => {
    const [inSession, atPrompt, kept] = [newcomer(), newcomer(), newcomer()]
    const theirs = openBrowser()
    await visit(product, 'silent', inSession, { browser: theirs, query: OFFLINE })
    const token = signedIn(product.application).tokens.refreshToken
    const user = await knownPerson(product, inSession.sub)

    // Somebody who can come in by another one, and is signed in by each, here and in My Account.
    const [byThis, byOther] = [openBrowser(), openBrowser()]
    await visit(product, 'silent', kept, { browser: byThis, query: OFFLINE })
    const tokenByThis = signedIn(product.application).tokens.refreshToken
    const { user: staying } = await knownPerson(product, kept.sub)
    await product.rows(
      `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme)
       SELECT id, issuer, $1, $2, 'PROVISION_SILENTLY' FROM idps WHERE name = 'password'`,
      [kept.sub, staying.id],
    )
    await visit(product, 'password', kept, { browser: byOther, query: OFFLINE })
    const tokenByOther = signedIn(product.application).tokens.refreshToken
    for (const [browser, way] of [
      [byThis, 'silent'],
      [byOther, 'password'],
    ] as const) {
      const page = await (await browser.open(`${product.url}/myaccount`)).click(`Continue with Acme ${way}`)
      assert.equal(new URL(page.url).pathname, '/myaccount')
    }

    const letGo = await holdPeople(product.databaseUrl, 'seeded')
    // Asked something by this idp when it goes.
    await product.rows("UPDATE idps SET jit_scheme = 'PROMPT_CONSENT' WHERE name = 'silent'")
    const pass = fetchTrusting('')
    let { port } = product
    const waiting = openBrowser({
      fetch: (address, init = {}) => {
        const url = new URL(address)
        if (url.origin !== product.url) return pass(url, init)
        const target = `http://127.0.0.1:${port}${url.pathname}${url.search}`
        return pass(target, { ...init, headers: { ...init.headers, Host: url.host } })
      },
    })
    const prompt = await visit(product, 'silent', atPrompt, { browser: waiting })
    assert.match(prompt.url, /signup\.do/)

    const page = await browser.open(at('/silent/delete'))
    const begun = await page.fill({ confirm: 'silent' }).press('Delete Acme silent and 1,192 people')
    assert.equal(new URL(begun.url).pathname, '/console/identity-providers/silent/deletion')
    assert.equal(begun.headers.get('refresh'), '3')
    assert.match(begun.text, /[0-2] of 1,205 people/)

    // The other process was told nothing: it reads the row.
    port = other.port
    const refusal = await prompt.tick('recover:email').press('Create account')
    assert.deepEqual(
      codesOn(refusal).filter((code) => code === 'IDP_OFF'),
      ['IDP_OFF'],
    )
    assert.deepEqual(await product.rows('SELECT 1 FROM identities WHERE subject = $1', [atPrompt.sub]), [])
    await theirs.open(`${product.application.url}/login?prompt=none`)
    assert.equal(refused(product.application).error, 'login_required')

    await letGo()
    await erase()

    assert.equal(await refresh(token), 400)
    assert.equal((await product.rows('SELECT 1 FROM users WHERE id = $1', [user.user.id])).length, 0)
    // Of the one who stays what began by it is over, and nothing else. Seen to fail: with begunBy finding nothing this token is still good.
    assert.equal(await refresh(tokenByThis), 400)
    assert.equal(await refresh(tokenByOther), 200)
    await byThis.open(`${product.application.url}/login?prompt=none`)
    assert.equal(refused(product.application).error, 'login_required')
    await byOther.open(`${product.application.url}/login?prompt=none`)
    assert.equal(signedIn(product.application).sub, staying.id)
    const sessions = await product.rows<{ by: string }>(
      `SELECT name AS by FROM account_sessions JOIN idps ON idps.id::text = data->>'idpId' WHERE user_id = $1`,
      [staying.id],
    )
    assert.deepEqual(sessions, [{ by: 'password' }])
  })

  test('are told at the end, and whoever comes back is somebody new elsewhere', async () => {
    const done = await browser.open(at('/silent/deletion'))
    assert.equal(done.headers.get('refresh'), null)
    assert.match(done.title, /^Acme silent is deleted/)
    assert.match(done.text, /1,192 people went with it, 13 stay without this way in/)
    assert.equal((await browser.open(at('/silent'))).status, 404)
    assert.doesNotMatch((await browser.open(at())).text, /Acme silent/)
    assert.equal((await browser.open(at('/nobody/deletion'))).status, 404)
    assert.equal((await browser.open(at('/%00/deletion'))).status, 404)
    const history = await browser.open(`${product.url}/console/audit`)
    assert.match(history.text, /olu deleted identity provider silent/)
    assert.match(history.text, /olu began to delete identity provider silent/)
  })

  test('are found again from the list while they go, and every other page of it leads there', async () => {
    await seedPeople(product.rows, { idp: 'consent', count: 700, mark: 'others' })
    const edit = await browser.open(at('/consent'))
    const letGo = await holdPeople(product.databaseUrl, 'others')
    const page = await browser.open(at('/consent/delete'))
    const answers = await Promise.all(
      [1, 2].map(() => submit(browser, page, 'Delete Acme consent and 700 people', { confirm: 'consent' })),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      [303, 303],
    )
    const list = await browser.open(at())
    assert.match(list.text, /Acme consent consent OIDC Prompt for consent .* Being deleted Progress Acme consent/)
    const progress = await list.click('Progress Acme consent')
    assert.match(progress.text, /0 of 700 people/)
    assert.match(progress.text, /by olu/)
    for (const path of ['/consent', '/consent/delete'])
      assert.equal(new URL((await browser.open(at(path))).url).pathname, '/console/identity-providers/consent/deletion')
    for (const [form, button, changes] of [
      [edit, 'Update', { displayName: 'Other' }],
      [edit, 'Turn off', {}],
      [edit, 'Move up', {}],
      [page, 'Delete Acme consent and 700 people', { confirm: 'consent' }],
    ] as [Page, string, Record<string, string>][]) {
      const answer = await submit(browser, form, button, changes)
      assert.deepEqual(
        [answer.status, answer.headers.get('location')],
        [303, '/console/identity-providers/consent/deletion'],
        button,
      )
    }
    const row = await product.rows<{ display_name: string; is_enabled: boolean }>(
      "SELECT display_name, is_enabled FROM idps WHERE name = 'consent'",
    )
    assert.deepEqual(row, [{ display_name: 'Acme consent', is_enabled: false }])
    await letGo()
    await erase()
    assert.match((await browser.open(progress.url)).text, /700 people went with it, 0 stay/)
  })

  test('are deleted by nobody who has not just typed their password', async () => {
    product.clock.now = new Date(product.clock.now.getTime() + 11 * 60_000)
    const asked = await browser.open(at('/password/delete'))
    assert.equal(new URL(asked.url).pathname, '/console/confirm')
    assert.match((await asked.fill({ password: OPERATOR_PASSWORD }).press('Continue')).title, /^Delete Acme password/)
  })
})
