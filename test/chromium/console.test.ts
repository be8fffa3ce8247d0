// The console in a real browser: what hostile names and texts do there, and whether everybody can use it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { consoleRoutes } from '../../src/console/routes.ts'
import { saveDraft } from '../../src/themes/publish.ts'
import { faultsOf } from '../support/axe.ts'
import { type Chromium, openChromium } from '../support/chromium.ts'
import { makeOperator } from '../support/console.ts'
import { enterConsole, tour } from '../support/console-tour.ts'
import { keepDeleting } from '../support/idp-deletion.ts'
import { type Product, startProduct } from '../support/product.ts'
import { TRICKS } from '../support/tricks.ts'
import { newcomer, visit } from '../support/visits.ts'

/** What no view of ours prints: handlers, scripts but our own, and links that are scripts. */
const GROWN = `[...document.querySelectorAll('*')].filter((element) =>
  element.getAttributeNames().some((name) => name.startsWith('on') || name === 'srcdoc' || name === 'autofocus') ||
  /^(iframe|object|embed|math|style|base|noscript)$/.test(element.localName) ||
  (element.localName === 'script' && !(element.getAttribute('src') ?? '').startsWith('/public/')) ||
  (element.localName === 'img' && !/^\\/(public|theme|appearance|console)\\//.test(element.getAttribute('src') ?? '')) ||
  /^\\s*javascript:/i.test(element.getAttribute('href') ?? '')
).map((element) => element.outerHTML.slice(0, 200))`

const RESULT = '/identity-providers/:name/test-sign-in/:test'
/** For those who have an app; for who knows an old address; a file of a page; what comes of a sign-in elsewhere. */
const NOT_BY_LINK = ['/me/totp/remove', '/purposes', '/appearance/files/:name', RESULT, `${RESULT}/page`]

describe('the console in Chromium', () => {
  let product: Product
  let chromium: Chromium
  let letGo: () => Promise<void>
  const canaries: string[] = []
  before(async () => {
    product = await startProduct({ modes: ['silent', 'consent'] })
    await makeHostile(product)
    const draft = { version: 0, appearance: { tokens: { light: { 'color-accent': '#7a1fa2' }, dark: {} }, words: {} } }
    assert.equal((await saveDraft(product.running.house, draft, { name: 'olu' })).kind, 'saved')
    await makeOperator(product, 'olu', 'owner')
    letGo = await keepDeleting(product, 'username')
    chromium = await openChromium({ javaScript: true, context: { viewport: { width: 320, height: 800 } } })
    await chromium.page.exposeFunction('canary', () => canaries.push(chromium.page.url()))
    // The page that looks again by itself stays as it is while it is looked at.
    await chromium.page.route('**/deletion', async (route) => {
      const response = await route.fetch()
      const { refresh: _, ...headers } = response.headers()
      await route.fulfill({ response, headers })
    })
    chromium.page.on('dialog', (dialog) => canaries.push(dialog.message()))
    await enterConsole(chromium.page, product, 'olu')
  })
  after(async () => {
    await chromium.close()
    await letGo()
    await product.stop()
  })

  it('every page is reached by links, runs nothing that people wrote, fits 320 pixels, and axe finds no fault', async () => {
    const { page } = chromium
    const { routes } = consoleRoutes(product.running.house)
    const faults: string[] = []
    let hostile = 0
    const seen = await tour(
      page,
      product,
      routes,
      async (path) => {
        const say = (what: string) => faults.push(`${path}: ${what}`)
        const isOurs = await page.evaluate<boolean>(`document.body?.classList.contains('console') === true`)
        if ((await page.content()).includes('canary')) hostile += 1
        for (const grown of await page.evaluate<string[]>(GROWN)) say(`has grown ${grown}`)
        if (!isOurs) return
        const width = await page.evaluate<number>('document.documentElement.scrollWidth')
        if (width > 320) say(`is ${width} pixels wide`)
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          for (const fault of await faultsOf(page)) say(`${colorScheme}: ${fault}`)
        }
      },
      (route) => (route.endsWith('/:key') ? 2 : 1),
    )
    assert.deepEqual(faults, [])
    assert.deepEqual(canaries, [])
    assert.deepEqual(chromium.cspViolations, [])
    // Previews are sandboxed: not even our own script runs there.
    const errors = chromium.consoleErrors.filter((text) => !/preview\/.* sandboxed .*allow-scripts/.test(text))
    assert.deepEqual(errors, [])
    assert.ok(hostile > 10, `only ${hostile} pages showed anything hostile`)
    const pages = routes.filter(({ method }) => method === 'get').map(({ path }) => path)
    assert.deepEqual(
      pages.filter((path) => !seen.has(path) && !NOT_BY_LINK.includes(path)),
      [],
      'nobody finds these',
    )
  })
})

