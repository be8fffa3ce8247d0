// Files of the repository that are bundled elsewhere and still know where they stood.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'

/** For a bundler: `import.meta` says of each file that matches where it stood; `change` is for whatever else has to be other. */
export function inPlace(filter: RegExp, change: (source: string) => string = (source) => source): Plugin {
  return {
    name: 'where each file stood',
    setup({ onLoad }) {
      onLoad({ filter }, ({ path: file }) => ({
        contents: change(readFileSync(file, 'utf8'))
          .replaceAll('import.meta.dirname', JSON.stringify(path.dirname(file)))
          .replaceAll('import.meta.filename', JSON.stringify(file))
          .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href)),
        loader: file.endsWith('.ts') ? 'ts' : 'js',
      }))
    },
  }
}
