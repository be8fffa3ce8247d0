// Provision silently: a person is made without seeing a page.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser } from '../support/browser.ts'
import { ada } from '../support/people.ts'
import { type Product, startProduct } from '../support/product.ts'
import {
  codesOn,
  countPeople,
  deleteUser,
  hashOfUser,
  knownPerson,
  meanwhile,
  newcomer,
  refused,
  signedIn,
  storedPerson,
  visit,
  withIdp,
} from '../support/visits.ts'

describe('an idp that provisions silently', () => {
  let product: Product
  before(async () => {
    product = await startProduct({ modes: ['silent', 'username'] })
    product.idp.person('ada', ada)
    product.idp.signInAs = 'ada'
  })
  after(() => product.stop())

  it('signs a new person in to the application without showing a page of ours', async () => {
    const browser = openBrowser()
    const choice = await browser.open(`${product.application.url}/login?scope=openid+profile+email+phone`)
    const page = await choice.click('Continue with Acme silent')
    assert.equal(page.status, 200, page.text)
    signedIn(product.application)
    assert.ok(!page.history.some((address) => address.includes('/accountrecoveryendpoint/')), page.history.join('\n'))
    assert.ok(!page.history.some((address) => address.includes(ada.email) || address.includes(ada.sub)))
  })

  it('keeps every mapped attribute with its origin, and neither a password nor a consent', async () => {
    const person = newcomer({ birthdate: '1990-01-02', address: { locality: 'Leeds', country: 'GB' } })
    await visit(product, 'silent', person)
    const { user, attributes, identities, consents, events } = await knownPerson(product, person.sub)
    assert.equal(user.store, 'PRIMARY')
    assert.equal(user.username, person.preferred_username)
    assert.equal(user.password_hash, null)
    const from = { origin: 'idp', idp: 'silent' }
    assert.deepEqual(attributes, [
      { name: 'address', value: { locality: 'Leeds', country: 'GB' }, verified: null, ...from },
      { name: 'department', value: person.department, verified: null, ...from },
      { name: 'email', value: person.email, verified: true, ...from },
      { name: 'name', value: person.name, verified: null, ...from },
      { name: 'phone_number', value: person.phone_number, verified: false, ...from },
    ])
    assert.deepEqual(identities, [
      { idp: 'silent', issuer: product.idp.issuer, subject: person.sub, scheme: 'PROVISION_SILENTLY' },
    ])
    assert.deepEqual(consents, [])
    assert.deepEqual(events, [
      { event: 'user-created', detail: { scheme: 'PROVISION_SILENTLY', store: 'PRIMARY', attributes: 5, roles: 0 } },
    ])
  })

  it('gives the application the user id as subject, and only what its scopes ask for', async () => {
    const person = newcomer()
    await visit(product, 'silent', person, { query: { scope: 'openid profile' } })
    const { user } = await knownPerson(product, person.sub)
    const first = signedIn(product.application)
    assert.equal(first.sub, user.id)
    assert.deepEqual(first.userinfo, {
      sub: user.id,
      preferred_username: person.preferred_username,
      name: person.name,
      department: person.department,
    })
    const protocol = ['aud', 'auth_time', 'exp', 'iat', 'iss', 'nonce', 'sub']
    assert.deepEqual(
      Object.keys(first.idToken).filter((claim) => !protocol.includes(claim) && claim !== 'at_hash' && claim !== 'sid'),
      [],
    )
    await visit(product, 'silent', person, { query: { scope: 'openid email phone' } })
    assert.deepEqual(signedIn(product.application).userinfo, {
      sub: user.id,
      email: person.email,
      email_verified: true,
      phone_number: person.phone_number,
      phone_number_verified: false,
    })
  })

  it('takes an e-mail address for verified only when the idp says so with JSON true', async () => {
    for (const claim of [false, 'true', 1, undefined]) {
      const person = newcomer({ email_verified: claim })
      await visit(product, 'silent', person)
      assert.equal(signedIn(product.application).userinfo.email_verified, false, `for ${claim}`)
    }
  })

  it('suggests the username claim, else the mailbox of the e-mail address, else the subject', async () => {
    const mailbox = newcomer({ preferred_username: undefined })
    await visit(product, 'silent', mailbox)
    assert.equal((await knownPerson(product, mailbox.sub)).user.username, mailbox.email.split('@')[0])
    const subject = newcomer({ preferred_username: undefined, email: undefined })
    await visit(product, 'silent', subject)
    assert.equal((await knownPerson(product, subject.sub)).user.username, subject.sub)
  })

  it('refuses a new person whose name is taken in any case or width, and leaves the owner of the name untouched', async () => {
    const owner = newcomer()
    await visit(product, 'silent', owner)
    const { user } = await knownPerson(product, owner.sub)
    const hash = await hashOfUser(product, user.id)
    const counts = await countPeople(product)
    for (const name of [user.username, user.username.toUpperCase(), fullWidth(user.username)]) {
      const stranger = newcomer({ preferred_username: name, email: owner.email })
      const page = await visit(product, 'silent', stranger)
      assert.equal(page.status, 409, page.text)
      assert.deepEqual(codesOn(page), ['USERNAME_TAKEN'])
      await page.click('Return to Travel')
      assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'USERNAME_TAKEN' })
    }
    assert.equal(await hashOfUser(product, user.id), hash)
    assert.deepEqual(await countPeople(product), counts)
  })

  it('refuses a new person whose name the rules do not allow', async () => {
    for (const name of ['ab', 'has space', 'admin', '/asha', 'A/B/asha', `long${'g'.repeat(60)}`]) {
      const person = newcomer({ preferred_username: name })
      const page = await visit(product, 'silent', person)
      assert.equal(page.status, 409, `${name}: ${page.text}`)
      assert.deepEqual(codesOn(page), ['USERNAME_POLICY'])
      assert.equal(await storedPerson(product, person.sub), undefined)
      await page.click('Return to Travel')
      assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'USERNAME_POLICY' })
    }
  })

  it('never takes two subjects for one person, however alike', async () => {
    const person = newcomer()
    await visit(product, 'silent', person)
    const { sub } = signedIn(product.application)
    for (const subject of [person.sub.toUpperCase(), `${person.sub} `, fullWidth(person.sub)]) {
      await visit(product, 'silent', newcomer({ sub: subject }))
      assert.notEqual(signedIn(product.application).sub, sub, subject)
    }
  })

  it('makes a person who was deleted a new user with a new subject', async () => {
    const person = newcomer()
    await visit(product, 'silent', person)
    const { sub } = signedIn(product.application)
    await deleteUser(product, sub)
    await visit(product, 'silent', person)
    assert.notEqual(signedIn(product.application).sub, sub)
  })

  describe('at a later sign-in', () => {
    it('keeps the username whatever the idp calls the person now, and asks nothing', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      const page = await visit(product, 'silent', { ...person, preferred_username: 'somebody-else' })
      assert.equal(page.status, 200, page.text)
      assert.equal(signedIn(product.application).userinfo.preferred_username, person.preferred_username)
      const { events } = await knownPerson(product, person.sub)
      assert.deepEqual(
        events.map(({ event }) => event),
        ['user-created', 'sign-in'],
      )
    })

    it('sets what the idp changed or added and removes what it no longer sends, by OVERRIDE_ALL', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      await visit(product, 'silent', {
        ...person,
        name: 'Changed',
        email_verified: false,
        department: undefined,
        given_name: 'New',
      })
      const values = await valuesOf(product, person.sub)
      const { email, phone_number } = person
      assert.deepEqual(values, { email, given_name: 'New', name: 'Changed', phone_number })
      assert.equal(signedIn(product.application).userinfo.email_verified, false)
      assert.deepEqual((await knownPerson(product, person.sub)).events.at(-1)?.detail, {
        changed: 3,
        removed: 1,
        granted: 0,
        withdrawn: 0,
      })
    })

    it('sets and never removes, by PRESERVE_LOCAL', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      await meanwhile(product, withIdp('silent', { attributeSyncMethod: 'PRESERVE_LOCAL' }), async () => {
        await visit(product, 'silent', { ...person, name: 'Changed', department: undefined })
        const { name, department } = await valuesOf(product, person.sub)
        assert.deepEqual({ name, department }, { name: 'Changed', department: person.department })
      })
    })

    it('changes nothing, by NONE', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      const before = await valuesOf(product, person.sub)
      await meanwhile(product, withIdp('silent', { attributeSyncMethod: 'NONE' }), async () => {
        await visit(product, 'silent', { ...person, name: 'Changed', department: undefined, given_name: 'New' })
        assert.deepEqual(await valuesOf(product, person.sub), before)
      })
    })

    it('touches only values that came from this idp', async () => {
      const person = newcomer()
      await visit(product, 'silent', person)
      const { user } = await knownPerson(product, person.sub)
      const set = `UPDATE user_attributes SET value = $2, origin = $3, origin_idp_id = $4 WHERE user_id = $1 AND name = $5`
      const [other] = await product.rows<{ id: string }>("SELECT id FROM idps WHERE name = 'username'")
      await product.rows(set, [user.id, '"Typed"', 'person', null, 'name'])
      await product.rows(set, [user.id, '"Set"', 'operator', null, 'department'])
      await product.rows(set, [user.id, '"+44 1"', 'idp', other?.id, 'phone_number'])
      await visit(product, 'silent', { ...person, name: 'Changed', department: undefined, phone_number: undefined })
      assert.deepEqual(await valuesOf(product, person.sub), {
        department: 'Set',
        email: person.email,
        name: 'Typed',
        phone_number: '+44 1',
      })
    })
  })
})

async function valuesOf(product: Product, subject: string): Promise<Record<string, unknown>> {
  const { attributes } = await knownPerson(product, subject)
  return Object.fromEntries(attributes.map(({ name, value }) => [name, value]))
}

/** The same letters, as wide as Chinese ones. */
function fullWidth(text: string): string {
  return text.replace(/[!-~]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0))
}
