// Letters of the whole product: sent by itself when it runs, finished when it stops, and sent again when it was killed over one.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { queueMail } from '../src/db/mails.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { startProduct } from './support/product.ts'
import type { Scene } from './support/scene.ts'
import { openSmtpSink, type SmtpSink } from './support/smtp.ts'

const ADDRESS = 'canary.asha@acme.example'

/** Somebody with an address that was checked. */
async function person(scene: Pick<Scene, 'rows'>): Promise<string> {
  const id = randomUUID()
  await scene.rows(`INSERT INTO users (id, store, username, username_canonical) VALUES ($1, 'PRIMARY', $2, $2)`, [
    id,
    id,
  ])
  await scene.rows(
    `INSERT INTO user_attributes (user_id, name, value, verified, origin) VALUES ($1, 'email', $2, true, 'person')`,
    [id, JSON.stringify(ADDRESS)],
  )
  return id
}

describe('the product', () => {
  it('sends what waits by itself within seconds, finishes a letter when it stops, and writes nothing of whose it is', async () => {
    let release: (() => void) | undefined
    const sink = await openSmtpSink({ onLetter: () => new Promise((resolve) => (release = resolve)) })
    const product = await startProduct({ smtpUrl: sink.url })
    try {
      const { db, house } = product.running
      await queueMail(db, house, { userId: await person(product), kind: 'password-set', language: 'de' })
      const [letter] = await sink.arrived(1)
      assert.deepEqual(
        [letter?.recipients, letter?.subject],
        [[ADDRESS], 'Ihr Konto bei Northwind hat jetzt ein Passwort'],
      )
      const stopped = product.running.stop()
      release?.()
      await stopped
      assert.deepEqual(await product.rows('SELECT 1 FROM mails'), [])
      assert.ok(product.log.some((line) => JSON.parse(line).msg === 'letter sent'))
      assert.doesNotMatch(product.log.join(), /canary|127\.0\.0\.1:\d+@/)
    } finally {
      await product.stop()
      await sink.close()
    }
  })

  it('without SMTP_URL writes no letters', async () => {
    const product = await startProduct()
    try {
      const { db, house } = product.running
      assert.equal(house.postman, undefined)
      await queueMail(db, house, { userId: await person(product), kind: 'password-set', language: 'de' })
      assert.deepEqual(await product.rows('SELECT 1 FROM mails'), [])
    } finally {
      await product.stop()
    }
  })
})

describe('a process that is killed', () => {
  let fleet: Fleet | undefined
  let sink: SmtpSink | undefined
  after(async () => {
    await fleet?.stop()
    await sink?.close()
  })

  it('over a letter leaves it to the next, which says that it may be the second copy', async () => {
    let killed: Promise<unknown> | undefined
    // Handed over, and the word of it never heard.
    sink = await openSmtpSink({
      async onLetter() {
        const [server] = fleet?.servers ?? []
        if (server && !killed) killed = fleet?.end(server, 'SIGKILL')
        await killed
      },
    })
    fleet = await startFleet({ servers: 1, modes: ['silent'], env: { SMTP_URL: sink.url } })
    await fleet.rows(
      `INSERT INTO mails (id, user_id, kind, language, facts, next_at, created_at)
       VALUES ($1, $2, 'password-changed', 'en', '{}', now(), now())`,
      [randomUUID(), await person(fleet)],
    )
    await sink.arrived(1)
    await killed
    const [left] = await fleet.rows<{ attempts: number; wait: number }>(
      'SELECT attempts, extract(epoch FROM next_at - now())::int AS wait FROM mails',
    )
    assert.equal(left?.attempts, 1)
    assert.ok(left.wait > 240 && left.wait <= 300, `${left.wait} s`)
    const next = await fleet.start()
    await fleet.rows('UPDATE mails SET next_at = now()')
    const [first, second] = await sink.arrived(2)
    assert.equal(first?.headers['message-id'], second?.headers['message-id'])
    assert.deepEqual(await next.end('SIGTERM'), { code: 0, signal: null })
    assert.match(next.output(), /letter sent, perhaps for the second time/)
    assert.deepEqual(await fleet.rows('SELECT 1 FROM mails'), [])
    assert.doesNotMatch(next.output(), /canary/)
  })
})
