// Makes once what each process of tests would make for itself (beforehand.ts).
import { mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { BEFOREHAND } from './beforehand.ts'
import { compileTests } from './compile-tests.ts'
import { folderInMemory } from './in-memory.ts'
import { makeMigratedCluster } from './migrated.ts'
import { makeOneFileEach } from './one-file.ts'

/** For what is young and dies soon, which is nearly all that a test makes: collected less often, less of it is found alive. */
const ROOM = '--max-semi-space-size=64'

/**
 * Makes it in a folder that is gone with this process, and says so to every process that this one starts from now on; their temporary folders,
 * and its own, are in memory where there is room. `files` are those to compile, below test/. Returns with what words node runs some of them.
 */
export async function makeBeforehand(files: string[]): Promise<(some: string[]) => string[]> {
  const temporary = folderInMemory()
  process.env['TMPDIR'] = temporary
  const folder = mkdtempSync(path.join(temporary, 'vestibule-beforehand-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const [{ lane, compiled }] = await Promise.all([
    compileTests(files, path.join(folder, 'tests')),
    makeOneFileEach(path.join(folder, 'programs')),
    makeMigratedCluster(path.join(folder, 'cluster')),
  ])
  process.env[BEFOREHAND] = folder
  return (some) => ['--enable-source-maps', ROOM, lane, ...some.map(compiled)]
}
