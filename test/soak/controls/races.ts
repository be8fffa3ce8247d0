// The negative controls of test/races.test.ts: on a program or a schema that was broken in one place its races must be lost.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brokenCopy } from '../../support/broken-copy.ts'
import { type Fleet, startFleet } from '../../support/fleet.ts'
import {
  oneCallbackOneExchange,
  oneFormOneEnding,
  oneNameOnePerson,
  onePersonOneUser,
  RACING,
  twoIdpsOneName,
  twoTabsTwoPeople,
} from '../../support/races.ts'

export function raceControls(): void {
  describe('NEGATIVE CONTROL: the race for', () => {
    it('a person is lost where identities_pkey lets in a person with another user', async () => {
      // The constraint keeps its name and says no more: each sign-in inserts a row of its own.
      const broken = `${waitBeforeInsert('identities')};
        ALTER TABLE identities DROP CONSTRAINT identities_pkey,
          ADD CONSTRAINT identities_pkey PRIMARY KEY (idp_id, issuer, subject, user_id)`
      await withFleet({ schema: broken }, async (fleet) => {
        await assert.rejects(onePersonOneUser(fleet, [fleet.application], 'username', 4), /told of the same user/)
      })
    })

    it('a name is lost where users_store_username_key lets in a name with another id', async () => {
      const broken = `${waitBeforeInsert('users')};
        ALTER TABLE users DROP CONSTRAINT users_store_username_key,
          ADD CONSTRAINT users_store_username_key UNIQUE (store, username_canonical, id),
          DROP CONSTRAINT users_store_look_key`
      await withFleet({ schema: broken }, async (fleet) => {
        await assert.rejects(oneNameOnePerson(fleet, 3), /3 people were given one name/)
        await assert.rejects(twoIdpsOneName(fleet, RACING.silentIdps, 1), /2 of two have the name/)
      })
    })

    it('a callback is lost where takeCallback does not ask whether it was taken', async () => {
      const from = 'AND called_back_at IS NULL AND closed_at IS NULL AND expires_at > ? RETURNING'
      const to = from.replace('called_back_at IS NULL AND ', '')
      await withFleet({ file: 'db/flows.js', from, to }, async (fleet) => {
        await assert.rejects(oneCallbackOneExchange(fleet, 20), /token requests at the idp/)
      })
    })

    it('a form is lost where the row of a flow does not come to say that it is closed', async () => {
      // The database itself would refuse the second record.
      const broken = `CREATE FUNCTION reopen() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN NEW.closed_at := NULL; NEW.ending := NULL; RETURN NEW; END';
        CREATE TRIGGER reopen BEFORE UPDATE ON flows FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION reopen();
        DROP INDEX audit_events_flow_key`
      await withFleet({ schema: broken }, async (fleet) => {
        // By its records, or before by its answers: whoever finds the flow open again, and wiped, is sent back to its beginning.
        await assert.rejects(oneFormOneEnding(fleet, 'consent', 20), /one event|every answer leads to one ending/)
      })
    })

    it('two tabs is lost where a browser keeps one flow at a time', async () => {
      const [from, to] = ['COOKIES_KEPT = 20', 'COOKIES_KEPT = 1']
      await withFleet({ file: 'flow-cookies.js', from, to }, async (fleet) => {
        await assert.rejects(twoTabsTwoPeople(fleet, fleet.application), /not at the application but at .*register\.do/)
      })
    })

    it('another person in the same browser is lost where whoever was there before is not forgotten', async () => {
      const from = 'session.accountId !== subject'
      await withFleet({ file: 'handback/application.js', from, to: 'false' }, async (fleet) => {
        await assert.rejects(twoTabsTwoPeople(fleet, fleet.application), /not at the application but at .*authorize/)
      })
    })
  })
}

/** Keeps each transaction waiting before it inserts, long enough for the others to have looked: then all of them race. */
function waitBeforeInsert(table: string): string {
  return `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END';
    CREATE TRIGGER wait BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION wait()`
}

/** Runs `work` on one server of a program broken in one place, or on a broken schema. */
async function withFleet(
  broken: { file: string; from: string; to: string } | { schema: string },
  work: (fleet: Fleet) => Promise<void>,
): Promise<void> {
  const copy = 'file' in broken ? await brokenCopy(broken.file, broken.from, broken.to) : undefined
  const fleet = await startFleet({ servers: 1, ...RACING, ...(copy ? { program: copy.folder } : {}) })
  try {
    if ('schema' in broken) await fleet.rows(broken.schema)
    await work(fleet)
  } finally {
    await fleet.stop()
    await copy?.remove()
  }
}
