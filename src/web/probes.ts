// What a platform asks: is the process there, and may people be sent to it. Before everything else: no host check, no log line, no cookie.
import { type RequestHandler, Router } from 'express'
import type { Logger } from 'pino'

export interface Probes {
  isStopping(): boolean
  /** Resolves when the database answers. */
  isThere(): Promise<void>
  /** True while there is more to do than can be done, which the database does. */
  isBeyondCapacity(): boolean
  log: Logger
}

/** A database that takes longer to say "1" is no database to send people to. */
const PING_MS = 1_000

/**
 * /livez tells of the process alone: a restart would not mend a database. /readyz is 503 while people should be sent elsewhere. A queue is no
 * reason: the others have one as well, and a longer one for each process that is taken out.
 */
export function probes({ isStopping, isThere, isBeyondCapacity, log }: Probes): Router {
  const router = Router()
  router.get('/livez', (_req, res) => void res.json({ status: 'ok' }))
  router.get('/readyz', async (_req, res) => {
    const isReady = async () => (await isWithin(isThere(), PING_MS)) || isBeyondCapacity()
    const reason = isStopping() ? 'stopping' : (await isReady()) ? undefined : 'database'
    if (!reason) return void res.json({ status: 'ok' })
    log.warn({ reason }, 'not ready')
    res.status(503).set('Retry-After', '5').json({ status: 'unavailable', reason })
  })
  return router
}

/** While stopping, each answer asks for a new connection next time, which then goes elsewhere. */
export function closeWhenStopping(isStopping: () => boolean): RequestHandler {
  return (_req, res, next) => {
    if (isStopping()) res.setHeader('Connection', 'close')
    next()
  }
}

function isWithin(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const done = work.then(
    () => true,
    () => false,
  )
  return Promise.race([done, late]).finally(() => clearTimeout(timer))
}
