// What happens to a profile: one row per sentence, and what holds in every combination of facts.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Decision, decide, type Facts, type Reason } from '../src/provisioning/decide.ts'

type Scheme = Facts['idp']['scheme']
type Change = Partial<Omit<Facts, 'idp'>> & Partial<Facts['idp']>

const SILENT = 'PROVISION_SILENTLY'
const CONSENT = 'PROMPT_CONSENT'
const PASSWORD = 'PROMPT_PASSWORD_CONSENT'
const USERNAME = 'PROMPT_USERNAME_PASSWORD_CONSENT'
const LADDER: Scheme[] = [SILENT, CONSENT, PASSWORD, USERNAME]

const OFF = { jitEnabled: false }
const known = { user: { id: 'user-1', isLocked: false } }
const changed = { user: { id: 'user-1', isLocked: false, askedAgain: { purposes: ['recover'], isDue: false } } }
const locked = { user: { id: 'user-1', isLocked: true } }
const asked = { wasAsked: true }
const lockedThere = { isIdentityLocked: true } as const
const mayBe = { mayBeKnown: true } as const
const missing = { missingAttributes: ['phone_number'] }

/** An unknown person with a free name and every attribute, at an idp that is on. */
function facts(change: Change): Facts {
  const { isEnabled = true, isAccepted = true, jitEnabled = true, scheme = SILENT, ...rest } = change
  return {
    idp: { isEnabled, isAccepted, jitEnabled, scheme },
    requireLocalUser: false,
    wasAsked: false,
    username: 'free',
    missingAttributes: [],
    ...rest,
  }
}

const signIn: Decision = { kind: 'sign-in', userId: 'user-1' }
const federated: Decision = { kind: 'sign-in-federated' }
const create: Decision = { kind: 'create' }
const offer: Decision = { kind: 'offer' }
const refuse = (because: Extract<Decision, { kind: 'refuse' }>['because']): Decision => ({ kind: 'refuse', because })

const askAgain: Decision = {
  kind: 'ask',
  page: 'signup',
  ask: { username: false, password: false, consent: true },
  because: ['purpose-changed'],
}

function ask(page: 'register' | 'signup', asked: string, ...because: Reason[]): Decision {
  const what = { username: asked.includes('username'), password: asked.includes('password'), consent: true as const }
  return { kind: 'ask', page, ask: what, because: ['scheme', ...because] }
}

