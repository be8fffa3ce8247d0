// The transactions that end a flow: each makes its ending whole or not at all, together with what it means for the user.
import { randomUUID } from 'node:crypto'
import type { Known } from '../db/arrivals.ts'
import { insertAuditEvent } from '../db/audit.ts'
import { type ComingIn, closeUnchanged, holdComingIn } from '../db/coming-in.ts'
import { type Db, inTransaction } from '../db/connect.ts'
import type { ConsentRecord } from '../db/consents.ts'
import { currentConsents, insertConsents, putNotice } from '../db/consents.ts'
import { dropEmailFactor } from '../db/factor-changes.ts'
import { closeFlow, type Ending } from '../db/flow-endings.ts'
import { isSentAsBefore, noteSent } from '../db/identities.ts'
import type { Idp, Scheme } from '../db/idps.ts'
import { type MadeOutcome, makeUser } from '../db/new-users.ts'
import { isOutlived } from '../db/outlived-flows.ts'
import { type Means, meansOf } from '../db/proofs.ts'
import { noteSeen, type Shown } from '../db/purpose-versions.ts'
import type { StoredAttribute } from '../db/user-attributes.ts'
import { dropUserAttributes, putUserAttributes, removeUserAttributes } from '../db/user-attributes.ts'
import { grantRoles, withdrawRoles } from '../db/user-roles.ts'
import { isUserGone, lockUser } from '../db/users.ts'
import type { Flow } from '../flow.ts'
import type { House } from '../house.ts'
import type { Profile } from '../login/profile.ts'
import type { Item, Notice } from './consent.ts'
import { decide, type Facts, type Verdict } from './decide.ts'
import { choiceOf, isDueAt } from './reask.ts'
import { grantedRoles, roleChanges } from './roles.ts'
import { isFactorDue } from './second-factor.ts'
import { changesOf } from './sync.ts'
import { toldFor } from './told.ts'
import type { SpokenPurpose } from './translations.ts'

/** A user about to be made. Holds only what may be kept: everything not granted was dropped before. */
export interface NewUser {
  store: string
  username: string
  canonical: string
  look: string
  passwordHash: string | null
  attributes: StoredAttribute[]
  consent?: { notice: Notice; records: ConsentRecord[] }
  /** What a person whom no question was put to said no to all the same. */
  refusal?: { notice: Notice; records: ConsentRecord[] }
}

export type Outcome =
  | { kind: 'created'; userId: string }
  /** Another flow made this person a user first, or they were locked meanwhile: to be decided again. */
  | { kind: 'already-there' }
  | { kind: 'username-taken' }
  /** The flow ended in another tab, or expired. */
  | { kind: 'already-closed' }

/** Undoes a transaction that met an expected conflict. */
class Rollback extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super(outcome.kind)
    this.outcome = outcome
  }
}

/** What ends a flow of somebody, of their situation: its `facts` are those that it was decided by, its purposes those that are shown, or hold. */
interface Deciding {
  idp: Idp
  profile: Profile
  purposes?: Pick<SpokenPurpose, 'id' | 'inForce'>[]
  facts: Facts
}

/**
 * Ends the flow and makes the user with identity, attributes, roles, consent records and audit event: one transaction, meeting conflicts in
 * order. Where a second factor is required the flow goes on with the user there, so that neither they nor their factor can be lost.
 */
