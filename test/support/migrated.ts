// A throw-away PostgreSQL with a migrated template: made by migrating, or a copy of one that was made before.
import { rename } from 'node:fs/promises'
import path from 'node:path'
import { connect } from '../../src/db/connect.ts'
import { migrate } from '../../src/db/migrate.ts'
import { signingKeys } from '../../src/handback/keys.ts'
import { createKeyring } from '../../src/seal.ts'
import { fillLooks } from '../../src/stores/review.ts'
import { madeBefore } from './beforehand.ts'
import { startTestCluster, type TestCluster } from './database.ts'

export const SECRET_KEY = 'a secret key for tests that is long enough'

/** A cluster with a migrated template, which the caller stops. */
export async function startMigratedCluster(settings: Record<string, string> = {}): Promise<TestCluster> {
  const before = madeBefore('cluster')
  if (before !== undefined) return startTestCluster(settings, before)
  return migrated(await startTestCluster(settings))
}

/** Makes one that is stopped, for copies: its folder will be `folder`. Until then `use` has it. */
export async function makeMigratedCluster(folder: string, use: (cluster: TestCluster) => Promise<void>): Promise<void> {
  const cluster = await migrated(await startTestCluster())
  await use(cluster)
  await cluster.halt('fast')
  await rename(path.dirname(cluster.dataFolder), folder)
  await cluster.stop()
}

async function migrated(started: TestCluster): Promise<TestCluster> {
  await started.template(async (url) => {
    const db = connect({ url, poolMax: 1, ssl: false, onError: () => {} })
    await migrate(db, fillLooks)
    // Two private keys take a second of a processor to make: once for all copies.
    await signingKeys({ db, keyring: createKeyring(SECRET_KEY) })
    await db.destroy()
  })
  return started
}
