// What the script adds to the prompts, against the whole product: while somebody types, waits, makes mistakes or comes back; and that nothing is lost without it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import pg from 'pg'
import type { Page } from 'playwright-core'
import { faultsOf } from '../support/axe.ts'
import { type Chromium, type ChromiumOptions, openChromium } from '../support/chromium.ts'
import { startCookielessProxy } from '../support/cookieless-proxy.ts'
import { looksOf } from '../support/looks.ts'
import { ada, PASSWORD } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'

const FLOW_MINUTES = 30
const STATUS = '#username-status'
/** What is left of the page's time when a test comes back to it: the question comes at half of it. */
const LEFT_MS = 8_000
const CREATE = { name: 'Create account', exact: true }

let product: Product

describe('the prompts in Chromium, with their script', () => {
  before(async () => {
    product = await startProduct({
      modes: ['username'],
      flowMinutes: FLOW_MINUTES,
      change: (declared) => ({
        ...declared,
        organization: { ...declared.organization, email: 'help@northwind.example' },
      }),
    })
  })
  after(() => product.stop())

  describe('while a username is typed', () => {
    it('the page says that it is checking, then what came of it; never in red, and the focus stays where it is', async () => {
      newPerson('typist')
      await atPrompt(async (page) => {
        await page.evaluate(`
        said = []
        new MutationObserver(() => said.push([performance.now(), document.querySelector('${STATUS}').textContent]))
          .observe(document.querySelector('${STATUS}'), { childList: true })
        addEventListener('input', (event) => { typedAt = event.timeStamp })`)
        await retype(page, 'asha.typed')
        await statusIs(page, '"asha.typed" is free')
        const [said, typedAt, asked] = await page.evaluate<[[number, string][], number, number[]]>(
          `[said, typedAt, performance.getEntriesByName(location.origin + '/accountrecoveryendpoint/username-status').map((one) => one.startTime)]`,
        )
        assert.deepEqual(
          said.map(([, word]) => word),
          ['Checking…', '"asha.typed" is free'],
        )
        assert.ok((said[0]?.[0] ?? 0) - typedAt >= 250)
        assert.equal(asked.length, 1)
        assert.ok((asked[0] ?? 0) - typedAt >= 500)
        assert.equal(await page.evaluate('document.activeElement.id'), 'username')

        await retype(page, 'typist')
        assert.equal(await page.locator(STATUS).textContent(), '', 'the name that the page came with')
        for (const [name, word] of [
          ['ab', 'Too short for a username'],
          ['a'.repeat(51), 'Too long for a username'],
          ['a/b/c', '"a/b/c" cannot be used'],
          ['<i>&{name}$&', '"<i>&{name}$&" is free'],
        ] as const) {
          await retype(page, name)
          await statusIs(page, word)
        }
        assert.deepEqual(await faultsOf(page), [])
      })
    })

    it('a name that somebody has is told to be taken, and can be sent all the same: then the form says so', async () => {
      newPerson('owner')
      await atPrompt(async (page) => finish(page))
      newPerson('wanter')
      await atPrompt(async (page) => {
        await retype(page, 'OWNER')
        await statusIs(page, '"OWNER" is taken')
        assert.equal(await page.locator('.error').count(), 0)
        await page.getByLabel('Create a password').press('Enter')
        await page.locator('#username-error[data-msg="USERNAME_TAKEN"]').waitFor()
        await retype(page, 'Owner')
        await statusIs(page, '"Owner" is taken')
        const colour = async (selector: string) => (await looksOf(page, selector))[0]?.style.color
        assert.equal(await colour(STATUS), await colour('#username-hint'))
        assert.notEqual(await colour(STATUS), await colour('#username-error'))
      })
    })

    it('nothing is asked for an empty field, for the name that the page came with, nor twice for one name', async () => {
      newPerson('quiet')
      await atPrompt(async (page) => {
        const asked = requestsTo(page, '/username-status')
        await retype(page, 'another')
        await statusIs(page, '"another" is free')
        assert.deepEqual(asked, ['another'])
        for (const name of ['', ' quiet ', ' another ']) {
          await page.getByLabel('Create a username').fill(name)
          await page.waitForTimeout(600)
          assert.equal(await page.locator(STATUS).textContent(), name.trim() === 'another' ? '"another" is free' : '')
        }
        assert.deepEqual(asked, ['another'])
      })
    })

    it('a question that was typed over is cancelled, and its answer never shown', async () => {
      newPerson('hasty')
      await atPrompt(async (page) => {
        const asked = requestsTo(page, '/username-status')
        await whileHeldUp(async () => {
          await retype(page, 'first.thought')
          await page.waitForRequest(/username-status/)
          const cancelled = page.waitForEvent('requestfailed')
          await retype(page, 'second.thought')
          assert.equal((await cancelled).failure()?.errorText, 'net::ERR_ABORTED')
          await page.waitForRequest(/username-status/)
        })
        await statusIs(page, '"second.thought" is free')
        assert.deepEqual(asked, ['first.thought', 'second.thought'])
      })
    })

    it('a server that does not answer is no news, and one that has been asked too often is left alone', async () => {
      newPerson('curious')
      await atPrompt(async (page, { context }) => {
        const asked = requestsTo(page, '/username-status')
        await context.setOffline(true)
        await retype(page, 'no.network')
        await statusIs(page, 'Checking…')
        await statusIs(page, '')
        await context.setOffline(false)
        await retype(page, 'network.again')
        await statusIs(page, '"network.again" is free')
        // As many as a flow may ask, less the one above.
        await page.evaluate(`(async () => {
        const { _csrf, sessionDataKey } = document.querySelector('form').elements
        for (let time = 1; time < 30; time += 1) {
          const body = new URLSearchParams({ _csrf: _csrf.value, sessionDataKey: sessionDataKey.value, username: 'again' })
          await fetch('/accountrecoveryendpoint/username-status', { method: 'POST', body })
        }
      })()`)
        asked.length = 0
        await retype(page, 'one.too.many')
        const answer = await page.waitForResponse(/username-status/)
        assert.equal(answer.status(), 429)
        await statusIs(page, '')
        await retype(page, 'not.asked.any.more')
        await page.waitForTimeout(600)
        assert.deepEqual(asked, ['one.too.many'])
        await finish(page)
        assert.equal((await usersCalled('not.asked.any.more')).length, 1)
      })
    })
  })

  describe('a password', () => {
    it('can be shown and hidden again by a button that says so, also aloud, and leaves the page hidden', async () => {
      newPerson('reader')
      await atPrompt(async (page) => {
        const field = page.getByLabel('Create a password')
        await field.fill('seen by me alone')
        await page.keyboard.press('Tab')
        const button = page.locator('[aria-controls="new-password"]')
        assert.equal(await page.evaluate(`document.activeElement.getAttribute('aria-controls')`), 'new-password')
        assert.deepEqual(await stateOf(), ['Show password', 'false', 'password', ''])
        await page.keyboard.press('Space')
        assert.deepEqual(await stateOf(), ['Hide password', 'true', 'text', 'Your password is visible'])
        assert.deepEqual(await faultsOf(page), [])
        await page.keyboard.press('Enter')
        assert.deepEqual(await stateOf(), ['Show password', 'false', 'password', 'Your password is hidden'])
        await button.click()
        await page.evaluate(`addEventListener('submit', (event) => {
        event.preventDefault()
        sentAs = document.querySelector('#new-password').type
      })`)
        await page.getByRole('button', CREATE).click()
        assert.equal(await page.evaluate('sentAs'), 'password')

        async function stateOf() {
          const said = page.locator('[aria-controls="new-password"] + [role="status"]')
          return [
            (await button.textContent())?.trim(),
            await button.getAttribute('aria-pressed'),
            await field.getAttribute('type'),
            await said.textContent(),
          ]
        }
      })
    })

    it('can be shown where people sign in as well', async () => {
      newPerson('guest')
      await atPrompt(async (page) => {
        await page.goto(`${product.url}/authenticationendpoint/login.do${new URL(page.url()).search}&choose=1`)
        await page.getByLabel('Password', { exact: true }).fill('mine')
        await page.getByRole('button', { name: 'Show password' }).click()
        assert.equal(await page.locator('#password').getAttribute('type'), 'text')
      })
    })

    it('can be pasted, and filled in by a program', async () => {
      newPerson('paster')
      await atPrompt(async (page) => {
        await retype(page, PASSWORD)
        await page.keyboard.press('ControlOrMeta+A')
        await page.keyboard.press('ControlOrMeta+X')
        await page.getByLabel('Create a password').focus()
        await page.keyboard.press('ControlOrMeta+V')
        assert.equal(await page.getByLabel('Create a password').inputValue(), PASSWORD)
        await page.evaluate(`document.querySelector('#new-password').value = '${PASSWORD}'`)
        await page.getByLabel('Create a username').fill('paster')
        await finish(page)
      })
    })

    it('is typed with a notice that caps lock is on, for as long as it is; on a touch screen without', async () => {
      newPerson('shouter')
      for (const isTouch of [false, true]) {
        const story = async (page: Page) => {
          const words: (string | null)[] = []
          for (const isOn of [false, true, true, false]) {
            // What a keyboard with that key sends; Chromium's protocol has no caps lock.
            await page.locator('#new-password').dispatchEvent('keydown', { key: 'a', modifierCapsLock: isOn })
            words.push(await page.locator('#new-password-status[role="status"]').textContent())
          }
          const notice = isTouch ? '' : 'Caps lock is on'
          assert.deepEqual(words, ['', notice, notice, ''])
        }
        await atPrompt(story, { context: { isMobile: isTouch, hasTouch: isTouch } })
      }
    })
  })

  describe('a form', () => {
    it('that is pressed again within a second is sent once, by a button that stays as it was; after that it is sent again', async () => {
      const name = newPerson('impatient')
      await atPrompt(async (page) => {
        const sent = requestsTo(page, '/register.do')
        await fillIn(page)
        const button = page.getByRole('button', CREATE)
        await button.scrollIntoViewIfNeeded()
        const { x = 0, y = 0 } = (await button.boundingBox()) ?? {}
        await whileHeldUp(async () => {
          // Bare hands: anything cleverer of Playwright would wait for the answer. A button that was disabled would hear none of it.
          await page.mouse.dblclick(x + 9, y + 9)
          await page.keyboard.press('Enter')
          await waitUntil(() => sent.length > 0)
          await page.waitForTimeout(1100)
          assert.equal(sent.length, 1)
          await page.keyboard.press('Enter')
          await waitUntil(() => sent.length === 2)
        })
        await page.locator('#result').waitFor()
        assert.equal((await usersCalled(name)).length, 1)
      })
    })

    it('that comes back by the back button, also from the memory of the browser, can be sent at once', async () => {
      newPerson('returner')
      await atPrompt(async (page) => {
        const sent = requestsTo(page, '/register.do')
        await page.getByRole('button', CREATE).click()
        await page.locator('[data-part="problems"]').waitFor()
        await page.goBack()
        await page.getByRole('button', CREATE).click()
        await page.locator('[data-part="problems"]').waitFor()
        assert.equal(sent.length, 2)
        await page.evaluate(`
        tries = 0
        addEventListener('submit', (event) => {
          if (!event.defaultPrevented) tries += 1
          event.preventDefault()
        })`)
        await page.getByRole('button', CREATE).dblclick()
        assert.equal(await page.evaluate('tries'), 1)
        // Chromium without a window keeps no page in memory; this is what a browser says that does.
        await page.evaluate(`dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`)
        await page.getByRole('button', CREATE).click()
        assert.equal(await page.evaluate('tries'), 2)
      })
    })

    it('is sent whatever goes wrong in the script', async () => {
      const name = newPerson('unlucky')
      await inChromium({}, async (page) => {
        await page.addInitScript(`
        const broken = () => { throw new Error('This browser is broken.') }
        for (const name of ['fetch', 'setTimeout', 'setInterval', 'matchMedia', 'AbortController', 'URLSearchParams']) window[name] = broken
        Intl.DateTimeFormat = broken
        HTMLDialogElement.prototype.showModal = broken
        Storage.prototype.getItem = Storage.prototype.setItem = Storage.prototype.clear = broken
        Element.prototype.after = Element.prototype.querySelector = broken`)
        await enter(page)
        await page.getByLabel('Create a username').fill(`${name}.x`)
        await fillIn(page)
        await page.getByRole('button', CREATE).dblclick()
        await page.locator('#result').waitFor()
        assert.equal((await usersCalled(`${name}.x`)).length, 1)
      })
    })
  })

  describe('shortly before the page closes', { concurrency: true }, () => {
    const pages: Record<string, Chromium> = {}
    const PEOPLE = ['stays', 'waits', 'fails', 'refuses']
    const now = () => product.clock.now.getTime()
    before(async () => {
      for (const who of PEOPLE) {
        newPerson(who)
        const chromium = await openChromium({ javaScript: true })
        pages[who] = chromium
        await enter(chromium.page)
      }
      // The server's clock stands still, so that only the page's own time passes.
      product.clock.now = new Date(now() + FLOW_MINUTES * 60_000 - LEFT_MS)
      await Promise.all(
        Object.values(pages).map(async ({ page }) => {
          await page.reload()
          await page.getByLabel('Create a password').fill(PASSWORD)
          await page.getByRole('checkbox', { name: 'Email address' }).check()
        }),
      )
    })
    after(async () => {
      await Promise.all(Object.values(pages).map((chromium) => chromium.close()))
    })

    it('it asks whether more time is needed; one press, and it stays open for another thirty minutes', async () => {
      const page = pageOf('stays')
      const time = page.locator('[data-part="open-until"] time')
      const [printed, until] = [await time.textContent(), await time.getAttribute('datetime')]
      await page.getByLabel('Create a username').focus()
      await page.getByRole('dialog', { name: 'Do you need more time?' }).waitFor()
      assert.equal(
        await page.locator('#more-time-body').textContent(),
        'This page closes in 1 minute. Nothing is saved yet',
      )
      assert.deepEqual(await faultsOf(page), [])
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').waitFor({ state: 'hidden' })
      assert.equal(await page.evaluate('document.activeElement.id'), 'username')
      const longer = Date.parse((await time.getAttribute('datetime')) ?? '')
      assert.equal(longer, now() + FLOW_MINUTES * 60_000)
      assert.ok(longer > Date.parse(until ?? ''))
      assert.notEqual(await time.textContent(), printed)
      await page.getByRole('button', CREATE).click()
      await page.locator('#result').waitFor()
    })

    it('it takes no answer for an answer: when its time is over nothing that was typed is gone', async () => {
      const page = pageOf('waits')
      await page.getByRole('dialog').waitFor()
      await page.getByRole('dialog').waitFor({ state: 'hidden' })
      assert.equal(await page.getByLabel('Create a username').inputValue(), 'waits')
      assert.equal(await page.getByLabel('Create a password').inputValue(), PASSWORD)
      assert.ok(await page.getByRole('checkbox', { name: 'Email address' }).isChecked())
    })

    it('Escape says no, once and for all', async () => {
      const page = pageOf('refuses')
      await page.getByRole('dialog').waitFor()
      await page.keyboard.press('Escape')
      await page.waitForTimeout(2500)
      assert.equal(await page.getByRole('dialog').count(), 0)
    })

    it('it says so when the page cannot stay open, and lets go', async () => {
      const page = pageOf('fails')
      await page.context().setOffline(true)
      await page.getByRole('dialog').waitFor()
      await page.getByRole('button', { name: 'Stay on this page' }).click()
      await page.getByText('We could not keep this page open longer').waitFor()
      assert.deepEqual(await faultsOf(page), [])
      await page.getByRole('button', { name: 'Close' }).click()
      assert.equal(await page.getByRole('dialog').count(), 0)
      await page.context().setOffline(false)
      await page.getByRole('button', CREATE).click()
      await page.locator('#result').waitFor()
    })

    function pageOf(who: string): Page {
      const chromium = pages[who]
      assert.ok(chromium)
      return chromium.page
    }
  })

  describe('what was typed and ticked', () => {
    it('is there again when the page has expired and was started again in the same tab; the password is not', async () => {
      const name = newPerson('late')
      await atPrompt(async (page, { context }) => {
        await retype(page, 'late.but.here')
        await page.getByRole('checkbox', { name: 'Email address' }).check()
        await page.getByLabel('Create a password').fill(PASSWORD)
        const kept = await keptIn(page)
        assert.ok(kept.includes('late.but.here') && !kept.includes(PASSWORD), kept)

        product.clock.now = new Date(product.clock.now.getTime() + (FLOW_MINUTES + 1) * 60_000)
        await page.getByRole('button', CREATE).click()
        await page.locator('h1[data-msg="EXPIRED"]').waitFor()
        await page.getByRole('link', { name: 'Start again with Acme username' }).click()
        await page.locator('h1', { hasText: 'Create your Travel account' }).waitFor()
        assert.equal(await page.getByLabel('Create a username').inputValue(), 'late.but.here')
        assert.deepEqual(await ticksOn(page), ['recover:email'])
        assert.equal(await page.getByLabel('Create a password').inputValue(), '')
        await statusIs(page, '"late.but.here" is free')

        const other = await context.newPage()
        await enter(other)
        assert.equal(await other.getByLabel('Create a username').inputValue(), name, 'another tab')
        assert.deepEqual(await ticksOn(other), [])

        newPerson('somebody.else')
        await enter(page)
        assert.equal(await page.getByLabel('Create a username').inputValue(), 'somebody.else')
        assert.deepEqual(await ticksOn(page), [])
        assert.ok(!(await keptIn(page)).includes('late.but.here'))
      })
    })

    it('is there again in a tab that is restored when its page has expired, or next day: one press, and the prompt is back', async () => {
      for (const [minutes, code, way] of [
        [FLOW_MINUTES + 1, 'EXPIRED', 'Start again with Acme username'],
        [24 * 60, 'NOTFOUND', 'Go to Travel'],
      ] as const) {
        newPerson(`restored-${minutes}`)
        await atPrompt(async (page, { context }) => {
          await page.getByRole('checkbox', { name: 'Email address' }).check()
          product.clock.now = new Date(product.clock.now.getTime() + minutes * 60_000)
          // The browser's own clock cannot be moved: it would have let this one go after 40 minutes.
          if (minutes > 40) await context.clearCookies({ name: /^flow-/ })
          await page.reload()
          await page.locator(`h1[data-msg="${code}"]`).waitFor()
          await page.getByRole('link', { name: way }).click()
          await page.locator('h1', { hasText: 'Create your Travel account' }).waitFor()
          assert.deepEqual(await ticksOn(page), ['recover:email'])
          await page.getByLabel('Create a password').fill(PASSWORD)
          await page.getByRole('button', CREATE).click()
          await page.locator('#result').waitFor()
        })
      }
    })

    it('is forgotten when the person has finished, and when they declined', async () => {
      newPerson('done')
      await atPrompt(async (page) => {
        await retype(page, 'done.now')
        await finish(page)
        await page.goto(`${product.url}/no-such-page`)
        assert.equal(await keptIn(page), '{}')
      })
      newPerson('declined')
      await atPrompt(async (page) => {
        await retype(page, 'declined.now')
        await page.getByRole('button', { name: 'Do not create an account' }).click()
        await page.locator('h1[data-msg="DECLINED"]').waitFor()
        assert.equal(await keptIn(page), '{}')
      })
    })

    it('is what the server brings back after an answer, not what the tab remembers', async () => {
      newPerson('corrected')
      await atPrompt(async (page) => {
        await page.getByRole('checkbox', { name: 'Email address' }).check()
        await page.evaluate(
          `sessionStorage.setItem(document.querySelector('form').dataset.memory, '{"username":"older","ticks":[]}')`,
        )
        await page.getByRole('button', CREATE).click()
        await page.locator('[data-part="problems"]').waitFor()
        assert.equal(await page.getByLabel('Create a username').inputValue(), 'corrected')
        assert.deepEqual(await ticksOn(page), ['recover:email'])
        assert.ok(!(await keptIn(page)).includes('older'))
      })
    })
  })

  it('a browser that keeps no cookies is told so, without going in circles, and finds a way to try again', async () => {
    const proxy = await startCookielessProxy()
    try {
      for (const javaScript of [false, true]) {
        const options = { javaScript, context: { proxy: { server: proxy.url } } }
        await inChromium(options, async (page) => {
          const again = page.getByRole('link', { name: 'Try again' })
          let pages = 0
          page.on('request', (request) => {
            if (request.isNavigationRequest()) pages += 1
          })
          for (const visit of [() => page.goto(product.application.url), () => again.click()]) {
            pages = 0
            await visit()
            await page.locator('h1[data-msg="COOKIES"]').waitFor()
            assert.ok(pages <= 4, `${pages} pages`)
          }
          assert.equal(await again.getAttribute('href'), `${product.application.url}/`)
        })
      }
    } finally {
      await proxy.stop()
    }
  })

  it('a first visit to register.do is four requests of our own, 12 and 12 and 6 kB compressed; the next is one', async () => {
    newPerson('visitor')
    await inChromium({}, async (page, { context }) => {
      await enter(page)
      const prompt = page.url()
      const visit = async () => {
        // A cache of its own would be another browser; another tab is the same one.
        const tab = await context.newPage()
        const sizes: Record<string, number> = {}
        const lines = product.log.length
        tab.on('response', async (response) => {
          const url = new URL(response.url())
          assert.equal(url.origin, product.url)
          sizes[url.pathname.split('/').at(-1) ?? ''] = gzipSync(await response.body()).length
        })
        await tab.goto(prompt, { waitUntil: 'networkidle' })
        const reached = product.log.slice(lines).filter((line) => JSON.parse(line).msg === 'request').length
        await tab.close()
        return { sizes, reached }
      }
      await (await context.newCDPSession(page)).send('Network.clearBrowserCache')
      const first = await visit()
      assert.deepEqual(Object.keys(first.sizes).sort(), ['logo.svg', 'page.js', 'register.do', 'style.css'])
      assert.equal(first.reached, 4)
      for (const [file, most] of [
        ['register.do', 12],
        ['style.css', 12],
        ['page.js', 6],
      ] as const) {
        assert.ok((first.sizes[file] ?? Number.NaN) <= most * 1024, `${file}: ${first.sizes[file]}`)
      }
      assert.equal((await visit()).reached, 1)
    })
  })
})

