// The whole product under generated input: claims, forms, callbacks and addresses that nobody thought of. Whatever comes, nothing breaks (no 500),
// nobody is made without their own answer, and no row is without its siblings. FAST_CHECK_RUNS=20 tries each property twenty times as often.
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { readTyped } from '../src/provisioning/typed-attributes.ts'
import { holdsThroughout } from './support/arbitraries.ts'
import { assertion, callbacks, type Generated, posts, question } from './support/arbitrary-requests.ts'
import { type Browser, openBrowser, type Page } from './support/browser.ts'
import { readPage } from './support/html-page.ts'
import type { Claims, Fault } from './support/idp.ts'
import { brokenInvariants } from './support/invariants.ts'
import { during } from './support/misbehaviour.ts'
import { PASSWORD } from './support/people.ts'
import { MODES, type Mode, type Product, startProduct } from './support/product.ts'
import { arrive, callbackOf, signedInAt, stranger } from './support/road.ts'
import { codesOn, flowIdOf, type Newcomer, newcomer, storedPerson } from './support/visits.ts'

/** The statuses of design 5.1 for input, 308 for another host, and 431, which is the HTTP server's own. */
const STATUSES = [200, 204, 301, 302, 303, 308, 400, 401, 403, 404, 405, 409, 410, 413, 415, 421, 422, 429, 431]

/** What is typed where a value is needed. */
const ANSWERS: Record<string, string> = { password: PASSWORD, 'attribute.email': 'asha@acme.example' }

const mode = fc.constantFrom(...MODES)

