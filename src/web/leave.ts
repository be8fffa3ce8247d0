// How a server takes its leave: nobody who was sent to it loses a request, and nobody who sends nothing keeps it.
import type { Server, ServerResponse } from 'node:http'
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
/** Whoever asked /readyz within this time before the stop is there and will ask again. */
const WATCHED_WITHIN_MS = 15_000
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
  let watchedAt = Number.NEGATIVE_INFINITY
  let told = 0

  server.on('connection', (socket) => {
    arrivals += 1
    unused.set(socket, performance.now())
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', (req, res) => {
    unused.delete(req.socket)
    answers.add(res.once('close', () => answers.delete(res)))
    const [, probe] = /^\/(livez|readyz|metrics)\b/.exec(req.url ?? '') ?? []
    // Probes ask about the server and not of it.
    if (probe === undefined) askedAt = performance.now()
    if (probe === 'readyz') watchedAt = performance.now()
    if (probe === 'readyz' && isLeaving) told += 1
  })

  return async ({ quietMs, drainMs = DRAIN_WITHIN_MS }) => {
    const began = performance.now()
    const isWatched = began - watchedAt < WATCHED_WITHIN_MS
    isLeaving = true
    // What came before the stop was announced: a router must not send its next request on a connection that is about to close.
    for (const res of answers) if (!res.headersSent) res.setHeader('Connection', 'close')
    for (let now = began; quietMs > 0 && now - began < drainMs; now = performance.now()) {
      if (now - Math.max(began, askedAt) >= quietMs && (!isWatched || told >= TELL_TIMES)) break
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
