// Cookies of ours: how they are named and kept at the address that people use, and what came back of them.
import type { IncomingMessage } from 'node:http'

/** The name of a cookie. Only a secure origin may set __Host- cookies, which no sibling host can overwrite. */
export function cookieName(publicUrl: URL, name: string): string {
  return publicUrl.protocol === 'https:' ? `__Host-${name}` : name
}

/** What every cookie of ours has in common, as it is written. */
export function cookieAttributes(publicUrl: URL): string {
  // Lax and not Strict: the idp's callback is a cross-site navigation and must carry the cookie.
  return `Path=/; HttpOnly; SameSite=Lax${publicUrl.protocol === 'https:' ? '; Secure' : ''}`
}

/** The request's cookies as [name, value], oldest first. */
export function cookiesOf(req: IncomingMessage): [string, string][] {
  return (req.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim().split('=', 2))
    .map(([name = '', value = '']): [string, string] => [name, value])
}
