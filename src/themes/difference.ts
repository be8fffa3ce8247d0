// What differs between two appearances, field by field, for the history of changes. Pure but for a hash.
import { createHash } from 'node:crypto'
import type { Saying } from '../db/changes.ts'
import type { Appearance } from './appearance.ts'

/** What each says of the fields that differ, by name: `light.color-accent`, `en.actions.create`, `logo`. */
export function differenceOf(one: Appearance, other: Appearance): { before: Saying; after: Saying } {
  const [before, after] = [fieldsOf(one), fieldsOf(other)]
  const differ = (name: string) => before.get(name) !== after.get(name)
  const only = (fields: Map<string, string>) => Object.fromEntries([...fields].filter(([name]) => differ(name)))
  return { before: only(before), after: only(after) }
}

function fieldsOf({ tokens, words, logo }: Appearance): Map<string, string> {
  const groups: [string, Record<string, string>][] = [...Object.entries(tokens), ...Object.entries(words)]
  const named = groups.flatMap(([group, values]) =>
    Object.entries(values).map(([name, value]): [string, string] => [`${group}.${name}`, value]),
  )
  return new Map([...named, ...(logo ? [['logo', pictureIn(logo)] as const] : [])])
}

/** Enough to tell one picture from another. */
function pictureIn({ type, content }: NonNullable<Appearance['logo']>): string {
  return `${type}, ${content.length} bytes, sha256 ${createHash('sha256').update(content).digest('hex').slice(0, 16)}`
}
