// An idp that is deleted with its users by one of several processes, while people come back from it.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../src/db/connect.ts'
import { createKeyring } from '../../src/seal.ts'
import { openBrowser } from './browser.ts'
import type { Fleet, FleetOptions } from './fleet.ts'
import { beginDeletion, turnFeatureOn } from './idp-deletion.ts'
import { brokenInvariants } from './invariants.ts'
import { callbackOf, stranger } from './road.ts'
import { SECRET_KEY } from './scene.ts'
import { until } from './until.ts'

/** What a fleet is started with whose idps may go: no application names them. */
export const DELETABLE: FleetOptions = {
  servers: 2,
  modes: ['silent', 'consent'],
  change: (declared) => ({
    ...declared,
    applications: declared.applications.map(({ identityProviders: _, ...application }) => application),
  }),
}

const AT_ONCE = 12

/** What stays of users who are gone is that sign-ins took place, how they ended, and the record that closes what they answered. */
const REMAINS = /^an event of user|^a consent of user|^flow \S+ ended with user/

/** People come back from the idp on both processes while its deletion begins; fails when anything of them is left, or was not counted. */
export async function deleteWhilePeopleCome(fleet: Fleet): Promise<void> {
  // Each becomes a user slowly: the first is in the middle of it when it begins.
  await fleet.rows(`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END';
    CREATE TRIGGER wait BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION wait()`)
  const callbacks = await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      const browser = openBrowser()
      return { browser, url: await callbackOf(fleet, browser, 'silent', stranger(fleet)) }
    }),
  )
  const pages = callbacks.map(async ({ browser, url }, index) => {
    await sleep(index * 150)
    return browser.open(url)
  })
  const asleep = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
  await until(async () => (await fleet.rows(asleep)).length > 0)
  await begin(fleet)
  for (const { status, url, text } of await Promise.all(pages))
    assert.ok(status < 500, `answered ${status} at ${url}: ${text.slice(0, 200)}`)
  await until(async () => (await fleet.rows("SELECT 1 FROM idps WHERE name = 'silent'")).length === 0)

  const [began, ended] = await fleet.rows<{ after: Record<string, number> }>(
    "SELECT after FROM changes WHERE object = 'silent' AND action LIKE '%delete%' ORDER BY id",
  )
  const [counted, erased] = [began?.after['people'], ended?.after['erased']]
  assert.equal(erased, counted, `${erased} went, and ${counted} were counted`)
  assert.ok(counted !== undefined && counted > 0 && counted < AT_ONCE, `${counted} of ${AT_ONCE} came before`)
  for (const table of ['users', 'identities', 'user_attributes', 'user_roles'])
    assert.deepEqual(await fleet.rows(`SELECT * FROM ${table}`), [], table)
  assert.deepEqual(
    (await brokenInvariants(fleet.rows)).filter((one) => !REMAINS.test(one)),
    [],
  )
}

/** Begins to delete the idp, as the console of another process does. */
export async function begin(fleet: Fleet): Promise<void> {
  const db = connect({ url: fleet.databaseUrl, poolMax: 1, ssl: false, onError: () => {} })
  try {
    const house = { db, keyring: createKeyring(SECRET_KEY), allowPrivateIdp: true, rereadSettings: async () => {} }
    await turnFeatureOn(house, fleet.rows)
    assert.deepEqual(await beginDeletion({ ...house, now: () => new Date() }, 'silent'), {
      kind: 'deleted',
      inBatches: true,
    })
  } finally {
    await db.destroy()
  }
}
