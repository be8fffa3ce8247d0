// What a flood leaves behind, and whom it keeps waiting: rows, hashes, places in line, connections. The long form with larger numbers is soak/floods.ts.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { sweep } from '../src/db/sweep.ts'
import { HashingBusy } from '../src/stores/hashing-queue.ts'
import { openBrowser } from './support/browser.ts'
import {
  addressesWithoutFlow,
  atLogin,
  authorizationRequest,
  hashesDuring,
  inParallel,
  rowsOfTables,
  type SlowSender,
  sendSlowly,
  signInLocally,
  slowBeginnings,
} from './support/floods.ts'
import { PASSWORD } from './support/people.ts'
import { type Product, startProduct } from './support/product.ts'
import { arrive, fillRegister, messagesOf, send, signedInAt, stranger } from './support/road.ts'
import { until } from './support/until.ts'

const MINUTE = 60_000
const WRONG = 'not the password of anybody'
const newName = () => `n${randomBytes(6).toString('hex')}`

describe('a flood', () => {
  let product: Product
  let slow: SlowSender[]
  before(async () => {
    product = await startProduct({ modes: ['silent', 'username'], hashing: 'full' })
    // They are there all the time, so that everything below happens in spite of them.
    const { headers, body } = slowBeginnings(product)
    slow = await Promise.all(
      [headers, body].flatMap((beginning) => Array.from({ length: 50 }, () => sendSlowly(product.port, beginning))),
    )
  })
  after(async () => {
    for (const { socket } of slow) socket.destroy()
    await product.stop()
  })
  beforeEach(() => product.rows('DELETE FROM brakes'))

  it('of looks without a cookie, at every address that starts no sign-in, leaves no row and hashes no password', async () => {
    const addresses = Array.from({ length: 10 }, () => addressesWithoutFlow(product)).flat()
    const rows = await rowsOfTables(product)
    const hashes = await hashesDuring(product, async () => {
      const statuses = await inParallel(10, addresses, async (address) => {
        const response = await fetch(product.url + address, { redirect: 'manual' })
        await response.arrayBuffer()
        return response.status
      })
      assert.deepEqual(
        statuses.filter((status) => status >= 500),
        [],
      )
    })
    assert.deepEqual(await rowsOfTables(product), rows)
    assert.equal(hashes, 0)
  })

  it('of a browser whose session is long over leaves no row either, and signing out of nothing leads on', async () => {
    const browser = openBrowser()
    signedInAt(product.application, await arrive(product, browser, 'silent', stranger(product)))
    await product.rows("DELETE FROM oidc_records WHERE model = 'Session'")
    const rows = await rowsOfTables(product)
    const bye = `${product.application.url}/bye`
    const leave = new URLSearchParams({ client_id: 'travel', post_logout_redirect_uri: bye, state: 'kept' })
    for (const visitor of [browser, openBrowser()]) {
      for (let count = 0; count < 5; count += 1) {
        await visitor.fetch(product.url + authorizationRequest(product, { prompt: 'none' }))
        assert.match((await visitor.open(`${product.url}/oidc/logout`)).text, /You have signed out/)
        assert.equal((await visitor.open(`${product.url}/oidc/logout?${leave}`)).url, `${bye}?state=kept`)
      }
    }
    assert.deepEqual(await rowsOfTables(product), rows)
    signedInAt(product.application, await arrive(product, browser, 'silent', stranger(product)))
  })

  it('of sign-ins that are only started leaves two rows for each, no larger than what was asked, which go when they expire', async () => {
    const rows = await rowsOfTables(product)
    // As long as an address may be: Node reads 16 kB of headers and not more.
    const long = { state: 's'.repeat(7_000), nonce: 'n'.repeat(7_000) }
    const starts = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? {} : long))
    const statuses = await inParallel(10, starts, async (changes) => {
      const response = await fetch(product.url + authorizationRequest(product, changes), { redirect: 'manual' })
      await response.arrayBuffer()
      return response.status
    })
    assert.deepEqual(new Set(statuses), new Set([303]))
    const now = await rowsOfTables(product)
    assert.deepEqual(now, {
      ...rows,
      flows: (rows['flows'] ?? 0) + starts.length,
      oidc_records: (rows['oidc_records'] ?? 0) + starts.length,
    })
    const tooLong = authorizationRequest(product, { state: 's'.repeat(17_000) })
    assert.equal((await fetch(product.url + tooLong, { redirect: 'manual' })).status, 431)
    const [largest] = await product.rows<{ flow: number; record: number }>(
      `SELECT (SELECT max(pg_column_size(f.*)) FROM flows f) AS flow,
         (SELECT max(pg_column_size(r.*)) FROM oidc_records r) AS record`,
    )
    assert.ok(largest && largest.flow < 2_000 && largest.record < 32_000, JSON.stringify(largest))
    assert.deepEqual(await rowsOfTables(product), now)

    await sweep(product.running.db, new Date(product.clock.now.getTime() + 41 * MINUTE))
    const { flows, oidc_records: records } = await rowsOfTables(product)
    assert.equal(flows, 0)
    const [left] = await product.rows<{ count: number }>(
      "SELECT count(*)::int AS count FROM oidc_records WHERE model = 'Interaction'",
    )
    assert.equal(left?.count, 0)
    assert.ok(records !== undefined && records <= (rows['oidc_records'] ?? 0))
  })

  it('of password forms without a sign-in of their own hashes nothing', async () => {
    const prompt = await arrive(product, openBrowser(), 'username', stranger(product))
    const mine = openBrowser()
    const declined = await arrive(product, mine, 'username', stranger(product))
    const { browser, login } = await atLogin(product, '203.0.113.1')
    const forms = [
      login.fill({ username: newName(), password: PASSWORD }).submission('Sign in'),
      fillRegister(prompt, newName()).submission('Create account'),
    ]
    const over = fillRegister(declined, newName()).submission('Create account')
    await declined.press('Do not create an account')
    const madeUp = (fields: URLSearchParams, name: string, value: string) => {
      const changed = new URLSearchParams(fields)
      changed.set(name, value)
      return changed
    }
    const answers: Record<string, () => Promise<Response>[]> = {
      'without a cookie': () => forms.map((form) => send(openBrowser(), form)),
      "with another browser's cookie": () => forms.map((form) => send(mine, form)),
      'of a flow that does not exist': () =>
        forms.map(({ url, fields }) =>
          send(browser, { url, fields: madeUp(fields, 'sessionDataKey', 'A'.repeat(24)) }),
        ),
      'with a made-up token': () =>
        forms.slice(0, 1).map(({ url, fields }) => send(browser, { url, fields: madeUp(fields, '_csrf', 'made-up') })),
      'from another site': () =>
        forms.slice(0, 1).map((form) => send(browser, form, { headers: { Origin: 'https://evil.example' } })),
      'of a flow that is over': () => [send(mine, over)],
    }
    const rows = await rowsOfTables(product)
    const hashes = await hashesDuring(product, async () => {
      for (const [what, ask] of Object.entries(answers)) {
        const responses = await Promise.all(Array.from({ length: 12 }, ask).flat())
        for (const response of responses) {
          await response.arrayBuffer()
          const expected = what === 'of a flow that is over' ? [303] : [403, 404]
          assert.ok(expected.includes(response.status), `${what}: ${response.status}`)
        }
      }
    })
    assert.equal(hashes, 0)
    assert.deepEqual(await rowsOfTables(product), rows)
  })

  it('of passwords from a few addresses turns those away with 503 and Retry-After, and nobody else', async () => {
    const people = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => ({
        username: await newUser(),
        at: await atLogin(product, `198.51.100.${index}`),
      })),
    )
    const flooders = await Promise.all(Array.from({ length: 3 }, () => atLogin(product, '203.0.113.1')))
    await duringFlood(['203.0.113.1', '203.0.113.2', '203.0.113.3'], async () => {
      // All places are taken, whatever the machine does meanwhile. Negative control: with one line for all of them (one key in
      // hashing-queue.ts) people are turned away too.
      const statuses = await Promise.all(
        people.map(async ({ username, at }) => {
          const { status, headers } = await signInLocally(at, { username, password: PASSWORD })
          return [status, headers.get('location')?.startsWith('/commonauth')]
        }),
      )
      assert.deepEqual(
        statuses,
        people.map(() => [303, true]),
      )
      assert.equal((await fetch(`${product.url}/livez`)).status, 200)
    })
    await duringFlood(['203.0.113.1'], async () => {
      for (const flooder of flooders) {
        const response = await signInLocally(flooder, { username: newName(), password: WRONG })
        assert.equal(response.status, 503)
        assert.equal(response.headers.get('retry-after'), '1')
        assert.deepEqual(messagesOf(await response.text()), ['BUSY'])
      }
    })
    assert.deepEqual(await product.rows('SELECT 1 FROM brakes WHERE points > 0'), [], 'that was no failure of anybody')
    const [flooder] = flooders
    assert.equal(flooder && (await signInLocally(flooder, { username: newName(), password: WRONG })).status, 422)
  })

  it('from one line is counted as one client, whatever it says of itself, and in IPv6 by its network', async () => {
    const lines: [own: string, others: string][] = [
      ['203.0.113.7', '203.0.113.8'],
      ['2001:db8:7:1:%', '2001:db8:7:2::1'],
    ]
    for (const [own, others] of lines) {
      const at = await atLogin(product, own)
      const random = () => randomBytes(2).toString('hex')
      const come = () => {
        const seen = own.replace('%', `${random()}:${random()}:${random()}:${random()}`)
        // What the client made up comes first; the router adds what it saw.
        at.headers['X-Forwarded-For'] = [`10.${[...randomBytes(3)].join('.')}`, `2001:db8:${random()}::1`, seen].join(
          ', ',
        )
      }
      const statuses: number[] = []
      for (let count = 0; count < 31; count += 1) {
        come()
        statuses.push((await signInLocally(at, { username: newName(), password: WRONG })).status)
      }
      assert.deepEqual(statuses, [...Array.from({ length: 30 }, () => 422), 429], own)
      const other = await atLogin(product, others)
      assert.equal((await signInLocally(other, { username: newName(), password: WRONG })).status, 422, others)
    }
  })

  it('of bytes is cut off before it is read: 10 MB, 100 MB, no end, thousands of fields, compressed', async () => {
    const form = 'Content-Type: application/x-www-form-urlencoded'
    const part = `username=${'x'.repeat(200_000)}`
    const chunk = `${part.length.toString(16)}\r\n${part}\r\n`
    const packed = (encoding: string, body: Buffer) => [
      `${form}\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${body.length}`,
      body,
    ]
    const large = Buffer.from(`username=${'x'.repeat(20_000_000)}`)
    const bodies: Record<string, (string | Buffer)[]> = {
      '10 MB': [`${form}\r\nContent-Length: 10000000`, part],
      '100 MB': [`${form}\r\nContent-Length: 100000000`, part],
      'no end': [`${form}\r\nTransfer-Encoding: chunked`, chunk],
      'a hundred thousand fields': [`${form}\r\nContent-Length: 600000`, 'a[]=1&'.repeat(100_000)],
      'fields within fields': [`${form}\r\nContent-Length: 2999`, `${'a[b]'.repeat(749)}=1&`],
      gzip: packed('gzip', gzipSync(large)),
      deflate: packed('deflate', deflateSync(large)),
      br: packed('br', brotliCompressSync(large, { params: {} })),
    }
    const addresses = [
      ...[
        '/authenticationendpoint/login.do',
        '/accountrecoveryendpoint/register.do',
        '/accountrecoveryendpoint/signup.do',
      ],
      ...['/accountrecoveryendpoint/username-status', '/oauth2/token', '/oidc/logout', '/oauth2/authorize', '/nowhere'],
    ]
    const rows = await rowsOfTables(product)
    const memory = process.memoryUsage().rss
    for (const address of addresses) {
      for (const [what, [head = '', body = '']] of Object.entries(bodies)) {
        const { status } = await answerTo(
          `POST ${address} HTTP/1.1\r\nHost: ${new URL(product.url).host}\r\n${head}\r\n\r\n`,
          body,
        )
        assert.ok(status >= 400 && status < 500, `${what} to ${address}: ${status}`)
        if (address.endsWith('.do')) assert.ok([404, 413, 415].includes(status), `${what} to ${address}: ${status}`)
      }
    }
    assert.deepEqual(await rowsOfTables(product), rows)
    // A single body unpacked is 20 MB of text, 40 in memory, and there were 24.
    const grown = (process.memoryUsage().rss - memory) / 1_000_000
    assert.ok(grown < 400, `${grown} MB more`)
  })

  it('of slow senders is cut off within the limits of headers and forms, and people were served all the while', async () => {
    signedInAt(product.application, await arrive(product, openBrowser(), 'silent', stranger(product)))
    const times = await Promise.all(slow.map(({ ended }) => ended))
    for (const [index, { heard }] of slow.entries()) {
      const [least, most] = index < 50 ? [9_000, 30_000] : [11_000, 35_000]
      const time = times[index] ?? 0
      assert.ok(time > least && time < most, `${time} ms`)
      assert.match(heard(), /^HTTP\/1\.1 408 /)
    }
  })

  /** Somebody who has a password: their username. */
  async function newUser(): Promise<string> {
    const username = newName()
    const prompt = await arrive(product, openBrowser(), 'username', stranger(product))
    assert.equal((await fillRegister(prompt, username).press('Create account')).status, 200)
    return username
  }

  /**
   * Runs `work` while these clients have more passwords looked at than there is room for. Whoever is served asks again at once, and
   * whoever is turned away soon, so that all places are taken all the time.
   */
  async function duringFlood(clients: string[], work: () => Promise<void>): Promise<void> {
    const { passwords } = product.running.house
    let isOver = false
    let turnedAway = 0
    const all = Promise.all(
      Array.from({ length: 120 }, async (_, index) => {
        while (!isOver) {
          try {
            const client = clients[index % clients.length] ?? ''
            await passwords.inTurn(client, (matches) => matches(undefined, WRONG))
          } catch (error) {
            assert.ok(error instanceof HashingBusy)
            turnedAway += 1
            await sleep(5)
          }
        }
      }),
    )
    try {
      await until(() => turnedAway > 0)
      await work()
    } finally {
      isOver = true
      await all
    }
  }

  /** Sends as much as is there and waits for the answer; what else was announced never comes. */
  async function answerTo(head: string, body: string | Buffer): Promise<{ status: number }> {
    const socket = connect(product.port, '127.0.0.1').on('error', () => {})
    try {
      await once(socket, 'connect')
      socket.write(head)
      socket.write(body)
      const [answer] = (await once(socket, 'data')) as [Buffer]
      return { status: Number(answer.toString('latin1').split(' ')[1]) }
    } finally {
      socket.destroy()
    }
  }
})
