// Whether a session, a code or a token is still good. Law: none is trusted alone; at each use PostgreSQL says what holds now.
import { type Application, acceptsIdp } from '../db/applications.ts'
import { isWayIn } from '../db/identities.ts'
import { isSubjectOver } from '../db/identity-locks.ts'
import { findIdp } from '../db/idps.ts'
import { findUser, type User } from '../db/users.ts'
import type { House } from '../house.ts'
import { isFederated } from './subjects.ts'

/** How it began: by which idp (absent: by password, or a version before this one did not say), and how many seconds after 1970. */
export interface Beginning {
  idpId: string | undefined
  begunAt: number | undefined
}

/**
 * Whether what a subject began goes on at this application: the idp is on and accepted there; the user is there, comes in that way, and is neither
 * locked nor signed out since; who they are at the idp is not locked, nor was since.
 */
export async function isLive(
  house: House,
  subject: string,
  { idpId, begunAt }: Beginning,
  application: Application | undefined,
): Promise<boolean> {
  if (!application?.isEnabled) return false
  const begun = begunAt === undefined ? house.now() : new Date(begunAt * 1000)
  if (idpId !== undefined && !(await isOpenTo(house, application, idpId))) return false
  if (isFederated(subject)) return !(await isSubjectOver(house.db, subject, begun))
  if (idpId !== undefined && !(await isWayIn(house.db, subject, idpId, begun))) return false
  const user = await findUser(house.db, subject)
  return user !== undefined && !user.isLocked && !isSignedOut(user, begunAt)
}

/** The library counts in whole seconds: what began in the same one is taken for older. Without a beginning there is nothing to end. */
function isSignedOut({ signedOutAt }: User, begunAt: number | undefined): boolean {
  return signedOutAt !== null && begunAt !== undefined && begunAt * 1000 <= signedOutAt.getTime()
}

async function isOpenTo(house: House, application: Application, idpId: string): Promise<boolean> {
  const idp = await findIdp(house.db, idpId)
  return idp?.isEnabled === true && acceptsIdp(application, idp.name)
}
