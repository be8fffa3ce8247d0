// The ways in and out in a real browser: behind TLS, from applications that redirect on, in two tabs, back, and out again.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { Application } from '../support/application.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { ada, PASSWORD } from '../support/people.ts'
import { freePort, type Product, startProduct } from '../support/product.ts'
import { startTlsProxy, type TlsProxy } from '../support/tls-proxy.ts'

describe('behind a proxy that ends TLS', () => {
  let proxy: TlsProxy
  let product: Product
  before(async () => {
    const port = await freePort()
    proxy = await startTlsProxy(new URL(`http://127.0.0.1:${port}`))
    product = await startProduct({ publicUrl: proxy.url, port, ca: proxy.ca, modes: ['username'] })
  })
  after(async () => {
    await product.stop()
    await proxy.stop()
  })

  for (const javaScript of [false, true]) {
    it(`asks and signs in with cookies that only this host over https can have, ${javaScript ? 'with' : 'without'} JavaScript`, async () => {
      const name = newPerson(product, `tls-${javaScript}`)
      await inChromium({ javaScript, ignoreTls: true }, async (page) => {
        await page.goto(product.application.url)
        assert.equal(new URL(page.url()).origin, proxy.url)
        const ours = (await page.context().cookies(proxy.url)).filter(
          (cookie) => !cookie.name.startsWith('application-'),
        )
        const flows = ours.filter((cookie) => /^__Host-flow-[\w-]{12}$/.test(cookie.name))
        assert.equal(flows.length, 1, ours.map((cookie) => cookie.name).join(' '))
        assert.deepEqual([flows[0]?.path, flows[0]?.domain], ['/', 'localhost'])
        for (const cookie of ours) {
          const { name, secure, httpOnly, sameSite } = cookie
          assert.match(name, /^__Host-(flow-|vestibule\.application$)|^vestibule\./)
          assert.deepEqual({ secure, httpOnly, sameSite }, { secure: true, httpOnly: true, sameSite: 'Lax' }, name)
        }
        await answerAll(page)
        assert.equal((await resultOn(page)).userinfo.preferred_username, name)
      })
    })
  }
})

