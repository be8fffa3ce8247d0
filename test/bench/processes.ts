// Programs of the bench in processes of their own, and what a process costs: processor time and memory, as Linux counts them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Program {
  pid: number
  /** Where it listens, without a slash at the end. */
  origin: string
  stop(): Promise<void>
}

/** Starts a program of this folder and resolves when it has said where it listens. */
export async function startProgram(file: string, env: Record<string, string> = {}): Promise<Program> {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, file)], {
    env: { PATH, HOME, NODE_ENV: 'production', ...env },
    // What a program says of errors is for whoever runs the bench.
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const first = await Promise.race([once(lines, 'line'), gone.then(() => undefined)])
  const [, origin] = /^ready (\S+)$/.exec(first?.[0] ?? '') ?? []
  if (origin === undefined) throw new Error(`${file} did not start`)
  return {
    pid: child.pid ?? 0,
    origin,
    async stop() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Seconds of a processor that a process has used, its children and those that have ended included: PostgreSQL has one for each connection. */
export function processorSeconds(pid: number): number {
  const all = processes()
  const family = [pid]
  for (const one of family) for (const [child, { parent }] of all) if (parent === one) family.push(child)
  return family.reduce((sum, one) => sum + (all.get(one)?.seconds ?? 0), 0)
}

/** Memory of one process, in megabytes. */
export function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000
}

function processes(): Map<number, { parent: number; seconds: number }> {
  const all = new Map<number, { parent: number; seconds: number }>()
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
      const hundredths = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
      all.set(Number(name), { parent: Number(fields[1]), seconds: hundredths / 100 })
    } catch {
      // It ended between the list and the look.
    }
  }
  return all
}
