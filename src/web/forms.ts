// Reading a posted form: what it may be, and one value per field.
import { isUtf8 } from 'node:buffer'
import express, {
  type Response as ExpressResponse,
  type NextFunction,
  type Request,
  type RequestHandler,
  raw,
} from 'express'
import { PageError } from './errors.ts'

/** The longest body that is read. */
export const LIMIT_BYTES = 100 * 1024
/** The longest one with a file: what is a little too large is still told so in words. */
export const UPLOAD_BYTES = 1024 * 1024
const NOT_TEXT = 'form.not.text'

const parse = express.urlencoded({
  extended: false,
  limit: LIMIT_BYTES,
  // A hundred roles of an identity provider are two hundred fields; what parsing costs is bounded by the bytes.
  parameterLimit: 1_000,
  // Browsers never compress a form; whoever does gets 415 instead of our memory.
  inflate: false,
  verify: (_req, _res, body) => {
    if (!isText(body)) throw Object.assign(new Error('The form is not UTF-8.'), { type: NOT_TEXT })
  },
})

/** Parses a urlencoded body of at most 100 kB. Another type or character set is 415 before a byte is read into fields; bytes that are no UTF-8 are 400. */
export const formBody: RequestHandler = (req, res, next) =>
  readBody('application/x-www-form-urlencoded', parse, req, res, next)

const parseRaw = raw({ type: 'multipart/form-data', limit: UPLOAD_BYTES, inflate: false })

/** Parses a form with a file (RFC 7578) of at most 1 MB: fields are texts, files are buffers. Nothing is written anywhere. A body that is none is 400. */
export const uploadBody: RequestHandler = (req, res, next) => {
  const parse: RequestHandler = (_req, _res, done) =>
    parseRaw(req, res, (error?: unknown) => {
      if (error) return done(error)
      readParts(req).then(
        (fields) => {
          req.body = fields
          done()
        },
        () => done(new PageError(400, 'bad-request')),
      )
    })
  readBody('multipart/form-data', parse, req, res, next, UPLOAD_BYTES)
}

async function readParts(req: Request): Promise<Record<string, string | Buffer>> {
  const headers = { 'Content-Type': req.headers['content-type'] ?? '' }
  // Node's own parser, of fetch.
  const form = await new Response(req.body as Buffer, { headers }).formData()
  const parts = [...form.entries()].map(
    async ([name, value]): Promise<[string, string | Buffer]> => [
      name,
      typeof value === 'string' ? value : Buffer.from(await value.arrayBuffer()),
    ],
  )
  const names = new Set([...form.keys()])
  if (names.size < parts.length) throw new Error('A field is repeated.')
  return Object.fromEntries(await Promise.all(parts))
}

/** Has `parse` read a body of this type, and of at most 100 kB however it is sent. */
export function readBody(
  type: string,
  parse: RequestHandler,
  req: Request,
  res: ExpressResponse,
  next: NextFunction,
  limit = LIMIT_BYTES,
): void {
  const isOfType = req.is(type)
  // The parser would take ISO 8859-1 too, in which the same bytes are another name. Our pages are UTF-8, and so is what browsers send from them.
  const charsets = [...(req.headers['content-type'] ?? '').matchAll(/;\s*charset\s*=\s*"?([^";\s]*)/gi)]
  if (!isOfType || charsets.some(([, charset = '']) => charset.toLowerCase() !== 'utf-8'))
    throw new PageError(415, 'wrong-type')
  if (Number(req.headers['content-length']) > limit) throw new PageError(413, 'too-large')
  let isAnswered = false
  const goOn = (error?: unknown) => {
    if (isAnswered) return
    isAnswered = true
    next((error as { type?: unknown } | undefined)?.type === NOT_TEXT ? new PageError(400, 'bad-request') : error)
  }
  parse(req, res, goOn)
  // The parser reads off all the rest before it says that there is too much, and a rest without an announced length may never end.
  let size = 0
  req.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > limit) goOn(new PageError(413, 'too-large'))
  })
}

/** Text as browsers encode it. The parser would leave a broken escape as it stands, so that two bodies meant one value. */
function isText(body: Buffer): boolean {
  if (!isUtf8(body)) return false
  try {
    decodeURIComponent(body.toString())
    return true
  } catch {
    return false
  }
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

/**
 * Text of several lines in one, as a field has it: `joint` stands for each break and the space around it. Line by line: an expression for the space
 * before a break would take the square of a long run of spaces.
 */
export function inOneLine(text: string, joint: string): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim())
  return lines.filter((line) => line !== '').join(joint)
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

/** The same of one that is looked for in the database: undefined as well for what is no text to PostgreSQL, which nothing there is called. */
export function textParameter(value: unknown): string | undefined {
  const text = oneParameter(value)
  return text?.includes('\0') ? undefined : text
}