describe('whatever comes', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: MODES })
  })
  after(() => product.stop())

  let read = 0
  let visitors = 0

  /** Nothing broke since the last time, and every row in the database is right. */
  async function assertWell(): Promise<void> {
    const lines = product.log.slice(read)
    read = product.log.length
    assert.deepEqual(
      // An idp that did not do its part is the one error that is not ours.
      lines.filter((line) => /"status":5(?!02)\d\d|"openid provider failed"/.test(line)),
      [],
    )
    assert.deepEqual(await brokenInvariants(product.rows), [])
  }

  /** Somebody at an address of their own: some limits are per address, and everybody here is another person. */
  function visitor(): { browser: Browser; address: Record<string, string> } {
    visitors += 1
    const address = { 'X-Forwarded-For': `10.${visitors >> 16}.${(visitors >> 8) & 255}.${visitors & 255}` }
    return { browser: openBrowser({ headers: address }), address }
  }

  /** Answers a prompt as somebody would who wants an account: what is needed, and `isGenerous` about the rest. */
  function answer(page: Page, isGenerous: boolean): Page {
    for (const { kind, name, value, fixed, disabled } of readPage(page.html).forms.flatMap((form) => form.controls)) {
      if (kind === 'field' && !fixed && !disabled) page.fill({ [name]: ANSWERS[name] ?? newcomer().preferred_username })
      if (kind === 'box' && (isGenerous || value === 'recover:email')) page.tick(value)
    }
    return page
  }

  /** Goes on to the application from wherever a sign-in has come to, which must lead there. */
  async function goOn(page: Page, isGenerous: boolean): Promise<void> {
    const isAsked = page.status === 200 && /(register|signup)\.do/.test(page.url)
    signedInAt(product.application, isAsked ? await answer(page, isGenerous).press('Create account') : page)
  }

  describe('from an idp', () => {
    /** What it says, over what it would say of the person. */
    function faultOf({ claims, where, written }: Generated<typeof assertion>, person: Newcomer): Fault {
      const tamper = (asserted: Claims, at: string) =>
        where === at || where === 'both' ? { ...asserted, ...claims } : asserted
      const fault: Fault = { tamper: (asserted, at) => (at === 'discovery' ? asserted : tamper(asserted, at)) }
      if (written.length === 0) return fault
      const members = Object.entries(JSON.parse(JSON.stringify(tamper(person, 'userinfo'))))
        .map(([name, value]): [string, string] => [name, JSON.stringify(value)])
        .concat(written)
        .map(([name, value]) => `${JSON.stringify(name)}:${value}`)
      return { ...fault, userinfo: (_req, res) => void res.type('json').send(`{${members.join(',')}}`) }
    }

    /** Signed in, asked and then signed in, or told why not. */
    async function assertEnded(page: Page, isGenerous: boolean): Promise<void> {
      if (page.status === 200) return goOn(page, isGenerous)
      const codes = codesOn(page).join()
      if (page.status === 502) return assert.equal(codes, 'IDP')
      // A silent idp has nobody to ask for another name.
      assert.match(codes, /^USERNAME_(TAKEN|POLICY)$/, `${page.status} at ${page.url}: ${page.text}`)
      assert.equal(page.status, 409)
    }

    it('nothing breaks, and who comes in is a whole user with what they granted, the first time and the second', async () => {
      await holdsThroughout(25, [mode, assertion, assertion, fc.boolean()], async (idp, first, second, isGenerous) => {
        const person = stranger(product)
        for (const said of [first, second]) {
          await during(product, faultOf(said, person), async () => {
            await assertEnded(await arrive(product, visitor().browser, idp, person), isGenerous)
          })
        }
        await assertWell()
      })
    })
  })

  describe('in a form', () => {
    type Made = NonNullable<Awaited<ReturnType<typeof storedPerson>>>

    /** What is sent, and the fields in it as far as there are any. */
    function bodyOf({ body }: Generated<typeof posts>[number], honest: URLSearchParams) {
      if (!Array.isArray(body)) return { sent: body, fields: new URLSearchParams() }
      const fields = new URLSearchParams(honest)
      for (const { kind, name, value } of body) {
        if (kind === 'drop') fields.delete(name)
        if (kind === 'set') fields.set(name, value)
        if (kind === 'add') fields.append(name, value)
      }
      return { sent: fields.toString(), fields }
    }

    /** Everything that is kept was ticked, every box has the answer that was given, and the name is the one that was typed or shown. */
    function assertGranted(made: Made, fields: URLSearchParams, idp: Mode, person: Newcomer): void {
      const ticked = new Set(fields.getAll('consent'))
      const answers = made.consents.map((one) => ({ ...one, key: `${one.purpose_id}:${one.attribute}` }))
      assert.deepEqual(
        answers.map(({ key, is_given: isGiven }) => [key, isGiven]),
        ['recover:email', 'recover:phone_number', 'office:department'].map((key) => [key, ticked.has(key)]),
      )
      assert.ok(ticked.has('recover:email'), 'made without what is needed')
      const given = answers.filter(({ key }) => ticked.has(key)).map(({ attribute }) => attribute)
      assert.deepEqual(
        made.attributes.map(({ name, value }) => [name, value]),
        given.sort().map((name) => [name, person[name] ?? typedEmail(fields)]),
      )
      const typed = (fields.get('username') ?? '').replace(/^ +| +$/g, '')
      assert.equal(made.user.username, idp === 'username' ? typed : person.preferred_username)
    }

    function typedEmail(fields: URLSearchParams): unknown {
      const reading = readTyped('email', fields.get('attribute.email') ?? '', '')
      return 'value' in reading ? reading.value : assert.fail('made without an address')
    }

    it('nothing breaks, nobody is made but of what they ticked and typed, and a question that is open can be answered', async () => {
      const asking = fc.constantFrom<Mode>('consent', 'password', 'username')
      await holdsThroughout(35, [asking, posts, fc.boolean(), fc.boolean()], async (idp, all, isGenerous, isSent) => {
        const { browser, address } = visitor()
        const person = stranger(product, isSent ? {} : { email: undefined })
        const prompt = await arrive(product, browser, idp, person)
        const form = answer(prompt, isGenerous).submission('Create account')
        let isMade = false
        for (const post of all) {
          const { sent, fields } = bodyOf(post, form.fields)
          const url = post.address === undefined ? form.url : product.url + post.address
          const { status } = await ask(browser, url, {
            method: post.method,
            headers: { 'Content-Type': post.contentType, ...address, ...post.headers },
            ...(/GET|HEAD/.test(post.method) ? {} : { body: sent }),
          })
          assert.ok(STATUSES.includes(status), `${status} for ${post.method} ${url}`)
          const made = isMade ? undefined : await storedPerson(product, person.sub)
          if (!made) continue
          isMade = true
          assert.deepEqual([post.method, url, status], ['POST', form.url, 303])
          assertGranted(made, fields, idp, person)
        }
        const [flow] = await product.rows<{ ending: unknown }>('SELECT ending FROM flows WHERE id = $1', [
          flowIdOf(prompt),
        ])
        if (!flow?.ending) {
          assert.equal(isMade, false)
          await goOn(await browser.open(prompt.url), isGenerous)
        }
        await assertWell()
      })
    })
  })

  describe('in a callback', () => {
    /** Somebody who comes back from the idp in a moment. */
    async function comingBack(idp: Mode) {
      const { browser, address } = visitor()
      const person = stranger(product)
      return { idp, person, browser, address, callback: await callbackOf(product, browser, idp, person) }
    }

    it('nothing breaks, nobody comes in but by their own browser, address, state and code, and who is not back yet still can', async () => {
      await holdsThroughout(20, [mode, mode, callbacks], async (first, second, all) => {
        const people = new Map([
          ['one', await comingBack(first)],
          ['another', await comingBack(second)],
        ])
        const ofCallback = (whose: string, name: string) => people.get(whose)?.callback.searchParams.get(name)
        const back = new Set<string>()
        for (const tried of all) {
          const query = new URLSearchParams()
          for (const [name, value] of [['state', tried.state], ['code', tried.code], ...tried.others] as const) {
            query.append(name, ofCallback(value, name) ?? value)
          }
          const path = people.get(tried.path)?.callback.pathname ?? `/commonauth/${tried.path}`
          const { browser, address } = people.get(tried.browser) ?? visitor()
          const { status } = await ask(browser, `${product.url}${path}?${query}${tried.behind}`, {
            method: tried.method,
            headers: { ...address, ...tried.headers },
          })
          assert.ok([...STATUSES, 502].includes(status), `${status} for ${tried.method} ${path}?${query}`)
          // From here on it has a right to have used the sign-in up.
          if (tried.browser === tried.state && path === people.get(tried.state)?.callback.pathname)
            back.add(tried.state)
        }
        for (const [whose, { idp, person, browser, callback }] of people) {
          const isOwn = all.some((tried) => [tried.browser, tried.state, tried.code].every((part) => part === whose))
          if (await storedPerson(product, person.sub)) assert.ok(isOwn && idp === 'silent', `${whose} was made`)
          if (!back.has(whose)) await goOn(await browser.open(callback), true)
        }
        await assertWell()
      })
    })
  })

  describe('to an address', () => {
    it('nothing breaks, and nothing of the inside is shown, whoever asks for what and how', async () => {
      const { browser } = visitor()
      await arrive(product, browser, 'username', stranger(product))
      const own = new URL(browser.history.find((url) => url.includes('/oauth2/authorize')) ?? '')
      await holdsThroughout(200, [question], async ({ address, behind, isRight, parameters, method, headers }) => {
        const query = new URLSearchParams(isRight ? own.search : '')
        for (const [name, value] of parameters) query.set(name, value)
        const isPosted = method === 'POST'
        const url = `${product.url}${address}${behind}${isPosted ? '' : `?${query}`}`
        const form = isPosted ? { 'Content-Type': 'application/x-www-form-urlencoded' } : {}
        const { status, html } = await ask(browser, url, {
          method,
          headers: { ...visitor().address, ...form, ...headers },
          ...(isPosted ? { body: query.toString() } : {}),
        })
        assert.ok(STATUSES.includes(status), `${status} for ${method} ${url}`)
        assert.doesNotMatch(html, /node_modules|\n +at |SELECT |syntax error/)
      })
      await assertWell()
    })
  })
})

/** One request as it is said, with the browser's cookies, and what came back. */
function ask(
  browser: Browser,
  url: string,
  said: { method: string; headers: Record<string, string>; body?: Buffer | string },
): Promise<{ status: number; html: string }> {
  const { Cookie: more, ...others } = said.headers
  const cookies = [browser.cookies.header(new URL(url), { method: said.method }), more].filter(Boolean).join('; ')
  const headers = {
    ...others,
    ...(cookies ? { Cookie: cookies } : {}),
    // Said for every method: Node would send the body of a DELETE without a length, which makes another request of it.
    ...(said.body === undefined ? {} : { 'Content-Length': Buffer.byteLength(said.body) }),
  }
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: said.method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, html: Buffer.concat(chunks).toString() }))
    })
    request.on('error', reject)
    request.end(said.body)
  })
}
