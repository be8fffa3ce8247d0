// Identity Providers in the console: found, added by their address, edited, turned off and moved.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { findSetting } from '../../src/settings/entries.ts'
import type { Browser } from '../support/browser.ts'
import { openBrowser } from '../support/browser.ts'
import { makeOperator, openConsole, signInToConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { newcomer, postForm, submit, visit } from '../support/visits.ts'

describe('identity providers', () => {
  let product: Product
  let browser: Browser
  const at = (below = '') => `${product.url}/console/identity-providers${below}`
  const edit = (name: string) => browser.open(at(`/${name}`))
  const settingOf = (name: string) => findSetting(product.running.house.db, 'idp', name)

  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent'] })
    await product.rows("UPDATE idps SET managed_by = 'console'")
    browser = (await openConsole(product)).browser
  })
  after(() => product.stop())

  describe('the list', () => {
    test('shows each with its kind, mode, people, last sign-in and state', async () => {
      await visit(product, 'silent', newcomer())
      const page = await browser.open(at())
      assert.match(page.title, /^Identity Providers/)
      assert.match(page.text, /Acme silent silent OIDC Provision silently 1 just now On Edit Acme silent/)
      assert.match(page.text, /Acme none none OIDC No Provisioning 0 Never On/)
      assert.match(page.text, /Acme username username OIDC Prompt for username, password, and consent 0/)
    })

    test('is searched by name and display name in any case, and filtered by state; nothing that is searched for breaks it', async () => {
      const found = await (await browser.open(at())).fill({ search: 'SILE' }).press('Search')
      assert.match(found.text, /1 identity provider /)
      assert.match(found.text, /Acme silent/)
      assert.doesNotMatch(found.text, /Acme none/)
      assert.match((await browser.open(at('?state=off'))).text, /None of them/)
      for (const odd of [
        '%00',
        '%25',
        '_',
        "'",
        '%F0%9F',
        '\\',
        '<script>alert(1)</script>',
        '&search=b',
        '&after=x',
        '&after=9.9%00',
      ])
        assert.equal((await browser.open(at(`?search=a${odd}`))).status, 200, odd)
      assert.match((await browser.open(at('?search=%25'))).text, /None of them/, 'a sign of LIKE is a sign')
    })

    test('goes page by page, with nobody twice and nobody left out, though some share a position', async () => {
      await product.rows(`INSERT INTO idps (name, display_name, is_enabled, position, issuer, client_id, scopes, username_claim, mappings,
      jit_enabled, jit_scheme, jit_userstore, attribute_sync_method, managed_by)
      SELECT 'many-' || n, 'Many ' || n, false, n / 3, 'https://many.example', 'x', '{openid}', 'sub', '{}', false, 'PROVISION_SILENTLY',
      'PRIMARY', 'NONE', 'console' FROM generate_series(1, 60) n`)
      const seen: string[] = []
      let page = await browser.open(at('?state=off'))
      for (;;) {
        seen.push(...[...page.html.matchAll(/Many \d+(?=<\/bdi>)/g)].map(String))
        if (!page.text.includes('Next page')) break
        page = await page.click('Next page')
      }
      assert.equal(seen.length, 60)
      assert.equal(new Set(seen).size, 60)
      await product.rows("DELETE FROM idps WHERE name LIKE 'many-%'")
    })

    test('teaches while it is empty', async () => {
      const empty = await startProduct({
        change: (declared) => ({ ...declared, identityProviders: [], applications: [] }),
      })
      const page = await (await openConsole(empty)).browser.open(`${empty.url}/console/identity-providers`)
      await empty.stop()
      assert.match(page.text, /No identity providers yet/)
      assert.match(page.text, /Add Google in 3 minutes/)
    })
  })

  describe('adding one', () => {
    test('by its address: settings are fetched, the redirect address is there before anything is saved, and people come in by it', async () => {
      const page = await browser.open(at('/add'))
      const fetched = await page
        .fill({
          name: 'fresh',
          displayName: 'Fresh',
          issuer: `${product.idp.issuer}/.well-known/openid-configuration`,
          clientId: 'here',
        })
        .press('Fetch settings')
      assert.equal(fetched.status, 200)
      assert.match(fetched.text, /that is its issuer, to the letter/)
      assert.match(fetched.text, new RegExp(`Add this address at Fresh.*${product.url}/commonauth/fresh`))
      assert.equal(await settingOf('fresh'), undefined, 'nothing is saved')
      assert.equal(fetched.submission('Add').fields.get('issuer'), product.idp.issuer)
      assert.equal(fetched.submission('Add').fields.get('clientId'), 'here')

      product.idp.client({
        clientId: 'here',
        clientSecret: 'a secret of ours',
        redirectUri: `${product.url}/commonauth/fresh`,
      })
      const added = await fetched.fill({ clientSecret: 'a secret of ours' }).press('Add')
      assert.equal(new URL(added.url).pathname, '/console/identity-providers/fresh')
      assert.match(added.text, /Fresh is added, with No Provisioning/)
      assert.match(added.text, new RegExp(`Add this address at Fresh.*${product.url}/commonauth/fresh`))
      assert.match(added.text, /Client secret : Saved/)
      assert.equal((await settingOf('fresh'))?.isEnabled, true)

      await product.rows("UPDATE applications SET identity_providers = '{fresh,silent}'")
      const done = await await added.tick('always').tick('PROVISION_SILENTLY').press('Update')
      assert.match(done.text, /Fresh is updated/)
      const person = newcomer()
      product.idp.person(person.sub, person)
      product.idp.signInAs = person.sub
      const choice = await openBrowser().open(`${product.application.url}/login`)
      await choice.click('Continue with Fresh')
      const users = await product.rows('SELECT FROM users WHERE username = $1', [person.preferred_username])
      assert.equal(users.length, 1)
      await product.rows("UPDATE applications SET identity_providers = '{silent,consent}'")
    })

    test('a preset fills hints, scopes and names of claims, and keeps what was typed', async () => {
      const page = await (await browser.open(at('/add')))
        .fill({ name: 'g', issuer: 'https://accounts.google.com', clientId: 'c' })
        .press('Google')
      assert.match(page.text, /In Google Cloud/)
      const { fields } = page.submission('Add')
      assert.equal(fields.get('username'), 'email')
      assert.deepEqual(
        [fields.get('name'), fields.get('issuer'), fields.get('clientId')],
        ['g', 'https://accounts.google.com', 'c'],
      )
      const entra = await page.press('Microsoft Entra ID')
      assert.equal(entra.submission('Add').fields.get('username'), 'preferred_username')
      assert.match((await browser.open(at('/add?preset=google'))).text, /In Google Cloud/)
      assert.equal((await browser.open(at('/add?preset=constructor'))).status, 200)
    })

    test('what cannot be fetched is said at the address, and nothing typed is lost but the secret', async () => {
      const typed = {
        name: 'slow',
        displayName: 'Slow <b>',
        issuer: 'https://127.0.0.1:1',
        clientId: 'mine',
        scopes: 'openid a',
        username: 'u',
      }
      const page = await (await browser.open(at('/add')))
        .fill({ ...typed, clientSecret: 'a secret to forget' })
        .press('Fetch settings')
      assert.equal(page.status, 422)
      assert.match(page.title, /^Error: /)
      assert.match(page.html, /id="issuer-error"/)
      const { fields } = page.submission('Add')
      for (const [name, value] of Object.entries(typed)) assert.equal(fields.get(name), value)
      assert.equal(fields.get('clientSecret'), '')
      assert.ok(!page.html.includes('a secret to forget'))
      assert.match(page.text, /Type it again/)
    })

    test('faults stand at their fields in words of the form, and the address of a description is no issuer', async () => {
      const page = await browser.open(at('/add'))
      const wrong = await page.fill({ name: 'a b', issuer: 'acme', clientId: '', scopes: 'email' }).press('Add')
      assert.equal(wrong.status, 422)
      for (const field of ['name', 'issuer', 'clientId', 'scopes'])
        assert.match(wrong.html, new RegExp(`id="${field}-error"`), field)
      const near = await wrong.fill({ issuer: 'https://id.acme.example/.well-known/openid-configuration' }).press('Add')
      assert.match(near.text, /Press "Fetch settings"/)
    })

    test('a name is taken once, in any case; the same form twice adds one', async () => {
      const page = (await browser.open(at('/add'))).fill({
        name: 'SILENT',
        issuer: 'https://id.acme.example',
        clientId: 'c',
      })
      assert.match((await page.press('Add')).text, /Another identity provider has this name/)
      const twice = page.fill({ name: 'twice', clientSecret: 'a secret that is the same' })
      const answers = await Promise.all([1, 2, 3].map(() => submit(browser, twice, 'Add')))
      assert.deepEqual(
        answers.map(({ status }) => status),
        [303, 303, 303],
      )
      assert.equal((await product.rows("SELECT FROM idps WHERE name = 'twice'")).length, 1)
    })

    test('one that is called add is found all the same', async () => {
      const page = (await browser.open(at('/add'))).fill({
        name: 'Add',
        issuer: 'https://id.acme.example',
        clientId: 'c',
      })
      const added = await page.untick('isEnabled').press('Add')
      assert.match(added.title, /^Add –/)
      assert.match((await added.fill({ displayName: 'Addition' }).press('Update')).text, /Addition is updated/)
      assert.match((await (await browser.open(at())).click('Edit Addition')).title, /^Addition/)
      assert.equal((await settingOf('Add'))?.isEnabled, false)
    })
  })

  describe('editing one', () => {
    test('has the labels of the reference, and says of each what people will see, with real numbers', async () => {
      await visit(product, 'silent', newcomer())
      const [{ people } = { people: 0 }] = await product.rows<{ people: number }>(
        "SELECT count(*)::int AS people FROM identities JOIN idps ON idps.id = idp_id WHERE name = 'silent'",
      )
      assert.ok(people > 1)
      const { text } = await edit('silent')
      for (const label of [
        ...['Just-In-Time Provisioning', 'No Provisioning', 'Always provision to User Store Domain'],
        ...['Prompt for username, password, and consent', 'Prompt for password and consent', 'Prompt for consent'],
        ...['Provision silently', 'User Store Domain', 'Update'],
      ])
        assert.ok(text.includes(label), label)
      const none = `New people sign in without an account here; nothing about them is kept. ${people} existing people keep theirs.`
      assert.ok(text.includes(none))
      assert.match(text, /People pick a username, set a password and choose what you keep/)
      assert.match(text, /Username comes from "preferred_username"; people set a password and choose/)
      assert.match(text, /No password: people can only sign in through Acme silent/)
      assert.match(text, /Nobody is asked\. Only the username and Acme silent's code are stored, plus .*phone_number/)
      assert.match((await edit('none')).text, / 0 existing people keep theirs/)
    })

    test('a new one provisions nobody, and would provision silently', async () => {
      const { fields } = (await edit('twice')).submission('Update')
      assert.deepEqual(
        [fields.get('provisioning'), fields.get('scheme'), fields.get('userstore')],
        ['none', 'PROVISION_SILENTLY', 'PRIMARY'],
      )
    })

    test('each mode is saved and kept, and No Provisioning keeps what stands below it', async () => {
      for (const scheme of [
        'PROMPT_USERNAME_PASSWORD_CONSENT',
        'PROMPT_PASSWORD_CONSENT',
        'PROMPT_CONSENT',
        'PROVISION_SILENTLY',
      ]) {
        const page = (await edit('twice'))
          .tick('always')
          .tick(scheme)
          .tick('PRESERVE_LOCAL')
          .fill({ userstore: 'As in username' })
        assert.match((await page.press('Update')).text, /twice is updated/)
        const jit = {
          isEnabled: true,
          scheme,
          userstore: 'As in username',
          associateLocalUser: false,
          attributeSyncMethod: 'PRESERVE_LOCAL',
        }
        assert.deepEqual((await settingOf('twice'))?.entry['provisioning'], { jit })
      }
      await (await edit('twice')).tick('none').press('Update')
      const jit = {
        isEnabled: false,
        scheme: 'PROVISION_SILENTLY',
        userstore: 'As in username',
        associateLocalUser: false,
        attributeSyncMethod: 'PRESERVE_LOCAL',
      }
      assert.deepEqual((await settingOf('twice'))?.entry['provisioning'], { jit })
    })

    test('people are offered to connect where the box is ticked, beside which it says that nobody is connected by an address', async () => {
      const page = await edit('twice')
      assert.match(page.text, /Associate provisioned users with existing local users .*an address alone never connects/)
      const associates = async () => {
        const provisioning = (await settingOf('twice'))?.entry['provisioning'] as { jit: Record<string, unknown> }
        return provisioning.jit['associateLocalUser']
      }
      await page.tick('associates').press('Update')
      assert.equal(await associates(), true)
      await (await edit('twice')).press('Update')
      assert.equal(await associates(), true, 'it stays')
      await (await edit('twice')).untick('associates').press('Update')
      assert.equal(await associates(), false)
    })

    test('rows come and go by buttons that keep all that was typed, and save nothing', async () => {
      const before = await settingOf('twice')
      let page = (await edit('twice')).fill({ displayName: 'Typed', roles: 'groups' })
      page = await page.press('add-role')
      page = await page.fill({ 'role-0-theirs': 'CN=Admins, OU=IT = x', 'role-0-ours': 'admin=x' }).press('add-mapping')
      const last = before ? Object.keys((before.entry['claims'] as { mappings: object }).mappings).length : 0
      page = await page
        .fill({ [`mapping-${last}-ours`]: 'department', [`mapping-${last}-theirs`]: 'dept' })
        .press('remove-mapping-0')
      assert.deepEqual(await settingOf('twice'), before)
      const done = await page.press('Update')
      assert.match(done.text, /Typed is updated/)
      const claims = (await settingOf('twice'))?.entry['claims'] as {
        mappings: Record<string, string>
        roleMappings: object
        roles: string
      }
      assert.equal(claims.mappings['department'], 'dept')
      assert.equal(Object.keys(claims.mappings).length, last)
      assert.deepEqual(claims.roleMappings, { 'CN=Admins, OU=IT = x': 'admin=x' })
      assert.equal(claims.roles, 'groups')
    })

    test('what people come for stands before the claims, and the attributes are folded until a row of theirs needs a look', async () => {
      const page = await edit('silent')
      const order = ['connection', 'provisioning', 'claims', 'place', 'delete']
      assert.deepEqual(
        [...page.html.matchAll(/<h2 id="(\w+)"/g)].map(([, id]) => id),
        order,
      )
      assert.deepEqual(
        [...page.html.matchAll(/<li><a href="#(\w+)">/g)].map(([, id]) => id),
        order,
      )
      const folded = /<details>\s*<summary>(\d+) attributes are mapped<\/summary>/
      const open = /<details open>\s*<summary>(\d+) attributes are mapped<\/summary>/
      const [, count] = folded.exec(page.html) ?? []
      assert.equal(Number(count), page.html.match(/id="mapping-\d+-ours"/g)?.length)
      assert.match(page.html, /<\/details>\s*<div class="actions row"><button id="add-mapping"/)
      const more = await page.press('add-mapping')
      assert.equal(open.exec(more.html)?.[1], count, 'an empty row maps nothing')
      assert.equal(open.exec((await page.press('remove-mapping-0')).html)?.[1], String(Number(count) - 1))
      assert.match((await page.press('add-role')).html, folded)
      assert.match((await page.fill({ issuer: 'acme' }).press('Update')).html, folded)
      const wrong = await page.fill({ 'mapping-0-theirs': '' }).press('Update')
      assert.equal(wrong.status, 422)
      assert.match(wrong.html, open)
    })

    test('there may be hundreds of rows', async () => {
      const many = Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`their-role-${index}`, `role-${index}`]),
      )
      await product.rows("UPDATE idps SET roles_claim = 'groups', role_mappings = $1 WHERE name = 'username'", [many])
      const done = await (await edit('username')).fill({ displayName: 'Acme username' }).press('Update')
      assert.match(done.text, /Acme username is updated/)
      assert.deepEqual((await settingOf('username'))?.entry['claims'], {
        ...((await settingOf('username'))?.entry['claims'] as object),
        roleMappings: many,
      })
    })

    test('a row twice, half a row and a role without its claim are told, not guessed', async () => {
      const page = await (await (await edit('silent')).press('add-mapping')).press('add-mapping')
      const numbers = [...page.html.matchAll(/id="mapping-(\d+)-ours"/g)].map(([, number]) => Number(number))
      const [one, two] = numbers.slice(-2)
      const wrong = await page
        .fill({
          [`mapping-${one}-ours`]: 'email',
          [`mapping-${one}-theirs`]: 'mail',
          [`mapping-${two}-ours`]: 'website',
        })
        .press('Update')
      assert.equal(wrong.status, 422)
      assert.match(wrong.text, /this attribute has a row already/)
      assert.match(wrong.html, new RegExp(`id="mapping-${two}-theirs-error"`))
      const role = (await (await edit('silent')).press('add-role')).fill({
        'role-0-theirs': 'a',
        'role-0-ours': 'admin',
      })
      assert.match((await role.press('Update')).text, /does nothing without roles/)
    })

    test('the secret is never shown: it stays, is replaced, or is taken away', async () => {
      const secretOf = async () => {
        const [row] = await product.rows<{ sealed: Buffer | null }>(
          "SELECT client_secret_sealed AS sealed FROM idps WHERE name = 'twice'",
        )
        return row?.sealed ? product.running.house.keyring.unseal('idp twice', row.sealed) : undefined
      }
      const page = await edit('twice')
      assert.ok(!page.html.includes('a secret that is the same'))
      assert.match(page.text, /Client secret : Saved Replace/)
      await page.fill({ displayName: 'Twice' }).press('Update')
      assert.equal(await secretOf(), 'a secret that is the same')
      const replaced = await (await edit('twice')).fill({ clientSecret: ' another one ' }).press('Update')
      assert.ok(!replaced.html.includes('another one'))
      assert.equal(await secretOf(), ' another one ')
      const gone = await (await edit('twice')).tick('withoutSecret').press('Update')
      assert.equal(await secretOf(), undefined)
      assert.match(gone.text, /There is none, as for a public client/)
      const changes = await product.rows<{ text: string }>(
        "SELECT before::text || after::text AS text FROM changes WHERE object = 'twice'",
      )
      assert.ok(changes.length > 3 && changes.every(({ text }) => !/another one|that is the same/.test(text ?? '')))
    })

    test('consent is not asked for by an organisation without a name and a privacy page; what asks already goes on', async () => {
      const [kept] = await product.rows<{ organization: string }>('SELECT organization::text FROM installation')
      await product.rows(`UPDATE installation SET organization = '{"name": "Vestibule"}'`)
      const wrong = await (await edit('silent')).tick('PROMPT_CONSENT').press('Update')
      assert.equal(wrong.status, 422)
      assert.match(wrong.text, /an organisation without a name of its own and a privacy page/)
      const settings = await wrong.click('Go to Settings')
      assert.deepEqual([settings.status, new URL(settings.url).pathname], [200, '/console/settings'])
      assert.match(
        (await (await edit('consent')).fill({ displayName: 'Acme consent' }).press('Update')).text,
        /is updated/,
      )
      assert.match((await (await edit('silent')).press('Update')).text, /is updated/)
      await product.rows('UPDATE installation SET organization = $1', [kept?.organization])
      assert.match((await (await edit('silent')).tick('PROMPT_CONSENT').press('Update')).text, /is updated/)
      await (await edit('silent')).tick('PROVISION_SILENTLY').press('Update')
    })

    test('of two operators who save, the second sees what the first said beside their own, and who it was; then they may', async () => {
      await makeOperator(product, 'maya', 'owner')
      const hers = openBrowser()
      await signInToConsole(product, hers, 'maya')
      const [mine, other] = [await edit('password'), await hers.open(at('/password'))]
      await other.fill({ displayName: 'Hers', clientId: 'hers' }).press('Update')
      const conflict = await mine.fill({ displayName: 'Mine' }).press('Update')
      assert.equal(conflict.status, 409)
      assert.match(
        conflict.text,
        /maya changed this while you did\. Compare below, then save again.* maya changed this just now/,
      )
      assert.match(conflict.text, /Display name Hers Mine Client ID hers northwind-password/)
      assert.equal((await settingOf('password'))?.entry['displayName'], 'Hers')
      assert.match((await conflict.press('Update')).text, /Mine is updated/)
      const same = await other.fill({ displayName: 'Mine', clientId: 'northwind-password' }).press('Update')
      assert.match(same.text, /Mine is updated/, 'who says what is there already is in nobody’s way')
      await (await edit('password')).fill({ displayName: 'Acme password' }).press('Update')
    })

    test('only the fields of the form count: nothing else can be sent along', async () => {
      const before = await settingOf('none')
      const page = await edit('none')
      const { url, fields } = page.submission('Update')
      for (const [name, value] of Object.entries({
        isEnabled: 'no',
        managedBy: 'file',
        managed_by: 'file',
        id: '00000000-0000-4000-8000-000000000000',
        position: '7',
        name: 'other',
        key: 'other',
        'oidc.issuer': 'https://evil.example',
        'entry[name]': 'x',
        __proto__: 'x',
        'constructor.prototype.isEnabled': 'no',
        declared_hash: 'x',
      }))
        fields.set(name, value)
      assert.equal((await postForm(browser, url, fields)).status, 303)
      assert.deepEqual(await settingOf('none'), before)
      assert.equal(await settingOf('other'), undefined)
    })

    test('no answer to a form is a 500, whatever is sent', async () => {
      const page = await edit('none')
      const { url, fields } = page.submission('Update')
      for (const name of [
        'version',
        'displayName',
        'issuer',
        'clientId',
        'clientSecret',
        'scopes',
        'username',
        'roles',
        'provisioning',
        'userstore',
        'scheme',
        'sync',
        'do',
        'mapping-0-ours',
        'mapping-0-theirs',
        'mapping-9999-ours',
      ])
        for (const value of ['', '\0', '-1', '99999999999', '__proto__', 'constructor', 'x'.repeat(5_000)]) {
          const changed = new URLSearchParams(fields)
          changed.set(name, value)
          const { status } = await postForm(browser, url, changed)
          assert.ok([200, 303, 409, 422].includes(status), `${name} ${JSON.stringify(value.slice(0, 9))}: ${status}`)
        }
      for (const name of ['', '%00', 'nobody', '__proto__', '..%2Fadd', 'a%2Fb', 'x'.repeat(300)])
        for (const below of ['', '/delete', '/preview/NONE'])
          assert.equal((await browser.open(at(`/${name || 'x'}${below}`))).status, 404, name)
      await product.rows("UPDATE idps SET display_name = 'Acme none' WHERE name = 'none'")
    })
  })
})
