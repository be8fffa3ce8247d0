// The whole product for a test: its own database, a scripted identity provider behind five idps (one per mode), and an application.
import net from 'node:net'
import path from 'node:path'
import { Writable } from 'node:stream'
import { after } from 'node:test'
import pg from 'pg'
import { pino } from 'pino'
import { connect } from '../../src/db/connect.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Declared, DeclaredApplication, DeclaredIdp, DeclaredPurpose } from '../../src/declared.ts'
import { type Running, start } from '../../src/start.ts'
import { describeError } from '../../src/web/logging.ts'
import { type Application, type ApplicationOptions, startApplication } from './application.ts'
import { startTestCluster, type TestCluster } from './database.ts'
import { type Idp, startIdp } from './idp.ts'

export type Mode = 'none' | 'silent' | 'consent' | 'password' | 'username'

export interface Product {
  url: string
  idp: Idp
  application: Application
  running: Running
  databaseUrl: string
  /** Everything that was logged. */
  log: string[]
  clock: { now: Date }
  declared: Declared
  /** Declares again, as a changed configuration file would. */
  redeclare(change: (declared: Declared) => Declared): Promise<void>
  /** Another application, declared and running. */
  addApplication(options: Partial<ApplicationOptions>, declared?: Partial<DeclaredApplication>): Promise<Application>
  rows<Row = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>
  /** Every row of every table as text: what a dump of the database would hold. */
  dump(): Promise<string>
  stop(): Promise<void>
}

export const SECRET_KEY = 'a secret key for tests that is long enough'

export const PURPOSES: DeclaredPurpose[] = [
  {
    id: 'recover',
    purpose: 'Recover your account',
    description: 'So that we can help you if you lose your password',
    piiCategories: [
      { name: 'email', mandatory: true },
      { name: 'phone_number', mandatory: false },
    ],
  },
  {
    id: 'office',
    purpose: 'Show you the right office',
    description: 'So that prices and news fit where you work',
    piiCategories: [{ name: 'department', mandatory: false }],
  },
]

const SCHEMES: Record<Mode, DeclaredIdp['jit']> = {
  none: jit(false, 'PROVISION_SILENTLY'),
  silent: jit(true, 'PROVISION_SILENTLY'),
  consent: jit(true, 'PROMPT_CONSENT'),
  password: jit(true, 'PROMPT_PASSWORD_CONSENT'),
  username: jit(true, 'PROMPT_USERNAME_PASSWORD_CONSENT'),
}

export const MODES = Object.keys(SCHEMES) as Mode[]

function jit(isEnabled: boolean, scheme: DeclaredIdp['jit']['scheme']): DeclaredIdp['jit'] {
  return { isEnabled, scheme, userstore: 'PRIMARY', attributeSyncMethod: 'OVERRIDE_ALL' }
}

let cluster: Promise<TestCluster> | undefined
after(async () => (await cluster)?.stop())

/** One cluster for the process, with a migrated template. */
export function testCluster(): Promise<TestCluster> {
  cluster ??= startTestCluster().then(async (started) => {
    await started.template(async (url) => {
      const db = connect({ url, poolMax: 1, ssl: false, onError: () => {} })
      await migrate(db)
      await db.destroy()
    })
    return started
  })
  return cluster
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
}

export interface ProductOptions {
  purposes?: DeclaredPurpose[]
  /** The modes whose idps the application offers; several: login.do asks. */
  modes?: Mode[]
  flowMinutes?: number
  /** The address that people use, when it is not the server's own: behind a proxy. */
  publicUrl?: string
  port?: number
  ca?: string
  application?: Partial<DeclaredApplication>
  change?: (declared: Declared) => Declared
}

