// Codes of an authenticator app (RFC 6238). The only file that imports the package for them, and the one for their QR code.
import { Secret, TOTP } from 'otpauth'
import { encode, renderSVG } from 'uqr'
import { sixDigitsIn } from './digits.ts'

const SECRET_BYTES = 20
const PERIOD_SECONDS = 30
/** A code of the step before or after is taken too: clocks differ, and people are slow (RFC 6238, 5.2). */
const STEPS_AROUND = 1
/** A QR code holds some 2,000 characters, and a character of a name may be twelve of an address. */
const LABEL_MAX = 100
/** The white around a picture that a camera needs, whatever it lies on (ISO/IEC 18004). */
const BORDER = 4

/** A new secret, in base 32, as people type it where they cannot scan. */
export function newTotpSecret(): string {
  return new Secret({ size: SECRET_BYTES }).base32
}

/** What an app reads from the QR code: `otpauth://totp/…`. */
export function totpAddress(secret: string, { issuer, label }: { issuer: string; label: string }): string {
  const [...characters] = label
  return new TOTP({ issuer, label: characters.slice(0, LABEL_MAX).join(''), secret, period: PERIOD_SECONDS }).toString()
}

/** As people type it where they cannot scan. */
export function inGroups(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(' ') ?? ''
}

/** The QR code of an address, as SVG without style or script; `name` says what it is to those who do not see it. */
export function qrCode(address: string, name: string): string {
  const picture = renderSVG(address, { border: BORDER })
  return picture.replace('<svg ', `<svg role="img" aria-label="${name}" width="220" height="220" `)
}

/** The same as a path of unit squares, `size` wide and high: for a page that draws it itself. */
export function qrShape(address: string): { size: number; path: string } {
  const { size, data } = encode(address, { border: BORDER })
  const squares = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : [])))
  return { size, path: squares.join('') }
}

/** The time step of a code that is right at `now`; undefined for one that is wrong. Spaces in it do not matter, nor whose digits they are. Whether it was used already is the database's to say. */
export function totpStepOf(secret: string, code: string, now: Date): number | undefined {
  const digits = sixDigitsIn(code)
  if (digits === undefined) return undefined
  const delta = new TOTP({ secret, period: PERIOD_SECONDS }).validate({
    token: digits,
    timestamp: now.getTime(),
    window: STEPS_AROUND,
  })
  return delta === null ? undefined : Math.floor(now.getTime() / 1000 / PERIOD_SECONDS) + delta
}
