// Locks by who somebody is at an idp: what they end, what they leave, and that nobody gets round them by another way.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setPersonLocked } from '../../src/console/identity-lock.ts'
import { findRecords } from '../../src/db/audit.ts'
import { inTransaction } from '../../src/db/connect.ts'
import { findIdentity } from '../../src/db/identities.ts'
import { isSubjectOver, lockPerson, unlockPerson } from '../../src/db/identity-locks.ts'
import { sweep } from '../../src/db/sweep.ts'
import { lockUser } from '../../src/db/users.ts'
import { personHash } from '../../src/flow.ts'
import { federatedSubject } from '../../src/handback/subjects.ts'
import { explain } from '../../src/provisioning/explain.ts'
import { gather } from '../../src/provisioning/facts.ts'
import { provision, signIn } from '../../src/provisioning/provision.ts'
import { enterAccount, enterWithPassword } from '../support/account.ts'
import { openBrowser } from '../support/browser.ts'
import {
  assertAt,
  CONNECT,
  claim,
  offered,
  ownerByIdp,
  ownerWithPassword,
  proveByIdp,
  sameAddress,
  startOffering,
} from '../support/connecting.ts'
import { flowWith, openHouse, type TestHouse } from '../support/house.ts'
import { PASSWORD } from '../support/people.ts'
import type { Mode, Product } from '../support/product.ts'
import {
  codeOfFlow,
  codesOn,
  flowIdOf,
  hashOfUser,
  knownPerson,
  type Newcomer,
  newcomer,
  refused,
  signedIn,
  storedPerson,
  visit,
} from '../support/visits.ts'
import { beginConnecting, holdOf, isInside, opensStill } from '../support/ways-in.ts'

const ACTOR = { name: 'olu' }
const EMAIL = 'recover:email'

