// The transaction that connects somebody new to a user who is here already, and ends their sign-in as that user.
import type { House } from '../house.ts'
import type { Verdict } from '../provisioning/decide.ts'
import { insertAccountEvent } from './account-events.ts'
import { insertAuditEvent } from './audit.ts'
import { inTransaction } from './connect.ts'
import { type ConsentContext, type ConsentRecord, insertConsents, putNotice } from './consents.ts'
import { closeFlow } from './flows.ts'
import { insertIdentity, type Person } from './identities.ts'
import type { Scheme } from './idps.ts'
import { queueMail } from './mails.ts'
import { findProof, type Means, meansOf, type Proof } from './proofs.ts'
import { type AnsweredAttribute, noteAnswered, startSeenConnecting } from './purpose-versions.ts'
import { replaceUserAttributes, type StoredAttribute } from './user-attributes.ts'
import { grantRoles } from './user-roles.ts'
import { lockUser } from './users.ts'

/** What is to be connected, and what comes with it. */
export interface Connection {
  flowId: string
  person: Person
  /** What later sign-ins of this person cover. */
  scheme: Scheme
  /** The values that the person ticked, each in place of what is kept. */
  attributes: StoredAttribute[]
  roles: string[]
  consent: {
    notice: { hash: string; language: string; content: string }
    records: ConsentRecord[]
    /** What they were answers to, those included that were given before. */
    answered: AnsweredAttribute[]
    at: ConsentContext['at']
  }
  verdict: Verdict
  /** What people call the idp. */
  idp: string
  /** That of the person, for the letter. */
  language: string
}

export type Connected =
  | { kind: 'connected'; userId: string }
  /** There is no proof (any more), or what it was made with is gone, or the user is. */
  | { kind: 'unproven' }
  /** Another flow made this person a user, or connected them, first. */
  | { kind: 'already-there' }
  | { kind: 'already-closed' }

/** Undoes a transaction that met an expected conflict. */
class Rollback extends Error {
  readonly outcome: Connected

  constructor(outcome: Connected) {
    super(outcome.kind)
    this.outcome = outcome
  }
}

/**
 * Ends the flow and connects its person to the user whom they proved to be: one transaction, in which the proof is used up and looked at
 * again by `proves`. Nothing that is kept of the user changes but what was ticked.
 */
export async function connectUser(
  house: Pick<House, 'db' | 'keyring' | 'now' | 'postman'>,
  connection: Connection,
  { proves, now }: { proves: (proof: Proof, means: Means) => boolean; now: Date },
): Promise<Connected> {
  const { flowId, person, attributes, roles, consent } = connection
  try {
    return await inTransaction(house.db, async (db): Promise<Connected> => {
      // The user before the flow: whatever ends ways in and users locks the user first, too.
      const userIs = (await findProof(db, flowId))?.userId
      const means = userIs !== undefined && (await lockUser(db, userIs)) ? await meansOf(db, userIs) : undefined
      const proof = await findProof(db, flowId, true)
      const ending = { kind: 'signed-in', userId: userIs ?? '', idpId: person.idpId } as const
      const closed = await closeFlow(db, flowId, ending, now)
      if (!closed) return { kind: 'already-closed' }
      const isSame = proof !== undefined && proof.userId === userIs
      if (!isSame || !means || !proves(proof, means)) throw new Rollback({ kind: 'unproven' })
      const { userId } = proof
      await startSeenConnecting(db, userId)
      if (!(await insertIdentity(db, person, userId, connection.scheme))) throw new Rollback({ kind: 'already-there' })
      const { language, idp } = connection
      // Before it changes: whoever had the address is told at it.
      if (attributes.some(({ name }) => name === 'email'))
        await queueMail(db, house, { userId, kind: 'email-changed', language })
      await replaceUserAttributes(db, userId, attributes)
      await grantRoles(db, userId, person.idpId, roles)
      if (consent.records.length > 0) await putNotice(db, consent.notice)
      await insertConsents(db, consent.records, { userId, notice: consent.notice, at: consent.at, now })
      await noteAnswered(db, userId, consent.answered)
      await insertAccountEvent(db, userId, 'connected', { idp }, now)
      await queueMail(db, house, { userId, kind: 'connected', language, facts: { idp } })
      await insertAuditEvent(db, closed, {
        event: 'connected',
        flowId,
        idpId: person.idpId,
        userId,
        verdict: connection.verdict,
        detail: { changed: attributes.length, granted: roles.length },
        at: now,
      })
      return { kind: 'connected', userId }
    })
  } catch (error) {
    if (error instanceof Rollback) return error.outcome
    throw error
  }
}
