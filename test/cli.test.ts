// The commands of an operator, run as an operator runs them: what they do, what they print, and how they end.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { connect } from '../src/db/connect.ts'
import { migrate } from '../src/db/migrate.ts'
import { fillLooks } from '../src/stores/review.ts'
import { vestibule } from './support/commands.ts'
import { DECLARATION } from './support/house.ts'
import { REPOSITORY, rowsOf, SECRET_KEY, testCluster } from './support/product.ts'
import { writeTheme } from './support/themes.ts'
import { untilWaiting } from './support/until.ts'

/** No place in the program, and no statement: an operator reads what to do. */
function assertIsPlain(text: string): void {
  assert.notEqual(text.trim(), '')
  assert.doesNotMatch(text, /\n\s+at |\.ts:\d|node:internal|CREATE TABLE|undefined|\[object/)
}

let folder: string
let count = 0
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vestibule-cli-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function file(content: string, ending = 'yaml'): Promise<string> {
  count += 1
  const name = path.join(folder, `vestibule-${count}.${ending}`)
  await writeFile(name, content)
  return name
}

async function emptyDatabase(): Promise<string> {
  count += 1
  const name = `empty_${count}`
  const cluster = await testCluster()
  await rowsOf(cluster.url('postgres'), `CREATE DATABASE ${name}`)
  return cluster.url(name)
}

/** A copy of one that is up to date, for commands that are not about how it became so. */
const migratedDatabase = async () => (await (await testCluster()).clone()).url

const schemaOf = (url: string) =>
  rowsOf(
    url,
    `SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`,
  )

describe('vestibule', { concurrency: 2 }, () => {
  for (const words of [[], ['nonsense'], ['migrate', 'now'], ['constructor'], ['__proto__']]) {
    it(`with ${words.length === 0 ? 'no words' : `"${words.join(' ')}"`} prints how it is used, and ends with 64`, async () => {
      const { code, out, error } = await vestibule(words, { PORT: 'nonsense' })
      assert.deepEqual([code, out], [64, ''])
      for (const line of ['Usage: vestibule <command>', 'migrate ', 'config check ', 'config apply '])
        assert.ok(error.includes(line), error)
    })
  }
})

describe('vestibule, asked about itself', { concurrency: 2 }, () => {
  for (const words of [
    '--help',
    '-h',
    'help',
    'help migrate',
    'migrate --help',
    'admin create --help',
    'theme --help',
  ]) {
    it(`with "${words}" prints how it is used where answers are printed, without a configuration, and ends with 0`, async () => {
      const { code, out, error } = await vestibule(words.split(' '), { PORT: 'nonsense' })
      assert.deepEqual([code, error], [0, ''])
      assert.match(out, /^Usage: vestibule <command>\n/)
    })
  }

  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile(path.join(REPOSITORY, 'package.json'), 'utf8'))
    const told = await vestibule(['--version'], { PORT: 'nonsense' })
    assert.deepEqual(told, { code: 0, out: `vestibule ${version}\n`, error: '' })
  })

  for (const [words, said] of [
    ['config chek', 'There is no command "config chek" (did you mean config check?).'],
    ['migrat', 'There is no command "migrat" (did you mean migrate?).'],
    ['migrat now', 'There is no command "migrat now" (did you mean migrate?).'],
    ['theme ceck acme', 'There is no command "theme ceck" (did you mean theme check?).'],
    ['nonsense', 'There is no command "nonsense".'],
  ] as const) {
    it(`with "${words}" says that there is no such command before it says how it is used`, async () => {
      const { code, out, error } = await vestibule(words.split(' '))
      assert.deepEqual([code, out], [64, ''])
      assert.ok(error.startsWith(`${said}\n\nUsage: vestibule <command>\n`), error)
    })
  }

  it('says no such thing where only what follows the command is wrong', async () => {
    for (const words of ['migrate now', 'admin create olu', 'idp delete', 'theme eject register'])
      assert.match((await vestibule(words.split(' '))).error, /^Usage: /, words)
  })
})