describe('the lock of an identity', () => {
  let product: Product
  before(async () => {
    product = await startOffering()
  })
  after(() => product.stop())

  const setLocked = async (mode: Mode, { sub: subject }: { sub: string }, isLocked: boolean) => {
    product.clock.now = new Date()
    const { house } = product.running
    const [row] = await product.rows<{ id: string }>('SELECT id FROM idps WHERE name = $1', [mode])
    await setPersonLocked(house, { idpId: row?.id ?? '', issuer: product.idp.issuer, subject }, isLocked, ACTOR)
  }
  const refusedOn = (page: { html: string; status: number }) => [page.status, ...codesOn(page as never)]
  const REFUSED = [409, 'SIGN_IN_REFUSED']

  it('restores everything when it is taken off, and what it ended stays ended', async () => {
    for (const mode of ['silent', 'none'] as const) {
      const person = newcomer()
      product.clock.now = new Date()
      const hold = await holdOf(product, mode, person)
      const isUser = mode === 'silent'
      const account = openBrowser()
      if (isUser) await enterAccount(product, mode, person, { browser: account })
      const hash = isUser && (await hashOfUser(product, hold.sub))
      await setLocked(mode, person, true)
      // Whoever comes in the second of the unlocking came after it, but not if they were locked in the same one.
      await sleep(1_100)
      await setLocked(mode, person, false)
      assert.deepEqual(await opensStill(product, hold), [], mode)
      assert.equal(await isInside(product, account), false)
      const again = await holdOf(product, mode, person)
      assert.equal(again.sub, hold.sub)
      // Of somebody without a user an application cannot ask for more than it did, so their session does not show here.
      assert.deepEqual(await opensStill(product, again), [...(isUser ? ['session'] : []), 'access', 'refresh'])
      if (isUser) assert.equal(await hashOfUser(product, hold.sub), hash)
    }
  })

  it('leaves alone whoever else comes from that idp, and the same subject at another', async () => {
    const [person, other] = [newcomer(), newcomer()]
    await setLocked('silent', person, true)
    await visit(product, 'silent', other)
    assert.equal(signedIn(product.application).sub, (await knownPerson(product, other.sub)).user.id)
    await visit(product, 'none', person)
    assert.match(signedIn(product.application).sub, /^fed\./)
  })

  it('of one who is known twice at an idp ends what that one began, and lets the other in', async () => {
    const [one, two] = [newcomer(), newcomer()]
    product.clock.now = new Date()
    const first = await holdOf(product, 'silent', one)
    const { userId, ...identity } = await identityOf(one)
    await product.rows(
      `INSERT INTO identities (idp_id, issuer, subject, user_id, scheme) VALUES ($1, $2, $3, $4, 'PROVISION_SILENTLY')`,
      [identity.idpId, identity.issuer, two.sub, userId],
    )
    await setLocked('silent', one, true)
    assert.deepEqual(await opensStill(product, first), [])
    await sleep(1_100)
    product.clock.now = new Date()
    const second = await holdOf(product, 'silent', two)
    assert.equal(second.sub, first.sub)
    assert.deepEqual(await opensStill(product, second), ['session', 'access', 'refresh'])
    assert.deepEqual(refusedOn(await visit(product, 'silent', one)), REFUSED)
  })

  it('keeps nobody out who has another way in, and ends nothing that they began by that', async () => {
    const owner = await ownerWithPassword(product)
    const { preferred_username: username } = owner.person
    const [byPassword, byIdp] = [openBrowser(), openBrowser()]
    await enterWithPassword(product, username, PASSWORD, { browser: byPassword })
    await enterAccount(product, 'silent', owner.person, { browser: byIdp })
    await setLocked('silent', owner.person, true)
    assert.equal(await isInside(product, byPassword), true)
    assert.equal(await isInside(product, byIdp), false)
    // It is no way in that the password could be left for.
    const page = await byPassword.open(`${product.url}/myaccount/sign-in`)
    assert.match(page.text, /you cannot sign in with it/)
  })

  describe('of somebody who wants to connect', () => {
    it('refuses them before they are asked whether an account is theirs, and while they are', async () => {
      const owner = await ownerWithPassword(product)
      const locked = sameAddress(owner)
      await setLocked('consent', locked, true)
      assert.deepEqual(refusedOn(await visit(product, 'consent', locked)), REFUSED)

      const later = sameAddress(owner)
      const page = await claim(await offered(product, 'consent', later))
      await setLocked('consent', later, true)
      const sent = await page
        .fill({ username: owner.person.preferred_username, password: PASSWORD })
        .press('Sign in and connect')
      assert.deepEqual(refusedOn(sent), REFUSED)
      assert.equal(await storedPerson(product, later.sub), undefined)
    })

    it('makes an identity prove nothing, and a proof that was given worth nothing', async () => {
      const owner = await ownerByIdp(product)
      await setLocked('silent', owner.person, true)
      const asked = await claim(await offered(product, 'consent', sameAddress(owner)))
      const answer = await proveByIdp(product, asked, 'silent', owner.person)
      assert.deepEqual([...new Set(codesOn(answer))], ['LINK_UNKNOWN'])

      await setLocked('silent', owner.person, false)
      const person = sameAddress(owner)
      const page = await claim(await offered(product, 'consent', person))
      const last = await proveByIdp(product, page, 'silent', owner.person)
      assertAt(last, `${CONNECT}/finish`)
      await setLocked('silent', owner.person, true)
      const sent = await last.press('Finish')
      assert.deepEqual([...new Set(codesOn(sent))], ['LINK_AGAIN'])
      assert.equal(await storedPerson(product, person.sub), undefined)
    })

    it('connects it to nobody in My Account either, on the way back and on the page', async () => {
      const owner = await ownerWithPassword(product)
      const browser = openBrowser()
      await enterWithPassword(product, owner.person.preferred_username, PASSWORD, { browser })
      const locked = newcomer()
      await setLocked('consent', locked, true)
      assert.deepEqual(codesOn(await beginConnecting(product, browser, 'consent', locked)), ['CONNECT_REFUSED'])

      const later = newcomer()
      const page = await beginConnecting(product, browser, 'consent', later)
      await setLocked('consent', later, true)
      assert.deepEqual(codesOn(await page.press('Connect Acme consent')), ['CONNECT_REFUSED'])
      assert.equal(await storedPerson(product, later.sub), undefined)
    })
  })

  it('is on record with its real reason, whatever the page says, and so is one that came at the last moment', async () => {
    const { db } = product.running.house
    const person = newcomer()
    await setLocked('consent', person, true)
    const page = await visit(product, 'consent', person)
    assert.deepEqual(refusedOn(page), REFUSED)
    assert.doesNotMatch(page.text, /locked/i)
    const [record] = await findRecords(db, codeOfFlow(flowIdOf(page)))
    assert.equal(record?.refusal, 'IDENTITY_LOCKED')
    assert.match(
      record ? explain(record) : '',
      /Their identity at Acme consent was locked, so they were refused \(IDENTITY_LOCKED\)\./,
    )

    const other = newcomer()
    const browser = openBrowser({ followRefresh: false })
    const asked = await visit(product, 'consent', other, { browser })
    const leaving = await asked.tick(EMAIL).press('Create account')
    await setLocked('consent', other, true)
    assert.deepEqual(refusedOn(await leaving.click('Continue to Travel')), REFUSED)
    const [late] = await findRecords(db, codeOfFlow(flowIdOf(asked)))
    assert.deepEqual([late?.outcome, late?.refusal, late?.late], ['refused', 'IDENTITY_LOCKED', 'user-created'])
    assert.match(
      late ? explain(late) : '',
      /They finished: a user was made in PRIMARY\. They were refused \(IDENTITY_LOCKED\) before they were back at Travel\.$/,
    )
  })

  it('is read by the person and told to the application where the operator lets it be said', async () => {
    const person = newcomer()
    await setLocked('silent', person, true)
    const set = (isSaid: boolean) =>
      product
        .rows(
          `UPDATE installation SET jit_provisioning = jit_provisioning || jsonb_build_object('show_failure_reason', $1::boolean)`,
          [isSaid],
        )
        .then(() => product.running.house.rereadSettings())
    await set(true)
    try {
      const page = await visit(product, 'silent', person)
      assert.deepEqual(refusedOn(page), [409, 'IDENTITY_LOCKED'])
      assert.match(page.text, /locked your sign-in with Acme silent/)
      await page.click('Return to Travel')
      assert.deepEqual(refused(product.application), { error: 'access_denied', description: 'IDENTITY_LOCKED' })
    } finally {
      await set(false)
    }
  })

  async function identityOf(person: Newcomer) {
    const [row] = await product.rows<{ idpId: string; issuer: string; userId: string }>(
      'SELECT idp_id AS "idpId", issuer, user_id AS "userId" FROM identities WHERE subject = $1',
      [person.sub],
    )
    return row ?? assert.fail('not known')
  }
})

