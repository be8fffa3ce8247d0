// Statements that are asked often stay prepared where PostgreSQL itself answers: read and planned a few times, and right all the same.
import assert from 'node:assert/strict'
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { connect, inTransaction, type Pool, query } from '../src/db/connect.ts'
import { nameThoseAskedOften } from '../src/db/prepared.ts'
import { openHouse, type TestHouse } from './support/house.ts'

const OFTEN = 60

describe('a statement that is asked often', () => {
  let on: TestHouse
  const open: Pool[] = []
  before(async () => {
    on = await openHouse()
    await on.rows('CREATE TABLE things (id int PRIMARY KEY, name text)')
    await on.rows("INSERT INTO things SELECT number, 'thing ' || number FROM generate_series(1, 20) number")
  })
  afterEach(() => Promise.all(open.splice(0).map((one) => one.destroy())))
  after(() => on.drop())

  /** A pool straight at PostgreSQL, whatever stands before it elsewhere. */
  function pool(poolMax: number, url = on.url): Pool {
    const db = connect({ url, poolMax, ssl: false, onError: () => {} })
    open.push(db)
    return db
  }

  const THING = 'SELECT * FROM things WHERE id = ?'

  async function askOften(db: Pool, times = OFTEN): Promise<void> {
    for (let turn = 0; turn < times; turn += 1) {
      const id = 1 + (turn % 20)
      assert.deepEqual(await query(db, THING, [id]), [{ id, name: `thing ${id}` }])
    }
  }

  /** What the one connection of a pool has prepared; asked without values, so that it is not among them. */
  function prepared(db: Pool): Promise<{ statement: string; plans: number }[]> {
    return query(db, 'SELECT statement, (generic_plans + custom_plans)::int AS plans FROM pg_prepared_statements')
  }

  it('is prepared once, and is given its values each time', async () => {
    const db = pool(1)
    await askOften(db, 40)
    assert.deepEqual(await prepared(db), [])
    await askOften(db, 40)
    assert.deepEqual(await prepared(db), [{ statement: 'SELECT * FROM things WHERE id = $1', plans: 30 }])
  })

  it('is prepared on every connection that asks it, under one name', async () => {
    const db = pool(2)
    await askOften(db)
    // Both at once, so that each has a connection.
    const both = await Promise.all(
      [1, 2].map((id) =>
        inTransaction(db, async (transaction) => {
          await query(transaction, 'SELECT pg_sleep(0.2)')
          await query(transaction, THING, [id])
          return query(transaction, 'SELECT pg_backend_pid() AS pid, name FROM pg_prepared_statements')
        }),
      ),
    )
    const [one, other] = both.flat() as { pid: number; name: string }[]
    assert.ok(one && other && one.pid !== other.pid, JSON.stringify(both))
    assert.deepEqual([one.name, other.name], ['often_0', 'often_0'])
  })

  it('is prepared in a transaction too, and a failure there is what it was', async () => {
    const db = pool(1)
    for (let turn = 0; turn < OFTEN; turn += 1) {
      const work = inTransaction(db, (transaction) => query(transaction, 'SELECT 10 / ?::int AS part', [turn % 2]))
      if (turn % 2 === 0) await assert.rejects(work, { code: '22012' })
      else assert.deepEqual(await work, [{ part: 10 }])
    }
    assert.equal((await prepared(db)).length, 1)
  })

  it('is not prepared where somebody in between answers for PostgreSQL: the number of the process is another', async () => {
    const pooler = await startPooler(on.url)
    try {
      const db = pool(1, pooler.url)
      await askOften(db, 2 * OFTEN)
      assert.deepEqual(await prepared(db), [])
    } finally {
      await pooler.stop()
    }
  })

  // Fails where the error is taken for a bug, and where a connection that was told so is used again.
  for (const [what, spoil] of [
    ['gone, as behind a pooler that looks like PostgreSQL', 'DEALLOCATE ALL'],
    ['there already', "DEALLOCATE ALL; PREPARE often_0 AS SELECT 'of somebody else'"],
  ] as const) {
    it(`that is ${what} is asked again without a name, and so is every other from then on`, async () => {
      const db = pool(1)
      await askOften(db)
      // The driver does not know it prepared once its connection is another one.
      if (spoil.includes('PREPARE')) {
        await query(db, 'SELECT pg_terminate_backend(pg_backend_pid())').catch(() => {})
        await query(db, spoil)
      } else await query(db, spoil)
      await askOften(db)
      assert.deepEqual(await prepared(db), [])
    })
  }

  // Fails with 0A000, "cached plan must not change result type", where a connection keeps what it prepared before a migration; the first alone does
  // where another try meets another such connection.
  it('returns what a migration made of its table, to the first who asks and to many at once, in transactions and outside', async () => {
    const db = pool(5)
    await on.rows('CREATE TABLE moved AS SELECT * FROM things')
    const ask = (id: number) => query(db, 'SELECT * FROM moved WHERE id = ?', [id])
    const change = (id: number) =>
      inTransaction(db, (transaction) =>
        query(transaction, 'UPDATE moved SET name = name WHERE id = ? RETURNING *', [id]),
      )
    const all = () => Promise.all(Array.from({ length: 5 }, (_, index) => [ask(index + 1), change(index + 1)]).flat())
    for (let turn = 0; turn < OFTEN; turn += 1) await all()
    await on.rows("ALTER TABLE moved ADD COLUMN colour text NOT NULL DEFAULT 'green'")
    for (const rows of [await ask(1), ...(await all())])
      assert.equal((rows as { colour?: string }[])[0]?.colour, 'green')
  })

  it('has a name that no other has, and there are a hundred names at the most', () => {
    const nameOf = nameThoseAskedOften()
    const names = new Map<string, string>()
    for (let turn = 0; turn < OFTEN; turn += 1) {
      for (let text = 0; text < 150; text += 1) {
        const name = nameOf(`SELECT ${text}`)
        if (name === undefined) continue
        assert.equal(names.get(name) ?? `SELECT ${text}`, `SELECT ${text}`)
        names.set(name, `SELECT ${text}`)
      }
    }
    assert.equal(names.size, 100)
  })

  it('is still known after thousands of others that were asked once', () => {
    const nameOf = nameThoseAskedOften()
    for (let turn = 0; turn < OFTEN; turn += 1) nameOf(THING)
    for (let text = 0; text < 10_000; text += 1) assert.equal(nameOf(`SELECT ${text}`), undefined)
    assert.equal(nameOf(THING), 'often_0')
  })
})

/** A pooler as far as the driver can see: whoever connects is told a number that no process of PostgreSQL's has. */
async function startPooler(databaseUrl: string): Promise<{ url: string; stop(): Promise<void> }> {
  const url = new URL(databaseUrl)
  const target = Number(url.port)
  const sockets = new Set<Socket>()
  const server: Server = createServer((client) => {
    const upstream = dial(target, url.hostname)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    client.pipe(upstream)
    upstream.once('data', function greet(chunk: Buffer) {
      // BackendKeyData (PostgreSQL's documentation, 54.7): K, a length of 12, the number, the key.
      const at = chunk.indexOf('K\0\0\0\x0c', 0, 'latin1')
      if (at === -1) upstream.once('data', greet)
      else chunk.writeInt32BE(chunk.readInt32BE(at + 5) + 1, at + 5)
      client.write(chunk)
      if (at !== -1) upstream.pipe(client)
    })
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
