// Rows of user_attributes: what is kept of a person, each value with its origin.
import { type Db, query } from './connect.ts'
import { ENHANCED } from './read-only.ts'

export interface AddressValue {
  [member: string]: string
}

/** The values that attributes may have: what OpenID Connect standard claims can be. */
export type AttributeValue = string | number | boolean | string[] | AddressValue

export interface StoredAttribute {
  name: string
  value: AttributeValue
  verified: boolean | null
  origin: 'idp' | 'person' | 'operator'
  originIdpId: string | null
}

export function listUserAttributes(db: Db, userId: string): Promise<StoredAttribute[]> {
  return query<StoredAttribute>(
    db,
    `SELECT name, value, verified, origin, origin_idp_id AS "originIdpId" FROM user_attributes WHERE user_id = ? ORDER BY name`,
    [userId],
  )
}

/** SQL of what the user `id` can be called by, as one object (`Said`); NULL when none of it is kept. */
export const saidOf = (id: string) =>
  `(SELECT jsonb_object_agg(a.name, a.value) FROM user_attributes a
    WHERE a.user_id = ${id} AND a.name IN ('name', 'given_name', 'family_name', 'email'))`

/** Sets values in one statement. A value of another origin stays as it is. */
export async function putUserAttributes(db: Db, userId: string, attributes: StoredAttribute[]): Promise<void> {
  if (attributes.length === 0) return
  await query(
    db,
    `INSERT INTO user_attributes (user_id, name, value, verified, origin, origin_idp_id)
     SELECT ?, name, value, verified, origin, "originIdpId"
     FROM jsonb_to_recordset(?::jsonb) AS a (name text, value jsonb, verified boolean, origin text, "originIdpId" uuid)
     ON CONFLICT ON CONSTRAINT user_attributes_pkey DO UPDATE
       SET value = excluded.value, verified = excluded.verified, updated_at = now()
       WHERE user_attributes.origin = excluded.origin
         AND user_attributes.origin_idp_id IS NOT DISTINCT FROM excluded.origin_idp_id`,
    [userId, JSON.stringify(attributes)],
  )
}

/** Removes values that came from this idp. */
export async function removeUserAttributes(db: Db, userId: string, idpId: string, names: string[]): Promise<void> {
  if (names.length === 0) return
  await query(db, 'DELETE FROM user_attributes WHERE user_id = ? AND origin_idp_id = ? AND name = ANY (?::text[])', [
    userId,
    idpId,
    names,
  ])
}

/** Removes values whatever they came from. */
export async function dropUserAttributes(db: Db, userId: string, names: string[]): Promise<void> {
  if (names.length === 0) return
  await query(db, 'DELETE FROM user_attributes WHERE user_id = ? AND name = ANY (?::text[])', [userId, names])
}

/** Puts values in place of what is kept, whoever said that: for a person who chose them. What another idp keeps up to date stays. */
export async function replaceUserAttributes(db: Db, userId: string, attributes: StoredAttribute[]): Promise<void> {
  if (attributes.length === 0) return
  await query(
    db,
    `INSERT INTO user_attributes (user_id, name, value, verified, origin, origin_idp_id)
     SELECT ?, name, value, verified, origin, "originIdpId"
     FROM jsonb_to_recordset(?::jsonb) AS a (name text, value jsonb, verified boolean, origin text, "originIdpId" uuid)
     ON CONFLICT ON CONSTRAINT user_attributes_pkey DO UPDATE SET value = excluded.value, verified = excluded.verified,
       origin = excluded.origin, origin_idp_id = excluded.origin_idp_id, updated_at = now()
     WHERE user_attributes.origin_idp_id IS NULL OR user_attributes.origin_idp_id IS NOT DISTINCT FROM excluded.origin_idp_id
       OR NOT ${ENHANCED} OR EXISTS (SELECT FROM idps WHERE id = user_attributes.origin_idp_id AND attribute_sync_method = 'NONE')`,
    [userId, JSON.stringify(attributes)],
  )
}
