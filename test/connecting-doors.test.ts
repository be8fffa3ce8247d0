// Connecting an idp, on the way in and in My Account: the same is offered, kept, recorded and told of, by whichever door.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { enterWithPassword, join } from './support/account.ts'
import { type Browser, openBrowser, type Page } from './support/browser.ts'
import { proveByPassword, startOffering } from './support/connecting.ts'
import { PASSWORD } from './support/people.ts'
import type { Product } from './support/product.ts'
import { editPurpose } from './support/purposes.ts'
import { openSmtpSink } from './support/smtp.ts'
import { codesOn, type Newcomer, newcomer, postForm, visit } from './support/visits.ts'
import { beginConnecting, eventsOf } from './support/ways-in.ts'

interface Owner {
  id: string
  person: Newcomer
}

interface Door {
  name: string
  /** Goes to the page of differences as the owner of a user, who is `there` at the idp. */
  open(product: Product, owner: Owner, there: Newcomer, browser?: Browser): Promise<Page>
  button: string
  channel: string
}

const DOORS: Door[] = [
  {
    name: 'on the way in',
    async open(product, { person }, there, browser = openBrowser()) {
      const prompt = await visit(product, 'consent', there, { browser })
      const signIn = await prompt.click('Already have a Travel account? Connect it')
      return proveByPassword(signIn, person.preferred_username)
    },
    button: 'Finish',
    channel: 'sign-in',
  },
  {
    name: 'in My Account',
    async open(product, { person }, there, browser = openBrowser()) {
      await enterWithPassword(product, person.preferred_username, PASSWORD, { browser })
      return beginConnecting(product, browser, 'consent', there)
    },
    button: 'Connect Acme consent',
    channel: 'my-account',
  },
]

for (const { name, open, button, channel } of DOORS)
  describe(`connecting an idp ${name}`, () => {
    let product: Product
    let sink: Awaited<ReturnType<typeof openSmtpSink>>
    before(async () => {
      sink = await openSmtpSink()
      product = await startOffering({ smtpUrl: sink.url })
    })
    after(async () => {
      await product.stop()
      await sink.close()
    })

    /** A user with a password; what they were asked about, and did not tick, they said no to. */
    async function owner(ticks: string[]): Promise<Owner> {
      const person = newcomer()
      return { id: await join(product, 'password', person, { ticks, password: PASSWORD }), person }
    }
    const valuesOf = async ({ id }: Owner) =>
      Object.fromEntries(
        (
          await product.rows<{ name: string; value: unknown }>(
            'SELECT name, value FROM user_attributes WHERE user_id = $1',
            [id],
          )
        ).map(({ name, value }) => [name, value]),
      )
    /** Oldest first, each with whether its words are kept. */
    const recordsOf = ({ id }: Owner) =>
      product.rows<{ line: string; words: boolean }>(
        `SELECT purpose_id || ':' || attribute || ' ' || state || ' ' || channel AS line,
           EXISTS (SELECT FROM notices WHERE hash = notice_hash AND content::text LIKE '%"id":"' || purpose_id || '"%') AS words
         FROM consents WHERE user_id = $1 ORDER BY sequence`,
        [id],
      )

    // First, while there are no other letters.
    it('tells the address of before, whatever becomes of it', async () => {
      const them = await owner(['recover:email'])
      await (await open(product, them, newcomer())).tick('email').press(button)
      assert.deepEqual((await sink.arrived(2)).map(({ to, subject }) => [to, subject]).toSorted(), [
        [[them.person.email], 'Acme consent is now connected to your account at Northwind'],
        [[them.person.email], 'The email address of your account at Northwind was changed'],
      ])
    })

    it('records what a tick is for, in the words of the page, and nothing for an empty box or a yes of before', async () => {
      const them = await owner(['recover:email', 'recover:phone_number'])
      // A purpose that they never saw, for a detail that they never answered.
      await editPurpose(product.running.house, 'office', (purpose) => ({
        ...purpose,
        piiCategories: [...purpose.piiCategories, { name: 'name', mandatory: false }],
      }))
      try {
        const before = (await recordsOf(them)).length
        const there = newcomer()
        const page = await open(product, them, there)
        assert.deepEqual(boxesOn(page), ['name', 'email', 'phone_number'])
        await page.tick('name').tick('email').press(button)
        assert.deepEqual((await recordsOf(them)).slice(before), [{ line: `office:name given ${channel}`, words: true }])
        assert.deepEqual(await valuesOf(them), {
          name: there.name,
          email: there.email,
          phone_number: them.person.phone_number,
        })
      } finally {
        await editPurpose(product.running.house, 'office', (purpose) => ({
          ...purpose,
          piiCategories: purpose.piiCategories.filter(({ name }) => name !== 'name'),
        }))
      }
    })

    it('offers nothing that they said no to, and nothing in place of what an operator said, and takes neither from a forged form', async () => {
      const them = await owner(['recover:email', 'recover:phone_number'])
      await product.rows(
        `UPDATE user_attributes SET origin = 'operator', origin_idp_id = NULL WHERE user_id = $1 AND name = 'phone_number'`,
        [them.id],
      )
      const browser = openBrowser()
      const page = await open(product, them, newcomer(), browser)
      assert.deepEqual(boxesOn(page), ['email'])
      const forged = page.submission(button)
      for (const box of ['phone_number', 'department']) forged.fields.append('replace', box)
      await postForm(browser, forged.url, forged.fields)
      assert.deepEqual(await eventsOf(product, them.id), ['connected Acme consent'])
      assert.deepEqual(await valuesOf(them), { email: them.person.email, phone_number: them.person.phone_number })
    })

    it('shows the page again when something on it changed meanwhile, and keeps the ticks', async () => {
      const them = await owner(['recover:email', 'recover:phone_number'])
      const there = newcomer()
      const page = await open(product, them, there)
      await product.rows(`UPDATE user_attributes SET value = '"+44"' WHERE user_id = $1 AND name = 'phone_number'`, [
        them.id,
      ])
      const again = await page.tick('phone_number').press(button)
      assert.deepEqual([again.status, codesOn(again)], [422, ['CHANGED']])
      assert.match(again.html, /value="phone_number"[^>]* checked/)
      assert.deepEqual(await eventsOf(product, them.id), [])
      await again.press(button)
      assert.deepEqual(await valuesOf(them), { email: them.person.email, phone_number: there.phone_number })
    })
  })

function boxesOn({ html }: Page): string[] {
  return [...html.matchAll(/name="replace" value="([^"]+)"/g)].map(([, name]) => String(name))
}