// biome-ignore format: one row, one line
const table: [string, Change, Decision][] = [
  ['a known person is asked about a purpose that changed, on signup.do in every mode that asks', { ...changed, scheme: USERNAME }, askAgain],
  ['… and about nothing else, whatever became of the name', { ...changed, scheme: PASSWORD, username: 'taken', ...missing }, askAgain],
  ['a silent idp asks nobody about a change', { ...changed, scheme: SILENT }, signIn],
  ['… even who has seen the question', { ...changed, ...asked, scheme: SILENT }, signIn],
  ['with provisioning off nobody is asked about a change', { ...changed, ...OFF, scheme: CONSENT }, signIn],
  ['who is locked is asked about no change', { user: { ...changed.user, isLocked: true }, scheme: CONSENT }, refuse('USER_LOCKED')],
  ['a locked identity is refused that nobody knows yet, in silent mode', lockedThere, refuse('IDENTITY_LOCKED')],
  ['… and in an asking mode, and is asked nothing', { scheme: USERNAME, ...lockedThere, ...asked }, refuse('IDENTITY_LOCKED')],
  ['… and with provisioning off, and is not made federated', { ...OFF, ...lockedThere }, refuse('IDENTITY_LOCKED')],
  ['… and is not asked whether they are somebody who is known', { ...mayBe, ...lockedThere }, refuse('IDENTITY_LOCKED')],
  ['a locked identity is refused whose user is not locked', { ...known, ...lockedThere }, refuse('IDENTITY_LOCKED')],
  ['an idp that is off says so to a locked identity too', { isEnabled: false, ...lockedThere }, refuse('IDP_OFF')],
  ['with provisioning off a known person signs in', { ...OFF, ...known }, signIn],
  ['with provisioning off an unknown person is handed back as a federated subject', OFF, federated],
  ['with provisioning off the scheme says nothing', { ...OFF, scheme: USERNAME }, federated],
  ['with provisioning off a taken name is nothing to ask about', { ...OFF, username: 'taken' }, federated],
  ['with provisioning off a missing attribute is nothing to ask about', { ...OFF, ...missing }, federated],
  ['with provisioning off an application that requires a local user refuses an unknown person', { ...OFF, requireLocalUser: true }, refuse('LOCAL_USER_REQUIRED')],
  ['with provisioning off an application that requires a local user takes a known person', { ...OFF, ...known, requireLocalUser: true }, signIn],
  ['with provisioning off a locked user is refused, not made federated', { ...OFF, ...locked }, refuse('USER_LOCKED')],

  ['an unknown person is made silently', {}, create],
  ['an unknown person is made silently for an application that requires a local user', { requireLocalUser: true }, create],
  ['an unknown person is made silently whatever the purposes need', missing, create],
  ['silently, a taken name is a refusal and never a suffix', { username: 'taken' }, refuse('USERNAME_TAKEN')],
  ['silently, a name against the policy is a refusal', { username: 'refused' }, refuse('USERNAME_POLICY')],
  ['a known person signs in whoever has taken the suggested name', { ...known, username: 'taken' }, signIn],
  ['a known person signs in though their name is against the policy now', { ...known, username: 'refused' }, signIn],

  ['in consent mode an unknown person is asked for consent on signup.do', { scheme: CONSENT }, ask('signup', '')],
  ['in consent mode a taken name is asked for, that one time', { scheme: CONSENT, username: 'taken' }, ask('signup', 'username', 'username-taken')],
  ['in consent mode a refused name is asked for, that one time', { scheme: CONSENT, username: 'refused' }, ask('signup', 'username', 'username-refused')],
  ['in consent mode a missing attribute is a reason to ask', { scheme: CONSENT, ...missing }, ask('signup', '', 'attribute-missing')],
  ['in consent mode a known person is asked nothing', { scheme: CONSENT, ...known, ...missing }, signIn],

  ['in password mode an unknown person is asked for a password too, on signup.do', { scheme: PASSWORD }, ask('signup', 'password')],
  ['in password mode a taken name is asked for as well', { scheme: PASSWORD, username: 'taken' }, ask('signup', 'username password', 'username-taken')],
  ['in password mode everything can be a reason at once', { scheme: PASSWORD, username: 'refused', ...missing }, ask('signup', 'username password', 'username-refused', 'attribute-missing')],
  ['in password mode a known person is asked nothing', { scheme: PASSWORD, ...known }, signIn],

  ['in username mode an unknown person is asked for all three on register.do', { scheme: USERNAME }, ask('register', 'username password')],
  ['in username mode a taken name changes the reasons and not the page', { scheme: USERNAME, username: 'taken' }, ask('register', 'username password', 'username-taken')],
  ['in username mode a known person is asked nothing', { scheme: USERNAME, ...known }, signIn],
  ['in username mode an application that requires a local user asks the same', { scheme: USERNAME, requireLocalUser: true }, ask('register', 'username password')],

  ['a person who has seen the question is asked on when the mode becomes silent meanwhile', asked, ask('signup', '')],
  ['a person who has seen the question is asked for a name that is taken, where silence would refuse', { ...asked, username: 'taken' }, ask('signup', 'username', 'username-taken')],
  ['a person who has seen the question is asked the new one when the mode changes', { ...asked, scheme: USERNAME }, ask('register', 'username password')],
  ['a person who has seen the question is handed back federated when provisioning goes off meanwhile', { ...asked, ...OFF }, federated],
  ['a person who has seen the question signs in when another flow made them a user meanwhile', { ...asked, ...known }, signIn],

  ['whoever may be a user already is asked that first, in silent mode too', mayBe, offer],
  ['whoever may be a user already is asked that first in an asking mode', { ...mayBe, scheme: USERNAME }, offer],
  ['whoever may be a user already is asked that before a taken name refuses them', { ...mayBe, username: 'taken' }, offer],
  ['with provisioning off nobody is asked whether they are a user already', { ...mayBe, ...OFF }, federated],
  ['a person who has seen the question is not asked another one when somebody else’s address turns out to be theirs', { ...mayBe, ...asked, scheme: CONSENT }, ask('signup', '')],

  ['a locked user is refused in silent mode', locked, refuse('USER_LOCKED')],
  ['a locked user is refused in an asking mode, and is asked nothing', { scheme: USERNAME, ...locked }, refuse('USER_LOCKED')],
  ['an idp that is off lets nobody in', { isEnabled: false }, refuse('IDP_OFF')],
  ['an idp that is off lets no known person in', { isEnabled: false, ...known }, refuse('IDP_OFF')],
  ['an idp that the application does not accept lets nobody in', { isAccepted: false, scheme: CONSENT }, refuse('IDP_OFF')],
  ['an idp that the application does not accept lets no known person in', { isAccepted: false, ...known }, refuse('IDP_OFF')],
  ['of an idp that is off nobody learns whether a user is locked', { isEnabled: false, ...locked }, refuse('IDP_OFF')],
]

