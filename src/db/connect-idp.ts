// The transaction that makes an idp a way in of a user who is there already.
import { insertAccountEvent } from './account-events.ts'
import { insertAuditEvent } from './audit.ts'
import { type Db, inTransaction } from './connect.ts'
import { type ConsentRecord, currentConsents } from './consents.ts'
import { closeFlow, type Ending } from './flows.ts'
import { findIdentity, insertIdentity, type Person } from './identities.ts'
import { findIdp, type Idp } from './idps.ts'
import { type MailHouse, queueMail } from './mails.ts'
import { startSeenConnecting } from './purpose-versions.ts'
import { isSessionOpen } from './sessions.ts'
import { listUserAttributes, replaceUserAttributes, type StoredAttribute } from './user-attributes.ts'
import { grantRoles } from './user-roles.ts'
import { findUser, lockUser } from './users.ts'

export interface Connection {
  flowId: string
  ending: Ending
  userId: string
  /** The session of My Account in which they connect it: ended meanwhile, nothing is connected. */
  session?: string | undefined
  person: Person
  /** What is taken over of what the idp says, of what is kept and holds. */
  choose: (facts: { stored: StoredAttribute[]; consents: ConsentRecord[] }) => StoredAttribute[]
  /** What the idp says they may do here. */
  roles: (idp: Idp) => string[]
  /** Of the letter that tells of it. */
  language: string
}

/**
 * `theirs`: it was connected before. `taken`: to somebody else, who stays who they are. `off`: the idp is turned off, or is another one by now.
 * `over`: the flow, the session or the user has ended. Of all but `connected` nothing has happened.
 */
export type Connected = 'connected' | 'theirs' | 'taken' | 'off' | 'over'

/** Undoes a transaction in which somebody else was quicker. */
class Lost extends Error {}

/** Connects a person of an idp to a user: one transaction. Of two users who want the same person at once, one gets them. */
export async function connectPerson(house: MailHouse, connection: Connection): Promise<Connected> {
  const once = () => inTransaction(house.db, (transaction) => connect(transaction, house, connection))
  // Lost to somebody whose transaction has ended by now: the second time they are found.
  return once().catch((error: unknown) => {
    if (error instanceof Lost) return once()
    throw error
  })
}

async function connect(db: Db, house: MailHouse, connection: Connection): Promise<Connected> {
  const { flowId, userId, session, person, language } = connection
  const now = house.now()
  // Before the flow: whatever ends sessions and ways in locks the user first, too.
  if (!(await lockUser(db, userId)) || (await findUser(db, userId))?.isLocked !== false) return 'over'
  if (session !== undefined && !(await isSessionOpen(db, 'account_sessions', { userId, session, now }))) return 'over'
  const idp = await findIdp(db, person.idpId)
  if (!idp?.isEnabled || idp.issuer !== person.issuer) return 'off'
  const known = await findIdentity(db, person)
  if (known) return known.userId === userId ? 'theirs' : 'taken'

  const closed = await closeFlow(db, flowId, connection.ending, now)
  if (!closed) return 'over'
  // A silent one would cover every mapped attribute at later sign-ins, and of those the person has agreed to none.
  const scheme = idp.scheme === 'PROVISION_SILENTLY' ? 'PROMPT_CONSENT' : idp.scheme
  await startSeenConnecting(db, userId)
  if (!(await insertIdentity(db, person, userId, scheme))) throw new Lost()
  const stored = await listUserAttributes(db, userId)
  const taken = connection.choose({ stored, consents: await currentConsents(db, userId) })
  const facts = { idp: idp.displayName }
  // To the address of before.
  await queueMail(db, house, { userId, kind: 'connected', language, facts })
  if (taken.some(({ name }) => name === 'email'))
    await queueMail(db, house, { userId, kind: 'email-changed', language })
  await replaceUserAttributes(db, userId, taken)
  const roles = connection.roles(idp)
  await grantRoles(db, userId, idp.id, roles)
  await insertAuditEvent(db, closed, {
    event: 'connected',
    flowId,
    idpId: idp.id,
    userId,
    detail: { scheme, changed: taken.length, granted: roles.length },
    at: now,
  })
  await insertAccountEvent(db, userId, 'connected', facts, now)
  return 'connected'
}
