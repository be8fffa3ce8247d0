// Roles: what an identity provider's claim grants here, whom a later sign-in gives and takes them, and who hears of them.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Profile } from '../src/login/profile.ts'
import { toProfile } from '../src/login/profile.ts'
import { grantedRoles, readRoles, roleChanges } from '../src/provisioning/roles.ts'
import { createKeyring } from '../src/seal.ts'
import { openBrowser, type Page } from './support/browser.ts'
import { flowWith, openHouse, type TestHouse } from './support/house.ts'
import { brokenInvariants } from './support/invariants.ts'
import { PASSWORD } from './support/people.ts'
import { type Mode, type Product, SECRET_KEY, startProduct } from './support/product.ts'
import { ISSUER, profileOf, situationOf } from './support/situations.ts'
import {
  hashOfUser,
  knownPerson,
  meanwhile,
  newcomer,
  signedIn,
  storedPerson,
  submit,
  visit,
  withIdp,
} from './support/visits.ts'

const MAPPINGS = {
  'acme-admins': 'admin',
  'acme-editors': 'editor',
  'acme-chiefs': 'admin',
  'cn=all,dc=acme': 'reader',
}

describe('a roles claim', () => {
  // biome-ignore format: one row, one line
  const rows: [sentence: string, claim: unknown, roles: string[]][] = [
    ['that is a list grants what is mapped of it, sorted', ['acme-editors', 'acme-admins'], ['admin', 'editor']],
    ['grants a role once, however often and under however many names it says it', ['acme-admins', 'acme-chiefs', 'acme-admins'], ['admin']],
    ['that is one text is one role', 'acme-admins', ['admin']],
    ['that is one text with commas is several', 'acme-editors,other,acme-admins', ['admin', 'editor']],
    ['that is one text with commas is one role where that is mapped as a whole', 'cn=all,dc=acme', ['reader']],
    ['that is a list has roles with commas, not several in one', ['acme-admins,acme-editors'], []],
    ['is taken to the letter: case, spaces and width count', 'ACME-ADMINS, acme-admins,acme-admins ,ａcme-admins', []],
    ['grants nothing for a role that is not mapped, were it called as one of ours', ['admin', 'editor', 'root'], []],
    ['with names that all objects have grants nothing', ['__proto__', 'constructor', 'toString', 'hasOwnProperty'], []],
    ['that is one such name grants nothing', '__proto__', []],
    ['that is empty text grants nothing', '', []],
    ['of commas grants nothing', ',,,', []],
    ['that is an empty list grants nothing', [], []],
    ['that was not sent grants nothing', undefined, []],
    ['that is null grants nothing', null, []],
    ['that is a number grants nothing', 7, []],
    ['that is true grants nothing', true, []],
    ['that is an object grants nothing', { 'acme-admins': true, roles: ['acme-admins'] }, []],
    ['that has anything but text in its list grants nothing', ['acme-admins', 7], []],
    ['that has a list in its list grants nothing', ['acme-admins', ['acme-editors']], []],
    ['may say more than anybody can use', [...Array<string>(100_000).fill('\uD800\0'), 'acme-admins'], ['admin']],
  ]
  for (const [sentence, claim, roles] of rows) {
    it(sentence, () => assert.deepEqual(readRoles(claim, MAPPINGS), roles))
  }

  const idp = { issuer: ISSUER, usernameClaim: 'preferred_username', mappings: {}, roleMappings: MAPPINGS }
  const rolesOf = (json: string, rolesClaim: string | null) => toProfile(JSON.parse(json), { ...idp, rolesClaim }).roles

  it('is the one that the configuration names, and the own member of that name alone', () => {
    const sent = '{"sub":"asha-1","groups":["acme-admins"],"roles":["acme-editors"]}'
    assert.deepEqual(rolesOf(sent, 'groups'), ['admin'])
    assert.deepEqual(rolesOf(sent, 'roles'), ['editor'])
    assert.deepEqual(rolesOf(sent, null), [])
    for (const name of ['constructor', '__proto__', 'toString']) assert.deepEqual(rolesOf(sent, name), [])
    assert.deepEqual(rolesOf('{"sub":"asha-1","__proto__":{"groups":["acme-admins"]}}', 'groups'), [])
    assert.deepEqual(rolesOf('{"sub":"asha-1","realm":{"groups":["acme-admins"]}}', 'realm.groups'), [])
    assert.deepEqual(rolesOf('{"sub":"asha-1","__proto__":["acme-admins"]}', '__proto__'), ['admin'])
  })

  it('makes no role of what a mapping merely inherits', () => {
    const mappings = Object.assign(Object.create({ 'acme-admins': 'admin' }), { 'acme-editors': 'editor' })
    assert.deepEqual(readRoles(['acme-admins', 'acme-editors'], mappings), ['editor'])
    assert.deepEqual(readRoles(['__proto__'], JSON.parse('{"__proto__":"admin"}')), ['admin'])
  })
})

