// The checkpoint of each day: what is in it, who makes it, what its key is worth, and copies of it that were kept elsewhere.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, beforeEach, describe, it, mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../src/db/connect.ts'
import { migrate } from '../src/db/migrate.ts'
import { resealAll } from '../src/db/sealed.ts'
import { onceADay, takeCheckpoint } from '../src/records/checkpoint.ts'
import { verifyCommand } from '../src/records/command.ts'
import { readKept } from '../src/records/kept-checkpoints.ts'
import { createKeyring } from '../src/seal.ts'
import { fillLooks } from '../src/stores/review.ts'
import { join as become } from './support/account.ts'
import { vestibule } from './support/commands.ts'
import { answer, checkpointAt, NOTICE, verdictAfter, verdictOf } from './support/consent-records.ts'
import { migrateUntil } from './support/earlier-schema.ts'
import { openHouse, type TestHouse } from './support/house.ts'
import { rowsOf, SECRET_KEY, startProduct, testCluster } from './support/product.ts'
import { newcomer } from './support/visits.ts'

const DAY = 86_400_000
const MORNING = new Date('2027-03-04T00:00:30.123Z')
const day = (count: number) => new Date(MORNING.getTime() + count * DAY)

const headsOf = (on: TestHouse) =>
  on.rows<{ number: number; user_id: string; sequence: number }>(
    'SELECT number, user_id, sequence FROM consent_checkpoint_heads ORDER BY number, user_id',
  )

describe('a checkpoint', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  it('is none, and makes no key, where nobody has answered anything', async () => {
    const contents = await on.contents()
    assert.deepEqual(await checkpointAt(on, MORNING), [])
    assert.equal(await on.contents(), contents)
    assert.deepEqual(await verdictOf(on), { records: 0, people: 0, checkpoints: 0, faults: 0 })
  })

  it('has the heads that changed, is one a day, and none on a day without news', async () => {
    const [ada, ben] = [randomUUID(), randomUUID()].sort() as [string, string]
    await answer(on, ada)
    await answer(on, ben)
    assert.equal((await checkpointAt(on, MORNING)).length, 1)
    await answer(on, ben)
    assert.deepEqual(await checkpointAt(on, new Date(MORNING.getTime() + DAY - 31_000)), [], 'the day has one')
    assert.equal((await checkpointAt(on, day(1))).length, 1)
    assert.deepEqual(await checkpointAt(on, day(2)), [])
    assert.deepEqual(await checkpointAt(on, day(0)), [], 'a clock that was put back')
    assert.deepEqual(await headsOf(on), [
      { number: 1, user_id: ada, sequence: 3 },
      { number: 1, user_id: ben, sequence: 3 },
      { number: 2, user_id: ben, sequence: 6 },
    ])
    assert.deepEqual(await verdictOf(on), { records: 9, people: 2, checkpoints: 2, faults: 0 })
  })

  it('is a line of the log, with nothing about anybody in it', async () => {
    await answer(on, randomUUID())
    const [line, ...more] = await checkpointAt(on, day(3))
    assert.deepEqual(more, [])
    const { hash, signature, ...rest } = line ?? {}
    assert.deepEqual(rest, { number: 3, day: '2027-03-07', count: 1, msg: 'consent checkpoint' })
    assert.match(String(hash), /^[\w-]{43}$/)
    assert.match(String(signature), /^[\w-]{86}$/)
  })

  it('is nobody’s to change or to remove', async () => {
    for (const table of ['consent_checkpoints', 'consent_checkpoint_heads'])
      for (const sql of [`UPDATE ${table} SET number = number`, `DELETE FROM ${table}`, `TRUNCATE ${table} CASCADE`])
        await assert.rejects(on.rows(sql), /What was done stays as it was/)
    const [head] = await headsOf(on)
    await assert.rejects(
      on.rows(`INSERT INTO consent_checkpoint_heads VALUES (99, $1, 1, sha256('x'))`, [head?.user_id]),
      /consent_checkpoint_heads_number_fkey/,
    )
  })

  it('of eight processes that try at once is one, of one of them, and none of them fails', async () => {
    await Promise.all(Array.from({ length: 40 }, () => answer(on, randomUUID())))
    const houses = [on.house, ...Array.from({ length: 7 }, () => on.another())]
    const lines = await Promise.all(houses.map((house) => checkpointAt(on, day(4), house)))
    assert.equal(lines.flat().length, 1)
    assert.equal(lines.flat()[0]?.['count'], 40)
    assert.equal((await verdictOf(on)).faults, 0)
  })

  it('holds nobody up who answers meanwhile, and takes them in the next day', async () => {
    await Promise.all(Array.from({ length: 20 }, () => answer(on, randomUUID())))
    const person = randomUUID()
    await answer(on, person)
    let isMade = false
    // A checkpoint that is not kept yet, while the same people go on answering.
    await on.house.db.transaction(async (transaction) => {
      isMade = (await checkpointAt(on, day(5), { ...on.house, db: transaction })).length === 1
      await answer(on, person, undefined, { db: on.another().db })
    })
    assert.ok(isMade)
    assert.equal((await verdictOf(on)).faults, 0)
    assert.equal((await checkpointAt(on, day(6)))[0]?.['count'], 1)
  })

  it('takes more heads than are read at a time', async () => {
    await on.rows(
      `INSERT INTO consents (user_id, purpose_id, attribute, state, notice_hash, language, idp_id, flow_id)
       SELECT gen_random_uuid(), 'recover', 'email', 'given', hash, 'en', $1, n::text FROM generate_series(1, 4500) n, notices`,
      [on.idp.id],
    )
    assert.equal((await checkpointAt(on, day(7)))[0]?.['count'], 4_500)
    assert.equal((await verdictOf(on)).faults, 0)
    const [last] = await on.rows<{ user_id: string }>('SELECT user_id FROM consent_heads ORDER BY user_id DESC LIMIT 1')
    const verdict = await verdictAfter(on, [
      ['DELETE FROM consents WHERE user_id = ?', [last?.user_id]],
      ['DELETE FROM consent_heads WHERE user_id = ?', [last?.user_id]],
    ])
    assert.match(
      verdict.first ?? '',
      new RegExp(`^record \\d of user ${last?.user_id}, which checkpoint \\d of \\S+ has, is gone$`),
    )
  })
})

