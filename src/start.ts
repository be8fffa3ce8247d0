// Starts the product on a configuration: database, migrations, declaration, rooms, listening, sweeping; and stops it again.
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { Logger } from 'pino'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import { connect, type Db } from './db/connect.ts'
import { applyDeclared } from './db/declare.ts'
import { readOrganization, readSalt } from './db/installation.ts'
import { migrate, pendingMigrations } from './db/migrate.ts'
import { sweep } from './db/sweep.ts'
import { type Declared, REGISTER, SIGNUP } from './declared.ts'
import type { House } from './house.ts'
import { createKeyring } from './seal.ts'
import { createHashingQueue } from './stores/hashing-queue.ts'
import { createPasswords } from './stores/password.ts'
import { createViews } from './web/views.ts'

export interface Running {
  db: Db
  house: House
  stop(): Promise<void>
}

export interface StartOptions {
  config: Config & { databaseUrl: string; secretKey: string }
  log: Logger
  declared: Declared | undefined
  now?: () => Date
}

/** Expired rows are gone within five minutes whichever process runs (design); a minute leaves room for a busy one. */
const SWEEP_EVERY_MS = 60_000
/** Longer than a router's idle time (Heroku: 90 s), so that the router closes first. */
const KEEP_ALIVE_MS = 95_000
const HASHES_WAITING = 50

export async function start({ config, log, declared, now = () => new Date() }: StartOptions): Promise<Running> {
  const db = connect({
    url: config.databaseUrl,
    poolMax: config.databasePoolMax,
    ssl: sslOf(config, config.databaseUrl),
    onError: (error) => log.warn({ err: error }, 'a database connection broke'),
  })
  try {
    if (config.migrateOnStart) await migrateOn(config)
    const pending = await pendingMigrations(db)
    if (pending.length > 0) throw new Error(`The database is behind by ${pending.join(', ')}. Run: npm run migrate`)
    const keyring = createKeyring(config.secretKey, config.secretKeyPrevious)
    if (declared) {
      const applied = await applyDeclared(db, keyring, declared)
      if (applied.written.length + applied.turnedOff.length > 0) log.info(applied, 'configuration applied')
    }
    const organization = { name: (await readOrganization(db)).name }
    const house: House = {
      db,
      keyring,
      salt: await readSalt(db),
      publicUrl: config.publicUrl,
      flowMinutes: config.flowMinutes,
      trustProxy: config.trustProxy,
      prompts: {
        register: declared?.jitProvisioning.usernameProvisioningUrl ?? REGISTER,
        signup: declared?.jitProvisioning.passwordProvisioningUrl ?? SIGNUP,
      },
      views: createViews({
        folders: [path.join(import.meta.dirname, '../views')],
        cache: config.production,
        organization: () => organization.name,
      }),
      passwords: createPasswords(
        createHashingQueue({ running: 2 * os.availableParallelism(), waiting: HASHES_WAITING }),
      ),
      log,
      now,
    }
    const server = createServer(await createApp(house))
    const unused = watchUnused(server)
    server.keepAliveTimeout = KEEP_ALIVE_MS
    await listen(server, config.port, config.host)
    const sweeping = setInterval(() => {
      sweep(db, now()).catch((error: unknown) => log.warn({ err: error }, 'sweeping failed'))
    }, SWEEP_EVERY_MS)
    return {
      db,
      house,
      async stop() {
        clearInterval(sweeping)
        await close(server, unused)
        await db.destroy()
      },
    }
  } catch (error) {
    await db.destroy()
    throw error
  }
}

/** Migrations take their own connection: a pooler in transaction mode could not keep their lock. */
async function migrateOn(config: StartOptions['config']): Promise<void> {
  const url = config.migrationDatabaseUrl ?? config.databaseUrl
  const db = connect({ url, poolMax: 1, ssl: sslOf(config, url), onError: () => {} })
  try {
    await migrate(db)
  } finally {
    await db.destroy()
  }
}

/** TLS to the database at `url`, as DATABASE_SSL says. */
export function sslOf(config: Config, url: string): boolean | { rejectUnauthorized: boolean } {
  const { hostname, searchParams } = new URL(url)
  // The URL's own sslmode wins in the driver; it is left alone.
  if (config.databaseSsl === 'off' || searchParams.has('sslmode')) return false
  if (config.databaseSsl === 'verify') return true
  const isNear = /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|.*\.internal|)$/.test(hostname)
  // Hosted PostgreSQL often has a certificate of its own making: encrypted, but not verified.
  return config.databaseSsl === 'auto' && isNear ? false : { rejectUnauthorized: false }
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => resolve())
  })
}

/** Connections that never asked anything. Browsers open some in advance, and Node does not count them as idle. */
function watchUnused(server: Server): ReadonlySet<Socket> {
  const unused = new Set<Socket>()
  server.on('connection', (socket) => unused.add(socket.once('close', () => unused.delete(socket))))
  server.on('request', (req) => unused.delete(req.socket))
  return unused
}

/** Stops accepting and lets what has begun finish. */
function close(server: Server, unused: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    // A connection that becomes idle while others finish would be kept for a minute and a half.
    const closing = setInterval(() => server.closeIdleConnections(), 100)
    server.close(() => {
      clearInterval(closing)
      resolve()
    })
    server.closeIdleConnections()
    for (const socket of unused) socket.destroy()
  })
}
