// Themes in the running product: whatever is wrong with one, people get through; and what a sound one adds is served as it should be.
import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { enterAccount, join } from '../support/account.ts'
import { openBrowser } from '../support/browser.ts'
import { type Product, startProduct } from '../support/product.ts'
import { arrive, fillRegister, messagesOf, signedInAt, stranger } from '../support/road.ts'
import { BROKEN, copyOf, emptyPlace, type Files, lineOf, themeJson, writeTheme } from '../support/themes.ts'
import { newcomer } from '../support/visits.ts'

describe('a theme in use', () => {
  const { folder: place, remove } = emptyPlace()
  const theme = path.join(place, 'acme')
  let product: Product
  before(async () => {
    writeTheme(place, {})
    product = await startProduct({ modes: ['username', 'consent'], settings: { theme } })
  })
  after(async () => {
    await product.stop()
    remove()
  })

  /** Starts again with this theme. */
  async function wear(files: Files): Promise<void> {
    writeTheme(place, files)
    product.log.length = 0
    await product.redeclare((declared) => declared)
  }
  const logged = () => product.log.map((line): Record<string, unknown> => JSON.parse(line))

  /** Goes the whole way, with a mistake on it; the pages on the way. */
  async function goThrough(): Promise<string[]> {
    const browser = openBrowser()
    const lost = await browser.open(`${product.url}/nowhere`)
    const register = await arrive(product, browser, 'username', stranger(product))
    const wrong = await register.fill({ username: 'a', password: 'short' }).press('create')
    assert.deepEqual([lost.status, register.status, wrong.status], [404, 200, 422])
    assert.deepEqual(messagesOf(wrong.html).toSorted(), [
      'CONSENT_NEEDED',
      'CONSENT_NEEDED',
      'PW_SHORT',
      'PW_SHORT',
      'USERNAME_SHORT',
      'USERNAME_SHORT',
    ])
    const done = await fillRegister(wrong, `asha${Math.random().toString(36).slice(2, 10)}`).press('create')
    signedInAt(product.application, done)
    return [lost.html, register.html, wrong.html]
  }

  for (const broken of BROKEN) {
    const {
      what,
      files,
      use,
      says: [file],
    } = broken
    it(`${what} keeps nobody from an account, answers nothing with 500, and is in the log (${use})`, async () => {
      await wear(files)
      // Without its theme the house is the one that all other tests go through.
      const isOff = use === 'off' && product.running.house.theme === undefined
      const pages = isOff ? [await (await fetch(`${product.url}/nowhere`)).text()] : await goThrough()
      for (const html of pages) assert.doesNotMatch(html, /\.ejs|\bat \w+ \(|ReferenceError|TypeError|ejs:\d/)
      assert.ok(!logged().some(({ status }) => status === 500))
      const said = logged().filter((line) => line.theme !== undefined)
      if (use === 'as it is') return assert.deepEqual(said, [])
      const [first] = said
      assert.deepEqual([first?.theme, first?.level], [theme, 50])
      const isAbout = new RegExp(use === 'off' ? '^the theme is not used' : '^a file of the theme failed')
      for (const { msg } of said) assert.match(String(msg), isAbout)
      if (use === 'off') return
      const about = said.find((line) => line.file === path.join(theme, file))
      assert.ok(about, JSON.stringify(said))
      // Of every request, a form that was sent and went through the database included.
      const answered = new Set(
        logged()
          .filter(({ msg }) => msg === 'request')
          .map(({ request }) => request),
      )
      for (const { request } of said) assert.ok(answered.has(request), JSON.stringify(said))
      assert.ok(about.line === undefined || about.line === lineOf(broken), JSON.stringify(about))
      assert.equal(about.problem, undefined, 'what was thrown may quote a value')
    })
  }

  it('keeps its files on pages of My Account, where several forms have one address', async () => {
    const word = '<p>One more word</p>'
    await wear({ ...copyOf('layout', ['<%- body -%>', `${word}\n<%- body -%>`]), 'slots/page.footer.before.ejs': word })
    const person = newcomer()
    await join(product, 'consent', person, { ticks: ['recover:email', 'recover:phone_number', 'office:department'] })
    const browser = openBrowser()
    await enterAccount(product, 'consent', person)
    await enterAccount(product, 'consent', person, { browser })
    for (const path of ['/privacy', '/privacy', '/privacy', '/sign-in', '/sign-in', '/sign-in']) {
      const { html } = await browser.open(`${product.url}/myaccount${path}`)
      const targets = [...html.matchAll(/<form [^>]*action="([^"]*)"/g)].map(([, target]) => target)
      assert.ok(new Set(targets).size < targets.length, `${path}: ${targets}`)
      assert.equal(html.split(word).length, 3, path)
    }
    assert.deepEqual(
      logged().filter((line) => line.theme !== undefined),
      [],
    )
  })

  it('that is not there is said in the log, and our own pages are shown', async () => {
    const other = await startProduct({ settings: { theme: 'nobody' } })
    try {
      const [line] = other.log.map((one) => JSON.parse(one)).filter(({ theme }) => theme !== undefined)
      assert.match(line.problem, /there is no theme nobody/)
      assert.equal((await fetch(`${other.url}/readyz`)).status, 200)
    } finally {
      await other.stop()
    }
  })

  it('is found by name, with its look on every page', async () => {
    const other = await startProduct({ settings: { theme: 'sample' } })
    try {
      const html = await (await fetch(`${other.url}/nowhere`)).text()
      assert.match(html, /href="\/theme\/tokens\.[\w-]{16}\.css"/)
      assert.match(html, /<img src="\/theme\/[\w-]{16}\/logo\.svg"/)
      assert.match(html, /This is the sample theme/)
      assert.deepEqual(
        other.log.filter((line) => JSON.parse(line).level >= 40),
        [],
      )
    } finally {
      await other.stop()
    }
  })

  it('adds to the content security policy what its theme.json names, and no more', async () => {
    await wear({
      'theme.json': themeJson({
        csp: {
          'img-src': ['https://cdn.acme.example'],
          'script-src': ["'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"],
        },
      }),
    })
    const policy = (await fetch(`${product.url}/nowhere`)).headers.get('content-security-policy') ?? ''
    assert.ok(policy.includes("img-src 'self' https://cdn.acme.example;"), policy)
    assert.ok(policy.includes("script-src 'self' 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"), policy)
    assert.ok(policy.includes("style-src 'self';") && policy.includes("font-src 'self';"), policy)
    assert.ok(!policy.includes('unsafe'), policy)
  })

  it('has its files served for good, by their kinds, and nothing else of it', async () => {
    await wear({
      'theme.json': themeJson({ logo: 'logo.svg', tokens: { light: { radius: '9px' } } }),
      'public/logo.svg': '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
      'public/style.css': 'h1 { color: red }',
      'public/fonts/ä b.woff2': 'font',
      'public/app.js': 'alert(1)',
    })
    const html = await (await fetch(`${product.url}/nowhere`)).text()
    const sheets = [...html.matchAll(/rel="stylesheet" href="([^"]+)"/g)].map(([, href = '']) => href)
    assert.deepEqual(
      sheets.map((href) => href.replace(/[\w-]{16}/, '#')),
      ['/public/style.css', '/theme/tokens.#.css', '/theme/#/style.css'],
    )
    const [, logo = ''] = /<img src="([^"]+)"/.exec(html) ?? []
    const root = logo.replace('/logo.svg', '')
    for (const [address, type, policy] of [
      [sheets[1], 'text/css; charset=utf-8', /^default-src/],
      [logo, 'image/svg+xml', /^default-src 'none'; sandbox$/],
      [`${root}/fonts/%C3%A4%20b.woff2`, 'font/woff2', /^default-src/],
    ] as const) {
      const { status, headers } = await fetch(`${product.url}${address}`)
      assert.deepEqual([status, headers.get('content-type')], [200, type], address)
      assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.match(headers.get('content-security-policy') ?? '', policy)
    }
    for (const address of [
      '/app.js',
      '/../theme.json',
      '/%2e%2e/theme.json',
      '/..%2ftheme.json',
      '/%00',
      '/%',
      '',
      '/',
    ]) {
      const { status } = await fetch(`${product.url}${root}${address}`)
      assert.equal(status, 404, address)
    }
  })
})
