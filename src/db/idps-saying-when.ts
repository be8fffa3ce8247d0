// Rows of idps_saying_when: idps that said when somebody signed in there, as they have to when they are asked for a new sign-in.
import { type Db, query, queryOne } from './connect.ts'

/** An idp, and what it called itself. */
export interface Sayer {
  idpId: string
  issuer: string
}

/** Notes that an idp said it. */
export async function noteSaidWhen(db: Db, { idpId, issuer }: Sayer, now: Date): Promise<void> {
  await query(
    db,
    `INSERT INTO idps_saying_when (idp_id, issuer, said_at) VALUES (?, ?, ?)
     ON CONFLICT (idp_id, issuer) DO UPDATE SET said_at = greatest(idps_saying_when.said_at, excluded.said_at)`,
    [idpId, issuer, now],
  )
}

/** Whether an idp has said it since then. */
export async function hasSaidWhen(db: Db, { idpId, issuer }: Sayer, since: Date): Promise<boolean> {
  const sql = 'SELECT 1 FROM idps_saying_when WHERE idp_id = ? AND issuer = ? AND said_at > ?'
  return (await queryOne(db, sql, [idpId, issuer, since])) !== undefined
}
