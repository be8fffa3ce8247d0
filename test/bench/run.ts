// The benchmarks (npm run bench): figures and no verdicts, because a machine that is busy with something else must fail nothing.
import { test } from 'node:test'
import '../support/quick-assert.ts'
import { consoleBench } from './console.ts'
import { idpDeletionBench } from './idp-deletion.ts'
import { recordsBench } from './records.ts'

/** What a part is given to print its figures with. */
export type Say = (line: string) => void

const PARTS: [what: string, part: (say: Say) => Promise<void>][] = [
  ['lists and searches of the console with a hundred thousand users', consoleBench],
  ['fifty thousand users of an idp that is deleted while others sign in', idpDeletionBench],
  ['the proof of the records of a hundred thousand people', recordsBench],
]

/** npm run bench -- console: the parts whose name begins so. */
const wanted = process.argv[2] ?? ''

for (const [what, part] of PARTS.filter(([, { name }]) => name.startsWith(wanted))) {
  test(what, () => part((line) => process.stdout.write(`# ${line}\n`)))
}
