// Appearances for tests: one that says something of everything, pictures of each kind, and what nobody may publish.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Appearance, Unjudged } from '../../src/themes/appearance.ts'
import type { Picture } from '../../src/themes/picture.ts'
import { OURS } from './themes.ts'

export const PNG: Picture = {
  type: 'image/png',
  content: Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  ),
}
export const WEBP: Picture = {
  type: 'image/webp',
  content: Buffer.from('UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==', 'base64'),
}

export const svg = (text: string): Picture => ({ type: 'image/svg+xml', content: Buffer.from(text) })
const XMLNS = 'xmlns="http://www.w3.org/2000/svg"'
const drawn = (inner: string) => svg(`<svg ${XMLNS} viewBox="0 0 8 8">${inner}</svg>`)

/** One value of each kind. */
export const NORTHERN: Appearance = {
  tokens: {
    light: { 'color-accent': '#7a1fa2', radius: '2px', 'font-body': '"Fira Sans", sans-serif' },
    dark: { 'color-accent': '#e0b0ff' },
  },
  words: {
    en: { 'actions.decline': 'Rather not', 'TOO_MANY.one': 'Too many tries. Wait a minute' },
    de: { 'actions.decline': 'Lieber nicht' },
  },
  logo: drawn('<title>North</title><circle cx="4" cy="4" r="3" fill="#7a1fa2"/>'),
}

/** What a change of one part makes of it. */
export function changed(part: Partial<Unjudged>): Unjudged {
  return { ...NORTHERN, ...part }
}

export const SOUND_PICTURES: Record<string, Picture> = {
  'a PNG': PNG,
  'a WebP': WEBP,
  'our own logo': svg(readFileSync(path.join(OURS.views, '../public/logo.svg'), 'utf8')),
  'the logo of the sample': svg(readFileSync(path.join(OURS.views, 'themes/sample/public/logo.svg'), 'utf8')),
  'an SVG as drawing programs export it': svg(`\uFEFF<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<!-- Made by hand -->
<svg version="1.1" ${XMLNS} xmlns:xlink='http://www.w3.org/1999/xlink' xml:space="preserve">
  <defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs>
  <style> .a > .b { fill: url(#a) } @media (prefers-color-scheme: dark) { .b { fill: #fff } } </style>
  <g class="a" style="opacity: .5"><use xlink:href="#b" x="1"/><rect class="b" fill="url('#a')" width="8" height="8"/></g>
  <text>A &amp; B &#169;</text>
</svg>
`),
}

const LARGE = Buffer.concat([PNG.content, Buffer.alloc(200_000)])
const vast = Buffer.from(PNG.content)
vast.writeUInt32BE(50_000, 16)

