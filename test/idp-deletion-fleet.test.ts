// Deleting an idp with its users over several processes: whoever is becoming a user at that moment, and processes that are killed in the middle of it.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Fleet, startFleet } from './support/fleet.ts'
import { seedPeople } from './support/idp-deletion.ts'
import { begin, DELETABLE, deleteWhilePeopleCome } from './support/idp-deletion-fleet.ts'
import { until } from './support/until.ts'

describe('an idp that is deleted with its users over two processes', () => {
  // Control, in soak/controls/idp-deletion.ts: where somebody becomes a user without asking whether the idp is on, or without holding it.
  it('leaves no half user of people who come back from it at that moment, and none who came after it was counted', async () => {
    await withFleet(deleteWhilePeopleCome)
  })

  // Seen to fail: with the counts of each batch in place of their sum.
  it('goes on in the other process when one is killed, and in a new one when all are; the totals are right', async () => {
    await withFleet(async (fleet) => {
      const people = 3_000
      await seedPeople(fleet.rows, { idp: 'silent', count: people, mark: 'p' })
      await fleet.rows("UPDATE users SET password_hash = 'x' WHERE username LIKE 'p-%00'")
      // Slow enough to be hit in the middle of a batch.
      await fleet.rows(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
        CREATE TRIGGER slow AFTER DELETE ON users FOR EACH STATEMENT EXECUTE FUNCTION slow()`)
      await begin(fleet)
      await until(async () => (await progress(fleet)).erased > 0)
      const [first, second] = fleet.servers
      assert.ok(first && second)
      await fleet.end(first, 'SIGKILL')
      const then = await progress(fleet)
      await until(async () => (await progress(fleet)).erased > then.erased)
      await fleet.end(second, 'SIGKILL')

      // PostgreSQL undoes what was under way; what was done is done, and counted.
      await until(
        async () =>
          (
            await fleet.rows(
              "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%DELETE FROM users%' AND state = 'active' AND pid <> pg_backend_pid()",
            )
          ).length === 0,
      )
      const stopped = await progress(fleet)
      assert.ok(stopped.erased < people - 30, `${stopped.erased} of ${people}`)
      const users = async () => (await fleet.rows('SELECT 1 FROM users')).length
      assert.equal(await users(), people - stopped.erased)

      // No file declares it any more, or the next process would not start.
      const idps = fleet.declared.identityProviders
      idps.splice(
        idps.findIndex(({ name }) => name === 'silent'),
        1,
      )
      await fleet.start()
      await until(async () => (await fleet.rows("SELECT 1 FROM idps WHERE name = 'silent'")).length === 0)
      const [told] = await fleet.rows<{ after: Record<string, unknown> }>(
        "SELECT after FROM changes WHERE object = 'silent' AND action = 'deleted'",
      )
      assert.deepEqual(
        [told?.after['erased'], told?.after['kept'], told?.after['identities'], told?.after['attributes']],
        [people - 30, 30, people, 3 * (people - 30)],
      )
      assert.equal(await users(), 30)
    })
  })
})

async function withFleet(work: (fleet: Fleet) => Promise<void>): Promise<void> {
  const fleet = await startFleet(DELETABLE)
  try {
    await work(fleet)
  } finally {
    await fleet.stop()
  }
}

async function progress(fleet: Fleet): Promise<{ erased: number; kept: number }> {
  const [row] = await fleet.rows<{ done: { erased: number; kept: number } }>(
    "SELECT deletion->'done' AS done FROM idps WHERE name = 'silent'",
  )
  return row?.done ?? assert.fail('the idp is gone')
}
