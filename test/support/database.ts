// One throw-away PostgreSQL for a test run, and cheap copies of a migrated database; its law: nothing is left behind.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'

/** A PostgreSQL of its own for one test run. */
export interface TestCluster {
  /** The address of a database of this name, which need not exist. */
  url(database: string): string
  /** Makes the database that clones are copies of; `migrate` is given its address and must close what it opens. */
  template(migrate: (url: string) => Promise<void>): Promise<void>
  /** Copies the template. `drop` removes the copy, whoever is still connected. */
  clone(): Promise<{ url: string; drop(): Promise<void> }>
  /** Stops the server and removes its folder. */
  stop(): Promise<void>
}

/** Starts a cluster in a temporary folder, with every safety against power cuts off. */
export async function startTestCluster(): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-test-'))
  await chmod(folder, 0o711) // as root, PostgreSQL runs as somebody else and has to pass
  const server = await startEmbeddedPostgres({ folder, settings: hasty })
  const url = (database: string) => server.url.replace(/[^/]*$/, database)
  let count = 0
  let last: Promise<unknown> = Promise.resolve()
  // Copies of one template cannot be made at once, and one connection takes one statement at a time.
  const inTurn = (statement: string): Promise<unknown> => {
    last = last.catch(() => {}).then(() => once(server.url, statement))
    return last
  }
  return {
    url,
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
        url: url(name),
        async drop() {
          await inTurn(`drop database if exists ${name} with (force)`)
        },
      }
    },
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A connection for one statement: one that stayed open would keep the tests' process running for ever. */
async function once(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

const hasty = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' }
