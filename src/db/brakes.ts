// Rows of brakes: how often something was tried, counted in one atomic statement that every process sees.
import { RateLimiterPostgres, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Db } from './connect.ts'

export interface Brake {
  /** Counts one; returns the milliseconds to wait when there is none left. Keys are hashes: names and addresses would be personal data. */
  take(key: Buffer): Promise<number | undefined>
  /** Takes one back. */
  giveBack(key: Buffer): Promise<void>
  /** Counts from nothing again. */
  forget(key: Buffer): Promise<void>
}

/** A brake that lets `points` pass in `seconds`. */
export function createBrake(db: Db, points: number, seconds: number): Brake {
  const limiter = new RateLimiterPostgres({
    storeClient: db,
    storeType: 'knex',
    tableName: 'brakes',
    tableCreated: true,
    keyPrefix: '',
    points,
    duration: seconds,
    clearExpiredByTimeout: false,
  })
  const nameOf = (key: Buffer) => key.toString('base64url')
  return {
    async take(key) {
      try {
        await limiter.consume(nameOf(key))
        return undefined
      } catch (error) {
        // The library rejects with its own result when there is nothing left, and with an Error when the database is away.
        if (error instanceof Error) throw error
        return (error as RateLimiterRes).msBeforeNext
      }
    },
    async giveBack(key) {
      await limiter.reward(nameOf(key), 1)
    },
    async forget(key) {
      await limiter.delete(nameOf(key))
    },
  }
}
