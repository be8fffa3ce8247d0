// What `vestibule theme check` finds: everything that can be wrong with a theme, each with its place; and nothing where nothing is.
import assert from 'node:assert/strict'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { checkTheme } from '../src/themes/check.ts'
import { ourTemplates } from '../src/themes/write.ts'
import { BROKEN, copyOf, emptyPlace, lineOf, OURS, themeJson, writeTheme } from './support/themes.ts'

const { folder: place, remove } = emptyPlace()
after(remove)

const check = (files: Record<string, string>) => {
  const folder = writeTheme(place, files)
  return checkTheme(folder, OURS).map((one) => ({ ...one, file: path.relative(folder, one.file) }))
}

describe('the check of a theme', () => {
  for (const broken of BROKEN) {
    const {
      what,
      files,
      says: [file, , problem],
    } = broken
    test(`names the fault of one ${what}, with its place, and says what to do`, () => {
      const findings = check(files)
      const found = findings.find(
        (one) => one.file === file && one.line === lineOf(broken) && problem.test(one.problem),
      )
      assert.ok(found, JSON.stringify(findings, null, 1))
      assert.notEqual(found.todo, '')
      // One fault is not lost among others that it brings about.
      assert.ok(findings.length <= 4, JSON.stringify(findings, null, 1))
    })
  }

  test('finds nothing in a copy of every template of ours', () => {
    assert.deepEqual(check(Object.assign({}, ...ourTemplates(OURS).map((view) => copyOf(view)))), [])
  })

  test('finds nothing in the sample theme', () => {
    assert.deepEqual(checkTheme('sample', OURS), [])
  })

  test('lists the faults of several files at once', () => {
    const all = BROKEN.filter(({ use }) => use === 'left out').slice(0, 8)
    const files = Object.assign({}, ...all.map(({ files }) => files))
    const found = new Set(check(files).map(({ file }) => file))
    assert.deepEqual([...found].sort(), Object.keys(files).sort())
  })

  test('finds nothing in a picture that is there, or in a parent of the theme', () => {
    const pictureOf = (name: string) => `<img src="<%= asset('${name}') %>" alt="">\n`
    const findings = check({
      'theme.json': themeJson({ parent: './mother' }),
      'mother/theme.json': themeJson({ name: 'mother' }),
      'mother/public/hers.png': 'picture',
      'public/pictures/mine.png': 'picture',
      'slots/form.before.ejs': pictureOf('hers.png') + pictureOf('pictures/mine.png'),
    })
    assert.deepEqual(findings, [])
  })

  test('takes words and parts of a theme of its own, and a script that theme.json vouches for', () => {
    const csp = { 'script-src': ["'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"] }
    const findings = check({
      'theme.json': themeJson({ csp }),
      'messages/en.json': '{ "acme.hello": "Hello from {org}", "TOO_MANY.few": "Wait {n} minutes" }',
      'partials/acme.ejs': "<p><%= t({ key: 'acme.hello' }) %></p>\n",
      'slots/form.before.ejs': "<%- include('/partials/acme') -%>\n<script>alert(1)</script>\n",
    })
    assert.deepEqual(
      findings.map(({ problem }) => problem),
      [],
    )
  })
})
