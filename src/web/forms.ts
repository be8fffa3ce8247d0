// Reading a posted form: what it may be, and one value per field.
import express, { type RequestHandler } from 'express'
import { PageError } from './errors.ts'

// Browsers never compress a form; whoever does gets 415 instead of our memory.
const parse = express.urlencoded({ extended: false, limit: '100kb', parameterLimit: 200, inflate: false })

/** Parses a urlencoded body of at most 100 kB; anything else is 415 before a byte is read into fields. */
export const formBody: RequestHandler = (req, res, next) => {
  if (!req.is('application/x-www-form-urlencoded')) throw new PageError(415, 'wrong-type')
  parse(req, res, next)
}

export interface Fields {
  /** The field's one value, or '' when it is absent. A repeated single field is 400. */
  one(name: string): string
  /** Every value of a field that may be repeated. */
  all(name: string): string[]
  names: string[]
}

export function readFields(body: unknown): Fields {
  const values = new Map(Object.entries((body ?? {}) as Record<string, unknown>))
  const all = (name: string) => [values.get(name) ?? []].flat().filter((value) => typeof value === 'string')
  return {
    all,
    names: [...values.keys()],
    one(name) {
      const given = all(name)
      if (given.length > 1) throw new PageError(400, 'bad-request')
      return given[0] ?? ''
    },
  }
}

/** The query of an address as it stands, without its question mark. A second one is part of the query (RFC 3986, 3.4). */
export function queryOf(url: string): string {
  const at = url.indexOf('?')
  return at === -1 ? '' : url.slice(at + 1)
}

/** Exactly one value of a query parameter; undefined for none and for several. */
export function oneParameter(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
