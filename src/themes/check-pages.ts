// Checks the templates of a theme by printing pages with them, one at a time: what they throw, and what they lose of ours.
import { shapes } from '../specimens/all.ts'
import { CONTACT, NOW, withEveryText } from '../specimens/state.ts'
import type { Look, Theme } from '../web/theme.ts'
import { createViews } from '../web/views.ts'
import type { Template } from './check-templates.ts'
import { isOverride } from './check-templates.ts'
import type { Finding, Ours } from './find.ts'

/** In every value, so that one that is printed as markup shows. */
const MARK = '"<i>'
/** Texts that pages choose by. */
const KINDS = ['iso', 'type']

const KEEP = 'Keep every form, field, button and link of our page, by the names that they have there'

/** Prints every page with this template alone, the others being ours, and compares it with ours, which are `plain`. */
export function checkPrinted(
  template: Template,
  all: Template[],
  theme: Theme,
  ours: Ours,
  plain: string[],
): Finding[] {
  const findings: Finding[] = []
  const { file } = template
  const look = { ...LOOK, asset: theme.look().asset }
  // A part that only this theme has is seen where something includes it.
  const others = new Set(
    all
      .filter((one) => one.file !== file && (isOverride(one, ours) || one.name.startsWith('slots/')))
      .map((one) => one.file),
  )
  const views = createViews({
    folders: [...theme.folders, ours.views],
    cache: true,
    organization: () => 'Northwind',
    contact: () => CONTACT,
    now: () => NOW,
    look: () => look,
    isGuarded: true,
    ignores: (one) => others.has(one),
    report: (fault) => {
      if (fault.file !== file) return
      const todo =
        fault.kind === 'Lost' ? KEEP : 'docs/customise.md and the first lines of each template say what it is given'
      findings.push({ file, line: fault.line ?? 1, problem: fault.problem, todo })
    },
  })
  for (const [index, specimen] of shapes.entries()) {
    const before = findings.length
    const html = specimen.render(views, marked)
    if (findings.length > before) continue
    for (const [problem, todo] of lostHooks(plain[index] ?? '', html)) findings.push({ file, line: 1, problem, todo })
  }
  return findings
}

function marked<T>(page: T): T {
  return withEveryText(page, (text, name) => (KINDS.includes(name) ? text : `${text}${MARK}`))
}

// Looks are not what is compared. Our pages have no files of their own.
const LOOK: Look = {
  stylesheets: [],
  logo: '/public/logo.svg',
  icon: '/public/logo.svg',
  asset: () => undefined,
}

/** Every page in our templates alone. */
export function printedByOurs({ views }: Ours): string[] {
  const plain = createViews({
    folders: [views],
    cache: true,
    organization: () => 'Northwind',
    contact: () => CONTACT,
    now: () => NOW,
    look: () => LOOK,
  })
  return shapes.map((specimen) => specimen.render(plain, marked))
}

function lostHooks(ours: string, theirs: string): [problem: string, todo: string][] {
  const hooksOf = (html: string) =>
    new Set([...html.matchAll(/ (data-(?:part|msg)="[^"]*")/g)].map(([, hook = '']) => hook))
  const there = hooksOf(theirs)
  const lost = [...hooksOf(ours)].filter((hook) => !there.has(hook))
  const headings = theirs.match(/<h1\b/g)?.length ?? 0
  return [
    ...lost.map((hook): [string, string] => [
      `it has lost ${hook}`,
      'The script, tests and support find the parts of a page by it',
    ]),
    ...(headings === 1
      ? []
      : [
          [`the page has ${headings} headings of the first level`, 'One <h1> says what the page is for'] as [
            string,
            string,
          ],
        ]),
    ...(theirs.includes(MARK.slice(1))
      ? [['a value is printed as markup', 'Write <%= …; <%- is for include, slot and body'] as [string, string]]
      : []),
  ]
}
