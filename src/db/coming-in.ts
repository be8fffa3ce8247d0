// What is kept of a user who comes in by an idp, as far as that sign-in may change it: one look at somebody whom the transaction holds.
import { type Db, queryOne } from './connect.ts'
import { type ConsentRecord, CURRENT_CONSENTS } from './consents.ts'
import type { Person } from './identities.ts'
import { IS_LOCKED } from './identity-locks.ts'
import type { StoredAttribute } from './user-attributes.ts'

export interface ComingIn {
  /** Of which attributes the idp sent something last. */
  sent: string[]
  stored: StoredAttribute[]
  consents: ConsentRecord[]
  /** The roles that this idp granted. */
  roles: string[]
}

/** Undefined where the person is not known as this user, or either of them is locked: they may not come in as that now. */
export function comingIn(db: Db, person: Person, userId: string): Promise<ComingIn | undefined> {
  return queryOne<ComingIn>(
    db,
    `SELECT i.sent,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.name, 'value', a.value, 'verified', a.verified, 'origin', a.origin,
          'originIdpId', a.origin_idp_id)), '[]') FROM user_attributes a WHERE a.user_id = users.id) AS stored,
       (SELECT coalesce(jsonb_agg(c), '[]') FROM (${CURRENT_CONSENTS}) c) AS consents,
       ARRAY(SELECT r.role FROM user_roles r WHERE r.user_id = users.id AND r.origin = 'idp' AND r.origin_idp_id = i.idp_id) AS roles
     FROM users JOIN identities i ON i.user_id = users.id
     WHERE users.id = ? AND i.idp_id = ? AND i.issuer = ? AND i.subject = ? AND NOT is_locked AND NOT ${IS_LOCKED}`,
    [userId, userId, person.idpId, person.issuer, person.subject],
  )
}
