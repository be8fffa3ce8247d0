// What is published in one process is on the pages of another within seconds, without a restart: the built program beside this one, on one database.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { connect, type Pool } from '../src/db/connect.ts'
import { readBeneath } from '../src/themes/beneath.ts'
import { publish, rollBack, saveDraft } from '../src/themes/publish.ts'
import { createPublished, type Published } from '../src/themes/published.ts'
import { changed, NORTHERN } from './support/appearances.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { OURS } from './support/themes.ts'

/** Each process looks every five seconds. */
const SOON_MS = 8_000
const OPERATOR = { name: 'grace' }

describe('another process', () => {
  let fleet: Fleet
  let db: Pool
  let appearance: Published
  before(async () => {
    fleet = await startFleet({ servers: 1 })
    db = connect({ url: fleet.databaseUrl, poolMax: 2, ssl: false, onError: () => {} })
    appearance = createPublished(db, readBeneath(OURS, undefined), pino({ level: 'silent' }))
  })
  after(async () => {
    await db?.destroy()
    await fleet?.stop()
  })

  const here = () => ({ db, appearance, now: () => new Date() })
  const pageThere = async () => (await fetch(`${fleet.url}/nowhere`)).text()

  /** How long until a page there says so. */
  async function untilThere(isSo: (html: string) => boolean): Promise<number> {
    const start = performance.now()
    while (!isSo(await pageThere())) {
      assert.ok(performance.now() - start < SOON_MS, 'it is not on the pages of the other process')
      await sleep(100)
    }
    return performance.now() - start
  }

  async function putInUse(given: typeof NORTHERN): Promise<number> {
    const saved = await saveDraft(here(), { version: 0, appearance: given }, OPERATOR)
    assert.ok(saved.kind === 'saved')
    const published = await publish(here(), { version: saved.version, note: '', useAnyway: false }, OPERATOR)
    assert.ok(published.kind === 'published')
    return published.id
  }

  const words = (title: string) => ({ en: { 'page.missing.title': title } })

  it('shows tokens, words and the logo that were published, and those before when it is rolled back', async () => {
    const plain = await pageThere()
    const first = await putInUse({ ...NORTHERN, words: words('Nothing to see') })
    await untilThere((html) => html.includes('Nothing to see'))
    const html = await pageThere()
    const { stylesheets, logo } = appearance.look()
    for (const [address, type, policy] of [
      [stylesheets[1], 'text/css; charset=utf-8', /^default-src 'none';/],
      [logo, 'image/svg+xml', /^default-src 'none'; sandbox$/],
    ] as const) {
      assert.ok(html.includes(`"${address}"`), address)
      const { status, headers } = await fetch(`${fleet.url}${address}`)
      assert.deepEqual([status, headers.get('content-type')], [200, type])
      assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.match(headers.get('content-security-policy') ?? '', policy)
    }
    await putInUse({ tokens: { light: {}, dark: {} }, words: words('Look elsewhere') })
    await untilThere((page) => page.includes('Look elsewhere') && page.includes('/public/logo.svg'))
    assert.equal((await rollBack(here(), { id: first, note: '' }, OPERATOR)).kind, 'published')
    await untilThere((page) => page.includes('Nothing to see') && page.includes(logo))
    assert.doesNotMatch(plain, /Nothing to see|\/appearance\//)
  })

  it('has the files of what was published a moment ago before its pages show it', async () => {
    const radius = `${Math.ceil(Math.random() * 1_000)}.5px`
    await putInUse(changed({ tokens: { light: { radius }, dark: {} } }) as typeof NORTHERN)
    const answer = await fetch(`${fleet.url}${appearance.look().stylesheets[1]}`)
    assert.equal(answer.status, 200)
    assert.ok((await answer.text()).includes(radius))
    for (const name of [
      '/appearance/aaaaaaaaaaaaaaaa.css',
      '/appearance/',
      '/appearance/..%2fstyle.css',
      '/appearance/%00',
    ])
      assert.equal((await fetch(`${fleet.url}${name}`)).status, 404, name)
  })
})
