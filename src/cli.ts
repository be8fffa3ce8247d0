#!/usr/bin/env node
// The commands of an operator: vestibule migrate, config check, config apply, config export, idp delete, keys rotate, keys reseal, consent verify, theme check.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Config, ConfigFaults, printFaults, readConfig } from './config.ts'
import { didYouMean } from './config-faults.ts'
import { connectTo, connectToMigrate } from './connections.ts'
import { createOwner } from './console/recovery.ts'
import { type Db, type Pool, reasonOf } from './db/connect.ts'
import { migrate, pendingMigrations } from './db/migrate.ts'
import { resealAll } from './db/sealed.ts'
import { assertIsOurs } from './db/signing-keys.ts'
import { type CommandHouse, DELETION_USAGE, idpDeleteCommand } from './deletion/command.ts'
import { prunable, prune } from './deletion/prune.ts'
import { rotateSigningKeys } from './handback/keys.ts'
import { type Answer, RECORDS_USAGE, verifyCommand } from './records/command.ts'
import { createKeyring, type Keyring } from './seal.ts'
import { applyDeclared, rehearseDeclared, USER_STORE } from './settings/declare.ts'
import { exportConfiguration } from './settings/export.ts'
import { createHashingQueue } from './stores/hashing-queue.ts'
import { createPasswords } from './stores/password.ts'
import { countMisfits, fillLooks, misfitUsers } from './stores/review.ts'
import { checkTheme } from './themes/check.ts'
import { THEME_USAGE, themeCommand } from './themes/commands.ts'
import { oursIn } from './themes/find.ts'
import { loadMessages } from './web/messages.ts'

const USAGE = `Usage: vestibule <command>

  migrate        brings the database up to date and applies CONFIG_FILE, if there is one
  config check   reads the environment and CONFIG_FILE and lists every fault
  config apply [--prune] [--dry-run]
                 writes what CONFIG_FILE declares into the database; what it declares no more is turned off, or with --prune deleted.
                 With --dry-run it only says what it would do
  config export  prints the settings in the database as a configuration file, with variables for secrets
  users check    lists the users whose names their store would not accept today
  admin create <username> --owner
                 makes an owner of the console, when nobody gets in any more; prints their password
${DELETION_USAGE}  keys rotate    makes the next signing key; the one that was next signs from now on
  keys reseal    seals under SECRET_KEY what SECRET_KEY_PREVIOUS sealed
${RECORDS_USAGE}
${THEME_USAGE}
  help, --version
`
/** What is called with words of its own, beside what `commands` has. */
const WITH_WORDS = [
  'admin create',
  'config apply',
  'idp delete',
  'consent verify',
  'theme new',
  'theme eject',
  'theme check',
]
const EXIT_USAGE = 64
const EXIT_CONFIGURATION = 78
const OURS = oursIn(path.join(import.meta.dirname, '..'))

/** What it prints when all is well, or an answer that says whether it is. */
type Command = (config: Config) => Promise<string | Answer>

const commands: Record<string, Command> = {
  migrate: (config) =>
    withDatabase(
      config,
      config.migrationDatabaseUrl ?? config.databaseUrl,
      async (db) => {
        const names = await migrate(db, fillLooks)
        const applied = config.declared ? await apply(config, db) : ''
        return `${names.length === 0 ? 'The database is up to date.' : `Ran ${names.join(', ')}.`}\n${applied}${warnOfTheme(config)}`
      },
      connectToMigrate,
    ),
  'config check': async (config) =>
    `${config.warnings.map((line) => `${line}\n`).join('')}The configuration has no fault.\n`,
  'config export': (config) =>
    withDatabase(config, config.databaseUrl, async (db) => {
      await assertUpToDate(db)
      return exportConfiguration(db)
    }),
  'users check': (config) =>
    withDatabase(config, config.databaseUrl, async (db) => {
      await assertUpToDate(db)
      return listMisfits(db)
    }),
  'keys rotate': (config) =>
    withDatabase(config, config.databaseUrl, async (db) => {
      const kid = await rotateSigningKeys({ db, keyring: await keyringOf(config, db) })
      return `Made the signing key ${kid}. It signs after the next rotation; applications can read it from now on.\n`
    }),
  'keys reseal': (config) => withDatabase(config, config.databaseUrl, (db) => reseal(config, db)),
}