/** Somebody whom nobody has seen before signs in at the idp from now on. Returns the username that it asserts. */
function newPerson(name: string): string {
  product.idp.person(name, { ...ada, sub: `subject of ${name}`, preferred_username: name })
  product.idp.signInAs = name
  return name
}

async function inChromium(
  options: Partial<ChromiumOptions>,
  story: (page: Page, chromium: Chromium) => Promise<void>,
): Promise<void> {
  const chromium = await openChromium({ javaScript: true, ...options })
  try {
    await story(chromium.page, chromium)
    assert.deepEqual(chromium.cspViolations, [])
  } finally {
    await chromium.close()
  }
}

async function enter(page: Page): Promise<void> {
  await page.goto(product.application.url)
  await page.locator('[data-part="form"]').waitFor()
}

function atPrompt(
  story: (page: Page, chromium: Chromium) => Promise<void>,
  options: Partial<ChromiumOptions> = {},
): Promise<void> {
  return inChromium(options, async (page, chromium) => {
    await enter(page)
    await story(page, chromium)
  })
}

/** Types a username, key by key, in place of the one that is there. */
async function retype(page: Page, name: string): Promise<void> {
  await page.getByLabel('Create a username').selectText()
  await page.keyboard.type(name)
}

async function statusIs(page: Page, word: string): Promise<void> {
  await waitUntil(async () => (await page.locator(STATUS).textContent()) === word)
}

