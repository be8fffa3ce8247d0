// Close my account: says what goes and what stays, and then all of it goes at once.
import type { Request, Response } from 'express'
import { KEEP_DAYS } from '../db/account-activity.ts'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { findSheet } from '../db/user-sheet.ts'
import { closeAccount } from '../db/user-state.ts'
import { waysInOf } from '../db/ways-in.ts'
import { tracesOf } from '../login/traces.ts'
import type { Message } from '../web/page.ts'
import { readAccount } from './account.ts'
import { type AccountPage, type Room, userOf } from './desk.ts'
import { DOWNLOAD } from './download.ts'
import type { Label } from './spoken.ts'

export const CLOSE = '/close'
/** Where people are who have no account any more. */
export const CLOSED = `${MY_ACCOUNT_HOME}/closed`

interface ClosePage extends AccountPage {
  action: string
  /** Why it cannot be done. */
  stop?: Message
  username: string
  details: Label[]
  idps: string[]
  hasPassword: boolean
  /** How long the log is kept. */
  days: number
  download: string
  keep: string
}

export const closeRoom: Room = (desk) => {
  const { house } = desk
  return [
    { method: 'get', path: CLOSE, fresh: true, handler: (req, res) => show(req, res, 200) },
    { method: 'post', path: CLOSE, fresh: true, handler: submit },
  ]

  async function show(req: Request, res: Response, status: number): Promise<void> {
    const { id, username } = userOf(res)
    const [{ kept, spoken }, ways, sheet] = await Promise.all([
      readAccount(house, res),
      waysInOf(house.db, id),
      findSheet(house.db, id, house.now()),
    ])
    const isOperator = (sheet?.operatorRole ?? null) !== null
    desk.show<ClosePage>(
      req,
      res,
      'close',
      {
        title: { key: 'privacy.close' },
        problems: status === 200 ? [] : [{ field: 'close', message: { key: 'CLOSE_OPERATOR' } }],
        action: `${MY_ACCOUNT_HOME}${CLOSE}`,
        ...(isOperator ? { stop: { key: 'CLOSE_OPERATOR' } } : {}),
        username,
        details: kept.map(({ name }) => spoken.label(name)),
        idps: [...new Set(ways.idps.map(({ displayName }) => displayName))],
        hasPassword: ways.hasPassword,
        days: KEEP_DAYS,
        download: `${MY_ACCOUNT_HOME}${DOWNLOAD}`,
        keep: MY_ACCOUNT_HOME,
      },
      status,
    )
  }

  async function submit(req: Request, res: Response): Promise<void> {
    const done = await closeAccount(house.db, userOf(res).id, tracesOf(house), house.now())
    if (done === 'operator') return show(req, res, 422)
    // Whoever pressed twice has no account either way.
    return desk.leave(req, res, CLOSED)
  }
}
