// Begins a theme, and copies one of our templates into it.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { didYouMean } from '../config-faults.ts'
import { CONTRACT } from '../web/contract.ts'
import { BASE, findTheme, type Ours, themesFolder } from './find.ts'
import { headerOf } from './header.ts'

/** What a person asked for cannot be done; the message says why, and what can. */
export class CannotWrite extends Error {}

/**
 * Begins the theme `views/themes/<name>`: four files that work as they are.
 * @returns the files, as paths
 * @throws CannotWrite if the name will not do, or is taken
 */
export function newTheme(name: string, ours: Ours): string[] {
  if (!/^[a-z0-9][a-z0-9-]{0,60}$/.test(name)) {
    throw new CannotWrite('The name of a theme is small letters, digits and dashes, such as acme.')
  }
  if (name === BASE) {
    throw new CannotWrite(`${name} means our own pages, without a theme. Take another name, such as acme.`)
  }
  const folder = path.join(themesFolder(ours), name)
  if (existsSync(folder)) throw new CannotWrite(`${folder} is there already.`)
  const files: [string, string][] = [
    ['theme.json', themeJson(name)],
    ['messages/en.json', '{\n  "actions.decline": "No, thank you"\n}\n'],
    ['slots/page.footer.before.ejs', `<p class="hint">A paragraph of ${name}, at the end of every page.</p>\n`],
    ['public/logo.svg', LOGO],
  ]
  return files.map(([file, text]) => write(path.join(folder, file), text))
}

function themeJson(name: string): string {
  const json = {
    $schema: '../../../docs/theme.schema.json',
    name,
    version: '1.0.0',
    contract: CONTRACT,
    tokens: { light: { 'color-accent': '#0a6b4f', radius: '12px' }, dark: { 'color-accent': '#7fdcb8' } },
    logo: 'logo.svg',
  }
  return `${JSON.stringify(json, null, 2)}\n`
}

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">
  <circle cx="16" cy="16" r="15" fill="#0a6b4f" />
</svg>
`

/**
 * Copies one of our templates, such as `register` or `partials/actions`, into a theme, under a line that says of what it is a copy.
 * @returns the file, as a path
 * @throws CannotWrite if there is no such template or theme, or the theme has the file
 */
export function eject(view: string, theme: string, ours: Ours): string {
  const folder = findTheme(theme, ours)
  if (folder === undefined) throw new CannotWrite(`There is no theme ${theme}. Begin one: vestibule theme new ${theme}`)
  const known = ourTemplates(ours)
  const name = view.replace(/\.ejs$/, '')
  if (!known.includes(name))
    throw new CannotWrite(`There is no template ${name}${didYouMean(name, known)}. There are ${known.join(', ')}.`)
  const file = path.join(folder, `${name}.ejs`)
  if (existsSync(file)) throw new CannotWrite(`${file} is there already.`)
  const text = readFileSync(path.join(ours.views, `${name}.ejs`), 'utf8')
  return write(file, `${headerOf(name, text, ours.core)}${text}`)
}

/** The names of our templates: register, partials/field … */
export function ourTemplates({ views }: Ours): string[] {
  return ['', 'partials/']
    .flatMap((folder) => readdirSync(path.join(views, folder)).map((name) => `${folder}${name}`))
    .filter((name) => name.endsWith('.ejs'))
    .map((name) => name.slice(0, -'.ejs'.length))
    .sort()
}

function write(file: string, text: string): string {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text, { flag: 'wx' })
  return file
}
