// The parts that pages of the console are made of.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VIEWS } from '../../src/console/desk.ts'
import { createTemplates } from '../../src/web/templates.ts'

test('a field has the hint, the value and the choices that it is given, and none of what surrounds it', () => {
  const templates = createTemplates({ folders: [VIEWS], cache: false, now: () => new Date(), report: () => {} })
  const around = {
    hint: 'Of the rows',
    value: 'Of the page',
    options: [{ value: 'x', label: 'X' }],
    rows: 3,
    attributes: { type: 'file' },
  }
  const rows = {
    kind: 'role',
    legend: 'Roles',
    pairs: [{ ours: 'one', theirs: 'other' }],
    oursLabel: 'Our',
    theirsLabel: 'Their',
    oursFirst: true,
  }
  const locals = { ...around, ...rows, addLabel: 'Add role', action: '/', problems: [] }
  const html = templates.page((print) => print({ ...locals, given: rows, file: 'console/partials/idp-rows' }))
  assert.equal(html.match(/Of the rows/g)?.length, 1)
  assert.deepEqual(
    [...html.matchAll(/<input id="role-0-\w+".* value="(\w+)"/g)].map(([, value]) => value),
    ['one', 'other'],
  )
  assert.doesNotMatch(html, /<select|<textarea|type="file"|Of the page/)
})
