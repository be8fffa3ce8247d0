// Takes promises out of what node:test watches: Node 20 follows every promise of a process from its making to its removal, so that it could
// say to which test an exception belongs that nobody caught, and that takes a tenth of the time of tests that run the product.
import asyncHooks, { AsyncResource, type HookCallbacks } from 'node:async_hooks'

// To be imported before node:test is. Suites and tests are still known to those that are declared in them, which needs nothing but
// themselves; what nobody caught still fails the run, without the name of a test.
if (process.versions.node.startsWith('20.')) watchTestsAlone()

function watchTestsAlone(): void {
  const { createHook } = asyncHooks
  let watch: HookCallbacks | undefined
  asyncHooks.createHook = (callbacks) => {
    if (!new Error().stack?.includes('node:internal/test_runner/')) return createHook(callbacks)
    watch = callbacks
    return createHook({})
  }
  asyncHooks.AsyncResource = class extends AsyncResource {
    constructor(...words: ConstructorParameters<typeof AsyncResource>) {
      super(...words)
      watch?.init?.(this.asyncId(), words[0], this.triggerAsyncId(), this)
    }
  }
}
