// How an appearance comes into use: drafted, published, rolled back. Whether the actor may do it, the caller has to know.
import { isDeepStrictEqual } from 'node:util'
import {
  deleteAppearanceDraft,
  findAppearance,
  findAppearanceDraft,
  forgetOldAppearances,
  insertAppearanceDraft,
  listPublishedAppearances,
  type PublishedEntry,
  publishAppearanceAgain,
  publishAppearanceDraft,
  publishedAppearanceId,
  updateAppearanceDraft,
} from '../db/appearances.ts'
import type { House } from '../house.ts'
import {
  type Appearance,
  type AppearanceFault,
  checkAppearance,
  NO_APPEARANCE,
  type Unjudged,
  withoutFaults,
} from './appearance.ts'
import { unjudged } from './published.ts'

/** Who does it, as the history names them. */
export interface Author {
  name: string
}

type Rooms = Pick<House, 'db' | 'appearance' | 'now'>

export interface Draft {
  /** Of one that nobody has saved: 0. */
  version: number
  appearance: Appearance
  /** Absent: nobody, it is what is in use. */
  saved?: { by: string; at: Date }
}

/** What to write, and of which version it was made. */
export interface DraftChange {
  version: number
  appearance: Unjudged
}

/** Somebody else was faster: here is what they left. */
export interface ChangedMeanwhile {
  kind: 'changed'
  draft: Draft
}

export type Saved = { kind: 'saved'; version: number } | { kind: 'same' } | Refused | ChangedMeanwhile
export type PublishedNow = { kind: 'published'; id: number } | { kind: 'same' }
export interface Refused {
  kind: 'refused'
  faults: AppearanceFault[]
}

const PUBLISHED_KEPT = 20
const LONGEST_NOTE = 200

/** What is in use, as the database has it. */
export async function currentAppearance({ db, appearance }: Rooms): Promise<Appearance> {
  const id = await publishedAppearanceId(db)
  const row = id === undefined ? undefined : await findAppearance(db, id)
  return row ? withoutFaults(unjudged(row), appearance.beneath).appearance : NO_APPEARANCE
}

/** The draft, or what is in use for want of one. */
export async function readDraft(house: Rooms): Promise<Draft> {
  const row = await findAppearanceDraft(house.db)
  if (!row) return { version: 0, appearance: await currentAppearance(house) }
  const { appearance } = withoutFaults(unjudged(row), house.appearance.beneath)
  return { version: row.id, appearance, saved: { by: row.createdBy, at: row.createdAt } }
}

/** What was published, the one in use first; none: pages are as they were made. */
export function history({ db }: Rooms): Promise<PublishedEntry[]> {
  return listPublishedAppearances(db)
}

/** Keeps a draft, which changes no page. Colours may be too faint as long as it is one. Equal to what is there: writes nothing. */
export async function saveDraft(house: Rooms, { version, appearance }: DraftChange, actor: Author): Promise<Saved> {
  const faults = checkAppearance(appearance, house.appearance.beneath).filter(({ isFaint }) => !isFaint)
  if (faults.length > 0) return { kind: 'refused', faults }
  const judged = appearance as Appearance
  const before = await readDraft(house)
  if (before.version !== version) return { kind: 'changed', draft: before }
  if (isDeepStrictEqual(before.appearance, judged)) return { kind: 'same' }
  const by = { actor: actor.name, now: house.now() }
  const id = await (version === 0
    ? insertAppearanceDraft(house.db, rowOf(judged), by)
    : updateAppearanceDraft(house.db, version, rowOf(judged), by))
  return id === undefined ? { kind: 'changed', draft: await readDraft(house) } : { kind: 'saved', version: id }
}

/** Forgets the draft of this version. @returns false if it is another one by now */
export function discardDraft({ db }: Rooms, version: number): Promise<boolean> {
  return deleteAppearanceDraft(db, version)
}

/**
 * Puts the draft of this version in use: at once here, within seconds in other processes. Equal to what is in use: writes nothing.
 * @param options `useAnyway`: colours that are too faint, too
 */
export async function publish(
  house: Rooms,
  options: { version: number; note: string; useAnyway: boolean },
  actor: Author,
): Promise<PublishedNow | Refused | ChangedMeanwhile> {
  const { version, note, useAnyway } = options
  const draft = await readDraft(house)
  if (draft.version !== version) return { kind: 'changed', draft }
  const faults = [
    ...checkNote(note),
    ...checkAppearance(draft.appearance, house.appearance.beneath).filter(({ isFaint }) => !(isFaint && useAnyway)),
  ]
  if (faults.length > 0) return { kind: 'refused', faults }
  if (isDeepStrictEqual(draft.appearance, await currentAppearance(house))) return { kind: 'same' }
  const id = await publishAppearanceDraft(house.db, version, { actor: actor.name, now: house.now(), note })
  if (id === undefined) return { kind: 'changed', draft: await readDraft(house) }
  return inUse(house, id)
}

/** Puts an old one in use again, as a new entry of the history; the draft stays. Equal to what is in use: writes nothing. */
export async function rollBack(
  house: Rooms,
  options: { id: number; note: string },
  actor: Author,
): Promise<PublishedNow | Refused | { kind: 'gone' }> {
  const { id, note } = options
  const faults = checkNote(note)
  if (faults.length > 0) return { kind: 'refused', faults }
  const row = await findAppearance(house.db, id)
  if (!row) return { kind: 'gone' }
  const { appearance } = withoutFaults(unjudged(row), house.appearance.beneath)
  if (isDeepStrictEqual(appearance, await currentAppearance(house))) return { kind: 'same' }
  const again = await publishAppearanceAgain(house.db, id, { actor: actor.name, now: house.now(), note })
  return again === undefined ? { kind: 'gone' } : inUse(house, again)
}

async function inUse({ db, appearance }: Rooms, id: number): Promise<PublishedNow> {
  await forgetOldAppearances(db, PUBLISHED_KEPT)
  await appearance.reread()
  return { kind: 'published', id }
}

function checkNote(note: string): AppearanceFault[] {
  if (note.length <= LONGEST_NOTE && !/[\p{Cc}\p{Cs}]/u.test(note)) return []
  return [{ field: ['note'], sentence: `The note is one line of at most ${LONGEST_NOTE} characters.`, isFaint: false }]
}

function rowOf({ tokens, words, logo }: Appearance) {
  return { tokens, words, logo: logo?.content ?? null, logoType: logo?.type ?? null }
}