describe('vestibule theme', { concurrency: 2 }, () => {
  it('check needs no configuration; of a theme without a fault it says so, and ends with 0', async () => {
    const { code, out, error } = await vestibule(['theme', 'check'], { THEME: 'sample', PORT: 'nonsense' })
    assert.deepEqual([code, out, error], [0, 'The theme sample has no fault.\n', ''])
  })

  it('check lists each fault with file, line and what to do, and ends with 1', async () => {
    const faulty = writeTheme(folder, {
      'slots/form.befor.ejs': '<p>Hello</p>',
      'messages/en.json': '{\n  "x": "y"\n}',
    })
    const { code, out, error } = await vestibule(['theme', 'check', faulty])
    assert.deepEqual([code, out], [1, ''])
    assert.match(error, /has 2 faults\./)
    assert.match(error, /acme\/messages\/en\.json:2: nothing says x\n/)
    assert.match(
      error,
      /acme\/slots\/form\.befor\.ejs:1: there is no slot form\.befor\n {4}Did you mean form\.before\?\n/,
    )
    assertIsPlain(error)
  })

  it('says why it cannot write, and ends with 1', async () => {
    const { code, error } = await vestibule(['theme', 'new', 'Not A Name'])
    assert.deepEqual([code, error], [1, 'The name of a theme is small letters, digits and dashes, such as acme.\n'])
  })

  it('with other words prints how it is used, and ends with 64', async () => {
    const { code, error } = await vestibule(['theme', 'eject', 'register'])
    assert.equal(code, 64)
    assert.match(error, /theme eject <view> <name>/)
  })
})

describe('vestibule config check', { concurrency: 2 }, () => {
  it('lists every fault of the environment and of the file, and ends with 78', async () => {
    const wrong = DECLARATION.replace('displayName: Acme', 'displayNam: canary-name').replace(
      'name: email,',
      'name: emial,',
    )
    const { code, out, error } = await vestibule(['config', 'check'], {
      NODE_ENV: 'production',
      PORT: 'canary-port',
      SECRET_KEY: 'canary-short',
      DATABASE_URL: 'mysql://user:canary-password@db.example/x',
      CONFIG_FILE: await file(wrong),
    })
    assert.deepEqual([code, out], [78, ''])
    const places = [
      'PORT',
      'SECRET_KEY',
      'DATABASE_URL',
      'PUBLIC_URL',
      'identityProviders[0].displayNam',
      'purposes[0].piiCategories[0].name',
    ]
    for (const place of places) assert.ok(error.includes(`\n  ${place}: `), `${place} is missing in: ${error}`)
    assert.match(error, /^The configuration has 6 faults\./)
    assert.ok(!error.includes('canary'), error)
    assertIsPlain(error)
  })

  it('says that a file that is not there cannot be read, and ends with 78', async () => {
    const { code, error } = await vestibule(['config', 'check'], { CONFIG_FILE: path.join(folder, 'nowhere.yaml') })
    assert.equal(code, 78)
    assert.match(error, /CONFIG_FILE: the file cannot be read \(ENOENT\)/)
    assertIsPlain(error)
  })

  it('of a configuration without a fault says so, with its warnings, and ends with 0', async () => {
    const { code, out, error } = await vestibule(['config', 'check'], {
      NODE_ENV: 'production',
      SECRET_KEY,
      PUBLIC_URL: 'http://signin.northwind.example',
      DATABASE_URL: 'postgres://user:password@127.0.0.1:1/nowhere',
      CONFIG_FILE: await file(DECLARATION),
    })
    assert.deepEqual([code, error], [0, ''])
    assert.match(out, /The public address is http: .*\nThe configuration has no fault\.\n$/)
  })

  it('of nothing at all has no fault', async () => {
    assert.deepEqual(await vestibule(['config', 'check']), {
      code: 0,
      out: 'The configuration has no fault.\n',
      error: '',
    })
  })
})

