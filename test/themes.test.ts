// Themes: where their files are looked for, what their tokens become, and how pages do without a file that fails.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { allStates } from '../src/specimens/all.ts'
import { findTheme, oursIn } from '../src/themes/find.ts'
import { loadTheme } from '../src/themes/load.ts'
import { themeJsonSchema } from '../src/themes/theme-json.ts'
import { KINDS, stylesheetOf, TOKENS, tokensOf } from '../src/themes/tokens.ts'
import { CannotWrite, eject, newTheme, ourTemplates } from '../src/themes/write.ts'
import { lostIn } from '../src/web/plumbing.ts'
import { lineOfMistake } from '../src/web/template-lines.ts'
import { SLOTS, type TemplateFault } from '../src/web/templates.ts'
import { createViews } from '../src/web/views.ts'
import { copyOf, emptyPlace, type Files, OURS, themeJson, writeTheme } from './support/themes.ts'

const { folder: place, remove } = emptyPlace()
after(remove)

const first = allStates.find(({ name }) => name === 'register: first view') ?? assert.fail()
const wrong = allStates.find(({ name }) => name === 'register: three problems') ?? assert.fail()

function themed(files: Files, name = 'acme') {
  const { theme, findings } = loadTheme(writeTheme(place, files, name), OURS, { cache: true })
  assert.ok(theme, JSON.stringify(findings))
  return theme
}

/** Views with a theme, what they reported, and their clock. */
function worn(files: Files, cache = true) {
  const theme = themed(files)
  const faults: TemplateFault[] = []
  const clock = { now: new Date('2027-03-04T14:00:00Z') }
  const views = createViews({
    folders: [...theme.folders, OURS.views],
    cache,
    organization: () => 'Northwind',
    look: theme.look,
    now: () => clock.now,
    report: (fault) => faults.push(fault),
  })
  return { views, faults, clock }
}

const plain = createViews({
  folders: [OURS.views],
  cache: true,
  organization: () => 'Northwind',
  now: () => new Date('2027-03-04T14:00:00Z'),
})

/** A folder like the product's own, with themes in it. */
function anotherHouse(name: string, themes: Record<string, Files>) {
  const root = path.join(place, name)
  mkdirSync(path.join(root, 'views/themes'), { recursive: true })
  for (const one of ourTemplates(OURS)) {
    mkdirSync(path.dirname(path.join(root, 'views', one)), { recursive: true })
    writeFileSync(path.join(root, `views/${one}.ejs`), readFileSync(path.join(OURS.views, `${one}.ejs`)))
  }
  symlinkSync(path.join(OURS.views, 'messages'), path.join(root, 'views/messages'))
  symlinkSync(path.dirname(OURS.stylesheet), path.join(root, 'public'))
  writeFileSync(path.join(root, 'package.json'), '{ "version": "1.4.0" }')
  for (const [theme, files] of Object.entries(themes))
    writeTheme(path.join(root, path.dirname(theme)), files, path.basename(theme))
  return oursIn(root)
}

