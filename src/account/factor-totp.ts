// Setting up an authenticator app: a picture to scan or a key to type, and the first code.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { factorsOf } from '../db/user-factors.ts'
import { createSecondFactors } from '../factors/show.ts'
import { joinName } from '../stores/name.ts'
import { inGroups, qrShape, totpAddress } from '../stores/totp.ts'
import { readFields } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import { showBackupCodes } from './backup-codes.ts'
import { type AccountPage, type Room, SIGN_IN, userOf, visitOf } from './desk.ts'
import { FACTORS, noteOf, refusalOf, showerOf } from './factors.ts'

interface TotpPage extends AccountPage {
  action: string
  back: string
  /** The picture, as a path of unit squares. */
  qr: { size: number; path: string }
  secret: string
}

export const factorTotpRoom: Room = (desk) => {
  const { house } = desk
  const secondFactors = createSecondFactors(house)
  const path = `${FACTORS}/totp`
  const isThere = () => house.settings().enhanced.isOn
  return [
    { method: 'get', path, fresh: true, isThere, handler: show },
    { method: 'post', path, fresh: true, isThere, handler: submit },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const { id } = userOf(res)
    const { kinds } = await factorsOf(house.db, id)
    if (kinds.includes('totp')) return res.redirect(303, `${MY_ACCOUNT_HOME}${SIGN_IN}`)
    // A new one each time: one that was shown and never confirmed is never good (S161).
    answer(req, res, await secondFactors.newSecret(showerOf(req, res)))
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const secret = await secondFactors.secretBegun(showerOf(req, res))
    if (secret === undefined) return desk.done(req, res, SIGN_IN, { key: 'FACTORS_ALREADY' })
    const typed = { ...showerOf(req, res), way: 'totp' as const, code: readFields(req.body).one('code') }
    const outcome = await secondFactors.setUp(typed, noteOf(house, req, res))
    if (outcome.kind === 'over') return desk.done(req, res, SIGN_IN, { key: 'FACTORS_ALREADY' })
    if (outcome.kind !== 'set-up') {
      const { status, message } = refusalOf(res, outcome, 'totp')
      return answer(req, res, secret, message, status)
    }
    visitOf(req).factorAt = outcome.at.getTime()
    await desk.renew(req, outcome.at)
    showBackupCodes(desk, req, res, { key: 'FACTORS_ADDED' }, outcome.backupCodes)
  }

  function answer(req: Request, res: Response, secret: string, problem?: Message, status = 200): void {
    const { store, username } = userOf(res)
    const names = { issuer: house.publicUrl.host, label: joinName(store, username) }
    desk.show<TotpPage>(
      req,
      res,
      'factor-totp',
      {
        title: { key: 'factors.totp.add' },
        problems: problem ? [{ field: 'code', message: problem }] : [],
        action: `${MY_ACCOUNT_HOME}${path}`,
        back: `${MY_ACCOUNT_HOME}${SIGN_IN}`,
        qr: qrShape(totpAddress(secret, names)),
        secret: inGroups(secret),
      },
      status,
    )
  }
}
