// More to do for the database than it can do: a crowd at the pool of a product, which keeps everybody who needs a connection waiting.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Product } from './product.ts'

const STATEMENT = 'SELECT pg_sleep(0.02)'

/**
 * Comes, and grows whenever one of its statements waited for less than `waitMs`, so that it is large enough for a quick machine. Resolves, when
 * they wait so long, with what sends it away.
 */
export async function gather({ running }: Product, waitMs: number): Promise<() => Promise<void>> {
  let isOver = false
  let lastMs = 0
  const crowd: Promise<void>[] = []

  async function ask(): Promise<void> {
    while (!isOver) {
      const since = performance.now()
      await running.db.raw(STATEMENT)
      lastMs = performance.now() - since
    }
  }

  async function grow(): Promise<void> {
    for (; !isOver; await sleep(20)) if (lastMs < waitMs) crowd.push(...Array.from({ length: 5 }, ask))
  }

  const growing = grow()
  while (lastMs < waitMs) await sleep(20)
  return async () => {
    isOver = true
    await growing
    await Promise.all(crowd)
  }
}
