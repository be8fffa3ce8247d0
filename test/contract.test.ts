// What templates are given, and the names by which scripts, tests and themes find the parts of a page: promised, and therefore kept.
import assert from 'node:assert/strict'
import path from 'node:path'
import { describe, test } from 'node:test'
import { allStates } from '../src/specimens/all.ts'
import { CONTRACT, contract, contractSchema, guarded, type Schema } from '../src/web/contract.ts'
import { SLOTS } from '../src/web/templates.ts'
import type { Pages, ViewName } from '../src/web/views.ts'
import { createViews } from '../src/web/views.ts'
import { assertOnRecord } from './support/records.ts'

const ADVICE =
  'themes rely on these. Keep them, or raise CONTRACT in src/web/contract.ts and say in CHANGELOG.md under Themes what to do'
const views = createViews({
  folders: [path.join(import.meta.dirname, '../views')],
  cache: true,
  organization: () => 'Northwind',
  isStrict: true,
})

/** Every page that the views print, as they are given it. */
function pages(): [view: ViewName, page: unknown][] {
  return allStates.map(({ view, render }) => {
    let page: unknown
    const keep = <T>(one: T): T => {
      page = one
      return one
    }
    render(views, keep)
    return [view, page]
  })
}

describe('the contract with templates', () => {
  test('names no field less, and none narrower, than it did under this number', () => {
    assertOnRecord(`contract-${CONTRACT}.txt`, linesOf(contractSchema()), ADVICE)
  })

  test('is what every page keeps to', () => {
    for (const [view, page] of pages()) assert.deepEqual(contract[view].parse(page), page)
  })

  test('refuses a page with more than it names: nothing else reaches a template', () => {
    for (const [view, page] of pages())
      assert.throws(() => contract[view].parse({ ...(page as object), user: 1 }), view)
  })

  test('keeps the parts of pages and the codes of messages by their names', () => {
    const hooks = allStates.flatMap((state) => {
      return [...state.render(views).matchAll(/ data-(?:part|msg)="[^"]*"/g)].map(([hook]) => `${state.view}${hook}`)
    })
    assert.ok(hooks.length > 200)
    assertOnRecord(`hooks-${CONTRACT}.txt`, hooks, ADVICE)
  })

  test('keeps the slots', () => {
    assertOnRecord(`slots-${CONTRACT}.txt`, SLOTS, ADVICE)
  })
})

describe('what a template is given in development', () => {
  const page = (): Pages['message'] => ({
    title: { key: 'page.expired.title', values: { n: 1 } },
    body: [{ key: 'page.expired.body' }],
    actions: [],
  })

  test('reads as it is, lists and all', () => {
    const given = guarded('message', page())
    assert.deepEqual(
      given.body.map(({ key }) => key),
      ['page.expired.body'],
    )
    assert.deepEqual([...given.body.entries()].length, 1)
    assert.equal(given.title.values?.n, 1)
    assert.equal(given.reference, undefined)
    assert.ok(Array.isArray(given.actions))
  })

  test('throws where the contract names nothing, with the name', () => {
    const given = guarded('message', page()) as unknown as Record<string, Record<string, Record<string, unknown>>>
    assert.throws(() => given.user, /page\.user is not in the contract 1/)
    assert.throws(() => given.body?.[0]?.title, /page\.body\[0\]\.title is not in the contract/)
  })

  test('cannot be changed', () => {
    const given = guarded('message', page())
    assert.throws(() => given.body.push({ key: 'x' }), /page\.body cannot be changed/)
    assert.throws(() => {
      given.title.key = 'x'
    }, /page\.title cannot be changed/)
    assert.throws(() => Reflect.deleteProperty(given, 'title'), /page cannot be changed/)
  })

  test('lets a date be one', () => {
    const state = allStates.find(({ name }) => name === 'register: first view')
    assert.match(state?.render(views) ?? '', /<time datetime="2027-03-04T14:32:10.000Z">/)
  })
})

/** A line for each field, each kind that it may be of, and each value that it may have. */
function linesOf(schema: Schema, of = ''): string[] {
  const options = schema.anyOf ?? []
  return [
    ...Object.entries(schema.$defs ?? {}).flatMap(([name, one]) => linesOf(one, name)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, one]) => {
      const isThere = schema.required?.includes(name) ? '' : '?'
      return linesOf(one, of === '' ? name : `${of}.${name}${isThere}`)
    }),
    ...options.flatMap((one) => linesOf(one, of)),
    ...(schema.items ? linesOf(schema.items, `${of}[]`) : []),
    ...(typeof schema.additionalProperties === 'object' ? linesOf(schema.additionalProperties, `${of}[…]`) : []),
    ...(schema.enum ?? []).map((value) => `${of} "${value}"`),
    ...(schema.$ref === undefined ? [] : [`${of} ${schema.$ref.replace('#/$defs/', '')}`]),
    ...(schema.const === undefined ? [] : [`${of} "${schema.const}"`]),
    ...[schema.type ?? schema.description ?? []]
      .flat()
      .filter((type) => type !== 'object')
      .map((type) => `${of} ${type}`),
  ]
}
