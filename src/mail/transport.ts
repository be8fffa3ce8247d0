// Hands letters to a mail server. The only file that knows nodemailer; its law: one letter has one recipient.
import { createTransport } from 'nodemailer'
import { oneAddress } from './address.ts'
import type { MailServer } from './server.ts'

export interface Letter {
  /** What is before the @ of its Message-ID: the same each time the same letter is sent, so that mailboxes know the second copy. */
  id: string
  from: { name: string; address: string }
  to: string
  date: Date
  /** BCP 47. */
  language: string
  subject: string
  text: string
}

/** `refused`: it would be refused again. `failed`: it may go through later. The reason is made of codes, and repeats nothing of the letter. */
export type Delivery = { kind: 'delivered' } | { kind: 'refused' | 'failed'; reason: string }

export type Deliver = (letter: Letter) => Promise<Delivery>

/**
 * Nobody waits for a letter, but a server that says nothing would keep all others waiting; and a process that is told to stop waits for the one
 * letter that is under way.
 */
const PATIENCE = { silenceMs: 5_000, letterMs: 15_000 }

/**
 * Opens the way to a mail server; it connects for each letter.
 * @param host ours: how we introduce ourselves, and what Message-IDs end with
 * @param patience how long the server may say nothing, and one letter take
 */
export function createDelivery(server: MailServer, host: string, patience = PATIENCE): Deliver {
  const transport = createTransport({
    host: server.host,
    port: server.port,
    name: host,
    secure: server.encryption === 'tls',
    requireTLS: server.encryption === 'starttls',
    // A relay on this machine has seldom a certificate that anybody would believe.
    ignoreTLS: server.encryption === 'none',
    ...(server.auth ? { auth: server.auth } : {}),
    connectionTimeout: patience.silenceMs,
    greetingTimeout: patience.silenceMs,
    socketTimeout: patience.silenceMs,
    dnsTimeout: patience.silenceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return async ({ id, from, to, date, language, subject, text }) => {
    const address = oneAddress(to)
    if (address === undefined) return { kind: 'refused', reason: 'EADDRESS' }
    try {
      await transport.sendMail({
        from: { name: inOneLine(from.name), address: from.address },
        // As an object: a text would be read as a list, with names, groups and comments (nodemailer, addressparser).
        to: { name: '', address },
        date,
        subject: inOneLine(subject),
        text,
        messageId: `<${id}@${host}>`,
        // RFC 3834: nobody's "I am on holiday" comes back.
        headers: { 'Auto-Submitted': 'auto-generated', 'Content-Language': language },
        signal: AbortSignal.timeout(patience.letterMs),
      })
      return { kind: 'delivered' }
    } catch (error) {
      return { kind: isForGood(error) ? 'refused' : 'failed', reason: reasonOf(error) }
    }
  }
}

/** The server's last word about this recipient or this letter (RFC 5321, 4.2.1); about us, or how we signed in, an operator may change its mind. */
function isForGood(error: unknown): boolean {
  const { permanent, command = '' } = (error ?? {}) as { permanent?: boolean; command?: string }
  return permanent === true && /^(RCPT TO|DATA)$/.test(command)
}

/** Codes alone: the words of an error quote addresses. */
function reasonOf(error: unknown): string {
  const { code, responseCode } = (error ?? {}) as { code?: unknown; responseCode?: unknown }
  return [code ?? (error instanceof Error ? error.name : typeof error), responseCode].filter(Boolean).join(' ')
}

function inOneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ').trim()
}