describe('vestibule migrate', { concurrency: 2 }, () => {
  it('brings an empty database up to date, and a second time finds nothing to do', async () => {
    const DATABASE_URL = await emptyDatabase()
    const first = await vestibule(['migrate'], { DATABASE_URL })
    assert.equal(first.code, 0, first.error)
    assert.match(first.out, /^Ran \d{14}_\w+\.js/)
    const made = {
      schema: await schemaOf(DATABASE_URL),
      installation: await rowsOf(DATABASE_URL, 'SELECT * FROM installation'),
    }
    assert.equal(made.installation.length, 1)

    const second = await vestibule(['migrate'], { DATABASE_URL })
    assert.deepEqual(second, { code: 0, out: 'The database is up to date.\n', error: '' })
    assert.deepEqual(
      { schema: await schemaOf(DATABASE_URL), installation: await rowsOf(DATABASE_URL, 'SELECT * FROM installation') },
      made,
    )
  })

  it('says that the theme has faults, and runs all the same', async () => {
    const THEME = writeTheme(folder, { 'regsiter.ejs': '' }, 'faulty')
    const { code, out } = await vestibule(['migrate'], { DATABASE_URL: await emptyDatabase(), THEME })
    assert.equal(code, 0)
    assert.ok(out.endsWith(`The theme ${THEME} has faults (1): vestibule theme check lists them.\n`), out)
  })

  it('applies what CONFIG_FILE declares, says what it wrote and turned off, and repeats no secret', async () => {
    const DATABASE_URL = await emptyDatabase()
    const run = async (yaml: string) =>
      vestibule(['migrate'], { DATABASE_URL, SECRET_KEY, CONFIG_FILE: await file(yaml) })
    const first = await run(DECLARATION)
    assert.equal(first.code, 0, first.error)
    const wrote = [
      'organization',
      'attribute department',
      'idp acme',
      'idp globex',
      'purpose recover',
      'application travel',
    ]
    for (const one of wrote) assert.ok(first.out.includes(`Wrote ${one}.\n`), first.out)
    assert.ok(!/a secret/.test(first.out), first.out)

    const second = await run(DECLARATION)
    assert.equal(second.out, 'The database is up to date.\nNothing to write: the database says the same.\n')

    const third = await run(DECLARATION.slice(0, DECLARATION.indexOf('applications:')))
    assert.equal(third.out, 'The database is up to date.\nTurned off application travel: it is no longer declared.\n')
  })

  it('from the first release gives its users what this one needs, and they keep their names', async () => {
    const DATABASE_URL = await emptyDatabase()
    const db = connect({ url: DATABASE_URL, poolMax: 1, ssl: false, onError: () => {} })
    const directory = path.join(REPOSITORY, 'migrations')
    await db.migrate.up({ directory, tableName: 'migrations', name: '20261123090000_create_vestibule.js' })
    await db.destroy()
    await rowsOf(
      DATABASE_URL,
      `INSERT INTO users (id, store, username, username_canonical) SELECT gen_random_uuid(), 'PRIMARY', name, lower(name)
       FROM unnest('{Asha, modern, modem}'::text[]) AS name`,
    )
    const { code, out, error } = await vestibule(['migrate'], { DATABASE_URL })
    assert.equal(code, 0, error)
    assert.match(out, /stores_and_roles/)
    assert.doesNotMatch(out, /create_vestibule/)
    const users = await rowsOf(
      DATABASE_URL,
      'SELECT username, username_look IS NULL AS bare FROM users ORDER BY username',
    )
    assert.equal(users.length, 3)
    assert.equal(
      users.filter((user) => (user as { bare: boolean }).bare).length,
      1,
      'one of the two that look the same',
    )
  })

  it('says whose names a tightened rule would not take, without saying them, and refuses to remove their store', async () => {
    const DATABASE_URL = await migratedDatabase()
    const declares = (stores: string) => file(`${DECLARATION}\nuserStores: [ ${stores} ]\n`)
    const settings = async (stores: string) => ({ DATABASE_URL, SECRET_KEY, CONFIG_FILE: await declares(stores) })
    assert.equal((await vestibule(['migrate'], await settings('{ name: STAFF }'))).code, 0)
    await rowsOf(
      DATABASE_URL,
      `INSERT INTO users (id, store, username, username_canonical) SELECT gen_random_uuid(), 'STAFF', name, name
       FROM unnest('{canary, 12345}'::text[]) AS name`,
    )
    const check = () => vestibule(['users', 'check'], { DATABASE_URL })
    assert.deepEqual(await check(), { code: 0, out: 'Every username follows the rules of its store.\n', error: '' })

    const digits = "{ name: STAFF, properties: { UsernameJavaRegEx: '^[0-9]+$' } }"
    const applied = await vestibule(['config', 'apply'], await settings(digits))
    assert.deepEqual(
      [applied.code, applied.out, applied.error],
      [
        0,
        'Wrote user store STAFF.\n1 username in STAFF does not follow its rules: vestibule users check lists it.\n',
        '',
      ],
    )
    assert.match((await check()).out, /^[\da-f-]{36} {2}STAFF\/canary\nThey sign in as before\.\n$/)

    const removed = await vestibule(['config', 'apply'], await settings(''))
    assert.deepEqual(
      [removed.code, removed.out, removed.error],
      [1, '', 'The user store STAFF cannot be removed: 2 users are in it.\n'],
    )
  })

  it('goes to MIGRATION_DATABASE_URL where there is one: a pooler cannot run migrations', async () => {
    const MIGRATION_DATABASE_URL = await emptyDatabase()
    const DATABASE_URL = 'postgres://user:password@127.0.0.1:1/pooler'
    const { code, error } = await vestibule(['migrate'], { DATABASE_URL, MIGRATION_DATABASE_URL })
    assert.deepEqual([code, error], [0, ''])
    assert.equal((await rowsOf(MIGRATION_DATABASE_URL, 'SELECT 1 FROM installation')).length, 1)
  })

  it('by four machines at once is done by one of them, while the others wait and find nothing to do', async () => {
    // In this process: programs that start would not begin at the same moment.
    for (let round = 0; round < 3; round += 1) {
      const url = await emptyDatabase()
      const machines = Array.from({ length: 4 }, () => connect({ url, poolMax: 1, ssl: false, onError: () => {} }))
      const settled = await Promise.allSettled(machines.map((db) => migrate(db, fillLooks)))
      await Promise.all(machines.map((db) => db.destroy()))
      assert.deepEqual(
        settled.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
        [],
      )
      const ran = settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
      assert.equal(new Set(ran).size, ran.length)
      assert.equal((await rowsOf(url, 'SELECT 1 FROM installation')).length, 1)
      assert.equal((await vestibule(['migrate'], { DATABASE_URL: url })).out, 'The database is up to date.\n')
    }
  })

  it('takes longer than anybody waits for an answer, where there is much to write or somebody to wait for', async () => {
    const DATABASE_URL = await migratedDatabase()
    const holder = new pg.Client(DATABASE_URL)
    await holder.connect()
    await holder.query('SELECT pg_advisory_lock(7135200)')
    const waiting = vestibule(['migrate'], { DATABASE_URL })
    await setTimeout(12_000)
    await holder.end()
    assert.deepEqual(await waiting, { code: 0, out: 'The database is up to date.\n', error: '' })
  })

  it('by a machine that dies in the middle leaves nothing behind, and the next one can do it', async () => {
    const DATABASE_URL = await emptyDatabase()
    const holder = new pg.Client(DATABASE_URL)
    await holder.connect()
    try {
      // A table of the same name, not committed: the migration waits for it, in the middle of its work.
      await holder.query('BEGIN; CREATE TABLE users (id int)')
      const machine = new AbortController()
      const ended = vestibule(['migrate'], { DATABASE_URL }, machine.signal)
      await untilWaiting(async (sql) => (await holder.query(sql)).rows)
      machine.abort()
      await ended
      await holder.query('ROLLBACK')
    } finally {
      await holder.end()
    }
    const next = await vestibule(['migrate'], { DATABASE_URL })
    assert.deepEqual([next.code, next.error], [0, ''])
    assert.match(next.out, /^Ran /)
  })

  it('without a database says which variable is missing', async () => {
    const { code, out, error } = await vestibule(['migrate'])
    assert.deepEqual([code, out], [1, ''])
    assert.match(error, /DATABASE_URL is not set/)
    assertIsPlain(error)
  })

  it('says that nobody answers, in a line without the password', async () => {
    const DATABASE_URL = 'postgres://user:canary-password@localhost:1/x'
    const { code, out, error } = await vestibule(['migrate'], { DATABASE_URL })
    assert.deepEqual([code, out], [1, ''])
    assert.match(error, /^There is no connection to the database\. Is DATABASE_URL right\? .*ECONNREFUSED/)
    assert.ok(!error.includes('canary'), error)
    assertIsPlain(error)
  })

  it('says that somebody is there who does not answer, in words of ours', async () => {
    // Reads, or it would not hear that whoever asks has gone.
    const silent = createServer((socket) => socket.resume().on('error', () => {}))
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    try {
      const { port } = silent.address() as AddressInfo
      const DATABASE_URL = `postgres://user:canary-password@127.0.0.1:${port}/x`
      const { code, out, error } = await vestibule(['users', 'check'], { DATABASE_URL })
      assert.deepEqual([code, out], [1, ''])
      assert.equal(error, 'There is no connection to the database. Is DATABASE_URL right? no answer within 4 seconds\n')
    } finally {
      silent.close()
    }
  })

  it('says that a password is wrong, without repeating it', async () => {
    const url = new URL((await testCluster()).url('postgres'))
    url.password = 'canary-password'
    const { code, error } = await vestibule(['migrate'], { DATABASE_URL: url.href })
    assert.equal(code, 1)
    assert.match(error, /password authentication failed/)
    assert.ok(!error.includes('canary'), error)
    assertIsPlain(error)
  })

  it('says what PostgreSQL refused, without the statement', async () => {
    const DATABASE_URL = await emptyDatabase()
    await rowsOf(DATABASE_URL, 'CREATE TABLE users (id int)')
    const { code, error } = await vestibule(['migrate'], { DATABASE_URL })
    assert.equal(code, 1)
    assert.match(error, /relation "users" already exists/)
    assertIsPlain(error)
    assert.deepEqual(await rowsOf(DATABASE_URL, "SELECT to_regclass('installation')::text AS made"), [{ made: null }])
  })
})

