// Who calls: the one place where a token is looked at (RFC 6750).
import type { RequestHandler } from 'express'
import { findApplicationByClientId } from '../db/applications.ts'
import type { House } from '../house.ts'
import { problem, sendProblem } from '../web/problems.ts'
import type { Scope } from './resource.ts'

/** Who holds a token of their own, and what it was given for. */
export type FindBearer = (token: string) => Promise<{ clientId: string; scopes: ReadonlySet<string> } | undefined>

/**
 * Lets an application through that holds a token for the scope, and is allowed it still: what a configuration takes away is gone at once, not
 * when the token ends.
 */
export function requireScope(house: House, findBearer: FindBearer, scope: Scope): RequestHandler {
  return async (req, res, next) => {
    const refuse = (status: 401 | 403, code: string, challenge: string) => {
      res.setHeader('WWW-Authenticate', `Bearer realm="vestibule"${challenge}`)
      sendProblem(res, problem(status, code))
    }
    // In the header alone: a token in an address would be in logs, and one in a form makes two bodies of it.
    if (req.headers.authorization === undefined) return refuse(401, 'TOKEN_NEEDED', '')
    const [, token = ''] = /^Bearer +([\w.~+/-]+=*) *$/i.exec(req.headers.authorization) ?? []
    const bearer = token === '' ? undefined : await findBearer(token)
    const application = bearer && (await findApplicationByClientId(house.db, bearer.clientId))
    if (!application) return refuse(401, 'TOKEN_INVALID', ', error="invalid_token"')
    if (!bearer.scopes.has(scope) || !application.scopes.includes(scope))
      return refuse(403, 'SCOPE_NEEDED', `, error="insufficient_scope", scope="${scope}"`)
    res.locals['application'] = application
    next()
  }
}
