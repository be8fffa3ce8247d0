// The database does not do its part: it is away, starting, full, read-only or too slow. To people that is "try again", whatever it was.
import { troubleOf } from './prepared.ts'

/** What came of the statement, as far as we know. */
type Fate =
  /** It was never asked: there was no connection. */
  | 'unasked'
  /** PostgreSQL refused it, so nothing happened. */
  | 'refused'
  /** The connection broke under it: PostgreSQL may have carried it out. */
  | 'lost'
  /** It was not answered in time, and given up. */
  | 'slow'

/** Thrown in place of what the driver or PostgreSQL threw, which is its cause. */
export class DatabaseAway extends Error {
  readonly fate: Fate
  /** The SQLSTATE, or the system's code of a failed connection. */
  readonly code: string | undefined

  constructor(fate: Fate, cause: unknown) {
    const code = codeOf(cause)
    super((cause instanceof Error && cause.message) || code || 'the database is away', { cause })
    this.name = 'DatabaseAway'
    this.fate = fate
    this.code = code
  }
}

/**
 * Whether PostgreSQL undid everything, and the same once more may well succeed: a serialization failure, a deadlock, or a statement that was prepared
 * (prepared.ts) and is no more what it was.
 */
export function wasUndone(error: unknown): boolean {
  if (!(error instanceof DatabaseAway)) return false
  return error.code === '40001' || error.code === '40P01' || troubleOf(error.code) !== undefined
}

/** Whether the connection broke under it: it may have been carried out. */
export function isLost(error: unknown): boolean {
  return error instanceof DatabaseAway && error.fate === 'lost'
}

/** Whether nobody said what came of it. */
export function isUncertain(error: unknown): boolean {
  return isLost(error) || (error instanceof DatabaseAway && error.fate === 'slow')
}

/** What was said of a statement with this SQLSTATE, if it is the database's trouble and not ours. Any other is a bug, or a constraint that was met. */
export function fateOf(code: string | undefined): Fate | undefined {
  if (code === undefined) return undefined
  if (LAST_WORDS.test(code)) return 'lost'
  return TROUBLE.test(code) ? 'refused' : undefined
}

/** Classes 08 (connection) and 57P (shutdown), and a session that ended because its transaction idled: the connection is over. */
const LAST_WORDS = /^(08...|57P0.|25P03|25P04)$/

/** Read-only, undone, out of something, not to be locked in time, cancelled, or a failure of the system below. */
const TROUBLE = /^(25006|40...|53...|55P03|57014|58...)$/

/** The SQLSTATE or system code that an error carries. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}
