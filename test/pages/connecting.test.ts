// Connecting an account that is here already while signing in: who is asked, the three ways, the proof, and what is kept of it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openBrowser, type Page } from '../support/browser.ts'
import {
  assertAt,
  CONNECT,
  claim,
  offered,
  ownerByIdp,
  ownerWithPassword,
  proveByIdp,
  proveByPassword,
  sameAddress,
  startOffering,
} from '../support/connecting.ts'
import { PASSWORD } from '../support/people.ts'
import type { Mode, Product } from '../support/product.ts'
import { editPurpose } from '../support/purposes.ts'
import { openSmtpSink } from '../support/smtp.ts'
import {
  codesOn,
  countPeople,
  flowIdOf,
  hashOfUser,
  knownPerson,
  newcomer,
  refused,
  signedIn,
  storedPerson,
  visit,
} from '../support/visits.ts'

const ASKING: [Mode, string][] = [
  ['consent', '/accountrecoveryendpoint/signup.do'],
  ['password', '/accountrecoveryendpoint/signup.do'],
  ['username', '/accountrecoveryendpoint/register.do'],
]
const MAKING: Mode[] = ['silent', 'consent', 'password', 'username']

describe('somebody new whose verified address a user keeps', () => {
  let product: Product
  before(async () => {
    product = await startOffering()
  })
  after(() => product.stop())

  for (const mode of MAKING) {
    it(`is asked whether that is them in the mode ${mode}, connects by the password, and comes to the application as that user`, async () => {
      const owner = await ownerWithPassword(product)
      const [people, before] = [await countPeople(product), await hashOfAttributes(owner.id)]
      const person = sameAddress(owner)
      const asked = await offered(product, mode, person)
      assert.match(asked.text, /You may already have an account/)
      assert.ok(asked.text.includes(person.email))
      const last = await proveByPassword(await claim(asked), owner.person.preferred_username)
      assert.ok(last.text.includes(owner.person.preferred_username), 'names the account')
      assert.ok(last.text.includes(`Acme ${mode}`), 'names the idp')
      assert.ok(last.text.includes(person.email), 'names who they are there')
      await last.press('Finish')

      assert.equal(signedIn(product.application).sub, owner.id)
      assert.equal((await countPeople(product)).users, people.users, 'no user is made')
      assert.equal(await hashOfAttributes(owner.id), before, 'nothing that is kept has changed')
      const identities = await product.rows(
        'SELECT idps.name AS idp, subject, scheme FROM identities JOIN idps ON idps.id = idp_id WHERE user_id = $1 AND subject = $2',
        [owner.id, person.sub],
      )
      const scheme = mode === 'silent' ? 'PROMPT_CONSENT' : schemeOf(mode)
      assert.deepEqual(identities, [{ idp: mode, subject: person.sub, scheme }])

      await visit(product, mode, person)
      assert.equal(signedIn(product.application).sub, owner.id, 'and again')
    })
  }

  it('learns nothing of that user but that there is one', async () => {
    const owner = await ownerWithPassword(product)
    const page = await offered(product, 'username', sameAddress(owner))
    for (const value of [owner.id, owner.person.preferred_username, owner.person.name, owner.person.phone_number])
      assert.ok(!page.html.includes(value), value)
    const signIn = await claim(page)
    for (const value of [owner.id, owner.person.preferred_username, owner.person.name])
      assert.ok(!signIn.html.includes(value), value)
  })

  it('gets a separate account that keeps no address in the silent mode, then and later', async () => {
    const owner = await ownerWithPassword(product)
    const before = await hashOfUser(product, owner.id)
    const person = sameAddress(owner)
    const asked = await offered(product, 'silent', person)
    assert.match(asked.text, /Create a separate account It will not use this email address/)
    await asked.tick('separate').press('Continue')
    const { sub, userinfo } = signedIn(product.application)
    assert.notEqual(sub, owner.id)
    assert.equal(userinfo['email'], undefined)
    const made = await knownPerson(product, person.sub)
    assert.deepEqual(
      made.attributes.map(({ name }) => name),
      ['department', 'name', 'phone_number'],
    )
    assert.deepEqual(
      made.consents.map(({ purpose_id, attribute, is_given }) => [purpose_id, attribute, is_given]),
      [['recover', 'email', false]],
    )
    assert.equal(made.identities[0]?.scheme, 'PROVISION_SILENTLY')

    await visit(product, 'silent', { ...person, name: 'Another Name' })
    const later = await knownPerson(product, person.sub)
    assert.deepEqual(later.attributes.find(({ name }) => name === 'name')?.value, 'Another Name')
    assert.equal(
      later.attributes.find(({ name }) => name === 'email'),
      undefined,
    )
    assert.equal(await hashOfUser(product, owner.id), before)
  })

  it('is told in the silent mode when a separate account would be called by that address', async () => {
    const owner = await ownerWithPassword(product)
    const asked = await offered(product, 'silent', sameAddress(owner, { preferred_username: owner.person.email }))
    assert.ok(asked.text.includes(`Its username will be ${owner.person.email}`), asked.text)
  })

  for (const [mode, path] of ASKING) {
    it(`gets to the page of the mode ${mode} for a separate account, is asked no second time, and keeps what they tick`, async () => {
      const owner = await ownerWithPassword(product)
      const person = sameAddress(owner)
      const browser = openBrowser()
      const asked = await offered(product, mode, person, browser)
      const prompt = await asked.tick('separate').press('Continue')
      assertAt(prompt, path)
      assertAt(await browser.open(prompt.url), path)
      if (mode !== 'consent') prompt.fill({ password: PASSWORD })
      await prompt.tick('recover:email').press('Create account')
      assert.notEqual(signedIn(product.application).sub, owner.id)
      assert.deepEqual(
        (await knownPerson(product, person.sub)).attributes.map(({ name }) => name),
        ['email'],
      )
    })
  }

  it('stops, and nothing is kept', async () => {
    const owner = await ownerWithPassword(product)
    const person = sameAddress(owner)
    const page = await (await offered(product, 'silent', person)).tick('stop').press('Continue')
    assert.deepEqual(codesOn(page), ['DECLINED'])
    assert.equal(await storedPerson(product, person.sub), undefined)
    await page.click('Return to Travel')
    assert.equal(refused(product.application).error, 'access_denied')
  })

  it('is told to choose who has chosen nothing, and keeps the choice in another language', async () => {
    const owner = await ownerWithPassword(product)
    const page = await offered(product, 'consent', sameAddress(owner))
    const again = await page.press('Continue')
    assert.equal(again.status, 422)
    assert.deepEqual([...new Set(codesOn(again))], ['EXISTS_CHOOSE'])
    const german = await again.tick('separate').press('Deutsch')
    assert.match(german.text, /Vielleicht haben Sie schon ein Konto/)
    assert.match(german.html, /value="separate"[^>]* checked/)
  })

  it('is asked before a taken name refuses them, and refused only when they want a separate account', async () => {
    const owner = await ownerWithPassword(product)
    const same = () => sameAddress(owner, { preferred_username: owner.person.preferred_username })
    const page = await (await offered(product, 'silent', same())).tick('separate').press('Continue')
    assert.deepEqual(codesOn(page), ['USERNAME_TAKEN'])
    const last = await proveByPassword(
      await claim(await offered(product, 'silent', same())),
      owner.person.preferred_username,
    )
    await last.press('Finish')
    assert.equal(signedIn(product.application).sub, owner.id)
  })

  it('is asked whatever the case of the address, and when several users keep it', async () => {
    const owner = await ownerWithPassword(product)
    const second = await ownerByIdp(product)
    await product.rows(`UPDATE user_attributes SET value = to_jsonb($1::text) WHERE user_id = $2 AND name = 'email'`, [
      owner.person.email,
      second.id,
    ])
    const person = sameAddress(owner, { email: owner.person.email.toUpperCase() })
    const signIn = await claim(await offered(product, 'consent', person))
    const last = await proveByIdp(product, signIn, 'silent', second.person)
    await last.press('Finish')
    assert.equal(signedIn(product.application).sub, second.id, 'the one that they proved')
  })

  it('comes back to the question, to a finished page and to the same ending, wherever they go', async () => {
    const owner = await ownerWithPassword(product)
    const browser = openBrowser()
    const asked = await offered(product, 'password', sameAddress(owner), browser)
    const id = flowIdOf(asked)
    for (const address of ['/accountrecoveryendpoint/signup.do', '/accountrecoveryendpoint/register.do', '/commonauth'])
      assertAt(await browser.open(`${product.url}${address}?sessionDataKey=${id}`), CONNECT)
    const signIn = await claim(asked)
    assertAt(await signIn.click('Go back'), CONNECT)
    assertAt(await browser.open(`${product.url}${CONNECT}/finish?sessionDataKey=${id}`), `${CONNECT}/sign-in`)
    const last = await proveByPassword(signIn, owner.person.preferred_username)
    await last.press('Finish')
    for (const path of ['', '/sign-in', '/finish', '/idp'])
      assert.match(
        (await browser.open(`${product.url}${CONNECT}${path}?sessionDataKey=${id}`)).text,
        /You have already finished/,
      )
    // A second press of the same button.
    await last.press('Finish')
    assert.equal(signedIn(product.application).sub, owner.id)
  })

  it('leaves a record that says so, for operators and for the owner', async () => {
    const owner = await ownerWithPassword(product)
    const person = sameAddress(owner)
    const asked = await offered(product, 'silent', person)
    const id = flowIdOf(asked)
    await (await proveByPassword(await claim(asked), owner.person.preferred_username)).press('Finish')
    const [record] = await product.rows<{ event: string; user_id: string; facts: { mayBeKnown?: boolean } }>(
      'SELECT event, user_id, facts FROM audit_events WHERE flow_id = $1',
      [id],
    )
    assert.deepEqual([record?.event, record?.user_id, record?.facts.mayBeKnown], ['connected', owner.id, true])
    const events = await product.rows('SELECT event, detail FROM account_events WHERE user_id = $1', [owner.id])
    assert.deepEqual(events, [{ event: 'connected', detail: { idp: 'Acme silent' } }])
  })

  async function hashOfAttributes(userId: string): Promise<string> {
    const rows = await product.rows(
      'SELECT name, value, verified, origin, origin_idp_id FROM user_attributes WHERE user_id = $1 ORDER BY name',
      [userId],
    )
    return JSON.stringify(rows)
  }

  function schemeOf(mode: Mode): string | undefined {
    return product.declared.identityProviders.find(({ name }) => name === mode)?.jit.scheme
  }
})

