// Which statements connections keep prepared. PostgreSQL reads and plans each of those a few times, and not whenever it is asked.

/** Asked so often, a statement is one of the road, and worth its place. */
const OFTEN = 50
/** Each takes memory of each connection until that closes. */
const MOST = 100
/** Some texts are as long as a list is. */
const MOST_COUNTED = 2_000

/**
 * Names for the statements of one pool. Takes the text of one that is about to be asked, and counts; returns its name once it was asked often, or
 * undefined. A name is never another text's.
 */
export function nameThoseAskedOften(): (text: string) => string | undefined {
  const names = new Map<string, string>()
  const asked = new Map<string, number>()
  return (text) => {
    const name = names.get(text)
    if (name !== undefined || names.size === MOST) return name
    const times = (asked.get(text) ?? 0) + 1
    if (times > OFTEN) {
      asked.delete(text)
      names.set(text, `often_${names.size}`)
      return names.get(text)
    }
    if (asked.size === MOST_COUNTED) asked.clear()
    asked.set(text, times)
    return undefined
  }
}

/**
 * What is wrong with a prepared statement that PostgreSQL refused with this SQLSTATE, if that is what it refused. Stale: a migration has changed what
 * it returns. Elsewhere: there is none of that name, or one already, because somebody in between gives one connection of the server's to several of us.
 */
export function troubleOf(code: string | undefined): 'stale' | 'elsewhere' | undefined {
  if (code === '0A000') return 'stale'
  return code === '26000' || code === '42P05' ? 'elsewhere' : undefined
}
