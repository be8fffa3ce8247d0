// My Account: the guard before every page, and the pages. Law: what no route allows is denied, and everybody sees themselves alone.
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { MY_ACCOUNT, MY_ACCOUNT_HOME } from '../db/applications.ts'
import type { UserStanding } from '../db/standing.ts'
import { type Flow, startFlow } from '../flow.ts'
import { SIGNED_OUT } from '../handback/my-account.ts'
import { leaveApplications } from '../handback/sessions.ts'
import type { House } from '../house.ts'
import { loginStart } from '../login/ways.ts'
import { whatIsCalled } from '../provisioning/called.ts'
import { sameOrigin, sessionToken } from '../web/csrf.ts'
import { methodNotAllowed, PageError, statePage } from '../web/errors.ts'
import { formBody, oneParameter, readFields } from '../web/forms.ts'
import type { Sessions } from '../web/session.ts'
import { activityRoom } from './activity.ts'
import { backupCodesRoom } from './backup-codes.ts'
import { CLOSED, closeRoom } from './close.ts'
import { confirmRoom } from './confirm.ts'
import { confirmCodeRoom } from './confirm-code.ts'
import { connectRoom } from './connect.ts'
import { createDesk, type Room, type Route, visitOf } from './desk.ts'
import { disconnectRoom } from './disconnect.ts'
import { downloadRoom } from './download.ts'
import { editRoom } from './edit.ts'
import { factorEmailRoom } from './factor-email.ts'
import { factorRemoveRoom } from './factor-remove.ts'
import { factorTotpRoom } from './factor-totp.ts'
import { historyRoom } from './history.ts'
import { neededRoom } from './needed.ts'
import { passwordRoom } from './password.ts'
import { privacyRoom } from './privacy.ts'
import { profileRoom } from './profile.ts'
import { receiptRoom } from './receipt.ts'
import { signInRoom } from './sign-in.ts'

/** Where somebody wanted to go is kept with their sign-in. */
const LONGEST_ADDRESS = 1_000

const ROOMS: readonly Room[] = [
  confirmRoom,
  confirmCodeRoom,
  profileRoom,
  editRoom,
  signInRoom,
  connectRoom,
  disconnectRoom,
  passwordRoom,
  factorTotpRoom,
  factorEmailRoom,
  factorRemoveRoom,
  backupCodesRoom,
  privacyRoom,
  neededRoom,
  downloadRoom,
  closeRoom,
  activityRoom,
  receiptRoom,
  historyRoom,
]

/** Where the flow of somebody goes on who is signed in and has come back from an idp; undefined for every other flow. */
export function inside({ id, door }: Flow): string | undefined {
  if (door.kind !== 'my-account' || door.intent === 'enter') return undefined
  return `${MY_ACCOUNT_HOME}/${door.intent === 'prove' ? 'proved' : 'connect'}?${new URLSearchParams({ sessionDataKey: id })}`
}

