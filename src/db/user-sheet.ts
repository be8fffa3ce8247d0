// Everything that is kept of one user, for an operator who looks at them.
import type { Said } from '../provisioning/display-name.ts'
import { type Db, query, queryOne } from './connect.ts'
import type { ConsentState } from './consents.ts'
import type { Person } from './identities.ts'
import { IS_LOCKED } from './identity-locks.ts'
import { type AttributeValue, saidOf } from './user-attributes.ts'
import { lastSignInOf } from './user-search.ts'

export interface UserSheet {
  id: string
  store: string
  username: string
  said: Said | null
  isLocked: boolean
  createdAt: Date
  signedOutAt: Date | null
  hasPassword: boolean
  /** How many second factors are set up. */
  factors: number
  /** Their role in the console. */
  operatorRole: string | null
  lastSignInAt: Date | null
  /** Sessions in the console. */
  consoleSessions: number
}

/** One user; undefined when there is none. */
export function findSheet(db: Db, userId: string, now: Date): Promise<UserSheet | undefined> {
  return queryOne<UserSheet>(
    db,
    `SELECT id, store, username, is_locked AS "isLocked", users.created_at AS "createdAt", signed_out_at AS "signedOutAt",
       password_hash IS NOT NULL AS "hasPassword", role AS "operatorRole",
       (SELECT count(*)::int FROM user_factors f WHERE f.user_id = id AND confirmed_at IS NOT NULL) AS factors,
       ${lastSignInOf('users.id')} AS "lastSignInAt", ${saidOf('users.id')} AS said,
       (SELECT count(*)::int FROM console_sessions c WHERE c.user_id = users.id AND expires_at > ?) AS "consoleSessions"
     FROM users LEFT JOIN operators ON operators.user_id = id WHERE id = ?`,
    [now, userId],
  )
}

/** Of these users, by id, those that are there, with what they can be called by. */
export async function namesOf(
  db: Db,
  userIds: readonly string[],
): Promise<Map<string, { username: string; said: Said | null }>> {
  const rows = await query<{ id: string; username: string; said: Said | null }>(
    db,
    `SELECT id, username, ${saidOf('users.id')} AS said FROM users WHERE id = ANY (?::uuid[])`,
    [userIds],
  )
  return new Map(rows.map(({ id, ...names }) => [id, names]))
}

/** What one user can be called by, and the idp that made them known here first, as people call it. */
export async function findSaid(db: Db, userId: string): Promise<{ said: Said | null; idp: string | null } | undefined> {
  return queryOne(
    db,
    `SELECT ${saidOf('users.id')} AS said,
       (SELECT display_name FROM identities i JOIN idps ON idps.id = idp_id WHERE i.user_id = users.id
        ORDER BY i.created_at, name LIMIT 1) AS idp
     FROM users WHERE id = ?`,
    [userId],
  )
}

export interface SheetIdentity extends Person {
  idp: string
  /** As the idp is called here. */
  idpName: string
  isEnabled: boolean
  isLocked: boolean
  scheme: string
  createdAt: Date
}

/** The ways in through idps. */
export function listIdentities(db: Db, userId: string): Promise<SheetIdentity[]> {
  return query(
    db,
    `SELECT idp_id AS "idpId", display_name AS idp, name AS "idpName", is_enabled AS "isEnabled", ${IS_LOCKED} AS "isLocked", i.issuer,
       subject, scheme, i.created_at AS "createdAt"
     FROM identities i JOIN idps ON idps.id = idp_id WHERE user_id = ? ORDER BY i.created_at, name`,
    [userId],
  )
}

export interface Origin {
  origin: 'idp' | 'person' | 'operator'
  /** The idp's display name. */
  idp: string | null
}

export interface SheetAttribute extends Origin {
  name: string
  /** What the operator calls it, where they declared it. */
  displayName: string | null
  value: AttributeValue
  verified: boolean | null
  since: Date
}

/** SQL of what is kept of the user `?`, by name. */
export const ATTRIBUTES = 'SELECT * FROM attributes_of(?)'

export function listAttributes(db: Db, userId: string): Promise<SheetAttribute[]> {
  return query(db, ATTRIBUTES, [userId])
}

export interface SheetRole extends Origin {
  role: string
  since: Date
  /** False for what an idp granted that is off, or does not grant it any more. */
  counts: boolean
}

export function listRolesWithOrigin(db: Db, userId: string): Promise<SheetRole[]> {
  return query(
    db,
    `SELECT role, origin, display_name AS idp, r.created_at AS since,
       origin = 'operator' OR (is_enabled AND role IN (SELECT value FROM jsonb_each_text(role_mappings))) AS counts
     FROM user_roles r LEFT JOIN idps ON idps.id = origin_idp_id WHERE user_id = ? ORDER BY role, origin, display_name`,
    [userId],
  )
}

export interface SheetConsent {
  state: ConsentState | 'closed'
  attribute: string
  /** What the operator calls it, where they declared it. */
  displayName: string | null
  /** As the person read it; the purpose's id where the words do not say. */
  purpose: string
  language: string
  idp: string | null
  at: Date
}

/** The newest answers first, at most 200. */
export function listConsents(db: Db, userId: string): Promise<SheetConsent[]> {
  return query(
    db,
    `SELECT state, attribute, attributes.display_name AS "displayName", c.language, idps.display_name AS idp, c.created_at AS at,
       coalesce((SELECT p->>'purpose' FROM json_array_elements(content->'purposes') p WHERE p->>'id' = purpose_id LIMIT 1), purpose_id) AS purpose
     FROM consents c LEFT JOIN notices n ON n.hash = notice_hash LEFT JOIN idps ON idps.id = idp_id
       LEFT JOIN attributes ON attributes.name = attribute
     WHERE user_id = ? ORDER BY c.sequence DESC LIMIT 200`,
    [userId],
  )
}
