// Prompt for consent: what people are asked, what is kept of their answers, and that nothing comes back that they refused.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { DeclaredPurpose } from '../../src/declared.ts'
import { openBrowser } from '../support/browser.ts'
import { readPage } from '../support/html-page.ts'
import { type Product, startProduct } from '../support/product.ts'
import {
  codesOn,
  knownPerson,
  meanwhile,
  newcomer,
  signedIn,
  storedPerson,
  submit,
  visit,
  withIdp,
} from '../support/visits.ts'

const EMAIL = 'recover:email'
const PHONE = 'recover:phone_number'
const OFFICE = 'office:department'

describe('an idp that prompts for consent', () => {
  let product: Product
  before(async () => {
    product = await startProduct({
      modes: ['consent', 'silent'],
      change: (declared) => ({
        ...declared,
        identityProviders: declared.identityProviders.map((idp) => ({
          ...idp,
          claims: { ...idp.claims, mappings: { ...idp.claims.mappings, birthdate: 'birthdate', website: 'website' } },
        })),
      }),
    })
  })
  after(() => product.stop())

  const withPurposes = (purposes: DeclaredPurpose[], work: () => Promise<void>) =>
    meanwhile(product, (declared) => ({ ...declared, purposes }), work)

  describe('the page', () => {
    it('is signup.do, shows the username as text and asks for each attribute and nothing else', async () => {
      const person = newcomer()
      const page = await visit(product, 'consent', person)
      assert.equal(page.status, 200)
      assert.equal(new URL(page.url).pathname, '/accountrecoveryendpoint/signup.do')
      const [form] = readPage(page.html).forms
      assert.deepEqual(
        form?.controls.map(({ kind, name, value }) => `${kind} ${name}${kind === 'field' ? '' : `=${value}`}`),
        [
          'button do=create',
          'field _csrf',
          'field sessionDataKey',
          'field notice',
          `box consent=${EMAIL}`,
          `box consent=${PHONE}`,
          `box consent=${OFFICE}`,
          'button do=create',
          'button do=decline',
          'button language=ar',
          'button language=de',
        ],
      )
      assert.match(page.text, new RegExp(`Your username will be ${person.preferred_username}`))
      assert.match(page.html, /<h1>Choose what Northwind may keep<\/h1>/)
    })

    it('has a group for each purpose with its words, and for each attribute a label, the value and whether it is needed', async () => {
      const person = newcomer()
      const { html } = await visit(product, 'consent', person)
      const groups = [...html.matchAll(/<fieldset[\s\S]*?<\/fieldset>/g)].map(([group]) => group)
      assert.deepEqual(
        groups.map((group) => readPage(group).text),
        [
          `Recover your account So that we can help you if you lose your password Email address ${person.email} Needed to create your account Mobile number ${person.phone_number} Optional`,
          `Show you the right office So that prices and news fit where you work Department ${person.department} Optional`,
        ],
      )
      assert.match(groups[0] ?? '', /<legend>Recover your account<\/legend>/)
      for (const [, id = ''] of html.matchAll(/<input type="checkbox" id="([^"]*)"/g)) {
        assert.ok(html.includes(`<label for="${id}">`), id)
      }
    })

    it('ticks no box', async () => {
      const { html } = await visit(product, 'consent', newcomer())
      assert.doesNotMatch(html, /checked/)
    })

    it('says who asks, where the privacy notice is, and what is kept in any case', async () => {
      const page = await visit(product, 'consent', newcomer())
      assert.match(page.text, /Northwind asks Acme consent for the details below/)
      assert.match(page.text, /We always keep: your username, "Acme consent", and the code Acme consent uses for you/)
      const notice = readPage(page.html).links.filter(({ href }) => href === 'https://northwind.example/privacy')
      assert.ok(notice.some(({ text }) => text.startsWith('How we use your information')))
    })

    it('shows values as text: escaped, whole, dates as people write them, lists as lists', async () => {
      const purposes = [purpose('facts', ['name', 'birthdate', 'department', 'address', 'website'])]
      await withPurposes(purposes, async () => {
        const page = await visit(
          product,
          'consent',
          newcomer({
            name: `<script>alert("1")</script> & O'Neil <3`,
            birthdate: '1985-12-09',
            department: ['Sales', 'Fire wardens', 'Choir', 'Chess', 'Café', '<b>Six</b>', 'Seven'],
            address: { formatted: '12 Rue de la Très Longue Avenue\nParis' },
            website: `https://ada.example/${'long'.repeat(100)}`,
          }),
        )
        assert.equal(page.status, 200)
        assert.doesNotMatch(page.html, /<script>alert|<b>Six/)
        assert.ok(page.text.includes(`<script>alert("1")</script> & O'Neil <3`), page.text)
        assert.match(page.html, /<time datetime="1985-12-09">December 9, 1985<\/time>/)
        assert.match(page.html, /<li><bdi [^>]*>Fire wardens<\/bdi><\/li>/)
        assert.match(page.text, /Show 2 more <b>Six<\/b> Seven/)
        assert.match(page.text, /12 Rue de la Très Longue Avenue Paris/)
        assert.match(page.html, /<details>\s*<summary>Show all of it<\/summary>/)
        assert.ok(page.text.includes(`https://ada.example/${'long'.repeat(100)}`), 'the whole of it is there')
      })
    })

    it('has no box for an optional attribute that the idp did not send, and says so', async () => {
      const page = await visit(product, 'consent', newcomer({ phone_number: undefined, department: '' }))
      assert.match(page.text, /Mobile number Acme consent did not send this/)
      assert.match(page.text, /Department Acme consent did not send this/)
      const boxes = readPage(page.html).forms[0]?.controls.filter(({ kind }) => kind === 'box')
      assert.deepEqual(
        boxes?.map(({ value }) => value),
        [EMAIL],
      )
    })
  })

  describe('the user it makes', () => {
    it('has what was ticked, no password, and the answers with purpose, language, words and flow on record', async () => {
      const person = newcomer({ email_verified: false })
      const page = await visit(product, 'consent', person)
      const words = page.submission('Create account').fields.get('notice')
      const done = await page.tick(EMAIL).tick(OFFICE).press('Create account')
      assert.equal(done.status, 200, done.text)
      const { user, attributes, identities, consents, events } = await knownPerson(product, person.sub)
      assert.equal(user.username, person.preferred_username)
      assert.equal(user.password_hash, null)
      assert.deepEqual(attributes, [
        { name: 'department', value: person.department, verified: null, origin: 'idp', idp: 'consent' },
        { name: 'email', value: person.email, verified: false, origin: 'idp', idp: 'consent' },
      ])
      assert.equal(identities[0]?.scheme, 'PROMPT_CONSENT')
      assert.deepEqual(
        consents.map(({ purpose_id, attribute, is_given }) => [purpose_id, attribute, is_given]),
        [
          ['recover', 'email', true],
          ['recover', 'phone_number', false],
          ['office', 'department', true],
        ],
      )
      const stored = await product.rows<{ hash: string; content: string }>('SELECT hash, content::text FROM notices')
      for (const { hash, content } of stored) {
        assert.equal(createHash('sha256').update(content).digest('base64url'), hash, 'the words prove their hash')
      }
      for (const { notice_hash, notice, language, idp } of consents) {
        assert.deepEqual({ language, idp }, { language: 'en', idp: 'consent' })
        assert.equal(notice_hash, consents[0]?.notice_hash)
        const text = JSON.stringify(notice)
        for (const said of [
          'Northwind',
          'https://northwind.example/privacy',
          'So that we can help you if you lose your password',
          'So that prices and news fit where you work',
          '"mandatory":true',
        ]) {
          assert.ok(text.replaceAll('": ', '":').includes(said), said)
        }
      }
      assert.ok(words?.startsWith(consents[0]?.notice_hash ?? '-'), 'the words on record are those of the page')
      assert.deepEqual(events, [
        { event: 'user-created', detail: { scheme: 'PROMPT_CONSENT', store: 'PRIMARY', attributes: 2, roles: 0 } },
      ])
    })

    it('keeps one wording once, however many people answer to it', async () => {
      await (await visit(product, 'consent', newcomer())).tick(EMAIL).press('Create account')
      const [before] = await product.rows<{ count: number }>('SELECT count(*)::int FROM notices')
      await (await visit(product, 'consent', newcomer())).tick(EMAIL).press('Create account')
      assert.deepEqual(await product.rows('SELECT count(*)::int FROM notices'), [before])
    })

    it('shows the application what was consented to as far as its scopes go, and nothing else', async () => {
      const person = newcomer({ email_verified: false })
      const query = { scope: 'openid email profile' }
      await (await visit(product, 'consent', person, { query })).tick(EMAIL).tick(PHONE).press('Create account')
      const { user } = await knownPerson(product, person.sub)
      assert.deepEqual(signedIn(product.application).userinfo, {
        sub: user.id,
        preferred_username: person.preferred_username,
        email: person.email,
        email_verified: false,
      })
      await visit(product, 'consent', person, { query: { scope: 'openid phone' } })
      assert.deepEqual(signedIn(product.application).userinfo, {
        sub: user.id,
        phone_number: person.phone_number,
        phone_number_verified: false,
      })
    })

    it('leaves no trace of a value that was not ticked in any table or log', async () => {
      const person = newcomer()
      await (await visit(product, 'consent', person)).tick(EMAIL).press('Create account')
      await knownPerson(product, person.sub)
      const everything = `${await product.dump()}\n${product.log.join('')}`
      assert.ok(everything.includes(person.email), 'the dump would show a value that is kept')
      for (const value of [person.phone_number, person.phone_number.slice(1), person.department, person.name]) {
        assert.ok(!everything.includes(value), value)
      }
    })

    it('is not made while a needed tick is missing: the error is at that box, and other ticks stay', async () => {
      const person = newcomer()
      const page = await (await visit(product, 'consent', person)).tick(PHONE).press('Create account')
      assert.equal(page.status, 422)
      assert.deepEqual(new Set(codesOn(page)), new Set(['CONSENT_NEEDED']))
      const box = /<input type="checkbox"[^>]*value="recover:email"[^>]*>/.exec(page.html)?.[0] ?? ''
      const id = /id="([^"]*)"/.exec(box)?.[1]
      assert.match(box, /aria-invalid="true"/)
      assert.match(box, new RegExp(`aria-describedby="${id}-about ${id}-error"`))
      assert.ok(readPage(page.html).links.some(({ href }) => href === `#${id}`))
      assert.deepEqual(page.submission('Create account').fields.getAll('consent'), [PHONE])
      assert.equal(await storedPerson(product, person.sub), undefined)
      const done = await page.tick(EMAIL).press('Create account')
      assert.equal(done.status, 200)
      await knownPerson(product, person.sub)
    })

    it('is not given ticks for boxes that were not on the page', async () => {
      const person = newcomer({ department: undefined })
      const browser = openBrowser()
      const page = (await visit(product, 'consent', person, { browser })).tick(EMAIL)
      const { url, fields } = page.submission('Create account')
      for (const key of [OFFICE, 'office:name', 'other:name', 'name', ':', '__proto__', EMAIL]) {
        fields.append('consent', key)
      }
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const answer = await browser.fetch(url, { method: 'POST', headers, body: fields.toString() })
      assert.equal(answer.status, 303)
      const { attributes, consents } = await knownPerson(product, person.sub)
      assert.deepEqual(
        attributes.map(({ name }) => name),
        ['email'],
      )
      assert.deepEqual(
        consents.map(({ purpose_id, attribute, is_given }) => [purpose_id, attribute, is_given]),
        [
          ['recover', 'email', true],
          ['recover', 'phone_number', false],
        ],
      )
    })

    it('has no password that would open the local sign-in', async () => {
      const person = newcomer()
      await (await visit(product, 'consent', person)).tick(EMAIL).press('Create account')
      for (const password of ['', person.preferred_username, person.sub]) {
        const choice = await openBrowser().open(`${product.application.url}/login`)
        const local = await choice.fill({ username: person.preferred_username, password }).press('Sign in')
        assert.equal(local.status, 422)
      }
    })
  })

  describe('a suggested name that is taken', () => {
    it('is asked for this one time, with the error, and the chosen name is created', async () => {
      const owner = newcomer()
      await visit(product, 'silent', owner)
      const person = newcomer({ preferred_username: owner.preferred_username })
      const page = await visit(product, 'consent', person)
      assert.deepEqual(new Set(codesOn(page)), new Set(['USERNAME_TAKEN']))
      assert.doesNotMatch(page.html, /type="password"/)
      const name = `chosen-${person.sub}`
      const done = await page.fill({ username: name }).tick(EMAIL).press('create')
      assert.equal(done.status, 200, done.text)
      assert.equal((await knownPerson(product, person.sub)).user.username, name)
    })

    it('is asked for when somebody takes it while the page is open', async () => {
      const person = newcomer()
      const page = await visit(product, 'consent', person)
      await visit(product, 'silent', newcomer({ preferred_username: person.preferred_username }))
      const again = await page.tick(EMAIL).press('create')
      assert.equal(again.status, 422)
      assert.deepEqual(new Set(codesOn(again)), new Set(['USERNAME_TAKEN']))
      const { fields } = again.submission('create')
      assert.equal(fields.get('username'), person.preferred_username)
      assert.deepEqual(fields.getAll('consent'), [EMAIL])
      const name = `other-${person.preferred_username}`
      await again.fill({ username: name }).press('create')
      assert.equal((await knownPerson(product, person.sub)).user.username, name)
    })
  })

  describe('a needed attribute that the idp did not send', () => {
    const needed = [purpose('reach', [], ['email', 'phone_number'])]

    it('is typed by the person, kept as their own statement and never as verified', async () => {
      await withPurposes(needed, async () => {
        const person = newcomer({ email: undefined, phone_number: undefined })
        const page = await visit(product, 'consent', person)
        assert.match(page.text, /Email address Needed to create your account\. Acme consent did not send it/)
        assert.match(page.html, /<label for="attribute-email">Your email address<\/label>/)
        const field = /<input id="attribute-email"[^>]*>/.exec(page.html)?.[0] ?? ''
        assert.match(field, / type="email"/)
        assert.match(field, / autocomplete="email"/)
        assert.match(/<input id="attribute-phone_number"[^>]*>/.exec(page.html)?.[0] ?? '', / autocomplete="tel"/)
        const done = await page
          .fill({ 'attribute.email': ' me@typed.example ', 'attribute.phone_number': '07700 900123' })
          .tick('reach:email')
          .tick('reach:phone_number')
          .press('Create account')
        assert.equal(done.status, 200, done.text)
        const { attributes } = await knownPerson(product, person.sub)
        assert.deepEqual(
          attributes.map(({ name, value, origin, idp }) => [name, value, origin, idp]),
          [
            ['email', 'me@typed.example', 'person', null],
            ['phone_number', '07700 900123', 'person', null],
          ],
        )
        assert.equal(attributes[0]?.verified, false)
        assert.notEqual(attributes[1]?.verified, true)
        const { email, email_verified, phone_number_verified } = signedIn(product.application).userinfo
        assert.deepEqual(
          { email, email_verified, phone_number_verified },
          { email: 'me@typed.example', email_verified: false, phone_number_verified: false },
        )

        await visit(product, 'consent', { ...person, email: 'idp@acme.example', email_verified: true })
        assert.equal(signedIn(product.application).userinfo.email, 'me@typed.example', 'what a person typed stays')
      })
    })

    it('is a problem at its field while it is empty or does not look right', async () => {
      await withPurposes(needed, async () => {
        const person = newcomer({ email: undefined })
        let page = await visit(product, 'consent', person)
        page = await page.tick('reach:email').tick('reach:phone_number').press('Create account')
        assert.equal(page.status, 422)
        assert.deepEqual(new Set(codesOn(page)), new Set(['ATTR_EMPTY']))
        assert.match(page.text, /Enter your email address/)
        for (const typed of ['not an address', 'two@@signs', '\u202ea@b.example\u0000']) {
          page = await page.fill({ 'attribute.email': typed }).press('Create account')
          assert.equal(page.status, 422, typed)
          assert.ok(codesOn(page).every((code) => /^ATTR_(EMAIL|FORMAT)$/.test(code)) && codesOn(page).length > 0)
        }
        page = await page.fill({ 'attribute.email': 'me@typed.example' }).untick('reach:email').press('Create account')
        assert.deepEqual(new Set(codesOn(page)), new Set(['CONSENT_NEEDED']))
        assert.equal(page.submission('Create account').fields.get('attribute.email'), 'me@typed.example')
        assert.equal(await storedPerson(product, person.sub), undefined)
      })
    })

    it('is not replaced by a typed value when the idp did send it', async () => {
      await withPurposes(needed, async () => {
        const person = newcomer()
        const browser = openBrowser()
        const page = (await visit(product, 'consent', person, { browser }))
          .tick('reach:email')
          .tick('reach:phone_number')
        await submit(browser, page, 'Create account', { 'attribute.email': 'victim@acme.example' })
        const { attributes } = await knownPerson(product, person.sub)
        assert.equal(attributes.find(({ name }) => name === 'email')?.value, person.email)
      })
    })

    it('is typed once when two purposes need it, and ticked for each', async () => {
      await withPurposes([purpose('one', [], ['email']), purpose('two', [], ['email'])], async () => {
        const person = newcomer({ email: undefined })
        let page = await visit(product, 'consent', person)
        assert.equal(page.html.match(/name="attribute\.email"/g)?.length, 1)
        page = await page.fill({ 'attribute.email': 'me@typed.example' }).tick('one:email').press('Create account')
        assert.deepEqual(new Set(codesOn(page)), new Set(['CONSENT_NEEDED']))
        page = await page.tick('two:email').press('Create account')
        assert.equal(page.status, 200)
        assert.equal((await knownPerson(product, person.sub)).attributes.length, 1)
      })
    })
  })

  describe('an attribute in two purposes', () => {
    const twice = [purpose('one', ['email', 'phone_number']), purpose('two', ['email'])]

    it('has a box in each; one tick is enough to keep it, and each answer is on record', async () => {
      await withPurposes(twice, async () => {
        const person = newcomer()
        await (await visit(product, 'consent', person)).tick('two:email').press('Create account')
        const { attributes, consents } = await knownPerson(product, person.sub)
        assert.deepEqual(
          attributes.map(({ name }) => name),
          ['email'],
        )
        assert.deepEqual(
          consents.map(({ purpose_id, attribute, is_given }) => [purpose_id, attribute, is_given]),
          [
            ['one', 'email', false],
            ['one', 'phone_number', false],
            ['two', 'email', true],
          ],
        )
        await visit(product, 'consent', { ...person, email: 'new@acme.example' })
        assert.equal(signedIn(product.application).userinfo.email, 'new@acme.example')
      })
    })

    it('is not kept when no box is ticked', async () => {
      await withPurposes(twice, async () => {
        const person = newcomer()
        await (await visit(product, 'consent', person)).press('Create account')
        assert.deepEqual((await knownPerson(product, person.sub)).attributes, [])
      })
    })

    it('is judged needed for each purpose by itself', async () => {
      await withPurposes([purpose('one', ['email']), purpose('two', [], ['email'])], async () => {
        const person = newcomer()
        const page = await (await visit(product, 'consent', person)).tick('one:email').press('Create account')
        assert.equal(page.status, 422)
        assert.deepEqual(new Set(codesOn(page)), new Set(['CONSENT_NEEDED']))
        assert.equal(await storedPerson(product, person.sub), undefined)
      })
    })
  })

  describe('without configured purposes', () => {
    it('asks for what the idp sent under the built-in purpose, all optional', async () => {
      await withPurposes([], async () => {
        const person = newcomer({ department: undefined })
        const page = await visit(product, 'consent', person)
        assert.match(page.text, /Create your account So that Northwind knows who you are/)
        assert.doesNotMatch(page.text, /Needed to create your account|did not send/)
        const boxes = readPage(page.html).forms[0]?.controls.filter(({ kind }) => kind === 'box')
        assert.deepEqual(boxes?.map(({ value }) => value).sort(), [
          'default:email',
          'default:name',
          'default:phone_number',
        ])
        await page.tick('default:name').press('Create account')
        const { attributes, consents } = await knownPerson(product, person.sub)
        assert.deepEqual(
          attributes.map(({ name, value }) => [name, value]),
          [['name', person.name]],
        )
        assert.deepEqual(
          consents.map(({ purpose_id, attribute, is_given }) => `${purpose_id}:${attribute} ${is_given}`).sort(),
          ['default:email false', 'default:name true', 'default:phone_number false'],
        )
        assert.match(JSON.stringify(consents[0]?.notice), /So that Northwind knows who you are/)
      })
    })

    it('and with nothing sent, is a page with a button and no section', async () => {
      await withPurposes([], async () => {
        const person = { sub: newcomer().sub }
        const page = await visit(product, 'consent', person)
        assert.equal(page.status, 200)
        assert.match(page.html, /<h1>Create your Travel account<\/h1>/)
        assert.doesNotMatch(page.html, /<fieldset|type="checkbox"/)
        assert.match(page.text, /We always keep: your username/)
        assert.equal(await storedPerson(product, person.sub), undefined, 'nobody is made by looking')
        await page.press('Create account')
        const { user, attributes, consents } = await knownPerson(product, person.sub)
        assert.equal(user.username, person.sub)
        assert.deepEqual([attributes, consents], [[], []])
      })
    })
  })

  describe('at a later sign-in', () => {
    it('updates what was consented to, asks nothing, and never brings back what was refused', async () => {
      const person = newcomer()
      await (await visit(product, 'consent', person)).tick(EMAIL).press('Create account')
      const page = await visit(product, 'consent', {
        ...person,
        email: 'new@acme.example',
        email_verified: false,
        phone_number: '+44 20 1',
        department: 'Elsewhere',
        name: 'Never asked',
      })
      assert.ok(!page.history.some((address) => address.includes('signup.do')))
      const { attributes, events } = await knownPerson(product, person.sub)
      assert.deepEqual(
        attributes.map(({ name, value, verified }) => [name, value, verified]),
        [['email', 'new@acme.example', false]],
      )
      assert.deepEqual(
        events.map(({ event }) => event),
        ['user-created', 'sign-in'],
      )
    })

    it('removes what the idp no longer sends, sets it when it is sent again, by OVERRIDE_ALL', async () => {
      const person = newcomer()
      await (await visit(product, 'consent', person)).tick(EMAIL).tick(OFFICE).press('Create account')
      await visit(product, 'consent', { ...person, department: undefined })
      assert.equal((await knownPerson(product, person.sub)).attributes.length, 1)
      await visit(product, 'consent', { ...person, department: 'Back' })
      assert.equal((await knownPerson(product, person.sub)).attributes[0]?.value, 'Back')
    })

    it('keeps a consented value that the idp no longer sends, by PRESERVE_LOCAL, and all values, by NONE', async () => {
      const person = newcomer()
      await (await visit(product, 'consent', person)).tick(EMAIL).tick(OFFICE).press('Create account')
      await meanwhile(product, withIdp('consent', { attributeSyncMethod: 'PRESERVE_LOCAL' }), async () => {
        await visit(product, 'consent', { ...person, department: undefined, email: 'preserved@acme.example' })
        const { attributes } = await knownPerson(product, person.sub)
        assert.deepEqual(
          attributes.map(({ value }) => value),
          [person.department, 'preserved@acme.example'],
        )
      })
      await meanwhile(product, withIdp('consent', { attributeSyncMethod: 'NONE' }), async () => {
        await visit(product, 'consent', { ...person, department: undefined, email: 'none@acme.example' })
        const { attributes } = await knownPerson(product, person.sub)
        assert.deepEqual(
          attributes.map(({ value }) => value),
          [person.department, 'preserved@acme.example'],
        )
      })
    })

    it('honours a refusal even when the idp provisions silently by now', async () => {
      const person = newcomer()
      await (await visit(product, 'consent', person)).tick(EMAIL).press('Create account')
      await meanwhile(product, withIdp('consent', { scheme: 'PROVISION_SILENTLY' }), async () => {
        await visit(product, 'consent', { ...person, email: 'new@acme.example' })
        const { attributes } = await knownPerson(product, person.sub)
        assert.deepEqual(
          attributes.map(({ name, value }) => [name, value]),
          [['email', 'new@acme.example']],
        )
      })
    })
  })
})

function purpose(id: string, optional: string[], needed: string[] = []): DeclaredPurpose {
  return {
    id,
    purpose: `Purpose ${id}`,
    description: `Because of ${id}`,
    piiCategories: [
      ...needed.map((name) => ({ name, mandatory: true })),
      ...optional.map((name) => ({ name, mandatory: false })),
    ],
  }
}
