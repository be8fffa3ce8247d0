// Records of consent for tests: answers of people, and what becomes of them when a superuser changes them with the triggers off.
import { randomUUID } from 'node:crypto'
import { type Pool, query } from '../../src/db/connect.ts'
import { type ConsentRecord, insertConsents, putNotice } from '../../src/db/consents.ts'
import { noticeOf } from '../../src/provisioning/consent.ts'
import { checkpointVerifier, takeCheckpoint } from '../../src/records/checkpoint.ts'
import type { KeptCheckpoint } from '../../src/records/kept-checkpoints.ts'
import { type Verdict, verifyRecords } from '../../src/records/verify.ts'
import type { TestHouse } from './house.ts'
import { PURPOSES } from './scene.ts'

export const NOTICE = noticeOf(PURPOSES, { name: 'Northwind' }, 'en', (attribute) => attribute)

/** What is answered at one sign-in. */
export const ANSWERS: ConsentRecord[] = [
  { purposeId: 'recover', attribute: 'email', state: 'given' },
  { purposeId: 'recover', attribute: 'phone_number', state: 'refused' },
  { purposeId: 'office', attribute: 'department', state: 'given' },
]

export async function answer(
  on: TestHouse,
  userId: string,
  records: ConsentRecord[] = ANSWERS,
  { db = on.house.db, now = on.clock.now, inAccount = false }: { db?: Pool; now?: Date; inAccount?: boolean } = {},
): Promise<void> {
  await putNotice(db, NOTICE)
  const idp = { id: on.idp.id, displayName: 'Acme "A" \\ Ünï\tcode' }
  const atSignIn = { channel: 'sign-in', flowId: randomUUID(), idp, application: { name: 'Travel' } } as const
  const at = inAccount ? ({ channel: 'my-account' } as const) : atSignIn
  await insertConsents(db, records, { userId, notice: NOTICE, at, now })
}

export async function verdictOf(
  on: TestHouse,
  { db = on.house.db, kept }: { db?: Pool; kept?: Map<number, KeptCheckpoint> } = {},
): Promise<Verdict> {
  return verifyRecords(db, await checkpointVerifier(db, on.house.keyring), kept ? { kept } : {})
}

class Undone extends Error {}

/**
 * What verifying says after statements of a superuser, for whom no trigger, no foreign key and no check holds. Everything is undone.
 * Throws what PostgreSQL throws.
 */
export async function verdictAfter(
  on: TestHouse,
  statements: [sql: string, values?: unknown[]][],
  options: { kept?: Map<number, KeptCheckpoint> } = {},
): Promise<Verdict> {
  let verdict: Verdict | undefined
  await on.house.db
    .transaction(async (transaction) => {
      await query(transaction, 'SET LOCAL session_replication_role = replica')
      await query(transaction, WITHOUT_CHECKS)
      for (const [sql, values] of statements) await query(transaction, sql, values)
      verdict = await verdictOf(on, { db: transaction, ...options })
      throw new Undone()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error
    })
  if (!verdict) throw new Error('Nothing was verified.')
  return verdict
}

const WITHOUT_CHECKS = `DO $$ DECLARE c record; BEGIN
  FOR c IN SELECT conname, conrelid::regclass AS name FROM pg_constraint
    WHERE contype = 'c' AND conrelid IN ('consents'::regclass, 'consent_heads'::regclass, 'consent_checkpoints'::regclass, 'consent_checkpoint_heads'::regclass)
  LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.name, c.conname); END LOOP;
END $$`

/** Takes a checkpoint at this moment; returns the lines that were logged. */
export async function checkpointAt(on: TestHouse, now: Date, house = on.house): Promise<Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = []
  const log = { info: (fields: object, msg: string) => lines.push({ ...fields, msg }) }
  await takeCheckpoint({ ...house, log: log as never }, now)
  return lines
}
