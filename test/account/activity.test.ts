// Activity: a person's sign-ins and what they did, in words, newest first, and nobody else's.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import { type Newcomer, newcomer, visit } from '../support/visits.ts'

const DAY = 86_400_000

describe('Activity', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['consent', 'password'] })
  })
  after(() => product.stop())

  /** What happened, as the page says it, in its order. */
  function linesOn({ html }: Page): string[] {
    return [...html.matchAll(/<li class="detail">\n<div>\n<p>([^<]*)<\/p>/g)].map(([, line = '']) => line)
  }

  async function joined(): Promise<{ id: string; person: Newcomer; browser: Browser }> {
    const person = newcomer()
    const browser = openBrowser()
    const id = await join(product, 'consent', person, { ticks: ['recover:email', 'office:department'] })
    await enterAccount(product, 'consent', person, { browser })
    return { id, person, browser }
  }

  const activity = (browser: Browser, query = '') => browser.open(`${product.url}/myaccount/activity${query}`)

  it('tells in words what happened, with the code that people quote, newest first', async () => {
    const { person, browser } = await joined()
    const step = () => (product.clock.now = new Date(product.clock.now.getTime() + 1000))
    step()
    const stopped = await (await browser.open(`${product.url}/myaccount/privacy`)).press('Stop and delete Department')
    step()
    const allowed = await stopped.press('Allow Mobile number')
    assert.equal(allowed.status, 200)
    step()
    const edit = await (await browser.open(`${product.url}/myaccount`)).click('Change Email address')
    await edit.fill({ value: 'mine@home.example' }).press('Save')
    step()
    await visit(product, 'consent', person)
    const page = await activity(browser)
    assert.deepEqual(linesOn(page), [
      'You signed in to Travel with Acme consent',
      'You changed your email address',
      'You agreed that we keep your mobile number for: Recover your account',
      'You stopped that we keep your department for: Show you the right office',
      'You signed in to Northwind with Acme consent',
      'You joined with Acme consent',
    ])
    assert.match(page.text, /Sign-ins and changes of the last 90 days/)
    const codes = await product.rows<{ code: string }>(
      'SELECT code FROM audit_events WHERE user_id = (SELECT user_id FROM identities WHERE subject = $1)',
      [person.sub],
    )
    assert.equal(codes.length, 3)
    for (const { code } of codes) assert.ok(page.text.includes(code), code)
    assert.ok(!page.html.includes('mine@home.example'))
  })

  it('tells of sign-ins with a password, and of a proof', async () => {
    const person = newcomer()
    const browser = openBrowser()
    await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    await enterWithPassword(product, person.preferred_username, PASSWORD, { browser })
    product.clock.now = new Date(product.clock.now.getTime() + 1000)
    product.idp.signInAs = person.sub
    await (await browser.open(`${product.url}/myaccount/confirm`)).click('Sign in again with Acme password')
    const lines = linesOn(await activity(browser))
    assert.deepEqual(lines, [
      'You confirmed that it is you',
      'You signed in to Northwind with your password',
      'You joined with Acme password',
    ])
  })

  it('tells of sign-ins by an identity provider that was deleted without its name, in a whole sentence', async () => {
    const person = newcomer()
    const id = await join(product, 'password', person, { ticks: ['recover:email'], password: PASSWORD })
    await enterAccount(product, 'password', person)
    product.clock.now = new Date(product.clock.now.getTime() + 1000)
    await visit(product, 'password', person)
    await product.rows(`UPDATE audit_events SET idp_id = gen_random_uuid() WHERE user_id = $1`, [id])
    product.clock.now = new Date(product.clock.now.getTime() + 1000)
    const page = await enterWithPassword(product, person.preferred_username, PASSWORD, { to: '/activity' })
    assert.deepEqual(linesOn(page), [
      'You signed in to Northwind with your password',
      'You signed in to Travel',
      'You signed in to Northwind',
      'You joined',
    ])
  })

  it('goes on page by page and shows each line once, also where many have one moment', async () => {
    const { id, browser } = await joined()
    await product.rows(
      `INSERT INTO account_events (user_id, event, detail, created_at)
       SELECT $1, 'attribute-changed', jsonb_build_object('attribute', 'Detail ' || n), $2 FROM generate_series(1, 60) n`,
      [id, product.clock.now],
    )
    const seen: string[] = []
    let page = await activity(browser)
    for (let turns = 1; ; turns += 1) {
      seen.push(...linesOn(page))
      if (!page.text.includes('Older')) break
      assert.ok(turns < 5)
      page = await page.click('Older')
    }
    assert.equal(seen.length, 62)
    assert.equal(new Set(seen).size, 62)
    assert.equal(linesOn(await page.click('Newest'))[0], seen[0])
  })

  it('shows nobody else’s, nothing that is older than it says, and nothing for an address that somebody made up', async () => {
    const { id, browser, person } = await joined()
    const other = await joined()
    assert.ok(!(await activity(browser)).text.includes(other.person.preferred_username))
    await product.rows('UPDATE audit_events SET created_at = $2 WHERE user_id = $1', [
      id,
      new Date(product.clock.now.getTime() - 91 * DAY),
    ])
    assert.match((await activity(browser)).text, /Nothing happened/)
    for (const before of ['x', '1', "1.a.1'", '-1.a.1', '99999999999999999999.a.1', '1.z.1', '999999999999999.s.1'])
      assert.equal((await activity(browser, `?${new URLSearchParams({ before })}`)).status, 200, before)
    assert.equal((await activity(browser, '?before=1.a.1&before=1.a.2')).status, 200)
    assert.ok(person)
  })

  it('leaves out what the person cannot know', async () => {
    const { id, browser } = await joined()
    await product.rows(
      `INSERT INTO account_events (user_id, event, detail, created_at) VALUES ($1, 'something-new', '{}', $2)`,
      [id, product.clock.now],
    )
    const page = await activity(browser)
    assert.equal(linesOn(page).length, 2)
    assert.doesNotMatch(page.html, /something-new|verdict|facts/)
  })
})
