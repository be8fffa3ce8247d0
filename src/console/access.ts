// Who may do what in the console. A route is data and names its roles, so that none can be added without them. Pure.
import type { Request, Response } from 'express'
import type { Role } from '../db/operators.ts'

export interface Route {
  method: 'get' | 'post'
  /** Below /console; '' is the dashboard. */
  path: string
  roles: readonly [Role, ...Role[]]
  /** Asks for the password again when that was more than ten minutes ago: for what cannot be undone, and for roles. */
  fresh?: true
  /** A form with a file, and what answers when that is too large to be read: nothing of the form is there then. */
  upload?: { tooLarge: Handler }
  handler: Handler
}

type Handler = (req: Request, res: Response) => Promise<void> | void

export const OWNER = ['owner'] as const
export const PRIVACY = ['owner', 'privacy'] as const
export const SUPPORT = ['owner', 'support'] as const
export const EVERYONE = ['owner', 'privacy', 'support'] as const

/** Who may use an address of the console; nobody an address that is not there. */
export function mayUse(routes: readonly Route[], role: Role, method: Route['method'], path: string): boolean {
  return routes.some((route) => route.method === method && route.path === path && route.roles.includes(role))
}

/** The table of routes and roles, as people read it: a line for each route. */
export function accessTable(routes: readonly Route[]): string[] {
  return routes.map(({ method, path, roles, fresh }) =>
    [method.toUpperCase(), `/console${path}`, roles.join(' '), ...(fresh ? ['password again'] : [])].join('  '),
  )
}
