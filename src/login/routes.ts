// Who are you? login.do: choose an identity provider and leave for it, or sign in with a password. Handlers read: find, decide, read, do, redirect.
import { randomBytes } from 'node:crypto'
import { type Request, type Response, Router } from 'express'
import { MY_ACCOUNT_HOME } from '../db/applications.ts'
import { applicationIn, idpsOf } from '../db/configured.ts'
import { departFlow, noteFailure, noteProblems } from '../db/flows.ts'
import type { Idp } from '../db/idps.ts'
import { type BrowserFlow, departAtOnce, findFlow, startFlow } from '../flow.ts'
import { cameFrom, hasOurCookies } from '../flow-cookies.ts'
import { isInside } from '../flow-doors.ts'
import { closedError, cookiesError, notFoundError } from '../flow-pages.ts'
import type { House } from '../house.ts'
import { provedBy, settleLocally } from '../provisioning/settle.ts'
import { sha256 } from '../seal.ts'
import { PRIMARY } from '../stores/name.ts'
import { clientOf } from '../web/client.ts'
import { csrfToken, flowToken, sameOrigin } from '../web/csrf.ts'
import { methodNotAllowed, PageError } from '../web/errors.ts'
import { formBody, oneParameter, queryOf, readFields } from '../web/forms.ts'
import { LANGUAGE, takeLanguage } from '../web/language.ts'
import type { Message } from '../web/page.ts'
import { checksOf, failureOf } from './failure.ts'
import { createLocalSignIn } from './local.ts'
import type { Oidc } from './oidc.ts'
import { applicationOf, FRESH, LOGIN, type LoginWays, loginAgain } from './ways.ts'

