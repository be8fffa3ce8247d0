// Somebody new whose e-mail address a user here keeps: whether they are asked if that is them, and what is kept of them when it is not.
import type { Db } from '../db/connect.ts'
import type { Idp } from '../db/idps.ts'
import { isKeptVerified } from '../db/proofs.ts'
import type { Profile } from '../login/profile.ts'
import { allFromIdp } from './consent.ts'
import type { Situation } from './facts.ts'
import type { NewUser } from './provision.ts'

/** The address of that question; what follows from a yes is below it. */
export const CONNECT = '/accountrecoveryendpoint/connect.do'

/** Where the two are connected, once somebody has proved that the user is theirs. */
export const FINISH = `${CONNECT}/finish`

export function finishAddress(flowId: string): string {
  return `${FINISH}?${new URLSearchParams({ sessionDataKey: flowId })}`
}

export function offerAddress(flowId: string): string {
  return `${CONNECT}?${new URLSearchParams({ sessionDataKey: flowId })}`
}

/** The address at which somebody signs in to the user that they want to connect. */
export function connectAddress(flowId: string): string {
  return `${CONNECT}/sign-in?${new URLSearchParams({ sessionDataKey: flowId })}`
}

/**
 * Whether somebody new may be a user already: the idp, which offers to connect, says that it checked their address, and a user keeps the same
 * one, checked. Of any other address nobody learns whether it is kept here (security S045, S069).
 */
export async function mayBeKnown(db: Db, idp: Idp, { attributes: { email } }: Profile): Promise<boolean> {
  if (!idp.associateLocalUser || email?.verified !== true || typeof email.value !== 'string') return false
  return isKeptVerified(db, email.value)
}

/**
 * What a silent mode keeps of somebody who said that they are none of those who keep their address: all but that address. It is recorded as
 * refused, or the next sign-in would bring it.
 */
export function keptApart({ idp, profile, purposes, notice }: Situation): Pick<NewUser, 'attributes' | 'refusal'> {
  const asking = purposes.filter(({ piiCategories }) => piiCategories.some(({ name }) => name === 'email'))
  const ids = asking.length > 0 ? asking.map(({ id }) => id) : ['default']
  const records = ids.map((purposeId) => ({ purposeId, attribute: 'email', state: 'refused' as const }))
  return {
    attributes: allFromIdp(profile, idp.id).filter(({ name }) => name !== 'email'),
    refusal: { notice, records },
  }
}
