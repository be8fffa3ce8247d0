// The long tests (npm run soak): what takes minutes, or a program from Debian's packages. Figures as they come.
import '../support/lean-hooks.ts'
import '../support/quick-assert.ts'

// Not before the hooks of the tests are lean.
await import('./parts.ts')
