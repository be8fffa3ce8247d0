// Runs a PostgreSQL of our own for a first look and for tests; its law: it never outlives the process that started it.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { link, mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import {
  findPrograms,
  findRunner,
  giveTo,
  majorOf,
  makeData,
  type Programs,
  programEnvironment,
  type Runner,
} from './embedded-binaries.ts'

/** A running PostgreSQL. `url` holds its password. `stop` may be called twice and resolves when the server is gone. */
export interface EmbeddedPostgres {
  url: string
  stop(): Promise<void>
}

/**
 * Starts PostgreSQL on `folder`, made when missing: data in `postgres/`, the password in `postgres-password`, both kept
 * for the next start. It listens on a free loopback port alone, new at each start. `settings` are PostgreSQL's own
 * (name to value). Throws a sentence when the folder is in use or the server cannot run.
 */
export async function startEmbeddedPostgres(options: {
  folder: string
  settings?: Record<string, string>
  /** The database of `url`, made when it is missing. A name of ours: it goes into SQL as it is. */
  database?: 'vestibule' | 'demo'
}): Promise<EmbeddedPostgres> {
  const { settings = {}, database = 'vestibule' } = options
  await mkdir(options.folder, { recursive: true, mode: 0o711 })
  const folder = await realpath(options.folder)
  const data = join(folder, 'postgres')
  await leftAlone(data, folder)
  const major = await majorOf(data)
  const programs = await findPrograms(major)
  const runner = await findRunner(programs, folder)
  const password = await keptPassword(join(folder, 'postgres-password'), data, major === undefined)
  if (major === undefined) await makeData(data, { programs, runner, password, sync: settings.fsync !== 'off' })
  await giveTo(runner.owner, data)
  const { child, port } = await launch({ folder, data, programs, runner, settings })
  const stop = () => stopServer(child)
  const urlOf = (database: string) =>
    `postgres://vestibule:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`
  try {
    await ensureDatabase(urlOf, folder, database)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: urlOf(database), stop }
}

// The shell holds a pipe to us. When the pipe closes, by our will or by any death of ours, it asks PostgreSQL for a fast
// shutdown, and after five seconds for an immediate one. It asks again and again because a server still starting is deaf.
const watchdog = `
"$@" </dev/null & server=$!
trap '' INT TERM HUP
exec 3<&0
(
  read -r line <&3
  tries=0
  while [ $tries -lt 25 ] && kill -INT $server; do sleep 0.2; tries=$((tries + 1)); done
  kill -QUIT $server
) 2>/dev/null & watch=$!
wait $server; code=$?
kill -KILL $watch 2>/dev/null
exit $code
`
const patience = 2_000 // ms for a predecessor to vanish: its watchdog needs a small part of that
const startLimit = 60_000 // ms, long enough for recovery after a crash

