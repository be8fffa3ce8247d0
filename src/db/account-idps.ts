// The idps of one person, as My Account speaks of them: by which they joined, and which of them may say a value.
import { type Db, query, queryOne } from './connect.ts'

/** When somebody became a user, and by which idp, if it is still connected. */
export function joinedWith(db: Db, userId: string): Promise<{ at: Date; idp: string | null } | undefined> {
  // One transaction made both, and both have its time.
  return queryOne(
    db,
    `SELECT users.created_at AS at, (SELECT display_name FROM identities JOIN idps ON idps.id = idp_id
       WHERE user_id = users.id AND identities.created_at = users.created_at LIMIT 1) AS idp
     FROM users WHERE id = ?`,
    [userId],
  )
}

/** The person's idps that have something to say about this attribute: names that people know, in the order in which they are offered. */
export async function idpsThatSend(db: Db, userId: string, attribute: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    db,
    `SELECT display_name AS name FROM idps WHERE is_enabled AND jsonb_exists(mappings, ?)
       AND id IN (SELECT idp_id FROM identities WHERE user_id = ?) ORDER BY position, idps.name`,
    [attribute, userId],
  )
  return rows.map(({ name }) => name)
}