describe('a file is looked for', () => {
  const ours = anotherHouse('layers', {
    'views/themes/child': {
      'theme.json': themeJson({ name: 'child', parent: 'mother', tokens: { light: { radius: '1px' } } }),
      'slots/form.before.ejs': 'child',
    },
    'views/themes/mother': {
      'theme.json': themeJson({
        name: 'mother',
        parent: '@acme/grandmother',
        tokens: { light: { radius: '2px', measure: '30rem' } },
      }),
      'slots/form.before.ejs': 'mother',
      'slots/form.after.ejs': 'mother',
      'messages/en.json': '{ "actions.decline": "mother", "actions.create": "mother" }',
      'public/style.css': '/* mother */',
    },
    'node_modules/@acme/grandmother': {
      'theme.json': themeJson({ name: '@acme/grandmother', logo: 'logo.svg' }),
      'slots/form.after.ejs': 'grandmother',
      'slots/actions.after.ejs': 'grandmother',
      'messages/en.json': '{ "actions.decline": "grandmother", "username.label": "grandmother" }',
      'public/logo.svg': '<svg/>',
      'public/style.css': '/* grandmother */',
    },
  })
  const { theme, findings } = loadTheme('child', ours, { cache: true })

  test('in the theme, in its parents, and at last among ours', () => {
    assert.deepEqual(findings, [])
    assert.ok(theme)
    const views = createViews({ folders: [...theme.folders, ours.views], cache: true, organization: () => 'Northwind' })
    const html = first.render(views)
    const slots = [...html.matchAll(/data-slot="([\w.]+)">\n(\w+)/g)].map(([, slot, by]) => `${slot}: ${by}`)
    assert.deepEqual(slots, ['form.before: child', 'actions.after: grandmother', 'form.after: mother'])
    assert.match(html, /value="decline">mother</)
    assert.match(html, /value="create">mother</)
    assert.match(html, /for="username">grandmother</)
    assert.match(html, /Create a password/)
  })

  test('so are tokens, pictures and stylesheets, the nearest to us first', () => {
    const look = theme?.look()
    const sheet = theme?.files().get(look?.stylesheets[1]?.replace('/theme', '') ?? '')
    assert.equal(String(sheet?.content), ':root {\n  --jit-radius: 1px;\n  --jit-measure: 30rem;\n}\n')
    const texts = look?.stylesheets
      .slice(2)
      .map((href) => String(theme?.files().get(href.replace('/theme', ''))?.content))
    assert.deepEqual(texts, ['/* grandmother */', '/* mother */'])
    assert.match(look?.logo ?? '', /^\/theme\/[\w-]{16}\/logo\.svg$/)
    assert.equal(look?.asset('nothing.png'), undefined)
  })

  test('and a theme by a folder of views/themes, a package, or a path, and nowhere else', () => {
    assert.equal(findTheme('mother', ours), path.join(ours.views, 'themes/mother'))
    assert.equal(findTheme('@acme/grandmother', ours), path.join(ours.views, '../node_modules/@acme/grandmother'))
    assert.equal(findTheme('./mother', ours, path.join(ours.views, 'themes')), path.join(ours.views, 'themes/mother'))
    for (const name of ['nobody', '..', '', 'layout']) assert.equal(findTheme(name, ours), undefined, name)
  })

  test('the versions of Vestibule that a theme is for include the first and the last one', () => {
    for (const [more, isFit] of [
      [{ minCore: '1.4.0', maxCore: '1.4.0' }, true],
      [{ minCore: '1.4.1' }, false],
      [{ maxCore: '1.3.99' }, false],
      [{ minCore: '0.9.10', maxCore: '2.0.0' }, true],
    ] as const) {
      const { findings } = loadTheme(writeTheme(place, { 'theme.json': themeJson(more) }), ours, { cache: true })
      assert.equal(findings.length === 0, isFit, JSON.stringify(more))
    }
  })
})

