// What one step at the door writes, it writes at once or not at all: an outage or a crash in the middle leaves the step to be made again.
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Db, inOneTransaction } from '../db/connect.ts'
import { wasRecordKept } from '../db/oidc-records.ts'
import type { House } from '../house.ts'
import { sha256 } from '../seal.ts'

export interface Steps {
  /** The house as the steps see it: inside one, `db` is its transaction. */
  house: House
  /** Runs a step in a transaction; whatever it throws undoes all that it wrote. */
  atOnce<Result>(step: () => Promise<Result>): Promise<Result>
  /**
   * Tells of a record with an id that was never used before. If the connection breaks between COMMIT and its answer, finding it
   * shows that the step was kept: its answer is given all the same, because a code that it used up cannot be used again.
   */
  isNew(model: string, id: string): void
  /** Runs the work of one request, which notes and is told by `seen` what is configured. */
  inRequest<Result>(work: () => Result): Result
  /** By which name what is configured went when this step, or request, last looked at anything; undefined when it has not. */
  seen: { configured: string | undefined }
}

interface Step {
  /** Whose step it is: tests have several houses in one process. */
  of: House
  db: Db
  made?: { model: string; idHash: Buffer }
  configured?: string | undefined
}

/** One for the process, because Node carries every one that was ever used along with every promise, for good. */
const steps = new AsyncLocalStorage<Step>()

/** The OpenID Provider's library writes in many places, and none of them takes a transaction: so it is found by where the call came from. */
export function inSteps(house: House): Steps {
  const current = (): Step | undefined => {
    const step = steps.getStore()
    return step?.of === house ? step : undefined
  }
  return {
    house: {
      ...house,
      get db() {
        return current()?.db ?? house.db
      },
    },
    atOnce(work) {
      let step: Step
      return inOneTransaction(
        house.db,
        (db) => {
          step = { of: house, db }
          return steps.run(step, work)
        },
        async (db) => {
          const { made } = step
          return made !== undefined && (await wasRecordKept(db, made.model, made.idHash, house.now()))
        },
      )
    },
    inRequest: (work) => steps.run({ of: house, db: house.db }, work),
    seen: {
      get configured() {
        return current()?.configured
      },
      set configured(name) {
        const step = current()
        if (step) step.configured = name
      },
    },
    isNew(model, id) {
      const step = current()
      if (step) step.made = { model, idHash: sha256(id) }
    },
  }
}
