// Sign-ins with an accident on the way: a server is killed, or loses PostgreSQL in the middle of a sentence, and the person tries once more.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, openBrowser, type Page } from './browser.ts'
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts'
import type { Fleet } from './fleet.ts'
import { assertWhole } from './races.ts'
import { stranger } from './road.ts'
import type { Mode } from './scene.ts'
import type { ServerProcess } from './server-process.ts'
import { fetchTrusting } from './tls-proxy.ts'
import { knownPerson, type Newcomer, storedPerson } from './visits.ts'
import { answerPrompt, givenOn } from './walkers.ts'

/** What a browser asks of the product on its way, in order. `question` and `answer` are GET and POST of a prompt. */
export type Step = 'door' | 'choice' | 'departure' | 'callback' | 'question' | 'answer' | 'ending' | 'exit'

/**
 * When it happens: so long after the request was sent, or at the n-th statement from the first that begins with those words
 * (no words: from the request). `before`: PostgreSQL never hears the statement. `after`: it has done what it was asked.
 */
export type Moment =
  | { kind: 'time'; ms: number }
  | { kind: 'statement'; number: number; from: string; where: 'before' | 'after' }

export interface Plan {
  mode: Mode
  step: Step
  moment: Moment
  /** What the person does when the page does not come: the same again, back to the question, or back to the application. */
  retry: 'again' | 'back' | 'application'
}

/** Makes a user; of whoever was asked nothing this is all, and a COMMIT as well. */
export const MAKING = 'WITH flow AS'

/** When the first statement with these words has been carried out, and nobody has been told. */
export function after(from: string): Moment {
  return { kind: 'statement', number: 1, from, where: 'after' }
}

/** What was seen of one accident. */
export interface Seen extends Plan {
  /** Where the transaction that ends the flow was: not begun, begun, or its COMMIT sent. */
  hit: 'before' | 'inside' | 'after'
  /** What the person got: a page as if nothing had been, a page that says to try again, or none. */
  got: 'page' | 'try again' | 'nothing'
  /** The user was there when the person tried again. */
  wasThere: boolean
  /** Pages that led nowhere but to the application's own start. */
  detours: number
}

/** Something that happens to whoever answers one request. */
export interface Accident {
  /** The port of the server that answers it; the next one behind the proxy if left out. */
  port?: number
  /** The way to PostgreSQL of whoever answers. */
  wire: CuttingProxy
  happen(): void
}

/** A server to be killed, with a way to PostgreSQL of its own. */
interface Victim {
  server: ServerProcess
  wire: CuttingProxy
}

/** Walks people through all these plans, a few at a time, each with a server to be killed. What was seen is in the plans' order. */
export async function killThem(fleet: Fleet, plans: Plan[], lanes: number): Promise<Seen[]> {
  const reserve = keepReserve(fleet, lanes, plans.length)
  const seen: Seen[] = []
  let next = 0
  let hasFailed = false
  const walkLane = async () => {
    while (next < plans.length && !hasFailed) {
      const index = next
      next += 1
      const plan = plans[index] as Plan
      const victim = await reserve.take()
      const accident = {
        port: victim.server.port,
        wire: victim.wire,
        happen: () => victim.server.child.kill('SIGKILL'),
      }
      try {
        seen[index] = await signInDespite(fleet, plan, accident)
      } catch (error) {
        hasFailed = true
        const what = `With a server killed: ${JSON.stringify(plan)}\n${error}\n${victim.server.output().slice(-2_000)}`
        throw new Error(what, { cause: error })
      } finally {
        await bury(fleet, victim)
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: lanes }, walkLane))
  await reserve.stop()
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return seen
}

