// What went wrong, for programs: JSON bodies (RFC 9457) with the same codes and words as our pages. Never HTML.
import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { type PageError, toPageError } from './errors.ts'
import { DEFAULT_LANGUAGE } from './language-tags.ts'
import { tagOf } from './logging.ts'
import type { Views } from './views.ts'

/** `code` tells problems of one status apart, and never changes; `detail` is for people. */
export interface Problem {
  type: 'about:blank'
  title: string
  status: number
  code: string
  detail?: string
}

/** Addresses whose every answer is for programs. */
const FOR_PROGRAMS = /^\/api(\/|$)/i

/** A problem in the words of a page: `state` is the key of its words, and its code. */
export function problemOf(views: Pick<Views, 't'>, { status, state, values }: PageError): Problem {
  const detail = views.t({ key: `page.${state}.body`, values }, DEFAULT_LANGUAGE)
  return problem(status, codeOfState(state), detail)
}

export function problem(status: number, code: string, detail?: string): Problem {
  const title = STATUS_CODES[status] ?? ''
  return { type: 'about:blank', title, status, code, ...(detail === undefined ? {} : { detail }) }
}

export function sendProblem(res: Response, body: Problem): void {
  res.status(body.status).set('Cache-Control', 'no-store').type('application/problem+json').send(JSON.stringify(body))
}

/** Whether an answer to this request is read by a program. */
export function isForPrograms({ path }: { path: string }): boolean {
  return FOR_PROGRAMS.test(path)
}

/** Answers errors at addresses for programs; `others` has the rest. */
export function problemHandler(
  views: Views,
  log: Logger,
  count: (state: string) => void,
  others: ErrorRequestHandler,
): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (!isForPrograms(req) || res.headersSent) return others(error, req, res, next)
    const page = toPageError(error)
    count(page.state)
    if (page.status >= 500)
      log.error(
        { err: error, request: res.locals['requestId'], flow: tagOf(req), status: page.status },
        'request failed',
      )
    if (page.retryAfterSeconds) res.setHeader('Retry-After', String(page.retryAfterSeconds))
    sendProblem(res, problemOf(views, page))
  }
}

/** EXPIRED of expired, as in the data-msg of its page. */
function codeOfState(state: string): string {
  return state.toUpperCase().replaceAll('-', '_')
}