describe('the table of decisions', () => {
  for (const [sentence, change, expected] of table) {
    test(sentence, () => assert.deepEqual(decide(facts(change)), expected))
  }
})

const booleans = [true, false]

function* everyCombination(): Generator<Facts> {
  for (const isIdentityLocked of booleans)
    for (const isEnabled of booleans)
      for (const isAccepted of booleans)
        for (const jitEnabled of booleans)
          for (const scheme of LADDER)
            for (const requireLocalUser of booleans)
              for (const wasAsked of booleans)
                for (const user of [undefined, known.user, locked.user])
                  for (const username of ['free', 'taken', 'refused'] as const)
                    for (const mayBeKnown of user ? [false] : booleans)
                      for (const missingAttributes of [[], ['phone_number']]) {
                        const idp = Object.freeze({ isEnabled, isAccepted, jitEnabled, scheme })
                        // Frozen: a decision that changed its facts would throw.
                        yield Object.freeze({
                          idp,
                          requireLocalUser,
                          wasAsked,
                          ...(isIdentityLocked ? { isIdentityLocked } : {}),
                          ...(user ? { user } : {}),
                          username,
                          missingAttributes: Object.freeze(missingAttributes) as string[],
                          ...(mayBeKnown ? { mayBeKnown } : {}),
                        })
                      }
}

const combinations = [...everyCombination()].map((given) => ({ given, decision: decide(given) }))
/** To somebody whose identity is locked no idp is. */
const isOpen = ({ idp, isIdentityLocked }: Facts) => idp.isEnabled && idp.isAccepted && !isIdentityLocked
/** A stranger at an idp that provisions: the only one who can be created or asked. */
const isNew = (given: Facts) => isOpen(given) && !given.user && given.idp.jitEnabled && !isOffered(given)
/** One who has seen no question, and whose address a user keeps: asked about that and nothing else. */
const isOffered = (given: Facts) => given.mayBeKnown === true && !given.wasAsked

/** For every combination: the decision is of this kind exactly when the facts say so. */
function exactlyWhen(kind: Decision['kind'], condition: (given: Facts) => boolean): void {
  for (const { given, decision } of combinations) {
    assert.equal(decision.kind === kind, condition(given), `${JSON.stringify(given)} → ${JSON.stringify(decision)}`)
  }
}

