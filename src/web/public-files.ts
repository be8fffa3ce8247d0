// Our own style sheets, scripts and pictures, compressed: in front of many processes there is a router that compresses nothing.
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { PageError } from './errors.ts'

interface Compressed {
  mtimeMs: number
  content: Buffer
  etag: string
}

const NAME = /^\/[\w-]+\.(?:css|js|svg)$/
const LEVEL = 9

/**
 * Serves the texts right in `folder` by gzip to whoever reads that, each compressed once; everything else goes on. Never our pages: they
 * hold a token beside what a person or an idp wrote, and the length of what is compressed together tells one by the other (BREACH).
 */
export function compressedFiles(folder: string, maxAgeMs: number): RequestHandler {
  const kept = new Map<string, Compressed>()

  async function find(name: string): Promise<Compressed | undefined> {
    const file = path.join(folder, name)
    const found = await stat(file).catch(() => undefined)
    if (!found?.isFile()) return undefined
    const known = kept.get(name)
    if (known?.mtimeMs === found.mtimeMs) return known
    const content = await promisify(gzip)(await readFile(file), { level: LEVEL })
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 16)}"`
    const made = { mtimeMs: found.mtimeMs, content, etag }
    kept.set(name, made)
    return made
  }

  return async (req, res, next) => {
    if (!NAME.test(req.path) || (req.method !== 'GET' && req.method !== 'HEAD')) return next()
    res.vary('Accept-Encoding')
    if (!req.acceptsEncodings('gzip')) return next()
    const file = await find(req.path)
    if (!file) return next()
    res.set({
      'Content-Encoding': 'gzip',
      'Cache-Control': `public, max-age=${Math.floor(maxAgeMs / 1000)}`,
      ETag: file.etag,
    })
    res.type(path.extname(req.path)).send(file.content)
  }
}

/** What express.static throws where somebody asks for a file on a condition that does not hold (RFC 9110, 13.1): theirs to mend, and no fault of ours. */
export const unmetCondition: ErrorRequestHandler = (error, _req, res, next) => {
  if (error?.status !== 412) return next(error)
  // Of the file, which is not what comes.
  for (const name of ['ETag', 'Last-Modified']) res.removeHeader(name)
  next(new PageError(412, 'bad-request'))
}
