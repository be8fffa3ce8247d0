// One throw-away PostgreSQL for a test run, and cheap copies of a migrated database; its law: nothing is left behind.
import { chmod, cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { startPgBouncer } from './pgbouncer.ts'
import { openRows } from './rows.ts'

/** A PostgreSQL of its own for one test run. */
export interface TestCluster {
  /** Where its data are. */
  dataFolder: string
  /** The address of a database of this name, which need not exist. */
  url(database: string): string
  /** Makes the database that clones are copies of; `migrate` is given its address and must close what it opens. */
  template(migrate: (url: string) => Promise<void>): Promise<void>
  /** The address that the product is to use in place of this one: the same, or with TEST_POOLER=pgbouncer the pooler's. */
  forProduct(url: string): string
  /** Copies the template. `drop` removes the copy, whoever is still connected. */
  clone(): Promise<TestDatabase>
  /** Stops the server until `resume`. `immediate` is what a crash is to it: nothing that runs is finished, and it recovers at its next start. */
  halt(how: 'fast' | 'immediate'): Promise<void>
  /** Starts it again on the same data, if it was stopped. It listens on another port then. */
  resume(): Promise<void>
  /** Stops the server and removes its folder. */
  stop(): Promise<void>
}

export interface TestDatabase {
  /** Its address, as long as the server is not stopped and started again. */
  readonly url: string
  drop(): Promise<void>
}

/**
 * Starts a cluster in a temporary folder, with every safety against power cuts off unless `settings` turn it on again: an empty one,
 * or a copy of one that is stopped, whose folder is `original`.
 */
export async function startTestCluster(settings: Record<string, string> = {}, original?: string): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-test-'))
  if (original !== undefined) await cp(original, folder, { recursive: true })
  await chmod(folder, 0o711) // as root, PostgreSQL runs as somebody else and has to pass
  const start = () => startEmbeddedPostgres({ folder, settings: { ...hasty, ...settings } })
  let server = await start()
  await proveQuickly(server.url)
  let isHalted = false
  const dataFolder = join(folder, 'postgres')
  const url = (database: string) => server.url.replace(/[^/]*$/, database)
  // The whole suite runs through a pooler once (soak/pooler.ts); the tests' own SQL and migrations never do.
  const pooler = process.env['TEST_POOLER'] === 'pgbouncer' ? await startPgBouncer({ url, dataFolder }) : undefined
  let count = 0
  let last: Promise<unknown> = Promise.resolve()
  const sql = openRows(() => server.url)
  // Copies of one template cannot be made at once.
  const inTurn = (statement: string): Promise<unknown> => {
    last = last.catch(() => {}).then(() => sql.rows(statement))
    return last
  }
  return {
    dataFolder,
    url,
    forProduct: (address) => pooler?.through(address) ?? address,
    async template(migrate) {
      await inTurn('create database template_vestibule')
      await migrate(url('template_vestibule'))
      // A connection left open would fail every copy: better that none can be opened.
      await inTurn('alter database template_vestibule allow_connections false')
    },
    async clone() {
      count += 1
      const name = `clone_${count}`
      await inTurn(`create database ${name} template template_vestibule strategy file_copy`)
      return {
        get url() {
          return url(name)
        },
        async drop() {
          await inTurn(`drop database if exists ${name} with (force)`)
        },
      }
    },
    async halt(how) {
      const pid = Number.parseInt(await readFile(join(dataFolder, 'postmaster.pid'), 'utf8'), 10)
      process.kill(pid, how === 'fast' ? 'SIGINT' : 'SIGQUIT')
      await server.stop()
      isHalted = true
    },
    async resume() {
      if (isHalted) server = await start()
      isHalted = false
    },
    async stop() {
      if (pooler) process.stderr.write(`# PgBouncer ${pooler.version}: ${await pooler.transactions()} transactions\n`)
      await Promise.all([sql.close(), pooler?.stop()])
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Lets the password be proved in one round of the hash and not in four thousand: a run opens thousands of connections, which cost little else. */
async function proveQuickly(url: string): Promise<void> {
  const client = new Client(url)
  await client.connect()
  // Not text from outside: the program made it, of letters and digits.
  await client.query(`SET scram_iterations = 1; ALTER ROLE vestibule PASSWORD '${client.password}'`)
  await client.end()
}

const hasty = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  // A worker comes by for each of a hundred databases, none of which lives long enough to need one.
  autovacuum: 'off',
  jit: 'off',
}