/** Completes "a logo". */
// biome-ignore format: one row, one line
export const HOSTILE_PICTURES: [what: string, picture: Picture, says: RegExp][] = [
  ['of 200 KB', { type: 'image/png', content: LARGE }, /has 196 KB, and may have 100\.$/],
  ['without a byte', { type: 'image/png', content: Buffer.alloc(0) }, /is empty\.$/],
  ['that is a page', svg('<!doctype html><script>alert(1)</script>'), /no PNG, WebP or SVG\.$/],
  ['that is a GIF', { type: 'image/png', content: Buffer.from('GIF89a') }, /no PNG, WebP or SVG\.$/],
  ['called a PNG that is an SVG', { ...drawn('<g/>'), type: 'image/png' }, /called image\/png and is image\/svg\+xml\.$/],
  ['called an SVG that is a PNG', { ...PNG, type: 'image/svg+xml' }, /called image\/svg\+xml and is image\/png\.$/],
  ['that claims 50,000 pixels', { type: 'image/png', content: vast }, /is 50000 by 1 pixels, and may be 1000 by 1000\.$/],
  ['of a PNG cut short', { type: 'image/png', content: PNG.content.subarray(0, 20) }, /damaged/],
  ['of a WebP cut short', { type: 'image/webp', content: WEBP.content.subarray(0, 16) }, /damaged/],
  ['with a script', drawn('<script>alert(1)</script>'), /has <script>/],
  ['with a script of another prefix', drawn('<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>'), /has <s:script>/],
  ['that listens', drawn('<g onload="alert(1)"/>'), /has onload/],
  ['that listens itself', svg(`<svg ${XMLNS} onload="alert(1)"/>`), /has onload/],
  ['with a page in it', drawn('<foreignObject><p/></foreignObject>'), /has <foreignObject>/],
  ['with a link', drawn('<a href="javascript:alert(1)"><g/></a>'), /has <a>/],
  ['that sets an address later', drawn('<set attributeName="href" to="x"/>'), /has <set>/],
  ['that moves', drawn('<animate attributeName="x" from="1" to="2"/>'), /has <animate>/],
  ['with a picture from elsewhere', drawn('<image href="https://evil.example/a.png"/>'), /has <image>/],
  ['with a part from elsewhere', drawn('<use href="https://evil.example/a.svg#b"/>'), /fetches/],
  ['with a fill from elsewhere', drawn('<g fill="url(https://evil.example/#a)"/>'), /fetches/],
  ['with a fill from elsewhere, in disguise', drawn('<g fill="&#117;rl(//evil.example/#a)"/>'), /fetches/],
  ['with a fill from elsewhere, escaped', drawn('<g style="fill:\\75 rl(//evil.example/#a)"/>'), /fetches/],
  ['whose stylesheet imports', drawn('<style>@import "https://evil.example/a.css";</style>'), /fetches/],
  ['whose stylesheet fetches', drawn('<style>g{fill:url( "//evil.example/a")}</style>'), /fetches/],
  ['whose stylesheet is in pieces', drawn('<style>g{fill:u<!---->rl(//evil.example/a)}</style>'), /not written plainly/],
  ['whose stylesheet has elements', drawn('<style>g{fill:u<g/>rl(//evil.example/a)}</style>'), /not written plainly/],
  ['with a stylesheet beside it', svg(`<?xml-stylesheet href="//evil.example/a.css"?><svg ${XMLNS}/>`), /no PNG|plainly/],
  ['with entities', svg(`<!DOCTYPE svg [<!ENTITY a "&#60;script/&#62;">]><svg ${XMLNS}>&a;</svg>`), /not written plainly/],
  ['with an unknown entity', drawn('<text>&nbsp;</text>'), /not written plainly/],
  ['with raw text', drawn('<style><![CDATA[@import "x"]]></style>'), /not written plainly/],
  ['of another namespace', svg('<svg xmlns="http://www.w3.org/1999/xhtml"/>'), /not written plainly/],
  ['with a part of another namespace', drawn('<g xmlns="http://www.w3.org/1999/&#120;html"/>'), /not written plainly/],
  ['of no namespace, which no browser draws', svg('<svg/>'), /not written plainly/],
  ['that is not closed', svg(`<svg ${XMLNS}><g>`), /not written plainly/],
  ['that is two', svg(`<svg ${XMLNS}/><svg ${XMLNS}/>`), /not written plainly/],
  ['without quotes', drawn('<g fill=red/>'), /not written plainly/],
  ['in another alphabet', svg(`<?xml version="1.0" encoding="UTF-7"?><svg ${XMLNS}/>`), /not written in UTF-8/],
  ['in letters that are none', { type: 'image/svg+xml', content: Buffer.from('<svg \xff/>', 'latin1') }, /not written in UTF-8/],
]

const inLight = (values: Record<string, unknown>) => changed({ tokens: { light: values, dark: {} } })
const inEnglish = (words: Record<string, unknown>) => changed({ words: { en: words } })
const parsed = (json: string): Record<string, unknown> => JSON.parse(json)

