// What an appearance from the console lies over: our own pages, or the theme in use.
import { readFileSync } from 'node:fs'
import { chainOf } from '../web/language-tags.ts'
import { languagesIn } from '../web/messages.ts'
import { type Look, OUR_LOOK, type Theme } from '../web/theme.ts'
import { type Words, wordsIn } from './check-words.ts'
import { findChain, type Ours } from './find.ts'
import { tokensOfChain } from './load.ts'
import { type Tokens, tokensOf } from './tokens.ts'

export interface Beneath {
  look(): Look
  /** Every token, as it is without an appearance. */
  tokens: Tokens
  /** The languages that there are pages in. */
  languages: readonly string[]
  /** Our own words, and keys that only the theme has words for. */
  ours: Readonly<Record<string, Words>>
  spoken: ReadonlySet<string>
  /** What people read in a language without an appearance, by key. */
  sentences(language: string): Words
}

/** Reads what lies beneath; as words are, once. `theme` is the one in use. */
export function readBeneath(ours: Ours, theme: Theme | undefined): Beneath {
  const folders = theme?.folders ?? []
  const { themes } = theme ? findChain(theme.name, ours) : { themes: [] }
  const wordsOf = (folder: string) => languagesIn([folder]).map((tag) => [tag, wordsIn(folder, tag) ?? {}] as const)
  const layers = [ours.views, ...folders.toReversed()].map((folder) => Object.fromEntries(wordsOf(folder)))
  return {
    look: theme?.look ?? (() => OUR_LOOK),
    tokens: tokensOfChain(themes, [tokensOf(readFileSync(ours.stylesheet, 'utf8'))]),
    languages: languagesIn([...folders, ours.views]),
    ours: layers[0] ?? {},
    spoken: new Set(layers.slice(1).flatMap((layer) => Object.values(layer).flatMap((words) => Object.keys(words)))),
    sentences: (language) => {
      const tags = new Set(['en', ...chainOf(language).reverse()])
      return Object.assign({}, ...[...tags].flatMap((tag) => layers.map((layer) => layer[tag] ?? {})))
    },
  }
}
