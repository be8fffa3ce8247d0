// The form of a user store: its rules as they are typed, and whether they would let a name or a password pass.
import { checkDeclared } from '../declared.ts'
import { problemMessage } from '../provisioning/form.ts'
import { readName } from '../provisioning/place.ts'
import type { Entry } from '../settings/kinds.ts'
import { passwordProblem } from '../stores/password-policy.ts'
import { type Policy, PROPERTIES, type PropertyName, policyOf, type StoreProperties } from '../stores/policy.ts'
import type { Fields } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import type { Problem } from './desk.ts'
import { entryOf, type FieldOf, problemsOf } from './entry-form.ts'

export interface TypedStore {
  name: string
  properties: StoreProperties
}

/** What is put to the test: three names, and a password that is never printed again. */
export interface Tests {
  names: readonly string[]
  password: string
}

export interface Verdicts {
  /** In the order of the names; undefined where none was typed. */
  names: (string | undefined)[]
  password?: string
}

/** The properties of the form, in groups. A name is the reference's own. */
export const PROPERTY_GROUPS: { title: string; hint: string; properties: { name: PropertyName; label: string }[] }[] = [
  {
    title: 'Usernames',
    hint: 'An expression is of the whole name, without the store before it. Where both are set, both count. Left empty, the first is ^[\\S]{3,50}$. Neither holds for the federated unique ids that people get while the enhanced feature is on.',
    properties: [
      { name: 'UsernameJavaRegEx', label: 'Username expression (Java)' },
      { name: 'UsernameJavaScriptRegEx', label: 'Username expression (JavaScript)' },
      { name: 'UsernameJavaRegExViolationErrorMsg', label: 'What people are told' },
    ],
  },
  {
    title: 'Passwords',
    hint: 'On top of the 15 characters that every password needs, and of the list of passwords that everybody knows.',
    properties: [
      { name: 'PasswordJavaRegEx', label: 'Password expression (Java)' },
      { name: 'PasswordJavaScriptRegEx', label: 'Password expression (JavaScript)' },
      { name: 'PasswordJavaRegExViolationErrorMsg', label: 'What people are told about passwords' },
    ],
  },
  {
    title: 'Roles',
    hint: 'Of the roles that identity providers grant to people here. Left empty, both expressions are ^[\\S]{3,30}$.',
    properties: [
      { name: 'RolenameJavaRegEx', label: 'Role expression (Java)' },
      { name: 'RolenameJavaScriptRegEx', label: 'Role expression (JavaScript)' },
      { name: 'RolenameJavaRegExViolationErrorMsg', label: 'What operators are told about roles' },
    ],
  },
]

export const CASES = [
  { value: '', label: 'Asha and asha are one person (default)' },
  { value: 'true', label: 'Asha and asha are one person' },
  { value: 'false', label: 'Asha and asha are two people' },
]

export const STORE_FIELDS: FieldOf[] = [
  { path: 'name', id: 'name', label: 'Name' },
  ...PROPERTY_GROUPS.flatMap(({ properties }) =>
    properties.map(({ name, label }) => ({ path: `properties.${name}`, id: name, label })),
  ),
  { path: 'properties.CaseInsensitiveUsername', id: 'CaseInsensitiveUsername', label: 'Capital letters' },
]

export function readStore(fields: Fields): TypedStore {
  return {
    name: fields.one('name').trim(),
    properties: entryOf(Object.fromEntries(PROPERTIES.map((name) => [name, fields.one(name)]))) as StoreProperties,
  }
}

export const TESTS = ['test-1', 'test-2', 'test-3'] as const

export function readTests(fields: Fields): Tests {
  return { names: TESTS.map((name) => fields.one(name)), password: fields.one('test-password') }
}

export const storeEntry = ({ name, properties }: TypedStore): Entry => ({ ...entryOf({ name }), properties })

export const storeOf = (entry: Entry): TypedStore => entry as unknown as TypedStore

/**
 * Puts names and a password to rules that are not saved yet, by the very functions that people meet.
 * @param house words that are reserved, and what a message says in English
 */
export function tryStore(
  typed: TypedStore,
  tests: Tests,
  house: { reserved: ReadonlySet<string>; organization: string; say(message: Message): string },
): { verdicts: Verdicts } | { problems: Problem[] } {
  // A store without a name yet has rules all the same.
  const entry = storeEntry({ ...typed, name: typed.name || 'NEW' })
  const prefix = 'userStores[0].'
  const { faults } = checkDeclared({ userStores: [entry] }, { allowPrivateIdp: true })
  const own = faults.map((fault) => ({ ...fault, path: fault.path.replace(prefix, '') }))
  if (own.length > 0) return { problems: problemsOf({ faults: own, general: [] }, STORE_FIELDS) }
  const store = { name: String(entry['name']), policy: policyOf(typed.properties) }
  const places = { userstore: store.name, stores: [store], unknownStore: 'refuse' as const, reserved: house.reserved }
  const names = tests.names.map((name) => {
    if (name === '') return undefined
    const reading = readName(name, places, 'typed')
    if (reading.kind === 'ok') return 'Accepted'
    return house.say(problemMessage(reading.problem, { name, org: house.organization }))
  })
  if (tests.password === '') return { verdicts: { names } }
  const problem = passwordProblem(tests.password, [], store.policy.password)
  const password = problem ? house.say(problemMessage(problem, { org: house.organization })) : 'Accepted'
  return { verdicts: { names, password } }
}

/** What a store lets people be called, in a sentence. */
export function ruleInWords({ username }: Policy): string {
  if (username.sentence !== undefined) return username.sentence
  if (username.bounds) return `${username.bounds.min} to ${username.bounds.max} characters`
  return 'No sentence of its own: people are told that it is against the rules'
}
