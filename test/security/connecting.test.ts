// Connecting a user while signing in, as attackers would have it: an address proves nothing, and a proof counts for one sign-in, one person, one browser, once.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type Browser, openBrowser, type Page } from '../support/browser.ts'
import { whileItsPasswordChanges } from '../support/changed-meanwhile.ts'
import {
  assertAt,
  CONNECT,
  claim,
  type Owner,
  offered,
  ownerByIdp,
  ownerWithPassword,
  proveByIdp,
  proveByPassword,
  sameAddress,
  startOffering,
} from '../support/connecting.ts'
import { PASSWORD } from '../support/people.ts'
import type { Product } from '../support/product.ts'
import { send } from '../support/road.ts'
import {
  codesOn,
  countPeople,
  deleteUser,
  flowIdOf,
  hashOfUser,
  knownPerson,
  type Newcomer,
  newcomer,
  signedIn,
  storedPerson,
  visit,
} from '../support/visits.ts'

const MINUTE = 60_000
const WRONG = 'not the password of anybody'

describe('connecting a user while signing in', () => {
  let product: Product
  before(async () => {
    product = await startOffering({ trustProxy: 0 })
  })
  after(() => product.stop())
  // All tests come from one address.
  beforeEach(async () => {
    await product.rows('DELETE FROM brakes')
    product.idp.fault = {}
  })

  /** Signs in locally; the subject that the application is given, or undefined. */
  async function subjectByPassword(username: string, password: string): Promise<string | undefined> {
    const login = await openBrowser().open(`${product.application.url}/login`)
    const page = await login.fill({ username, password }).press('Sign in')
    return page.url.startsWith(product.application.redirectUri) ? signedIn(product.application).sub : undefined
  }

  /** Whose user the person at the idp is, if anybody's. */
  async function userOf(person: Newcomer): Promise<string | undefined> {
    const [row] = await product.rows<{ user_id: string }>('SELECT user_id FROM identities WHERE subject = $1', [
      person.sub,
    ])
    return row?.user_id
  }

  /** A last page: somebody new has proved that the user is theirs. */
  async function proven(owner: Owner, person: Newcomer, browser: Browser = openBrowser()): Promise<Page> {
    return proveByPassword(
      await claim(await offered(product, 'consent', person, browser)),
      owner.person.preferred_username,
    )
  }

  describe('an account that somebody else made with my address beforehand (S041)', () => {
    it('is never mine, and mine is never theirs: I take a separate one, which their password and their sign-ins do not open', async () => {
      const address = newcomer().email
      const attacker = await ownerWithPassword(product, { email: address })
      for (const mode of ['silent', 'consent'] as const) {
        const victim = newcomer({ email: address })
        let page = await (await offered(product, mode, victim)).tick('separate').press('Continue')
        if (mode === 'consent') page = await page.tick('recover:email').press('Create account')
        const { sub } = signedIn(product.application)
        assert.notEqual(sub, attacker.id, page.text)
        assert.equal(await subjectByPassword(attacker.person.preferred_username, PASSWORD), attacker.id)
        assert.equal(await subjectByPassword(victim.preferred_username, PASSWORD), undefined)
        await visit(product, 'silent', attacker.person)
        assert.equal(signedIn(product.application).sub, attacker.id)
        await visit(product, mode, victim)
        assert.equal(signedIn(product.application).sub, sub)
      }
    })

    it('is not even mentioned to me when nobody has checked that the address is theirs', async () => {
      const attacker = await ownerWithPassword(product)
      await product.rows(
        `UPDATE user_attributes SET verified = false, origin = 'person', origin_idp_id = NULL WHERE user_id = $1 AND name = 'email'`,
        [attacker.id],
      )
      const page = await visit(product, 'silent', sameAddress(attacker))
      assert.ok(!page.history.some((address) => address.includes(CONNECT)))
      assert.notEqual(signedIn(product.application).sub, attacker.id)
    })
  })

  describe('an address that an idp asserts', () => {
    it('connects nobody, however it is asserted and wherever they go (S045, S046)', async () => {
      const victim = await ownerWithPassword(product)
      const before = await hashOfUser(product, victim.id)
      const attacker = sameAddress(victim, { preferred_username: victim.person.preferred_username })
      const browser = openBrowser()
      const page = await offered(product, 'silent', attacker, browser)
      const id = flowIdOf(page)
      for (const path of ['/finish', '/proved', '/idp', '/sign-in', ''])
        await browser.open(`${product.url}${CONNECT}${path}?sessionDataKey=${id}`)
      const { fields } = page.submission('Continue')
      for (const path of ['/finish', '/sign-in']) {
        for (const [name, value] of [
          ['replace', 'email'],
          ['userId', victim.id],
          ['answer', 'connect'],
          ['username', victim.person.preferred_username],
        ] as const)
          fields.set(name, value)
        const answer = await send(browser, { url: `${product.url}${CONNECT}${path}`, fields })
        assert.equal(answer.status, 422)
      }
      assert.equal(await userOf(attacker), undefined)
      assert.equal(await hashOfUser(product, victim.id), before)
    })

    it('swapped between two users moves neither (S047)', async () => {
      const [one, other] = [await ownerByIdp(product), await ownerByIdp(product)]
      const swapped = (a: Owner, b: Owner) => ({
        ...a.person,
        email: b.person.email,
        preferred_username: b.person.preferred_username,
      })
      for (const [mine, theirs] of [
        [one, other],
        [other, one],
      ] as const) {
        const page = await visit(product, 'silent', swapped(mine, theirs))
        assert.equal(signedIn(product.application).sub, mine.id)
        assert.ok(!page.history.some((address) => address.includes(CONNECT)))
      }
    })

    it('is no username: whoever took mine as theirs gets nothing of mine, and does not stand in my way (S052)', async () => {
      const victim = await ownerWithPassword(product)
      const squatter = newcomer({ preferred_username: victim.person.email })
      await visit(product, 'silent', squatter)
      assert.equal((await knownPerson(product, squatter.sub)).user.username, victim.person.email)

      const signIn = await claim(await offered(product, 'consent', sameAddress(victim)))
      const wrong = await signIn
        .fill({ username: victim.person.email, password: PASSWORD })
        .press('Sign in and connect')
      assert.deepEqual([...new Set(codesOn(wrong))], ['LINK_FAILED'])
      await (await proveByPassword(wrong, victim.person.preferred_username)).press('Finish')
      assert.equal(signedIn(product.application).sub, victim.id)
    })
  })

  // Broken: the proof made of the hash as it was kept after the password had been checked: the old password connected.
  it('connects nobody by a password that is changed while it is checked', async () => {
    const owner = await ownerWithPassword(product)
    const thief = sameAddress(owner)
    const page = await claim(await offered(product, 'consent', thief))
    const typed = page.fill({ username: owner.person.preferred_username, password: PASSWORD })
    const next = await whileItsPasswordChanges(product, owner.id, () => typed.press('Sign in and connect'))
    assertAt(next, `${CONNECT}/sign-in`)
    assert.equal(await userOf(thief), undefined)
  })

  describe('a proof (S055, S056)', () => {
    // biome-ignore format: one row, one line
    const deaths: [string, (owner: Owner) => Promise<unknown>][] = [
    ['ten minutes have passed', async () => { product.clock.now = new Date(product.clock.now.getTime() + 10 * MINUTE) }],
    ['the password is changed', (owner) => product.rows('UPDATE users SET password_hash = $2 WHERE id = $1', [owner.id, 'another'])],
    ['the password is taken away', (owner) => product.rows('UPDATE users SET password_hash = NULL WHERE id = $1', [owner.id])],
    ['the user is locked', (owner) => product.rows('UPDATE users SET is_locked = true WHERE id = $1', [owner.id])],
    ['the user is deleted', (owner) => deleteUser(product, owner.id)],
  ]
    for (const [title, end] of deaths) {
      it(`counts no more when ${title}, and nobody is connected`, async () => {
        const owner = await ownerWithPassword(product)
        const person = sameAddress(owner)
        const browser = openBrowser()
        const last = await proven(owner, person, browser)
        await end(owner)
        const page = await last.press('Finish')
        assert.equal(page.status, 422, page.text)
        assert.deepEqual([...new Set(codesOn(page))], ['LINK_AGAIN'])
        assert.equal(await userOf(person), undefined)
        assertAt(await browser.open(last.url), `${CONNECT}/sign-in`)
      })
    }

    it('by another idp counts no more when that identity is taken away, or the idp is turned off', async () => {
      const ways: [title: string, end: (id: string) => Promise<unknown>, undo?: () => Promise<unknown>][] = [
        ['taken away', (id) => product.rows('DELETE FROM identities WHERE user_id = $1', [id])],
        [
          'turned off',
          () => product.rows(`UPDATE idps SET is_enabled = false WHERE name = 'silent'`),
          () => product.rows(`UPDATE idps SET is_enabled = true WHERE name = 'silent'`),
        ],
      ]
      for (const [title, end, undo] of ways) {
        const owner = await ownerByIdp(product)
        const person = sameAddress(owner)
        const last = await proveByIdp(
          product,
          await claim(await offered(product, 'consent', person)),
          'silent',
          owner.person,
        )
        assertAt(last, `${CONNECT}/finish`)
        await end(owner.id)
        const page = await last.press('Finish')
        await undo?.()
        assert.deepEqual([...new Set(codesOn(page))], ['LINK_AGAIN'], title)
        assert.equal(await userOf(person), undefined)
      }
    })

    it('is of one sign-in and one person: put into another row by whoever holds the database, it counts for nobody', async () => {
      const owner = await ownerWithPassword(product)
      const last = await proven(owner, sameAddress(owner))
      const attacker = sameAddress(owner)
      const browser = openBrowser()
      const theirs = await claim(await offered(product, 'consent', attacker, browser))
      await product.rows('UPDATE flows SET proof = (SELECT proof FROM flows WHERE id = $1) WHERE id = $2', [
        flowIdOf(last),
        flowIdOf(theirs),
      ])
      assertAt(await browser.open(last.url.replace(flowIdOf(last), flowIdOf(theirs))), `${CONNECT}/sign-in`)
      assert.equal(await userOf(attacker), undefined)
    })

    it('is of one user: another cannot be put in its place', async () => {
      const [owner, other] = [await ownerWithPassword(product), await ownerWithPassword(product)]
      const person = sameAddress(owner)
      const last = await proven(owner, person)
      await product.rows(`UPDATE flows SET proof = jsonb_set(proof, '{userId}', to_jsonb($2::text)) WHERE id = $1`, [
        flowIdOf(last),
        other.id,
      ])
      assert.deepEqual([...new Set(codesOn(await last.press('Finish')))], ['LINK_AGAIN'])
      assert.equal(await userOf(person), undefined)
    })

    it('is of one browser, which another cannot use or even see', async () => {
      const owner = await ownerWithPassword(product)
      const person = sameAddress(owner)
      const last = await proven(owner, person)
      const unknown = await openBrowser().open(last.url.replace(flowIdOf(last), 'A'.repeat(24)))
      const foreign = await openBrowser().open(last.url)
      assert.equal(foreign.status, 404)
      assert.equal(foreign.text, unknown.text.replace(/quote \S+/, /quote \S+/.exec(foreign.text)?.[0] ?? ''))
      const answer = await send(openBrowser(), last.submission('Finish'))
      assert.equal(answer.status, 404)
      assert.equal(await userOf(person), undefined)
    })

    it('is used up with the sign-in: the same form again, and again after a disconnect, connects nobody', async () => {
      const owner = await ownerWithPassword(product)
      const person = sameAddress(owner)
      const browser = openBrowser()
      const last = await proven(owner, person, browser)
      await last.press('Finish')
      assert.equal(await userOf(person), owner.id)
      const [row] = await product.rows('SELECT proof FROM flows WHERE id = $1', [flowIdOf(last)])
      assert.deepEqual(row, { proof: null })
      await product.rows('DELETE FROM identities WHERE subject = $1', [person.sub])
      assert.equal((await send(browser, last.submission('Finish'))).status, 303)
      assert.equal(await userOf(person), undefined)
    })

    it('goes with a decline, and with a separate account', async () => {
      const owner = await ownerWithPassword(product)
      for (const answer of ['separate', 'stop']) {
        const browser = openBrowser()
        const last = await proven(owner, sameAddress(owner), browser)
        await (await last.click('Go back')).tick(answer).press('Continue')
        const rows = await product.rows('SELECT 1 FROM flows WHERE id = $1 AND proof IS NOT NULL', [flowIdOf(last)])
        assert.deepEqual(rows, [], answer)
      }
    })

    it('takes a form of ours: without its token, with that of another sign-in or from elsewhere nothing happens', async () => {
      const owner = await ownerWithPassword(product)
      const person = sameAddress(owner)
      const browser = openBrowser()
      const last = await proven(owner, person, browser)
      const other = await offered(product, 'consent', sameAddress(owner), browser)
      const { url, fields } = last.submission('Finish')
      const forged = async (change: (fields: URLSearchParams) => void, headers: Record<string, string> = {}) => {
        const copy = new URLSearchParams(fields)
        change(copy)
        return (await send(browser, { url, fields: copy }, { headers })).status
      }
      assert.equal(await forged((copy) => copy.delete('_csrf')), 403)
      assert.equal(
        await forged((copy) => copy.set('_csrf', other.submission('Continue').fields.get('_csrf') ?? '')),
        403,
      )
      assert.equal(await forged(() => {}, { Origin: 'https://evil.example' }), 403)
      assert.equal(await forged(() => {}, { 'Sec-Fetch-Site': 'cross-site' }), 403)
      assert.equal(await userOf(person), undefined)
      for (const method of ['PUT', 'DELETE'])
        assert.equal((await browser.fetch(`${product.url}${CONNECT}/finish`, { method })).status, 405)
    })
  })

  describe('the sign-in that only proves whose user somebody is', () => {
    it('makes nobody, and says that this is no account here', async () => {
      const owner = await ownerWithPassword(product)
      const stranger = newcomer()
      const people = await countPeople(product)
      const page = await proveByIdp(
        product,
        await claim(await offered(product, 'consent', sameAddress(owner))),
        'silent',
        stranger,
      )
      assert.deepEqual([...new Set(codesOn(page))], ['LINK_UNKNOWN'])
      assert.equal(await storedPerson(product, stranger.sub), undefined)
      assert.equal((await countPeople(product)).users, people.users)
    })

    it('ends nowhere else, wherever its id is taken: it makes no user, signs nobody in and leads to no application', async () => {
      const owner = await ownerWithPassword(product)
      const known = await ownerByIdp(product)
      for (const person of [newcomer(), known.person]) {
        const browser = openBrowser()
        const signIn = await claim(await offered(product, 'consent', sameAddress(owner), browser))
        product.idp.person(person.sub, person)
        product.idp.signInAs = person.sub
        // To the callback, which the browser does not follow from.
        const link = /href="([^"]*idp=silent[^"]*)"/.exec(signIn.html)?.[1]?.replaceAll('&amp;', '&') ?? assert.fail()
        let url = new URL(link, signIn.url)
        for (let step = 0; url.pathname !== `${CONNECT}/proved`; step += 1) {
          assert.ok(step < 12, url.href)
          const location = (await browser.fetch(url)).headers.get('location') ?? assert.fail(url.href)
          url = new URL(location, url)
        }
        const id = url.searchParams.get('sessionDataKey')
        const results = product.application.results.length
        for (const path of [
          '/accountrecoveryendpoint/signup.do',
          '/accountrecoveryendpoint/register.do',
          CONNECT,
          `${CONNECT}/finish`,
          '/commonauth',
        ]) {
          const location =
            (await browser.fetch(`${product.url}${path}?sessionDataKey=${id}`)).headers.get('location') ?? ''
          assert.ok(location.startsWith(`${CONNECT}/proved`), `${path}: ${location}`)
        }
        assert.equal(
          (await browser.fetch(`${product.url}/authenticationendpoint/login.do?sessionDataKey=${id}`)).status,
          303,
        )
        assert.equal(product.application.results.length, results)
        if (person !== known.person) assert.equal(await storedPerson(product, person.sub), undefined)
        const page = await browser.open(url.href)
        assertAt(page, person === known.person ? `${CONNECT}/finish` : `${CONNECT}/proved`)
        // Over, it leads back to the one that it was for.
        assertAt(await browser.open(`${product.url}/commonauth?sessionDataKey=${id}`), `${CONNECT}/sign-in`)
      }
    })

    it('asks the idp to have the person sign in, and takes no sign-in of another day', async () => {
      const owner = await ownerByIdp(product)
      product.idp.requests.length = 0
      const signIn = await claim(await offered(product, 'consent', sameAddress(owner)))
      product.idp.fault.tamper = (claims, where) =>
        where === 'id_token' ? { ...claims, auth_time: Number(claims['iat']) - 301 } : claims
      const page = await proveByIdp(product, signIn, 'silent', owner.person)
      assert.deepEqual([...new Set(codesOn(page))], ['LINK_OLD'])
      const asked = product.idp.requests.filter(({ path }) => path === '/auth').map(({ query }) => query['prompt'])
      assert.equal(asked.at(-1), 'login')
      assertAt(await page.click('Go back'), CONNECT)
    })

    it('proves nothing where the idp does not say when it was, and the account has a password or the idp has said it before', async () => {
      await product.rows('DELETE FROM idps_saying_when')
      const comes = async (owner: Owner) => {
        product.idp.fault.tamper = ({ auth_time, ...claims }, where) =>
          where === 'id_token' ? claims : { ...claims, auth_time }
        try {
          const signIn = await claim(await offered(product, 'consent', sameAddress(owner)))
          return await proveByIdp(product, signIn, 'silent', owner.person)
        } finally {
          delete product.idp.fault.tamper
        }
      }
      assert.deepEqual([...new Set(codesOn(await comes(await ownerWithPassword(product))))], ['LINK_UNSAID'])
      const owner = await ownerByIdp(product)
      assertAt(await comes(owner), `${CONNECT}/finish`)
      const signIn = await claim(await offered(product, 'consent', sameAddress(owner)))
      assertAt(await proveByIdp(product, signIn, 'silent', owner.person), `${CONNECT}/finish`)
      assert.deepEqual([...new Set(codesOn(await comes(owner)))], ['LINK_UNSAID'])
    })

    it('of another browser proves nothing in this one', async () => {
      const owner = await ownerByIdp(product)
      const attacker = sameAddress(owner)
      const [mine, theirs] = [openBrowser(), openBrowser()]
      const page = await claim(await offered(product, 'consent', attacker, theirs))
      const link = /href="([^"]*idp=silent[^"]*)"/.exec(page.html)?.[1]?.replaceAll('&amp;', '&') ?? assert.fail()
      const start = await theirs.fetch(new URL(link, page.url))
      product.idp.person(owner.person.sub, owner.person)
      product.idp.signInAs = owner.person.sub
      // The owner is lured to where that sign-in leads.
      const lured = await mine.open(new URL(start.headers.get('location') ?? '', product.url).href)
      assert.ok(lured.status >= 400, lured.url)
      assertAt(
        await theirs.open(`${product.url}${CONNECT}/finish?sessionDataKey=${flowIdOf(page)}`),
        `${CONNECT}/sign-in`,
      )
    })

    it('comes to nothing when the first is over meanwhile, or the idp says no', async () => {
      const owner = await ownerByIdp(product)
      const browser = openBrowser()
      const asked = await offered(product, 'consent', sameAddress(owner), browser)
      const signIn = await claim(asked)
      await asked.tick('stop').press('Continue')
      const page = await proveByIdp(product, signIn, 'silent', owner.person)
      assert.ok(codesOn(page).includes('DECLINED'), page.text)

      const again = await claim(await offered(product, 'consent', sameAddress(owner)))
      product.idp.fault.token = '500'
      const failed = await proveByIdp(product, again, 'silent', owner.person)
      assert.equal(failed.status, 502)
      assertAt(await failed.click('Return to Travel'), `${CONNECT}/sign-in`)
    })

    it('is not begun at an idp that the application does not offer, is off, or is the one that they came by', async () => {
      const owner = await ownerByIdp(product)
      const browser = openBrowser()
      const page = await claim(await offered(product, 'consent', sameAddress(owner), browser))
      const address = (name: string) => `${product.url}${CONNECT}/idp?sessionDataKey=${flowIdOf(page)}&idp=${name}`
      for (const name of ['consent', 'nobody', '']) assert.equal((await browser.fetch(address(name))).status, 404, name)
      await product.rows(`UPDATE idps SET is_enabled = false WHERE name = 'username'`)
      assert.equal((await browser.fetch(address('username'))).status, 404)
      await product.rows(`UPDATE idps SET is_enabled = true WHERE name = 'username'`)
    })
  })

  describe('guessing the password', () => {
    async function signInPage(owner: Owner, person: Newcomer = sameAddress(owner)): Promise<Page> {
      return claim(await offered(product, 'consent', person))
    }

    it('ends after five wrong ones for this sign-in, whatever names they were for, and for the person who starts again', async () => {
      const owner = await ownerWithPassword(product)
      const person = sameAddress(owner)
      let page = await signInPage(owner, person)
      for (let count = 1; count <= 5; count += 1) {
        const username = count % 2 === 0 ? 'nobody-has-this' : owner.person.preferred_username
        page = await page.fill({ username, password: WRONG }).press('Sign in and connect')
        assert.equal(page.status, 422)
        assert.deepEqual([...new Set(codesOn(page))], ['LINK_FAILED'])
      }
      const right = { username: owner.person.preferred_username, password: PASSWORD }
      const locked = async (at: Page) => {
        const answer = await at.fill(right).press('Sign in and connect')
        assert.equal(answer.status, 429, answer.text)
        assert.deepEqual([...new Set(codesOn(answer))], ['LINK_LOCKED'])
        assert.ok(Number(answer.headers.get('retry-after')) > 0)
        return answer
      }
      page = await locked(page)
      await locked(await signInPage(owner, person))
      // A sign-in that has no try left has none later either; the person has.
      product.clock.now = new Date(product.clock.now.getTime() + 11 * MINUTE)
      await locked(page)
      await proveByPassword(await signInPage(owner, person), owner.person.preferred_username)
    })

    it('at once is five tries and no more', async () => {
      const owner = await ownerWithPassword(product)
      const browser = openBrowser()
      const page = await claim(await offered(product, 'consent', sameAddress(owner), browser))
      const form = page
        .fill({ username: owner.person.preferred_username, password: WRONG })
        .submission('Sign in and connect')
      const answers = await Promise.all(Array.from({ length: 12 }, () => send(browser, form)))
      assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(5).fill(422), ...Array(7).fill(429)])
    })

    it('does not lock out whoever signs in elsewhere, and shares the brakes of the sign-in with a password', async () => {
      const owner = await ownerWithPassword(product)
      for (let person = 0; person < 2; person += 1) {
        let page = await signInPage(owner)
        for (let count = 0; count < 5; count += 1)
          page = await page
            .fill({ username: owner.person.preferred_username, password: WRONG })
            .press('Sign in and connect')
      }
      const page = await (await signInPage(owner))
        .fill({ username: owner.person.preferred_username, password: PASSWORD })
        .press('Sign in and connect')
      assert.deepEqual([...new Set(codesOn(page))], ['TOO_MANY'])
      await visit(product, 'silent', owner.person)
      assert.equal(signedIn(product.application).sub, owner.id)
    })

    it('is answered alike for a wrong password, an unknown name, a locked user and one without a password (S069)', async () => {
      const owner = await ownerWithPassword(product)
      const [locked, passwordless] = [await ownerWithPassword(product), await ownerByIdp(product)]
      await product.rows('UPDATE users SET is_locked = true WHERE id = $1', [locked.id])
      const texts: string[] = []
      for (const [username, password] of [
        [owner.person.preferred_username, WRONG],
        [newcomer().preferred_username, PASSWORD],
        [locked.person.preferred_username, PASSWORD],
        [passwordless.person.preferred_username, PASSWORD],
      ] as const) {
        const person = sameAddress(owner)
        const page = await (await signInPage(owner, person)).fill({ username, password }).press('Sign in and connect')
        assert.equal(page.status, 422)
        texts.push(page.text.replaceAll(person.email, '').replace(/quote \S+|until \d\d:\d\d/g, ''))
        assert.ok(page.html.includes(`value="${username}"`))
      }
      assert.deepEqual(new Set(texts).size, 1)
    })
  })

  describe('what changes meanwhile', () => {
    it('the idp is turned off, or stops offering it: nobody is connected', async () => {
      for (const [column, value] of [
        ['is_enabled', 'false'],
        ['jit_enabled', 'false'],
        ['associate_local_user', 'false'],
      ]) {
        const owner = await ownerWithPassword(product)
        const person = sameAddress(owner)
        const last = await proven(owner, person)
        await product.rows(`UPDATE idps SET ${column} = ${value} WHERE name = 'consent'`)
        await last.press('Finish')
        await product.rows(`UPDATE idps SET ${column} = true WHERE name = 'consent'`)
        assert.equal(await userOf(person), undefined, column)
      }
    })

    it('in two tabs of one browser the first ends it, and the second leads to the same ending', async () => {
      const owner = await ownerWithPassword(product)
      const person = sameAddress(owner)
      const browser = openBrowser()
      const asked = await offered(product, 'silent', person, browser)
      const last = await proveByPassword(await claim(asked), owner.person.preferred_username)
      await asked.tick('separate').press('Continue')
      const made = signedIn(product.application).sub
      assert.notEqual(made, owner.id)
      await last.press('Finish')
      assert.equal(await userOf(person), made)
      assert.equal(signedIn(product.application).sub, made)
    })

    it('twenty presses at once connect once', async () => {
      const owner = await ownerWithPassword(product)
      const person = sameAddress(owner)
      const browser = openBrowser()
      const form = (await proven(owner, person, browser)).submission('Finish')
      const answers = await Promise.all(Array.from({ length: 20 }, () => send(browser, form)))
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [303])
      assert.equal(await userOf(person), owner.id)
      const events = await product.rows('SELECT 1 FROM account_events WHERE user_id = $1', [owner.id])
      assert.equal(events.length, 1)
    })

    it('of two browsers that connect one person to two users at once, one does, and both are signed in as that user', async () => {
      for (let round = 0; round < 2; round += 1) {
        const [one, other] = [await ownerWithPassword(product), await ownerWithPassword(product)]
        const person = sameAddress(one)
        const browsers = [openBrowser(), openBrowser()] as const
        const pages = [await proven(one, person, browsers[0]), await proven(other, person, browsers[1])] as const
        const answers = await Promise.all(
          pages.map((page, index) => send(browsers[index] ?? browsers[0], page.submission('Finish'))),
        )
        assert.deepEqual(
          answers.map(({ status }) => status),
          [303, 303],
        )
        const winner = await userOf(person)
        assert.ok(winner === one.id || winner === other.id)
        for (const page of pages) {
          const [row] = await product.rows<{ ending: { userId: string } }>('SELECT ending FROM flows WHERE id = $1', [
            flowIdOf(page),
          ])
          assert.equal(row?.ending.userId, winner)
        }
      }
    })

    it('an expired sign-in connects nobody', async () => {
      const owner = await ownerWithPassword(product)
      const person = sameAddress(owner)
      const browser = openBrowser()
      const last = await proven(owner, person, browser)
      product.clock.now = new Date(product.clock.now.getTime() + 31 * MINUTE)
      const page = await last.press('Finish')
      assert.equal(page.status, 410)
      for (const path of ['', '/sign-in', '/finish'])
        assert.equal(
          (await browser.open(`${product.url}${CONNECT}${path}?sessionDataKey=${flowIdOf(last)}`)).status,
          410,
        )
      assert.equal(await userOf(person), undefined)
    })
  })
})
