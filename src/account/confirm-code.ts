// Confirm that it is you, the second half: whoever has a second factor shows it before anything that matters.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { factorsOf } from '../db/user-factors.ts'
import type { Factors, Way } from '../factors/need.ts'
import { createSecondFactors } from '../factors/show.ts'
import { maskedAddress } from '../login/factor-pages.ts'
import { oneParameter, readFields } from '../web/forms.ts'
import type { Message } from '../web/page.ts'
import { redirectSaved } from '../web/session.ts'
import { nextOf } from './confirm.ts'
import { type AccountPage, CONFIRM_CODE, type Room, userOf, visitOf } from './desk.ts'
import { noteOf, refusalOf, showerOf } from './factors.ts'

interface CodePage extends AccountPage {
  action: string
  next: string
  by: Way
  /** By e-mail alone: as much of the address as its owner needs; absent: nobody can be sent a code. */
  address?: string
  isSent: boolean
  others: { label: Message; href: string }[]
}

const OTHERS: Record<Way, string> = {
  totp: 'factor.show.totp.instead',
  email: 'factor.show.email.instead',
  backup: 'factor.show.backup.instead',
}

export const confirmCodeRoom: Room = (desk) => {
  const { house } = desk
  const secondFactors = createSecondFactors(house)
  const action = `${MY_ACCOUNT_HOME}${CONFIRM_CODE}`
  const isThere = () => house.settings().enhanced.isOn
  return [
    { method: 'get', path: CONFIRM_CODE, isThere, handler: show },
    { method: 'post', path: CONFIRM_CODE, isThere, handler: submit },
  ]

  async function show(req: Request, res: Response): Promise<void> {
    const next = nextOf(oneParameter(req.query['next']))
    const missing = await desk.missingProof(req, res)
    if (missing === undefined) return redirectSaved(res, `${MY_ACCOUNT_HOME}${next}`)
    if (missing === 'proof') return res.redirect(303, desk.confirmAddress(next))
    await answer(req, res, { next, by: oneParameter(req.query['by']) })
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const fields = readFields(req.body)
    const next = nextOf(fields.one('next'))
    const way = wayIn(waysOf(await factorsOf(house.db, userOf(res).id)), fields.one('by'))
    // Removed or reset meanwhile.
    if (way === undefined) return redirectSaved(res, `${MY_ACCOUNT_HOME}${next}`)
    if (way === 'email' && fields.one('do') === 'send') return send(req, res, next)
    const typed = { ...showerOf(req, res), way, code: fields.one('code') }
    const outcome = await secondFactors.show(typed, noteOf(house, req, res))
    if (outcome.kind !== 'shown') {
      const { status, message } = refusalOf(res, outcome, way)
      return answer(req, res, { next, by: way }, message, status)
    }
    visitOf(req).factorAt = house.now().getTime()
    redirectSaved(res, `${MY_ACCOUNT_HOME}${next}`)
  }

  async function send(req: Request, res: Response, next: string): Promise<void> {
    const sent = await secondFactors.send(showerOf(req, res))
    if (sent.kind === 'too-many') {
      const { status, message } = refusalOf(res, sent, 'email')
      return answer(req, res, { next, by: 'email' }, message, status)
    }
    redirectSaved(res, addressOf(next, 'email'))
  }

  async function answer(
    req: Request,
    res: Response,
    asked: { next: string; by: string | undefined },
    problem?: Message,
    status = 200,
  ): Promise<void> {
    const shower = showerOf(req, res)
    const { next } = asked
    const ways = waysOf(await factorsOf(house.db, shower.userId))
    const by = wayIn(ways, asked.by)
    if (by === undefined) return redirectSaved(res, `${MY_ACCOUNT_HOME}${next}`)
    const address = by === 'email' ? await secondFactors.addressFor(shower.userId) : undefined
    const isSent = address !== undefined && (await secondFactors.wasSent(shower))
    const isTyped = by !== 'email' || isSent
    desk.show<CodePage>(
      req,
      res,
      'confirm-code',
      {
        title: { key: 'confirm.title' },
        problems: problem ? [{ field: isTyped ? 'code' : 'send', message: problem }] : [],
        action,
        next,
        by,
        ...(address === undefined ? {} : { address: maskedAddress(address) }),
        isSent,
        others: ways
          .filter((way) => way !== by)
          .map((way) => ({ label: { key: OTHERS[way] }, href: addressOf(next, way) })),
      },
      status,
    )
  }

  function addressOf(next: string, by: Way): string {
    return `${action}?${new URLSearchParams({ next, by })}`
  }
}

function waysOf({ kinds, backupCodes }: Factors): Way[] {
  return [...kinds, ...(backupCodes > 0 ? ['backup' as const] : [])]
}

/** The way that is asked for, or the first; undefined without any. */
function wayIn(ways: Way[], asked: string | undefined): Way | undefined {
  return ways.find((way) => way === asked) ?? ways[0]
}
