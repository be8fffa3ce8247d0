// The console: the guard before every screen, and the screens. Law: what no route allows is denied.
import { type Request, type RequestHandler, type Response, Router } from 'express'
import { sessionKeeper } from '../db/sessions.ts'
import type { House } from '../house.ts'
import { createOidc } from '../login/oidc.ts'
import { pageToken, sameOrigin, sessionToken } from '../web/csrf.ts'
import { methodNotAllowed, toPageError } from '../web/errors.ts'
import { formBody, uploadBody } from '../web/forms.ts'
import { createSessions, type Sessions } from '../web/session.ts'
import { OWNER, type Route } from './access.ts'
import { appearanceScreen } from './appearance.ts'
import { applicationsScreen } from './applications.ts'
import { attributesScreen } from './attributes.ts'
import { auditScreen } from './audit.ts'
import { dashboardScreen } from './dashboard.ts'
import { createDesk, operatorIn, operatorOf, type Screen, sessionOf } from './desk.ts'
import { IDPS } from './idp-addresses.ts'
import { idpsScreen } from './idps.ts'
import { lockedIdentitiesScreen } from './locked-identities.ts'
import { meScreen } from './me.ts'
import { operatorsScreen } from './operators.ts'
import { purposesScreen } from './purposes.ts'
import { settingsScreen } from './settings.ts'
import { setupRoutes } from './setup.ts'
import { CONFIRM, SIGN_IN, signInRoutes } from './sign-in.ts'
import { signInsScreen } from './sign-ins.ts'
import { testConnectionScreen } from './test-connection.ts'
import { testReturn } from './test-return.ts'
import { testSignInPages } from './test-sign-in.ts'
import { tryMappingScreen } from './try-mapping.ts'
import { userScreen } from './user.ts'
import { userStoresScreen } from './user-stores.ts'
import { usersScreen } from './users.ts'

/** How long a password counts for what asks for it again. */
const FRESH_MS = 10 * 60_000

const SCREENS: readonly Screen[] = [
  appearanceScreen,
  applicationsScreen,
  attributesScreen,
  auditScreen,
  dashboardScreen,
  idpsScreen,
  lockedIdentitiesScreen,
  meScreen,
  operatorsScreen,
  purposesScreen,
  settingsScreen,
  signInsScreen,
  testConnectionScreen,
  tryMappingScreen,
  userScreen,
  userStoresScreen,
  usersScreen,
]

export interface Console {
  router: Router
  /** What the console has, for whoever wants to know who may do what. */
  routes: readonly Route[]
  /** Answers the callback of a test sign-in. */
  takeTest: RequestHandler
}

/** Everything below /console and /setup. */
export function consoleRoutes(house: House): Console {
  const sessions = sessionsOf(house)
  const routes: Route[] = []
  const desk = createDesk(house, () => routes)
  const oidc = createOidc(house)
  routes.push(...SCREENS.flatMap((screen) => screen(desk)), ...testSignInPages(desk, oidc))

  const router = Router()
  router.use(setupRoutes(desk))
  router.use('/console', sessions.middleware)
  router.use(signInRoutes(desk, sessions))
  for (const route of routes) {
    const { method, path, handler } = route
    const body = route.upload ? uploadBody : formBody
    const form: RequestHandler[] = method === 'post' ? [sameOrigin(house.publicUrl), body, stillSignedIn] : []
    const large = route.upload ? [tooLarge, stillSignedIn, pageToken, guard(route), route.upload.tooLarge] : []
    router[method](`/console${path}`, requireOperator, ...form, sessionToken, guard(route), handler, ...large)
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method.toUpperCase())
    router.all(`/console${path}`, methodNotAllowed(...methods, ...(methods.includes('GET') ? ['HEAD'] : [])))
  }
  // Signed in or not: an address that is not there looks like one that is there for others.
  router.use('/console', requireOperator, sessionToken, (req, res) =>
    desk.stop(req, res, 404, 'Page not found', 'Check the address.'),
  )
  const takeTest = Router()
  takeTest.get(
    '/commonauth/:idp',
    sessions.middleware,
    requireTester,
    sessionToken,
    guard({ roles: OWNER }),
    testReturn(desk, oidc),
  )
  return { router, routes, takeTest }

  /** Finds who is signed in, anew at each request: whoever is locked, or no operator any more, is out at once. */
  async function isOperator(req: Request, res: Response): Promise<boolean> {
    const { userId, isHalf } = sessionOf(req)
    const operator = isHalf ? undefined : await operatorIn(house, sessionOf(req))
    if (!operator) {
      if (userId !== undefined && !isHalf) await sessions.end(req)
      return false
    }
    res.locals['operator'] = operator
    return true
  }

  async function requireOperator(req: Request, res: Response, next: () => void): Promise<void> {
    if (await isOperator(req, res)) return next()
    res.redirect(303, req.method === 'GET' ? signInAddress(req.originalUrl) : SIGN_IN)
  }

  /** What an idp sent along is not carried through a sign-in. */
  async function requireTester(req: Request, res: Response, next: () => void): Promise<void> {
    if (await isOperator(req, res)) return next()
    const page = {
      title: 'You are not signed in to the console',
      body: 'A test sign-in ends in the session that it began in, and that is over, or in another browser. Nothing was asked of the identity provider.',
      back: { label: 'Sign in, and test again', href: signInAddress(IDPS) },
      csrf: '',
    }
    desk.showOutside(res, 'stop', page, 403)
  }

  /** A form may take its time to arrive, and whoever is shown out meanwhile has not sent it. */
  async function stillSignedIn(req: Request, res: Response, next: () => void): Promise<void> {
    if (!(await sessions.reload(req))) return res.redirect(303, SIGN_IN)
    await requireOperator(req, res, next)
  }

  /** Leads a form that is too much to be read to its own page, which says so; every other error to the page of errors. */
  function tooLarge(error: unknown, _req: Request, _res: Response, next: (error?: unknown) => void): void {
    next(toPageError(error).status === 413 ? undefined : error)
  }

  function guard(route: Pick<Route, 'roles' | 'fresh'> & { path?: string }): RequestHandler {
    return (req, res, next) => {
      if (!route.roles.includes(operatorOf(res).role))
        return desk.stop(
          req,
          res,
          403,
          'This is not yours to see',
          'Your role in the console does not include it. An owner can change that.',
        )
      const isFresh = house.now().getTime() - sessionOf(req).provedAt <= FRESH_MS
      if (!route.fresh || isFresh) return next()
      // What was typed into a form is lost, so those forms have a page of their own that asks before.
      const hasPage = routes.some(({ method, path }) => method === 'get' && path === route.path)
      res.redirect(303, `${CONFIRM}?${new URLSearchParams({ next: hasPage ? req.path : '/console' })}`)
    }
  }
}

function signInAddress(url: string): string {
  const [path = ''] = url.split('?')
  return path === '/console' ? SIGN_IN : `${SIGN_IN}?${new URLSearchParams({ next: path })}`
}

function sessionsOf(house: House): Sessions {
  return createSessions({
    publicUrl: house.publicUrl,
    name: 'vestibule.console',
    secrets: house.keyring.cookieSecrets,
    keeper: sessionKeeper(house, 'console_sessions'),
  })
}
