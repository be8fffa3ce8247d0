// The benchmarks (npm run bench): figures beside their targets and no verdicts, because a machine that is busy with something else must fail nothing.
import { after, test } from 'node:test'
import '../support/quick-assert.ts'
import { consoleBench } from './console.ts'
import { idpDeletionBench } from './idp-deletion.ts'
import { overloadBench } from './overload.ts'
import { pagesBench } from './pages.ts'
import { promptsBench } from './prompts.ts'
import { raceBench } from './race.ts'
import { recordsBench } from './records.ts'
import { type Bench, createReport } from './report.ts'
import { signInBench } from './sign-in.ts'

const PARTS: [name: string, what: string, part: (bench: Bench) => Promise<void>][] = [
  ['sign-in', 'sign-ins to My Account and to an application, beside the floor', signInBench],
  ['race', 'ten new people who sign in eight times at once', raceBench],
  ['prompts', 'the consent prompt and the password prompt', promptsBench],
  ['pages', 'what a prompt page weighs', pagesBench],
  ['overload', 'four times as many sign-ins as can be served', overloadBench],
  ['console', 'lists and searches of the console', consoleBench],
  ['idp-deletion', 'fifty thousand users of an idp that is deleted while others sign in', idpDeletionBench],
  ['records', 'the proof of the records of a hundred thousand people', recordsBench],
]

/** npm run bench -- sign-in,race 1000000: the parts whose names begin so, with up to so many users. */
const [, , wanted = '', users = '100000'] = process.argv

const report = createReport(Number(users))
for (const [name, what, part] of PARTS.filter(([name]) => wanted.split(',').some((one) => name.startsWith(one)))) {
  test(`${name}: ${what}`, () => part(report))
}
after(() => process.stdout.write(`\n${report.table()}\n`))
