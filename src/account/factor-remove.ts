// Removing a second factor: a page that says what goes with it, and never the last one of whoever has to have one.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { dropFactor } from '../db/factor-changes.ts'
import { factorsOf } from '../db/user-factors.ts'
import type { FactorKind } from '../factors/need.ts'
import { PageError } from '../web/errors.ts'
import { type AccountPage, type Room, SIGN_IN, userOf } from './desk.ts'
import { FACTOR_KINDS, FACTORS, noteOf, showerOf } from './factors.ts'

interface RemovePage extends AccountPage {
  action: string
  back: string
  isLast: boolean
  /** An operator requires one of everybody: no button. */
  isRequired: boolean
}

const TITLES: Record<FactorKind, string> = { totp: 'factors.remove.totp', email: 'factors.remove.email' }

export const factorRemoveRoom: Room = (desk) => {
  const { house } = desk
  const path = `${FACTORS}/:factor/remove`
  const isThere = () => house.settings().enhanced.isOn
  return [
    { method: 'get', path, fresh: true, isThere, handler: answer },
    { method: 'post', path, fresh: true, isThere, handler: submit },
  ]

  async function submit(req: Request, res: Response): Promise<void> {
    const { userId, language, session } = showerOf(req, res)
    const isRequired = house.settings().enhanced.requireSecondFactor
    const note = noteOf(house, req, res)
    const outcome = await dropFactor(house, { userId, language, session }, kindOf(req), { isRequired, note })
    if (outcome === 'required') return answer(req, res)
    if (outcome === 'over') return res.redirect(303, `${MY_ACCOUNT_HOME}${SIGN_IN}`)
    await desk.renew(req, outcome.at)
    desk.done(req, res, SIGN_IN, { key: 'FACTORS_REMOVED' })
  }

  async function answer(req: Request, res: Response): Promise<void> {
    const kind = kindOf(req)
    const { kinds } = await factorsOf(house.db, userOf(res).id)
    if (!kinds.includes(kind)) throw new PageError(404, 'missing')
    const isLast = kinds.length === 1
    const { enhanced, organization } = house.settings()
    const isRequired = isLast && enhanced.requireSecondFactor
    const message = { key: 'FACTORS_REQUIRED', values: { org: organization.name } }
    desk.show<RemovePage>(
      req,
      res,
      'factor-remove',
      {
        title: { key: TITLES[kind] },
        problems: isRequired ? [{ field: 'back', message }] : [],
        action: `${MY_ACCOUNT_HOME}${FACTORS}/${kind}/remove`,
        back: `${MY_ACCOUNT_HOME}${SIGN_IN}`,
        isLast,
        isRequired,
      },
      isRequired ? 422 : 200,
    )
  }
}

function kindOf(req: Request): FactorKind {
  const kind = FACTOR_KINDS.find((one) => one === req.params['factor'])
  if (!kind) throw new PageError(404, 'missing')
  return kind
}
