// What holds now of somebody who came in before, and what applications may read of them: one statement each, because every use of a token asks.
import { CONFIGURED } from './configured.ts'
import { type Db, queryOne } from './connect.ts'
import { IS_OVER } from './identity-locks.ts'
import type { StoredAttribute } from './user-attributes.ts'
import { ROLES } from './user-roles.ts'
import { USER_COLUMNS, type User } from './users.ts'

/** What holds of the idp by which somebody came in. */
export interface IdpStanding {
  /** Its name; null: it is off, or gone, or they came in by none. */
  openIdp: string | null
}

export interface UserStanding extends User, IdpStanding {
  /** What is configured goes by this name (db/configured.ts). */
  configured: string
  /** They are known there, as whoever it is. */
  isKnownThere: boolean
  /** And who they are there is not locked, nor was since: known there twice, they may go on as the one who is not. */
  isLetIn: boolean
}

const openIdp = (idpId: string) => `(SELECT name FROM idps WHERE idps.id = ${idpId} AND is_enabled)`

/** SQL: whether the user of `users` is known at this idp. */
export const isKnownThere = (idpId: string) =>
  `EXISTS (SELECT FROM identities i WHERE i.user_id = users.id AND i.idp_id = ${idpId})`

/** SQL: whether they may go on by it with what they began at that moment, as far as they and their locks decide it. */
export const isLetIn = (idpId: string, begunAt: string) => `is_let_in(users.id, ${idpId}, ${begunAt})`

/** SQL of a `UserStanding` of the user of `users`, with what they began at that moment by this idp. */
export const standing = (idpId: string, begunAt: string) =>
  `${USER_COLUMNS}, ${CONFIGURED} AS configured, ${openIdp(idpId)} AS "openIdp", ${isKnownThere(idpId)} AS "isKnownThere",
    ${isLetIn(idpId, begunAt)} AS "isLetIn"`

/** How a user stands with what they began at `begunAt` by this idp; undefined when there is none (any more). */
export function findStanding(
  db: Db,
  userId: string,
  { idpId = null, begunAt }: { idpId?: string | null | undefined; begunAt: Date },
): Promise<UserStanding | undefined> {
  return queryOne<UserStanding>(
    db,
    `SELECT ${standing('began.by', 'began.at')} FROM users CROSS JOIN (SELECT ?::uuid AS by, ?::timestamptz AS at) began WHERE users.id = ?`,
    [idpId, begunAt, userId],
  )
}

/** How somebody without a user stands: `isOver` when they are locked, or were since. */
export async function findFederatedStanding(
  db: Db,
  federatedSubject: string,
  { idpId = null, begunAt }: { idpId?: string | null | undefined; begunAt: Date },
): Promise<IdpStanding & { isOver: boolean }> {
  const standing = await queryOne<IdpStanding & { isOver: boolean }>(
    db,
    `SELECT ${openIdp('?::uuid')} AS "openIdp", EXISTS (SELECT FROM identity_locks l
       WHERE federated_subject = ? AND (unlocked_at IS NULL OR ${IS_OVER})) AS "isOver"`,
    [idpId, federatedSubject, begunAt],
  )
  return standing ?? { openIdp: null, isOver: true }
}

export interface Releasable {
  attributes: Pick<StoredAttribute, 'name' | 'value' | 'verified'>[]
  roles: string[]
}

/** What is kept of a user that an application may read, by name, and the roles that they have. */
export async function findReleasable(db: Db, userId: string): Promise<Releasable> {
  const found = await queryOne<Releasable>(
    db,
    `SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'value', value, 'verified', verified) ORDER BY name), '[]')
        FROM user_attributes WHERE user_id = ?) AS attributes,
       ${ROLES} AS roles`,
    [userId, userId],
  )
  return found ? { attributes: found.attributes, roles: found.roles.sort() } : { attributes: [], roles: [] }
}
