// Takes pictures of every page in every state, and writes a page to look at them: npm run gallery, or npm run gallery -- <theme>.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { themesToShow } from '../src/demo/gallery.ts'
import { allStates } from '../src/specimens/all.ts'
import { BASE } from '../src/themes/find.ts'
import { loadTheme } from '../src/themes/load.ts'
import { albumOf, type Picture } from './support/album.ts'
import { openChromium } from './support/chromium.ts'
import { openGallery } from './support/gallery.ts'
import { OURS } from './support/themes.ts'

const FOLDER = path.join(import.meta.dirname, '../.cache/gallery')
const SIDE_BY_SIDE = 3

const LANGUAGES = ['en', 'ar']
const WIDTHS = [320, 1280]
const SCHEMES = ['light', 'dark'] as const
/** A4 at 96 dots an inch, within the margins of the stylesheet. */
const PAPER = 688

const started = performance.now()
const themes = process.argv.length > 2 ? process.argv.slice(2) : [BASE, ...themesToShow()]
const unusable = themes.find((theme) => theme !== BASE && !loadTheme(theme, OURS, { cache: true }).theme)
if (unusable !== undefined) {
  process.stderr.write(`The theme ${unusable} cannot be used: npx vestibule theme check ${unusable} says why\n`)
  process.exit(1)
}
const faults = new Set<string>()
const gallery = await openGallery({
  themes: themes.filter((theme) => theme !== BASE),
  isStrict: false,
  report: ({ file, line = 1, problem }) => faults.add(`${path.relative('', file)}:${line}: ${problem}`),
})
const sittings = themes.flatMap((theme) =>
  allStates.flatMap((state) => LANGUAGES.map((language) => ({ theme, state, language }))),
)
const pictures: Picture[][] = []
try {
  rmSync(FOLDER, { recursive: true, force: true })
  for (const theme of themes) mkdirSync(path.join(FOLDER, folderOf(theme)), { recursive: true })
  const next = sittings.entries()
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => photograph(next)))
} finally {
  await gallery.stop()
}
const all = pictures.flat()
writeFileSync(path.join(FOLDER, 'index.html'), albumOf(`Every page: ${themes.join(', ')}`, all))
const seconds = Math.round((performance.now() - started) / 1000)
process.stdout.write(`${all.length} pictures in ${seconds} s: ${path.relative('', FOLDER)}/index.html\n`)
for (const fault of faults) process.stderr.write(`${fault}\n`)
if (faults.size > 0) process.exitCode = 1

/** Opens one page after another, as long as there are any, and takes all pictures of each. */
async function photograph(next: Iterator<[number, (typeof sittings)[number]]>): Promise<void> {
  const { page, close } = await openChromium({ javaScript: true })
  try {
    for (const [index, { theme, state, language }] of { [Symbol.iterator]: () => next }) {
      await page.goto(gallery.addressOf(state, language, theme))
      const taken = await picturesOf(page, path.join(folderOf(theme), `${state.slug}.${language}`))
      pictures[index] = taken.map(({ file, kinds }) => ({
        state: state.name,
        file,
        kinds: [theme, language, ...kinds],
      }))
      const done = pictures.filter(Boolean).length
      if (done % 10 === 0) process.stderr.write(`${done} of ${sittings.length} pages\n`)
    }
  } finally {
    await close()
  }
}

async function picturesOf(page: Page, name: string): Promise<{ file: string; kinds: string[] }[]> {
  const taken: { file: string; kinds: string[] }[] = []
  const take = async (...kinds: string[]) => {
    const file = `${[name, ...kinds].join('.')}.png`
    await page.screenshot({ path: path.join(FOLDER, file), fullPage: true })
    taken.push({ file, kinds })
  }
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 })
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      await take(String(width), colorScheme)
    }
  }
  await page.setViewportSize({ width: PAPER, height: 800 })
  await page.emulateMedia({ media: 'print', colorScheme: 'light' })
  await take('print')
  await page.emulateMedia({ media: 'screen' })
  return taken
}

/** A theme may be a path, or a package with a scope. */
function folderOf(theme: string): string {
  return theme.replace(/^\W+/, '').replace(/[^\w.-]+/g, '-')
}
