// The demo as people start it: the built program in an empty folder, with an environment that says nothing but where to listen.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildIfMissing } from './built.ts'
import { oneFileEach } from './one-file.ts'
import { rowsOf } from './product.ts'
import { end } from './server-process.ts'

export interface DemoProcess {
  child: ChildProcess
  /** Everything printed so far. */
  stdout(): string
  stderr(): string
  /** What the words of the banner say: the addresses, and the local sign-in. */
  applicationUrl: string
  url: string
  idpUrl: string
  localUser: { username: string; password: string }
  rows<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>
  /** The numbers of the database's processes: the main one and the helpers that it has told of. */
  databaseProcesses(): Promise<number[]>
  /** Sends the signal and resolves with how the process ended. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<{ code: number | null; signal: string | null }>
}

/** The links on login.do, by the mode of the idp that each leads to. */
export const DEMO_WAYS = {
  none: 'Continue with Acme (no provisioning)',
  silent: 'Continue with Acme (silent)',
  consent: 'Continue with Acme (consent)',
  password: 'Continue with Acme (password)',
  username: 'Continue with Acme (username)',
}

export type DemoMode = keyof typeof DEMO_WAYS

/** An empty folder that PostgreSQL may pass through when it runs as somebody else. */
export async function emptyFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-demo-'))
  await chmod(folder, 0o711)
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }) }
}

/** Runs the built program, ours in one file or the one in `program`. Nothing of this process's environment but PATH and HOME is passed on. */
export async function spawnProgram(
  folder: string,
  settings: Record<string, string>,
  program?: string,
): Promise<ChildProcess> {
  if (program !== undefined) buildIfMissing(program)
  const { PATH = '', HOME = '' } = process.env
  return spawn(process.execPath, [join(program ?? (await oneFileEach()), 'dist/main.js')], {
    cwd: folder,
    env: { PATH, HOME, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Starts the demo in `folder` and resolves when it has said where to go. Throws what it printed when it has not within `withinMs`. */
export async function startDemoProcess(
  folder: string,
  port: number,
  { withinMs = 20_000, program }: { withinMs?: number; program?: string } = {},
): Promise<DemoProcess> {
  const child = await spawnProgram(folder, { PORT: String(port) }, program)
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk
  })
  const deadline = performance.now() + withinMs
  while (!/^ *Data .*\n/m.test(output.stdout)) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`The demo did not start within ${withinMs} ms:\n${output.stdout}\n${output.stderr}`)
    }
    await sleep(20)
  }
  const said = (label: string) => new RegExp(`^ *${label} +(\\S+)`, 'm').exec(output.stdout)?.[1] ?? ''
  const [, username = '', password = ''] = /^ *Local sign-in +(\S+) \/ (.+)$/m.exec(output.stdout) ?? []
  const rows = async <Row>(sql: string, values?: unknown[]) => rowsOf<Row>(await databaseUrl(folder), sql, values)
  return {
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    applicationUrl: said('Start here'),
    url: said('Vestibule'),
    idpUrl: said('Their idp'),
    localUser: { username, password },
    rows,
    async databaseProcesses() {
      const helpers = await rows<{ pid: number }>('SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()')
      return [Number((await postmasterFile(folder))[0]), ...helpers.map(({ pid }) => pid)]
    },
    end: (signal) => end(child, signal),
  }
}

/** A port that is free with the two after it, below those that systems hand out by themselves. */
export async function freePorts(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const free = await Promise.all([port, port + 1, port + 2].map(isFree))
    if (free.every(Boolean)) return port
  }
}

export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Fails unless none of these processes runs any more within this time. */
export async function gone(processes: number[], withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (processes.some(isRunning) && performance.now() < deadline) await sleep(20)
  assert.deepEqual(processes.filter(isRunning), [])
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** The embedded database's address, from what it keeps: its password, and the port on the fourth line of PostgreSQL's own file. */
async function databaseUrl(folder: string): Promise<string> {
  const password = (await readFile(join(folder, '.vestibule/postgres-password'), 'utf8')).trim()
  return `postgres://vestibule:${password}@127.0.0.1:${(await postmasterFile(folder))[3]}/demo`
}

async function postmasterFile(folder: string): Promise<string[]> {
  return (await readFile(join(folder, '.vestibule/postgres/postmaster.pid'), 'utf8')).split('\n')
}
