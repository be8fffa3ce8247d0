// Rows of brakes: how often something was tried, counted in one atomic statement that every process sees.
// Our own twenty lines, because the library for it sends named prepared statements, which a transaction pooler does not keep.
import { type Db, query, queryOne } from './connect.ts'

export interface Brake {
  /** Counts one; returns the milliseconds to wait when there is none left. Keys are hashes: names and addresses would be personal data. */
  take(key: Buffer, now: Date): Promise<number | undefined>
  /** Takes one back. */
  giveBack(key: Buffer): Promise<void>
  /** Counts from nothing again. */
  forget(key: Buffer): Promise<void>
}

/** A brake that lets `points` pass in `seconds`, counted from the first. */
export function createBrake(db: Db, points: number, seconds: number): Brake {
  return {
    async take(key, now) {
      const row = await queryOne<{ points: number; expires_at: Date }>(
        db,
        `INSERT INTO brakes (key, points, expires_at) VALUES (?, 1, ?)
         ON CONFLICT (key) DO UPDATE SET
           points = CASE WHEN brakes.expires_at <= ? THEN 1 ELSE brakes.points + 1 END,
           expires_at = CASE WHEN brakes.expires_at <= ? THEN excluded.expires_at ELSE brakes.expires_at END
         RETURNING points, expires_at`,
        [key, new Date(now.getTime() + seconds * 1000), now, now],
      )
      return row && row.points > points ? row.expires_at.getTime() - now.getTime() : undefined
    },
    async giveBack(key) {
      await query(db, 'UPDATE brakes SET points = points - 1 WHERE key = ? AND points > 0', [key])
    },
    async forget(key) {
      await query(db, 'DELETE FROM brakes WHERE key = ?', [key])
    },
  }
}
