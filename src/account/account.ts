// What the pages of My Account know of the person: what is kept, what they chose, and in which words; and what they can choose.
import type { Response } from 'express'
import type { Choice } from '../db/account-choices.ts'
import { readAccountSheet } from '../db/account-sheet.ts'
import { type Keeper, keepersOf } from '../db/read-only.ts'
import type { SheetAttribute } from '../db/user-sheet.ts'
import type { House } from '../house.ts'
import { languageOf } from '../web/language.ts'
import { type Item, type Section, sectionsOf } from './choices.ts'
import { configuredIn, userOf } from './desk.ts'
import { type Spoken, spokenIn } from './spoken.ts'

export interface Account {
  userId: string
  choices: Choice[]
  kept: SheetAttribute[]
  /** What they may do here. */
  roles: string[]
  /** What idps keep up to date, by attribute: nobody changes it here. */
  keepers: ReadonlyMap<string, Keeper>
  spoken: Spoken
  sections: Section[]
}

/** Reads the account of who is signed in, in the language of the page. Only behind the guard. */
export async function readAccount(house: House, res: Response): Promise<Account> {
  const [userId, language, configured] = [userOf(res).id, languageOf(res), configuredIn(res)]
  const [{ choices, kept, roles }, keepers] = await Promise.all([
    readAccountSheet(house.db, userId),
    configured.isEnhanced ? keepersOf(house.db, userId) : new Map<string, Keeper>(),
  ])
  const spoken = spokenIn(house, configured, language, choices)
  const { purposes, builtIn } = spoken
  const sections = sectionsOf({ purposes, builtIn, choices, kept: kept.map(({ name }) => name), language })
  return { userId, choices, kept, roles, keepers, spoken, sections }
}

/** A detail on the page, and the purpose that it stands under. */
export function findItem(
  { sections }: Account,
  purposeId: string | undefined,
  attribute: string | undefined,
): { section: Section; item: Item } | undefined {
  // A purpose has two sections when it asks for less than it did.
  for (const section of sections.filter(({ purpose }) => purpose.id === purposeId)) {
    const item = section.items.find((one) => one.attribute === attribute)
    if (item) return { section, item }
  }
  return undefined
}

/** What purposes are called, by these ids, in one sentence. */
export function purposeNames({ sections }: Account, ids: readonly string[]): string {
  return ids.map((id) => sections.find(({ purpose }) => purpose.id === id)?.purpose.purpose ?? id).join(', ')
}