/** A command with words of its own. Undefined when it is called in any other way; so below. */
function adminCreate([first, second, ...rest]: string[]): Command | undefined {
  const [username, ...more] = rest.filter((word) => word !== '--owner')
  if (first !== 'admin' || second !== 'create' || username === undefined || more.length > 0) return undefined
  // Said, because it is what they become.
  if (!rest.includes('--owner')) return undefined
  return (config) =>
    withDatabase(config, config.databaseUrl, async (db) => {
      await assertUpToDate(db)
      const passwords = createPasswords(createHashingQueue({ running: 1, waiting: 1 }))
      const owner = await createOwner(
        { db, passwords, messages: loadMessages([OURS.views], 'en', false) },
        username,
        new Date(),
      )
      return `Made the owner ${owner.username} with the password ${owner.password}\nIt is kept nowhere else. Sign in at ${config.publicUrl.origin}/console and change it there.\n`
    })
}

function configApply([first, second, ...options]: string[]): Command | undefined {
  if (first !== 'config' || second !== 'apply') return undefined
  if (options.some((one) => one !== '--prune' && one !== '--dry-run')) return undefined
  const prunes = options.includes('--prune')
  const act = options.includes('--dry-run') ? rehearse : apply
  return (config) => withDatabase(config, config.databaseUrl, (db) => act(config, db, { prunes }))
}

function idpDelete([first, second, ...rest]: string[]): Command | undefined {
  const [name, ...more] = rest.filter((word) => word !== '--yes')
  if (first !== 'idp' || second !== 'delete' || name === undefined || name.startsWith('-') || more.length > 0)
    return undefined
  const isConfirmed = rest.includes('--yes')
  return (config) =>
    withDatabase(config, config.databaseUrl, async (db) =>
      idpDeleteCommand(settingsHouse(config, db, await keyringOf(config, db)), { name, isConfirmed }, process.stderr),
    )
}

/** For changes of the settings in a process that shows nobody any. */
function settingsHouse({ allowPrivateIdp }: Config, db: Db, keyring: Keyring): CommandHouse {
  return { db, keyring, allowPrivateIdp, rereadSettings: async () => {}, now: () => new Date() }
}

function consentVerify([first, second, ...rest]: string[]): Command | undefined {
  const [option, file, ...more] = rest
  if (first !== 'consent' || second !== 'verify' || more.length > 0) return undefined
  if (option !== undefined && (option !== '--checkpoints' || file === undefined)) return undefined
  return (config) =>
    withDatabase(config, config.databaseUrl, async (db) =>
      verifyCommand({ db, keyring: await keyringOf(config, db) }, file, process.stderr),
    )
}

/** A release is where a faulty theme is noticed best. It keeps no release from running: pages that it breaks are ours. */
function warnOfTheme({ theme }: Config): string {
  const count = theme === undefined ? 0 : checkTheme(theme, OURS).length
  return count === 0 ? '' : `The theme ${theme} has faults (${count}): vestibule theme check lists them.\n`
}

const COOKIES_FOLLOW = 'Cookies of sessions follow within eight hours. Then SECRET_KEY_PREVIOUS can go.'
const NOT_OPENED =
  'What neither key opens is left as it was. Set SECRET_KEY_PREVIOUS to the key that sealed it, and run this again; until then throw no key away.'

async function reseal(config: Config, db: Pool): Promise<Answer> {
  const done = await resealAll(db, await keyringOf(config, db))
  const lines = done.map(({ table, sealedAgain, lost }) => {
    const unreadable = lost > 0 ? `; ${lost} can be opened by neither key` : ''
    return `${table}: ${sealedAgain} sealed again${unreadable}`
  })
  const isWell = done.every(({ lost }) => lost === 0)
  return { text: `${lines.join('\n')}\n${isWell ? COOKIES_FOLLOW : NOT_OPENED}\n`, isWell }
}

async function listMisfits(db: Db): Promise<string> {
  let list = ''
  for await (const { userId, name } of misfitUsers(db)) list += `${userId}  ${name}\n`
  return list === '' ? 'Every username follows the rules of its store.\n' : `${list}They sign in as before.\n`
}

async function assertUpToDate(db: Pool): Promise<void> {
  const pending = await pendingMigrations(db)
  if (pending.length > 0) throw new Error('The database is behind. Run: vestibule migrate')
}

async function keyringOf(config: Config, db: Pool): Promise<Keyring> {
  await assertUpToDate(db)
  if (config.secretKey === undefined)
    throw new Error('SECRET_KEY is not set: secrets of the configuration are sealed with it.')
  return createKeyring(config.secretKey, config.secretKeyPrevious)
}

/** For commands that seal something. */
async function sealingKeyringOf(config: Config, db: Pool): Promise<Keyring> {
  const keyring = await keyringOf(config, db)
  await assertIsOurs(db, keyring)
  return keyring
}

const NOTHING_TO_APPLY = 'CONFIG_FILE is not set: there is nothing to apply.\n'
const NOTHING_TO_WRITE = 'Nothing to write: the database says the same.\n'

