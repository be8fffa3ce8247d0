// Keeps password hashing from taking the whole machine: so many at once, so many waiting in order, the next is turned away.

/** Too many hashes are waiting already. The web answers 503 with Retry-After. */
export class HashingBusy extends Error {
  override name = 'HashingBusy'
  constructor() {
    super('Too many passwords are waiting to be checked')
  }
}

/**
 * A function that runs `work` when its turn comes and gives what it gives; rejects with `HashingBusy` when `waiting` others stand in line.
 * Every hash takes 19 MiB and a thread of the pool that files and name look-ups share: right are twice the cores at once and 50 waiting.
 * Throws a RangeError if nothing could ever run.
 */
export function createHashingQueue(limits: {
  running: number
  waiting: number
}): <T>(work: () => Promise<T>) => Promise<T> {
  if (!(limits.running >= 1)) throw new RangeError('A hashing queue must run at least one hash at a time')
  const line: (() => void)[] = []
  let running = 0

  return async (work) => {
    if (running < limits.running) {
      running += 1
    } else {
      if (line.length >= limits.waiting) throw new HashingBusy()
      // Whoever finishes hands the place on, so `running` stays and no newcomer can overtake the line.
      await new Promise<void>((proceed) => line.push(proceed))
    }
    try {
      return await work()
    } finally {
      const next = line.shift()
      if (next) next()
      else running -= 1
    }
  }
}
