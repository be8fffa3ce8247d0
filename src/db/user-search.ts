// Finds users for a list: by the beginning of a username, by store, idp and state, page by page. Law: no statement looks through all users or identities.
import type { Said } from '../provisioning/display-name.ts'
import { type Db, query, queryOne } from './connect.ts'
import { saidOf } from './user-attributes.ts'

export interface UserSearch {
  /** Where to look, each store with the beginning of a username in the form in which it compares names; '' for all. */
  stores: { name: string; prefix: string }[]
  idpId?: string | undefined
  isLocked?: boolean | undefined
}

/** A place in the order of usernames and, of equal ones, stores. */
export interface Place {
  canonical: string
  store: string
}

export interface ListedUser extends Place {
  id: string
  username: string
  said: Said | null
  isLocked: boolean
  createdAt: Date
  /** Names of the idps that they come from. */
  idps: string[]
  hasPassword: boolean
  /** As far back as records of sign-ins go. */
  lastSignInAt: Date | null
}

/** SQL of when the user `id` was last let in. */
export const lastSignInOf = (id: string) =>
  `(SELECT created_at FROM audit_events e WHERE e.user_id = ${id} AND event IN ('user-created', 'sign-in', 'sign-in-local')
    ORDER BY created_at DESC, e.id DESC LIMIT 1)`

/** Up to here users are counted one by one, and an idp's people are found from its side. */
export const COUNTED = 3000

/** The next users of a search in the order of their usernames: after a place, before it, or the first. In that order in any case. */
export async function searchUsers(
  db: Db,
  search: UserSearch,
  { after, before, limit }: { after?: Place | undefined; before?: Place | undefined; limit: number },
): Promise<ListedUser[]> {
  const found = await findAmong(db, search, { after, before })
  const direction = before ? 'DESC' : ''
  const rows = await query<ListedUser>(
    db,
    `SELECT id, store, username, username_canonical AS canonical, is_locked AS "isLocked", created_at AS "createdAt",
       password_hash IS NOT NULL AS "hasPassword",
       ${lastSignInOf('found.id')} AS "lastSignInAt", ${saidOf('found.id')} AS said,
       ARRAY(SELECT display_name FROM identities JOIN idps ON idps.id = idp_id WHERE user_id = found.id ORDER BY position, name) AS idps
     FROM (${found.sql('*', limit)} ORDER BY username_canonical COLLATE "C" ${direction}, store COLLATE "C" ${direction} LIMIT ?) AS found
     ORDER BY username_canonical COLLATE "C" ${direction}, store COLLATE "C" ${direction}`,
    [...found.values, limit],
  )
  return before ? rows.reverse() : rows
}

export interface UserCount {
  count: number
  /** How `count` is meant: there are so many, about so many (of all users alone), or more than so many. */
  kind: 'exact' | 'about' | 'more'
}

/** How many users a search finds: counted up to COUNTED, beyond that estimated for all users, and for others not said. */
export async function countUsers(db: Db, search: UserSearch): Promise<UserCount> {
  const found = await findAmong(db, search, {})
  const row = await queryOne<{ count: number }>(
    db,
    `SELECT count(*)::int AS count FROM (SELECT FROM (${found.sql('id', COUNTED + 1)}) AS found LIMIT ?) AS counted`,
    [...found.values, COUNTED + 1],
  )
  const count = row?.count ?? 0
  if (count <= COUNTED) return { count, kind: 'exact' }
  const isOfAll = search.idpId === undefined && search.isLocked === undefined
  const estimate = isOfAll && search.stores.every(({ prefix }) => prefix === '') ? await estimateIn(db, search) : 0
  return estimate > COUNTED ? { count: estimate, kind: 'about' } : { count: COUNTED, kind: 'more' }
}

/** What PostgreSQL knew of the whole table when it last looked; 0 when that is no answer to this search. */
async function estimateIn(db: Db, { stores }: UserSearch): Promise<number> {
  const row = await queryOne<{ estimate: number }>(
    db,
    `SELECT CASE WHEN (SELECT count(*) FROM user_stores WHERE NOT (name = ANY (?::text[]))) = 0
       THEN (SELECT reltuples FROM pg_class WHERE oid = 'users'::regclass) ELSE 0 END::int AS estimate`,
    [stores.map(({ name }) => name)],
  )
  return row?.estimate ?? 0
}

/** Above every code point that a username may have. */
const LAST = '\u{10FFFF}'

interface Found {
  /** A SELECT of these columns of users. `limit` is what the caller takes at the most of it. */
  sql(columns: 'id' | '*', limit: number): string
  values: unknown[]
}

/**
 * The users of a search, by whichever way is short. From the names: each store's index, in order. From the idp, if it has few people: from
 * its identities to each user; among many others such people would be far apart in the order of names.
 */
async function findAmong(
  db: Db,
  { stores, idpId, isLocked }: UserSearch,
  { after, before }: { after?: Place | undefined; before?: Place | undefined },
): Promise<Found> {
  const place = after ?? before
  const beyond = after ? '>' : '<'
  // The first of the two conditions is the index's, which knows one store at a time.
  const paging = place
    ? `AND username_canonical COLLATE "C" ${beyond}= ? AND (username_canonical COLLATE "C", store COLLATE "C") ${beyond} (?, ?)`
    : ''
  const pagingValues = place ? [place.canonical, place.canonical, place.store] : []
  const state = isLocked === undefined ? '' : isLocked ? 'AND is_locked' : 'AND NOT is_locked'
  const order = `username_canonical COLLATE "C" ${before ? 'DESC' : ''}`
  const names = stores.map(({ name }) => name)
  const prefixes = stores.map(({ prefix }) => prefix)
  const inStore = `store = s.name AND username_canonical COLLATE "C" >= s.first AND username_canonical COLLATE "C" < s.last`
  const wanted = '(SELECT * FROM unnest(?::text[], ?::text[], ?::text[]) AS w (name, first, last)) AS s'
  const wantedValues = [names, prefixes, prefixes.map((prefix) => `${prefix}${LAST}`)]

  if (idpId !== undefined && !isLocked && !(await hasMany(db, idpId))) {
    // LIMIT 1 keeps PostgreSQL from reading all users to join them.
    return {
      sql: (columns) => `SELECT u.${columns} FROM (SELECT DISTINCT user_id FROM identities WHERE idp_id = ?) AS i
        CROSS JOIN LATERAL (SELECT * FROM users WHERE id = i.user_id LIMIT 1) AS u
        JOIN ${wanted} ON ${inStore} WHERE true ${state} ${paging}`,
      values: [idpId, ...wantedValues, ...pagingValues],
    }
  }
  // A value and not EXISTS, which PostgreSQL could turn round: each user is asked in turn, until there are enough.
  const ofIdp =
    idpId === undefined ? '' : 'AND (SELECT true FROM identities WHERE user_id = users.id AND idp_id = ? LIMIT 1)'
  return {
    sql: (columns, limit) => `SELECT u.* FROM ${wanted} CROSS JOIN LATERAL
      (SELECT ${columns} FROM users WHERE ${inStore} ${state} ${paging} ${ofIdp} ORDER BY ${order} LIMIT ${limit}) AS u`,
    values: [...wantedValues, ...pagingValues, ...(idpId === undefined ? [] : [idpId])],
  }
}

async function hasMany(db: Db, idpId: string): Promise<boolean> {
  const row = await queryOne(db, 'SELECT 1 FROM identities WHERE idp_id = ? ORDER BY user_id OFFSET ? LIMIT 1', [
    idpId,
    COUNTED,
  ])
  return row !== undefined
}
