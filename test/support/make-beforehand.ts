// Makes once what each process of tests would make for itself (beforehand.ts).
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { BEFOREHAND } from './beforehand.ts'
import { REPOSITORY } from './built.ts'
import { compileTests } from './compile-tests.ts'
import { freePort } from './free-port.ts'
import { folderInMemory } from './in-memory.ts'
import { makeMigratedCluster, SECRET_KEY } from './migrated.ts'
import { KEEPS_COMPILED, makeOneFileEach } from './one-file.ts'
import { spawnServer, untilReady } from './server-process.ts'

const run = promisify(execFile)

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
    makeProgramsAndCluster(folder),
  ])
  process.env[BEFOREHAND] = folder
  return (some) => ['--enable-source-maps', ROOM, lane, ...some.map(compiled)]
}

/** With each program run once on the cluster: its start is then read, and not compiled, by the hundreds that follow. */
async function makeProgramsAndCluster(folder: string): Promise<void> {
  const programs = path.join(folder, 'programs')
  const made = makeOneFileEach(programs)
  await makeMigratedCluster(path.join(folder, 'cluster'), async (cluster) => {
    await made
    const database = await cluster.clone()
    const port = await freePort()
    const env = {
      ...{ NODE_ENV: 'production', DATABASE_URL: database.url, SECRET_KEY, PUBLIC_URL: `http://localhost:${port}` },
      ...KEEPS_COMPILED,
    }
    await run(process.execPath, [path.join(programs, 'dist/cli.js'), 'migrate'], { env, cwd: REPOSITORY })
    const server = spawnServer(programs, { ...env, HOST: '127.0.0.1', PORT: String(port) })
    await untilReady(server)
    await fetch(`http://127.0.0.1:${port}/authenticationendpoint/login.do`)
    await server.end('SIGTERM')
    await database.drop()
  })
}
