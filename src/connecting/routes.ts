// connect.do: whether somebody new has an account here already, and connecting it once they have proved that. The guard before its pages, and the pages.
import { type Request, type Response, Router } from 'express'
import { findFlow } from '../flow.ts'
import { expiredError, notFoundError } from '../flow-pages.ts'
import type { House } from '../house.ts'
import { CONNECT, FINISH, offerAddress } from '../provisioning/offer.ts'
import { endInAccount } from '../provisioning/provision.ts'
import { flowToken, sameOrigin } from '../web/csrf.ts'
import { methodNotAllowed } from '../web/errors.ts'
import { formBody, oneParameter, readFields } from '../web/forms.ts'
import { BY_IDP, type ConnectingWays, createDesk, flowOf, hasProfile, PROVED, SIGN_IN } from './desk.ts'
import { existsHandlers } from './exists.ts'
import { finishHandlers } from './finish.ts'
import { signInHandlers } from './sign-in.ts'

export function connectingRoutes(house: House, ways: ConnectingWays): Router {
  const desk = createDesk(house, ways)
  const exists = existsHandlers(desk)
  const signIn = signInHandlers(desk)
  const finish = finishHandlers(desk, signIn.send)
  const look = [requireFlow, flowToken(secretOf)]
  const form = [sameOrigin(house.publicUrl), formBody, requireFlow, flowToken(secretOf)]

  const router = Router()
  router.get(CONNECT, look, exists.show)
  router.post(CONNECT, form, exists.answer)
  router.get(SIGN_IN, look, signIn.show)
  router.post(SIGN_IN, form, signIn.submit)
  router.get(BY_IDP, look, signIn.leave)
  router.get(PROVED, requireBoth, flowToken(secretOf), signIn.comeBack)
  router.get(FINISH, look, finish.show)
  router.post(FINISH, form, finish.submit)
  for (const path of [CONNECT, SIGN_IN, FINISH]) router.all(path, methodNotAllowed('GET', 'HEAD', 'POST'))
  for (const path of [BY_IDP, PROVED]) router.all(path, methodNotAllowed('GET', 'HEAD'))
  return router

  /** This browser's flow, open and back from its idp; every other is answered here. */
  async function requireFlow(req: Request, res: Response, next: (error?: unknown) => void): Promise<void> {
    const isPost = req.method === 'POST'
    const key = isPost ? readFields(req.body).one('sessionDataKey') : oneParameter(req.query['sessionDataKey'])
    const flow = await findFlow(house, req, key)
    if (!flow) throw await notFoundError(house, req)
    if (flow.ending) return res.redirect(303, ways.ended(flow.id))
    if (flow.isExpired) throw await expiredError(house, flow, ways.again)
    if (!hasProfile(flow)) return res.redirect(303, ways.again(flow.id))
    const inside = ways.inside(flow)
    if (inside) return res.redirect(303, inside)
    res.locals['flow'] = flow
    next()
  }

  /** The sign-in that proves something, and the one that it is for: both of this browser, or there is neither. */
  async function requireBoth(req: Request, res: Response, next: (error?: unknown) => void): Promise<void> {
    const second = await findFlow(house, req, oneParameter(req.query['sessionDataKey']))
    const flow = second?.door.kind === 'connecting' ? await findFlow(house, req, second.door.flowId) : undefined
    if (!second || !flow) throw await notFoundError(house, req)
    if (flow.ending || flow.isExpired || !hasProfile(flow)) {
      await endInAccount(house, second, { kind: 'declined' })
      return res.redirect(303, offerAddress(flow.id))
    }
    Object.assign(res.locals, { flow, second })
    next()
  }

  function secretOf(req: Request): string {
    return flowOf(req.res as Response).csrfSecret
  }
}
