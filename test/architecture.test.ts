// The house rules that a compiler cannot see, each a sentence. A file that breaks one fails with that sentence and its own name.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { REPOSITORY } from './support/product.ts'

interface File {
  name: string
  text: string
  /** Without comments. */
  code: string
  /** What it imports when it runs: files of ours as paths below src, packages by name. */
  imports: string[]
}

/** Below each room stand those that it may import. Pure files are free for all rooms above db; types are free for all. */
const BELOW: Record<string, string[]> = {
  app: ['account', 'api', 'beginnings', 'connecting', 'console', 'login', 'provisioning', 'handback', 'db', 'web'],
  beginnings: ['account', 'api', 'handback', 'db', 'web'],
  account: [
    'connecting',
    'login',
    'provisioning',
    'handback',
    'factors',
    'flow',
    'flow-pages',
    'stores',
    'db',
    'web',
    'seal',
  ],
  start: [
    'app',
    'connections',
    'console',
    'deletion',
    'mail',
    'records',
    'themes',
    'settings',
    'stores',
    'db',
    'web',
    'seal',
    'declared',
    'database-address',
  ],
  deletion: ['login', 'handback', 'settings', 'db'],
  connecting: ['login', 'provisioning', 'factors', 'flow', 'flow-pages', 'stores', 'db', 'web', 'seal'],
  api: ['provisioning', 'flow', 'flow-keys', 'flow-pages', 'db', 'web', 'seal'],
  console: [
    'login',
    'provisioning',
    'handback',
    'factors',
    'specimens',
    'themes',
    'settings',
    'flow',
    'stores',
    'db',
    'web',
    'seal',
    'declared',
    'declared-addresses',
    'config-faults',
  ],
  login: ['provisioning', 'factors', 'flow', 'flow-cookies', 'flow-doors', 'flow-pages', 'stores', 'db', 'web', 'seal'],
  provisioning: ['factors', 'flow', 'flow-keys', 'flow-pages', 'stores', 'db', 'web', 'seal'],
  handback: ['factors', 'flow', 'flow-keys', 'flow-pages', 'stores', 'db', 'web', 'seal'],
  config: ['config-faults', 'config-values', 'declared', 'database-address'],
  'config-values': ['config-faults'],
  'database-address': [],
  connections: ['database-address', 'db'],
  declared: ['config-faults', 'declared-addresses', 'declared-applications', 'declared-keys', 'declared-text'],
  'declared-addresses': [],
  'declared-applications': ['declared-addresses', 'declared-kinds', 'declared-text'],
  'declared-keys': [
    'config-faults',
    'declared-addresses',
    'declared-applications',
    'declared-kinds',
    'declared-stores',
    'declared-text',
  ],
  'declared-kinds': ['config-faults'],
  'declared-stores': ['config-faults', 'declared-kinds'],
  'declared-text': ['config-faults'],
  'config-faults': [],
  flow: ['flow-cookies', 'flow-doors', 'db', 'web', 'seal'],
  'flow-cookies': ['web', 'seal'],
  'flow-doors': ['db'],
  'flow-keys': ['flow', 'db', 'web', 'seal'],
  'flow-pages': ['flow', 'flow-cookies', 'db', 'web'],
  factors: ['stores', 'db', 'seal'],
  mail: ['db', 'web', 'seal'],
  settings: ['config-faults', 'declared', 'declared-text', 'stores', 'db', 'seal'],
  records: ['db', 'seal'],
  stores: ['db'],
  db: [],
  web: [],
  specimens: ['web'],
  themes: ['specimens', 'db', 'web', 'config-faults'],
  demo: ['themes', 'specimens', 'db', 'web', 'declared'],
  seal: [],
  house: [],
  'local-state': [],
}

