// TLS to the database: a table of addresses, each with what the settings make of it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type DatabaseSsl, databaseAddress } from '../src/database-address.ts'

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'
const HEROKU = 'postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d'

type Outcome = 'off' | 'unverified' | 'verified' | "the driver's"

const TABLE: { why: string; url: string; mode?: DatabaseSsl; caCert?: string; outcome: Outcome }[] = [
  { why: 'this machine by name', url: 'postgres://u:p@localhost/d', outcome: 'off' },
  { why: 'this machine by IPv4', url: 'postgres://u:p@127.0.0.1:5433/d', outcome: 'off' },
  { why: 'this machine by IPv6', url: 'postgres://u:p@[::1]/d', outcome: 'off' },
  { why: 'a socket', url: 'postgres:///d?host=/var/run/postgresql', outcome: 'off' },
  { why: 'a private network', url: 'postgres://u:p@db.flycast.internal/d', outcome: 'off' },
  { why: 'a hosted database with a certificate of its own making', url: HEROKU, outcome: 'unverified' },
  { why: 'the same with its authority given', url: HEROKU, caCert: PEM, outcome: 'verified' },
  { why: 'verification asked for', url: HEROKU, mode: 'verify', outcome: 'verified' },
  { why: 'encryption turned off', url: HEROKU, mode: 'off', outcome: 'off' },
  { why: 'encryption required near by', url: 'postgres://u:p@localhost/d', mode: 'require', outcome: 'unverified' },
  { why: 'sslmode=require in the address', url: `${HEROKU}?sslmode=require`, mode: 'off', outcome: 'unverified' },
  { why: 'sslmode=require with an authority', url: `${HEROKU}?sslmode=require`, caCert: PEM, outcome: 'verified' },
  { why: 'sslmode=no-verify', url: `${HEROKU}?sslmode=no-verify`, mode: 'off', outcome: 'unverified' },
  { why: 'sslmode=verify-full', url: `${HEROKU}?sslmode=verify-full&application_name=v`, outcome: 'verified' },
  { why: 'sslmode=disable', url: `${HEROKU}?sslmode=disable`, mode: 'verify', outcome: 'off' },
  { why: 'ssl=true', url: `${HEROKU}?ssl=true`, outcome: 'verified' },
  { why: 'certificate files', url: `${HEROKU}?sslmode=verify-ca&sslrootcert=/ca.pem`, outcome: "the driver's" },
]

describe('TLS to the database', () => {
  for (const { why, url, mode = 'auto', caCert, outcome } of TABLE) {
    test(`${why}: ${outcome}`, () => {
      const address = databaseAddress(url, mode, caCert)
      const verified = address.ssl !== false && address.ssl.rejectUnauthorized === true
      const found = address.ssl === false ? 'off' : verified ? 'verified' : 'unverified'
      if (outcome === "the driver's") return assert.deepEqual(address, { url, ssl: false, isUnverified: false })
      assert.equal(found, outcome)
      assert.equal(address.isUnverified, outcome === 'unverified', 'the risk is known to whoever prints the warning')
      assert.equal(address.ssl !== false && address.ssl.ca, address.ssl !== false && caCert)
      // The driver would read these before the rest, and in its own way.
      assert.doesNotMatch(address.url, /sslmode|[?&]ssl=/)
      const { username, host, pathname } = new URL(url)
      assert.deepEqual(
        [username, host, pathname],
        [new URL(address.url).username, new URL(address.url).host, new URL(address.url).pathname],
      )
      if (url.includes('application_name')) assert.match(address.url, /application_name=v/)
    })
  }
})
