// Rounds in which several lanes do the same work one after another, in an order that moves on each time: what they share of a noisy machine falls out of their ratio.
import { percentile } from '../support/figures.ts'
import { processorSeconds, residentMegabytes } from './processes.ts'
import { digits } from './report.ts'
import type { Contender } from './stage.ts'

/** What went over the wire. */
export interface Trip {
  bytes: number
  requests: number
}

export interface Lane {
  name: string
  contender: Contender
  /** One piece of work, such as a sign-in; throws when it does not end as it must. */
  go(): Promise<Trip>
}

/** What a lane cost in one round: seconds for a thousand pieces of work, and milliseconds for one. */
export interface Cost {
  /** Pieces of work. */
  count: number
  processor: number
  postgres: number
  perSecond: number
  half: number
  most: number
  bytes: number
  requests: number
  /** Megabytes at the end of it. */
  memory: number
  /** Milliseconds; absent of who does not tell. */
  delay?: number
}

export interface Ratio {
  median: number
  least: number
  greatest: number
}

export interface Rounds {
  rounds: number
  /** Pieces of work of each lane in each round, or fewer where they take too long. */
  count: number
  /** At once. */
  lanes: number
}

/** The costs of each lane, round by round. */
export async function runRounds(
  lanes: Lane[],
  postgres: number,
  { rounds, count, lanes: atOnce }: Rounds,
): Promise<Map<string, Cost[]>> {
  const costs = new Map<string, Cost[]>(lanes.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    const from = round % lanes.length
    for (const lane of [...lanes.slice(from), ...lanes.slice(0, from)])
      costs.get(lane.name)?.push(await costOf(lane, postgres, count, atOnce))
  }
  return costs
}

/** What a lane costs now: as many pieces of work as there is time for. */
export async function costOf(lane: Lane, postgres: number, most: number, atOnce: number): Promise<Cost> {
  const { pid } = lane.contender
  await lane.contender.delay?.()
  const before = { processor: processorSeconds(pid), postgres: processorSeconds(postgres) }
  const began = performance.now()
  const { times, results } = await work(() => lane.go(), most, atOnce)
  const seconds = (performance.now() - began) / 1000
  const count = times.length
  const delay = await lane.contender.delay?.()
  const perThousand = (used: number) => (used / count) * 1000
  return {
    count,
    processor: perThousand(processorSeconds(pid) - before.processor),
    postgres: perThousand(processorSeconds(postgres) - before.postgres),
    perSecond: count / seconds,
    half: percentile(times, 0.5),
    most: percentile(times, 0.95),
    bytes: results.reduce((sum, { bytes }) => sum + bytes, 0) / count,
    requests: results.reduce((sum, { requests }) => sum + requests, 0) / count,
    memory: residentMegabytes(pid),
    ...(delay === undefined ? {} : { delay }),
  }
}

/** No lane takes longer than this in a round: the bench ends in time on any machine. */
const AT_MOST_MS = 6_000

/** Does so many pieces of work, so many at once, the next as soon as one is done. */
export async function work<T>(
  go: () => Promise<T>,
  count: number,
  atOnce: number,
): Promise<{ times: number[]; results: T[] }> {
  const times: number[] = []
  const results: T[] = []
  let begun = 0
  const until = performance.now() + AT_MOST_MS
  const one = async () => {
    while (begun < count && performance.now() < until) {
      begun += 1
      const started = performance.now()
      results.push(await go())
      times.push(performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, one))
  return { times, results }
}

/** One lane's costs by another's: taken inside each round, so that both had the same machine. */
export function ratioOf(costs: Cost[], others: Cost[], pick: (cost: Cost) => number): Ratio {
  const ratios = costs.map((cost, round) => pick(cost) / pick(others[round] as Cost))
  return { median: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) }
}

export function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [below = 0, above = 0] = [sorted[middle - 1], sorted[middle]]
  return sorted.length % 2 === 1 ? above : (below + above) / 2
}

/** In words: the median, and how far apart the rounds were. */
export function spread({ median, least, greatest }: Ratio): string {
  return `${digits(median)} (${digits(least)} to ${digits(greatest)})`
}

/** The medians of a lane, in words. */
export function costLine(name: string, costs: Cost[]): string {
  const of = (key: keyof Cost) => digits(median(costs.map((cost) => cost[key] ?? Number.NaN)))
  const delay = costs.some((cost) => cost.delay !== undefined) ? `; event-loop delay p99 ${of('delay')} ms` : ''
  return [
    `${name}: for 1,000 ${of('processor')} s of a processor, PostgreSQL ${of('postgres')} s`,
    `${of('perSecond')} a second, ${of('half')} ms (half), ${of('most')} ms (95 of 100)`,
    `${of('requests')} requests, ${of('bytes')} bytes${delay}`,
  ].join('; ')
}