/** Everything below /myaccount. `sessions` are those that the door of My Account begins. */
export function accountRoutes(house: House, sessions: Sessions): Router {
  const desk = createDesk(house, sessions)
  const routes = ROOMS.flatMap((room) => room(desk))
  const ours = sameOrigin(house.publicUrl)

  const router = Router()
  router.get(SIGNED_OUT, showSignedOut)
  router.all(SIGNED_OUT, methodNotAllowed('GET', 'HEAD'))
  router.get(CLOSED, showClosed)
  router.all(CLOSED, methodNotAllowed('GET', 'HEAD'))
  router.use(MY_ACCOUNT_HOME, sessions.middleware)
  router.post(`${MY_ACCOUNT_HOME}/sign-out`, ours, formBody, leaveIfOut, sessionToken, signOut)
  router.all(`${MY_ACCOUNT_HOME}/sign-out`, methodNotAllowed('POST'))
  for (const route of routes) {
    const { method, path, handler } = route
    const form: RequestHandler[] = method === 'post' ? [ours, formBody, stillSignedIn] : []
    const steps = [requireUser, ...form, sessionToken, ...there(route), ...proof(route), handler]
    router[method](`${MY_ACCOUNT_HOME}${path}`, ...steps)
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method.toUpperCase())
    router.all(`${MY_ACCOUNT_HOME}${path}`, methodNotAllowed(...methods, ...(methods.includes('GET') ? ['HEAD'] : [])))
  }
  return router

  /** Finds who is signed in, anew at each request: whoever is locked, deleted or signed out everywhere is out at once, as is whoever came by an idp that is off, or disconnected, or where they are locked. */
  async function isSignedIn(req: Request, res: Response): Promise<boolean> {
    const { userId, begunAt, idpId } = visitOf(req)
    if (userId === undefined) return false
    // Read with the session: of one that this request began nobody has asked.
    const user = sessions.aboutOf(req) as UserStanding | undefined
    const isOver = !user || user.isLocked || (user.signedOutAt !== null && begunAt <= user.signedOutAt.getTime())
    if (isOver || (idpId !== undefined && (user.openIdp === null || !user.isLetIn))) {
      await sessions.end(req)
      return false
    }
    res.locals['user'] = user
    res.locals['configured'] = await house.configured.at(user.configured)
    res.locals['called'] = await whatIsCalled(house.db, user)
    return true
  }

  /** Whoever only wants to look is sent to sign in, and comes back to where they wanted to go. */
  async function requireUser(req: Request, res: Response, next: () => void): Promise<void> {
    if (await isSignedIn(req, res)) return next()
    const isLook = req.method === 'GET' || req.method === 'HEAD'
    if (!isLook) return res.redirect(303, MY_ACCOUNT_HOME)
    const door = {
      kind: 'my-account',
      applicationId: MY_ACCOUNT,
      intent: 'enter',
      to: req.originalUrl.slice(0, LONGEST_ADDRESS),
    } as const
    res.redirect(303, loginStart(await startFlow(house, req, res, door), MY_ACCOUNT))
  }

  /** A form may take its time to arrive, and whoever is shown out meanwhile has not sent it. */
  async function stillSignedIn(req: Request, res: Response, next: () => void): Promise<void> {
    if (!(await sessions.reload(req))) return res.redirect(303, MY_ACCOUNT_HOME)
    await requireUser(req, res, next)
  }

  function there({ isThere }: Route): RequestHandler[] {
    if (!isThere) return []
    return [
      (_req, _res, next) => {
        if (!isThere()) throw new PageError(404, 'missing')
        next()
      },
    ]
  }

  function proof(asked: Route): RequestHandler[] {
    if (!asked.fresh) return []
    // What was typed into a form is lost, so those forms have a page of their own that asks before.
    const hasPage = routes.some(({ method, path }) => method === 'get' && path === asked.path)
    return [
      async (req, res, next) => {
        const missing = await desk.missingProof(req, res)
        if (!missing) return next()
        const flow = oneParameter(req.query['sessionDataKey']) ?? readFields(req.body).one('sessionDataKey')
        const path = `${req.path.slice(MY_ACCOUNT_HOME.length)}${flow === '' ? '' : `?sessionDataKey=${flow}`}`
        res.redirect(303, desk.confirmAddress(hasPage ? path : '', missing))
      },
    ]
  }

  /** Whose session has ended by itself meanwhile wants to be signed out all the same. */
  async function leaveIfOut(req: Request, res: Response, next: () => void): Promise<void> {
    if (await isSignedIn(req, res)) return next()
    await leaveApplications(house, req)
    res.redirect(303, SIGNED_OUT)
  }

  async function signOut(req: Request, res: Response): Promise<void> {
    await leaveApplications(house, req)
    return desk.leave(req, res, SIGNED_OUT)
  }

  function showClosed(_req: Request, res: Response): void {
    house.views.send(res, 'message', statePage('closed', {}, []))
  }

  function showSignedOut(_req: Request, res: Response): void {
    const actions = [{ label: { key: 'action.signin' }, href: MY_ACCOUNT_HOME }]
    house.views.send(res, 'message', statePage('left-account', {}, actions))
  }
}
