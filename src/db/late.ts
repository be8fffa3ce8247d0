// A sign-in that has ended well and is yet to be led out: whether it holds still. Law: what is off by then lets nobody in.
import { acceptsIdp } from './applications.ts'
import { refuseRecord } from './audit.ts'
import { applicationIn, type ConfiguredRows, idpIn } from './configured.ts'
import { type Db, inTransaction } from './connect.ts'
import { type Ending, refuseEnded } from './flow-endings.ts'
import type { EndedStanding } from './flows.ts'
import { acceptsByPassword } from './identities.ts'
import { isSubjectOver } from './identity-locks.ts'

/** Of an ended flow, what it is judged by. */
export interface Ended {
  id: string
  door: { applicationId: string }
  idpId: string | undefined
  ending: Ending | undefined
  endedAt: Date | undefined
  /** What is configured, as it was when the flow was read. */
  configured: Pick<ConfiguredRows, 'applications' | 'idps'>
  /** How the user stands whom it let in, as that was read with the flow; absent when there is none (any more). */
  standing?: EndedStanding
  /** Of somebody without a user. */
  federatedSubject: string | undefined
}

interface Looking {
  now: Date
  tell: (code: LateRefusal) => string
  isOpen?: () => Promise<boolean>
}

/** `NO_WAY_IN`: their user or the idp was deleted meanwhile, or the one is not known to the other any more, or to none that the application takes. */
export type LateRefusal = 'IDP_OFF' | 'IDENTITY_LOCKED' | 'USER_LOCKED' | 'NO_WAY_IN'

/**
 * Looks once more whether a person may go on, and turns the ending of somebody who may not, and whose door is still open, into a refusal, in its record
 * too. Returns what they are told, which `tell` makes of the reason that the record keeps; undefined when they may. The door is asked about those
 * alone who may not.
 */
export async function refuseLate(
  db: Db,
  flow: Ended,
  { now, tell, isOpen = async () => true }: Looking,
): Promise<string | undefined> {
  const code = await refusalOf(db, flow, now)
  if (code === undefined || !(await isOpen())) return undefined
  const told = tell(code)
  await inTransaction(db, async (transaction) => {
    if (await refuseEnded(transaction, flow.id, told)) await refuseRecord(transaction, flow.id, code)
  })
  return told
}

async function refusalOf(db: Db, flow: Ended, now: Date): Promise<LateRefusal | undefined> {
  const { ending, endedAt = now, federatedSubject, configured, standing } = flow
  if (ending?.kind !== 'signed-in' && ending?.kind !== 'federated') return undefined
  const idpId = ending.kind === 'signed-in' ? ending.idpId : flow.idpId
  const idp = idpIn(configured, idpId)
  const isByIdp = ending.kind === 'federated' || idpId !== undefined
  if (isByIdp && !idp) return 'NO_WAY_IN'
  const application = applicationIn(configured, flow.door.applicationId)
  if (idp && !(application?.isEnabled && idp.isEnabled && acceptsIdp(application, idp.name))) return 'IDP_OFF'
  if (ending.kind === 'federated') {
    const isOver = federatedSubject !== undefined && (await isSubjectOver(db, federatedSubject, endedAt))
    return isOver ? 'IDENTITY_LOCKED' : undefined
  }
  if (!standing) return 'NO_WAY_IN'
  if (standing.isLocked) return 'USER_LOCKED'
  if (!idp && application && !(await acceptsByPassword(db, application, ending.userId))) return 'NO_WAY_IN'
  if (!idp || standing.isLetIn) return undefined
  return standing.isKnownThere ? 'IDENTITY_LOCKED' : 'NO_WAY_IN'
}