describe('tokens', () => {
  test('are those of our stylesheet, each of its kind', () => {
    const { light, dark } = tokensOf(readFileSync(OURS.stylesheet, 'utf8'))
    assert.deepEqual(Object.keys(light).sort(), Object.keys(TOKENS).sort())
    for (const [name, value] of Object.entries({ ...light, ...dark })) {
      if (value.startsWith('var(')) continue
      assert.match(value, KINDS[TOKENS[name] ?? 'color'].pattern, name)
    }
  })

  test('of light pages leave dark pages as they are', () => {
    const css = stylesheetOf({ light: { 'color-accent': '#0a6b4f', radius: '3px' }, dark: { 'color-text': '#ffffff' } })
    assert.equal(
      css,
      ':root {\n  --jit-radius: 3px;\n}\n' +
        '@media not all and (prefers-color-scheme: dark) {\n:root {\n  --jit-color-accent: #0a6b4f;\n}\n}\n' +
        '@media (prefers-color-scheme: dark) {\n:root {\n  --jit-color-text: #ffffff;\n}\n}\n',
    )
    assert.equal(stylesheetOf({ light: {}, dark: {} }), '')
  })

  test('can say nothing but their kind', () => {
    const nasty = [
      'red;',
      '#fff}',
      '#fff/*',
      'url(x)',
      'var(--x)',
      'expression(1)',
      '1px;',
      '-1px',
      '1e9px',
      'a;b',
      '"a',
      "a'",
      '\\61',
      'a{',
      'a\nb',
      '',
    ]
    for (const [kind, { pattern, example }] of Object.entries(KINDS)) {
      assert.match(example, pattern)
      for (const value of nasty) assert.doesNotMatch(value, pattern, `${kind} ${value}`)
    }
  })

  for (const [kind, inside, outside] of [
    [
      'text',
      '12px 12.5px 16px 19px 31.999px 32px 32.0px 0.75rem 0.8rem 0.875rem 1rem 1.25em 2rem',
      '0 0px 1px 9px 11.999px 32.001px 33px 120px 0rem 0.7rem 0.749rem 2.001rem 3rem 12rem 16',
    ],
    [
      'width',
      '16rem 16.5rem 34rem 99rem 100em 1200rem 256px 300px 1100px',
      '0 0px 1px 99px 255px 255.999px 1rem 9rem 15.999rem 016rem',
    ],
    [
      'logo',
      '16px 16.5px 32px 99px 100px 159.999px 160px 1rem 9.5em 10rem',
      '0 0px 9px 15.999px 160.001px 161px 200px 500px 0.5rem 10.001rem 11rem',
    ],
  ] as const) {
    test(`of the kind ${kind} are within bounds in which people can read a page`, () => {
      const { pattern } = KINDS[kind]
      for (const value of inside.split(' ')) assert.match(value, pattern)
      for (const value of outside.split(' ')) assert.doesNotMatch(value, pattern)
    })
  }

  test('beneath a stylesheet that replaces ours are all there', () => {
    const theme = themed({
      'theme.json': themeJson({ styles: { mode: 'replace' }, tokens: { light: { radius: '3px' } } }),
      'public/style.css': 'h1 { color: var(--jit-color-text) }',
    })
    const [tokens = '', own = '', ...more] = theme.look().stylesheets
    assert.deepEqual(more, [])
    assert.match(own, /style\.css$/)
    const css = String(theme.files().get(tokens.replace('/theme', ''))?.content)
    assert.match(css, /--jit-radius: 3px;/)
    for (const name of Object.keys(TOKENS)) assert.ok(css.includes(`--jit-${name}: `), name)
  })

  test('theme.json has a JSON Schema that is up to date', () => {
    const file = path.join(OURS.views, '../docs/theme.schema.json')
    const text = `${JSON.stringify(themeJsonSchema(), null, 2)}\n`
    if (process.env.UPDATE_RECORDS === '1') writeFileSync(file, text)
    assert.equal(readFileSync(file, 'utf8'), text)
  })
})

describe('slots', () => {
  const filled = Object.fromEntries(SLOTS.map((name) => [`slots/${name}.ejs`, `<p><%= page.application %></p>\n`]))

  test('are ten, and each is on register.do when something is wrong, in one order', () => {
    const { views, faults } = worn(filled)
    const html = wrong.render(views)
    assert.deepEqual(
      [...html.matchAll(/data-slot="([\w.]+)">\n<p>Travel</g)].map(([, slot]) => slot),
      [
        ...['page.header.after', 'error.after', 'form.before', 'username.help', 'password.help', 'consent.before'],
        ...['consent.after', 'actions.after', 'form.after', 'page.footer.before'],
      ],
    )
    assert.deepEqual(faults, [])
  })

  test('print nothing without a theme', () => {
    for (const state of allStates) assert.doesNotMatch(state.render(plain), /slot/)
  })

  test('of one that throws are as empty, and the others stay', () => {
    const { views, faults } = worn({ ...filled, 'slots/form.before.ejs': '<%= page.nothing.at.all %>' })
    const html = wrong.render(views)
    assert.equal(html.match(/data-slot=/g)?.length, 9)
    assert.deepEqual(
      faults.map(({ file, line }) => [path.basename(file), line]),
      [['form.before.ejs', 1]],
    )
  })
})

