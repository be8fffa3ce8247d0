// What is wrong with the settings, and what this version lacks, said so that it can be mended. Law: a fault repeats no value, since it may be a secret.
import { STANDARD_ATTRIBUTES } from './provisioning/attributes.ts'
import { AS_IN_USERNAME, PRIMARY } from './stores/name.ts'

export interface Fault {
  /** An environment variable, a key of the configuration file, or `file:line:column`. */
  path: string
  problem: string
  example: string
}

/** Everything that is wrong with the settings, at once. */
export class ConfigFaults extends Error {
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    super(faults.length === 1 ? 'The configuration has a fault.' : `The configuration has ${faults.length} faults.`)
    this.name = 'ConfigFaults'
    this.faults = faults
  }
}

/** The faults as text for a terminal: per fault its path and problem, then an example. */
export function printFaults(error: ConfigFaults): string {
  const lines = error.faults.map(({ path, problem, example }) => `  ${path}: ${problem}\n    for example: ${example}`)
  return `${[error.message, ...lines].join('\n\n')}\n`
}

/** A place in the configuration file, such as `purposes[0].id`. */
export function pathTo(parent: string, step: PropertyKey): string {
  if (typeof step === 'number') return `${parent}[${step}]`
  return parent === '' ? safeKey(String(step)) : `${parent}.${safeKey(String(step))}`
}

/** " (did you mean x?)" for the known word that is nearest to what was written, or nothing. */
export function didYouMean(word: unknown, known: readonly string[]): string {
  const best = typeof word === 'string' ? nearest(word, known) : undefined
  return best === undefined ? '' : ` (did you mean ${best}?)`
}

/** The known word that `word` was probably meant to be; case, dashes and underscores do not count. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[_-]/g, '')
  const wanted = plain(word).slice(0, 64)
  const ranked = known.map((candidate) => ({ candidate, distance: editDistance(wanted, plain(candidate)) }))
  const best = ranked.sort((a, b) => a.distance - b.distance)[0]
  return best && best.distance <= Math.max(1, wanted.length / 3) ? best.candidate : undefined
}

export type Row = Record<string, unknown>

/** True for a map of keys: not for null, a list, or an object of a class, such as a date. */
export function isRow(value: unknown): value is Row {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Takes what this version lacks out of a configuration file's tree, which it changes.
 * @returns one fault for each value that asked for something
 */
export function takeOutLater(tree: Row): Fault[] {
  return NOT_IN_THIS_VERSION.flatMap((later) =>
    placesOf(tree, later.path.split('.')).flatMap(({ holder, key, path }) => {
      const value = holder[key]
      const harmless = value === null || later.harmless(value)
      if (!harmless || !later.kept) delete holder[key]
      return harmless ? [] : [{ path, problem: 'this is not in this version', example: later.instead }]
    }),
  )
}

/** The faults of keys that are right alone and do not fit together: names used twice, and names of nothing. */
export function misfits(tree: Row): Fault[] {
  const idps = rows(tree.identityProviders)
  const purposes = rows(tree.purposes)
  const applications = rows(tree.applications)
  const stores = [PRIMARY, ...names(tree.userStores, 'name')]
  const attributes = [...Object.keys(STANDARD_ATTRIBUTES), ...names(tree.attributes, 'name')]
  return [
    ...repeated(names(tree.attributes, 'name'), (index) => `attributes[${index}].name`),
    ...repeated(names(tree.userStores, 'name'), (index) => `userStores[${index}].name`),
    ...repeated(names(idps, 'name').map(lower), (index) => `identityProviders[${index}].name`),
    ...repeated(names(purposes, 'id'), (index) => `purposes[${index}].id`),
    ...repeated(names(applications, 'clientId'), (index) => `applications[${index}].clientId`),
    ...idps.flatMap(({ claims }, index) => {
      const mapped = isRow(claims) && isRow(claims.mappings) ? Object.keys(claims.mappings) : []
      const path = `identityProviders[${index}].claims.mappings`
      return mapped.flatMap((name) => unknown(name, attributes, pathTo(path, name), 'an attribute', 'email'))
    }),
    ...idps.flatMap(({ provisioning }, index) => {
      const userstore = isRow(provisioning) && isRow(provisioning.jit) ? provisioning.jit.userstore : undefined
      const path = `identityProviders[${index}].provisioning.jit.userstore`
      return isAsInUsername(userstore) ? [] : unknown(userstore, stores, path, 'a user store', 'As in username')
    }),
    ...purposes.flatMap(({ piiCategories }, index) => {
      const path = (category: number) => `purposes[${index}].piiCategories[${category}].name`
      const kept = names(piiCategories, 'name')
      return [
        ...repeated(kept, path),
        ...kept.flatMap((name, category) => unknown(name, attributes, path(category), 'an attribute', 'email')),
      ]
    }),
    ...applications.flatMap(({ identityProviders, requirePkce, clientSecret }, index) => [
      ...(Array.isArray(identityProviders) ? identityProviders : []).flatMap((name, at) =>
        unknown(
          name,
          names(idps, 'name'),
          `applications[${index}].identityProviders[${at}]`,
          'an identity provider',
          'acme',
        ),
      ),
      ...((requirePkce === false || requirePkce === 'false') && clientSecret === undefined
        ? [
            {
              path: `applications[${index}].requirePkce`,
              problem: 'may be false only for an application with a clientSecret (RFC 9700, 2.1.1)',
              example: 'true',
            },
          ]
        : []),
    ]),
  ]
}

const rows = (list: unknown): Row[] => (Array.isArray(list) ? list : []).map((item) => (isRow(item) ? item : {}))
const names = (list: unknown, key: string): unknown[] => rows(list).map((row) => row[key])
/** The reference compares the words of this setting without case. */
export const isAsInUsername = (value: unknown) => lower(value) === AS_IN_USERNAME.toLowerCase()
const lower = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value)

