// Counts for whoever runs the product, in Prometheus' text format. Labels are ours or the operator's words: never anything about a person.
import { timingSafeEqual } from 'node:crypto'
import type { RequestHandler } from 'express'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface Metrics {
  /** Something that happened to sign-ins: how it is called, at which idp, by which scheme. */
  flow(event: string, about?: { idp?: string; scheme?: string }): void
  /** A page that says what went wrong, by its state. */
  error(state: string): void
  /** An answer to whether a username is free. */
  usernameStatus(available: boolean): void
  /** What became of a letter, by what it tells of. */
  mail(kind: string, outcome: string): void
  /** Somebody was turned away because there was more to do than can be done. */
  turnedAway(): void
  /** Measures each request to its end; before the routes. */
  requests: RequestHandler
  /** Answers with all of it, to whoever sends the token as a bearer token (RFC 6750, 2.1). */
  page(token: string): RequestHandler
}

/** What is asked at each scrape. */
export interface Gauges {
  databaseConnections(): { used: number; free: number; waiting: number }
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS'])
/** A prompt is meant to answer in tens of milliseconds, a password in hundreds; 15 s is where a request ends (DE-27). */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15]

export function createMetrics(gauges: Gauges): Metrics {
  const registers = [new Registry()]
  const [registry = new Registry()] = registers
  const flows = new Counter({
    name: 'vestibule_flows_total',
    help: 'Sign-ins that started, asked or ended, by idp and provisioning scheme',
    labelNames: ['event', 'idp', 'scheme'],
    registers,
  })
  const errors = new Counter({
    name: 'vestibule_errors_total',
    help: 'Pages that say what went wrong, by their state',
    labelNames: ['state'],
    registers,
  })
  const usernames = new Counter({
    name: 'vestibule_username_status_total',
    help: 'Answers to whether a username is free',
    labelNames: ['available'],
    registers,
  })
  const mails = new Counter({
    name: 'vestibule_mails_total',
    help: 'Letters by what they tell of, and what became of them',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const turnedAway = new Counter({
    name: 'vestibule_turned_away_total',
    help: 'Requests answered 503 because this process was beyond its capacity',
    registers,
  })
  const durations = new Histogram({
    name: 'vestibule_http_request_duration_seconds',
    help: 'Requests by method, route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  })
  new Gauge({
    name: 'vestibule_database_connections',
    help: 'Connections of the pool: in use, free, and requests that wait for one',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(gauges.databaseConnections())) this.set({ state }, count)
    },
  })

  const all = Registry.merge([ofProcess(), registry])

  return {
    flow: (event, { idp = '', scheme = '' } = {}) => flows.inc({ event, idp, scheme }),
    error: (state) => errors.inc({ state }),
    usernameStatus: (available) => usernames.inc({ available: String(available) }),
    mail: (kind, outcome) => mails.inc({ kind, outcome }),
    turnedAway: () => turnedAway.inc(),
    requests(req, res, next) {
      const end = durations.startTimer()
      res.once('close', () => {
        const route = String(req.route?.path ?? res.locals['route'] ?? 'none')
        end({ method: METHODS.has(req.method) ? req.method : 'other', route, status: res.statusCode })
      })
      next()
    },
    page(token) {
      const expected = Buffer.from(`Bearer ${token}`)
      return async (req, res) => {
        const given = Buffer.from(req.headers.authorization ?? '')
        if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
          res.status(401).set('WWW-Authenticate', 'Bearer').type('text').send('This address needs its token.\n')
          return
        }
        res
          .set('Cache-Control', 'no-store')
          .type(all.contentType)
          .send(await all.metrics())
      }
    },
  }
}

/**
 * Memory, processor, event loop, garbage: of the process, and so once for it, however often the product is started in it. What watches the event
 * loop does so a hundred times a second and is never let go.
 */
function ofProcess(): Registry {
  if (processMetrics === undefined) {
    processMetrics = new Registry()
    collectDefaultMetrics({ register: processMetrics })
  }
  return processMetrics
}

let processMetrics: Registry | undefined
