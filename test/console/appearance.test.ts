// The screen Appearance: from a colour, a word and a picture to the pages that people see, and back.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { HOSTILE_PICTURES, NORTHERN, PNG } from '../support/appearances.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { makeOperator, openConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'

describe('the screen Appearance', () => {
  let product: Product
  let browser: Browser
  const at = (path: string) => `${product.url}${path}`
  const open = (path: string) => browser.open(at(`/console/appearance${path}`))
  const publicPage = () => openBrowser().open(at('/nowhere'))
  const sheetsOf = (html: string) => [...html.matchAll(/rel="stylesheet" href="([^"]+)"/g)].map(([, href = '']) => href)

  before(async () => {
    product = await startProduct({ modes: ['silent'] })
    await makeOperator(product, 'first', 'owner')
    browser = (await openConsole(product, { username: 'grace' })).browser
  })
  after(() => product.stop())
  beforeEach(async () => {
    await product.rows('DELETE FROM appearances')
    await product.running.house.appearance.reread()
  })

  /** Sends the form of a page as browsers do with a file. */
  async function upload(page: Page, content: Buffer, fields: Record<string, string> = {}): Promise<Response> {
    const form = new FormData()
    for (const [name, value] of page.submission('Save draft').fields) if (name !== 'logo') form.set(name, value)
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    form.set('logo', new Blob([new Uint8Array(content)]), 'logo')
    const encoded = new Response(form)
    const headers = { 'Content-Type': encoded.headers.get('content-type') ?? '' }
    return browser.fetch(page.url, { method: 'POST', headers, body: Buffer.from(await encoded.arrayBuffer()) })
  }

  test('a colour, a word and a logo are saved, previewed, published, and rolled back', async () => {
    const before = (await publicPage()).html
    const colours = await (await open('/colours'))
      .fill({ 'light.color-accent': '#7a1fa2', 'light.radius': '2px' })
      .press('Save draft')
    assert.match(colours.text, /Saved as a draft\. Nobody sees it until you publish it/)
    const words = await (await open('/words/en/page'))
      .fill({ 'word.page.missing.title': 'Nothing to see' })
      .press('Save draft')
    assert.match(words.html, /value="Nothing to see"/)
    assert.equal((await upload(await open('/logo'), NORTHERN.logo?.content ?? Buffer.alloc(0))).status, 303)
    const [, slug = ''] =
      /href="\/console\/appearance\/preview\/en\/([\w-]*no-such-page)"/.exec((await open('/preview')).html) ?? []

    const preview = await open(`/preview/en/${slug}`)
    assert.match(preview.html, /Nothing to see/)
    const [, sheet = ''] = sheetsOf(preview.html)
    assert.match(await (await browser.fetch(at(sheet))).text(), /--jit-color-accent: #7a1fa2;/)
    assert.equal((await publicPage()).html.includes('Nothing to see'), false)

    const published = await (await open('')).fill({ note: 'Northern <lights>' }).press('Publish')
    assert.match(published.text, /Published\. People see it on the next page that they open/)
    assert.match(published.text, /grace Northern <lights> In use/)
    const page = await publicPage()
    assert.match(page.text, /Nothing to see/)
    assert.match(page.html, /<img src="\/appearance\/[\w-]{16}\.svg"/)
    const answer = await fetch(at(sheetsOf(page.html)[1] ?? ''))
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    assert.match(await answer.text(), /--jit-color-accent: #7a1fa2;/)

    const next = await (await open('/words/en/changed')).fill({ 'word.page.missing.title': '' }).press('Save draft')
    assert.match(next.text, /There is nothing here/)
    await (await open('')).press('Publish')
    assert.doesNotMatch((await publicPage()).text, /Nothing to see/)
    const back = await (await open('')).press(
      /Use again what was published .*? UTC/.exec((await open('')).text)?.[0] ?? 'Use again',
    )
    assert.match(back.text, /In use again/)
    assert.match((await publicPage()).text, /Nothing to see/)
    assert.match(before, /<img src="\/public\/logo\.svg"/)
  })

  test('the first that was published is taken back as well: pages are as they were made, and the draft stays', async () => {
    const before = (await publicPage()).html
    assert.doesNotMatch((await open('')).text, /As it was made/)
    const title = 'word.page.missing.title'
    await (await open('/words/en/page')).fill({ [title]: 'Nothing to see' }).press('Save draft')
    const published = await (await open('')).press('Publish')
    assert.match(published.text, /In use As it was made/)
    assert.match((await publicPage()).text, /Nothing to see/)
    await (await open('/words/en/page')).fill({ [title]: 'Next time' }).press('Save draft')
    const stale = await open('')
    const back = await stale.press('Use again what was there before')
    assert.match(back.text, /In use again/)
    assert.match(back.text, /grace Back to how it was made In use/)
    assert.doesNotMatch(back.text, /As it was made/)
    const plain = (html: string) => html.replace(/quote [\da-f]{8}/, '')
    assert.equal(plain((await publicPage()).html), plain(before))
    assert.match((await open('/words/en/page')).html, /value="Next time"/)
    assert.match((await stale.press('Use again what was there before')).text, /This is what is in use already/)
    assert.equal((await product.rows('SELECT id FROM appearances WHERE published_at IS NOT NULL')).length, 2)
    const [change] = await product.rows(
      "SELECT actor, action FROM changes WHERE kind = 'appearance' ORDER BY id DESC LIMIT 1",
    )
    assert.deepEqual(change, { actor: 'grace', action: 'rolled back' })
  })

  test('keeps what was typed, says what is wrong with it at the field, and keeps nothing', async () => {
    const page = await (await open('/colours')).fill({ 'light.color-accent': 'red;}' }).press('Save draft')
    assert.equal(page.status, 422)
    assert.match(page.html, /value="red;}"/)
    assert.match(page.html, /<a href="#light\.color-accent">light\.color-accent has to be a colour as #rrggbb/)
    assert.match(page.html, /id="light\.color-accent-error"/)
    const words = await (await open('/words/en/actions'))
      .fill({ 'word.actions.create': '<b>Go</b>' })
      .press('Save draft')
    assert.equal(words.status, 422)
    assert.match(words.html, /<a href="#word\.actions\.create">actions\.create has markup/)
    assert.match(words.html, /value="&lt;b&gt;Go&lt;\/b&gt;"/)
    assert.deepEqual(await product.rows('SELECT id FROM appearances'), [])
  })

  test('refuses a file that is no picture for people, in words', async () => {
    const page = await open('/logo')
    for (const [what, { content }, says] of HOSTILE_PICTURES.filter(([what]) => !/^called|without a byte/.test(what))) {
      const answer = await upload(page, content)
      assert.equal(answer.status, 422, what)
      const [, said = ''] = /<a href="#logo">([^<]*)<\/a>/.exec(await answer.text()) ?? []
      assert.match(`${said.replaceAll('&lt;', '<').replaceAll('&gt;', '>')}.`, says, what)
    }
    assert.equal((await upload(page, Buffer.alloc(0))).status, 422)
    assert.equal((await upload(page, PNG.content, { _csrf: 'x' })).status, 403)
    const odd = (type: string, body: string) =>
      browser.fetch(page.url, { method: 'POST', headers: { 'Content-Type': type }, body })
    assert.equal((await odd('multipart/form-data', 'x')).status, 400)
    assert.equal((await odd('multipart/form-data; boundary=x', '--x\r\nnothing')).status, 400)
    assert.equal((await odd('application/x-www-form-urlencoded', 'do=remove')).status, 415)
    assert.deepEqual(await product.rows('SELECT id FROM appearances'), [])
  })

  test('says on the page of the form that a file is too large to be read, and the form works again', async () => {
    const page = await open('/logo')
    const answer = await upload(page, Buffer.alloc(1_100_000))
    assert.equal(answer.status, 413)
    const html = await answer.text()
    assert.match(html, /<a href="#logo">The logo has more than 1024 KB, and may have 100<\/a>/)
    const [, token = ''] = /name="_csrf" value="([^"]+)"/.exec(html) ?? []
    assert.equal((await upload(page, PNG.content, { _csrf: token })).status, 303)
    // Sent bit by bit, nobody knows before how much it will be.
    const body = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(100_000)) }).pipeThrough(first(20))
    const cookie = browser.cookies.header(new URL(page.url), { method: 'POST' })
    const headers = { 'Content-Type': 'multipart/form-data; boundary=x', Cookie: cookie }
    const late = await fetch(page.url, { method: 'POST', headers, body, duplex: 'half' })
    assert.equal(late.status, 413)
    assert.match(await late.text(), /The logo has more than 1024 KB/)
  })

  test('says so to nobody whose page that is not', async () => {
    const other = (await openConsole(product, { username: 'hana', role: 'support' })).browser
    for (const [who, status] of [
      [other, 403],
      [openBrowser(), 303],
    ] as const) {
      const headers = { 'Content-Type': 'multipart/form-data; boundary=x' }
      const answer = await who.fetch(at('/console/appearance/logo'), {
        method: 'POST',
        headers,
        body: Buffer.alloc(1_100_000),
      })
      assert.equal(answer.status, status)
      assert.doesNotMatch(await answer.text(), /The logo has/)
    }
  })

  test('takes the logo away again', async () => {
    assert.equal((await upload(await open('/logo'), PNG.content)).status, 303)
    const page = await open('/logo')
    assert.match(page.html, /<img src="\/console\/appearance\/files\/[\w-]{16}\.png" alt="The logo of the draft"/)
    assert.equal((await upload(page, Buffer.alloc(0), { do: 'remove' })).status, 303)
    assert.match((await open('/logo')).html, /<img src="\/public\/logo\.svg" alt="The logo as it was made"/)
  })

  test('shows who was faster and what they wrote, and loses nothing', async () => {
    const mine = await open('/colours')
    const other = (await openConsole(product, { username: 'noor' })).browser
    await (await other.open(at('/console/appearance/colours'))).fill({ 'light.radius': '9px' }).press('Save draft')
    const page = await mine.fill({ 'light.radius': '3px' }).press('Save draft')
    assert.equal(page.status, 409)
    assert.match(page.text, /noor changed this just now\. Compare below, then save again/)
    assert.match(page.text, /Theirs: 9px/)
    assert.match(page.html, /id="light\.radius"[^>]* value="3px"/)
    assert.match((await page.press('Save draft')).html, /id="light\.radius"[^>]* value="3px"/)

    const stale = await open('')
    await (await other.open(at('/console/appearance/words/en/actions')))
      .fill({ 'word.actions.create': 'Go' })
      .press('Save draft')
    const late = await stale.press('Publish')
    assert.equal(late.status, 409)
    assert.match(late.text, /The draft was changed meanwhile/)
    const [row] = await product.rows<{ n: number }>(
      'SELECT count(*)::int AS n FROM appearances WHERE published_at IS NOT NULL',
    )
    assert.equal(row?.n, 0)
  })

  test('publishes colours that are too faint only when that is typed', async () => {
    const page = await (await open('/colours')).fill({ 'light.color-muted': '#aaaaaa' }).press('Save draft')
    assert.match(
      page.text,
      /color-muted on color-sheet has a contrast of 2\.3 to 1 on light pages, and needs 4\.5 to 1/,
    )
    const refused = await (await open('')).press('Publish')
    assert.equal(refused.status, 422)
    assert.match(refused.html, /<a href="#anyway">color-muted on color-page/)
    const published = await refused.fill({ anyway: 'Use anyway' }).press('Publish')
    assert.match(published.text, /Published\./)
  })

  test('finds a sentence by its words or its key, in each language', async () => {
    const page = await open('/words/de/search?q=zeit')
    assert.ok(page.html.includes('lang="de"'))
    assert.ok([...page.html.matchAll(/ name="word\.([\w.-]+)"/g)].length > 1)
    assert.match((await open('/words/en/search?q=actions.create')).html, /id="word\.actions\.create"/)
    assert.equal((await open('/words/fr/codes')).status, 404)
    assert.match((await open('/words/en/nothing')).text, /There is nothing here/)
    for (const part of ['__proto__', 'constructor']) assert.equal((await open(`/words/${part}/codes`)).status, 404)
  })

  test('shows a preview that no script runs in, that sends nothing, and that no stranger gets', async () => {
    await (await open('/colours')).fill({ 'light.radius': '2px' }).press('Save draft')
    const page = await open('/preview/en/register-first-view')
    assert.match(
      page.headers.get('content-security-policy') ?? '',
      /frame-ancestors 'none'.*; sandbox allow-same-origin$/,
    )
    assert.equal(page.headers.get('cache-control'), 'no-store')
    const [, sheet = ''] = sheetsOf(page.html)
    const file = await browser.fetch(at(sheet))
    assert.deepEqual([file.status, file.headers.get('cache-control')], [200, 'no-store'])
    for (const address of [page.url, at(sheet), at('/console/appearance/preview')]) {
      const { status, headers } = await fetch(address, { redirect: 'manual' })
      assert.equal(status, 303)
      assert.match(headers.get('location') ?? '', /^\/console\/sign-in/)
    }
    for (const path of ['/preview/en/nothing', '/preview/fr/register-first-view', '/files/nothing.css'])
      assert.equal((await open(path)).status, 404, path)
  })

  test('is an owner’s alone', async () => {
    for (const role of ['privacy', 'support'] as const) {
      const { browser: other } = await openConsole(product, { username: `only-${role}`, role })
      for (const path of [
        '',
        '/colours',
        '/logo',
        '/words/en/codes',
        '/preview',
        '/preview/en/register-first-view',
        '/files/x',
      ])
        assert.equal((await other.open(at(`/console/appearance${path}`))).status, 403, path)
    }
  })
})

/** Lets this many pieces pass, and ends. */
function first(pieces: number): TransformStream {
  let left = pieces
  return new TransformStream({
    transform(piece, to) {
      to.enqueue(piece)
      left -= 1
      if (left === 0) to.terminate()
    },
  })
}
