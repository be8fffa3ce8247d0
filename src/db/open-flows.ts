// Flows that nobody has ended, found by the code on their pages: how far each has come, and no value of a person.
import { codeIn, type Stage } from './audit.ts'
import { type Db, query } from './connect.ts'

export interface OpenFlow {
  code: string
  createdAt: Date
  /** From then on nobody can end it, and sweeping leaves its record. */
  expiresAt: Date
  stage: Stage
  /** It came in by the flow API: nobody has gone anywhere from here. */
  isFromElsewhere: boolean
  /** What people call the idp that was chosen. */
  idp: string | null
  /** By which code the idp could not be gone to. */
  failure: string | null
}

/** How far a flow has come, of its row. */
export const STAGE = `CASE WHEN asked_at IS NOT NULL THEN 'asked' WHEN called_back_at IS NOT NULL THEN 'returned'
  WHEN proved_user_id IS NOT NULL THEN 'second-factor' WHEN idp_id IS NOT NULL THEN 'away' ELSE 'choosing' END`

/** As `tag` in src/flow.ts; letter for letter the expression of its index. */
const CODE = `(substr(encode(sha256(flows.id::bytea), 'hex'), 1, 4) || '-' || substr(encode(sha256(flows.id::bytea), 'hex'), 5, 4))`

/** The open flows that people mean by a code, newest first: nearly always one or none. Typed as `findRecords` takes it. */
export async function findOpenFlows(db: Db, typed: string): Promise<OpenFlow[]> {
  const code = codeIn(typed)
  if (code === undefined) return []
  return query<OpenFlow>(
    db,
    `SELECT ${CODE} AS code, flows.created_at AS "createdAt", expires_at AS "expiresAt", ${STAGE} AS stage,
       door = 'flow-api' AS "isFromElsewhere", idps.display_name AS idp, failure
     FROM flows LEFT JOIN idps ON idps.id = flows.idp_id
     WHERE ${CODE} = ? AND closed_at IS NULL ORDER BY flows.created_at DESC LIMIT 10`,
    [code],
  )
}
