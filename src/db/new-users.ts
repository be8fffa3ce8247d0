// A user who is made with who they are at an idp and all that is kept of them from then on: one statement, in which the constraints decide.
import { type Db, queryOne } from './connect.ts'
import type { Person } from './identities.ts'
import type { Scheme } from './idps.ts'
import type { Shown } from './purpose-versions.ts'
import type { StoredAttribute } from './user-attributes.ts'
import { hashed, type KeptName } from './users.ts'

export interface UserRows {
  id: string
  person: Person
  scheme: Scheme
  /** Of which attributes the idp sent something. */
  sent: string[]
  name: KeptName & { username: string }
  passwordHash: string | null
  attributes: StoredAttribute[]
  roles: string[]
  /** The purposes that they were shown. */
  shown: Shown[]
}

/**
 * Inserts a user, to be undone by the caller unless the answer is `made`. `already-there`: another transaction made this person a user first (which is
 * waited for, if it has not ended), they are locked, or the idp is off or gone; `username-taken`: the name is, or looks like one that is. The idp is
 * held (`holdIdp`): whoever begins to delete it or locks somebody there waits for this, or has been waited for. The person before the name: of two
 * racing sign-ins of one person the loser must find its user, not a taken name. DO NOTHING, because a raised violation would print the name in
 * PostgreSQL's log; for any constraint of users, because two decide: the name and its look.
 */
export async function insertUserWhole(db: Db, user: UserRows): Promise<'made' | 'already-there' | 'username-taken'> {
  const { id, person, name } = user
  const row = await queryOne<{ isFirst: boolean; isMade: boolean }>(
    db,
    `WITH identity AS (
       INSERT INTO identities (idp_id, issuer, subject, user_id, scheme, sent)
       SELECT idps.id, p.issuer, p.subject, ?::uuid, ?, ?::text[]
       FROM idps CROSS JOIN (SELECT ?::text AS issuer, ?::text AS subject) p
       WHERE idps.id = ? AND is_enabled AND NOT EXISTS (SELECT FROM identity_locks l
         WHERE l.idp_id = idps.id AND l.issuer = p.issuer AND l.subject = p.subject AND unlocked_at IS NULL)
       ON CONFLICT ON CONSTRAINT identities_pkey DO NOTHING RETURNING idp_id, user_id),
     made AS (
       INSERT INTO users (id, store, username, username_canonical, username_look, password_hash)
       SELECT user_id, ?, ?, ?, ${hashed('?')}, ? FROM identity ON CONFLICT DO NOTHING RETURNING id),
     attributes AS (
       INSERT INTO user_attributes (user_id, name, value, verified, origin, origin_idp_id)
       SELECT made.id, name, value, verified, origin, "originIdpId"
       FROM made, jsonb_to_recordset(?::jsonb) AS a (name text, value jsonb, verified boolean, origin text, "originIdpId" uuid)),
     roles AS (
       INSERT INTO user_roles (user_id, role, origin, origin_idp_id)
       SELECT user_id, role, 'idp', idp_id FROM made JOIN identity ON user_id = made.id CROSS JOIN unnest(?::text[]) AS granted (role)),
     seen AS (
       INSERT INTO answered_versions (user_id, purpose_id, version, was_due)
       SELECT made.id, "purposeId", version, "wasDue"
       FROM made, jsonb_to_recordset(?::jsonb) AS s ("purposeId" text, version integer, "wasDue" boolean))
     SELECT EXISTS (SELECT FROM identity) AS "isFirst", EXISTS (SELECT FROM made) AS "isMade"`,
    [
      id,
      user.scheme,
      [...user.sent].sort(),
      person.issuer,
      person.subject,
      person.idpId,
      name.store,
      name.username,
      name.canonical,
      name.look,
      user.passwordHash,
      JSON.stringify(user.attributes),
      [...new Set(user.roles)],
      JSON.stringify(user.shown),
    ],
  )
  return row?.isMade ? 'made' : row?.isFirst ? 'username-taken' : 'already-there'
}
