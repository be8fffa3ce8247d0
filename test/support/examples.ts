// The worked examples of docs/examples, each in a process of its own, run as they are written.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { freePort, REPOSITORY } from './scene.ts'

export interface Example {
  /** Not the host of the product: a browser gives it none of the product's cookies. */
  url: string
  output(): string
  stop(): Promise<void>
}

/** Starts an example on a free port of 127.0.0.1, or the one that is given, with this environment and nothing else of ours. */
export async function startExample(name: string, env: Record<string, string>, at?: number): Promise<Example> {
  const port = at ?? (await freePort())
  const child = spawn(process.execPath, [path.join(REPOSITORY, 'docs/examples', name)], {
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  await until(child, () => output.includes('ready\n'))
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill()
      await gone
    },
  }
}

async function until(child: ChildProcess, isReady: () => boolean): Promise<void> {
  while (!isReady()) {
    await Promise.race([child.stdout && once(child.stdout, 'data'), once(child, 'exit')])
    if (child.exitCode !== null) throw new Error('An example ended before it was ready.')
  }
}