describe('the key of the checkpoints', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
    await answer(on, randomUUID())
    await checkpointAt(on, MORNING)
    await answer(on, randomUUID())
  })
  after(() => on.drop())

  it('is made once, sealed, and the same for every process', async () => {
    await checkpointAt(on, day(1), on.another())
    const keys = await on.rows<{ sealed: Buffer }>('SELECT sealed FROM consent_checkpoint_key')
    assert.equal(keys.length, 1)
    assert.doesNotMatch(keys[0]?.sealed.toString('latin1') ?? '', /kty|OKP|Ed25519/)
    assert.equal((await verdictOf(on)).faults, 0)
  })

  it('is sealed again when SECRET_KEY is replaced, and what it signed before counts', async () => {
    const [former] = await on.rows<{ sealed: Buffer }>('SELECT sealed FROM consent_checkpoint_key')
    const key = 'another secret key for tests that is long enough'
    const done = await resealAll(on.house.db, createKeyring(key, SECRET_KEY))
    assert.deepEqual(
      done.find(({ table }) => table === 'consent_checkpoint_key'),
      { table: 'consent_checkpoint_key', sealedAgain: 1, lost: 0 },
    )
    const house = { ...on.house, keyring: createKeyring(key) }
    await answer(on, randomUUID())
    assert.equal((await checkpointAt(on, day(2), house)).length, 1)
    assert.equal((await verdictOf({ ...on, house })).faults, 0)
    await on.rows('UPDATE consent_checkpoint_key SET sealed = $1', [former?.sealed])
    assert.equal((await verdictOf(on)).faults, 0)
  })

  it('is of no use to anybody without SECRET_KEY: with another in its place nothing is signed, and nothing is proved', async () => {
    const other = await openHouse()
    await answer(other, randomUUID())
    const house = { ...other.house, keyring: createKeyring('a key of somebody who has the database alone') }
    await checkpointAt(other, MORNING, house)
    const [theirs] = await other.rows<{ sealed: Buffer }>('SELECT sealed FROM consent_checkpoint_key')
    await other.drop()
    const put: [string, unknown[]] = ['UPDATE consent_checkpoint_key SET sealed = ?', [theirs?.sealed]]
    await assert.rejects(verdictAfter(on, [put]), /^Error: No key opens: consent$/)
    // Nor does what SECRET_KEY sealed for something else.
    const sealed = on.house.keyring.seal('signing key x', '{"kty":"OKP"}')
    await assert.rejects(verdictAfter(on, [[put[0], [sealed]]]), /No key opens/)
    await on.house.db
      .transaction(async (transaction) => {
        await transaction.raw(...(put as [string, [Buffer]]))
        await answer(on, randomUUID(), undefined, { db: transaction })
        await assert.rejects(checkpointAt(on, day(3), { ...on.house, db: transaction }), /No key opens/)
        throw new Error('undone')
      })
      .catch((error: Error) => assert.equal(error.message, 'undone'))
  })

  it('gone with all that it signed, a new one proves nothing to whoever kept lines of the log', async () => {
    const line = await checkpointAt(on, day(4))
    const kept = await readKept(lines(line.length > 0 ? line : [await lastLine(on)]))
    const undo: [string][] = [
      ['DELETE FROM consent_checkpoint_key'],
      ['DELETE FROM consent_checkpoints'],
      ['DELETE FROM consent_checkpoint_heads'],
    ]
    assert.equal((await verdictAfter(on, undo)).faults, 0, 'without lines nothing is missing')
    assert.match(
      (await verdictAfter(on, undo, { kept })).first ?? '',
      /^checkpoint \d of \S+ is gone: a copy of it is kept$/,
    )
  })
})

