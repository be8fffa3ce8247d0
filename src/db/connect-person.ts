// The transaction that makes a person of an idp a way in of a user who is here already, whichever door they came by.
import type { Verdict } from '../provisioning/decide.ts'
import { insertAccountEvent } from './account-events.ts'
import { insertAuditEvent } from './audit.ts'
import { type Db, inTransaction } from './connect.ts'
import { type ConsentContext, type ConsentRecord, currentConsents, insertConsents, putNotice } from './consents.ts'
import { dropEmailFactor } from './factor-changes.ts'
import { closeFlow, type Ending } from './flow-endings.ts'
import { findIdentity, insertIdentity, type Person } from './identities.ts'
import { isPersonLocked } from './identity-locks.ts'
import { findIdp } from './idps.ts'
import { type MailHouse, queueMail } from './mails.ts'
import { type AnsweredAttribute, noteAnswered, startSeenConnecting } from './purpose-versions.ts'
import { type Keeper, keepersOf } from './read-only.ts'
import { listUserAttributes, replaceUserAttributes, type StoredAttribute } from './user-attributes.ts'
import { grantRoles } from './user-roles.ts'
import { findUser, lockUser } from './users.ts'

/** What is kept of a user, and what they said. */
export interface Kept {
  stored: StoredAttribute[]
  /** What holds. */
  consents: ConsentRecord[]
  /** What other idps keep up to date, by attribute, which is not the person's to replace. */
  keepers: ReadonlyMap<string, Keeper>
}

/** What the person ticked. */
export interface Taken {
  attributes: StoredAttribute[]
  /** The answers that their ticks are. */
  records: ConsentRecord[]
  /** What they were answers to, those included that were given before. */
  answered: AnsweredAttribute[]
}

export interface Connection {
  flowId: string
  ending: Ending
  userId: string
  person: Person
  /** Whether it counts, now, that the user is theirs. Of the user, who is held, nothing changes any more; the flow is still open. */
  proves: (transaction: Db) => Promise<boolean>
  /** What is taken over. Undefined when the person saw something else than there is. */
  choose: (kept: Kept) => Taken | undefined
  roles: string[]
  consent: { notice: { hash: string; language: string; content: string }; at: ConsentContext['at'] }
  /** What the person was asked, of whoever came to sign in. */
  verdict?: Verdict | undefined
  /** Of the letter that tells of it. */
  language: string
}

/**
 * `locked`: the person may not come in by who they are there. `theirs`: it was connected before. `taken`: to somebody else, who stays who they are. `off`: the idp is turned off, or is another one by now.
 * `changed`: the person has not seen what there is now. `unproven`: nothing proves (any more) that the user is theirs, or the user is gone.
 * `over`: the flow has ended. Of all but `connected` nothing has happened.
 */
export type Connected = 'connected' | 'locked' | 'theirs' | 'taken' | 'off' | 'changed' | 'unproven' | 'over'

/** Undoes a transaction that met an expected conflict. */
class Undone extends Error {
  readonly outcome: Connected

  constructor(outcome: Connected) {
    super(outcome)
    this.outcome = outcome
  }
}

/**
 * Ends the flow and connects its person to a user, who keeps everything but what was ticked. Of two users who want the same person at once, one
 * gets them.
 */
export async function connectPerson(house: MailHouse, connection: Connection): Promise<Connected> {
  try {
    return await inTransaction(house.db, (transaction) => connect(transaction, house, connection))
  } catch (error) {
    if (error instanceof Undone) return error.outcome
    throw error
  }
}

async function connect(db: Db, house: MailHouse, connection: Connection): Promise<Connected> {
  const { flowId, userId, person, consent, roles, language } = connection
  const now = house.now()
  // The user before the flow: whatever ends sessions, ways in and users locks the user first, too. What proves it may go with the flow.
  const isHeld = (await lockUser(db, userId)) && (await findUser(db, userId))?.isLocked === false
  const isProven = isHeld && (await connection.proves(db))
  const closed = await closeFlow(db, flowId, connection.ending, now)
  if (!closed) return 'over'
  if (!isProven) throw new Undone('unproven')
  const idp = await findIdp(db, person.idpId)
  if (!idp?.isEnabled || idp.issuer !== person.issuer) throw new Undone('off')

  await startSeenConnecting(db, userId)
  // A silent one would cover every mapped attribute at later sign-ins, and of those the person has agreed to none.
  const scheme = idp.scheme === 'PROVISION_SILENTLY' ? 'PROMPT_CONSENT' : idp.scheme
  if (!(await insertIdentity(db, person, userId, scheme)))
    throw new Undone((await findIdentity(db, person))?.userId === userId ? 'theirs' : 'taken')
  if (await isPersonLocked(db, person)) throw new Undone('locked')
  const taken = connection.choose({
    stored: await listUserAttributes(db, userId),
    consents: await currentConsents(db, userId),
    keepers: await keepersOf(db, userId),
  })
  if (!taken) throw new Undone('changed')

  const facts = { idp: idp.displayName }
  // Before the address changes: it is told at the one that was known to be theirs.
  await queueMail(db, house, { userId, kind: 'connected', language, facts })
  if (taken.attributes.some(({ name }) => name === 'email')) {
    await queueMail(db, house, { userId, kind: 'email-changed', language })
    await dropEmailFactor(db, house, { userId, language })
  }
  await replaceUserAttributes(db, userId, taken.attributes)
  await grantRoles(db, userId, idp.id, roles)
  if (taken.records.length > 0) await putNotice(db, consent.notice)
  await insertConsents(db, taken.records, { userId, ...consent, now })
  await noteAnswered(db, userId, taken.answered)
  await insertAuditEvent(db, closed, {
    event: 'connected',
    flowId,
    idpId: idp.id,
    userId,
    ...(connection.verdict ? { verdict: connection.verdict } : {}),
    detail: { scheme, changed: taken.attributes.length, granted: roles.length },
    at: now,
  })
  await insertAccountEvent(db, userId, 'connected', facts, now)
  return 'connected'
}
