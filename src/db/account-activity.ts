// What happened with an account, for whose it is: their sign-ins and what they did here, as one list.
import type { EventDetail } from './account-events.ts'
import { type Db, query } from './connect.ts'

export interface Happening {
  /** Where a list goes on: older than this. */
  cursor: string
  at: Date
  event: string
  detail: EventDetail
  /** Of a sign-in: how and where to, as it is called today; null where that is gone, or there was none. */
  idp: string | null
  application: string | null
  /** The door of a sign-in that no application sent them to. */
  door: string | null
  /** What people quote. */
  code: string | null
}

export const KEEP_DAYS = 90

/** Newest first; `before` is the cursor of the last one of the page before. Empty after a cursor that is none. */
export async function listHappenings(
  db: Db,
  userId: string,
  { before, limit, now }: { before?: string | undefined; limit: number; now: Date },
): Promise<Happening[]> {
  const place = before === undefined ? undefined : /^(\d{1,15})\.([as])\.(\d{1,18})$/.exec(before)
  if (place === null) return []
  const since = new Date(now.getTime() - KEEP_DAYS * 86_400_000)
  const older = (source: 'a' | 's') => (place ? `AND (created_at, '${source}'::text, id) < (?, ?, ?)` : '')
  const values = [
    userId,
    since,
    ...(place ? [new Date(Number(place[1])), String(place[2]), String(place[3])] : []),
    limit,
  ]
  return query<Happening>(
    db,
    `SELECT (extract(epoch FROM at) * 1000)::bigint || '.' || source || '.' || found.id AS cursor, at, event, detail,
       display_name AS idp, applications.name AS application, door, code
     FROM (
       (SELECT created_at AS at, 's' AS source, id, event, '{}'::jsonb AS detail, idp_id, application_id, detail->>'door' AS door, code
        FROM audit_events WHERE user_id = ? AND created_at >= ? ${older('s')} ORDER BY created_at DESC, id DESC LIMIT ?)
       UNION ALL
       (SELECT created_at, 'a', id, event, detail, NULL, NULL, NULL, NULL
        FROM account_events WHERE user_id = ? AND created_at >= ? ${older('a')} ORDER BY created_at DESC, id DESC LIMIT ?)
     ) found LEFT JOIN idps ON idps.id = idp_id LEFT JOIN applications ON applications.id = application_id
     ORDER BY at DESC, source DESC, found.id DESC LIMIT ?`,
    [...values, ...values, limit],
  )
}
