// How often somebody may answer wrongly, or ask whether a name is free, before they have to wait (ux PR-10, PR-18).
import { createBrake } from '../db/brakes.ts'
import type { House } from '../house.ts'
import { PageError } from '../web/errors.ts'

const WINDOW_SECONDS = 600

/** Counts one, for a flow and for the address that it comes from; returns the milliseconds to wait when there is none left. */
export type Limit = (flowId: string, address: string) => Promise<number | undefined>

/** `use` keeps limits of different uses apart. Counted in PostgreSQL, so every process sees it, by keyed hashes. */
export function createLimit(house: House, use: string, points: { perFlow: number; perAddress: number }): Limit {
  const perFlow = createBrake(house.db, points.perFlow, WINDOW_SECONDS)
  const perAddress = createBrake(house.db, points.perAddress, WINDOW_SECONDS)
  return async (flowId, address) => {
    const now = house.now()
    // The flow first: a single one, however busy, does not use up what all people of an address share.
    const wait = await perFlow.take(house.keyring.hash(`brake ${use} flow`, flowId), now)
    return wait ?? perAddress.take(house.keyring.hash(`brake ${use} address`, address), now)
  }
}

/** The page for somebody who has to wait, with the way back to theirs. */
export function tooManyError(milliseconds: number, back: string): PageError {
  return new PageError(429, 'too-many', {
    values: { n: Math.max(1, Math.ceil(milliseconds / 60_000)) },
    actions: [{ label: { key: 'action.retry' }, href: back }],
    retryAfterSeconds: Math.max(1, Math.ceil(milliseconds / 1000)),
  })
}
