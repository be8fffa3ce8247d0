// What the console's list of identity providers shows: a page of them, and figures for those of the page alone.
import { type Db, query, queryOne } from './connect.ts'
import type { ManagedBy } from './entries.ts'
import type { Scheme } from './idps.ts'

export interface ListedIdp {
  id: string
  name: string
  displayName: string
  isEnabled: boolean
  managedBy: ManagedBy
  /** It is being deleted with its users. */
  isLeaving: boolean
  jitEnabled: boolean
  scheme: Scheme
  position: number
}

/** Where a page begins: behind this one. */
export interface Place {
  position: number
  name: string
}

export interface IdpFilter {
  /** A part of the name or of the display name, in any case. */
  search: string
  isEnabled?: boolean | undefined
}

const WHERE = `(position(lower(?) IN lower(name)) > 0 OR position(lower(?) IN lower(display_name)) > 0)
  AND (?::boolean IS NULL OR is_enabled = ?)`
const valuesOf = ({ search, isEnabled = undefined }: IdpFilter) => [
  search,
  search,
  isEnabled ?? null,
  isEnabled ?? null,
]

/** At most `limit` of those that the filter lets through, behind a place if one is given, in the order in which people are offered them. */
export function listIdpPage(db: Db, filter: IdpFilter, behind: Place | undefined, limit: number): Promise<ListedIdp[]> {
  const from = behind ? `AND (position, name COLLATE "C") > (?, ?)` : ''
  return query<ListedIdp>(
    db,
    `SELECT id, name, display_name AS "displayName", is_enabled AS "isEnabled", managed_by AS "managedBy", deletion IS NOT NULL AS "isLeaving",
       jit_enabled AS "jitEnabled", jit_scheme AS scheme, position
     FROM idps WHERE ${WHERE} ${from} ORDER BY position, name COLLATE "C" LIMIT ?`,
    [...valuesOf(filter), ...(behind ? [behind.position, behind.name] : []), limit],
  )
}

export async function countIdps(db: Db, filter: IdpFilter): Promise<number> {
  const row = await queryOne<{ count: number }>(
    db,
    `SELECT count(*)::int AS count FROM idps WHERE ${WHERE}`,
    valuesOf(filter),
  )
  return row?.count ?? 0
}

/** How many people come from each of these idps; counting stops at `enough`, so that a page never waits for a million. */
export async function countPeople(db: Db, idpIds: string[], enough: number): Promise<ReadonlyMap<string, number>> {
  // As a range: of one value the planner knows that it is in half of all rows, and reads the whole table for it. By the index it reads what it needs.
  const rows = await query<{ id: string; people: number }>(
    db,
    `SELECT idp AS id, (SELECT count(*)::int FROM (SELECT FROM identities WHERE idp_id >= idp AND idp_id <= idp LIMIT ?) AS counted) AS people
     FROM unnest(?::uuid[]) AS page (idp)`,
    [enough, idpIds],
  )
  return new Map(rows.map(({ id, people }) => [id, people]))
}
