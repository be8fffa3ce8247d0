// A sign-in that waits at a question while all that its person had begun is ended. Control of each: without the check it is let in.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setPersonLocked } from '../../src/console/identity-lock.ts'
import { join } from '../support/account.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { openConsole } from '../support/console.ts'
import { type Product, startProduct } from '../support/product.ts'
import { editPurpose } from '../support/purposes.ts'
import { newcomer, signedIn, visit } from '../support/visits.ts'

const TICKS = ['recover:email']

describe('S042: a sign-in that waits at a question', () => {
  let product: Product
  let operator: Browser
  before(async () => {
    product = await startProduct({ modes: ['consent'] })
    operator = (await openConsole(product)).browser
  })
  after(() => product.stop())

  let edits = 0
  /** Somebody known who is asked about a change of a purpose, and the page that asks. */
  async function parked(person = newcomer(), id?: string) {
    const userId = id ?? (await join(product, 'consent', person, { ticks: TICKS }))
    edits += 1
    await editPurpose(product.running.house, 'recover', (purpose) => ({ ...purpose, description: `Words ${edits}` }))
    pass()
    const page = await visit(product, 'consent', person, { browser: openBrowser() })
    assert.match(page.url, /signup\.do/)
    pass()
    return { id: userId, person, save: () => page.tick('recover:email').press('Save my choice') }
  }
  const pass = () => {
    product.clock.now = new Date(Math.max(Date.now(), product.clock.now.getTime() + 2))
  }
  async function pressOn(id: string, ...buttons: string[]) {
    for (const button of buttons) {
      await (await operator.open(`${product.url}/console/users/${id}`)).press(button)
      pass()
    }
  }

  for (const buttons of [['Sign out everywhere'], ['Lock', 'Unlock']])
    it(`is over when an operator presses ${buttons.join(', then ')}, and can be begun anew`, async () => {
      const { id, person, save } = await parked()
      await pressOn(id, ...buttons)
      const before = product.application.results.length
      const page = await save()
      assert.match(page.text, /This page has expired/)
      assert.equal(product.application.results.length, before)
      // The OpenID Provider counts in seconds: what begins in the one in which all ended is over with it.
      await sleep(1_100)
      const again = await parked(person, id)
      await again.save()
      assert.equal(signedIn(product.application).sub, id)
    })

  it('is over when who they are there was locked, and is unlocked', async () => {
    const { id, save } = await parked()
    const [person] = await product.rows<{ idpId: string; issuer: string; subject: string }>(
      'SELECT idp_id AS "idpId", issuer, subject FROM identities WHERE user_id = $1',
      [id],
    )
    for (const isLocked of [true, false]) {
      await setPersonLocked(product.running.house, person ?? assert.fail(), isLocked, { name: 'olu' })
      pass()
    }
    assert.match((await save()).text, /This page has expired/)
  })
})
