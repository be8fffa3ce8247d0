// Carries out every decision that needs no answer from the person. What is left is a question, or an ended flow.
import { applicationIn } from '../db/configured.ts'
import { noteProved } from '../db/flows.ts'
import { acceptsByPassword } from '../db/identities.ts'
import { type Means, meansOf } from '../db/proofs.ts'
import { factorAddress } from '../factors/addresses.ts'
import type { Flow } from '../flow.ts'
import type { House } from '../house.ts'
import { allFromIdp } from './consent.ts'
import type { Decision, Facts } from './decide.ts'
import { decide, isAboutChange } from './decide.ts'
import type { Situation } from './facts.ts'
import { gather } from './facts.ts'
import { keptApart, offerAddress } from './offer.ts'
import { keptName } from './place.ts'
import { endWithoutUser, provision, signIn, signInLocally } from './provision.ts'
import { factorStep } from './second-factor.ts'

export type Question = Extract<Decision, { kind: 'ask' }>

/** A flow that has come back from its idp. */
export type Arrived = Flow & { profile: NonNullable<Flow['profile']> }

/** What the person has to be asked, with the situation that this was decided in. */
export interface Asking {
  question: Question
  situation: Situation
}

/** Something else has to happen first, at this address: they are asked whether a user here is theirs, or for a second factor. */
export interface Instead {
  instead: string
}

/** Looks what the person would be asked now, and settles nothing; undefined when that is nothing. `typed` is the name in question. */
export async function askingOf(house: House, flow: Arrived, typed: string): Promise<Asking | undefined> {
  const situation = await gather(house, flow, flow.profile, typed)
  const decision = decide(situation.facts)
  return decision.kind === 'ask' ? { question: decision, situation } : undefined
}

/**
 * Decides, and settles the flow unless the person has to be asked, or has to go elsewhere first. `typed` is the name that they typed, if they did;
 * `keep` keeps the profile, which is called only where the flow needs it after this: for nearly everybody it is over here.
 */
export async function settle(
  house: House,
  flow: Arrived,
  typed = '',
  keep: () => Promise<void> = async () => {},
): Promise<Asking | Instead | undefined> {
  // Three times: whose user was deleted meanwhile is a new person, and who lost a race while creating is a known one after that.
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const situation = await gather(house, flow, flow.profile, typed)
    const decision = decide(situation.facts)
    house.log.info(
      {
        flow: flow.tag,
        idp: situation.idp.name,
        kind: decision.kind,
        because: 'because' in decision ? decision.because : undefined,
      },
      'decision',
    )
    if (!isOverBy(decision, situation.facts)) await keep()
    if (decision.kind === 'ask') return { question: decision, situation }
    if (decision.kind === 'offer') return { instead: offerAddress(flow.id) }
    if (decision.kind === 'second-factor') return { instead: factorAddress(flow.id) }
    if (await carryOut(house, flow, decision, situation)) return undefined
  }
  throw new Error('A person could neither be created nor found.')
}

/** Whether nobody needs what the idp sent once this decision is carried out. The door of somebody without a user does. */
function isOverBy({ kind }: Decision, { requireSecondFactor }: Facts): boolean {
  return kind === 'sign-in' || kind === 'refuse' || (kind === 'create' && !requireSecondFactor)
}

/**
 * The same for somebody who typed the password of a user; `by` says which (`provedBy`). Where the user has another one by now nothing happens, and the
 * flow leads back to where it is typed.
 */
export async function settleLocally(
  house: House,
  flow: Flow,
  userId: string,
  by: Buffer,
): Promise<Instead | undefined> {
  const means = await meansOf(house.db, userId)
  // As of now: the password took its time.
  const application = applicationIn(await house.configured.now(), flow.door.applicationId)
  // Since the password was typed.
  if (!means || means.isLocked || !application?.isEnabled) {
    await endWithoutUser(house, flow, { kind: 'refused', code: 'USER_LOCKED' })
    return undefined
  }
  const isStill = ({ passwordHash }: Means) => passwordHash !== null && provedBy(house, flow, passwordHash).equals(by)
  if (!isStill(means)) return undefined
  if (!(await acceptsByPassword(house.db, application, userId))) {
    await endWithoutUser(house, flow, { kind: 'refused', code: 'NO_WAY_IN' })
    return undefined
  }
  if (!(await factorStep(house, userId, { application, shownBy: flow.factorUserId }))) {
    await signInLocally(house, flow, userId, isStill)
    return undefined
  }
  const isNoted = await noteProved(house.db, flow.id, { userId, by, now: house.now() })
  return isNoted ? { instead: factorAddress(flow.id) } : undefined
}

