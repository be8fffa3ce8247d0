// SMTP_URL: which mail server letters are handed to, and how. Pure.
import { isLoopback } from '../declared-addresses.ts'
import { oneAddress } from './address.ts'

export interface MailServer {
  host: string
  port: number
  /** From the first byte (smtps, RFC 8314), after STARTTLS and never without it, or not at all, which is for this machine alone. */
  encryption: 'tls' | 'starttls' | 'none'
  auth?: { user: string; pass: string }
  /** Whom letters are from, when it is said. */
  from?: string
}

const HOST = /^[a-z\d]([a-z\d.-]*[a-z\d])?$|^\[[a-f\d:.]+\]$/i
const SUBMISSION = 587
const SUBMISSIONS = 465

/**
 * Reads the address of a mail server.
 * @returns the server, or what is wrong, in words that repeat nothing of the address: there is a password in it
 */
export function readMailServer(address: string): MailServer | { problem: string } {
  const [, scheme, place = '', asked] = /^(smtps?):\/\/([^?]*?)\/?(?:\?(.*))?$/s.exec(address) ?? []
  if (scheme === undefined) return { problem: 'must be an address that begins with smtp:// or smtps://' }
  // new URL() ends the host at the first of these, and would take half of a password for a name.
  if (address.includes('#')) return { problem: 'has a #: in a user or a password it is written as %23' }
  if (place.includes('/')) return { problem: 'has a path: a / in a user or a password is written as %2F' }
  const url = URL.canParse(`${scheme}://${place}`) ? new URL(`${scheme}://${place}`) : undefined
  if (!url || !HOST.test(url.hostname) || url.port === '0') return { problem: 'must name a host, and a port if any' }
  const [user, pass, query] = [url.username, url.password, asked ?? ''].map(decoded)
  if (user === undefined || pass === undefined || query === undefined)
    return { problem: 'has a % that is no percent-encoding: in a user or a password it is written as %25' }
  if (/\p{Cc}/u.test(user + pass)) return { problem: 'has a user or a password with control characters' }
  if ((user === '') !== (pass === '')) return { problem: 'must have a user and a password, or neither' }
  // Not by URLSearchParams, to which the + of an address is a space.
  const from = query.startsWith('from=') ? oneAddress(query.slice('from='.length)) : undefined
  if (query !== '' && from === undefined)
    return { problem: 'may say ?from= and one e-mail address, and nothing else after the host' }
  const isEncrypted = scheme === 'smtps'
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (isEncrypted ? SUBMISSIONS : SUBMISSION),
    encryption: isEncrypted ? 'tls' : isLoopback(url.hostname) ? 'none' : 'starttls',
    ...(user === '' ? {} : { auth: { user, pass } }),
    ...(from === undefined ? {} : { from }),
  }
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}
