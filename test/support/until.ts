// Waiting for what takes its time, and not for ever: a test that never ends says nothing of what is wrong.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when something is so; fails after a minute, with the words of `otherwise`. */
export async function until(isSo: () => boolean | Promise<boolean>, otherwise = `never: ${isSo}`): Promise<void> {
  for (const end = performance.now() + 60_000; !(await isSo()); await sleep(20))
    assert.ok(performance.now() < end, otherwise)
}

/** Resolves when so many connections to a database wait for what another one holds; `rows` asks that database. */
export async function untilWaiting(rows: (sql: string) => Promise<unknown[]>, count = 1): Promise<void> {
  // A transaction sees who waits as it was at its first look, unless it asks anew.
  const waiting = `SELECT 1 FROM pg_stat_clear_snapshot(), pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await until(async () => (await rows(waiting)).length >= count, `${count} transactions never waited`)
}
