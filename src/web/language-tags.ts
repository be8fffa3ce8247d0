// Tags of languages (BCP 47): which of those that there are comes closest to one that is wanted, and which run from right to left. Pure.

/** The language that stands when nobody said another one. */
export const DEFAULT_LANGUAGE = 'en'

/** Longer than any browser or application says it; whoever says more is not listened to. */
export const LONGEST_WISH = 500

/** What `ui_locales` comes to (OpenID Connect Core 1.0, 3.1.2.1): the first of its languages that is there, de for de-AT too. */
export function wishedLanguage(wished: unknown, available: readonly string[]): string | undefined {
  if (typeof wished !== 'string' || wished.length > LONGEST_WISH) return undefined
  for (const tag of wished.split(' ').filter(Boolean)) {
    const found = closest(tag, available)
    if (found !== undefined) return found
  }
  return undefined
}

/** Of these languages the one that comes closest to `tag`: itself, or what is left of it when its ends are taken away (RFC 4647, 3.4). */
export function closest(tag: string, available: readonly string[]): string | undefined {
  const wanted = chainOf(tag.toLowerCase())
  const ranked = wanted.map((one) => available.find((language) => language.toLowerCase() === one))
  return ranked.find((language) => language !== undefined)
}

/** de-CH-1996, de-CH, de. */
export function chainOf(tag: string): string[] {
  const parts = tag.split('-')
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('-'))
}

// Languages whose script runs from right to left (CLDR), of those that people may add words for.
const RIGHT_TO_LEFT = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ps', 'sd', 'ug', 'ur', 'yi'])

/** How pages in a language run. */
export function directionOf(language: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.has(new Intl.Locale(language).language) ? 'rtl' : 'ltr'
}
