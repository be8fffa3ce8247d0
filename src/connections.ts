// Connections to the database as the settings say: for whoever serves, migrates, or runs one command and needs nothing else of the house.
import type { Config } from './config.ts'
import { databaseAddress } from './database-address.ts'
import { connect, type Pool } from './db/connect.ts'

/** To write a table of millions of rows anew takes minutes, and whoever migrates at the same time waits for it. */
const MIGRATION_STATEMENT_MS = 60 * 60_000

/** Opens one connection for migrations, to the database at `url`. */
export function connectToMigrate(url: string, config: Config): Pool {
  const address = databaseAddress(url, config.databaseSsl, config.databaseCaCert)
  const patient = { statementMs: MIGRATION_STATEMENT_MS, onError: () => {} }
  return connect({ url: address.url, poolMax: 1, ssl: address.ssl, ...patient })
}

/** Opens a pool for the database at `url`, encrypted as the settings say. */
export function connectTo(url: string, config: Config, poolMax: number, onError: (error: Error) => void): Pool {
  const address = databaseAddress(url, config.databaseSsl, config.databaseCaCert)
  return connect({ url: address.url, poolMax, ssl: address.ssl, onError })
}
