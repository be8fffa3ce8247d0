// What an operator reads of a sign-in: the sentences, one by one, and that there is one for everything that a record can say.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { OUTCOMES } from '../src/db/audit.ts'
import { type Decision, decide, type Facts } from '../src/provisioning/decide.ts'
import { explain, foretell, type Story } from '../src/provisioning/explain.ts'
import { holds } from './support/arbitraries.ts'
import { anyFacts } from './support/arbitrary-facts.ts'
import { factsOf } from './support/situations.ts'

const NAMES = { idp: 'Acme', application: 'Travel' }
const KNOWN = { user: { id: 'user-1', isLocked: false } }
const LOCKED = { user: { id: 'user-1', isLocked: true } }
const REGISTER = { page: 'register', username: true, password: true, consent: true } as const
const SIGNUP = { page: 'signup', username: false, password: false, consent: true } as const

const OFFERED = { mayBeKnown: true } as const
const CHANGED = { user: { id: 'user-1', isLocked: false, askedAgain: { purposes: ['recover'], isDue: false } } }
const WITH_FACTOR = { user: { id: 'user-1', isLocked: false, secondFactor: 'show' } } as const
const DUE = { user: { id: 'user-1', isLocked: false, askedAgain: { purposes: ['office', 'recover'], isDue: true } } }

/** Every kind of decision. */
const KINDS = Object.keys({
  'sign-in': 0,
  'sign-in-federated': 0,
  refuse: 0,
  create: 0,
  'second-factor': 0,
  offer: 0,
  ask: 0,
} satisfies Record<Decision['kind'], 0>)

type Change = Partial<Omit<Facts, 'idp'>> & Partial<Facts['idp']>

/** Somebody whom nobody knows, at an idp that asks for all three. */
function facts({ isEnabled, isAccepted, jitEnabled, scheme, ...change }: Change = {}): Facts {
  const idp = Object.entries({ isEnabled, isAccepted, jitEnabled, scheme }).filter(([, value]) => value !== undefined)
  const whole = factsOf(change)
  return { ...whole, idp: { ...whole.idp, ...Object.fromEntries(idp) } }
}

/** A story of what was decided by these facts; of undefined, nothing was. */
function story(given: Facts | undefined, rest: Partial<Story> & Pick<Story, 'outcome'>): Story {
  const verdict = given && { facts: given, decision: decide(given) }
  return {
    idp: { displayName: 'Acme' },
    application: { name: 'Travel' },
    cameBack: 0,
    problemCodes: [],
    ...(verdict ? { verdict } : {}),
    ...rest,
  }
}

