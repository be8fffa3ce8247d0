// Reads the regular expressions that operators write in user stores: with exactly Java's or JavaScript's meaning, in linear time, or not at all.
import { RE2Set } from 're2js'
import { alphabetOf } from './regex-alphabet.ts'
import { type Check, checksOf, type Part } from './regex-checks.ts'
import { type Dialect, Refusal, type RegexFault } from './regex-cursor.ts'
import { readTree } from './regex-syntax.ts'

export type { Dialect, RegexFault } from './regex-cursor.ts'

/** `matches` is Java's: the whole text. */
export interface Regex {
  matches(text: string): boolean
}

/**
 * Reads a pattern that a Java or a JavaScript engine would be given. A fault is what these would refuse, and all that cannot be kept
 * exactly: it is never taken to mean something else. Never throws, on any string.
 */
export function readRegex(
  pattern: string,
  dialect: Dialect,
): { kind: 'ok'; regex: Regex } | { kind: 'fault'; fault: RegexFault } {
  try {
    return { kind: 'ok', regex: regexOf(pattern, dialect) }
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'fault', fault: error.fault }
    throw error
  }
}

function regexOf(pattern: string, dialect: Dialect): Regex {
  const branches = checksOf(readTree(pattern, dialect), dialect)
  const parts = branches.flat().flatMap((check) => check.parts)
  const alphabet = alphabetOf(parts.map(({ tree }) => tree))
  // One automaton for all of them, so that one walk over the text answers everything, and one limit of memory holds.
  const engine = new RE2Set(RE2Set.ANCHOR_BOTH)
  const numbers = new Map(parts.map((part) => [part, engine.add(alphabet.print(part.tree))]))
  engine.compile()
  const matched = (text: string) => {
    const found = engine.match(alphabet.spell(dialect === 'java' ? codePoints(text) : codeUnits(text)))
    return (part: Part) => found.includes(numbers.get(part) ?? -1)
  }
  return {
    matches(text) {
      const shortText = text.replace(/(\r\n|[\n\r\u0085\u2028\u2029])$/, '')
      const inWhole = matched(text)
      const inShort = shortText === text ? inWhole : matched(shortText)
      const holds = ({ isWanted, parts }: Check) =>
        isWanted === parts.some((part) => inWhole(part) || (part.orWithoutTerminator && inShort(part)))
      return branches.some((checks) => checks.every(holds))
    },
  }
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0)
}

function codeUnits(text: string): number[] {
  return Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))
}