describe('copies of checkpoints in a log', () => {
  const copy = { number: 3, day: '2027-03-07', hash: 'h-a_sh', signature: 's-i_gn' }
  const json =
    '{"level":"info","time":1,"number":3,"day":"2027-03-07","count":12,"hash":"h-a_sh","signature":"s-i_gn","msg":"consent checkpoint"}'
  const readable = '00:00:30 info consent checkpoint number=3 day=2027-03-07 count=12 hash=h-a_sh signature=s-i_gn'

  it('are read as JSON, as a terminal shows them, and behind what a log service puts before them', async () => {
    for (const line of [json, readable, `2027-03-07T00:00:30Z app[web.1]: ${json}`, `host vestibule: ${readable}`])
      assert.deepEqual(
        await readKept(lines(['', line, line, '{"msg":"request"}', 'consent checkpoint?'])),
        new Map([[3, copy]]),
      )
  })

  it('are refused when two of one number say different things', async () => {
    await assert.rejects(readKept(lines([json, json.replace('h-a_sh', 'h-a_sH')])), /checkpoint 3 twice/)
  })
})

describe('vestibule consent verify', () => {
  let on: TestHouse
  let folder: string
  let logged: Record<string, unknown>[]
  const person = randomUUID()
  before(async () => {
    on = await openHouse()
    folder = await mkdtemp(path.join(tmpdir(), 'vestibule-records-'))
    await answer(on, person)
    logged = await checkpointAt(on, MORNING)
  })
  after(async () => {
    await rm(folder, { recursive: true, force: true })
    await on.drop()
  })

  const file = async (content: string) => {
    const name = path.join(folder, `${randomUUID()}.log`)
    await writeFile(name, content)
    return name
  }
  const run = (words: string[], variables: Record<string, string> = {}) =>
    vestibule(['consent', 'verify', ...words], { DATABASE_URL: on.url, DATABASE_SSL: 'off', SECRET_KEY, ...variables })

  it('says how much there is when all is as it was, and ends with 0', async () => {
    assert.deepEqual(await run([]), { code: 0, out: 'ok: 3 records of 1 person, 1 checkpoint\n', error: '' })
    const kept = await file(`{"msg":"started"}\n${JSON.stringify(logged[0])}\n`)
    assert.deepEqual(await run(['--checkpoints', kept]), {
      code: 0,
      out: 'ok: 3 records of 1 person, 1 checkpoint\n',
      error: '',
    })
  })

  it('with copies that say other names the checkpoint, and ends with 1', async () => {
    const other = {
      ...logged[0],
      hash: String(logged[0]?.['hash']).replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
    }
    assert.deepEqual(await run(['--checkpoints', await file(JSON.stringify(other))]), {
      code: 1,
      out: '',
      error:
        'checkpoint 1 of 2027-03-04: the copy that is kept says other\nnot ok: 3 records of 1 person, 1 checkpoint\n',
    })
    const later = JSON.stringify({ ...logged[0], number: 2, day: '2027-03-05' })
    assert.match(
      (await run(['--checkpoints', await file(later)])).error,
      /^checkpoint 2 of 2027-03-05 is gone: a copy of it is kept\n/,
    )
  })

  it('with a file that has no copy, or is not there, says so, and ends with 1', async () => {
    const name = await file('nothing\n')
    assert.deepEqual(await run(['--checkpoints', name]), {
      code: 1,
      out: '',
      error: `There is no line of a checkpoint in ${name}.\n`,
    })
    assert.match((await run(['--checkpoints', path.join(folder, 'none')])).error, /^ENOENT/)
  })

  it('with other words, or without SECRET_KEY, says how it is used', async () => {
    for (const words of [['--checkpoints'], ['x'], ['--checkpoints', 'a', 'b']])
      assert.equal((await run(words)).code, 64)
    assert.match((await run([], { SECRET_KEY: '' })).error, /SECRET_KEY/)
  })

  it('names the first record that was altered, counts the others, and ends with 1', async () => {
    await on.rows(
      `SET session_replication_role = replica; UPDATE consents SET attribute = 'address' WHERE attribute IN ('email', 'department')`,
    )
    const { code, out, error } = await run([])
    assert.deepEqual([code, out], [1, ''])
    assert.equal(
      error,
      `record 1 of user ${person}, "recover: address", given 2027-03-04T14:00:00.000000Z: the attribute is not what it was\nand 1 more\nnot ok: 3 records of 1 person, 1 checkpoint\n`,
    )
  })

  it('tells somebody who looks how far it is, and nobody else', async () => {
    const said: string[] = []
    const terminal = { isTTY: true, write: (text: string) => said.push(text) }
    await verifyCommand(on.house, undefined, terminal)
    assert.deepEqual(said, ['\r\x1b[K3 records', '\r\x1b[K'])
    await verifyCommand(on.house, undefined, { ...terminal, isTTY: false })
    assert.equal(said.length, 2)
  })
})