export async function provision(
  house: House,
  flow: Flow,
  { idp, application, profile, purposes = [], facts }: Deciding & { application: { name: string } },
  user: NewUser,
): Promise<Outcome> {
  const userId = randomUUID()
  // Whoever was asked was not provisioned silently, even if the idp is silent by now: later sign-ins cover what they answered.
  const scheme = user.consent && idp.scheme === 'PROVISION_SILENTLY' ? 'PROMPT_CONSENT' : idp.scheme
  // Not of the person's choosing, and so not among what they granted: the profile was sealed, and no form has a say in it.
  const roles = grantedRoles(profile, idp)
  const now = house.now()
  const detail = { scheme, store: user.store, attributes: user.attributes.length, roles: roles.length }
  const record = { userId, verdict: verdictOf(facts), detail }
  const make = (db: Db) =>
    makeUser(db, {
      flowId: flow.id,
      now,
      user: {
        id: userId,
        person: { idpId: idp.id, issuer: profile.issuer, subject: profile.subject },
        scheme,
        sent: Object.keys(profile.attributes),
        name: user,
        passwordHash: user.passwordHash,
        attributes: user.attributes,
        roles,
        shown: shownOf(purposes, now),
      },
      next: facts.requireSecondFactor
        ? { made: record }
        : {
            ending: { ...signedInAs(userId, idp, profile), isNew: true },
            record: { ...record, event: 'user-created', flowId: flow.id, idpId: idp.id, at: now },
          },
    })
  const said = user.consent ?? user.refusal
  const inOne = async (db: Db): Promise<MadeOutcome> => {
    const made = await make(db)
    if (made.kind !== 'made') throw new Rollback(made)
    if (!said) return made
    const { notice, records } = said
    await putNotice(db, notice)
    const at = { channel: 'sign-in', flowId: flow.id, idp, application } as const
    await insertConsents(db, records, { userId, notice, at, now })
    return made
  }
  try {
    // With nothing to be kept beside it the statement is a transaction of its own, unless there may be keys of the flow to wipe.
    const alone = said || facts.requireSecondFactor ? undefined : await make(house.db)
    const made = alone && alone.kind !== 'already-closed' ? alone : await inTransaction(house.db, inOne)
    if (made.kind !== 'made') return made
    house.metrics.flow('user-created', flow.labels)
    noteEnded(flow, made.ending, now)
    return { kind: 'created', userId }
  } catch (error) {
    if (error instanceof Rollback) return error.outcome
    throw error
  }
}

/** A flow as the transaction that ended it leaves it, which looked whether its user may come in: it need not be read again for its door. */
function noteEnded(flow: Flow, ending: Ending | undefined, now: Date): void {
  if (ending)
    Object.assign(flow, { ending, endedAt: now, standing: { isLocked: false, isKnownThere: true, isLetIn: true } })
}

/** What somebody who is known answered to a change. */
export interface Choice {
  application: { name: string }
  notice: Notice
  items: Item[]
  ticks: ReadonlySet<string>
  /** What they typed of it. */
  typed: StoredAttribute[]
  shown: Shown[]
}

/** What of these purposes is in force, as shown now. */
export function shownOf(purposes: Pick<SpokenPurpose, 'id' | 'inForce'>[], now: Date): Shown[] {
  return purposes.flatMap((purpose) => {
    const { id, inForce } = purpose
    return inForce ? [{ purposeId: id, version: inForce.version, wasDue: isDueAt(purpose, now) }] : []
  })
}

/**
 * Ends the flow for a known person, applying what the idp changed. `answer` is what they said to a change of purposes, if they were asked about
 * one: a choice, or that they put it off. False when their user was deleted, locked or disconnected from that idp meanwhile, has set up a
 * second factor, or they chose elsewhere: nothing has happened, and it is to be decided again.
 */
