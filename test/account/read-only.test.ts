// The enhanced feature, attributes: what an idp keeps up to date is changed by it alone, by no page, no order of presses and no statement.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { putOwnValue } from '../../src/db/account-values.ts'
import { replaceUserAttributes } from '../../src/db/user-attributes.ts'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { openConsole, postBeside } from '../support/console.ts'
import { switchEnhanced, withEnhanced } from '../support/enhanced.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, PURPOSES, startProduct } from '../support/product.ts'
import { openSmtpSink, type SmtpSink } from '../support/smtp.ts'
import { codesOn, hashOfUser, knownPerson, type Newcomer, newcomer, postForm, visit } from '../support/visits.ts'
import { beginConnecting } from '../support/ways-in.ts'

const TICKS = ['recover:email', 'recover:phone_number', 'office:department']
const ALL = ['email', 'phone_number', 'department']
const LABELS = { email: 'Email address', phone_number: 'Mobile number', department: 'Department' }

interface Joined {
  id: string
  person: Newcomer
  browser: Browser
  /** Profile. */
  page: Page
}

describe('what an idp says of a person, while the enhanced feature is on', () => {
  let product: Product
  let sink: SmtpSink
  before(async () => {
    sink = await openSmtpSink()
    product = await startProduct({
      modes: ['silent', 'consent', 'password'],
      smtpUrl: sink.url,
      purposes: PURPOSES,
      change: withEnhanced,
    })
  })
  after(async () => {
    await product.stop()
    await sink.close()
  })

  const at = (path: string) => `${product.url}/myaccount${path}`
  const editOf = (attribute: string) => at(`/edit?attribute=${attribute}`)

  async function joined(claims = {}, ticks = TICKS): Promise<Joined> {
    const person = newcomer(claims)
    const browser = openBrowser()
    const id = await join(product, 'consent', person, { ticks })
    return { id, person, browser, page: await enterAccount(product, 'consent', person, { browser }) }
  }

  const valuesOf = async (id: string) =>
    Object.fromEntries(
      (
        await product.rows<{ name: string; value: unknown; origin: string }>(
          'SELECT name, value, origin FROM user_attributes WHERE user_id = $1',
          [id],
        )
      ).map(({ name, value, origin }) => [name, [value, origin]]),
    )

  /** What changes would be seen by: rows, the log of the account, and letters. */
  async function footprint(id: string) {
    const events = await product.rows('SELECT count(*)::int AS n FROM account_events WHERE user_id = $1', [id])
    const mails = await product.rows('SELECT count(*)::int AS n FROM mails WHERE user_id = $1', [id])
    return [await hashOfUser(product, id), events, mails]
  }

  /** Sends the form of an edit, whether or not there is one to be seen. */
  async function sendEdit({ browser, page }: Pick<Joined, 'browser' | 'page'>, fields: [string, string][]) {
    const token = page.submission('Sign out').fields.get('_csrf') ?? ''
    return postForm(browser, at('/edit'), new URLSearchParams([['_csrf', token], ...fields]))
  }

  /** Another idp has the say, or none, in `work` alone. */
  async function withConsentIdp(change: string, work: () => Promise<void>): Promise<void> {
    const columns = 'attribute_sync_method, is_enabled'
    const [was] = await product.rows(`SELECT ${columns} FROM idps WHERE name = 'consent'`)
    await product.rows(`UPDATE idps SET ${change} WHERE name = 'consent'`)
    try {
      await work()
    } finally {
      await product.rows(
        `UPDATE idps SET attribute_sync_method = $1, is_enabled = $2 WHERE name = 'consent'`,
        Object.values(was ?? {}),
      )
    }
  }

  it('has no button to change it, and words that say who does', async () => {
    const { page, person } = await joined()
    assert.doesNotMatch(page.text, /Change (Email|Mobile|Department)/)
    assert.match(
      page.text,
      new RegExp(`Email address ${person.email} .* Acme consent keeps this up to date\\. Change it there`),
    )
    assert.equal(page.html.match(/data-part="read-only"/g)?.length, 3)
  })

  it('is not changed by the address of the page, nor by its form, and the person is told by whom it is', async () => {
    const somebody = await joined()
    const before = await footprint(somebody.id)
    for (const attribute of ALL) {
      const label = LABELS[attribute as keyof typeof LABELS]
      const shown = await somebody.browser.open(editOf(attribute))
      assert.deepEqual([new URL(shown.url).pathname, codesOn(shown)], ['/myaccount', ['READONLY_IDP']])
      assert.match(
        shown.text,
        new RegExp(`${label} was not changed: Acme consent keeps it up to date\\. Change it there`),
      )
      const value = { email: 'own@home.example', phone_number: 'call me', department: 'Board' }[attribute] ?? ''
      const sent = await sendEdit(somebody, [
        ['attribute', attribute],
        ['value', value],
      ])
      assert.deepEqual([sent.status, sent.headers.get('location')], [303, '/myaccount'])
      assert.deepEqual(codesOn(await somebody.browser.open(at(''))), ['READONLY_IDP'])
    }
    assert.deepEqual(await footprint(somebody.id), before)
  })

  it('is not changed along with what may be: mixing exempts nothing', async () => {
    const somebody = await joined({ phone_number: undefined }, ['recover:email', 'office:department'])
    const { id, person } = somebody
    await product.rows(
      `UPDATE user_attributes SET origin = 'person', origin_idp_id = NULL WHERE user_id = $1 AND name = 'department'`,
      [id],
    )
    for (const fields of [
      [
        ['attribute', 'department'],
        ['attribute', 'email'],
        ['value', 'Board'],
      ],
      [
        ['attribute', 'email'],
        ['attribute', 'department'],
        ['value', 'own@home.example'],
      ],
      [
        ['attribute', 'department'],
        ['value', 'Board'],
        ['email', 'own@home.example'],
        ['attribute.email', 'own@home.example'],
      ],
    ] as [string, string][][]) {
      await sendEdit(somebody, fields)
      assert.deepEqual((await valuesOf(id))['email'], [person.email, 'idp'])
    }
    assert.deepEqual((await valuesOf(id))['department'], ['Board', 'person'])
  })

  it('what is of another origin is changed as before: the person’s own, and what the idp did not send', async () => {
    const { id, browser } = await joined({ phone_number: undefined }, ['recover:email', 'office:department'])
    await product.rows(
      `UPDATE user_attributes SET origin = 'person', origin_idp_id = NULL WHERE user_id = $1 AND name = 'department'`,
      [id],
    )
    const profile = await browser.open(at(''))
    assert.doesNotMatch(profile.text, /Change Email/)
    await (await profile.click('Change Department')).fill({ value: 'My own' }).press('Save')
    await (await browser.open(at('/privacy'))).press('Allow Mobile number')
    await (await (await browser.open(at(''))).click('Add Mobile number')).fill({ value: '+49 30 1234' }).press('Save')
    const { department, phone_number } = await valuesOf(id)
    assert.deepEqual(
      [department, phone_number],
      [
        ['My own', 'person'],
        ['+49 30 1234', 'person'],
      ],
    )
  })

  for (const way of ['stopped and allowed again', 'never ticked and allowed later'] as const) {
    it(`${way}, it is typed in by nobody, and comes back at the next sign-in`, async () => {
      const ticks = way === 'stopped and allowed again' ? TICKS : ['recover:email']
      const somebody = await joined({}, ticks)
      const { id, person, browser } = somebody
      if (way === 'stopped and allowed again') {
        await (await browser.open(at('/privacy'))).press('Stop and delete Department')
        assert.equal((await valuesOf(id))['department'], undefined, 'to stop it is no edit')
      }
      await (await browser.open(at('/privacy'))).press('Allow Department')
      const profile = await browser.open(at(''))
      assert.match(profile.text, /Department .*Acme consent says this when you next sign in with it/)
      assert.doesNotMatch(profile.text, /Add Department/)
      const before = await footprint(id)
      await sendEdit(somebody, [
        ['attribute', 'department'],
        ['value', 'Board'],
      ])
      assert.deepEqual(codesOn(await browser.open(at(''))), ['READONLY_IDP'])
      assert.deepEqual(await footprint(id), before)
      await visit(product, 'consent', person)
      assert.deepEqual((await valuesOf(id))['department'], [person.department, 'idp'])
    })
  }

  it('attributeSyncMethod NONE frees them, as the idp brings nothing up to date', async () => {
    const { id, browser } = await joined()
    await withConsentIdp(`attribute_sync_method = 'NONE'`, async () => {
      const profile = await browser.open(at(''))
      assert.doesNotMatch(profile.html, /data-part="read-only"/)
      await (await profile.click('Change Department')).fill({ value: 'Board' }).press('Save')
      assert.deepEqual((await valuesOf(id))['department'], ['Board', 'person'])
    })
    await withConsentIdp(`attribute_sync_method = 'PRESERVE_LOCAL'`, async () => {
      const profile = await browser.open(at(''))
      assert.match(profile.text, /Change Department/)
      assert.doesNotMatch(profile.text, /Change Email/)
    })
  })

  it('an idp that is off keeps what it said, and the page says whom to ask', async () => {
    const person = newcomer()
    const id = await join(product, 'consent', person, { ticks: TICKS })
    const hash = await product.running.house.passwords.hash(PASSWORD, 'a test')
    const { username } = (await knownPerson(product, person.sub)).user
    await product.rows('UPDATE users SET password_hash = $1 WHERE id = $2', [hash, id])
    const browser = openBrowser()
    await withConsentIdp('is_enabled = false', async () => {
      const page = await enterWithPassword(product, username, PASSWORD, { browser })
      assert.match(page.text, /Acme consent keeps this up to date, and is turned off here for now\. Ask Northwind/)
      assert.doesNotMatch(page.text, /Change /)
      await sendEdit({ browser, page }, [
        ['attribute', 'department'],
        ['value', 'Board'],
      ])
      assert.deepEqual((await valuesOf(id))['department'], [person.department, 'idp'])
    })
  })

  it('whether it is on is read where it is written: a process that has not heard of the switch yet holds to it all the same', async () => {
    const { id, person } = await joined()
    const { house } = product.running
    const typed = { userId: id, attribute: 'department', value: 'Board', language: 'en' }
    // In the database alone: this process reads its settings again some seconds later.
    const set = (isOn: boolean) =>
      product.rows('UPDATE installation SET jit_provisioning = jit_provisioning || $1::jsonb', [
        JSON.stringify({ enable_enhanced_feature: isOn }),
      ])
    await switchEnhanced(product, false)
    try {
      await set(true)
      assert.equal(house.settings().enhanced.isOn, false)
      assert.deepEqual(await putOwnValue(house, typed), { idp: 'Acme consent', isEnabled: true })
      assert.deepEqual((await valuesOf(id))['department'], [person.department, 'idp'])
      await set(false)
      assert.equal(await putOwnValue(house, typed), 'saved')
    } finally {
      await switchEnhanced(product, true)
    }
    assert.deepEqual((await valuesOf(id))['department'], ['Board', 'person'])
  })

  it('the idp itself changes it, and takes it back', async () => {
    const { id, person } = await joined()
    await visit(product, 'consent', { ...person, department: 'Tides', phone_number: undefined })
    const { department, phone_number } = await valuesOf(id)
    assert.deepEqual([department, phone_number], [['Tides', 'idp'], undefined])
  })

  it('what it does not send any more is the person’s to say', async () => {
    const somebody = await joined()
    await visit(product, 'consent', { ...somebody.person, phone_number: undefined })
    const profile = await somebody.browser.open(at(''))
    await (await profile.click('Add Mobile number')).fill({ value: '+49 30 1234' }).press('Save')
    assert.deepEqual((await valuesOf(somebody.id))['phone_number'], ['+49 30 1234', 'person'])
  })

  describe('connecting another idp', () => {
    it('does not offer to replace it, and replaces what is the person’s own beside it', async () => {
      const { id, browser, person } = await joined()
      await product.rows(
        `UPDATE user_attributes SET origin = 'person', origin_idp_id = NULL WHERE user_id = $1 AND name = 'phone_number'`,
        [id],
      )
      const there = newcomer()
      const page = await beginConnecting(product, browser, 'password', there)
      assert.match(page.text, /Mobile number/)
      assert.doesNotMatch(page.text, /Department|Email address/)
      const { url, fields } = page.tick('phone_number').submission('Connect Acme password')
      // As a page of before would have sent it, or somebody who writes their own.
      for (const name of ['email', 'department']) fields.append('replace', name)
      assert.equal((await postForm(browser, url, fields)).status, 303)
      const { email, department, phone_number } = await valuesOf(id)
      assert.deepEqual(
        [email, department, phone_number],
        [
          [person.email, 'idp'],
          [person.department, 'idp'],
          [there.phone_number, 'idp'],
        ],
      )
      const letters = await product.rows(`SELECT kind FROM mails WHERE user_id = $1 ORDER BY id`, [id])
      assert.ok(!letters.some(({ kind }) => kind === 'email-changed'), 'nobody is told of what did not happen')
    })

    it('nor does the statement that replaces, whoever calls it', async () => {
      const { id, person } = await joined()
      const { db } = product.running.house
      const [other] = await product.rows<{ id: string }>(`SELECT id FROM idps WHERE name = 'silent'`)
      const [own] = await product.rows<{ id: string }>(`SELECT id FROM idps WHERE name = 'consent'`)
      const from = (originIdpId = '') => ({ value: 'Board', verified: null, origin: 'idp' as const, originIdpId })
      await replaceUserAttributes(db, id, [{ name: 'department', ...from(other?.id) }])
      assert.deepEqual((await valuesOf(id))['department'], [person.department, 'idp'])
      await replaceUserAttributes(db, id, [{ name: 'department', ...from(own?.id) }])
      assert.deepEqual((await valuesOf(id))['department'], ['Board', 'idp'])
    })
  })

  describe('in the database', () => {
    // Without the trigger of the migration each of these is written: seen by dropping it.
    it('no statement puts anybody else’s value in its place, and the error has none in it', async () => {
      const { id } = await joined()
      const before = await footprint(id)
      const [other] = await product.rows<{ id: string }>(`SELECT id FROM idps WHERE name = 'silent'`)
      for (const set of [
        `value = '"Board"', origin = 'person', origin_idp_id = NULL`,
        `value = '"Board"', origin = 'operator', origin_idp_id = NULL`,
        `value = '"Board"', origin_idp_id = '${other?.id}'`,
      ]) {
        const write = product.rows(`UPDATE user_attributes SET ${set} WHERE user_id = $1`, [id])
        await assert.rejects(
          write,
          (error: { code?: string; constraint?: string; message?: string; detail?: string }) => {
            assert.deepEqual([error.code, error.constraint], ['23514', 'user_attributes_read_only'])
            assert.doesNotMatch(`${error.message} ${error.detail}`, /Board|Department|@/)
            return true
          },
        )
      }
      assert.deepEqual(await footprint(id), before)
    })

    it('what is no edit is written: a value of the same words that is somebody else’s from now on, and a value that goes', async () => {
      const { id } = await joined()
      const changed = await product.rows(
        `UPDATE user_attributes SET origin = 'person', origin_idp_id = NULL, verified = false WHERE user_id = $1 RETURNING 1`,
        [id],
      )
      assert.equal(changed.length, 3)
      await product.rows('DELETE FROM user_attributes WHERE user_id = $1', [id])
      assert.deepEqual(await valuesOf(id), {})
    })

    it('with the feature off, or for an idp that brings nothing up to date, everything is as it was', async () => {
      const write = (id: string) =>
        product.rows(
          `UPDATE user_attributes SET value = '"Board"', origin = 'person', origin_idp_id = NULL WHERE user_id = $1 AND name = 'department'`,
          [id],
        )
      const one = await joined()
      await withConsentIdp(`attribute_sync_method = 'NONE'`, async () => {
        await write(one.id)
      })
      const other = await joined()
      await switchEnhanced(product, false)
      try {
        await write(other.id)
      } finally {
        await switchEnhanced(product, true)
      }
      for (const { id } of [one, other]) assert.deepEqual((await valuesOf(id))['department'], ['Board', 'person'])
    })
  })

  describe('in the console', () => {
    it('the user’s page says what is read-only, and no form of it changes a value', async () => {
      const { id } = await joined()
      await product.rows(
        `UPDATE user_attributes SET origin = 'operator', origin_idp_id = NULL WHERE user_id = $1 AND name = 'department'`,
        [id],
      )
      const { browser } = await openConsole(product, { username: 'olu' })
      const page = await browser.open(`${product.url}/console/users/${id}`)
      assert.equal(page.html.match(/<span class="tag">Read-only<\/span>/g)?.length, 2)
      assert.match(page.text, /From Acme consent Read-only/)
      assert.match(page.text, /neither the person nor an operator changes it here/)
      const before = await hashOfUser(product, id)
      for (const fields of [
        { do: 'save', email: 'own@home.example', 'attribute.email': 'own@home.example' },
        { do: 'sign-out', attribute: 'department', value: 'Board', origin: 'operator' },
      ])
        await postBeside(browser, page, fields)
      assert.equal((await valuesOf(id))['department']?.[1], 'operator')
      await product.rows('UPDATE users SET signed_out_at = NULL WHERE id = $1', [id])
      assert.equal(await hashOfUser(product, id), before)
    })
  })

  it('with the feature off, the person changes what they like, as before', async () => {
    const { id, browser } = await joined()
    await switchEnhanced(product, false)
    try {
      await (await (await browser.open(at(''))).click('Change Department')).fill({ value: 'Board' }).press('Save')
      assert.deepEqual((await valuesOf(id))['department'], ['Board', 'person'])
    } finally {
      await switchEnhanced(product, true)
    }
  })
})
