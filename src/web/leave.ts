// How a server takes its leave: nobody who was sent to it loses a request, and nobody who sends nothing keeps it.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

export interface Leave {
  /**
   * Closes, once nobody has asked for anything for so long. Requests are taken until then, `drainMs` at most: a connection that is refused
   * or reset could be somebody's form.
   */
  quietMs: number
  drainMs?: number
}

/** A balancer believes the third answer that a server is not ready (HAProxy, Kubernetes), if it does not believe the first. */
const TELL_TIMES = 3
/** How many of the last askings of /readyz tell how often somebody asks, and how much later than that they may ask. */
const ASKINGS = 5
const LATE_MS = 500
/** HAProxy takes 6 s to notice unless it is told otherwise (every 2 s, three times). */
const DRAIN_WITHIN_MS = 7_000
/** A connection that is this old and has not asked is one that a browser opened in advance. */
const UNUSED_AFTER_MS = 1_000
/** Answers take 15 s at the most (web/time-limit.ts); what is still open after this is a connection that nobody reads. */
const CLOSE_WITHIN_MS = 16_000
const LOOK_EVERY_MS = 50
/** More than can wait at the door (listen's backlog is 511). */
const TURNS = 1_000

/** Watches a server that is about to listen; the function that is returned makes it leave, and resolves when its last connection is closed. */
export function prepareLeave(server: Server): (leave: Leave) => Promise<void> {
  const answers = new Set<ServerResponse>()
  /** Connections that never asked anything, and since when: Node does not count them as idle. */
  const unused = new Map<Socket, number>()
  let arrivals = 0
  let isLeaving = false
  let askedAt = 0
  let told = 0
  const watchedAt: number[] = []
  /** What each connection asked last, and the answer to it. */
  const last = new Map<Socket, { req: IncomingMessage; res: ServerResponse }>()

  server.on('connection', (socket) => {
    arrivals += 1
    unused.set(socket, performance.now())
    socket.once('close', () => {
      unused.delete(socket)
      last.delete(socket)
    })
  })
  server.on('request', (req, res) => {
    unused.delete(req.socket)
    last.set(req.socket, { req, res })
    answers.add(res.once('close', () => answers.delete(res)))
    const [, probe] = /^\/(livez|readyz|metrics)\b/.exec(req.url ?? '') ?? []
    // Probes ask about the server and not of it.
    if (probe === undefined) askedAt = performance.now()
    if (probe === 'readyz') {
      watchedAt.push(performance.now())
      watchedAt.splice(0, watchedAt.length - ASKINGS)
      if (isLeaving) told += 1
    }
  })

  return async ({ quietMs, drainMs = DRAIN_WITHIN_MS }) => {
    const began = performance.now()
    const mustTell = isWatched(watchedAt, began) ? TELL_TIMES : 0
    isLeaving = true
    // What came before the stop was announced: a router must not send its next request on a connection that is about to close.
    for (const res of answers) if (!res.headersSent) res.setHeader('Connection', 'close')
    for (let now = began; quietMs > 0 && now - began < drainMs; now = performance.now()) {
      if (now - Math.max(began, askedAt) >= quietMs && told >= mustTell) break
      await sleep(LOOK_EVERY_MS)
    }
    await untilNobodyWaits()
    await close()
  }

  /**
   * Lets the event loop take what arrived while this process was busy: one connection in each turn, and what came on those that are open.
   * Closing now, right after such a turn and not in a timer, resets nothing that waited.
   */
  async function untilNobodyWaits(): Promise<void> {
    let before = -1
    for (let turns = 0; arrivals !== before && turns < TURNS; turns += 1) {
      before = arrivals
      await turn()
    }
  }

  /** Stops accepting and lets what has begun finish. */
  function close(): Promise<void> {
    return new Promise((resolve) => {
      const closeIdle = () => {
        server.closeIdleConnections()
        const now = performance.now()
        for (const [socket, since] of unused) if (now - since >= UNUSED_AFTER_MS) socket.destroy()
        // Answered before all of it had come; the rest may never come.
        for (const [socket, { req, res }] of last) if (!req.complete && !answers.has(res)) socket.destroy()
      }
      const closing = setInterval(() => setImmediate(closeIdle), LOOK_EVERY_MS)
      const giveUp = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS)
      server.close(() => {
        clearInterval(closing)
        clearTimeout(giveUp)
        resolve()
      })
      closeIdle()
    })
  }
}

/** Whether somebody asks again and again, and is not late. A platform that asked until the server was ready, and then no more, is not waited for. */
function isWatched(times: number[], now: number): boolean {
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  const [latest] = times.slice(-1)
  return latest !== undefined && gaps.length > 0 && now - latest < 2 * Math.max(...gaps) + LATE_MS
}
