// The negative control of test/second-factor-races.test.ts: where no statement asks whether a code was used, more than one gets in.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brokenCopy } from '../../support/broken-copy.ts'
import { startFleet } from '../../support/fleet.ts'
import { enhancedFleet, withApp, withBackupCode, withEmail } from '../../support/second-factor-races.ts'
import { openSmtpSink } from '../../support/smtp.ts'

export function secondFactorControls(): void {
  describe('NEGATIVE CONTROL: a second factor', () => {
    it('counts more than once where nobody asks whether its code was used', async () => {
      const copy = await brokenCopy(
        'db/user-factors.js',
        'AND secret_sealed = ? AND last_step < ? RETURNING',
        'AND secret_sealed = ? AND last_step <= greatest(last_step, ?) RETURNING',
        [
          'bound_to = ? AND user_id = ? AND used_at IS NULL AND expires_at > ? AND tries < ? RETURNING',
          'bound_to = ? AND user_id = ? AND expires_at > ? AND tries < ? RETURNING',
        ],
        ['label = ? AND code_hash = ? AND used_at IS NULL RETURNING 1', 'label = ? AND code_hash = ? RETURNING 1'],
      )
      const sink = await openSmtpSink()
      const fleet = await startFleet({ servers: 1, program: copy.folder, ...enhancedFleet(sink) })
      try {
        assert.ok((await withApp(fleet)) > 1)
        assert.ok((await withBackupCode(fleet)) > 1)
        // All of these are one sign-in, which ends once: that its code is taken again is seen in the row.
        assert.equal(await withEmail(fleet, sink), 1)
        const [row] = await fleet.rows<{ tries: number }>('SELECT max(tries)::int AS tries FROM emailed_codes')
        assert.ok((row?.tries ?? 0) > 1)
      } finally {
        await fleet.stop()
        await copy.remove()
        await sink.close()
      }
    })
  })
}
