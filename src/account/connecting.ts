// Connects an idp to a user who is there already, as the person answered: what they ticked is taken over, and nothing else that the idp says.
import { type Connected, connectPerson } from '../db/connect-idp.ts'
import type { Flow } from '../flow.ts'
import type { House } from '../house.ts'
import { grantedRoles } from '../provisioning/roles.ts'
import type { Arrived } from '../provisioning/settle.ts'
import { differencesOf } from './differences.ts'

export interface Answer {
  /** Who has proved to be this user, a moment ago. */
  userId: string
  /** The names of the attributes that they ticked. */
  take: readonly string[]
  /** Their session, where they are signed in to My Account. */
  session?: string
}

/**
 * Ends the flow and makes the person whom it brought a way in of the user. Who they are is the sealed profile's word and no form's. What came of
 * it when it is not `connected`: nothing has happened, and the flow is as it was.
 */
export async function connectIdentity(house: House, flow: Arrived, answer: Answer): Promise<Connected> {
  const { profile, idpId } = flow
  if (idpId === undefined) return 'off'
  const { userId, session, take } = answer
  const outcome = await connectPerson(house, {
    flowId: flow.id,
    ending: endingOf(flow, userId, idpId),
    userId,
    session,
    person: { idpId, issuer: profile.issuer, subject: profile.subject },
    choose: (facts) =>
      differencesOf(profile, { idpId, ...facts }).flatMap(({ theirs }) => (take.includes(theirs.name) ? [theirs] : [])),
    roles: (idp) => grantedRoles(profile, idp),
    language: flow.language,
  })
  if (outcome === 'connected') house.metrics.flow('connected', flow.labels)
  return outcome
}

/** Signed in to My Account already, they stay there; whoever came to sign in is led on. */
function endingOf({ door }: Flow, userId: string, idpId: string) {
  const isInside = door.kind === 'my-account' && door.intent === 'connect'
  return { kind: isInside ? ('connected' as const) : ('signed-in' as const), userId, idpId }
}
