// Reads a class of characters in brackets, with Java's unions and intersections where all versions of Java read them alike.
import { type CodePoints, complement, intersection, union, withBothCases } from './code-points.ts'
import { type Cursor, count, enter, isAhead, refuse, skip, takeCharacter } from './regex-cursor.ts'
import { readEscape } from './regex-escapes.ts'

/** Reads a class, the cursor being at its bracket. */
export function readBrackets(cursor: Cursor): CodePoints {
  const start = cursor.at
  enter(cursor)
  skip(cursor, '[')
  const isNegated = skip(cursor, '^')
  if (isAhead(cursor, ']')) refuse(cursor.at, 'A ] right after the opening bracket.', 'Write \\] for the character.')

  let set = readOperand(cursor, start, { isNegated, isFirst: true })
  for (let at = cursor.at; skip(cursor, '&&'); at = cursor.at) {
    if (cursor.dialect === 'javascript')
      refuse(at, 'JavaScript knows no && in brackets.', 'Write the resulting characters; or & once, for the character.')
    // Java 9 changed what this negates.
    if (isNegated) refuse(at, 'What ^ negates beside && depends on the version of Java.', 'Write [a-z&&[^b]].')
    set = intersection(set, readOperand(cursor, start, { isNegated, isFirst: false }))
  }
  skip(cursor, ']')
  cursor.depth -= 1
  return isNegated ? complement(set) : set
}

/** Everything up to && or the closing bracket, united. */
function readOperand(cursor: Cursor, start: number, is: { isNegated: boolean; isFirst: boolean }): CodePoints {
  const sets: CodePoints[] = []
  let beganNested = false
  if (!is.isFirst && isAhead(cursor, '^')) refuse(cursor.at, 'A ^ right after &&.', 'Write [a-z&&[^b]].')
  while (!isAhead(cursor, ']') && !isAhead(cursor, '&&')) {
    if (cursor.at >= cursor.pattern.length) refuse(start, 'A [ that is never closed.', 'Write \\[ for the character.')
    if (isAhead(cursor, '[')) {
      if (sets.length === 0) beganNested = true
      sets.push(readNested(cursor, is.isNegated))
    } else {
      // Java forgets the nested class then.
      if (beganNested && !is.isFirst)
        refuse(cursor.at, 'Characters after a nested class, on the right of &&.', 'Write them in the nested class.')
      sets.push(readItem(cursor))
    }
  }
  if (sets.length === 0 || isAhead(cursor, '&&&'))
    refuse(cursor.at, 'Nothing on one side of &&, or three &.', 'Write \\& for the character.')
  const all = union(...sets)
  count(cursor, all.length, start)
  return all
}

function readNested(cursor: Cursor, isNegated: boolean): CodePoints {
  const start = cursor.at
  if (cursor.dialect === 'javascript')
    refuse(start, 'JavaScript knows no [ in brackets.', 'Write \\[ for the character.')
  if (isNegated)
    refuse(start, 'What ^ negates beside a nested [ depends on the version of Java.', 'Write all in one: [^a-z0-9].')
  if (isAhead(cursor, '[:')) refuse(start, 'Java knows no [:name:].', 'Write \\p{Alpha}, \\p{Digit} and so on.')
  return readBrackets(cursor)
}

/** One character, one class, or a range. */
function readItem(cursor: Cursor): CodePoints {
  const start = cursor.at
  requireNoStrayHyphen(cursor)
  const first = readOne(cursor)
  if (!isAhead(cursor, '-') || isAhead(cursor, '-]')) return setOf(cursor, first)
  const hyphen = cursor.at
  requireNoStrayHyphen(cursor)
  if (typeof first !== 'number') return cursor.dialect === 'java' ? first : hyphenAfterClass(cursor, first)
  skip(cursor, '-')
  const last = readOne(cursor)
  if (typeof last !== 'number') return refuse(hyphen, 'A range that ends in a class.', 'Write \\- for the character.')
  if (last < first)
    refuse(start, 'A range that runs backwards.', 'Write the smaller character first, or \\- for a hyphen.')
  return setOf(cursor, first, last)
}

/** Java takes it for a character, where others would leave out what follows. */
function requireNoStrayHyphen(cursor: Cursor): void {
  if (isAhead(cursor, '-[') || isAhead(cursor, '-&&'))
    refuse(cursor.at, STRAY_HYPHEN, 'Write \\- for the character, or && with [^…] to leave characters out.')
}

const STRAY_HYPHEN = 'A hyphen that is neither in a range nor at an end.'

/** In JavaScript [\w-.] has a hyphen, and what follows that begins no range. */
function hyphenAfterClass(cursor: Cursor, first: CodePoints): CodePoints {
  skip(cursor, '-')
  const next = readOne(cursor)
  if (isAhead(cursor, '-') && !isAhead(cursor, '-]')) refuse(cursor.at, STRAY_HYPHEN, 'Write \\- for the character.')
  return union(first, setOf(cursor, 0x2d), setOf(cursor, next))
}

function readOne(cursor: Cursor): number | CodePoints {
  const start = cursor.at
  if (start >= cursor.pattern.length) refuse(start, 'A [ that is never closed.', 'Write \\[ for the character.')
  const escaped = isAhead(cursor, '\\') ? readEscape(cursor, 'in brackets') : undefined
  if (escaped?.kind === 'class') return escaped.set
  const point = escaped?.kind === 'character' ? escaped.point : takeCharacter(cursor)
  if (cursor.dialect === 'javascript' && point > 0xffff)
    refuse(start, 'JavaScript sees two halves of this character.', 'Write it outside of brackets: (?:[a-z]|😀).')
  return point
}

/** A class as it is; a character, or a range from it, in both cases if case is ignored. */
function setOf(cursor: Cursor, first: number | CodePoints, last = first): CodePoints {
  if (typeof first !== 'number' || typeof last !== 'number') return first as CodePoints
  return cursor.flags.ignoreCase ? withBothCases([[first, last]]) : [[first, last]]
}
