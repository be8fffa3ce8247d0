// The operator's own words in the language of a page; where there are none, those beside the translations, and which language that is. Pure.
import type { AttributeNames, ConfiguredPurpose, InForce, Purpose } from '../db/purposes.ts'
import { chainOf, closest, DEFAULT_LANGUAGE } from '../web/language-tags.ts'
import type { LeftEmpty } from './reask.ts'

/** A purpose as a page says it. */
export interface SpokenPurpose extends Purpose {
  /** The language of its words, where that is not the page's. */
  language?: string
  inForce?: InForce
  /** Somebody who is known is asked about a change: they can put it off, or not any more. */
  again?: 'open' | 'due'
  /** What an empty box means then, by attribute. */
  leftEmpty?: Record<string, LeftEmpty>
}

/** A purpose in the language of a page. */
export function purposeIn(language: string, { translations, ...purpose }: ConfiguredPurpose): SpokenPurpose {
  const found = closest(language, Object.keys(translations))
  if (found !== undefined) return { ...purpose, ...translations[found] }
  return { ...purpose, ...fallbackFor(language) }
}

/** What people call an attribute in the language of a page. */
export function nameIn(language: string, names: AttributeNames): { name: string; language?: string } {
  const name = names.translations[closest(language, Object.keys(names.translations)) ?? '']
  return name === undefined ? { name: names.displayName, ...fallbackFor(language) } : { name }
}

/** Of the languages that something is translated into, those that no page is ever in. */
export function unseen(translated: { translations?: object }[], available: readonly string[]): string[] {
  const tags = new Set(translated.flatMap(({ translations = {} }) => Object.keys(translations)))
  const seen = new Set(available.flatMap(chainOf))
  return [...tags].filter((tag) => !seen.has(tag)).sort()
}

function fallbackFor(language: string): { language?: string } {
  return chainOf(language).includes(DEFAULT_LANGUAGE) ? {} : { language: DEFAULT_LANGUAGE }
}
