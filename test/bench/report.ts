// What the bench prints: lines as they come, and at the end the targets that were measured, each with its figure beside it.
import { TARGETS, type Target, type Wanted } from './targets.ts'

export interface Bench {
  say(line: string): void
  /** Puts a figure beside its target; `how` says in words what a number alone does not. */
  reach(target: Target, figure: number, how?: string): void
  /** The number of users up to which this run measures. */
  users: number
}

export function createReport(users: number): Bench & { table(): string } {
  const reached = new Map<Target, string>()
  return {
    users,
    say: (line) => void process.stdout.write(`# ${line}\n`),
    reach(target, figure, how) {
      const { most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY }: Wanted = TARGETS[target]
      const verdict = figure <= most && figure >= least ? 'reached' : 'not reached'
      reached.set(target, `${digits(figure)}${how === undefined ? '' : ` (${how})`} | ${verdict}`)
    },
    table() {
      const rows = (Object.keys(TARGETS) as Target[])
        .filter((target) => reached.has(target))
        .map((target) => `| ${TARGETS[target].what} | ${wanted(target)} | ${reached.get(target)} |`)
      return ['| Figure | Target | Measured | |', '|---|---|---|---|', ...rows].join('\n')
    },
  }
}

/** The sizes to measure with: 10, 100,000 and 1,000,000 users, as far as this run goes. */
export function sizesOf({ users }: Bench): number[] {
  return [10, 100_000, 1_000_000].filter((size) => size <= users)
}

/** Three digits say enough of what no two runs agree about. */
export function digits(number: number): string {
  const places = Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : 2
  return Number(number.toFixed(places)).toLocaleString('en')
}

function wanted(target: Target): string {
  const { most, least }: Wanted = TARGETS[target]
  if (most === least) return digits(most ?? 0)
  return most === undefined ? `≥ ${digits(least ?? 0)}` : `≤ ${digits(most)}`
}
