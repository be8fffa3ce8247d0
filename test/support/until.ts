// Waiting for what takes its time, and not for ever: a test that never ends says nothing of what is wrong.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when something is so; fails after a minute. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 60_000; !(await isSo()); await sleep(20))
    assert.ok(performance.now() < end, 'waited a minute in vain')
}
