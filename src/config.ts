// The settings of a deployment. Law: the only file that names environment variables; half a configuration never starts.
import { ConfigFaults, didYouMean } from './config-faults.ts'
import {
  CERTIFICATE,
  DATABASE,
  type Environment,
  HOST,
  isWhole,
  onLines,
  type Refuse,
  readers,
  SECRET,
  TOKEN,
} from './config-values.ts'
import { type DatabaseSsl, databaseAddress } from './database-address.ts'
import { type Declared, isLoopback, readDeclared } from './declared.ts'
import { type MailServer, readMailServer } from './mail/server.ts'

export { ConfigFaults, printFaults } from './config-faults.ts'

export interface Config {
  /** Absent: the embedded database. */
  databaseUrl?: string
  /** For migrations, which a transaction pooler cannot run. Absent: `databaseUrl`. */
  migrationDatabaseUrl?: string
  /** Connections of the whole process. */
  databasePoolMax: number
  databaseSsl: DatabaseSsl
  /** PEM text of the authority that the database's certificate is checked against. */
  databaseCaCert?: string
  port: number
  /** Absent: all addresses of the machine. The demo always has one, a loopback. */
  host?: string
  /** The theme of the pages: a folder of views/themes, a package, or a path. Absent: our own pages. */
  theme?: string
  /** An origin: no path, no query. Write it as `publicUrl.origin`, which has no trailing slash. */
  publicUrl: URL
  /** At least 32 characters. Absent only outside production, where one is made and kept. */
  secretKey?: string
  secretKeyPrevious?: string
  /** Opens /metrics to whoever sends it. Absent: there is no such address. */
  metricsToken?: string
  /** Whoever brings it becomes the first owner. Absent: one that follows from the secret key. */
  setupToken?: string
  /** Where letters are handed over. Absent: none are written. */
  mailServer?: MailServer
  /** How many proxies in front of us may say where a request came from. Never all of them. */
  trustProxy: number
  /** Identity providers may be on this machine, in private networks, and without https. The demo's own is on this machine. */
  allowPrivateIdp: boolean
  logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug'
  logFormat: 'json' | 'pretty'
  /** Life of a flow in minutes; above 0, to 240, fractions allowed. */
  flowMinutes: number
  production: boolean
  migrateOnStart: boolean
  /** The embedded database and nothing declared: the demo is loaded. */
  demo: boolean
  declared?: Declared
  warnings: string[]
}

/** Every variable that means something in this version. `.env.example` explains each. */
export const VARIABLES = [
  ...['NODE_ENV', 'DATABASE_URL', 'MIGRATION_DATABASE_URL', 'DATABASE_POOL_MAX', 'DATABASE_SSL', 'DATABASE_CA_CERT'],
  ...['MIGRATE_ON_START', 'METRICS_TOKEN', 'SETUP_TOKEN', 'SMTP_URL'],
  ...['PORT', 'HOST', 'PUBLIC_URL', 'TRUST_PROXY', 'SECRET_KEY', 'SECRET_KEY_PREVIOUS', 'CONFIG_FILE'],
  ...['LOG_LEVEL', 'LOG_FORMAT', 'FLOW_TTL_MINUTES', 'ALLOW_PRIVATE_IDP', 'THEME'],
] as const

// The disk of these platforms does not outlive a restart, so a database on it would be lost.
const PLATFORMS = ['DYNO', 'RENDER', 'FLY_APP_NAME', 'KUBERNETES_SERVICE_HOST']

// The router of these platforms is one proxy in front of us.
const ROUTED = /^(DYNO|RENDER|FLY_APP_NAME|RAILWAY_\w+)$/

const PLATFORM_ADDRESSES = [
  { variable: 'RENDER_EXTERNAL_URL', address: (value: string) => value },
  { variable: 'RAILWAY_PUBLIC_DOMAIN', address: (value: string) => `https://${value}` },
  { variable: 'FLY_APP_NAME', address: (value: string) => `https://${value}.fly.dev` },
  { variable: 'HEROKU_APP_DEFAULT_DOMAIN_NAME', address: (value: string) => `https://${value}` },
]

/**
 * Reads all settings: the environment, and the file that `CONFIG_FILE` names (design, section 6).
 * @param environment variables; an empty one counts as not set
 * @param files how to read the configuration file
 * @throws ConfigFaults with everything that is wrong in both
 */