describe('a record says what happened and why', () => {
  const UNKNOWN = 'Acme signed somebody in whom nobody knew yet.'
  const ALL_THREE = `${UNKNOWN} Acme asks for username, password and consent, so register.do asked`
  // biome-ignore format: one row, one line
  const told: [string, Story][] = [
    [`${ALL_THREE}; the username was taken, so it came back once (USERNAME_TAKEN). They finished: a user was made in PRIMARY.`,
      story(facts(), { outcome: 'user-created', asked: REGISTER, cameBack: 1, problemCodes: ['USERNAME_TAKEN'], store: 'PRIMARY' })],
    [`${ALL_THREE}; the password was against the rules and a needed box was not ticked, so it came back 3 times (PW_SHORT, PW_COMMON, CONSENT_NEEDED). They chose not to create an account: nothing about them was kept.`,
      story(facts(), { outcome: 'declined', asked: REGISTER, cameBack: 3, problemCodes: ['PW_SHORT', 'PW_COMMON', 'CONSENT_NEEDED'] })],
    [`${ALL_THREE}. They did not answer before the time was up: nothing about them was kept.`,
      story(facts(), { outcome: 'expired', asked: REGISTER, stage: 'asked' })],
    [`${UNKNOWN} Acme asks for consent, the username that it suggests was taken and it does not send email and phone_number, so signup.do asked. They finished: a user was made in STAFF.`,
      story(facts({ scheme: 'PROMPT_CONSENT', username: 'taken', missingAttributes: ['email', 'phone_number'] }), { outcome: 'user-created', asked: SIGNUP, store: 'STAFF' })],
    [`${UNKNOWN} Acme provisions silently by now but they have seen the question, so signup.do asked. They finished: a user was made in PRIMARY.`,
      story(facts({ scheme: 'PROVISION_SILENTLY', wasAsked: true }), { outcome: 'user-created', asked: SIGNUP, store: 'PRIMARY' })],
    [`${UNKNOWN} Acme provisions silently and the username that it suggests was free, so a user was made in PRIMARY without a question.`,
      story(facts({ scheme: 'PROVISION_SILENTLY' }), { outcome: 'user-created', store: 'PRIMARY' })],
    [`${UNKNOWN} Acme provisions silently and the username that it suggests was taken, so they were refused (USERNAME_TAKEN).`,
      story(facts({ scheme: 'PROVISION_SILENTLY', username: 'taken' }), { outcome: 'refused', refusal: 'USERNAME_TAKEN' })],
    [`${UNKNOWN} Acme has No Provisioning and Travel takes people without a user here, so they were let in without one, and nothing about them was kept.`,
      story(facts({ jitEnabled: false }), { outcome: 'sign-in-federated' })],
    [`${UNKNOWN} Acme has No Provisioning and Travel takes only people who have a user here, so they were refused (LOCAL_USER_REQUIRED).`,
      story(facts({ jitEnabled: false, requireLocalUser: true }), { outcome: 'refused', refusal: 'LOCAL_USER_REQUIRED' })],
    [`${UNKNOWN} Travel was turned off or takes nobody from Acme, so they were refused (IDP_OFF).`,
      story(facts({ isAccepted: false }), { outcome: 'refused', refusal: 'IDP_OFF' })],
    ['Acme signed somebody in who has a user here. Their user was not locked, so they were signed in as that user.',
      story(facts(KNOWN), { outcome: 'sign-in' })],
    ['Acme signed somebody in who has a user here. Their user was locked, so they were refused (USER_LOCKED).',
      story(facts(LOCKED), { outcome: 'refused', refusal: 'USER_LOCKED' })],
    ['Acme signed somebody in who has a user here. Their identity at Acme was locked, so they were refused (IDENTITY_LOCKED).',
      story(facts({ ...KNOWN, isIdentityLocked: true }), { outcome: 'refused', refusal: 'IDENTITY_LOCKED' })],
    ['Acme signed somebody in who has a user here. Their user was not locked, so they were signed in as that user. They were refused (USER_LOCKED) before they were back at Travel.',
      story(facts(KNOWN), { outcome: 'refused', refusal: 'USER_LOCKED', late: 'sign-in' })],
    [`${UNKNOWN} Acme provisions silently and the username that it suggests was free, so a user was made in PRIMARY without a question. They left at the second factor before they were back at Travel.`,
      story(facts({ scheme: 'PROVISION_SILENTLY' }), { outcome: 'declined', late: 'user-created', store: 'PRIMARY' })],
    [`${ALL_THREE}. They finished: a user was made in PRIMARY. The time was up at the second factor before they were back at Travel.`,
      story(facts(), { outcome: 'expired', late: 'user-created', asked: REGISTER, stage: 'asked', store: 'PRIMARY' })],
    ['Acme signed somebody in who has a user here. Their user had a second factor, so they were asked for it. They left: nothing about them was changed.',
      story(facts(WITH_FACTOR), { outcome: 'declined' })],
    ['Acme signed somebody in who has a user here. The purpose recover changed since they were last shown it, so signup.do asked. They chose: they were signed in as that user.',
      story(facts(CHANGED), { outcome: 'sign-in', asked: SIGNUP, answer: 'chosen' })],
    ['Acme signed somebody in who has a user here. The purpose recover changed since they were last shown it, so signup.do asked. They put it off: they were signed in as that user all the same.',
      story(facts(CHANGED), { outcome: 'sign-in', asked: SIGNUP, answer: 'later' })],
    ['Acme signed somebody in who has a user here. The purposes office and recover changed since they were last shown them and cannot be put off any more, so signup.do asked; a needed box was not ticked, so it came back once (CONSENT_NEEDED_AGAIN). They did not agree: they were refused (CONSENT_DUE) and nothing about them was changed.',
      story(facts(DUE), { outcome: 'refused', refusal: 'CONSENT_DUE', asked: SIGNUP, cameBack: 1, problemCodes: ['CONSENT_NEEDED_AGAIN'] })],
    ['Acme signed somebody in who has a user here. The purpose recover changed since they were last shown it, so signup.do asked. They did not answer before the time was up: nothing about them was changed.',
      story(facts(CHANGED), { outcome: 'expired', stage: 'asked', asked: SIGNUP })],
    [`${UNKNOWN} A user here kept the e-mail address that Acme verified, so they were asked whether that user is theirs. They connected Acme to their account.`,
      story(facts(OFFERED), { outcome: 'connected' })],
    [`${UNKNOWN} A user here kept the e-mail address that Acme verified, so they were asked whether that user is theirs; the username or the password of the user to connect was wrong, so it came back twice (LINK_FAILED). They did not answer before the time was up: nothing about them was kept.`,
      story(facts(OFFERED), { outcome: 'expired', stage: 'asked', cameBack: 2, problemCodes: ['LINK_FAILED'] })],
    ['Acme signed somebody in at a flow elsewhere who has a user here. They had been asked on register.do before; the username was taken, so it came back twice (USERNAME_TAKEN). Their user was not locked, so they were signed in as that user.',
      story(facts({ ...KNOWN, wasAsked: true }), { outcome: 'sign-in', door: 'flow-api', asked: REGISTER, cameBack: 2, problemCodes: ['USERNAME_TAKEN'] })],
    ['Somebody came from Travel and signed in with the username and password of a user here. The form came back once: the username or the password was wrong (SIGNIN_FAILED). An identity provider had failed before: it took too long (IDP_TIMEOUT).',
      story(undefined, { outcome: 'sign-in-local', cameBack: 1, problemCodes: ['SIGNIN_FAILED'], failure: 'IDP_TIMEOUT' })],
    ['Somebody came from My Account and signed in with the username and password of a user here.',
      story(undefined, { outcome: 'sign-in-local', application: {}, door: 'my-account' })],
    ['Acme signed somebody in who has a user here. Their user was not locked, so they were signed in as that user. They were refused (USER_LOCKED) before they were back at My Account.',
      story(facts(KNOWN), { outcome: 'refused', refusal: 'USER_LOCKED', late: 'sign-in', application: {}, door: 'my-account' })],
    ['Somebody came from an application that is gone and signed in with the username and password of a user here.',
      story(undefined, { outcome: 'sign-in-local', application: {} })],
    ['Acme sent somebody back without signing them in (access_denied): they cancelled there, or it does not let them in.',
      story(undefined, { outcome: 'idp-denied', refusal: 'IDP_FAILED', failure: 'access_denied' })],
    ['Acme sent somebody back without signing them in (login_required).',
      story(undefined, { outcome: 'idp-denied', refusal: 'IDP_FAILED', failure: 'login_required' })],
    ['Somebody went to Acme, which did not complete the sign-in: it could not be reached (ECONNREFUSED).',
      story(undefined, { outcome: 'idp-failed', refusal: 'IDP_FAILED', failure: 'ECONNREFUSED' })],
    ['Somebody went to Acme, which did not complete the sign-in: its certificate is not trusted (CERT_HAS_EXPIRED).',
      story(undefined, { outcome: 'idp-failed', refusal: 'IDP_FAILED', failure: 'CERT_HAS_EXPIRED' })],
    ['Somebody went to Acme, which did not complete the sign-in: a new sign-in was asked for, and it knew them already or did not say since when (IDP_SIGN_IN_OLD).',
      story(undefined, { outcome: 'idp-failed', refusal: 'SIGN_IN_OLD', failure: 'IDP_SIGN_IN_OLD' })],
    ['Somebody came back from Acme, which had been turned off here meanwhile, and was refused (IDP_OFF).',
      story(undefined, { outcome: 'refused', refusal: 'IDP_OFF' })],
    ['Somebody came from Travel to the choice of a way to sign in, and took none before the time was up.',
      story(undefined, { outcome: 'expired', stage: 'choosing' })],
    ['Somebody went to Acme and did not come back before the time was up.',
      story(undefined, { outcome: 'expired', stage: 'away' })],
    ['Somebody chose Acme and could not be sent there: it could not be reached (ENOTFOUND); they came no further before the time was up.',
      story(undefined, { outcome: 'expired', stage: 'away', failure: 'ENOTFOUND' })],
    ['Somebody came back from Acme, and the sign-in broke off before anything was decided.',
      story(undefined, { outcome: 'expired', stage: 'returned' })],
    ['Acme signed somebody in at a flow elsewhere, and their browser did not come here before the time was up.',
      story(undefined, { outcome: 'expired', stage: 'returned', door: 'flow-api' })],
    ['Acme signed somebody in; what was decided is not on record. They were signed in as their user.',
      story(undefined, { outcome: 'sign-in' })],
    ['An identity provider that is gone signed somebody in who has a user here. Their user was not locked, so they were signed in as that user.',
      { ...story(facts(KNOWN), { outcome: 'sign-in' }), idp: {} }],
  ]
  for (const [sentence, one] of told) test(sentence, () => assert.equal(explain(one), sentence))
})

