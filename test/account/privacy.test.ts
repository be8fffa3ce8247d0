// Privacy: what is kept and what was said, purpose by purpose; to stop takes one press and deletes, to allow takes one and fetches.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, PURPOSES, startProduct } from '../support/product.ts'
import {
  codesOn,
  knownPerson,
  meanwhile,
  type Newcomer,
  newcomer,
  postForm,
  signedIn,
  submit,
  visit,
  withIdp,
} from '../support/visits.ts'

const MINUTE = 60_000
const ALL = ['recover:email', 'recover:phone_number', 'office:department']

describe('Privacy', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent', 'password'] })
  })
  after(() => product.stop())

  /** The details on the page: their label, value, what was said, and what can be pressed, by the id of the element. */
  function detailsOn({ html }: Page): Record<string, string> {
    const found = html.matchAll(/<li class="detail" id="detail-([\w-]+)"[^>]*>([\s\S]*?)\n<\/li>/g)
    return Object.fromEntries(
      [...found].map(([, id = '', inner = '']) => [
        id,
        inner
          .replace(/<[^>]*>/g, ' ')
          .replace(/\s+/g, ' ')
          .trim(),
      ]),
    )
  }

  async function records(person: Newcomer): Promise<string[]> {
    const rows = await product.rows<{ line: string }>(
      `SELECT state || ' ' || purpose_id || ':' || attribute || ' ' || channel AS line FROM consents
       WHERE user_id = (SELECT user_id FROM identities WHERE subject = $1) ORDER BY sequence`,
      [person.sub],
    )
    return rows.map(({ line }) => line)
  }

  async function kept(person: Newcomer): Promise<string[]> {
    return (await knownPerson(product, person.sub)).attributes.map(({ name }) => name)
  }

  async function joined(ticks = ALL): Promise<{ person: Newcomer; browser: Browser; page: Page }> {
    const person = newcomer()
    const browser = openBrowser()
    await join(product, 'consent', person, { ticks })
    const page = await enterAccount(product, 'consent', person, { browser, to: '/privacy' })
    assert.equal(page.status, 200)
    return { person, browser, page }
  }

  it('shows each purpose and detail: the value, whether it is needed, what was said, when, in which language and with whom', async () => {
    const { person, page } = await joined(['recover:email', 'office:department'])
    const details = detailsOn(page)
    const said = 'on [A-Z][a-z]+ \\d+, \\d{4} at \\d+:\\d\\d [AP]M UTC, in English, with Acme consent'
    const line = (...parts: string[]) => new RegExp(`^${parts.join(' ')}$`)
    assert.match(
      details['recover-email'] ?? '',
      line('Email address', 'Needed for your account', person.email, `You agreed ${said}`, 'Stop… Email address'),
    )
    assert.match(
      details['recover-phone_number'] ?? '',
      line('Mobile number', 'Optional', 'Not kept', `You said no ${said}`, 'Allow Mobile number'),
    )
    assert.match(
      details['office-department'] ?? '',
      line('Department', 'Optional', person.department, `You agreed ${said}`, 'Stop and delete Department'),
    )
    assert.match(page.text, /You joined with Acme consent on/)
    assert.match(page.text, new RegExp(`Username: ${person.preferred_username}`))
    assert.match(page.text, /Acme consent, and the code that it uses for you/)
    assert.match(page.text, /An application of Northwind that you sign in to can read what it asks for of this/)
  })

  it('stops with one press: the value is gone from everywhere that reads it, and the record says withdrawn', async () => {
    const { person, page } = await joined()
    const answer = await page.press('Stop and delete Mobile number')
    assert.equal(answer.status, 200)
    assert.deepEqual(codesOn(answer), ['PRIVACY_DELETED'])
    assert.match(answer.text, /We deleted your mobile number/)
    assert.match(detailsOn(answer)['recover-phone_number'] ?? '', /Optional Not kept You stopped this on .* here Allow/)
    assert.deepEqual(await kept(person), ['department', 'email'])
    assert.deepEqual((await records(person)).slice(3), ['withdrawn recover:phone_number my-account'])
    assert.ok(!(await product.dump()).includes(person.phone_number), 'the number is still somewhere')
    await visit(product, 'consent', person)
    assert.equal(signedIn(product.application).userinfo['phone_number'], undefined)
    const [event] = await product.rows(
      'SELECT event, detail FROM account_events WHERE user_id = (SELECT user_id FROM identities WHERE subject = $1)',
      [person.sub],
    )
    assert.deepEqual(event, {
      event: 'consent-withdrawn',
      detail: { purpose: 'recover', attribute: 'phone_number' },
    })
  })

  it('brings back nothing that was stopped at any later sign-in, in silent mode either, whatever the sync method', async () => {
    for (const mode of ['consent', 'silent'] as const)
      for (const attributeSyncMethod of ['OVERRIDE_ALL', 'PRESERVE_LOCAL'] as const) {
        const person = newcomer()
        await join(product, mode, person, mode === 'consent' ? { ticks: ALL } : {})
        const page = await enterAccount(product, mode, person, { to: '/privacy' })
        await page.press('Stop and delete Mobile number')
        await meanwhile(product, withIdp(mode, { scheme: 'PROVISION_SILENTLY', attributeSyncMethod }), async () => {
          await visit(product, mode, person)
          assert.ok(!(await kept(person)).includes('phone_number'), `${mode}, ${attributeSyncMethod}`)
        })
      }
  })

  it('records a press once, however often and from wherever it comes at the same time', async () => {
    const { person, browser, page } = await joined()
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => submit(browser, page, 'Stop and delete Department')),
    )
    for (const answer of answers) assert.equal(answer.status, 303)
    assert.deepEqual((await records(person)).slice(3), ['withdrawn office:department my-account'])
    const again = await page.press('Stop and delete Department')
    assert.deepEqual(codesOn(again), ['PRIVACY_NOT_KEPT'])
    const allows = await Promise.all(Array.from({ length: 8 }, () => submit(browser, again, 'Allow Department')))
    for (const answer of allows) assert.equal(answer.status, 303)
    assert.deepEqual((await records(person)).slice(4), ['given office:department my-account'])
  })

  it('leads from what is needed to a page that does nothing: keep, download, close', async () => {
    const { person, page } = await joined()
    const asked = await page.click('Stop… Email address')
    assert.equal(asked.status, 200)
    assert.match(asked.text, /We cannot keep your account without your email address/)
    assert.match(asked.text, /We need it for: Recover your account/)
    for (const link of ['Close my account', 'Download my data']) assert.ok(asked.text.includes(link), link)
    const back = await asked.click('Keep my account')
    assert.equal(new URL(back.url).pathname, '/myaccount/privacy')
    assert.deepEqual(await kept(person), ['department', 'email', 'phone_number'])
    assert.equal((await records(person)).length, 3)
  })

  it('a needed detail cannot be stopped past that page, and what is not needed has no such page', async () => {
    const { person, browser, page } = await joined()
    const forged = await submit(browser, page, 'Stop and delete Mobile number', { attribute: 'email' })
    assert.equal(forged.status, 303)
    assert.match(forged.headers.get('Location') ?? '', /\/privacy\/needed\?purpose=recover&attribute=email$/)
    assert.equal((await records(person)).length, 3)
    const needed = (query: string) => browser.open(`${product.url}/myaccount/privacy/needed${query}`)
    const other = await needed('?purpose=recover&attribute=phone_number')
    assert.equal(new URL(other.url).pathname, '/myaccount/privacy')
    for (const query of [
      '',
      '?purpose=x&attribute=email',
      '?purpose=recover&attribute=department',
      '?purpose=a&purpose=b',
    ])
      assert.equal((await needed(query)).status, 404, query)
  })

  it('allows with one press, says with whom the value comes, and it comes whatever the sync method', async () => {
    for (const attributeSyncMethod of ['OVERRIDE_ALL', 'PRESERVE_LOCAL', 'NONE'] as const) {
      const { person, page } = await joined(['recover:email'])
      const answer = await page.press('Allow Department')
      assert.deepEqual(codesOn(answer), ['PRIVACY_LATER'])
      assert.match(answer.text, /We will get your department the next time you sign in with Acme consent/)
      assert.deepEqual((await records(person)).slice(3), ['given office:department my-account'])
      assert.deepEqual(await kept(person), ['email'])
      await meanwhile(product, withIdp('consent', { attributeSyncMethod }), async () => {
        await visit(product, 'consent', person)
        assert.deepEqual(await kept(person), ['department', 'email'], attributeSyncMethod)
      })
    }
  })

  it('leads to typing a value that nobody else can say', async () => {
    const person = newcomer({ phone_number: undefined })
    await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    const page = await enterWithPassword(product, person.preferred_username, PASSWORD, { to: '/privacy' })
    assert.match(detailsOn(page)['recover-phone_number'] ?? '', /You have not answered this yet Allow/)
    await product.rows('DELETE FROM identities WHERE subject = $1', [person.sub])
    const typing = await page.press('Allow Mobile number')
    assert.deepEqual(codesOn(typing), ['PRIVACY_TYPE'])
    assert.equal(new URL(typing.url).pathname, '/myaccount/edit')
    const saved = await typing.fill({ value: '+44 7700 900123' }).press('Save')
    assert.deepEqual(codesOn(saved), ['PROFILE_SAVED'])
    assert.match(
      saved.text,
      /Mobile number \+44 7700 900123 From you, since .* Not confirmed For: Recover your account/,
    )
  })

  it('agrees to nothing in words that were not on the page', async () => {
    const { person, page } = await joined(['recover:email'])
    const changed = PURPOSES.map((one) =>
      one.id === 'office' ? { ...one, description: 'So that we can sell it' } : one,
    )
    await meanwhile(
      product,
      (declared) => ({ ...declared, purposes: changed }),
      async () => {
        const answer = await page.press('Allow Department')
        assert.equal(answer.status, 422)
        assert.deepEqual(codesOn(answer), ['CHANGED'])
        assert.match(answer.text, /So that we can sell it/)
        assert.equal((await records(person)).length, 3)
        const agreed = await answer.press('Allow Department')
        assert.deepEqual(codesOn(agreed), ['PRIVACY_LATER'])
        const [notice] = await product.rows<{ content: { purposes: { description: string }[] } }>(
          `SELECT content FROM consents JOIN notices ON notices.hash = notice_hash WHERE channel = 'my-account' AND user_id =
           (SELECT user_id FROM identities WHERE subject = $1)`,
          [person.sub],
        )
        assert.deepEqual(
          notice?.content.purposes.map(({ description }) => description),
          ['So that we can sell it'],
        )
      },
    )
  })

  it('to stop is never refused for changed words, and is recorded in the language of the page', async () => {
    const { person, browser, page } = await joined()
    const changed = PURPOSES.map((one) => (one.id === 'office' ? { ...one, purpose: 'Sell it' } : one))
    await meanwhile(
      product,
      (declared) => ({ ...declared, purposes: changed }),
      async () => {
        const { url, fields } = page.submission('Stop and delete Department')
        const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Accept-Language': 'de' }
        const answer = await browser.fetch(url, { method: 'POST', headers, body: fields.toString() })
        assert.equal(answer.status, 303)
      },
    )
    const [row] = await product.rows(
      `SELECT consents.language, content->'purposes'->0->>'purpose' AS purpose FROM consents JOIN notices ON notices.hash = notice_hash
       WHERE state = 'withdrawn' AND user_id = (SELECT user_id FROM identities WHERE subject = $1)`,
      [person.sub],
    )
    assert.deepEqual(row, { language: 'de', purpose: 'Sell it' })
  })

  it('what two purposes have stays until both are stopped, and the page says which', async () => {
    const both = [
      ...PURPOSES,
      {
        id: 'ring',
        purpose: 'Ring you',
        description: 'To ring',
        piiCategories: [{ name: 'phone_number', mandatory: false }],
      },
    ]
    await meanwhile(
      product,
      (declared) => ({ ...declared, purposes: both }),
      async () => {
        const { person, page } = await joined(['recover:email', 'recover:phone_number', 'ring:phone_number'])
        const first = await page.press('Stop and delete Mobile number')
        assert.deepEqual(codesOn(first), ['PRIVACY_STILL'])
        assert.match(first.text, /We still keep your mobile number, because you also agreed to: Ring you/)
        assert.match(
          detailsOn(first)['recover-phone_number'] ?? '',
          /Kept only for: Ring you You stopped this .* Allow/,
        )
        assert.deepEqual(await kept(person), ['email', 'phone_number'])
        const second = await first.press('Stop and delete Mobile number')
        assert.deepEqual(codesOn(second), ['PRIVACY_DELETED'])
        assert.deepEqual(await kept(person), ['email'])
        const back = await second.press('Allow Mobile number')
        assert.deepEqual(codesOn(back), ['PRIVACY_LATER'])
      },
    )
  })

  it('allows at once what is kept for another purpose already', async () => {
    const both = [
      ...PURPOSES,
      {
        id: 'ring',
        purpose: 'Ring you',
        description: 'To ring',
        piiCategories: [{ name: 'phone_number', mandatory: false }],
      },
    ]
    await meanwhile(
      product,
      (declared) => ({ ...declared, purposes: both }),
      async () => {
        const { page } = await joined(['recover:email', 'ring:phone_number'])
        assert.deepEqual(codesOn(await page.press('Allow Mobile number')), ['PRIVACY_KEPT'])
      },
    )
  })

  it('shows what was agreed to and is asked for no longer, in the words that were seen, and it can be stopped', async () => {
    const { person, browser } = await joined()
    const less = PURPOSES.filter(({ id }) => id !== 'office')
    await meanwhile(
      product,
      (declared) => ({ ...declared, purposes: less }),
      async () => {
        const page = await browser.open(`${product.url}/myaccount/privacy`)
        assert.match(
          page.text,
          /Show you the right office Receipt Show you the right office So that prices and news fit/,
        )
        assert.match(detailsOn(page)['office-department'] ?? '', /We do not ask for this any more Stop and delete/)
        const answer = await page.press('Stop and delete Department')
        assert.deepEqual(codesOn(answer), ['PRIVACY_DELETED'])
        assert.doesNotMatch(answer.text, /Show you the right office/)
        assert.deepEqual(await kept(person), ['email', 'phone_number'])
        assert.deepEqual(codesOn(await page.press('Stop and delete Department')), ['PRIVACY_NOT_KEPT'])
        assert.equal((await records(person)).length, 4)
      },
    )
  })

  it('an attribute that left its purpose is shown as it was asked for, apart from what is asked now', async () => {
    const { browser } = await joined()
    const less = PURPOSES.map((one) =>
      one.id === 'recover' ? { ...one, piiCategories: one.piiCategories.slice(0, 1) } : one,
    )
    await meanwhile(
      product,
      (declared) => ({ ...declared, purposes: less }),
      async () => {
        const page = await browser.open(`${product.url}/myaccount/privacy`)
        assert.match(detailsOn(page)['recover-phone_number'] ?? '', /We do not ask for this any more Stop and delete/)
        assert.deepEqual(codesOn(await page.press('Stop and delete Mobile number')), ['PRIVACY_DELETED'])
      },
    )
  })

  it('what was kept without asking says so, and stops the same way, under the purpose that lists it or else the built-in one', async () => {
    const person = newcomer({ department: undefined })
    await join(product, 'silent', person)
    const page = await enterAccount(product, 'silent', person, { to: '/privacy' })
    const details = detailsOn(page)
    assert.match(
      details['recover-phone_number'] ?? '',
      /Kept since .*, when Acme silent sent it\. You were not asked Stop and delete/,
    )
    assert.match(details['recover-email'] ?? '', /You were not asked Stop…/)
    assert.match(details['default-name'] ?? '', /You were not asked Stop and delete Full name/)
    assert.deepEqual(codesOn(await page.press('Stop and delete Full name')), ['PRIVACY_DELETED'])
    assert.deepEqual(codesOn(await page.press('Stop and delete Mobile number')), ['PRIVACY_DELETED'])
    assert.deepEqual(await records(person), [
      'withdrawn default:name my-account',
      'withdrawn recover:phone_number my-account',
    ])
    await visit(product, 'silent', person)
    const left = await kept(person)
    assert.ok(left.includes('email') && !left.includes('name') && !left.includes('phone_number'), left.join())
  })

  it('with no purpose configured people see, stop and allow what the built-in one asked them', async () => {
    await meanwhile(
      product,
      (declared) => ({ ...declared, purposes: [] }),
      async () => {
        const { person, page } = await joined(['default:email', 'default:phone_number'])
        const answer = await page.press('Stop and delete Mobile number')
        assert.deepEqual(codesOn(answer), ['PRIVACY_DELETED'])
        assert.match(answer.text, /Create your account Receipt Create your account So that Northwind knows who you are/)
        assert.deepEqual(codesOn(await answer.press('Allow Full name')), ['PRIVACY_LATER'])
        await visit(product, 'consent', person)
        assert.deepEqual(await kept(person), ['email', 'name'])
      },
    )
  })

  it('does nothing for what is not on the page: other purposes’ details, unknown ids, prototypes, repeated and missing fields', async () => {
    const { person, browser, page } = await joined(['recover:email', 'recover:phone_number'])
    const { url, fields } = page.submission('Stop and delete Mobile number')
    const notice = page.submission('Allow Department').fields.get('notice') ?? assert.fail()
    // biome-ignore format: one row, one line
    const forged: [Record<string, string>, number][] = [
      [{ purpose: 'office', attribute: 'email' }, 404],
      [{ purpose: 'office', attribute: 'phone_number' }, 404],
      [{ purpose: 'nobody' }, 404],
      [{ purpose: '' }, 404],
      [{ purpose: '__proto__', attribute: 'constructor' }, 404],
      [{ purpose: "'; DROP TABLE users; --" }, 404],
      [{ attribute: 'toString' }, 404],
      [{ attribute: 'x'.repeat(9000) }, 404],
      [{ attribute: '\0' }, 404],
      [{ do: 'nothing' }, 422],
      [{ do: '' }, 422],
      [{ do: 'allow', purpose: 'office', attribute: 'department' }, 422],
      [{ do: 'allow', purpose: 'recover', attribute: 'phone_number', notice }, 422],
      [{ _csrf: 'x' }, 403],
    ]
    for (const [change, status] of forged) {
      const sent = new URLSearchParams(fields)
      for (const [name, value] of Object.entries(change)) sent.set(name, value)
      const answer = await postForm(browser, url, sent)
      assert.equal(answer.status, status, JSON.stringify(change).slice(0, 80))
    }
    fields.append('attribute', 'email')
    assert.equal((await postForm(browser, url, fields)).status, 400)
    assert.equal((await records(person)).length, 3)
    assert.deepEqual(await kept(person), ['email', 'phone_number'])
  })

  it('one person’s page changes nothing of another, whoever the form names', async () => {
    const mine = await joined()
    const theirs = await joined()
    const { id } = (await knownPerson(product, theirs.person.sub)).user
    const answer = await submit(mine.browser, mine.page, 'Stop and delete Department', {
      userId: id,
      user: id,
      sub: theirs.person.sub,
    })
    assert.equal(answer.status, 303)
    assert.ok((await kept(theirs.person)).includes('department'))
    assert.ok(!(await kept(mine.person)).includes('department'))
  })

  it('a session that ends while the form is on its way changes nothing', async () => {
    const { person, browser, page } = await joined()
    product.clock.now = new Date(product.clock.now.getTime() + 31 * MINUTE)
    const answer = await submit(browser, page, 'Stop and delete Department')
    assert.equal(answer.status, 303)
    assert.equal((await records(person)).length, 3)
  })

  it('what is stopped while a sign-in is about to write it does not come back with that sign-in', async () => {
    const { person, browser, page } = await joined(['recover:email'])
    const allowed = await page.press('Allow Department')
    const other = new Client({ connectionString: product.databaseUrl })
    await other.connect()
    try {
      // Whoever reads goes on, and whoever writes a value waits.
      await other.query('BEGIN; LOCK TABLE user_attributes IN SHARE MODE')
      const signingIn = visit(product, 'consent', person)
      await waiting(other, 1)
      let isOver = false
      const stopping = submit(browser, allowed, 'Stop and delete Department').finally(() => (isOver = true))
      await waiting(other, 2, () => isOver)
      await other.query('COMMIT')
      assert.equal((await stopping).status, 303)
      await signingIn
    } finally {
      await other.end()
    }
    assert.equal(signedIn(product.application).sub, (await knownPerson(product, person.sub)).user.id)
    assert.deepEqual(await kept(person), ['email'])
    assert.equal((await records(person)).at(-1), 'withdrawn office:department my-account')
  })

  it('whatever is stopped, allowed and signed in at the same moment, what is kept is what holds', async () => {
    const { page, person, browser } = await joined()
    let offered = page
    for (let round = 0; round < 6; round += 1) {
      await Promise.all([
        submit(browser, offered, 'Stop and delete Department'),
        visit(product, 'consent', { ...person, department: `Department ${round}` }),
      ])
      assert.ok(!(await kept(person)).includes('department'), `round ${round}`)
      await (await browser.open(`${product.url}/myaccount/privacy`)).press('Allow Department')
      await visit(product, 'consent', { ...person, department: `Again ${round}` })
      assert.ok((await kept(person)).includes('department'), `round ${round}`)
      offered = await browser.open(`${product.url}/myaccount/privacy`)
    }
  })
})

/** Until so many connections wait for a lock, or there is nothing more to wait for. */
async function waiting(client: Client, count: number, isOver = () => false): Promise<void> {
  for (let turns = 0; turns < 400 && !isOver(); turns += 1) {
    const { rows } = await client.query(`SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted`)
    if (rows[0].count >= count) return
    await sleep(25)
  }
  assert.ok(isOver(), 'nobody waits')
}
