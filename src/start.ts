// Starts the product on a configuration: database, migrations, declaration, rooms, listening, sweeping, letters; and stops it again.
import { createServer, type Server } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import type { Logger } from 'pino'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import { connectTo, connectToMigrate } from './connections.ts'
import { ownSetupToken } from './console/setup-token.ts'
import { connectionLimit, connectionsOf } from './db/capacity.ts'
import type { Db, Pool } from './db/connect.ts'
import { alone, releaseEntries } from './db/entries.ts'
import { readSalt } from './db/installation.ts'
import { migrate, pendingMigrations } from './db/migrate.ts'
import { isSetUp } from './db/operators.ts'
import { assertIsOurs } from './db/signing-keys.ts'
import { sweep } from './db/sweep.ts'
import type { Declared } from './declared.ts'
import { createEraser } from './deletion/worker.ts'
import type { House } from './house.ts'
import { createPostman } from './mail/postman.ts'
import { unseen } from './provisioning/translations.ts'
import { onceADay, takeCheckpoint } from './records/checkpoint.ts'
import { createKeyring } from './seal.ts'
import { keepConfigured } from './settings/configured.ts'
import { applyDeclared, USER_STORE } from './settings/declare.ts'
import { startLiveSettings } from './settings/live.ts'
import { keepVersions } from './settings/versions.ts'
import { createHashingQueue } from './stores/hashing-queue.ts'
import { createPasswords, type Work } from './stores/password.ts'
import { countMisfits, fillLooks } from './stores/review.ts'
import { readBeneath } from './themes/beneath.ts'
import { oursIn } from './themes/find.ts'
import { loadTheme } from './themes/load.ts'
import { createPublished } from './themes/published.ts'
import { prepareLeave } from './web/leave.ts'
import { createMetrics } from './web/metrics.ts'
import type { TemplateFault } from './web/templates.ts'
import type { Theme } from './web/theme.ts'
import { createViews } from './web/views.ts'

export interface Running {
  db: Pool
  house: House & { db: Pool }
  stop(): Promise<void>
}

export interface StartOptions {
  config: Config & { databaseUrl: string; secretKey: string }
  log: Logger
  declared: Declared | undefined
  now?: () => Date
  /** How much work it is to hash a password: what is safe, if left out. */
  work?: Work
  /** A stopping process takes requests until none has come for so long (web/leave.ts). */
  quietMs?: number
}

/** Expired rows are gone within five minutes whichever process runs (design); a minute leaves room for a busy one. */
const SWEEP_EVERY_MS = 60_000
/** What is published in one process is on the pages of all others after so long. No LISTEN: a pooler in transaction mode does not keep it. */
const REREAD_EVERY_MS = 5_000
/** How long a letter waits at most, while all is well. */
const POST_EVERY_MS = 5_000
/** How long a deletion waits at most for a process that goes on with it. */
const ERASE_EVERY_MS = 5_000
const TIMEOUTS = {
  /** Longer than a router's idle time (Heroku: 90 s), so that the router closes first. */
  keepAliveTimeout: 95_000,
  /** Whoever sends headers or a form a byte at a time holds a connection for so long and no longer (408); before it would count as an answer of ours that takes too long (web/time-limit.ts). */
  headersTimeout: 10_000,
  requestTimeout: 12_000,
  connectionsCheckingInterval: 1_000,
}
const HASHES_WAITING = 50
const OURS = oursIn(path.join(import.meta.dirname, '..'))

