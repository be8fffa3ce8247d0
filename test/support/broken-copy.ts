// A copy of the built program that was broken on purpose in one place: what a race or a crash must find, or it proves nothing.
import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildIfMissing } from './built.ts'
import { REPOSITORY } from './scene.ts'

export interface BrokenCopy {
  /** What `startFleet` and `startDemoProcess` take as `program`. */
  folder: string
  remove(): Promise<void>
}

/**
 * Copies the program and puts `to` where `file` (below dist) says `from`, and so on. Throws when that is not said exactly once: a copy
 * that is not broken would pass, and the control with it.
 */
export async function brokenCopy(
  file: string,
  from: string,
  to: string,
  ...more: [from: string, to: string][]
): Promise<BrokenCopy> {
  buildIfMissing(REPOSITORY)
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-broken-'))
  for (const part of ['dist', 'views', 'public', 'migrations', 'package.json']) {
    await cp(join(REPOSITORY, part), join(folder, part), { recursive: true })
  }
  await symlink(await realpath(join(REPOSITORY, 'node_modules')), join(folder, 'node_modules'))
  const path = join(folder, 'dist', file)
  let text = await readFile(path, 'utf8')
  for (const [said, put] of [[from, to] as const, ...more]) {
    const parts = text.split(said)
    if (parts.length !== 2) throw new Error(`dist/${file} says ${parts.length - 1} times, and not once: ${said}`)
    text = parts.join(put)
  }
  await writeFile(path, text)
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
