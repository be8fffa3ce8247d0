// What every screen of the console is given: the house, who is signed in, and pages inside the frame.
import path from 'node:path'
import type { Request, Response } from 'express'
import type { Actor } from '../db/changes.ts'
import { findOperator, type Operator } from '../db/operators.ts'
import type { House } from '../house.ts'
import { PRIMARY } from '../stores/name.ts'
import { clientOf } from '../web/client.ts'
import { csrfToken } from '../web/csrf.ts'
import { redirectSaved } from '../web/session.ts'
import { createTemplates } from '../web/templates.ts'
import { mayUse, type Route } from './access.ts'

export const VIEWS = path.join(import.meta.dirname, '../../views')

/** A line of the error summary: `field` is the id of the element that it links to. */
export interface Problem {
  field: string
  text: string
  /** Where it is mended, when that is another page. */
  elsewhere?: { label: string; href: string }
}

/** What every page has; a screen adds its own. */
export interface Page {
  title: string
  /** The way here, from the outermost; without the page itself. */
  crumbs?: { label: string; href: string }[]
  problems?: Problem[]
}

/** The session of somebody who is signed in to the console. */
export interface ConsoleSession {
  userId: string
  /** When the password that was last right was sent, in milliseconds since 1970. */
  provedAt: number
  /** The password was right and the code of the second factor is still to come: nothing is open to this session but its form. */
  isHalf?: true
  /** Said once, on the next page. */
  notice?: string
}

/** The entries of the menu, in order; each is shown to those who may look. */
const MENU = [
  ['Dashboard', ''],
  ['Identity Providers', '/identity-providers'],
  ['Users', '/users'],
  ['User stores', '/user-stores'],
  ['Applications', '/applications'],
  ['Consent purposes', '/resident/user-onboarding/ask-password/purposes'],
  ['Sign-ins', '/sign-ins'],
  ['Appearance', '/appearance'],
  ['Audit', '/audit'],
  ['Operators', '/operators'],
  ['Settings', '/settings'],
] as const

export type Screen = (desk: Desk) => Route[]

export interface Desk {
  house: House
  /** Answers with `views/console/<view>.ejs` inside the frame. */
  show<P extends Page>(req: Request, res: Response, view: string, page: P, status?: number): void
  /** The same for people who are not signed in: no menu. `csrf` is the token of the page's form. */
  showOutside<P extends Page>(res: Response, view: string, page: P & { csrf: string }, status?: number): void
  /** A page that says why not, and leads back. */
  stop(
    req: Request,
    res: Response,
    status: number,
    title: string,
    body: string,
    back?: { label: string; href: string },
  ): void
  /** Whether whoever is signed in may look at the page of a route, and there is one. `path` as the route has it. */
  mayOpen(res: Response, path: string): boolean
  /** On to another page of the console, which says `notice` once. */
  done(req: Request, res: Response, to: string, notice: string): void
}

/** `routes` is asked at each page for who may look where. */
export function createDesk(house: House, routes: () => readonly Route[]): Desk {
  const templates = createTemplates({ folders: [VIEWS], cache: true, now: house.now, report: () => {} })

  function render(view: string, page: Page, frame: object): string {
    const tools = { ago: (date: Date) => ago(date, house.now()), when, count }
    return templates.page((print) => {
      const body = print({ problems: [], ...tools, ...frame, ...page, file: `console/${view}` })
      return print({
        problems: [],
        crumbs: [],
        ...tools,
        ...frame,
        ...page,
        host: house.publicUrl.host,
        body,
        file: 'console/frame',
      })
    })
  }

  function send(res: Response, status: number, html: string): void {
    // Names, addresses and tokens: no cache keeps a page of the console.
    res.status(status).set('Cache-Control', 'no-store').type('html').send(html)
  }

  const desk: Desk = {
    house,
    show(req, res, view, page, status = 200) {
      const operator = operatorOf(res)
      const session = sessionOf(req)
      const { notice } = session
      if (notice !== undefined) delete session.notice
      const menu = MENU.filter(([, to]) => mayUse(routes(), operator.role, 'get', to)).map(([label, to]) => ({
        label,
        href: `/console${to}`,
        isCurrent: to === '' ? req.path === '/console' : req.path.startsWith(`/console${to}`),
      }))
      send(res, status, render(view, page, { operator, menu, notice, csrf: csrfToken(req) }))
    },
    showOutside(res, view, page, status = 200) {
      send(res, status, render(view, page, { operator: undefined, menu: [], notice: undefined }))
    },
    stop(req, res, status, title, body, back = { label: 'Go to the dashboard', href: '/console' }) {
      desk.show(req, res, 'stop', { title, body, back }, status)
    },
    mayOpen: (res, path) => mayUse(routes(), operatorOf(res).role, 'get', path),
    done(req, res, to, notice) {
      sessionOf(req).notice = notice
      redirectSaved(res, to)
    },
  }
  return desk
}

/** Who is signed in. Only behind the console's guard. */
export function operatorOf(res: Response): Operator {
  return res.locals['operator'] as Operator
}

/** The same, as the history of changes names them. */
export function actorOf(req: Request, res: Response): Actor {
  const { userId, username, store } = operatorOf(res)
  const name = store === PRIMARY ? username : `${store}/${username}`
  return { id: userId, name, address: clientOf(req), requestId: res.locals['requestId'] }
}

export function sessionOf(req: Request): ConsoleSession {
  return req.session as unknown as ConsoleSession
}

/**
 * The operator of a session; undefined when there is none any more, when they are locked, and when all of their sessions were ended since the password
 * was sent: one that began with another password than they have now begins behind that, and is not there to be ended by it (security S239).
 */
export async function operatorIn({ db }: House, { userId, provedAt }: ConsoleSession): Promise<Operator | undefined> {
  const operator = userId === undefined ? undefined : await findOperator(db, userId)
  if (!operator || operator.isLocked) return undefined
  return operator.signedOutAt !== null && provedAt < operator.signedOutAt.getTime() ? undefined : operator
}

const dateTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })
const number = new Intl.NumberFormat('en-GB')
const relative = new Intl.RelativeTimeFormat('en-GB', { numeric: 'auto' })

export function when(date: Date): string {
  return `${dateTime.format(date)} UTC`
}

function count(n: number): string {
  return number.format(n)
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

/** How long ago, in words; a date when that is long. */
export function ago(date: Date, now: Date): string {
  const seconds = Math.round((date.getTime() - now.getTime()) / 1000)
  if (-seconds > 30 * 86_400) return when(date)
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit)
  }
  return 'just now'
}
