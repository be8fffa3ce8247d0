// The long tests (npm run soak): what takes minutes, or a program from Debian's packages. One part after another; figures as they come.
import { test } from 'node:test'
import '../support/quick-assert.ts'
import { imageSoak } from './image.ts'

/** What a part is given to print its figures with; it throws when a claim does not hold. */
export type Say = (line: string) => void

const PARTS: [claim: string, part: (say: Say) => Promise<void>][] = [
  ["the Dockerfile's steps make a program that runs without root and stops when told", imageSoak],
]

/** npm run soak -- image: the parts whose name begins so. */
const wanted = process.argv[2] ?? ''

for (const [claim, part] of PARTS.filter(([, { name }]) => name.startsWith(wanted))) {
  test(claim, async () => {
    const started = performance.now()
    await part((line) => process.stdout.write(`# ${line}\n`))
    process.stdout.write(`# ${part.name}: ${Math.round((performance.now() - started) / 1000)} s\n`)
  })
}
