// Sign-in: the ways in that a person has and could add, their password, their second factors, and where they are signed in.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { listIdps } from '../db/idps.ts'
import { type IdpWay, signOutOfAll, waysInOf } from '../db/ways-in.ts'
import { createSecondFactors } from '../factors/show.ts'
import { SIGNED_OUT } from '../handback/my-account.ts'
import { readStores } from '../stores/stores.ts'
import { languageOf } from '../web/language.ts'
import { startOf } from './connect.ts'
import { type AccountPage, type Room, SIGN_IN, userOf } from './desk.ts'
import { keyOf } from './disconnect.ts'
import { type FactorsOnPage, factorsOnPage } from './factors.ts'
import { ended, listSessions, type ShownSession } from './sessions.ts'

const HOME = `${MY_ACCOUNT_HOME}${SIGN_IN}`

interface SignInPage extends AccountPage {
  ways: {
    id: string
    idp: string
    isOff: boolean
    /** With the time, where the day alone does not tell two of one idp apart. */
    since: { day: string } | { moment: Date }
    href: string
  }[]
  connectable: { idp: string; href: string }[]
  /** Absent where passwords are not ours to keep. */
  password?: { isSet: boolean; href: string }
  /** Absent where the enhanced feature is off. */
  factors?: FactorsOnPage
  sessions: ShownSession[]
  endAction: string
  everywhereAction: string
}

export const signInRoom: Room = (desk) => {
  const { house } = desk
  const secondFactors = createSecondFactors(house)
  return [
    { method: 'get', path: SIGN_IN, handler: show },
    { method: 'post', path: `${SIGN_IN}/end`, handler: end },
    { method: 'post', path: `${SIGN_IN}/everywhere`, handler: endAll },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const user = userOf(res)
    const [{ hasPassword, idps }, offered, stores] = await Promise.all([
      waysInOf(house.db, user.id),
      listIdps(house.db, null),
      readStores(house.db),
    ])
    const isTwice = ({ idpId }: IdpWay) => idps.filter((way) => way.idpId === idpId).length > 1
    const isConnected = (id: string) => idps.some(({ idpId }) => idpId === id)
    desk.show<SignInPage>(req, res, 'sign-in', {
      title: { key: 'account.signin' },
      ways: idps.map((way, index) => ({
        id: `way-${index + 1}`,
        idp: way.displayName,
        isOff: !way.isOpen,
        since: isTwice(way) ? { moment: way.since } : { day: way.since.toISOString().slice(0, 10) },
        href: `${HOME}/disconnect/${keyOf(house, way)}`,
      })),
      connectable: offered
        .filter(({ id }) => !isConnected(id))
        .map((idp) => ({ idp: idp.displayName, href: startOf(idp) })),
      ...(stores.some(({ name }) => name === user.store)
        ? { password: { isSet: hasPassword, href: `${HOME}/password` } }
        : {}),
      ...(house.settings().enhanced.isOn ? { factors: await factorsOnPage(house, secondFactors, user.id) } : {}),
      sessions: await listSessions(house, req, user.id, idps),
      endAction: `${HOME}/end`,
      everywhereAction: `${HOME}/everywhere`,
    })
  }

  async function end(req: Request, res: Response): Promise<void> {
    const isHere = await ended(house, req, userOf(res).id)
    if (isHere) return desk.leave(req, res, SIGNED_OUT)
    desk.done(req, res, SIGN_IN, { key: 'SESSION_ENDED' })
  }

  async function endAll(req: Request, res: Response): Promise<void> {
    await signOutOfAll(house, userOf(res).id, languageOf(res))
    await desk.leave(req, res, SIGNED_OUT)
  }
}