describe('the list of users', () => {
  it('shows all of its columns at once on a screen of 1280 pixels, long ago as well', async () => {
    const product = await startProduct({ modes: ['silent'] })
    const { page, close } = await openChromium({
      javaScript: false,
      context: { viewport: { width: 1280, height: 800 } },
    })
    try {
      await visit(product, 'silent', newcomer({ name: 'Aleksandra Wiśniewska-Kowalczyk' }))
      await product.rows(`UPDATE users SET created_at = created_at - interval '1 year', is_locked = true`)
      await makeOperator(product, 'olu', 'owner')
      await enterConsole(page, product, 'olu')
      await page.goto(`${product.url}/console/users`)
      assert.ok(await page.getByRole('cell', { name: 'Locked' }).first().isVisible())
      const hidden = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.scroll'))`
      assert.equal(await page.evaluate(hidden), 0)
    } finally {
      await close()
      await product.stop()
    }
  })
})

/** Puts the tricks wherever people and other parties can write something, past every check of ours. */
async function makeHostile(product: Product): Promise<void> {
  const trick = (index: number) => TRICKS[index % TRICKS.length] ?? ''
  const all = TRICKS.join(' ')
  const { rows } = product
  await rows('UPDATE idps SET display_name = $1, client_id = $1, username_claim = $2, managed_by = $3', [
    all,
    trick(1),
    'console',
  ])
  await rows(
    `UPDATE idps SET mappings = jsonb_build_object('email', $1::text), role_mappings = jsonb_build_object($1::text, $1::text)`,
    [all],
  )
  await rows('UPDATE purposes SET purpose = $1, description = $1, managed_by = $2', [all, 'console'])
  await rows('UPDATE applications SET name = $1, managed_by = $2, post_logout_redirect_uris = ARRAY[$1]', [
    all,
    'console',
  ])
  await rows(
    `UPDATE user_stores SET managed_by = 'console', properties = jsonb_build_object('UsernameJavaRegExViolationErrorMsg', $1::text)`,
    [all],
  )
  await rows(`UPDATE attributes SET managed_by = 'console'`)
  await rows(`INSERT INTO user_stores (name, position, managed_by) VALUES ('SPARE', 2, 'console')`)
  await rows(
    `INSERT INTO attributes (name, display_name, is_enabled, declared_hash, managed_by) VALUES ('trick', $1, true, '', 'console')`,
    [all],
  )
  await rows(
    `UPDATE installation SET organization_managed_by = 'console', jit_provisioning_managed_by = 'console',
       organization = organization || jsonb_build_object('contact', $1::text, 'address', $1::text)`,
    [all],
  )
  for (const [index, text] of TRICKS.entries()) {
    const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
    await rows(
      `INSERT INTO users (id, store, username, username_canonical, username_look, password_hash) VALUES ($1, 'PRIMARY', $2, $2, sha256(convert_to($2, 'UTF8')), $3)`,
      [id, text, 'x'],
    )
    await rows(
      `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme) SELECT id, $1, $1, $2, $1 FROM idps LIMIT 1`,
      [text, id],
    )
    await rows(
      `INSERT INTO user_attributes (user_id, name, value, origin, origin_idp_id) SELECT $1, $2, to_jsonb($2::text), 'idp', id FROM idps LIMIT 1`,
      [id, text],
    )
    await rows(`INSERT INTO user_roles (user_id, role, origin) VALUES ($1, $2, 'operator')`, [id, text])
    await rows(`INSERT INTO user_factors (user_id, kind, confirmed_at) VALUES ($1, 'email', now())`, [id])
  }
  await rows(
    `INSERT INTO changes (actor, address, request_id, action, kind, object, before, after)
     VALUES (left($1, 100), $2, $2, $2, $2, left($1, 400), jsonb_build_object($1::text, $1::text), jsonb_build_object($1::text, 'x'))`,
    [all, trick(0).slice(0, 30)],
  )
}
