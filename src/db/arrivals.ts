// What PostgreSQL knows of somebody who arrives from an idp, in one look: whether they are known and locked, which names are theirs to have.
import type { ComingIn } from './coming-in.ts'
import { CONFIGURED } from './configured.ts'
import { type Db, queryOne } from './connect.ts'
import type { NamedIdentity, Person } from './identities.ts'
import { TAKEN, takenColumns, type WantedName } from './users.ts'

/** Who somebody is here who is known. */
export interface Known extends NamedIdentity {
  /** Null where they may not come in as that now. */
  kept: ComingIn | null
}

export interface Arrived {
  /** What is configured goes by this name (db/configured.ts). */
  configured: string
  identity: Known | undefined
  isLocked: boolean
  /** Of the wanted names, by key, those that a user of their store has, or one of whose looks is that of such a name. */
  taken: ReadonlySet<string>
}

/** One statement: a name that this very person's other sign-in took a moment ago is seen with its identity, because one transaction made both. */
export async function lookAtArrival(db: Db, person: Person, names: readonly WantedName[]): Promise<Arrived> {
  const { idpId, issuer, subject } = person
  const row = await queryOne<{
    configured: string
    identity: Known | null
    isLocked: boolean
    taken: string[]
  }>(
    db,
    `SELECT ${CONFIGURED} AS configured, ${TAKEN} AS taken,
       EXISTS (SELECT FROM identity_locks WHERE idp_id = ? AND issuer = ? AND subject = ? AND unlocked_at IS NULL) AS "isLocked",
       (SELECT jsonb_build_object('userId', users.id, 'scheme', identities.scheme, 'isLocked', is_locked, 'store', store, 'username', username,
          'kept', kept_of(users.id, idp_id, issuer, subject))
        FROM identities JOIN users ON users.id = identities.user_id
        WHERE idp_id = ? AND issuer = ? AND subject = ?) AS identity`,
    [...takenColumns(names), idpId, issuer, subject, idpId, issuer, subject],
  )
  if (!row) throw new Error('PostgreSQL answered without a row.')
  return { ...row, identity: row.identity ?? undefined, taken: new Set(row.taken) }
}
