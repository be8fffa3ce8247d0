// The words of an entry in other languages than English: the fields of a form for them, and what was typed there.
import { DEFAULT_LANGUAGE } from '../web/language-tags.ts'
import type { FieldOf } from './entry-form.ts'

export interface Language {
  tag: string
  /** In English, as the console is. */
  name: string
}

/** By tag, and then by what is translated. */
export type Translations = Record<string, Record<string, string>>

const names = new Intl.DisplayNames('en', { type: 'language' })

/** The languages that a form has fields for: those of the pages, and those that an entry has words in already. */
export function languagesFor(available: readonly string[], translations: object = {}): Language[] {
  const tags = new Set([...available, ...Object.keys(translations)])
  tags.delete(DEFAULT_LANGUAGE)
  return [...tags].map((tag) => ({ tag, name: names.of(tag) ?? tag }))
}

/** The field of what is translated in a language: its name and id. */
export const spokenId = (what: string, tag: string) => `${what}-${tag}`

/** `whats`: what is translated, with its label. Where there is but one, a translation is a text; otherwise a map. */
export function spokenFields(languages: readonly Language[], whats: Record<string, string>): FieldOf[] {
  const all = Object.entries(whats)
  return languages.flatMap(({ tag, name }) =>
    all.map(([what, label]) => ({
      path: all.length === 1 ? `translations.${tag}` : `translations.${tag}.${what}`,
      id: spokenId(what, tag),
      label: `${label} in ${name}`,
    })),
  )
}
