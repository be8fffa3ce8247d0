// When a process is beyond its capacity, and what turning away what begins makes of a load that is four times too much.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HIGH_MS, type Judgement, judge, type Look, OVER_MS, STANDING_MS, WELL } from '../src/web/load.ts'
import { type Load, simulate } from './support/simulated-load.ts'

type Seen = Omit<Look, 'at'>

const LOOK_MS = 50
const high = fc.integer({ min: HIGH_MS + 1, max: 60_000 })
const low = fc.integer({ min: 0, max: HIGH_MS })

/** What is judged after each of these looks, made one after another. */
function judgements(looks: Seen[], from: Judgement = WELL): Judgement[] {
  let [now, at] = [from, from.knownAt]
  return looks.map((seen) => {
    at += LOOK_MS
    now = judge(now, { at, ...seen })
    return now
  })
}

const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)
const STANDING = STANDING_MS / LOOK_MS
const tooLong = fc.oneof(
  high.map((loopMs) => ({ loopMs, databaseMs: 0 })),
  high.map((databaseMs) => ({ loopMs: 0, databaseMs })),
  high.map((loopMs) => ({ loopMs, databaseMs: undefined })),
)
const bearable = fc.record({ loopMs: low, databaseMs: low })
const unknown = low.map((loopMs) => ({ loopMs, databaseMs: undefined }))

describe('a process', () => {
  it('is within its capacity whatever waits there are, as long as one in each second was short', () => {
    const burst = fc.array(fc.oneof(tooLong, unknown), { maxLength: STANDING })
    const day = fc
      .array(fc.tuple(bearable, burst), { maxLength: 40 })
      .map((parts) => parts.flatMap(([one, many]) => [one, ...many]))
    fc.assert(
      fc.property(day, (looks) => {
        assert.deepEqual(
          judgements(looks).filter(({ isBeyond, isFull }) => isBeyond || isFull),
          [],
        )
      }),
    )
  })

  it('is beyond it when every wait of a second was too long, at the loop or for the database, and is full then', () => {
    fc.assert(
      fc.property(
        fc.array(bearable),
        fc.array(tooLong, { minLength: STANDING + 1, maxLength: 60 }),
        (before, looks) => {
          const now = judgements([...before, ...looks]).at(-1)
          assert.deepEqual([now?.isBeyond, now?.isFull], [true, true])
        },
      ),
    )
  })

  it('lets people in again with the first wait that is bearable, and keeps some out at once when it was too soon', () => {
    const beyond = judgements(times(STANDING + 1, { loopMs: 0, databaseMs: 600 })).at(-1)
    fc.assert(
      fc.property(fc.array(fc.oneof(tooLong, bearable), { maxLength: OVER_MS / LOOK_MS }), (looks) => {
        const isTooLong = looks.map(({ loopMs, databaseMs }) => Math.max(loopMs, databaseMs ?? 0) > HIGH_MS)
        assert.deepEqual(
          judgements(looks, beyond).map(({ isFull }) => isFull),
          isTooLong,
        )
      }),
    )
  })

  it('is as before when it has been well for two seconds: another burst means nothing', () => {
    const beyond = judgements(times(STANDING + 1, { loopMs: 0, databaseMs: 600 })).at(-1)
    const over = judgements(times(OVER_MS / LOOK_MS + 1, { loopMs: 0, databaseMs: 0 }), beyond).at(-1)
    assert.equal(over?.isBeyond, false)
    const burst = judgements(times(STANDING, { loopMs: 700, databaseMs: 700 }), over)
    assert.ok(burst.every(({ isFull }) => !isFull))
  })

  it('is not judged by a database that serves nobody: that is an outage, and whoever waited through it proves nothing', () => {
    fc.assert(
      fc.property(fc.array(unknown, { minLength: STANDING, maxLength: 100 }), (outage) => {
        const after = times(STANDING, { loopMs: 0, databaseMs: 4_000 })
        const looks = [...times(STANDING, { loopMs: 0, databaseMs: 700 }), ...outage, ...after]
        assert.ok(judgements(looks).every(({ isFull }) => !isFull))
      }),
    )
  })
})

describe('a load of four times what can be served', () => {
  const loads: Load[] = [1, 3, 10].flatMap((steps) =>
    [0, 300, 2_000].map((betweenMs) => ({
      ...{ factor: 4, arriveMs: 60_000, watchMs: 110_000 },
      ...{ requests: 4, steps, stepMs: 5 / steps, betweenMs },
    })),
  )

  it('leaves the throughput within a tenth of the best, and everything that began is finished within its time', () => {
    for (const load of loads) {
      const { throughput, begun, finished, turnedAway, longestWaitMs, longestRequestMs, last } = simulate(load, true)
      const about = `${load.steps} steps, ${load.betweenMs} ms between requests`
      assert.ok(throughput > 0.9, `${about}: ${throughput}`)
      assert.equal(finished, begun, about)
      assert.ok(turnedAway > begun, about)
      assert.ok(longestWaitMs < 4_000, `${about}: a step waited ${longestWaitMs} ms`)
      assert.ok(longestRequestMs < 15_000, `${about}: a request took ${longestRequestMs} ms`)
      assert.equal(last.isBeyond, false, about)
    }
  })

  // The control: what the rule is for.
  it('would have every request take longer than anybody waits, if nobody were turned away', () => {
    for (const load of loads) assert.ok(simulate(load, false).longestRequestMs > 15_000)
  })

  it('is met by nobody below capacity, be it by a little', () => {
    fc.assert(
      fc.property(fc.constantFrom(...loads), fc.double({ min: 0.1, max: 0.97, noNaN: true }), (load, factor) => {
        assert.equal(simulate({ ...load, factor, arriveMs: 12_000, watchMs: 14_000 }, true).turnedAway, 0)
      }),
      { numRuns: 20 },
    )
  })

  it('is survived when it comes from one moment to the next and is forty times too much', () => {
    for (const load of loads) {
      const { begun, finished, longestWaitMs } = simulate({ ...load, factor: 40 }, true)
      assert.equal(finished, begun)
      assert.ok(longestWaitMs < 4_000, `${load.steps} steps, ${load.betweenMs} ms: a step waited ${longestWaitMs} ms`)
    }
  })
})
