// Refuses forms that another site, another flow or nobody filled in. The only file that imports the CSRF package.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import csurf from 'csurf'
import type { Request, RequestHandler } from 'express'
import { PageError } from './errors.ts'

/**
 * Fetch metadata first: a browser that says where the request comes from is believed when it says "elsewhere"; one that says
 * nothing is left to the token (design.md 5.1). `Origin: null` is elsewhere too.
 */
export function sameOrigin(publicUrl: URL): RequestHandler {
  return (req, _res, next) => {
    if (!isSameOrigin(publicUrl, req)) throw new PageError(403, 'csrf')
    next()
  }
}

/** The same as a question. */
export function isSameOrigin(publicUrl: URL, { headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const { 'sec-fetch-site': site, origin } = headers
  return (site === undefined || site === 'same-origin') && (origin === undefined || origin === publicUrl.origin)
}

const protect = csurf({
  // The secret follows from the flow cookie: nothing is written, and a token of one flow is worth nothing in another.
  sessionKey: 'flow',
  value: tokenOf,
})

/** By default the package also takes tokens from the query string, where they would leak into logs, and from headers. */
function tokenOf(req: Request): string {
  const token: unknown = (req.body as Record<string, unknown> | undefined)?.['_csrf']
  return typeof token === 'string' ? token : ''
}

/** Checks the form's token against the secret of the flow that it belongs to; on GET only makes `csrfToken` work. */
export function flowToken(secret: (req: Request) => string): RequestHandler {
  return (req, res, next) => {
    Object.assign(req, { flow: { csrfSecret: secret(req) } })
    protect(req, res, next)
  }
}

/** A fresh token for a form on this page. `flowToken` must have run. */
export function csrfToken(req: Request): string {
  return (req as Request & { csrfToken(): string }).csrfToken()
}

/** A secret for a session that begins: without one the first form in it would have to save it. */
export function newSecret(): string {
  return randomBytes(18).toString('base64url')
}

/** The same for people who are signed in: the secret is their session's, which must have been found before. */
export const sessionToken: RequestHandler = csurf({ sessionKey: 'session', value: tokenOf })

/** Makes `csrfToken` work and asks for none: for the answer to a form that was too much to be read, its token included. It may change nothing. */
export const pageToken: RequestHandler = csurf({ sessionKey: 'session', ignoreMethods: ['GET', 'HEAD', 'POST'] })
