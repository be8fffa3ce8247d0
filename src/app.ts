// The table of contents: every room, in the order in which a request meets it.
import path from 'node:path'
import express, { type Express } from 'express'
import { accountRoutes, inside } from './account/routes.ts'
import { apiRoutes } from './api/routes.ts'
import { turnAwayBeginnings } from './beginnings.ts'
import { createConnectingDoor, insideConnecting } from './connecting/door.ts'
import { connectingRoutes } from './connecting/routes.ts'
import { consoleRoutes } from './console/routes.ts'
import { isThere } from './db/connect.ts'
import { sessionKeeper } from './db/sessions.ts'
import type { Flow } from './flow.ts'
import { createApplicationDoor } from './handback/application.ts'
import { ownDoor } from './handback/doors.ts'
import { createFlowApiDoor } from './handback/flow-api.ts'
import { ACCOUNT_COOKIE, createAccountDoor } from './handback/my-account.ts'
import { TO_ACCOUNT } from './handback/pages.ts'
import { endedAddress, handbackRoutes, leaveAddress } from './handback/routes.ts'
import type { House } from './house.ts'
import { callbackRoutes } from './login/callback.ts'
import { createOidc } from './login/oidc.ts'
import { loginRoutes } from './login/routes.ts'
import { secondFactorRoutes } from './login/second-factor.ts'
import { loginAgain, loginStart } from './login/ways.ts'
import { promptRoutes } from './provisioning/routes.ts'
import { errorHandler, notFound } from './web/errors.ts'
import { onlyHttps, onlyOurHost, securityHeaders } from './web/headers.ts'
import { chooseLanguage, followLanguageLinks } from './web/language.ts'
import { requestLog } from './web/logging.ts'
import { closeWhenStopping, probes } from './web/probes.ts'
import { problemHandler } from './web/problems.ts'
import { compressedFiles, unmetCondition } from './web/public-files.ts'
import { createSessions } from './web/session.ts'
import { APPEARANCE, themeFiles } from './web/theme.ts'
import { timeLimit } from './web/time-limit.ts'

const PUBLIC = path.join(import.meta.dirname, '../public')
const PUBLIC_MAX_AGE_MS = 3_600_000

/** Builds the whole application on a house. Reads the signing keys; listens nowhere. */
export async function createApp(house: House): Promise<Express> {
  const { log, metrics, publicUrl, theme, views } = house
  const applications = await createApplicationDoor(house, loginStart)
  const people = createSessions({
    publicUrl,
    name: ACCOUNT_COOKIE,
    secrets: house.keyring.cookieSecrets,
    keeper: sessionKeeper(house, 'account_sessions'),
  })
  const doors = {
    application: applications,
    'flow-api': createFlowApiDoor(house),
    'my-account': createAccountDoor(house, people),
    connecting: createConnectingDoor(house),
  }
  const door = ownDoor(house, doors, endedAddress)
  const oidc = createOidc(house)
  const { router: consoleRouter, takeTest } = consoleRoutes(house)
  const insideOf = (flow: Flow) => inside(flow) ?? insideConnecting(flow)
  const loginWays = {
    leaveBy: door.leaveBy,
    ended: endedAddress,
    leave: leaveAddress,
    doorIsOpen: door.isOpen,
    inside: insideOf,
    takeTest,
  }

  const onError = problemHandler(views, log, metrics.error, errorHandler(views, log, metrics.error, TO_ACCOUNT))

  const app = express()
  app.set('trust proxy', house.trustProxy)
  app.set('etag', false)
  app.disable('x-powered-by')

  app.use(closeWhenStopping(house.isStopping))
  const capacity = turnAwayBeginnings(house)
  const isBeyondCapacity = capacity.isBeyond
  app.use(probes({ isStopping: house.isStopping, isThere: () => isThere(house.db), isBeyondCapacity, log }))
  if (house.metricsToken) app.get('/metrics', metrics.page(house.metricsToken))
  app.use(capacity.middleware)
  app.use(requestLog(log, house.trustProxy > 0))
  app.use(metrics.requests)
  app.use(chooseLanguage(views.languages, publicUrl))
  app.use(timeLimit(onError))
  app.use(securityHeaders(publicUrl, theme?.csp))
  app.use(onlyHttps(publicUrl))
  app.use(onlyOurHost(publicUrl))
  app.use('/public', compressedFiles(PUBLIC, PUBLIC_MAX_AGE_MS))
  const asTheyAre = { maxAge: PUBLIC_MAX_AGE_MS, index: false, redirect: false, acceptRanges: false }
  app.use('/public', express.static(PUBLIC, asTheyAre), unmetCondition)
  if (theme) app.use('/theme', themeFiles(theme))
  app.use(APPEARANCE, themeFiles(house.appearance))
  app.use(followLanguageLinks(publicUrl))
  app.use(applications.middleware)
  app.use(loginRoutes(house, oidc, loginWays))
  app.use(secondFactorRoutes(house, { ended: endedAddress, inside: insideOf }))
  app.use(callbackRoutes(house, oidc, loginWays))
  const promptWays = { ended: endedAddress, again: loginAgain, inside: insideOf }
  const prompts = promptRoutes(house, { ...promptWays, stay: door.stay })
  app.use(prompts.routes)
  app.use(connectingRoutes(house, promptWays))
  app.use(handbackRoutes(house, door, { again: loginAgain, inside: insideOf }))
  app.use(apiRoutes(house, applications.bearer, { ended: endedAddress, again: loginAgain, leaveBy: door.leaveBy }))
  app.use(accountRoutes(house, people))
  app.use(consoleRouter)
  app.use(prompts.strayed)
  app.use(notFound)
  app.use(onError)
  return app
}
