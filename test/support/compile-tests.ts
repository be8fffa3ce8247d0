// The tests and the product that they run in their own process, compiled once: each process of tests would take three seconds of a processor to find, read and compile hundreds of files.
import { symlinkSync } from 'node:fs'
import path from 'node:path'
import { build } from 'esbuild'
import { REPOSITORY } from './built.ts'
import { inPlace } from './in-place.ts'

const TESTS = path.join(REPOSITORY, 'test')

/** Compiles these files below test/ into `folder`, each to its place, and returns what to run there: `lane` takes the compiled files as words. */
export async function compileTests(
  files: string[],
  folder: string,
): Promise<{ lane: string; compiled(file: string): string }> {
  await build({
    entryPoints: [...files, 'lane.ts'].map((file) => path.join(TESTS, file)),
    outbase: TESTS,
    outdir: folder,
    bundle: true,
    // What two files share is shared when they run, too.
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'linked',
    logLevel: 'error',
    plugins: [inPlace(/\.ts$/)],
  })
  symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(folder, 'node_modules'))
  const compiled = (file: string) => path.join(folder, file.replace(/ts$/, 'js'))
  return { lane: compiled('lane.ts'), compiled }
}
