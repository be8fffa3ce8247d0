// knex's client for PostgreSQL, which its own types leave out; these are the parts we use or replace.
declare module 'knex/lib/dialects/postgres/index.js' {
  import { Knex } from 'knex'
  import type { Client as Connection, QueryResult } from 'pg'
  export interface Statement {
    sql: string
    bindings?: readonly unknown[]
    response?: QueryResult
  }
  export default class PostgresClient extends Knex.Client {
    acquireConnection(): Promise<Connection>
    releaseConnection(connection: Connection): Promise<void>
    acquireRawConnection(): Promise<Connection>
    positionBindings(sql: string): string
    query(connection: Connection, statement: Statement): Promise<{ response: QueryResult }>
    _query(connection: Connection, statement: Statement): Promise<unknown>
  }
}
