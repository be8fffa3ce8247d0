// Connecting an idp in My Account: both accounts are proved and named, nothing is overwritten without a tick, and no forged way leads there.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { enterAccount, enterWithPassword, join } from '../support/account.ts'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { type Mode, type Product, startProduct } from '../support/product.ts'
import { editPurpose } from '../support/purposes.ts'
import {
  codesOn,
  countPeople,
  flowIdOf,
  hashOfUser,
  knownPerson,
  type Newcomer,
  newcomer,
  postForm,
  signedIn,
  storedPerson,
  visit,
  withIdp,
} from '../support/visits.ts'
import { backFrom, beginConnecting, eventsOf, openSignIn, proveThere } from '../support/ways-in.ts'

const MINUTE = 60_000

describe('connecting an idp', () => {
  let product: Product
  before(async () => {
    product = await startProduct({
      modes: ['silent', 'consent', 'password', 'none'],
      change: (declared) => withIdp('none', {}, withRoles(declared.identityProviders, 'none'))(declared),
    })
  })
  after(() => product.stop())

  const pathOf = (url: string) => new URL(url).pathname
  const later = (minutes: number) => {
    product.clock.now = new Date(product.clock.now.getTime() + minutes * MINUTE)
  }

  /** Somebody who is signed in to My Account by password, with what they ticked. */
  async function somebody(ticks = ['recover:email']): Promise<{ id: string; person: Newcomer; browser: Browser }> {
    const person = newcomer()
    const id = await join(product, 'password', person, { ticks, password: PASSWORD })
    const browser = openBrowser()
    await enterWithPassword(product, person.preferred_username, PASSWORD, { browser })
    return { id, person, browser }
  }

  const attributesOf = async (subject: string) =>
    Object.fromEntries(
      (await knownPerson(product, subject)).attributes.map(({ name, value, origin, idp }) => [
        name,
        [value, idp ?? origin],
      ]),
    )

  it('names both accounts, and then the person comes in by it', async () => {
    const { id, person, browser } = await somebody()
    const there = newcomer()
    const page = await beginConnecting(product, browser, 'consent', there)
    assert.equal(page.status, 200)
    assert.equal(pathOf(page.url), '/myaccount/connect')
    assert.match(
      page.text,
      new RegExp(`connect Acme consent, where you are ${there.email}, to your account ${person.preferred_username}`),
    )
    assert.equal(await storedPerson(product, there.sub), undefined)
    const done = await page.press('Connect Acme consent')
    assert.equal(pathOf(done.url), '/myaccount/sign-in')
    assert.deepEqual(codesOn(done), ['CONNECTED'])
    assert.deepEqual(await eventsOf(product, id), ['connected Acme consent'])
    const inside = await enterAccount(product, 'consent', there)
    assert.equal(pathOf(inside.url), '/myaccount')
    assert.match(inside.text, new RegExp(person.preferred_username))
    assert.equal((await knownPerson(product, there.sub)).user.id, id)
  })

  it('makes no user, and asks for no answer', async () => {
    const { browser } = await somebody()
    const before = await countPeople(product)
    await (await beginConnecting(product, browser, 'consent', newcomer())).press('Connect Acme consent')
    assert.deepEqual(await countPeople(product), { ...before, identities: Number(before['identities']) + 1 })
  })

  it('leaves what changed before it to be asked about, and asks somebody who had no idp yet about nothing that held then', async () => {
    for (const hadIdp of [true, false]) {
      const { id, browser } = await somebody(['recover:email', 'office:department'])
      if (!hadIdp) {
        // As the command and the console make users.
        await product.rows('DELETE FROM identities WHERE user_id = $1', [id])
        await product.rows('DELETE FROM answered_versions WHERE user_id = $1', [id])
      }
      await editPurpose(product.running.house, 'office', (purpose) => ({ ...purpose, description: `Moved ${hadIdp}` }))
      const there = newcomer()
      await (await beginConnecting(product, browser, 'consent', there)).press('Connect Acme consent')
      const page = await visit(product, 'consent', there)
      assert.equal(page.url.includes('/signup.do'), hadIdp)
      if (hadIdp) await page.tick('office:department').press('Save my choice')
      assert.equal(signedIn(product.application).sub, id)
      await editPurpose(product.running.house, 'office', (purpose) => ({ ...purpose, description: `Back ${hadIdp}` }))
      assert.match((await visit(product, 'consent', there)).html, /One thing has changed/)
    }
  })

  it('is settled by no page of second factors: somebody new there does not become a user by a typed address', async () => {
    const { browser } = await somebody()
    const there = newcomer()
    const page = await beginConnecting(product, browser, 'silent', there)
    const people = await countPeople(product)
    const key = flowIdOf(page)
    for (const path of ['totp.do', 'email_otp.do', 'backup_code.do', 'totp_enroll.do', 'email_otp_enroll.do']) {
      const back = await browser.open(`${product.url}/authenticationendpoint/${path}?sessionDataKey=${key}`)
      assert.equal(pathOf(back.url), '/myaccount/connect')
    }
    assert.deepEqual(await countPeople(product), people)
    await page.press('Connect Acme silent')
  })

  it('asks the idp to make sure, and takes no old sign-in there for proof', async () => {
    const { browser } = await somebody()
    await beginConnecting(product, browser, 'consent', newcomer())
    const away = new URL(browser.history.findLast((url) => url.includes('prompt=')) ?? assert.fail())
    assert.equal(away.searchParams.get('prompt'), 'login')
    assert.equal(away.searchParams.get('max_age'), '0')
    product.idp.fault = {
      tamper: (claims, where) =>
        where === 'id_token' ? { ...claims, auth_time: Number(claims['iat']) - 400 } : claims,
    }
    try {
      const old = await beginConnecting(product, browser, 'consent', newcomer())
      assert.deepEqual(codesOn(old), ['CONFIRM_OLD'], old.text)
    } finally {
      product.idp.fault = {}
    }
  })

  it('takes no sign-in for proof of which the idp says nothing, though it has said it before', async () => {
    const { browser } = await somebody()
    await beginConnecting(product, browser, 'consent', newcomer())
    product.idp.fault = {
      tamper: ({ auth_time, ...claims }, where) => (where === 'id_token' ? claims : { ...claims, auth_time }),
    }
    try {
      const page = await beginConnecting(product, browser, 'consent', newcomer())
      assert.deepEqual(codesOn(page), ['CONFIRM_UNSAID'], page.text)
      await product.rows('DELETE FROM idps_saying_when')
      assert.equal(pathOf((await beginConnecting(product, browser, 'consent', newcomer())).url), '/myaccount/connect')
    } finally {
      product.idp.fault = {}
    }
  })

  it('takes no old sign-in there for proof from whoever sends the form without looking at its page', async () => {
    const { browser } = await somebody()
    const there = newcomer()
    const start = await (await openSignIn(product, browser)).click('Connect Acme consent')
    const csrf = start.submission('Sign out').fields.get('_csrf') ?? assert.fail()
    product.idp.person(there.sub, there)
    product.idp.signInAs = there.sub
    product.idp.fault = {
      tamper: (claims, where) =>
        where === 'id_token' ? { ...claims, auth_time: Number(claims['iat']) - 400 } : claims,
    }
    try {
      const back = await backFrom(browser, `${product.url}/myaccount/sign-in/connect/consent/leave`)
      const sessionDataKey = back.searchParams.get('sessionDataKey') ?? assert.fail(back.href)
      const fields = new URLSearchParams({ _csrf: csrf, sessionDataKey, do: 'connect' })
      await postForm(browser, `${product.url}/myaccount/connect`, fields)
    } finally {
      product.idp.fault = {}
    }
    assert.deepEqual(codesOn(await openSignIn(product, browser)), ['CONFIRM_OLD'])
    assert.equal(await storedPerson(product, there.sub), undefined)
  })

  describe('PR-74: what is kept', () => {
    it('stays as it is without a tick, and is taken over with one', async () => {
      for (const take of [[], ['email']]) {
        const { person, browser } = await somebody(['recover:email', 'recover:phone_number'])
        const there = newcomer()
        const page = await beginConnecting(product, browser, 'consent', there)
        for (const value of [person.email, there.email, person.phone_number, there.phone_number])
          assert.ok(page.text.includes(value), value)
        assert.deepEqual(boxesOn(page), ['email', 'phone_number'])
        assert.doesNotMatch(page.html, /<input[^>]* checked/)
        for (const box of take) page.tick(box)
        await page.press('Connect Acme consent')
        assert.deepEqual(await attributesOf(person.sub), {
          email: take.length > 0 ? [there.email, 'consent'] : [person.email, 'password'],
          phone_number: [person.phone_number, 'password'],
        })
      }
    })

    it('is not asked about where both say the same, nor where the person said no', async () => {
      const { person, browser } = await somebody()
      const page = await beginConnecting(product, browser, 'consent', newcomer({ email: person.email }))
      assert.deepEqual(boxesOn(page), [])
      const forged = page.submission('Connect Acme consent')
      forged.fields.append('replace', 'phone_number')
      forged.fields.append('replace', 'name')
      await postForm(browser, forged.url, forged.fields)
      assert.deepEqual(await attributesOf(person.sub), { email: [person.email, 'password'] })
    })

    it('can be what they agreed to and was never sent', async () => {
      const { id, person, browser } = await somebody(['recover:email', 'recover:phone_number'])
      await product.rows(`DELETE FROM user_attributes WHERE user_id = $1 AND name = 'phone_number'`, [id])
      const there = newcomer({ email: person.email })
      const page = await beginConnecting(product, browser, 'consent', there)
      assert.match(page.text, /Now Nothing From Acme consent .* You agreed to this/)
      await page.tick('phone_number').press('Connect Acme consent')
      assert.deepEqual((await attributesOf(person.sub))['phone_number'], [there.phone_number, 'consent'])
    })

    it('grows by no later sign-in by a silent idp that they connected', async () => {
      const { person, browser } = await somebody()
      const there = newcomer({ email: person.email })
      await (await beginConnecting(product, browser, 'silent', there)).press('Connect Acme silent')
      await enterAccount(product, 'silent', { ...there, phone_number: '+491' })
      assert.deepEqual(await attributesOf(person.sub), { email: [person.email, 'password'] })
    })

    it('comes with the roles that the idp grants, which the page names', async () => {
      const { id, browser } = await somebody()
      const page = await beginConnecting(product, browser, 'none', newcomer({ groups: ['acme-admins', 'others'] }))
      assert.match(page.text, /says you may do here: admin /)
      await page.press('Connect Acme none')
      const roles = await product.rows(
        'SELECT role, origin, idps.name FROM user_roles JOIN idps ON idps.id = origin_idp_id WHERE user_id = $1',
        [id],
      )
      assert.deepEqual(roles, [{ role: 'admin', origin: 'idp', name: 'none' }])
    })
  })

  describe('is declined or impossible, and nothing has changed:', () => {
    it('the person does not want it', async () => {
      const { id, browser } = await somebody()
      const before = await hashOfUser(product, id)
      const there = newcomer()
      const page = await beginConnecting(product, browser, 'consent', there)
      const done = await page.press('Do not connect')
      assert.deepEqual(codesOn(done), ['CONNECT_NOT'])
      assert.equal(await storedPerson(product, there.sub), undefined)
      assert.equal(await hashOfUser(product, id), before)
      const [flow] = await product.rows('SELECT profile_sealed, ending FROM flows WHERE id = $1', [flowIdOf(page)])
      assert.deepEqual(flow, { profile_sealed: null, ending: { kind: 'declined' } })
    })

    it('it is somebody else’s, of whom nothing is said', async () => {
      const other = newcomer()
      const otherId = await join(product, 'silent', other)
      const { id, browser } = await somebody()
      const before = [await hashOfUser(product, id), await hashOfUser(product, otherId)]
      const page = await beginConnecting(product, browser, 'silent', other)
      assert.deepEqual(codesOn(page), ['CONNECT_TAKEN'])
      assert.ok(!page.text.includes(other.preferred_username) && !page.text.includes(other.email))
      assert.deepEqual([await hashOfUser(product, id), await hashOfUser(product, otherId)], before)
    })

    it('it is theirs already', async () => {
      const { id, browser } = await somebody()
      const there = newcomer()
      await (await beginConnecting(product, browser, 'consent', there)).press('Connect Acme consent')
      const before = await hashOfUser(product, id)
      const start = await browser.open(`${product.url}/myaccount/sign-in/connect/consent`)
      assert.deepEqual(codesOn(await proveThere(product, start, 'consent', there)), ['CONNECT_ALREADY'])
      assert.equal(await hashOfUser(product, id), before)
    })

    it('it became somebody else’s while the page was open', async () => {
      const { id, browser } = await somebody()
      const there = newcomer()
      const page = await beginConnecting(product, browser, 'silent', there)
      const other = await join(product, 'silent', there)
      const before = await hashOfUser(product, id)
      assert.deepEqual(codesOn(await page.press('Connect Acme silent')), ['CONNECT_TAKEN'])
      assert.equal(await hashOfUser(product, id), before)
      assert.equal((await knownPerson(product, there.sub)).user.id, other)
    })

    it('S061: the idp is turned off while they are away, while the page is open, and before', async () => {
      const turn = (isOn: boolean) => product.rows(`UPDATE idps SET is_enabled = $1 WHERE name = 'consent'`, [isOn])
      const { id, browser } = await somebody()
      const before = await hashOfUser(product, id)
      const page = await beginConnecting(product, browser, 'consent', newcomer())
      const start = await browser.open(`${product.url}/myaccount/sign-in/connect/consent`)
      await turn(false)
      try {
        assert.deepEqual(codesOn(await page.press('Connect Acme consent')), ['CONNECT_OFF'])
        assert.equal((await start.click('Continue to Acme consent')).status, 404)
        assert.doesNotMatch((await openSignIn(product, browser)).text, /Connect Acme consent/)
      } finally {
        await turn(true)
      }
      const again = await beginConnecting(product, browser, 'consent', newcomer())
      const reopened = new URL(again.url)
      await turn(false)
      try {
        assert.deepEqual(codesOn(await browser.open(reopened)), ['CONNECT_OFF'])
      } finally {
        await turn(true)
      }
      assert.equal(await hashOfUser(product, id), before)
    })
  })

  describe('at the same moment', () => {
    it('two users connect one person, and one of them gets them', async () => {
      for (let round = 0; round < 5; round += 1) {
        const there = newcomer()
        const two = [await somebody(), await somebody()]
        const pages: Page[] = []
        for (const { browser } of two) pages.push(await beginConnecting(product, browser, 'consent', there))
        const done = await Promise.all(pages.map((page) => page.press('Connect Acme consent')))
        assert.deepEqual(done.flatMap(codesOn).sort(), ['CONNECTED', 'CONNECT_TAKEN'])
        const winner = two[done.findIndex((page) => codesOn(page).includes('CONNECTED'))]
        assert.equal((await knownPerson(product, there.sub)).user.id, winner?.id)
      }
    })

    it('one user presses twice, and is connected once', async () => {
      const { id, browser } = await somebody()
      const page = await beginConnecting(product, browser, 'consent', newcomer())
      await Promise.all([page.press('Connect Acme consent'), page.press('Connect Acme consent')])
      assert.deepEqual(await eventsOf(product, id), ['connected Acme consent'])
    })

    it('the person signs in elsewhere: they are one user, the new one or the one that connected them', async () => {
      for (let round = 0; round < 6; round += 1) {
        const there = newcomer()
        const { id, browser } = await somebody()
        const page = await beginConnecting(product, browser, 'silent', there)
        const [done] = await Promise.all([page.press('Connect Acme silent'), visit(product, 'silent', there)])
        const known = await knownPerson(product, there.sub)
        assert.equal(known.identities.filter(({ subject }) => subject === there.sub).length, 1)
        assert.equal(codesOn(done)[0], known.user.id === id ? 'CONNECTED' : 'CONNECT_TAKEN')
        assert.equal(signedIn(product.application).sub, known.user.id, 'the application is told of that user')
      }
    })

    it('somebody who is about to become a user gets them, if they were first', async () => {
      const there = newcomer()
      const { id, browser } = await somebody()
      const before = await hashOfUser(product, id)
      const page = await beginConnecting(product, browser, 'silent', there)
      const client = new pg.Client(product.databaseUrl)
      await client.connect()
      try {
        await client.query('BEGIN')
        await client.query(
          `INSERT INTO users (id, store, username, username_canonical) VALUES (gen_random_uuid(), 'PRIMARY', $1, $1)`,
          [there.preferred_username],
        )
        await client.query(
          `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme)
           SELECT idps.id, issuer, $1, users.id, 'PROMPT_CONSENT' FROM idps, users WHERE name = 'silent' AND username = $2`,
          [there.sub, there.preferred_username],
        )
        const pressed = page.press('Connect Acme silent')
        await sleep(300)
        await client.query('COMMIT')
        assert.deepEqual(codesOn(await pressed), ['CONNECT_TAKEN'])
      } finally {
        await client.end()
      }
      assert.equal(await hashOfUser(product, id), before)
    })
  })

  describe('S055: an explicit link that is forged', () => {
    /** The form as it would be sent, of somebody who has proved both. */
    async function form() {
      const { id, person, browser } = await somebody()
      const there = newcomer()
      const page = await beginConnecting(product, browser, 'consent', there)
      return { id, username: person.preferred_username, browser, there, ...page.submission('Connect Acme consent') }
    }
    const tokenOf = (page: Page) => page.submission('Sign out').fields.get('_csrf') ?? ''
    const signInAgain = async (browser: Browser, username: string) =>
      tokenOf(await enterWithPassword(product, username, PASSWORD, { browser, to: '/sign-in' }))

    it('opens nothing without a session, nor in one that began later in this browser, whoever’s it is', async () => {
      const { username, browser, there, url, fields } = await form()
      assert.equal((await postForm(openBrowser(), url, fields)).status, 303)
      const other = await somebody()
      for (const who of [other.person.preferred_username, username]) {
        await (await openSignIn(product, browser)).press('Sign out')
        assert.equal((await postForm(browser, url, fields)).status, 303)
        fields.set('_csrf', await signInAgain(browser, who))
        assert.equal((await postForm(browser, url, fields)).status, 404, who)
        const address = `${url}?sessionDataKey=${fields.get('sessionDataKey')}`
        assert.equal((await browser.fetch(address)).status, 404)
      }
      assert.equal(await storedPerson(product, there.sub), undefined)
    })

    it('opens nothing in another browser of the same person', async () => {
      const { username, there, url, fields } = await form()
      const browser = openBrowser()
      fields.set('_csrf', await signInAgain(browser, username))
      assert.equal((await postForm(browser, url, fields)).status, 404)
      assert.equal(await storedPerson(product, there.sub), undefined)
    })

    it('opens nothing without the token, from another site, or with a flow of something else', async () => {
      const { browser, there, url, fields } = await form()
      const without = new URLSearchParams(fields)
      without.delete('_csrf')
      assert.equal((await postForm(browser, url, without)).status, 403)
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'cross-site' }
      assert.equal((await browser.fetch(url, { method: 'POST', headers, body: fields.toString() })).status, 403)
      const signingIn = await visit(product, 'consent', newcomer(), { browser })
      const other = new URLSearchParams(fields)
      other.set('sessionDataKey', flowIdOf(signingIn))
      assert.equal((await postForm(browser, url, other)).status, 404)
      assert.equal(await storedPerson(product, there.sub), undefined)
    })

    it('connects the person who proved it there, whoever else the form names', async () => {
      const { id, browser, there, url, fields } = await form()
      const victim = newcomer()
      const victimId = await join(product, 'silent', victim)
      const before = await hashOfUser(product, victimId)
      for (const [name, value] of Object.entries({ userId: victimId, sub: victim.sub, idp: 'silent', issuer: 'x' }))
        fields.set(name, value)
      assert.equal((await postForm(browser, url, fields)).status, 303)
      assert.equal((await knownPerson(product, there.sub)).user.id, id)
      assert.equal(await hashOfUser(product, victimId), before)
    })

    it('S056: is good once, and not when its time is up', async () => {
      const used = await form()
      assert.equal((await postForm(used.browser, used.url, used.fields)).status, 303)
      await product.rows('DELETE FROM identities WHERE subject = $1', [used.there.sub])
      assert.equal((await postForm(used.browser, used.url, used.fields)).status, 303)
      assert.equal(await storedPerson(product, used.there.sub), undefined)

      const late = await form()
      await product.rows('UPDATE flows SET expires_at = $2 WHERE id = $1', [
        late.fields.get('sessionDataKey'),
        product.clock.now,
      ])
      assert.equal((await postForm(late.browser, late.url, late.fields)).status, 410)
      assert.equal(await storedPerson(product, late.there.sub), undefined)
    })

    it('asks again who somebody is whose proof is older than five minutes, and then goes on', async () => {
      const { id, browser, there, url, fields } = await form()
      later(6)
      const asked = await postForm(browser, url, fields)
      assert.equal(asked.status, 303)
      assert.equal(await storedPerson(product, there.sub), undefined)
      const confirm = await browser.open(new URL(asked.headers.get('Location') ?? '', url))
      const page = await confirm.fill({ password: PASSWORD }).press('Confirm')
      assert.equal(pathOf(page.url), '/myaccount/connect')
      await page.press('Connect Acme consent')
      assert.equal((await knownPerson(product, there.sub)).user.id, id)
    })

    it('begins only for whoever has just proved who they are', async () => {
      const { browser } = await somebody()
      later(6)
      const answer = await browser.fetch(`${product.url}/myaccount/sign-in/connect/consent/leave`)
      assert.equal(answer.headers.get('Location'), '/myaccount/sign-in/connect/consent')
      const asked = await (await openSignIn(product, browser)).click('Connect Acme consent')
      assert.equal(pathOf(asked.url), '/myaccount/confirm')
      const start = await asked.fill({ password: PASSWORD }).press('Confirm')
      assert.equal(pathOf(start.url), '/myaccount/sign-in/connect/consent')
      const page = await proveThere(product, start, 'consent', newcomer())
      assert.equal(pathOf(page.url), '/myaccount/connect')
    })
  })
})

function boxesOn({ html }: Page): string[] {
  return [...html.matchAll(/name="replace" value="([^"]+)"/g)].map(([, name]) => String(name))
}

function withRoles(
  idps: Product['declared']['identityProviders'],
  mode: Mode,
): Partial<Product['declared']['identityProviders'][number]> {
  const idp = idps.find(({ name }) => name === mode) ?? assert.fail()
  return { claims: { ...idp.claims, roles: 'groups', roleMappings: { 'acme-admins': 'admin' } } }
}