describe('a sign-in that is under way while its person is locked', () => {
  let on: TestHouse
  before(async () => {
    on = await openHouse()
  })
  after(() => on.drop())

  const profileOf = (subject: string) => ({
    issuer: on.idp.issuer,
    subject,
    suggestedUsername: subject,
    attributes: {},
    roles: [],
  })
  const lockedAs = (subject: string) => {
    const person = { idpId: on.idp.id, issuer: on.idp.issuer, subject }
    return { ...person, federatedSubject: federatedSubject(on.house.salt, on.idp.id, person) }
  }
  async function made(subject: string): Promise<string> {
    const profile = profileOf(subject)
    const flow = await flowWith(on, profile)
    const { facts, application } = await gather(on.house, flow, profile)
    const user = {
      store: 'PRIMARY',
      username: subject,
      canonical: subject,
      look: subject,
      passwordHash: null,
      attributes: [],
    }
    const outcome = await provision(on.house, flow, { idp: on.idp, application, profile, facts }, user)
    return outcome.kind === 'created' ? outcome.userId : assert.fail(outcome.kind)
  }

  it('waits for the lock and finds it', async () => {
    // Control: with isKnownAs in place of mayComeInAs in provision.ts it is signed in.
    const profile = profileOf('waiting')
    const userId = await made('waiting')
    const flow = await flowWith(on, profile)
    const { facts, identity } = await gather(on.house, flow, profile)
    assert.equal(identity?.userId, userId)
    const outcome = await inTransaction(on.another().db, async (transaction) => {
      await lockUser(transaction, userId)
      const signing = signIn(on.house, flow, { idp: on.idp, profile, facts }, identity ?? assert.fail())
      await sleep(300)
      await lockPerson(transaction, lockedAs('waiting'), ACTOR, on.house.now)
      return { signing }
    })
    assert.equal(await outcome.signing, false)
    assert.deepEqual(await on.rows('SELECT ending FROM flows WHERE id = $1', [flow.id]), [{ ending: null }])
  })

  it('makes no user of somebody who was locked since it was decided', async () => {
    // Control: without isPersonLocked in provision() there is one.
    const profile = profileOf('quick')
    const flow = await flowWith(on, profile)
    const { facts, application } = await gather(on.house, flow, profile)
    await lockPerson(on.house.db, lockedAs('quick'), ACTOR, on.house.now)
    const user = {
      store: 'PRIMARY',
      username: 'quick',
      canonical: 'quick',
      look: 'quick',
      passwordHash: null,
      attributes: [],
    }
    const outcome = await provision(on.house, flow, { idp: on.idp, application, profile, facts }, user)
    assert.equal(outcome.kind, 'already-there')
    assert.equal(await findIdentity(on.house.db, lockedAs('quick')), undefined)
  })

  it('is remembered for a month when the lock is off, and for as long as it is on', async () => {
    const { db } = on.house
    const [off, still] = [lockedAs('off'), lockedAs('still')]
    const begun = new Date(on.clock.now.getTime() - 60_000)
    for (const one of [off, still]) await lockPerson(db, one, ACTOR, on.house.now)
    await unlockPerson(db, { ...off, personHash: personHash(on.house, off.idpId, off) }, ACTOR, on.house.now)
    const later = (days: number) => new Date(on.clock.now.getTime() + days * 86_400_000)
    await sweep(db, later(30))
    assert.equal(await isSubjectOver(db, off.federatedSubject, begun), true)
    await sweep(db, later(32))
    assert.equal(await isSubjectOver(db, off.federatedSubject, begun), false)
    assert.equal(await isSubjectOver(db, still.federatedSubject, later(32)), true)
  })
})
