// The sign-ins of a user that are still good at our OpenID Provider: their sessions, and the applications that may come back without them.
import { endRecord, listRecordsOfUser } from '../db/oidc-records.ts'
import type { House } from '../house.ts'
import { sha256 } from '../seal.ts'
import { contextOf } from './records.ts'

export interface OpenSession {
  kind: 'session' | 'refresh-token'
  /** As it is kept, to end it by. */
  model: string
  idHash: Buffer
  grantIdHashes: Buffer[]
  begunAt: Date
  endsAt: Date
  /** By which idp; absent for a local password, and not known of the refresh tokens of earlier versions. */
  idpId?: string | undefined
  /** The applications that the person went to with it, by client id. */
  clientIds: string[]
}

interface Payload {
  loginTs?: number
  iiat?: number
  iat?: number
  acr?: string
  clientId?: string
  grantId?: string
  authorizations?: Record<string, { grantId?: string }>
}

/** Those with the longest time to go first. What no key opens any more is no session, and is left out. */
export async function openSessions(house: House, userId: string): Promise<OpenSession[]> {
  const records = await listRecordsOfUser(house.db, userId, house.now())
  return records.flatMap(({ model, idHash, payloadSealed, expiresAt }) => {
    const context = contextOf(model)
    if (house.keyring.reseal(context, payloadSealed) === 'lost') return []
    const payload: Payload = JSON.parse(house.keyring.unseal(context, payloadSealed))
    const begun = payload.loginTs ?? payload.iiat ?? payload.iat ?? 0
    const authorizations = Object.values(payload.authorizations ?? {})
    const grantIds = [payload.grantId, ...authorizations.map(({ grantId }) => grantId)]
    return {
      kind: model === 'Session' ? 'session' : 'refresh-token',
      model,
      idHash,
      grantIdHashes: grantIds.flatMap((id) => (id === undefined ? [] : [sha256(id)])),
      begunAt: new Date(begun * 1000),
      endsAt: expiresAt,
      idpId: payload.acr,
      clientIds: payload.clientId ? [payload.clientId] : Object.keys(payload.authorizations ?? {}),
    }
  })
}

/** Ends those that began by this idp, with all that was given out by them. */
export async function endSessionsBy(house: House, userId: string, idpId: string): Promise<void> {
  for (const session of await openSessions(house, userId)) {
    if (session.idpId === idpId) await endRecord(house.db, userId, session)
  }
}
