// Which store a name goes to, and what it is there. Pure. The only way from a text to a name that may be kept.
import { AS_IN_USERNAME, joinName, PRIMARY, splitName, storeNamed } from '../stores/name.ts'
import type { Store } from '../stores/policy.ts'
import type { UsernameLooks, UsernameProblem } from './username.ts'
import { readUniqueId, readUsername, withoutSlips } from './username.ts'

/** Where the names of an idp's people may go. */
export interface Places {
  /** "Always provision to User Store Domain": a store, or "As in username". */
  userstore: string
  /** The stores that there are; PRIMARY among them. */
  stores: readonly Store[]
  /** What becomes of a name with a prefix that is no store's. */
  unknownStore: 'PRIMARY' | 'refuse'
  /** Words that the operator reserves, canonical. */
  reserved: ReadonlySet<string>
}

export interface FitName {
  kind: 'ok'
  store: Store
  username: string
  canonical: string
  looks: UsernameLooks
  /** The whole name, as it is written: `STAFF/asha`. */
  name: string
  /** Store and canonical form together: what is taken or free. */
  key: string
}

export type NameReading = FitName | { kind: 'problem'; problem: UsernameProblem; store: Store }

/**
 * Reads a name that was `typed` or `claimed`. ASCII spaces at the ends of a typed one go. Where the store is fixed, a slash in a typed name
 * is a problem, and a prefix in a claimed one is dropped; "As in username" the prefix is the store, compared without case, and an unknown one
 * counts for nothing or is a problem, by setting. Whatever else has a slash in it is a problem. Never throws on any string.
 */
export function readName(text: string, places: Places, how: 'typed' | 'claimed'): NameReading {
  const given = how === 'typed' ? withoutSlips(text) : text
  const { domain, username } = splitName(given)
  const { store, isUnknown } = storeOf(domain, places)
  const wrong = (problem: UsernameProblem): NameReading => ({ kind: 'problem', problem, store })
  if (!isAsInUsername(places)) {
    if (how === 'typed' && given.includes('/')) return wrong({ code: 'USERNAME_NO_PREFIX' })
  } else if (isUnknown && places.unknownStore === 'refuse') {
    const list = places.stores.map(({ name }) => name).filter((name) => name !== PRIMARY)
    return wrong({ code: 'STORE_UNKNOWN', prefix: domain ?? '', list })
  }

  const reading = readUsername(username, { policy: store.policy, reserved: places.reserved })
  if (reading.kind === 'problem') return wrong(reading.problem)
  const { canonical } = reading
  return { ...reading, store, name: joinName(store.name, username), key: joinName(store.name, canonical) }
}

/** A federated unique id as a name: it has no prefix, so "As in username" is PRIMARY. Always fit. */
export function uniqueIdName(id: string, places: Places): FitName {
  const { store } = storeOf(undefined, places)
  const reading = readUniqueId(id, store)
  return { ...reading, store, name: joinName(store.name, id), key: joinName(store.name, reading.canonical) }
}

/** A fit name as it is kept. */
export function keptName({ store, username, canonical, looks: [look] }: FitName) {
  return { store: store.name, username, canonical, look }
}

/** What a person finds in the field for a name: without a prefix where none is to be typed. */
export function fieldOf(text: string, places: Places): string {
  const reading = readName(text, places, 'claimed')
  if (!isAsInUsername(places)) return splitName(text).username
  return reading.kind === 'ok' ? reading.name : text
}

/** Whether the name says which store it goes to. */
export function isAsInUsername({ userstore }: Places): boolean {
  return userstore === AS_IN_USERNAME
}

function storeOf(domain: string | undefined, { userstore, stores }: Places): { store: Store; isUnknown: boolean } {
  const isFixed = userstore !== AS_IN_USERNAME
  const named = isFixed ? storeNamed(stores, userstore) : domain === undefined ? undefined : storeNamed(stores, domain)
  const store = named ?? (isFixed ? undefined : storeNamed(stores, PRIMARY))
  // Both are foreign keys: the store of an idp, and PRIMARY.
  if (!store) throw new Error(`There is no store ${userstore}.`)
  return { store, isUnknown: !isFixed && domain !== undefined && named === undefined }
}
