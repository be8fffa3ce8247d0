// The negative controls of test/idp-deletion-fleet.test.ts: where the database is not told to hold the idp that somebody comes from.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startFleet } from '../../support/fleet.ts'
import { DELETABLE, deleteWhilePeopleCome } from '../../support/idp-deletion-fleet.ts'

export function idpDeletionControls(): void {
  describe('an idp that is deleted with its users over two processes', () => {
    for (const [without, said, instead] of [
      ['asking whether it is on', 'WHERE id = at_idp AND is_enabled', 'WHERE id = at_idp'],
      ['holding it', /PERFORM pg_advisory[^;]+;/, ''],
    ] as const)
      it(`NEGATIVE CONTROL: would have users whom it had not counted without ${without} where somebody becomes one`, async () => {
        const fleet = await startFleet(DELETABLE)
        try {
          const [row] = await fleet.rows<{ sql: string }>("SELECT pg_get_functiondef('hold_newcomer'::regproc) AS sql")
          const [sound = '', broken = ''] = [row?.sql, row?.sql.replace(said, instead)]
          assert.notEqual(broken, sound)
          await fleet.rows(broken)
          await assert.rejects(deleteWhilePeopleCome(fleet), /were counted|answered 5\d\d/)
        } finally {
          await fleet.stop()
        }
      })
  })
}