describe('nobody is asked, and nothing is said', () => {
  let product: Product
  before(async () => {
    product = await startOffering({ offering: ['silent', 'consent', 'none'] })
  })
  after(() => product.stop())

  // biome-ignore format: one row, one line
  const unverified: [string, Record<string, unknown>][] = [
    ['the idp says that it did not check the address', { email_verified: false }],
    ['the idp does not say whether it did', { email_verified: undefined }],
    ['the idp says so in words', { email_verified: 'true' }],
    ['the address is another one', { email: 'somebody.else@acme.example' }],
    ['the idp sends no address', { email: undefined }],
  ]
  for (const [title, claims] of unverified) {
    it(`when ${title}: a separate account is made as for anybody`, async () => {
      const owner = await ownerWithPassword(product)
      const person = sameAddress(owner, claims)
      const page = await visit(product, 'silent', person)
      assert.ok(!page.history.some((address) => address.includes(CONNECT)), page.history.join('\n'))
      assert.notEqual(signedIn(product.application).sub, owner.id)
    })
  }

  it('when the user keeps the address unverified, or is locked', async () => {
    for (const sql of [
      `UPDATE user_attributes SET verified = false WHERE user_id = $1 AND name = 'email'`,
      'UPDATE users SET is_locked = true WHERE id = $1',
    ]) {
      const owner = await ownerWithPassword(product)
      await product.rows(sql, [owner.id])
      await visit(product, 'silent', sameAddress(owner))
      assert.notEqual(signedIn(product.application).sub, owner.id)
    }
  })

  it('where the idp does not offer it, and where it makes no users', async () => {
    const owner = await ownerWithPassword(product)
    const prompt = await visit(product, 'username', sameAddress(owner))
    assertAt(prompt, '/accountrecoveryendpoint/register.do')
    assert.ok(!prompt.html.includes(CONNECT))
    await visit(product, 'none', sameAddress(owner))
    assert.match(signedIn(product.application).sub, /^fed\./)
  })
})