describe('facts say what would happen', () => {
  // biome-ignore format: one row, one line
  const told: [string, Change][] = [
    ['they have a user here that is not locked, so they would be signed in as that user', KNOWN],
    ['they have a user here that is locked, so they would be refused (USER_LOCKED)', LOCKED],
    ['their identity at Acme is locked, so they would be refused (IDENTITY_LOCKED)', { isIdentityLocked: true }],
    ['Acme asks for username, password and consent, so register.do would ask', {}],
    ['Acme asks for password and consent and the username that it suggests is against the rules, so signup.do would ask', { scheme: 'PROMPT_PASSWORD_CONSENT', username: 'refused' }],
    ['Acme provisions silently and the username that it suggests is free, so a user would be made without a question', { scheme: 'PROVISION_SILENTLY' }],
    ['Acme has No Provisioning and Travel takes people without a user here, so they would be let in without one, and nothing about them would be kept', { jitEnabled: false }],
    ['the purpose recover changed since they were last shown it, so signup.do would ask', CHANGED],
    ['a user here keeps the e-mail address that Acme verified, so they would be asked whether that user is theirs, and to sign in to it', OFFERED],
    ['Acme is turned off here, so they would be refused (IDP_OFF)', { isEnabled: false }],
  ]
  for (const [sentence, change] of told) {
    test(sentence, () => assert.equal(foretell(facts(change), NAMES), `If they signed in now: ${sentence}.`))
  }
})

