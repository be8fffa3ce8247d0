// Whatever a file can say, the console can say, and an export says it again: for configurations that nobody thought of.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { literal, print } from '../src/declared-text.ts'
import { exportConfiguration } from '../src/settings/export.ts'
import { secretNames } from '../src/settings/secret-names.ts'
import { holds, holdsThroughout } from './support/arbitraries.ts'
import { settingsTree } from './support/arbitrary-settings.ts'
import { applyFile, exportedTwice, type Office, openOffice, typeIn } from './support/settings.ts'

describe('any configuration', () => {
  let [file, typed, again] = [] as unknown as [Office, Office, Office]
  before(async () => {
    ;[file, typed, again] = await Promise.all([openOffice(), openOffice(), openOffice()])
  })
  after(() => Promise.all([file, typed, again].map((office) => office.drop())))

  /** The tree as the text of a file: what looks like a variable is text. */
  const textOf = (tree: object) =>
    print(JSON.parse(JSON.stringify(tree), (_, value) => (typeof value === 'string' ? literal(value) : value)))

  /** But for those that are a part of what is no secret: `__defineGetter__` is one in a thousand times, and somebody's name or key the next. */
  function secretsOf(tree: object): string[] {
    const [secrets, others]: [string[], string[]] = [[], []]
    JSON.stringify(tree, (key, value) => {
      others.push(key)
      if (typeof value === 'string') (key === 'clientSecret' ? secrets : others).push(value)
      return value
    })
    return secrets.filter((secret) => !others.some((other) => other.includes(secret)))
  }

  it('by a file, typed in, and from its own export is the same to the byte, and shows no secret', async () => {
    await holdsThroughout(12, [settingsTree], async (tree) => {
      await Promise.all([file.empty(), typed.empty()])
      await applyFile(file, textOf(tree))
      await typeIn(typed, tree)
      const { first, second, names } = await exportedTwice(file, again, (name) => `the value of ${name}`)
      assert.equal(second, first)
      assert.equal(await exportConfiguration(typed.db), first)
      assert.equal(new Set(names).size, names.length)
      for (const secret of secretsOf(tree)) assert.ok(!first.includes(secret), secret)
    })
  })
})

describe('the variables of secrets', () => {
  const entries = fc.uniqueArray(
    fc.record({ kind: fc.constantFrom('idp' as const, 'application' as const), key: fc.string({ maxLength: 12 }) }),
    { selector: ({ kind, key }) => `${kind} ${key}`, maxLength: 12 },
  )

  it('have names of variables, one for each, which the order of the entries does not change', () => {
    holds(500, [entries], (all) => {
      const names = secretNames(all)
      for (const name of names.values()) assert.match(name, /^[A-Z_][A-Z0-9_]*_SECRET$|^_SECRET$/)
      assert.equal(new Set(names.values()).size, all.length)
      const backwards = secretNames([...all].reverse())
      for (const one of all) assert.equal(backwards.get(one), names.get(one))
    })
  })

  it('are never those of another that was there before', () => {
    holds(500, [entries, entries], (before, more) => {
      const names = secretNames(before)
      const later = secretNames([
        ...before,
        ...more.filter((one) => !before.some(({ kind, key }) => kind === one.kind && key === one.key)),
      ])
      for (const [one, name] of later) {
        const owner = [...names].find(([, other]) => other === name)?.[0]
        assert.ok(owner === undefined || owner === one, name)
      }
    })
  })
})
