// Every test in one process: a process per file would spend most of its time starting. Long files that start programs of their own come last.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import './support/quick-assert.ts'

const LAST = /embedded|demo|chromium/

const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .sort((a, b) => Number(LAST.test(a)) - Number(LAST.test(b)) || a.localeCompare(b))

for (const file of files) await import(path.join(import.meta.dirname, file))
