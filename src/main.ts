// Runs the product: reads the configuration, starts what it says, and stops on SIGTERM. The only file, beside the CLI, that does something when loaded.
import { readFileSync } from 'node:fs'
import { ConfigFaults, printFaults, readConfig } from './config.ts'
import { reasonOf } from './db/connect.ts'
import { startEmbeddedPostgres } from './db/embedded.ts'
import { startDemo } from './demo/start.ts'
import type { House } from './house.ts'
import { localSecretKey, STATE_FOLDER } from './local-state.ts'
import { start } from './start.ts'
import { createLog } from './web/logging.ts'

const EXIT_CONFIGURATION = 78
const STOP_WITHIN_MS = 25_000
/** Heroku's router has stopped by the time of the signal, and nobody who waits for a process to end waits long for an idle one. */
const QUIET_MS = 500

const stops: (() => Promise<void>)[] = []

async function run(): Promise<void> {
  const config = readConfig(process.env, { read: (file) => readFileSync(file, 'utf8') })
  const log = createLog({ level: config.logLevel, pretty: config.logFormat === 'pretty' })
  for (const warning of config.warnings) log.warn(warning)

  // The demo has people with a published password: never in the database of a configuration.
  const database = config.demo ? 'demo' : 'vestibule'
  const embedded =
    config.databaseUrl === undefined ? await startEmbeddedPostgres({ folder: STATE_FOLDER, database }) : undefined
  if (embedded) stops.unshift(() => embedded.stop())
  const databaseUrl = config.databaseUrl ?? embedded?.url ?? ''
  const secretKey = config.secretKey ?? localSecretKey()

  const { publicUrl, port, theme } = config
  const demo = config.demo ? await startDemo({ publicUrl, port, secretKey, theme }) : undefined
  if (demo) stops.unshift(() => demo.stop())
  const running = await start({
    config: { ...config, databaseUrl, secretKey },
    log,
    declared: demo?.declared ?? config.declared,
    quietMs: config.production ? QUIET_MS : 0,
  })
  stops.unshift(() => running.stop())
  if (!demo) {
    log.info({ address: config.publicUrl.origin, port: config.port }, 'listening')
    printSetup(running.house, config.setupToken !== undefined)
    return
  }
  await demo.seed(running.house)
  process.stdout.write(`
  Vestibule, the demo. Nothing is configured, so everything here is made up.

  Start here     ${demo.applicationUrl}  press "Sign in", then a way in, then a person
  Vestibule      ${config.publicUrl.origin}
  Their idp      ${demo.idpUrl}
  Every page     ${demo.applicationUrl}/gallery
  My Account     ${config.publicUrl.origin}/myaccount
  Local sign-in  ${demo.localUser.username} / ${demo.localUser.password}
  Console        ${config.publicUrl.origin}/console  ${demo.owner} / ${demo.localUser.password}
  Data           ${STATE_FOLDER}/ (delete the folder to start afresh)

`)
}

/** Until there is an owner. A token that the operator has set is theirs to know; ours is printed here and written nowhere else. */
function printSetup({ setupToken, publicUrl }: House, isTheirs: boolean): void {
  if (setupToken === undefined) return
  const token = isTheirs ? 'the value of SETUP_TOKEN' : setupToken
  process.stdout.write(`Set-up is not done. Open ${publicUrl.origin}/setup and enter: ${token}\n`)
}

let isStopping = false

async function stop(): Promise<void> {
  if (isStopping) return
  isStopping = true
  setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref()
  for (const one of stops) await one()
  process.exit(0)
}

process.on('SIGTERM', stop)
process.on('SIGINT', stop)

run().catch(async (error: unknown) => {
  if (error instanceof ConfigFaults) {
    process.stderr.write(printFaults(error))
    process.exit(EXIT_CONFIGURATION)
  }
  process.stderr.write(`Vestibule cannot start: ${reasonOf(error)}\n`)
  for (const one of stops) await one()
  process.exit(1)
})
