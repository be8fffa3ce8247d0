// SECURITY.md prints promises, each with the tests that prove it: they must be there, by the words that it says.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { REPOSITORY } from './support/product.ts'

const text = readFileSync(path.join(REPOSITORY, 'SECURITY.md'), 'utf8')
const promises = text.split(/^## /m).slice(1)

describe('SECURITY.md', () => {
  test('prints nineteen promises', () => {
    assert.equal(promises.length, 19)
  })

  for (const promise of promises) {
    const [title = '', ...lines] = promise.split('\n')
    test(`names tests that are there for: ${title}`, () => {
      const proofs = lines.filter((line) => line.startsWith('- '))
      assert.ok(proofs.length >= 2)
      for (const proof of proofs) {
        for (const [, file = ''] of proof.matchAll(/`(test\/[^`]+)`/g)) {
          assert.ok(existsSync(path.join(REPOSITORY, file)), `${file} is not there`)
        }
        const [, file = '', claim] = /^- `([^`]+\.test\.ts)`: (.+)$/.exec(proof) ?? []
        if (claim === undefined) continue
        // A claim may stand in any kind of quotes, an apostrophe in it with a backslash or without.
        const source = readFileSync(path.join(REPOSITORY, file), 'utf8').replaceAll("\\'", "'")
        assert.ok(source.includes(claim), `${file} has no test that says: ${claim}`)
      }
    })
  }
})
