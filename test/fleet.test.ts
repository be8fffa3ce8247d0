// Any server can serve any step: several processes on one database, each request to another one.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from './support/browser.ts'
import { type Fleet, startFleet } from './support/fleet.ts'
import { arrive, fillRegister, signedInAt, stranger } from './support/road.ts'

describe('two servers that take turns', () => {
  let fleet: Fleet
  before(async () => {
    fleet = await startFleet({ servers: 2 })
  })
  after(() => fleet?.stop())

  it('make a user of somebody who answers register.do', async () => {
    const person = stranger(fleet)
    const page = await arrive(fleet, openBrowser(), 'username', person)
    const ended = await fillRegister(page, person.preferred_username).press('Create account')
    assert.equal(signedInAt(fleet.application, ended).userinfo.email, person.email)
  })
})
