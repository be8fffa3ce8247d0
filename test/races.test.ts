// Whoever comes at the same moment, to whichever process: one person is one user, one name is one person's, one callback is one exchange.
// Each has a negative control, described beside it: in soak/controls/races.ts the same race on a program or a schema that was broken in one place must be lost.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Application } from './support/application.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import {
  oneCallbackOneExchange,
  oneFormOneEnding,
  oneNameOnePerson,
  onePersonOneUser,
  RACING,
  twoIdpsOneName,
  twoTabsTwoPeople,
} from './support/races.ts'

describe('over two processes', () => {
  let fleet: Fleet
  let other: Application
  before(async () => {
    fleet = await startFleet({ servers: 0, ...RACING })
    other = await fleet.addApplication({ clientId: 'hotel' })
    await fleet.start()
    await fleet.start()
  })
  after(() => fleet?.stop())

  // Control: where identities_pkey lets in a person with another user.
  it('one person who signs in for the first time in many browsers at once is one user to every application', async () => {
    await onePersonOneUser(fleet, [fleet.application, other], 'silent', 12)
  })

  it('one person who answers differently in many browsers at once is one user, by the answers of the first', async () => {
    await onePersonOneUser(fleet, [fleet.application, other], 'consent', 12)
  })

  // Control: where users_store_username_key lets in a name with another id.
  it('people after one username in many spellings: one gets it, the others an error at its field, and go on', async () => {
    await oneNameOnePerson(fleet, 8)
  })

  // Control: where takeCallback does not ask whether it was taken.
  it('one callback opened twenty times at once is one token request at the idp', async () => {
    await oneCallbackOneExchange(fleet, 20)
  })

  // Control: where a browser keeps one flow at a time, and where whoever was there before is not forgotten.
  it('two tabs for two applications, finished in reverse order, end with two people at their own applications', async () => {
    await twoTabsTwoPeople(fleet, other)
  })

  // Control: where the row of a flow does not come to say that it is closed.
  it('identical posts released on their last byte make one user with one event, and lead to one ending', async () => {
    await oneFormOneEnding(fleet, 'consent', 50)
  })

  // Control: that of the one username.
  it('two people of two silent idps who are called the same: one is signed in, one refused, in either order', async () => {
    await twoIdpsOneName(fleet, RACING.silentIdps, 4)
  })

  it('all that was done by both processes in turn', () => {
    const served = fleet.servers.map(({ port }) => fleet.proxy.served.get(port) ?? 0)
    assert.ok(Math.min(...served) > 100 && Math.max(...served) - Math.min(...served) < 10, served.join(' and '))
  })
})