/** login.do: the choice of a way to sign in, and the local one. */
export function loginRoutes(house: House, oidc: Oidc, ways: LoginWays): Router {
  const local = createLocalSignIn(house)
  const router = Router()
  router.get(LOGIN, leaveAtOnce, findOpenFlow, flowToken(secretOf), showLogin)
  router.post(LOGIN, sameOrigin(house.publicUrl), formBody, findOpenFlow, flowToken(secretOf), submitLogin)
  router.all(LOGIN, methodNotAllowed('GET', 'HEAD', 'POST'))
  return router

  /**
   * Leaves for the idp with one look at the flow, which nearly every sign-in does: where the address names one, or a door has just led here and there
   * is no other. Whatever else it may be is for those who come after this.
   */
  async function leaveAtOnce(req: Request, res: Response, next: () => void): Promise<void> {
    const [id, chosen, fresh] = ['sessionDataKey', 'idp', FRESH].map((name) => oneParameter(req.query[name]))
    const configured = house.configured.believed()
    const application = configured && applicationIn(configured, fresh ?? cameFrom(house, req) ?? '')
    if (!configured || !application?.isEnabled || id === undefined) return next()
    const idps = idpsOf(configured, application)
    const isOnly = idps.length === 1 && fresh !== undefined && req.query['choose'] === undefined
    const idp =
      req.query['idp'] === undefined ? (isOnly ? idps[0] : undefined) : idps.find(({ name }) => name === chosen)
    if (!idp) return next()
    const state = newState()
    const flow = await departAtOnce(house, req, { id, applicationId: application.id, idp, state, configured })
    if (!flow) return next()
    await sendAway(flow, idp, state, req, res)
  }

  /** This browser's flow, still to be decided. One that is over, or has come back already, starts again with the same door. */
  async function findOpenFlow(req: Request, res: Response, next: (error?: unknown) => void): Promise<void> {
    const isPost = req.method === 'POST'
    const key = isPost ? readFields(req.body).one('sessionDataKey') : oneParameter(req.query['sessionDataKey'])
    const flow = await findFlow(house, req, key)
    if (!flow) throw await lostError(req, key)
    // A sign-in that only proves something to another one does it by an idp: there is no other way here.
    if (flow.door.kind === 'connecting' && !flow.ending && (isPost || req.query['idp'] === undefined))
      return res.redirect(303, ways.inside(flow) ?? ways.ended(flow.id))
    if (flow.ending && isPost) return res.redirect(303, ways.ended(flow.id))
    const { door } = flow
    // Whom somebody else verified is nobody here whose sign-in could say so.
    if (flow.ending || flow.isExpired || flow.calledBackAt || door.kind === 'flow-api') {
      if (door.kind === 'flow-api' || !(await ways.doorIsOpen(flow))) {
        if (flow.ending) return res.redirect(303, ways.ended(flow.id))
        throw await closedError(house, flow)
      }
      const id = await startFlow(house, req, res, door)
      const query = new URLSearchParams(isPost ? '' : queryOf(req.originalUrl))
      query.set('sessionDataKey', id)
      query.delete(FRESH)
      return res.redirect(303, `${LOGIN}?${query}`)
    }
    // Whoever is signed in to My Account came for one idp, by its link.
    if (isInside(flow) && (isPost || req.query['idp'] === undefined)) return res.redirect(303, MY_ACCOUNT_HOME)
    res.locals['flow'] = flow
    next()
  }

  /** No flow here. Straight from a door that has just given this browser a cookie, and without one, it keeps none: said, never tried again by itself. */
  async function lostError(req: Request, flowId: string | undefined): Promise<PageError> {
    const fresh = oneParameter(req.query[FRESH])
    if (fresh === undefined || hasOurCookies(house, req)) return notFoundError(house, req)
    return cookiesError(house, fresh, loginAgain(flowId ?? ''))
  }

  async function showLogin(req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    const application = applicationOf(flow)
    const idps = idpsOf(flow.configured, application)
    const chosen = oneParameter(req.query['idp'])
    if (chosen !== undefined) {
      const idp = idps.find((candidate) => candidate.name === chosen)
      if (!idp) throw new PageError(404, 'missing')
      return goTo(idp, req, res)
    }
    const [only] = idps
    // One alone: nothing to choose, unless the person came back for another way in.
    if (only && idps.length === 1 && req.query['choose'] === undefined) return goTo(only, req, res)
    // The cookie was kept. What stays in the address bar must not say that it is new when the tab is opened again some day.
    if (req.query[FRESH] !== undefined) return res.redirect(303, loginAgain(flow.id))
    await answerLogin(req, res, 200, '')
  }

  async function submitLogin(req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    const fields = readFields(req.body)
    const typed = fields.one('username')
    takeLanguage(res, house.publicUrl, fields)
    if (fields.names.includes(LANGUAGE)) return answerLogin(req, res, 200, typed)
    const outcome = await local.check(typed, fields.one('password'), clientOf(req))
    switch (outcome.kind) {
      case 'known': {
        const { userId, passwordHash } = outcome
        const settled = await settleLocally(house, flow, userId, provedBy(house, flow, passwordHash))
        return res.redirect(303, settled?.instead ?? ways.ended(flow.id))
      }
      case 'wrong':
        return answerAgain(req, res, 422, typed, { key: 'SIGNIN_FAILED' })
      case 'too-many':
        res.setHeader('Retry-After', String(outcome.minutes * 60))
        return answerAgain(req, res, 429, typed, { key: 'TOO_MANY', values: { n: outcome.minutes } })
      default:
        return outcome satisfies never
    }
  }

  async function answerAgain(req: Request, res: Response, status: number, username: string, problem: Message) {
    await noteProblems(house.db, flowOf(res).id, [problem.key])
    await answerLogin(req, res, status, username, problem)
  }

  async function answerLogin(req: Request, res: Response, status: number, username: string, problem?: Message) {
    const flow = flowOf(res)
    const application = applicationOf(flow)
    const idps = idpsOf(flow.configured, application)
    house.views.send(
      res,
      'login',
      {
        application: application.name,
        idps: idps.map((idp) => ({ displayName: idp.displayName, href: loginAgain(flow.id, idp.name) })),
        local: {
          action: LOGIN,
          csrf: csrfToken(req),
          sessionDataKey: flow.id,
          username,
          hints: nameHints(flow),
          problems: problem ? [{ field: 'username', message: problem }] : [],
        },
      },
      status,
    )
  }

  /** How names of other stores than PRIMARY are written, if there are any. */
  function nameHints({ configured }: BrowserFlow): Message[] {
    const other = configured.stores.find(({ name }) => name !== PRIMARY)
    return other ? [{ key: 'login.hint', values: { store: other.name } }] : []
  }

  /** Leaves for an idp. */
  async function goTo(idp: Idp, req: Request, res: Response): Promise<void> {
    const flow = flowOf(res)
    const state = newState()
    if (!(await departFlow(house.db, flow.id, idp.id, sha256(state), house.now()))) throw new PageError(404, 'notfound')
    await sendAway(flow, idp, state, req, res)
  }

  async function sendAway(flow: BrowserFlow, idp: Idp, state: string, req: Request, res: Response): Promise<void> {
    try {
      const otherAccount = req.query['prompt'] === 'select_account'
      const { door } = flow
      const isAsked = door.kind === 'application' && door.maxAge !== undefined
      // What connects an idp is proof of a moment ago, too.
      const again = isAsked || door.kind === 'connecting' || isInside(flow)
      res.redirect(303, (await oidc.leave(idp, checksOf(flow, state), { otherAccount, again })).href)
    } catch (error) {
      const failure = failureOf(house, idp, flow, error)
      if (!failure) throw error
      // The flow is still open: the person may try again, or another way.
      await noteFailure(house.db, flow.id, failure.code)
      throw failure.page
    }
  }
}

/** State is new for each departure; nonce and PKCE verifier follow from it and the flow cookie. */
function newState(): string {
  return randomBytes(24).toString('base64url')
}

function flowOf(res: Response): BrowserFlow {
  return res.locals['flow'] as BrowserFlow
}

function secretOf(req: Request): string {
  return flowOf(req.res as Response).csrfSecret
}