const RULES = `attributes confusables consent decide display-name explain explain-causes explain-words form look look-alikes page personal-words place reask roles sync told translations typed-attributes username versions`
const PURE = new Set([
  ...RULES.split(' ').map((name) => `provisioning/${name}.ts`),
  'declared-addresses.ts',
  'connecting/differences.ts',
  ...['addresses', 'need'].map((name) => `factors/${name}.ts`),
  'deletion/words.ts',
  'login/description.ts',
  'login/private-addresses.ts',
  'login/profile.ts',
  ...['address', 'letters', 'server'].map((name) => `mail/${name}.ts`),
  'records/chain.ts',
  'records/receipt.ts',
  'web/language-tags.ts',
  'web/load.ts',
  'web/seen.ts',
  ...['name', 'policy', 'password-policy', 'code-points', 'digits'].map((name) => `stores/${name}.ts`),
  ...['', '-alphabet', '-brackets', '-checks', '-cursor', '-escapes', '-sets', '-syntax'].map(
    (part) => `stores/regex${part}.ts`,
  ),
])
/** A hash, a list of words and an automaton are as pure as a table: the same input always gives the same answer. */
const PURE_ALL_THE_SAME: Record<string, string> = {
  'login/private-addresses.ts': "import ipaddr from 'ipaddr.js'",
  'provisioning/consent.ts': "import { createHash } from 'node:crypto'",
  'records/chain.ts': "import { hash as digest } from 'node:crypto'",
  'records/receipt.ts': "import { hash as digest } from 'node:crypto'",
  'provisioning/versions.ts': "import { isDeepStrictEqual } from 'node:util'",
  'stores/password-policy.ts': "import { dictionary } from '@zxcvbn-ts/language-common'",
  'stores/regex.ts': "import { RE2Set } from 're2js'",
}

/** Where each package is known. The demonstration may know those of the parties that it plays. */
const PACKAGES: Record<string, RegExp> = {
  'openid-client': /^login\/oidc\.ts$/,
  undici: /^login\/guarded-fetch\.ts$/,
  'ipaddr.js': /^login\/private-addresses\.ts$/,
  nodemailer: /^mail\/transport\.ts$/,
  'oidc-provider': /^web\/openid-provider\.ts$/,
  csurf: /^web\/csrf\.ts$/,
  ejs: /^web\/template(s|-lines)\.ts$/,
  '@node-rs/argon2': /^stores\/password\.ts$/,
  '@zxcvbn-ts/language-common': /^stores\/password-policy\.ts$/,
  otpauth: /^stores\/totp\.ts$/,
  uqr: /^stores\/totp\.ts$/,
  'express-session': /^web\/session\.ts$/,
  re2js: /^stores\/regex\.ts$/,
  knex: /^db\/connect\.ts$/,
  'knex/lib/dialects/postgres/index.js': /^db\/dialect\.ts$/,
  pg: /^db\/embedded\.ts$/,
  'prom-client': /^web\/metrics\.ts$/,
  pino: /^web\/logging\.ts$/,
  helmet: /^web\/headers\.ts$/,
  yaml: /^declared-text\.ts$/,
  'smol-toml': /^declared-text\.ts$/,
  zod: /^(declared-(applications|keys|kinds|stores)|api\/shapes|web\/contract|themes\/theme-json)\.ts$/,
  express:
    /^(app|web\/.*|(api|connecting|login|provisioning|handback)\/(routes|callback|second-factor)|account\/routes|console\/(routes|setup|sign-in))\.ts$/,
}
const PACKAGES_OF_THE_DEMO = ['express', 'express-session', 'openid-client', 'oidc-provider']

const TRANSACTIONS = /^(db\/[\w-]+|provisioning\/provision|handback\/at-once)\.ts$/

/** The first three ask who has the say; the others take away what is kept, or say whose it is from now on. A trigger is behind all of them. */
const WRITERS_OF_VALUES = /^db\/(user-attributes|new-users|account-values|account-choices|ways-in|removal)\.ts$/

const isEntry = (name: string) => /^(main|cli)\.ts$/.test(name)
const inDemo = (name: string) => name.startsWith('demo/')
const isOurs = (imported: string) => imported.endsWith('.ts')
const isPackage = (imported: string) => !isOurs(imported) && !imported.startsWith('node:')
/** login of login/oidc.ts, flow of flow.ts. */
const roomOf = (name: string) => name.split('/')[0]?.replace('.ts', '') ?? ''

function mayImport({ name }: File, imported: string): boolean {
  const [from, to] = [roomOf(name), roomOf(imported)]
  if (isEntry(name) || from === to) return true
  return BELOW[from]?.includes(to) === true || (PURE.has(imported) && !['db', 'web', 'seal'].includes(from))
}

function isPureImport({ name, text }: File, imported: string): boolean {
  const exception = PURE_ALL_THE_SAME[name] ?? ''
  return PURE.has(imported) || (exception.endsWith(` '${imported}'`) && text.includes(`${exception}\n`))
}

function mayUse(name: string, imported: string): boolean {
  return PACKAGES[imported]?.test(name) || (inDemo(name) && PACKAGES_OF_THE_DEMO.includes(imported))
}

