// The addresses that a configuration file may name. Pure.
import { BACKUP_CODE, EMAIL_OTP, EMAIL_OTP_ENROLL, TOTP, TOTP_ENROLL } from './factors/addresses.ts'
import { isPrivateHost } from './login/private-addresses.ts'

/** Where an idp describes itself, below its issuer (OpenID Connect Discovery 1.0, 4). */
export const WELL_KNOWN = '/.well-known/openid-configuration'

/** True for the host names that reach only this machine (RFC 6761, 6.3; RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host)
}

// Paths of the product that the two pages cannot have (design, section 5). Routes ignore case, so the comparison does.
const TAKEN = [
  ...['/oauth2', '/oidc', '/.well-known', '/commonauth', '/authenticationendpoint/login.do'],
  '/authenticationendpoint/enter.do',
  // Asked before the prompts: a prompt at one of these would be led to itself.
  ...[TOTP, EMAIL_OTP, BACKUP_CODE, TOTP_ENROLL, EMAIL_OTP_ENROLL],
  ...['username-status', 'stay', 'connect.do'].map((name) => `/accountrecoveryendpoint/${name}`),
  ...['/livez', '/readyz', '/metrics', '/myaccount', '/console', '/setup', '/api', '/scim2'],
  ...['/public', '/theme', '/appearance'],
]

/** True for a path that nothing else of the product has. */
export function isFreePath(path: string): boolean {
  const wanted = path.toLowerCase()
  if (!/^(\/[a-z0-9._~-]+)+$/.test(wanted) || /\/\.{1,2}(\/|$)/.test(wanted)) return false
  return !TAKEN.some((taken) => wanted === taken || wanted.startsWith(`${taken}/`))
}

/** The address as it is meant; undefined for what only `new URL` forgives (spaces, backslashes, missing slashes), which others read differently. */
export function webAddress(value: string): URL | undefined {
  if (!/^https?:\/\/[^\s\\]+$/.test(value) || !URL.canParse(value)) return undefined
  const url = new URL(value)
  return url.username === '' && url.password === '' && !url.hostname.includes('*') ? url : undefined
}

/** Plain http is a matter of `mayBePrivate`, unless the address is private: then that is what is wrong with it. */
export function isIssuer(value: string, mayBePrivate: boolean): boolean {
  const url = webAddress(value)
  if (!url || /[?#]/.test(value)) return false
  return url.protocol === 'https:' || mayBePrivate || isPrivateHost(url.hostname)
}

/** True for the address of what an issuer says of itself, which is often copied in its place. */
export function isDescription(value: string): boolean {
  return value.endsWith(WELL_KNOWN)
}

/** True for an address that says itself that it is on this machine or in a private network. A name that leads there says nothing of it. */
export function isPrivateIssuer(value: string): boolean {
  const url = webAddress(value)
  return url !== undefined && isPrivateHost(url.hostname)
}

/** Where an application may be led to. RFC 8252: 7.1 private-use schemes, which have a dot; 7.3 loopback. */
export function isRedirect(value: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(value) || value.includes('#')) return false
  const url = webAddress(value)
  if (url) return url.protocol === 'https:' || isLoopback(url.hostname)
  return /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/.test(value) && URL.canParse(value)
}

/** True for an address at another product's host, as opposed to a path of this one. */
export function isElsewhere(page: string): boolean {
  return !page.startsWith('/')
}

/** Where a page elsewhere may be: https, or http on this machine. The key alone is its query. */
export function isPage(value: string): boolean {
  const url = webAddress(value)
  return url !== undefined && !/[?#]/.test(value) && (url.protocol === 'https:' || isLoopback(url.hostname))
}

/** An origin as it is written in one way only, so that two can be compared as text. */
export function isOrigin(value: string): boolean {
  return isPage(value) && new URL(value).origin === value
}

/** The origin of a page elsewhere; undefined for a path, and for what is no address. */
export function originOf(page: string): string | undefined {
  return isElsewhere(page) && isPage(page) ? new URL(page).origin : undefined
}
