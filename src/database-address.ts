// TLS to the database: what DATABASE_SSL, DATABASE_CA_CERT and the address's own sslmode come to. Pure.
import type { ConnectionOptions } from 'node:tls'

export type DatabaseSsl = 'auto' | 'off' | 'require' | 'verify'

export interface DatabaseAddress {
  /** What the driver is given: without sslmode, which it would read in its own way and put before `ssl`. */
  url: string
  ssl: false | ConnectionOptions
  /** Encrypted, but whoever sits in between could be the other end. */
  isUnverified: boolean
}

/** Hosts of this machine, of a socket, or of a private network that encrypts by itself (Fly, Railway). */
const NEAR = /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|.*\.internal|)$/

/**
 * How to connect to the database at `url`, a postgres:// address. An sslmode or ssl in it wins over `mode`, with the meaning that
 * libpq gives it: require and its weaker kin encrypt without looking at the certificate, unless there is an authority to check it
 * against. `caCert` is that authority, as PEM text; with it everything that is encrypted is verified. An address that names
 * certificate files is left to the driver as it is.
 */
export function databaseAddress(url: string, mode: DatabaseSsl, caCert?: string): DatabaseAddress {
  const address = new URL(url)
  const { hostname, searchParams } = address
  if (['sslrootcert', 'sslcert', 'sslkey'].some((name) => searchParams.has(name))) {
    return { url, ssl: false, isUnverified: false }
  }
  const isNear = NEAR.test(searchParams.get('host')?.startsWith('/') ? '' : hostname)
  const wanted = ownMode(searchParams) ?? (mode === 'auto' ? (isNear ? 'off' : 'require') : mode)
  searchParams.delete('sslmode')
  searchParams.delete('ssl')
  if (wanted === 'off') return { url: address.href, ssl: false, isUnverified: false }
  if (wanted === 'verify' || caCert !== undefined) {
    const authority = caCert === undefined ? {} : { ca: caCert }
    return { url: address.href, ssl: { rejectUnauthorized: true, ...authority }, isUnverified: false }
  }
  // Hosted PostgreSQL often has a certificate of its own making.
  return { url: address.href, ssl: { rejectUnauthorized: false }, isUnverified: true }
}

function ownMode(parameters: URLSearchParams): Exclude<DatabaseSsl, 'auto'> | undefined {
  const sslmode = parameters.get('sslmode') ?? parameters.get('ssl')
  if (sslmode === null) return undefined
  if (/^(disable|0|false)$/.test(sslmode)) return 'off'
  // What node-postgres calls no-verify is libpq's require without an authority.
  return /^(verify-ca|verify-full|1|true)$/.test(sslmode) ? 'verify' : 'require'
}
