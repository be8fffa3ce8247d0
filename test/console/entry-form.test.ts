// What every form over an entry says of what went wrong, without a form.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differencesOf, entryOf, linesOf, problemsOf, refusalOf } from '../../src/console/entry-form.ts'

const FIELDS = [
  { path: 'name', id: 'name', label: 'Name' },
  { path: 'redirectUris', id: 'redirect', label: 'Redirect addresses' },
  { path: 'piiCategories', id: 'add', label: 'Details' },
  { path: 'piiCategories[].name', id: 'attribute', label: 'Detail' },
  { path: 'translations.de.purpose', id: 'purpose-de', label: 'Purpose in German' },
]
const fault = (path: string, problem: string, example = '') => ({ path, problem, example })
const said = (...faults: ReturnType<typeof fault>[]) => problemsOf({ faults, general: [] }, FIELDS)

describe('what is wrong with an entry', () => {
  test('is said at the field that it was typed into, as a sentence, with an example that can be typed', () => {
    assert.deepEqual(said(fault('name', 'is missing', 'Travel')), [
      { field: 'name', text: 'Name is missing. For example: Travel' },
    ])
    assert.deepEqual(said(fault('piiCategories', 'must name an attribute', '[{ name: email }]')), [
      { field: 'add', text: 'Details must name an attribute' },
    ])
  })

  test('is said at the row of a list, and at the line of a text', () => {
    assert.deepEqual(
      said(fault('piiCategories[2].name', 'is the same as purposes[0].piiCategories[0].name', 'other')),
      [{ field: 'attribute-2', text: 'Detail is there twice' }],
    )
    assert.deepEqual(said(fault('redirectUris[1]', 'must be https')), [
      { field: 'redirect', text: 'Redirect addresses, line 2: must be https' },
    ])
  })

  test('is said of the form when it has no field for it, and of another entry by its name', () => {
    assert.deepEqual(said(fault('namely', 'is odd'), fault('translations.fr.purpose', 'is long')), [
      { field: 'form', text: 'namely is odd' },
      { field: 'form', text: 'translations.fr.purpose is long' },
    ])
    const general = [{ kind: 'idp' as const, key: 'acme', ...fault('claims.mappings.dept', 'is not an attribute') }]
    assert.deepEqual(problemsOf({ faults: [], general }, FIELDS), [
      { field: 'form', text: 'Identity provider acme: claims.mappings.dept is not an attribute' },
    ])
  })
})

describe('a conflict', () => {
  test('shows what differs, theirs beside yours, and nothing else', () => {
    const theirs = { name: 'Travel', redirectUris: ['https://a.example/'], piiCategories: [{ name: 'email' }] }
    const yours = {
      name: 'Trips',
      redirectUris: ['https://a.example/', 'https://b.example/'],
      piiCategories: [{ name: 'email' }],
    }
    assert.deepEqual(differencesOf(theirs, yours, FIELDS), [
      { label: 'Name', theirs: 'Travel', yours: 'Trips' },
      { label: 'Redirect addresses', theirs: 'https://a.example/', yours: 'https://a.example/\nhttps://b.example/' },
    ])
  })

  test('carries the version over which the next try is made, and says who was quicker', () => {
    const at = new Date('2027-03-04T14:00:00Z')
    const current = {
      kind: 'application' as const,
      key: 'a',
      entry: { name: 'Theirs' },
      managedBy: 'console' as const,
      version: 7,
      isEnabled: true,
      hasSecret: false,
    }
    const refusal = refusalOf(
      { kind: 'conflict', current, by: { actor: 'amara', at } },
      { fields: FIELDS, typed: { name: 'Yours' } },
    )
    assert.equal(refusal.status, 409)
    assert.equal(refusal.version, 7)
    assert.match(refusal.problems[0]?.text ?? '', /^amara changed this/)
    assert.deepEqual(refusal.conflict, {
      by: { actor: 'amara', at },
      rows: [{ label: 'Name', theirs: 'Theirs', yours: 'Yours' }],
    })
  })
})

test('what is left empty is not said at all', () => {
  assert.deepEqual(entryOf({ name: '', requirePkce: false, scopes: [], secret: undefined }), {
    requirePkce: false,
    scopes: [],
  })
  assert.deepEqual(linesOf(' https://a.example/ \r\n\r\nhttps://b.example/\n'), [
    'https://a.example/',
    'https://b.example/',
  ])
})
