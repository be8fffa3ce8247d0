// What points to a setting that is to be deleted: how much it is, and how it is taken away.
import { type Db, query, queryOne } from './connect.ts'
import { holdIdp } from './idps.ts'
import { beginAgain } from './outlived-flows.ts'

const count = async (db: Db, sql: string, values: unknown[]): Promise<number> =>
  (await queryOne<{ count: number }>(db, sql, values))?.count ?? 0

/** How many people have a value of this attribute. */
export function countValues(db: Db, attribute: string): Promise<number> {
  return count(db, 'SELECT count(*)::int AS count FROM user_attributes WHERE name = ?', [attribute])
}

export function countUsersIn(db: Db, store: string): Promise<number> {
  return count(db, 'SELECT count(*)::int AS count FROM users WHERE store = ?', [store])
}

/** The idps, on and off, whose people go to this store. */
export async function idpsOf(db: Db, store: string): Promise<string[]> {
  const rows = await query<{ name: string }>(db, 'SELECT name FROM idps WHERE jit_userstore = ? ORDER BY name', [store])
  return rows.map(({ name }) => name)
}

export interface IdpUse {
  /** Those who have it as a way in. */
  people: number
  /** Of these, those who have no other: no second idp, and no password. */
  peopleWithoutOther: number
}

/** Who comes in by this idp. Counts each of them: for a page, not for a list. */
export async function useOfIdp(db: Db, idpId: string): Promise<IdpUse> {
  const row = await queryOne<IdpUse>(
    db,
    `SELECT count(*)::int AS people, count(*) FILTER (WHERE password_hash IS NULL AND NOT EXISTS
       (SELECT FROM identities other WHERE other.user_id = users.id AND other.idp_id <> ?))::int AS "peopleWithoutOther"
     FROM users WHERE id IN (SELECT user_id FROM identities WHERE idp_id = ?)`,
    [idpId, idpId],
  )
  return row ?? { people: 0, peopleWithoutOther: 0 }
}

/** Takes away all that points to an idp, in the transaction that deletes it: people stay, without this way in. */
export async function unlinkIdp(db: Db, idpId: string, now: Date): Promise<IdpUse> {
  // Whoever is becoming a user by it is one by now, or finds it gone.
  await holdIdp(db, idpId, 'alone')
  const use = await useOfIdp(db, idpId)
  await query(db, 'DELETE FROM identities WHERE idp_id = ?', [idpId])
  await letGoOfIdp(db, idpId, now)
  return use
}

/**
 * The same of an idp that nobody comes from (any more): what it said is the operator's from now on; roles that it granted go with it. Sign-ins
 * that are under way there begin again at the choice of idps, or are over.
 */
export async function letGoOfIdp(db: Db, idpId: string, now: Date): Promise<void> {
  await letGoOfValues(db, idpId, null)
  // From here on nobody leaves for it: that would refer to it again.
  await query(db, 'SELECT 1 FROM idps WHERE id = ? FOR UPDATE', [idpId])
  await query(
    db,
    `DELETE FROM flow_keys WHERE flow_id IN (SELECT id FROM flows WHERE idp_id = ? AND closed_at IS NULL)`,
    [idpId],
  )
  await beginAgain(db, 'idp_id = ?', idpId, now)
  await query(db, 'UPDATE flows SET idp_id = NULL WHERE idp_id = ?', [idpId])
}

/** What an idp said of these users, or of all (null), is the operator's from now on, and roles that it granted go; returns how many. */
export async function letGoOfValues(db: Db, idpId: string, userIds: readonly string[] | null): Promise<number> {
  const theirs = 'origin_idp_id = ? AND (?::uuid[] IS NULL OR user_id = ANY (?::uuid[]))'
  const values = [idpId, userIds, userIds]
  await query(db, `UPDATE user_attributes SET origin = 'operator', origin_idp_id = NULL WHERE ${theirs}`, values)
  return (await query(db, `DELETE FROM user_roles WHERE ${theirs} RETURNING 1`, values)).length
}

/** Takes away the sign-ins to an application, in the transaction that deletes it; returns how many were open. */
export async function forgetApplication(db: Db, applicationId: string): Promise<number> {
  await query(db, 'DELETE FROM flow_keys WHERE application_id = ?', [applicationId])
  const rows = await query<{ isOpen: boolean }>(
    db,
    'DELETE FROM flows WHERE application_id = ? RETURNING closed_at IS NULL AS "isOpen"',
    [applicationId],
  )
  return rows.filter(({ isOpen }) => isOpen).length
}
