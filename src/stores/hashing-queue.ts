// Keeps password hashing from taking the whole machine, and one client from taking all of it: so many at once, so many waiting, each client in turn.

/** Too many hashes are waiting already. The web answers 503 with Retry-After. */
export class HashingBusy extends Error {
  override name = 'HashingBusy'
  constructor() {
    super('Too many passwords are waiting to be checked')
  }
}

/** Runs `work` when the turn of `key` comes and gives what it gives; rejects with `HashingBusy` when it is turned away instead. */
export type HashingQueue = <T>(work: () => Promise<T>, key: string) => Promise<T>

interface Waiting {
  proceed(): void
  turnAway(): void
}

/**
 * A queue that runs `running` works at once and lets `waiting` others wait. Every key (a client) has a line of its own and the lines take turns,
 * so however long one is, another waits for at most one work of each key. When all places are taken, the newest of the longest line
 * goes ("longest queue drop"; Suter, Lakshman and others, 1998), which is the newcomer only if no line is longer than theirs.
 * Every hash takes 19 MiB, a core, and a thread of the pool that files and name look-ups share: right are as many at once as cores, because
 * more share the caches, end later and keep the one thread that answers everybody from running; and 50 waiting.
 * Throws a RangeError if nothing could ever run.
 */
export function createHashingQueue(limits: { running: number; waiting: number }): HashingQueue {
  if (!(limits.running >= 1)) throw new RangeError('A hashing queue must run at least one hash at a time')
  // In the order of their turns: a Map keeps the order of insertion, and no line is ever empty.
  const lines = new Map<string, Waiting[]>()
  let running = 0
  let waiting = 0

  return async (work, key) => {
    if (running < limits.running) {
      running += 1
    } else {
      if (waiting >= limits.waiting) makeRoomFor(key)
      // Whoever finishes hands the place on, so `running` stays and no newcomer can overtake a line.
      await wait(key)
    }
    try {
      return await work()
    } finally {
      const next = takeNext()
      if (next) next.proceed()
      else running -= 1
    }
  }

  function wait(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const line = lines.get(key) ?? []
      line.push({ proceed: resolve, turnAway: () => reject(new HashingBusy()) })
      lines.set(key, line)
      waiting += 1
    })
  }

  /** The first of the line whose turn it is; that line goes to the end. */
  function takeNext(): Waiting | undefined {
    const [turn] = lines
    if (!turn) return undefined
    const [key, line] = turn
    const next = line.shift()
    lines.delete(key)
    if (line.length > 0) lines.set(key, line)
    waiting -= 1
    return next
  }

  function makeRoomFor(newcomer: string): void {
    const own = lines.get(newcomer) ?? []
    const longest = [...lines.values()].reduce((most, line) => (line.length > most.length ? line : most), own)
    // The newcomer counts as standing in their own line: among equals nobody who waits already has to go.
    if (longest.length <= own.length + 1) throw new HashingBusy()
    longest.pop()?.turnAway()
    waiting -= 1
  }
}
