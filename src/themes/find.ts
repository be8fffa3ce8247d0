// Finds themes: a name to a folder, a folder to what its theme.json says, and a theme to its parents.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { didYouMean } from '../config-faults.ts'
import { CONTRACT } from '../web/contract.ts'
import { lineAt } from '../web/template-lines.ts'
import { type JsonFault, readThemeJson, type ThemeJson } from './theme-json.ts'

/** Something that is wrong with a theme: where, what, and what to do about it. */
export interface Finding {
  file: string
  line: number
  problem: string
  todo: string
}

/** Our own pages: the folder of their templates, the stylesheet, and the version of the product. */
export interface Ours {
  views: string
  stylesheet: string
  core: string
}

export interface FoundTheme {
  folder: string
  json: ThemeJson
}

/** Our pages, from the folder that holds `views`, `public` and package.json. */
export function oursIn(root: string): Ours {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  return { views: path.join(root, 'views'), stylesheet: path.join(root, 'public/style.css'), core: String(version) }
}

/** What `THEME` says for our own pages, without a theme. */
export const BASE = 'base'

export const themesFolder = ({ views }: Ours) => path.join(views, 'themes')

/** The names of the themes in `views/themes`. */
export function themeNames(ours: Ours): string[] {
  const folder = themesFolder(ours)
  return existsSync(folder)
    ? readdirSync(folder).filter((name) => existsSync(path.join(folder, name, 'theme.json')))
    : []
}

/**
 * The folder of a theme: `views/themes/<name>`, or the package of that name, or, if it begins with a dot or a slash, that folder itself,
 * seen from `beside`. Undefined if there is no theme.json.
 */
export function findTheme(name: string, ours: Ours, beside = '.'): string | undefined {
  const folders = /^[./]/.test(name)
    ? [path.resolve(beside, name)]
    : [path.join(themesFolder(ours), name), ...packagesOf(name, ours)]
  return folders.find((folder) => existsSync(path.join(folder, 'theme.json')))
}

/** As Node looks for packages, from our folder upwards; a package need not export its theme.json. */
function packagesOf(name: string, { views }: Ours): string[] {
  const above: string[] = []
  for (let at = path.resolve(views); at !== path.dirname(at); at = path.dirname(at))
    above.push(path.join(at, 'node_modules', name))
  return above
}

/** A theme, its parent, and so on, until one has no parent; with everything that keeps them from being used. */
export function findChain(name: string, ours: Ours): { themes: FoundTheme[]; findings: Finding[] } {
  const themes: FoundTheme[] = []
  const names: string[] = []
  for (let next: string | undefined = name; next !== undefined; ) {
    const child = themes.at(-1)
    const folder = findTheme(next, ours, child?.folder)
    names.push(next)
    if (folder === undefined) return { themes, findings: [nowhere(next, ours, child)] }
    if (child && themes.some((one) => one.folder === folder)) {
      const problem = `the parents go round in a circle: ${names.join(' → ')}`
      return { themes, findings: [at(child, ['parent'], problem, 'Leave out one of these parents')] }
    }
    const { json, findings } = readTheme(folder)
    if (!json) return { themes, findings }
    const found = { folder, json }
    themes.push(found)
    const misfit = misfitOf(found, ours)
    if (misfit) return { themes, findings: [misfit] }
    next = json.parent
  }
  return { themes, findings: [] }
}

function nowhere(name: string, ours: Ours, child: FoundTheme | undefined): Finding {
  const problem = `there is no theme ${name}${didYouMean(name, themeNames(ours))}`
  const todo = `It would be the folder views/themes/${name}, or a package of that name in node_modules`
  return child
    ? at(child, ['parent'], problem, todo)
    : { file: path.join(themesFolder(ours), name), line: 1, problem, todo }
}

/** Reads the theme.json of a folder that has one. */
export function readTheme(folder: string): { json?: ThemeJson; findings: Finding[] } {
  const file = path.join(folder, 'theme.json')
  const text = readFileSync(file, 'utf8')
  const { value, finding } = parseJson(file, text)
  if (finding) return { findings: [finding] }
  const { json, faults } = readThemeJson(value)
  const findings = faults.map(({ path: keys, problem }: JsonFault) => ({
    file,
    line: lineOfKey(text, keys),
    problem,
    todo: 'docs/theme.schema.json says what may stand there',
  }))
  return json ? { json, findings } : { findings }
}

function misfitOf(theme: FoundTheme, { core }: Ours): Finding | undefined {
  const { contract, minCore, maxCore } = theme.json
  if (contract !== CONTRACT) {
    const problem = `it is made for contract ${contract}, and this is contract ${CONTRACT}`
    return at(
      theme,
      ['contract'],
      problem,
      'Look at CHANGELOG.md under Themes, mend its templates, then change the number',
    )
  }
  if (minCore !== undefined && isOlder(core, minCore)) {
    return at(
      theme,
      ['minCore'],
      `it needs Vestibule ${minCore}, and this is ${core}`,
      'Upgrade, or try it and lower minCore',
    )
  }
  if (maxCore !== undefined && isOlder(maxCore, core)) {
    return at(
      theme,
      ['maxCore'],
      `it is made for Vestibule up to ${maxCore}, and this is ${core}`,
      'Try it and raise maxCore',
    )
  }
  return undefined
}

function isOlder(one: string, other: string): boolean {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number))
  const at = [0, 1, 2].find((index) => a?.[index] !== b?.[index])
  return at !== undefined && (a?.[at] ?? 0) < (b?.[at] ?? 0)
}

/** A finding about a key of a theme's theme.json. */
export function at({ folder }: { folder: string }, keys: string[], problem: string, todo: string): Finding {
  const file = path.join(folder, 'theme.json')
  return { file, line: lineOfKey(readFileSync(file, 'utf8'), keys), problem, todo }
}

/** Parses JSON; a mistake is a finding with its line. */
export function parseJson(file: string, text: string): { value?: unknown; finding?: Finding } {
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    const said = error instanceof Error ? error.message : ''
    const [, position] = /at position (\d+)/.exec(said) ?? []
    const line = position === undefined ? lineOfOddWord(text) : lineAt(text, Number(position))
    const todo = 'Keys and texts stand in double quotes, with a comma after each but the last'
    return { finding: { file, line, problem: 'it is not JSON', todo } }
  }
}

/** V8 quotes a word that it does not know, and says no place. */
function lineOfOddWord(text: string): number {
  const known = /[\s{}[\]:,]+|"(?:[^"\\\n]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/y
  let index = 0
  while (known.test(text)) index = known.lastIndex
  return lineAt(text, index)
}

/** The line of the key that these keys lead to, one within the other. */
export function lineOfKey(text: string, keys: string[]): number {
  let index = 0
  for (const key of keys) {
    const next = text.indexOf(`${JSON.stringify(key)}:`, index)
    if (next >= 0) index = next
  }
  return lineAt(text, index)
}

/** Does what reads files. One that cannot be read, such as a folder of a file's name, is a finding like any other. */
export function readable<Result>(name: string, refuse: (findings: Finding[]) => Result, read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    const { code, path: file } = (error ?? {}) as NodeJS.ErrnoException
    if (code === undefined) throw error
    const todo = 'Look at what it is, and who may read it'
    return refuse([{ file: file ?? name, line: 1, problem: `it cannot be read (${code})`, todo }])
  }
}
