// Receipts and the history of choices: what was asked, in which words, and what was answered, for the person alone, and no value of theirs.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { insertConsents } from '../../src/db/consents.ts'
import { type Receipt, receiptOf, type Words } from '../../src/records/receipt.ts'
import { enterAccount, join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { type Product, REPOSITORY, startProduct } from '../support/product.ts'
import { codesOn, type Newcomer, newcomer } from '../support/visits.ts'

const schema = z.fromJSONSchema(
  JSON.parse(readFileSync(path.join(REPOSITORY, 'docs/consent-receipt.schema.json'), 'utf8')),
)

describe('a receipt', () => {
  let product: Product
  const asha = newcomer()
  const browser = openBrowser()
  let id: string
  let notice: string
  before(async () => {
    product = await startProduct({
      modes: ['consent', 'silent'],
      change: (declared) => ({
        ...declared,
        organization: {
          ...declared.organization,
          jurisdiction: 'GB',
          contact: 'Data protection officer',
          email: 'privacy@northwind.example',
          phone: '+44 20 7946 0000',
          address: '1 Main Street, London',
        },
      }),
    })
    product.clock.now = new Date('2027-03-04T14:05:06.789Z')
    id = await join(product, 'consent', asha, { ticks: ['recover:email', 'office:department'] })
    const [row] = await product.rows<{ hash: string }>('SELECT hash FROM notices')
    notice = row?.hash ?? ''
    product.clock.now = new Date('2027-03-05T09:00:00Z')
    await choose(id, 'office', 'department', 'withdrawn')
    await enterAccount(product, 'consent', asha, { browser })
  })
  after(() => product.stop())

  /** As My Account writes it. */
  async function choose(
    userId: string,
    purposeId: string,
    attribute: string,
    state: 'given' | 'withdrawn' | 'change-refused',
  ): Promise<void> {
    await insertConsents(product.running.db, [{ purposeId, attribute, state }], {
      userId,
      notice: { hash: notice, language: 'en' },
      at: { channel: 'my-account' },
      now: product.clock.now,
    })
  }

  const at = (address: string, by: Browser = browser) => by.fetch(`${product.url}/myaccount/privacy/${address}`)

  async function receipt(query = ''): Promise<Receipt> {
    const answer = await at(`receipt.json${query}`)
    assert.equal(answer.status, 200)
    const found = (await answer.json()) as Receipt
    assert.deepEqual(schema.safeParse(found).error?.issues, undefined)
    return found
  }

  it('of a purpose says all that Kantara’s specification wants, in its names', async () => {
    const { consentReceiptID, records, notices, ...rest } = await receipt('?purpose=recover')
    assert.deepEqual(rest, {
      version: 'KI-CR-v1.1.0',
      jurisdiction: 'GB',
      consentTimestamp: Date.parse('2027-03-04T14:05:06Z') / 1000,
      collectionMethod: 'Web form at sign-in through Acme consent',
      language: 'en',
      piiPrincipalId: id,
      piiControllers: [
        {
          piiController: 'Northwind',
          onBehalf: false,
          contact: 'Data protection officer',
          address: { streetAddress: '1 Main Street, London' },
          email: 'privacy@northwind.example',
          phone: '+44 20 7946 0000',
        },
      ],
      policyUrl: 'https://northwind.example/privacy',
      services: [
        {
          service: 'Travel',
          purposes: [
            {
              purpose: 'Recover your account',
              purposeCategory: ['DEFAULT'],
              consentType: 'EXPLICIT',
              piiCategory: ['email'],
              primaryPurpose: true,
              termination: 'When it is withdrawn, or the account is closed',
              thirdPartyDisclosure: false,
            },
          ],
        },
      ],
      sensitive: false,
      spiCat: [],
      withdrawal: `${product.url}/myaccount/privacy`,
    })
    assert.match(consentReceiptID, /^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    assert.deepEqual(
      records.map(({ attribute, state, timestamp, service }) => [attribute, state, timestamp, service]),
      [
        ['email', 'given', '2027-03-04T14:05:06.789Z', 'Travel'],
        ['phone_number', 'refused', '2027-03-04T14:05:06.789Z', 'Travel'],
      ],
    )
    assert.deepEqual(Object.keys(notices), [notice])
  })

  it('proves its words: they are those of the page, and their hash is that of the record', async () => {
    const { notices, records } = await receipt('?purpose=recover')
    const words = notices[notice]
    assert.equal(createHash('sha256').update(JSON.stringify(words)).digest('base64url'), notice)
    assert.equal(words?.purposes[0]?.description, 'So that we can help you if you lose your password')
    assert.equal(words?.purposes[0]?.piiCategories[0]?.label, 'Email address')
    const rows = await product.rows<{ hash: Buffer }>(
      'SELECT hash FROM consents WHERE user_id = $1 ORDER BY sequence',
      [id],
    )
    assert.deepEqual(
      records.map(({ hash }) => hash),
      rows.slice(0, 2).map(({ hash }) => hash.toString('hex')),
    )
  })

  it('says each answer over time, and what holds now', async () => {
    const { services, records, collectionMethod, consentTimestamp } = await receipt('?purpose=office')
    assert.deepEqual(services[0]?.purposes[0]?.piiCategory, [])
    assert.deepEqual(
      records.map(({ state, collectionMethod }) => [state, collectionMethod]),
      [
        ['given', 'Web form at sign-in through Acme consent'],
        ['withdrawn', 'My Account'],
      ],
    )
    assert.equal(collectionMethod, 'My Account')
    assert.equal(consentTimestamp, Date.parse('2027-03-05T09:00:00Z') / 1000)
  })

  it('of all has every purpose', async () => {
    const { services, records } = await receipt()
    assert.deepEqual(
      services.map(({ service, purposes }) => [service, purposes.map(({ purpose }) => purpose)]),
      [
        ['Northwind', ['Show you the right office']],
        ['Travel', ['Recover your account']],
      ],
    )
    assert.equal(records.length, 4)
  })

  it('is the same as long as no answer follows, and another one afterwards', async () => {
    const [first, again, all, other] = await Promise.all(
      ['?purpose=office', '?purpose=office', '', '?purpose=recover'].map(receipt),
    )
    assert.deepEqual(first, again)
    assert.equal(new Set([first, all, other].map((one) => one?.consentReceiptID)).size, 3)
    await choose(id, 'office', 'department', 'given')
    assert.notEqual((await receipt('?purpose=office')).consentReceiptID, first?.consentReceiptID)
    assert.equal((await receipt('?purpose=recover')).consentReceiptID, other?.consentReceiptID)
  })

  it('of a change that was not taken leaves standing what was said before', async () => {
    await choose(id, 'recover', 'email', 'change-refused')
    const { services, records } = await receipt('?purpose=recover')
    assert.deepEqual(services[0]?.purposes[0]?.piiCategory, ['email'])
    assert.equal(records.at(-1)?.state, 'change-refused')
  })

  it('has no value of the person, on the page or in the file', async () => {
    for (const query of ['', '?purpose=recover', '?purpose=office'])
      for (const kind of ['receipt', 'receipt.json']) {
        const answer = await at(`${kind}${query}`)
        assert.equal(answer.status, 200)
        const text = await answer.text()
        const own = kind === 'receipt' ? text.replace(asha.preferred_username, '') : text
        for (const value of Object.values(asha).filter((one) => typeof one === 'string'))
          assert.ok(!own.includes(value), value)
      }
  })

  it('is kept nowhere: whoever looks writes nothing', async () => {
    const before = await product.dump()
    await receipt()
    await (await at('receipt')).text()
    await (await at('history')).text()
    const rows = (dump: string) => dump.split('\n').filter((row) => !row.startsWith('account_sessions'))
    assert.deepEqual(rows(await product.dump()), rows(before))
  })

  it('is a page to read and to print, with the way to the file and to the words', async () => {
    const page = await browser.open(`${product.url}/myaccount/privacy/receipt?purpose=recover`)
    assert.equal(page.status, 200)
    assert.match(page.html, /<h1>Receipt: Recover your account<\/h1>/)
    for (const words of [
      'Northwind',
      'Data protection officer',
      '1 Main Street, London',
      'GB',
      id,
      'You agreed',
      'You said no',
    ])
      assert.ok(page.text.includes(words), words)
    assert.match(page.text, /use the print command of your browser/)
    assert.match(page.html, /href="\/myaccount\/privacy\/receipt\.json\?purpose=recover" download/)
    const json = await receipt('?purpose=recover')
    assert.ok(page.text.includes(json.consentReceiptID))
    for (const { hash } of json.records) assert.ok(page.text.includes(hash))
    const words = await browser.open(`${product.url}${/href="([^"]*words[^"]*)"/.exec(page.html)?.[1]}`)
    assert.match(words.text, /Northwind asked you in these words/)
  })

  it('is sent to no cache, as a file', async () => {
    const answer = await at('receipt.json')
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.equal(answer.headers.get('content-disposition'), 'attachment; filename=consent-receipt.json')
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  })

  it('there is none for what was not asked, and that is said', async () => {
    const ben = newcomer()
    const other = openBrowser()
    await join(product, 'silent', ben)
    await enterAccount(product, 'silent', ben, { browser: other })
    for (const query of ['', '?purpose=recover']) {
      const answer = await at(`receipt.json${query}`, other)
      assert.equal(answer.status, 404)
      assert.equal(((await answer.json()) as { error: string }).error, 'no-receipt')
      const page = await other.open(`${product.url}/myaccount/privacy/receipt${query}`)
      assert.equal(page.status, 404)
      assert.deepEqual(codesOn(page), ['RECEIPT_NONE'])
    }
    assert.equal((await at('receipt.json?purpose=nothing')).status, 404)
    assert.equal((await at('receipt.json?purpose=a&purpose=b')).status, 400)
    assert.match(
      (await other.open(`${product.url}/myaccount/privacy/history`)).text,
      /You have not answered any question yet/,
    )
  })

  it('of a purpose, and words, that no text can name there are none', async () => {
    for (const name of ['%00', 'a%00b']) {
      assert.equal((await at(`receipt?purpose=${name}`)).status, 400)
      assert.equal((await at(`receipt.json?purpose=${name}`)).status, 400)
      assert.equal((await at(`words?notice=${name}`)).status, 404)
    }
  })

  it('is shown to nobody who is not signed in', async () => {
    for (const address of ['receipt', 'receipt.json', 'history', `words?notice=${notice}`]) {
      const answer = await at(address, openBrowser())
      assert.equal(answer.status, 303)
      assert.match(answer.headers.get('location') ?? '', /login\.do/)
    }
  })

  describe('and the history of choices', () => {
    it('says each answer in words, the newest first, when and where it was', async () => {
      const page = await browser.open(`${product.url}/myaccount/privacy/history`)
      const said = [
        ...page.html.matchAll(/<li value="(\d+)">\n<p>(.*)<\/p>\n<p class="hint">.*<\/time>\. (.*)<\/p>/g),
      ].map(([, number, what, where]) => [number, what?.replaceAll('&#34;', '"'), where])
      const atSignIn = 'When you signed in to Travel with Acme consent'
      assert.deepEqual(said, [
        [
          '6',
          'You did not agree to what changed about your email address for "Recover your account". What you had said before holds',
          'In your account',
        ],
        ['5', 'You agreed that Northwind keeps your department for "Show you the right office"', 'In your account'],
        ['4', 'You stopped Northwind keeping your department for "Show you the right office"', 'In your account'],
        ['3', 'You agreed that Northwind keeps your department for "Show you the right office"', atSignIn],
        ['2', 'You said no to Northwind keeping your mobile number for "Recover your account"', atSignIn],
        ['1', 'You agreed that Northwind keeps your email address for "Recover your account"', atSignIn],
      ])
      assert.match(page.html, /<time datetime="2027-03-04T14:05:06.789Z">/)
      assert.doesNotMatch(page.html, /Older choices|Newest choices/)
    })

    it('in another language says the sentence in it, and leaves the words of then as they were', async () => {
      const page = await browser.open(`${product.url}/myaccount/privacy/history?language=de`)
      assert.match(
        page.text,
        /Sie haben zugestimmt, dass Northwind für „Show you the right office“ aufbewahrt: Department/,
      )
      await browser.open(`${product.url}/myaccount/privacy/history?language=en`)
    })

    it('goes on page by page, however long it is', async () => {
      for (let count = 0; count < 50; count += 1)
        await choose(id, 'office', 'department', count % 2 === 0 ? 'withdrawn' : 'given')
      const numbers = (html: string) => [...html.matchAll(/<li value="(\d+)">/g)].map(([, number]) => Number(number))
      const first = await browser.open(`${product.url}/myaccount/privacy/history`)
      assert.deepEqual(
        numbers(first.html),
        Array.from({ length: 50 }, (_, index) => 56 - index),
      )
      const second = await first.click('Older choices')
      assert.deepEqual(numbers(second.html), [6, 5, 4, 3, 2, 1])
      assert.deepEqual(numbers((await second.click('Newest choices')).html), numbers(first.html))
      for (const before of ['0', '-1', 'x', '1e3', '99999999999', ''])
        assert.equal((await at(`history?before=${before}`)).status, 404, before)
      assert.deepEqual(numbers(await (await at('history?before=3')).text()), [2, 1])
    })

    it('shows the words of then, whatever is said now', async () => {
      await product.redeclare((declared) => ({
        ...declared,
        organization: { ...declared.organization, name: 'Southwind' },
        purposes: declared.purposes.map((purpose) => ({ ...purpose, description: 'Something else' })),
      }))
      const page = await browser.open(`${product.url}/myaccount/privacy/words?notice=${notice}`)
      assert.equal(page.status, 200)
      assert.match(page.text, /Northwind asked you in these words/)
      assert.match(page.text, /So that we can help you if you lose your password/)
      assert.doesNotMatch(page.text, /Something else/)
      assert.match(page.html, /<section class="purpose"[^>]* lang="en"/)
      assert.match(
        (await browser.open(`${product.url}/myaccount/privacy/history`)).text,
        /You agreed that Northwind keeps/,
      )
    })

    it('shows nobody the words of others, nor that there are any', async () => {
      const other = openBrowser()
      const ben: Newcomer = newcomer()
      await join(product, 'silent', ben)
      await enterAccount(product, 'silent', ben, { browser: other })
      const [theirs, none] = await Promise.all(
        [notice, 'A'.repeat(43)].map(async (hash) => {
          const answer = await at(`words?notice=${hash}`, other)
          return {
            status: answer.status,
            text: (await answer.text()).replace(/quote [\da-f]{8}|notice=[\w-]{43}/g, ''),
          }
        }),
      )
      assert.equal(theirs?.status, 404)
      assert.deepEqual(theirs, none)
      for (const query of ['', '?notice=', `?notice=${notice}&notice=${notice}`])
        assert.equal((await at(`words${query}`, other)).status, 404)
      // The numbers of records are each person's own.
      assert.doesNotMatch(await (await at('history?before=50', other)).text(), /<li value/)
    })
  })
})

describe('a receipt over little', () => {
  const words: Words = {
    controller: {
      name: 'Northwind',
      privacyPolicyUrl: null,
      jurisdiction: null,
      contact: null,
      email: null,
      phone: null,
      address: null,
    },
    language: 'ar',
    purposes: [],
  }
  const hash = 'h'.repeat(43)
  const record = {
    sequence: 1,
    purposeId: 'gone',
    attribute: 'email',
    state: 'given',
    channel: 'sign-in',
    noticeHash: hash,
    language: 'ar',
    idpName: null,
    applicationName: null,
    at: new Date('2027-03-04T14:05:06.789Z'),
    hash: Buffer.alloc(32, 1),
  } as const
  const about = { userId: '00000000-0000-4000-8000-000000000001', withdrawal: 'https://id.example/myaccount/privacy' }

  it('is one: of an organization that says its name alone, and of a record of an earlier version', () => {
    const receipt = receiptOf([record], new Map([[hash, words]]), about)
    assert.deepEqual(schema.safeParse(receipt).error?.issues, undefined)
    assert.equal(receipt?.jurisdiction, '')
    assert.equal(receipt?.collectionMethod, 'Web form at sign-in')
    assert.equal(receipt?.services[0]?.service, 'Northwind')
    assert.equal(receipt?.services[0]?.purposes[0]?.purpose, 'gone')
  })

  it('is none over a record without words, such as that of an account that was closed', () => {
    const closed = { ...record, state: 'closed', purposeId: '', attribute: '', noticeHash: null } as const
    assert.equal(receiptOf([closed], new Map(), about), undefined)
    assert.equal(receiptOf([], new Map(), about), undefined)
    const after = receiptOf([{ ...closed, sequence: 2 }, record], new Map([[hash, words]]), about)
    assert.equal(after?.records.length, 1)
  })

  it('that lacks a field, or has one more, is not one', () => {
    const receipt = receiptOf([record], new Map([[hash, words]]), about)
    for (const field of Object.keys(receipt ?? {}))
      assert.equal(schema.safeParse({ ...receipt, [field]: undefined }).success, false, field)
    assert.equal(schema.safeParse({ ...receipt, email: 'a@b.example' }).success, false)
    assert.equal(schema.safeParse({ ...receipt, consentReceiptID: '1' }).success, false)
    assert.equal(schema.safeParse({ ...receipt, version: 'KI-CR-v1.0.0' }).success, false)
  })
})
