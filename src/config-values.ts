// How a single environment variable is read: what each kind must be, with an example for whoever gets it wrong.
import { X509Certificate } from 'node:crypto'
import { didYouMean, type Fault } from './config-faults.ts'

export type Environment = Record<string, string | undefined>

/** What a text must be. */
export interface Rule {
  kind: string
  example: string
  fits: (value: string) => boolean
  /** What is wrong with one that does not fit, where more can be said than that it is not of the kind. It repeats nothing of the value. */
  problem?: (value: string) => string | undefined
}

export const DATABASE: Rule = {
  kind: 'a postgres:// address',
  example: 'postgres://vestibule:password@database.example:5432/vestibule',
  fits: (value) => /^postgres(ql)?:\/\/./.test(value) && URL.canParse(value) && databaseProblem(value) === undefined,
  problem: databaseProblem,
}
export const SECRET: Rule = {
  kind: 'at least 32 characters',
  example: 'the output of: openssl rand -base64 48',
  fits: (value) => value.length >= 32,
}
export const TOKEN: Rule = {
  kind: 'at least 16 characters without spaces',
  example: 'the output of: openssl rand -hex 24',
  fits: (value) => /^[\x21-\x7e]{16,}$/.test(value),
}
export const CERTIFICATE: Rule = {
  kind: 'the text of a certificate, from BEGIN to END',
  example: '-----BEGIN CERTIFICATE-----\\n…\\n-----END CERTIFICATE-----',
  fits: (value) => areCertificates(onLines(value)),
}
export const HOST: Rule = {
  kind: 'an address without a port',
  example: '0.0.0.0',
  fits: (value) => /^[\w.:%-]+$/.test(value),
}

/** new URL() reads it later. It ends the host at the first # or /, and would take half of a password for a name, which is said aloud. */
function databaseProblem(value: string): string | undefined {
  const [, authority = '', path = ''] = /^postgres(?:ql)?:\/\/([^/?#]*)([^?#]*)/.exec(value) ?? []
  if (value.includes('#')) return 'has a #: in a user or a password it is written as %23'
  if (authority !== '' && !authority.includes('@') && path.includes('@'))
    return 'has a / before its @: in a user or a password it is written as %2F'
  const port = /:(\d+)$/.exec(authority.slice(authority.lastIndexOf('@') + 1))?.[1]
  if (port !== undefined && !isWhole(1, 65_535)(Number(port))) return 'has a port that is not from 1 to 65535'
  return undefined
}

/** Platforms keep a variable on one line, with \\n written out. */
export const onLines = (value: string) => value.replaceAll(/(\\r)?\\n/g, '\n')

/** Read here, since whoever connects would only hear that nobody vouches for the database. A bundle may say between two of them whose they are. */
function areCertificates(text: string): boolean {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  const borders = text.match(/-----(BEGIN|END) /g) ?? []
  return (
    blocks.length > 0 &&
    borders.length === blocks.length * 2 &&
    text.trim().endsWith('-----') &&
    blocks.every(isCertificate)
  )
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

export const isWhole = (min: number, max: number) => (value: number) =>
  Number.isInteger(value) && value >= min && value <= max

export type Refuse = (path: string, problem: string, example: string) => void

/** One reader per kind of variable. Each notes what is wrong and answers the default, so that reading goes on to the next fault. */
export function readers(env: Environment) {
  const faults: Fault[] = []
  const refuse: Refuse = (path, problem, example) => faults.push({ path, problem, example })
  return {
    faults,
    refuse,
    number(name: string, fallback: number, kind: string, fits: (value: number) => boolean): number {
      const value = /^\d*\.?\d+$/.test(env[name] ?? '') ? Number(env[name]) : Number.NaN
      if (env[name] === undefined) return fallback
      if (fits(value)) return value
      refuse(name, `must be ${kind}`, String(fallback))
      return fallback
    },
    oneOf<Value extends string>(name: string, fallback: Value, values: Value[], example = fallback): Value {
      const value = values.find((known) => known === env[name])
      if (env[name] !== undefined && value === undefined) {
        refuse(name, `must be one of ${values.join(', ')}${didYouMean(env[name], values)}`, example)
      }
      return value ?? fallback
    },
    flag(name: string, fallback: boolean): boolean {
      if (env[name] === undefined) return fallback
      if (!/^(0|1|true|false)$/.test(env[name])) refuse(name, 'must be 1 or 0', '1')
      return /^(1|true)$/.test(env[name])
    },
    text<Key extends string>(key: Key, name: string, { kind, example, fits, problem }: Rule) {
      const value = env[name]
      if (value !== undefined && !fits(value)) refuse(name, problem?.(value) ?? `must be ${kind}`, example)
      return (value === undefined ? {} : { [key]: value }) as { [name in Key]?: string }
    },
  }
}
