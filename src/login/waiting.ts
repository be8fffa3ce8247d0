// Who a sign-in waits for to show a second factor, decided again at each look, and where it goes on after that.
import { type Application, findApplication } from '../db/applications.ts'
import { factorsOf } from '../db/user-factors.ts'
import { findUser } from '../db/users.ts'
import type { FactorStep, Factors } from '../factors/need.ts'
import type { BrowserFlow } from '../flow.ts'
import type { House } from '../house.ts'
import { whatIsCalled } from '../provisioning/called.ts'
import { decide, type Verdict } from '../provisioning/decide.ts'
import { gather } from '../provisioning/facts.ts'
import { finishAddress } from '../provisioning/offer.ts'
import { factorStep } from '../provisioning/second-factor.ts'
import { isStillProved, settle, settleLocally } from '../provisioning/settle.ts'
import { loginAgain } from './ways.ts'

export interface Waiting {
  userId: string
  called: string
  step: FactorStep
  factors: Factors
  application: Application
  /** By what that was decided; absent after a password. */
  verdict?: Verdict
}

/** Undefined when nobody has to show anything (any more): the flow is to be settled, or is over. */
export async function waitingOf(house: House, flow: BrowserFlow): Promise<Waiting | undefined> {
  const { profile, provedUserId, factorUserId } = flow
  if (profile) {
    const { facts, application, idp } = await gather(house, flow, profile)
    const decision = decide(facts)
    if (decision.kind === 'second-factor')
      return waitingFor(house, decision.userId, decision.step, application, { facts, decision })
    // Somebody new who proved that a user here is theirs, and is about to connect it.
    if (facts.user || provedUserId === undefined) return undefined
    const step = await factorStep(house, provedUserId, { application, idp, shownBy: factorUserId })
    return step && waitingFor(house, provedUserId, step, application)
  }
  if (provedUserId === undefined || !(await isStillProved(house, flow))) return undefined
  const application = await findApplication(house.db, flow.door.applicationId)
  const step = application && (await factorStep(house, provedUserId, { application, shownBy: factorUserId }))
  return step && waitingFor(house, provedUserId, step, application)
}

async function waitingFor(
  house: House,
  userId: string,
  step: FactorStep,
  application: Application,
  verdict?: Verdict,
): Promise<Waiting | undefined> {
  const user = await findUser(house.db, userId)
  // Settling says why.
  if (!user || user.isLocked) return undefined
  const factors = await factorsOf(house.db, userId)
  const { name: called } = await whatIsCalled(house.db, user)
  return { userId, called, step, factors, application, ...(verdict ? { verdict } : {}) }
}

/** Settles a flow whose person has shown what they had to. Returns the address of the page that asks next; undefined when it is over. */
export async function nextAfterFactor(house: House, flow: BrowserFlow): Promise<string | undefined> {
  const { profile, provedUserId, provedBy } = flow
  if (!profile) {
    if (provedUserId === undefined) return undefined
    // Nor is it any more where it was proved to connect an idp that is deleted: of no password.
    if (provedBy === undefined || !(await isStillProved(house, flow))) return loginAgain(flow.id)
    return (await settleLocally(house, flow, provedUserId, provedBy))?.instead
  }
  const isConnecting = provedUserId !== undefined && provedUserId === flow.factorUserId
  if (isConnecting && !(await gather(house, flow, profile)).identity) return finishAddress(flow.id)
  const asked = await settle(house, { ...flow, profile })
  if (!asked) return undefined
  if ('instead' in asked) return asked.instead
  return `${house.settings().prompts[asked.question.page]}?${new URLSearchParams({ sessionDataKey: flow.id })}`
}
