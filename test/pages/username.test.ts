// Prompt for username, password, and consent: what register.do asks, what it says when an answer will not do, and what it makes.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser, type Page } from '../support/browser.ts'
import { readPage } from '../support/html-page.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import {
  codesOn,
  countPeople,
  flowIdOf,
  hashOfUser,
  knownPerson,
  meanwhile,
  type Newcomer,
  newcomer,
  signedIn,
  storedPerson,
  submit,
  visit,
  withIdp,
} from '../support/visits.ts'

const EMAIL = 'recover:email'
const PHONE = 'recover:phone_number'

describe('an idp that prompts for username, password, and consent', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['username', 'silent'], hashing: 'full' })
  })
  after(() => product.stop())

  describe('the page', () => {
    it('is register.do and asks for a username, a password and each attribute, and for nothing else', async () => {
      const page = await visit(product, 'username', newcomer())
      assert.equal(page.status, 200)
      assert.match(new URL(page.url).pathname, /^\/accountrecoveryendpoint\/register\.do$/)
      assert.deepEqual([...new URL(page.url).searchParams.keys()], ['sessionDataKey'])
      assert.match(flowIdOf(page), /^[\w-]{24}$/)
      const [form, ...others] = readPage(page.html).forms
      assert.equal(others.length, 0)
      assert.equal(form?.method, 'POST')
      const controls = form?.controls.map(({ kind, name, value }) =>
        kind === 'box' || kind === 'button' ? `${kind} ${name}=${value}` : `${kind} ${name}`,
      )
      assert.deepEqual(controls, [
        'button do=create',
        'field _csrf',
        'field sessionDataKey',
        'field notice',
        'field username',
        'field password',
        `box consent=${EMAIL}`,
        `box consent=${PHONE}`,
        'box consent=office:department',
        'button do=create',
        'button do=decline',
        'button language=ar',
        'button language=de',
      ])
    })

    it('shows the username claim as it is, uncleaned, in a field made for password managers', async () => {
      const page = await visit(product, 'username', newcomer({ preferred_username: ' Anne/Marie “A” <b> ' }))
      const field = /<input id="username"[^>]*>/.exec(page.html)?.[0] ?? ''
      assert.equal(page.submission('Create account').fields.get('username'), ' Anne/Marie “A” <b> ')
      for (const attribute of [
        'name="username"',
        'type="text"',
        'autocomplete="username"',
        'autocapitalize="none"',
        'spellcheck="false"',
        'inputmode="text"',
        'dir="ltr"',
      ]) {
        assert.ok(field.includes(` ${attribute}`), `${attribute} in ${field}`)
      }
      assert.doesNotMatch(field, /maxlength|pattern|required|readonly/)
      assert.match(page.html, /<label for="username">Create a username<\/label>/)
    })

    it('leaves validation to the server, ticks nothing and disables nothing', async () => {
      const page = await visit(product, 'username', newcomer())
      assert.match(page.html, /<form [^>]*novalidate/)
      assert.doesNotMatch(page.html, /\s(required|checked|disabled)\b/)
      assert.ok(!page.text.includes('*'))
    })

    it('says who is signed in, until when it is open, and offers another account', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const page = await visit(product, 'username', person, { browser })
      assert.match(page.text, new RegExp(`You signed in with Acme username as ${person.email}`))
      const until = new Date(product.clock.now.getTime() + 30 * 60_000)
      assert.ok(page.text.includes(`Open until ${until.toISOString().slice(11, 16)} UTC`), page.text)
      const other = newcomer()
      product.idp.person(other.sub, other)
      product.idp.signInAs = other.sub
      product.idp.requests.length = 0
      const next = await page.click('Not you? Use a different account')
      assert.equal(next.submission('Create account').fields.get('username'), other.preferred_username)
      assert.notEqual(flowIdOf(next), flowIdOf(page))
      const prompt = product.idp.requests.find(({ path }) => path === '/auth')?.query.prompt ?? ''
      assert.match(prompt, /^(login|select_account)$/, 'the idp is told not to sign the same person in again')
    })

    it('keeps nothing of a person who has not answered but one sealed row, and puts nothing in an address or the log', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const counts = await countPeople(product)
      const page = await visit(product, 'username', person, { browser })
      assert.equal(page.status, 200)
      assert.deepEqual(await countPeople(product), counts)
      const everything = [await product.dump(), product.log.join(''), browser.history.join('\n')].join('\n')
      for (const value of [person.sub, person.preferred_username, person.name, person.email, person.phone_number]) {
        for (const written of [value, encodeURIComponent(value), Buffer.from(value).toString('hex')]) {
          assert.ok(!everything.includes(written), written)
        }
      }
    })
  })

  describe('the user it makes', () => {
    it('has the chosen name, a password, the ticked attributes and every answer on record', async () => {
      const person = newcomer()
      const page = await visit(product, 'username', person)
      const flowId = flowIdOf(page)
      const username = `Chosen.${person.preferred_username}`
      const answered = await page
        .fill({ username: `  ${username} `, password: PASSWORD })
        .tick(EMAIL)
        .press('create')
      assert.equal(answered.status, 200, answered.text)

      const { user, attributes, identities, consents, events } = await knownPerson(product, person.sub)
      assert.equal(user.username, username)
      assert.equal(user.username_canonical, username.toLowerCase())
      assert.match(user.password_hash ?? '', /^\$argon2id\$v=19\$m=19456,t=2,p=\d+\$/)
      assert.deepEqual(attributes, [
        { name: 'email', value: person.email, verified: true, origin: 'idp', idp: 'username' },
      ])
      assert.deepEqual(identities, [
        {
          idp: 'username',
          issuer: product.idp.issuer,
          subject: person.sub,
          scheme: 'PROMPT_USERNAME_PASSWORD_CONSENT',
        },
      ])
      const answers = consents.map(({ purpose_id, attribute, is_given, language, idp, flow_id }) => {
        assert.deepEqual({ language, idp, flow_id }, { language: 'en', idp: 'username', flow_id: flowId })
        return [purpose_id, attribute, is_given]
      })
      assert.deepEqual(answers, [
        ['recover', 'email', true],
        ['recover', 'phone_number', false],
        ['office', 'department', false],
      ])
      assert.deepEqual(events, [
        {
          event: 'user-created',
          detail: { scheme: 'PROMPT_USERNAME_PASSWORD_CONSENT', store: 'PRIMARY', attributes: 1, roles: 0 },
        },
      ])

      const result = signedIn(product.application)
      assert.equal(result.sub, user.id)
      assert.deepEqual(result.userinfo, {
        sub: user.id,
        preferred_username: username,
        email: person.email,
        email_verified: true,
      })
    })

    it('signs in straight through the second time, under another suggested name too', async () => {
      const person = newcomer()
      await create(await visit(product, 'username', person), { username: `my-${person.preferred_username}` })
      const { sub } = signedIn(product.application)
      const page = await visit(product, 'username', { ...person, preferred_username: 'anything' })
      assert.ok(!page.history.some((address) => address.includes('register.do')))
      assert.equal(signedIn(product.application).sub, sub)
    })

    it('can be made of a name with letters of any script, shown as typed and unique in its canonical form', async () => {
      const person = newcomer()
      const typed = `Ａśhā-Ünï.${person.preferred_username.toUpperCase()}`
      await create(await visit(product, 'username', person), { username: typed })
      const { user } = await knownPerson(product, person.sub)
      assert.equal(user.username, typed)
      assert.equal(user.username_canonical, `aśhā-ünï.${person.preferred_username}`)
    })
  })

  describe('a name that is taken', () => {
    let owner: Newcomer
    let ownerId: string
    before(async () => {
      owner = newcomer()
      await visit(product, 'silent', owner)
      ownerId = signedIn(product.application).sub
    })

    it('is refused in any case or width, and no byte of its owner changes', async () => {
      const person = newcomer()
      let page = await visit(product, 'username', person)
      const hash = await hashOfUser(product, ownerId)
      const name = owner.preferred_username
      for (const typed of [name, name.toUpperCase(), ` ${name} `, fullWidth(name), fullWidth(name.toUpperCase())]) {
        page = await create(page, { username: typed })
        assert.equal(page.status, 422, typed)
        assert.deepEqual(new Set(codesOn(page)), new Set(['USERNAME_TAKEN']), typed)
        assert.match(page.text, new RegExp(`Username "${typed.trim()}" is taken\\. Choose another`))
      }
      assert.equal(await storedPerson(product, person.sub), undefined)
      assert.equal(await hashOfUser(product, ownerId), hash)
    })

    it('comes with up to three free names as buttons; pressing one fills the name in and creates nobody yet', async () => {
      const person = newcomer({ given_name: 'Asha', family_name: `Rao${newcomer().sub.slice(8)}` })
      const page = await create(await visit(product, 'username', person), { username: owner.preferred_username })
      assert.match(page.text, /Free now:/)
      const offers = suggestionsOn(page)
      assert.ok(offers.length > 0 && offers.length <= 3, offers.join())
      const [offer = ''] = offers
      const again = await page.fill({ password: PASSWORD }).press(offer)
      assert.equal(again.status, 200)
      assert.deepEqual(codesOn(again), [])
      assert.equal(again.submission('Create account').fields.get('username'), offer)
      assert.ok(again.submission('Create account').fields.getAll('consent').includes(EMAIL), 'ticks stay')
      assert.ok(!again.html.includes(PASSWORD), 'the password does not')
      assert.equal(await storedPerson(product, person.sub), undefined)

      await again.fill({ password: PASSWORD }).press('Create account')
      const { user } = await knownPerson(product, person.sub)
      assert.equal(user.username, offer)
      assert.equal(signedIn(product.application).sub, user.id)
    })

    it('never offers a name that somebody has', async () => {
      const first = await create(await visit(product, 'username', newcomer()), { username: owner.preferred_username })
      const [offer = ''] = suggestionsOn(first)
      await visit(product, 'silent', newcomer({ preferred_username: offer }))
      const second = await create(await visit(product, 'username', newcomer()), { username: owner.preferred_username })
      assert.ok(!suggestionsOn(second).includes(offer), suggestionsOn(second).join())
    })

    it('goes to one of the people who ask for a free one at once; the others read that it is taken', async () => {
      const people = [newcomer(), newcomer(), newcomer(), newcomer()]
      const username = `wanted-${people[0]?.preferred_username}`
      const pages: { browser: ReturnType<typeof openBrowser>; page: Page }[] = []
      for (const person of people) {
        const browser = openBrowser()
        const page = await visit(product, 'username', person, { browser })
        pages.push({ browser, page: page.fill({ username, password: PASSWORD }).tick(EMAIL) })
      }
      const answers = await Promise.all(pages.map(({ browser, page }) => submit(browser, page, 'Create account')))
      assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 422, 422, 422])
      const rows = await product.rows('SELECT 1 FROM users WHERE username_canonical = $1', [username])
      assert.equal(rows.length, 1)
    })
  })

  describe('an answer that will not do', () => {
    it('is told with all others at once, in the summary and at the field, in the order of the page', async () => {
      const person = newcomer()
      const first = await visit(product, 'username', person)
      const page = await first.fill({ username: 'a b', password: 'short' }).tick(PHONE).press('create')
      assert.equal(page.status, 422)
      assert.match(page.title, /^Error: Create your Travel account/)
      assert.match(page.html, /<main[^>]*>\s*<div [^>]*role="alert"[^>]*>[\s\S]*<h1/)
      const summary = /<div [^>]*role="alert"[\s\S]*?<\/div>/.exec(page.html)?.[0] ?? ''
      assert.match(summary, /tabindex="-1"/)
      assert.match(summary, /There is a problem/)
      const links = readPage(summary).links
      assert.deepEqual(
        links.map(({ text }) => text),
        [
          'Username cannot have U+0020. Use letters, numbers, dots or dashes',
          'Password must be at least 15 characters',
          'Tick Email address, or choose not to create an account',
        ],
      )
      for (const { text, href } of links) {
        const id = href.replace('#', '')
        const control = new RegExp(`<input[^>]* id="${id}"[^>]*>`).exec(page.html)?.[0] ?? ''
        assert.match(control, /aria-invalid="true"/)
        const described = /aria-describedby="([^"]*)"/.exec(control)?.[1]?.split(' ') ?? []
        assert.equal(described.at(-1), `${id}-error`)
        assert.ok(described.length > 1, 'hint before error')
        for (const one of described) assert.ok(page.html.includes(` id="${one}"`), one)
        const error = new RegExp(`id="${id}-error"[^>]*>([\\s\\S]*?)</p>`).exec(page.html)?.[1] ?? ''
        assert.equal(readPage(error).text, `Error: ${text}`)
      }
      assert.equal(await storedPerson(product, person.sub), undefined)
    })

    it('leaves the typed name and every tick exactly as they were, and never the password', async () => {
      const page = await visit(product, 'username', newcomer())
      const typed = ' <b>"Ünï" & \u{1f600} '
      const again = await page
        .fill({ username: typed, password: 'not this one' })
        .tick(PHONE)
        .tick('office:department')
        .press('create')
      const { fields } = again.submission('Create account')
      assert.equal(fields.get('username'), typed)
      assert.deepEqual(fields.getAll('consent'), [PHONE, 'office:department'])
      assert.equal(fields.get('password'), '')
      assert.ok(!again.html.includes('not this one'))
      assert.ok(!again.html.includes('<b>"'), 'escaped')
    })

    it('asks for a password that was fine again, as a note and not as an error', async () => {
      const page = await visit(product, 'username', newcomer())
      const again = await page.fill({ username: 'ab', password: PASSWORD }).tick(EMAIL).press('create')
      assert.deepEqual(new Set(codesOn(again)), new Set(['USERNAME_SHORT']))
      assert.match(again.text, /Enter your password again\. We never keep it between tries/)
      assert.doesNotMatch(/<input id="new-password"[^>]*>/.exec(again.html)?.[0] ?? '', /aria-invalid| value=/)
    })

    it('is named by a stable code for every rule of names', async () => {
      let page = await visit(product, 'username', newcomer())
      const names: [string, string][] = [
        ['   ', 'USERNAME_EMPTY'],
        ['ab', 'USERNAME_SHORT'],
        ['x'.repeat(51), 'USERNAME_LONG'],
        ['a\u200bsha', 'USERNAME_CHARS'],
        ['асhа\u202e', 'USERNAME_CHARS'],
        ['STAFF/asha', 'USERNAME_NO_PREFIX'],
        ['Postmaster', 'USERNAME_RESERVED'],
      ]
      for (const [name, code] of names) {
        page = await create(page, { username: name })
        assert.equal(page.status, 422, name)
        assert.deepEqual(new Set(codesOn(page)), new Set([code]), name)
      }
    })

    it('may be a name of a megabyte or a broken letter, and is still only a problem', async () => {
      const browser = openBrowser()
      const page = (await visit(product, 'username', newcomer(), { browser })).fill({ password: PASSWORD }).tick(EMAIL)
      for (const [username, status] of [
        ['x'.repeat(90_000), 422],
        ['x'.repeat(1_000_000), 413],
        ['nul\u0000nul', 422],
      ] as const) {
        const answer = await submit(browser, page, 'Create account', { username })
        assert.equal(answer.status, status)
      }
    })

    it('is not made good by fields that nobody asked for', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const page = (await visit(product, 'username', person, { browser })).fill({ password: PASSWORD }).tick(EMAIL)
      const answer = await submit(browser, page, 'Create account', {
        email: 'victim@acme.example',
        sub: 'somebody-else',
        idp: 'silent',
        userId: '1',
        is_locked: 'false',
        'attribute.email': 'victim@acme.example',
        'attribute.department': 'Board',
        email_verified: 'true',
      })
      assert.equal(answer.status, 303)
      const { attributes } = await knownPerson(product, person.sub)
      assert.deepEqual(
        attributes.map(({ name, value }) => [name, value]),
        [['email', person.email]],
      )
    })

    it('cannot be posted to signup.do to be asked less', async () => {
      const person = newcomer()
      const browser = openBrowser()
      const page = (await visit(product, 'username', person, { browser })).fill({ password: PASSWORD }).tick(EMAIL)
      const { fields } = page.submission('Create account')
      for (const without of ['', 'password', 'username']) {
        fields.delete(without)
        const answer = await browser.fetch(`${product.url}/accountrecoveryendpoint/signup.do`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
          body: fields.toString(),
        })
        assert.equal(answer.status, 422)
      }
      assert.equal(await storedPerson(product, person.sub), undefined)
    })
  })

  it('gives every mode the same suggested name', async () => {
    const person = newcomer({ preferred_username: 'Ünï.Ä-name' })
    const page = await visit(product, 'username', person)
    assert.equal(page.submission('Create account').fields.get('username'), 'Ünï.Ä-name')
    for (const scheme of ['PROMPT_PASSWORD_CONSENT', 'PROMPT_CONSENT'] as const) {
      await meanwhile(product, withIdp('username', { scheme }), async () => {
        assert.match((await visit(product, 'username', person)).html, /Ünï\.Ä-name/)
      })
    }
  })
})

/** Answers the page with a good password and the needed tick, and with what the test is about. */
function create(page: Page, answers: Record<string, string>): Promise<Page> {
  return page
    .fill({ password: PASSWORD, ...answers })
    .tick(EMAIL)
    .press('create')
}

function suggestionsOn(page: Page): string[] {
  const controls = readPage(page.html).forms.flatMap((form) => form.controls)
  return controls.filter(({ name }) => name === 'use').map(({ value }) => value)
}

/** The same letters, as wide as Chinese ones. */
function fullWidth(text: string): string {
  return text.replace(/[!-~]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0))
}
