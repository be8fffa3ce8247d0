// Tells the addresses of the public internet from all others: this machine, its networks, and what a cloud keeps for itself. Pure.
import ipaddr from 'ipaddr.js'

/** Public by its number, and still a service for the machines of one cloud alone: Azure's WireServer. The others are link-local. */
const CLOUD = ['168.63.129.16']

/** What stands before an IPv4 address on networks that have IPv6 alone (RFC 6052, 2.1). */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/** IPv6 that is assigned to the internet (RFC 4291, 2.4); the rest means something else, or nothing yet. */
const GLOBAL = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * True for an IP address, as the system writes it, that any machine on the internet reaches as the same one. What is not known to be
 * public is private: also IPv4 inside IPv6 in whatever form, reserved ranges, and what is no address.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === 'unicast' && !CLOUD.includes(parsed.toString())
  if (parsed.match(NAT64)) return isPublicAddress(parsed.toByteArray().slice(12).join('.'))
  return parsed.range() === 'unicast' && parsed.match(GLOBAL)
}

/**
 * True for a host, as `new URL` reads it, that says itself that it is private: a number, or a name of this machine (RFC 6761, 6.3). Of other
 * names nobody knows before they are looked up.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  return /^(.+\.)?localhost$/i.test(host) || (ipaddr.isValid(host) && !isPublicAddress(host))
}
