// Reading a posted JSON object: one that means the same to everybody who reads it, and no other.
import { isUtf8 } from 'node:buffer'
import express, { type RequestHandler } from 'express'
import { PageError } from './errors.ts'
import { LIMIT_BYTES, readBody } from './forms.ts'

const JSON_TYPE = 'application/json'
const { raw } = express
const bytes = raw({ type: JSON_TYPE, limit: LIMIT_BYTES, inflate: false })

/**
 * Parses a JSON object of at most 100 kB into `body`. Another type is 415; what is no object, names a member twice, or has text that is not
 * Unicode is 400 (RFC 8259, 4 and 8.2, calls the meaning of such text unpredictable; RFC 7493 forbids it).
 */
export const jsonBody: RequestHandler = (req, res, next) =>
  readBody(
    JSON_TYPE,
    (_req, _res, goOn) =>
      bytes(req, res, (error?: unknown) => {
        if (error) return goOn(error)
        const value = readObject(req.body)
        if (value === undefined) return goOn(new PageError(400, 'bad-request'))
        req.body = value
        goOn()
      }),
    req,
    res,
    next,
  )

function readObject(body: unknown): object | undefined {
  if (!Buffer.isBuffer(body) || !isUtf8(body)) return undefined
  const text = body.toString()
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject && membersOf(value) === membersIn(text) ? value : undefined
  } catch {
    return undefined
  }
}

/** How many members all objects in a value have together. Throws for text that is not Unicode, and for what nests for ever. */
function membersOf(value: unknown): number {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new Error('A lone surrogate.')
    return 0
  }
  if (typeof value !== 'object' || value === null) return 0
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + membersOf(item), 0)
  return Object.entries(value).reduce((sum, [name, item]) => sum + 1 + membersOf(name) + membersOf(item), 0)
}

/** How many are written: strings with a colon behind them. The parser keeps the last of those with one name. */
function membersIn(text: string): number {
  return [...text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined).length
}
