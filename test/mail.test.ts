// What people are told about their account by letter: to whom, in which words, once, and nothing else.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { inTransaction } from '../src/db/connect.ts'
import { type MailKind, queueCode, queueMail, takeMail } from '../src/db/mails.ts'
import { resealAll } from '../src/db/sealed.ts'
import { sweep } from '../src/db/sweep.ts'
import { deleteUser } from '../src/db/user-state.ts'
import type { House } from '../src/house.ts'
import { tracesOf } from '../src/login/traces.ts'
import { KINDS } from '../src/mail/letters.ts'
import { createPostman, nextTry } from '../src/mail/postman.ts'
import { createKeyring } from '../src/seal.ts'
import { createMetrics } from '../src/web/metrics.ts'
import { openHouse, type TestHouse } from './support/house.ts'
import { mailServerOf, SECRET_KEY } from './support/product.ts'
import { openSmtpSink, type SinkOptions, type SmtpSink } from './support/smtp.ts'

const ADDRESS = 'canary.asha@acme.example'
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const COUNTER = /^vestibule_mails_total\{kind="([^"]+)",outcome="([^"]+)"\} (\d+)$/gm

let on: TestHouse
const open: SmtpSink[] = []
let log: string[] = []
async function sinkOf(options: SinkOptions = {}): Promise<SmtpSink> {
  const sink = await openSmtpSink(options)
  open.push(sink)
  return sink
}

/** This house, or a process of it, with a postman who hands letters over there. */
function withPostman(
  url: string,
  house: TestHouse['house'] = on.house,
): TestHouse['house'] & { postman: NonNullable<House['postman']> } {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk))
      done()
    },
  })
  const metrics = createMetrics({ databaseConnections: () => ({}) as never })
  const own: TestHouse['house'] = { ...house, metrics, log: pino({ base: null }, sink) }
  return { ...own, postman: createPostman(own, mailServerOf(url)) }
}

async function person(email: unknown = ADDRESS, isVerified: boolean | null = true): Promise<string> {
  const id = randomUUID()
  await on.rows(`INSERT INTO users (id, store, username, username_canonical) VALUES ($1, 'PRIMARY', $2, $2)`, [
    id,
    `canary-${id}`,
  ])
  for (const [name, value, verified] of [
    ['name', 'Canary Asha', null],
    ...(email === undefined ? [] : [['email', email, isVerified] as const]),
  ])
    await on.rows(
      `INSERT INTO user_attributes (user_id, name, value, verified, origin) VALUES ($1, $2, $3, $4, 'person')`,
      [id, name, JSON.stringify(value), verified],
    )
  return id
}

/** Writes a letter down, in a transaction as whatever it tells of would be. */
async function tell(house: House, userId: string, kind: MailKind = 'password-set', language = 'en') {
  await inTransaction(house.db, async (db) => {
    if (kind === 'second-factor-code') await queueCode(db, house, { userId, language, code: '042137' })
    else if (kind === 'connected' || kind === 'disconnected')
      await queueMail(db, house, { userId, language, kind, facts: { idp: 'Acme' } })
    else await queueMail(db, house, { userId, language, kind })
  })
}

const waiting = () =>
  on.rows<{ id: string; attempts: number; next_at: Date }>(
    'SELECT id, attempts, next_at FROM mails ORDER BY created_at',
  )

async function outcomes(house: House): Promise<Record<string, number>> {
  const answer: string[] = []
  const res = { set: () => res, type: () => res, send: (body: string) => void answer.push(body) }
  await house.metrics.page('t')({ headers: { authorization: 'Bearer t' } } as never, res as never, () => {})
  return Object.fromEntries(
    [...answer.join().matchAll(COUNTER)].map(([, kind, outcome, n]) => [`${kind} ${outcome}`, Number(n)]),
  )
}

const said = () => log.map((line) => JSON.parse(line).msg as string)
const plain = (text: string) => text.replaceAll(/[\u2066-\u2069]/g, '')