describe('a file that fails', () => {
  const thrower = copyOf('partials/actions', ['<div', '<% throw new Error("secret") %>\n<div'])

  test('leaves the page as it would be without it', () => {
    const { views, faults } = worn(thrower)
    assert.equal(first.render(views), first.render(plain))
    assert.equal(faults[0]?.line, 5)
    assert.equal(faults[0]?.kind, 'Error')
  })

  test('leaves the other files of the theme in use', () => {
    const { views } = worn({
      ...thrower,
      'slots/form.before.ejs': 'still here',
      ...copyOf('partials/opening', ['<h1>', '<h1 class="ours">']),
    })
    const html = first.render(views)
    assert.match(html, /still here/)
    assert.match(html, /<h1 class="ours">/)
  })

  test('three times in a minute is off until the next start', () => {
    const { views, faults } = worn(thrower)
    for (let times = 0; times < 5; times += 1) first.render(views)
    assert.deepEqual(
      faults.map(({ isOff }) => isOff),
      [false, false, true],
    )
  })

  test('now and then is tried again', () => {
    const { views, faults, clock } = worn(thrower)
    for (let times = 0; times < 5; times += 1) {
      first.render(views)
      clock.now = new Date(clock.now.getTime() + 31_000)
    }
    assert.deepEqual(
      faults.map(({ isOff }) => isOff),
      [false, false, false, false, false],
    )
  })

  test('because a part of ours is given too little is the one that gave it', () => {
    const { views, faults } = worn({
      'slots/form.before.ejs': "<p>x</p>\n<%- include('/partials/field', { id: 'a' }) -%>\n",
    })
    assert.equal(first.render(views), first.render(plain))
    assert.deepEqual(
      faults.map(({ file, line }) => [path.basename(file), line]),
      [['form.before.ejs', 2]],
    )
  })

  test('is ours to mend when it is ours', () => {
    const broken = path.join(place, 'broken')
    mkdirSync(broken, { recursive: true })
    writeFileSync(path.join(broken, 'layout.ejs'), '<%= nothing %>')
    writeFileSync(path.join(broken, 'register.ejs'), '')
    const theme = themed({ 'slots/form.before.ejs': 'x' })
    const views = createViews({ folders: [...theme.folders, broken], cache: true, organization: () => 'Northwind' })
    assert.throws(() => first.render(views), /nothing is not defined/)
  })

  test('in development shows at the next reload, mended or not', () => {
    const { views } = worn({ 'slots/form.before.ejs': 'before' }, false)
    assert.match(first.render(views), /before/)
    writeFileSync(path.join(place, 'acme/slots/form.before.ejs'), 'after')
    assert.match(first.render(views), /\nafter</)
  })

  test('of the look in development shows at the next reload, and one that is being written does not', () => {
    const folder = writeTheme(place, { 'public/style.css': 'a' })
    const { theme } = loadTheme(folder, OURS, { cache: false })
    const before = theme?.look().stylesheets.at(-1)
    writeFileSync(path.join(folder, 'public/style.css'), 'b')
    const changed = theme?.look().stylesheets.at(-1)
    assert.notEqual(changed, before)
    writeFileSync(path.join(folder, 'theme.json'), '{ "name"')
    assert.equal(theme?.look().stylesheets.at(-1), changed)
  })
})

describe('the line of a mistake', () => {
  for (const [text, line] of [
    ['<p>\n<% if (a) { %>\nx', 3],
    ['a\nb\n<%= c\n', 3],
    ['a\n<%= b %>\n<%= c( %>\nd\n', 3],
    ['<% } %>', 1],
    ['<p><%= a %></p>', undefined],
    ['<%% not a tag %%>', undefined],
  ] as const) {
    test(`in ${JSON.stringify(text)} is ${line}`, () => assert.equal(lineOfMistake(text), line))
  }
})

describe('what a person can do with a page', () => {
  const page =
    '<form id="form" method="post" action="/a"><input type="hidden" name="k" value="1"><input name="u"><button name="do" value="x">X</button></form><a href="/b?c=1">B</a>'
  for (const [what, change, lost] of [
    [
      'stays the same with other words and tags',
      (html: string) => html.replace('<form', '<h1>Hi</h1><form class="a"').replace('X<', 'Y<'),
      [],
    ],
    [
      'may have more',
      (html: string) =>
        `<a href="/more">M</a>${html.replace('</form>', '<button name="do" value="y">Y</button></form>')}`,
      [],
    ],
    ['needs its hidden fields', (html: string) => html.replace('name="k"', ''), ['the hidden k']],
    [
      'needs them with their values',
      (html: string) => html.replace('value="1"', 'value="2"'),
      ['the hidden k', 'the only one of hidden k'],
    ],
    ['needs its links', (html: string) => html.replace('/b?', '/c?'), ['the link to /b']],
    ['needs its forms to be sent as they were', (html: string) => html.replace('post', 'get'), ['the form (post /a)']],
    ['needs its buttons', (html: string) => html.replace('<button', '<button disabled'), ['the button do']],
    [
      'needs a button to send where it did',
      (html: string) => html.replace('<button', '<button formaction="/evil"'),
      ['the button do'],
    ],
    [
      'needs what Enter presses',
      (html: string) => html.replace('<input name', '<button name="z">Z</button><input name'),
      ['what Enter presses'],
    ],
    [
      'needs a password to stay one',
      (html: string) => html.replace('<input name="u"', '<input name="u" type="password"'),
      ['the field u'],
    ],
    ['sees no form within a form', (html: string) => `<form action="/evil">${html}`, ['the form (post /a)']],
    ['sees nothing in a comment', (html: string) => `<!-- ${html}`, ['the form (post /a)', 'the link to /b']],
    ['sees nothing in a text area', (html: string) => `<textarea>${html}`, ['the form (post /a)', 'the link to /b']],
    [
      'sees nothing after a quote that never ends',
      (html: string) => `<p class="${html.replaceAll('"', "'")}`,
      ['the form (post /a)', 'the link to /b'],
    ],
    [
      'finds the button of a form elsewhere',
      (html: string) => html.replace('<button', '</form><button form="f"').replace('<form', '<form id="f"'),
      [],
    ],
  ] as const) {
    test(what, () => assert.deepEqual(lostIn(page, change(page)), lost))
  }
})

