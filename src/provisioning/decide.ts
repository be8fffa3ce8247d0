// Decides what happens to a profile, now, and because of what. Pure: no clock, no database, no Express. The heart; read it first.
import type { Scheme } from '../db/idps.ts'
import type { FactorStep } from '../factors/need.ts'

/** What we know, gathered by facts.ts. No step reads stored ones: each gathers them and decides again. A record keeps them, to explain. */
export interface Facts {
  idp: { isEnabled: boolean; isAccepted: boolean; jitEnabled: boolean; scheme: Scheme }
  requireLocalUser: boolean
  /** Whoever has no second factor has to set one up before they are let in. */
  requireSecondFactor?: true
  /** An operator locked whom the idp calls this, whether or not there is a user. */
  isIdentityLocked?: true
  /** The person has seen the question, so only their answer may make a user: what they do not tick is kept nowhere. */
  wasAsked: boolean
  /** The user that this (idp, issuer, subject) belongs to. */
  user?: {
    id: string
    isLocked: boolean
    /** Purposes that changed since the person was shown them, and whether any of that cannot be put off any more. Only of an idp that asks. */
    askedAgain?: { purposes: string[]; isDue: boolean }
    /** What stands before the door: a second factor that was not shown yet, or one to set up. */
    secondFactor?: FactorStep
  }
  /** The suggested username, in the store that the idp provisions to. 'fixed': it is the person's federated unique id, and nobody chooses it. */
  username: 'free' | 'taken' | 'refused' | 'fixed'
  /** Attributes that some purpose needs and the idp did not send. */
  missingAttributes: string[]
  /** Some user keeps, verified, the e-mail address that the idp verified, and the person has not said yet that it is not theirs. */
  mayBeKnown?: true
}

export type RefusalCode =
  | ('IDP_OFF' | 'IDENTITY_LOCKED' | 'USER_LOCKED' | 'LOCAL_USER_REQUIRED')
  | ('USERNAME_TAKEN' | 'USERNAME_POLICY')

/** What the person is asked for; which page asks follows from the scheme. */
export interface Ask {
  username: boolean
  password: boolean
  consent: true
}

export type Reason = 'scheme' | 'username-taken' | 'username-refused' | 'attribute-missing' | 'purpose-changed'

export type Decision =
  | { kind: 'sign-in'; userId: string }
  /** They show a second factor, or set one up; before anything else of the user is shown or changed. */
  | { kind: 'second-factor'; userId: string; step: FactorStep }
  /** Nothing is kept about the person: the application gets a federated subject. */
  | { kind: 'sign-in-federated' }
  | { kind: 'refuse'; because: RefusalCode }
  | { kind: 'create' }
  /** They are asked whether they are that user, and prove it. */
  | { kind: 'offer' }
  | { kind: 'ask'; page: 'register' | 'signup'; ask: Ask; because: Reason[] }

/** A decision with what it was made of: what a record keeps. Nothing in it is a value of a person. */
export interface Verdict {
  facts: Facts
  decision: Decision
}

/** The modes are a ladder: each rung asks what the one below asks, and one thing more. */
export function decide(facts: Facts): Decision {
  if (!facts.idp.isEnabled || !facts.idp.isAccepted) return { kind: 'refuse', because: 'IDP_OFF' }
  if (facts.isIdentityLocked) return { kind: 'refuse', because: 'IDENTITY_LOCKED' }
  if (facts.user) {
    if (facts.user.isLocked) return { kind: 'refuse', because: 'USER_LOCKED' }
    const { id: userId, secondFactor: step } = facts.user
    if (step) return { kind: 'second-factor', userId, step }
    return facts.user.askedAgain && asksConsent(facts.idp)
      ? {
          kind: 'ask',
          page: 'signup',
          ask: { username: false, password: false, consent: true },
          because: ['purpose-changed'],
        }
      : { kind: 'sign-in', userId: facts.user.id }
  }
  if (!facts.idp.jitEnabled) {
    // A second factor is a user's, and without provisioning there is none.
    return facts.requireLocalUser || facts.requireSecondFactor
      ? { kind: 'refuse', because: 'LOCAL_USER_REQUIRED' }
      : { kind: 'sign-in-federated' }
  }
  // In silent mode too: an address connects nobody, and a second user of one person is a matter for that person.
  if (facts.mayBeKnown && !facts.wasAsked) return { kind: 'offer' }
  if (facts.idp.scheme === 'PROVISION_SILENTLY' && !facts.wasAsked) {
    if (facts.username === 'taken') return { kind: 'refuse', because: 'USERNAME_TAKEN' }
    if (facts.username === 'refused') return { kind: 'refuse', because: 'USERNAME_POLICY' }
    return { kind: 'create' }
  }
  return ask(facts, facts.idp.scheme)
}

/** Whether people of an idp are asked what may be kept of them. */
export function asksConsent({ jitEnabled, scheme }: Pick<Facts['idp'], 'jitEnabled' | 'scheme'>): boolean {
  return jitEnabled && scheme !== 'PROVISION_SILENTLY'
}

/** Whether a question is about a change, to somebody who is known. */
export function isAboutChange({ because }: { because: Reason[] }): boolean {
  return because.includes('purpose-changed')
}

function ask(facts: Facts, scheme: Scheme): Decision {
  const because: Reason[] = ['scheme']
  if (facts.username === 'taken') because.push('username-taken')
  if (facts.username === 'refused') because.push('username-refused')
  if (facts.missingAttributes.length > 0) because.push('attribute-missing')
  const isWholeLadder = scheme === 'PROMPT_USERNAME_PASSWORD_CONSENT'
  return {
    kind: 'ask',
    page: isWholeLadder ? 'register' : 'signup',
    ask: {
      // signup.do asks for a name only when the suggested one will not do: a name is never silently changed.
      username: facts.username !== 'fixed' && (isWholeLadder || facts.username !== 'free'),
      password: isWholeLadder || scheme === 'PROMPT_PASSWORD_CONSENT',
      consent: true,
    },
    because,
  }
}
