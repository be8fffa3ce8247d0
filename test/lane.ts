// One process of tests: the files that it is given, one after another.
import './support/lean-hooks.ts'
import './support/quick-assert.ts'

// Not before the hooks of the tests are lean.
const { nothingIsLeftBehind, watchIntervals } = await import('./support/left-behind.ts')
watchIntervals()
for (const file of process.argv.slice(2)) await import(file)
nothingIsLeftBehind()
