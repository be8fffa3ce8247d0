// docs/customise.md, done as it is written: what it tells people to run and to write gives a theme without a fault, with what each section promises.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readDeclared } from '../src/declared.ts'
import { allStates } from '../src/specimens/all.ts'
import { oursIn } from '../src/themes/find.ts'
import { loadTheme } from '../src/themes/load.ts'
import { ourTemplates } from '../src/themes/write.ts'
import { createViews } from '../src/web/views.ts'
import { REPOSITORY } from './support/product.ts'
import { emptyPlace } from './support/themes.ts'

const text = readFileSync(path.join(REPOSITORY, 'docs/customise.md'), 'utf8')

/** A step of the page: a command, or a file to write, whole or with a piece put in. */
type Step = { run: string } | { file: string; before?: string; content: string }

function stepsOf(markdown: string): Step[] {
  const blocks = markdown.matchAll(/(?:^In `([^`]+)`(?:, before `([^`]+)`)?[^\n]*:\n\n)?^```(\w+)\n([\s\S]*?)^```$/gm)
  return [...blocks].map(([, file, piece, kind, content = '']) => {
    if (kind === 'sh') return { run: content }
    assert.ok(file, `nobody says where to write ${content}`)
    return { file, content, ...(piece === undefined ? {} : { before: piece }) }
  })
}

describe('docs/customise.md', () => {
  const { folder, remove } = emptyPlace()
  const copy = path.join(folder, 'vestibule')
  let printed = ''
  before(() => {
    // As after `npm ci`: nothing is built.
    for (const name of ['src', 'views', 'public', 'docs', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
      cpSync(path.join(REPOSITORY, name), path.join(copy, name), { recursive: true })
    }
    symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(copy, 'node_modules'))
    mkdirSync(path.join(folder, 'bin'))
    const npx = `#!/bin/sh\n[ "$1" = vestibule ] && shift && exec node '${copy}/dist/cli.js' "$@"\n`
    writeFileSync(path.join(folder, 'bin/npx'), npx, { mode: 0o755 })
    for (const step of stepsOf(text)) printed = take(step)
  })
  after(remove)

  function take(step: Step): string {
    if ('run' in step) {
      const env = { ...process.env, PATH: `${folder}/bin:${process.env.PATH}`, THEME: '' }
      return execFileSync('sh', ['-ec', step.run], { cwd: copy, env, encoding: 'utf8' })
    }
    const file = path.join(copy, step.file)
    const content =
      step.before === undefined ? step.content : withPiece(readFileSync(file, 'utf8'), step.before, step.content)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, content)
    return ''
  }

  function page(): string {
    const ours = oursIn(copy)
    const { theme } = loadTheme('acme', ours, { cache: true })
    assert.ok(theme)
    const faults: unknown[] = []
    const views = createViews({
      folders: [...theme.folders, ours.views],
      cache: true,
      organization: () => 'Northwind',
      look: theme.look,
      report: (fault) => faults.push(fault),
      isStrict: true,
    })
    const html = allStates.find(({ name }) => name === 'register: first view')?.render(views) ?? ''
    assert.deepEqual(faults, [])
    const css = [...theme.files().values()].map(({ content }) => String(content)).join('')
    return html + css
  }

  it('ends with a theme that has no fault', () => {
    assert.equal(printed, 'The theme acme has no fault.\n')
  })

  for (const [section, result] of [
    ['Change the colour', /--jit-color-accent: #7a1fa2;[\s\S]*--jit-color-accent: #e0b0ff;/],
    ['Change the words', />No, thank you</],
    ['Add a paragraph', /<p class="hint">Northwind never sells what it knows<\/p>/],
    ['Own the page', /<hr>\n<div class="actions"/],
  ] as const) {
    it(`"${section}" does what it says, in ten lines of code at most`, () => {
      const [, body = ''] = new RegExp(`^## ${section}\\n([\\s\\S]*?)^## `, 'm').exec(text) ?? []
      const lines = stepsOf(body).flatMap((step) => ('run' in step ? step.run : step.content).trim().split('\n'))
      assert.ok(lines.length > 0 && lines.length <= 10, String(lines.length))
      assert.match(page(), result)
    })
  }
})

describe('the table of views in docs/customise.md', () => {
  it('has every view that can be copied, with what it is given', () => {
    const [, table = ''] = /^\| View \|[^\n]*\n([\s\S]*?)\n\n/m.exec(text) ?? []
    const rows = [...table.matchAll(/^\| `([\w-]+)` \|.*\| `(\w+)` \|$/gm)].map(([, view = '', given = '']) => [
      view,
      given,
    ])
    const given = (view: string) =>
      /Locals: page \((\w+) in/.exec(readFileSync(path.join(REPOSITORY, `views/${view}.ejs`), 'utf8'))?.[1] ?? ''
    const views = ourTemplates(oursIn(REPOSITORY)).filter((view) => view !== 'layout' && !view.includes('/'))
    assert.deepEqual(
      rows.toSorted(),
      views.map((view) => [view, given(view)]),
    )
  })
})

describe('docs/customise.md on a page elsewhere', () => {
  it('says in ten lines at most what a configuration needs, and it has no fault', () => {
    const step = stepsOf(text).find((one) => 'file' in one && one.file === 'vestibule.yaml')
    const yaml = step && 'content' in step ? step.content : ''
    assert.ok(yaml.trim().split('\n').length <= 10)
    const { declared, faults } = readDeclared(yaml, 'vestibule.yaml', { PAGES_SECRET: 'a secret of the pages' })
    assert.deepEqual(faults, [])
    assert.equal(declared?.jitProvisioning.usernameProvisioningUrl, 'https://pages.example/register')
  })
})

function withPiece(whole: string, place: string, piece: string): string {
  assert.equal(whole.split(place).length, 2, `${place} is not there once`)
  return whole.replace(place, () => piece + place)
}
