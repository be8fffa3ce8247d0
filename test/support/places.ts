// Places where names go, for tests of the rules: PRIMARY alone, or several stores.
import type { Places } from '../../src/provisioning/place.ts'
import { type NameReading, readName } from '../../src/provisioning/place.ts'
import { PRIMARY } from '../../src/stores/name.ts'
import { policyOf, type StoreProperties } from '../../src/stores/policy.ts'

/** Places of an idp that sends people to `userstore`; PRIMARY is there, and each of `others`. */
export function placesOf(
  userstore: string = PRIMARY,
  others: Record<string, StoreProperties> = {},
  rest: Partial<Pick<Places, 'unknownStore' | 'reserved'>> = {},
): Places {
  const properties = { PRIMARY: {}, ...others }
  return {
    userstore,
    stores: Object.entries(properties).map(([name, rules]) => ({ name, policy: policyOf(rules) })),
    unknownStore: 'PRIMARY',
    reserved: new Set(),
    ...rest,
  }
}

/** A name that a person typed where there is but one store. */
export function readTypedUsername(typed: string): NameReading {
  return readName(typed, placesOf(), 'typed')
}
