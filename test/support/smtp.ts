// A mail server of the tests: real SMTP, and everything that was handed to it, read by a real parser.
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { domainToASCII } from 'node:url'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'

export interface ReceivedLetter {
  /** Whom the envelope names: those who get it, whatever the letter says. */
  recipients: string[]
  /** Whom the letter names. */
  to: string[]
  from: { name: string; address: string }
  subject: string
  text: string
  /** By name in small letters. */
  headers: Record<string, string>
  /** Every byte as it came, to search for what must not be there. */
  raw: string
  /** It came encrypted, and from somebody who proved who they are. */
  isEncrypted: boolean
  user: string | undefined
}

export interface SmtpSink {
  /** What SMTP_URL is to be. */
  url: string
  port: number
  /** All that was handed over, in turn. */
  letters(): ReceivedLetter[]
  /** Resolves with all of them when there are so many; fails when that takes too long. */
  arrived(count: number, limitMs?: number): Promise<ReceivedLetter[]>
  /** How many connections were made. */
  connections(): number
  close(): Promise<void>
}

export interface SinkOptions {
  /** A free one if left out. */
  port?: number
  /** Encrypted from the first byte (`tls`) or when asked (`starttls`); not at all if left out. */
  encryption?: { how: 'tls' | 'starttls'; cert: string; key: string }
  /** Nobody is served who does not say this. */
  auth?: { user: string; pass: string }
  /** The status that a recipient, or a letter, is refused with; undefined: neither is. */
  refuses?: (address: string, at: 'recipient' | 'letter') => number | undefined
  /** Called with a letter that has been kept already; it is acknowledged when this resolves. */
  onLetter?: (letter: ReceivedLetter) => Promise<void>
}

/** Opens a mail server on this machine. */
export async function openSmtpSink(options: SinkOptions = {}): Promise<SmtpSink> {
  const { auth, encryption, refuses = () => undefined } = options
  const letters: ReceivedLetter[] = []
  let connections = 0
  const server = new SMTPServer({
    logger: false,
    disableReverseLookup: true,
    // A server takes what it is given: whether two get a letter is what tests look for.
    lenientAddressParsing: true,
    authOptional: auth === undefined,
    allowInsecureAuth: true,
    secure: encryption?.how === 'tls',
    ...(encryption ? { cert: encryption.cert, key: encryption.key } : {}),
    disabledCommands: [...(encryption ? [] : ['STARTTLS']), ...(auth ? [] : ['AUTH'])],
    onConnect(_session, done) {
      connections += 1
      done()
    },
    onAuth({ username, password }, _session, done) {
      const isRight = username === auth?.user && password === auth?.pass
      done(isRight ? null : new Error('who are you'), { user: username })
    },
    onRcptTo({ address }, _session, done) {
      done(refusal(refuses(address, 'recipient')))
    },
    onData(stream, session, done) {
      const take = async () => {
        const chunks: Buffer[] = []
        for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer))
        const recipients = session.envelope.rcptTo.map(({ address }) => address)
        const refused = refusal(refuses(recipients.join(), 'letter'))
        if (refused) throw refused
        const said = { isEncrypted: session.secure, user: session.user as string | undefined }
        const letter = { ...(await read(Buffer.concat(chunks), recipients)), ...said }
        letters.push(letter)
        await options.onLetter?.(letter)
      }
      take().then(() => done(null, 'taken'), done)
    },
  })
  // Whoever is killed in the middle of a word leaves an error behind.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  const who = auth ? `${encodeURIComponent(auth.user)}:${encodeURIComponent(auth.pass)}@` : ''
  const sink: SmtpSink = {
    url: `${encryption?.how === 'tls' ? 'smtps' : 'smtp'}://${who}127.0.0.1:${port}`,
    port,
    letters: () => [...letters],
    async arrived(count, limitMs = 15_000) {
      for (const until = performance.now() + limitMs; letters.length < count; await sleep(20)) {
        if (performance.now() > until) throw new Error(`Of ${count} letters ${letters.length} have arrived.`)
      }
      return sink.letters()
    },
    connections: () => connections,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
  return sink
}

function refusal(status: number | undefined): Error | null {
  return status === undefined ? null : Object.assign(new Error('not here'), { responseCode: status })
}

async function read(bytes: Buffer, recipients: string[]): Promise<Omit<ReceivedLetter, 'isEncrypted' | 'user'>> {
  const mail = await PostalMime.parse(bytes)
  return {
    recipients: recipients.map(inAscii),
    to: [...(mail.to ?? []), ...(mail.cc ?? []), ...(mail.bcc ?? [])].map(({ address = '' }) => inAscii(address)),
    from: { name: mail.from?.name ?? '', address: mail.from?.address ?? '' },
    subject: mail.subject ?? '',
    text: mail.text ?? '',
    headers: Object.fromEntries(mail.headers.map(({ key, value }) => [key, value])),
    raw: bytes.toString('utf8'),
  }
}

/** The address as it was sent: both libraries show domains as people write them. */
function inAscii(address: string): string {
  return address.replace(/(?<=@)[^@]*$/, (domain) => domainToASCII(domain) || domain)
}