describe('each process', () => {
  it('tries once a day, and again only when it failed', async () => {
    const days: string[] = []
    let isAway = true
    const tick = onceADay(async (now) => {
      days.push(now.toISOString().slice(8, 10))
      if (isAway) throw new Error('away')
    })
    await assert.rejects(tick(day(0)))
    isAway = false
    for (const now of [day(0), day(0), day(1), new Date(day(1).getTime() + 60_000)]) await tick(now)
    assert.deepEqual(days, ['04', '04', '05'])
  })

  describe('of the product', () => {
    beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }))
    after(() => mock.timers.reset())

    it('makes the checkpoint within a minute, and its log has a copy', async () => {
      const product = await startProduct({ modes: ['consent'] })
      try {
        await become(product, 'consent', newcomer(), { ticks: ['recover:email'] })
        mock.timers.tick(60_000)
        const copies = () => product.log.filter((line) => line.includes('consent checkpoint'))
        for (const until = Date.now() + 10_000; copies().length === 0 && Date.now() < until; ) await sleep(20)
        const [line = ''] = copies()
        assert.match(line, /"number":1,"day":"\d{4}-\d\d-\d\d","count":1,"hash":"[\w-]{43}","signature":"[\w-]{86}"/)
        const kept = path.join(tmpdir(), `${randomUUID()}.log`)
        await writeFile(kept, line)
        const { text } = await verifyCommand(product.running.house, kept, process.stderr)
        await rm(kept)
        assert.equal(text, 'ok: 3 records of 1 person, 1 checkpoint\n')
      } finally {
        await product.stop()
      }
    })
  })
})

