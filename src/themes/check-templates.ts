// Checks the templates of a theme by reading them: what they are copies of, and how they print, include, and say things.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { nearest } from '../config-faults.ts'
import { CONTRACT } from '../web/contract.ts'
import { lineAt, lineOfMistake } from '../web/template-lines.ts'
import { SLOTS } from '../web/templates.ts'
import { type At, blank, checkMarkup } from './check-markup.ts'
import type { Finding, Ours } from './find.ts'
import { hashOf, readHeader } from './header.ts'
import { ourTemplates } from './write.ts'

export interface Template {
  /** Its name below the theme: register, partials/field, slots/form.before. */
  name: string
  file: string
  text: string
}

export interface Checked {
  ours: Ours
  /** The theme's folder and those of its parents. */
  folders: string[]
  /** Every key that there are words for. */
  keys: ReadonlySet<string>
  /** The hashes of scripts that theme.json names. */
  hashes: readonly string[]
}

/** The templates of a theme, and what only bears such a name. */
export function templatesOf(folder: string): { templates: Template[]; findings: Finding[] } {
  const named = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ejs') && !/^(?:public|node_modules)\b/.test(name))
    .sort()
  const isFile = (name: string) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.isFile() === true
  const templates = named.filter(isFile).map((name) => ({
    name: name.slice(0, -'.ejs'.length).replaceAll(path.sep, '/'),
    file: path.join(folder, name),
    text: readFileSync(path.join(folder, name), 'utf8'),
  }))
  const findings = named
    .filter((name) => !isFile(name))
    .map((name) => ({ file: path.join(folder, name), line: 1, problem: 'it is no file', todo: 'Give it another name' }))
  return { templates, findings }
}

/** The message keys that a template says, with where. */
export function keysSaid({ text }: Template): { key: string; index: number }[] {
  return [...text.matchAll(/\bkey:\s*(['"`])([\w.-]+)\1/g)].map(({ 2: key = '', index }) => ({ key, index }))
}

/** True for a copy of one of ours. */
export const isOverride = ({ name }: Template, ours: Ours) => ourTemplates(ours).includes(name)

/** Everything that can be seen without printing it. */
export function checkTemplate(template: Template, checked: Checked): Finding[] {
  const { file, text } = template
  const at = (index: number, problem: string, todo: string) => ({ file, line: lineAt(text, index), problem, todo })
  const mistake = lineOfMistake(text)
  if (mistake !== undefined) {
    return [
      {
        file,
        line: mistake,
        problem: 'it does not compile',
        todo: 'Look for a brace, a quote or a %> that is missing here',
      },
    ]
  }
  const code = text.replace(/<%#[\s\S]*?%>/g, blank)
  return [
    ...placed(template, checked.ours).map(({ problem, todo }) => at(0, problem, todo)),
    ...(isOverride(template, checked.ours) ? copied(template, checked.ours, at) : []),
    ...included(code, checked, at),
    ...printed(code, at),
    ...checkMarkup(code, checked.hashes, at),
    ...said(template, checked.keys, at),
  ]
}

function placed({ name }: Template, ours: Ours): { problem: string; todo: string }[] {
  const [, slot] = /^slots\/(.+)$/.exec(name) ?? []
  const known: readonly string[] = slot === undefined ? ourTemplates(ours) : SLOTS
  const isKnown = known.includes(slot ?? name) || (slot === undefined && name.startsWith('partials/'))
  if (isKnown) return []
  const near = nearest(slot ?? name, known)
  const todo = near ? `Did you mean ${near}?` : `There are ${known.join(', ')}; parts of your own go into partials/`
  return [{ problem: slot === undefined ? `no page is called ${name}` : `there is no slot ${slot}`, todo }]
}

function copied({ name, text }: Template, { views, core }: Ours, at: At): Finding[] {
  const header = readHeader(text)
  const ours = readFileSync(path.join(views, `${name}.ejs`), 'utf8')
  const fresh = `contract=${CONTRACT} base=${hashOf(ours)} core=${core}`
  const line = `<%# vestibule:template ${name} ${fresh} -%>`
  if (!header)
    return [
      at(
        0,
        'its first line does not say of what it is a copy',
        `Compare it with views/${name}.ejs, then begin it with: ${line}`,
      ),
    ]
  return [
    ...(header.view === name
      ? []
      : [at(0, `its first line says that it is a copy of ${header.view}`, `Begin it with: ${line}`)]),
    ...(header.contract === CONTRACT
      ? []
      : [
          at(
            0,
            `it is made for contract ${header.contract}, and this is contract ${CONTRACT}`,
            'Look at CHANGELOG.md under Themes, mend it, then change the number',
          ),
        ]),
    ...(header.view !== name || header.base === hashOf(ours)
      ? []
      : [
          at(
            0,
            `views/${name}.ejs has changed since it was copied from Vestibule ${header.core}`,
            `Take over what is new there, then write: ${fresh}`,
          ),
        ]),
  ]
}

function included(code: string, { folders, ours }: Checked, at: At): Finding[] {
  return [...code.matchAll(/\binclude\(\s*(['"`])([^'"`$]*)\1/g)].flatMap(({ 2: name = '', index }) => {
    if (!name.startsWith('/'))
      return [
        at(
          index,
          `the include of ${name} does not begin with a slash`,
          `Write include('/…'), so that every copy is found`,
        ),
      ]
    const isThere = [...folders, ours.views].some((folder) => existsSync(path.join(folder, `${name}.ejs`)))
    const near = nearest(name.slice(1), ourTemplates(ours))
    return isThere
      ? []
      : [at(index, `there is no ${name}`, near ? `Did you mean /${near}?` : 'Make it, or leave the include out')]
  })
}

function printed(code: string, at: At): Finding[] {
  return [...code.matchAll(/<%-(?!\s*(?:include\(|slot\(\s*['"]|body\s*[-_]?%>))/g)].map(({ index }) =>
    at(index, '<%- prints a value as markup', 'Write <%= …; <%- is for include, slot and body'),
  )
}

function said(template: Template, keys: ReadonlySet<string>, at: At): Finding[] {
  return keysSaid(template).flatMap(({ key, index }) => {
    if (keys.has(key)) return []
    const near = nearest(key, [...keys])
    return [
      at(
        index,
        `there are no words for ${key}`,
        near ? `Did you mean ${near}?` : 'Write them into messages/en.json of the theme',
      ),
    ]
  })
}
