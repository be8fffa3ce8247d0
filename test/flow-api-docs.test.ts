// docs/flow-api.md is the contract of the flow API: its examples have the shapes of the code, and it tells every call and every code.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { ZodType } from 'zod'
import { resourcesOf } from '../src/api/routes.ts'
import * as shapes from '../src/api/shapes.ts'
import { SCOPES } from '../src/declared.ts'
import { openHouse, type TestHouse } from './support/house.ts'
import { REPOSITORY } from './support/product.ts'

const DOCS = path.join(REPOSITORY, 'docs')
const page = readFileSync(path.join(DOCS, 'flow-api.md'), 'utf8')
const byName = new Map<string, ZodType>(Object.entries(shapes))
const examples = [...page.matchAll(/```json (\w+)\n([\s\S]*?)```/g)].map(([, name = '', text = '']) => ({ name, text }))

describe('docs/flow-api.md', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  const resources = () => resourcesOf(on.house, { ended: () => '', again: () => '', leaveBy: async () => undefined })

  for (const { name, text } of examples) {
    it(`has an example of ${name} that is one`, () => {
      const shape = byName.get(name) ?? assert.fail('There is no such shape.')
      shape.parse(JSON.parse(text))
    })
  }

  it('has one of everything that goes in or out', () => {
    const named = examples.map(({ name }) => name)
    assert.deepEqual([...new Set(named)].sort(), [...byName.keys()].filter((name) => name !== 'Question').sort())
  })

  it('has a table for every call, under its scope, and for no other', () => {
    const told = [...page.matchAll(/^### POST (\/[\w-]+)\n[\s\S]*?\| Answer \| When \|/gm)].map(
      ([, address]) => address,
    )
    assert.deepEqual(
      told.sort(),
      resources()
        .map(({ path }) => path)
        .sort(),
    )
    for (const { path, scope } of resources()) {
      const before = page.slice(0, page.indexOf(`### POST ${path}`))
      assert.equal([...before.matchAll(/^Scope `(\w+)`/gm)].at(-1)?.[1], scope, path)
    }
  })

  it('tells every code of the API', () => {
    const source = readdirSync(path.join(REPOSITORY, 'src/api'))
      .map((file) => readFileSync(path.join(REPOSITORY, 'src/api', file), 'utf8'))
      .join('\n')
    const codes = [...source.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, code = '']) => code)
    assert.ok(codes.length > 8)
    for (const code of codes) assert.ok(page.includes(`\`${code}\``), code)
  })

  it('tells what a page is to do with the members that only our own page would know', () => {
    for (const member of ['changed', 'password.again', 'needed', 'leftEmpty', 'username.fixed', 'change.until'])
      assert.ok(page.includes(`\`${member}\``), member)
  })

  it('opens no resource without a scope', () => {
    assert.ok(resources().length >= 5)
    for (const { path, scope } of resources()) assert.ok(SCOPES.includes(scope), path)
  })

  it('has examples of at most eighty lines that need nothing', () => {
    for (const file of readdirSync(path.join(DOCS, 'examples'))) {
      const text = readFileSync(path.join(DOCS, 'examples', file), 'utf8')
      assert.ok(text.split('\n').length <= 81, file)
      assert.deepEqual([...text.matchAll(/^import .* from '(?!node:)/gm)], [], file)
    }
  })
})