describe('a database that was never migrated', { concurrency: 2 }, () => {
  for (const words of ['config export', 'users check', 'admin create olu --owner', 'keys rotate', 'keys reseal']) {
    it(`is told by ${words} in plain words, with what to run`, async () => {
      const { code, out, error } = await vestibule(words.split(' '), {
        DATABASE_URL: await emptyDatabase(),
        SECRET_KEY,
      })
      assert.deepEqual([code, out, error], [1, '', 'The database is behind. Run: vestibule migrate\n'])
    })
  }
})

describe('vestibule config export', { concurrency: 2 }, () => {
  it('prints a file that makes the same settings elsewhere, with variables in the place of secrets, and needs no key', async () => {
    const DATABASE_URL = await migratedDatabase()
    await vestibule(['migrate'], { DATABASE_URL, SECRET_KEY, CONFIG_FILE: await file(DECLARATION) })
    const { code, out, error } = await vestibule(['config', 'export'], { DATABASE_URL })
    assert.equal(code, 0, error)
    assert.doesNotMatch(out, /a secret/)
    const elsewhere = await migratedDatabase()
    const secrets = {
      ACME_SECRET: 'a secret between us and acme',
      GLOBEX_SECRET: 'a secret between us and globex',
      TRAVEL_SECRET: 'a secret of the travel application',
    }
    const options = { DATABASE_URL: elsewhere, SECRET_KEY, CONFIG_FILE: await file(out) }
    const lacking = await vestibule(['migrate'], options)
    assert.equal(lacking.code, 78)
    for (const name of Object.keys(secrets))
      assert.ok(lacking.error.includes(`the environment variable ${name} is not set`))
    assert.equal((await vestibule(['migrate'], { ...options, ...secrets })).code, 0)
    assert.equal((await vestibule(['config', 'export'], { DATABASE_URL: elsewhere })).out, out)
  })
})

