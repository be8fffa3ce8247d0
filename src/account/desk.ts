// What every page of My Account is given: the house, who is signed in, and pages inside the frame.
import type { Request, Response } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { factorsOf } from '../db/user-factors.ts'
import type { User } from '../db/users.ts'
import type { AccountSession } from '../handback/my-account.ts'
import type { House } from '../house.ts'
import type { Called } from '../provisioning/called.ts'
import type { Configured } from '../settings/configured.ts'
import { csrfToken } from '../web/csrf.ts'
import type { Message, Problem } from '../web/page.ts'
import { redirectSaved, type Sessions } from '../web/session.ts'

export interface Route {
  method: 'get' | 'post'
  /** Below /myaccount; '' is the first page. */
  path: string
  /** For what cannot be undone, and for ways in: the person has to have proved who they are a moment ago. */
  fresh?: true
  /** Where it depends on settings whether the address is there. */
  isThere?: () => boolean
  handler: (req: Request, res: Response) => Promise<void> | void
}

/** `factor`: their second factor, which whoever has one shows as well. */
export type MissingProof = 'proof' | 'factor'

/** The pages of one subject. */
export type Room = (desk: Desk) => Route[]

/** What every page has; each adds its own. */
export interface AccountPage {
  title: Message
  problems?: Problem[]
}

export interface Desk {
  house: House
  /** Answers with `views/account/<view>.ejs` inside the frame. The view finds `page`, `csrf` and the tools of every view. */
  show<P extends AccountPage>(req: Request, res: Response, view: string, page: P, status?: number): void
  /** On to another page of My Account, which says `notice` once. `to` is below /myaccount. */
  done(req: Request, res: Response, to: string, notice: Message): void
  /** Ends this session, and goes on to a page of the house that nobody has to be signed in for. */
  leave(req: Request, res: Response, to: string): Promise<void>
  /** The page that asks people to prove who they are, or for their second factor, and then leads to `to`, a page below /myaccount. */
  confirmAddress(to: string, missing?: MissingProof): string
  /** What the person has not shown a moment ago of that by which we know that it is them. */
  missingProof(req: Request, res: Response): Promise<MissingProof | undefined>
  /** Goes on under a new id, as a session that began at this moment: that of what has ended all others. */
  renew(req: Request, at: Date): Promise<void>
}

/** A session as it is between two requests. */
export interface Visit extends AccountSession {
  /** Said once, on the next page. */
  notice?: Message
}

/** Below /myaccount. */
export const CONFIRM = '/confirm'
export const CONFIRM_CODE = '/confirm/code'
export const SIGN_IN = '/sign-in'

/** The entries of the menu, in order, each with the beginnings of the addresses that belong to it. */
const MENU: readonly [key: string, to: string, ...within: string[]][] = [
  ['account.profile', '', '/edit'],
  ['account.signin', SIGN_IN, '/connect'],
  ['account.privacy', '/privacy', '/close'],
  ['account.activity', '/activity'],
]

/** How long a proof counts for what asks for one. */
const FRESH_MS = 5 * 60_000

export function createDesk(house: House, sessions: Sessions): Desk {
  return {
    house,
    show(req, res, view, page, status = 200) {
      const visit = visitOf(req)
      const { notice } = visit
      if (notice !== undefined) delete visit.notice
      const isIn = (to: string) =>
        to === '' ? req.path === MY_ACCOUNT_HOME : req.path.startsWith(`${MY_ACCOUNT_HOME}${to}`)
      const menu = MENU.map(([key, to, ...within]) => ({
        label: { key },
        href: `${MY_ACCOUNT_HOME}${to}`,
        isCurrent: [to, ...within].some(isIn),
      }))
      const frame = { menu, notice, csrf: csrfToken(req), called: calledIn(res) }
      house.views.inside(res, `account/${view}`, { problems: [], ...page }, { view: 'account/frame', ...frame }, status)
    },
    done(req, res, to, notice) {
      visitOf(req).notice = notice
      redirectSaved(res, `${MY_ACCOUNT_HOME}${to}`)
    },
    async leave(req, res, to) {
      await sessions.end(req)
      res.redirect(303, to)
    },
    confirmAddress(to, missing = 'proof') {
      return `${MY_ACCOUNT_HOME}${missing === 'proof' ? CONFIRM : CONFIRM_CODE}?${new URLSearchParams({ next: to })}`
    },
    async missingProof(req, res) {
      const { provedAt, factorAt = 0 } = visitOf(req)
      const isFresh = (then: number) => house.now().getTime() - then <= FRESH_MS
      if (!isFresh(provedAt)) return 'proof'
      if (isFresh(factorAt) || !house.settings().enhanced.isOn) return undefined
      return (await factorsOf(house.db, userOf(res).id)).kinds.length > 0 ? 'factor' : undefined
    },
    async renew(req, at) {
      const { userId, provedAt, factorAt, idpId } = visitOf(req)
      // Behind the moment up to which every session is over, and before whatever ends them all again.
      const begunAt = at.getTime() + 1
      const shown = { ...(factorAt === undefined ? {} : { factorAt }), ...(idpId === undefined ? {} : { idpId }) }
      await sessions.begin(req, { userId, begunAt, provedAt, ...shown })
    },
  }
}

/** By what the person knows who is signed in: `idp` says by whom, where the username itself would say nothing. Only behind the guard. */
export function calledIn(res: Response): Called {
  return res.locals['called'] as Called
}

/** What is configured, as it was when the guard looked. Only behind the guard. */
export function configuredIn(res: Response): Configured {
  return res.locals['configured'] as Configured
}

/** Who is signed in. Only behind the guard. */
export function userOf(res: Response): User {
  return res.locals['user'] as User
}

export function visitOf(req: Request): Visit {
  return req.session as unknown as Visit
}
