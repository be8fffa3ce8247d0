// Looks through the users that there are, when rules or what names look like are new. Nobody is locked out by either.
import type { Db } from '../db/connect.ts'
import { giveLooks, type KeptUsername, namesAfter } from '../db/users.ts'
import { lookOf } from '../provisioning/look.ts'
import { isLikeUniqueId } from '../provisioning/username.ts'
import { joinName } from './name.ts'
import { readStores } from './stores.ts'

const BATCH = 1000

/** Writes what the names look like of users who were made before looks were kept. For `migrate`. */
export async function fillLooks(db: Db): Promise<void> {
  for await (const users of batches(db, 'without look')) {
    await giveLooks(
      db,
      users.map(({ id, canonical }) => ({ id, look: lookOf(canonical) })),
    )
  }
}

export interface Misfit {
  userId: string
  store: string
  /** As it is written, with its store. */
  name: string
}

/** The users whose names their store would not let anybody choose today; an id is chosen by nobody. They sign in as before. */
export async function* misfitUsers(db: Db): AsyncGenerator<Misfit> {
  const stores = new Map((await readStores(db)).map((store) => [store.name, store]))
  for await (const users of batches(db, 'all')) {
    for (const { id, store, username } of users) {
      if (!isLikeUniqueId(username) && stores.get(store)?.policy.username.fits(username) === false)
        yield { userId: id, store, name: joinName(store, username) }
    }
  }
}

/** How many misfits there are in each store that has any. */
export async function countMisfits(db: Db): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for await (const { store } of misfitUsers(db)) counts[store] = (counts[store] ?? 0) + 1
  return counts
}

async function* batches(db: Db, which: 'all' | 'without look'): AsyncGenerator<KeptUsername[]> {
  let last: string | undefined
  for (;;) {
    const users = await namesAfter(db, last, BATCH, which)
    if (users.length === 0) return
    yield users
    last = users.at(-1)?.id
  }
}
