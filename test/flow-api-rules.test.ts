// One copy of every rule: what is wrong on our page is wrong by the flow API, with the same codes; and what no page would send is refused politely.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { AnswersWrongResponse, NameResponse, QuestionResponse } from '../src/api/shapes.ts'
import type { Page } from './support/browser.ts'
import {
  answersTo,
  ask,
  askedHere,
  call,
  type Elsewhere,
  rawCall,
  type Said,
  type Sent,
  sendSomebody,
  startElsewhere,
} from './support/elsewhere.ts'
import { brokenInvariants } from './support/invariants.ts'
import { PASSWORD } from './support/people.ts'
import { type Mode, REPOSITORY } from './support/product.ts'
import { send } from './support/road.ts'
import { tokenFor } from './support/tokens.ts'
import { codesOn, countPeople, flowIdOf, newcomer, visit } from './support/visits.ts'

/** A store with rules of its own, and purposes that need what an idp may not send. */
function strict(options: { username: string }) {
  return startElsewhere({
    purposes: [
      {
        id: 'recover',
        purpose: 'Recover your account',
        description: 'So that we can help you',
        piiCategories: ['email', 'phone_number', 'birthdate'].map((name) => ({
          name,
          mandatory: name !== 'birthdate',
        })),
      },
      {
        id: 'gift',
        purpose: 'Send you a gift',
        description: 'Yearly',
        piiCategories: [{ name: 'birthdate', mandatory: true }],
      },
    ],
    change: (declared) => ({
      ...declared,
      jitProvisioning: { ...declared.jitProvisioning, unknownUserStore: 'refuse', reservedUsernames: ['reception'] },
      userStores: [
        { name: 'PRIMARY', properties: { UsernameJavaRegEx: '^[^q]+$', PasswordJavaRegEx: '^[^#]*$' } },
        { name: 'STAFF', properties: {} },
      ],
      identityProviders: declared.identityProviders.map((idp) => ({
        ...idp,
        claims: { ...idp.claims, mappings: { ...idp.claims.mappings, birthdate: 'birthdate' } },
        jit: { ...idp.jit, userstore: idp.name === 'username' ? options.username : idp.jit.userstore },
      })),
    }),
  })
}

const SENT = { birthdate: '1990-01-31' }
const GOOD = { username: () => newcomer().preferred_username, password: PASSWORD }
const TICKS = ['recover:email', 'recover:phone_number', 'gift:birthdate']

type Changes = Record<string, string | string[] | undefined>
interface Row {
  mode?: Mode
  claims?: Record<string, unknown>
  /** The name that the idp suggests is somebody's. */
  isTaken?: boolean
  wrong: Changes
  codes: string[]
}

