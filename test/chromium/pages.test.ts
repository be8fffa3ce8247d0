// How the pages look and behave: narrow, light and dark, for assistive technology, and by keyboard alone.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { openChromium } from '../support/chromium.ts'
import { ada, PASSWORD } from '../support/people.ts'
import { MODES, type Mode, type Product, REPOSITORY, startProduct } from '../support/product.ts'

const FLOW_MINUTES = 30
const CREATE = { name: 'Create account', exact: true }
const DECLINE = { name: 'Do not create an account', exact: true }

describe('the pages in Chromium', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: MODES, flowMinutes: FLOW_MINUTES, change: named })
  })
  after(() => product.stop())

  for (const path of ['register.do', 'signup.do'] as const) {
    it(`${path} does not scroll sideways on a screen of 320 pixels, with its errors neither`, async () => {
      newPerson(`narrow-${path}`)
      await inChromium(async (page) => {
        await page.setViewportSize({ width: 320, height: 640 })
        await enter(page, path === 'register.do' ? 'username' : 'password')
        assert.equal(await overflow(page), 0)
        await page.getByRole('button', CREATE).click()
        await page.locator('[data-part="problems"]').waitFor()
        assert.equal(await overflow(page), 0)
      })
    })
  }

  it('the two answers are buttons of one size, one type and good contrast, on a wide and a narrow screen, light and dark', async () => {
    newPerson('buttons')
    await inChromium(async (page) => {
      await enter(page, 'username')
      for (const width of [320, 1100]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 800 })
          await page.emulateMedia({ colorScheme })
          const create = await looksOf(page, CREATE.name)
          const decline = await looksOf(page, DECLINE.name)
          const where = `${width} ${colorScheme}`
          assert.equal(create.tag + decline.tag, 'BUTTONBUTTON', where)
          assert.equal(decline.height, create.height, where)
          assert.equal(decline.fontSize, create.fontSize, where)
          assert.equal(decline.fontWeight, create.fontWeight, where)
          assert.equal(decline.minWidth, create.minWidth, where)
          assert.ok(decline.width >= create.width, where)
          assert.ok(create.height >= 44, where)
          assert.ok(create.contrast >= 4.5, `${where}: ${create.contrast}`)
          assert.ok(decline.contrast >= 4.5, `${where}: ${decline.contrast}`)
        }
      }
    })
  })

  describe('have nothing that axe finds fault with, light and dark:', () => {
    const visits: Record<string, (page: Page) => Promise<void>> = {
      'choosing how to sign in': async (page) => {
        await page.goto(product.application.url)
      },
      'a wrong password': async (page) => {
        await page.goto(product.application.url)
        await page.getByLabel('Username').fill('nobody')
        await page.getByLabel('Password').fill(PASSWORD)
        await page.getByRole('button', { name: 'Sign in', exact: true }).click()
        await page.locator('[data-msg="SIGNIN_FAILED"]').first().waitFor()
      },
      register: async (page) => {
        await enter(page, 'username')
      },
      'register with errors and suggestions': async (page) => {
        await enter(page, 'username')
        await page.getByRole('button', CREATE).click()
        await page.locator('[data-part="problems"]').waitFor()
        await fail(page)
      },
      'signup for a password': async (page) => {
        await enter(page, 'password')
      },
      'signup for consent': async (page) => {
        await enter(page, 'consent')
      },
      'signup when the name is taken': async (page) => {
        product.idp.person('taken', { ...ada, sub: 'taken consent', preferred_username: 'somebody' })
        product.idp.signInAs = 'taken'
        await enter(page, 'consent')
        await page.locator('[data-part="suggestions"]').waitFor()
      },
      declined: async (page) => {
        await enter(page, 'consent')
        await page.getByRole('button', DECLINE).click()
        await message(page, 'DECLINED')
      },
      expired: async (page) => {
        await enter(page, 'username')
        const { now } = product.clock
        product.clock.now = new Date(now.getTime() + (FLOW_MINUTES + 1) * 60_000)
        try {
          const answer = await page.reload()
          assert.equal(answer?.status(), 410)
          await message(page, 'EXPIRED')
        } finally {
          product.clock.now = now
        }
      },
      finished: async (page) => {
        await enter(page, 'consent')
        const prompt = page.url()
        await finish(page)
        await page.goto(prompt)
        await message(page, 'FINISHED')
      },
      refused: async (page) => {
        product.idp.person('refused', { ...ada, sub: 'refused', preferred_username: 'somebody' })
        product.idp.signInAs = 'refused'
        await enter(page, 'silent')
        await message(page, 'USERNAME_TAKEN')
      },
      'not found': async (page) => {
        const answer = await page.goto(`${product.url}/no-such-page`)
        assert.equal(answer?.status(), 404)
      },
      'signing out': async (page) => {
        await enter(page, 'silent')
        await page.goto(`${product.application.url}/logout`)
        await page.getByRole('button', { name: 'Sign out' }).waitFor()
      },
    }
    before(async () => {
      // Somebody has the name "somebody" already.
      product.idp.person('somebody', { ...ada, sub: 'somebody', preferred_username: 'somebody' })
      product.idp.signInAs = 'somebody'
      await inChromium((page) => enter(page, 'silent'))
    })
    for (const [name, visit] of Object.entries(visits)) {
      it(name, async () => {
        newPerson(`axe-${name.replaceAll(' ', '-')}`.slice(0, 30))
        await inChromium(async (page) => {
          await visit(page)
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme })
            const { violations, passes } = await new AxeBuilder({ page })
              .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
              .analyze()
            const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`))
            assert.deepEqual(found, [], colorScheme)
            assert.ok(passes.length > 5, 'axe has looked at the page')
          }
        })
      })
    }
  })

  it('the Tab key reaches everything on register.do in the order of the page, errors and suggestions included', async () => {
    newPerson('tab')
    await inChromium(async (page) => {
      await enter(page, 'username')
      await fail(page)
      const reached = await tabThrough(page)
      const visible = await page
        .locator('a[href], button:not([tabindex="-1"]), input:not([type="hidden"]), summary')
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

async function finish(page: Page): Promise<void> {
  await page.getByRole('checkbox', { name: 'Email address' }).check()
  await page.getByRole('button', CREATE).click()
  await page.locator('#result').waitFor()
}

async function message(page: Page, code: string): Promise<void> {
  await page.locator(`h1[data-msg="${code}"]`).waitFor({ timeout: 5_000 })
}

async function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

interface Looks {
  tag: string
  width: number
  height: number
  fontSize: string
  fontWeight: string
  minWidth: string
  contrast: number
}

interface Styled {
  tagName: string
  parentElement: Styled | null
  getBoundingClientRect(): { width: number; height: number }
  ownerDocument: { defaultView: { getComputedStyle(element: Styled): Style } }
}

type Style = Record<'color' | 'backgroundColor' | 'fontSize' | 'fontWeight' | 'minWidth', string>

/** What the browser made of a button. Contrast by WCAG 2.2, of the text on the nearest background that is not transparent. */
async function looksOf(page: Page, name: string): Promise<Looks> {
  const button = page.getByRole('button', { name, exact: true })
  const looks = await button.evaluate((element: Styled) => {
    const view = element.ownerDocument.defaultView
    const { width, height } = element.getBoundingClientRect()
    const backgrounds: string[] = []
    for (let at: Styled | null = element; at; at = at.parentElement) {
      backgrounds.push(view.getComputedStyle(at).backgroundColor)
    }
    const { color, fontSize, fontWeight, minWidth } = view.getComputedStyle(element)
    return { tag: element.tagName, width, height, fontSize, fontWeight, minWidth, color, backgrounds }
  })
  const { color, backgrounds, ...rest } = looks
  const background = backgrounds.find((one) => one !== 'rgba(0, 0, 0, 0)') ?? 'rgb(255, 255, 255)'
  const [darker = 0, lighter = 0] = [luminance(color), luminance(background)].toSorted((a, b) => a - b)
  return { ...rest, contrast: (lighter + 0.05) / (darker + 0.05) }
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
    const share = Number(part) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
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
