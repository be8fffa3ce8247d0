// The longest that anybody waits for an answer of ours.
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { PageError } from './errors.ts'

/** Routers give up at 30 s without saying what happened (Heroku's H12); idp (9 s) and database (8 s) have had their time by then. */
const LIMIT_MS = 15_000

/**
 * Answers with the page `slow` (503) when nothing else has answered by then. Whatever goes on behind it may still finish: every
 * step can be tried again without harm. `answer` is the error handler, asked directly: Express would count it as used up, and an
 * error of the late handler would end the whole connection.
 */
export function timeLimit(answer: ErrorRequestHandler, limitMs: number = LIMIT_MS): RequestHandler {
  return (req, res, next) => {
    const timer = setTimeout(() => {
      if (!res.headersSent) answer(new PageError(503, 'slow', { retryAfterSeconds: 5 }), req, res, next)
    }, limitMs)
    res.once('close', () => clearTimeout(timer))
    next()
  }
}
