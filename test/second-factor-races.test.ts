// One code counts once, whoever shows it at the same moment to whichever process: of an app, by e-mail, and from the list of backup codes.
// Control, in soak/controls/second-factors.ts: where no statement asks whether a code was used, each of the three counts more than once.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Fleet, startFleet } from './support/fleet.ts'
import { enhancedFleet, withApp, withBackupCode, withEmail } from './support/second-factor-races.ts'
import { openSmtpSink, type SmtpSink } from './support/smtp.ts'

describe('a second factor over two processes', () => {
  let sink: SmtpSink
  let fleet: Fleet
  before(async () => {
    sink = await openSmtpSink()
    fleet = await startFleet({ servers: 2, ...enhancedFleet(sink) })
  })
  after(async () => {
    await fleet?.stop()
    await sink?.close()
  })

  it('twenty times the same code of an app let one in', async () => assert.equal(await withApp(fleet), 1))
  it('twenty times the same code by email let one in', async () => assert.equal(await withEmail(fleet, sink), 1))
  it('twenty times the same backup code let one in', async () => assert.equal(await withBackupCode(fleet), 1))
})
