// PgBouncer in transaction mode in front of a test cluster: between two transactions a connection of the product's is nobody's, as at hosted PostgreSQL.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { freePort } from './free-port.ts'

export interface PgBouncer {
  version: string
  /** The address of the same database by way of the pooler. */
  through(databaseUrl: string): string
  /** How many transactions it has passed on so far: a statement outside one is one. */
  transactions(): Promise<number>
  stop(): Promise<void>
}

const MISSING = 'PgBouncer is not installed. On Debian: apt-get install pgbouncer (its service may stay off)'

/** The fewer there are, the more certainly the next transaction meets another connection than the last; races of tests want eight. */
const SERVER_CONNECTIONS = 8

/**
 * Starts it on a free loopback port for every database of `server`. It refuses to run as root and then runs as
 * whoever owns the server's data. Start-up parameters are refused, and no named statement is kept (versions before 1.21 never do).
 */
export async function startPgBouncer(server: {
  url(database: string): string
  dataFolder: string
}): Promise<PgBouncer> {
  const serverUrl = server.url('postgres')
  const { port: serverPort, username, password } = new URL(serverUrl)
  const program = findPgBouncer()
  const port = await freePort()
  const version = /PgBouncer ([\d.]+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1] ?? '0'
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-pooler-'))
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    stats_users: username,
    pool_mode: 'transaction',
    default_pool_size: SERVER_CONNECTIONS,
    max_client_conn: 1_000,
    ignore_startup_parameters: '',
    ...(isAtLeast(version, 1, 21) ? { max_prepared_statements: 0 } : {}),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  const configuration = join(folder, 'pgbouncer.ini')
  const words = `[databases]\n* = host=127.0.0.1 port=${serverPort}\n\n[pgbouncer]\n${lines.join('')}`
  await writeFile(configuration, words)
  await writeFile(settings.auth_file, `"${username}" "${decodeURIComponent(password)}"\n`, { mode: 0o600 })
  const { uid, gid } = await stat(server.dataFolder)
  const isRoot = process.getuid?.() === 0
  if (isRoot) for (const path of [folder, configuration, settings.auth_file]) await chown(path, uid, gid)
  await chmod(folder, 0o700)

  const through = (databaseUrl: string) => {
    const url = new URL(databaseUrl)
    url.port = String(port)
    return url.href
  }
  const child = spawn(program, [configuration], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(isRoot ? { uid, gid } : {}),
  })
  // Its last words are worth reading when it does not start.
  let log = ''
  child.stderr.on('data', (chunk) => {
    log = `${log}${chunk}`.slice(-2_000)
  })
  const console = () => new Client({ connectionString: through(serverUrl).replace(/[^/]*$/, 'pgbouncer') })
  try {
    await untilItAnswers(child, console)
  } catch (error) {
    await end(child)
    throw new Error(`PgBouncer did not start: ${log}`, { cause: error })
  }
  return {
    version,
    through,
    async transactions() {
      const client = console()
      await client.connect()
      const { rows } = await client.query<{ name: string; value: string }>('SHOW TOTALS')
      await client.end()
      return Number(rows.find(({ name }) => name === 'total_xact_count')?.value ?? 0)
    },
    async stop() {
      await end(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Where it is: a service's program, so its folder is often not in PATH. Throws how to install it when it is nowhere. */
export function findPgBouncer(): string {
  for (const program of ['pgbouncer', '/usr/sbin/pgbouncer', '/usr/local/bin/pgbouncer']) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' })
      return program
    } catch {}
  }
  throw new Error(MISSING)
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ours = 0, theirs = 0] = version.split('.').map(Number)
  return ours > major || (ours === major && theirs >= minor)
}

async function untilItAnswers(child: ChildProcess, console: () => Client): Promise<void> {
  for (const until = performance.now() + 10_000; ; await sleep(50)) {
    const client = console()
    try {
      await client.connect()
      return
    } catch (error) {
      if (child.exitCode !== null || performance.now() > until) throw error
    } finally {
      await client.end()
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  // At once: SIGTERM waits for clients, and a pool keeps its connections.
  child.kill('SIGQUIT')
  await gone
}
