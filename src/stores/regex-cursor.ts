// Where a reader of a regular expression stands, and how it refuses what it finds there.

export type Dialect = 'java' | 'javascript'

/** Why a pattern is not taken: `position` counts UTF-16 units from 0, `instead` says what to write. */
export interface RegexFault {
  position: number
  problem: string
  instead: string
}

export interface Cursor {
  readonly pattern: string
  readonly dialect: Dialect
  at: number
  /** Java's (?i) and (?s), as they hold where the cursor stands. */
  flags: { ignoreCase: boolean; dotAll: boolean }
  depth: number
  /** How much work its classes of characters were, in ranges. */
  ranges: number
  readonly groupNames: Set<string>
}

/** Thrown by `refuse` alone, and caught by `readRegex` alone. */
export class Refusal extends Error {
  readonly fault: RegexFault

  constructor(fault: RegexFault) {
    super(fault.problem)
    this.fault = fault
  }
}

export function refuse(position: number, problem: string, instead: string): never {
  throw new Refusal({ position, problem, instead })
}

const DEEPEST = 100

/** One level deeper, in groups and brackets together. */
export function enter(cursor: Cursor): void {
  cursor.depth += 1
  if (cursor.depth > DEEPEST) refuse(cursor.at, `More than ${DEEPEST} groups in one another.`, 'Write fewer groups.')
}

const MOST_RANGES = 40_000

/** Counts a class of characters, so that a pattern full of large ones takes no time to speak of. */
export function count(cursor: Cursor, ranges: number, at: number): void {
  cursor.ranges += ranges
  if (cursor.ranges > MOST_RANGES) refuse(at, 'Too many large classes of characters.', 'Write fewer of \\p{…}.')
}

export function isAhead({ pattern, at }: Cursor, text: string): boolean {
  return pattern.startsWith(text, at)
}

/** Moves past a text, or says that it is not there. */
export function skip(cursor: Cursor, text: string): boolean {
  if (!isAhead(cursor, text)) return false
  cursor.at += text.length
  return true
}

/** Moves past what a sticky expression finds here. */
export function take(cursor: Cursor, sticky: RegExp): RegExpExecArray | undefined {
  sticky.lastIndex = cursor.at
  const found = sticky.exec(cursor.pattern) ?? undefined
  if (found !== undefined) cursor.at = sticky.lastIndex
  return found
}

/** Moves past one character that stands for itself. */
export function takeCharacter(cursor: Cursor): number {
  const point = cursor.pattern.codePointAt(cursor.at) ?? 0
  if (isSurrogate(point)) refuse(cursor.at, 'Half a character (a lone surrogate).', 'Write the whole character.')
  if (point === 0) refuse(cursor.at, 'A NUL character.', 'Write \\x00.')
  cursor.at += point > 0xffff ? 2 : 1
  return point
}

export function isSurrogate(point: number): boolean {
  return point >= 0xd800 && point <= 0xdfff
}
