// Headers of every response, and which Host may be asked.
import type { Request, RequestHandler, Response } from 'express'
import helmet from 'helmet'
import { PageError } from './errors.ts'
import type { Theme } from './theme.ts'

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

/** `more` is what a theme adds to the policy: origins, and hashes of scripts. */
export function securityHeaders(publicUrl: URL, more: Theme['csp'] = {}): RequestHandler {
  const { directives } = CONTENT_SECURITY_POLICY
  const extended = Object.entries(more).map(([name, sources]) => [name, ["'self'", ...sources]])
  return helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { ...directives, ...Object.fromEntries(extended) } },
    // no-referrer would make Chromium send "Origin: null" with a page's own form.
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    strictTransportSecurity:
      publicUrl.protocol === 'https:' ? { maxAge: 180 * 86_400, includeSubDomains: false } : false,
  })
}

/**
 * Only PUBLIC_URL's host is ours: a page under another name would get cookies and addresses of the wrong one. Two names are 400 (RFC 9112, 3.2),
 * because a proxy may believe the other one. Probes are exempt, they come before.
 */
export function onlyOurHost(publicUrl: URL): RequestHandler {
  return (req, res, next) => {
    if ((req.headersDistinct['host'] ?? []).length > 1) throw new PageError(400, 'bad-request')
    // A target with a host of its own overrules the header (RFC 9112, 3.2.2).
    const [prefix, name] = /^https?:\/\/([^/?#]*)/i.exec(req.url) ?? ['', req.headers.host]
    if (name?.toLowerCase() === publicUrl.host) {
      req.url = req.url.slice(prefix.length).replace(/^(?!\/)/, '/')
      return next()
    }
    toOurAddress(req, res, publicUrl)
  }
}

/**
 * Where people come by https, a proxy that says they came by http has let them in unencrypted: back by https (DE-29), or refused
 * where a form has already been sent in the clear. Only a proxy that is trusted is heard; Express's `protocol` sees to that.
 */
export function onlyHttps(publicUrl: URL): RequestHandler {
  return (req, res, next) => {
    const isSaid = req.get('X-Forwarded-Proto') !== undefined
    if (publicUrl.protocol !== 'https:' || !isSaid || req.protocol !== 'http') return next()
    if (!req.app.get('trust proxy fn')(req.socket.remoteAddress, 0)) return next()
    toOurAddress(req, res, publicUrl)
  }
}

/** The same path at our own address. Path and query only: "/\\evil.example" and an absolute address name a host of their own. */
function toOurAddress(req: Request, res: Response, publicUrl: URL): void {
  if (req.method !== 'GET' && req.method !== 'HEAD') throw new PageError(421, 'misdirected')
  if (!URL.canParse(req.originalUrl, publicUrl.href)) throw new PageError(400, 'bad-request')
  const { pathname, search } = new URL(req.originalUrl, publicUrl)
  const target = new URL(publicUrl)
  target.pathname = pathname
  target.search = search
  res.redirect(308, target.href)
}
