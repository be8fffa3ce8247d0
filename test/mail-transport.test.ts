// How a letter gets to a mail server: to one address or to nobody, encrypted or not at all, within seconds or later.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { oneAddress } from '../src/mail/address.ts'
import { createDelivery, type Letter } from '../src/mail/transport.ts'
import { holdsThroughout } from './support/arbitraries.ts'
import { mailServerOf, REPOSITORY } from './support/product.ts'
import { openSmtpSink, type SinkOptions, type SmtpSink } from './support/smtp.ts'
import { certificateForLocalhost } from './support/tls-proxy.ts'

const HOST = 'signin.northwind.example'
const LETTER: Letter = {
  id: '5f0f6c8e-9f57-4c9b-9a53-0f6f0d7d1a01',
  from: { name: 'Northwind', address: 'no-reply@northwind.example' },
  to: 'asha@acme.example',
  date: new Date('2027-03-04T14:00:00Z'),
  language: 'en',
  subject: 'The password of your account was changed',
  text: 'The password that you had before does not work any more.\n',
}

/** Runs `work` with a mail server that is closed afterwards. */
async function withSink<Result>(options: SinkOptions, work: (sink: SmtpSink) => Promise<Result>): Promise<Result> {
  const sink = await openSmtpSink(options)
  try {
    return await work(sink)
  } finally {
    await sink.close()
  }
}

describe('a recipient', () => {
  let sink: SmtpSink
  before(async () => {
    sink = await openSmtpSink()
  })
  after(() => sink.close())

  /** Those who get a letter to this text. */
  async function receivers(to: string): Promise<string[]> {
    const count = sink.letters().length
    const delivery = await createDelivery(mailServerOf(sink.url), HOST)({ ...LETTER, to })
    const letters = sink.letters().slice(count)
    assert.equal(delivery.kind, letters.length === 1 ? 'delivered' : 'refused')
    return letters.flatMap(({ recipients, to }) => [...new Set([...recipients, ...to])])
  }

  // biome-ignore format: one row, one line
  const tricks = [
    'evil@x.example, second@x.example', 'a@x.example; evil@x.example', 'a@x.example\r\nBcc: evil@x.example', 'a@x.example\nBcc: evil@x.example',
    'a@x.example>\r\nRCPT TO:<evil@x.example', '<evil@x.example>', 'Asha <evil@x.example>', '"a@x.example, evil@y.example"', '"a@x.example"@evil.example',
    'a@x.example evil@x.example', 'friends: a@x.example, evil@x.example;', 'evil@x.example (a@x.example)', 'a@x.example\0evil@x.example',
    'a＠x.example', 'a@x.example，evil@x.example', 'a@evil.example@x.example', 'a%evil.example@localhost', 'postmaster', '@x.example', 'a@', '',
    ' a@x.example', 'a@x.example ', 'a@[127.0.0.1]', 'ä@x.example', 'a@x.example\u2028evil@x.example', 'mailto:a@x.example', 'a@x..example', `${'a'.repeat(65)}@x.example`,
  ]
  for (const to of tricks) {
    it(`is nobody for ${JSON.stringify(to.slice(0, 60))}`, async () => assert.deepEqual(await receivers(to), []))
  }

  it('is the address itself for one address, its domain in ASCII', async () => {
    assert.deepEqual(await receivers("o'hara+news@acme.example"), ["o'hara+news@acme.example"])
    assert.deepEqual(await receivers('asha@münchen.example'), ['asha@xn--mnchen-3ya.example'])
  })

  it('is one or none, whatever a mail address is made of', async () => {
    // biome-ignore format: what there is to choose from
    const pieces = ['a@x.example', 'evil@x.example', 'a', 'x.example', '@', '.', ',', ';', ':', '<', '>', '"', '\\', '(', ')', '[', ']', ' ', '\t', '\r', '\n',
      '\r\n', '\0', 'Bcc: ', 'RCPT TO:', '=?utf-8?q?', '?=', '%0d%0a', '＠', '，', '\u2028', '\u0085', '\uFEFF', '\u202E', 'ü', '+', "'", '%', '!']
    const made = fc.oneof(
      fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 7 }).map((parts) => parts.join('')),
      fc.tuple(fc.constantFrom(...pieces), fc.constantFrom(...pieces)).map(([a, b]) => `a${a}b@x${b}.example`),
      fc.string({ unit: 'binary', maxLength: 20 }),
    )
    await holdsThroughout(150, [made], async (to) => {
      const address = oneAddress(to)
      assert.deepEqual(await receivers(to), address === undefined ? [] : [address])
      assert.match(address ?? 'a@x.example', /^[^\s,;:<>()[\]"\\@]+@[a-z\d.-]+$/i)
    })
  })

  it('gets no other company by the name of the organization or by what the letter is about', async () => {
    for (const words of [
      'Northwind\r\nBcc: evil@x.example',
      'Northwind <evil@x.example>,',
      '"Northwind\\',
      'Nord\u0000wind\nTo: b@x.example',
    ]) {
      const letter = {
        ...LETTER,
        from: { ...LETTER.from, name: words },
        subject: words,
        text: `${words}\r\n.\r\nMAIL FROM:<evil@x.example>`,
      }
      assert.equal((await createDelivery(mailServerOf(sink.url), HOST)(letter)).kind, 'delivered')
      const got = sink.letters().at(-1)
      assert.deepEqual([got?.recipients, got?.to, got?.from.address], [[LETTER.to], [LETTER.to], LETTER.from.address])
      assert.equal(got?.headers['bcc'], undefined)
    }
  })
})

