// People who sign in one after another while something happens to the servers, and a list of those for whom it did not work.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Application } from './application.ts'
import { openBrowser, type Page } from './browser.ts'
import { PASSWORD } from './people.ts'
import type { FetchInit } from './plain-fetch.ts'
import { arrive, fillRegister, stranger } from './road.ts'
import { MODES, type Mode, type Scene } from './scene.ts'
import type { Newcomer } from './visits.ts'

/** What the application shows of one sign-in: on its page, since of many at once none is the last for long. */
export interface Given {
  sub: string
  userinfo: Record<string, unknown>
}

export interface Walkers {
  /** How many sign-ins of each mode came to their end. */
  done: Record<Mode, number>
  /** What went wrong, a sentence for each. */
  failed: string[]
  /** Lets everybody finish and asks nobody else. */
  stop(): Promise<void>
}

/** Reads what the application shows; fails on any other page. */
export function givenOn(application: Application, page: Page): Given {
  assert.ok(page.url.startsWith(application.redirectUri), `not at the application but at ${page.url}: ${page.text}`)
  const given = JSON.parse(page.text) as Partial<Given> & { error?: string }
  assert.ok(given.sub !== undefined && given.userinfo, `not signed in: ${page.text}`)
  return { sub: given.sub, userinfo: given.userinfo }
}

/** Answers what the page of this mode asks of somebody new: everything that has to be answered and nothing else. */
export function answerPrompt(page: Page, mode: Mode, person: Newcomer): Promise<Page> | Page {
  if (!page.url.includes('/accountrecoveryendpoint/')) return page
  if (mode === 'username') return fillRegister(page, person.preferred_username).press('Create account')
  const filled = mode === 'password' ? page.fill({ password: PASSWORD }) : page
  return filled.tick('recover:email').press('Create account')
}

/** One person's first sign-in by this mode, and a second one in another browser, which must be the same person's. */
export async function walk(scene: Scene, mode: Mode, signIn: SignIn = signInOnce): Promise<void> {
  const person = stranger(scene)
  const first = await signIn(scene, mode, person)
  assert.equal(first.userinfo['email'], person.email)
  const again = await signIn(scene, mode, person)
  assert.equal(again.sub, first.sub, 'the same person is somebody else at the second sign-in')
}

type SignIn = (scene: Scene, mode: Mode, person: Newcomer) => Promise<Given>

/** A connection of its own for each request: nobody's next one is sent on a connection that a server of the tests gives up just then. */
function load(url: string | URL, { method = 'GET', headers = {}, body }: FetchInit = {}): Promise<Response> {
  const sent = body === undefined ? {} : { body: String(body) }
  return fetch(url, { method, headers: { ...headers, Connection: 'close' }, redirect: 'manual', ...sent })
}

/** Signs in without ever trying anything twice. */
async function signInOnce(scene: Scene, mode: Mode, person: Newcomer): Promise<Given> {
  const page = await arrive(scene, openBrowser({ fetch: load }), mode, person)
  return givenOn(scene.application, await answerPrompt(page, mode, person))
}

/**
 * The same walk for people who reload a page that says that the server went away, once for each; every reload is noted. Where it
 * was the application that lost its answer, its code is spent, so they press "Sign in" there once more.
 */
export function walkWithReloads(scene: Scene, mode: Mode, reloads: string[]): Promise<void> {
  const loadAgain = async (url: string | URL, init: FetchInit = {}) => {
    // A proxy says 502, or hangs up when the server went away on a connection that had been used before.
    const answer = await load(url, init).catch((error: unknown) => {
      if (new URL(url).origin !== scene.url) throw error
    })
    if (answer && answer.status !== 502) return answer
    reloads.push(`${init.method} ${new URL(url).pathname}`)
    return load(url, init)
  }
  return walk(scene, mode, async (_scene, _mode, person) => {
    const browser = openBrowser({ fetch: loadAgain })
    let page = await arrive(scene, browser, mode, person)
    // A page that leads on by itself: to the beginning, when the answer to the callback is lost for good.
    while (page.headers.has('refresh')) {
      await sleep(1_000)
      page = await browser.open(page.url)
    }
    if (page.url.includes('/login.do')) page = await page.click(`Continue with Acme ${mode}`)
    if (page.url.startsWith(scene.idp.issuer)) page = await page.fill({ person: person.sub }).press('Sign in')
    page = await answerPrompt(page, mode, person)
    if (page.url.startsWith(scene.application.redirectUri) && page.text.includes('"kind": "error"')) {
      reloads.push('the application')
      page = await browser.open(`${scene.application.url}/login`)
    }
    return givenOn(scene.application, page)
  })
}

/** Sends `count` people on their way at once, each followed by the next, through all modes in turn. */
export function startWalkers(
  count: number,
  walkOnce: (mode: Mode) => Promise<unknown>,
  options: { pauseMs?: number } = {},
): Walkers {
  const walkers: Walkers = {
    done: Object.fromEntries(MODES.map((mode) => [mode, 0])) as Record<Mode, number>,
    failed: [],
    async stop() {
      isStopping = true
      await all
    },
  }
  let isStopping = false
  let turn = 0
  const all = Promise.all(
    Array.from({ length: count }, async () => {
      while (!isStopping) {
        const mode = MODES[turn++ % MODES.length] ?? 'silent'
        try {
          await walkOnce(mode)
          walkers.done[mode] += 1
        } catch (error) {
          const { message, cause } = error as Error
          walkers.failed.push(`${mode}: ${message}${cause instanceof Error ? `, because ${cause.message}` : ''}`)
        }
        await sleep(options.pauseMs ?? 0)
      }
    }),
  )
  return walkers
}

/** Somebody who stays signed in: a live session in their browser, and a refresh token at the application. */
export interface Resident {
  sub: string
  /** The application asks again without asking the person; fails when that is a sign-out. */
  comeBack(): Promise<void>
  /** The application uses its refresh token, which changes each time. */
  refresh(): Promise<void>
}

/** Signs somebody in to stay. The application must have the test's usual client. */
export async function settleResident(scene: Scene, mode: Mode): Promise<Resident> {
  const person = stranger(scene)
  const browser = openBrowser({ fetch: load })
  const query = '?scope=openid+email+offline_access'
  const page = await answerPrompt(await arrive(scene, browser, mode, person, { query }), mode, person)
  const { sub } = givenOn(scene.application, page)
  const result = scene.application.results.findLast((one) => one.kind === 'signed-in' && one.sub === sub)
  let token = (result?.kind === 'signed-in' && result.tokens.refreshToken) || assert.fail('no refresh token was given')
  return {
    sub,
    async comeBack() {
      // What is asked for must not be more than before: of a federated person no more is known than was sent then.
      const again = await browser.open(`${scene.application.url}/login?prompt=none&scope=openid+email`)
      assert.equal(givenOn(scene.application, again).sub, sub)
    },
    async refresh() {
      const response = await fetch(`${scene.url}/oauth2/token`, {
        method: 'POST',
        headers: { Connection: 'close' },
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: token,
          client_id: 'travel',
          client_secret: 'a secret of the travel application',
        }),
      })
      const text = await response.text()
      assert.equal(response.status, 200, `no new tokens: ${response.status} ${text}`)
      token = (JSON.parse(text) as { refresh_token: string }).refresh_token
    },
  }
}
