// The text of a configuration file as a tree of values: YAML or TOML, with the environment filled in.
import { parse as parseToml, TomlError } from 'smol-toml'
import { LineCounter, parseDocument, stringify, visit } from 'yaml'
import { type Fault, isRow, pathTo } from './config-faults.ts'

export type Environment = Record<string, string | undefined>

/** Parses a file by its name; a mistake of syntax is a fault with line and column, without the text around it. */
export function parse(text: string, fileName: string): { parsed?: unknown; faults: Fault[] } {
  const faults: Fault[] = []
  const refuse = (message: string, line?: number, column?: number) => {
    const path = line === undefined ? fileName : `${fileName}:${line}:${column}`
    // The parsers quote the text after a colon, a backslash or a line break, and it may be a secret.
    const problem = message.replace('Invalid TOML document: ', '').replace(/(:\s|\\|\n)[\s\S]*$/, '')
    faults.push({ path, problem, example: 'a value with special characters stands in quotes' })
  }
  try {
    if (/\.toml$/i.test(fileName)) return { parsed: parseToml(text), faults }
    const lines = new LineCounter()
    const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, logLevel: 'error' })
    const refuseAt = (message: string, offset = 0) => {
      const { line, col } = lines.linePos(offset)
      refuse(message, line, col)
    }
    for (const { message, pos } of [...document.errors, ...document.warnings]) refuseAt(message, pos[0])
    if (faults.length > 0) return { faults }
    visit(document, {
      Alias: (_, alias) => {
        if (!alias.resolve(document))
          refuseAt('Unresolved alias: text that begins with * needs quotes', alias.range?.[0])
      },
    })
    // A few aliases of aliases can grow to gigabytes.
    return faults.length > 0 ? { faults } : { parsed: document.toJS({ maxAliasCount: 100 }), faults }
  } catch (error) {
    if (error instanceof TomlError) refuse(error.message, error.line, error.column)
    else refuse(error instanceof Error ? error.message : 'cannot be read')
    return { faults }
  }
}

// A copy of the tree with the environment filled in; without one, texts stay as they are. What was left empty in a section counts as
// absent, and so does a top-level key, which is a fault of a file besides.
export function fill(
  value: unknown,
  path: string,
  above: unknown[],
  env: Environment | undefined,
  faults: Fault[],
): unknown {
  const refuse = (problem: string, example: string) => faults.push({ path, problem, example })
  if (typeof value === 'string') return env === undefined ? value : withVariables(value, env, refuse)
  if (above.includes(value)) {
    refuse('refers to itself', 'write the value out')
    return undefined
  }
  const within = [...above, value]
  if (Array.isArray(value)) return value.map((item, index) => fill(item, pathTo(path, index), within, env, faults))
  if (!isRow(value)) return value
  const entries = Object.entries(value).filter(([, item]) => above.length > 1 || (item !== null && item !== ''))
  return Object.fromEntries(
    entries.flatMap(([key, item]) => {
      const here = pathTo(path, key)
      if (key !== '__proto__') return [[key, fill(item, here, within, env, faults)]]
      faults.push({ path: here, problem: 'unknown key', example: 'leave it out' })
      return []
    }),
  )
}

/** The faults of texts and keys that PostgreSQL could not keep: with a NUL, or half of a surrogate pair. */
export function unkeepable(value: unknown, path = ''): Fault[] {
  const isKeepable = (text: string) => !text.includes('\0') && text.isWellFormed()
  const fault = { path, problem: 'has a character that cannot be kept', example: 'text without NUL' }
  if (typeof value === 'string') return isKeepable(value) ? [] : [fault]
  if (Array.isArray(value)) return value.flatMap((item, index) => unkeepable(item, pathTo(path, index)))
  if (!isRow(value)) return []
  const hasBadKey = Object.keys(value).some((key) => !isKeepable(key))
  return [
    ...(hasBadKey ? [{ ...fault, problem: 'has a key with a character that cannot be kept' }] : []),
    ...Object.entries(value).flatMap(([key, item]) => unkeepable(item, pathTo(path, key))),
  ]
}

// A dollar more and it is no variable: $${NAME} is the text ${NAME}.
function withVariables(text: string, env: Environment, refuse: (problem: string, example: string) => void): string {
  return text.replace(/\$\$\{|\$\{([^}]*)\}/g, (written, name: string | undefined) => {
    if (name === undefined) return '${'
    const isName = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
    const found = isName && Object.hasOwn(env, name) ? env[name] : undefined
    if (!isName) refuse('between the braces belongs the name of an environment variable', variable('ACME_SECRET'))
    else if (!found) refuse(`the environment variable ${name} is not set`, `${name}=…`)
    return found || written
  })
}

/** How a file names a variable of the environment. */
export const variable = (name: string) => `\${${name}}`

/** A text as a file has it so that it reads as it is: `withVariables` backwards. */
export const literal = (text: string) => text.replaceAll('${', () => '$${')

/** A tree as the text of a file, YAML: `parse` backwards. */
export function print(tree: object): string {
  return stringify(tree, { lineWidth: 0, aliasDuplicateObjects: false })
}
