// Values that nobody else has, and the search for them wherever they could be lying about, in every form.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Scene } from './product.ts'
import { stranger } from './road.ts'
import type { Newcomer } from './visits.ts'

/** 128 random bits: found anywhere, it was put there. */
export const canary = () => randomBytes(16).toString('hex')

/** A text in every form in which it could be lying about. */
export function formsOf(text: string): { form: string; bytes: Buffer }[] {
  const raw = Buffer.from(text, 'utf8')
  const forms: [string, string | Buffer][] = [
    ['plain', raw],
    ['in capitals', text.toUpperCase()],
    ['in small letters', text.toLowerCase()],
    ['backwards', [...text].reverse().join('')],
    ['as hex', raw.toString('hex')],
    ['as hex in capitals', raw.toString('hex').toUpperCase()],
    ['percent-encoded', encodeURIComponent(text)],
    ['percent-encoded throughout', [...raw].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')],
    ['as a JSON string', JSON.stringify(text).slice(1, -1)],
    ['as JSON escapes', [...text].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')],
    ['as UTF-16, little end first', Buffer.from(text, 'utf16le')],
    ['as UTF-16, big end first', Buffer.from(text, 'utf16le').swap16()],
  ]
  // In base64 a text looks different at each of three distances from the beginning; its first and last characters mix with neighbours.
  for (const [name, bytes] of [
    ['base64', raw],
    ['base64 of UTF-16', Buffer.from(text, 'utf16le')],
  ] as const) {
    for (const distance of [0, 1, 2]) {
      const padded = Buffer.concat([Buffer.alloc(distance), bytes])
      const first = Math.ceil((distance * 8) / 6)
      const end = Math.floor((padded.length * 8) / 6)
      forms.push([`as ${name}`, padded.toString('base64').slice(first, end)])
      forms.push([`as ${name} for addresses`, padded.toString('base64url').slice(first, end)])
    }
  }
  return forms.map(([form, value]) => ({ form, bytes: Buffer.from(value) }))
}

/** A dump as whoever stole it would read it: as it is, and with every bytea and every base64 in it opened. */
export function readings(text: string): Buffer {
  const opened = [...text.matchAll(/\\x((?:[0-9a-f]{2})+)/g)].map(([, hex = '']) => Buffer.from(hex, 'hex'))
  const decoded = [...text.matchAll(/[\w+/-]{20,}={0,2}/g)].flatMap(([piece]) => [
    Buffer.from(piece, 'base64'),
    Buffer.from(piece.slice(1), 'base64'),
  ])
  const again = opened.map((bytes) => Buffer.from(bytes.toString('latin1'), 'base64'))
  return Buffer.concat(
    [Buffer.from(text), ...opened, ...decoded, ...again].flatMap((part) => [part, Buffer.from('\n')]),
  )
}

export function assertAbsent(where: string, text: string, secrets: Record<string, string>): void {
  const haystack = readings(text)
  for (const [name, secret] of Object.entries(secrets)) {
    assert.ok(secret.length >= 12, `${name} is too short to look for`)
    for (const { form, bytes } of formsOf(secret)) {
      assert.ok(!haystack.includes(bytes), `${name} is in ${where}, ${form}`)
    }
  }
}

/** Somebody of whom every claim is a canary, and the canaries by claim. */
export function markedPerson(product: Scene): { person: Newcomer; marks: Record<string, string> } {
  const marks: Record<string, string> = {}
  const mark = (claim: string) => {
    marks[claim] = canary()
    return marks[claim]
  }
  const person = stranger(product, {
    sub: mark('sub'),
    preferred_username: `u${mark('preferred_username')}`,
    name: mark('name'),
    given_name: mark('given_name'),
    family_name: mark('family_name'),
    email: `${mark('email')}@acme.example`,
    phone_number: `+${mark('phone_number')}`,
    address: { formatted: mark('formatted'), locality: mark('locality') },
    department: mark('department'),
    nickname: mark('nickname'),
    unheardOf: mark('unheardOf'),
  })
  return { person, marks }
}

export function without(marks: Record<string, string>, ...claims: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(marks).filter(([claim]) => !claims.includes(claim)))
}
