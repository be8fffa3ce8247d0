// Where a person is signed in: sessions of My Account, and what our OpenID Provider and applications have. Each can be ended.
import type { Request } from 'express'
import { listApplications } from '../db/applications.ts'
import { hashOfSession, listSessionsOf } from '../db/sessions.ts'
import { type EndedSession, endSession, type IdpWay } from '../db/ways-in.ts'
import type { AccountSession } from '../handback/my-account.ts'
import { openSessions } from '../handback/sessions.ts'
import type { House } from '../house.ts'
import { readFields } from '../web/forms.ts'

export interface ShownSession {
  id: string
  key: string
  /** `here`: this very one. `token`: an application may come back without the person. */
  kind: 'here' | 'account' | 'session' | 'token'
  /** The names of those that the person went to with it. */
  applications: string[]
  begunAt: Date
  endsAt: Date
  /** By which idp; absent: by password, and nobody knows of a token. */
  idp?: string
}

type Listed = Omit<ShownSession, 'id'> & { target: EndedSession }

/** Those that have not ended: My Account first, this session before all. */
export async function listSessions(
  house: House,
  req: Request,
  userId: string,
  ways: IdpWay[],
): Promise<ShownSession[]> {
  const all = await list(house, req, userId, ways)
  return all.map(({ target: _, ...shown }, index) => ({ ...shown, id: `session-${index + 1}` }))
}

/** Ends the one that the form names. True when it is this very one, which is the caller's to end. One that has ended already is none. */
export async function ended(house: House, req: Request, userId: string): Promise<boolean> {
  const key = readFields(req.body).one('session')
  const found = (await list(house, req, userId, [])).find((one) => one.key === key)
  if (found) await endSession(house.db, userId, found.target, house.now())
  return found?.kind === 'here'
}

async function list(house: House, req: Request, userId: string, ways: IdpWay[]): Promise<Listed[]> {
  const [ours, records, applications] = await Promise.all([
    listSessionsOf(house.db, 'account_sessions', userId, house.now()),
    openSessions(house, userId),
    listApplications(house.db),
  ])
  const names = new Map(applications.map(({ clientId, name }) => [clientId, name]))
  const idp = (id: string | undefined) => {
    const name = ways.find(({ idpId }) => idpId === id)?.displayName
    return name === undefined ? {} : { idp: name }
  }
  const keyOf = (model: string, idHash: Buffer) =>
    house.keyring.hash('session in a form', model, idHash.toString('hex')).toString('base64url').slice(0, 22)
  const here = hashOfSession(req.sessionID)
  const account = ours.map(({ idHash, data, endsAt }): Listed => {
    const { begunAt, idpId } = data as unknown as AccountSession
    return {
      key: keyOf('account', idHash),
      kind: idHash.equals(here) ? 'here' : 'account',
      applications: [],
      begunAt: new Date(begunAt),
      endsAt,
      ...idp(idpId),
      target: { kind: 'account', idHash },
    }
  })
  const elsewhere = records.map(
    ({ kind, model, idHash, grantIdHashes, begunAt, endsAt, idpId, clientIds }): Listed => ({
      key: keyOf(model, idHash),
      kind: kind === 'session' ? 'session' : 'token',
      applications: clientIds.map((clientId) => names.get(clientId) ?? clientId),
      begunAt,
      endsAt,
      ...idp(idpId),
      target: { kind: 'record', model, idHash, grantIdHashes },
    }),
  )
  const [first, others] = [account.filter(({ kind }) => kind === 'here'), account.filter(({ kind }) => kind !== 'here')]
  return [...first, ...others, ...elsewhere]
}
