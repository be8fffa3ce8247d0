// Identity Providers in the console: what is pressed once, what is gone for good, what only the file changes, and names that mean harm.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { findSetting } from '../../src/settings/entries.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { makeOperator, OPERATOR_PASSWORD, openConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { newcomer, submit, visit } from '../support/visits.ts'

describe('identity providers, once and for good', () => {
  let product: Product
  let browser: Browser
  const at = (below = '') => `${product.url}/console/identity-providers${below}`
  const settingOf = (name: string) => findSetting(product.running.house.db, 'idp', name)

  before(async () => {
    product = await startProduct({ modes: ['none', 'silent', 'consent', 'password'] })
    browser = (await openConsole(product)).browser
  })
  after(() => product.stop())

  describe('what the configuration file sets', () => {
    test('is there to read, marked, without a form', async () => {
      const page = await browser.open(at('/silent'))
      assert.match(page.text, /Set by the configuration file/)
      assert.match(page.text, /Client ID northwind-silent/)
      assert.match(page.text, /Client secret Saved/)
      assert.ok(!page.html.includes('a secret between us'))
      assert.doesNotMatch(page.html, /<form[^>]*identity-providers|Delete/)
      assert.match((await browser.open(at())).text, /Set by the configuration file Look Acme silent/)
    })

    test('refuses every form as well, and stays as it was', async () => {
      const before = await product.rows('SELECT * FROM idps ORDER BY name')
      await product.rows("UPDATE idps SET managed_by = 'console'")
      const page = await browser.open(at('/silent'))
      const gone = await browser.open(at('/silent/delete'))
      await product.rows("UPDATE idps SET managed_by = 'file'")
      for (const [form, button, changes] of [
        [page, 'Update', { displayName: 'Other' }],
        [page, 'Fetch settings', {}],
        [page, 'Turn off', {}],
        [page, 'Move down', {}],
        [gone, 'Delete Acme silent', { confirm: 'silent' }],
      ] as [Page, string, Record<string, string>][])
        assert.equal((await submit(browser, form, button, changes)).status, 409, button)
      assert.equal((await browser.open(at('/silent/delete'))).status, 409)
      assert.deepEqual(await product.rows('SELECT * FROM idps ORDER BY name'), before)
    })
  })

  describe('in the console’s own', () => {
    before(() => product.rows("UPDATE idps SET managed_by = 'console'"))

    test('one press turns it off and nobody gets in by it; another turns it on; a press that was late or twice does no harm', async () => {
      await visit(product, 'silent', newcomer())
      const page = await browser.open(at('/silent'))
      assert.match(page.text, /Turned off, Acme silent is offered to nobody and nobody gets in by it, at once/)
      const answers = await Promise.all([1, 2, 3].map(() => submit(browser, page, 'Turn off')))
      assert.deepEqual(
        answers.map(({ status }) => status),
        [303, 303, 303],
      )
      const off = await browser.open(at('/silent'))
      assert.match(off.text, /Acme silent is off: nobody gets in by it/)
      const choice = await openBrowser().open(`${product.application.url}/login`)
      assert.doesNotMatch(choice.text, /Acme silent/)
      assert.match((await off.press('Turn on')).text, /Acme silent is on/)
      assert.equal((await submit(browser, page, 'Turn off')).status, 409, 'who saw something older looks again')
      assert.equal((await settingOf('silent'))?.isEnabled, true)
    })

    test('up and down change the order in which people choose', async () => {
      const order = async () =>
        (await product.rows<{ name: string }>('SELECT name FROM idps ORDER BY position, name')).map(({ name }) => name)
      const [first, second, ...others] = await order()
      const page = await browser.open(at(`/${second}`))
      assert.match((await page.press('Move up')).text, /is moved up.*Number 1 of 5/)
      assert.deepEqual(await order(), [second, first, ...others])
      assert.doesNotMatch((await browser.open(at(`/${second}`))).text, /Move up/)
      await Promise.all([1, 2, 3].map(() => submit(browser, page, 'Move up')))
      await (await browser.open(at(`/${second}`))).press('Move down')
      assert.deepEqual(await order(), [first, second, ...others])
    })

    test('each mode has a preview: the page itself, named as people know it, inert', async () => {
      const page = await browser.open(at('/silent'))
      const consent = await page.click('Preview of Prompt for consent (new tab)')
      assert.match(consent.text, /Acme silent/)
      assert.match(consent.headers.get('content-security-policy') ?? '', /sandbox/)
      for (const [mode, words] of [
        ['PROMPT_USERNAME_PASSWORD_CONSENT', /username.*password/s],
        ['PROMPT_PASSWORD_CONSENT', /Create a password/],
        ['PROVISION_SILENTLY', /Signing you in/],
        ['NONE', /Signing you in/],
      ] as const) {
        const preview = await browser.open(at(`/silent/preview/${mode}`))
        assert.equal(preview.status, 200)
        assert.match(preview.text, words)
        assert.doesNotMatch(preview.html, /http-equiv="refresh"/)
      }
      assert.equal((await browser.open(at('/silent/preview/constructor'))).status, 404)
    })

    test('a preview has the purposes that people are asked, and a way back because it opens in a tab of its own', async () => {
      const links = [...(await browser.open(at('/silent'))).html.matchAll(/<a href="[^"]*\/preview\/\w+"([^>]*)>/g)]
      assert.deepEqual(
        links.map(([, attributes]) => attributes),
        Array(5).fill(' target="_blank" rel="noopener"'),
      )
      const prompts = ['PROMPT_CONSENT', 'PROMPT_PASSWORD_CONSENT', 'PROMPT_USERNAME_PASSWORD_CONSENT']
      const previews = async () => Promise.all(prompts.map((mode) => browser.open(at(`/silent/preview/${mode}`))))
      const [kept] = await product.rows<{ mappings: object; organization: object }>(
        "SELECT mappings, organization FROM idps, installation WHERE idps.name = 'silent'",
      )
      await product.rows(`UPDATE installation SET organization = organization || '{"name": "Harbour Board"}'`)
      await product.rows(`UPDATE idps SET mappings = '{"email": "mail"}' WHERE name = 'silent'`)
      await product.rows(`INSERT INTO purposes (id, position, purpose, description, pii_categories, is_enabled, managed_by) VALUES
        ('berth', -1, 'Find you a berth', 'So that your boat fits', '[{"name": "email", "mandatory": true}, {"name": "birthdate", "mandatory": false}]', true, 'console'),
        ('past', -2, 'Long past', 'Nobody is asked', '[{"name": "email", "mandatory": false}]', false, 'console')`)
      // Whoever has the name of the made-up person changes nothing.
      await makeOperator(product, 'asha')
      for (const page of await previews()) {
        assert.equal(page.status, 200)
        assert.match(page.text, /Harbour Board/)
        assert.match(
          page.text,
          /Find you a berth So that your boat fits .*asha@example\.com.*Acme silent did not send this/s,
        )
        assert.doesNotMatch(page.text, /Long past/)
        assert.doesNotMatch(page.html, /aria-invalid="true"/)
      }
      await product.rows('UPDATE purposes SET is_enabled = false')
      for (const page of await previews()) {
        assert.match(page.text, /Create your account .*asha@example\.com/s)
        assert.doesNotMatch(page.text, /Find you a berth|did not send/)
      }
      await product.rows("DELETE FROM purposes WHERE id IN ('berth', 'past')")
      await product.rows('UPDATE purposes SET is_enabled = true')
      await product.rows("UPDATE idps SET mappings = $1 WHERE name = 'silent'", [kept?.mappings])
      await product.rows('UPDATE installation SET organization = $1', [kept?.organization])
    })

    test('names and texts are inert wherever they are printed', async () => {
      const harm = `"><script>alert(1)</script><img src=x onerror=alert(2)>'\${7*7}<%= 7*7 %>`
      await product.rows(
        'UPDATE idps SET display_name = $1, client_id = $1, username_claim = $1, mappings = $2, roles_claim = $1, role_mappings = $3, scopes = $4 WHERE name = $5',
        [harm, JSON.stringify({ [harm]: harm }), JSON.stringify({ [harm]: harm }), ['openid', harm], 'username'],
      )
      const typed = (await browser.open(at('/add'))).fill({
        name: harm,
        displayName: harm,
        issuer: harm,
        clientId: harm,
        scopes: harm,
        username: harm,
      })
      const stale = await browser.open(at('/username'))
      await product.rows("UPDATE idps SET version = version + 1, issuer = 'https://x.example' WHERE name = 'username'")
      const pages = [
        await browser.open(at()),
        await browser.open(at(`?search=${encodeURIComponent(harm)}`)),
        stale,
        await browser.open(at('/username/delete')),
        await browser.open(at('/username/preview/PROMPT_CONSENT')),
        await typed.press('Add'),
        await typed.press('Fetch settings'),
        await stale.fill({ displayName: `${harm} more` }).press('Update'),
        await stale.press('add-role'),
      ]
      await product.rows("UPDATE idps SET managed_by = 'file' WHERE name = 'username'")
      pages.push(await browser.open(at('/username')))
      for (const { html, url } of pages) {
        assert.doesNotMatch(html, /<script>alert|<img src=x/, url)
        assert.match(html, /&lt;script&gt;alert\(1\)/, url)
        assert.match(html, /\$\{7\*7\}&lt;%= 7\*7/, url)
      }
      await product.rows("UPDATE idps SET managed_by = 'console', is_enabled = false WHERE name = 'username'")
    })
  })

  describe('deleting one', () => {
    const countsOf = async () =>
      (
        await product.rows(`SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM identities) AS identities,
        (SELECT count(*)::int FROM consents) AS consents`)
      )[0]

    test('asks for the password again when that was a while ago', async () => {
      product.clock.now = new Date(product.clock.now.getTime() + 11 * 60_000)
      const asked = await browser.open(at('/none/delete'))
      assert.equal(new URL(asked.url).pathname, '/console/confirm')
      const page = await asked.fill({ password: OPERATOR_PASSWORD }).press('Continue')
      assert.match(page.title, /^Delete Acme none/)
    })

    test('says what goes and what stays, with real numbers, and Cancel comes first', async () => {
      for (const _ of [1, 2, 3]) await visit(product, 'silent', newcomer())
      await product.rows(`UPDATE users SET password_hash = 'x' WHERE id = (SELECT user_id FROM identities JOIN idps ON idps.id = idp_id
      WHERE name = 'silent' LIMIT 1)`)
      const page = await browser.open(at('/silent/delete'))
      assert.match(page.text, /4 people lose this way to sign in/)
      assert.match(page.text, /3 of them have no other way in and cannot sign in any more/)
      assert.ok(page.html.indexOf('>Cancel<') < page.html.indexOf('value="delete"'))
      assert.match(page.text, /It is still needed Application travel names it and has to let it go first/)
    })

    test('is not done as long as an application names it, nor without its name', async () => {
      const page = await browser.open(at('/silent/delete'))
      for (const confirm of ['', 'Acme silent', 'SILENT', 'none'])
        assert.equal((await submit(browser, page, 'Delete Acme silent', { confirm })).status, 422, confirm)
      const refused = await page.fill({ confirm: 'silent' }).press('Delete Acme silent')
      assert.equal(refused.status, 422)
      assert.match(refused.text, /Application travel/)
      assert.ok(await settingOf('silent'))
    })

    test('is not done when the numbers changed meanwhile: the page comes again with both', async () => {
      await product.rows('UPDATE applications SET identity_providers = NULL')
      const page = await browser.open(at('/silent/delete'))
      await visit(product, 'silent', newcomer())
      const again = await page.fill({ confirm: 'silent' }).press('Delete Acme silent')
      assert.equal(again.status, 409)
      assert.match(again.text, /The number changed from 4 to 5 while you were on this page\. Check and confirm again/)
      assert.match(again.text, /5 people lose/)
      assert.ok(await settingOf('silent'))
    })

    test('unlinks its people and deletes none of them; twice at once is once, and late is the same', async () => {
      const before = await countsOf()
      const page = await browser.open(at('/silent/delete'))
      const answers = await Promise.all(
        [1, 2, 3].map(() => submit(browser, page, 'Delete Acme silent', { confirm: 'silent' })),
      )
      assert.deepEqual(
        answers.map(({ status, headers }) => `${status} ${headers.get('location')}`),
        Array(3).fill('303 /console/identity-providers'),
      )
      assert.match((await browser.open(at())).text, /Acme silent is deleted|It is deleted/)
      assert.equal((await submit(browser, page, 'Delete Acme silent', { confirm: 'silent' })).status, 303)
      assert.equal((await browser.open(at('/silent'))).status, 404)
      assert.deepEqual(await countsOf(), { ...before, identities: Number(before?.['identities']) - 5 })
      assert.equal((await product.rows("SELECT FROM changes WHERE action = 'deleted' AND object = 'silent'")).length, 1)
    })

    for (const [mode, afterMs] of [
      ['consent', 150],
      ['none', 250],
      ['password', 400],
    ] as const)
      test(`while people sign in by ${mode}: none of them meets a 500, and nothing is left that points nowhere`, async () => {
        const called = `Acme ${mode}`
        const people = Array.from({ length: 12 }, () => newcomer())
        for (const person of people) product.idp.person(person.sub, person)
        product.idp.signInAs = undefined
        const roads = people.map(async (person): Promise<Page[]> => {
          const choice = await openBrowser().open(`${product.application.url}/login`)
          if (!choice.text.includes(`Continue with ${called}`)) return [choice]
          const asked = await choice.click(`Continue with ${called}`)
          if (!asked.html.includes('name="person"')) return [choice, asked]
          const arrived = await asked.fill({ person: person.sub }).press('Sign in')
          if (!arrived.html.includes('value="recover:email"') || mode !== 'consent') return [choice, asked, arrived]
          return [choice, asked, arrived, await arrived.tick('recover:email').press('create')]
        })
        await new Promise((done) => setTimeout(done, afterMs))
        let status = 409
        while (status === 409) {
          const page = await browser.open(at(`/${mode}/delete`))
          status = (await submit(browser, page, `Delete ${called}`, { confirm: mode })).status
        }
        assert.equal(status, 303)
        for (const page of (await Promise.all(roads)).flat())
          assert.ok(page.status < 500, `${page.status} ${page.url} ${page.text.slice(0, 200)}`)
        assert.equal(await settingOf(mode), undefined)
        for (const [table, column] of [
          ['identities', 'idp_id'],
          ['flows', 'idp_id'],
          ['user_attributes', 'origin_idp_id'],
          ['user_roles', 'origin_idp_id'],
        ]) {
          const lost = await product.rows(`SELECT FROM ${table} WHERE ${column} NOT IN (SELECT id FROM idps)`)
          assert.equal(lost.length, 0, table)
        }
      })
  })
})