/** What `apply` would do. */
async function rehearse(config: Config, db: Pool, { prunes }: { prunes: boolean }): Promise<string> {
  if (!config.declared) return NOTHING_TO_APPLY
  const keyring = await sealingKeyringOf(config, db)
  const look = (transaction: Db) => (prunes ? prunable(transaction) : Promise.resolve([]))
  const { applied, seen } = await rehearseDeclared(db, keyring, config.declared, look)
  const lines = [
    ...applied.written.map((name) => `Would write ${name}.`),
    ...(prunes ? [] : applied.turnedOff.map((name) => `Would turn off ${name}: it is no longer declared.`)),
    ...seen.map(({ name, means }) => `Would delete ${name}${means ? `: ${means}` : '.'}`),
  ]
  return lines.length === 0 ? NOTHING_TO_WRITE : `${lines.join('\n')}\n`
}

async function apply(config: Config, db: Pool, { prunes }: { prunes: boolean } = { prunes: false }): Promise<string> {
  if (!config.declared) return NOTHING_TO_APPLY
  const keyring = await sealingKeyringOf(config, db)
  const { written, turnedOff } = await applyDeclared(db, keyring, config.declared)
  const pruned = prunes ? await prune(settingsHouse(config, db, keyring), process.stderr) : []
  const misfits = written.some((name) => name.startsWith(USER_STORE)) ? await countMisfits(db) : {}
  const lines = [
    ...written.map((name) => `Wrote ${name}.`),
    ...(prunes ? pruned : turnedOff.map((name) => `Turned off ${name}: it is no longer declared.`)),
    ...Object.entries(misfits).map(([store, count]) =>
      count === 1
        ? `1 username in ${store} does not follow its rules: vestibule users check lists it.`
        : `${count} usernames in ${store} do not follow its rules: vestibule users check lists them.`,
    ),
  ]
  return lines.length === 0 ? NOTHING_TO_WRITE : `${lines.join('\n')}\n`
}

async function withDatabase<Result>(
  config: Config,
  url: string | undefined,
  work: (db: Pool) => Promise<Result>,
  open: (url: string, config: Config) => Pool = (at) => connectTo(at, config, 1, () => {}),
): Promise<Result> {
  if (url === undefined) throw new Error('DATABASE_URL is not set. Without it, start the demo with: npm start')
  const db = open(url, config)
  try {
    return await work(db)
  } finally {
    await db.destroy()
  }
}

/** What anybody may ask before anything is set up: no configuration is read for it. */
function aboutItself(words: string[]): string | undefined {
  if (words[0] === 'help' || words.includes('--help') || words.includes('-h')) return USAGE
  if (words.length !== 1 || words[0] !== '--version') return undefined
  const { version } = JSON.parse(readFileSync(path.join(import.meta.dirname, '../package.json'), 'utf8'))
  return `vestibule ${version}\n`
}

/** That there is no such command, and which was meant; nothing where only what follows it is wrong. */
function unknownCommand([first = '', second = '']: string[]): string {
  const known = [...Object.keys(commands), ...WITH_WORDS]
  const both = `${first} ${second}`.trim()
  if (first === '' || known.includes(first) || known.includes(both)) return ''
  return `There is no command "${both}"${didYouMean(both, known) || didYouMean(first, known)}.\n\n`
}

async function run(words: string[]): Promise<number> {
  const itself = aboutItself(words)
  if (itself !== undefined) {
    process.stdout.write(itself)
    return 0
  }
  const answer =
    words[0] === 'theme' ? themeCommand(words.slice(1), OURS, process.env['THEME'] || undefined) : undefined
  if (answer) {
    process[answer.isWell ? 'stdout' : 'stderr'].write(answer.text)
    return answer.isWell ? 0 : 1
  }
  const name = words.join(' ')
  const command = Object.hasOwn(commands, name)
    ? commands[name]
    : (adminCreate(words) ?? configApply(words) ?? idpDelete(words) ?? consentVerify(words))
  if (!command) {
    process.stderr.write(`${unknownCommand(words)}${USAGE}`)
    return EXIT_USAGE
  }
  try {
    const config = readConfig(process.env, { read: (file) => readFileSync(file, 'utf8') })
    const said = await command(config)
    const { text, isWell } = typeof said === 'string' ? { text: said, isWell: true } : said
    process[isWell ? 'stdout' : 'stderr'].write(text)
    return isWell ? 0 : 1
  } catch (error) {
    if (error instanceof ConfigFaults) {
      process.stderr.write(printFaults(error))
      return EXIT_CONFIGURATION
    }
    process.stderr.write(`${reasonOf(error)}\n`)
    return 1
  }
}

void run(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
