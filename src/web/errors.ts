// Pages for requests that cannot be answered, and the one error handler. Expected outcomes are return values; this is for the rest.
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { hereOf, isOurs } from './language.ts'
import { tagOf } from './logging.ts'
import type { Action, Message, MessagePage } from './page.ts'
import type { Views } from './views.ts'

/** A request that ends with a page of its own: `state` is the key of its words in views/messages. */
export class PageError extends Error {
  readonly status: number
  readonly state: string
  readonly values: Record<string, string | number>
  readonly actions: Action[]
  readonly retryAfterSeconds: number | undefined
  /** Where the same page is found again, when its own address says things that are not to be repeated. */
  here: string | undefined

  constructor(
    status: number,
    state: string,
    options: {
      values?: Record<string, string | number>
      actions?: Action[]
      retryAfterSeconds?: number
      here?: string
    } = {},
  ) {
    super(state)
    this.status = status
    this.state = state
    this.values = options.values ?? {}
    this.actions = options.actions ?? []
    this.retryAfterSeconds = options.retryAfterSeconds
    this.here = options.here
  }
}

/** The page of a state: `page.<state>.title` and `page.<state>.body`. */
export function statePage(
  state: string,
  values: Record<string, string | number>,
  actions: Action[],
  reference?: string,
): MessagePage {
  const message = (part: string): Message => ({ key: `page.${state}.${part}`, values })
  return { title: message('title'), body: [message('body')], actions, ...(reference ? { reference } : {}) }
}

/** Answers 405 with the methods that the address has. */
export function methodNotAllowed(...methods: string[]): RequestHandler {
  return (_req, res) => {
    res.setHeader('Allow', methods.join(', '))
    throw new PageError(405, 'method')
  }
}

/** Last in the chain, before the error handler. */
export const notFound: RequestHandler = () => {
  throw new PageError(404, 'missing')
}

/**
 * Turns every error into a page that says what to do; what may be shown and what may be logged are different things, always.
 * `home` is the way on from a page that is not there.
 */
export function errorHandler(
  views: Views,
  log: Logger,
  count: (state: string) => void,
  home: Action,
): ErrorRequestHandler {
  // Express tells error handlers by their four parameters.
  return async (error: unknown, req: Request, res: Response, next) => {
    // Answered by the time limit while its handler went on: what comes of that is nobody's answer any more.
    const about = { err: error, request: res.locals['requestId'], flow: tagOf(req) }
    if (res.writableEnded) return log.warn(about, 'failed after its answer')
    if (res.headersSent) return next(error)
    const page = toPageError(error)
    count(page.state)
    if (page.status >= 500) log.error({ ...about, status: page.status }, 'request failed')
    if (page.retryAfterSeconds) res.setHeader('Retry-After', String(page.retryAfterSeconds))
    // The beginning of the request id: short enough to be read aloud, long enough to be found in the log. A page of a sign-in quotes that.
    const reference = String(res.locals['requestId'] ?? '').slice(0, 8)
    const actions = page.actions.length > 0 ? page.actions : wayOn(page, req)
    if (page.here !== undefined) res.locals['here'] = page.here
    views.send(res, 'message', statePage(page.state, page.values, actions, reference), page.status)
  }

  function wayOn({ status, state }: PageError, req: Request): Action[] {
    if (state === 'missing') return [home]
    return status === 503 ? tryAgain(hereOf(req)) : []
  }
}

/** The one way on from a page that is there for a moment: the same address again. Nothing for one that could lead out of the house. */
export function tryAgain(address: string | undefined): Action[] {
  return address !== undefined && isOurs(address) ? [{ label: { key: 'action.retry' }, href: address }] : []
}

const BODY_STATES: Record<number, string> = { 400: 'bad-request', 413: 'too-large', 415: 'wrong-type' }

/** The page of an error; anything unforeseen is a 500 that tells nothing. */
export function toPageError(error: unknown): PageError {
  if (error instanceof PageError) return error
  const { status, code, type } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  if (code === 'EBADCSRFTOKEN') return new PageError(403, 'csrf')
  if (isDatabaseAway(error)) return new PageError(503, 'updating', { retryAfterSeconds: 5 })
  if ((error as Error | undefined)?.name === 'HashingBusy') return new PageError(503, 'busy', { retryAfterSeconds: 1 })
  if (isGone(error)) return new PageError(404, 'notfound')
  // What the body parser refuses carries a status and a type; nothing else may choose its own status.
  if (typeof status === 'number' && typeof type === 'string' && BODY_STATES[status]) {
    return new PageError(status, BODY_STATES[status])
  }
  // decodeURIComponent of a path parameter.
  if (error instanceof URIError) return new PageError(400, 'bad-request')
  return new PageError(500, 'problem')
}

/** What a sign-in goes by was deleted for good under it: PostgreSQL refuses a row that would point to nothing (foreign_key_violation). */
function isGone(error: unknown): boolean {
  const { code, constraint } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  return code === '23503' && /_(idp|application)_id_fkey$/.test(String(constraint))
}

/** What db/ throws when the database did not do its part, however deep it was wrapped on the way. */
function isDatabaseAway(error: unknown): boolean {
  return error instanceof Error && (error.name === 'DatabaseAway' || isDatabaseAway(error.cause))
}
