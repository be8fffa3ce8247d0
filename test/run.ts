// Every test in a few processes, three side by side: one per file would spend most of its time starting.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import os from 'node:os'
import { makeBeforehand } from './support/make-beforehand.ts'

/**
 * The files of each lane, by their path below test/; the first that takes a file has it. Each lane is a process of its own. In this order none is
 * left to run alone at the end, and those that wait for most of their time are not beside each other.
 */
const LANES: [name: string, takes: RegExp][] = [
  ['programs', /embedded|demo|fleet|leave|floods|idp-deletion|appearance-fleet|mail-processes/],
  ['browsers, the prompts', /chromium.*\/[f-z]/],
  ['account', /^account\//],
  ['accidents and generated input', /races|crashes|outages|generated\./],
  ['rules, a to n', /^(?!cli\.)[a-n][^/]*$/],
  ['rules, o to r', /^[o-r][^/]*$/],
  ['security of people', /^security\/(?!idp|off|secrets)/],
  ['browsers, who is in', /chromium/],
  ['console', /^console\/|^cli\./],
  ['pages', /^pages\//],
  ['security of idps', /^security\//],
  ['rules, s to z', /./],
]
const FILES = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .sort()

/** So many at once: two, which wait for what they start, leave a core to spare. With four, what has to happen in time does not, even where the others have less priority. */
const AT_ONCE = 3

/** What did not hold, once more at the end: whoever looks for it there need not read all that did. */
const failures: string[] = []

/** npm test -- pages: the lanes whose name begins so. */
const wanted = process.argv[2] ?? ''
const lanes = LANES.map(([name]) => name).filter((name) => name.startsWith(wanted))
if (lanes.length === 0) throw new Error(`No lane begins with "${wanted}".`)
const wordsFor = await makeBeforehand(FILES)
const work = async () => {
  for (let name = lanes.shift(); name !== undefined; name = lanes.shift()) await runLane(name)
}
await Promise.all(Array.from({ length: AT_ONCE }, work))
process.stdout.write(failures.join(''))
process.stdout.write(`# all lanes: ${secondsSince(0)} s on ${os.availableParallelism()} cores\n`)

/** Prints a lane's report whole, when it has ended: two at once could not be read. Its progress is a line for each part that is done. */
function runLane(name: string): Promise<void> {
  const files = FILES.filter((file) => LANES.find(([, takes]) => takes.test(file))?.[0] === name)
  const child = spawn(process.execPath, wordsFor(files), { stdio: ['ignore', 'pipe', 'inherit'] })
  const began = performance.now()
  let report = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    report += text
    for (const [line] of text.matchAll(/^(not )?ok \d+ - .*$/gm)) process.stderr.write(`${name}: ${line}\n`)
  })
  return new Promise((resolve) => {
    child.on('close', (code) => {
      process.stdout.write(report)
      process.stderr.write(`${name}: ${secondsSince(began)} s\n`)
      if (code !== 0) {
        process.exitCode = 1
        failures.push(`# ${name}: exit ${code}\n`, ...failuresIn(report))
      }
      resolve()
    })
  })
}

/** By the clock of this process, which began at 0. */
function secondsSince(began: number): number {
  return Math.round((performance.now() - began) / 1_000)
}

/** The tests of a report (TAP) that failed themselves, each with what is said of it; not those above them. */
function failuresIn(report: string): string[] {
  const all = report.matchAll(/^( *)not ok \d+ - .*\n(?:\1 {2}---\n(?:.*\n)*?\1 {2}\.\.\.\n)?/gm)
  return Array.from(all, ([text]) => text).filter((text) => !text.includes("'subtestsFailed'"))
}