export async function signIn(
  house: House,
  flow: Flow,
  { idp, profile, facts }: Deciding,
  identity: Pick<Known, 'userId' | 'scheme' | 'kept'>,
  answer?: Choice | 'later',
): Promise<boolean> {
  const { userId } = identity
  const now = house.now()
  const choice = answer === 'later' ? undefined : answer
  const person = { idpId: idp.id, issuer: profile.issuer, subject: profile.subject }
  let ending: Ending | undefined
  const work = async (db: Db): Promise<'done' | 'over' | 'unknown'> => {
    // What the person takes back at this moment is read after that, or taken back after this: it does not return.
    const kept = await holdComingIn(db, person, userId)
    if (!kept) return 'unknown'
    if (await isOutlived(db, flow.id, userId, now)) return 'over'
    if (await isFactorDue(house, db, userId, flow.id)) return 'unknown'
    const closed = await closeFlow(db, flow.id, signedInAs(userId, idp, profile), now)
    if (!closed) return 'over'
    await noteSent(db, person, Object.keys(profile.attributes), kept.sent)
    const records = choice ? await keepChoice(db, flow, idp, userId, choice, now) : []
    const consents = choice ? await currentConsents(db, userId) : kept.consents
    const { changes, roles } = whatChanges({ idp, profile }, identity.scheme, { ...kept, consents })
    await putUserAttributes(db, userId, changes.put)
    await removeUserAttributes(db, userId, idp.id, changes.remove)
    const covered = new Set(consents.filter(({ state }) => state === 'given').map(({ attribute }) => attribute))
    const refused = records.filter(({ state, attribute }) => state === 'refused' && !covered.has(attribute))
    const dropped = [...new Set(refused.map(({ attribute }) => attribute))]
    if (dropped.includes('email')) await dropEmailFactor(db, house, { userId, language: flow.language })
    await dropUserAttributes(db, userId, dropped)
    // After what the idp takes back: what it does not send any more makes room for what the person says.
    await putUserAttributes(db, userId, choice?.typed ?? [])
    await grantRoles(db, userId, idp.id, roles.grant)
    await withdrawRoles(db, userId, idp.id, roles.withdraw)
    const isNew = closed.made?.userId === userId
    await insertAuditEvent(db, closed, {
      event: isNew ? 'user-created' : 'sign-in',
      flowId: flow.id,
      idpId: idp.id,
      userId,
      verdict: (isNew && closed.made?.verdict) || verdictOf(facts),
      detail: (isNew && closed.made?.detail) || {
        changed: changes.put.length + (choice?.typed.length ?? 0),
        removed: changes.remove.length + dropped.length,
        granted: roles.grant.length,
        withdrawn: roles.withdraw.length,
        ...(answer === undefined ? {} : { answer: choice ? 'chosen' : 'later' }),
      },
      at: now,
    })
    ending = closed.ending
    return 'done'
  }
  try {
    ending =
      answer === undefined ? await signInUnchanged(house, flow, { idp, profile, facts }, identity, now) : undefined
    const outcome = ending ? 'done' : await inTransaction(house.db, work)
    if (outcome === 'done') noteEnded(flow, ending, now)
    // Whom it made is counted already.
    if (outcome === 'done' && flow.madeUserId !== userId) house.metrics.flow('sign-in', flow.labels)
    return outcome !== 'unknown'
  } catch (error) {
    if (error instanceof Rollback || isUserGone(error)) return false
    throw error
  }
}

/** What a sign-in of somebody of whom that is kept changes of it. */
function whatChanges({ idp, profile }: Pick<Deciding, 'idp' | 'profile'>, provisionedBy: Scheme, kept: ComingIn) {
  const { stored, consents } = kept
  const method = idp.attributeSyncMethod
  return {
    changes: changesOf(profile, { idpId: idp.id, method, provisionedBy, stored, consents }),
    roles: roleChanges(grantedRoles(profile, idp), kept.roles),
  }
}

/**
 * The same where nothing is changed by it, nearly always: one statement, unless a second factor may stand between. Undefined when something is,
 * or was since it was looked at, and nothing has happened.
 */
async function signInUnchanged(
  house: House,
  flow: Flow,
  { idp, profile, facts }: Deciding,
  { userId, scheme, kept }: Pick<Known, 'userId' | 'scheme' | 'kept'>,
  now: Date,
): Promise<Ending | undefined> {
  if (!kept || house.settings().enhanced.isOn) return undefined
  const { changes, roles } = whatChanges({ idp, profile }, scheme, kept)
  const changed = [...changes.put, ...changes.remove, ...roles.grant, ...roles.withdraw].length
  if (changed > 0 || !isSentAsBefore(Object.keys(profile.attributes), kept.sent)) return undefined
  return closeUnchanged(house.db, {
    flowId: flow.id,
    person: { idpId: idp.id, issuer: profile.issuer, subject: profile.subject },
    looked: kept,
    ending: signedInAs(userId, idp, profile),
    record: {
      event: 'sign-in',
      idpId: idp.id,
      userId,
      verdict: verdictOf(facts),
      detail: { changed: 0, removed: 0, granted: 0, withdrawn: 0 },
    },
    now,
  })
}

/** The ending of somebody who came back from an idp. */
export function signedInAs(userId: string, { id: idpId }: Idp, { signedInAgo }: Profile) {
  return { kind: 'signed-in' as const, userId, idpId, ...(signedInAgo === undefined ? {} : { signedInAgo }) }
}

