// Several user stores: where people go in each mode, that one name in two stores is two people, and how each signs in later.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { openBrowser, type Page } from '../support/browser.ts'
import { PASSWORD } from '../support/people.ts'
import { MODES, type Mode, type Product, startProduct } from '../support/product.ts'
import { arrive, fillRegister, signedInAt, stranger } from '../support/road.ts'
import {
  codesOn,
  countPeople,
  knownPerson,
  meanwhile,
  type Newcomer,
  newcomer,
  refused,
  storedPerson,
  submit,
  withIdp,
} from '../support/visits.ts'

const SENTENCE = 'A staff name is one letter and five digits'

/** All idps send people to this place. STAFF and CUSTOMERS have rules of their own. */
async function startWith(userstore: string): Promise<Product> {
  return startProduct({
    modes: MODES,
    change: (declared) => ({
      ...declared,
      userStores: [
        { name: 'PRIMARY', properties: {} },
        { name: 'STAFF', properties: {} },
        {
          name: 'CUSTOMERS',
          properties: { UsernameJavaRegEx: '^[a-z][0-9]{5}$', UsernameJavaRegExViolationErrorMsg: SENTENCE },
        },
      ],
      identityProviders: declared.identityProviders.map((idp) => ({ ...idp, jit: { ...idp.jit, userstore } })),
    }),
  })
}

/** Goes the whole way in a mode; `typed` is what stands in the field for a name where one is asked. */
async function join(product: Product, mode: Mode, person: Newcomer, typed = person.preferred_username) {
  const page = await arrive(product, openBrowser(), mode, person)
  const answered = await answer(page, mode, typed)
  return { page, ...signedInAt(product.application, answered) }
}

async function answer(page: Page, mode: Mode, typed: string): Promise<Page> {
  if (mode === 'none' || mode === 'silent') return page
  if (mode === 'username') return fillRegister(page, typed).press('Create account')
  const filled = page.tick('recover:email')
  return (mode === 'password' ? filled.fill({ password: PASSWORD }) : filled).press('Create account')
}

async function signInLocally(product: Product, username: string, password = PASSWORD): Promise<Page> {
  const page = await openBrowser().open(`${product.application.url}/login`)
  return page.fill({ username, password }).press('Sign in')
}

describe('a fixed store', () => {
  let product: Product
  before(async () => {
    product = await startWith('STAFF')
  })
  after(() => product.stop())
  beforeEach(() => product.rows('DELETE FROM brakes'))

  for (const mode of MODES.filter((one) => one !== 'none')) {
    it(`is where people of an idp in mode ${mode} go, and applications are told so with their name`, async () => {
      const person = stranger(product)
      const { sub, userinfo } = await join(product, mode, person)
      const { user } = await knownPerson(product, person.sub)
      assert.deepEqual(
        [user.store, user.username, user.username_canonical],
        ['STAFF', person.preferred_username, person.preferred_username],
      )
      assert.equal(sub, user.id)
      assert.equal(userinfo['preferred_username'], `STAFF/${person.preferred_username}`)
    })

    it(`drops the prefix of a claimed name in mode ${mode}, whatever it says`, async () => {
      for (const prefix of ['CUSTOMERS', 'primary', 'NOPE']) {
        const { preferred_username: name } = newcomer()
        const person = stranger(product, { preferred_username: `${prefix}/${name}` })
        await join(product, mode, person, name)
        const { user } = await knownPerson(product, person.sub)
        assert.deepEqual([user.store, user.username], ['STAFF', name])
      }
    })
  }

  it('keeps nobody where nobody is provisioned', async () => {
    const before = await countPeople(product)
    const { sub } = await join(product, 'none', stranger(product))
    assert.match(sub, /^fed\./)
    assert.deepEqual(await countPeople(product), before)
  })

  it('is named on the page, in the name as it will be, or before the field for it', async () => {
    const person = stranger(product)
    for (const mode of ['consent', 'password'] as const) {
      const page = await arrive(product, openBrowser(), mode, person)
      assert.ok(page.html.includes(`STAFF/${person.preferred_username}`), page.text)
    }
    const page = await arrive(product, openBrowser(), 'username', person)
    assert.match(page.text, /It goes to STAFF: you sign in as STAFF\/ and this name/)
    assert.equal(page.submission('Create account').fields.get('username'), person.preferred_username)
  })

  it('is never left by what somebody types: a slash is a mistake', async () => {
    for (const typed of ['PRIMARY/asha', 'CUSTOMERS/a12345', 'STAFF/asha', '/asha', 'asha/', 'STAFF\uFF0Fasha']) {
      const person = stranger(product)
      const page = await arrive(product, openBrowser(), 'username', person)
      const again = await fillRegister(page, typed).press('Create account')
      assert.equal(again.status, 422)
      assert.deepEqual([...new Set(codesOn(again))], ['USERNAME_NO_PREFIX'], typed)
      assert.equal(await storedPerson(product, person.sub), undefined)
    }
  })
})

