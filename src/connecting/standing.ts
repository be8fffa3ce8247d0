// Where a sign-in stands that may connect: decided again at each step, so that what changed meanwhile holds.
import { findProof, type Means, meansOf, type Proof } from '../db/proofs.ts'
import type { House } from '../house.ts'
import { type Decision, decide } from '../provisioning/decide.ts'
import { gather, type Situation } from '../provisioning/facts.ts'
import { offerAddress } from '../provisioning/offer.ts'
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
export async function provenIn(house: House, standing: Standing): Promise<Proven | undefined> {
  const proof = await findProof(house.db, standing.flow.id)
  const means = proof && (await meansOf(house.db, proof.userId))
  if (!means || !isProof(house.keyring, standing.flow, proof, means, house.now())) return undefined
  return { ...standing, proof, means }
}

/** Settles a flow; returns the address of the page that asks, or that of its ending. */
export async function settledAt(house: House, flow: Arrived, ended: (flowId: string) => string): Promise<string> {
  const asked = await settle(house, flow)
  if (asked === 'offered') return offerAddress(flow.id)
  if (!asked) return ended(flow.id)
  return `${house.settings().prompts[asked.question.page]}?${new URLSearchParams({ sessionDataKey: flow.id })}`
}
