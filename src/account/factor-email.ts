// Setting up codes by e-mail: to the address that is kept and checked, and nowhere else.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { factorsOf } from '../db/user-factors.ts'
import { createSecondFactors } from '../factors/show.ts'
import { maskedAddress } from '../login/factor-pages.ts'
import { readFields } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import { redirectSaved } from '../web/session.ts'
import { showBackupCodes } from './backup-codes.ts'
import { type AccountPage, type Room, SIGN_IN, userOf, visitOf } from './desk.ts'
import { FACTORS, noteOf, refusalOf, showerOf } from './factors.ts'

interface EmailPage extends AccountPage {
  action: string
  back: string
  /** As much of it as its owner needs. */
  address: string
  isSent: boolean
}

export const factorEmailRoom: Room = (desk) => {
  const { house } = desk
  const secondFactors = createSecondFactors(house)
  const path = `${FACTORS}/email`
  const isThere = () => house.settings().enhanced.isOn
  return [
    { method: 'get', path, fresh: true, isThere, handler: (req, res) => answer(req, res) },
    { method: 'post', path, fresh: true, isThere, handler: submit },
  ]

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    if (fields.one('do') === 'send') return send(req, res)
    const typed = { ...showerOf(req, res), way: 'email' as const, code: fields.one('code') }
    const outcome = await secondFactors.setUp(typed, noteOf(house, req, res))
    if (outcome.kind !== 'set-up') {
      const { status, message } = refusalOf(res, outcome, 'email')
      return answer(req, res, message, status)
    }
    visitOf(req).factorAt = outcome.at.getTime()
    await desk.renew(req, outcome.at)
    showBackupCodes(desk, req, res, { key: 'FACTORS_ADDED' }, outcome.backupCodes)
  }

  async function send(req: Request, res: Response): Promise<void> {
    const { userId, boundTo, language } = showerOf(req, res)
    const sent = await secondFactors.send({ userId, boundTo, language })
    if (sent.kind === 'too-many') {
      const { status, message } = refusalOf(res, sent, 'email')
      return answer(req, res, message, status)
    }
    redirectSaved(res, `${MY_ACCOUNT_HOME}${path}`)
  }

  async function answer(req: Request, res: Response, problem?: Message, status = 200): Promise<void> {
    const shower = showerOf(req, res)
    const { kinds } = await factorsOf(house.db, userOf(res).id)
    if (kinds.includes('email')) return desk.done(req, res, SIGN_IN, { key: 'FACTORS_ALREADY' })
    const address = await secondFactors.addressFor(shower.userId)
    if (address === undefined) return desk.done(req, res, SIGN_IN, { key: 'FACTORS_NO_ADDRESS' })
    const isSent = await secondFactors.wasSent(shower)
    desk.show<EmailPage>(
      req,
      res,
      'factor-email',
      {
        title: { key: 'factors.email.add' },
        problems: problem ? [{ field: isSent ? 'code' : 'send', message: problem }] : [],
        action: `${MY_ACCOUNT_HOME}${path}`,
        back: `${MY_ACCOUNT_HOME}${SIGN_IN}`,
        address: maskedAddress(address),
        isSent,
      },
      status,
    )
  }
}
