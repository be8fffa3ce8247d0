// Themes made for tests, in folders of their own: a sound one, and what can be wrong with one, each in one sentence.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { oursIn } from '../../src/themes/find.ts'
import { headerOf } from '../../src/themes/header.ts'

export const OURS = oursIn(path.join(import.meta.dirname, '../..'))

export type Files = Record<string, string>

export interface BrokenTheme {
  /** Completes "a theme". */
  what: string
  files: Files
  /** What the check says, and where: a file below the theme, and a line, or what stands in it. */
  says: [file: string, line: number | string, problem: RegExp]
  /** What becomes of it when it is used all the same: the whole theme is off, a file is left out, or nothing happens. */
  use: 'off' | 'left out' | 'as it is'
}

const JSON_OF_ONE = { name: 'acme', version: '1.0.0', contract: 1 }

/** A theme.json, a key to each line. */
export function themeJson(more: Record<string, unknown> = {}): string {
  return `${JSON.stringify({ ...JSON_OF_ONE, ...more }, null, 2)}\n`
}

/** A copy of one of ours under its header, with this put in the place of that. */
export function copyOf(view: string, ...changes: [what: string, by: string][]): Files {
  const ours = readFileSync(path.join(OURS.views, `${view}.ejs`), 'utf8')
  const changed = changes.reduce((text, [what, by]) => {
    if (!text.includes(what)) throw new Error(`views/${view}.ejs has no ${what}`)
    return text.replace(what, () => by)
  }, ours)
  return { [`${view}.ejs`]: `${headerOf(view, ours, OURS.core)}${changed}` }
}

const words = (entries: Record<string, unknown>): Files => ({ 'messages/en.json': JSON.stringify(entries, null, 2) })
const json = (more: Record<string, unknown>): Files => ({ 'theme.json': themeJson(more) })
const TITLE = '<h1><%= t(page.heading) %></h1>'
const inRegister = (by: string) => copyOf('register', ["<%- include('/partials/actions') -%>", by])

