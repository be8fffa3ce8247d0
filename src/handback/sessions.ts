// The sign-ins of a user that are still good at our OpenID Provider: their sessions, and the applications that may come back without them.
import type { IncomingMessage } from 'node:http'
import type { BegunBy } from '../db/idp-deletion.ts'
import { endRecord, findSession, listRecordsOfUser } from '../db/oidc-records.ts'
import type { House } from '../house.ts'
import { sha256 } from '../seal.ts'
import { cookiesOf } from '../web/cookies.ts'
import { COOKIES } from './configuration.ts'
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
  authorizations?: Record<string, { grantId?: string; persistsLogout?: boolean }>
}

/** Undefined: no key opens it any more, and it is no session. */
function payloadOf(
  { keyring }: Pick<House, 'keyring'>,
  { model, payloadSealed }: { model: string; payloadSealed: Buffer },
): Payload | undefined {
  const context = contextOf(model)
  if (keyring.reseal(context, payloadSealed) === 'lost') return undefined
  return JSON.parse(keyring.unseal(context, payloadSealed))
}

/** The grants that a session or a refresh token stands for, as they are kept. */
function grantsOf({ grantId: own, authorizations }: Payload): Buffer[] {
  const grantIds = [own, ...Object.values(authorizations ?? {}).map(({ grantId }) => grantId)]
  return grantIds.flatMap((id) => (id === undefined ? [] : [sha256(id)]))
}

/** Finds the sessions that began by an idp, and the refresh tokens that were given out in one. */
export function begunBy(house: Pick<House, 'keyring'>): BegunBy {
  return (records, idpId) =>
    records.flatMap(({ userId, model, idHash, payloadSealed }) => {
      const payload = payloadOf(house, { model, payloadSealed })
      return payload?.acr === idpId ? { userId, model, idHash, grantIdHashes: grantsOf(payload) } : []
    })
}

/** Those with the longest time to go first. What no key opens any more is no session, and is left out. */
export async function openSessions(house: House, userId: string): Promise<OpenSession[]> {
  const records = await listRecordsOfUser(house.db, userId, house.now())
  return records.flatMap(({ model, idHash, payloadSealed, expiresAt }) => {
    const payload = payloadOf(house, { model, payloadSealed })
    if (!payload) return []
    const begun = payload.loginTs ?? payload.iiat ?? payload.iat ?? 0
    return {
      kind: model === 'Session' ? 'session' : 'refresh-token',
      model,
      idHash,
      grantIdHashes: grantsOf(payload),
      begunAt: new Date(begun * 1000),
      endsAt: expiresAt,
      idpId: payload.acr,
      clientIds: payload.clientId ? [payload.clientId] : Object.keys(payload.authorizations ?? {}),
    }
  })
}

/**
 * Ends the session there of a browser that signs out in My Account, whosever it is, as the library does when it signs out at an application: of one
 * that may come back without the person, what it was given stays.
 */
export async function leaveApplications(house: House, req: IncomingMessage): Promise<void> {
  for (const [name, id] of cookiesOf(req)) {
    const session = name === COOKIES.session ? await findSession(house.db, sha256(id), house.now()) : undefined
    if (!session) continue
    const all = Object.entries(payloadOf(house, session)?.authorizations ?? {})
    const authorizations = Object.fromEntries(all.filter(([, { persistsLogout }]) => !persistsLogout))
    await endRecord(house.db, session.userId, { ...session, grantIdHashes: grantsOf({ authorizations }) })
  }
}

/** Ends those that began by this idp, with all that was given out by them. */
export async function endSessionsBy(house: House, userId: string, idpId: string): Promise<void> {
  for (const session of await openSessions(house, userId)) {
    if (session.idpId === idpId) await endRecord(house.db, userId, session)
  }
}
