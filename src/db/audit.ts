// Rows of audit_events: what happened, without personal values.
import { type Db, query } from './connect.ts'

export interface AuditEvent {
  event: 'user-created' | 'sign-in' | 'sign-in-federated' | 'sign-in-local' | 'declined' | 'refused'
  flowId: string
  idpId?: string | undefined
  userId?: string | undefined
  /** Codes and counts only: never a name, an address or a claim. */
  detail?: Record<string, string | number>
}

export async function insertAuditEvent(db: Db, event: AuditEvent): Promise<void> {
  await query(db, 'INSERT INTO audit_events (event, flow_id, idp_id, user_id, detail) VALUES (?, ?, ?, ?, ?)', [
    event.event,
    event.flowId,
    event.idpId ?? null,
    event.userId ?? null,
    JSON.stringify(event.detail ?? {}),
  ])
}
