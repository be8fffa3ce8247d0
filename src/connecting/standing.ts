// Where a sign-in stands that may connect: decided again at each step, so that what changed meanwhile holds.
import { noteProved } from '../db/flows.ts'
import { findProof, type Means, meansOf, type Proof } from '../db/proofs.ts'
import { factorAddress } from '../factors/addresses.ts'
import type { House } from '../house.ts'
import { type Decision, decide } from '../provisioning/decide.ts'
import { gather, type Situation } from '../provisioning/facts.ts'
import { factorStep } from '../provisioning/second-factor.ts'
import { type Arrived, settle } from '../provisioning/settle.ts'
import { isProof } from './proof.ts'

/** Somebody new at an idp that offers to connect. */
export interface Standing {
  flow: Arrived
  situation: Situation
  decision: Extract<Decision, { kind: 'ask' | 'offer' }>
}

/** The same, with the user whom they proved to be theirs. */
export interface Proven extends Standing {
  proof: Proof
  means: Means
}

/** Decides again. Undefined when there is nothing to connect any more: the flow is to be settled. */
export async function standingOf(house: House, flow: Arrived): Promise<Standing | undefined> {
  const situation = await gather(house, flow, flow.profile)
  const decision = decide(situation.facts)
  const isNew = !situation.facts.user && (decision.kind === 'ask' || decision.kind === 'offer')
  return isNew && situation.idp.associateLocalUser ? { flow, situation, decision } : undefined
}

/** Undefined when nothing is proved, or it does not count (any more). */
export async function proofIn(house: House, flow: Arrived): Promise<Pick<Proven, 'proof' | 'means'> | undefined> {
  const proof = await findProof(house.db, flow.id)
  const means = proof && (await meansOf(house.db, proof.userId))
  return means && isProof(house.keyring, flow, proof, means, house.now()) ? { proof, means } : undefined
}

/** Where somebody who proved a user to be theirs has to show its second factor first; undefined: nowhere. */
export async function factorBefore(house: House, { flow, situation, proof }: Proven): Promise<string | undefined> {
  const { application, idp } = situation
  const step = await factorStep(house, proof.userId, { application, idp, shownBy: flow.factorUserId })
  if (!step) return undefined
  // Whether that proof still counts is looked at again before the two are connected.
  await noteProved(house.db, flow.id, { userId: proof.userId, by: null, now: house.now() })
  return factorAddress(flow.id)
}

/** Settles a flow; returns the address of the page that asks, or that of its ending. */
export async function settledAt(house: House, flow: Arrived, ended: (flowId: string) => string): Promise<string> {
  const asked = await settle(house, flow)
  if (!asked) return ended(flow.id)
  if ('instead' in asked) return asked.instead
  return `${house.settings().prompts[asked.question.page]}?${new URLSearchParams({ sessionDataKey: flow.id })}`
}
