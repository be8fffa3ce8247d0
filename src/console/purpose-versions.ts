// Which version of a purpose people are shown, and whom a save would ask again: what an operator should know before.
import { countKnown, countSeen, lastVersion, type PurposeVersion } from '../db/purpose-versions.ts'
import type { House } from '../house.ts'
import { nextVersion, type PurposeContent } from '../provisioning/versions.ts'
import type { Setting } from '../settings/entries.ts'
import type { TypedPurpose } from './purpose-form.ts'

export interface VersionsOnPage {
  /** The one in force; absent: the purpose is new. */
  last?: Pick<PurposeVersion, 'version' | 'createdAt' | 'wordingOnly'> & { isSilent: boolean }
  /** What a save of what is typed does. */
  sentence: string
}

/** What to say of the versions of a purpose, with this typed into its form. */
export async function versionsOnPage(
  { db }: Pick<House, 'db'>,
  setting: Setting | undefined,
  typed: TypedPurpose,
  nameOf: (attribute: string) => string,
): Promise<VersionsOnPage> {
  const last = setting && (await lastVersion(db, setting.key))
  if (!last) {
    const people = await countKnown(db)
    const sentence = `Saving this asks ${countOf(people)} at the next sign-in through an identity provider that asks`
    return { sentence: people === 0 ? '' : sentence }
  }
  const people = await countSeen(db, last.purposeId)
  const { version, createdAt, wordingOnly } = last
  const isSilent = last.asks === null && wordingOnly !== null
  return { last: { version, createdAt, wordingOnly, isSilent }, sentence: sentenceOf(last, typed, people, nameOf) }
}

function sentenceOf(
  last: PurposeVersion,
  typed: TypedPurpose,
  people: number,
  nameOf: (attribute: string) => string,
): string {
  const before = { content: last.content, wordingOnly: last.wordingOnly ?? undefined }
  const next = nextVersion(before, {
    content: contentTyped(typed, last.content),
    wordingOnly: typed.wordingOnly || undefined,
  })
  if (!next)
    return `${countOf(people)} ${people === 1 ? 'was' : 'were'} shown this. Other words, more details or a detail that becomes mandatory ask them again`
  if (next.asks === null) return 'Saving this asks nobody again'
  const { about } = next.asks
  const what = about === 'words' ? 'all of it' : new Intl.ListFormat('en-GB').format(about.map(nameOf))
  return `Saving this asks ${countOf(people)} again, at the next sign-in through an identity provider that asks: about ${what}`
}

const countOf = (people: number) =>
  people === 1 ? '1 person' : `${new Intl.NumberFormat('en-GB').format(people)} people`

function contentTyped({ purpose, description, rows, ...typed }: TypedPurpose, last: PurposeContent): PurposeContent {
  const translations = typed.translations as PurposeContent['translations']
  const piiCategories = rows
    .filter(({ attribute }) => attribute !== '')
    .map(({ attribute, mandatory }) => ({ name: attribute, mandatory }))
  return { purpose, description, translations, piiCategories, controller: last.controller }
}
