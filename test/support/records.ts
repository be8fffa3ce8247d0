// Lines that other people rely on, kept in a file beside the tests: none may go away.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Compares lines with those on record in test/records/<name>. One that is gone is a fault, always. One that is new is a fault until it is
 * put on record, which UPDATE_RECORDS=1 does.
 */
export function assertOnRecord(name: string, lines: Iterable<string>, advice: string): void {
  const file = path.join(import.meta.dirname, '../records', name)
  const known = readRecord(file)
  const now = [...new Set(lines)].sort()
  assert.deepEqual(
    known.filter((line) => !now.includes(line)),
    [],
    advice,
  )
  if (process.env.UPDATE_RECORDS === '1') {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, `${now.join('\n')}\n`)
  }
  assert.deepEqual(
    now.filter((line) => !readRecord(file).includes(line)),
    [],
    'these are new: put them on record with UPDATE_RECORDS=1',
  )
}

function readRecord(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
}
