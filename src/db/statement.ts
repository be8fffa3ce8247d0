// How the `?` of a statement become PostgreSQL's own $1, $2: worked out once for each text.

interface Positioned {
  text: string
  count: number
}

const MOST = 2_000
const known = new Map<string, Positioned>()

/** The text with a number for each `?`, and how many there are. `\?` is a `?` of PostgreSQL's own, as with knex. */
export function positioned(sql: string): Positioned {
  const found = known.get(sql)
  if (found) return found
  let count = 0
  const text = sql.replace(/(\\*)\?/g, (_, escapes: string) => {
    if (escapes.length % 2 === 1) return '?'
    count += 1
    return `$${count}`
  })
  // Some texts are as long as a list is.
  if (known.size === MOST) known.clear()
  known.set(sql, { text, count })
  return { text, count }
}

/** Throws when the values are not those of the statement: too few, too many, or one that was never set, which would be stored as NULL. */
export function checkValues(sql: string, values: readonly unknown[]): void {
  const { count } = positioned(sql)
  if (values.length !== count) throw new Error(`${count} values expected, not ${values.length}: ${sql}`)
  if (values.some(isUnset)) throw new Error(`a value is undefined: ${sql}`)
}

function isUnset(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.some(isUnset))
}
