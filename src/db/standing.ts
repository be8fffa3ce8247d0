// How somebody stands who has come in: whether their user is still there, and whether the way by which they came is still open. One look.
import { CONFIGURED } from './configured.ts'
import { type Db, queryOne } from './connect.ts'
import { IS_LOCKED, WAS_ENDED } from './identity-locks.ts'
import { USER_COLUMNS, type User } from './users.ts'

export interface Standing extends User {
  /** What is configured goes by this name (db/configured.ts). */
  configured: string
  /** They are known at the idp that they came by, as whoever it is. */
  isKnown: boolean
  /** That idp is on, and who they are there is not locked, nor was since they came. Known there twice, they may go on as the one who is not. */
  isWayIn: boolean
}

/** Of a user who came at `begunAt` by this idp, or, without one, by a password, of which neither is said. Undefined when there is none (any more). */
export function standingOf(
  db: Db,
  { userId, idpId = null, begunAt }: { userId: string; idpId?: string | null | undefined; begunAt: Date },
): Promise<Standing | undefined> {
  return queryOne<Standing>(
    db,
    `SELECT ${USER_COLUMNS}, ${CONFIGURED} AS configured, EXISTS (SELECT FROM identities i WHERE i.user_id = users.id AND i.idp_id = ?) AS "isKnown",
       EXISTS (SELECT FROM identities i JOIN idps ON idps.id = i.idp_id
         WHERE i.user_id = users.id AND i.idp_id = ? AND is_enabled AND NOT ${IS_LOCKED})
       AND NOT EXISTS (SELECT FROM identities i WHERE i.user_id = users.id AND i.idp_id = ? AND ${WAS_ENDED}) AS "isWayIn"
     FROM users WHERE id = ?`,
    [idpId, idpId, idpId, begunAt, begunAt, userId],
  )
}