// biome-ignore format: one theme, one row
export const BROKEN: BrokenTheme[] = [
  { what: 'whose theme.json is no JSON', files: { 'theme.json': '{\n  "name": "acme"\n  "version": "1.0.0"\n}\n' }, says: ['theme.json', 3, /not JSON/], use: 'off' },
  { what: 'whose theme.json says a word without quotes', files: { 'theme.json': '{\n  "name": "acme",\n  "version": one\n}\n' }, says: ['theme.json', 3, /not JSON/], use: 'off' },
  { what: 'with a key that there is not', files: json({ tokns: {} }), says: ['theme.json', 5, /tokns is not a key of theme\.json \(did you mean tokens\?\)/], use: 'off' },
  { what: 'with a token that there is not', files: json({ tokens: { light: { 'color-accnt': '#000000' } } }), says: ['theme.json', 7, /did you mean color-accent\?/], use: 'off' },
  { what: 'whose colour ends its declaration', files: json({ tokens: { light: { 'color-accent': 'red } body { display: none' } } }), says: ['theme.json', 7, /color-accent has to be a colour/], use: 'off' },
  { what: 'whose text has no size', files: json({ tokens: { light: { 'font-size': '0' } } }), says: ['theme.json', 7, /font-size has to be a size of text of 12px to 32px, or 0\.75rem to 2rem, such as "1rem"/], use: 'off' },
  { what: 'whose page has no width', files: json({ tokens: { light: { measure: '0' } } }), says: ['theme.json', 7, /measure has to be a width of at least 16rem, or 256px/], use: 'off' },
  { what: 'whose font fetches something', files: json({ tokens: { light: { 'font-body': 'url(https://evil.example/x)' } } }), says: ['theme.json', 7, /font-body has to be names of fonts/], use: 'off' },
  { what: 'for another contract', files: json({ contract: 2 }), says: ['theme.json', 4, /made for contract 2, and this is contract 1/], use: 'off' },
  { what: 'for a newer Vestibule', files: json({ minCore: '99.0.0' }), says: ['theme.json', 5, /needs Vestibule 99\.0\.0/], use: 'off' },
  { what: 'for an older Vestibule', files: json({ maxCore: '0.0.9' }), says: ['theme.json', 5, /made for Vestibule up to 0\.0\.9/], use: 'off' },
  { what: 'whose parent is not there', files: json({ parent: 'sampel' }), says: ['theme.json', 5, /there is no theme sampel \(did you mean sample\?\)/], use: 'off' },
  { what: 'that is its own grandparent', files: { ...json({ parent: './mother' }), 'mother/theme.json': themeJson({ name: 'mother', parent: '..' }) }, says: ['mother/theme.json', 5, /in a circle: .* → \.\/mother → \.\.$/], use: 'off' },
  { what: 'with another name than its folder', files: json({ name: 'other' }), says: ['theme.json', 2, /is called other/], use: 'as it is' },
  { what: 'that lets scripts of others in', files: json({ csp: { 'script-src': ['https://evil.example'] } }), says: ['theme.json', 'script-src', /has to be the hash of a script/], use: 'off' },
  { what: 'whose words cannot be told from their ground', files: json({ tokens: { light: { 'color-muted': '#bbbbbb' } } }), says: ['theme.json', 7, /color-muted on color-page has a contrast of 1\.\d to 1 in the light scheme, and needs 4\.5/], use: 'as it is' },
  { what: 'whose logo is not there', files: json({ logo: 'logo.svg' }), says: ['theme.json', 5, /there is no public\/logo\.svg/], use: 'as it is' },
  { what: 'whose logo is no picture', files: { ...json({ logo: 'logo.txt' }), 'public/logo.txt': 'Northwind' }, says: ['theme.json', 5, /the logo is no PNG, WebP or SVG/], use: 'as it is' },
  { what: 'whose logo is heavy', files: { ...json({ logo: 'logo.svg' }), 'public/logo.svg': `<svg>${' '.repeat(200_000)}</svg>` }, says: ['theme.json', 5, /the logo has 196 KB, and may have 100/], use: 'as it is' },
  { what: 'whose logo is called by another kind', files: { ...json({ logo: 'logo.png' }), 'public/logo.png': '<svg xmlns="http://www.w3.org/2000/svg"/>' }, says: ['theme.json', 5, /public\/logo\.png is image\/svg\+xml/], use: 'as it is' },
  { what: 'that replaces our stylesheet by nothing', files: json({ styles: { mode: 'replace' } }), says: ['theme.json', 6, /replaces our stylesheet and has none/], use: 'as it is' },
  { what: 'with a script in public', files: { 'public/app.js': 'alert(1)' }, says: ['public/app.js', 1, /never served/], use: 'as it is' },
  { what: 'whose stylesheet fetches a font elsewhere', files: { 'public/style.css': '/* */\n@import "https://fonts.example/a.css";\n' }, says: ['public/style.css', 2, /fonts\.example is stopped/], use: 'as it is' },
  { what: 'whose words are no JSON', files: { 'messages/en.json': '{\n  "actions.create": "Create account",\n}\n' }, says: ['messages/en.json', 3, /not JSON/], use: 'off' },
  { what: 'with a number for a sentence', files: words({ 'actions.create': 1 }), says: ['messages/en.json', 2, /actions\.create is no sentence/], use: 'off' },
  { what: 'with words that nothing says', files: words({ 'action.create': 'Create' }), says: ['messages/en.json', 2, /nothing says action\.create/], use: 'as it is' },
  { what: 'with a sentence that forgets a name', files: words({ USERNAME_TAKEN: 'This name is taken' }), says: ['messages/en.json', 2, /USERNAME_TAKEN does not say \{name\}/], use: 'as it is' },
  { what: 'with a sentence that waits for a value', files: words({ 'actions.create': 'Create {what}' }), says: ['messages/en.json', 2, /actions\.create gets no \{what\}/], use: 'as it is' },
  { what: 'with markup in a sentence', files: words({ 'actions.create': '<b>Create</b>' }), says: ['messages/en.json', 2, /has markup/], use: 'as it is' },
  { what: 'with a sentence that says nothing', files: words({ 'actions.create': '' }), says: ['messages/en.json', 2, /actions\.create is empty/], use: 'as it is' },
  { what: 'with a sentence that nobody sees', files: words({ 'actions.decline': '\u200b' }), says: ['messages/en.json', 2, /actions\.decline is empty/], use: 'as it is' },
  { what: 'with a language that is half there', files: { 'messages/fr.json': '{ "actions.create": "Créer" }' }, says: ['messages/fr.json', 1, /\d+ of \d+ sentences are missing in fr/], use: 'as it is' },
  { what: 'whose words are in no language', files: { 'messages/english.json': '{}' }, says: ['messages/english.json', 1, /not that of a language/], use: 'as it is' },
  { what: 'with a brace too many', files: inRegister("<% } %>\n<%- include('/partials/actions') -%>"), says: ['register.ejs', '<% } %>', /does not compile/], use: 'left out' },
  { what: 'with a tag that never ends', files: inRegister("<%- include('/partials/actions') -%>\n<% if (page.password) {"), says: ['register.ejs', '<% if (page.password) {', /does not compile/], use: 'left out' },
  { what: 'that wants what is no longer given', files: copyOf('partials/opening', [TITLE, `<%= user.name %>\n${TITLE}`]), says: ['partials/opening.ejs', 'user.name', /user is not defined/], use: 'left out' },
  { what: 'that reads a field which the contract has not', files: copyOf('partials/opening', [TITLE, `<%= page.user.name %>\n${TITLE}`]), says: ['partials/opening.ejs', 'page.user.name', /page\.user is not in the contract 1/], use: 'left out' },
  { what: 'that throws what is no error', files: copyOf('partials/opening', [TITLE, `<% throw null %>\n${TITLE}`]), says: ['partials/opening.ejs', 1, /throws what is no error/], use: 'left out' },
  { what: 'copied from an older Vestibule', files: { 'partials/actions.ejs': copyOf('partials/actions')['partials/actions.ejs']?.replace(/base=\w+/, 'base=0123456789ab') ?? '' }, says: ['partials/actions.ejs', 1, /has changed since it was copied/], use: 'as it is' },
  { what: 'copied for another contract', files: { 'partials/actions.ejs': copyOf('partials/actions')['partials/actions.ejs']?.replace('contract=1', 'contract=7') ?? '' }, says: ['partials/actions.ejs', 1, /made for contract 7/], use: 'as it is' },
  { what: 'with a copy that does not say of what', files: { 'partials/actions.ejs': readFileSync(path.join(OURS.views, 'partials/actions.ejs'), 'utf8') }, says: ['partials/actions.ejs', 1, /does not say of what it is a copy/], use: 'as it is' },
  { what: 'without the state of the form', files: copyOf('register', ["<%- include('/partials/form-state', { form: page.form }) -%>\n", '']), says: ['register.ejs', 1, /has lost the hidden _csrf, the hidden sessionDataKey, the hidden notice/], use: 'left out' },
  { what: 'with a token of its own making', files: copyOf('partials/form-state', ['value="<%= form.csrf %>"', 'value="token"']), says: ['partials/form-state.ejs', 1, /has lost the hidden _csrf/], use: 'left out' },
  { what: 'without the summary of errors', files: copyOf('register', ['<%- include(\'/partials/problems\', { problems: page.problems, isAgain: page.password?.again }) -%>\n', '']), says: ['register.ejs', 1, /has lost the link to #username/], use: 'left out' },
  { what: 'that does not ask for consent', files: copyOf('register', ["<%- include('/partials/consent') -%>\n", '']), says: ['register.ejs', 1, /has lost the box consent/], use: 'left out' },
  { what: 'that ticks in advance', files: copyOf('partials/attribute', ['<% if (attribute.box.ticked) { %> checked<% } %>', ' checked']), says: ['partials/attribute.ejs', 1, /has lost the box consent/], use: 'left out' },
  { what: 'without a way to decline', files: copyOf('partials/actions', ["<button class=\"button\" name=\"do\" value=\"decline\"><%= t(page.actions.decline) %></button>\n", '']), says: ['partials/actions.ejs', 1, /has lost the button do/], use: 'left out' },
  { what: 'that asks for the username twice', files: inRegister("<input name=\"username\">\n<%- include('/partials/actions') -%>"), says: ['register.ejs', 1, /has lost the only one of field username/], use: 'left out' },
  { what: 'that sends its form by GET', files: copyOf('register', ['<form id="form" method="post"', '<form method="get"']), says: ['register.ejs', 1, /has lost the form/], use: 'left out' },
  { what: 'whose form lies in another', files: { 'slots/page.header.after.ejs': '<form action="https://evil.example/">\n' }, says: ['slots/page.header.after.ejs', 1, /has lost the form/], use: 'left out' },
  { what: 'with a comment that never ends', files: { 'slots/form.before.ejs': '<p>Hello</p>\n<!-- to be continued\n' }, says: ['slots/form.before.ejs', 1, /has lost the form/], use: 'left out' },
  { what: 'whose frame forgets the page', files: copyOf('layout', ['<%- body -%>\n', '']), says: ['layout.ejs', 1, /has lost the form/], use: 'left out' },
  { what: 'whose form has no novalidate', files: copyOf('register', [' novalidate', '']), says: ['register.ejs', '<form', /no novalidate/], use: 'as it is' },
  { what: 'with a relative include', files: inRegister("<%- include('partials/actions') -%>"), says: ['register.ejs', "'partials/actions'", /does not begin with a slash/], use: 'left out' },
  { what: 'that includes what is not there', files: inRegister("<%- include('/partials/action') -%>"), says: ['register.ejs', "/partials/action'", /there is no \/partials\/action$/], use: 'left out' },
  { what: 'that includes itself for ever', files: copyOf('partials/actions', ['<div', "<%- include('/partials/actions') -%>\n<div"]), says: ['partials/actions.ejs', "include('/partials/actions')", /include each other for ever/], use: 'left out' },
  { what: 'that prints a value as markup', files: copyOf('partials/opening', ['<bdi dir="ltr"><%= page', '<bdi dir="ltr"><%- page']), says: ['partials/opening.ejs', '<%- page', /prints a value as markup/], use: 'as it is' },
  { what: 'with an attribute without quotes', files: copyOf('partials/opening', ['href="<%= page.switchHref %>"', 'href=<%= page.switchHref %>']), says: ['partials/opening.ejs', 'href=<', /the value of href is not quoted/], use: 'as it is' },
  { what: 'with a style in a tag', files: copyOf('partials/opening', ['<h1>', '<h1 style="color: red">']), says: ['partials/opening.ejs', 'style=', /style= is stopped/], use: 'as it is' },
  { what: 'with a script that nobody vouches for', files: { 'slots/page.footer.before.ejs': '<p>Hello</p>\n<script>alert(1)</script>\n' }, says: ['slots/page.footer.before.ejs', 2, /script is stopped/], use: 'as it is' },
  { what: 'that says what it has no words for', files: { 'slots/form.before.ejs': "<p><%= t({ key: 'actions.creat' }) %></p>\n" }, says: ['slots/form.before.ejs', 1, /no words for actions\.creat/], use: 'as it is' },
  { what: 'with a page that nobody shows', files: { 'regsiter.ejs': '<h1>Welcome</h1>\n' }, says: ['regsiter.ejs', 1, /no page is called regsiter/], use: 'as it is' },
  { what: 'with a slot that nobody fills', files: { 'slots/form.befor.ejs': '<p>Hello</p>\n' }, says: ['slots/form.befor.ejs', 1, /no slot form\.befor/], use: 'as it is' },
  { what: 'whose slot throws', files: { 'slots/form.before.ejs': '<p>Hello</p>\n<%= page.nothing.here %>\n' }, says: ['slots/form.before.ejs', 2, /page\.nothing is not in the contract/], use: 'left out' },
  { what: 'with a picture that is not there', files: { 'public/photo.svg': '<svg/>', 'slots/form.before.ejs': "<p>Hello</p>\n<img src=\"<%= asset('phto.svg') %>\" alt=\"\">\n" }, says: ['slots/form.before.ejs', 2, /there is no public\/phto\.svg/], use: 'left out' },
  { what: 'with a folder in the place of theme.json', files: { 'theme.json/here': '' }, says: ['', 1, /cannot be read \(EISDIR\)/], use: 'off' },
  { what: 'with a folder in the place of a template', files: { 'partials/actions.ejs/here': '' }, says: ['partials/actions.ejs', 1, /is no file/], use: 'left out' },
  { what: 'that returns before it has printed', files: copyOf('layout', ['<!doctype', '<% return -%>\n<!doctype']), says: ['layout.ejs', 1, /has lost the form/], use: 'left out' },
  { what: 'that has lost the names of its parts', files: copyOf('partials/actions', [' data-part="actions"', '']), says: ['partials/actions.ejs', 1, /has lost data-part="actions"/], use: 'as it is' },
]

/** The line at which a fault is. */
export function lineOf({ files, says: [file, line] }: BrokenTheme): number {
  return typeof line === 'number' ? line : ((files[file] ?? '').split(line)[0]?.split('\n').length ?? 0)
}

/** An empty folder that goes with the test. */
export function emptyPlace(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'vestibule-themes-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Writes the theme `acme`, and nothing else, below a folder; returns where it is. */
export function writeTheme(place: string, files: Files, name = 'acme'): string {
  const folder = path.join(place, name)
  rmSync(folder, { recursive: true, force: true })
  const all = 'theme.json/here' in files ? files : { 'theme.json': themeJson({ name }), ...files }
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    writeFileSync(path.join(folder, file), text)
  }
  return folder
}
