// Values that a person types because a purpose needs them and the idp did not send them. Pure.
import type { AttributeValue } from '../db/user-attributes.ts'
import { asciiDigits } from '../stores/digits.ts'
import type { Message } from '../web/page.ts'
import { isSeen } from '../web/seen.ts'

export type TypedAttributes = Record<string, AttributeValue>

type InputType = 'text' | 'email' | 'tel' | 'date' | 'url'

const LONGEST = 500

/** The input's type and autofill token (HTML, "Autofill detail tokens"); anything unknown is plain text. */
export function inputFor(attribute: string): { type: InputType; autocomplete: string } {
  const autocomplete = (Object.hasOwn(AUTOCOMPLETE, attribute) && AUTOCOMPLETE[attribute]) || 'off'
  if (attribute === 'email') return { type: 'email', autocomplete }
  if (attribute === 'phone_number') return { type: 'tel', autocomplete }
  if (attribute === 'birthdate') return { type: 'date', autocomplete }
  if (URL_ATTRIBUTES.has(attribute)) return { type: 'url', autocomplete }
  return { type: 'text', autocomplete }
}

/** Reads one typed value: the value to keep, or the problem to show. `label` names the attribute in the sentence. */
export function readTyped(
  attribute: string,
  typed: string,
  label: string,
): { value: AttributeValue } | { problem: Message } {
  // Before the expression below: on a long run of spaces inside the text it takes the square of its length.
  if (typed.length > 2 * LONGEST) return problem('ATTR_LONG', { attribute: label, n: LONGEST })
  const text = typed.replace(/^ +| +$/g, '')
  if (!isSeen(text)) return problem('ATTR_EMPTY', { attribute: label })
  if (text.length > LONGEST) return problem('ATTR_LONG', { attribute: label, n: LONGEST })
  // U+FFFD is what is left of bytes that are no text.
  if (!text.isWellFormed() || /[\p{Cc}\uFFFD]/u.test(text)) return problem('ATTR_FORMAT', { attribute: label })
  if (attribute === 'email') {
    const address = readAddress(text)
    return address === undefined ? problem('ATTR_EMAIL') : { value: address }
  }
  if (attribute === 'phone_number') {
    const number = asciiDigits(text)
    return /^\+?(?=(?:[ ().-]*\d){5})[\d ().-]{5,30}$/.test(number) ? { value: number } : problem('ATTR_PHONE')
  }
  if (attribute === 'birthdate' && !isDate(text)) return problem('ATTR_FORMAT', { attribute: label })
  if (URL_ATTRIBUTES.has(attribute) && !/^https?:$/.test(protocolOf(text))) {
    return problem('ATTR_FORMAT', { attribute: label })
  }
  return { value: attribute === 'address' ? { formatted: text } : text }
}

const URL_ATTRIBUTES = new Set(['website', 'profile', 'picture'])

const AUTOCOMPLETE: Record<string, string> = {
  name: 'name',
  given_name: 'given-name',
  middle_name: 'additional-name',
  family_name: 'family-name',
  nickname: 'nickname',
  email: 'email',
  phone_number: 'tel',
  birthdate: 'bday',
  gender: 'sex',
  website: 'url',
  address: 'street-address',
}

function problem(key: string, values?: Record<string, string | number>): { problem: Message } {
  return { problem: values ? { key, values } : { key } }
}

// RFC 5321 4.1.2 without quoted strings and RFC 6531 without letters beyond ASCII before the @: what is left has one meaning to every mailer,
// while "a@evil"@good, a wide ＠, a comma or angle brackets are one address to some and another, or two, to others.
const MAILBOX = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
const HOST = /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z](?:[a-z\d-]{0,61}[a-z\d])$/i
const LONGEST_MAILBOX = 64
/** Of an e-mail address that can be written to: a path has 256 with its angle brackets (RFC 5321, 4.5.3.1.3). */
export const LONGEST_ADDRESS = 254

/** Exactly one address, or undefined. A domain in other letters becomes its ASCII form, as in the e-mail field of a browser (HTML 4.10.5.1.5). */
function readAddress(text: string): string | undefined {
  const [mailbox = '', domain = '', ...more] = text.split('@')
  if (more.length > 0 || mailbox.length > LONGEST_MAILBOX || !MAILBOX.test(mailbox)) return undefined
  const host = /^[\x20-\x7E]*$/.test(domain) ? domain : asciiHost(domain)
  const address = `${mailbox}@${host}`
  return HOST.test(host) && address.length <= LONGEST_ADDRESS ? address : undefined
}

/** The ASCII form of a domain name (UTS 46), or '' when it has anything but letters, digits, hyphens and dots, or a letter in another shape. */
function asciiHost(domain: string): string {
  const isPlain = /^[\p{L}\p{M}\p{Nd}.-]+$/u.test(domain) && domain.normalize('NFKC') === domain.normalize('NFC')
  return isPlain && URL.canParse(`http://${domain}`) ? new URL(`http://${domain}`).hostname : ''
}

function isDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true
}

function protocolOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : ''
}