/** Keeps `size` servers ready or starting, because a start takes longer than a sign-in; starts `count` altogether. */
function keepReserve(fleet: Fleet, size: number, count: number) {
  const victims: Promise<Victim>[] = []
  const startAnother = () => {
    if (victims.length === count) return
    const victim = startVictim(fleet)
    // Whoever takes it hears of a failure.
    victim.catch(() => {})
    victims.push(victim)
  }
  for (let started = 0; started < size; started += 1) startAnother()
  let taken = 0
  return {
    async take(): Promise<Victim> {
      const victim = victims[taken]
      taken += 1
      assert.ok(victim, 'more servers were taken than ordered')
      const ready = await victim
      startAnother()
      return ready
    },
    async stop(): Promise<void> {
      for (const victim of await Promise.allSettled(victims.slice(taken))) {
        if (victim.status === 'fulfilled') await bury(fleet, victim.value)
      }
    },
  }
}

async function startVictim(fleet: Fleet): Promise<Victim> {
  const wire = await startCuttingProxy(fleet.databaseUrl)
  try {
    return { server: await fleet.startAside({ DATABASE_URL: wire.url }), wire }
  } catch (error) {
    await wire.stop()
    throw error
  }
}

async function bury(fleet: Fleet, { server, wire }: Victim): Promise<void> {
  await fleet.end(server, 'SIGKILL')
  await wire.stop()
}

/**
 * Signs a stranger in by the plan; the accident happens to whoever answers the request of its step. Fails unless the sign-in
 * ends at the application, with one whole user or, where nobody is provisioned, with none.
 */
export async function signInDespite(fleet: Fleet, plan: Plan, accident: Accident): Promise<Seen> {
  const person = stranger(fleet)
  const seen: Seen = { ...plan, hit: 'before', got: 'page', wasThere: false, detours: 0 }
  const pass = fetchTrusting('')
  let happened: Promise<void> | undefined
  const browser = openBrowser({
    fetch: async (address, init = {}) => {
      const url = new URL(address)
      if (happened || url.origin !== fleet.url || stepOf(url, init.method ?? 'GET') !== plan.step)
        return pass(url, init)
      const { done, answered } = prepare(accident, plan.moment, seen)
      happened = done
      const headers = { ...init.headers, Host: url.host, 'X-Forwarded-Proto': 'http' }
      const target = `http://127.0.0.1:${accident.port ?? fleet.proxy.port}${url.pathname}${url.search}`
      // What a proxy in between would say.
      const lost = () => new Response('The server went away.', { status: 502 })
      return pass(target, { ...init, headers }).then((response) => {
        answered()
        return response
      }, lost)
    },
  })
  const page = await walk(fleet, browser, plan, person, seen)
  assert.ok(happened, `never came to the step "${plan.step}"`)
  await happened
  await assertSignedIn(fleet, plan.mode, person, page)
  await assertWhole(fleet)
  return seen
}

/** Lets it happen at that moment, or with the answer where the moment does not come; notes where the transaction was. */
function prepare(accident: Accident, moment: Moment, seen: Seen): { done: Promise<void>; answered: () => void } {
  const { wire } = accident
  const first = wire.statements.length
  let happen = () => {}
  const done = new Promise<void>((resolve) => {
    happen = () => {
      happen = () => {}
      wire.cut = () => undefined
      seen.hit = whereIn(seen, wire.statements.slice(first))
      accident.happen()
      resolve()
    }
  })
  if (moment.kind === 'time') {
    setTimeout(() => happen(), moment.ms)
    return { done, answered: () => {} }
  }
  let number = 0
  wire.onCut = () => happen()
  wire.cut = (sql) => {
    if (number > 0 || sql.startsWith(moment.from)) number += 1
    return number === moment.number ? moment.where : undefined
  }
  return { done, answered: () => happen() }
}

/** The step that makes the user, or ends the flow without one. */
export function lastStepOf(mode: Mode): Step {
  return mode === 'none' || mode === 'silent' ? 'callback' : 'answer'
}

/** Where the transaction that ends the flow is, by the statements that the step has sent so far. */
function whereIn({ mode, step }: Plan, statements: string[]): Seen['hit'] {
  if (step === 'ending' || step === 'exit') return 'after'
  if (step !== lastStepOf(mode)) return 'before'
  // Of whoever becomes a user unasked one statement is all of it.
  const last = mode === 'silent' ? MAKING : 'COMMIT'
  if (statements.some((sql) => sql.startsWith(last))) return 'after'
  return statements.some((sql) => /^BEGIN/.test(sql)) ? 'inside' : 'before'
}