export function readConfig(environment: Environment, files: { read(path: string): string }): Config {
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''))
  const { faults, refuse, number, oneOf, flag, text } = readers(env)
  // Not whatever it says: who mistyped it would serve people with a database, a key and an address that were made up for a developer.
  const stage = oneOf('NODE_ENV', 'development', ['production', 'development', 'test'], 'production')
  const production = stage === 'production'
  const hosted = PLATFORMS.some((name) => env[name])
  const embedded = env.DATABASE_URL === undefined
  const demo = embedded && env.CONFIG_FILE === undefined && !production && !hosted
  const port = number('PORT', 3000, 'a whole number from 0 to 65535', isWhole(0, 65_535))

  if (embedded && (production || hosted)) {
    const problem = 'DATABASE_URL is not set. On Heroku: heroku addons:create heroku-postgresql:essential-0'
    refuse('DATABASE_URL', problem, DATABASE.example)
  }
  if (production && !env.SECRET_KEY) refuse('SECRET_KEY', 'is not set', SECRET.example)
  // Anybody can sign in to the demo as anybody in it.
  if (demo && env.HOST && !isLoopback(env.HOST)) {
    refuse(
      'HOST',
      'the demo listens on this machine only; set DATABASE_URL or CONFIG_FILE to leave the demo',
      '127.0.0.1',
    )
  }
  const file = env.CONFIG_FILE ? readFile(env.CONFIG_FILE, env, files) : { faults: [], warnings: [] }

  const config: Config = {
    ...text('databaseUrl', 'DATABASE_URL', DATABASE),
    ...text('migrationDatabaseUrl', 'MIGRATION_DATABASE_URL', DATABASE),
    databasePoolMax: number('DATABASE_POOL_MAX', 5, 'a whole number from 1 to 100', isWhole(1, 100)),
    databaseSsl: oneOf('DATABASE_SSL', 'auto', ['auto', 'off', 'require', 'verify']),
    ...certificate(text('databaseCaCert', 'DATABASE_CA_CERT', CERTIFICATE)),
    port,
    ...(demo ? { host: '127.0.0.1' } : {}),
    ...text('host', 'HOST', HOST),
    publicUrl: readPublicUrl(env, production ? undefined : `http://localhost:${port}`, refuse),
    ...text('secretKey', 'SECRET_KEY', SECRET),
    ...text('secretKeyPrevious', 'SECRET_KEY_PREVIOUS', SECRET),
    ...text('metricsToken', 'METRICS_TOKEN', TOKEN),
    ...text('setupToken', 'SETUP_TOKEN', TOKEN),
    ...mailServer(env['SMTP_URL'], refuse),
    // A theme that is not there is no fault: people must be able to sign in, and the log says it.
    ...(env.THEME === undefined || env.THEME === 'base' ? {} : { theme: env.THEME }),
    trustProxy: number(
      'TRUST_PROXY',
      Object.keys(env).some((name) => ROUTED.test(name)) ? 1 : 0,
      'the number of proxies in front of this server, 0 to 10',
      isWhole(0, 10),
    ),
    allowPrivateIdp: flag('ALLOW_PRIVATE_IDP', demo),
    logLevel: oneOf('LOG_LEVEL', demo ? 'warn' : 'info', ['silent', 'error', 'warn', 'info', 'debug']),
    logFormat: oneOf('LOG_FORMAT', production ? 'json' : 'pretty', ['json', 'pretty']),
    flowMinutes: number(
      'FLOW_TTL_MINUTES',
      30,
      'minutes, above 0 and at most 240',
      (value) => value > 0 && value <= 240,
    ),
    production,
    migrateOnStart: flag('MIGRATE_ON_START', !production),
    demo,
    ...('declared' in file ? { declared: file.declared } : {}),
    warnings: file.warnings,
  }
  if (faults.length + file.faults.length > 0) throw new ConfigFaults([...faults, ...file.faults])
  return { ...config, warnings: [...warningsAbout(config, hosted, env), ...file.warnings] }
}

function readFile(
  path: string,
  env: Environment,
  files: { read(path: string): string },
): ReturnType<typeof readDeclared> {
  let content: string
  try {
    content = files.read(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    const fault = { path: 'CONFIG_FILE', problem: `the file cannot be read${code}`, example: './vestibule.yaml' }
    return { faults: [fault], warnings: [] }
  }
  return readDeclared(content, path, env)
}

function readPublicUrl(env: Environment, fallback: string | undefined, refuse: Refuse): URL {
  const platform = PLATFORM_ADDRESSES.find(({ variable }) => env[variable])
  const variable = env.PUBLIC_URL || !platform ? 'PUBLIC_URL' : platform.variable
  const address = env.PUBLIC_URL ?? platform?.address(env[platform.variable] ?? '') ?? fallback
  if (address !== undefined && /^https?:\/\/[^\s/?#@\\*]+$/.test(address) && URL.canParse(address))
    return new URL(address)
  const problem =
    address === undefined ? 'is not set' : 'must be http or https and a host, without a path or a slash at the end'
  refuse(variable, problem, 'https://signin.northwind.example')
  return new URL('https://refused.invalid')
}

function mailServer(address: string | undefined, refuse: Refuse): { mailServer?: MailServer } {
  if (address === undefined) return {}
  const server = readMailServer(address)
  if (!('problem' in server)) return { mailServer: server }
  refuse('SMTP_URL', server.problem, 'smtps://user:password@mail.example?from=no-reply@northwind.example')
  return {}
}

function certificate({ databaseCaCert }: { databaseCaCert?: string }): { databaseCaCert?: string } {
  return databaseCaCert === undefined ? {} : { databaseCaCert: onLines(databaseCaCert) }
}

function warningsAbout(config: Config, hosted: boolean, env: Environment): string[] {
  const { production, publicUrl, secretKey, databaseUrl } = config
  const warnings: string[] = []
  if (databaseUrl && databaseAddress(databaseUrl, config.databaseSsl, config.databaseCaCert).isUnverified) {
    warnings.push('The database connection is encrypted but not verified. Set DATABASE_CA_CERT to verify it.')
  }
  if (production && publicUrl.protocol === 'http:' && !isLoopback(publicUrl.hostname)) {
    warnings.push('The public address is http: the network can read passwords and cookies. Use https.')
  }
  if (hosted && secretKey === undefined) {
    warnings.push(
      'SECRET_KEY is not set: the key that is made now is lost with this disk, and with it all that it sealed.',
    )
  }
  for (const name of Object.keys(env).filter((name) => name.startsWith('VESTIBULE_'))) {
    warnings.push(`${name} is not a setting${didYouMean(name.replace('VESTIBULE_', ''), VARIABLES)}.`)
  }
  return warnings
}