describe('the quiet link on the pages that ask', () => {
  let product: Product
  before(async () => {
    product = await startOffering()
  })
  after(() => product.stop())

  for (const [mode, path] of ASKING) {
    it(`leads from the page of the mode ${mode} to the sign-in, and back`, async () => {
      const owner = await ownerWithPassword(product)
      const person = newcomer()
      const prompt = await visit(product, mode, person)
      const signIn = await prompt.click('Already have a Travel account? Connect it')
      assertAt(signIn, `${CONNECT}/sign-in`)
      assertAt(await signIn.click('Go back'), path)
      const last = await proveByPassword(signIn, owner.person.preferred_username)
      await last.press('Finish')
      assert.equal(signedIn(product.application).sub, owner.id)
      const known = await product.rows('SELECT user_id FROM identities WHERE subject = $1', [person.sub])
      assert.deepEqual(known, [{ user_id: owner.id }])
    })
  }

  it('is not there any more once the idp offers it no more, and neither is what it led to', async () => {
    const prompt = await visit(product, 'consent', newcomer())
    const signIn = await prompt.click('Already have a Travel account? Connect it')
    await product.rows(`UPDATE idps SET associate_local_user = false WHERE name = 'consent'`)
    try {
      const page = await signIn.fill({ username: 'anybody', password: PASSWORD }).press('Sign in and connect')
      assertAt(page, '/accountrecoveryendpoint/signup.do')
      assert.ok(!page.html.includes(CONNECT))
    } finally {
      await product.rows(`UPDATE idps SET associate_local_user = true WHERE name = 'consent'`)
    }
  })
})

