// Who does something in the console, for the history of changes.
import type { Request, Response } from 'express'
import type { Actor } from '../db/changes.ts'
import { joinName } from '../stores/name.ts'
import { clientOf } from '../web/client.ts'
import { operatorOf } from './desk.ts'

/** The operator of this request. Only behind the console's guard. */
export function actorOf(req: Request, res: Response): Actor {
  const { userId, store, username } = operatorOf(res)
  return {
    id: userId,
    name: joinName(store, username),
    address: clientOf(req),
    requestId: res.locals['requestId'],
  }
}
