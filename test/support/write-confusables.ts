// Writes src/provisioning/confusables.ts anew from a confusables.txt of Unicode: tsx test/support/write-confusables.ts <file>.
// Debian's source package icu has that file in source/data/unidata, and Unicode's licence as LICENSE. With --check it only compares.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { REPOSITORY } from './product.ts'

const [source = '', check] = process.argv.slice(2)
const target = path.join(REPOSITORY, 'src/provisioning/confusables.ts')
const old = readFileSync(target, 'utf8')
const data = readFileSync(source, 'utf8')

const all = new Map<string, string>()
for (const [, from = '', to = ''] of data.matchAll(/^\uFEFF?([0-9A-F]+) ;\t([0-9A-F ]+) ;\tMA/gm)) {
  all.set(textOf(from), textOf(to))
}
assert.equal(all.size, Number(/# total: (\d+)/.exec(data)?.[1]), 'every line is read')

// What can be in a canonical name, decomposed, and what becomes of it on the way.
const inNames = /[\p{L}\p{M}\p{Nd}!-~\xB7\u0375\u05F3\u05F4\u06FD\u06FE\u0F0B\u3007\u30FB]/u
const wanted = new Set(
  [...all.keys()].filter((point) => inNames.test(point) && point.normalize('NFKC') === point && !isIgnored(point)),
)
for (const point of wanted) {
  const next = (all.get(point) ?? '').normalize('NFD')
  for (const one of [...next, ...next.toLowerCase()]) if (all.has(one) && !isIgnored(one)) wanted.add(one)
}

const groups = new Map<string, string[]>()
for (const [from, to] of all) {
  // Decomposed names have no character that decomposes.
  if (wanted.has(from) && from.normalize('NFD') === from) groups.set(to, [...(groups.get(to) ?? []), from])
}
const rows = [...groups]
  .map(([to, from]) => [[...to].map(codeOf).join('+'), ...from.map(codeOf).sort(byNumber)].join(' '))
  .sort(byNumber)
const lines: string[] = []
for (const row of rows) {
  const last = lines.at(-1) ?? ''
  if (last && last.length + row.length < 118) lines[lines.length - 1] = `${last}, ${row}`
  else lines.push(row)
}

const version = /^# Version: (\S+)/m.exec(data)?.[1]
const date = /^# Date: (\S+),/m.exec(data)?.[1]
const hash = createHash('sha256').update(data).digest('hex')
const made = old
  .replace(/Unicode \S+, confusables\.txt of [\d-]+/, `Unicode ${version}, confusables.txt of ${date}`)
  .replace(/[0-9a-f]{64}/, hash)
  .replace(/`[^`]*`/, `\`\n${lines.join(',\n')}\``)
if (check === '--check') assert.equal(made, old)
else writeFileSync(target, made)

function textOf(codes: string): string {
  return String.fromCodePoint(...codes.split(' ').map((code) => Number.parseInt(code, 16)))
}

function codeOf(point: string): string {
  return (point.codePointAt(0) ?? 0).toString(16).toUpperCase()
}

function byNumber(one: string, other: string): number {
  return Number.parseInt(one, 16) - Number.parseInt(other, 16) || (one < other ? -1 : 1)
}

function isIgnored(point: string): boolean {
  return /\p{Default_Ignorable_Code_Point}/u.test(point)
}