describe('as in username', () => {
  let product: Product
  before(async () => {
    product = await startWith('As in username')
  })
  after(() => product.stop())
  beforeEach(() => product.rows('DELETE FROM brakes'))

  for (const mode of MODES.filter((one) => one !== 'none')) {
    it(`the name of somebody new says where they go in mode ${mode}`, async () => {
      const { preferred_username: name } = newcomer()
      const rows = [
        [`STAFF/${name}`, 'STAFF', name],
        [`staff/${name}-2`, 'STAFF', `${name}-2`],
        [`${name}`, 'PRIMARY', name],
        [`primary/${name}-3`, 'PRIMARY', `${name}-3`],
        [`NOPE/${name}-4`, 'PRIMARY', `${name}-4`],
        ['CUSTOMERS/a10001', 'CUSTOMERS', 'a10001'],
      ] as const
      for (const [given, store, username] of rows) {
        const claimed =
          mode === 'username' ? newcomer().preferred_username : given.replace('a10001', `a1000${mode.length}`)
        const typed = given.replace('a10001', 'a20001')
        const person = stranger(product, { preferred_username: claimed })
        const { userinfo } = await join(product, mode, person, typed)
        const { user } = await knownPerson(product, person.sub)
        const expected =
          mode === 'username' ? username.replace('a10001', 'a20001') : username.replace('a10001', `a1000${mode.length}`)
        assert.deepEqual([user.store, user.username], [store, expected], given)
        assert.equal(userinfo['preferred_username'], store === 'PRIMARY' ? expected : `${store}/${expected}`)
      }
    })
  }

  it('keeps nobody where nobody is provisioned', async () => {
    const before = await countPeople(product)
    const { sub } = await join(product, 'none', stranger(product, { preferred_username: 'STAFF/asha' }))
    assert.match(sub, /^fed\./)
    assert.deepEqual(await countPeople(product), before)
  })

  it('one name in two stores is two people, at the application and at the sign-in with a password', async () => {
    const { preferred_username: name } = newcomer()
    const staff = await join(product, 'username', stranger(product), `STAFF/${name}`)
    const alone = await signInLocally(product, name)
    assert.equal(signedInAt(product.application, alone).sub, staff.sub, 'the only one of this name')

    const primary = await join(product, 'username', stranger(product), name)
    assert.notEqual(primary.sub, staff.sub)
    for (const [typed, sub] of [
      [name, primary.sub],
      [name.toUpperCase(), primary.sub],
      [`PRIMARY/${name}`, primary.sub],
      [`STAFF/${name}`, staff.sub],
      [` staff/${name.toUpperCase()} `, staff.sub],
    ] as const)
      assert.equal(signedInAt(product.application, await signInLocally(product, typed)).sub, sub, typed)
    assert.equal((await signInLocally(product, `CUSTOMERS/${name}`)).status, 422)
  })

  it('of two people of one name, neither in PRIMARY, a name without a prefix means none', async () => {
    await join(product, 'username', stranger(product), 'STAFF/b12345')
    await join(product, 'username', stranger(product), 'CUSTOMERS/b12345')
    const page = await signInLocally(product, 'b12345')
    assert.equal(page.status, 422)
    assert.deepEqual([...new Set(codesOn(page))], ['SIGNIN_FAILED'])
    assert.match(
      page.text,
      /If your username is in another directory, put its name and a slash first, like STAFF\/asha/,
    )
    signedInAt(product.application, await signInLocally(product, 'STAFF/b12345'))
    signedInAt(product.application, await signInLocally(product, 'CUSTOMERS/B12345'))
  })

  it('a second way to write a name is not a second row of tries', async () => {
    const { preferred_username: name } = newcomer()
    await join(product, 'username', stranger(product), `STAFF/${name}`)
    for (let tries = 0; tries < 10; tries += 1) {
      const typed = [name, `STAFF/${name}`, `staff/${name}`, name.toUpperCase()][tries % 4] ?? name
      assert.equal((await signInLocally(product, typed, 'not the password of anybody')).status, 422)
    }
    assert.equal((await signInLocally(product, `sTaff/${name}`)).status, 429)
  })

  it('whoever shares a name with somebody cannot wipe out what they tried there', async () => {
    const { preferred_username: name } = newcomer()
    await join(product, 'username', stranger(product), name)
    const own = await join(product, 'username', stranger(product), `STAFF/${name}`)
    for (let tries = 0; tries < 9; tries += 1)
      assert.equal((await signInLocally(product, name, 'not the password of anybody')).status, 422)
    assert.equal(signedInAt(product.application, await signInLocally(product, `STAFF/${name}`)).sub, own.sub)
    assert.equal((await signInLocally(product, name, 'not the password of anybody')).status, 422)
    assert.equal((await signInLocally(product, name, 'not the password of anybody')).status, 429)
  })

  it('the page has the hint about prefixes, and the sentence of the store whose rule is not kept', async () => {
    const page = await arrive(product, openBrowser(), 'username', stranger(product))
    assert.match(page.text, /To use another directory, put its name and a slash first, like STAFF\/asha/)
    const again = await fillRegister(page, 'CUSTOMERS/asha').press('Create account')
    assert.equal(again.status, 422)
    assert.ok(codesOn(again).includes('USERNAME_POLICY'))
    assert.ok(again.text.includes(SENTENCE))
    assert.ok(!again.html.includes('[0-9]{5}'), 'the expression is nobody’s business')
    assert.equal(again.submission('Create account').fields.get('username'), 'CUSTOMERS/asha')
  })

  it('suggestions stay in the store, keep to its rule, and can be taken', async () => {
    const { preferred_username: name } = newcomer()
    await join(product, 'username', stranger(product), `STAFF/${name}`)
    const person = stranger(product)
    const page = await arrive(product, openBrowser(), 'username', person)
    const again = await fillRegister(page, `staff/${name}`).press('Create account')
    assert.ok(codesOn(again).includes('USERNAME_TAKEN'))
    const offers = [...again.html.matchAll(/name="use" value="([^"]+)"/g)].map(([, offer = '']) => offer)
    assert.equal(offers.length, 3)
    for (const offer of offers) assert.match(offer, /^STAFF\/[^/]+$/)
    const used = await again.press(offers[0] ?? '')
    await fillRegister(used, used.submission('Create account').fields.get('username') ?? '').press('Create account')
    assert.deepEqual((await knownPerson(product, person.sub)).user.store, 'STAFF')
  })

  it('the live status says which store a name will go to, and what it is there', async () => {
    const browser = openBrowser()
    const { preferred_username: name } = newcomer()
    const page = await arrive(product, browser, 'username', stranger(product))
    const ask = async (username: string) => {
      const { fields } = page.submission('Create account')
      const body = new URLSearchParams({
        username,
        _csrf: fields.get('_csrf') ?? '',
        sessionDataKey: fields.get('sessionDataKey') ?? '',
      })
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const url = new URL('/accountrecoveryendpoint/username-status', product.url)
      return (await browser.fetch(url, { method: 'POST', headers, body: body.toString() })).json()
    }
    const free = { available: true, reason: null }
    assert.deepEqual(await ask(name), { ...free, store: 'PRIMARY', username: name })
    assert.deepEqual(await ask(`staff/${name}`), { ...free, store: 'STAFF', username: name })
    assert.deepEqual(await ask(`NOPE/${name}`), { ...free, store: 'PRIMARY', username: name })
    assert.deepEqual(await ask('CUSTOMERS/asha'), { available: false, reason: 'USERNAME_POLICY' })
    assert.deepEqual(await ask(`/${name}`), { available: false, reason: 'USERNAME_NO_PREFIX' })
  })

  it('no way to write a name takes over somebody who is there', async () => {
    const { preferred_username: name } = newcomer()
    const asha = stranger(product)
    await join(product, 'username', asha, name)
    const { user } = await knownPerson(product, asha.sub)
    const disguises = [`NOPE/${name}`, `PRIMARY/${name}`, `INTERNAL/${name}`, ` ${name.toUpperCase()} `]
    for (const typed of disguises) {
      const page = await arrive(product, openBrowser(), 'username', stranger(product))
      const again = await fillRegister(page, typed).press('Create account')
      assert.equal(again.status, 422, typed)
      assert.deepEqual([...new Set(codesOn(again))], ['USERNAME_TAKEN'], typed)
      const silent = stranger(product, { preferred_username: typed.trim() })
      const refusal = await arrive(product, openBrowser(), 'silent', silent)
      assert.equal(refusal.status, 409, typed)
      await refusal.click('Return to Travel')
      assert.equal(refused(product.application).description, 'USERNAME_TAKEN')
    }
    const names = await product.rows('SELECT id FROM users WHERE username_canonical = $1', [name])
    assert.deepEqual(names, [{ id: user.id }])
  })

  it('an unknown prefix is an error on the field where the setting says so, and PRIMARY is out of its reach', async () => {
    await meanwhile(
      product,
      (declared) => ({
        ...declared,
        jitProvisioning: { ...declared.jitProvisioning, unknownUserStore: 'refuse' },
      }),
      async () => {
        const { preferred_username: name } = newcomer()
        const page = await arrive(product, openBrowser(), 'username', stranger(product))
        const again = await fillRegister(page, `NOPE/${name}`).press('Create account')
        assert.equal(again.status, 422)
        assert.ok(codesOn(again).includes('STORE_UNKNOWN'))
        assert.match(again.text, /There is no directory called NOPE\. Remove it, or use STAFF or CUSTOMERS/)
        const silent = stranger(product, { preferred_username: `NOPE/${name}` })
        const refusal = await arrive(product, openBrowser(), 'silent', silent)
        assert.equal(refusal.status, 409)
        await refusal.click('Return to Travel')
        assert.equal(refused(product.application).description, 'USERNAME_POLICY')
        const { sub } = await join(product, 'username', stranger(product), name)
        assert.equal((await signInLocally(product, `NOPE/${name}`)).status, 422)
        assert.equal(signedInAt(product.application, await signInLocally(product, name)).sub, sub)
      },
    )
  })

  it('words that the operator reserves can be nobody’s name, in any store, case or look', async () => {
    await meanwhile(
      product,
      (declared) => ({
        ...declared,
        jitProvisioning: { ...declared.jitProvisioning, reservedUsernames: ['Reception'] },
      }),
      async () => {
        for (const typed of ['reception', 'STAFF/RECEPTION', '\uFF52eception']) {
          const page = await arrive(product, openBrowser(), 'username', stranger(product))
          const again = await fillRegister(page, typed).press('Create account')
          assert.deepEqual([...new Set(codesOn(again))], ['USERNAME_RESERVED'], typed)
        }
      },
    )
  })

  it('a rule that is tightened later locks nobody out, at the idp or with the password', async () => {
    const { preferred_username: name } = newcomer()
    const person = stranger(product)
    const { sub } = await join(product, 'username', person, `STAFF/${name}`)
    await meanwhile(
      product,
      (declared) => ({
        ...declared,
        userStores: declared.userStores.map((store) =>
          store.name === 'STAFF' ? { ...store, properties: { UsernameJavaRegEx: '^[0-9]{4}$' } } : store,
        ),
      }),
      async () => {
        const warning = product.log.find((line) => line.includes('usernames do not follow the rules of their store'))
        assert.ok(warning?.includes('"STAFF":'), warning)
        assert.ok(!warning?.includes(name), 'a name is no business of the log')
        const again = await arrive(product, openBrowser(), 'username', person)
        assert.equal(signedInAt(product.application, again).sub, sub)
        assert.equal(signedInAt(product.application, await signInLocally(product, `STAFF/${name}`)).sub, sub)
      },
    )
  })

  it('a password has to keep to the rule of its store as well, and never only to that', async () => {
    const rule = { PasswordJavaRegEx: '^(?=.*[0-9]).{4,100}$', PasswordJavaRegExViolationErrorMsg: 'A digit, please' }
    await meanwhile(
      product,
      (declared) => ({
        ...declared,
        userStores: declared.userStores.map((store) =>
          store.name === 'STAFF' ? { ...store, properties: rule } : store,
        ),
      }),
      async () => {
        const { preferred_username: name } = newcomer()
        const person = stranger(product)
        const page = await arrive(product, openBrowser(), 'username', person)
        const again = await fillRegister(page, `STAFF/${name}`).press('Create account')
        assert.deepEqual([...new Set(codesOn(again))], ['PW_POLICY'])
        assert.ok(again.text.includes('A digit, please'))
        const short = await fillRegister(again, `STAFF/${name}`).fill({ password: 'abc 1' }).press('Create account')
        assert.deepEqual([...new Set(codesOn(short))], ['PW_SHORT'])
        await fillRegister(short, `STAFF/${name}`)
          .fill({ password: `${PASSWORD} 7` })
          .press('Create account')
        assert.equal((await knownPerson(product, person.sub)).user.store, 'STAFF')
        await join(product, 'username', stranger(product), name)
      },
    )
  })

  it('an expression that would keep another engine busy for ever keeps nobody waiting', async (t) => {
    const evil = { UsernameJavaRegEx: '^(a+)+$', PasswordJavaRegEx: '^(a|a)*([a-z ]|[a-y ])*$' }
    await meanwhile(
      product,
      (declared) => ({ ...declared, userStores: [...declared.userStores, { name: 'EVIL', properties: evil }] }),
      async () => {
        const browser = openBrowser()
        const page = await arrive(product, browser, 'username', stranger(product))
        const time = async (username: string, password: string) => {
          const began = performance.now()
          const other = fetch(`${product.url}/livez`).then(() => performance.now() - began)
          const response = await submit(browser, fillRegister(page, username).fill({ password }), 'Create account')
          assert.equal(response.status, 422)
          const codes = [...(await response.text()).matchAll(/data-msg="([A-Z_]+)"/g)].map(([, code]) => code)
          return { codes: [...new Set(codes)], took: performance.now() - began, other: await other }
        }
        const tries = [
          await time(`EVIL/${'a'.repeat(50_000)}!`, PASSWORD),
          await time(`EVIL/${'a'.repeat(254)}!`, PASSWORD),
          await time(`EVIL/${'a'.repeat(255)}`, `${'a'.repeat(127)}!`),
        ]
        assert.deepEqual(
          tries.map(({ codes }) => codes),
          [['USERNAME_LONG'], ['USERNAME_POLICY'], ['PW_COMMON']],
        )
        const most = Math.max(...tries.map(({ took }) => took))
        t.diagnostic(
          `slowest answer ${most.toFixed(0)} ms, others meanwhile ${Math.max(...tries.map(({ other }) => other)).toFixed(0)} ms`,
        )
        // Ten times what is promised: what is meant here is seconds, minutes and years.
        assert.ok(most < 2_000, `${most} ms`)
      },
    )
  })

  it('a changed store while the page is open: the answer is judged by what holds now', async () => {
    const person = stranger(product)
    const browser = openBrowser()
    const page = await arrive(product, browser, 'username', person)
    const filled = fillRegister(page, `STAFF/${person.preferred_username}`)
    await meanwhile(product, withIdp('username', { userstore: 'PRIMARY' }), async () => {
      const response = await submit(browser, filled, 'Create account')
      assert.equal(response.status, 422)
      assert.match(await response.text(), /data-msg="USERNAME_NO_PREFIX"/)
      assert.equal(await storedPerson(product, person.sub), undefined)
    })
  })
})