describe('in every combination of facts', () => {
  test('all of them are looked at, and every outcome comes up', () => {
    assert.equal(combinations.length, 6144)
    const outcomes = combinations.map(({ decision }) => (decision.kind === 'refuse' ? decision.because : decision.kind))
    const all =
      'IDENTITY_LOCKED IDP_OFF LOCAL_USER_REQUIRED USERNAME_POLICY USERNAME_TAKEN USER_LOCKED ask create offer sign-in sign-in-federated'
    assert.deepEqual([...new Set(outcomes)].sort(), all.split(' '))
  })

  test('exactly the known, unlocked people of an open idp sign in, each as themselves', () => {
    exactlyWhen('sign-in', (given) => isOpen(given) && given.user?.isLocked === false)
    for (const { given, decision } of combinations) {
      if (decision.kind === 'sign-in') assert.equal(decision.userId, given.user?.id)
    }
  })

  test('a user is created without a question only for a stranger who saw none, in silent mode, under a free name', () => {
    exactlyWhen(
      'create',
      (given) => isNew(given) && given.idp.scheme === SILENT && !given.wasAsked && given.username === 'free',
    )
  })

  test('a federated subject is only for a stranger, with provisioning off, where no local user is required', () => {
    exactlyWhen('sign-in-federated', (given) => {
      return isOpen(given) && !given.user && !given.idp.jitEnabled && !given.requireLocalUser
    })
  })

  test('a question is only for a stranger, and only in an asking scheme or for one who was asked before', () => {
    exactlyWhen('ask', (given) => isNew(given) && (given.idp.scheme !== SILENT || given.wasAsked))
  })

  test('whether they are a user already is asked only of a stranger who saw no question, where users are made', () => {
    exactlyWhen('offer', (given) => isOpen(given) && !given.user && given.idp.jitEnabled && isOffered(given))
  })

  test('nobody who is known or locked is ever created or asked', () => {
    for (const { given, decision } of combinations) {
      if (given.user) assert.ok(decision.kind === 'sign-in' || decision.kind === 'refuse', JSON.stringify(given))
    }
  })

  test('a question asks what the scheme says: page, username, password, and consent always', () => {
    for (const { given, decision } of combinations) {
      if (decision.kind !== 'ask') continue
      const { scheme } = given.idp
      assert.equal(decision.page, scheme === USERNAME ? 'register' : 'signup')
      assert.equal(decision.ask.username, scheme === USERNAME || given.username !== 'free')
      assert.equal(decision.ask.password, scheme === PASSWORD || scheme === USERNAME)
      assert.equal(decision.ask.consent, true)
    }
  })

  test('a question gives the scheme as its first reason, and each other reason exactly when it is one', () => {
    for (const { given, decision } of combinations) {
      if (decision.kind !== 'ask') continue
      const reasons: Reason[] = [
        'scheme',
        ...(given.username === 'taken' ? ['username-taken' as const] : []),
        ...(given.username === 'refused' ? ['username-refused' as const] : []),
        ...(given.missingAttributes.length > 0 ? ['attribute-missing' as const] : []),
      ]
      assert.deepEqual(decision.because, reasons)
    }
  })

  test('each rung of the ladder asks what the one below asks, and one thing more', () => {
    const rungs = LADDER.map((scheme) => {
      const decision = decide(facts({ scheme }))
      return decision.kind === 'ask' ? Object.values(decision.ask).filter(Boolean).length : 0
    })
    assert.deepEqual(rungs, [0, 1, 2, 3])
  })

  test('a decision is codes alone, so that it can be logged as it is', () => {
    const words = new Set(combinations.flatMap(({ decision }) => JSON.stringify(decision).match(/[\w-]+/g) ?? []))
    assert.ok(!words.has('phone_number'))
  })

  test('the same facts always give the same decision', () => {
    for (const { given, decision } of combinations) assert.deepEqual(decide(given), decision)
  })
})
