// What is logged: one line per event on stdout. Never a query string, a body, a name or a token.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { RequestHandler } from 'express'
import { type Logger, pino } from 'pino'

export function createLog(options: { level: string; pretty: boolean }): Logger {
  const settings = {
    level: options.level,
    base: null,
    serializers: { err: describeError },
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return options.pretty ? pino(settings, { write: (line) => process.stdout.write(readable(line)) }) : pino(settings)
}

/** A line for a person at a terminal: time, level, what happened, and the rest as name=value. */
function readable(line: string): string {
  const { time, level, msg, ...rest }: Record<string, unknown> = JSON.parse(line)
  const clock = new Date(Number(time)).toISOString().slice(11, 19)
  const details = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${[clock, level, msg, ...details].join(' ')}\n`
}

/**
 * An error as it may be logged: its name, code, violated constraint and stack frames. Its message is left out, since drivers
 * and parsers quote the values that they choke on.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, constraint } = error as Error & { code?: unknown; constraint?: unknown }
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
  return {
    type: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof constraint === 'string' ? { constraint } : {}),
    stack: frames.slice(0, 8).map((line) => line.trim()),
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
  }
}

const tags = new WeakMap<IncomingMessage, string>()

/** Names the sign-in that a request is about: in the line that its end is logged with, and on the page that answers it. */
export function tagRequest(req: IncomingMessage, tag: string): void {
  tags.set(req, tag)
}

/** The sign-in that a request is about, as far as it is known by now. */
export function tagOf(req: IncomingMessage): string | undefined {
  return tags.get(req)
}

/** The ids that routers make; anything else could carry what nobody should find in a log. */
const REQUEST_ID = /^[\w.=+/-]{20,200}$/

/**
 * Gives each request an id and logs its end: method, route pattern (never the raw URL), status, milliseconds. `trustsProxy` says
 * whether the nearest proxy is believed; then its X-Request-ID is taken over, so that one id is found in both logs.
 */
export function requestLog(log: Logger, trustsProxy: boolean): RequestHandler {
  return (req, res, next) => {
    const started = performance.now()
    const given = req.get('X-Request-ID') ?? ''
    const id = trustsProxy && REQUEST_ID.test(given) ? given : randomUUID()
    res.locals['requestId'] = id
    res.setHeader('X-Request-ID', id)
    res.on('finish', () => {
      const route: unknown = req.route?.path ?? res.locals['route']
      log.info(
        {
          request: id,
          flow: tagOf(req),
          method: req.method,
          route,
          status: res.statusCode,
          ms: Math.round(performance.now() - started),
        },
        'request',
      )
    })
    next()
  }
}
