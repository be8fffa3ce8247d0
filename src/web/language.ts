// The language of an answer, and how it is written.
import type { ServerResponse } from 'node:http'

/** The language that stands when nobody said another one. */
export const DEFAULT_LANGUAGE = 'en'

/** The language that was chosen for this answer (BCP 47). */
export function languageOf(res: ServerResponse | undefined): string {
  const { locals } = (res ?? {}) as { locals?: { language?: unknown } }
  return typeof locals?.language === 'string' ? locals.language : DEFAULT_LANGUAGE
}

// Languages whose script runs from right to left (CLDR), of those that people may add words for.
const RIGHT_TO_LEFT = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ps', 'sd', 'ug', 'ur', 'yi'])

/** How pages in a language run. */
export function directionOf(language: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.has(new Intl.Locale(language).language) ? 'rtl' : 'ltr'
}
