// The parts of the long tests, and which of them run side by side.
import { after, before, describe, test } from 'node:test'
import { axeSoak } from './axe.ts'
import { controlsSoak } from './controls.ts'
import { floodsSoak, looksSoak } from './floods.ts'
import { imageSoak } from './image.ts'
import { killsSoak } from './kills.ts'
import { outagesSoak } from './outages.ts'
import { paceSoak } from './pace.ts'
import { pageSoak } from './page-weight.ts'
import { poolerSoak } from './pooler.ts'
import { racesSoak } from './races.ts'
import { regexesSoak } from './regexes.ts'
import { rollingSoak } from './rolling.ts'

/** What a part is given to print its figures with; it throws when a claim does not hold. */
export type Say = (line: string) => void

type Part = [claim: string, part: (say: Say) => Promise<void>]

/** One round after another. In a round side by side, one after another in each line: one waits for what the other is busy with, and none measures time. */
const ROUNDS: Part[][][] = [
  [
    [['three hundred kills at random points leave whole users or none, and one retry goes on', killsSoak]],
    [
      ['bad days of the database are survived without a restart, and whoever had begun can finish', outagesSoak],
      ['four servers behind HAProxy are replaced in turn, and one is killed, and no sign-in is lost', rollingSoak],
    ],
  ],
  [
    [
      [
        'axe finds no fault with any page in any state: base and sample, light and dark, mirrored, without JavaScript',
        axeSoak,
      ],
    ],
    [
      ["the Dockerfile's steps make a program that runs without root and stops when told", imageSoak],
      ['looks without a cookie leave no row and take next to no work', looksSoak],
    ],
  ],
  // Alone: beside others a server is soon so busy that it turns away a part of a hundred who arrive.
  [
    [
      [
        'a hundred browsers at once make one user, and a name in fifty spellings goes to one of fifty people',
        racesSoak,
      ],
    ],
  ],
  [[['a flood leaves nothing behind, and nobody waits for long because of it', floodsSoak]]],
  [[['twenty requests a second at the prompt are answered in time', paceSoak]]],
  [[['the prompt is there soon on a slow telephone', pageSoak]]],
  // What is busy in this process keeps nothing waiting that runs in others.
  [
    [['everything that uses a database does so through PgBouncer in transaction mode', poolerSoak]],
    [['an expression of an operator means what a real Java says, or is refused', regexesSoak]],
  ],
]

/** npm run soak -- image: the parts whose name begins so. */
const isWanted = ({ name }: { name: string }) => name.startsWith(process.argv[2] ?? '')

for (const lines of ROUNDS) {
  const round = lines.map((line) => line.filter(([, part]) => isWanted(part))).filter((line) => line.length > 0)
  if (round.length === 0) continue
  describe(round.map(nameOf).join(' and '), { concurrency: true }, () => {
    for (const line of round) {
      describe(nameOf(line), { concurrency: 1 }, () => {
        for (const [claim, part] of line) {
          test(claim, async () => {
            const started = performance.now()
            await part(say)
            sayHowLong(part, started)
          })
        }
      })
    }
  })
}

// By themselves, and one after another: where a race is to be lost, people must come as close to one another as they can.
if (isWanted(controlsSoak)) {
  describe('every race and crash test can fail: with what it is about broken, it does', () => {
    let started = 0
    before(() => {
      started = performance.now()
    })
    controlsSoak()
    after(() => sayHowLong(controlsSoak, started))
  })
}
process.on('exit', () => say(`all of it: ${Math.round(performance.now() / 1000)} s`))

function say(line: string): void {
  process.stdout.write(`# ${line}\n`)
}

function nameOf(line: Part[]): string {
  return line.map(([, { name }]) => name).join(', then ')
}

function sayHowLong({ name }: { name: string }, started: number): void {
  say(`${name}: ${Math.round((performance.now() - started) / 1000)} s`)
}
