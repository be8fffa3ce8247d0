// Who asks, as far as limits go: the client's address, and for IPv6 the network that one customer is given.
import { isIPv6 } from 'node:net'
import type { Request } from 'express'

/**
 * The client that a request is counted for. `req.ip` is the address that the trusted proxies saw (Express, `trust proxy`), never what the client
 * says of itself. One line has a /64 of IPv6 at the least (RFC 6177), so whoever has one address there has all of them.
 */
export function clientOf(req: Pick<Request, 'ip'>): string {
  return networkOf(req.ip ?? '')
}

/** An IPv4 address as it is, also when it is written as IPv6; of an IPv6 address its /64. Anything else is a name of its own. */
export function networkOf(address: string): string {
  const [plain = ''] = address.split('%')
  if (!isIPv6(plain)) return address
  const groups = groupsOf(plain)
  if (groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return dotted(groups.slice(6))
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** The eight groups of an IPv6 address, in hexadecimal without leading zeros. */
function groupsOf(address: string): string[] {
  // The URL parser writes an address in one way (WHATWG URL, IPv6 serializer), the last four bytes in hexadecimal too.
  const written = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = [], tail = []] = written.split('::').map((part) => (part === '' ? [] : part.split(':')))
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail]
}

function dotted(groups: string[]): string {
  return groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255])
    .join('.')
}
