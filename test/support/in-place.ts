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
      onLoad({ filter }, ({ path: file }) => {
        const place = { dirname: path.dirname(file), filename: file, url: pathToFileURL(file).href }
        // In two words: this file may be bundled too, and would be changed itself.
        const contents = Object.entries(place).reduce(
          (source, [name, value]) => source.replaceAll(`import.meta.${name}`, JSON.stringify(value)),
          change(readFileSync(file, 'utf8')),
        )
        return { contents, loader: file.endsWith('.ts') ? 'ts' : 'js' }
      })
    },
  }
}
