// What the variables are called that an exported configuration reads its secrets from. Pure.
import { createHash } from 'node:crypto'
import type { Kind } from '../db/entries.ts'

export interface SecretOf {
  kind: Kind
  key: string
}

/**
 * A name for each, by its own name alone where that is enough: ACME_SECRET. Where two would be called the same, both are called by their kind as
 * well, IDP_ACME_SECRET, or by a hash: whoever has set a variable already is told that another one is missing, and none is given the secret
 * of another. The order of the entries does not count.
 */
export function secretNames<One extends SecretOf>(all: readonly One[]): Map<One, string> {
  const names = new Map(all.map((one) => [one, candidates(one)]))
  const times = new Map<string, number>()
  for (const name of [...names.values()].flat()) times.set(name, (times.get(name) ?? 0) + 1)
  return new Map([...names].map(([one, possible]) => [one, possible.find((name) => times.get(name) === 1) ?? '']))
}

function candidates({ kind, key }: SecretOf): string[] {
  const plain = (text: string) =>
    text
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]+/g, '_')
      .replaceAll(/^_+|_+$/g, '')
  const name = plain(key)
  const hash = createHash('sha256').update(`${kind} ${key}`).digest('hex').slice(0, 16)
  const possible = [name, `${kind}_${name}`, `${kind}_${name}_${hash}`]
  // The name of a variable begins with a letter (config-values.ts), and none of ours ends so.
  return possible.map((text) => `${plain(text).replace(/^(?=\d)/, '_')}_SECRET`)
}
