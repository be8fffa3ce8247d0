// The negative control of test/demo.test.ts: without its watchdog a demo that is killed leaves its database behind.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brokenCopy } from '../../support/broken-copy.ts'
import { emptyFolder, freePorts, gone, startDemoProcess } from '../../support/demo.ts'

export function demoControls(): void {
  describe('the demo, started in an empty folder with nothing configured', () => {
    it('NEGATIVE CONTROL: with a watchdog that asks PostgreSQL nothing when its owner is gone, a database is left behind', async () => {
      const copy = await brokenCopy('db/embedded.js', 'kill -INT $server', 'kill -0 $server')
      const other = await emptyFolder()
      try {
        const deaf = await startDemoProcess(other.folder, await freePorts(), { program: copy.folder })
        const processes = await deaf.databaseProcesses()
        await deaf.end('SIGKILL')
        await assert.rejects(gone(processes, 3_000))
        // What the watchdog does at last, for a server that does not hear it, is in the copy too.
        await gone(processes, 30_000)
      } finally {
        await copy.remove()
        await other.remove()
      }
    })
  })
}