// biome-ignore format: one row, one line
const TABLE: Record<string, Row> = {
  'no username': { wrong: { username: '' }, codes: ['USERNAME_EMPTY'] },
  'a name that is too short': { wrong: { username: 'STAFF/ab' }, codes: ['USERNAME_SHORT'] },
  'a name that is too long': { wrong: { username: 'a'.repeat(300) }, codes: ['USERNAME_LONG'] },
  'a name with a character that no name has': { wrong: { username: 'a\0b%c' }, codes: ['USERNAME_CHARS'] },
  'a reserved name': { wrong: { username: 'Reception' }, codes: ['USERNAME_RESERVED'] },
  'a name against the rule of the store': { wrong: { username: 'quentin' }, codes: ['USERNAME_POLICY'] },
  'a taken name': { isTaken: true, wrong: { username: 'somebody' }, codes: ['USERNAME_TAKEN'] },
  'a name of a store that there is not': { wrong: { username: 'NOPE/asha' }, codes: ['STORE_UNKNOWN'] },
  'a prefix where the store is fixed': { mode: 'consent', isTaken: true, wrong: { username: 'STAFF/asha', password: undefined }, codes: ['USERNAME_NO_PREFIX'] },
  'no password': { wrong: { password: '' }, codes: ['PW_EMPTY'] },
  'a short password': { wrong: { password: 'fourteen chars' }, codes: ['PW_SHORT'] },
  'a long password': { wrong: { password: 'long '.repeat(30) }, codes: ['PW_LONG'] },
  'a password with a character that cannot be stored': { wrong: { password: 'correct horse battery \uFFFD staple' }, codes: ['PW_CHARS'] },
  'a common password': { wrong: { password: 'passwordpassword' }, codes: ['PW_COMMON'] },
  'a password of what everybody knows': { wrong: { password: 'Northwind-Northwind-1' }, codes: ['PW_PERSONAL'] },
  'a password against the rule of the store': { wrong: { password: `${PASSWORD} #1` }, codes: ['PW_POLICY'] },
  'no tick where one is needed': { wrong: { consent: ['recover:email'] }, codes: ['CONSENT_NEEDED', 'CONSENT_NEEDED'] },
  'ticks for what nobody asks': { wrong: { consent: ['recover:name', 'office:department', '__proto__', ''] }, codes: ['CONSENT_NEEDED', 'CONSENT_NEEDED', 'CONSENT_NEEDED'] },
  'a value that was not typed': { mode: 'password', claims: { phone_number: undefined }, wrong: { username: undefined }, codes: ['ATTR_EMPTY'] },
  'a phone number that is none': { claims: { phone_number: undefined }, wrong: { 'attribute.phone_number': 'one' }, codes: ['ATTR_PHONE'] },
  'an address that is two': { claims: { email: undefined }, wrong: { 'attribute.email': 'a@b.example, c@d.example' }, codes: ['ATTR_EMAIL'] },
  'a day that is none': { claims: { birthdate: undefined }, wrong: { 'attribute.birthdate': '1990-02-31' }, codes: ['ATTR_FORMAT'] },
  'a value that is too long': { claims: { email: undefined }, wrong: { 'attribute.email': `${'a'.repeat(600)}@acme.example` }, codes: ['ATTR_LONG'] },
  'everything at once': { wrong: { username: 'STAFF/q', password: 'qq-qq', consent: [] }, codes: ['USERNAME_SHORT', 'PW_SHORT', 'CONSENT_NEEDED', 'CONSENT_NEEDED', 'CONSENT_NEEDED'] },
  'another notice': { wrong: { notice: 'the words of last year' }, codes: ['CHANGED'] },
  'no notice': { wrong: { notice: undefined }, codes: ['CHANGED'] },
  'no field for the name that was taken meanwhile': { mode: 'password', isTaken: true, wrong: { username: undefined }, codes: ['USERNAME_TAKEN'] },
}

