// What one step at the door writes, it writes at once or not at all: an outage or a crash in the middle leaves the step to be made again.
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Db, inOneTransaction } from '../db/connect.ts'
import type { House } from '../house.ts'

export interface Steps {
  /** The house as the steps see it: inside one, `db` is its transaction. */
  house: House
  /** Runs a step in a transaction; whatever it throws undoes all that it wrote. */
  atOnce<Result>(step: () => Promise<Result>): Promise<Result>
}

/** The OpenID Provider's library writes in many places, and none of them takes a transaction: so it is found by where the call came from. */
export function inSteps(house: House): Steps {
  const current = new AsyncLocalStorage<Db>()
  return {
    house: {
      ...house,
      get db() {
        return current.getStore() ?? house.db
      },
    },
    atOnce: (step) => inOneTransaction(house.db, (db) => current.run(db, step)),
  }
}
