// Judges whether this process is beyond its capacity, so that it should begin nothing new. Pure: measurements and the clock are arguments.

/**
 * What is too long for one step of a request to wait for its turn: at the event loop, or for a connection to the database. A request takes
 * up to ten steps, so it has its answer within three seconds then, before an application gives up on its tokens; no step is near the end of
 * its own time (4 s, db/dialect.ts). A process that keeps up waits for milliseconds, and for tens of them on a machine that is busy with other things.
 */
export const HIGH_MS = 250
/**
 * A queue is there for bursts and does no harm as long as it empties; beyond capacity is where it never does (CoDel, RFC 8289, 3.1 and 3.2:
 * judged by the shortest wait of an interval). So one pause of the garbage collector means nothing, however long it is.
 */
export const STANDING_MS = 1_000
/** How long it must have been well until it is over: by then, what was taken on last has come back from the identity providers. */
export const OVER_MS = 2_000

/** What was seen since the last look. */
export interface Look {
  /** Milliseconds of a clock that never goes back. */
  at: number
  /** How late the event loop came to this look. */
  loopMs: number
  /** The shortest wait for a connection; absent while some wait and nobody was served. */
  databaseMs: number | undefined
}

export interface Judgement {
  /** Beyond capacity, from the moment that it is certain until it has been well for a while. */
  isBeyond: boolean
  /** What begins is turned away. Off and on while it is beyond: the queue is kept at the length that is just bearable, and never runs dry. */
  isFull: boolean
  /** Since when each look has found too long a wait, or none has. */
  highSince: number | undefined
  wellSince: number | undefined
  knownAt: number
}

/** As it is at first. */
export const WELL: Judgement = Object.freeze({
  isBeyond: false,
  isFull: false,
  highSince: undefined,
  wellSince: undefined,
  knownAt: 0,
})

/** The judgement after one more look. */
export function judge(before: Judgement, { at, loopMs, databaseMs }: Look): Judgement {
  if (databaseMs === undefined && loopMs <= HIGH_MS) {
    // Nobody is served: that is no queue but an outage, which has answers of its own, and after which nothing is known of the load.
    return at - before.knownAt < STANDING_MS ? before : { ...WELL, knownAt: before.knownAt }
  }
  const isHigh = Math.max(loopMs, databaseMs ?? 0) > HIGH_MS
  const highSince = isHigh ? (before.highSince ?? at) : undefined
  const wellSince = isHigh ? undefined : (before.wellSince ?? at)
  const isBeyond = before.isBeyond
    ? wellSince === undefined || at - wellSince < OVER_MS
    : highSince !== undefined && at - highSince >= STANDING_MS
  return { isBeyond, isFull: isBeyond && isHigh, highSince, wellSince, knownAt: at }
}
