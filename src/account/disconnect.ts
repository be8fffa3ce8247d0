// Disconnecting an idp: a page that says what goes with it, and never the last way in.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { disconnectPerson, type IdpWay, waysInOf } from '../db/ways-in.ts'
import { SIGNED_OUT } from '../handback/my-account.ts'
import type { House } from '../house.ts'
import { PageError } from '../web/errors.ts'
import { languageOf } from '../web/language.ts'
import { type AccountPage, type Room, SIGN_IN, userOf, visitOf } from './desk.ts'

interface DisconnectPage extends AccountPage {
  idp: string
  since: Date
  action: string
  back: string
  /** It is the only way in: the way to set a password, and no button. */
  onlyWay?: { href: string }
  /** The person came by it, and has to come in again. */
  isHere: boolean
}

export const disconnectRoom: Room = (desk) => {
  const { house } = desk
  const path = `${SIGN_IN}/disconnect/:way`
  return [
    { method: 'get', path, fresh: true, handler: show },
    { method: 'post', path, fresh: true, handler: submit },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const { way, isOnly } = await find(req, res)
    answer(req, res, way, isOnly ? 'only way' : undefined)
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const { way } = await find(req, res)
    const { id: userId } = userOf(res)
    const { idpId, issuer, subject, displayName } = way
    const now = house.now()
    const outcome = await disconnectPerson(
      house,
      { userId, session: req.sessionID, now, language: languageOf(res) },
      {
        person: { idpId, issuer, subject },
        personHash: house.keyring.hash('person', idpId, issuer, subject),
        idp: displayName,
      },
    )
    if (outcome === 'only-way') return answer(req, res, way, 'only way')
    if (outcome === 'over') return res.redirect(303, `${MY_ACCOUNT_HOME}${SIGN_IN}`)
    if (visitOf(req).idpId === idpId) return desk.leave(req, res, SIGNED_OUT)
    await desk.renew(req, now)
    desk.done(req, res, SIGN_IN, { key: 'DISCONNECTED', values: { idp: displayName } })
  }

  async function find(req: Request, res: Response): Promise<{ way: IdpWay; isOnly: boolean }> {
    const { hasPassword, idps } = await waysInOf(house.db, userOf(res).id)
    const way = idps.find((one) => keyOf(house, one) === req.params['way'])
    if (!way) throw new PageError(404, 'missing')
    return { way, isOnly: !hasPassword && !idps.some((one) => one.isOpen && one !== way) }
  }

  function answer(req: Request, res: Response, way: IdpWay, because?: 'only way'): void {
    const values = { idp: way.displayName }
    const home = `${MY_ACCOUNT_HOME}${SIGN_IN}`
    desk.show<DisconnectPage>(
      req,
      res,
      'disconnect',
      {
        title: { key: 'disconnect.title', values },
        problems: because ? [{ field: 'only-way', message: { key: 'ONLY_WAY', values } }] : [],
        idp: way.displayName,
        since: way.since,
        action: `${home}/disconnect/${keyOf(house, way)}`,
        back: home,
        ...(because ? { onlyWay: { href: `${home}/password` } } : {}),
        isHere: visitOf(req).idpId === way.idpId,
      },
      because ? 422 : 200,
    )
  }
}

/** What a way in is called in addresses: who the person is at the idp is nothing to be found there. */
export function keyOf(house: Pick<House, 'keyring'>, { idpId, issuer, subject }: IdpWay): string {
  return house.keyring.hash('way in', idpId, issuer, subject).toString('base64url').slice(0, 22)
}
