// Makes a theme ready for use. One that cannot be judged sound before the start is not used at all: people see our own pages, and the log says why.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { languagesIn, loadMessages } from '../web/messages.ts'
import { type CspDirective, FILE_TYPES, type Look, OUR_LOOK, type Theme, type ThemeFile } from '../web/theme.ts'
import { type Finding, type FoundTheme, findChain, type Ours, readable } from './find.ts'
import { merged, stylesheetOf, type Tokens, tokensOf } from './tokens.ts'

const DIRECTIVES = { imgSrc: 'img-src', fontSrc: 'font-src', styleSrc: 'style-src', scriptSrc: 'script-src' } as const

/**
 * Loads the theme of that name and its parents.
 * @param options `cache`: its look and files are read once; else at each call, so that a change shows at the next reload
 * @returns the theme, or what keeps it from being used
 */
export function loadTheme(name: string, ours: Ours, options: { cache: boolean }): Loaded {
  return readable(
    name,
    (findings): Loaded => ({ findings }),
    () => load(name, ours, options),
  )
}

interface Loaded {
  theme?: Theme
  findings: Finding[]
}

function load(name: string, ours: Ours, options: { cache: boolean }): Loaded {
  const { themes, findings } = findChain(name, ours)
  const faults = [...findings, ...themes.flatMap(({ folder }) => unreadableWords(folder))]
  if (faults.length > 0) return { findings: faults }
  let now = read(themes, ours)
  const current = () => {
    // A file that is being written just now: as it was before.
    if (!options.cache) now = tryRead(name, ours) ?? now
    return now
  }
  const theme: Theme = {
    name,
    folders: themes.map(({ folder }) => folder),
    csp: cspOf(themes),
    look: () => current().look,
    files: () => current().files,
  }
  return { theme, findings: [] }
}

/** Messages are read at the start, so a file that is none would keep the product from starting. */
function unreadableWords(folder: string): Finding[] {
  const file = path.join(folder, 'messages')
  try {
    if (existsSync(file)) for (const language of languagesIn([folder])) loadMessages([folder], language, false)
    return []
  } catch {
    const problem = 'one of its files is no JSON object with a sentence for each key'
    return [{ file, line: 1, problem, todo: 'vestibule theme check says which, and where' }]
  }
}

function cspOf(themes: FoundTheme[]): Theme['csp'] {
  return Object.fromEntries(
    Object.entries(DIRECTIVES).map(([directive, key]): [CspDirective, string[]] => [
      directive as CspDirective,
      [...new Set(themes.flatMap(({ json }) => json.csp?.[key] ?? []))],
    ]),
  )
}

interface Read {
  look: Look
  files: Map<string, ThemeFile>
}

function tryRead(name: string, ours: Ours): Read | undefined {
  try {
    const { themes, findings } = findChain(name, ours)
    return findings.length > 0 ? undefined : read(themes, ours)
  } catch {
    return undefined
  }
}

function read(themes: FoundTheme[], ours: Ours): Read {
  const files = new Map<string, ThemeFile>()
  const addresses = themes.map(({ folder }) => addPublic(path.join(folder, 'public'), files))
  const asset = (name: string) => addresses.map((one) => one.get(name)).find((address) => address !== undefined)
  const pictureOf = (key: 'logo' | 'icon') => {
    const at = themes.findIndex(({ json }) => json[key] !== undefined)
    return addresses[at]?.get(themes[at]?.json[key] ?? '')
  }
  // The nearest theme that replaces our stylesheet replaces those of its parents, too.
  const replacing = themes.findIndex(({ json }) => json.styles?.mode === 'replace')
  const [styled, ground] = replacing < 0 ? [addresses, OUR_LOOK.stylesheets] : [addresses.slice(0, replacing + 1), []]
  const look: Look = {
    stylesheets: [
      ...ground,
      ...addTokens(
        tokensOfChain(themes, replacing < 0 ? [] : [tokensOf(readFileSync(ours.stylesheet, 'utf8'))]),
        files,
      ),
      ...styled.toReversed().flatMap((one) => one.get('style.css') ?? []),
    ],
    logo: pictureOf('logo') ?? OUR_LOOK.logo,
    icon: pictureOf('icon') ?? pictureOf('logo') ?? OUR_LOOK.icon,
    asset,
  }
  return { look, files }
}

/** What these themes say, the first over those after it, and `beneath` beneath all. */
export function tokensOfChain(themes: FoundTheme[], beneath: Tokens[] = []): Tokens {
  const own = themes.map(({ json }) => ({ light: json.tokens?.light ?? {}, dark: json.tokens?.dark ?? {} }) as Tokens)
  return merged([...beneath, ...own.toReversed()])
}

function addTokens(tokens: Tokens, files: Map<string, ThemeFile>): string[] {
  const content = Buffer.from(stylesheetOf(tokens))
  if (content.length === 0) return []
  const name = `/tokens.${hashOf([content])}.css`
  files.set(name, { type: FILE_TYPES['.css'] ?? '', content })
  return [`/theme${name}`]
}

/** Adds the files of a public folder, below a hash of them all, so that they can name each other. Returns their addresses by name. */
function addPublic(folder: string, files: Map<string, ThemeFile>): Map<string, string> {
  const found = publicFiles(folder).flatMap((name) => {
    const type = FILE_TYPES[path.extname(name).toLowerCase()]
    return type === undefined ? [] : [{ name, type, content: readFileSync(path.join(folder, name)) }]
  })
  const hash = hashOf(found.flatMap(({ name, content }) => [Buffer.from(name), content]))
  for (const { name, type, content } of found) files.set(`/${hash}/${name}`, { type, content })
  return new Map(found.map(({ name }) => [name, `/theme/${hash}/${encodeURI(name)}`]))
}

/** The names of the files in a folder and below, with slashes between folders. */
export function publicFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.isFile())
    .map((name) => name.replaceAll(path.sep, '/'))
    .sort()
}

function hashOf(parts: Buffer[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('base64url').slice(0, 16)
}