describe('the roles of a profile', () => {
  const { idp } = situationOf(profileOf({}), [])
  const profile = { ...profileOf({}), roles: ['admin', 'editor'] }

  it('are granted as far as the configuration still maps something to them', () => {
    assert.deepEqual(grantedRoles(profile, { ...idp, roleMappings: MAPPINGS }), ['admin', 'editor'])
    assert.deepEqual(grantedRoles(profile, { ...idp, roleMappings: { x: 'editor', y: 'reader' } }), ['editor'])
    assert.deepEqual(grantedRoles(profile, { ...idp, roleMappings: {} }), [])
  })

  // biome-ignore format: one row, one line
  const rows: [sentence: string, granted: string[], kept: string[], grant: string[], withdraw: string[]][] = [
    ['are granted when they are new', ['admin', 'editor'], [], ['admin', 'editor'], []],
    ['are left alone when they are the same, in any order', ['admin', 'editor'], ['editor', 'admin'], [], []],
    ['are withdrawn when they are not said any more', [], ['admin', 'editor'], [], ['admin', 'editor']],
    ['change one by one', ['admin', 'reader'], ['admin', 'editor'], ['reader'], ['editor']],
  ]
  for (const [sentence, granted, kept, grant, withdraw] of rows) {
    it(sentence, () => assert.deepEqual(roleChanges(granted, kept), { grant, withdraw }))
  }
})

const SCOPE = { scope: 'openid roles' }

