// How the pages behave: two answers of one weight, and everything by keyboard alone.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { openChromium } from '../support/chromium.ts'
import { contrastOf, looksOf } from '../support/looks.ts'
import { ada, PASSWORD } from '../support/people.ts'
import { MODES, type Mode, type Product, REPOSITORY, startProduct } from '../support/product.ts'

const CREATE = { name: 'Create account', exact: true }
const DECLINE = { name: 'Do not create an account', exact: true }

describe('the pages in Chromium', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: MODES, change: named })
    // Somebody has the name "somebody" already.
    product.idp.person('somebody', { ...ada, sub: 'somebody', preferred_username: 'somebody' })
    product.idp.signInAs = 'somebody'
    await inChromium((page) => enter(page, 'silent'))
  })
  after(() => product.stop())

  it('the two answers are buttons of one size, one type and good contrast, on a wide and a narrow screen, light and dark', async () => {
    newPerson('buttons')
    await inChromium(async (page) => {
      await enter(page, 'username')
      for (const width of [320, 1100]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 800 })
          await page.emulateMedia({ colorScheme })
          const [create, decline] = await looksOf(page, '[data-part="actions"] button')
          assert.ok(create && decline)
          const where = `${width} ${colorScheme}`
          assert.deepEqual([create.name, decline.name], [`BUTTON ${CREATE.name}`, `BUTTON ${DECLINE.name}`], where)
          assert.equal(decline.height, create.height, where)
          for (const property of ['fontSize', 'fontWeight', 'minWidth']) {
            assert.equal(decline.style[property], create.style[property], where)
          }
          assert.ok(decline.width >= create.width, where)
          assert.ok(create.height >= 44, where)
          for (const { style, background } of [create, decline]) {
            const contrast = contrastOf(style.color ?? '', background)
            assert.ok(contrast >= 4.5, `${where}: ${contrast}`)
          }
        }
      }
    })
  })

  it('the Tab key reaches everything on register.do in the order of the page, errors and suggestions included', async () => {
    newPerson('tab')
    await inChromium(async (page) => {
      await enter(page, 'username')
      await fail(page)
      const reached = await tabThrough(page)
      const visible = await page
        .locator('a[href], button:not([tabindex="-1"]), input:not([type="hidden"]), summary')
        .filter({ visible: true })
        .evaluateAll(inWords)
      // The summary has the focus when the page is shown, so the skip link, before it, is reached last.
      assert.deepEqual(reached.toSorted(), visible.toSorted())
      const inForm = (all: string[]) => all.filter((one) => !one.startsWith('A '))
      assert.deepEqual(inForm(reached), inForm(visible))
      assert.ok(reached.some((one) => one.startsWith('BUTTON use ')))
    })
  })

  it('by keyboard alone a person can fix what is wrong; Enter in the username field creates with the name as typed', async () => {
    const name = newPerson('keyboard')
    await inChromium(async (page) => {
      await enter(page, 'username')
      await fail(page)
      // The summary has the focus: its links come first.
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      assert.equal(await page.evaluate('document.activeElement.id'), 'username')
      await page.keyboard.press('ControlOrMeta+A')
      await page.keyboard.type(`${name}.typed`)
      await tabTo(page, 'new-password')
      await page.keyboard.type(PASSWORD)
      await tabTo(page, 'consent-recover-email')
      if (!(await page.locator('#consent-recover-email').isChecked())) await page.keyboard.press('Space')
      while ((await page.evaluate('document.activeElement.id')) !== 'username') await page.keyboard.press('Shift+Tab')
      await page.keyboard.press('Enter')
      await page.locator('#result').waitFor()
      const result = product.application.results.at(-1)
      assert.equal(result?.kind === 'signed-in' && result.userinfo.preferred_username, `${name}.typed`)
    })
  })

  it('Enter in the password field creates too', async () => {
    const name = newPerson('enter')
    await inChromium(async (page) => {
      await enter(page, 'password')
      await page.getByRole('checkbox', { name: 'Email address' }).check()
      await page.getByLabel('Create a password').fill(PASSWORD)
      await page.getByLabel('Create a password').press('Enter')
      await page.locator('#result').waitFor()
      assert.equal((await product.rows('SELECT 1 FROM users WHERE username = $1', [name])).length, 1)
    })
  })

  it('a suggestion fills the name in with one press and keeps the ticks, without JavaScript as well', async () => {
    for (const javaScript of [false, true]) {
      newPerson(`suggested-${javaScript}`)
      await inChromium(async (page) => {
        await enter(page, 'username')
        await fail(page)
        const suggestion = page.locator('[data-part="suggestions"] button').first()
        const name = await suggestion.innerText()
        await page.getByRole('checkbox', { name: 'Email address' }).check()
        await suggestion.click()
        await page.locator('[data-part="suggestions"]').waitFor({ state: 'detached' })
        assert.equal(await page.getByLabel('Create a username').inputValue(), name)
        assert.ok(await page.getByRole('checkbox', { name: 'Email address' }).isChecked())
        await page.getByLabel('Create a password').fill(PASSWORD)
        await page.locator('[data-part="actions"] button').first().click()
        await page.locator('#result').waitFor()
        assert.equal((await product.rows('SELECT 1 FROM users WHERE username = $1', [name])).length, 1)
      }, javaScript)
    }
  })

  it('register.do has its picture in the documentation, small enough to load at once', async () => {
    const path = join(REPOSITORY, 'docs/prompt.png')
    if (!existsSync(path) || process.env.UPDATE_PICTURES === '1') {
      product.idp.person('asha', {
        ...ada,
        sub: 'asha',
        preferred_username: 'asha',
        email: 'asha.rao@acme.example',
        department: 'Sales',
      })
      product.idp.signInAs = 'asha'
      await inChromium(async (page) => {
        await page.setViewportSize({ width: 720, height: 900 })
        await enter(page, 'username')
        await page.screenshot({ path, fullPage: true })
      })
    }
    const { size } = await stat(path)
    assert.ok(size > 10_000 && size <= 300_000, `${size} bytes`)
  })

  /** Somebody whom nobody has seen before signs in at the idp from now on. Returns the username that it asserts. */
  function newPerson(name: string): string {
    product.idp.person(name, { ...ada, sub: `subject of ${name}`, preferred_username: name })
    product.idp.signInAs = name
    return name
  }

  async function enter(page: Page, mode: Mode): Promise<void> {
    await page.goto(product.application.url)
    await page.getByRole('link', { name: `Continue with ${nameOf(mode)}`, exact: true }).click()
  }
})

