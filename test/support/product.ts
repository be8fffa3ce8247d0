// The whole product for a test: its own database, a scripted identity provider behind five idps (one per mode), and an application.
import { Writable } from 'node:stream'
import { pino } from 'pino'
import type { Config } from '../../src/config.ts'
import type { Declared, DeclaredApplication } from '../../src/declared.ts'
import { type MailServer, readMailServer } from '../../src/mail/server.ts'
import { type Running, start } from '../../src/start.ts'
import { describeError } from '../../src/web/logging.ts'
import type { Application, ApplicationOptions } from './application.ts'
import { LIGHT_WORK } from './light-work.ts'
import { freePort, type Scene, type SceneOptions, SECRET_KEY, setScene } from './scene.ts'

export {
  freePort,
  MODES,
  type Mode,
  PURPOSES,
  REPOSITORY,
  rowsOf,
  type Scene,
  SECRET_KEY,
  testCluster,
} from './scene.ts'

export interface Product extends Scene {
  running: Running
  /** Where it listens. */
  port: number
  /** Everything that was logged. */
  log: string[]
  clock: { now: Date }
  /** Declares again, as a changed configuration file would. */
  redeclare(change: (declared: Declared) => Declared): Promise<void>
  /** The same product as another process has it: on the same database, at a port of its own. Stops with this one. */
  another(): Promise<{ running: Running; port: number }>
  /** Another application, declared and running. */
  addApplication(options: Partial<ApplicationOptions>, declared?: Partial<DeclaredApplication>): Promise<Application>
  stop(): Promise<void>
}

export interface ProductOptions extends SceneOptions {
  /** Given the database's address; returns the one that the product uses, such as a proxy's in between. */
  database?: (url: string) => string | Promise<string>
  flowMinutes?: number
  /** The address that people use, when it is not the server's own: behind a proxy. */
  publicUrl?: string
  /** Routers in front that say where a request comes from: 1 as on hosted platforms, 0 when nothing stands in front. */
  trustProxy?: number
  port?: number
  /** A mail server to send letters by, such as `openSmtpSink().url`; none are sent if left out. */
  smtpUrl?: string
  /** Hashes passwords with as much work as a product that is deployed; with next to none if left out. */
  hashing?: 'full'
  /** Settings of the deployment, put in place of the tests' own. */
  settings?: Partial<Config>
}

/** Starts everything. `silent` is the only idp of the application unless `modes` says otherwise. */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const port = options.port ?? (await freePort())
  const url = options.publicUrl ?? `http://localhost:${port}`
  const scene = await setScene(url, options)
  const log: string[] = []
  const clock = { now: new Date() }
  const sink = new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk))
      done()
    },
  })
  const config = {
    databaseUrl: (await options.database?.(scene.databaseUrl)) ?? scene.productDatabaseUrl,
    databasePoolMax: 5,
    databaseSsl: 'off' as const,
    port,
    host: '127.0.0.1',
    publicUrl: new URL(url),
    secretKey: SECRET_KEY,
    trustProxy: options.trustProxy ?? 1,
    // The scripted idp is on this machine.
    allowPrivateIdp: true,
    logLevel: 'debug' as const,
    logFormat: 'json' as const,
    flowMinutes: options.flowMinutes ?? 30,
    production: true,
    migrateOnStart: false,
    demo: false,
    warnings: [],
    ...(options.smtpUrl === undefined ? {} : { mailServer: mailServerOf(options.smtpUrl) }),
    ...options.settings,
  }
  const logger = pino({ level: 'debug', base: null, serializers: { err: describeError } }, sink)
  const work = options.hashing === 'full' ? {} : { work: LIGHT_WORK }
  const startOn = (on: typeof config) =>
    start({ config: on, log: logger, declared: scene.declared, now: () => clock.now, ...work })
  const boot = () => startOn(config)
  const others: Running[] = []
  let running = await boot().catch(async (error: unknown) => {
    await scene.stop()
    throw error
  })
  const product: Product = {
    ...scene,
    get declared() {
      return scene.declared
    },
    get running() {
      return running
    },
    port,
    log,
    clock,
    async redeclare(change) {
      scene.declared = change(structuredClone(scene.declared))
      await running.stop()
      running = await boot()
    },
    async another() {
      const other = await freePort()
      const started = await startOn({ ...config, port: other })
      others.push(started)
      return { running: started, port: other }
    },
    async addApplication(extra, changed) {
      const added = await scene.add(extra, changed)
      await product.redeclare((declared) => declared)
      return added
    },
    async stop() {
      await Promise.all([running, ...others].map((one) => one.stop()))
      await scene.stop()
    },
  }
  return product
}

/** What SMTP_URL means; throws when it means nothing. */
export function mailServerOf(smtpUrl: string): MailServer {
  const server = readMailServer(smtpUrl)
  if ('problem' in server) throw new Error(`This mail server ${server.problem}.`)
  return server
}
