// knex's client for PostgreSQL, which its own types leave out; these are the parts we use or replace.
declare module 'knex/lib/dialects/postgres/index.js' {
  import { Knex } from 'knex'
  import type { Client as Connection } from 'pg'
  export default class PostgresClient extends Knex.Client {
    acquireRawConnection(): Promise<Connection>
    _query(connection: Connection, statement: { sql: string }): Promise<unknown>
  }
}
