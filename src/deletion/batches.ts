// Deletes what is left of the people of one idp that is being deleted, batch after batch, and at last the idp. Any number of processes may do so at once.
import { setTimeout as sleep } from 'node:timers/promises'
import { deleteBatch, type LeavingIdp } from '../db/idp-deletion.ts'
import { begunBy } from '../handback/sessions.ts'
import type { House } from '../house.ts'
import { tracesOf } from '../login/traces.ts'
import { finishDeletion } from '../settings/idp-deletion.ts'

export type DeletingHouse = Pick<House, 'db' | 'keyring' | 'now'>

/** People in one transaction: a fraction of a second, in which nobody waits for it but who is among them. */
const SIZE = 300
/** As long as a batch took, the database belongs to others, and at least so long. */
const LEAST_PAUSE_MS = 50

export interface Watch {
  /** No other batch begins once this is true. */
  isStopping?: () => boolean
  /** Told after every batch. */
  tell?: () => Promise<void>
}

export interface Run {
  /** The idp is gone, whoever deleted the last of it. */
  isGone: boolean
  batches: number
  /** How long the longest transaction took, with the wait for it. */
  longestMs: number
}

/**
 * Resolves when the idp is gone, whoever deleted the last of it, or when it is to stop: then the next one goes on where this was.
 * Throws `DatabaseAway`.
 */
export async function deleteInBatches(
  house: DeletingHouse,
  { id, name }: Pick<LeavingIdp, 'id' | 'name'>,
  { isStopping = () => false, tell }: Watch = {},
): Promise<Run> {
  const means = { traces: tracesOf(house), begunBy: begunBy(house) }
  // Behind those who are done, or being looked at by another process: whoever was passed over comes in the next round.
  let after: string | undefined
  const run: Run = { isGone: false, batches: 0, longestMs: 0 }
  while (!isStopping()) {
    const started = performance.now()
    const { last } = await deleteBatch(house.db, { idpId: id, after, size: SIZE }, { ...means, now: house.now() })
    if (last === undefined && after === undefined && (await finishDeletion(house, name, id)) === 'done') {
      run.isGone = true
      return run
    }
    const tookMs = Math.round(performance.now() - started)
    run.batches += 1
    run.longestMs = Math.max(run.longestMs, tookMs)
    after = last
    await tell?.()
    await sleep(Math.max(LEAST_PAUSE_MS, tookMs))
  }
  return run
}
