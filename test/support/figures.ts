// What the soak measures of servers in processes of their own: processor time, memory, and how long answers take.
import { readFileSync } from 'node:fs'
import { createHashingQueue } from '../../src/stores/hashing-queue.ts'
import { createPasswords } from '../../src/stores/password.ts'
import { PASSWORD } from './people.ts'
import type { ServerProcess } from './server-process.ts'

/** Milliseconds of a processor: of all threads, and of the main thread alone. */
export interface Work {
  all: number
  main: number
}

/** Starts measuring what a server does; the function that it returns tells what it did since, whatever else the machine was busy with. */
export function startMeasuring({ child: { pid } }: ServerProcess): () => Work {
  const now = () => ({ all: processorMs(`/proc/${pid}/stat`), main: processorMs(`/proc/${pid}/task/${pid}/stat`) })
  const before = now()
  return () => {
    const { all, main } = now()
    return { all: all - before.all, main: main - before.main }
  }
}

/** Linux counts in hundredths of a second. */
function processorMs(file: string): number {
  const fields = readFileSync(file, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** The memory of a server. */
export function residentMegabytes({ child }: ServerProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000)
}

/** Milliseconds of a processor that one password hash takes here and now. */
export async function workOfOneHash(): Promise<number> {
  const passwords = createPasswords(createHashingQueue({ running: 1, waiting: 0 }))
  const before = process.cpuUsage()
  for (let count = 0; count < 10; count += 1) await passwords.hash(PASSWORD, 'somebody')
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 10_000
}

/** The number that this part of the numbers does not exceed. */
export function percentile(numbers: number[], part: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length * part)] ?? 0
}

/** How long something took, in words. */
export function figures(ms: number[]): string {
  const [half, most, all] = [percentile(ms, 0.5), percentile(ms, 0.95), Math.max(...ms)].map(Math.round)
  return `${half} ms (half), ${most} ms (95 of 100), ${all} ms (all)`
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
