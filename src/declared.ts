// The configuration file (CONFIG_FILE): what is declared as code, checked as a whole.
import type { z } from 'zod'
import { didYouMean, type Fault, isRow, misfits, pathTo, type Row, takeOutLater } from './config-faults.ts'
import { isLoopback } from './declared-addresses.ts'
import { type Declared, declaration } from './declared-keys.ts'
import { type Environment, fill, parse, unkeepable } from './declared-text.ts'
import { AS_IN_USERNAME, PRIMARY } from './stores/name.ts'
import { policyOf } from './stores/policy.ts'

export { isLoopback } from './declared-addresses.ts'
export { type DeclaredApplication, GRANT_TYPES, SCOPES } from './declared-applications.ts'
export {
  type Declared,
  type DeclaredIdp,
  type DeclaredPurpose,
  JIT_DEFAULTS,
  pagesOf,
  REGISTER,
  SIGNUP,
} from './declared-keys.ts'

/**
 * Reads a configuration file (design, section 6).
 * @param text its content
 * @param fileName TOML when it ends in `.toml`, otherwise YAML
 * @param env what `${NAME}` inside a text reads; `ALLOW_PRIVATE_IDP` set to 1 lets an issuer be private, and plain http
 * @returns the declaration when nothing is wrong; otherwise every fault
 */
export function readDeclared(
  text: string,
  fileName: string,
  env: Environment,
): { declared?: Declared; faults: Fault[]; warnings: string[] } {
  const { parsed, faults } = parse(text.replace(/^\uFEFF/, ''), fileName)
  if (faults.length > 0) return { faults, warnings: [] }
  faults.push(...hollow(parsed, fileName))
  const tree = fill(parsed ?? {}, '', [], env, faults)
  if (!isRow(tree)) {
    faults.push({ path: fileName, problem: 'must be a map of keys', example: 'organization: { name: Northwind }' })
    return { faults, warnings: [] }
  }
  const checked = checkDeclared(tree, { allowPrivateIdp: /^(1|true)$/.test(env['ALLOW_PRIVATE_IDP'] ?? '') })
  if (faults.length === 0) return checked
  const unreadable = new Set(faults.map((fault) => fault.path))
  // Of a text whose variable is missing, nothing else is known to be wrong.
  return { faults: [...faults, ...checked.faults.filter((fault) => !unreadable.has(fault.path))], warnings: [] }
}

/**
 * A file without a word, and keys without a value: a file that was cut off, or a template that filled nothing in. Read as nothing declared, they
 * would turn off every identity provider and application. TOML has no way to write an empty file on purpose, but has one for each list.
 */
function hollow(parsed: unknown, fileName: string): Fault[] {
  const isToml = /\.toml$/i.test(fileName)
  const isBlank =
    parsed === null || parsed === undefined || (isToml && isRow(parsed) && Object.keys(parsed).length === 0)
  if (isBlank) {
    const problem = 'is empty, which would turn off all that it declared until now'
    return [{ path: fileName, problem, example: `${isToml ? 'purposes = []' : '{}'} where that is meant` }]
  }
  const keys = isRow(parsed) ? Object.keys(parsed).filter((key) => parsed[key] === null || parsed[key] === '') : []
  return keys.map((key) => ({
    path: pathTo('', key),
    problem: 'has no value',
    example: '[] for a list, {} for a section, where that is meant',
  }))
}

/** To make a reader takes longer than to read. */
const READERS = { strict: declaration(false), lenient: declaration(true) }

/**
 * Checks a configuration as a whole: the tree of values that a file is, with the environment filled in. The tree stays as it is.
 * @returns the declaration when nothing is wrong; otherwise every fault. `understood` is there as well when each part is right alone and they
 * do not fit together.
 */
