// When a change of a purpose is a version of its own, and what people who saw an earlier one are asked about. Pure.
import { isDeepStrictEqual } from 'node:util'
import type { Organization } from '../db/installation.ts'

/** All that a purpose says: its words in every language, the attributes, and who asks. */
export interface PurposeContent {
  purpose: string
  description: string
  translations: Record<string, { purpose: string; description: string }>
  piiCategories: { name: string; mandatory: boolean }[]
  controller: Organization
}

/** What differs between two versions, as far as people have to be asked about it. */
export interface PurposeChange {
  words: boolean
  /** Somebody else asks. */
  controller: boolean
  /** Those that are new, or needed by now. */
  attributes: string[]
}

/** What a version asks about: all of the purpose, because its words changed, or some of its attributes. Null: nobody is asked. */
export type Asks = { about: 'words' | string[] } | null

export interface VersionSaid {
  content: PurposeContent
  /** The reason for asking nobody about changed words, as it was given with this version. */
  wordingOnly?: string | undefined
}

/**
 * What people are asked about who saw `was`. A new translation, an attribute that goes or is not needed any more, and details of the
 * organization are nothing to ask about; words that somebody may have read and that are others now, or gone, are.
 */
export function changeBetween(was: PurposeContent, is: PurposeContent): PurposeChange {
  const isTranslated = Object.keys(was.translations).every((tag) =>
    isDeepStrictEqual(was.translations[tag], is.translations[tag]),
  )
  const needed = new Map(was.piiCategories.map(({ name, mandatory }) => [name, mandatory]))
  return {
    words: was.purpose !== is.purpose || was.description !== is.description || !isTranslated,
    controller: was.controller.name !== is.controller.name,
    attributes: is.piiCategories
      .filter(({ name, mandatory }) => !needed.has(name) || (mandatory && !needed.get(name)))
      .map(({ name }) => name),
  }
}

/**
 * Whether what a purpose says now is a version after `last`, and what that one asks about; undefined when it says the same. A reason covers
 * changed words alone, and counts once: one that was left over from the last version does not.
 */
export function nextVersion(
  last: VersionSaid | undefined,
  { content, wordingOnly }: VersionSaid,
): { asks: Asks } | undefined {
  if (!last) return { asks: { about: 'words' } }
  if (isDeepStrictEqual(last.content, content)) return undefined
  const { words, controller, attributes } = changeBetween(last.content, content)
  const isSilenced = wordingOnly !== undefined && wordingOnly !== last.wordingOnly
  if (controller || (words && !isSilenced)) return { asks: { about: 'words' } }
  return { asks: attributes.length > 0 ? { about: attributes } : null }
}
