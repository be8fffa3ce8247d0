// Says what a username looks like, so that nobody gets one that cannot be told from somebody else's (UTS 39, Unicode Security Mechanisms). Pure.
import { CONFUSABLES } from './confusables.ts'

/**
 * What a canonical username looks like: two names with the same look cannot be told apart by eye (UTS 39 section 4, skeleton). A name keeps
 * its look when it is taken for a name itself. Not for display: m is rn, and 1 is l. Never throws, on any string.
 */
export function lookOf(canonical: string): string {
  // Without capitals it is, but for the rare store that tells cases apart, a name whose case does not count, and its look has none either:
  // 0 looks like O, so b0b like BOB, which is bob. I looks like l, yet i does not: Daria and Darla are two people.
  const hasCapitals = canonical !== canonical.toLowerCase()
  let look = canonical
  let before: string
  // The second NFD of UTS 39 opens the next round. Of a few letters the prototype, decomposed or small, has a prototype itself.
  do {
    before = look
    look = prototypeOf(look)
    if (!hasCapitals) look = look.toLowerCase()
  } while (look !== before)
  return look
}

const prototypes = new Map<string, string>()
for (const group of CONFUSABLES.split(',')) {
  const [prototype = '', ...alike] = group.trim().split(' ').map(textOf)
  for (const point of alike) prototypes.set(point, prototype)
}

// A name is shown as it was typed, and ТОМ in Cyrillic capitals is TOM. Unicode knows that of capitals, which a canonical name has lost, so
// these letters, which no small Latin letter looks like, look like their capitals. Not н and ь beside Tatar һ and в, nor ν, which is a v.
const likeTheirCapitals = /[вкмтβεζηκμτχտ]|\p{Script=Cherokee}/u

/** One round of the skeleton. Username rules leave one direction in a name, so it has nothing to reorder (bidiSkeleton). */
function prototypeOf(name: string): string {
  const points = [...name.normalize('NFD')].filter((point) => !/\p{Default_Ignorable_Code_Point}/u.test(point))
  return points
    .map((point) => {
      const capital = likeTheirCapitals.test(point) ? prototypes.get(point.toUpperCase()) : undefined
      return capital ?? prototypes.get(point) ?? point
    })
    .join('')
}

function textOf(codes: string): string {
  return String.fromCodePoint(...codes.split('+').map((code) => Number.parseInt(code, 16)))
}