describe('many who answer for one person at once', () => {
  it('make one chain without a gap', async () => {
    const on = await openHouse()
    const person = randomUUID()
    const houses = [on.house, on.another(), on.another(), on.another()]
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        answer(on, person, undefined, { db: houses[index % 4]?.db ?? on.house.db }),
      ),
    )
    const sequences = await on.rows<{ sequence: number }>('SELECT sequence FROM consents ORDER BY sequence')
    assert.deepEqual(
      sequences.map(({ sequence }) => sequence),
      Array.from({ length: 180 }, (_, index) => index + 1),
    )
    assert.deepEqual(await verdictOf(on), { records: 180, people: 1, checkpoints: 0, faults: 0 })
    await on.drop()
  })

  it('and whoever takes their answer back leaves no trace in it', async () => {
    const on = await openHouse()
    const person = randomUUID()
    await answer(on, person)
    await on.house.db
      .transaction(async (transaction) => {
        await answer(on, person, undefined, { db: transaction })
        throw new Error('undone')
      })
      .catch(() => {})
    await answer(on, person)
    assert.deepEqual(await verdictOf(on), { records: 6, people: 1, checkpoints: 0, faults: 0 })
    await on.drop()
  })
})

describe('records of an earlier version', () => {
  it('are chained by the migration as they stand, in their order', async () => {
    const cluster = await testCluster()
    await rowsOf(cluster.url('postgres'), 'CREATE DATABASE records_of_before')
    const url = cluster.url('records_of_before')
    const db = connect({ url, poolMax: 2, ssl: false, onError: () => {} })
    await migrateUntil(db, '20261127')
    await rowsOf(url, 'INSERT INTO notices (hash, language, content) VALUES ($1, $2, $3)', [
      NOTICE.hash,
      NOTICE.language,
      NOTICE.content,
    ])
    await rowsOf(
      url,
      `INSERT INTO consents (user_id, purpose_id, attribute, is_given, notice_hash, language, idp_id, flow_id, created_at)
       SELECT md5((n % 50)::text)::uuid, 'recover', 'email', n % 3 = 0, $1, 'en', gen_random_uuid(), n::text,
         timestamptz '2026-11-01 12:00:00.123456+00' - n * interval '1 second'
       FROM generate_series(1, 200) n`,
      [NOTICE.hash],
    )
    await migrate(db, fillLooks)
    const answer = await verifyCommand({ db, keyring: createKeyring(SECRET_KEY) }, undefined, process.stderr)
    assert.equal(answer.text, 'ok: 200 records of 50 people, 0 checkpoints\n')
    const states = await rowsOf(
      url,
      'SELECT 1 FROM consents a JOIN consents b ON a.user_id = b.user_id AND a.id < b.id AND a.sequence > b.sequence',
    )
    assert.deepEqual(states, [])
    // And a process of before goes on writing as it did.
    await rowsOf(
      url,
      `INSERT INTO consents (user_id, purpose_id, attribute, is_given, notice_hash, language, idp_id, flow_id)
       VALUES (md5('1')::uuid, 'recover', 'email', true, $1, 'en', gen_random_uuid(), 'later')`,
      [NOTICE.hash],
    )
    await takeCheckpoint({ db, keyring: createKeyring(SECRET_KEY), log: { info: () => {} } }, MORNING)
    const again = await verifyCommand({ db, keyring: createKeyring(SECRET_KEY) }, undefined, process.stderr)
    assert.equal(again.text, 'ok: 201 records of 50 people, 1 checkpoint\n')
    await db.destroy()
  })
})

async function* lines(all: (string | object)[]): AsyncGenerator<string> {
  for (const one of all) yield typeof one === 'string' ? one : JSON.stringify(one)
}

async function lastLine(on: TestHouse): Promise<object> {
  const [row] = await on.rows<{ number: number; day: string; hash: Buffer; signature: Buffer }>(
    `SELECT number, to_char(day, 'YYYY-MM-DD') AS day, hash, signature FROM consent_checkpoints ORDER BY number DESC LIMIT 1`,
  )
  const { number, day, hash, signature } = row ?? assert.fail('there is no checkpoint')
  const texts = { hash: hash.toString('base64url'), signature: signature.toString('base64url') }
  return { number, day, ...texts, msg: 'consent checkpoint' }
}