describe('ways in and out', () => {
  let product: Product
  let other: Application
  let bouncing: Application
  before(async () => {
    product = await startProduct({ modes: ['username'] })
    other = await product.addApplication({}, { identityProviders: ['consent'] })
    bouncing = await product.addApplication({ bounce: true }, { identityProviders: ['password'] })
  })
  after(() => product.stop())

  it('an application that redirects twice across origins after its callback is reached from the form', async () => {
    for (const javaScript of [false, true]) {
      const name = newPerson(product, `bounce-${javaScript}`)
      await inChromium({ javaScript }, async (page) => {
        await page.goto(bouncing.url)
        await page.getByLabel('Create a password').fill(PASSWORD)
        await answerConsent(page)
        await page.waitForURL(`${bouncing.url}/arrived`)
        assert.equal((await resultOn(page)).userinfo.preferred_username, name)
      })
    }
  })

  it('two applications in two tabs, finished in reverse order, each get their own person', async () => {
    const name = newPerson(product, 'tabs')
    await inChromium({ javaScript: true }, async (first, { context }) => {
      const second = await context.newPage()
      await first.goto(product.application.url)
      await second.goto(other.url)
      await answerConsent(second)
      const toOther = await resultOn(second)
      await first.getByLabel('Create a username').fill(`${name}.travel`)
      await answerAll(first)
      const toFirst = await resultOn(first)
      assert.equal(second.url().startsWith(other.url), true)
      assert.equal(first.url().startsWith(product.application.url), true)
      assert.equal(toOther.userinfo.preferred_username, name)
      assert.equal(toFirst.userinfo.preferred_username, `${name}.travel`)
      assert.notEqual(toFirst.sub, toOther.sub)
    })
  })

  it('one person in two tabs of one application makes one user, and the second tab signs in as well', async () => {
    const name = newPerson(product, 'twice')
    await inChromium({ javaScript: false }, async (first, { context }) => {
      const second = await context.newPage()
      await first.goto(other.url)
      await second.goto(other.url)
      await answerConsent(first)
      await first.locator('#result').waitFor()
      // The application remembers the sign-in of the second tab alone, but Vestibule has answered both.
      assert.match(first.url(), /\/callback\?code=/)
      await answerConsent(second)
      const users = await product.rows('SELECT id FROM users WHERE username = $1', [name])
      assert.deepEqual(users, [{ id: (await resultOn(second)).sub }])
    })
  })

  it('the back button after finishing says "You have already finished", leads to the application, and makes nobody', async () => {
    for (const javaScript of [false, true]) {
      const name = newPerson(product, `back-${javaScript}`)
      await inChromium({ javaScript }, async (page) => {
        await page.goto(other.url)
        await answerConsent(page)
        await resultOn(page)
        await page.goBack()
        assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'You have already finished')
        const link = page.getByRole('link', { name: /^Continue to / })
        assert.equal(await link.getAttribute('href'), `${other.url}/`)
        await link.click()
        assert.equal((await resultOn(page)).userinfo.preferred_username, name)
        assert.equal((await product.rows('SELECT 1 FROM users WHERE username = $1', [name])).length, 1)
      })
    }
  })

  it('back from the prompt to the application and forward again shows the same prompt, still good', async () => {
    const name = newPerson(product, 'forward')
    await inChromium({ javaScript: true }, async (page) => {
      await page.goto(`${other.url}/bye`)
      await page.goto(other.url)
      const prompt = page.url()
      await page.goBack()
      assert.equal(page.url(), `${other.url}/bye`)
      await page.goForward()
      assert.equal(page.url(), prompt)
      await answerConsent(page)
      assert.equal((await resultOn(page)).userinfo.preferred_username, name)
    })
  })

  it('somebody else can sign in, in the browser in which a person is signed in', async () => {
    const before = newPerson(product, 'earlier')
    await inChromium({ javaScript: true }, async (page) => {
      await page.goto(other.url)
      await answerConsent(page)
      const earlier = await resultOn(page)
      assert.equal(earlier.userinfo.preferred_username, before)

      const later = newPerson(product, 'later')
      await page.goto(`${bouncing.url}/login?prompt=login`)
      await page.getByLabel('Create a password').fill(PASSWORD)
      await answerConsent(page)
      const now = await resultOn(page)
      assert.equal(now.userinfo.preferred_username, later)
      assert.notEqual(now.sub, earlier.sub)
      await page.goto(`${bouncing.url}/login?prompt=none`)
      assert.equal((await resultOn(page)).sub, now.sub, 'the browser is theirs now')
    })
  })

  it('who declines can start again, or return to the application, which hears why', async () => {
    newPerson(product, 'decliner')
    await inChromium({ javaScript: false }, async (page) => {
      await page.goto(other.url)
      await page.getByRole('button', { name: 'Do not create an account' }).click()
      await page.getByRole('link', { name: 'Start again with Acme consent' }).click()
      await page.getByRole('button', { name: 'Do not create an account' }).click()
      await page.getByRole('link', { name: /^Return to / }).click()
      assert.equal((await resultOn(page)).error, 'access_denied')
      assert.deepEqual(other.results.at(-1), { kind: 'error', error: 'access_denied', description: 'DECLINED' })
    })
  })

  it('signing out from the application asks, signs out, and comes back to the application', async () => {
    for (const javaScript of [false, true]) {
      newPerson(product, `leaver-${javaScript}`)
      await inChromium({ javaScript }, async (page) => {
        await page.goto(other.url)
        await answerConsent(page)
        await resultOn(page)
        await page.goto(`${other.url}/logout`)
        assert.equal(new URL(page.url()).origin, product.url)
        await page.getByRole('button', { name: 'Sign out' }).click()
        await page.waitForURL(`${other.url}/bye`, { timeout: 5_000 })
        await page.goto(`${other.url}/login?prompt=none`)
        assert.equal((await resultOn(page)).error, 'login_required')
      })
    }
  })

  it('who would rather stay signed in is taken back to the application and stays so', async () => {
    newPerson(product, 'stayer')
    await inChromium({ javaScript: true }, async (page) => {
      await page.goto(other.url)
      await answerConsent(page)
      const { sub } = await resultOn(page)
      await page.goto(`${other.url}/logout`)
      await page.getByRole('button', { name: 'Stay signed in' }).click()
      await page.waitForURL(`${other.url}/bye`, { timeout: 5_000 })
      await page.goto(`${other.url}/login?prompt=none`)
      assert.equal((await resultOn(page)).sub, sub)
    })
  })
})

/** Somebody whom nobody has seen before signs in at the idp from now on. Returns the username that it asserts. */
function newPerson(product: Product, name: string): string {
  product.idp.person(name, {
    ...ada,
    sub: `subject of ${name}`,
    preferred_username: name,
    email: `${name}@acme.example`,
  })
  product.idp.signInAs = name
  return name
}

async function inChromium(
  options: { javaScript: boolean; ignoreTls?: boolean },
  story: (page: Page, chromium: Chromium) => Promise<void>,
): Promise<void> {
  const chromium = await openChromium(options)
  try {
    await story(chromium.page, chromium)
    assert.deepEqual(chromium.cspViolations, [])
  } finally {
    await chromium.close()
  }
}

async function answerConsent(page: Page): Promise<void> {
  await page.getByRole('checkbox', { name: 'Email address' }).check()
  await page.getByRole('button', { name: 'Create account', exact: true }).click()
}

async function answerAll(page: Page): Promise<void> {
  await page.getByLabel('Create a password').fill(PASSWORD)
  await answerConsent(page)
}

interface Shown {
  sub: string
  userinfo: Record<string, unknown>
  error?: string
}

/** What the application shows that it was given. */
async function resultOn(page: Page): Promise<Shown> {
  const text = await page.locator('#result').innerText({ timeout: 5_000 })
  return JSON.parse(text)
}