// biome-ignore format: one row, one line
const rules: [sentence: string, isBrokenBy: (file: File) => boolean][] = [
  ['Only main.ts and cli.ts read process.env.', ({ name, code }) => /\bprocess\s*(\.|\[')env\b/.test(code) && !isEntry(name)],
  ['A room has its place in the house.', ({ name }) => !isEntry(name) && BELOW[roomOf(name)] === undefined],
  ['A room imports only what stands below it.', (file) => file.imports.filter(isOurs).some((one) => !mayImport(file, one))],
  ['Only main.ts imports the demo.', ({ name, imports }) => name !== 'main.ts' && !inDemo(name) && imports.some(inDemo)],
  ['The web knows no feature.', ({ name, imports }) => name.startsWith('web/') && imports.some((one) => isOurs(one) && !one.startsWith('web/'))],
  ['Provisioning never imports login: the seam is a redirect.', ({ name, imports }) => name.startsWith('provisioning/') && imports.some((one) => one.startsWith('login/'))],
  ['Pure files import only types and one another.', (file) => PURE.has(file.name) && file.imports.some((one) => !isPureImport(file, one))],
  ['Pure files know no clock and no chance.', ({ name, code }) => PURE.has(name) && /\bDate\.now|new Date\(\)|Math\.random|\brandom[A-Z]|performance\./.test(code)],
  ['Transactions are opened in db/ and in two files above it.', ({ name, code }) => /\.transaction\(|\bin(One)?Transaction\b/.test(code) && !TRANSACTIONS.test(name)],
  ['SQL is written in db/ and in migrations alone.', ({ name, code }) => !name.startsWith('db/') && /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|LOCK TABLE)\s|\.raw\(|\bqueryOne\b/.test(code)],
  ['What is kept of a person is written where it is known what an idp keeps up to date.', ({ name, code }) => /\b(INSERT INTO|UPDATE|DELETE FROM)\s+user_attributes\b/.test(code) && !WRITERS_OF_VALUES.test(name)],
  ['A package is imported in its one place.', ({ name, imports }) => imports.filter(isPackage).some((one) => !mayUse(name, one))],
  ['A request is seen by routes, doors, flow.ts and web/ alone.', ({ name, text }) => /^(db|stores)\/|^provisioning\/(?!routes)/.test(name) && /from '(express|node:http)'/.test(text)],
  ['Nothing is exported by default.', ({ code }) => /^export default|\bas default\b/m.test(code)],
  ['Every file opens with a sentence that says what it is for.', ({ text }) => !/^(#!.*\n)?\/\/ \p{L}.*\.\n/u.test(text)],
]

function fileOf(name: string, text: string): File {
  const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '')
  const found = [
    ...code.matchAll(/^(?:import|export)\s+(?!type\b)(?:[\w$*{}\s,]+?\sfrom\s+)?'([^']+)'/gm),
    ...code.matchAll(/(?<!typeof )\bimport\(\s*['"`]([^'"`]+)/g),
  ].map((match) => String(match[1]))
  const imports = found.map((one) => (one.startsWith('.') ? path.posix.join(path.posix.dirname(name), one) : one))
  return { name, text, code, imports }
}

/** Every rule that is broken: the sentence, and the file. */
function broken(sources: Record<string, string>): string[] {
  const files = Object.entries(sources).map(([name, text]) => fileOf(name, text))
  return files.flatMap((file) =>
    rules.filter(([, isBrokenBy]) => isBrokenBy(file)).map(([sentence]) => `${sentence} ${file.name}`),
  )
}

const SOURCE = path.join(REPOSITORY, 'src')
const names = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort()
const house = Object.fromEntries(names.map((name) => [name, readFileSync(path.join(SOURCE, name), 'utf8')]))

describe('in src', () => {
  const found = broken(house)
  for (const [sentence] of rules) {
    test(sentence, () =>
      assert.deepEqual(
        found.filter((one) => one.startsWith(sentence)),
        [],
      ),
    )
  }

  test('every room is on the map in the README', () => {
    const map = readFileSync(path.join(REPOSITORY, 'README.md'), 'utf8').split('## The map of')[1] ?? ''
    const rooms = readdirSync(path.join(REPOSITORY, 'src'), { withFileTypes: true }).filter((one) => one.isDirectory())
    assert.deepEqual(
      rooms.map(({ name }) => name).filter((name) => !map.includes(`\`${name}/\``)),
      [],
    )
  })

  test('what the rules name is there', () => {
    assert.ok(names.length > 50)
    const missing = (all: Iterable<string>) => [...all].filter((name) => !names.includes(name))
    assert.deepEqual(missing(PURE), [])
    assert.deepEqual(
      Object.keys(BELOW).filter((room) => !names.some((name) => roomOf(name) === room)),
      [],
    )
    const imports = new Set(Object.entries(house).flatMap(([name, text]) => fileOf(name, text).imports))
    assert.deepEqual(
      Object.keys(PACKAGES).filter((one) => !imports.has(one)),
      [],
    )
  })
})

describe('the rules can be broken', () => {
  // biome-ignore format: one row, one line
  const wrong: [string, string, string][] = [
    ['start.ts', 'const { PORT } = process.env', 'Only main.ts and cli.ts read process.env.'],
    ['db/users.ts', "import { findFlow } from '../flow.ts'", 'A room imports only what stands below it.'],
    ['db/users.ts', "import { readUsername } from '../provisioning/username.ts'", 'A room imports only what stands below it.'],
    ['handback/routes.ts', "import {\n  LOGIN,\n  loginAgain,\n} from '../login/routes.ts'", 'A room imports only what stands below it.'],
    ['login/local.ts', "const { start } = await import('../start.ts')", 'A room imports only what stands below it.'],
    ['login/local.ts', "export * from '../app.ts'", 'A room imports only what stands below it.'],
    ['attic/box.ts', '', 'A room has its place in the house.'],
    ['cli.ts', "import { startDemo } from './demo/start.ts'", 'Only main.ts imports the demo.'],
    ['web/forms.ts', "import { sha256 } from '../seal.ts'", 'The web knows no feature.'],
    ['provisioning/settle.ts', "import { LOGIN } from '../login/ways.ts'", 'Provisioning never imports login: the seam is a redirect.'],
    ['provisioning/decide.ts', "import { readFileSync } from 'node:fs'", 'Pure files import only types and one another.'],
    ['provisioning/consent.ts', "import { createHash, randomBytes } from 'node:crypto'", 'Pure files import only types and one another.'],
    ['provisioning/sync.ts', 'const now = Date.now()', 'Pure files know no clock and no chance.'],
    ['provisioning/settle.ts', 'await house.db.transaction(async () => {})', 'Transactions are opened in db/ and in two files above it.'],
    ['flow.ts', 'await inTransaction(house.db, async () => {})', 'Transactions are opened in db/ and in two files above it.'],
    ['login/local.ts', "await query(db, 'SELECT 1 FROM users')", 'SQL is written in db/ and in migrations alone.'],
    ['start.ts', 'await db.raw(statement)', 'SQL is written in db/ and in migrations alone.'],
    ['db/import.ts', "await query(db, 'UPDATE user_attributes SET value = ?')", 'What is kept of a person is written where it is known what an idp keeps up to date.'],
    ['login/routes.ts', "import * as client from 'openid-client'", 'A package is imported in its one place.'],
    ['demo/pages.ts', "import ejs from 'ejs'", 'A package is imported in its one place.'],
    ['web/page.ts', "import leftPad from 'left-pad'", 'A package is imported in its one place.'],
    ['provisioning/facts.ts', "import type { Request } from 'express'", 'A request is seen by routes, doors, flow.ts and web/ alone.'],
    ['seal.ts', 'export default class Keyring {}', 'Nothing is exported by default.'],
    ['seal.ts', 'export { seal as default }', 'Nothing is exported by default.'],
  ]
  for (const [name, line, sentence] of wrong) {
    test(`${name} with ${JSON.stringify(line.slice(0, 60))}: ${sentence}`, () => {
      assert.ok(broken({ [name]: `// A file.\n${line}\n` }).includes(`${sentence} ${name}`))
    })
  }

  for (const text of ['', "import fs from 'node:fs'\n", '// no sentence\n', '/* A comment. */\n', '//\n']) {
    test(`a file that opens with ${JSON.stringify(text)} says nothing of itself`, () => {
      assert.deepEqual(broken({ 'seal.ts': text }), [
        'Every file opens with a sentence that says what it is for. seal.ts',
      ])
    })
  }

  test('each of them', () => {
    const sentences = new Set([
      ...wrong.map(([, , sentence]) => sentence),
      'Every file opens with a sentence that says what it is for.',
    ])
    assert.deepEqual([...sentences].sort(), rules.map(([sentence]) => sentence).sort())
  })

  test('by running code alone: types are free, and so is what a comment says', () => {
    const text = `// A file.
      /** Not import('../app.ts'), nor process.env, nor SELECT 1. */
      // export default
      import type { Flow } from '../flow.ts'
      export type { House } from '../house.ts'
      let loaded: typeof import('oidc-provider')\n`.replaceAll('\n      ', '\n')
    assert.deepEqual(broken({ 'db/users.ts': text }), [])
  })
})