describe('the rules', () => {
  let product: Elsewhere
  before(async () => {
    product = await strict({ username: 'As in username' })
    await product.rows(`INSERT INTO users VALUES (gen_random_uuid(), 'PRIMARY', 'Somebody', 'somebody', 'a hash')`)
  })
  after(() => product.stop())

  for (const [title, { mode = 'username', claims = {}, isTaken, wrong, codes }] of Object.entries(TABLE)) {
    it(`are the same on our page and by the API: ${title}`, async () => {
      const all = { ...SENT, ...claims, ...(isTaken ? { preferred_username: 'SomeBody' } : {}) }
      const sent = await sendSomebody(product, mode, all)
      const opened = await ask(product, sent)
      const form: Changes = { username: GOOD.username(), password: GOOD.password, consent: TICKS, ...wrong }
      const there = await call(product, '/answers', answersTo(opened, form))
      const page = await askedHere(product, sent)
      const here = await answerHere(page, sent, form)

      assert.deepEqual([there.status, here.status], [422, 422], JSON.stringify(there.body))
      AnswersWrongResponse.parse(there.body)
      assert.deepEqual(codesOf(there), codes)
      // Our page says each at the field and in the summary.
      assert.deepEqual(new Set(codesOn(here)), new Set(codesOf(there)))
      assert.equal(JSON.stringify(there.body).includes(String(form['password'] || 'no password')), false)
      // And the record of this sign-in will count both.
      const [noted] = await product.rows('SELECT came_back, problem_codes FROM flows WHERE id = $1', [flowIdOf(page)])
      assert.deepEqual(noted, { came_back: 2, problem_codes: [...new Set(codes)] })
    })
  }

  it('of that table are all that there are', () => {
    const words = JSON.parse(readFileSync(path.join(REPOSITORY, 'views/messages/en.json'), 'utf8'))
    // Of people who have an account, in a question of its own (reask.test.ts).
    const isOfNewPeople = (key: string) => key !== 'CONSENT_NEEDED_AGAIN'
    const known = Object.keys(words)
      .filter((key) => /^(USERNAME|PW|CONSENT|ATTR|STORE|CHANGED)(_|$)/.test(key))
      .filter(isOfNewPeople)
    assert.deepEqual([...new Set(Object.values(TABLE).flatMap(({ codes }) => codes))].sort(), known.sort())
  })

  it('differ in one thing: our form has a field for a password or has none, and other pages may send one always, or never', async () => {
    const others = { username: undefined }
    for (const [mode, password, here, there] of [
      ['consent', '', ['CHANGED'], []],
      ['consent', PASSWORD, ['CHANGED'], []],
      ['password', undefined, ['CHANGED'], ['PW_EMPTY']],
    ] as const) {
      const sent = await sendSomebody(product, mode, SENT)
      const said = await call(
        product,
        '/answers',
        answersTo(await ask(product, sent), { ...others, password, consent: TICKS }),
      )
      assert.deepEqual(said.status === 200 ? [] : codesOf(said), there, `${mode}, ${password}`)
      assert.deepEqual(codesOn(await answerHere(await askedHere(product, sent), sent, { ...others, password })), here)
    }
  })

  it('count wrong answers here and there together: ten for a flow, and then somebody has to wait', async () => {
    const sent = await sendSomebody(product, 'username', SENT)
    const opened = await ask(product, sent)
    const wrong = answersTo(opened, { username: 'q', password: PASSWORD })
    for (let count = 0; count < 5; count += 1) assert.equal((await call(product, '/answers', wrong)).status, 422)
    const page = await askedHere(product, sent)
    for (let count = 0; count < 5; count += 1) {
      assert.equal((await answerHere(page, sent, { username: 'q', password: PASSWORD })).status, 422)
    }
    const { status, headers, body } = await call(product, '/answers', wrong)
    assert.deepEqual([status, body.code], [429, 'TOO_MANY'])
    assert.ok(Number(headers.get('retry-after')) > 0)
    assert.equal((await answerHere(page, sent, { username: 'q', password: PASSWORD })).status, 429)
    // A right answer is no wrong one, and the limit of one person is nobody else's.
    const right = answersTo(opened, { username: GOOD.username(), password: PASSWORD, consent: TICKS })
    assert.equal((await call(product, '/answers', right)).status, 200)
    const other = answersTo(await ask(product, await sendSomebody(product, 'username', SENT)), { username: 'q' })
    assert.equal((await call(product, '/answers', { ...other, password: '' })).status, 422)
  })

  it('say of a name what the live status of our page says, and not for ever', async () => {
    const sent = await sendSomebody(product, 'username', SENT)
    const { token } = await ask(product, sent)
    const page = await askedHere(product, sent)
    for (const username of ['somebody', 'quentin', 'STAFF/asha', 'NOPE/asha', '', 'a\0', GOOD.username()]) {
      const { url, fields } = page.submission('Create account')
      fields.set('username', username)
      const here = await send(sent.browser, { url: `${product.url}/accountrecoveryendpoint/username-status`, fields })
      const there = await call(product, '/username-status', { token, username })
      assert.equal(there.status, 200, url)
      assert.deepEqual(NameResponse.parse(there.body), await here.json())
    }
    for (let count = 14; count < 30; count += 1) await call(product, '/username-status', { token, username: 'asha' })
    assert.equal((await call(product, '/username-status', { token, username: 'asha' })).status, 429)
    const noName = await ask(product, await sendSomebody(product, 'consent', SENT))
    const { status } = await call(product, '/username-status', { token: noName.token, username: 'asha' })
    assert.equal(status, 404)
  })

  it('give a page elsewhere what our own shows, and nothing that only our form needs', async () => {
    const claims = { ...SENT, phone_number: undefined, preferred_username: 'somebody' }
    const sent = await sendSomebody(product, 'username', claims)
    const { question } = QuestionResponse.parse(await ask(product, sent))
    const here = await askedHere(product, sent)
    for (const words of [
      question.heading,
      question.signedInAs,
      ...(question.consent?.purposes ?? []).map((one) => one.purpose),
    ])
      assert.ok(here.text.includes(words), words)
    assert.equal(question.username.kind === 'asked' && question.username.problem?.code, 'USERNAME_TAKEN')
    const { fields } = here.submission('Create account')
    for (const name of ['_csrf', 'sessionDataKey'])
      assert.ok(!JSON.stringify(question).includes(`"${fields.get(name)}"`), name)
    assert.equal(question.notice, fields.get('notice'))
    assert.ok(new URL(question.switchHref).href.startsWith(product.url))
  })

  it('leave the database as it should be', async () => {
    assert.deepEqual(await brokenInvariants(product.rows), [])
  })

  /** Sends our own form as this person would. */
  async function answerHere(page: Page, { browser }: Sent, changes: Changes): Promise<Page> {
    const { url, fields } = page.submission('Create account')
    fields.delete('consent')
    for (const [name, value] of Object.entries({ username: GOOD.username(), consent: TICKS, ...changes })) {
      fields.delete(name)
      for (const one of [value ?? []].flat()) fields.append(name, one)
    }
    const answer = await send(browser, { url, fields })
    return { ...page, status: answer.status, html: await answer.text() }
  }
})

