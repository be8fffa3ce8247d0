// Headers of every response, and which Host may be asked.
import type { RequestHandler } from 'express'
import helmet from 'helmet'
import { PageError } from './errors.ts'

/** By hand, without unsafe-*. form-action 'self' also binds every redirect after a form: no form of ours leaves the house directly. */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
    objectSrc: ["'none'"],
    manifestSrc: ["'self'"],
  },
}

export function securityHeaders(publicUrl: URL): RequestHandler {
  return helmet({
    contentSecurityPolicy: CONTENT_SECURITY_POLICY,
    // no-referrer would make Chromium send "Origin: null" with a page's own form.
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    strictTransportSecurity:
      publicUrl.protocol === 'https:' ? { maxAge: 180 * 86_400, includeSubDomains: false } : false,
  })
}

/** Only PUBLIC_URL's host is ours: a page under another name would get cookies and addresses of the wrong one. Probes are exempt, they come before. */
export function onlyOurHost(publicUrl: URL): RequestHandler {
  return (req, res, next) => {
    if (req.headers.host?.toLowerCase() === publicUrl.host) return next()
    if (req.method !== 'GET' && req.method !== 'HEAD') throw new PageError(421, 'misdirected')
    // Path and query only: "/\\evil.example" and an absolute address name a host of their own.
    const { pathname, search } = new URL(req.originalUrl, publicUrl)
    const target = new URL(publicUrl)
    target.pathname = pathname
    target.search = search
    res.redirect(308, target.href)
  }
}
