// Every test in two processes, side by side: one per file would spend most of its time starting, and one for all would wait with a core to spare.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import './support/quick-assert.ts'

/** Those that start programs of their own (servers, browsers, PostgreSQL), generated input, and three that take long, take as long as all others together. */
const PROGRAMS =
  /cli\.|embedded|demo|chromium|fleet|leave|rotation|races|crashes|outages|floods|generated|collisions|local-sign-in|idp-tokens/
const LANES = ['rules and pages', 'programs and generated input']

const lane = process.argv[2]
if (lane === undefined) {
  await Promise.all(LANES.map(runLane))
} else {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && LANES[Number(PROGRAMS.test(file))] === lane)
    .sort()
  for (const file of files) await import(path.join(import.meta.dirname, file))
}

/** Prints a lane's report whole, when it has ended: two at once could not be read. Its progress is a line for each part that is done. */
function runLane(name: string): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv, import.meta.filename, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let report = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    report += text
    for (const [line] of text.matchAll(/^(not )?ok \d+ - .*$/gm)) process.stderr.write(`${name}: ${line}\n`)
  })
  return new Promise((resolve) => {
    child.on('close', (code) => {
      process.stdout.write(report)
      if (code !== 0) process.exitCode = 1
      resolve()
    })
  })
}
