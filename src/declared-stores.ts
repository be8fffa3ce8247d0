// The keys of a user store in a configuration file: its name and its properties, as the reference product spells them.
import { z } from 'zod'
import { didYouMean } from './config-faults.ts'
import { expected, group, oneOf, say, text } from './declared-kinds.ts'
import { isStoreName, PRIMARY } from './stores/name.ts'
import { PROPERTIES, type PropertyName, REGEX_PROPERTIES, type StoreProperties } from './stores/policy.ts'
import { readRegex } from './stores/regex.ts'

export interface DeclaredStore {
  name: string
  properties: StoreProperties
}

const EXAMPLE = "{ UsernameJavaRegEx: '^[a-z0-9._-]{3,30}$' }"
const LONGEST_SENTENCE = 300

// Both spellings occur in the reference, UserName… and Username…, and no two properties differ by case alone.
const SPELLINGS = new Map(PROPERTIES.map((name) => [name.toLowerCase(), name]))

const properties = z
  .record(z.string(), z.unknown(), { error: expected('a map of properties', EXAMPLE) })
  .transform((given, context): StoreProperties => {
    const read: StoreProperties = {}
    for (const [key, value] of Object.entries(given)) {
      const refuse = (problem: string, example: string) => {
        context.addIssue({ code: 'custom', message: say(problem, example), path: [key] })
      }
      const name = SPELLINGS.get(key.toLowerCase())
      if (!name) refuse(`unknown property${didYouMean(key, PROPERTIES)}`, PROPERTIES.join(', '))
      else if (Object.hasOwn(read, name)) refuse('is there twice, in two spellings', name)
      else {
        const text = typeof value === 'boolean' ? String(value) : value
        const problem = problemOf(name, text)
        if (problem) refuse(...problem)
        else read[name] = text as string
      }
    }
    return read
  })

/** One store of the list `userStores`. */
export const userStore = group({
  name: text(
    'must be 1 to 63 of A-Z 0-9 . _ - beginning with a letter or digit, and not INTERNAL, APPLICATION, WORKFLOW or SYSTEM',
    'STAFF',
    isStoreName,
  ),
  type: oneOf('postgres').default('postgres'),
  properties: properties.default(() => ({})),
}).transform(({ name, properties }): DeclaredStore => ({ name, properties }))

/** PRIMARY exists always, and first, whether it is declared or not. */
export function withPrimary(stores: DeclaredStore[]): DeclaredStore[] {
  const primary = stores.find(({ name }) => name === PRIMARY) ?? { name: PRIMARY, properties: {} }
  return [primary, ...stores.filter(({ name }) => name !== PRIMARY)]
}

function problemOf(name: PropertyName, value: unknown): [problem: string, example: string] | undefined {
  if (name === 'CaseInsensitiveUsername')
    return value === 'true' || value === 'false' ? undefined : ['must be true or false', 'true']
  if (typeof value !== 'string' || value === '') return ['must be text, in quotes', EXAMPLE]
  if (isRegex(name)) {
    const reading = readRegex(value, REGEX_PROPERTIES[name])
    if (reading.kind === 'ok') return undefined
    const { position, problem, instead } = reading.fault
    return [`at character ${position + 1}: ${problem}`, instead]
  }
  const isSentence = value.trim() !== '' && value.length <= LONGEST_SENTENCE && !/\p{Cc}/u.test(value)
  return isSentence
    ? undefined
    : [`must be a sentence of 1 to ${LONGEST_SENTENCE} characters`, 'Username must be 3 to 30 letters or digits']
}

function isRegex(name: PropertyName): name is keyof typeof REGEX_PROPERTIES {
  return Object.hasOwn(REGEX_PROPERTIES, name)
}
