// The published appearance as this process has it. Law: whatever is wrong with it, pages are printed; no page waits for the database.
import type { Logger } from 'pino'
import { type AppearanceRow, findAppearance, publishedAppearanceId } from '../db/appearances.ts'
import { type Db, reasonOf } from '../db/connect.ts'
import type { WordsOver } from '../web/messages.ts'
import { APPEARANCE, type Look, type ThemeFile } from '../web/theme.ts'
import { NO_APPEARANCE, type Unjudged, withoutFaults } from './appearance.ts'
import type { Beneath } from './beneath.ts'
import { type Dress, dress } from './dress.ts'

/** Pages that another process printed a moment ago ask for the files of the one before. */
const FILES_KEPT = 20

export interface Published {
  look(): Look
  words(): WordsOver
  /** Its files, and those of the ones before it. */
  files(): ReadonlyMap<string, ThemeFile>
  /** Looks whether another one is in use now. Never throws: without the database all stays as it was. */
  reread(): Promise<void>
  /** What it lies over. */
  beneath: Beneath
}

/** Nothing is published as long as nobody has called `reread`. */
export function createPublished(db: Db, beneath: Beneath, log: Logger): Published {
  let id: number | undefined
  let worn: Dress = dress(NO_APPEARANCE, APPEARANCE)
  let words: WordsOver = NO_APPEARANCE.words
  let files = new Map<string, ThemeFile>()
  let isAway = false

  async function look(): Promise<void> {
    try {
      const now = await publishedAppearanceId(db)
      if (now !== id) wear(now, now === undefined ? undefined : await findAppearance(db, now))
      isAway = false
    } catch (error) {
      if (!isAway)
        log.warn({ reason: reasonOf(error) }, 'the published appearance could not be read: it stays as it was')
      isAway = true
    }
  }

  function wear(now: number | undefined, row: AppearanceRow | undefined): void {
    const { appearance, faults } = withoutFaults(row ? unjudged(row) : NO_APPEARANCE, beneath)
    for (const { field, sentence } of faults)
      log.error({ appearance: now, field: field.join('.'), sentence }, 'a part of the published appearance is left out')
    worn = dress(appearance, APPEARANCE)
    words = appearance.words
    files = new Map([...files, ...worn.files].slice(-FILES_KEPT))
    id = now
    log.info({ appearance: now }, 'another appearance is in use')
  }

  let running = Promise.resolve()
  let next: Promise<void> | undefined
  /** One at a time. Whoever asks while one runs waits for the next, since this one may have looked too early. */
  function reread(): Promise<void> {
    next ??= running.then(() => {
      next = undefined
      running = look()
      return running
    })
    return next
  }

  return { look: () => worn.over(beneath.look()), words: () => words, files: () => files, reread, beneath }
}

/** A row as it is checked. */
export function unjudged({
  tokens,
  words,
  logo,
  logoType,
}: Pick<AppearanceRow, keyof Unjudged | 'logoType'>): Unjudged {
  return { tokens, words, ...(logo === null ? {} : { logo: { type: logoType, content: logo } }) }
}
