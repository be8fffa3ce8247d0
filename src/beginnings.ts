// What begins a sign-in, and is turned away first when there is more to do than can be done: never anything that has begun.
import type { Request } from 'express'
import { CLOSED } from './account/close.ts'
import { API_FLOWS } from './api/routes.ts'
import { MY_ACCOUNT_HOME } from './db/applications.ts'
import { watchWaits } from './db/capacity.ts'
import type { Pool } from './db/connect.ts'
import { ROUTES } from './handback/configuration.ts'
import { ACCOUNT_COOKIE, SIGNED_OUT } from './handback/my-account.ts'
import type { House } from './house.ts'
import { createBusyAnswer } from './web/busy.ts'
import { cookieName, cookiesOf } from './web/cookies.ts'
import { securityHeaders } from './web/headers.ts'
import { chooseLanguage } from './web/language.ts'
import { type Capacity, onlyWithinCapacity } from './web/overload.ts'

/** Beyond capacity, answers 503 to what begins a sign-in. Of the database it hears by the house's pool. */
export function turnAwayBeginnings(house: House): Capacity {
  const { publicUrl, theme, views, metrics, log } = house
  return onlyWithinCapacity({
    begins: beginsSignIn(publicUrl),
    // The house of a process has its pool; in a transaction there is only one that was lent (handback/at-once.ts).
    databaseWaits: watchWaits(house.db as Pool),
    turnAway: createBusyAnswer({
      views,
      headers: securityHeaders(publicUrl, theme?.csp),
      language: chooseLanguage(views.languages, publicUrl),
    }),
    log,
    count: () => metrics.turnedAway(),
  })
}

/**
 * Tells what begins a sign-in, by address and cookies alone: an application's request (its way back from the sign-in has one more part),
 * a look at My Account by whoever cannot be signed in there, and a flow of the flow API. Everything else goes on with something, answers at
 * once, or is the console, where an operator has to get in just then.
 */
function beginsSignIn(publicUrl: URL): (req: Request) => boolean {
  const cookie = cookieName(publicUrl, ACCOUNT_COOKIE)
  const needsNoSignIn = new Set([SIGNED_OUT, CLOSED])
  return (req) => {
    // As they are routed: in any case, with or without a slash at the end.
    const path = req.path.toLowerCase().replace(/\/$/, '')
    if (path === ROUTES.authorization) return true
    if (path === API_FLOWS) return req.method === 'POST'
    if (path !== MY_ACCOUNT_HOME && !path.startsWith(`${MY_ACCOUNT_HOME}/`)) return false
    const isLook = req.method === 'GET' || req.method === 'HEAD'
    return isLook && !needsNoSignIn.has(path) && !cookiesOf(req).some(([name]) => name === cookie)
  }
}
