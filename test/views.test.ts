// The pages: every one in every state, their words, and what they promise to people, password managers and designers.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import express from 'express'
import { KINDS } from '../src/mail/letters.ts'
import { STANDARD_ATTRIBUTES } from '../src/provisioning/attributes.ts'
import { allStates, firstViews, secondViews } from '../src/specimens/all.ts'
import { type PageState, withEveryText } from '../src/specimens/state.ts'
import { loadMessages } from '../src/web/messages.ts'
import type { MessagePage } from '../src/web/page.ts'
import { createViews, type Views } from '../src/web/views.ts'
import { contrastOf } from './support/looks.ts'

const root = path.join(import.meta.dirname, '..')
const ours = path.join(root, 'views')
const organization = () => 'Northwind'
const views = createViews({ folders: [ours], cache: false, organization, isStrict: true })
const words: Record<string, string> = JSON.parse(readFileSync(path.join(ours, 'messages/en.json'), 'utf8'))

const templates = filesOf('views', '.ejs')
// A specimen says everything, and nothing to anybody.
// What db/ calls a key is one of a table.
const sources = filesOf('src', '.ts').filter(([name]) => !/specimens|src\/db\//.test(name))

/** Their sentences are the same for everybody. */
const WITHOUT_VALUES = [
  'message: on its way',
  'message: signed out',
  'message: the account is closed',
  'message: open for too long',
]
/** They come after all that somebody could ask about. */
const OF_NO_SIGN_IN = ['signed out', 'signed out of the account', 'the account is closed'].map(
  (name) => `message: ${name}`,
)

describe('every page in every state', () => {
  for (const state of allStates) {
    test(`${state.name}: one heading, a language, parts of a page, and no broken reference`, () => {
      const html = state.render(views)
      assert.match(html, /^<!doctype html>\n<html lang="en" dir="ltr">/)
      assert.equal(html.match(/<h1/g)?.length, 1)
      for (const part of ['<header', '<main id="main"', '<footer', 'href="#main"', '<meta name="viewport"']) {
        assert.ok(html.includes(part), part)
      }
      const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
      assert.equal(new Set(ids).size, ids.length, 'an id occurs twice')
      for (const [, list = ''] of html.matchAll(/ (?:for|aria-describedby|aria-labelledby|href)="(#?[^"/:]+)"/g)) {
        for (const id of list.replace('#', '').split(' ')) assert.ok(ids.includes(id), `nothing has the id ${id}`)
      }
    })

    test(`${state.name}: a value is never markup, whatever it holds`, () => {
      const html = state.render(views, (page) => withEveryText(page, (text) => `${text}"'><script>alert(1)</script>`))
      assert.equal(html.includes('alert(1)'), !WITHOUT_VALUES.includes(state.name), 'whether the page prints a value')
      assert.ok(!html.includes('<script>alert'))
      assert.ok(!/["']>&lt;script|"'/.test(html), 'a value closes its attribute')
    })

    test(`${state.name}: nothing inline, and at most 12 kB on the wire`, () => {
      const html = state.render(views)
      assert.doesNotMatch(
        html,
        /<style|<script(?! type="module" src="\/public\/page\.js"><\/script>)|<[^>]+ (?:style|on\w+)=/,
      )
      assert.ok(gzipSync(html).length <= 12 * 1024)
    })

    test(`${state.name}: it takes no script, no rule of the browser and no tick that is not the person's to go on`, () => {
      const html = state.render(views)
      assert.doesNotMatch(html, /<[^>]*\s(?:disabled|required|maxlength|pattern)[\s=>]/)
      for (const [form] of html.matchAll(/<form[^>]*>/g)) assert.match(form, / novalidate /)
      if (firstViews.includes(state)) assert.doesNotMatch(html, /<[^>]*\schecked[\s=>]/)
    })
  }
})

describe('the prompts', () => {
  const first = rendered('register: first view')
  const wrong = rendered('register: three problems')

  test('the username field is what password managers and phones expect', () => {
    const field =
      '<input id="username" name="username" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" inputmode="text" dir="ltr"'
    assert.ok(first.includes(`${field} value="asha" aria-describedby="username-hint">`))
    assert.ok(rendered('signup: password and consent').includes(`${field} readonly="" value="asha">`))
    assert.ok(!rendered('signup: consent only').includes('name="username"'))
  })

  test('the password field asks for a new one, tells generators the length, and never has a value', () => {
    const field =
      '<input id="new-password" name="password" type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false" dir="auto" passwordrules="minlength: 15;"'
    assert.ok(first.includes(`${field} aria-describedby="new-password-hint">`))
    assert.ok(wrong.includes(`${field} aria-invalid="true" aria-describedby="new-password-hint new-password-error">`))
    assert.ok(!rendered('signup: consent only').includes('type="password"'))
  })

  test('Enter in a field creates the account: that button comes before suggestions and before declining', () => {
    const buttons = [...wrong.matchAll(/<button[^>]* name="(\w+)" value="([^"]+)"/g)].map(
      ([, name, value]) => `${name}=${value}`,
    )
    const own = ['do=create', 'use=asha2', 'use=asha.rao', 'use=rao.asha', 'do=create', 'do=decline']
    assert.deepEqual(buttons, [...own, 'language=ar', 'language=de'])
    assert.match(wrong, /<button class="unseen" name="do" value="create" tabindex="-1" aria-hidden="true">/)
  })

  test('the title says the step, the application and the organisation, and first of all that there is an error', () => {
    assert.ok(first.includes('<title>Create your Travel account – Travel – Northwind</title>'))
    assert.ok(wrong.includes('<title>Error: Create your Travel account – Travel – Northwind</title>'))
  })

  test('the summary comes before the heading and says what each field says, with its code', () => {
    assert.ok(wrong.indexOf('role="alert"') < wrong.indexOf('<h1'))
    const lines = [...wrong.matchAll(/<a href="#([\w-]+)" data-msg="(\w+)">([^<]+)/g)]
    assert.deepEqual(
      lines.map(([, , code]) => code),
      ['USERNAME_TAKEN', 'PW_SHORT', 'CONSENT_NEEDED'],
    )
    for (const [, id, code, sentence] of lines) {
      const error = `<p class="error" id="${id}-error" data-msg="${code}"><span class="unseen">Error: </span>${sentence}</p>`
      assert.ok(wrong.includes(error), error)
    }
  })

  test('a password that was fine is asked for again in a note, not as an error', () => {
    const html = rendered('register: the password was fine')
    assert.equal(html.match(/Enter your password again/g)?.length, 2)
    assert.ok(!html.includes('id="new-password-error"'))
  })

  test('ticks of a second view are the ones that the person made', () => {
    const boxes = [...wrong.matchAll(/value="([a-z]+:\w+)"[^>]*?( checked)?>/g)].map(([, value, tick]) => [
      value,
      tick !== undefined,
    ])
    assert.deepEqual(boxes, [
      ['recover:email', false],
      ['recover:phone_number', true],
      ['office:birthdate', false],
    ])
  })

  test('an attribute that the idp did not send has no box when optional, and a field when needed', () => {
    const html = rendered('register: a needed value that the idp did not send; odd values')
    assert.match(html, /Department<\/p>\n<div[^>]*>\n<p class="hint">Acme did not send this/)
    assert.match(html, /<label for="attribute-phone_number">Your mobile number<\/label>/)
    assert.match(html, /name="attribute.phone_number" type="tel" autocomplete="tel"/)
  })

  test('long values and long lists are folded, whole, behind their beginning', () => {
    const html = rendered('register: a needed value that the idp did not send; odd values')
    assert.equal(html.match(/<details>/g)?.length, 2)
    assert.match(html, /Show 2 more/)
    assert.match(html, /<li><bdi dir="auto">مجموعة<\/bdi>/)
    assert.match(html, /<bdi dir="auto">12 Rue de la Très Longue Avenue (?:au bord de la rivière ){12}<\/bdi>/)
  })

  test('the parts that designers rely on keep their names', () => {
    const parts = [...new Set([...wrong.matchAll(/data-part="([\w-]+)"/g)].map(([, part]) => part))]
    assert.deepEqual(parts, [
      ...['header', 'problems', 'signed-in', 'open-until', 'form', 'username', 'suggestions', 'password'],
      ...['consent', 'purpose', 'attribute', 'always', 'actions', 'more-time', 'footer', 'reference', 'languages'],
    ])
  })

  test('what the script says stands in the page, in our words, with the addresses that it asks', () => {
    const dataOf = (pattern: RegExp) => {
      const [tag = ''] = pattern.exec(first) ?? []
      return Object.fromEntries([...tag.matchAll(/data-([a-z]+)="([^"]*)"/g)].map(([, name, word]) => [name, word]))
    }
    assert.deepEqual(dataOf(/<p [^>]*id="username-status" role="status"[^>]*><\/p>/), {
      action: '/accountrecoveryendpoint/username-status',
      checking: 'Checking…',
      free: '&#34;{name}&#34; is free',
      placed: '&#34;{name}&#34; is free in {store}',
      taken: '&#34;{name}&#34; is taken',
      short: 'Too short for a username',
      long: 'Too long for a username',
      unfit: '&#34;{name}&#34; cannot be used',
    })
    const { show, hide, name, caps } = dataOf(/<p [^>]*id="new-password-status" role="status"[^>]*><\/p>/)
    assert.deepEqual([show, hide, name, caps], ['Show', 'Hide', 'password', 'Caps lock is on'])
    const time = dataOf(/<dialog [^>]*>/)
    assert.deepEqual([time.part, time.action], ['more-time', '/accountrecoveryendpoint/stay'])
    assert.match(time.last ?? '', /closes in 1 minute\./)
    assert.match(
      first,
      /<p id="more-time-body" role="status">This page closes in 2 minutes\. Nothing is saved yet<\/p>/,
    )
  })

  test('after an answer that did not do, the form still carries its state', () => {
    const withoutNotice = ['login', 'exists', 'connect', 'second-factor']
    for (const state of secondViews) {
      const html = state.render(views)
      for (const name of ['_csrf', 'sessionDataKey', ...(withoutNotice.includes(state.view) ? [] : ['notice'])])
        assert.ok(html.includes(`<input type="hidden" name="${name}"`))
    }
  })
})

test('every field says what it is for, so that browsers can fill it in', () => {
  const purposes = new Set(['username', 'new-password', 'current-password', 'one-time-code', 'tel', 'email'])
  const fields = allStates.flatMap((state) => [...state.render(views).matchAll(/<input id="[^>]*>/g)].map(String))
  assert.ok(fields.length > 20)
  for (const field of fields) assert.ok(purposes.has(/ autocomplete="([\w-]+)"/.exec(field)?.[1] ?? ''), field)
})

describe('help', () => {
  const asked = { contact: 'Data protection officer', email: 'help@northwind.example', phone: '+44 (0)20 7946 0000' }
  const withContact = (contact: Record<string, string>) =>
    createViews({ folders: [ours], cache: true, organization, contact: () => contact, isStrict: true })

  test('stands in the same words at the same place of every page, before privacy', () => {
    const footers = allStates.map((state) => state.render(withContact(asked)).split('<footer')[1] ?? '')
    const before = new Set(
      footers.map((footer) => footer.split(/<a href="https:|<span data-part="reference"|<nav|<\/footer>/)[0]),
    )
    assert.equal(before.size, 1)
    const [footer = ''] = before
    assert.ok(footer.includes('Data protection officer'))
    assert.ok(
      footer.includes('<a href="mailto:help@northwind.example"><bdi dir="ltr">help@northwind.example</bdi></a>'),
    )
    assert.ok(footer.includes('<a href="tel:+442079460000"><bdi dir="ltr">+44 (0)20 7946 0000</bdi></a>'))
  })

  test('is asked for with a code: every page of a sign-in quotes its own, once; any other one its request, or nothing', () => {
    for (const state of allStates) {
      const [, quoted, ...others] = state
        .render(views)
        .split(/data-part="reference">If you contact us, quote ([\da-f-]+)</)
      const ofNone = state.view === 'message' && quoted === '7f3a91c2'
      const isSilent = state.view === 'logout' || OF_NO_SIGN_IN.includes(state.name)
      assert.equal(quoted, isSilent ? undefined : ofNone ? '7f3a91c2' : '7f3a-91c2', state.name)
      assert.equal(others.length, isSilent ? 0 : 1, state.name)
    }
    assert.match(rendered('register: first view'), /<footer[\s\S]*quote 7f3a-91c2/)
    assert.match(rendered('message: expired'), /<main[\s\S]*quote 7f3a-91c2[\s\S]*<footer/)
  })

  test('is as much as the organisation says, and nothing where it says nothing', () => {
    const footerWith = (contact: Record<string, string>) =>
      stateOf('message: expired').render(withContact(contact)).split('<footer')[1] ?? ''
    assert.match(footerWith({ contact: 'Ask Maya' }), /Help:\n<bdi>Ask Maya<\/bdi>/)
    assert.doesNotMatch(footerWith({ email: 'a@b.example' }), /tel:/)
    assert.doesNotMatch(footerWith({}), /Help/)
  })

  test('leads to no script, whatever the configuration says', () => {
    const html = stateOf('message: expired').render(
      withContact({ email: 'javascript:alert(1)', phone: 'javascript:1' }),
    )
    assert.deepEqual([...html.matchAll(/href="(mailto|tel):/g)].length, 2)
    assert.doesNotMatch(html, /href="javascript/)
  })
})

describe('other pages', () => {
  test('the page that leads out of the house goes on by refresh and by link', () => {
    const html = rendered('continue: leaving')
    const address = 'https://travel.example/callback?code=c&amp;state=s'
    assert.ok(html.includes(`<meta http-equiv="refresh" content="0;url=${address}">`))
    assert.ok(html.includes(`href="${address}">Continue to Travel</a>`))
  })

  test('a page that refuses carries its code', () => {
    assert.ok(rendered('message: refused').includes('<h1 data-msg="LOCAL_USER_REQUIRED">'))
    assert.ok(rendered('message: not found').includes('<h1 data-msg="NOTFOUND">'))
  })

  test('only a sign-in asks for the password that one has', () => {
    const withCurrent = allStates.filter((state) => state.render(views).includes('current-password'))
    assert.deepEqual([...new Set(withCurrent.map(({ view }) => view))], ['login', 'connect'])
  })

  test('a page is sent with its status and to no cache', async () => {
    const app = express().get('/', (_req, res) => views.send(res, 'message', expired, 410))
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const html = await answer.text()
    server.close()
    assert.equal(answer.status, 410)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.match(html, /it stays open for 30 minutes/)
  })
})

describe('customising', () => {
  test('one partial and one word of another folder win; everything else stays ours', () => {
    const html = withFolder(
      {
        'partials/actions.ejs':
          '<p>Our own</p><button name="do" value="create">Yes</button><button name="do" value="decline">No</button>',
        'messages/en.json': '{ "password.label": "Pick a password" }',
      },
      (custom) => stateOf('register: first view').render(custom),
    )
    assert.match(html, /Our own/)
    assert.match(html, /Pick a password/)
    assert.match(html, /Create a username/)
  })

  test('a template cannot change the page for the next one, nor for who made it', () => {
    const page = structuredClone(expired)
    const html = withFolder(
      { 'message.ejs': '<% page.title.key = "CHANGED" %><%= page.title.key %>' },
      (custom) => custom.render('message', page, 'en'),
      { cache: true, isStrict: false },
    )
    assert.match(html, /page\.expired\.title/)
    assert.ok(!Object.isFrozen(page))
  })

  test('a messages file that is not sentences by key is refused at start, by name', () => {
    assert.throws(() => withFolder({ 'messages/en.json': '{ "a": 1 }' }, () => ''), /messages\/en\.json has to be/)
  })
})

describe('words', () => {
  const messages = loadMessages([ours], 'en', true)

  test('a number has its own form where the sentence needs one', () => {
    assert.match(messages.t({ key: 'TOO_MANY', values: { n: 1 } }), /Wait 1 minute,/)
    assert.match(messages.t({ key: 'TOO_MANY', values: { n: 2 } }), /Wait 2 minutes,/)
  })

  test('a label in the middle of a sentence begins small, unless it is an abbreviation', () => {
    assert.equal(messages.t({ key: 'ATTR_EMPTY', values: { attribute: 'Email address' } }), 'Enter your email address')
    assert.equal(messages.t({ key: 'ATTR_EMPTY', values: { attribute: 'ID number' } }), 'Enter your ID number')
  })

  test('a value is never read as a place for another value', () => {
    const sentence = messages.t({ key: 'USERNAME_TAKEN', values: { name: '{org}$&', org: 'Northwind' } })
    assert.equal(sentence, 'Username "{org}$&" is taken. Choose another')
  })

  test('a key without words is an error for us and a general sentence for people', () => {
    assert.throws(() => messages.t({ key: 'NO_SUCH' }), /no words for the message NO_SUCH/)
    assert.throws(() => messages.t({ key: 'PW_SHORT' }), /wants a value for \{n\}/)
    assert.equal(loadMessages([ours], 'en', false).t({ key: 'NO_SUCH' }), words['problems.other'])
  })

  const letters = KINDS.flatMap((kind) => [`mail.${kind}.subject`, `mail.${kind}.body`])

  test('every key that the code and the views speak has words', () => {
    const spoken = [
      ...literals(/key: '([^']+)'/g),
      ...literals(/'((?:USERNAME|PW|ATTR)_[A-Z_]+)'/g),
      ...literals(/(?:PageError\(\d+|statePage\(), ?'([\w-]+)'|statePage\('([\w-]+)'/g).flatMap(pageKeys),
      ...Object.keys(STANDARD_ATTRIBUTES).map((name) => `attribute.${name}`),
      ...letters,
    ]
    assert.ok(spoken.length > 100, 'the scan has lost sight of the code')
    assert.deepEqual(
      spoken.filter((key) => words[key] === undefined),
      [],
    )
  })

  test('no words are left that nothing speaks', () => {
    const quoted = new Set(literals(/'([\w.-]+)'/g))
    const isSpoken = (key: string): boolean => {
      const [, state] = /^page\.([\w-]+)\.(?:title|body)$/.exec(key) ?? []
      const [, attribute] = /^attribute\.(\w+)$/.exec(key) ?? []
      if (attribute) return Object.hasOwn(STANDARD_ATTRIBUTES, attribute)
      if (letters.includes(key)) return true
      return quoted.has(key) || (state !== undefined && quoted.has(state))
    }
    const unspoken = Object.keys(words).filter((key) => !isSpoken(key.replace(/\.one$/, '')))
    assert.deepEqual(unspoken, [])
  })

  test('a page that is shown without values wants none', () => {
    const bare = literals(/PageError\(\d+, '([\w-]+)'\)|statePage\('([\w-]+)', \{\}/g).flatMap(pageKeys)
    assert.ok(bare.length > 10)
    for (const key of bare) assert.doesNotMatch(words[key] ?? '', /\{(?!org\})/, key)
  })

  test('the words accuse nobody and apologise for nothing', () => {
    const banned = /\b(please|sorry|oops|valid|invalid|illegal|forbidden|required field|error occurred)\b/i
    assert.deepEqual(
      Object.entries(words).filter(([, sentence]) => banned.test(sentence)),
      [],
    )
    for (const [key, sentence] of Object.entries(words)) assert.doesNotMatch(sentence, /^\s*$|\.\s*$|!/, key)
  })
})

describe('the files', () => {
  test('templates print text; only the body and other templates are markup', () => {
    for (const [file, text] of templates) {
      for (const [tag] of text.matchAll(/<%-.*/g))
        assert.match(
          tag,
          /^<%- (?:(?:body|qr) -%>|include\('(?:\/console|\/account)?\/partials\/[\w-]+'[ ,)]|slot\('[\w.]+'\) -%>)/,
          file,
        )
    }
  })

  test('attributes are quoted, because escaping protects nothing outside quotes', () => {
    for (const [file, text] of templates) assert.doesNotMatch(text, /\s[\w-]+=(?:\s*<%|'[^']*<%=)/, file)
  })

  test('templates begin with their locals', () => {
    for (const [file, text] of templates) assert.match(text, /^<%#\n[^%]*Locals: /, file)
  })

  const css = readFileSync(path.join(root, 'public/style.css'), 'utf8')

  test('the stylesheet mirrors by itself, moves nothing, and fetches nothing', () => {
    assert.doesNotMatch(
      css,
      /(?<![\w-])(?:left|right|top|bottom|width|height|transition|animation|scroll-behavior)[\w-]*\s*:|-(?:left|right)\b/,
    )
    assert.doesNotMatch(css, /@keyframes|@import|@font-face|url\(/)
  })

  test('no rule of a stylesheet swallows those after it: a line at the margin begins outside of all others', () => {
    for (const name of ['style.css', 'console.css']) {
      let depth = 0
      for (const line of readFileSync(path.join(root, 'public', name), 'utf8').split('\n')) {
        if (/^[^\s}]/.test(line)) assert.equal(depth, 0, `${name}: ${line}`)
        depth += line.split('{').length - line.split('}').length
      }
      assert.equal(depth, 0, name)
    }
  })

  test('the stylesheet is at most 12 kB on the wire, and the script 6', () => {
    assert.ok(gzipSync(css).length <= 12 * 1024)
    assert.ok(gzipSync(readFileSync(path.join(root, 'public/page.js'))).length <= 6 * 1024)
  })

  const [, light = '', dark = ''] = css.split(':root {').map((block) => block.split('}')[0])
  for (const [scheme, tokens] of [
    ['light', tokensOf(light)],
    ['dark', new Map([...tokensOf(light), ...tokensOf(dark)])],
  ] as const) {
    for (const [least, on, what] of [
      [4.5, 'text muted accent error', 'page sheet'],
      [4.5, 'on-accent', 'accent'],
      [3, 'border warn focus', 'page sheet'],
    ] as const) {
      test(`the colours of ${on} have ${least} to 1 on ${what} (${scheme})`, () => {
        for (const one of on.split(' ')) {
          for (const other of what.split(' ')) {
            const [front, back] = [colourOf(tokens, one), colourOf(tokens, other)]
            const contrast = contrastOf(front, back)
            assert.ok(contrast >= least, `${one} ${front} on ${other} ${back}: ${contrast}`)
          }
        }
      })
    }
  }

  test('every colour of a rule is a token', () => {
    const rules = css.replace(/:root \{[^}]*\}/g, '')
    // What lies behind the question of more time darkens any page alike.
    assert.deepEqual(rules.match(/#[0-9a-f]{3,8}\b|\b(?:rgb|hsl)a?\([^)]*\)/gi), ['rgb(0 0 0 / 60%)'])
  })
})

/** The tokens of a block of the stylesheet: `--jit-color-text: #15181e` is text. */
function tokensOf(block: string): Map<string, string> {
  return new Map(
    [...block.matchAll(/--jit-color-([\w-]+):\s*([^;]+);/g)].map(([, name = '', value = '']) => [name, value]),
  )
}

function colourOf(tokens: Map<string, string>, name: string): string {
  const value = tokens.get(name) ?? ''
  const [, other] = /^var\(--jit-color-([\w-]+)\)$/.exec(value) ?? []
  return other === undefined ? value : colourOf(tokens, other)
}

const expired: MessagePage = {
  title: { key: 'page.expired.title' },
  body: [{ key: 'page.expired.body', values: { n: 30 } }],
  actions: [],
}

function stateOf(name: string): PageState {
  const state = allStates.find((candidate) => candidate.name === name)
  assert.ok(state, name)
  return state
}

function rendered(name: string): string {
  return stateOf(name).render(views)
}

function withFolder(
  files: Record<string, string>,
  use: (custom: Views) => string,
  options = { cache: false, isStrict: true },
): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'vestibule-views-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
      writeFileSync(path.join(folder, name), text)
    }
    return use(createViews({ folders: [folder, ours], organization, ...options }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function filesOf(folder: string, ending: string): [name: string, text: string][] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !name.startsWith('themes'))
    .map((name) => [path.join(folder, name), readFileSync(path.join(root, folder, name), 'utf8')])
}

/** What a pattern's groups match in the code and the views, comments aside. */
function literals(pattern: RegExp): string[] {
  return [...sources, ...templates].flatMap(([, text]) =>
    [...text.replace(/^\s*(?:\/\/|\*|\/\*\*).*$/gm, '').matchAll(pattern)].flatMap((match) =>
      match.slice(1).filter((group) => group !== undefined),
    ),
  )
}

function pageKeys(state: string): string[] {
  return [`page.${state}.title`, `page.${state}.body`]
}
