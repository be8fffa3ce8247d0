// Rows of user_roles: what a user may do here, each role with who granted it.
import { type Db, query } from './connect.ts'

/** SQL of the roles that the user `?` has, each once. What an idp granted counts only while that idp is on and still grants it. */
export const ROLES = 'roles_of(?)'

/** Grants roles in the name of this idp, in one statement. */
export async function grantRoles(db: Db, userId: string, idpId: string, roles: string[]): Promise<void> {
  if (roles.length === 0) return
  await query(
    db,
    `INSERT INTO user_roles (user_id, role, origin, origin_idp_id)
     SELECT ?::uuid, role, 'idp', ?::uuid FROM unnest(?::text[]) AS granted (role)
     ON CONFLICT (user_id, origin_idp_id, role) WHERE origin = 'idp' DO NOTHING`,
    [userId, idpId, roles],
  )
}

/** Withdraws roles that this idp granted. */
export async function withdrawRoles(db: Db, userId: string, idpId: string, roles: string[]): Promise<void> {
  if (roles.length === 0) return
  await query(
    db,
    `DELETE FROM user_roles WHERE user_id = ? AND origin = 'idp' AND origin_idp_id = ? AND role = ANY (?::text[])`,
    [userId, idpId, roles],
  )
}
