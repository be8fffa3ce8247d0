// The commands of an operator as an operator runs them: the built program, with variables and files of its own.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { oneFileEach } from './one-file.ts'
import { REPOSITORY } from './scene.ts'

export interface Ended {
  code: number
  out: string
  error: string
}

/** Runs a command with these variables and no others of ours. `signal` kills it as a power cut would. */
export async function vestibule(
  words: string[],
  variables: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Ended> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...variables }
  // As built: compiling it anew for each command takes longer than most commands.
  const file = path.join(await oneFileEach(), 'dist/cli.js')
  return new Promise((resolve) => {
    const options = { env, cwd: REPOSITORY, killSignal: 'SIGKILL' as const, ...(signal ? { signal } : {}) }
    execFile(process.execPath, [file, ...words], options, (error, out, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, out, error: stderr })
    })
  })
}

/** A folder for configuration files. */
export interface Shop {
  file(content: string): Promise<string>
  close(): Promise<void>
}

export async function openShop(): Promise<Shop> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vestibule-commands-'))
  let count = 0
  return {
    async file(content) {
      count += 1
      const name = path.join(folder, `vestibule-${count}.yaml`)
      await writeFile(name, content)
      return name
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}
