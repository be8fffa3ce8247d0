// Checks a theme: everything that is wrong with it, each with a place and what to do about it.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { FILE_TYPES } from '../web/theme.ts'
import { checkPrinted, printedByOurs } from './check-pages.ts'
import { checkTemplate, keysSaid, templatesOf } from './check-templates.ts'
import { checkWords, wordsIn } from './check-words.ts'
import { at, type Finding, type FoundTheme, findChain, findTheme, type Ours, readable, readTheme } from './find.ts'
import { loadTheme, publicFiles, tokensOfChain } from './load.ts'
import { BOUNDS, ENDINGS, readPicture } from './picture.ts'
import { tokensOf, tooFaint, type Values } from './tokens.ts'

/** The findings about a theme, by file and line. None: it can be used. */
export function checkTheme(name: string, ours: Ours): Finding[] {
  return readable(
    name,
    (findings) => findings,
    () => check(name, ours),
  )
}

function check(name: string, ours: Ours): Finding[] {
  const folder = findTheme(name, ours)
  const { themes, findings } = findChain(name, ours)
  if (folder === undefined) return findings
  const { json } = readTheme(folder)
  const folders = themes.length > 0 ? themes.map((theme) => theme.folder) : [folder]
  const { templates, findings: odd } = templatesOf(folder)
  const said = new Set(templates.flatMap((template) => keysSaid(template).map(({ key }) => key)))
  const inherited = folders.slice(1).flatMap((parent) => Object.keys(wordsIn(parent, 'en') ?? {}))
  const keys = new Set([ours.views, ...folders].flatMap((one) => Object.keys(wordsIn(one, 'en') ?? {})))
  const checked = { ours, folders, keys, hashes: json?.csp?.['script-src'] ?? [] }
  const read = templates.flatMap((template) => checkTemplate(template, checked))
  const { theme } = loadTheme(name, ours, { cache: true })
  const unprintable = new Set(read.filter(({ problem }) => problem === 'it does not compile').map(({ file }) => file))
  const printable = theme ? templates.filter(({ file }) => !unprintable.has(file)) : []
  const plain = printable.length > 0 ? printedByOurs(ours) : []
  const printed = theme ? printable.flatMap((template) => checkPrinted(template, templates, theme, ours, plain)) : []
  return inOrder([
    ...findings,
    ...odd,
    ...(json ? [...checkName({ folder, json }, name), ...checkLooks({ folder, json }, themes, ours)] : []),
    ...checkWords(folder, ours, new Set([...said, ...inherited])),
    ...read,
    ...printed,
  ])
}

function checkName(theme: FoundTheme, name: string): Finding[] {
  const asked = /^[./]/.test(name) ? path.basename(theme.folder) : name
  if (theme.json.name === asked) return []
  return [
    at(theme, ['name'], `it is called ${theme.json.name}, and its folder or package ${asked}`, 'Give both one name'),
  ]
}

function checkLooks(theme: FoundTheme, themes: FoundTheme[], ours: Ours): Finding[] {
  const { folder, json } = theme
  const names = publicFiles(path.join(folder, 'public'))
  const pictures = (['logo', 'icon'] as const).flatMap((key) => {
    const name = json[key]
    if (name === undefined || names.includes(name)) return []
    return [at(theme, [key], `there is no public/${name}`, `Put the picture there, or leave ${key} out`)]
  })
  const replaces = json.styles?.mode === 'replace' && !names.includes('style.css')
  return [
    ...pictures,
    ...checkLogo(theme, names),
    ...(replaces
      ? [at(theme, ['mode'], 'it replaces our stylesheet and has none', 'Write public/style.css, or leave styles out')]
      : []),
    ...names.flatMap((name) => checkFile(path.join(folder, 'public', name), theme)),
    ...checkContrast(theme, themes, ours),
  ]
}

/** The head of every page shows it, so it is held to what the console takes. */
function checkLogo(theme: FoundTheme, names: string[]): Finding[] {
  const { logo } = theme.json
  if (logo === undefined || !names.includes(logo)) return []
  const reading = readPicture(readFileSync(path.join(theme.folder, 'public', logo)))
  const todo = `A logo is a ${BOUNDS}`
  if ('problem' in reading) return [at(theme, ['logo'], lowerFirst(reading.problem), todo)]
  const { type } = reading.picture
  if (FILE_TYPES[path.extname(logo).toLowerCase()] === type) return []
  return [
    at(theme, ['logo'], `public/${logo} is ${type}, and its name says another`, `Let it end in .${ENDINGS[type]}`),
  ]
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}

function checkFile(file: string, { json }: FoundTheme): Finding[] {
  const ending = path.extname(file).toLowerCase()
  if (FILE_TYPES[ending] === undefined) {
    const todo = `Files are served that end in ${Object.keys(FILE_TYPES).join(' ')}`
    return [{ file, line: 1, problem: 'it is never served', todo }]
  }
  if (ending !== '.css') return []
  const allowed = Object.values(json.csp ?? {}).flat()
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.flatMap((line, index) =>
    [...line.matchAll(/(?:url\(|@import)\s*["']?(https?:)?\/\/([^/"')\s]+)/g)].flatMap(
      ([, scheme = 'https:', host]) => {
        const origin = `${scheme}//${host}`
        if (allowed.includes(origin)) return []
        const problem = `what is fetched from ${host} is stopped by the content security policy`
        return [
          { file, line: index + 1, problem, todo: `Put the file into public, or name ${origin} in csp of theme.json` },
        ]
      },
    ),
  )
}

function checkContrast(theme: FoundTheme, themes: FoundTheme[], ours: Ours): Finding[] {
  const chain = themes.length > 0 ? themes : [theme]
  const faint = tooFaint(tokensOf(readFileSync(ours.stylesheet, 'utf8')), tokensOfChain(chain))
  return faint.map(({ scheme, front, back, contrast, least }) => {
    const own: Values = (theme.json.tokens?.[scheme] ?? {}) as Values
    const token = front in own ? front : back
    const problem = `${front} on ${back} has a contrast of ${contrast} to 1 in the ${scheme} scheme, and needs ${least}`
    return at(theme, ['tokens', scheme, token], problem, `Change ${front} or ${back} under tokens.${scheme}`)
  })
}

function inOrder(findings: Finding[]): Finding[] {
  const once = new Map(findings.map((one) => [`${one.file}\n${one.line}\n${one.problem}`, one]))
  return [...once.values()].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line)
}