async function keptPassword(path: string, data: string, mayMake: boolean): Promise<string> {
  const kept = await readFile(path, 'utf8').catch((error) => {
    if (codeOf(error) !== 'ENOENT') throw error
  })
  if (kept?.trim()) return kept.trim()
  if (!mayMake) throw new Error(`${path} is missing or empty: put it back, or remove ${data} to start afresh.`)
  const draft = `${path}-${randomUUID()}`
  await writeFile(draft, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  // A link appears whole or not at all, so two first starts at once agree on one password.
  await link(draft, path).catch((error) => {
    if (codeOf(error) !== 'EEXIST') throw error
  })
  await rm(draft)
  return keptPassword(path, data, false)
}

interface Plan {
  folder: string
  data: string
  programs: Programs
  runner: Runner
  settings: Record<string, string>
}

async function launch(plan: Plan): Promise<{ child: ChildProcess; port: number }> {
  const { folder, data, programs, runner, settings } = plan
  const until = performance.now() + patience
  for (;;) {
    const port = await freePort()
    const fixed = { ...settings, listen_addresses: '127.0.0.1', unix_socket_directories: '' }
    const words = Object.entries(fixed).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const started = await boot([...runner.prefix, programs.postgres, '-D', data, '-p', String(port), ...words], runner)
    if (typeof started !== 'string') return { child: started, port }
    const portTaken = /could not bind IPv4 address/.test(started)
    const folderTaken = /lock file "postmaster.pid" already exists|pre-existing shared memory block/.test(started)
    if (!portTaken && !folderTaken) throw new Error(`PostgreSQL did not start on ${data}: ${started.trim()}`)
    if (performance.now() > until) throw folderTaken ? inUse(folder) : new Error('No free loopback port was found.')
    await leftAlone(data, folder)
    await sleep(100)
  }
}

/** Resolves with the watchdog of a server that is ready, or with the server's last words. */
async function boot(command: string[], runner: Runner): Promise<ChildProcess | string> {
  // A process group of its own: Ctrl-C reaches us first, and our pools are closed before the server goes.
  const child = spawn('/bin/sh', ['-c', watchdog, 'sh', ...command], {
    ...runner.ids,
    cwd: '/',
    env: programEnvironment,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.stdin.on('error', () => {}) // nothing is ever written; a server that died has closed its end
  const limit = setTimeout(() => child.stdin.end(), startLimit)
  let log = ''
  try {
    return await new Promise((resolve, reject) => {
      child.stderr.on('data', (chunk) => {
        log = (log + chunk).slice(-8_000)
        if (log.includes('database system is ready to accept connections')) resolve(child)
      })
      child.on('close', () => resolve(log))
      child.on('error', reject)
    })
  } finally {
    clearTimeout(limit)
    // From here on the log is drained unread: PostgreSQL may quote personal data in it.
    child.stderr.removeAllListeners('data').resume()
    // A database alone does not keep the program running.
    child.unref()
    for (const pipe of [child.stdin, child.stderr]) (pipe as unknown as Socket).unref()
  }
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.ref()
  const gone = once(child, 'exit')
  child.stdin?.end()
  await gone
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

// A server whose owner died is about to vanish; one that stays has an owner, and the folder is theirs.
async function leftAlone(data: string, folder: string): Promise<void> {
  const file = join(data, 'postmaster.pid')
  for (const until = performance.now() + patience; ; await sleep(50)) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    const pid = Number.parseInt(text ?? '', 10)
    if (!(pid > 1) || !isAlive(pid)) return
    if (!(await serves(pid, data))) {
      // The number now belongs to a stranger, or to a process not yet buried; PostgreSQL would shy at either.
      if (text === (await readFile(file, 'utf8').catch(() => undefined))) await rm(file, { force: true })
      return
    }
    if (performance.now() > until) throw inUse(folder)
  }
}

function inUse(folder: string): Error {
  return new Error(`another Vestibule is using this folder (${folder}): stop it, or choose another folder`)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

async function serves(pid: number, data: string): Promise<boolean> {
  const command = (await commandOf(pid)).trim()
  if (!/(^|\/)(postgres|postmaster)( |$)/.test(command)) return false
  const served = / -D ?(.+?)(?= -|$)/.exec(command)?.[1]
  const [theirs, ours] = await Promise.all([served ?? data, data].map((path) => stat(path).catch(() => undefined)))
  // In doubt it is ours: a folder wrongly thought free would be harmed.
  return theirs === undefined || (theirs.dev === ours?.dev && theirs.ino === ours.ino)
}

// A process not yet buried has no words left.
async function commandOf(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')
  }
  const listing = spawn('ps', ['-o', 'command=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] })
  let line = ''
  listing.stdout.on('data', (chunk) => {
    line += chunk
  })
  await once(listing, 'close')
  return line
}

async function ensureDatabase(urlOf: (database: string) => string, folder: string, database: string): Promise<void> {
  try {
    await execute(urlOf(database), 'select 1')
  } catch (error) {
    if (codeOf(error) === '28P01') {
      throw new Error(
        `The password in ${folder}/postgres-password is not that of ${folder}/postgres: restore the pair.`,
      )
    }
    if (codeOf(error) !== '3D000') throw error
    await execute(urlOf('postgres'), `create database ${database}`)
  }
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
