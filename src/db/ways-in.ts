// How a user can sign in: which idps they are known by, and whether they have a password.
import { type Db, query, queryOne } from './connect.ts'

export interface IdpWay {
  idpId: string
  name: string
  displayName: string
  isEnabled: boolean
  issuer: string
  subject: string
  since: Date
}

export interface WaysIn {
  hasPassword: boolean
  /** In the order in which they came. One idp may be there twice, for two people there. */
  idps: IdpWay[]
}

export async function waysInOf(db: Db, userId: string): Promise<WaysIn> {
  const user = await queryOne<{ hasPassword: boolean }>(
    db,
    'SELECT password_hash IS NOT NULL AS "hasPassword" FROM users WHERE id = ?',
    [userId],
  )
  const idps = await query<IdpWay>(
    db,
    `SELECT idp_id AS "idpId", name, display_name AS "displayName", is_enabled AS "isEnabled", identities.issuer, subject,
       identities.created_at AS since
     FROM identities JOIN idps ON idps.id = idp_id WHERE user_id = ? ORDER BY identities.created_at, name, subject`,
    [userId],
  )
  return { hasPassword: user?.hasPassword ?? false, idps }
}
