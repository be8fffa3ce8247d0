// The negative controls of test/crashes.test.ts: on a program, or a database, that was broken in one place its checks must fail.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brokenCopy } from '../../support/broken-copy.ts'
import { type CuttingProxy, startCuttingProxy } from '../../support/cutting-proxy.ts'
import { type Fleet, startFleet } from '../../support/fleet.ts'
import { brokenInvariants } from '../../support/invariants.ts'
import { after, killThem, MAKING, type Plan, signInDespite } from '../../support/kills.ts'
import { loseEachCommit } from '../../support/lost-commits.ts'

export function crashControls(): void {
  describe('NEGATIVE CONTROL: a crash', () => {
    const consent = { mode: 'consent', step: 'answer', retry: 'again' } as const
    const silent = { mode: 'silent', step: 'callback', retry: 'application' } as const

    it('leaves an ending that nothing tells of where its record is a statement of its own', async () => {
      const apart: [from: string, to: string][] = [
        ['import { RECORD, ', 'import { insertAuditEvent, '],
        [`recorded AS ($\{RECORD})`, 'recorded AS (SELECT 1)'],
        ['recordValues(next.record)', '[]'],
        ['if (!row.closed)', 'if (row.closed) await insertAuditEvent(db, row.closed, next.record);\nif (!row.closed)'],
      ]
      const [[from, to] = ['', ''], ...others] = apart
      await withBroken(['db/new-users.js', from, to, ...others], async (fleet) => {
        await assert.rejects(killThem(fleet, [{ ...silent, moment: after(MAKING) }], 1), /With a server killed/)
        assert.match((await brokenInvariants(fleet.rows)).join(), /is closed without an event/)
      })
    })

    it('leaves half a user where the transaction is two', async () => {
      // The user is kept before what belongs to it.
      const answers = 'const { notice, records } = said;'
      const broken = ['provisioning/provision.js', answers, `await db.ask('COMMIT; BEGIN', []); ${answers}`] as const
      await withBroken([...broken], async (fleet) => {
        await assert.rejects(
          killThem(fleet, [{ ...consent, moment: after('INSERT INTO notices') }], 1),
          /With a server killed/,
        )
        assert.match((await brokenInvariants(fleet.rows)).join(), /was made under PROMPT_CONSENT without an answer/)
      })
    })

    it('ends a flow twice where what makes a user does not close it, when the answer is lost', async () => {
      const fleet = await startFleet({ servers: 0 })
      const wire = await startCuttingProxy(fleet.databaseUrl)
      try {
        await fleet.start({ DATABASE_URL: wire.url })
        // Nothing is wrong with it until the answer is lost: then the user is there and the flow still open. The database itself would refuse the
        // second record.
        await fleet.rows(`CREATE FUNCTION reopen() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.closed_at := NULL; NEW.ending := NULL; RETURN NEW; END $$;
          CREATE TRIGGER reopen BEFORE UPDATE ON flows FOR EACH ROW WHEN (NEW.ending ? 'isNew') EXECUTE FUNCTION reopen();
          DROP INDEX audit_events_flow_key`)
        const plan: Plan = { ...silent, moment: after(MAKING) }
        await assert.rejects(signInDespite(fleet, plan, { wire, happen: () => {} }), /ended 2 times/)
      } finally {
        await fleet.stop()
        await wire.stop()
      }
    })

    it('uses the way out, or a code, up for nobody where nobody looks what came of a COMMIT without an answer', async () => {
      const looking = 'done && isUncertain(error)'
      await withBroken(['db/connect.js', looking, `false && ${looking}`], async (fleet, wire) => {
        await assert.rejects(loseEachCommit(fleet, wire, 'silent', 'after', 3), /400 .*We could not read that request/)
        await assert.rejects(loseEachCommit(fleet, wire, 'silent', 'after', 4), /invalid_grant/)
      })
    })

    it('asks people to try again where a transaction is not', async () => {
      const retry = 'return wasUndone(error) || isLost(error)'
      await withBroken(['db/connect.js', retry, 'return wasUndone(error)'], async (fleet, wire) => {
        assert.deepEqual((await loseEachCommit(fleet, wire, 'silent', 'after'))[0], 1)
      })
    })
  })
}

/** Runs `work` on one server that was broken in one place, with a wire of its own. */
async function withBroken(
  [file, from, to, ...more]: [file: string, from: string, to: string, ...more: [from: string, to: string][]],
  work: (fleet: Fleet, wire: CuttingProxy) => Promise<void>,
): Promise<void> {
  const copy = await brokenCopy(file, from, to, ...more)
  const fleet = await startFleet({ servers: 0, program: copy.folder })
  const wire = await startCuttingProxy(fleet.databaseUrl)
  try {
    await fleet.start({ DATABASE_URL: wire.url })
    await work(fleet, wire)
  } finally {
    await fleet.stop()
    await wire.stop()
    await copy.remove()
  }
}
