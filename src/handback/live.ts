// Whether a session, a code or a token is still good. Law: none is trusted alone; at each use PostgreSQL says what holds now.
import { acceptsIdp } from '../db/applications.ts'
import { acceptsByPassword } from '../db/identities.ts'
import { findFederatedStanding, findStanding, type UserStanding } from '../db/standing.ts'
import type { House } from '../house.ts'
import { isFederated } from './subjects.ts'

/** How it began: by which idp (absent: by password, or a version before this one did not say), and how many seconds after 1970. */
export interface Beginning {
  idpId: string | undefined
  begunAt: number | undefined
}

/** Of an application, what decides who comes in. */
export type Gate = Parameters<typeof acceptsIdp>[0]

/**
 * Whether what a subject began goes on at this application: the idp is on and accepted there (of who came by a
 * password, one of theirs is); the user is there, comes in that way, and is neither
 * locked nor signed out since; who they are at the idp is not locked, nor was since. `standing` is theirs, where it was asked for already.
 */
export async function isLive(
  house: House,
  subject: string,
  beginning: Beginning,
  application: Gate,
  standing?: UserStanding,
): Promise<boolean> {
  const { idpId, begunAt } = beginning
  const isOpen = ({ openIdp }: { openIdp: string | null }) =>
    idpId === undefined || (openIdp !== null && acceptsIdp(application, openIdp))
  if (isFederated(subject)) {
    const them = await findFederatedStanding(house.db, subject, { idpId, begunAt: momentOf(house, beginning) })
    return isOpen(them) && !them.isOver
  }
  const user = standing ?? (await standingOf(house, subject, beginning))
  if (user === undefined || user.isLocked || isSignedOut(user, begunAt)) return false
  if (idpId === undefined) return acceptsByPassword(house.db, application, user.id)
  return isOpen(user) && user.isLetIn
}

/** How a user stands with what began so; undefined when there is none (any more). */
export function standingOf(house: House, userId: string, beginning: Beginning): Promise<UserStanding | undefined> {
  return findStanding(house.db, userId, { idpId: beginning.idpId, begunAt: momentOf(house, beginning) })
}

function momentOf(house: House, { begunAt }: Beginning): Date {
  return begunAt === undefined ? house.now() : new Date(begunAt * 1000)
}

/** The library counts in whole seconds: what began in the same one is taken for older. Without a beginning there is nothing to end. */
function isSignedOut({ signedOutAt }: UserStanding, begunAt: number | undefined): boolean {
  return signedOutAt !== null && begunAt !== undefined && begunAt * 1000 <= signedOutAt.getTime()
}