/** Records a choice, once: of two of the same person at once the other finds that they were shown it. */
async function keepChoice(
  db: Db,
  flow: Flow,
  idp: Idp,
  userId: string,
  { application, notice, items, ticks, shown }: Choice,
  now: Date,
): Promise<ConsentRecord[]> {
  if (!(await noteSeen(db, userId, shown))) throw new Rollback({ kind: 'already-there' })
  const held = await currentConsents(db, userId)
  const given = held.filter(({ state }) => state === 'given').map((one) => `${one.purposeId}:${one.attribute}`)
  const records = choiceOf(items, ticks, new Set(given))
  await putNotice(db, notice)
  await insertConsents(db, records, {
    userId,
    notice,
    at: { channel: 'sign-in', flowId: flow.id, idp, application },
    now,
  })
  return records
}

/**
 * Ends the flow of a user who proved to know the password; `isStill` looks at it again, of the user who is held. False when it was over already, the
 * password is another by now, or they have set up a second factor.
 */
export async function signInLocally(
  house: House,
  flow: Flow,
  userId: string,
  isStill: (means: Means) => boolean,
): Promise<boolean> {
  const now = house.now()
  const isEnded = await inTransaction(house.db, async (db) => {
    // Held, so that whoever changes the password or locks comes before this, or after it and ends what it begins.
    const means = (await lockUser(db, userId)) ? await meansOf(db, userId) : undefined
    if (!means || means.isLocked || !isStill(means) || (await isFactorDue(house, db, userId, flow.id))) return false
    if (await isOutlived(db, flow.id, userId, now)) return false
    const closed = await closeFlow(db, flow.id, { kind: 'signed-in', userId }, now)
    if (closed) await insertAuditEvent(db, closed, { event: 'sign-in-local', flowId: flow.id, userId, at: now })
    return closed !== undefined
  })
  if (isEnded) house.metrics.flow('sign-in-local')
  return isEnded
}

/** Why a flow ended without a user: what that was decided by, or what the idp did in place of an answer. Neither, where the last question says it. */
export interface Because {
  facts?: Facts
  failure?: { code: string; isDenial: boolean }
}

/**
 * Ends the flow with nobody signed in: nothing is kept but the audit event, which has no personal value, and the user that it made before it came to
 * a second factor.
 */
export async function endWithoutUser(
  house: House,
  flow: Flow,
  ending: Extract<Ending, { kind: 'federated' | 'declined' | 'refused' }>,
  { facts, failure }: Because = {},
): Promise<void> {
  const event = ending.kind === 'federated' ? 'sign-in-federated' : ending.kind
  const now = house.now()
  const isEnded = await inTransaction(house.db, async (db: Db) => {
    const told = ending.kind === 'refused' ? { ...ending, code: toldFor(ending.code, house.settings()) } : ending
    const closed = await closeFlow(db, flow.id, told, now)
    if (!closed) return false
    const { made } = closed
    await insertAuditEvent(db, closed, {
      event: failure ? (failure.isDenial ? 'idp-denied' : 'idp-failed') : event,
      flowId: flow.id,
      idpId: flow.idpId,
      userId: made?.userId,
      mode: flow.labels.scheme,
      verdict: made?.verdict ?? (facts && verdictOf(facts)),
      failure: failure?.code,
      detail: {
        ...(made ? { ...made.detail, late: 'user-created' } : {}),
        ...(ending.kind === 'refused' ? { code: ending.code } : {}),
      },
      at: now,
    })
    return true
  })
  if (isEnded) house.metrics.flow(event, flow.labels)
}

/** Ends a flow of somebody who is signed in to My Account. False when it was over already. */
export async function endInAccount(
  house: House,
  flow: Flow,
  ending: { kind: 'proved'; userId: string } | { kind: 'declined' },
): Promise<boolean> {
  const now = house.now()
  return inTransaction(house.db, async (db) => {
    const closed = await closeFlow(db, flow.id, ending, now)
    if (!closed) return false
    const { kind } = ending
    const userId = kind === 'proved' ? ending.userId : undefined
    await insertAuditEvent(db, closed, { event: kind, flowId: flow.id, idpId: flow.idpId, userId, at: now })
    return true
  })
}

function verdictOf(facts: Facts): Verdict {
  return { facts, decision: decide(facts) }
}
