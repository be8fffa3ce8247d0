// The five modes in a real browser, with JavaScript and without: from the demo's application and back to it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { type Chromium, openChromium } from '../support/chromium.ts'
import {
  DEMO_WAYS,
  type DemoMode,
  type DemoProcess,
  emptyFolder,
  freePorts,
  startDemoProcess,
} from '../support/demo.ts'
import { PASSWORD } from '../support/people.ts'

interface Kept {
  scheme: string
  password_hash: string | null
  attributes: Record<string, unknown>
  given: string[]
  refused: string[]
}

describe('the five modes in Chromium', () => {
  let place: Awaited<ReturnType<typeof emptyFolder>>
  let demo: DemoProcess
  before(async () => {
    place = await emptyFolder()
    demo = await startDemoProcess(place.folder, await freePorts())
  })
  after(async () => {
    await demo.end('SIGTERM')
    await place.remove()
  })

  // Two people, so that each is new to every mode.
  for (const { javaScript, persona, given, family } of [
    { javaScript: false, persona: 'asha', given: 'Asha', family: 'Rao' },
    { javaScript: true, persona: 'dora', given: 'Dora', family: 'Lindqvist' },
  ]) {
    describe(`${javaScript ? 'with' : 'without'} JavaScript`, () => {
      const email = `${persona}@acme.example`

      it('No Provisioning hands the person on and makes no user', async () => {
        await inBrowser(async (page) => {
          await enter(page, 'none')
          assert.match(await shownTo(page, 'sub'), /^fed\.[\w-]{43}$/)
          assert.equal(await shownTo(page, 'email'), email)
          assert.equal(await keptOf(`${persona}-none`), undefined)
        })
      })

      it('Provision silently makes the user without a page and keeps all that is mapped', async () => {
        await inBrowser(async (page) => {
          await enter(page, 'silent')
          const kept = await keptOf(`${persona}-silent`)
          assert.equal(await shownTo(page, 'preferred_username'), `${persona}-silent`)
          assert.deepEqual(Object.keys(kept?.attributes ?? {}).toSorted(), [
            'department',
            'email',
            'family_name',
            'given_name',
            'name',
            'phone_number',
          ])
          assert.deepEqual([kept?.scheme, kept?.given, kept?.password_hash], ['PROVISION_SILENTLY', [], null])
        })
      })

      it('Prompt for consent asks on signup.do, for no password, and keeps what is ticked and nothing else', async () => {
        await inBrowser(async (page) => {
          await enter(page, 'consent')
          assert.equal(new URL(page.url()).pathname, '/accountrecoveryendpoint/signup.do')
          assert.equal(await heading(page), 'Choose what Northwind may keep')
          assert.equal(await page.locator('input[type=password]').count(), 0)
          assert.equal(await page.getByRole('checkbox', { checked: true }).count(), 0)
          await page.getByRole('checkbox', { name: 'Email address' }).check()
          await page.getByRole('checkbox', { name: 'Department' }).check()
          await page.getByRole('button', { name: 'Create account', exact: true }).click()
          await signedIn(page)
          const kept = await keptOf(`${persona}-consent`)
          assert.deepEqual(kept?.attributes, { email, department: 'Engineering' })
          assert.deepEqual(kept?.given, ['office:department', 'recover:email'])
          assert.deepEqual(kept?.refused, ['office:name', 'recover:phone_number'])
          assert.equal(kept?.password_hash, null)
        })
      })

      it('Prompt for password and consent shows the username for good and asks for a password', async () => {
        await inBrowser(async (page) => {
          await enter(page, 'password')
          assert.equal(new URL(page.url()).pathname, '/accountrecoveryendpoint/signup.do')
          assert.equal(await heading(page), 'Set a password for Travel')
          const username = page.getByLabel('Your username')
          assert.equal(await username.inputValue(), `${persona}-password`)
          assert.equal(await username.isEditable(), false)
          await page.getByLabel('Create a password').fill(PASSWORD)
          await page.getByRole('checkbox', { name: 'Email address' }).check()
          await page.getByRole('button', { name: 'Create account', exact: true }).click()
          await signedIn(page)
          const kept = await keptOf(`${persona}-password`)
          assert.match(kept?.password_hash ?? '', /^\$argon2id\$/)
          assert.deepEqual(kept?.attributes, { email })
        })
      })

      it('Prompt for username, password, and consent says what is wrong, keeps what was typed, and makes the user', async () => {
        await inBrowser(async (page) => {
          await enter(page, 'username')
          assert.equal(new URL(page.url()).pathname, '/accountrecoveryendpoint/register.do')
          assert.equal(await heading(page), 'Create your Travel account')
          const time = await page.locator('[data-part="open-until"] time').innerText()
          assert.match(time, javaScript ? /^\d\d:\d\d$/ : /^\d\d:\d\d UTC$/)

          await page.getByLabel('Create a username').fill('chen-username')
          await page.getByLabel('Create a password').fill('too short')
          await page.getByRole('checkbox', { name: 'Full name' }).check()
          await page.getByRole('button', { name: 'Create account', exact: true }).click()
          await page.locator('[data-part="problems"]').waitFor()
          assert.match(await page.title(), /^Error: /)
          const codes = page.locator('[data-part="problems"] [data-msg]')
          const shown = await codes.evaluateAll((links) => links.map((link) => link.getAttribute('data-msg')))
          assert.deepEqual(shown, ['USERNAME_TAKEN', 'PW_SHORT', 'CONSENT_NEEDED'], 'all problems at once')
          assert.match(await page.locator('#username-error').innerText(), /"chen-username" is taken/)
          const focused = await page.evaluate('document.activeElement.getAttribute("data-part")')
          assert.equal(focused, javaScript ? 'problems' : null)
          assert.equal(await page.getByLabel('Create a password').inputValue(), '')
          assert.equal(await page.getByRole('checkbox', { name: 'Full name' }).isChecked(), true)

          await page.getByRole('link', { name: 'Tick Email address' }).click()
          await page.getByRole('checkbox', { name: 'Email address' }).check()
          const name = `${persona}.at.travel`
          await page.getByLabel('Create a username').fill(name)
          await page.getByLabel('Create a password').fill(PASSWORD)
          await page.getByRole('button', { name: 'Create account', exact: true }).click()
          await signedIn(page)
          assert.equal(await shownTo(page, 'preferred_username'), name)
          const kept = await keptOf(name)
          assert.match(kept?.password_hash ?? '', /^\$argon2id\$/)
          assert.deepEqual(kept?.attributes, { email, name: `${given} ${family}` })
        })
      })

      async function inBrowser(story: (page: Page) => Promise<void>): Promise<void> {
        const chromium: Chromium = await openChromium({ javaScript })
        try {
          await story(chromium.page)
          assert.deepEqual(chromium.cspViolations, [])
        } finally {
          await chromium.close()
        }
      }

      /** From the application's own link to the idp of a mode and back, as far as it goes without an answer. */
      async function enter(page: Page, mode: DemoMode): Promise<void> {
        await page.goto(demo.applicationUrl)
        await page.getByRole('link', { name: 'Sign in' }).click()
        await page.getByRole('link', { name: DEMO_WAYS[mode], exact: true }).click()
        await page.getByRole('button', { name: `${given} ${family}` }).click()
      }
    })
  }

  /** What the database has of a user. */
  async function keptOf(username: string): Promise<Kept | undefined> {
    const [kept] = await demo.rows<Kept>(
      `SELECT i.scheme, u.password_hash,
         coalesce((SELECT jsonb_object_agg(name, value) FROM user_attributes WHERE user_id = u.id), '{}') AS attributes,
         array(SELECT purpose_id || ':' || attribute FROM consents WHERE user_id = u.id AND is_given ORDER BY 1) AS given,
         array(SELECT purpose_id || ':' || attribute FROM consents WHERE user_id = u.id AND NOT is_given ORDER BY 1) AS refused
       FROM users u JOIN identities i ON i.user_id = u.id WHERE u.username = $1`,
      [username],
    )
    return kept
  }
})

async function heading(page: Page): Promise<string> {
  return page.getByRole('heading', { level: 1 }).innerText()
}

async function signedIn(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
}

/** What the application says that it was told. */
async function shownTo(page: Page, claim: string): Promise<string> {
  await signedIn(page)
  return page
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader', { name: claim, exact: true }) })
    .getByRole('cell')
    .innerText()
}
