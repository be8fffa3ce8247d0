// Turns away what begins while this process is beyond its capacity, so that what has begun is finished.
//
// By a few lines of our own: what Fastify uses (@fastify/under-pressure) is a plugin of Fastify's. toobusy-js and overload-protection, which
// Express could use, hear the event loop alone, by a smoothed or a single delay, and know nothing of who waits for the database, where most wait.
import type { Request, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { type Judgement, judge, WELL } from './load.ts'

/** Twenty looks in the second that a judgement takes (load.ts). */
const LOOK_MS = 50
/**
 * How many beginnings may be on their way at once: a rush that comes from one moment to the next would fill the queue for half a minute
 * before a second of waiting has proved that it is one. So many are some seconds' work of a slow machine.
 */
const BEGINNING = 250
/**
 * And how many requests of all kinds. What has begun is turned away nowhere else; but whoever floods an address of it must not fill the memory.
 * Chosen, not measured: eight times as many as may begin, and far more than any sign-ins that were let in make.
 */
const UNDER_WAY = 2_000

export interface Turnstile {
  /** Whether this request begins something that takes more requests to finish. Cheap: it is asked a thousand times a second. */
  begins(req: Request): boolean
  /** The shortest wait for a database connection since it was last asked, and how many wait now. */
  databaseWaits(): { shortestMs: number | undefined; waiting: number }
  /** Answers 503, at next to no cost. */
  turnAway(req: Request, res: Response): void
  log: Logger
  /** Told about each request that was turned away. */
  count(): void
}

export interface Capacity {
  /** Answers whoever is turned away; everybody else goes on. */
  middleware: RequestHandler
  /** There is more to do than can be done, and it is being done: never in an outage. */
  isBeyond(): boolean
}

/** Before everything that costs: no line in the log for each who is turned away, but one when it begins and one when it is over. */
export function onlyWithinCapacity({ begins, databaseWaits, turnAway, log, count }: Turnstile): Capacity {
  let judgement: Judgement = WELL
  let beyondSince = 0
  let turnedAway = 0
  let isLooking = false
  let underWay = 0
  let beginning = 0

  const middleware: RequestHandler = (req, res, next) => {
    const isBeginning = begins(req)
    if (underWay >= UNDER_WAY || (isBeginning && (judgement.isFull || beginning >= BEGINNING))) {
      turnedAway += 1
      count()
      return turnAway(req, res)
    }
    underWay += 1
    if (isBeginning) beginning += 1
    res.once('close', () => {
      underWay -= 1
      if (isBeginning) beginning -= 1
    })
    if (!isLooking) lookSoon()
    next()
  }

  return { middleware, isBeyond: () => judgement.isBeyond }

  /** Only while there is something to see: a process that nobody asks does nothing. */
  function lookSoon(): void {
    isLooking = true
    const due = performance.now() + LOOK_MS
    setTimeout(() => {
      look(performance.now(), due)
      isLooking = false
      if (underWay > 0 || judgement.isBeyond) lookSoon()
    }, LOOK_MS).unref()
  }

  function look(at: number, due: number): void {
    const { shortestMs, waiting } = databaseWaits()
    const wasBeyond = judgement.isBeyond
    judgement = judge(judgement, {
      at,
      loopMs: Math.max(0, at - due),
      databaseMs: shortestMs ?? (waiting === 0 ? 0 : undefined),
    })
    if (judgement.isBeyond === wasBeyond) return
    if (judgement.isBeyond) {
      beyondSince = at
      log.warn({ underWay, waiting }, 'beyond capacity: new sign-ins are turned away until it is well')
    } else {
      log.info({ turnedAway, seconds: Math.round((at - beyondSince) / 1000) }, 'within capacity again')
      turnedAway = 0
    }
  }
}