describe('a mail server', () => {
  const certificate = certificateForLocalhost()
  const auth = { user: 'post', pass: 'a pass: word/of #ours' }

  it('on this machine is spoken to as it is, and told who we are', async () => {
    await withSink({ auth }, async (sink) => {
      assert.deepEqual(await createDelivery(mailServerOf(sink.url), HOST)(LETTER), { kind: 'delivered' })
      assert.deepEqual(
        sink.letters().map(({ user, isEncrypted }) => [user, isEncrypted]),
        [['post', false]],
      )
    })
  })

  it('elsewhere gets nothing, no password either, before it has encrypted', async () => {
    await withSink({ auth }, async (sink) => {
      const server = { ...mailServerOf(sink.url), encryption: 'starttls' as const }
      assert.deepEqual(await createDelivery(server, HOST)(LETTER), { kind: 'failed', reason: 'ETLS 500' })
      assert.deepEqual([sink.connections(), sink.letters()], [1, []])
    })
  })

  for (const how of ['tls', 'starttls'] as const) {
    it(`whose certificate (${how}) nobody vouches for gets nothing`, async () => {
      await withSink({ auth, encryption: { how, ...certificate } }, async (sink) => {
        const delivery = await createDelivery({ ...mailServerOf(sink.url), encryption: how }, HOST)(LETTER)
        assert.equal(delivery.kind, 'failed')
        assert.deepEqual(sink.letters(), [])
      })
    })

    it(`with a certificate (${how}) that this machine trusts gets the letter, encrypted`, async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'vestibule-ca-'))
      try {
        await writeFile(path.join(folder, 'ca.pem'), certificate.cert)
        await withSink({ auth, encryption: { how, ...certificate } }, async (sink) => {
          // Node reads what it trusts when it starts.
          const script = `import('./src/mail/transport.ts').then(async ({ createDelivery }) => {
            const { server, letter } = JSON.parse(process.env.LETTER)
            console.log(JSON.stringify(await createDelivery(server, 'h')({ ...letter, date: new Date() })))
          })`
          const server = { ...mailServerOf(sink.url), encryption: how }
          const { PATH = '' } = process.env
          const env = {
            PATH,
            NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.pem'),
            LETTER: JSON.stringify({ server, letter: LETTER }),
          }
          const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', '-e', script], {
            cwd: REPOSITORY,
            env,
          })
          assert.deepEqual(JSON.parse(stdout), { kind: 'delivered' })
          assert.deepEqual(
            sink.letters().map(({ user, isEncrypted }) => [user, isEncrypted]),
            [['post', true]],
          )
        })
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  }

  // biome-ignore format: one row, one line
  const rude: [name: string, says: string, again: string, reason: string][] = [
    ['says nothing', '', '', 'ETIMEDOUT'],
    ['greets, and says nothing more', '220 hello\r\n', '', 'ETIMEDOUT'],
    ['talks, and never comes to the point', '220 hello\r\n', '250-and so on\r\n', 'EABORT'],
    ['speaks another language', 'HTTP/1.1 400 Bad Request\r\n\r\n', '', 'EPROTOCOL'],
  ]
  for (const [name, says, again, reason] of rude) {
    it(`that ${name} is left`, async () => {
      const server = createServer((socket) => {
        socket.write(says)
        const talking = setInterval(() => socket.write(again), 50)
        // Read to its end, or it would never end.
        socket
          .resume()
          .on('error', () => {})
          .on('close', () => clearInterval(talking))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      try {
        const { port } = server.address() as AddressInfo
        const patience = { silenceMs: 300, letterMs: 900 }
        const delivery = await createDelivery(mailServerOf(`smtp://127.0.0.1:${port}`), HOST, patience)(LETTER)
        assert.deepEqual(delivery, { kind: 'failed', reason })
      } finally {
        server.close()
      }
    })
  }
})