/** Starts everything. `silent` is the only idp of the application unless `modes` says otherwise. */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const database = await (await testCluster()).clone()
  const port = options.port ?? (await freePort())
  const url = options.publicUrl ?? `http://localhost:${port}`
  const idp = await startIdp()
  const log: string[] = []
  const clock = { now: new Date() }
  const ca = options.ca === undefined ? {} : { ca: options.ca }
  const client = { issuer: url, clientId: 'travel', clientSecret: 'a secret of the travel application', ...ca }
  const application = await startApplication(client)
  const applications = [application]

  const idps = MODES.map((mode): DeclaredIdp => {
    const clientSecret = `a secret between us and ${mode}`
    idp.client({ clientId: `northwind-${mode}`, clientSecret, redirectUri: `${url}/commonauth/${mode}` })
    return {
      name: mode,
      displayName: `Acme ${mode}`,
      isEnabled: true,
      oidc: {
        issuer: idp.issuer,
        clientId: `northwind-${mode}`,
        clientSecret,
        scopes: ['openid', 'profile', 'email', 'phone', 'address'],
      },
      claims: { username: 'preferred_username', mappings: Object.fromEntries(MAPPED.map((name) => [name, name])) },
      jit: SCHEMES[mode],
    }
  })
  let declared: Declared = {
    organization: { name: 'Northwind', privacyPolicyUrl: 'https://northwind.example/privacy' },
    jitProvisioning: {
      usernameProvisioningUrl: '/accountrecoveryendpoint/register.do',
      passwordProvisioningUrl: '/accountrecoveryendpoint/signup.do',
    },
    attributes: [{ name: 'department', displayName: 'Department', type: 'string' }],
    identityProviders: idps,
    purposes: options.purposes ?? PURPOSES,
    applications: [declaredApplication('Travel', client.clientId, client.clientSecret, application)],
  }
  const [first] = declared.applications
  if (first) Object.assign(first, { identityProviders: options.modes ?? ['silent'] }, options.application)
  if (options.change) declared = options.change(declared)

  const sink = new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk))
      done()
    },
  })
  const config = {
    databaseUrl: database.url,
    databasePoolMax: 5,
    databaseSsl: 'off' as const,
    port,
    host: '127.0.0.1',
    publicUrl: new URL(url),
    secretKey: SECRET_KEY,
    trustProxy: options.publicUrl ? 1 : 0,
    logLevel: 'debug' as const,
    logFormat: 'json' as const,
    flowMinutes: options.flowMinutes ?? 30,
    production: true,
    migrateOnStart: false,
    demo: false,
    warnings: [],
  }
  const logger = pino({ level: 'debug', base: null, serializers: { err: describeError } }, sink)
  const boot = () => start({ config, log: logger, declared, now: () => clock.now })
  const product: Product = {
    url,
    idp,
    application,
    running: await boot(),
    databaseUrl: database.url,
    log,
    clock,
    get declared() {
      return declared
    },
    async redeclare(change) {
      declared = change(structuredClone(declared))
      await product.running.stop()
      product.running = await boot()
    },
    async addApplication(extra, changed) {
      const clientId = extra.clientId ?? `application-${applications.length}`
      const clientSecret = 'clientSecret' in extra ? extra.clientSecret : `a secret of application ${clientId}`
      const { clientSecret: _, ...rest } = extra
      const added = await startApplication({
        issuer: url,
        clientId,
        ...(clientSecret === undefined ? {} : { clientSecret }),
        ...ca,
        ...rest,
      })
      applications.push(added)
      const one = {
        ...declaredApplication(clientId, clientId, clientSecret, added),
        identityProviders: ['silent'],
        ...changed,
      }
      await product.redeclare((before) => ({ ...before, applications: [...before.applications, one] }))
      return added
    },
    rows: (sql, values) => rowsOf(database.url, sql, values),
    dump: () => dumpOf(database.url),
    async stop() {
      await product.running.stop()
      await Promise.all([...applications.map((one) => one.stop()), idp.stop()])
      await database.drop()
    },
  }
  return product
}

const MAPPED = ['name', 'given_name', 'family_name', 'email', 'phone_number', 'address', 'department']

function declaredApplication(
  name: string,
  clientId: string,
  clientSecret: string | undefined,
  application: Application,
): DeclaredApplication {
  return {
    name,
    clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    redirectUris: [application.redirectUri],
    postLogoutRedirectUris: [`${application.url}/bye`],
    requireLocalUser: false,
    requirePkce: true,
  }
}

export async function rowsOf<Row>(url: string, sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql, values)).rows as Row[]
  } finally {
    await client.end()
  }
}

async function dumpOf(url: string): Promise<string> {
  const tables = await rowsOf<{ name: string }>(
    url,
    "SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'",
  )
  const parts: string[] = []
  for (const { name } of tables) {
    const rows = await rowsOf<{ row: string }>(url, `SELECT t::text AS row FROM ${name} t`)
    parts.push(...rows.map(({ row }) => `${name}: ${row}`))
  }
  return parts.join('\n')
}

export const REPOSITORY = path.join(import.meta.dirname, '../..')