describe('of several forms with one address', () => {
  const form = (purpose: string, more = '') =>
    `<form method="post" action="/a"><input type="hidden" name="purpose" value="${purpose}">${more}<button>Stop</button></form>`
  const detail = '<input type="hidden" name="attribute" value="email">'
  const all = [form('1'), form('1', detail), form('2')]
  for (const [what, theirs, lost] of [
    ['each finds its own', all, []],
    ['each finds its own in another order', all.toReversed(), []],
    ['each may have more', all.map((one) => one.replace('<button', '<input name="why"><button')), []],
    ['none does for two', [form('1'), form('1', detail)], ['the form (post /a)']],
    ['one with more does for that with less, but not for both', [form('1', detail), form('2')], ['the form (post /a)']],
    [
      'the one that has lost a value is found',
      [form('1'), form('1', detail), form('7')],
      ['the hidden purpose', 'the only one of hidden purpose'],
    ],
    [
      'the one that has lost its button is found',
      [...all.slice(0, 2), form('2').replace('<button', '<b')],
      ['the button '],
    ],
  ] as const) {
    test(what, () => assert.deepEqual(lostIn(all.join(''), theirs.join('')), lost))
  }
})

describe('vestibule theme', () => {
  const ours = anotherHouse('writing', {})

  test('new makes four files of less than 60 lines that work', () => {
    const files = newTheme('acme', ours)
    assert.deepEqual(
      files.map((file) => path.relative(path.join(ours.views, 'themes/acme'), file)),
      ['theme.json', 'messages/en.json', 'slots/page.footer.before.ejs', 'public/logo.svg'],
    )
    assert.ok(
      files
        .map((file) => readFileSync(file, 'utf8'))
        .join('')
        .split('\n').length < 60,
    )
    assert.ok(loadTheme('acme', ours, { cache: true }).theme)
  })

  test('new makes nothing over something, and nothing of an odd name', () => {
    for (const name of ['acme', 'Acme', '../acme', 'a/b', '', '.', '-x'])
      assert.throws(() => newTheme(name, ours), CannotWrite, name)
  })

  test('new makes no theme of the name that means our own pages, and says so', () => {
    assert.throws(() => newTheme('base', ours), /^Error: base means our own pages/)
  })

  test('eject copies a template under a line that says of what it is a copy, once', () => {
    const file = eject('partials/field', 'acme', ours)
    const [header, ...rest] = readFileSync(file, 'utf8').split('\n')
    assert.match(header ?? '', /^<%# vestibule:template partials\/field contract=1 base=[0-9a-f]{12} core=1\.4\.0 -%>$/)
    assert.equal(rest.join('\n'), readFileSync(path.join(ours.views, 'partials/field.ejs'), 'utf8'))
    assert.throws(() => eject('partials/field', 'acme', ours), /is there already/)
    assert.throws(() => eject('regster', 'acme', ours), /did you mean register\?/)
    assert.throws(() => eject('../package', 'acme', ours), CannotWrite)
    assert.throws(() => eject('register', 'nobody', ours), /There is no theme nobody/)
  })
})
