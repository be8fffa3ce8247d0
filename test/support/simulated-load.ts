// A process of arithmetic: it serves one step at a time, first come, first served, and never sleeps. Shows what a rule of who may begin makes of a load.
import { type Judgement, judge, WELL } from '../../src/web/load.ts'

export interface Load {
  /** How many times what can be served arrives. */
  factor: number
  /** How long it goes on, and for how long the process is watched. */
  arriveMs: number
  watchMs: number
  /** What a sign-in takes: requests, steps of each, milliseconds of each step, and time between requests. */
  requests: number
  steps: number
  stepMs: number
  betweenMs: number
}

export interface Outcome {
  /** Sign-ins finished while people arrived, after the first seconds, as a share of what could have been. */
  throughput: number
  turnedAway: number
  finished: number
  begun: number
  longestWaitMs: number
  longestRequestMs: number
  last: Judgement
}

interface Step {
  request: number
  step: number
  askedAt: number
  queuedAt: number
}

const LOOK_MS = 50
const MOST_BEGINNING = 250
const WARM_MS = 10_000

/** Runs a load to its end; without `isGuarded` nobody is turned away. */
export function simulate(load: Load, isGuarded: boolean): Outcome {
  const workOfOne = load.requests * load.steps * load.stepMs
  let judgement = WELL
  let queue: Step[] = []
  let head = 0
  const pauses = new Map<number, Step[]>()
  let [nextArrival, credit, beginning] = [0, 0, 0]
  let shortestMs: number | undefined
  let inTime = 0
  const outcome = { turnedAway: 0, finished: 0, begun: 0, longestWaitMs: 0, longestRequestMs: 0 }

  for (let now = 0; now < load.watchMs; now += 1) {
    for (; nextArrival <= now && nextArrival < load.arriveMs; nextArrival += workOfOne / load.factor) {
      if (isGuarded && (judgement.isFull || beginning >= MOST_BEGINNING)) outcome.turnedAway += 1
      else begin(now)
    }
    for (const step of pauses.get(now) ?? []) queue.push({ ...step, askedAt: now, queuedAt: now })
    pauses.delete(now)
    credit += 1
    while (credit >= load.stepMs && head < queue.length) serve(queue[head++] as Step, now)
    if (head === queue.length) {
      credit = 0
      queue = []
      head = 0
    }
    if (now % LOOK_MS === 0) look(now)
  }
  const couldBe = (load.arriveMs - WARM_MS) / workOfOne
  return { ...outcome, throughput: inTime / couldBe, last: judgement }

  function begin(now: number): void {
    outcome.begun += 1
    beginning += 1
    queue.push({ request: 0, step: 0, askedAt: now, queuedAt: now })
  }

  function serve({ request, step, askedAt, queuedAt }: Step, now: number): void {
    credit -= load.stepMs
    shortestMs = Math.min(shortestMs ?? Number.POSITIVE_INFINITY, now - queuedAt)
    outcome.longestWaitMs = Math.max(outcome.longestWaitMs, now - queuedAt)
    if (step + 1 < load.steps) return void queue.push({ request, step: step + 1, askedAt, queuedAt: now })
    outcome.longestRequestMs = Math.max(outcome.longestRequestMs, now - askedAt)
    if (request === 0) beginning -= 1
    if (request + 1 < load.requests) {
      const at = now + Math.max(1, load.betweenMs)
      pauses.set(at, [...(pauses.get(at) ?? []), { request: request + 1, step: 0, askedAt: at, queuedAt: at }])
      return
    }
    outcome.finished += 1
    if (now > WARM_MS && now < load.arriveMs) inTime += 1
  }

  function look(at: number): void {
    const isEmpty = head === queue.length
    judgement = judge(judgement, { at, loopMs: 0, databaseMs: shortestMs ?? (isEmpty ? 0 : undefined) })
    shortestMs = undefined
  }
}
