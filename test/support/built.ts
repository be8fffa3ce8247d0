// The program as it is built, which tests of whole processes run.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const REPOSITORY = join(import.meta.dirname, '../..')

/** Builds the program in `folder` when nobody has: tests that run alone need nothing else. */
export function buildIfMissing(folder: string): void {
  if (existsSync(join(folder, 'dist/main.js'))) return
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: folder, stdio: 'inherit' })
}
