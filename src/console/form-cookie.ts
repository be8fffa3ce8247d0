// The secret of forms that people fill in before they are signed in: in a cookie of their browser, so that nothing is written for a visitor.
import { randomBytes } from 'node:crypto'
import type { Request, RequestHandler } from 'express'
import { deriveKey } from '../seal.ts'
import { cookieAttributes, cookieName, cookiesOf } from '../web/cookies.ts'
import { flowToken } from '../web/csrf.ts'

const COOKIE = 'vestibule.form'

/** Gives the browser the cookie unless it has it, and checks the token of what it posts. Token and cookie are worth nothing without each other. */
export function outsideToken(publicUrl: URL): RequestHandler[] {
  const name = cookieName(publicUrl, COOKIE)
  return [
    (req, res, next) => {
      const kept = cookiesOf(req).find(([cookie, value]) => cookie === name && /^[\w-]{43}$/.test(value))?.[1]
      const secret = kept ?? randomBytes(32).toString('base64url')
      if (kept === undefined) res.appendHeader('Set-Cookie', `${name}=${secret}; ${cookieAttributes(publicUrl)}`)
      res.locals['formSecret'] = deriveKey(secret, 'form csrf').toString('base64url')
      next()
    },
    flowToken((req: Request) => String(req.res?.locals['formSecret'])),
  ]
}