describe('mail', () => {
  before(async () => {
    on = await openHouse({ publicUrl: 'https://signin.northwind.example' })
  })
  after(async () => {
    await Promise.all(open.map((sink) => sink.close()))
    await on.drop()
  })
  beforeEach(async () => {
    await on.rows('DELETE FROM mails; DELETE FROM user_attributes; DELETE FROM users')
    log = []
  })

  describe('a letter', () => {
    for (const [language, time, fromNowOn] of [
      ['en', 'Time: March 4, 2027 at 14:00 (UTC)', 'From now on you can sign in to your account with Acme.'],
      [
        'de',
        'Zeitpunkt: 4. März 2027 um 14:00 (UTC)',
        'Von jetzt an können Sie sich mit Acme bei Ihrem Konto anmelden.',
      ],
      ['ar', 'الوقت: 4 مارس 2027 في 14:00 (UTC)', 'يمكنك من الآن تسجيل الدخول إلى حسابك عبر Acme.'],
    ] as const) {
      it(`says in ${language} what happened, when, and where to look, once, to one address and of nobody`, async () => {
        const sink = await sinkOf()
        const organization = { name: 'Northwind', contact: 'Data protection officer', email: 'help@northwind.example' }
        const house = withPostman(sink.url, { ...on.house, settings: () => ({ ...on.house.settings(), organization }) })
        const userId = await person()
        for (const kind of KINDS) await tell(house, userId, kind, language)
        await house.postman.sendDue()
        await house.postman.sendDue()

        const letters = sink.letters()
        assert.equal(letters.length, KINDS.length)
        assert.equal(new Set(letters.map(({ subject }) => subject)).size, KINDS.length)
        for (const { recipients, to, from, subject, text, headers, raw } of letters) {
          assert.deepEqual([recipients, to], [[ADDRESS], [ADDRESS]])
          assert.deepEqual(from, { name: 'Northwind', address: 'help@northwind.example' })
          assert.match(plain(subject), /Northwind/)
          assert.deepEqual(
            [
              headers['auto-submitted'],
              headers['content-language'],
              headers['x-mailer'],
              headers['content-type']?.split(';')[0],
            ],
            ['auto-generated', language, undefined, 'text/plain'],
          )
          assert.match(headers['message-id'] ?? '', /^<[\da-f-]{36}@signin\.northwind\.example>$/)
          const lines = plain(text).split('\n')
          assert.ok(lines.includes(time), text)
          assert.ok(lines.includes('https://signin.northwind.example/myaccount/sign-in'), text)
          assert.ok(lines.includes('Data protection officer') && lines.includes('help@northwind.example'), text)
          assert.doesNotMatch(`${subject}${text}`, /canary/i)
          assert.doesNotMatch(text.replaceAll('https://signin.northwind.example/myaccount/sign-in', ''), /https?:/)
          assert.equal(raw.match(/canary/gi)?.length, 1, 'the address is in its To and nowhere else')
        }
        assert.ok(letters.some(({ text }) => plain(text).includes(fromNowOn)))
        assert.deepEqual(await waiting(), [])
        assert.deepEqual(await outcomes(house), Object.fromEntries(KINDS.map((kind) => [`${kind} sent`, 1])))
        assert.doesNotMatch(log.join(), /canary|acme/i)
      })
    }

    it('has nothing to do for whoever did it themselves, unless it brings a code, which is to be entered', async () => {
      const sink = await sinkOf()
      const house = withPostman(sink.url)
      const userId = await person()
      for (const kind of KINDS) await tell(house, userId, kind)
      await house.postman.sendDue()
      await house.postman.sendDue()
      const others = sink.letters().filter(({ text }) => !text.includes('there is nothing to do'))
      assert.deepEqual(
        others.map(({ subject }) => subject),
        ['Your code for Northwind'],
      )
      assert.match(others[0]?.text ?? '', /\nIf it was not you, sign in,/)
    })

    it('is in English for whoever reads what we have no words in', async () => {
      const sink = await sinkOf()
      const house = withPostman(sink.url)
      const userId = await person()
      for (const language of ['fr', 'de-AT']) await tell(house, userId, 'password-changed', language)
      await house.postman.sendDue()
      const told = sink.letters().map(({ subject, headers }) => [headers['content-language'], subject])
      assert.deepEqual(told.toSorted(), [
        ['de', 'Das Passwort Ihres Kontos bei Northwind wurde geändert'],
        ['en', 'The password of your account at Northwind was changed'],
      ])
      assert.ok(sink.letters().some(({ text }) => text.includes('Time: March 4, 2027 at 14:00 (UTC)')))
    })

    it('is from whom SMTP_URL says, else from the organization, else from our own host', async () => {
      const sink = await sinkOf()
      for (const [query, email, publicUrl, expected] of [
        [
          '?from=post@northwind.example',
          'help@northwind.example',
          'https://signin.northwind.example',
          'post@northwind.example',
        ],
        ['', 'help@northwind.example', 'https://signin.northwind.example', 'help@northwind.example'],
        [
          '',
          'Help <a@b.example>, c@d.example',
          'https://signin.northwind.example',
          'no-reply@signin.northwind.example',
        ],
        ['', undefined, 'http://127.0.0.1:3000', 'no-reply@localhost'],
      ] as const) {
        const organization = { name: 'Northwind', ...(email === undefined ? {} : { email }) }
        const settings = () => ({ ...on.house.settings(), organization })
        const house = withPostman(`${sink.url}${query}`, { ...on.house, settings, publicUrl: new URL(publicUrl) })
        await tell(house, await person())
        await house.postman.sendDue()
        assert.equal(sink.letters().at(-1)?.from.address, expected)
      }
      assert.equal(sink.letters().length, 4)
    })
  })

  describe('who gets a letter', () => {
    it('is nobody without SMTP_URL: none is written', async () => {
      await tell(on.house, await person())
      assert.deepEqual(await waiting(), [])
    })

    it('is nobody at an address that nobody has checked, and none where there is no address', async () => {
      const house = withPostman('smtp://127.0.0.1:1')
      for (const [email, isVerified] of [
        [ADDRESS, false],
        [ADDRESS, null],
        [undefined, null],
        [['a@acme.example', 'b@acme.example'], true],
      ] as const) {
        const userId = await person(email, isVerified)
        for (const kind of KINDS) await tell(house, userId, kind)
      }
      assert.deepEqual(await waiting(), [])
    })

    it('is nobody when what it tells of did not happen', async () => {
      const house = withPostman('smtp://127.0.0.1:1')
      const userId = await person()
      const undone = inTransaction(house.db, async (db) => {
        await queueMail(db, house, { userId, kind: 'password-set', language: 'en' })
        throw new Error('undone')
      })
      await assert.rejects(undone, /undone/)
      assert.deepEqual(await waiting(), [])
    })

    it('is the address before, when it changed, and the one that is kept now of all else', async () => {
      const sink = await sinkOf()
      const house = withPostman(sink.url)
      const userId = await person()
      await tell(house, userId, 'email-changed')
      await tell(house, userId, 'password-set')
      await on.rows(`UPDATE user_attributes SET value = '"new@acme.example"' WHERE user_id = $1 AND name = 'email'`, [
        userId,
      ])
      const dump = await on.contents()
      for (const encoding of ['utf8', 'hex', 'base64'] as const)
        assert.ok(!dump.includes(Buffer.from(ADDRESS).toString(encoding)), 'a dump shows the address before to nobody')
      await house.postman.sendDue()
      const told = sink.letters().map(({ subject, recipients }) => [/email/.test(subject), recipients])
      assert.deepEqual(told.toSorted(), [
        [false, ['new@acme.example']],
        [true, [ADDRESS]],
      ])
      assert.deepEqual(await waiting(), [])
    })

    it('is nobody any more once the address is taken back, or is no longer known to be theirs', async () => {
      const sink = await sinkOf()
      const house = withPostman(sink.url)
      const [withdrawn, unverified] = [await person(), await person()]
      for (const userId of [withdrawn, unverified]) await tell(house, userId, 'password-set')
      await tell(house, withdrawn, 'email-changed')
      await on.rows(`DELETE FROM user_attributes WHERE user_id = $1 AND name = 'email'`, [withdrawn])
      await on.rows(`UPDATE user_attributes SET verified = false WHERE user_id = $1 AND name = 'email'`, [unverified])
      await house.postman.sendDue()
      assert.deepEqual([sink.letters(), await waiting()], [[], []])
      assert.deepEqual(await outcomes(house), { 'password-set dropped': 2, 'email-changed dropped': 1 })
    })

    it('is nobody once the person is gone: the letter goes with them', async () => {
      const house = withPostman('smtp://127.0.0.1:1')
      const userId = await person()
      await tell(house, userId, 'email-changed')
      assert.equal(await deleteUser(on.house.db, userId, { name: 'test' }, tracesOf(on.house), new Date()), 'done')
      assert.deepEqual(await waiting(), [])
    })

    it('is known after SECRET_KEY was replaced, and nobody when the key is gone', async () => {
      const sink = await sinkOf()
      const house = withPostman(sink.url)
      const newKey = 'another secret key for tests that is long enough'
      const rotated = withPostman(sink.url, { ...on.house, keyring: createKeyring(newKey, SECRET_KEY) })
      const later = withPostman(sink.url, { ...on.house, keyring: createKeyring(newKey) })
      await tell(house, await person(), 'email-changed')
      const resealed = (await resealAll(rotated.db, rotated.keyring)).find(({ table }) => table === 'mails')
      assert.deepEqual(resealed, { table: 'mails', sealedAgain: 1, lost: 0 })
      await later.postman.sendDue()
      assert.deepEqual(
        sink.letters().map(({ recipients }) => recipients),
        [[ADDRESS]],
      )
      await tell(house, await person(), 'email-changed')
      await later.postman.sendDue()
      assert.deepEqual([sink.letters().length, await waiting()], [1, []])
    })
  })

  describe('a letter that waits', () => {
    it('is sent by one of several processes', async () => {
      const sink = await sinkOf()
      const houses = [withPostman(sink.url), withPostman(sink.url, on.another()), withPostman(sink.url, on.another())]
      const [house] = houses as [(typeof houses)[0]]
      for (let n = 0; n < 24; n += 1) await tell(house, await person(`p${n}@acme.example`))
      await Promise.all(houses.map(({ postman }) => postman.sendDue()))
      const recipients = sink.letters().flatMap((letter) => letter.recipients)
      assert.deepEqual([recipients.length, new Set(recipients).size], [24, 24])
      const each = await Promise.all(houses.map(outcomes))
      assert.ok(each.filter((counts) => (counts['password-set sent'] ?? 0) > 0).length > 1, JSON.stringify(each))
    })

    it('is taken once, however many take at the same moment', async () => {
      const { db } = on.another()
      const house = withPostman('smtp://127.0.0.1:1')
      const userId = await person()
      const until = new Date(on.clock.now.getTime() + MINUTE)
      for (let n = 0; n < 20; n += 1) {
        await tell(house, userId)
        const taken = await Promise.all(
          Array.from({ length: 10 }, () => takeMail(db, KINDS, { now: on.clock.now, until })),
        )
        assert.equal(taken.filter(Boolean).length, 1)
      }
    })

    it('arrives when the server is back: after a minute, and not before', async () => {
      const away = await openSmtpSink()
      await away.close()
      const house = withPostman(away.url)
      const since = on.clock.now
      try {
        await tell(house, await person())
        await house.postman.sendDue()
        const [row] = await waiting()
        assert.deepEqual([row?.attempts, row?.next_at], [0, new Date(since.getTime() + MINUTE)])
        const sink = await sinkOf({ port: away.port })
        await house.postman.sendDue()
        assert.equal(sink.letters().length, 0)
        on.clock.now = new Date(since.getTime() + MINUTE)
        await house.postman.sendDue()
        assert.equal(sink.letters().length, 1)
        assert.deepEqual(await outcomes(house), { 'password-set put-off': 1, 'password-set sent': 1 })
      } finally {
        on.clock.now = since
      }
    })

    it('is tried after 1, 5 and 15 minutes more, then every hour, for a day', () => {
      const written = new Date('2027-03-04T14:00:00Z')
      const minutes: number[] = []
      for (let now = written; ; ) {
        const next = nextTry(written, now)
        if (!next) break
        minutes.push((next.getTime() - written.getTime()) / MINUTE)
        now = next
      }
      assert.deepEqual(minutes.slice(0, 6), [1, 6, 21, 81, 141, 201])
      assert.equal(minutes.at(-1), 21 + 23 * 60)
    })

    it('is given up when it is no news any more, whether a process noticed or not', async () => {
      const sink = await sinkOf()
      const house = withPostman(sink.url)
      const since = on.clock.now
      try {
        await tell(house, await person())
        on.clock.now = new Date(since.getTime() + 24 * HOUR + 1)
        await house.postman.sendDue()
        assert.deepEqual([sink.letters(), await waiting()], [[], []])
        assert.deepEqual(await outcomes(house), { 'password-set given-up': 1 })
        await tell(house, await person())
        await sweep(on.house.db, new Date(on.clock.now.getTime() + 25 * HOUR))
        assert.equal((await waiting()).length, 1)
        await sweep(on.house.db, new Date(on.clock.now.getTime() + 25 * HOUR + 1))
        assert.deepEqual(await waiting(), [])
      } finally {
        on.clock.now = since
      }
    })

    // biome-ignore format: one row, one line
    const answers: [status: number, at: 'recipient' | 'letter', outcome: string][] = [
    [550, 'recipient', 'given-up'], [554, 'letter', 'given-up'], [450, 'recipient', 'put-off'], [451, 'letter', 'put-off'],
  ]
    for (const [status, at, outcome] of answers) {
      it(`is ${outcome} when the server refuses the ${at} with ${status}`, async () => {
        const sink = await sinkOf({ refuses: (_, when) => (when === at ? status : undefined) })
        const house = withPostman(sink.url)
        await tell(house, await person())
        await house.postman.sendDue()
        await house.postman.sendDue()
        assert.equal((await waiting()).length, outcome === 'put-off' ? 1 : 0)
        assert.deepEqual(await outcomes(house), { [`password-set ${outcome}`]: 1 })
        assert.match(log.join(), new RegExp(`"reason":"E\\w+ ${status}"`))
        assert.doesNotMatch(log.join(), /canary|not here/)
      })
    }

    it('is put off when the server does not know us: that is for an operator to mend, and no reason to lose it', async () => {
      const sink = await sinkOf({ auth: { user: 'post', pass: 'right' } })
      const house = withPostman(sink.url.replace('right', 'canary-wrong'))
      await tell(house, await person())
      await house.postman.sendDue()
      assert.equal((await waiting()).length, 1)
      assert.match(log.join(), /"reason":"EAUTH 535"/)
      assert.doesNotMatch(log.join(), /canary/)
    })

    it('stays for newer processes when this one has no words for it', async () => {
      const sink = await sinkOf()
      const house = withPostman(sink.url)
      await tell(house, await person())
      await on.rows(`UPDATE mails SET kind = 'something-new'`)
      await house.postman.sendDue()
      assert.deepEqual([sink.letters().length, (await waiting()).length], [0, 1])
    })

    it('comes twice at most, known by its Message-ID, when processes die between handing it over and writing that down', async () => {
      let database: TestHouse['house']['db'] | undefined
      // The server has it; the process loses its database before it hears so.
      const sink = await sinkOf({ onLetter: async () => database?.destroy() })
      const since = on.clock.now
      try {
        await tell(withPostman(sink.url), await person())
        for (const copies of [1, 2]) {
          const house = withPostman(sink.url, on.another())
          database = house.db
          await assert.rejects(house.postman.sendDue())
          assert.equal(sink.letters().length, copies)
          database = undefined
          await withPostman(sink.url).postman.sendDue()
          assert.equal(sink.letters().length, copies, 'nobody else takes it at once')
          on.clock.now = new Date(on.clock.now.getTime() + 5 * MINUTE)
        }
        const last = withPostman(sink.url)
        await last.postman.sendDue()
        assert.deepEqual([sink.letters().length, await waiting()], [2, []])
        assert.equal(new Set(sink.letters().map(({ headers }) => headers['message-id'])).size, 1)
        assert.deepEqual(await outcomes(last), { 'password-set given-up': 1 })
      } finally {
        on.clock.now = since
      }
    })

    it('is said to be perhaps the second when the process before died', async () => {
      let database: TestHouse['house']['db'] | undefined
      const sink = await sinkOf({ onLetter: async () => database?.destroy() })
      const since = on.clock.now
      try {
        const house = withPostman(sink.url, on.another())
        await tell(house, await person())
        database = house.db
        await assert.rejects(house.postman.sendDue())
        database = undefined
        on.clock.now = new Date(since.getTime() + 5 * MINUTE)
        await withPostman(sink.url).postman.sendDue()
        assert.deepEqual(said(), ['letter sent, perhaps for the second time'])
        assert.deepEqual(await waiting(), [])
      } finally {
        on.clock.now = since
      }
    })

    it('is finished when the postman is told to stop, and no other is begun', async () => {
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      const sink = await sinkOf({ onLetter: () => held })
      const house = withPostman(sink.url)
      for (let n = 0; n < 2; n += 1) await tell(house, await person())
      const round = house.postman.sendDue()
      await sink.arrived(1)
      let hasStopped = false
      const stop = house.postman.stop().then(() => {
        hasStopped = true
      })
      await sleep(50)
      assert.equal(hasStopped, false)
      release()
      await Promise.all([round, stop])
      assert.deepEqual([sink.letters().length, (await waiting()).length], [1, 1])
      await house.postman.sendDue()
      assert.equal(sink.letters().length, 1)
    })
  })
})
