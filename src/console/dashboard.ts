// The first page of the console: what needs doing.
import type { Request, Response } from 'express'
import { EVERYONE, type Route } from './access.ts'
import type { Desk } from './desk.ts'

export function dashboardScreen(desk: Desk): Route[] {
  return [{ method: 'get', path: '', roles: EVERYONE, handler: show }]

  function show(req: Request, res: Response): void {
    desk.show(req, res, 'dashboard', { title: 'Dashboard' })
  }
}
