// The same username to RFC 8265 in other spellings, and names that have many.
import { randomBytes } from 'node:crypto'

/** A free name with letters that have many disguises: a k for the Kelvin sign, an é that can be composed or not. */
export function nameWithDisguises(): string {
  const letters = [...randomBytes(6)].map((byte) => String.fromCharCode(97 + (byte % 26))).join('')
  return `kim-${letters}-é`
}

/** The same name in as many kinds of spelling as a keyboard and an idp can send. */
export function disguisesOf(name: string): string[] {
  return [
    name,
    name.toUpperCase(),
    name.charAt(0).toUpperCase() + name.slice(1),
    name.normalize('NFD'),
    name.toUpperCase().normalize('NFD'),
    fullWidth(name),
    fullWidth(name.toUpperCase()),
    name.replace('k', '\u212a'),
    name.replace(/[a-m]/g, (letter) => letter.toUpperCase()),
  ]
}

/** So many different spellings of one name, of all those kinds and letter by letter between them. */
export function manyDisguisesOf(name: string, count: number): string[] {
  const spellings = new Set(disguisesOf(name))
  for (let bits = 0; spellings.size < count; bits += 1) {
    const cased = [...name].map((letter, index) => ((bits >> (index % 6)) & 1 ? letter.toUpperCase() : letter)).join('')
    const ways = [cased, fullWidth(cased), cased.normalize('NFD'), cased.replace('k', '\u212a')]
    spellings.add(ways[bits % ways.length] ?? cased)
  }
  return [...spellings].slice(0, count)
}

function fullWidth(name: string): string {
  return name.replace(/[!-~]/g, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0))
}