describe('roles, from sign-in to sign-in', () => {
  let product: Product
  before(async () => {
    product = await startProduct({
      modes: ['none', 'silent', 'consent', 'username'],
      change: (declared) => ({
        ...declared,
        identityProviders: declared.identityProviders.map((idp) => ({
          ...idp,
          claims: { ...idp.claims, roles: 'groups', roleMappings: MAPPINGS },
        })),
      }),
    })
  })
  after(() => product.stop())

  it('are kept of a person made silently, and told to an application that asks for them, at userinfo alone', async () => {
    const person = newcomer({ groups: ['acme-editors', 'acme-admins', 'others'] })
    await visit(product, 'silent', person, { query: SCOPE })
    const { user, events } = await knownPerson(product, person.sub)
    assert.deepEqual(await rolesOf(user.id), ['admin of silent', 'editor of silent'])
    const { userinfo, idToken } = signedIn(product.application)
    assert.deepEqual(userinfo, { sub: user.id, roles: ['admin', 'editor'] })
    assert.ok(!('roles' in idToken))
    assert.deepEqual(events, [
      { event: 'user-created', detail: { scheme: 'PROVISION_SILENTLY', store: 'PRIMARY', attributes: 4, roles: 2 } },
    ])
  })

  it('are not told to an application that does not ask for them', async () => {
    const person = newcomer({ groups: ['acme-admins'] })
    await visit(product, 'silent', person, { query: { scope: 'openid profile email phone address' } })
    assert.ok(!('roles' in signedIn(product.application).userinfo))
  })

  it('are left out where there are none: no empty list', async () => {
    const person = newcomer({ groups: [] })
    await visit(product, 'silent', person, { query: SCOPE })
    const { sub, userinfo } = signedIn(product.application)
    assert.deepEqual(userinfo, { sub })
  })

  it('are a scope and a claim that our OpenID Provider says it knows', async () => {
    const answer = await fetch(`${product.url}/.well-known/openid-configuration`)
    const { scopes_supported: scopes, claims_supported: claims } = (await answer.json()) as Record<string, string[]>
    assert.ok(scopes?.includes('roles') && claims?.includes('roles'))
  })

  it('are found at userinfo when the ID token has everything else', async () => {
    const bare = withIdp(
      'silent',
      {},
      { claims: { username: 'sub', mappings: {}, roles: 'groups', roleMappings: MAPPINGS } },
    )
    await meanwhile(product, bare, async () => {
      const person = newcomer({ groups: ['acme-admins'] })
      await visit(product, 'silent', person)
      const { user } = await knownPerson(product, person.sub)
      assert.deepEqual(await rolesOf(user.id), ['admin of silent'])
    })
  })

  for (const mode of ['consent', 'username'] as const) {
    it(`are named on the page, kept without a tick, and of no field of a form (${mode})`, async () => {
      const browser = openBrowser()
      const person = newcomer({ groups: ['acme-editors', '<b>x</b>'] })
      const page = await visit(product, mode, person, { browser })
      assert.match(page.text, new RegExp(`We also keep what Acme ${mode} says you may do here: editor`))
      assert.doesNotMatch(page.text, /acme-editors|admin/)
      const form = answered(page).submission('Create account')
      for (const name of [
        'role',
        'roles',
        'attribute.roles',
        'attribute.groups',
        'groups',
        'roles[]',
        'profile[roles]',
      ]) {
        form.fields.append(name, 'admin')
      }
      for (const key of ['recover:roles', 'roles:admin', 'default:roles']) form.fields.append('consent', key)
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const sent = await browser.fetch(form.url, { method: 'POST', headers, body: form.fields.toString() })
      assert.equal(sent.status, 303, await sent.text())
      const { user, attributes, consents } = await knownPerson(product, person.sub)
      assert.deepEqual(await rolesOf(user.id), [`editor of ${mode}`])
      assert.deepEqual(
        attributes.map(({ name }) => name),
        ['email'],
      )
      assert.ok(consents.every(({ attribute }) => attribute !== 'roles' && attribute !== 'groups'))
    })
  }

  it('of nobody are not spoken of', async () => {
    const page = await visit(product, 'consent', newcomer({ groups: ['others'] }))
    assert.match(page.text, /We always keep/)
    assert.doesNotMatch(page.text, /We also keep/)
  })

  it('are not kept of somebody who declines', async () => {
    const browser = openBrowser()
    const person = newcomer({ groups: ['acme-admins'] })
    const page = await visit(product, 'consent', person, { browser })
    const before = await product.rows('SELECT count(*) FROM user_roles')
    assert.equal((await submit(browser, page, 'Do not create an account')).status, 303)
    assert.deepEqual(await product.rows('SELECT count(*) FROM user_roles'), before)
  })

  it('are given and taken by a later sign-in, and told as they are then', async () => {
    const person = newcomer({ groups: ['acme-admins', 'acme-editors'] })
    await visit(product, 'silent', person)
    const { user } = await knownPerson(product, person.sub)
    await visit(product, 'silent', { ...person, groups: ['acme-editors', 'cn=all,dc=acme'] }, { query: SCOPE })
    assert.deepEqual(await rolesOf(user.id), ['editor of silent', 'reader of silent'])
    assert.deepEqual(signedIn(product.application).userinfo['roles'], ['editor', 'reader'])
    const { events } = await knownPerson(product, person.sub)
    assert.deepEqual(events.at(-1)?.detail, { changed: 0, removed: 0, granted: 1, withdrawn: 1 })
    for (const groups of [undefined, [], 'nothing', 7]) {
      await visit(product, 'silent', { ...person, groups: ['acme-editors'] })
      assert.deepEqual(await rolesOf(user.id), ['editor of silent'])
      await visit(product, 'silent', { ...person, groups }, { query: SCOPE })
      assert.deepEqual(await rolesOf(user.id), [], `after ${groups}`)
      assert.ok(!('roles' in signedIn(product.application).userinfo))
    }
  })

  it('that are the same are not written again', async () => {
    const person = newcomer({ groups: ['acme-admins', 'acme-editors'] })
    await visit(product, 'silent', person)
    const { user } = await knownPerson(product, person.sub)
    const written = () =>
      product.rows('SELECT role, ctid::text, xmin::text, xmax::text FROM user_roles WHERE user_id = $1', [user.id])
    const first = await written()
    await visit(product, 'silent', { ...person, groups: ['acme-editors', 'acme-chiefs'] })
    assert.deepEqual(await written(), first)
  })

  for (const attributeSyncMethod of ['NONE', 'PRESERVE_LOCAL'] as const) {
    it(`are taken whatever becomes of attributes (${attributeSyncMethod})`, async () => {
      const person = newcomer({ groups: ['acme-admins'] })
      await visit(product, 'silent', person)
      const { user, attributes } = await knownPerson(product, person.sub)
      await meanwhile(product, withIdp('silent', { attributeSyncMethod }), async () => {
        await visit(product, 'silent', { ...person, department: undefined, groups: ['acme-editors'] })
      })
      assert.deepEqual(await rolesOf(user.id), ['editor of silent'])
      assert.deepEqual((await knownPerson(product, person.sub)).attributes, attributes)
    })
  }

  it('that an operator granted stay, the same ones too', async () => {
    const person = newcomer({ groups: ['acme-admins'] })
    await visit(product, 'silent', person)
    const { user } = await knownPerson(product, person.sub)
    for (const role of ['admin', 'auditor']) {
      await product.rows("INSERT INTO user_roles (user_id, role, origin) VALUES ($1, $2, 'operator')", [user.id, role])
    }
    await visit(product, 'silent', person, { query: SCOPE })
    assert.deepEqual(await rolesOf(user.id), ['admin of operator', 'admin of silent', 'auditor of operator'])
    assert.deepEqual(signedIn(product.application).userinfo['roles'], ['admin', 'auditor'])
    await visit(product, 'silent', { ...person, groups: [] }, { query: SCOPE })
    assert.deepEqual(await rolesOf(user.id), ['admin of operator', 'auditor of operator'])
    assert.deepEqual(signedIn(product.application).userinfo['roles'], ['admin', 'auditor'])
  })

  it('that two idps granted are taken by each for itself', async () => {
    const person = newcomer({ groups: ['acme-admins', 'acme-editors'] })
    await visit(product, 'silent', person)
    const { user } = await knownPerson(product, person.sub)
    await product.rows(
      `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme)
       SELECT idps.id, identities.issuer, subject, user_id, idps.jit_scheme FROM identities, idps
       WHERE user_id = $1 AND idps.name = 'consent'`,
      [user.id],
    )
    try {
      await visit(product, 'consent', person)
      const both = ['admin of consent', 'admin of silent', 'editor of consent', 'editor of silent']
      assert.deepEqual(await rolesOf(user.id), both)
      await visit(product, 'consent', { ...person, groups: ['acme-editors'] }, { query: SCOPE })
      assert.deepEqual(await rolesOf(user.id), ['admin of silent', 'editor of consent', 'editor of silent'])
      assert.deepEqual(signedIn(product.application).userinfo['roles'], ['admin', 'editor'])
      await visit(product, 'silent', { ...person, groups: [] }, { query: SCOPE })
      assert.deepEqual(await rolesOf(user.id), ['editor of consent'])
      assert.deepEqual(signedIn(product.application).userinfo['roles'], ['editor'])
    } finally {
      await product.rows(
        `WITH gone AS (DELETE FROM user_roles WHERE user_id = $1)
         DELETE FROM identities USING idps WHERE idps.id = idp_id AND user_id = $1 AND idps.name = 'consent'`,
        [user.id],
      )
    }
  })

  it('are never those of another person', async () => {
    const chief = newcomer({ groups: ['acme-admins'] })
    await visit(product, 'silent', chief)
    const { user } = await knownPerson(product, chief.sub)
    const hash = await hashOfUser(product, user.id)
    const other = newcomer({ email: chief.email, groups: [] })
    for (const groups of [[], ['acme-editors'], []]) await visit(product, 'silent', { ...other, groups })
    assert.deepEqual(await rolesOf((await knownPerson(product, other.sub)).user.id), [])
    assert.equal(await hashOfUser(product, user.id), hash)
  })

  it('count no more from the moment that the configuration does not map them, and come back with it', async () => {
    const person = newcomer({ groups: ['acme-admins', 'acme-editors'] })
    await visit(product, 'silent', person, { query: SCOPE })
    const { user } = await knownPerson(product, person.sub)
    const told = tellerOf(signedIn(product.application))
    assert.deepEqual(await told(), ['admin', 'editor'])
    const claims = { ...claimsOf('silent'), roleMappings: { 'acme-editors': 'editor' } }
    await meanwhile(product, withIdp('silent', {}, { claims }), async () => assert.deepEqual(await told(), ['editor']))
    const { roles: _, ...silent } = claimsOf('silent')
    await meanwhile(product, withIdp('silent', {}, { claims: { ...silent, roleMappings: {} } }), async () => {
      assert.equal(await told(), undefined)
    })
    await meanwhile(product, withIdp('silent', {}, { isEnabled: false }), async () =>
      // Nothing at all is told of whoever came by it.
      assert.equal(await told(), 401),
    )
    assert.deepEqual(await told(), ['admin', 'editor'])

    await meanwhile(product, withIdp('silent', {}, { claims: { ...silent, roleMappings: {} } }), async () => {
      await visit(product, 'silent', person)
      assert.deepEqual(await rolesOf(user.id), [])
    })
  })

  it('that the configuration took back while a page was open are neither named nor granted', async () => {
    const browser = openBrowser()
    const person = newcomer({ groups: ['acme-admins', 'acme-editors'] })
    const page = await visit(product, 'username', person, { browser })
    assert.match(page.text, /you may do here: admin editor/)
    const claims = { ...claimsOf('username'), roleMappings: { 'acme-editors': 'editor' } }
    await meanwhile(product, withIdp('username', {}, { claims }), async () => {
      const again = await browser.open(page.url)
      assert.match(again.text, /you may do here: editor/)
      await answered(page).press('Create account')
    })
    const { user } = await knownPerson(product, person.sub)
    assert.deepEqual(await rolesOf(user.id), ['editor of username'])
  })

  it('of somebody of whom nothing is kept are told for the scope alone, and kept nowhere', async () => {
    const person = newcomer({ groups: ['acme-admins', 'others', 'acme-editors'] })
    const before = await product.rows('SELECT count(*) FROM user_roles')
    await visit(product, 'none', person, { query: SCOPE })
    const { sub, userinfo } = signedIn(product.application)
    assert.match(sub, /^fed\./)
    assert.deepEqual(userinfo, { sub, roles: ['admin', 'editor'] })
    assert.match((await sealedClaims()).join(), /"roles":\["admin","editor"\]/)
    await product.rows('DELETE FROM federated_claims')
    await visit(product, 'none', person, { query: { scope: 'openid profile email phone address' } })
    assert.ok(!('roles' in signedIn(product.application).userinfo))
    assert.doesNotMatch((await sealedClaims()).join(), /"roles"/)
    await visit(product, 'none', { ...person, groups: ['others'] }, { query: SCOPE })
    assert.deepEqual(signedIn(product.application).userinfo, { sub })
    assert.deepEqual(await product.rows('SELECT count(*) FROM user_roles'), before)
    assert.equal(await storedPerson(product, person.sub), undefined)
  })

  it('are not made of an attribute that was called roles before the name had a meaning', async () => {
    const person = newcomer({ groups: [] })
    await visit(product, 'silent', person)
    const { user } = await knownPerson(product, person.sub)
    await product.rows(
      `INSERT INTO user_attributes (user_id, name, value, origin) VALUES ($1, 'roles', '["admin"]', 'person')`,
      [user.id],
    )
    await visit(product, 'silent', person, { query: { scope: 'openid profile roles' } })
    assert.ok(!('roles' in signedIn(product.application).userinfo))
  })

  it('are in no line of the log, theirs or ours', () => {
    const log = product.log.join('')
    assert.ok(log.includes('decision'))
    assert.doesNotMatch(log, /acme-admins|acme-editors|"(admin|editor|reader)"/)
  })

  it('leave the database in order', async () => assert.deepEqual(await brokenInvariants(product.rows), []))

  /** What is kept sealed for the applications of people of whom nothing else is. */
  async function sealedClaims(): Promise<string[]> {
    const keyring = createKeyring(SECRET_KEY)
    const rows = await product.rows<{ sealed: Buffer }>('SELECT claims_sealed AS sealed FROM federated_claims')
    return rows.map(({ sealed }) => keyring.unseal('federated claims', sealed))
  }

  /** Every role of a user with who granted it. */
  async function rolesOf(userId: string): Promise<string[]> {
    const rows = await product.rows<{ granted: string }>(
      `SELECT role || ' of ' || coalesce(idps.name, origin) AS granted FROM user_roles LEFT JOIN idps ON idps.id = origin_idp_id
       WHERE user_id = $1 ORDER BY 1`,
      [userId],
    )
    return rows.map(({ granted }) => granted)
  }

  /** Asks userinfo again and again with the token of one sign-in: the roles that it tells. */
  function tellerOf({ tokens }: ReturnType<typeof signedIn>): () => Promise<unknown> {
    const headers = { Authorization: `Bearer ${tokens.accessToken}` }
    return async () => {
      const answer = await fetch(`${product.url}/oauth2/userinfo`, { headers })
      if (answer.status !== 200) return answer.status
      return ((await answer.json()) as Record<string, unknown>)['roles']
    }
  }

  function claimsOf(mode: Mode): DeclaredIdp['claims'] {
    const idp = product.declared.identityProviders.find(({ name }) => name === mode)
    return idp?.claims ?? assert.fail(`no idp ${mode}`)
  }
})

describe('a profile that was sealed before there were roles', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  it('has none', async () => {
    const { roles: _, ...old } = profileOf({ email: 'asha@acme.example' })
    const flow = await flowWith(on, old as Profile)
    assert.deepEqual(flow.profile, { ...old, roles: [] })
  })
})

type DeclaredIdp = Product['declared']['identityProviders'][number]

/** The page with everything needed typed and ticked. */
function answered(page: Page): Page {
  return (page.html.includes('type="password"') ? page.fill({ password: PASSWORD }) : page).tick('recover:email')
}