/** Does what a person does on every page until the application says that they are signed in. */
async function walk(fleet: Fleet, browser: Browser, plan: Plan, person: Newcomer, seen: Seen): Promise<Page> {
  const { application } = fleet
  const start = () => browser.open(`${application.url}/login`)
  fleet.idp.signInAs = undefined
  let question: Page | undefined
  let page = await start()
  for (let moves = 0; moves < 30; moves += 1) {
    const { url, status } = page
    const way = `Continue with Acme ${plan.mode}`
    if (url.startsWith(application.redirectUri)) return page
    if (status === 502 || status === 503) {
      assert.equal(seen.got, 'page', `a second page did not come: ${page.history.join('\n')}`)
      seen.got = status === 502 ? 'nothing' : 'try again'
      if (status === 503) assert.match(page.headers.get('retry-after') ?? '', /^\d+$/)
      seen.wasThere = (await storedPerson(fleet, person.sub)) !== undefined
      page = await retry(page)
    } else if (url.startsWith(fleet.idp.issuer)) {
      page = await page.fill({ person: person.sub }).press('Sign in')
    } else if (page.text.includes(way)) {
      page = await page.click(way)
    } else if (page.text.includes('Create account')) {
      question = page
      page = await answerPrompt(page, plan.mode, person)
    } else if (page.headers.has('refresh')) {
      await sleep(Number(page.headers.get('refresh')) * 1_000)
      page = await browser.open(url)
    } else {
      seen.detours += 1
      assert.ok(seen.detours === 1, `led nowhere twice: ${status} ${url} ${page.text}`)
      page = await start()
    }
  }
  return assert.fail(`no end to it: ${page.status} ${page.url} ${page.text}`)

  function retry(lost: Page): Promise<Page> | Page {
    if (plan.retry === 'application') return start()
    if (plan.step !== 'answer' || !question) return browser.open(lost.url)
    return plan.retry === 'back' ? browser.open(question.url) : answerPrompt(question, plan.mode, person)
  }
}

/** The person is one whole user, and the application knows them by it; or nobody, where nobody is provisioned. */
async function assertSignedIn(fleet: Fleet, mode: Mode, person: Newcomer, page: Page): Promise<void> {
  const shown = givenOn(fleet.application, page)
  assert.equal(shown.userinfo['email'], person.email)
  const named = await fleet.rows('SELECT 1 FROM users WHERE username = $1', [person.preferred_username])
  if (mode === 'none') {
    assert.match(shown.sub, /^fed\./)
    assert.equal(await storedPerson(fleet, person.sub), undefined)
    assert.equal(named.length, 0)
    return
  }
  const { user, attributes, identities, consents, events } = await knownPerson(fleet, person.sub)
  assert.equal(shown.sub, user.id)
  assert.equal(named.length, 1, 'one user')
  assert.equal(identities.length, 1, 'one identity')
  assert.equal(
    user.password_hash !== null,
    mode === 'password' || mode === 'username',
    'a password where one was asked',
  )
  const kept = attributes.map(({ name }) => name)
  assert.deepEqual(kept, mode === 'silent' ? ['department', 'email', 'name', 'phone_number'] : ['email'])
  assert.equal(consents.length, mode === 'silent' ? 0 : 3, 'every answer')
  assert.equal(events.filter(({ event }) => event === 'user-created').length, 1, 'one event')
}

function stepOf({ pathname, searchParams }: URL, method: string): Step | undefined {
  if (pathname === '/oauth2/authorize') return 'door'
  if (pathname.startsWith('/oauth2/authorize/')) return 'exit'
  if (pathname.endsWith('/login.do')) return searchParams.has('idp') ? 'departure' : 'choice'
  if (pathname.startsWith('/commonauth/')) return 'callback'
  if (pathname === '/commonauth') return 'ending'
  if (/\/(register|signup)\.do$/.test(pathname)) return method === 'POST' ? 'answer' : 'question'
  return undefined
}
