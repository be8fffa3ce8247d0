// A sign-in that has ended well and is yet to be led out: whether it holds still. Law: what is off by then lets nobody in.
import { acceptsIdp, findApplication } from './applications.ts'
import { refuseRecord } from './audit.ts'
import { type Db, inTransaction } from './connect.ts'
import { type Ending, refuseEnded } from './flows.ts'
import { isKnownByIdp, isWayIn } from './identities.ts'
import { isSubjectOver } from './identity-locks.ts'
import { findIdp, type Idp } from './idps.ts'
import { findUser } from './users.ts'

/** Of an ended flow, what it is judged by. */
export interface Ended {
  id: string
  door: { applicationId: string }
  idpId: string | undefined
  ending: Ending | undefined
  endedAt: Date | undefined
  /** Of somebody without a user. */
  federatedSubject: string | undefined
}

/** `NO_WAY_IN`: their user or the idp was deleted meanwhile, or the one is not known to the other any more. */
export type LateRefusal = 'IDP_OFF' | 'IDENTITY_LOCKED' | 'USER_LOCKED' | 'NO_WAY_IN'

/**
 * Looks once more whether a person may go on, and turns the ending of somebody who may not into a refusal, in its record too. Returns what
 * they are told, which `tell` makes of the reason that the record keeps; undefined when they may.
 */
export async function refuseLate(
  db: Db,
  flow: Ended,
  { now, tell }: { now: Date; tell: (code: LateRefusal) => string },
): Promise<string | undefined> {
  const code = await refusalOf(db, flow, now)
  if (code === undefined) return undefined
  const told = tell(code)
  await inTransaction(db, async (transaction) => {
    if (await refuseEnded(transaction, flow.id, told)) await refuseRecord(transaction, flow.id, code)
  })
  return told
}

async function refusalOf(db: Db, flow: Ended, now: Date): Promise<LateRefusal | undefined> {
  const { ending, endedAt = now, federatedSubject } = flow
  if (ending?.kind !== 'signed-in' && ending?.kind !== 'federated') return undefined
  const idpId = ending.kind === 'signed-in' ? ending.idpId : flow.idpId
  const idp = idpId === undefined ? undefined : await findIdp(db, idpId)
  const isByIdp = ending.kind === 'federated' || idpId !== undefined
  if (isByIdp && !idp) return 'NO_WAY_IN'
  if (idp && !(await isOpenTo(db, flow.door.applicationId, idp))) return 'IDP_OFF'
  if (ending.kind === 'federated') {
    const isOver = federatedSubject !== undefined && (await isSubjectOver(db, federatedSubject, endedAt))
    return isOver ? 'IDENTITY_LOCKED' : undefined
  }
  const user = await findUser(db, ending.userId)
  if (!user) return 'NO_WAY_IN'
  if (user.isLocked) return 'USER_LOCKED'
  if (!idp || (await isWayIn(db, user.id, idp.id, endedAt))) return undefined
  return (await isKnownByIdp(db, user.id, idp.id)) ? 'IDENTITY_LOCKED' : 'NO_WAY_IN'
}

async function isOpenTo(db: Db, applicationId: string, idp: Idp): Promise<boolean> {
  const application = await findApplication(db, applicationId)
  return application?.isEnabled === true && idp.isEnabled && acceptsIdp(application, idp.name)
}
