// What a person chose in My Account, each choice in one transaction with what it does to the value.
import { insertAccountEvent } from './account-events.ts'
import { type Db, inTransaction, query } from './connect.ts'
import { currentConsents, insertConsents, putNotice } from './consents.ts'
import { dropEmailFactor } from './factor-changes.ts'
import type { MailHouse } from './mails.ts'
import { noteAnswered } from './purpose-versions.ts'
import { lockUser } from './users.ts'

/** Words of a purpose as somebody saw them, of a notice. */
export interface SeenPurpose {
  id: string
  /** Of the purpose's words, where it was not the page's. */
  language?: string
  purpose: string
  description: string
  piiCategories: { name: string; label: string; mandatory: boolean }[]
}

/** What holds of one attribute of one purpose, and where it was said. */
export interface Choice {
  purposeId: string
  attribute: string
  state: 'given' | 'refused' | 'withdrawn'
  at: Date
  language: string
  channel: string
  /** As they were called then; null in My Account. */
  idp: string | null
  application: string | null
  /** The words that were answered. */
  seen: SeenPurpose | null
}

/** One attribute of one purpose, in the words of the page on which it was chosen. */
export interface Chosen {
  userId: string
  purposeId: string
  attribute: string
  notice: { hash: string; language: string; content: string }
  /** The version of the purpose that the page showed; absent where nobody is asked for it any more. */
  version?: number | undefined
  now: Date
}

/**
 * `deleted`: the value is gone. `kept`: others of the person's purposes, by id, have it. `not-kept`: there was none. Each also when somebody
 * pressed twice, which is recorded once. `missing`: there is no such user.
 */
export type Stopped = { kind: 'deleted' | 'not-kept' | 'missing' } | { kind: 'kept'; purposeIds: string[] }

/**
 * Takes a yes back, or stops what nobody was asked about, and deletes the value unless another purpose that the person agreed to has it. Does
 * nothing to what was not agreed to and is not kept either.
 */
export function withdraw(house: MailHouse, chosen: Chosen): Promise<Stopped> {
  const { userId, purposeId, attribute, notice, now } = chosen
  return inTransaction(house.db, async (transaction) => {
    // A sign-in of the same person that has read what they agreed to is over before, or reads it after.
    if (!(await lockUser(transaction, userId))) return { kind: 'missing' }
    const consents = await currentConsents(transaction, userId)
    const given = consents.filter((one) => one.attribute === attribute && one.state === 'given')
    const others = given.filter((one) => one.purposeId !== purposeId).map((one) => one.purposeId)
    const isKept = await hasValue(transaction, userId, attribute)
    const state: Stopped = !isKept
      ? { kind: 'not-kept' }
      : others.length > 0
        ? { kind: 'kept', purposeIds: others }
        : { kind: 'deleted' }
    const isGiven = given.length > others.length
    if (!isGiven && state.kind !== 'deleted') return state
    await record(transaction, chosen, 'withdrawn')
    if (state.kind === 'deleted') {
      if (attribute === 'email') await dropEmailFactor(transaction, house, { userId, language: notice.language })
      await query(transaction, 'DELETE FROM user_attributes WHERE user_id = ? AND name = ?', [userId, attribute])
    }
    await insertAccountEvent(transaction, userId, 'consent-withdrawn', { purpose: purposeId, attribute }, now)
    return state
  })
}

/** Agrees to an attribute of a purpose; once, however often it is pressed. Says whether a value is there, or that there is no such user. */
export function allow(db: Db, chosen: Chosen): Promise<'kept' | 'not-kept' | 'missing'> {
  const { userId, purposeId, attribute, now } = chosen
  return inTransaction(db, async (transaction) => {
    if (!(await lockUser(transaction, userId))) return 'missing'
    const consents = await currentConsents(transaction, userId)
    const current = consents.find((one) => one.purposeId === purposeId && one.attribute === attribute)
    if (current?.state !== 'given') {
      await record(transaction, chosen, 'given')
      await insertAccountEvent(transaction, userId, 'consent-given', { purpose: purposeId, attribute }, now)
    }
    return (await hasValue(transaction, userId, attribute)) ? 'kept' : 'not-kept'
  })
}

async function record(db: Db, chosen: Chosen, state: 'given' | 'withdrawn'): Promise<void> {
  const { userId, purposeId, attribute, notice, version, now } = chosen
  await putNotice(db, notice)
  await insertConsents(db, [{ purposeId, attribute, state }], { userId, notice, at: { channel: 'my-account' }, now })
  // Nobody is asked again about what they have just said, in these words.
  if (version !== undefined) await noteAnswered(db, userId, [{ purposeId, attribute, version }])
}

async function hasValue(db: Db, userId: string, attribute: string): Promise<boolean> {
  const sql = 'SELECT 1 FROM user_attributes WHERE user_id = ? AND name = ?'
  return (await query(db, sql, [userId, attribute])).length > 0
}