export function checkDeclared(
  given: Row,
  { allowPrivateIdp }: { allowPrivateIdp: boolean },
): { declared?: Declared; understood?: Declared; faults: Fault[]; warnings: string[] } {
  const faults: Fault[] = []
  const tree = fill(given, '', [], undefined, faults) as Row
  const leaves = leavesOf(tree)
  faults.push(...takeOutLater(tree))
  const result = READERS[allowPrivateIdp ? 'lenient' : 'strict'].safeParse(tree)
  faults.push(...(result.success ? [] : result.error.issues.flatMap(toFaults)), ...misfits(tree))
  const wrong = new Set(faults.map(({ path }) => path))
  faults.push(...unkeepable(tree).filter(({ path }) => !wrong.has(path)))
  if (!result.success) return { faults, warnings: [] }
  const understood: Declared = { ...result.data, ...(leaves.length === 0 ? {} : { leaves }) }
  if (faults.length === 0) faults.push(...unrulyRoles(understood))
  if (faults.length > 0) return { understood, faults, warnings: [] }
  const warnings = [...plainIssuers(understood), ...unkeepableRules(understood)]
  return { declared: understood, understood, faults, warnings }
}

/** Of what every declaration has, that which this tree does not mention. */
function leavesOf({ organization, authentication, userStores }: Row): NonNullable<Declared['leaves']> {
  const hasJit = isRow(authentication) && authentication['jit_provisioning'] !== undefined
  const hasPrimary = Array.isArray(userStores) && userStores.some((store) => isRow(store) && store['name'] === PRIMARY)
  return [
    ...(organization === undefined ? (['organization'] as const) : []),
    ...(hasJit ? [] : (['jitProvisioning'] as const)),
    ...(hasPrimary ? [] : (['PRIMARY'] as const)),
  ]
}

function toFaults({ code, message, path, ...issue }: z.core.$ZodIssue): Fault[] {
  const place = path.reduce(pathTo, '')
  if (code === 'unrecognized_keys' && 'keys' in issue) {
    const known = message.split(' ')
    return issue.keys.map((key) => ({
      path: pathTo(place, key),
      problem: `unknown key${didYouMean(key, known)}`,
      example: known.join(', '),
    }))
  }
  const [problem = '', example = ''] = message.split('\n')
  return [{ path: place, problem, example }]
}

/** The roles that an idp may grant and that the rules of a store do not let exist in which its people live. */
function unrulyRoles({ identityProviders, userStores }: Declared): Fault[] {
  return identityProviders.flatMap(({ claims, jit }, index) =>
    Object.entries(claims.roleMappings).flatMap(([theirs, ours]) => {
      const path = pathTo(`identityProviders[${index}].claims.roleMappings`, theirs)
      return userStores
        .filter(({ name }) => jit.userstore === AS_IN_USERNAME || jit.userstore === name)
        .map(({ name, properties }) => ({ name, rule: policyOf(properties).role }))
        .filter(({ rule }) => !rule.fits(ours))
        .map(({ name, rule }) => ({
          path,
          problem: `the role is against the rule of the user store ${name}`,
          example: rule.sentence ?? 'a role that RolenameJavaRegEx accepts',
        }))
    }),
  )
}

// Of each length that a password may have, one of letters alone, with digits, with a sign, and with spaces.
const PASSWORDS = [15, 16, 20, 30, 40, 64, 100, 128].flatMap((length) =>
  ['abcdefgh', 'Abcdefgh', 'abcdefg1', 'Abcdefg1', 'Abcdef1!', 'Abc def1 ', '12345678'].map((text) =>
    text.repeat(Math.ceil(length / text.length)).slice(0, length),
  ),
)

function unkeepableRules({ userStores }: Declared): string[] {
  return userStores
    .filter(({ properties }) => !PASSWORDS.some(policyOf(properties).password.fits))
    .map(
      ({ name }) =>
        `The password rule of the user store ${name} seems to let no password of 15 characters or more pass.`,
    )
}

function plainIssuers({ identityProviders }: Declared): string[] {
  return identityProviders
    .filter(({ oidc }) => oidc.issuer.startsWith('http:') && !isLoopback(new URL(oidc.issuer).hostname))
    .map(
      ({ name }) => `Identity provider ${name} is reached without https: the network can read and change what it says.`,
    )
}
