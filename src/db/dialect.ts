// knex's client for PostgreSQL, made for bad days. Law: every statement ends in bounded time, and no connection that may be dead is used again.
import { connect as openSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import PostgresClient, { type Statement } from 'knex/lib/dialects/postgres/index.js'
import type { Client, QueryResult } from 'pg'
import { codeOf, DatabaseAway, fateOf } from './away.ts'
import { nameThoseAskedOften, troubleOf } from './prepared.ts'
import { positioned } from './statement.ts'

/** knex's client, as it is used beside knex's own builders. */
export type Dialect = PostgresClient

/** Nobody waits longer for one statement (DE-27). */
const STATEMENT_MS = 8_000
/** A transaction that failed is over for PostgreSQL too once its connection closes: hearing it say so is worth little time. */
const ROLLBACK_MS = 2_000
/** How long a request waits for a connection, so that it has its answer within five seconds (DE-26). */
export const ACQUIRE_MS = 4_000
const MAKE_DO_MS = 5_000
/**
 * Where PostgreSQL refuses all connections for so long, it grants none. Of some that begin at the same moment it may refuse every one, because it counts
 * those that it is about to refuse, and the first refusal may come before the first that it grants.
 */
const REFUSED_MS = 2_000
/** Who is refused so asks again after up to so long, then twice as long, and so on to the most: the fewer ask at once, the sooner one is granted. */
const AGAIN_MS = 100
const AGAIN_MOST_MS = 800
/** How long a statement that was given up may take to end by itself, before its connection does. */
const CANCEL_MS = 500

/** Connections never to be used again. */
const gone = new WeakSet<Client>()
/** When a connection was last heard. */
const heardAt = new WeakMap<Client, number>()
/** Whether what a connection prepares is there at its next statement, where that was asked. */
const keepsStatements = new WeakMap<Client, boolean>()

/**
 * The client of one pool of at most `poolMax` connections. `onError` is told about connections that break, used or idle; `statementMs` is for
 * a pool that nobody waits at.
 */
export function createDialect(
  poolMax: number,
  onError: (error: Error) => void,
  statementMs: number = STATEMENT_MS,
): typeof PostgresClient {
  /** Connections that have said nothing since are not trusted: whatever silenced one may have silenced them all. */
  let distrustBefore = 0
  const nameOf = nameThoseAskedOften()
  /** Until a pooler shows that looks like PostgreSQL itself. */
  let mayPrepare = true

  return class extends PostgresClient {
    override async acquireConnection(): Promise<Client> {
      const began = performance.now()
      for (let pause = AGAIN_MS; ; pause *= 2) {
        try {
          return await super.acquireConnection()
        } catch (error) {
          const waited = performance.now() - began
          if (codeOf(error) !== '53300' || waited > ACQUIRE_MS) throw new DatabaseAway('unasked', error)
          if (this.#makeDo()) continue
          if (waited > REFUSED_MS) throw new DatabaseAway('unasked', error)
          await sleep(Math.random() * Math.min(pause, AGAIN_MOST_MS))
        }
      }
    }

    /** PostgreSQL grants no more connections: for a while those that we have must do, and requests wait for them. False when there are none. */
    #makeDo(): boolean {
      const pool = this.pool as unknown as { max: number; numUsed(): number; numFree(): number } | undefined
      const had = (pool?.numUsed() ?? 0) + (pool?.numFree() ?? 0)
      if (!pool || had === 0) return false
      pool.max = had
      setTimeout(() => {
        pool.max = poolMax
      }, MAKE_DO_MS).unref()
      return true
    }

    override async acquireRawConnection(): Promise<Client> {
      const connection = await super.acquireRawConnection()
      heardAt.set(connection, performance.now())
      connection.on('end', () => gone.add(connection))
      connection.on('error', (error) => {
        gone.add(connection)
        onError(error)
      })
      return connection
    }

    override async validateConnection(connection: Client): Promise<boolean> {
      if ((heardAt.get(connection) ?? 0) < distrustBefore) gone.add(connection)
      return !gone.has(connection)
    }

    override async destroyRawConnection(connection: Client): Promise<void> {
      // A goodbye to somebody who does not answer would keep the socket for a quarter of an hour.
      if (gone.has(connection)) connection.connection.stream.destroy()
      else await super.destroyRawConnection(connection)
    }

    override positionBindings(sql: string): string {
      return positioned(sql).text
    }

    override async _query(connection: Client, statement: Statement): Promise<unknown> {
      const sentAt = performance.now()
      let isAbandoned = false
      let name: string | undefined
      const patience = setTimeout(
        () => {
          isAbandoned = true
          distrustBefore = Math.max(distrustBefore, sentAt)
          gone.add(connection)
          cancel(connection)
          // Not before: a pooler that has lost its client no longer knows what to cancel.
          setTimeout(() => connection.connection.stream.destroy(), CANCEL_MS).unref()
        },
        statement.sql === 'ROLLBACK' ? ROLLBACK_MS : statementMs,
      )
      try {
        if (mayPrepare && statement.bindings?.length) name = nameOf(statement.sql)
        if (name !== undefined && !(await isKept(connection))) name = undefined
        statement.response = await answerTo(connection, statement, name)
        return statement
      } catch (error) {
        const code = codeOf(error)
        // Whatever it was: what it left must not be the next one's.
        if (statement.sql === 'ROLLBACK') gone.add(connection)
        const trouble = name === undefined ? undefined : troubleOf(code)
        const fate = isAbandoned ? 'slow' : gone.has(connection) ? 'lost' : trouble ? 'refused' : fateOf(code)
        if (fate === undefined) throw error
        if (fate === 'lost' || trouble) gone.add(connection)
        if (trouble === 'elsewhere') mayPrepare = false
        if (trouble === 'stale' || code === '25006') {
          // Every connection has that statement. And a server that became a standby keeps its connections, where the name of the database may
          // lead elsewhere by now.
          gone.add(connection)
          distrustBefore = performance.now()
        }
        throw new DatabaseAway(fate, error)
      } finally {
        clearTimeout(patience)
        heardAt.set(connection, performance.now())
      }
    }
  }
}

/** What PostgreSQL answers; under a name a statement stays prepared. Without one the driver is given no object of settings, as knex does, because it copies each. */
function answerTo(connection: Client, { sql, bindings = [] }: Statement, name?: string): Promise<QueryResult> {
  const values = bindings as unknown[]
  if (name !== undefined) return connection.query({ name, text: sql, values })
  return new Promise((resolve, reject) => {
    connection.query(sql, values, (error: Error | null, result) => (error ? reject(error) : resolve(result)))
  })
}

/**
 * Whether a connection leads to PostgreSQL itself, which keeps what was prepared on it. A pooler, which in transaction mode keeps nothing, has told
 * the driver a number of its own at the start (PgBouncer: random bits), and not that of the process that answers.
 */
async function isKept(connection: Client): Promise<boolean> {
  const known = keepsStatements.get(connection)
  if (known !== undefined) return known
  const { rows } = await answerTo(connection, { sql: 'SELECT pg_backend_pid() AS pid' })
  const isKept = rows[0]?.pid === keyOf(connection).processID
  keepsStatements.set(connection, isKept)
  return isKept
}

/** What PostgreSQL, or who is before it, said at the start of a connection. */
function keyOf(connection: Client): { processID?: unknown; secretKey?: unknown } {
  return connection as Client & { processID?: unknown; secretKey?: unknown }
}

const CANCEL_REQUEST = 80_877_102

/**
 * Asks PostgreSQL to stop the statement that was given up (PostgreSQL's documentation, "Canceling Requests in Progress"). Left
 * alone, one that waits for a lock would be carried out long after its request was answered, and hold a connection of the
 * server's until then. In clear even beside TLS, as libpq has always done: the key opens nothing but this cancelling.
 */
function cancel(connection: Client): void {
  const { host, port } = connection
  const { processID, secretKey } = keyOf(connection)
  // Some poolers give no key.
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return
  const request = Buffer.alloc(16)
  for (const [index, word] of [request.length, CANCEL_REQUEST, processID, secretKey].entries()) {
    request.writeInt32BE(word, index * 4)
  }
  const socket = host.startsWith('/') ? openSocket(`${host}/.s.PGSQL.${port}`) : openSocket(port, host)
  socket.on('error', () => {})
  socket.setTimeout(STATEMENT_MS, () => socket.destroy())
  socket.unref()
  // Without a goodbye: a pooler drops what somebody asked who is gone. The other side closes when it is done.
  socket.write(request)
}