describe('the details of both', () => {
  let product: Product
  before(async () => {
    product = await startOffering()
  })
  after(() => product.stop())

  it('are shown side by side, unticked; what is ticked is replaced with its origin, and nothing else, then and later', async () => {
    const owner = await ownerByIdp(product)
    const person = sameAddress(owner)
    await product.rows(`DELETE FROM user_attributes WHERE user_id = $1 AND name = 'phone_number'`, [owner.id])
    const signIn = await claim(await offered(product, 'consent', person))
    const page = await proveByIdp(product, signIn, 'silent', owner.person)
    assertAt(page, `${CONNECT}/finish`)
    assert.doesNotMatch(page.html, /<input[^>]* checked/)
    // Where people are asked, only what a purpose asks for: not the name, and not the address, which is the same.
    assert.match(page.text, /Mobile number Now Nothing From Acme consent/)
    assert.ok(page.text.includes(`Now ${owner.person.department} From Acme consent ${person.department}`), page.text)
    assert.ok(!page.text.includes(person.name))
    await page.tick('department').press('Finish')
    assert.equal(signedIn(product.application).sub, owner.id)
    const kept = async () => (await knownPerson(product, owner.person.sub)).attributes
    const of = (all: Awaited<ReturnType<typeof kept>>, name: string) => all.find((one) => one.name === name)
    assert.deepEqual(of(await kept(), 'department'), {
      name: 'department',
      value: person.department,
      verified: null,
      origin: 'idp',
      idp: 'consent',
    })
    assert.equal(of(await kept(), 'phone_number'), undefined)
    assert.equal(of(await kept(), 'name')?.value, owner.person.name)
    const answers = await product.rows('SELECT purpose_id, attribute, state FROM consents WHERE user_id = $1', [
      owner.id,
    ])
    assert.deepEqual(answers, [{ purpose_id: 'office', attribute: 'department', state: 'given' }])

    await visit(product, 'consent', { ...person, department: 'Another one', name: 'Another Name' })
    assert.equal(of(await kept(), 'department')?.value, 'Another one', 'what was ticked follows the idp')
    assert.equal(of(await kept(), 'phone_number'), undefined, 'what was not ticked stays away')
    assert.equal(of(await kept(), 'name')?.value, owner.person.name, 'and stays as it was')
  })

  it('are none where nothing differs, and both are named all the same', async () => {
    const owner = await ownerByIdp(product)
    const { sub: _, ...same } = owner.person
    const signIn = await claim(await offered(product, 'consent', sameAddress(owner, same)))
    const last = await proveByIdp(product, signIn, 'silent', owner.person)
    assert.ok(last.text.includes(owner.person.preferred_username))
    assert.ok(!last.html.includes('type="checkbox"'))
    await last.press('Finish')
    assert.equal(signedIn(product.application).sub, owner.id)
  })

  it('that change while the page is open are shown again, and nothing is replaced that nobody has seen', async () => {
    const owner = await ownerByIdp(product)
    const person = sameAddress(owner)
    const signIn = await claim(await offered(product, 'consent', person))
    const last = await proveByIdp(product, signIn, 'silent', owner.person)
    await product.rows(`UPDATE user_attributes SET value = '"Newer"' WHERE user_id = $1 AND name = 'department'`, [
      owner.id,
    ])
    const again = await last.tick('department').press('Finish')
    assert.equal(again.status, 422)
    assert.deepEqual(codesOn(again), ['CHANGED'])
    assert.match(again.html, /value="department"[^>]* checked/)
    assert.match(again.text, /Now Newer/)
    await again.untick('department').press('Finish')
    assert.equal(signedIn(product.application).sub, owner.id)
    const { attributes } = await knownPerson(product, owner.person.sub)
    assert.equal(attributes.find(({ name }) => name === 'department')?.value, 'Newer')
  })

  it('keep the roles that the idp grants, and the ticks in another language', async () => {
    const owner = await ownerByIdp(product)
    await product.rows(
      `UPDATE idps SET roles_claim = 'groups', role_mappings = '{"acme-admins": "admin"}' WHERE name = 'consent'`,
    )
    const person = sameAddress(owner, { groups: ['acme-admins', 'others'] })
    const signIn = await claim(await offered(product, 'consent', person))
    const last = await proveByIdp(product, signIn, 'silent', owner.person)
    const german = await last.tick('department').press('Deutsch')
    assert.match(german.html, /value="department"[^>]* checked/)
    await german.press('Fertigstellen')
    assert.equal(signedIn(product.application).sub, owner.id)
    assert.deepEqual(await product.rows('SELECT role FROM user_roles WHERE user_id = $1', [owner.id]), [
      { role: 'admin' },
    ])
  })
})

