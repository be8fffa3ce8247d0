// The built program in a process of its own, as a platform starts and stops it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ServerProcess {
  child: ChildProcess
  port: number
  /** Everything printed so far. */
  output(): string
  /** Sends a signal, if it still runs, and resolves with how it ended. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<{ code: number | null; signal: string | null }>
}

/** The built program in `folder`, with this environment and nothing else of ours but PATH and HOME. */
export function spawnServer(folder: string, env: Record<string, string>): ServerProcess {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [join(folder, 'dist/main.js')], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk
    })
  }
  return {
    child,
    port: Number(env['PORT']),
    output: () => output,
    end: (signal) => end(child, signal),
  }
}

/** Sends a signal to a process, if it still runs; resolves with how it ended. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): ReturnType<ServerProcess['end']> {
  const gone = once(child, 'exit')
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal)
    await gone
  }
  return { code: child.exitCode, signal: child.signalCode }
}

/** Resolves when the server says that it is ready; throws what it printed when it does not within a minute. */
export async function untilReady(server: ServerProcess): Promise<void> {
  const isGone = () => server.child.exitCode !== null || server.child.signalCode !== null
  const until = performance.now() + 60_000
  for (let turn = 0; ; turn += 1) {
    await sleep(20)
    // As soon as it has said that it listens, and seldom where it is told to say nothing: questions that nobody answers take their time as well.
    const answer = turn % 25 === 0 || LISTENS.test(server.output()) ? await askReady(server.port) : undefined
    if (answer?.ok) return
    if (isGone() || performance.now() > until) throw new Error(`A server did not start:\n${server.output()}`)
  }
}

const LISTENS = /"msg":"listening"/

async function askReady(port: number): Promise<Response | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
  await answer?.text()
  return answer
}
