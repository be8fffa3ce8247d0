// Somebody who is known comes in by an idp: what is kept of them, as far as that sign-in may change it, and its end where it changes nothing.
import { RECORD, type RecordOf, recordValues } from './audit.ts'
import { askAgain, type Db, queryOne } from './connect.ts'
import type { ConsentRecord } from './consents.ts'
import { CLOSED, CLOSING, closingValues, type Ending, NOTHING_KEPT } from './flow-endings.ts'
import type { Person } from './identities.ts'
import type { StoredAttribute } from './user-attributes.ts'

export interface ComingIn {
  /** Of which attributes the idp sent something last. */
  sent: string[]
  stored: StoredAttribute[]
  consents: ConsentRecord[]
  /** The roles that this idp granted. */
  roles: string[]
}

/**
 * Holds a user, as `lockUser` does, and reads what is kept of them then. Undefined where the person is not known as this user, or either of them
 * is locked: they may not come in as that now.
 */
export async function holdComingIn(transaction: Db, person: Person, userId: string): Promise<ComingIn | undefined> {
  const { idpId, issuer, subject } = person
  const row = await queryOne<{ kept: ComingIn | null }>(transaction, 'SELECT hold_user(?, ?, ?, ?) AS kept', [
    userId,
    idpId,
    issuer,
    subject,
  ])
  return row?.kept ?? undefined
}

/**
 * Ends the open flow of a known person with its record, in one statement: where what is kept of them is still what was looked at, they are not
 * locked, and nothing was kept of what the idp sent. The user is held before the flow is, as everywhere. Undefined when nothing has happened.
 */
export async function closeUnchanged(
  db: Db,
  { flowId, person, looked, ending, record, now }: Unchanged,
): Promise<Ending | undefined> {
  const row = await askAgain<{ ending: Ending }>(
    db,
    `WITH held AS MATERIALIZED (SELECT hold_user(?, ?, ?, ?) AS kept),
     closed AS (
       UPDATE flows SET ${CLOSING} FROM held
       WHERE flows.id = ? AND closed_at IS NULL AND expires_at > ? AND ${NOTHING_KEPT} AND kept = ?::jsonb RETURNING ${CLOSED}),
     recorded AS (${RECORD})
     SELECT ending FROM closed`,
    [
      ending.userId,
      person.idpId,
      person.issuer,
      person.subject,
      ...closingValues(ending, now),
      flowId,
      now,
      JSON.stringify(looked),
      ...recordValues({ ...record, flowId, at: now }),
    ],
  )
  return row[0]?.ending
}

interface Unchanged {
  flowId: string
  person: Person
  /** What is kept, as it was looked at when it was decided that nothing changes. */
  looked: ComingIn
  ending: Extract<Ending, { kind: 'signed-in' }>
  record: RecordOf
  now: Date
}
