// What is configured, in memory for as long as PostgreSQL calls it by the same name: so it is never older than the statement that asked, on any process.

import { type ConfiguredRows, readConfigured, readConfiguredVersion } from '../db/configured.ts'
import type { Db } from '../db/connect.ts'
import { policyOf, type Store } from '../stores/policy.ts'

export interface Configured extends Omit<ConfiguredRows, 'stores'> {
  stores: Store[]
}

export interface KeptConfigured {
  /** What is configured, as new as the statement that returned `version` (`CONFIGURED` of db/configured.ts), or newer. Throws `DatabaseAway`. */
  at(version: string): Promise<Configured>
  /** What was read last, if anything was: for a statement that asks whether PostgreSQL still calls it so. */
  believed(): Configured | undefined
  /** The same as of now: for whoever has asked nothing yet. */
  now(): Promise<Configured>
}

/** Keeps what is configured for one pool. */
export function keepConfigured(db: Db): KeptConfigured {
  let kept: Configured | undefined
  let next: Promise<Configured> | undefined
  let current: Promise<Configured> | undefined

  async function read(): Promise<Configured> {
    const { stores, ...rows } = await readConfigured(db)
    kept = { ...rows, stores: stores.map(({ name, properties }) => ({ name, policy: policyOf(properties) })) }
    return kept
  }

  /** One reading for all who ask at once; of one that has begun nobody knows whether it saw their change. */
  function readAnew(): Promise<Configured> {
    next ??= (current?.catch(() => {}) ?? Promise.resolve()).then(() => {
      current = next
      next = undefined
      return read().finally(() => {
        current = undefined
      })
    })
    return next
  }

  async function at(version: string): Promise<Configured> {
    return kept?.version === version ? kept : readAnew()
  }
  return { at, believed: () => kept, now: async () => at(await readConfiguredVersion(db)) }
}
