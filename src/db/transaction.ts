// One transaction: a connection of its own from BEGIN to COMMIT or ROLLBACK. knex's would build itself anew for each of them.
import type { Client } from 'pg'
import type { Dialect } from './dialect.ts'
import { checkValues } from './statement.ts'

/**
 * With PostgreSQL's own bounds, for this transaction alone: what a vanished client left locked is free again after these. In one message, so that
 * none is ever without them.
 */
const BEGIN = `BEGIN; SELECT set_config('statement_timeout', '7500', true), set_config('idle_in_transaction_session_timeout', '10000', true)`

export class Transaction {
  readonly #client: Dialect
  readonly #connection: Client
  #lastTurn: Promise<unknown> = Promise.resolve()
  #isOver = false

  private constructor(client: Dialect, connection: Client) {
    this.#client = client
    this.#connection = connection
  }

  /** Runs `work` in a transaction and returns what it returns, once COMMIT was answered; whatever it throws undoes everything. */
  static async run<Result>(client: Dialect, work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    const connection = await client.acquireConnection()
    const transaction = new Transaction(client, connection)
    try {
      const result = await transaction.#begin(work)
      await client.query(connection, { sql: 'COMMIT' })
      return result
    } finally {
      await client.releaseConnection(connection)
    }
  }

  /** The same within this one, from a savepoint: whatever `work` throws undoes what it did alone. */
  async within<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    await this.ask('SAVEPOINT inner_one', [])
    const inner = new Transaction(this.#client, this.#connection)
    try {
      const result = await work(inner)
      inner.#isOver = true
      await this.ask('RELEASE SAVEPOINT inner_one', [])
      return result
    } catch (error) {
      inner.#isOver = true
      await this.ask('ROLLBACK TO SAVEPOINT inner_one', []).catch(() => {})
      throw error
    }
  }

  async #begin<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    try {
      await this.#client.query(this.#connection, { sql: BEGIN })
      return await work(this)
    } catch (error) {
      this.#isOver = true
      // A connection that does not say that it is undone is not used again (dialect.ts), and PostgreSQL undoes what it left.
      await this.#client.query(this.#connection, { sql: 'ROLLBACK' }).catch(() => {})
      throw error
    } finally {
      this.#isOver = true
    }
  }

  /**
   * Runs one statement and returns its rows. One after another, as they share a connection. After one that failed the others fail as it did:
   * PostgreSQL would only say that.
   */
  ask(sql: string, values: readonly unknown[]): Promise<unknown[]> {
    const turn = this.#lastTurn.then(async () => {
      if (this.#isOver) throw new Error(`the transaction is over: ${sql}`)
      checkValues(sql, values)
      const { response } = await this.#client.query(this.#connection, { sql, bindings: values })
      return response.rows
    })
    this.#lastTurn = turn
    return turn
  }
}
