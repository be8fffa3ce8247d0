// How an appearance comes into use: drafted, published, rolled back. Whether the actor may do it, the caller has to know.
import { isDeepStrictEqual } from 'node:util'
import {
  deleteAppearanceDraft,
  findAppearance,
  findAppearanceDraft,
  forgetOldAppearances,
  insertAppearanceDraft,
  insertPublishedAppearance,
  listPublishedAppearances,
  type PublishedEntry,
  publishAppearanceAgain,
  publishAppearanceDraft,
  publishedAppearanceId,
  updateAppearanceDraft,
} from '../db/appearances.ts'
import { type Actor, type Change, insertChange } from '../db/changes.ts'
import type { Db } from '../db/connect.ts'
import { alone } from '../db/entries.ts'
import type { House } from '../house.ts'
import {
  type Appearance,
  type AppearanceFault,
  checkAppearance,
  NO_APPEARANCE,
  type Unjudged,
  withoutFaults,
} from './appearance.ts'
import { differenceOf } from './difference.ts'
import { unjudged } from './published.ts'

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

/** Stands where the id of an old one does: what was there before the first was published. */
export const AS_MADE = 'as-made'

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
export async function saveDraft(house: Rooms, { version, appearance }: DraftChange, actor: Actor): Promise<Saved> {
  const faults = checkAppearance(appearance, house.appearance.beneath).filter(({ isFaint }) => !isFaint)
  if (faults.length > 0) return { kind: 'refused', faults }
  const judged = appearance as Appearance
  return alone(house.db, async (db) => {
    const before = await readDraft({ ...house, db })
    if (before.version !== version) return { kind: 'changed', draft: before }
    if (isDeepStrictEqual(before.appearance, judged)) return { kind: 'same' }
    const by = { actor: actor.name, now: house.now() }
    const id = await (version === 0
      ? insertAppearanceDraft(db, rowOf(judged), by)
      : updateAppearanceDraft(db, version, rowOf(judged), by))
    if (id === undefined) return { kind: 'changed', draft: await readDraft({ ...house, db }) }
    await tell(db, actor, 'drafted', differenceOf(before.appearance, judged))
    return { kind: 'saved', version: id }
  })
}

/** Forgets the draft of this version. @returns false if it is another one by now */
export function discardDraft(house: Rooms, version: number, actor: Actor): Promise<boolean> {
  return alone(house.db, async (db) => {
    const rooms = { ...house, db }
    const [draft, current] = [await readDraft(rooms), await currentAppearance(rooms)]
    if (!(await deleteAppearanceDraft(db, version))) return false
    await tell(db, actor, 'draft forgotten', differenceOf(draft.appearance, current))
    return true
  })
}

/**
 * Puts the draft of this version in use: at once here, within seconds in other processes. Equal to what is in use: writes nothing.
 * @param options `useAnyway`: colours that are too faint, too
 */
export async function publish(
  house: Rooms,
  options: { version: number; note: string; useAnyway: boolean },
  actor: Actor,
): Promise<PublishedNow | Refused | ChangedMeanwhile> {
  const { version, note, useAnyway } = options
  const published = await alone(house.db, async (db): Promise<PublishedNow | Refused | ChangedMeanwhile> => {
    const rooms = { ...house, db }
    const draft = await readDraft(rooms)
    if (draft.version !== version) return { kind: 'changed', draft }
    const wrong = [...checkNote(note), ...checkAppearance(draft.appearance, house.appearance.beneath)]
    const faults = wrong.filter(({ isFaint }) => !(isFaint && useAnyway))
    if (faults.length > 0) return { kind: 'refused', faults }
    const current = await currentAppearance(rooms)
    if (isDeepStrictEqual(draft.appearance, current)) return { kind: 'same' }
    const id = await publishAppearanceDraft(db, version, { actor: actor.name, now: house.now(), note })
    if (id === undefined) return { kind: 'changed', draft: await readDraft(rooms) }
    const { before, after } = differenceOf(current, draft.appearance)
    const faint = wrong.map(({ sentence }) => sentence)
    await tell(db, actor, 'published', { before, after: { ...after, ...(faint.length > 0 ? { faint } : {}) } })
    await forgetOldAppearances(db, PUBLISHED_KEPT)
    return { kind: 'published', id }
  })
  if (published.kind === 'published') await house.appearance.reread()
  return published
}

/** What is in use says nothing: pages are as they were made. */
export async function isAsMade(house: Rooms): Promise<boolean> {
  return isDeepStrictEqual(await currentAppearance(house), NO_APPEARANCE)
}

/**
 * Puts an old one in use again, or none, as a new entry of the history; the draft stays. Equal to what is in use: writes nothing.
 * @param options `id`: of the old one, or AS_MADE
 */
export async function rollBack(
  house: Rooms,
  options: { id: number | typeof AS_MADE; note: string },
  actor: Actor,
): Promise<PublishedNow | Refused | { kind: 'gone' }> {
  const { id, note } = options
  const faults = checkNote(note)
  if (faults.length > 0) return { kind: 'refused', faults }
  const back = await alone(house.db, async (db): Promise<PublishedNow | { kind: 'gone' }> => {
    const row = id === AS_MADE ? rowOf(NO_APPEARANCE) : await findAppearance(db, id)
    if (!row) return { kind: 'gone' }
    const { appearance } = withoutFaults(unjudged(row), house.appearance.beneath)
    const current = await currentAppearance({ ...house, db })
    if (isDeepStrictEqual(appearance, current)) return { kind: 'same' }
    const by = { actor: actor.name, now: house.now(), note }
    const again = await (id === AS_MADE ? insertPublishedAppearance(db, row, by) : publishAppearanceAgain(db, id, by))
    if (again === undefined) return { kind: 'gone' }
    await tell(db, actor, 'rolled back', differenceOf(current, appearance))
    await forgetOldAppearances(db, PUBLISHED_KEPT)
    return { kind: 'published', id: again }
  })
  if (back.kind === 'published') await house.appearance.reread()
  return back
}

function tell(db: Db, actor: Actor, action: string, difference: Pick<Change, 'before' | 'after'>): Promise<void> {
  return insertChange(db, actor, { action, kind: 'appearance', object: 'appearance', ...difference })
}

function checkNote(note: string): AppearanceFault[] {
  if (note.length <= LONGEST_NOTE && !/[\p{Cc}\p{Cs}]/u.test(note)) return []
  return [{ field: ['note'], sentence: `The note is one line of at most ${LONGEST_NOTE} characters.`, isFaint: false }]
}

function rowOf({ tokens, words, logo }: Appearance) {
  return { tokens, words, logo: logo?.content ?? null, logoType: logo?.type ?? null }
}