describe('vestibule config apply', { concurrency: 2 }, () => {
  it('without CONFIG_FILE has nothing to apply', async () => {
    const DATABASE_URL = await emptyDatabase()
    const applied = await vestibule(['config', 'apply'], { DATABASE_URL })
    assert.deepEqual(applied, { code: 0, out: 'CONFIG_FILE is not set: there is nothing to apply.\n', error: '' })
  })

  it('without SECRET_KEY says that secrets cannot be sealed', async () => {
    const DATABASE_URL = await migratedDatabase()
    const { code, error } = await vestibule(['config', 'apply'], { DATABASE_URL, CONFIG_FILE: await file(DECLARATION) })
    assert.equal(code, 1)
    assert.match(error, /SECRET_KEY is not set/)
    assertIsPlain(error)
  })

  it('on a database that was never migrated says so in plain words', async () => {
    const DATABASE_URL = await emptyDatabase()
    const { code, error } = await vestibule(['config', 'apply'], {
      DATABASE_URL,
      SECRET_KEY,
      CONFIG_FILE: await file(DECLARATION),
    })
    assert.equal(code, 1)
    assert.match(error, /vestibule migrate|npm run migrate/)
    assertIsPlain(error)
  })
})

describe('vestibule admin create', () => {
  it('makes an owner with a password that is printed once, and gives nobody who is there another one', async () => {
    const url = await migratedDatabase()
    const variables = { DATABASE_URL: url, SECRET_KEY, DATABASE_SSL: 'off' }
    const made = await vestibule(['admin', 'create', 'olu', '--owner'], variables)
    assert.equal(made.code, 0, made.error)
    assert.match(made.out, /Made the owner olu with the password [\w-]{20,}\n/)
    const owners = await rowsOf(url, 'SELECT username, role FROM operators JOIN users ON users.id = user_id')
    assert.deepEqual(owners, [{ username: 'olu', role: 'owner' }])
    // The first run is over, too.
    assert.equal((await rowsOf(url, 'SELECT 1 FROM installation WHERE setup_completed_at IS NULL')).length, 0)

    const hash = () => rowsOf(url, 'SELECT password_hash FROM users')
    const before = await hash()
    for (const name of ['olu', 'OLU']) {
      const again = await vestibule(['admin', 'create', name, '--owner'], variables)
      assert.equal(again.code, 1)
      assert.match(again.error, /^Somebody has the name/)
      assertIsPlain(again.error)
    }
    assert.deepEqual(await hash(), before)
  })

  it('says what is wrong with a name in the words that people read, and no code', async () => {
    const DATABASE_URL = await migratedDatabase()
    for (const [name, sentence] of [
      ['bad name', /^Username cannot have /],
      ['STAFF/olu', /^Username cannot have a slash$/m],
      ['admin', /^Username "admin" cannot be used\. Choose another$/m],
    ] as const) {
      const { code, out, error } = await vestibule(['admin', 'create', name, '--owner'], { DATABASE_URL })
      assert.deepEqual([code, out], [1, ''])
      assert.match(error, sentence)
      assert.doesNotMatch(error, /[A-Z]_[A-Z]/)
      assertIsPlain(error)
    }
  })

  it('says how it is called', async () => {
    for (const words of [
      ['admin', 'create', 'olu'],
      ['admin', 'create', '--owner'],
      ['admin', 'create', 'a', 'b', '--owner'],
    ])
      assert.equal((await vestibule(words)).code, 64, words.join(' '))
  })
})
