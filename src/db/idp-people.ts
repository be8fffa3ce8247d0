// How many people come from each idp, and the list of idps as the console pages through it.
import { type Db, query } from './connect.ts'

export interface IdpCounts {
  /** Who have it as a way in. */
  people: number
  /** When somebody came in by it last; null: never. */
  lastSignInAt: Date | null
}

/** By id of the idp. Each is counted by its own index: for a page of a list. */
export async function countsOfIdps(db: Db, ids: string[]): Promise<Map<string, IdpCounts>> {
  const rows = await query<IdpCounts & { id: string }>(
    db,
    `SELECT id, (SELECT count(*)::int FROM identities WHERE idp_id = idps.id) AS people,
       (SELECT created_at FROM audit_events WHERE idp_id = idps.id AND event IN ('sign-in', 'sign-in-federated', 'user-created')
        ORDER BY created_at DESC LIMIT 1) AS "lastSignInAt"
     FROM idps WHERE id = ANY (?::uuid[])`,
    [ids],
  )
  return new Map(rows.map(({ id, ...counts }) => [id, counts]))
}

export interface ListedIdp {
  id: string
  name: string
  displayName: string
  isEnabled: boolean
  managedBy: 'file' | 'console'
  issuer: string
  jitEnabled: boolean
  scheme: string
  position: number
}

export interface IdpFilter {
  /** How the name or the display name begins, in whatever case. */
  prefix?: string | undefined
  isEnabled?: boolean | undefined
  /** Only those behind this one in the list. */
  after?: Pick<ListedIdp, 'position' | 'name'> | undefined
}

/** The idps in their order, on and off. */
export function searchIdps(db: Db, { prefix, isEnabled, after }: IdpFilter, limit: number): Promise<ListedIdp[]> {
  const begins = prefix === undefined ? null : `${prefix.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`
  return query<ListedIdp>(
    db,
    `SELECT id, name, display_name AS "displayName", is_enabled AS "isEnabled", managed_by AS "managedBy", issuer,
       jit_enabled AS "jitEnabled", jit_scheme AS scheme, position FROM idps
     WHERE (?::text IS NULL OR lower(name) LIKE ? OR lower(display_name) LIKE ?) AND (?::boolean IS NULL OR is_enabled = ?)
       AND (?::int IS NULL OR (position, name COLLATE "C") > (?, ?))
     ORDER BY position, name COLLATE "C" LIMIT ?`,
    [
      ...[begins, begins, begins],
      ...[isEnabled ?? null, isEnabled ?? null],
      ...[after?.position ?? null, after?.position ?? null, after?.name ?? null],
      limit,
    ],
  )
}