export async function start(options: StartOptions): Promise<Running> {
  const { config, log, declared, now = () => new Date(), work, quietMs = 0 } = options
  let isStopping = false
  let stopReading = () => {}
  const db = connectTo(config.databaseUrl, config, config.databasePoolMax, (error) =>
    log.warn({ err: error }, 'a database connection broke'),
  )
  try {
    if (config.migrateOnStart) await migrateOn(config)
    const pending = await pendingMigrations(db)
    if (pending.length > 0) throw new Error(`The database is behind by ${pending.join(', ')}. Run: npm run migrate`)
    const keyring = createKeyring(config.secretKey, config.secretKeyPrevious)
    // Before the declaration: it seals secrets, which the processes that run would have to open.
    await assertIsOurs(db, keyring)
    if (declared) {
      const { written, turnedOff } = await applyDeclared(
        db,
        keyring,
        declared,
        config.demo ? { managedBy: 'console', actor: { name: 'demo' } } : { managedBy: 'file' },
      )
      if (written.length > 0) log.info({ written }, 'configuration applied')
      // People cannot come in by it any more, and nobody may have meant that.
      if (turnedOff.length > 0) log.warn({ turnedOff }, 'turned off, because it is no longer declared')
      if (written.some((name) => name.startsWith(USER_STORE))) await warnOfMisfits(db, log)
    } else {
      await releaseEntries(db)
      // An earlier release, beside which this one began, may have written purposes and knew nothing of versions.
      await alone(db, keepVersions)
    }
    const live = await startLiveSettings(db, (error) => log.warn({ err: error }, 'the settings could not be read'))
    stopReading = live.stop
    const theme = chooseTheme(config, log)
    const appearance = createPublished(db, readBeneath(OURS, theme), log)
    await appearance.reread()
    const house: Running['house'] = {
      db,
      keyring,
      salt: await readSalt(db),
      publicUrl: config.publicUrl,
      flowMinutes: config.flowMinutes,
      trustProxy: config.trustProxy,
      allowPrivateIdp: config.allowPrivateIdp,
      configured: keepConfigured(db),
      settings: live.now,
      rereadSettings: live.reread,
      views: createViews({
        folders: [...(theme?.folders ?? []), OURS.views],
        cache: config.production,
        organization: () => live.now().organization.name,
        contact: () => live.now().organization,
        now,
        look: appearance.look,
        words: appearance.words,
        ...(theme ? { report: reportTo(log, theme, config.production) } : {}),
      }),
      ...(theme ? { theme } : {}),
      appearance,
      passwords: createPasswords(
        createHashingQueue({ running: os.availableParallelism(), waiting: HASHES_WAITING }),
        work,
      ),
      log,
      metrics: createMetrics({ databaseConnections: () => connectionsOf(db) }),
      ...((await isSetUp(db)) ? {} : { setupToken: config.setupToken ?? ownSetupToken(keyring) }),
      ...(config.metricsToken === undefined ? {} : { metricsToken: config.metricsToken }),
      now,
      isStopping: () => isStopping,
    }
    if (config.mailServer) house.postman = createPostman(house, config.mailServer)
    await warnOfFewConnections(db, config, log)
    warnOfUnseenWords(declared, house)
    const server = createServer(TIMEOUTS, await createApp(house))
    const leave = prepareLeave(server)
    await listen(server, config.port, config.host)
    const checkpoint = onceADay((at) => takeCheckpoint(house, at))
    const sweeping = setInterval(() => {
      sweep(db, now()).catch((error: unknown) => log.warn({ err: error }, 'sweeping failed'))
      checkpoint(now()).catch((error: unknown) => log.warn({ err: error }, 'no checkpoint of the consent records'))
    }, SWEEP_EVERY_MS)
    const posting = setInterval(() => {
      house.postman?.sendDue().catch((error: unknown) => log.warn({ err: error }, 'sending letters failed'))
    }, POST_EVERY_MS)
    const eraser = createEraser(house)
    const erasing = setInterval(() => {
      eraser.eraseDue().catch((error: unknown) => log.warn({ err: error }, 'deleting the users of an idp failed'))
    }, ERASE_EVERY_MS)
    const rereading = setInterval(appearance.reread, REREAD_EVERY_MS).unref()
    return {
      db,
      house,
      async stop() {
        isStopping = true
        clearInterval(sweeping)
        clearInterval(posting)
        clearInterval(erasing)
        clearInterval(rereading)
        await Promise.all([leave({ quietMs }), house.postman?.stop(), eraser.stop()])
        stopReading()
        await db.destroy()
      },
    }
  } catch (error) {
    stopReading()
    await db.destroy()
    throw error
  }
}

/** A theme that cannot be used keeps nobody from signing in: our own pages are shown, and the log says why (TH-03, TH-04). */
function chooseTheme({ theme: name, production }: Config, log: Logger): Theme | undefined {
  if (name === undefined) return undefined
  const { theme, findings } = loadTheme(name, OURS, { cache: production })
  for (const finding of findings)
    log.error({ theme: name, ...finding }, 'the theme is not used: our own pages are shown')
  return theme
}

/** What a theme's file did wrong; what was thrown may quote a value, so in production only its kind is said. */
function reportTo(log: Logger, { name }: Theme, production: boolean): (fault: TemplateFault) => void {
  return ({ problem, ...fault }) =>
    log.error(
      { theme: name, ...fault, ...(production ? {} : { problem }) },
      fault.isOff
        ? 'a file of the theme failed and is off until the next start: ours takes its place'
        : 'a file of the theme failed: ours takes its place',
    )
}

/** Every process opens its pool, twice while a release replaces them (preboot), and an operator wants three (DE-25). */
async function warnOfFewConnections(db: Db, config: Config, log: Logger): Promise<void> {
  const limit = await connectionLimit(db)
  const needed = config.databasePoolMax * 2 + 3
  const sizes = { needed, limit, pool: config.databasePoolMax }
  if (needed > limit)
    log.warn(sizes, 'one process may need more database connections than there are: set DATABASE_POOL_MAX')
  else log.info(sizes, 'database connections')
}

function warnOfUnseenWords(declared: Declared | undefined, { views, log }: House): void {
  const languages = unseen([...(declared?.purposes ?? []), ...(declared?.attributes ?? [])], views.languages)
  if (languages.length > 0) log.warn({ languages }, 'translations that nobody sees: no page is in these languages')
}

/** Rules of a store that are new hold for new names. Whoever has an older one is counted here and locked out nowhere. */
async function warnOfMisfits(db: Db, log: Logger): Promise<void> {
  const users = await countMisfits(db)
  if (Object.keys(users).length > 0)
    log.warn(
      { users },
      'usernames do not follow the rules of their store any more; npx vestibule users check lists them',
    )
}

/** Migrations take their own connection: a pooler in transaction mode could not keep their lock. */
async function migrateOn(config: StartOptions['config']): Promise<void> {
  const db = connectToMigrate(config.migrationDatabaseUrl ?? config.databaseUrl, config)
  try {
    await migrate(db, fillLooks)
  } finally {
    await db.destroy()
  }
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => resolve())
  })
}