function repeated(values: unknown[], path: (index: number) => string): Fault[] {
  return values.flatMap((value, index) => {
    const first = values.indexOf(value)
    if (typeof value !== 'string' || first === index) return []
    return [{ path: path(index), problem: `is the same as ${path(first)}`, example: 'a value of its own' }]
  })
}

function unknown(name: unknown, known: unknown[], path: string, kind: string, example: string): Fault[] {
  if (typeof name !== 'string' || known.includes(name)) return []
  // The one value that is ever repeated: a declared name, and only when nearly the same was written where a name belongs.
  const strings = known.filter((word) => typeof word === 'string')
  const problem = `is not the name of ${kind}${didYouMean(name, strings)}`
  return [{ path, problem, example }]
}

interface Later {
  path: string
  /** A value that asks for nothing that this version lacks. */
  harmless: (value: unknown) => boolean
  instead: string
  /** The key itself is in this version, so a harmless value is read. */
  kept?: true
}

const is =
  (...values: unknown[]) =>
  (value: unknown) =>
    values.includes(value)
const never = () => false
const LATER_SCOPE = /^internal_(idp|application_mgt|userstore|consent_mgt|user_mgt)_/
const hasNoLaterScope = (value: unknown) =>
  !Array.isArray(value) || !value.some((scope) => LATER_SCOPE.test(String(scope)))

/** Keys and values of the design whose behaviour is not built yet. Who builds one takes its line away. Deeper keys stand first. */
export const NOT_IN_THIS_VERSION: readonly Later[] = [
  { path: 'userStores[].type', harmless: is('postgres'), instead: 'postgres' },
  { path: 'identityProviders[].formerName', harmless: never, instead: 'leave it out' },
  {
    path: 'identityProviders[].oidc.redirectPath',
    harmless: never,
    instead: 'leave it out: /commonauth/<name> is used',
  },
  { path: 'applications[].scopes', harmless: hasNoLaterScope, instead: '[internal_flow_answer]', kept: true },
]

interface Place {
  holder: Row
  key: string
  path: string
}

function placesOf(node: unknown, [step = '', ...rest]: string[], parent = ''): Place[] {
  if (!isRow(node)) return []
  const key = step.replace('[]', '')
  const path = pathTo(parent, key)
  if (rest.length === 0) return Object.hasOwn(node, key) ? [{ holder: node, key, path }] : []
  const next = node[key]
  if (key === step) return placesOf(next, rest, path)
  return Array.isArray(next) ? next.flatMap((item, index) => placesOf(item, rest, pathTo(path, index))) : []
}

// A forgotten space (`clientSecret:value` between braces) makes a key out of a value, so only the beginning of an odd key is repeated.
function safeKey(key: string): string {
  const beginning = /^\w[\w-]{0,49}/.exec(key)?.[0] ?? ''
  return beginning === key && key !== '' ? key : `${beginning}…`
}

// Optimal string alignment: letters added, dropped, replaced, or swapped with their neighbour.
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? (before[j - 2] ?? 0) + 1 : replaced
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}