describe('somebody who connected', () => {
  let product: Product
  before(async () => {
    product = await startOffering()
  })
  after(() => product.stop())

  const reword = (id: string, description: string) =>
    editPurpose(product.running.house, id, (purpose) => ({ ...purpose, description }))
  const boxesOn = (page: Page) => [...page.html.matchAll(/name="consent" value="([^"]*)"/g)].map(([, box]) => box)

  it('is asked about what changed before it, but for what they ticked in the words of now', async () => {
    const owner = await ownerWithPassword(product)
    await reword('recover', 'Other words')
    const person = sameAddress(owner)
    const asked = await offered(product, 'consent', person)
    const last = await proveByPassword(await claim(asked), owner.person.preferred_username)
    await last.tick('phone_number').press('Finish')
    assert.equal(signedIn(product.application).sub, owner.id)
    const page = await visit(product, 'consent', person)
    assert.deepEqual(boxesOn(page), ['recover:email'])
    await page.press('Save my choice')
    await visit(product, 'consent', person)
    assert.equal(signedIn(product.application).sub, owner.id)
  })

  it('and was a user without any idp is asked about nothing that held then, and about what changes later', async () => {
    const owner = await ownerWithPassword(product)
    // As the command and the console make users.
    await product.rows('DELETE FROM identities WHERE user_id = $1', [owner.id])
    await product.rows('DELETE FROM answered_versions WHERE user_id = $1', [owner.id])
    const person = sameAddress(owner)
    const asked = await offered(product, 'consent', person)
    await (await proveByPassword(await claim(asked), owner.person.preferred_username)).press('Finish')
    await visit(product, 'consent', person)
    assert.equal(signedIn(product.application).sub, owner.id)
    await reword('office', 'Offices have moved')
    assert.deepEqual(boxesOn(await visit(product, 'consent', person)), ['office:department'])
  })
})

describe('the owner', () => {
  it('is told by letters at the address of before, one of them that it was replaced', async () => {
    const sink = await openSmtpSink()
    const product = await startOffering({ smtpUrl: sink.url })
    try {
      const owner = await ownerByIdp(product)
      const person = newcomer()
      const prompt = await visit(product, 'consent', person)
      const signIn = await prompt.click('Already have a Travel account? Connect it')
      const last = await proveByIdp(product, signIn, 'silent', owner.person)
      await last.tick('email').press('Finish')
      assert.equal(signedIn(product.application).sub, owner.id)
      const letters = await sink.arrived(2)
      assert.deepEqual(
        letters.map(({ to, subject }) => [to, subject]).toSorted(),
        [
          [[owner.person.email], 'The email address of your account at Northwind was changed'],
          [[owner.person.email], 'Acme consent is now connected to your account at Northwind'],
        ].toSorted(),
      )
    } finally {
      await product.stop()
      await sink.close()
    }
  })
})