describe('of any facts', () => {
  const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined })
  const code = fc.constantFrom(
    'USERNAME_TAKEN',
    'USERNAME_POLICY',
    'PW_SHORT',
    'ATTR_EMPTY',
    'CHANGED',
    'STORE_UNKNOWN',
    'NEW',
  )
  const rest = fc.record({
    outcome: fc.constantFrom(...OUTCOMES),
    cameBack: fc.nat(4),
    problemCodes: fc.array(code, { maxLength: 3 }),
    asked: maybe(fc.constantFrom(REGISTER, SIGNUP)),
    refusal: maybe(fc.constantFrom('IDP_OFF', 'USER_LOCKED', 'IDP_FAILED')),
    failure: maybe(fc.constantFrom('access_denied', 'IDP_TIMEOUT', 'ECONNRESET', 'NEW')),
    stage: maybe(fc.constantFrom('choosing', 'away', 'returned', 'asked')),
    store: maybe(fc.constantFrom('PRIMARY', 'STAFF')),
    door: maybe(fc.constant('flow-api')),
    idp: maybe(fc.constantFrom({ displayName: 'Acme' }, {})),
    application: maybe(fc.constantFrom({ name: 'Travel' }, {})),
  })

  /** Sentences that say something, in one piece, with nothing forgotten. */
  function assertTold(text: string): void {
    assert.match(text, /^[A-Z].{20,}\.$/s)
    assert.doesNotMatch(text, /undefined|null|NaN|\[object|\(\)| {2}|\.\.|,,|\{|\}/, text)
  }

  test('with any decision and any outcome there is a sentence, and nothing in it is undefined', () => {
    const both = fc.tuple(maybe(anyFacts), anyFacts)
    holds(10_000, [both, rest], ([given, other], { idp, application, ...more }) => {
      // Decided by others: no combination may be without words.
      const verdict = given && { facts: given, decision: decide(other) }
      const without = Object.fromEntries(
        Object.entries({ ...more, idp, application }).filter(([, value]) => value !== undefined),
      )
      assertTold(explain({ ...(without as unknown as Story), ...(verdict ? { verdict } : {}) }))
    })
  })

  test('every outcome comes up with every kind of decision', () => {
    const seen = new Set<string>()
    // The rarest of them is one of some four hundred.
    for (let samples = 0; samples < 20 && seen.size < KINDS.length * OUTCOMES.length; samples += 1)
      for (const given of fc.sample(anyFacts, 2_000)) {
        for (const outcome of OUTCOMES) {
          assertTold(explain(story(given, { outcome })))
          seen.add(`${decide(given).kind} ${outcome}`)
        }
      }
    assert.equal(seen.size, KINDS.length * OUTCOMES.length)
  })

  test('there is a sentence for what would happen', () => {
    holds(10_000, [anyFacts], (given) => assertTold(foretell(given, NAMES)))
  })

  test('the same facts say the same', () => {
    holds(10_000, [anyFacts], (given) => {
      assert.deepEqual(decide(structuredClone(given)), decide(given))
      assert.equal(foretell(structuredClone(given), NAMES), foretell(given, NAMES))
    })
  })
})