/** The codes of an answer, in the order of the question: one for each field. */
function codesOf({ body }: Said): string[] {
  return body.code === 'CHANGED' ? ['CHANGED'] : body.problems.map(({ code }: { code: string }) => code)
}

describe('a call that no page makes', () => {
  let product: Elsewhere
  let sent: Sent
  let opened: Awaited<ReturnType<typeof ask>>
  let authorized: { Authorization: string }
  before(async () => {
    product = await startElsewhere()
    sent = await sendSomebody(product)
    opened = await ask(product, sent)
    authorized = { Authorization: `Bearer ${await tokenFor(product.url, 'pages', 'internal_flow_answer')}` }
  })
  after(() => product.stop())

  const answers = (changes: Record<string, unknown>) =>
    JSON.stringify(answersTo(opened, { username: 'asha.elsewhere', password: PASSWORD, ...changes }))

  // biome-ignore format: one row, one line
  const hostile: [title: string, body: () => string | Buffer, status: number][] = [
    ['no JSON', () => 'token=a', 400],
    ['nothing', () => '', 400],
    ['half of it', () => answers({}).slice(0, -1), 400],
    ['a list', () => '[]', 400],
    ['a text', () => '"a"', 400],
    ['null', () => 'null', 400],
    ['no members', () => '{}', 400],
    ['a token that is a number', () => answers({ token: 1 }), 400],
    ['a token that is a list', () => answers({ token: [opened.token] }), 400],
    ['a token that is too long', () => answers({ token: opened.token.repeat(2) }), 400],
    ['a username that is a list', () => answers({ username: ['asha'] }), 400],
    ['a username that is an object', () => answers({ username: { $ne: '' } }), 400],
    ['a username that is null', () => answers({ username: null }), 400],
    ['a password that is a number', () => answers({ password: 15 }), 400],
    ['a password that is true', () => answers({ password: true }), 400],
    ['consent that is a text', () => answers({ consent: 'recover:email' }), 400],
    ['consent with a number in it', () => answers({ consent: [1] }), 400],
    ['consent in a list', () => answers({ consent: [['recover:email']] }), 400],
    ['an attribute that is an object', () => answers({ 'attribute.email': {} }), 400],
    ['something else to do', () => answers({ do: 'delete' }), 400],
    ['another page', () => answers({ page: '../console' }), 400],
    ['half a character', () => answers({}).replace('asha.elsewhere', 'asha\\ud800'), 400],
    ['half a character in a name', () => answers({}).replace('{', '{"\\udc00":1,'), 400],
    ['bytes that are no text', () => Buffer.from(answers({}).replace('asha.elsewhere', 'ash\xff'), 'latin1'), 400],
    ['the password twice', () => answers({}).replace('{', '{"password":"another one entirely",'), 400],
    ['consent twice, once with an escape', () => answers({}).replace('{', '{"cons\\u0065nt":[],'), 400],
    ['lists in lists without end', () => `{"a":${'['.repeat(40_000)}${']'.repeat(40_000)}}`, 400],
    ['objects in objects without end', () => `{"a":${'{"a":'.repeat(15_000)}1${'}'.repeat(15_000)}}`, 400],
    ['a byte order mark', () => `\uFEFF${answers({})}`, 400],
    ['more than 100 kB', () => answers({ username: 'a'.repeat(110_000) }), 413],
  ]
  for (const [title, body, status] of hostile) {
    it(`is refused and changes nothing: ${title}`, async () => {
      const before = await product.rows('SELECT * FROM flow_keys')
      const said = await rawCall(product, '/answers', body(), authorized)
      assert.equal(said.status, status, JSON.stringify(said.body))
      assert.equal(said.body.code, status === 413 ? 'TOO_LARGE' : 'BAD_REQUEST')
      assert.deepEqual(await product.rows('SELECT * FROM flow_keys'), before)
    })
  }

  it('with members that mean nothing is read without them: a prototype, a constructor, a suggestion of our form', async () => {
    const more = '"__proto__":{"username":"proto"},"constructor":{"a":1},"use":"used","sessionDataKey":"a","_csrf":"b"'
    const sentBody = answers({ username: 'ab' }).replace('{', `{${more},`)
    const said = await rawCall(product, '/answers', sentBody, authorized)
    assert.deepEqual([said.status, codesOf(said)], [422, ['USERNAME_SHORT']])
    assert.equal(said.body.question.username.value, 'ab')
    assert.equal(({} as Record<string, unknown>)['username'], undefined)
  })

  it('with text that PostgreSQL cannot keep is answered as on our page, and never by it', async () => {
    const { body } = await rawCall(product, '/answers', answers({ username: 'a\0b', password: '\0' }), authorized)
    assert.deepEqual(codesOf({ body } as Said), ['USERNAME_CHARS', 'PW_SHORT'])
    for (const key of ['\0'.repeat(43), 'a'.repeat(43), `${'a'.repeat(42)}%`])
      assert.ok([400, 404].includes((await rawCall(product, '/questions', JSON.stringify({ key }), authorized)).status))
  })

  for (const [type, status] of [
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/json; charset=utf-16', 415],
    ['application/json; charset=utf-8', 200],
  ] as const) {
    it(`of the type ${type} is ${status}`, async () => {
      const { token } = await ask(product, await sendSomebody(product))
      const body = JSON.stringify({ token, username: 'asha' })
      const said = await rawCall(product, '/username-status', body, { ...authorized, 'Content-Type': type })
      assert.equal(said.status, status)
    })
  }

  it('compressed is refused, and so is one by another method, with the one that there is', async () => {
    const gzip = { ...authorized, 'Content-Encoding': 'gzip' }
    assert.equal((await rawCall(product, '/answers', answers({}), gzip)).status, 415)
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const said = await rawCall(product, '/answers', undefined, authorized, method)
      assert.deepEqual([said.status, said.headers.get('allow'), said.body.code], [405, 'POST', 'METHOD'])
    }
    for (const there of ['/nothing', '/', '', '/../../setup', '/answers/1', '/%ff'])
      assert.ok([400, 404].includes((await rawCall(product, there, '{}', authorized)).status), there)
  })

  it('without a token, with one of nobody, or with one for something else is refused by RFC 6750', async () => {
    const challenge = async (headers: Record<string, string>) => {
      const said = await rawCall(product, '/answers', answers({}), headers)
      return [said.status, said.body.code, said.headers.get('www-authenticate')]
    }
    const { token } = opened
    assert.deepEqual(await challenge({}), [401, 'TOKEN_NEEDED', 'Bearer realm="vestibule"'])
    for (const header of [
      'Bearer',
      'Bearer a b',
      `Bearer ${token}`,
      'Basic cGFnZXM6cGFnZXM=',
      `Bearer ${'a'.repeat(7_000)}`,
    ])
      assert.deepEqual(await challenge({ Authorization: header }), [
        401,
        'TOKEN_INVALID',
        'Bearer realm="vestibule", error="invalid_token"',
      ])
    const person = newcomer()
    await visit(product, 'silent', person)
    const last = product.application.results.at(-1)
    assert.ok(last?.kind === 'signed-in')
    assert.equal((await challenge({ Authorization: `Bearer ${last.tokens.accessToken}` }))[0], 401)
    const inAddress = await rawCall(
      product,
      `/answers?access_token=${authorized.Authorization.slice(7)}`,
      answers({}),
      {},
    )
    assert.equal(inAddress.status, 401)
  })

  it('by an application whose scope was taken away is refused at once, although its token lives', async () => {
    const { scopes } =
      (await product.rows<{ scopes: string[] }>(`SELECT scopes FROM applications WHERE client_id = 'pages'`))[0] ?? {}
    await product.rows(`UPDATE applications SET scopes = '{internal_flow_create}' WHERE client_id = 'pages'`)
    const said = await rawCall(product, '/answers', answers({}), authorized)
    await product.rows(`UPDATE applications SET scopes = $1 WHERE client_id = 'pages'`, [scopes])
    assert.deepEqual([said.status, said.body.code], [403, 'SCOPE_NEEDED'])
    assert.match(said.headers.get('www-authenticate') ?? '', /error="insufficient_scope", scope="internal_flow_answer"/)
    await product.rows(`UPDATE applications SET is_enabled = false WHERE client_id = 'pages'`)
    assert.equal((await rawCall(product, '/answers', answers({}), authorized)).status, 401)
    await product.rows(`UPDATE applications SET is_enabled = true WHERE client_id = 'pages'`)
  })

  it('at another host is told so as a problem, too', async () => {
    const options = {
      method: 'POST',
      port: product.port,
      path: '/api/flow/v1/answers',
      headers: { Host: 'other.example' },
    }
    const [answer] = (await once(request(options).end('{}'), 'response')) as [IncomingMessage]
    const { status, code } = JSON.parse(await text(answer))
    assert.deepEqual([answer.statusCode, status, code], [421, 421, 'MISDIRECTED'])
  })

  it('created nobody, all of them together', async () => {
    assert.deepEqual((await countPeople(product))['consents'], 0)
    assert.deepEqual(await brokenInvariants(product.rows), [])
  })
})
