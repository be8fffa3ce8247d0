// A theme in use: where its files are, what it looks like, and the addresses at which browsers find its own files.
import type { RequestHandler, Response } from 'express'

/** What the head and the header of every page say. */
export interface Look {
  /** Addresses, in the order in which they hold. */
  stylesheets: string[]
  logo: string
  icon: string
  /** The address of a file of the theme's `public` folder; undefined if it has none of this name. */
  asset(name: string): string | undefined
}

/** A file as it is served; by its path below /theme. */
export interface ThemeFile {
  type: string
  content: Buffer
}

export interface Theme {
  name: string
  /** Its own first, then those of its parents; ours is not among them. */
  folders: string[]
  /** What it adds to our content security policy, by directive. */
  csp: Partial<Record<CspDirective, string[]>>
  /** Its look as it is now: in production as it was at the start. */
  look(): Look
  /** Its files as they are now, by path: `/<hash>/logo.svg`. */
  files(): ReadonlyMap<string, ThemeFile>
}

export type CspDirective = 'imgSrc' | 'fontSrc' | 'styleSrc' | 'scriptSrc'

/** The look of our pages without a theme. */
export const OUR_LOOK: Look = {
  stylesheets: ['/public/style.css'],
  logo: '/public/logo.svg',
  icon: '/public/logo.svg',
  asset: () => undefined,
}

/** Where the files of the published appearance are (themes/published.ts). */
export const APPEARANCE = '/appearance'

/** The kinds of file that a theme may have in `public`. Scripts are none: their text stands in a page, and its hash in theme.json. */
export const FILE_TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.gif': 'image/gif',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.txt': 'text/plain; charset=utf-8',
}

/** What is served: by path, as it is now; and, where another process may know newer ones than this, a way to learn of them. */
export interface ServedFiles {
  files(): ReadonlyMap<string, ThemeFile>
  reread?(): Promise<void>
}

/** Serves a theme's files. Their addresses have a hash of what is in them, so a browser never asks again. */
export function themeFiles({ files, reread }: ServedFiles): RequestHandler {
  return async (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return next()
    const name = pathOf(req.path)
    if (reread && !files().has(name) && HAS_HASH.test(name)) await reread()
    const file = files().get(name)
    if (!file) return next()
    sendThemeFile(res, file, 'public, max-age=31536000, immutable')
  }
}

/** Answers with a file. `caching` says who may keep it. */
export function sendThemeFile(res: Response, { type, content }: ThemeFile, caching: string): void {
  res.setHeader('Cache-Control', caching)
  // A picture opened by itself is a document of our origin, and an SVG may hold script.
  if (type === FILE_TYPES['.svg']) res.setHeader('Content-Security-Policy', "default-src 'none'; sandbox")
  res.type(type).send(content)
}

/** No page of any process links to a file of another name. */
const HAS_HASH = /^\/[\w-]{16}\.\w+$/

function pathOf(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return ''
  }
}
