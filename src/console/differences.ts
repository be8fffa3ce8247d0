// What two states of a thing say differently, setting by setting. Pure.

export interface Difference {
  /** Where it stands, in the words of the configuration file: `provisioning.jit.scheme`. */
  setting: string
  /** Undefined: it said nothing. */
  before: string | undefined
  after: string | undefined
}

type Saying = Record<string, unknown> | null

/** In the order of what is said now, and then of what is not said any more. Lists are compared as a whole. */
export function differencesOf(before: Saying, after: Saying): Difference[] {
  const [was, is] = [leaves(before), leaves(after)]
  return [...new Set([...is.keys(), ...was.keys()])]
    .map((setting) => ({ setting, before: was.get(setting), after: is.get(setting) }))
    .filter((one) => one.before !== one.after)
}

function leaves(saying: Saying): Map<string, string> {
  const found = new Map<string, string>()
  const walk = (value: unknown, path: string) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0)
      for (const [name, inner] of Object.entries(value)) walk(inner, path === '' ? name : `${path}.${name}`)
    else found.set(path, typeof value === 'string' ? value : JSON.stringify(value))
  }
  for (const [name, value] of Object.entries(saying ?? {})) walk(value, name)
  return found
}
