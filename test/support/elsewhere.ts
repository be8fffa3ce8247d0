// The product with its pages elsewhere, and what the server of such a page says to the flow API.
import assert from 'node:assert/strict'
import { AnswersWrongResponse, ProblemResponse } from '../../src/api/shapes.ts'
import type { Declared } from '../../src/declared.ts'
import { listen } from '../../src/demo/listen.ts'
import { type Browser, openBrowser, type Page } from './browser.ts'
import { type Mode, type Product, type ProductOptions, startProduct } from './product.ts'
import { automation, tokenFor } from './tokens.ts'
import { newcomer, visit } from './visits.ts'

export const ASKING: Mode[] = ['consent', 'password', 'username']

export interface Elsewhere extends Product {
  /** Where people are sent: a server that answers everything and asks for nothing. */
  pages: string
}

/** Starts the product with both pages at an address where nobody asks for the question but the test. */
export async function startElsewhere(options: ProductOptions = {}): Promise<Elsewhere> {
  const pages = await listen((_req, res) => res.end('<title>Elsewhere</title>'), 0)
  const origin = `http://127.0.0.1:${pages.port}`
  const { change = (declared: Declared) => declared } = options
  const product = await startProduct({
    modes: [...ASKING, 'silent'],
    ...options,
    change: (declared) => change(atElsewhere(origin)(declared)),
  })
  const { stop } = product
  return Object.assign(product, {
    pages: origin,
    async stop() {
      await stop()
      await pages.stop()
    },
  })
}

/** Both pages at an origin elsewhere, an application that serves them, and one that may do nothing. */
export function atElsewhere(origin: string): (declared: Declared) => Declared {
  return (declared) => ({
    ...declared,
    jitProvisioning: {
      ...declared.jitProvisioning,
      usernameProvisioningUrl: `${origin}/register`,
      passwordProvisioningUrl: `${origin}/signup`,
    },
    applications: [
      ...declared.applications,
      automation('pages', ['internal_flow_answer']),
      automation('other-pages', ['internal_flow_answer']),
      automation('nobody', []),
    ],
  })
}

export interface Said {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of JSON, it asserts.
  body: any
}

/** One call as an application makes it, with a token of its own. */
export async function call(
  product: Product,
  path: string,
  body: unknown,
  { clientId = 'pages', scope = 'internal_flow_answer' } = {},
): Promise<Said> {
  const token = await tokenFor(product.url, clientId, scope)
  return rawCall(product, path, JSON.stringify(body), { Authorization: `Bearer ${token}` })
}

/** One call as it is written here. Whatever comes back has to be for programs: never HTML, never a 5xx, never for another site's scripts. */
export async function rawCall(
  product: Product,
  path: string,
  body: string | Buffer | undefined,
  headers: Record<string, string>,
  method = 'POST',
): Promise<Said> {
  const answer = await fetch(`${product.url}/api/flow/v1${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  })
  assert.ok(answer.status < 500, `${answer.status} at ${path}`)
  assert.equal(answer.headers.get('access-control-allow-origin'), null)
  assert.equal(answer.headers.get('set-cookie'), null)
  const type = answer.status < 400 ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8'
  assert.equal(answer.headers.get('content-type'), type)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const said: Said = { status: answer.status, headers: answer.headers, body: await answer.json() }
  if (said.status >= 400) {
    assert.equal(said.body.status, said.status)
    const shape = said.status === 422 && said.body.question ? AnswersWrongResponse : ProblemResponse
    shape.parse(said.body)
  }
  return said
}

export interface Sent {
  browser: Browser
  person: ReturnType<typeof newcomer>
  page: Page
  key: string
}

/** Somebody new who was sent to the page elsewhere. */
export async function sendSomebody(
  product: Elsewhere,
  mode: Mode = 'username',
  claims: Record<string, unknown> = {},
): Promise<Sent> {
  const [browser, person] = [openBrowser(), newcomer(claims)]
  const page = await visit(product, mode, person, { browser })
  return { browser, person, page, key: keyIn(page) }
}

/** The key that the page elsewhere gets; fails when the browser is not there. */
export function keyIn(page: Page): string {
  const url = new URL(page.url)
  assert.equal(page.title, 'Elsewhere', `not elsewhere but at ${page.url}: ${page.text}`)
  assert.deepEqual([...url.searchParams.keys()], ['key'])
  return url.searchParams.get('key') ?? ''
}

/** The address of ours that sent the browser elsewhere. */
export function ownAddress({ page }: Sent): string {
  return page.history.findLast((url) => url.includes('sessionDataKey=')) ?? assert.fail('never was at a page of ours')
}

export function flowOf(sent: Sent): string {
  return new URL(ownAddress(sent)).searchParams.get('sessionDataKey') ?? ''
}

/** The question of a key, and the token to answer with. */
export async function ask(product: Elsewhere, { key }: { key: string }) {
  const { status, body } = await call(product, '/questions', { key })
  assert.equal(status, 200, JSON.stringify(body))
  return body as { token: string; question: { page: string; notice: string; [name: string]: unknown } }
}

/** Answers that a page sends back with its question; `changes` put others in their place, undefined none. */
export function answersTo(
  { token, question }: Awaited<ReturnType<typeof ask>>,
  changes: Record<string, unknown> = {},
): Record<string, unknown> {
  const { page, notice } = question
  return { token, page, notice, consent: ['recover:email'], ...changes }
}

/** Our own page for somebody whose page elsewhere did not ask in time. */
export async function askedHere(product: Elsewhere, sent: Sent): Promise<Page> {
  const { browser } = sent
  keyIn(await browser.open(ownAddress(sent)))
  later(product, 6)
  return browser.open(ownAddress(sent))
}

export function later(product: Product, seconds: number): void {
  product.clock.now = new Date(product.clock.now.getTime() + seconds * 1000)
}