/** One idp has the name that the picture shows. */
function nameOf(mode: string): string {
  return mode === 'username' ? 'Acme' : `Acme ${mode}`
}

function named(declared: Product['declared']): Product['declared'] {
  const identityProviders = declared.identityProviders.map((idp) => ({ ...idp, displayName: nameOf(idp.name) }))
  return { ...declared, identityProviders }
}

async function inChromium(story: (page: Page) => Promise<void>, javaScript = true): Promise<void> {
  const chromium = await openChromium({ javaScript })
  try {
    await story(chromium.page)
    assert.deepEqual(chromium.cspViolations, [])
  } finally {
    await chromium.close()
  }
}

/** Answers register.do with a name that is taken, and waits for what it says. */
async function fail(page: Page): Promise<void> {
  await page.getByLabel('Create a username').fill('somebody')
  await page.getByLabel('Create a password').fill(PASSWORD)
  await page.getByRole('checkbox', { name: 'Email address' }).check()
  await page.getByRole('button', CREATE).click()
  await page.locator('[data-part="suggestions"]').waitFor()
}

interface Named {
  tagName: string
  id: string
  textContent: string | null
  getAttribute(name: string): string | null
}

function inWords(elements: Named[]): string[] {
  return elements.map(({ tagName, id, textContent }, index) => {
    const name = elements[index]?.getAttribute('name') ?? ''
    return `${tagName} ${name} ${textContent?.trim() || id}`
  })
}

/** Everything that Tab reaches, once round. */
async function tabThrough(page: Page): Promise<string[]> {
  const reached: string[] = []
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab')
    const at = await page.locator(':focus').evaluateAll(inWords)
    if (at[0] === reached[0] && reached.length > 0) return reached
    reached.push(...at)
  }
  return reached
}

async function tabTo(page: Page, id: string): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    if ((await page.evaluate('document.activeElement.id')) === id) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`Tab did not reach ${id}`)
}