/** Completes "an appearance with". */
// biome-ignore format: one row, one line
export const HOSTILE: [what: string, appearance: Unjudged, field: string, says: RegExp][] = [
  ['a token that ends its declaration', inLight({ 'color-accent': '#fff;}body{display:none' }), 'tokens.light.color-accent', /a colour as #rrggbb, such as "#0a6b4f"\.$/],
  ['a token that fetches', inLight({ 'color-bg': 'url(//evil.example)' }), 'tokens.light.color-bg', /a colour as #rrggbb/],
  ['a token that calculates', inLight({ radius: 'calc(1px + 1vw)' }), 'tokens.light.radius', /a length in px, rem or em/],
  ['text of no size', inLight({ 'font-size': '0' }), 'tokens.light.font-size', /a size of text of 12px to 32px, or 0\.75rem to 2rem, such as "1rem"\.$/],
  ['a logo that fills the page', inLight({ 'logo-height': '500px' }), 'tokens.light.logo-height', /a height of 16px to 160px, or 1rem to 10rem/],
  ['a font that ends its quotes', inLight({ 'font-body': '"a";}*{color:red}"' }), 'tokens.light.font-body', /names of fonts/],
  ['a line break in a token', inLight({ radius: '1px\n' }), 'tokens.light.radius', /a length/],
  ['a number for a token', inLight({ radius: 1 }), 'tokens.light.radius', /a length/],
  ['a token that nobody knows', inLight({ 'color-acent': '#ffffff' }), 'tokens.light.color-acent', /not a token \(did you mean color-accent\?\)\.$/],
  ['the token __proto__', inLight(parsed('{"__proto__":"#ffffff"}')), 'tokens.light.__proto__', /not a token/],
  ['the token constructor', inLight({ constructor: '#ffffff' }), 'tokens.light.constructor', /not a token/],
  ['a length for dark pages', changed({ tokens: { light: {}, dark: { radius: '1px' } } }), 'tokens.dark.radius', /not a token/],
  ['tokens for a third scheme', changed({ tokens: { light: {}, dark: {}, sepia: {} } }), 'tokens.sepia', /not a token/],
  ['tokens for light pages alone', changed({ tokens: { light: {} } }), 'tokens', /for light pages and for dark ones\.$/],
  ['a list for tokens', changed({ tokens: [] }), 'tokens', /wrong kind/],
  ['markup in a sentence', inEnglish({ 'actions.create': '<b>Create</b>' }), 'words.en.actions.create', /^actions\.create has markup, which people would read\. Sentences are plain text/],
  ['a script in a sentence', inEnglish({ 'actions.create': '<script>alert(1)</script>' }), 'words.en.actions.create', /has markup/],
  ['an entity in a sentence', inEnglish({ 'actions.create': '&lt;b' }), 'words.en.actions.create', /has markup/],
  ['a sentence that nothing says', inEnglish({ 'actions.creat': 'Create' }), 'words.en.actions.creat', /^Nothing says actions\.creat\. Did you mean actions\.create\?$/],
  ['a sentence for __proto__', inEnglish(parsed('{"__proto__":"x"}')), 'words.en.__proto__', /^Nothing says __proto__/],
  ['a sentence for constructor', inEnglish({ constructor: 'x' }), 'words.en.constructor', /^Nothing says constructor/],
  ['a sentence that has lost its value', inEnglish({ PW_SHORT: 'Too short' }), 'words.en.PW_SHORT', /^PW_SHORT does not say \{n\}\. Our sentence is: .*\.$/],
  ['a sentence with a value that it never gets', inEnglish({ 'actions.create': 'Create {name}' }), 'words.en.actions.create', /gets no \{name\}/],
  ['a sentence without a word', inEnglish({ 'actions.create': '  ' }), 'words.en.actions.create', /is empty\. Leave it out/],
  ['a sentence of a space without a width', inEnglish({ 'actions.create': '\u200b' }), 'words.en.actions.create', /is empty\. Leave it out/],
  ['a sentence without an end', inEnglish({ 'actions.create': 'a'.repeat(501) }), 'words.en.actions.create', /has 501 characters, and may have 500\.$/],
  ['a character that PostgreSQL does not take', inEnglish({ 'actions.create': 'a\u0000' }), 'words.en.actions.create', /cannot be seen/],
  ['half a character', inEnglish({ 'actions.create': 'a\ud800' }), 'words.en.actions.create', /cannot be seen/],
  ['a sentence that is none', inEnglish({ 'actions.create': { a: 1 } }), 'words.en.actions.create', /is no sentence/],
  ['words of a language that we do not speak', changed({ words: { fr: { 'actions.create': 'Créer' } } }), 'words.fr', /no pages in the language fr\.$/],
  ['words of the language __proto__', changed({ words: parsed('{"__proto__":{}}') }), 'words.__proto__', /no pages in the language/],
  ['a language without words', changed({ words: { en: 'Hello' } }), 'words.en', /no sentences by key\.$/],
  ['more words than there are', changed({ words: { en: { 'actions.create': 'a'.repeat(200_001) } } }), 'words', /may have 200000\.$/],
  ['a list for words', changed({ words: [] }), 'words', /sentences by language and key\.$/],
  ['a text for a logo', changed({ logo: { type: 'image/png', content: 'iVBORw0KGgo=' } }), 'logo', /is no file\.$/],
  ...HOSTILE_PICTURES.map(([what, logo, says]): [string, Unjudged, string, RegExp] => [`a logo ${what}`, changed({ logo }), 'logo', says]),
]
