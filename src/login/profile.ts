// Claims → Profile: what the idp asserted, in our words, by the idp's attribute mapping. Pure.
import type { Idp } from '../db/idps.ts'
import type { AddressValue, AttributeValue } from '../db/user-attributes.ts'
import { isStandardAttribute } from '../provisioning/attributes.ts'
import { readRoles } from '../provisioning/roles.ts'
import { LONGEST_ADDRESS } from '../provisioning/typed-attributes.ts'
import { suggestedUsername } from '../provisioning/username.ts'

export interface ProfileAttribute {
  value: AttributeValue
  /** Only for e-mail addresses and phone numbers: whether the idp says it checked them. */
  verified?: boolean
}

export interface Profile {
  issuer: string
  subject: string
  suggestedUsername: string
  attributes: Record<string, ProfileAttribute>
  /** Our roles that the idp grants, each once, sorted. */
  roles: string[]
  /** How long ago the person had signed in at the idp, in seconds, by the idp's own clock, where it says so (auth_time, iat). */
  signedInAgo?: number
}

/** The idp sent something that no profile can be made of. `reason` names the kind, never the value. */
export class ProfileFault extends Error {
  readonly reason: string

  constructor(reason: string) {
    super(`The identity provider sent ${reason}.`)
    this.reason = reason
  }
}

const LONGEST_SUBJECT = 255
const LONGEST_VALUE = 10_000
const VERIFIED_CLAIMS: Record<string, string> = { email: 'email_verified', phone_number: 'phone_number_verified' }

/**
 * The claims of ID token and userinfo as one. The signed token wins over userinfo, which is only as good as its connection.
 * A value counts as verified only where an answer that has this very value says so, and neither says no.
 */
export function mergeClaims(
  idToken: Readonly<Record<string, unknown>>,
  userinfo: Readonly<Record<string, unknown>>,
  mappings: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...userinfo, ...idToken }
  for (const [attribute, flag] of Object.entries(VERIFIED_CLAIMS)) {
    // A flag that nobody sent stays unsent: an attribute may be mapped from it.
    if (!Object.hasOwn(merged, flag)) continue
    const value = own(merged, mappings[attribute] ?? '')
    const about = [idToken, userinfo].filter((answer) => own(answer, mappings[attribute] ?? '') === value)
    merged[flag] = about.some((answer) => answer[flag] === true) && idToken[flag] !== false && userinfo[flag] !== false
  }
  return merged
}

/**
 * Maps verified claims. `mappings` is our attribute → their claim. A claim of a type that the attribute cannot have counts as not
 * sent. Throws `ProfileFault` for a subject longer than 255 characters (OpenID Connect Core, 2) or not UTF-8, and for text that
 * PostgreSQL and people could not read the same way: ill-formed Unicode, NUL.
 */
export function toProfile(
  claims: Readonly<Record<string, unknown>>,
  idp: Readonly<Pick<Idp, 'issuer' | 'usernameClaim' | 'mappings' | 'rolesClaim' | 'roleMappings'>>,
): Profile {
  const subject = claims['sub']
  if (typeof subject !== 'string' || subject === '') throw new ProfileFault('no subject')
  if (subject.length > LONGEST_SUBJECT) throw new ProfileFault('a subject that is too long')
  checkText(subject)
  if (/\p{Cc}/u.test(subject)) throw new ProfileFault('a subject with a control character')
  // Where bytes were not UTF-8 this stands for all of them, so two people could look alike. In a name it only looks odd.
  if (subject.includes('\uFFFD')) throw new ProfileFault('a subject that is not UTF-8')

  const attributes: Record<string, ProfileAttribute> = {}
  for (const [attribute, claim] of Object.entries(idp.mappings)) {
    const value = readValue(attribute, own(claims, claim))
    if (value === undefined) continue
    const verifiedClaim = VERIFIED_CLAIMS[attribute]
    attributes[attribute] = verifiedClaim
      ? // Only JSON true is verified: "true" and 1 are what careless idps send for anything.
        // And it speaks of the claim of that name alone, not of another one that is mapped to the attribute.
        { value, verified: claim === attribute && claims[verifiedClaim] === true }
      : { value }
  }
  const username = own(claims, idp.usernameClaim)
  if (typeof username === 'string') checkText(username)
  const email = attributes['email']?.value
  return {
    issuer: idp.issuer,
    subject,
    suggestedUsername: suggestedUsername({
      ...(typeof username === 'string' ? { username } : {}),
      ...(typeof email === 'string' ? { email } : {}),
      subject,
    }),
    attributes,
    roles: idp.rolesClaim === null ? [] : readRoles(own(claims, idp.rolesClaim), idp.roleMappings),
    ...signedInAgo(claims['iat'], claims['auth_time']),
  }
}

function signedInAgo(now: unknown, then: unknown): Pick<Profile, 'signedInAgo'> {
  const ago = typeof now === 'number' && typeof then === 'number' ? now - then : undefined
  // Of 1e400, too, which JSON cannot say again.
  return Number.isFinite(ago) ? { signedInAgo: Number(ago) } : {}
}

function own(claims: Readonly<Record<string, unknown>>, claim: string): unknown {
  return Object.hasOwn(claims, claim) ? claims[claim] : undefined
}

function readValue(attribute: string, value: unknown): AttributeValue | undefined {
  if (attribute === 'address') return readAddress(value)
  // Longer than any that can be written to (RFC 5321), so nobody has checked it, whatever is said of it. A slip with a claim keeps nobody out.
  if (attribute === 'email' && typeof value === 'string' && checkText(value).length > LONGEST_ADDRESS) return undefined
  if (typeof value === 'string') return value === '' ? undefined : checkText(value)
  // The others are text (OpenID Connect Core, 5.1): an e-mail address that is `true` is none, and applications would be told that it is.
  if (isStandardAttribute(attribute)) return undefined
  if (typeof value === 'boolean') return value
  // 1e400 is JSON and becomes Infinity here, which JSON cannot say again.
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (!Array.isArray(value) || value.length === 0 || value.length > 1_000) return undefined
  const items = value.filter((item) => typeof item === 'string')
  return items.length === value.length ? items.map(checkText) : undefined
}

/** The address claim is an object of strings (OpenID Connect Core, 5.1.1); a plain string is its formatted form. */
function readAddress(value: unknown): AddressValue | undefined {
  if (typeof value === 'string' && value !== '') return { formatted: checkText(value) }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const address: AddressValue = {}
  for (const member of ['formatted', 'street_address', 'locality', 'region', 'postal_code', 'country']) {
    const text = own(value as Record<string, unknown>, member)
    if (typeof text === 'string' && text !== '') address[member] = checkText(text)
  }
  return Object.keys(address).length > 0 ? address : undefined
}

function checkText(text: string): string {
  if (!text.isWellFormed() || text.includes('\0')) throw new ProfileFault('text that is not well-formed Unicode')
  if (text.length > LONGEST_VALUE) throw new ProfileFault('a value that is too long')
  return text
}