/** Whether the password that was typed in a flow is still the user's: one that was changed since then proves nothing (security S239). */
export async function isStillProved(house: House, flow: Flow): Promise<boolean> {
  const means = flow.provedUserId === undefined ? undefined : await meansOf(house.db, flow.provedUserId)
  return (
    typeof means?.passwordHash === 'string' && flow.provedBy?.equals(provedBy(house, flow, means.passwordHash)) === true
  )
}

/** What a flow keeps of the password that was typed in it: a keyed hash of its hash. */
export function provedBy({ keyring }: Pick<House, 'keyring'>, { id }: Pick<Flow, 'id'>, passwordHash: string): Buffer {
  return keyring.hash('proved by a password', id, passwordHash)
}

/**
 * Ends the flow of somebody who pressed the second button. A no to a new account keeps nothing; somebody who is known puts the change of a purpose
 * off, and is signed in as they are, or, where it cannot be put off any more, is not. Returns the question again where that was not said on
 * their page.
 */
export async function sayNo(house: House, flow: Flow): Promise<Asking | undefined> {
  // Before anything is decided: a mode changed meanwhile must not make a user of somebody who says no.
  // Who has become a user in it cannot say no to that any more here: that is what My Account is for.
  if (flow.madeUserId !== undefined) return undefined
  if (!flow.noted?.facts.user || !flow.profile) {
    await endWithoutUser(house, flow, { kind: 'declined' })
    return undefined
  }
  const situation = await gather(house, flow, flow.profile)
  const { facts, identity, idp } = situation
  const decision = decide(facts)
  if (decision.kind === 'refuse' || (decision.kind === 'sign-in' && identity)) {
    await carryOut(house, flow, decision, situation)
  } else if (decision.kind !== 'ask' || !isAboutChange(decision) || !identity) {
    await endWithoutUser(house, flow, { kind: 'declined' })
  } else if (mayPutOff(facts, flow)) {
    await signIn(house, flow, { idp, profile: flow.profile, facts }, identity, 'later')
  } else if (flow.noted.facts.user.askedAgain?.isDue) {
    await endWithoutUser(house, flow, { kind: 'refused', code: 'CONSENT_DUE' }, { facts })
  } else return { question: decision, situation }
  return undefined
}

/** Whether the change of a purpose can be put off: until the operator's day, and always by whoever comes to close their account. */
export function mayPutOff({ user }: Facts, flow: Pick<Flow, 'door'> | undefined): boolean {
  return !user?.askedAgain?.isDue || flow?.door.kind === 'my-account'
}

async function carryOut(
  house: House,
  flow: Flow,
  decision: Exclude<Decision, { kind: 'ask' | 'offer' | 'second-factor' }>,
  situation: Situation,
): Promise<boolean> {
  const { idp, profile, identity, suggested, facts } = situation
  switch (decision.kind) {
    case 'sign-in':
      return identity === undefined || signIn(house, flow, situation, identity)
    case 'sign-in-federated':
      await endWithoutUser(house, flow, { kind: 'federated' }, { facts })
      return true
    case 'refuse':
      await endWithoutUser(house, flow, { kind: 'refused', code: decision.because }, { facts })
      return true
    case 'create': {
      if (suggested.kind !== 'ok') return false
      const outcome = await provision(house, flow, situation, {
        ...keptName(suggested),
        passwordHash: null,
        ...(flow.isApart ? keptApart(situation) : { attributes: allFromIdp(profile, idp.id) }),
      })
      // Somebody new who has to set a second factor up is a known one at the next look.
      return outcome.kind === 'created' ? !facts.requireSecondFactor : outcome.kind === 'already-closed'
    }
    default:
      return decision satisfies never
  }
}
