// Goes on with every deletion of an idp that has begun, in every process that serves people: whichever began it may be gone.
import { listLeavingIdps } from '../db/idp-deletion.ts'
import type { House } from '../house.ts'
import { deleteInBatches } from './batches.ts'

export interface Eraser {
  /** Deletes what is to be deleted, one idp after the other; while that goes on, the same again. Throws `DatabaseAway`. */
  eraseDue(): Promise<void>
  /** Begins no other batch, and resolves when the last one is over. */
  stop(): Promise<void>
}

export function createEraser(house: Pick<House, 'db' | 'keyring' | 'log' | 'now'>): Eraser {
  let isStopping = false
  let round: Promise<void> | undefined

  async function eraseAll(): Promise<void> {
    if (isStopping) return
    for (const idp of await listLeavingIdps(house.db)) {
      house.log.info({ idp: idp.name, ...idp.deletion.done }, 'deleting an idp and its users')
      const { isGone, ...figures } = await deleteInBatches(house, idp, { isStopping: () => isStopping })
      if (!isGone) return
      house.log.info({ idp: idp.name, ...figures }, 'the idp and its users are deleted')
    }
  }

  return {
    eraseDue() {
      round ??= eraseAll().finally(() => {
        round = undefined
      })
      return round
    },
    async stop() {
      isStopping = true
      // Whoever began the round is told what is wrong with it.
      await round?.catch(() => {})
    },
  }
}
