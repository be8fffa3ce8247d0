// What deleting an idp means for people, in words and numbers, for operators. Pure.
import type { Deletion, Done, Loss } from '../db/idp-deletion.ts'

const number = new Intl.NumberFormat('en-GB')

/** Before: who goes and who stays. `erases`: the enhanced feature is on. */
export function whatItMeans(loss: Omit<Loss, 'losesLastOwner'>, erases: boolean): string {
  if (!erases) {
    const without = loss.erased + loss.stranded
    return `${people(loss.people)} ${loss.people === 1 ? 'loses' : 'lose'} this way in, and ${number.format(without)} of them have no other. Nobody is deleted: the enhanced feature is off.`
  }
  const parts = [
    `${people(loss.erased)} ${loss.erased === 1 ? 'goes' : 'go'} with it, and everything that is kept of them`,
    `${people(loss.kept)} ${loss.kept === 1 ? 'stays' : 'stay'} without this way in`,
    `${number.format(loss.records)} consent ${loss.records === 1 ? 'record stays' : 'records stay'} as proof, without any values`,
  ]
  const stranded = `${number.format(loss.stranded)} of those who stay have no way in any more, and stay as operators of the console`
  return `${[...parts, ...(loss.stranded > 0 ? [stranded] : [])].join('; ')}.`
}

/** Meanwhile: "1,203 of 50,000 people". */
export function progressOf({ counted, done }: Deletion): string {
  return `${number.format(done.erased + done.kept)} of ${people(counted.people)}`
}

/** At the end, by the line in the history. */
export function totalsOf(after: Partial<Done>): string {
  const { erased = 0, kept = 0 } = after
  return `${people(erased)} went with it, ${number.format(kept)} ${kept === 1 ? 'stays' : 'stay'} without this way in`
}

export function people(count: number): string {
  return count === 1 ? '1 person' : `${number.format(count)} people`
}