async function fillIn(page: Page): Promise<void> {
  await page.getByLabel('Create a password').fill(PASSWORD)
  await page.getByRole('checkbox', { name: 'Email address' }).check()
}

async function finish(page: Page): Promise<void> {
  await fillIn(page)
  await page.getByRole('button', CREATE).click()
  await page.locator('#result').waitFor()
}

/** The usernames in the forms that the page posts to an address from now on. */
function requestsTo(page: Page, ending: string): string[] {
  const sent: string[] = []
  page.on('request', (request) => {
    if (request.method() !== 'POST' || !new URL(request.url()).pathname.endsWith(ending)) return
    sent.push(new URLSearchParams(request.postData() ?? '').get('username') ?? '')
  })
  return sent
}

/** Nobody learns anything about users while this lasts: a server that takes its time. */
async function whileHeldUp(work: () => Promise<void>): Promise<void> {
  const client = new pg.Client(product.databaseUrl)
  await client.connect()
  try {
    await client.query('BEGIN')
    await client.query('LOCK TABLE users IN ACCESS EXCLUSIVE MODE')
    await work()
  } finally {
    await client.end()
  }
}

async function waitUntil(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const tries = 500
  for (let left = tries; !(await isSo()); left -= 1) {
    assert.ok(left > 0, `${isSo} is not so`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function usersCalled(name: string): Promise<unknown[]> {
  return product.rows('SELECT 1 FROM users WHERE username = $1', [name])
}

function ticksOn(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('[name="consent"]:checked')].map((box) => box.value)`)
}

/** Everything that this tab keeps of our pages, as text. */
function keptIn(page: Page): Promise<string> {
  return page.evaluate('JSON.stringify({ ...sessionStorage })')
}
